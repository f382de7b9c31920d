//! What is where, who may see it, and that nothing is missing.

use chinwag_core::shard::Verdict;
use chinwag_oracle::{MemberId, Mode, Observation, Promise, RoomId, SendId};

use crate::story::*;

#[test]
fn a_chat_without_incident() {
    let report = story().says(0, at(1)).both_shown(0, at(1)).says(1, at(2)).both_shown(1, at(2)).keeps_all();
    assert_eq!((report.planned, report.sent, report.acknowledged), (2, 2, 2));
    assert_eq!((report.refused, report.unanswered, report.foreign, report.history), (0, 0, 0, 0));
    assert_eq!((report.expected_deliveries, report.received_deliveries), (4, 4));
    assert_eq!(report.checks[&Promise::Order], 4);
}

#[test]
fn order_is_one_message_per_place() {
    let story = story().says(0, at(1)).sends(1).shown(ANN, 0, at(1)).shown(BOB, 1, at(1));
    let report = story.breaks(Promise::Order, true);
    assert_eq!(
        report.violations[0].to_string(),
        "order: place 1@1 of room 0 holds message 0 for some and 1 for others"
    );
}

#[test]
fn order_is_rising_places() {
    let said =
        Story::new(Mode::Tolerant).says(0, at(1)).says(1, at(2)).both_shown(0, at(1)).shown(ANN, 1, at(2));
    said.shown(BOB, 1, at(2)).keeps_all();

    let said =
        Story::new(Mode::Tolerant).says(0, at(1)).says(1, at(2)).shown(ANN, 0, at(1)).shown(ANN, 1, at(2));
    let report = said.shown(BOB, 1, at(2)).shown(BOB, 0, at(1)).breaks(Promise::Order, true);
    assert_eq!((report.reordered, report.lost, report.received_deliveries), (1, 0, 4));
    assert_eq!(report.violations[0].sentence, "member 1 of room 0 was shown 1@1 after 2");
}

#[test]
fn exactly_once_for_each_reader() {
    let report =
        story().says(0, at(1)).both_shown(0, at(1)).shown(BOB, 0, at(1)).breaks(Promise::ExactlyOnce, true);
    assert_eq!((report.duplicated, report.received_deliveries), (1, 2));
}

#[test]
fn exactly_once_in_the_room() {
    let report =
        story().says(0, at(1)).both_shown(0, at(1)).both_shown(0, at(2)).breaks(Promise::ExactlyOnce, true);
    assert_eq!((report.duplicated, report.expected_deliveries, report.received_deliveries), (2, 2, 2));
}

#[test]
fn an_acknowledgement_names_the_place_at_which_it_is_shown() {
    let story = Story::new(Mode::Tolerant).says(0, at(7)).shown(ANN, 0, at(1)).shown(BOB, 0, at(1));
    let report = story.breaks(Promise::ExactlyOnce, true);
    assert_eq!(report.violations[0].sentence, "message 0 is in room 0 at 1@1 and at 7@1");
}

#[test]
fn a_new_epoch_may_hold_a_message_again() {
    let story = story().sends(0).both_shown(0, at(1));
    let story = story.joins(ANN, anew(0), 1, Verdict::Reset).joins(BOB, anew(0), 1, Verdict::Reset);
    story.both_shown(0, anew(1)).keeps_all();
}

#[test]
fn a_gap_shows_at_once_to_the_strict() {
    let report =
        story().says(0, at(1)).says(1, at(2)).shown(ANN, 0, at(1)).shown(ANN, 1, at(2)).shown(BOB, 1, at(2));
    let report = {
        assert_eq!(report.at_once.len(), 1);
        assert_eq!(report.at_once[0].to_string(), "gap-free: member 1 of room 0 was shown 2@1 right after 0");
        report.ends()
    };
    assert_eq!(report.lost, 1);
    assert_eq!(report.violations_by_promise[&Promise::NothingLost], 1);
}

#[test]
fn a_gap_is_a_loss_to_the_tolerant() {
    let story =
        Story::new(Mode::Tolerant).says(0, at(1)).says(1, at(2)).shown(ANN, 0, at(1)).shown(ANN, 1, at(2));
    let report = story.shown(BOB, 1, at(2)).breaks(Promise::NothingLost, false);
    assert_eq!((report.lost, report.received_deliveries), (1, 3));
    let sentence = "member 1 of room 0 was not shown 1 of 2 messages, the first at 1@1";
    assert_eq!(report.violations[0].sentence, sentence);
}

#[test]
fn nothing_acknowledged_is_lost() {
    let report = story().says(0, at(1)).shown(ANN, 0, at(1)).breaks(Promise::NothingLost, false);
    assert_eq!((report.expected_deliveries, report.received_deliveries, report.lost), (2, 1, 1));

    let report = story().says(0, at(1)).breaks(Promise::NothingLost, false);
    assert_eq!(report.lost, 2);
}

#[test]
fn a_message_without_an_answer_counts() {
    let report = story().sends(0).both_shown(0, at(1)).keeps_all();
    assert_eq!((report.unanswered, report.expected_deliveries), (1, 2));

    let report = story().sends(0).shown(ANN, 0, at(1)).breaks(Promise::NothingLost, false);
    assert_eq!(report.lost, 1);

    let report = story().sends(0).breaks(Promise::NothingLost, false);
    assert_eq!((report.lost, report.violations.len()), (2, 1));
}

#[test]
fn what_was_planned_and_not_sent_is_missing_but_nobodys_fault() {
    let plan = Observation::Planned { send: SendId(0), room: ROOM, member: ANN };
    let report = story().tell(plan).ends();
    assert!(report.is_clean());
    assert_eq!((report.planned, report.sent, report.expected_deliveries, report.lost), (1, 0, 2, 2));
}

#[test]
fn privacy_ends_with_the_leave() {
    let before = || story().says(0, at(1)).both_shown(0, at(1)).says(1, at(2)).shown(BOB, 1, at(2));
    let owed = || before().leaves(BOB, at(2)).says(2, at(3)).shown(ANN, 1, at(2)).shown(ANN, 2, at(3));
    let report = owed().keeps_all();
    assert_eq!(report.expected_deliveries, 5);

    let report = owed().shown(BOB, 2, at(3)).breaks(Promise::Privacy, true);
    assert_eq!(report.violations[0].sentence, "member 1 of room 0 was shown 3@1 without being in the room");

    let page = |position| Observation::Paged { member: BOB, room: ROOM, send: Some(SendId(2)), position };
    owed().tell(page(at(3))).breaks(Promise::Privacy, true);
}

#[test]
fn who_leaves_while_catching_up_gives_up_the_rest() {
    let story = story().says(0, at(1)).both_shown(0, at(1)).says(1, at(2)).leaves(BOB, at(2));
    let report = story.shown(ANN, 1, at(2)).keeps_all();
    assert_eq!(report.expected_deliveries, 3);
}

#[test]
fn a_leave_does_not_lie_about_its_place() {
    let story = story().says(0, at(1)).both_shown(0, at(1)).leaves(BOB, at(0));
    story.breaks(Promise::Privacy, true);
}

#[test]
fn privacy_begins_with_the_join() {
    let carl = MemberId(2);
    let said = || story().says(0, at(1)).both_shown(0, at(1));
    said().shown(carl, 0, at(1)).breaks(Promise::Privacy, true);
    let report = said().joins(carl, at(1), 1, Verdict::Full).catches_up(carl, 0, at(1)).keeps_all();
    assert_eq!((report.history, report.caught_up, report.expected_deliveries), (1, 0, 2));
}

#[test]
fn whoever_returns_may_see_old_messages_again() {
    let story =
        story().says(0, at(1)).both_shown(0, at(1)).leaves(BOB, at(1)).says(1, at(2)).shown(ANN, 1, at(2));
    let story = story.joins(BOB, at(2), 1, Verdict::Full).catches_up(BOB, 0, at(1)).catches_up(BOB, 1, at(2));
    let report = story.says(2, at(3)).both_shown(2, at(3)).keeps_all();
    assert_eq!((report.expected_deliveries, report.history), (5, 2));
}

#[test]
fn pages_may_hold_what_was_seen() {
    let page = Observation::Paged { member: BOB, room: ROOM, send: Some(SendId(0)), position: at(1) };
    story().says(0, at(1)).both_shown(0, at(1)).tell(page).keeps_all();
    let other = Observation::Paged { member: BOB, room: ROOM, send: Some(SendId(1)), position: at(1) };
    let story = story().says(0, at(1)).sends(1).both_shown(0, at(1)).says(1, at(2)).both_shown(1, at(2));
    let mut oracle = story.oracle;
    assert_eq!(oracle.observe(other).map(|violation| violation.promise), Some(Promise::Order));
}

#[test]
fn nothing_is_invented() {
    let report = story().shown(ANN, 9, at(1)).shown(BOB, 9, at(1)).breaks(Promise::NoInvention, false);
    assert_eq!(report.violations[0].sentence, "message 9 is at 1@1 of room 0 but was never planned");

    let plan = Observation::Planned { send: SendId(0), room: ROOM, member: ANN };
    story().tell(plan).both_shown(0, at(1)).breaks(Promise::NoInvention, true);

    let elsewhere = Observation::Planned { send: SendId(0), room: RoomId(1), member: ANN };
    let story = story().tell(elsewhere).tell(Observation::Sent { send: SendId(0) });
    let report = story.both_shown(0, at(1)).ends();
    assert_eq!(report.violations_by_promise[&Promise::NoInvention], 1);
}

#[test]
fn strangers_may_speak_unless_one_is_strict() {
    let stranger = |member| {
        let (send, position) = (None, Some(at(1)));
        Observation::Shown { member, room: ROOM, send, position, from_history: false }
    };
    let report = Story::new(Mode::Tolerant).tell(stranger(ANN)).tell(stranger(BOB)).keeps_all();
    assert_eq!((report.foreign, report.expected_deliveries), (2, 0));
    story().tell(stranger(ANN)).breaks(Promise::NoInvention, true);
}

#[test]
fn a_refused_message_is_in_no_room() {
    let report = story().refused(0).keeps_all();
    assert_eq!((report.refused, report.expected_deliveries), (1, 0));
    let report = story().refused(0).both_shown(0, at(1)).breaks(Promise::Refusal, true);
    assert_eq!((report.expected_deliveries, report.received_deliveries), (0, 0));
    let both = story().says(0, at(1)).tell(Observation::Refused { send: SendId(0) });
    both.breaks(Promise::Refusal, false);
}

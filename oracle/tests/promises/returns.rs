//! Whoever was away, sessions that were lost, and connections one by one.

use chinwag_core::{Seq, shard::Verdict};
use chinwag_oracle::{Agreement, MemberId, Mode, Observation, Oracle, Promise, SendId};

use crate::story::*;

#[test]
fn who_was_away_catches_up() {
    let story = story().says(0, at(1)).both_shown(0, at(1)).says(1, at(2)).says(2, at(3));
    let story = story.shown(ANN, 1, at(2)).shown(ANN, 2, at(3)).joins(BOB, at(3), 2, Verdict::Full);
    let report = story.catches_up(BOB, 1, at(2)).catches_up(BOB, 2, at(3)).keeps_all();
    assert_eq!((report.caught_up, report.expected_deliveries, report.history), (2, 6, 0));
}

#[test]
fn a_full_verdict_skips_nothing() {
    let story = story().says(0, at(1)).says(1, at(2)).shown(ANN, 0, at(1)).shown(ANN, 1, at(2));
    let story = story.joins(BOB, at(2), 2, Verdict::Full);
    assert_eq!(story.at_once[0].promise, Promise::Continuity);
    let report = story.shown(BOB, 1, at(2)).ends();
    assert_eq!((report.lost, report.violations_by_promise[&Promise::Continuity]), (1, 1));
}

#[test]
fn a_gap_verdict_names_what_is_gone() {
    let story = || story().says(0, at(1)).says(1, at(2)).shown(ANN, 0, at(1)).shown(ANN, 1, at(2));
    let honest = story().joins(BOB, at(2), 2, Verdict::Gap { from: Seq(1), to: Seq(1) });
    let report = honest.shown(BOB, 1, at(2)).keeps_all();
    assert_eq!((report.gaps_announced, report.announced_lost, report.received_deliveries), (1, 1, 3));

    let dishonest = story().joins(BOB, at(2), 3, Verdict::Gap { from: Seq(1), to: Seq(1) });
    dishonest.breaks(Promise::Continuity, true);
}

#[test]
fn a_gap_may_open_while_catching_up() {
    let gap = |from, to| Observation::Gap { member: BOB, room: ROOM, from: at(from), to: Seq(to) };
    let said = || {
        let say = |story: Story, send: u32| {
            story.says(send, at(u64::from(send) + 1)).shown(ANN, send, at(u64::from(send) + 1))
        };
        (0..4).fold(story(), say).catches_up(BOB, 0, at(1))
    };
    let report = said().tell(gap(2, 3)).catches_up(BOB, 3, at(4)).keeps_all();
    assert_eq!((report.gaps_announced, report.announced_lost, report.received_deliveries), (1, 2, 6));

    let hidden = said().tell(gap(3, 3)).catches_up(BOB, 3, at(4)).ends();
    assert_eq!((hidden.lost, hidden.violations_by_promise[&Promise::Continuity]), (1, 1));
}

#[test]
fn what_is_unresolved_is_owed_if_anyone_saw_it() {
    let story = || story().sends(0).tell(Observation::Unresolved { send: SendId(0) });
    let report = story().keeps_all();
    assert_eq!((report.unresolved, report.unanswered, report.expected_deliveries), (1, 0, 0));
    story().both_shown(0, at(1)).keeps_all();
    let report = story().shown(ANN, 0, at(1)).breaks(Promise::NothingLost, false);
    assert_eq!((report.expected_deliveries, report.lost), (2, 1));
}

#[test]
fn a_reset_needs_another_epoch() {
    let story = || story().says(0, at(1)).both_shown(0, at(1));
    let report = story().joins(BOB, anew(0), 1, Verdict::Reset).keeps_all();
    assert_eq!(report.expected_deliveries, 2);
    story().joins(BOB, at(1), 2, Verdict::Reset).breaks(Promise::Continuity, true);
    story().joins(BOB, anew(0), 1, Verdict::Full).breaks(Promise::Continuity, true);
}

#[test]
fn a_room_does_not_shrink() {
    let story = story().says(0, at(1)).both_shown(0, at(1));
    story.joins(BOB, at(0), 1, Verdict::Full).breaks(Promise::Continuity, true);
}

#[test]
fn another_epoch_needs_a_verdict() {
    let story = story().joins(ANN, anew(0), 1, Verdict::Reset).says(0, anew(1)).shown(ANN, 0, anew(1));
    story.shown(BOB, 0, anew(1)).breaks(Promise::Continuity, true);
}

#[test]
fn a_lost_session_excuses_what_was_missed() {
    let story = || story().says(0, at(1)).both_shown(0, at(1)).says(1, at(2)).shown(ANN, 1, at(2));
    let lost = || story().tell(Observation::SessionLost { member: BOB });
    let report = lost().joins(BOB, at(2), 3, Verdict::Full).keeps_all();
    assert_eq!((report.expected_deliveries, report.history), (3, 0));
    let report = lost().joins(BOB, at(2), 2, Verdict::Full).catches_up(BOB, 1, at(2)).keeps_all();
    assert_eq!((report.expected_deliveries, report.history), (3, 1));
    let again = lost().joins(BOB, at(2), 1, Verdict::Full).catches_up(BOB, 0, at(1));
    again.breaks(Promise::ExactlyOnce, true);
    lost().keeps_all();
}

#[test]
fn what_an_old_epoch_held_back_is_excused_by_a_reset() {
    let story = story().says(0, at(1)).both_shown(0, at(1)).says(1, at(2)).shown(ANN, 1, at(2));
    let report = story.joins(BOB, anew(0), 1, Verdict::Reset).keeps_all();
    assert_eq!((report.expected_deliveries, report.received_deliveries), (3, 3));
}

#[test]
fn history_not_yet_shown_may_be_passed_over() {
    let carl = MemberId(2);
    let say = |story: Story, send: u32| {
        story.says(send, at(u64::from(send) + 1)).both_shown(send, at(u64::from(send) + 1))
    };
    let said = || (0..4).fold(story(), say);
    let cut = || said().joins(carl, at(3), 1, Verdict::Full);
    let report = cut().joins(carl, at(4), 4, Verdict::Full).shown(carl, 3, at(4)).keeps_all();
    assert_eq!(report.expected_deliveries, 9);
    let skipped = cut().joins(carl, at(4), 5, Verdict::Full).ends();
    assert_eq!((skipped.lost, skipped.violations_by_promise[&Promise::Continuity]), (1, 1));
}

#[test]
fn nothing_comes_from_before_the_announced_beginning() {
    let carl = MemberId(2);
    let said = story().says(0, at(1)).both_shown(0, at(1)).says(1, at(2)).both_shown(1, at(2));
    let report = said.joins(carl, at(2), 2, Verdict::Full).shown(carl, 0, at(1)).breaks(Promise::Order, true);
    assert_eq!(report.reordered, 1);
}

#[test]
fn a_first_join_skips_nothing_that_is_owed() {
    let carl = MemberId(2);
    let story = story().joins(carl, at(0), 2, Verdict::Full).says(0, at(1)).both_shown(0, at(1));
    let report =
        story.says(1, at(2)).both_shown(1, at(2)).shown(carl, 1, at(2)).breaks(Promise::NothingLost, false);
    assert_eq!((report.lost, report.received_deliveries), (1, 5));
}

#[test]
fn a_server_need_not_say_where_it_begins() {
    let carl = MemberId(2);
    let join = |head| Observation::Joined {
        member: carl,
        room: ROOM,
        position: Some(head),
        next: None,
        verdict: None,
    };
    let said =
        || story().says(0, at(1)).both_shown(0, at(1)).says(1, at(2)).both_shown(1, at(2)).tell(join(at(2)));
    let with_history = said().catches_up(carl, 0, at(1)).catches_up(carl, 1, at(2));
    let report = with_history.says(2, at(3)).both_shown(2, at(3)).shown(carl, 2, at(3)).keeps_all();
    assert_eq!((report.history, report.expected_deliveries), (2, 7));
    said().says(2, at(3)).both_shown(2, at(3)).shown(carl, 2, at(3)).keeps_all();
}

#[test]
fn what_has_no_place_is_not_owed_to_those_who_left() {
    let report = story().leaves(BOB, at(0)).sends(0).breaks(Promise::NothingLost, false);
    assert_eq!((report.expected_deliveries, report.lost), (1, 1));
}

#[test]
fn without_places_identity_decides() {
    let story = || Story::without_places().sends(0).sends(1).shown_unplaced(ANN, 0).shown_unplaced(ANN, 1);
    let report = story().shown_unplaced(BOB, 0).shown_unplaced(BOB, 1).keeps_all();
    assert_eq!((report.expected_deliveries, report.received_deliveries), (4, 4));

    let report = story().shown_unplaced(BOB, 0).breaks(Promise::NothingLost, false);
    assert_eq!(report.lost, 1);

    let twice = story().shown_unplaced(BOB, 0).shown_unplaced(BOB, 0).shown_unplaced(BOB, 1);
    assert_eq!(twice.breaks(Promise::ExactlyOnce, false).duplicated, 1);

    let swapped = story().shown_unplaced(BOB, 1).shown_unplaced(BOB, 0);
    assert_eq!(swapped.breaks(Promise::Order, false).reordered, 1);
}

#[test]
fn without_places_a_leave_excuses_and_forbids() {
    let left = Observation::Left { member: BOB, room: ROOM, position: None };
    let story = || Story::without_places().sends(0).shown_unplaced(ANN, 0).tell(left);
    let report = story().keeps_all();
    assert_eq!(report.expected_deliveries, 1);
    story().shown_unplaced(BOB, 0).breaks(Promise::Privacy, true);
}

#[test]
fn without_places_who_comes_back_is_owed_what_follows() {
    let joined = Observation::Joined { member: BOB, room: ROOM, position: None, next: None, verdict: None };
    let owed = |from| Observation::Owed { member: BOB, room: ROOM, from: SendId(from) };
    let lost = Observation::SessionLost { member: BOB };
    let all = |story: Story| (0..3).fold(story, |story, send| story.sends(send).shown_unplaced(ANN, send));
    let back = |from| all(Story::without_places().tell(lost).tell(joined).tell(owed(from)));
    // The second was said while he was away, the third when he was there again.
    let report = back(2).shown_unplaced(BOB, 0).shown_unplaced(BOB, 2).keeps_all();
    assert_eq!((report.expected_deliveries, report.lost), (5, 0));
    assert_eq!(back(2).shown_unplaced(BOB, 0).breaks(Promise::NothingLost, false).lost, 1);

    // To say so again takes nothing back.
    let again = back(1).tell(owed(2)).shown_unplaced(BOB, 2);
    assert_eq!(again.breaks(Promise::NothingLost, false).lost, 1);
}

#[test]
fn a_stream_brings_every_place_once_and_in_order() {
    let report = story().streams(1).delivered(&[1, 2, 3]).keeps_all();
    assert_eq!((report.duplicated, report.reordered, report.skipped, report.foreign), (0, 0, 0, 0));
}

#[test]
fn what_a_client_mends_was_broken_all_the_same() {
    let report = story().streams(1).delivered(&[1, 2, 2, 3]).breaks(Promise::ExactlyOnce, true);
    assert_eq!((report.duplicated, report.reordered, report.skipped), (1, 0, 0));
    let sentence = "member 1 of room 0 got 2 over the connection when 3 was next";
    assert_eq!(report.violations[0].sentence, sentence);

    // The client asks for what is missing, and the stream goes on from there.
    let mended = story().streams(1).delivered(&[1, 4]).streams(2).delivered(&[2, 3, 4]);
    let report = mended.breaks(Promise::GapFree, true);
    assert_eq!((report.duplicated, report.reordered, report.skipped), (0, 0, 2));

    let early = story().streams(5).delivered(&[4, 5]).breaks(Promise::Order, true);
    assert_eq!((early.duplicated, early.reordered, early.skipped), (0, 1, 0));
}

#[test]
fn what_is_passed_over_last_is_not_hidden_by_beginning_again() {
    let reached = |head| Observation::StreamReached { member: BOB, room: ROOM, head: Seq(head) };
    let whole = story().streams(1).delivered(&[1, 2]).tell(reached(2)).streams(2).delivered(&[2, 3]);
    whole.keeps_all();
    let mended = story().streams(1).delivered(&[1, 3]).tell(reached(5)).streams(2).delivered(&[2, 3, 4, 5]);
    let report = mended.breaks(Promise::GapFree, true);
    assert_eq!((report.duplicated, report.reordered, report.skipped), (0, 0, 3));
    let sentence = "member 1 of room 0 was told that the room ends at 5 when 4 had not come";
    assert!(report.violations.iter().any(|violation| violation.sentence == sentence), "{report:?}");
    // Of someone whose connection nobody watches nothing is known.
    story().tell(reached(5)).keeps_all();
}

/// Ann's first message and Bob's, as three others are shown them; the last one the other way round.
fn shown_in_two_orders(agreement: Agreement) -> Oracle {
    let mut oracle = Oracle::new(Mode::Strict).agreeing(agreement);
    for (send, member) in [(0, ANN), (1, BOB)] {
        oracle.observe(Observation::Planned { send: SendId(send), room: ROOM, member });
        oracle.observe(Observation::Sent { send: SendId(send) });
    }
    for (member, shown) in [(ANN, [0, 1]), (BOB, [0, 1]), (MemberId(2), [1, 0])] {
        let (position, next, verdict) = (None, None, None);
        oracle.observe(Observation::Joined { member, room: ROOM, position, next, verdict });
        for send in shown {
            let send = Some(SendId(send));
            oracle.observe(Observation::Shown { member, room: ROOM, send, position, from_history: false });
        }
    }
    oracle
}

#[test]
fn without_places_a_room_may_have_one_order() {
    assert!(shown_in_two_orders(Agreement::None).finish().is_clean());
    // Of the others' messages each is shown one only to Ann and Bob: there is nobody to agree with.
    assert!(shown_in_two_orders(Agreement::Others).finish().is_clean());
    let oracle = shown_in_two_orders(Agreement::All);
    let report = oracle.finish();
    assert_eq!((report.reordered, report.violations_by_promise.len()), (1, 1));
    let sentence = "member 2 of room 0 was shown message 0 after 1, and most others were not";
    assert_eq!(report.violations[0].sentence, sentence);
    let reordered: Vec<_> = oracle.judge().1.into_values().map(|account| account.faults.reordered).collect();
    assert_eq!(reordered, [0, 0, 1], "by member");
}

#[test]
fn what_comes_too_late_in_a_stream_was_not_skipped() {
    let report = story().streams(1).delivered(&[1, 3, 2, 4]).ends();
    assert_eq!((report.duplicated, report.reordered, report.skipped), (0, 1, 0));
    let broken: Vec<_> = report.violations_by_promise.into_iter().collect();
    assert_eq!(broken, [(Promise::Order, 1), (Promise::GapFree, 1)]);
}

#[test]
fn a_new_connection_owes_nothing_to_the_old_one() {
    let ended = Observation::StreamEnded { member: BOB, room: ROOM };
    let again = story().streams(1).delivered(&[1, 2, 3]).tell(ended).streams(2).delivered(&[2, 3]);
    again.keeps_all();
}

#[test]
fn nothing_comes_over_a_connection_that_is_not_in_the_room() {
    let ended = Observation::StreamEnded { member: BOB, room: ROOM };
    let left = story().streams(1).delivered(&[1]).tell(ended).delivered(&[2]);
    assert_eq!(left.breaks(Promise::Privacy, true).foreign, 1);
    let nowhere = Observation::Delivered { member: BOB, room: None, seq: Seq(1) };
    let report = story().streams(1).tell(nowhere).breaks(Promise::NoInvention, true);
    assert_eq!(report.foreign, 1);
    assert_eq!(report.violations[0].sentence, "member 1 got message 1 of a room that is none of this run");
}

#[test]
fn only_a_few_violations_are_kept_but_all_are_counted() {
    let mut told = story().says(0, at(1)).both_shown(0, at(1));
    for _ in 0..100 {
        told = told.shown(BOB, 0, at(1));
    }
    for seq in 2..200 {
        told = told.shown(BOB, u32::try_from(seq).unwrap(), at(seq));
    }
    let report = told.ends();
    assert_eq!(report.violations_by_promise[&Promise::ExactlyOnce], 100);
    assert_eq!(report.violations_by_promise[&Promise::NoInvention], 198);
    assert!(report.violations.len() <= 2 * 16, "{}", report.violations.len());
}

#[test]
fn reports_can_be_read_by_machines() {
    let report = story().says(0, at(1)).shown(ANN, 0, at(1)).ends();
    let json = serde_json::to_value(report).unwrap();
    assert_eq!(json["lost"], 1);
    assert_eq!(json["violations"][0]["promise"], "nothing-lost");
    assert_eq!(json["violations_by_promise"]["nothing-lost"], 1);
}

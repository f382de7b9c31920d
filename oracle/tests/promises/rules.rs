//! Who speaks when, what is kept, and what a page holds.

use chinwag_core::{Seq, shard::Verdict};
use chinwag_oracle::{Keep, MemberId, Mode, Observation, Oracle, Page, Promise, SendId};

use crate::story::*;

#[test]
fn what_is_said_first_comes_first() {
    let said = || story().sends(0).sends(1);
    said().both_shown(0, at(1)).both_shown(1, at(2)).keeps_all();
    let report = said().both_shown(1, at(1)).both_shown(0, at(2)).breaks(Promise::SenderOrder, true);
    let sentence = "member 0 of room 0 has said message 0 before 1, which comes before 2@1";
    assert_eq!(report.violations[0].sentence, sentence);

    // It does not matter in which order the places become known.
    let acknowledged = Observation::Acknowledged { send: SendId(0), position: Some(at(2)) };
    said().tell(acknowledged).both_shown(1, at(1)).both_shown(0, at(2)).breaks(Promise::SenderOrder, true);
    let far_apart = || story().sends(0).sends(1).sends(2).both_shown(1, at(1)).both_shown(2, at(2));
    far_apart().both_shown(0, at(3)).breaks(Promise::SenderOrder, true);
}

#[test]
fn what_is_repeated_may_be_overtaken() {
    let overtaken = |story: Story| story.both_shown(1, at(1)).both_shown(0, at(2));
    let said = || story().sends(0).sends(1);
    overtaken(said().tell(Observation::Deferred { send: SendId(0) })).keeps_all();
    overtaken(said().tell(Observation::Sent { send: SendId(0) })).keeps_all();
    overtaken(said().tell(Observation::Unresolved { send: SendId(0) })).keeps_all();
    // What is repeated does not overtake.
    overtaken(said().tell(Observation::Deferred { send: SendId(1) })).breaks(Promise::SenderOrder, true);
}

#[test]
fn others_and_other_epochs_have_an_order_of_their_own() {
    let plan = Observation::Planned { send: SendId(1), room: ROOM, member: BOB };
    let story = || story().sends(0).tell(plan).tell(Observation::Sent { send: SendId(1) });
    story().both_shown(1, at(1)).both_shown(0, at(2)).keeps_all();

    let again =
        |story: Story| story.joins(ANN, anew(0), 1, Verdict::Reset).joins(BOB, anew(0), 1, Verdict::Reset);
    let later = again(self::story().sends(0).sends(1).both_shown(1, at(1))).both_shown(0, anew(1));
    later.keeps_all();
}

#[test]
fn who_has_seen_something_speaks_after_it() {
    let plan = Observation::Planned { send: SendId(1), room: ROOM, member: BOB };
    let answers =
        || story().says(0, at(1)).both_shown(0, at(1)).tell(plan).tell(Observation::Sent { send: SendId(1) });
    let acknowledged = |seq| Observation::Acknowledged { send: SendId(1), position: Some(at(seq)) };
    answers().tell(acknowledged(2)).both_shown(1, at(2)).keeps_all();
    assert_eq!(answers().tell(acknowledged(1)).at_once[0].promise, Promise::Order);
}

#[test]
fn only_members_speak() {
    let said = || story().says(0, at(1)).both_shown(0, at(1)).sends(1);
    said().both_shown(1, at(2)).leaves(ANN, at(2)).keeps_all();

    // Known first or said first, it is the same.
    let after = || said().leaves(ANN, at(1)).shown(BOB, 1, at(2));
    let report = after().breaks(Promise::Authorship, true);
    let sentence = "member 0 of room 0 has said message 1 at 2@1 but was not a member there";
    assert_eq!(report.violations[0].sentence, sentence);
    let before = said().shown(BOB, 1, at(2)).leaves(ANN, at(1));
    before.breaks(Promise::Authorship, false);
    after().joins(ANN, at(2), 3, Verdict::Full).breaks(Promise::Authorship, true);
}

/// Ann and Bob have read four messages of a room that keeps two and shows newcomers one.
fn short_memory() -> Story {
    let keep = Keep { history_max: 2, history_on_join: 1, page_max: 2 };
    let oracle = Oracle::new(Mode::Strict).keeping(keep);
    let story = Story { oracle, at_once: Vec::new() };
    let story = story.joins(ANN, at(0), 1, Verdict::Full).joins(BOB, at(0), 1, Verdict::Full);
    (0..4).fold(story, |story, send| {
        let place = at(u64::from(send) + 1);
        story.says(send, place).both_shown(send, place)
    })
}

#[test]
fn newcomers_are_shown_the_newest_that_is_kept() {
    let enters = |next| short_memory().joins(MemberId(2), at(4), next, Verdict::Full);
    enters(4).keeps_all();
    enters(5).breaks(Promise::Retention, true);
    enters(3).breaks(Promise::Retention, true);
}

#[test]
fn what_is_kept_is_not_gone() {
    let gap = |from, to| Verdict::Gap { from: Seq(from), to: Seq(to) };
    let grown = || (4..7).fold(short_memory(), |story, send| story.says(send, at(u64::from(send) + 1)));
    let shown = |story: Story, from: u32| {
        let all = (4..7).fold(story, |story, send| story.shown(ANN, send, at(u64::from(send) + 1)));
        (from..7).fold(all, |story, send| story.catches_up(BOB, send, at(u64::from(send) + 1)))
    };
    shown(grown().joins(BOB, at(7), 6, gap(5, 5)), 5).keeps_all();
    let report = shown(grown().joins(BOB, at(7), 7, gap(5, 6)), 6).breaks(Promise::Retention, true);
    let sentence = "member 1 of room 0 was told that 6 is gone, but 6 is kept as long as 7 is the newest";
    assert_eq!(report.violations[0].sentence, sentence);

    // Whoever catches up is told later how long the log is, so all that may be in it counts.
    let lost = |to| Observation::Gap { member: BOB, room: ROOM, from: at(5), to: Seq(to) };
    shown(grown().tell(lost(5)), 5).keeps_all();
    shown(grown().tell(lost(6)), 6).breaks(Promise::Retention, true);
    let mut said = grown().sends(7).tell(lost(6));
    assert_eq!(said.at_once.pop(), None);
}

#[test]
fn what_is_said_again_to_a_server_that_forgot_it_takes_a_new_place() {
    let forgotten =
        || short_memory().joins(ANN, anew(0), 1, Verdict::Reset).joins(BOB, anew(0), 1, Verdict::Reset);
    let again =
        || (0..4).fold(forgotten(), |story, send| story.tell(Observation::Sent { send: SendId(send) }));
    let lost = |to| Observation::Gap { member: BOB, room: ROOM, from: anew(1), to: Seq(to) };
    assert_eq!(again().tell(lost(2)).at_once, [], "there may be four");
    assert_eq!(again().tell(lost(3)).at_once[0].promise, Promise::Retention);
    let placed = |seq| Observation::Acknowledged { send: SendId(0), position: Some(anew(seq)) };
    assert_eq!(again().tell(placed(4)).tell(lost(5)).at_once, [], "there may be seven");
    assert_eq!(forgotten().tell(lost(1)).at_once[0].promise, Promise::Retention, "nothing was said again");
}

#[test]
fn pages_are_what_was_asked_for() {
    let asks = |places: &[(u64, u32)], more| {
        let mut story = short_memory();
        let messages: Vec<_> = places.iter().map(|&(seq, send)| (at(seq), Some(SendId(send)))).collect();
        let page = Page { before: Some(Seq(5)), limit: 9, messages: &messages, more };
        story.at_once.extend(story.oracle.page(BOB, ROOM, &page));
        story
    };
    asks(&[(3, 2), (4, 3)], false).keeps_all();
    asks(&[(4, 3)], true).keeps_all();
    asks(&[(3, 2)], false).breaks(Promise::Pages, true);
    asks(&[(2, 1), (3, 2), (4, 3)], false).breaks(Promise::Pages, true);
    asks(&[], false).breaks(Promise::Pages, true);
    let swapped = asks(&[(3, 3), (4, 2)], false).at_once;
    assert_eq!(swapped[0].promise, Promise::Order, "pages hold what everyone was shown");
}

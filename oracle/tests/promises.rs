//! Every promise has runs that keep it and runs that break it.

use chinwag_core::{Epoch, Position, Seq, shard::Verdict};
use chinwag_oracle::{
    Keep, MemberId, Mode, Observation, Oracle, Page, Promise, Report, RoomId, SendId, Violation,
};

const ROOM: RoomId = RoomId(0);
const ANN: MemberId = MemberId(0);
const BOB: MemberId = MemberId(1);

/// A place in the first epoch.
fn at(seq: u64) -> Position {
    Position::new(Epoch(1), Seq(seq))
}

/// A place in a later epoch.
fn anew(seq: u64) -> Position {
    Position::new(Epoch(2), Seq(seq))
}

/// A run told step by step, and what showed at once.
struct Story {
    oracle: Oracle,
    at_once: Vec<Violation>,
}

impl Story {
    /// Ann and Bob have joined an empty room.
    fn new(mode: Mode) -> Self {
        let story = Self { oracle: Oracle::new(mode), at_once: Vec::new() };
        story.joins(ANN, at(0), 1, Verdict::Full).joins(BOB, at(0), 1, Verdict::Full)
    }

    /// The same on a server without places.
    fn without_places() -> Self {
        let join =
            |member| Observation::Joined { member, room: ROOM, position: None, next: None, verdict: None };
        Self { oracle: Oracle::new(Mode::Tolerant), at_once: Vec::new() }.tell(join(ANN)).tell(join(BOB))
    }

    fn tell(mut self, observation: Observation) -> Self {
        self.at_once.extend(self.oracle.observe(observation));
        self
    }

    /// Ann says something and it is accepted.
    fn says(self, send: u32, position: Position) -> Self {
        self.sends(send).tell(Observation::Acknowledged { send: SendId(send), position: Some(position) })
    }

    /// Ann says something and gets no answer.
    fn sends(self, send: u32) -> Self {
        let send = SendId(send);
        self.tell(Observation::Planned { send, room: ROOM, member: ANN }).tell(Observation::Sent { send })
    }

    fn refused(self, send: u32) -> Self {
        self.sends(send).tell(Observation::Refused { send: SendId(send) })
    }

    fn joins(self, member: MemberId, head: Position, next: u64, verdict: Verdict) -> Self {
        let (position, next, verdict) = (Some(head), Some(Seq(next)), Some(verdict));
        self.tell(Observation::Joined { member, room: ROOM, position, next, verdict })
    }

    fn leaves(self, member: MemberId, head: Position) -> Self {
        self.tell(Observation::Left { member, room: ROOM, position: Some(head) })
    }

    fn shown(self, member: MemberId, send: u32, position: Position) -> Self {
        let (send, position) = (Some(SendId(send)), Some(position));
        self.tell(Observation::Shown { member, room: ROOM, send, position, from_history: false })
    }

    fn both_shown(self, send: u32, position: Position) -> Self {
        self.shown(ANN, send, position).shown(BOB, send, position)
    }

    fn catches_up(self, member: MemberId, send: u32, position: Position) -> Self {
        let (send, position) = (Some(SendId(send)), Some(position));
        self.tell(Observation::Shown { member, room: ROOM, send, position, from_history: true })
    }

    fn shown_unplaced(self, member: MemberId, send: u32) -> Self {
        let send = Some(SendId(send));
        self.tell(Observation::Shown { member, room: ROOM, send, position: None, from_history: false })
    }

    /// Bob's connection is watched from now on; this comes next.
    fn streams(self, next: u64) -> Self {
        self.tell(Observation::StreamStarted { member: BOB, room: ROOM, next: Seq(next) })
    }

    fn delivered(self, seqs: &[u64]) -> Self {
        let deliver = |story: Self, seq: &u64| {
            story.tell(Observation::Delivered { member: BOB, room: Some(ROOM), seq: Seq(*seq) })
        };
        seqs.iter().fold(self, deliver)
    }

    /// The report of a run that kept every promise.
    fn keeps_all(self) -> Report {
        let report = self.ends();
        assert!(report.is_clean(), "{:#?}", report.violations);
        assert_eq!(report.lost, 0);
        report
    }

    /// The report of a run that broke one promise, and whether that showed at once.
    fn breaks(self, promise: Promise, at_once: bool) -> Report {
        assert_eq!(!self.at_once.is_empty(), at_once, "{:?}", self.at_once);
        assert!(self.at_once.iter().all(|violation| violation.promise == promise), "{:?}", self.at_once);
        let report = self.ends();
        let broken: Vec<_> = report.violations_by_promise.keys().copied().collect();
        assert_eq!(broken, [promise], "{:#?}", report.violations);
        report
    }

    fn ends(self) -> Report {
        let report = self.oracle.finish();
        let settled = report.received_deliveries + report.lost + report.announced_lost;
        assert_eq!(report.expected_deliveries, settled);
        report
    }
}

fn story() -> Story {
    Story::new(Mode::Strict)
}

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

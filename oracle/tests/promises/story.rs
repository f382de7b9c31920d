//! A run told step by step.

use chinwag_core::{Epoch, Position, Seq, shard::Verdict};
use chinwag_oracle::{MemberId, Mode, Observation, Oracle, Promise, Report, RoomId, SendId, Violation};

pub(crate) const ROOM: RoomId = RoomId(0);
pub(crate) const ANN: MemberId = MemberId(0);
pub(crate) const BOB: MemberId = MemberId(1);

/// A place in the first epoch.
pub(crate) fn at(seq: u64) -> Position {
    Position::new(Epoch(1), Seq(seq))
}

/// A place in a later epoch.
pub(crate) fn anew(seq: u64) -> Position {
    Position::new(Epoch(2), Seq(seq))
}

/// A run told step by step, and what showed at once.
pub(crate) struct Story {
    pub oracle: Oracle,
    pub at_once: Vec<Violation>,
}

impl Story {
    /// Ann and Bob have joined an empty room.
    pub(crate) fn new(mode: Mode) -> Self {
        let story = Self { oracle: Oracle::new(mode), at_once: Vec::new() };
        story.joins(ANN, at(0), 1, Verdict::Full).joins(BOB, at(0), 1, Verdict::Full)
    }

    /// The same on a server without places.
    pub(crate) fn without_places() -> Self {
        let join =
            |member| Observation::Joined { member, room: ROOM, position: None, next: None, verdict: None };
        Self { oracle: Oracle::new(Mode::Tolerant), at_once: Vec::new() }.tell(join(ANN)).tell(join(BOB))
    }

    pub(crate) fn tell(mut self, observation: Observation) -> Self {
        self.at_once.extend(self.oracle.observe(observation));
        self
    }

    /// Ann says something and it is accepted.
    pub(crate) fn says(self, send: u32, position: Position) -> Self {
        self.sends(send).tell(Observation::Acknowledged { send: SendId(send), position: Some(position) })
    }

    /// Ann says something and gets no answer.
    pub(crate) fn sends(self, send: u32) -> Self {
        let send = SendId(send);
        self.tell(Observation::Planned { send, room: ROOM, member: ANN }).tell(Observation::Sent { send })
    }

    pub(crate) fn refused(self, send: u32) -> Self {
        self.sends(send).tell(Observation::Refused { send: SendId(send) })
    }

    pub(crate) fn joins(self, member: MemberId, head: Position, next: u64, verdict: Verdict) -> Self {
        let (position, next, verdict) = (Some(head), Some(Seq(next)), Some(verdict));
        self.tell(Observation::Joined { member, room: ROOM, position, next, verdict })
    }

    pub(crate) fn leaves(self, member: MemberId, head: Position) -> Self {
        self.tell(Observation::Left { member, room: ROOM, position: Some(head) })
    }

    pub(crate) fn shown(self, member: MemberId, send: u32, position: Position) -> Self {
        let (send, position) = (Some(SendId(send)), Some(position));
        self.tell(Observation::Shown { member, room: ROOM, send, position, from_history: false })
    }

    pub(crate) fn both_shown(self, send: u32, position: Position) -> Self {
        self.shown(ANN, send, position).shown(BOB, send, position)
    }

    pub(crate) fn catches_up(self, member: MemberId, send: u32, position: Position) -> Self {
        let (send, position) = (Some(SendId(send)), Some(position));
        self.tell(Observation::Shown { member, room: ROOM, send, position, from_history: true })
    }

    pub(crate) fn shown_unplaced(self, member: MemberId, send: u32) -> Self {
        let send = Some(SendId(send));
        self.tell(Observation::Shown { member, room: ROOM, send, position: None, from_history: false })
    }

    /// Bob's connection is watched from now on; this comes next.
    pub(crate) fn streams(self, next: u64) -> Self {
        self.tell(Observation::StreamStarted { member: BOB, room: ROOM, next: Seq(next) })
    }

    pub(crate) fn delivered(self, seqs: &[u64]) -> Self {
        let deliver = |story: Self, seq: &u64| {
            story.tell(Observation::Delivered { member: BOB, room: Some(ROOM), seq: Seq(*seq) })
        };
        seqs.iter().fold(self, deliver)
    }

    /// The report of a run that kept every promise.
    pub(crate) fn keeps_all(self) -> Report {
        let report = self.ends();
        assert!(report.is_clean(), "{:#?}", report.violations);
        assert_eq!(report.lost, 0);
        report
    }

    /// The report of a run that broke one promise, and whether that showed at once.
    pub(crate) fn breaks(self, promise: Promise, at_once: bool) -> Report {
        assert_eq!(!self.at_once.is_empty(), at_once, "{:?}", self.at_once);
        assert!(self.at_once.iter().all(|violation| violation.promise == promise), "{:?}", self.at_once);
        let report = self.ends();
        let broken: Vec<_> = report.violations_by_promise.keys().copied().collect();
        assert_eq!(broken, [promise], "{:#?}", report.violations);
        report
    }

    pub(crate) fn ends(self) -> Report {
        let report = self.oracle.finish();
        let settled = report.received_deliveries + report.lost + report.announced_lost;
        assert_eq!(report.expected_deliveries, settled);
        report
    }
}

pub(crate) fn story() -> Story {
    Story::new(Mode::Strict)
}

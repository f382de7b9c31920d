//! The oracle's verdict in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::violation::{Promise, Violation};

/// What became of everything that was planned.
///
/// Always `expected_deliveries = received_deliveries + lost + announced_lost`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// Messages that were to be sent.
    pub planned: u64,
    /// Planned messages put on the wire, each counted once.
    pub sent: u64,
    /// Messages the server says are in their room.
    pub acknowledged: u64,
    /// Messages whose final answer was a refusal.
    pub refused: u64,
    /// Messages of which nobody will ever know whether they were accepted.
    pub unresolved: u64,
    /// Messages that were sent and never answered.
    pub unanswered: u64,
    /// Deliveries owed: every planned message that was not refused, to everyone who was a member at its place in the
    /// room. A message that has no place is owed to everyone who is a member at the end.
    pub expected_deliveries: u64,
    /// Deliveries owed and made, each counted once.
    pub received_deliveries: u64,
    /// Deliveries owed and never made.
    pub lost: u64,
    /// Deliveries owed that a gap verdict named as gone.
    pub announced_lost: u64,
    /// Messages that came over a connection or were shown to someone once more.
    pub duplicated: u64,
    /// Messages that came over a connection or were shown to someone after one that should have come later. Which should,
    /// their places say; where there are none, their author's order does, and, if a room has one order, that in which most
    /// members were shown them.
    pub reordered: u64,
    /// Messages that a connection's stream passed over without a word and that did not come later in that stream. A
    /// client that notices asks for them, so they need not be lost.
    pub skipped: u64,
    /// Gap verdicts and gaps told of while catching up.
    pub gaps_announced: u64,
    /// Messages shown from before a membership began: allowed, never owed.
    pub history: u64,
    /// Messages owed that came out of the history: missed while away or behind, then caught up with.
    pub caught_up: u64,
    /// Deliveries of messages that are nobody's of this run, or of rooms that the member is not in.
    pub foreign: u64,
    /// How often each promise was broken; promises kept are left out.
    pub violations_by_promise: BTreeMap<Promise, u64>,
    /// Examples of violations, at most 16 of each promise, by promise and place.
    pub violations: Vec<Violation>,
    /// How often each promise was put to the test. A promise that was never tested was not kept either.
    pub checks: BTreeMap<Promise, u64>,
}

impl Report {
    /// Whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations_by_promise.is_empty()
    }
}

//! Broken promises: their names, and a bounded collection of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chinwag_core::Position;
use serde::{Deserialize, Serialize};

use crate::observation::{MemberId, RoomId, SendId};

/// Examples kept of each promise; beyond that violations are only counted.
const EXAMPLES_MAX: usize = 16;

/// What a chat server owes its users.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// A place in a room holds one message for ever, and everyone is shown places in rising order.
    Order,
    /// A message is at one place of its room, and nobody is shown it twice.
    ExactlyOnce,
    /// Nothing is skipped that no verdict names.
    GapFree,
    /// What was accepted is shown to everyone it is owed to.
    NothingLost,
    /// Nobody is shown what was said where they are not.
    Privacy,
    /// What is shown was sent, by someone of this run, into that room.
    NoInvention,
    /// What was finally refused is in no room.
    Refusal,
    /// The verdict of every rejoin is true.
    Continuity,
    /// What one session says in a room is in the room in the order in which it was said.
    SenderOrder,
    /// What is said to be gone is older than what the server keeps, and newcomers are shown the newest.
    Retention,
    /// A page of older messages is one piece of the log, as long and as late as was asked for.
    Pages,
    /// What is in a room was said by someone who was a member there and then.
    Authorship,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Order,
        Self::ExactlyOnce,
        Self::GapFree,
        Self::NothingLost,
        Self::Privacy,
        Self::NoInvention,
        Self::Refusal,
        Self::Continuity,
        Self::SenderOrder,
        Self::Retention,
        Self::Pages,
        Self::Authorship,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::ExactlyOnce => "exactly-once",
            Self::GapFree => "gap-free",
            Self::NothingLost => "nothing-lost",
            Self::Privacy => "privacy",
            Self::NoInvention => "no-invention",
            Self::Refusal => "refusal",
            Self::Continuity => "continuity",
            Self::SenderOrder => "sender-order",
            Self::Retention => "retention",
            Self::Pages => "pages",
            Self::Authorship => "authorship",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A promise that was broken, and where.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Violation {
    /// Which promise.
    pub promise: Promise,
    /// The room.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>"))]
    pub room: Option<RoomId>,
    /// Who saw it.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>"))]
    pub member: Option<MemberId>,
    /// The place in the room.
    #[cfg_attr(feature = "schema", schemars(with = "Option<BTreeMap<String, u64>>"))]
    pub position: Option<Position>,
    /// The message.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>"))]
    pub send: Option<SendId>,
    /// What happened, in one sentence.
    pub sentence: String,
}

impl Violation {
    /// A violation without a place.
    pub(crate) fn new(promise: Promise, sentence: String) -> Self {
        Self { promise, room: None, member: None, position: None, send: None, sentence }
    }

    /// …in a room.
    pub(crate) fn room(mut self, room: RoomId) -> Self {
        self.room = Some(room);
        self
    }

    /// …seen by a member.
    pub(crate) fn member(mut self, member: MemberId) -> Self {
        self.member = Some(member);
        self
    }

    /// …at a position.
    pub(crate) fn position(mut self, position: impl Into<Option<Position>>) -> Self {
        self.position = position.into();
        self
    }

    /// …about a message.
    pub(crate) fn send(mut self, send: impl Into<Option<SendId>>) -> Self {
        self.send = send.into();
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.sentence)
    }
}

/// Violations: all counted, the first few of each promise kept.
///
/// "First" is by place and not by time, so that it does not matter who collected which.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Violations {
    totals: BTreeMap<Promise, u64>,
    examples: BTreeMap<Promise, BTreeSet<Violation>>,
}

impl Violations {
    /// Counts a violation and keeps it if it is among the first.
    pub(crate) fn add(&mut self, violation: Violation) {
        *self.totals.entry(violation.promise).or_default() += 1;
        self.keep(violation);
    }

    /// Takes in what another has collected.
    pub(crate) fn merge(&mut self, other: Self) {
        for (promise, total) in other.totals {
            *self.totals.entry(promise).or_default() += total;
        }
        other.examples.into_values().flatten().for_each(|violation| self.keep(violation));
    }

    /// How often each promise was broken.
    pub(crate) fn totals(&self) -> BTreeMap<Promise, u64> {
        self.totals.clone()
    }

    /// The examples, by promise and place.
    pub(crate) fn examples(&self) -> Vec<Violation> {
        self.examples.values().flatten().cloned().collect()
    }

    fn keep(&mut self, violation: Violation) {
        let examples = self.examples.entry(violation.promise).or_default();
        examples.insert(violation);
        if examples.len() > EXAMPLES_MAX {
            examples.pop_last();
        }
    }
}

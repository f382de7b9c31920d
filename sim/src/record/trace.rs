//! What happened: a hash over every entry, always; a record of each, on request.
//!
//! An entry is something that a client, a node or the world is told, or that a user is shown, and only entries are hashed.
//! They are not what batches count as events: those are inputs of machines, of which a node holds several, and what these
//! tell one another inside it shows in what the node does. A detailed trace also records
//! every frame where it leaves, numbered like its arrival, so that the two ends of its journey can be put together.

use std::{fmt, time::Duration};

use bytes::Bytes;
use chinwag_core::{ConnectionId, Time, hash};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    line::flow::{Flows, Way},
    plan::sane,
    record::outcome::Outcome,
    world::START,
};

/// The hash is kept after every so many events, so that two runs that part can be brought together again.
pub const CHECKPOINT_EVENTS: u64 = 1_024;
/// Most clients, and most nodes.
const ACTORS_MAX: usize = sane::COUNT_MAX as usize;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A step of the scenario.
    Step,
    /// A client is told something.
    ToClient,
    /// A client is told that its connection is open.
    Opened,
    /// A client is told that its connection is gone.
    Closed,
    /// A client's user sees something.
    Shown,
    /// A node is told something.
    ToNode,
    /// The world itself.
    World,
    /// A client asks for a connection.
    Connect,
    /// The server process begins.
    Start,
    /// The server process ends.
    Stop,
    /// A promise is broken.
    Failed,
    /// A client sends a frame. Not an event: what made it do so was one.
    FromClient,
    /// A node sends a frame. Not an event, either.
    FromNode,
}

impl Kind {
    /// Its sign in a trace.
    #[must_use]
    pub const fn glyph(self) -> char {
        match self {
            Self::Step => '!',
            Self::ToClient => '<',
            Self::Opened => 'o',
            Self::Closed => 'x',
            Self::Shown => '*',
            Self::ToNode => '>',
            Self::World => '=',
            Self::Connect => '+',
            Self::Start => '[',
            Self::Stop => ']',
            Self::Failed => 'X',
            Self::FromClient => '^',
            Self::FromNode => 'v',
        }
    }
}

/// Whom something happens to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Lane {
    /// Everybody.
    World,
    /// The server process with all its nodes.
    Server,
    /// A client, by number.
    Client(usize),
    /// A node, by number.
    Node(usize),
}

impl Lane {
    const fn code(self) -> u64 {
        match self {
            Self::World => 0,
            Self::Server => 1,
            Self::Client(number) => 2 | (number as u64) << 2,
            Self::Node(number) => 3 | (number as u64) << 2,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World => f.pad("world"),
            Self::Server => f.pad("server"),
            Self::Client(number) => f.pad(&format!("c{number}")),
            Self::Node(number) => f.pad(&format!("n{number}")),
        }
    }
}

impl std::str::FromStr for Lane {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.parse().ok().filter(|&number| number < ACTORS_MAX);
        let lane = match name {
            "world" => Some(Self::World),
            "server" => Some(Self::Server),
            _ => match name.split_at_checked(1) {
                Some(("c", digits)) => number(digits).map(Self::Client),
                Some(("n", digits)) => number(digits).map(Self::Node),
                _ => None,
            },
        };
        lane.ok_or_else(|| {
            format!("{name:?} is no actor: use c0, c1, … for clients, n0, n1, … for nodes, server or world")
        })
    }
}

impl Serialize for Lane {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// One thing that happened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// The number of the entry, from 1; a frame that is sent has the number of the entry before.
    pub event: u64,
    /// When, counted from the start.
    pub at_us: u64,
    /// What kind of thing it is.
    pub kind: Kind,
    /// To whom it happened.
    pub actor: Lane,
    /// On which connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// Which frame of its direction of the connection it is, from 1, if it sends one or is the arrival of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
    /// What it is. Frames of text are given as they are.
    pub text: String,
    /// Stands for everything up to here.
    #[serde(with = "hex")]
    pub hash: u64,
}

/// 64 bits as text, for readers of JSON to whom every number is a float.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{hash:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        u64::from_str_radix(&String::deserialize(deserializer)?, 16).map_err(de::Error::custom)
    }
}

/// An event, before it is known whether anybody wants to read of it.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) kind: Kind,
    pub(crate) actor: Lane,
    pub(crate) connection: Option<ConnectionId>,
    /// Stands for all of it.
    pub(crate) digest: u64,
    /// Describes it.
    pub(crate) text: fmt::Arguments<'a>,
}

/// The chain hash and, if wanted, the records.
#[derive(Debug)]
pub struct Trace {
    last: Time,
    hash: u64,
    events: u64,
    checkpoints: Vec<u64>,
    /// The run need not go on after so many.
    events_max: u64,
    /// What describes an event is hashed, too.
    to_the_letter: bool,
    detail: Option<Box<Detail>>,
}

#[derive(Debug, Default)]
struct Detail {
    records: Vec<Record>,
    flows: Flows,
    /// The frame whose arrival the next event is.
    arriving: Option<(ConnectionId, u64)>,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            last: START,
            hash: 0,
            events: 0,
            checkpoints: Vec::new(),
            events_max: u64::MAX,
            to_the_letter: false,
            detail: None,
        }
    }
}

impl Trace {
    /// An empty trace that takes in the hash only; `default` is the same.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty trace that takes in everything.
    #[must_use]
    pub fn detailed() -> Self {
        Self { detail: Some(Box::default()), ..Self::default() }
    }

    /// The same, but for its hash, which takes in how events are described, too: all of what users are shown and nodes
    /// mail. That takes several times as long.
    #[must_use]
    pub fn to_the_letter(self) -> Self {
        Self { to_the_letter: true, ..self }
    }

    /// The same, but after so many events its run ends as it is, whatever else would have happened.
    #[must_use]
    pub fn of_at_most(self, events_max: u64) -> Self {
        Self { events_max, ..self }
    }

    /// Whether it has room for more.
    pub(crate) const fn goes_on(&self) -> bool {
        self.events < self.events_max
    }

    /// Adds an event.
    pub(crate) fn add(&mut self, now: Time, event: &Event<'_>) {
        self.events += 1;
        self.last = now;
        let head = hash::mix(now.0, event.actor.code() << 8 | event.kind as u64);
        let digest = if self.to_the_letter {
            hash::mix(event.digest, hash::bytes(event.text.to_string().as_bytes()))
        } else {
            event.digest
        };
        self.hash = hash::mix(self.hash, hash::mix(head, digest));
        if self.events.is_multiple_of(CHECKPOINT_EVENTS) {
            self.checkpoints.push(self.hash);
        }
        if let Some(detail) = &mut self.detail {
            let (connection, frame) = match detail.arriving.take() {
                Some((connection, frame)) => (Some(connection), Some(frame)),
                None => (event.connection, None),
            };
            self.record(event.kind, event.actor, connection, frame, event.text.to_string());
        }
    }

    /// A client sends something.
    pub(crate) fn sends_up(
        &mut self,
        now: Time,
        client: usize,
        connection: ConnectionId,
        what: impl fmt::Display,
    ) {
        if let Some(detail) = &mut self.detail {
            self.last = now;
            let frame = Some(detail.flows.sent(connection, Way::Up));
            let text = what.to_string();
            self.record(Kind::FromClient, Lane::Client(client), Some(connection), frame, text);
        }
    }

    /// A node accepts a connection.
    pub(crate) fn accepts(&mut self, now: Time, node: usize, connection: ConnectionId) {
        if let Some(detail) = &mut self.detail {
            self.last = now;
            let frame = Some(detail.flows.sent(connection, Way::Down));
            self.record(Kind::FromNode, Lane::Node(node), Some(connection), frame, "accept".to_owned());
        }
    }

    /// A node writes bytes, which are or end or begin frames.
    pub(crate) fn writes(&mut self, now: Time, node: usize, connection: ConnectionId, bytes: &Bytes) {
        if let Some(detail) = &mut self.detail {
            self.last = now;
            for (frame, text) in detail.flows.written(connection, bytes) {
                self.record(Kind::FromNode, Lane::Node(node), Some(connection), Some(frame), text);
            }
        }
    }

    /// The next event is the arrival of a frame.
    pub(crate) fn arrives(&mut self, connection: ConnectionId, way: Way) {
        if let Some(detail) = &mut self.detail {
            detail.arriving = Some((connection, detail.flows.arrived(connection, way)));
        }
    }

    /// The frame that has [arrived](Self::arrives) leads to no event.
    pub(crate) fn ignores(&mut self) {
        if let Some(detail) = &mut self.detail {
            detail.arriving = None;
        }
    }

    /// The run is over: what came of it is its last event.
    pub(crate) fn end(&mut self, outcome: &Outcome) {
        let [counts, failures, checks, marks, log] = outcome.digests();
        let text = format_args!(
            "outcome: counts {counts:016x}, failures {failures:016x}, checks {checks:016x}, marks {marks:016x}, \
             log {log:016x}"
        );
        let digest = [failures, checks, marks, log].into_iter().fold(counts, hash::mix);
        let event = Event { kind: Kind::World, actor: Lane::World, connection: None, digest, text };
        self.add(self.last, &event);
    }

    fn record(
        &mut self,
        kind: Kind,
        actor: Lane,
        connection: Option<ConnectionId>,
        frame: Option<u64>,
        text: String,
    ) {
        let (event, at_us, hash) = (self.events, self.last.0 - START.0, self.hash);
        let connection = connection.map(|id| id.0);
        let record = Record { event, at_us, kind, actor, connection, frame, text, hash };
        if let Some(detail) = &mut self.detail {
            detail.records.push(record);
        }
    }

    /// Stands for everything so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// When the last event was, counted from the start.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.last.since(START)
    }

    /// How many entries there were.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// The hash after every [`CHECKPOINT_EVENTS`].
    #[must_use]
    pub fn checkpoints(&self) -> &[u64] {
        &self.checkpoints
    }

    /// Everything that happened, if the trace is detailed.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        self.detail.as_ref().map_or(&[], |detail| &detail.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scenario, run};

    #[test]
    fn a_detailed_trace_hashes_the_same() {
        let scenario = Scenario::generate(5);
        let (mut plain, mut detailed) = (Trace::new(), Trace::detailed());
        assert_eq!(run(&scenario, &mut plain, None), run(&scenario, &mut detailed, None));
        assert_eq!(plain.checkpoints(), detailed.checkpoints());
        assert!(plain.records().is_empty());
        let events = detailed.records().iter().map(|record| record.event);
        assert!(events.is_sorted());
        assert_eq!(detailed.records().last().unwrap().event, plain.events());
    }

    #[test]
    fn a_run_ends_where_its_trace_does() {
        let scenario = Scenario::generate(5);
        let mut whole = Trace::new();
        run(&scenario, &mut whole, None);
        let mut half = Trace::new().of_at_most(whole.events() / 2);
        assert!(run(&scenario, &mut half, None).is_clean(), "nobody waits for what did not come");
        assert!((whole.events() / 2..whole.events()).contains(&half.events()));
        assert_eq!(half.checkpoints(), &whole.checkpoints()[..half.checkpoints().len()]);
    }

    #[test]
    fn to_the_letter_what_is_described_otherwise_is_another_run() {
        let hash = |trace: Trace, shown: &str| {
            let mut trace = trace;
            let text = format_args!("{shown}");
            let event = Event { kind: Kind::Shown, actor: Lane::World, connection: None, digest: 1, text };
            trace.add(START, &event);
            trace.hash()
        };
        assert_eq!(hash(Trace::new(), "one"), hash(Trace::new(), "two"));
        let [one, two, again] = ["one", "two", "one"].map(|shown| hash(Trace::new().to_the_letter(), shown));
        assert!(one != two && one == again);
    }

    #[test]
    fn both_ends_of_a_frames_journey_say_the_same() {
        for seed in 0..5 {
            let mut trace = Trace::detailed();
            run(&Scenario::generate(seed), &mut trace, None);
            let mut matched = 0;
            let records = trace.records();
            for (sent, arrived) in [(Kind::FromClient, Kind::ToNode), (Kind::FromNode, Kind::ToClient)] {
                for arrival in records.iter().filter(|r| r.kind == arrived && r.frame.is_some()) {
                    let departure = records
                        .iter()
                        .find(|r| {
                            r.kind == sent && (r.connection, r.frame) == (arrival.connection, arrival.frame)
                        })
                        .unwrap_or_else(|| panic!("seed {seed}: nobody sent {arrival:?}"));
                    assert!(departure.at_us <= arrival.at_us);
                    if arrival.text.starts_with('{') {
                        assert_eq!(departure.text, arrival.text);
                        matched += 1;
                    }
                }
            }
            assert!(matched > 20, "seed {seed}: {matched} frames");
        }
    }

    #[test]
    fn records_survive_json() {
        let mut trace = Trace::detailed();
        run(&Scenario::generate(2), &mut trace, None);
        let json = serde_json::to_string(trace.records()).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Record>>(&json).unwrap(), trace.records());
    }

    #[test]
    fn actors_are_named() {
        for name in ["world", "server", "c0", "c17", "n2"] {
            assert_eq!(name.parse::<Lane>().unwrap().to_string(), name);
        }
        for name in ["", "c", "x3", "c-1", "é", "c10000", "n18446744073709551615"] {
            assert!(name.parse::<Lane>().is_err(), "{name}");
        }
    }
}

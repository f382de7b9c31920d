//! A scenario that has been read and checked.

use std::{path::Path, time::Duration};

use serde::Deserialize;

use crate::{
    check, duration,
    error::Error,
    flow::Step,
    protocol::{Protocol, ProtocolRooms},
    rooms::Rooms,
    server::Server,
    threshold::Threshold,
};

/// A scenario that has been read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What is run.
    pub run: Run,
    /// Who meets whom.
    pub rooms: Rooms,
    /// How the server is spoken to; in `chat` if `None`.
    pub protocol: Option<Protocol>,
    /// Limits of the server that is started for the run.
    pub server: Server,
    /// Who does what, and when; at least one.
    pub groups: Vec<Group>,
    /// What befalls the clients meanwhile.
    pub events: Vec<Event>,
    /// What counts as a success.
    pub thresholds: Vec<Threshold>,
}

/// `[run]`: what is run.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// 1 to 32 letters, digits, `-`, `_` and `.`; goes into the names of rooms.
    pub name: String,
    /// Decides everything that is random.
    pub seed: u64,
    /// 1 to 1,000,000.
    pub clients: u32,
    /// How the clients come.
    #[serde(default)]
    pub connect: Connect,
    /// How long to wait at the end for what is under way. 10 s if not named.
    #[serde(default = "ten_seconds", deserialize_with = "duration::deserialize")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<duration::Span>"))]
    pub drain: Duration,
    /// What is said in this time after the first stage's start is in no latency figure. Nothing is left out if not named.
    #[serde(default, deserialize_with = "duration::deserialize")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<duration::Span>"))]
    pub warm_up: Duration,
    /// A delivery that comes longer after its intended instant is late. 1 s if not named.
    #[serde(default = "a_second", deserialize_with = "duration::deserialize")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<duration::Span>"))]
    pub late_after: Duration,
}

/// `connect`: how the clients come, before the first stage.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(!default))]
#[serde(deny_unknown_fields, default)]
pub struct Connect {
    /// Connections begun per second, evenly. 500 if not named.
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
    pub rate: f64,
    /// Connections that may be under way at once. 200 if not named.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>"))]
    pub in_flight: u32,
    /// A connection not made within this has failed. 10 s if not named.
    #[serde(deserialize_with = "duration::deserialize")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<duration::Span>"))]
    pub timeout: Duration,
}

impl Default for Connect {
    fn default() -> Self {
        Self { rate: 500.0, in_flight: 200, timeout: ten_seconds() }
    }
}

/// `[[scenario]]`: a share of the clients, and what they do.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Not two of one name.
    pub name: String,
    /// Its share of the clients, in proportion to those of the others.
    pub weight: u32,
    /// When its first stage begins, after the run's first.
    pub start: Duration,
    /// What its clients do in one iteration; not empty.
    pub flow: Vec<Step>,
    /// How fast its clients read; as fast as they can if `None`.
    pub read: Option<Read>,
    /// When they do it how often, one after the other; at least one.
    pub stages: Vec<Stage>,
}

/// How fast a slow reader reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Read {
    /// Bytes of frames a second; no limit if `None`.
    pub rate: Option<u32>,
    /// It stops so often…
    pub pause_every: Duration,
    /// …for so long. Zero if it does not.
    pub pause_for: Duration,
}

impl Read {
    /// When it reads, next or now, if it began so long ago: from then on, after that beginning.
    #[must_use]
    pub fn reads_from(&self, passed: Duration) -> Duration {
        if self.pause_for.is_zero() {
            return Duration::ZERO;
        }
        let round = (self.pause_every + self.pause_for).as_nanos();
        let (rounds, within) = (passed.as_nanos() / round, passed.as_nanos() % round);
        let rounds = if within < self.pause_every.as_nanos() { rounds } else { rounds + 1 };
        Duration::from_nanos(u64::try_from(rounds * round).unwrap_or(u64::MAX))
    }
}

/// A span of time in which a group does its flow in one manner.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Not two of one name in a group.
    pub name: String,
    /// How long, longer than zero.
    pub duration: Duration,
    /// How often it is done.
    pub load: Load,
    /// Memory per connection is measured at the end of this stage; of one stage at most.
    pub measure_memory: bool,
    /// Whether the generator must have kept to the plan here for the run to be valid.
    pub judged: bool,
}

/// When iterations begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Never.
    Silent,
    /// So many a second over all clients of the group, in turns; the rate changes evenly from one to the other.
    Rate {
        /// At the stage's start.
        from: f64,
        /// At its end.
        to: f64,
        /// How they follow one another.
        arrivals: Arrivals,
    },
    /// Each of so many clients does one after the other; their number changes evenly. `None` is all of the group.
    Looping {
        /// At the stage's start.
        from: Option<u32>,
        /// At its end.
        to: Option<u32>,
    },
    /// So many of each client. Who is away then does it on return.
    PerClient {
        /// How many.
        iterations: u32,
        /// How they follow one another.
        arrivals: Arrivals,
    },
    /// So many in each room, by its members in turns.
    PerRoom {
        /// How many.
        iterations: u32,
        /// How they follow one another.
        arrivals: Arrivals,
    },
    /// So many over all clients of the group, in turns.
    Shared {
        /// How many.
        iterations: u32,
        /// How they follow one another.
        arrivals: Arrivals,
    },
}

/// How iterations follow one another.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// At equal distances, or such as the changing rate makes them.
    #[default]
    Uniform,
    /// At independent random instants.
    Poisson,
}

/// `[[event]]`: something that befalls many clients at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, after the run's first stage begins.
    pub at: Duration,
    /// What.
    pub kind: EventKind,
    /// Of which group only.
    pub group: Option<String>,
    /// The share of clients that it hits, above 0 and at most 1: of every room, rounded down, where rooms are of one
    /// size, otherwise of all clients.
    pub fraction: f64,
    /// They stay away at least this long; the server stays down so long.
    pub down_for: Duration,
    /// They come back one by one, at random instants within this; all at once if zero.
    pub back_over: Duration,
}

/// What an event does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Clients are gone without a goodbye, but the end of their connections arrives (FIN).
    Disconnect,
    /// Connections are reset (RST): both ends know at once.
    Reset,
    /// Neither end is told: the client just comes back on another connection.
    HalfOpen,
    /// Nothing passes in either direction for a while; then the same connections go on.
    Partition,
    /// The server that was started for the run is killed, and started anew on the same port.
    Restart,
}

impl EventKind {
    /// Whether clients have to make another connection.
    #[must_use]
    pub const fn loses_connections(self) -> bool {
        !matches!(self, Self::Partition)
    }
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error`] names what is wrong, and where.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| Error::unreadable(&file, &error))?;
        Self::parse(&file, &text)
    }

    /// Reads text; `file` is what errors call it.
    ///
    /// # Errors
    /// [`Error`] names what is wrong, and where.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let parsed = toml::from_str(text).map_err(|error| Error::syntax(file, text, &error))?;
        check::check(parsed).map_err(|fault| Error::fault(file, text, fault))
    }

    /// The rooms that there are: where the protocol has none, everyone is in one, or each in their own.
    #[must_use]
    pub fn meeting_rooms(&self) -> Rooms {
        match self.protocol.as_ref().map(|protocol| protocol.rooms) {
            None | Some(ProtocolRooms::Many | ProtocolRooms::OneAtATime) => self.rooms,
            Some(ProtocolRooms::Shared) => Rooms::OfSize(u32::MAX),
            Some(ProtocolRooms::Private) => Rooms::OfSize(1),
        }
    }

    /// Whether everyone stays in their rooms, on a server that keeps what was said: only then can a plan foresee what
    /// will be delivered.
    #[must_use]
    pub fn is_foreseeable(&self) -> bool {
        let leaves = |group: &Group| group.flow.contains(&Step::Leave);
        !self.groups.iter().any(leaves) && !self.events.iter().any(|event| event.kind == EventKind::Restart)
    }
}

fn a_second() -> Duration {
    Duration::from_secs(1)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

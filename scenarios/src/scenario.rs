//! A scenario as it is written: the types of the file's tables.

use std::{collections::BTreeMap, fmt, path::Path, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{check, duration, error::Error, threshold::Threshold};

/// A scenario that has been read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What is run.
    pub run: Run,
    /// Who meets whom.
    pub rooms: Rooms,
    /// What is said.
    pub message: Message,
    /// What happens, one after the other; at least one.
    pub stages: Vec<Stage>,
    /// What befalls the clients meanwhile.
    pub events: Vec<Event>,
    /// What counts as a success.
    pub thresholds: Vec<Threshold>,
}

/// The file itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) run: Run,
    pub(crate) rooms: Rooms,
    #[serde(default)]
    pub(crate) message: Message,
    #[serde(rename = "stage", default)]
    pub(crate) stages: Vec<Stage>,
    #[serde(rename = "event", default)]
    pub(crate) events: Vec<Event>,
    #[serde(default)]
    pub(crate) thresholds: BTreeMap<String, Vec<String>>,
}

/// `[run]`: what is run.
#[derive(Clone, Debug, Deserialize, PartialEq)]
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
    pub drain: Duration,
}

/// `connect`: how the clients come.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Connect {
    /// Connections begun per second, evenly. 500 if not named.
    pub rate: f64,
    /// Connections that may be under way at once. 200 if not named.
    pub in_flight: u32,
    /// A connection not made within this has failed. 10 s if not named.
    #[serde(deserialize_with = "duration::deserialize")]
    pub timeout: Duration,
}

impl Default for Connect {
    fn default() -> Self {
        Self { rate: 500.0, in_flight: 200, timeout: ten_seconds() }
    }
}

/// `[rooms]`: who meets whom.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Rooms {
    /// Members per room: client `c` is in room `c / size`, and the last room takes the rest.
    pub size: u32,
}

/// `[message]`: what is said.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Message {
    /// How long.
    pub size: Size,
}

/// The size of messages in bytes, 24 to 4,096: `100`, or `{ min = 40, max = 400 }` for any size between with equal
/// chance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Size {
    /// All the same.
    Fixed(u32),
    /// Any between, with equal chance.
    Uniform {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
}

impl Default for Size {
    fn default() -> Self {
        Self::Fixed(100)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

/// Tells a number from a table, with better errors than an untagged enum's.
struct SizeVisitor;

impl<'de> Visitor<'de> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of bytes or { min = …, max = … }")
    }

    fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<Size, E> {
        u32::try_from(bytes)
            .map(Size::Fixed)
            .map_err(|_| E::custom(format_args!("{bytes} is no number of bytes")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Size, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Uniform {
            min: u32,
            max: u32,
        }
        let Uniform { min, max } = Uniform::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Size::Uniform { min, max })
    }
}

/// `[[stage]]`: a span of time in which clients speak in one manner. At most one of `rate`, `each` and `each_room` is
/// named; in a stage that names none, nobody speaks.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Not two of one name.
    pub name: String,
    /// How long, longer than zero.
    #[serde(deserialize_with = "duration::deserialize")]
    pub duration: Duration,
    /// Messages per second over all clients. Clients take turns in random order; those away are passed over.
    pub rate: Option<f64>,
    /// How the messages of `rate` follow one another; `uniform` if not named.
    pub arrivals: Option<Arrivals>,
    /// Every client speaks so often, at random instants. Who is away then speaks on return.
    pub each: Option<u32>,
    /// In every room so many messages are said, at random instants, by members who are not away, in turns.
    pub each_room: Option<u32>,
    /// Memory per connection is measured at the end of this stage; of one stage at most.
    #[serde(default)]
    pub measure_memory: bool,
    /// Whether the generator must have kept to the plan here for the run to be valid; true if not named.
    #[serde(default = "yes")]
    pub judged: bool,
}

/// How messages follow one another.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// At equal distances.
    #[default]
    Uniform,
    /// At independent random instants, as many as `rate` and `duration` make.
    Poisson,
}

/// `[[event]]`: something that befalls many clients at one instant.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// What.
    pub kind: EventKind,
    /// In which way; `cut` if not named.
    #[serde(default)]
    pub mode: Mode,
    /// The share of every room that it hits, above 0 and at most 1, rounded down to whole members.
    pub fraction: f64,
    /// They stay away at least this long.
    #[serde(deserialize_with = "duration::deserialize")]
    pub down_for: Duration,
    /// They come back one by one, at random instants within this; all at once if not named.
    #[serde(default, deserialize_with = "duration::deserialize")]
    pub back_over: Duration,
}

/// An instant, told by the stage it falls into.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// The stage's name.
    pub stage: String,
    /// How long after its start, less than its duration; 0 if not named.
    #[serde(default, deserialize_with = "duration::deserialize")]
    pub offset: Duration,
}

/// What an event does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Clients lose their connection.
    Disconnect,
}

/// How a connection is lost.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Reset without a word: both ends know at once.
    #[default]
    Cut,
    /// Neither end is told: the client just comes back on another connection.
    HalfOpen,
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
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn yes() -> bool {
    true
}

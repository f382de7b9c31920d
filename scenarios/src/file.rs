//! The file as it is written: tables and keys, before they are known to make sense.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer, value::StrDeserializer},
};

use crate::{
    duration::Span,
    flow::Step,
    protocol, rooms,
    scenario::{Arrivals, EventKind, Run},
    server::Setting,
};

/// A scenario file: what clients do, when, and what counts as a success.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "A scenario of Chinwag's loadgen")
)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// What is run.
    pub(crate) run: Run,
    /// Who meets whom.
    pub(crate) rooms: rooms::File,
    /// How the server is spoken to; in Chinwag's own `chat` if not named.
    pub(crate) protocol: Option<protocol::File>,
    /// Limits of the server that is started for the run, by the names that they have in chat-server's configuration; its
    /// defaults if not named.
    #[serde(default)]
    pub(crate) server: BTreeMap<String, Setting>,
    /// Who does what, and when.
    #[serde(rename = "scenario", default)]
    pub(crate) groups: Vec<Group>,
    /// What befalls the clients meanwhile.
    #[serde(rename = "event", default)]
    pub(crate) events: Vec<Event>,
    /// What counts as a success: by metric, as in `e2e_latency{stage:burst}`, conditions as in `p(99)<500ms`.
    #[serde(default)]
    pub(crate) thresholds: BTreeMap<String, Vec<Threshold>>,
}

/// `[[scenario]]`: a share of the clients, and what they do.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Scenario"))]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// 1 to 32 letters, digits, `-`, `_` and `.`; not two of one name.
    pub(crate) name: String,
    /// Its share of the clients, in proportion to those of the others; 1 if not named.
    pub(crate) weight: Option<u32>,
    /// When its first stage begins, after the run's first; at once if not named.
    pub(crate) start: Option<Span>,
    /// What its clients do in one iteration; they say a hundred bytes if not named.
    pub(crate) flow: Option<Vec<Step>>,
    /// How fast its clients read; as fast as they can if not named.
    pub(crate) read: Option<Read>,
    /// When iterations begin, in each stage that does not name an executor of its own.
    pub(crate) executor: Option<Executor>,
    /// How long, if there are no stages.
    pub(crate) duration: Option<Span>,
    /// Iterations per second over all clients of the scenario, for `constant-arrival-rate`.
    pub(crate) rate: Option<f64>,
    /// The rate with which the first stage of `ramping-arrival-rate` begins; 0 if not named.
    pub(crate) start_rate: Option<f64>,
    /// How many clients are busy, for `constant-vus`; all if not named.
    pub(crate) vus: Option<u32>,
    /// How many are busy when the first stage of `ramping-vus` begins; 0 if not named.
    pub(crate) start_vus: Option<u32>,
    /// How many iterations, for the executors that have it in their name; 1 if not named.
    pub(crate) iterations: Option<u32>,
    /// How iterations follow one another. `uniform` for rates and shared iterations, `poisson` for others if not named.
    pub(crate) arrivals: Option<Arrivals>,
    /// One after the other; one as long as `duration`, with the scenario's name, if there are none.
    #[serde(default)]
    pub(crate) stages: Vec<Stage>,
}

/// A span of time in which iterations begin in one manner.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Stage {
    /// Not two of one name in a scenario.
    pub(crate) name: String,
    /// How long, longer than zero.
    pub(crate) duration: Span,
    /// When iterations begin; the scenario's if not named, and never if that has none either.
    pub(crate) executor: Option<Executor>,
    /// What the rate or the number of busy clients has become at this stage's end, for a ramp.
    pub(crate) target: Option<f64>,
    /// Iterations per second over all clients of the scenario, for `constant-arrival-rate`.
    pub(crate) rate: Option<f64>,
    /// How many clients are busy, for `constant-vus`; all if not named.
    pub(crate) vus: Option<u32>,
    /// How many iterations, for the executors that have it in their name; 1 if not named.
    pub(crate) iterations: Option<u32>,
    /// How iterations follow one another.
    pub(crate) arrivals: Option<Arrivals>,
    /// Memory per connection is measured at the end of this stage; of one stage at most.
    #[serde(default)]
    pub(crate) measure_memory: bool,
    /// Whether the generator must have kept to the plan here for the run to be valid; true if not named.
    pub(crate) judged: Option<bool>,
}

/// When iterations begin: names as in k6, and one of our own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Executor {
    /// So many clients, each doing one iteration after the other.
    ConstantVus,
    /// The same, with a number of clients that changes evenly.
    RampingVus,
    /// So many iterations a second.
    ConstantArrivalRate,
    /// The same, with a rate that changes evenly.
    RampingArrivalRate,
    /// So many iterations of each client.
    PerVuIterations,
    /// So many iterations in all.
    SharedIterations,
    /// So many iterations in each room (not in k6).
    PerRoomIterations,
    /// Not here: a plan that is made before the run cannot be steered from outside.
    #[cfg_attr(feature = "schema", schemars(skip))]
    ExternallyControlled,
}

impl Executor {
    /// Its name in files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ConstantVus => "constant-vus",
            Self::RampingVus => "ramping-vus",
            Self::ConstantArrivalRate => "constant-arrival-rate",
            Self::RampingArrivalRate => "ramping-arrival-rate",
            Self::PerVuIterations => "per-vu-iterations",
            Self::SharedIterations => "shared-iterations",
            Self::PerRoomIterations => "per-room-iterations",
            Self::ExternallyControlled => "externally-controlled",
        }
    }
}

/// How fast a slow reader reads: at a rate, with pauses, or both.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    /// Bytes of frames a second.
    pub(crate) rate: Option<u32>,
    /// It stops reading so often…
    pub(crate) pause_every: Option<Span>,
    /// …for so long.
    pub(crate) pause_for: Option<Span>,
}

/// `[[event]]`: something that befalls many clients at one instant.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    /// When.
    pub(crate) at: Moment,
    /// What.
    pub(crate) kind: EventKind,
    /// Of which scenario's clients only.
    pub(crate) scenario: Option<String>,
    /// The share of clients that it hits, above 0 and at most 1; everyone if not named.
    pub(crate) fraction: Option<f64>,
    /// They stay away at least this long; the server stays down so long.
    pub(crate) down_for: Span,
    /// They come back one by one, at random instants within this; all at once if not named.
    pub(crate) back_over: Option<Span>,
}

/// An instant: a span after the first stage's start, or one told by the stage it falls into.
pub(crate) enum Moment {
    /// So long after the first stage's start.
    After(Span),
    /// In a stage.
    In(InStage),
}

/// An instant, told by the stage it falls into.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct InStage {
    /// The stage's name.
    pub(crate) stage: String,
    /// Whose stage, if several scenarios have one of that name.
    pub(crate) scenario: Option<String>,
    /// How long after its start, less than its duration; 0 if not named.
    pub(crate) offset: Option<Span>,
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

struct MomentVisitor;

impl<'de> Visitor<'de> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration as in \"30s\", or { stage = …, offset = … }")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Moment, E> {
        Span::deserialize(StrDeserializer::new(text)).map(Moment::After)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Moment, A::Error> {
        InStage::deserialize(MapAccessDeserializer::new(map)).map(Moment::In)
    }
}

/// A condition for success: an expression, or a table that says what to do if it does not hold.
pub(crate) struct Threshold {
    pub(crate) expression: String,
    pub(crate) abort_on_fail: bool,
    pub(crate) delay_abort_eval: Option<Span>,
}

/// A condition that may end the run.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Condition {
    /// As in `p(99)<500ms`.
    threshold: String,
    /// Whether the run ends as soon as it does not hold.
    #[serde(default)]
    abort_on_fail: bool,
    /// Not before this long after the first stage's start.
    delay_abort_eval: Option<Span>,
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ThresholdVisitor)
    }
}

struct ThresholdVisitor;

impl<'de> Visitor<'de> for ThresholdVisitor {
    type Value = Threshold;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition as in \"p(99)<500ms\", or { threshold = …, abort_on_fail = true }")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Threshold, E> {
        Ok(Threshold { expression: text.into(), abort_on_fail: false, delay_abort_eval: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Threshold, A::Error> {
        let Condition { threshold, abort_on_fail, delay_abort_eval } =
            Condition::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Threshold { expression: threshold, abort_on_fail, delay_abort_eval })
    }
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator};

    use super::{Condition, InStage, Moment, Span, Threshold};

    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum EitherMoment {
        After(Span),
        In(InStage),
    }

    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum EitherThreshold {
        Expression(String),
        Condition(Condition),
    }

    impl JsonSchema for Moment {
        fn schema_name() -> Cow<'static, str> {
            "Moment".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            EitherMoment::json_schema(generator)
        }
    }

    impl JsonSchema for Threshold {
        fn schema_name() -> Cow<'static, str> {
            "Threshold".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            EitherThreshold::json_schema(generator)
        }
    }
}

//! What a prediction comes to. What means the same as in `summary.json` of `loadgen` has the same name.

use std::time::Duration;

use chinwag_bots::{Book, Deliveries, Figures, Found, Judged, Row, Script, StageFigures, Verdict};
use chinwag_scenarios::{Metric, Scenario, Threshold};
use serde::Serialize;

use super::Network;

/// What virtual time does not know, and a prediction therefore does not hold.
const NOT_PREDICTED: [&str; 4] = [
    "processor time: everything is computed at once, so latency is that of the lines and of waiting for one's turn",
    "memory",
    "send lag: bots are always there in time",
    "what the server's threads tell one another: it has one",
];

/// What a scenario will come to over given lines.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Prediction {
    /// What the summary of a run has, too. Thresholds about what is not predicted are not judged.
    #[serde(flatten)]
    pub figures: Figures,
    /// What virtual time cannot know.
    pub not_predicted: Vec<&'static str>,
    /// What lies between clients and server.
    pub network: Lines,
    /// Latencies by scenario and stage.
    pub stages: Vec<StageFigures>,
    /// The time series, with the names of `intervals.csv`.
    pub intervals: Vec<Row>,
    /// How fast it was played.
    pub speed: Speed,
    /// What becomes of each room's messages at each client.
    #[serde(skip)]
    pub received: Vec<Deliveries>,
}

/// What lies between clients and server.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Lines {
    /// How long a byte travels, one way.
    pub latency_us: u128,
    /// How much longer at most.
    pub jitter_us: u128,
    /// Of each client's line, in each direction.
    pub bytes_per_second: u64,
}

/// How fast it was played.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Speed {
    /// Inputs that were handled.
    pub events: u64,
    /// Frames that clients read.
    pub frames: u64,
    /// How long it took.
    pub busy_seconds: f64,
    /// How much faster than real time.
    pub virtual_to_real: f64,
}

/// A plan that was played, and what was written down of it.
pub(super) struct Played<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) script: &'a Script,
    pub(super) book: &'a Book,
    pub(super) network: Network,
    /// In virtual time.
    pub(super) duration: Duration,
    /// In real time.
    pub(super) real: Duration,
    pub(super) events: u64,
    pub(super) frames: u64,
    pub(super) aborted: Option<String>,
    pub(super) broken: Option<String>,
}

impl Prediction {
    /// Sums up and judges.
    pub(super) fn new(played: &Played<'_>, intervals: Vec<Row>) -> Self {
        let &Played { script, book, network, duration, .. } = played;
        let (plan, board) = (&script.plan, &script.board);
        let (judged, not_judged) = divide(played.scenario);
        let found = Found {
            protocol: "chat".into(),
            connected: board.arrived.get(),
            reconnects: board.reconnects.get(),
            handed: board.handed.get(),
            deliveries_per_second_max: busiest(&intervals),
            duration,
            aborted: played.aborted.clone(),
            broken_off: played.broken.clone(),
            judged,
            not_judged,
            ..Found::default()
        };
        let Judged { figures, verdict, deliveries } = Judged::new(plan, book, found);
        Self {
            figures: Figures { exit_code: u8::from(verdict != Verdict::Pass), ..figures },
            not_predicted: NOT_PREDICTED.into(),
            network: Lines {
                latency_us: network.latency.as_micros(),
                jitter_us: network.jitter.as_micros(),
                bytes_per_second: network.rate,
            },
            stages: StageFigures::of(plan, book).map(|(figures, _)| figures).collect(),
            intervals,
            speed: Speed::of(played),
            received: deliveries,
        }
    }
}

impl Speed {
    fn of(played: &Played<'_>) -> Self {
        let busy_seconds = played.real.as_secs_f64().max(1e-9);
        Self {
            events: played.events,
            frames: played.frames,
            busy_seconds,
            virtual_to_real: played.duration.as_secs_f64() / busy_seconds,
        }
    }
}

/// The thresholds that can be judged, and in words what cannot be.
fn divide(scenario: &Scenario) -> (Vec<&Threshold>, Vec<String>) {
    let (judged, apart): (Vec<_>, Vec<_>) =
        scenario.thresholds.iter().partition(|threshold| threshold.metric != Metric::SendLag);
    let words = |threshold: &Threshold| {
        format!("{}{} {}: it is not predicted", threshold.metric, threshold.tags, threshold.expression)
    };
    (judged, apart.into_iter().map(words).collect())
}

/// The busiest interval's deliveries, by the second.
fn busiest(intervals: &[Row]) -> u64 {
    let rates = intervals.windows(2).map(|pair| {
        let seconds = pair[1].t - pair[0].t;
        let count = (pair[1].delivered - pair[0].delivered) as f64;
        if seconds > 0.0 { (count / seconds).round() as u64 } else { 0 }
    });
    rates.max().unwrap_or_default()
}

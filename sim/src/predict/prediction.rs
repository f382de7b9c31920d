//! What a prediction comes to. What means the same as in `summary.json` of `loadgen` has the same name.

use std::{collections::BTreeMap, time::Duration};

use chinwag_bots::{
    Book, Checked, Counts, Deliveries, Facts, Measured, Percentiles, Row, Script, StageBook, Verdict, Word,
    judge,
};
use chinwag_oracle::Report;
use chinwag_scenarios::{Metric, PlannedStage, Scenario, Threshold};
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
pub struct Prediction {
    /// Of the program.
    pub version: &'static str,
    /// Its name.
    pub scenario: String,
    /// The random seed.
    pub seed: u64,
    /// What is spoken.
    pub protocol: &'static str,
    /// What virtual time cannot know.
    pub not_predicted: Vec<&'static str>,
    /// Thresholds about that: they are not judged.
    pub not_judged: Vec<String>,
    /// What lies between clients and server.
    pub network: Lines,
    /// How many there are to be.
    pub clients: u32,
    /// How many come to be in all their rooms.
    pub connected: u64,
    /// From the first connection to the last delivery.
    pub duration_seconds: f64,
    /// The oracle's verdict in numbers.
    #[serde(flatten)]
    pub deliveries: Report,
    /// Connections made again after one was lost.
    pub reconnects: u64,
    /// Of deliveries, in the busiest interval, by the second.
    pub deliveries_per_second_max: u64,
    /// Sends that have to wait for a connection or for answers.
    pub deferred: u64,
    /// Sends that wait because the scenario keeps their sender away.
    pub held_back: u64,
    /// Refusals of what is sent to be refused.
    pub rebuffed: u64,
    /// Refusals, by code, of whatever is sent: also those for now only, after which a bot tries again.
    pub refusals_by_code: BTreeMap<String, u64>,
    /// Times a bot reads too slowly and has to catch up.
    pub lagged: u64,
    /// From the intended instant of a send to each delivery, in microseconds.
    pub latency_us: Percentiles,
    /// From the actual instant.
    pub latency_actual_us: Percentiles,
    /// From the beginning of a connection to being in all rooms.
    pub connect_us: Percentiles,
    /// From the intended instant to the delivery to those whom the scenario keeps away; not part of the above.
    pub catch_up_us: Percentiles,
    /// From the intended instant to the delivery to those who read slowly; not part of the above.
    pub slow_us: Percentiles,
    /// From the instant at which a history is meant to be asked for to its page.
    pub history_us: Percentiles,
    /// The same by scenario and stage.
    pub stages: Vec<Stage>,
    /// Connections that fail or are lost, by reason.
    pub errors: BTreeMap<String, u64>,
    /// In a word: what `loadgen` would say.
    pub verdict: Word,
    /// Why.
    pub reason: String,
    /// The process's exit code.
    pub exit_code: u8,
    /// How they come out.
    pub thresholds: Vec<Checked>,
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
pub struct Lines {
    /// How long a byte travels, one way.
    pub latency_us: u128,
    /// How much longer at most.
    pub jitter_us: u128,
    /// Of each client's line, in each direction.
    pub bytes_per_second: u64,
}

/// Latencies of one stage.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// The name of its `[[scenario]]`.
    pub scenario: String,
    /// Its name.
    pub name: String,
    /// See [`Prediction`]; so on.
    pub latency_us: Percentiles,
    /// From the actual instant.
    pub latency_actual_us: Percentiles,
}

/// How fast it was played.
#[derive(Clone, Copy, Debug, Serialize)]
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
        let (report, overall) = (book.oracle.finish(), book.times.overall());
        let counts = Counts {
            report: &report,
            clients: plan.clients(),
            connected: board.arrived.get(),
            reconnects: board.reconnects.get(),
        };
        let (judged, not_judged) = divide(played.scenario);
        let measured = Measured { plan, times: &book.times, counts: &|query| counts.of(query) };
        let thresholds: Vec<_> = judged.into_iter().map(|threshold| measured.check(threshold)).collect();
        let verdict = judge(&Facts {
            aborted: played.aborted.clone(),
            broken_off: played.broken.clone(),
            ..Facts::of(plan, script.segment, book, board.handed.get(), &counts, &thresholds)
        });
        let stage = |(planned, book): (&PlannedStage, &StageBook)| Stage {
            scenario: planned.scenario.clone(),
            name: planned.name.clone(),
            latency_us: Percentiles::of(&book.e2e),
            latency_actual_us: Percentiles::of(&book.e2e_actual),
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            scenario: plan.scenario().into(),
            seed: plan.seed(),
            protocol: "chat",
            not_predicted: NOT_PREDICTED.into(),
            not_judged,
            network: Lines {
                latency_us: network.latency.as_micros(),
                jitter_us: network.jitter.as_micros(),
                bytes_per_second: network.rate,
            },
            clients: plan.clients(),
            connected: counts.connected,
            duration_seconds: duration.as_secs_f64(),
            reconnects: counts.reconnects,
            deliveries_per_second_max: busiest(&intervals),
            deferred: book.deferred,
            held_back: book.held_back,
            rebuffed: book.rebuffed,
            refusals_by_code: book.refusals.clone(),
            lagged: book.lagged,
            latency_us: Percentiles::of(&overall.e2e),
            latency_actual_us: Percentiles::of(&overall.e2e_actual),
            connect_us: Percentiles::of(&book.times.connect),
            catch_up_us: Percentiles::of(&book.times.catch_up),
            slow_us: Percentiles::of(&book.times.slow),
            history_us: Percentiles::of(&book.times.history),
            stages: plan.stages().iter().zip(&book.times.stages).map(stage).collect(),
            errors: book.errors.clone(),
            verdict: verdict.word(),
            reason: verdict.to_string(),
            exit_code: u8::from(verdict != Verdict::Pass),
            thresholds,
            intervals,
            speed: Speed::of(played),
            received: Deliveries::of(book),
            deliveries: report,
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

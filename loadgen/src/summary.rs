//! Everything a run has shown, as `summary.json` holds it.

use std::{collections::BTreeMap, time::Duration};

use chinwag_bots::{
    Book, Checked, Counts, Facts, Measured, Percentiles, Segment, StageBook, Verdict, Word, judge,
};
use chinwag_oracle::Report;
use chinwag_scenarios::{Plan, PlannedStage, Scenario};
use serde::{Deserialize, Serialize};

use crate::{
    clocks::{Clocks, SegmentClock},
    speech::NATIVE,
    unjudged,
};

/// The summary of a run. Counts are defined at the oracle's [`Report`], whose every key is here too.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Summary {
    /// Of the program.
    pub(crate) version: &'static str,
    /// Its name.
    pub(crate) scenario: String,
    /// The random seed.
    pub(crate) seed: u64,
    /// What was spoken: `chat`, or a protocol's name.
    pub(crate) protocol: String,
    /// What could not be judged in it.
    pub(crate) not_judged: Vec<String>,
    /// How many there were to be.
    pub(crate) clients: u32,
    /// How many came to be in all their rooms.
    pub(crate) connected: u64,
    /// From the first connection to the last delivery.
    pub(crate) duration_seconds: f64,
    /// The oracle's verdict in numbers.
    #[serde(flatten)]
    pub(crate) deliveries: Report,
    /// Connections made again after one was lost.
    pub(crate) reconnects: u64,
    /// Of deliveries, in the busiest second.
    pub(crate) deliveries_per_second_max: u64,
    /// Sends that had to wait for a connection or for answers.
    pub(crate) deferred: u64,
    /// Sends that waited because the scenario kept their sender away.
    pub(crate) held_back: u64,
    /// Refusals of what was sent to be refused.
    pub(crate) rebuffed: u64,
    /// Refusals heard in `chat`, by code, of whatever was sent: also those for now only, after which a bot tries again.
    pub(crate) refusals_by_code: BTreeMap<String, u64>,
    /// Times a bot read too slowly and had to catch up.
    pub(crate) lagged: u64,
    /// From the intended instant of a send to each delivery, in microseconds.
    pub(crate) latency_us: Percentiles,
    /// From the actual instant.
    pub(crate) latency_actual_us: Percentiles,
    /// From the intended to the actual instant.
    pub(crate) send_lag_us: Percentiles,
    /// From the beginning of a connection to being in all rooms.
    pub(crate) connect_us: Percentiles,
    /// From the intended instant to the delivery to those whom the scenario kept away; not part of the above.
    pub(crate) catch_up_us: Percentiles,
    /// From the intended instant to the delivery to those who read slowly; not part of the above.
    pub(crate) slow_us: Percentiles,
    /// From the instant at which a history was meant to be asked for to its page.
    pub(crate) history_us: Percentiles,
    /// The same by scenario and stage.
    pub(crate) stages: Vec<StageSummary>,
    /// Of several processes: how far their clocks agree.
    pub(crate) clocks: Option<Clocks>,
    /// This process.
    pub(crate) generator: Generator,
    /// The server, if it was ours.
    pub(crate) server: Option<Usage>,
    /// Connections failed or lost, by reason.
    pub(crate) errors: BTreeMap<String, u64>,
    /// In a word.
    pub(crate) verdict: Word,
    /// Why.
    pub(crate) reason: String,
    /// The process's exit code.
    pub(crate) exit_code: u8,
    /// How they came out.
    pub(crate) thresholds: Vec<Checked>,
}

/// Latencies of one stage.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct StageSummary {
    /// The name of its `[[scenario]]`.
    pub(crate) scenario: String,
    /// Its name.
    pub(crate) name: String,
    /// See [`Summary`]; so on.
    pub(crate) latency_us: Percentiles,
    pub(crate) latency_actual_us: Percentiles,
    pub(crate) send_lag_us: Percentiles,
}

/// What a process used. Unknown where the system does not tell.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Usage {
    /// Processor time, in the kernel and outside.
    pub(crate) cpu_seconds: Option<f64>,
    /// Resident when memory was measured.
    pub(crate) rss_bytes: Option<u64>,
    /// What was resident more than before the first connection, for each connection.
    pub(crate) bytes_per_connection: Option<u64>,
}

/// What the generator used, and whether it kept up.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Generator {
    /// What it used.
    #[serde(flatten)]
    pub(crate) usage: Usage,
    /// It did not keep to the plan.
    pub(crate) saturated: bool,
}

/// What a summary is made from, beside plan and book.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Findings {
    /// Which of the plan's clients it is about.
    pub(crate) segment: Segment,
    /// Bots that came to be in all their rooms.
    pub(crate) connected: u64,
    /// Connections made again.
    pub(crate) reconnects: u64,
    /// Messages handed to bots.
    pub(crate) handed: u64,
    /// Of deliveries, in the busiest second.
    pub(crate) deliveries_per_second_max: u64,
    /// From the first connection to the last delivery.
    pub(crate) duration: Duration,
    /// This process.
    pub(crate) generator: Usage,
    /// The server, if it was ours.
    pub(crate) server: Option<Usage>,
    /// The clocks of segments, each against the server's.
    pub(crate) clocks: Vec<SegmentClock>,
    /// The user has ended the run.
    pub(crate) interrupted: bool,
    /// The threshold that ended the run.
    pub(crate) aborted: Option<String>,
    /// Why the run ended too early by itself, if it did.
    pub(crate) broken_off: Option<String>,
}

impl Findings {
    /// Nothing found yet about a segment.
    pub(crate) fn new(segment: Segment) -> Self {
        Self {
            segment,
            connected: 0,
            reconnects: 0,
            handed: 0,
            deliveries_per_second_max: 0,
            duration: Duration::ZERO,
            generator: Usage::default(),
            server: None,
            clocks: Vec::new(),
            interrupted: false,
            aborted: None,
            broken_off: None,
        }
    }

    /// What was found about both of two parts, which are then the whole.
    pub(crate) fn merge(self, other: Self) -> Self {
        Self {
            segment: Segment::WHOLE,
            connected: self.connected + other.connected,
            reconnects: self.reconnects + other.reconnects,
            handed: self.handed + other.handed,
            // At least; of the whole, the time series says.
            deliveries_per_second_max: self.deliveries_per_second_max.max(other.deliveries_per_second_max),
            duration: self.duration.max(other.duration),
            generator: self.generator.merge(other.generator),
            server: None,
            clocks: [self.clocks, other.clocks].concat(),
            interrupted: self.interrupted || other.interrupted,
            aborted: self.aborted.or(other.aborted),
            broken_off: self.broken_off.or(other.broken_off),
        }
    }
}

impl Summary {
    /// Sums up and judges.
    pub(crate) fn new(scenario: &Scenario, plan: &Plan, book: &Book, findings: Findings) -> (Self, Verdict) {
        let report = book.oracle.finish();
        let (judged, not_judged) = unjudged::divide(scenario, plan);
        let overall = book.times.overall();
        let Findings { connected, reconnects, .. } = findings;
        let counts = Counts { report: &report, clients: plan.clients(), connected, reconnects };
        let measured = Measured { plan, times: &book.times, counts: &|query| counts.of(query) };
        let thresholds: Vec<_> = judged.iter().map(|threshold| measured.check(threshold)).collect();
        let facts = Facts {
            interrupted: findings.interrupted,
            broken_off: findings.broken_off.clone(),
            aborted: findings.aborted.clone(),
            ..Facts::of(plan, findings.segment, book, findings.handed, &counts, &thresholds)
        };
        let verdict = judge(&facts);
        let generator = Generator { usage: findings.generator, saturated: verdict.word() == Word::Invalid };
        let stage = |(planned, book): (&PlannedStage, &StageBook)| StageSummary {
            scenario: planned.scenario.clone(),
            name: planned.name.clone(),
            latency_us: Percentiles::of(&book.e2e),
            latency_actual_us: Percentiles::of(&book.e2e_actual),
            send_lag_us: Percentiles::of(&book.send_lag),
        };
        let summary = Self {
            version: env!("CARGO_PKG_VERSION"),
            scenario: plan.scenario().into(),
            seed: plan.seed(),
            protocol: scenario.protocol.as_ref().map_or(NATIVE, |protocol| &protocol.name).to_owned(),
            not_judged,
            clients: plan.clients(),
            connected: findings.connected,
            duration_seconds: findings.duration.as_secs_f64(),
            reconnects: findings.reconnects,
            deliveries_per_second_max: findings.deliveries_per_second_max,
            deferred: book.deferred,
            held_back: book.held_back,
            rebuffed: book.rebuffed,
            refusals_by_code: book.refusals.clone(),
            lagged: book.lagged,
            latency_us: Percentiles::of(&overall.e2e),
            latency_actual_us: Percentiles::of(&overall.e2e_actual),
            send_lag_us: Percentiles::of(&overall.send_lag),
            connect_us: Percentiles::of(&book.times.connect),
            catch_up_us: Percentiles::of(&book.times.catch_up),
            slow_us: Percentiles::of(&book.times.slow),
            history_us: Percentiles::of(&book.times.history),
            stages: plan.stages().iter().zip(&book.times.stages).map(stage).collect(),
            clocks: Clocks::new(findings.clocks),
            generator,
            server: findings.server,
            errors: book.errors.clone(),
            verdict: verdict.word(),
            reason: verdict.to_string(),
            exit_code: verdict.exit_code(),
            thresholds,
            deliveries: report,
        };
        (summary, verdict)
    }
}

/// The JSON Schema of `summary.json` (feature `schema`).
#[cfg(feature = "schema")]
pub(crate) fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft07()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Summary>()
}

impl Usage {
    /// What two processes used together; of a connection, what the more wasteful one did.
    fn merge(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| Some(one? + other?);
        Self {
            cpu_seconds: self.cpu_seconds.zip(other.cpu_seconds).map(|(one, other)| one + other),
            rss_bytes: sum(self.rss_bytes, other.rss_bytes),
            bytes_per_connection: self.bytes_per_connection.max(other.bytes_per_connection),
        }
    }

    /// From what was resident before the first connection and at rest.
    pub(crate) fn new(before: Option<u64>, rest: Option<u64>, connected: u64) -> Self {
        let grown = before.zip(rest).map(|(before, rest)| rest.saturating_sub(before));
        Self {
            cpu_seconds: None,
            rss_bytes: rest,
            bytes_per_connection: grown.and_then(|grown| grown.checked_div(connected)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_per_connection_is_what_was_added() {
        let usage = Usage::new(Some(1_000), Some(9_000), 4);
        assert_eq!(usage.bytes_per_connection, Some(2_000));
        assert_eq!(usage.rss_bytes, Some(9_000));
        assert_eq!(Usage::new(Some(1), Some(2), 0).bytes_per_connection, None);
        assert_eq!(Usage::new(None, Some(2), 1).bytes_per_connection, None);
        assert_eq!(Usage::new(Some(3), Some(2), 1).bytes_per_connection, Some(0));
    }
}

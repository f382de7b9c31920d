//! Everything a run has shown, as `summary.json` holds it.

use std::{collections::BTreeMap, time::Duration};

use chinwag_oracle::Report;
use chinwag_scenarios::{Aggregate, Metric, Outcome, Plan, PlannedStage, Query, Scenario, Threshold};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::{
    board::Board,
    book::{Book, StageBook, Times},
    measure::{Percentiles, count_above},
    segment::Segment,
    speech::NATIVE,
    unjudged,
    verdict::{Facts, Punctuality, SEND_LAG_MAX, Verdict, Word, judge},
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

/// A threshold and how it came out.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Checked {
    /// As in the scenario.
    pub(crate) metric: String,
    /// As in the scenario.
    pub(crate) expression: String,
    /// What was measured, in microseconds or as a count.
    pub(crate) value: Option<f64>,
    /// Whether it held.
    pub(crate) passed: bool,
}

/// How many messages the clients of a segment are to send.
pub(crate) fn planned_by(plan: &Plan, segment: Segment) -> u64 {
    plan.sends().iter().filter(|send| segment.has(send.client)).count() as u64
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
            // At least: the busiest second of one need not be that of another.
            deliveries_per_second_max: self.deliveries_per_second_max.max(other.deliveries_per_second_max),
            duration: self.duration.max(other.duration),
            generator: self.generator.merge(other.generator),
            server: None,
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
        let counts = Counts { report: &report, findings: &findings };
        let measured = Measured { plan, times: &book.times, counts: &|query| counts.of(plan, query) };
        let thresholds: Vec<_> = judged.iter().map(|threshold| measured.check(threshold)).collect();
        let verdict = judge(&counts.facts(plan, book, &thresholds));
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
            lagged: book.lagged,
            latency_us: Percentiles::of(&overall.e2e),
            latency_actual_us: Percentiles::of(&overall.e2e_actual),
            send_lag_us: Percentiles::of(&overall.send_lag),
            connect_us: Percentiles::of(&book.times.connect),
            catch_up_us: Percentiles::of(&book.times.catch_up),
            slow_us: Percentiles::of(&book.times.slow),
            history_us: Percentiles::of(&book.times.history),
            stages: plan.stages().iter().zip(&book.times.stages).map(stage).collect(),
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

/// What thresholds ask for.
struct Measured<'a> {
    plan: &'a Plan,
    times: &'a Times,
    /// What is counted and not timed.
    counts: &'a dyn Fn(Query<'_>) -> Option<u64>,
}

/// What is measured while the run goes on: the first threshold that is to end it and does not hold, in words.
pub(crate) fn broken_now(
    scenario: &Scenario,
    plan: &Plan,
    times: &Times,
    board: &Board,
    passed: Duration,
) -> Option<String> {
    let counts = |query: Query<'_>| match query.metric {
        Metric::Refused => Some(board.refused.get()),
        Metric::Reconnects => Some(board.reconnects.get()),
        _ => None,
    };
    let measured = Measured { plan, times, counts: &counts };
    let due = scenario
        .thresholds
        .iter()
        .filter(|threshold| threshold.abort_after.is_some_and(|after| passed >= after));
    // What was not measured yet has not failed yet.
    let broken = due
        .map(|threshold| measured.check(threshold))
        .find(|checked| !checked.passed && checked.value.is_some());
    broken.map(|checked| {
        format!("{} {}, {}", checked.metric, checked.expression, crate::text::measured(&checked))
    })
}

impl Measured<'_> {
    fn check(&self, threshold: &Threshold) -> Checked {
        let outcome = threshold.evaluate(&|query| self.answer(query));
        Checked {
            metric: format!("{}{}", threshold.metric, threshold.tags),
            expression: threshold.expression.clone(),
            value: match outcome {
                Outcome::Passed { value } | Outcome::Failed { value } => Some(value),
                Outcome::NotMeasured => None,
            },
            passed: outcome.is_passed(),
        }
    }

    fn answer(&self, query: Query<'_>) -> Option<f64> {
        if matches!(query.aggregate, Aggregate::Planned(_)) {
            return self.plan.planned(query).map(|count| count as f64);
        }
        let book = || {
            self.times.together(|number| {
                let stage = &self.plan.stages()[number];
                query.scenario.is_none_or(|name| name == stage.scenario)
                    && query.stage.is_none_or(|name| name == stage.name)
            })
        };
        match query.metric {
            Metric::E2eLatency => read(&book().e2e, query.aggregate),
            Metric::E2eLatencyActual => read(&book().e2e_actual, query.aggregate),
            Metric::SendLag => read(&book().send_lag, query.aggregate),
            Metric::SlowLatency => read(&self.times.slow, query.aggregate),
            Metric::HistoryTime => read(&self.times.history, query.aggregate),
            Metric::ConnectTime => read(&self.times.connect, query.aggregate),
            _ => (self.counts)(query).map(|count| count as f64),
        }
    }
}

/// What is known when all is over.
struct Counts<'a> {
    report: &'a Report,
    findings: &'a Findings,
}

impl Counts<'_> {
    fn facts(&self, plan: &Plan, book: &Book, thresholds: &[Checked]) -> Facts {
        let planned = planned_by(plan, self.findings.segment);
        let stages = plan.stages().iter().zip(&book.times.stages).filter(|(planned, _)| planned.judged);
        let punctuality = |(planned, book): (&PlannedStage, &StageBook)| Punctuality {
            stage: planned.name.clone(),
            sends: book.send_lag.len(),
            late: count_above(&book.send_lag, SEND_LAG_MAX),
        };
        Facts {
            interrupted: self.findings.interrupted,
            broken_off: self.findings.broken_off.clone(),
            aborted: self.findings.aborted.clone(),
            exhausted: book.exhausted.clone(),
            part: (!self.findings.segment.is_whole()).then(|| self.findings.segment.to_string()),
            not_handed: planned.saturating_sub(self.findings.handed),
            withheld: self.findings.handed.saturating_sub(self.report.sent),
            throttled: book.throttled,
            punctuality: stages.map(punctuality).collect(),
            failed: thresholds.iter().filter(|threshold| !threshold.passed).count(),
            thresholds: thresholds.len(),
            faults: self.faults(plan),
        }
    }

    /// What no run may have, each with its count.
    fn faults(&self, plan: &Plan) -> Vec<(u64, &'static str)> {
        let report = self.report;
        vec![
            (
                u64::from(plan.clients()) - self.findings.connected,
                "clients that did not get into their rooms",
            ),
            (report.unanswered, "messages without an answer"),
            (report.lost, "deliveries lost"),
            (report.duplicated, "duplicated"),
            (report.reordered, "reordered"),
            (report.skipped, "skipped"),
            (report.foreign, "foreign"),
            (report.violations_by_promise.values().sum(), "broken promises"),
        ]
    }

    fn of(&self, plan: &Plan, query: Query<'_>) -> Option<u64> {
        let Aggregate::Named(name) = query.aggregate else { return None };
        let report = self.report;
        Some(match (query.metric, name) {
            (Metric::Delivery, "expected") => report.expected_deliveries,
            (Metric::Delivery, "received") => report.received_deliveries,
            (Metric::Delivery, "lost") => report.lost,
            (Metric::Delivery, "duplicated") => report.duplicated,
            (Metric::Delivery, "reordered") => report.reordered,
            (Metric::Delivery, "skipped") => report.skipped,
            (Metric::Delivery, "foreign") => report.foreign,
            (Metric::Delivery, "violations") => report.violations_by_promise.values().sum(),
            (Metric::Connections, "connected") => self.findings.connected,
            (Metric::Connections, "failed") => u64::from(plan.clients()) - self.findings.connected,
            (Metric::Reconnects, _) => self.findings.reconnects,
            (Metric::CaughtUp, _) => report.caught_up,
            (Metric::Refused, _) => report.refused,
            (Metric::Unanswered, _) => report.unanswered,
            (Metric::Unsent, _) => report.planned - report.sent,
            _ => return None,
        })
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

/// Reads one number off a histogram; nothing if nothing was recorded.
fn read(histogram: &Histogram<u64>, aggregate: Aggregate) -> Option<f64> {
    if let Aggregate::Count | Aggregate::Named("count") = aggregate {
        return Some(histogram.len() as f64);
    }
    if histogram.is_empty() {
        return None;
    }
    Some(match aggregate {
        Aggregate::Percentile(percentile) => histogram.value_at_quantile(percentile / 100.0) as f64,
        Aggregate::Average => histogram.mean(),
        Aggregate::Median => histogram.value_at_quantile(0.5) as f64,
        Aggregate::Min => histogram.min() as f64,
        Aggregate::Max => histogram.max() as f64,
        Aggregate::Count | Aggregate::Named(_) | Aggregate::Planned(_) => return None,
    })
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

    #[test]
    fn aggregates_are_read_off_a_histogram() {
        let mut histogram = crate::measure::histogram();
        assert_eq!(read(&histogram, Aggregate::Max), None, "nothing was measured");
        assert_eq!(read(&histogram, Aggregate::Count), Some(0.0));
        (1..=100).for_each(|value| histogram.record(value).unwrap());
        for (aggregate, value) in [
            (Aggregate::Percentile(99.0), 99.0),
            (Aggregate::Average, 50.5),
            (Aggregate::Median, 50.0),
            (Aggregate::Min, 1.0),
            (Aggregate::Max, 100.0),
            (Aggregate::Count, 100.0),
        ] {
            assert_eq!(read(&histogram, aggregate), Some(value), "{aggregate:?}");
        }
    }
}

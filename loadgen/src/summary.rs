//! Everything a run has shown, as `summary.json` holds it.

use std::{collections::BTreeMap, time::Duration};

use chinwag_oracle::Report;
use chinwag_scenarios::{Aggregate, Metric, Outcome, Plan, PlannedStage, Query, Scenario};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::{
    book::{Book, StageBook},
    measure::{Percentiles, count_above},
    verdict::{Facts, Punctuality, SEND_LAG_MAX, Verdict, Word, judge},
};

/// The summary of a run. Counts are defined at the oracle's [`Report`], whose every key is here too.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// Of the program.
    pub(crate) version: &'static str,
    /// Its name.
    pub(crate) scenario: String,
    /// The random seed.
    pub(crate) seed: u64,
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
    /// The same by stage.
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
pub(crate) struct StageSummary {
    /// Its name.
    pub(crate) name: String,
    /// See [`Summary`]; so on.
    pub(crate) latency_us: Percentiles,
    pub(crate) latency_actual_us: Percentiles,
    pub(crate) send_lag_us: Percentiles,
}

/// What a process used. Unknown where the system does not tell.
#[derive(Clone, Copy, Debug, Default, Serialize)]
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
pub(crate) struct Generator {
    /// What it used.
    #[serde(flatten)]
    pub(crate) usage: Usage,
    /// It did not keep to the plan.
    pub(crate) saturated: bool,
}

/// A threshold and how it came out.
#[derive(Clone, Debug, Serialize)]
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

/// What a summary is made from, beside plan and book.
#[derive(Debug, Default)]
pub(crate) struct Findings {
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
    /// Why the run ended too early by itself, if it did.
    pub(crate) broken_off: Option<String>,
}

impl Summary {
    /// Sums up and judges.
    pub(crate) fn new(scenario: &Scenario, plan: &Plan, book: &Book, findings: Findings) -> (Self, Verdict) {
        let report = book.oracle.finish();
        let overall = book.overall();
        let measured = Measured { plan, book, overall: &overall, report: &report, findings: &findings };
        let thresholds: Vec<_> = measured.check(scenario);
        let verdict = judge(&measured.facts(&thresholds));
        let generator =
            Generator { usage: findings.generator, saturated: matches!(verdict, Verdict::Invalid(_)) };
        let stage = |(planned, book): (&PlannedStage, &StageBook)| StageSummary {
            name: planned.name.clone(),
            latency_us: Percentiles::of(&book.e2e),
            latency_actual_us: Percentiles::of(&book.e2e_actual),
            send_lag_us: Percentiles::of(&book.send_lag),
        };
        let summary = Self {
            version: env!("CARGO_PKG_VERSION"),
            scenario: plan.scenario().into(),
            seed: plan.seed(),
            clients: plan.clients(),
            connected: findings.connected,
            duration_seconds: findings.duration.as_secs_f64(),
            reconnects: findings.reconnects,
            deliveries_per_second_max: findings.deliveries_per_second_max,
            deferred: book.deferred,
            held_back: book.held_back,
            lagged: book.lagged,
            latency_us: Percentiles::of(&overall.e2e),
            latency_actual_us: Percentiles::of(&overall.e2e_actual),
            send_lag_us: Percentiles::of(&overall.send_lag),
            connect_us: Percentiles::of(&book.connect),
            catch_up_us: Percentiles::of(&book.catch_up),
            stages: plan.stages().iter().zip(&book.stages).map(stage).collect(),
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
    book: &'a Book,
    overall: &'a StageBook,
    report: &'a Report,
    findings: &'a Findings,
}

impl Measured<'_> {
    fn check(&self, scenario: &Scenario) -> Vec<Checked> {
        let check = |threshold: &chinwag_scenarios::Threshold| {
            let outcome = threshold.evaluate(&|query| self.answer(query));
            let stage = threshold.stage.as_ref().map(|stage| format!("{{stage:{stage}}}"));
            Checked {
                metric: format!("{}{}", threshold.metric, stage.unwrap_or_default()),
                expression: threshold.expression.clone(),
                value: match outcome {
                    Outcome::Passed { value } | Outcome::Failed { value } => Some(value),
                    Outcome::NotMeasured => None,
                },
                passed: outcome.is_passed(),
            }
        };
        scenario.thresholds.iter().map(check).collect()
    }

    fn facts(&self, thresholds: &[Checked]) -> Facts {
        let planned = self.plan.sends().len() as u64;
        let stages = self.plan.stages().iter().zip(&self.book.stages).filter(|(planned, _)| planned.judged);
        let punctuality = |(planned, book): (&PlannedStage, &StageBook)| Punctuality {
            stage: planned.name.clone(),
            sends: book.send_lag.len(),
            late: count_above(&book.send_lag, SEND_LAG_MAX),
        };
        Facts {
            interrupted: self.findings.interrupted,
            broken_off: self.findings.broken_off.clone(),
            exhausted: self.book.exhausted,
            not_handed: planned.saturating_sub(self.findings.handed),
            withheld: self.findings.handed.saturating_sub(self.report.sent),
            throttled: self.book.throttled,
            punctuality: stages.map(punctuality).collect(),
            failed: thresholds.iter().filter(|threshold| !threshold.passed).count(),
            thresholds: thresholds.len(),
            faults: self.faults(),
        }
    }

    /// What no run may have, each with its count.
    fn faults(&self) -> Vec<(u64, &'static str)> {
        let report = self.report;
        vec![
            (
                u64::from(self.plan.clients()) - self.findings.connected,
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

    fn answer(&self, query: Query<'_>) -> Option<f64> {
        if matches!(query.aggregate, Aggregate::Planned(_)) {
            return self.plan.planned(query).map(|count| count as f64);
        }
        match self.histogram(query) {
            Some(histogram) => read(histogram, query.aggregate),
            None => self.count(query).map(|count| count as f64),
        }
    }

    fn histogram(&self, query: Query<'_>) -> Option<&Histogram<u64>> {
        let of_stage = |name: &str| {
            let stage = self.plan.stages().iter().position(|stage| stage.name == name)?;
            self.book.stages.get(stage)
        };
        let book = match query.stage {
            Some(name) => of_stage(name)?,
            None => self.overall,
        };
        match query.metric {
            Metric::E2eLatency => Some(&book.e2e),
            Metric::E2eLatencyActual => Some(&book.e2e_actual),
            Metric::SendLag => Some(&book.send_lag),
            Metric::ConnectTime => Some(&self.book.connect),
            _ => None,
        }
    }

    fn count(&self, query: Query<'_>) -> Option<u64> {
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
            (Metric::Connections, "failed") => u64::from(self.plan.clients()) - self.findings.connected,
            (Metric::Reconnects, _) => self.findings.reconnects,
            (Metric::CaughtUp, _) => report.caught_up,
            (Metric::Refused, _) => report.refused,
            (Metric::Unanswered, _) => report.unanswered,
            (Metric::Unsent, _) => report.planned - report.sent,
            _ => return None,
        })
    }
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

//! Whether a scenario's thresholds hold, and what no run may have.

use std::time::Duration;

use chinwag_oracle::Report;
use chinwag_scenarios::{Aggregate, Metric, Outcome, Plan, Query, Scenario, Threshold};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::{
    board::Board,
    book::{Book, Times},
    words::measured,
};

/// A threshold and how it came out.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Checked {
    /// As in the scenario.
    pub metric: String,
    /// As in the scenario.
    pub expression: String,
    /// What was measured, in microseconds or as a count.
    pub value: Option<f64>,
    /// Whether it held.
    pub passed: bool,
}

/// What thresholds ask for.
#[expect(missing_debug_implementations, reason = "holds a function")]
pub struct Measured<'a> {
    /// What was planned.
    pub plan: &'a Plan,
    /// What was timed.
    pub times: &'a Times,
    /// What was counted and not timed.
    pub counts: &'a dyn Fn(Query<'_>) -> Option<u64>,
}

impl Measured<'_> {
    /// Judges a threshold.
    #[must_use]
    pub fn check(&self, threshold: &Threshold) -> Checked {
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
            Metric::E2eLatency => read(&book().e2e.histogram, query.aggregate),
            Metric::E2eLatencyActual => read(&book().e2e_actual.histogram, query.aggregate),
            Metric::SendLag => read(&book().send_lag.histogram, query.aggregate),
            Metric::SlowLatency => read(&self.times.slow.histogram, query.aggregate),
            Metric::HistoryTime => read(&self.times.history.histogram, query.aggregate),
            Metric::ConnectTime => read(&self.times.connect.histogram, query.aggregate),
            _ => (self.counts)(query).map(|count| count as f64),
        }
    }
}

/// What is measured while the run goes on: the first threshold that is to end it and does not hold, in words.
#[must_use]
pub fn broken_now(
    scenario: &Scenario,
    plan: &Plan,
    times: &Times,
    board: &Board,
    passed: Duration,
) -> Option<String> {
    let counts = |query: Query<'_>| match query.metric {
        Metric::Refused => Some(board.refused.get()),
        Metric::Reconnects => Some(board.reconnects.get()),
        Metric::Errors => Some(board.errors.get()),
        _ => None,
    };
    let judged = Measured { plan, times, counts: &counts };
    let due = scenario
        .thresholds
        .iter()
        .filter(|threshold| threshold.abort_after.is_some_and(|after| passed >= after));
    // What was not measured yet has not failed yet.
    let broken = due
        .map(|threshold| judged.check(threshold))
        .find(|checked| !checked.passed && checked.value.is_some());
    broken.map(|checked| format!("{} {}, {}", checked.metric, checked.expression, measured(&checked)))
}

/// What is known when all is over.
#[derive(Clone, Copy, Debug)]
pub struct Counts<'a> {
    /// The oracle's verdict in numbers.
    pub report: &'a Report,
    /// What was written down beside it.
    pub book: &'a Book,
    /// Bots that there were to be.
    pub clients: u32,
    /// Bots that came to be in all their rooms.
    pub connected: u64,
    /// Connections made again.
    pub reconnects: u64,
}

impl Counts<'_> {
    /// What no run may be short of, each with how much of it.
    #[must_use]
    pub fn missing(&self) -> Vec<(u64, &'static str)> {
        vec![
            (u64::from(self.clients) - self.connected, "clients that did not get into their rooms"),
            (self.report.unanswered, "messages without an answer"),
            (self.book.abandoned, "messages left without an answer by connections that the server ended"),
        ]
    }

    /// What no server may do, however busy it and others are, each with how often it did.
    #[must_use]
    pub fn broken(&self) -> Vec<(u64, &'static str)> {
        let report = self.report;
        vec![
            (report.lost, "deliveries lost"),
            (report.duplicated, "duplicated"),
            (report.reordered, "reordered"),
            (report.skipped, "skipped"),
            (report.foreign, "foreign"),
            (report.violations_by_promise.values().sum(), "broken promises"),
        ]
    }

    /// The answer to a query for a count.
    #[must_use]
    pub fn of(&self, query: Query<'_>) -> Option<u64> {
        let Aggregate::Named(name) = query.aggregate else { return None };
        let report = self.report;
        Some(match (query.metric, name) {
            (Metric::Delivery, "expected") => report.expected_deliveries,
            (Metric::Delivery, "received") => report.received_deliveries,
            (Metric::Delivery, "lost") => report.lost,
            (Metric::Delivery, "announced_lost") => report.announced_lost,
            (Metric::Delivery, "duplicated") => report.duplicated,
            (Metric::Delivery, "reordered") => report.reordered,
            (Metric::Delivery, "skipped") => report.skipped,
            (Metric::Delivery, "foreign") => report.foreign,
            (Metric::Delivery, "late") => self.book.late(),
            (Metric::Delivery, "violations") => report.violations_by_promise.values().sum(),
            (Metric::Connections, "connected") => self.connected,
            (Metric::Connections, "failed") => u64::from(self.clients) - self.connected,
            (Metric::Reconnects, _) => self.reconnects,
            (Metric::CaughtUp, _) => report.caught_up,
            (Metric::Refused, _) => report.refused,
            (Metric::Unanswered, _) => report.unanswered,
            (Metric::Unresolved, _) => report.unresolved,
            (Metric::Errors, _) => self.book.errors.values().sum(),
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

#[cfg(test)]
mod tests {
    use chinwag_scenarios::Unit;

    use super::*;
    use crate::received::Received;

    #[test]
    fn counts_are_answered_from_report_and_book() {
        let report = Report { unresolved: 4, ..Report::default() };
        let mut book = Book::new(0);
        book.received = vec![Received { late: 2, ..Received::default() }; 3];
        book.errors = [("reset".into(), 5), ("refused".into(), 2)].into();
        let counts = Counts { report: &report, book: &book, clients: 0, connected: 0, reconnects: 0 };
        let count = |metric, name| {
            counts.of(Query { metric, scenario: None, stage: None, aggregate: Aggregate::Named(name) })
        };
        assert_eq!(count(Metric::Unresolved, "count"), Some(4));
        assert_eq!(count(Metric::Errors, "count"), Some(7));
        assert_eq!(count(Metric::Delivery, "late"), Some(6));
        for metric in Metric::ALL.into_iter().filter(|metric| metric.unit() == Unit::Count) {
            assert!(metric.counts().iter().all(|name| count(metric, name).is_some()), "{metric}");
        }
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

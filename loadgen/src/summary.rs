//! Everything a run has shown, as `summary.json` holds it.

use std::time::Duration;

use chinwag_bots::{
    Book, Deliveries, Figures, Found, Judged, Percentiles, Segment, StageFigures, Verdict, Word,
};
use chinwag_scenarios::{Plan, Scenario};
use serde::{Deserialize, Serialize};

use crate::{
    clocks::{Clocks, SegmentClock},
    speech::NATIVE,
    unjudged,
};

/// The summary of a run.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Summary {
    /// What a prediction has, too.
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// From the intended to the actual instant of a send, in microseconds.
    pub(crate) send_lag_us: Percentiles,
    /// Latencies by scenario and stage.
    pub(crate) stages: Vec<StageSummary>,
    /// Of several processes: how far their clocks agree.
    pub(crate) clocks: Option<Clocks>,
    /// This process.
    pub(crate) generator: Generator,
    /// The server, if it was ours.
    pub(crate) server: Option<Usage>,
}

/// Latencies of one stage.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct StageSummary {
    /// What a prediction has, too.
    #[serde(flatten)]
    pub(crate) figures: StageFigures,
    /// See [`Summary`].
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
    /// Of several processes: which one did not keep to the plan, and how.
    #[serde(skip)]
    pub(crate) fell_behind: Option<String>,
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
            fell_behind: None,
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
            fell_behind: self.fell_behind.or(other.fell_behind),
        }
    }
}

impl Summary {
    /// Sums up and judges: as a whole, in a word, and by client and room.
    pub(crate) fn new(
        scenario: &Scenario,
        plan: &Plan,
        book: &Book,
        findings: Findings,
    ) -> (Self, Verdict, Vec<Deliveries>) {
        let (judged, not_judged) = unjudged::divide(scenario, plan);
        let found = Found {
            segment: Some(findings.segment),
            protocol: scenario.protocol.as_ref().map_or(NATIVE, |protocol| &protocol.name).to_owned(),
            connected: findings.connected,
            reconnects: findings.reconnects,
            handed: findings.handed,
            deliveries_per_second_max: findings.deliveries_per_second_max,
            duration: findings.duration,
            interrupted: findings.interrupted,
            aborted: findings.aborted,
            broken_off: findings.broken_off,
            fell_behind: findings.fell_behind,
            judged,
            not_judged,
        };
        let Judged { figures, verdict, deliveries } = Judged::new(plan, book, found);
        let stages = StageFigures::of(plan, book)
            .map(|(figures, book)| StageSummary { figures, send_lag_us: Percentiles::of(&book.send_lag) });
        let summary = Self {
            send_lag_us: Percentiles::of(&book.times.overall().send_lag),
            stages: stages.collect(),
            clocks: Clocks::new(findings.clocks),
            generator: Generator { usage: findings.generator, saturated: verdict.word() == Word::Invalid },
            server: findings.server,
            figures,
        };
        (summary, verdict, deliveries)
    }
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

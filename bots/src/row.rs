//! A row of a run's time series.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    board::Board,
    measure::{Percentiles, Spans},
};

/// One interval of a run. Counts are totals so far, latencies those of the interval.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Row {
    /// Seconds since the run's start.
    pub t: f64,
    /// What was going on.
    pub phase: String,
    /// Bots in all their rooms.
    pub connected: u64,
    /// Messages put on the wire.
    pub sent: u64,
    /// Deliveries.
    pub delivered: u64,
    /// Of deliveries in the interval, from the intended instant.
    pub p50_us: u64,
    /// Likewise.
    pub p99_us: u64,
    /// Likewise.
    pub max_us: u64,
    /// Connections failed or lost.
    pub errors: u64,
    /// Connections made again after one was lost.
    pub reconnects: u64,
}

impl Row {
    /// What the board says so long after the run's start; `sample` holds the interval's latencies.
    #[must_use]
    pub fn of(passed: Duration, phase: &str, board: &Board, sample: &Spans) -> Self {
        Self {
            t: passed.as_secs_f64(),
            phase: phase.into(),
            connected: board.present.get(),
            sent: board.sent.get(),
            delivered: board.delivered.get(),
            errors: board.errors.get(),
            reconnects: board.reconnects.get(),
            ..Self::of_latency(&Percentiles::of(sample))
        }
    }

    /// A row that says nothing but these latencies.
    #[must_use]
    pub fn of_latency(latency: &Percentiles) -> Self {
        Self { p50_us: latency.p50, p99_us: latency.p99, max_us: latency.max, ..Self::default() }
    }
}

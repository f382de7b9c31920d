//! What a worker writes down: observations for the oracle, latencies, and what went wrong.

use std::{collections::BTreeMap, mem};

use chinwag_core::Time;
use chinwag_oracle::{Mode, Observation, Oracle};
use serde::{Deserialize, Serialize};

use crate::{measure::Spans, received::Received};

/// A worker's records. Those of all workers can be merged.
#[derive(Debug, Deserialize, Serialize)]
pub struct Book {
    /// Judges deliveries.
    pub oracle: Oracle,
    /// How long things took.
    pub times: Times,
    /// What came since the last row of the time series.
    #[serde(skip)]
    pub interval: Interval,
    /// Connections that failed or were lost, by reason.
    pub errors: BTreeMap<String, u64>,
    /// The generator's own limits that were met, as in "open files".
    pub exhausted: Option<String>,
    /// Sends that could not leave at once, because the connection was lost or too many answers were missing.
    pub deferred: u64,
    /// Sends that the scenario itself held back.
    pub held_back: u64,
    /// Sends that never left because the server kept refusing their senders for their rate.
    pub throttled: u64,
    /// Sends that were left unresolved though the scenario has cut nobody off: the server has ended their connections.
    pub abandoned: u64,
    /// Refusals of what was sent to be refused.
    pub rebuffed: u64,
    /// Refusals heard in `chat`, by code, of whatever was sent: also those for now only, after which a bot tries again.
    pub refusals: BTreeMap<String, u64>,
    /// What each bot was shown in each of its rooms, known when all have said goodbye.
    pub received: Vec<Received>,
    /// Times a bot read too slowly and had to catch up.
    pub lagged: u64,
}

/// What came in one interval of the time series. Those of all workers can be merged.
#[derive(Debug, Default)]
pub struct Interval {
    /// From the intended instant to each delivery.
    pub latency: Spans,
    /// From the intended to the actual instant of each send.
    pub send_lag: Spans,
    /// Refusals heard, by code.
    pub refusals: BTreeMap<String, u64>,
}

/// How long things took.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Times {
    /// By stage in which a message was to be sent.
    pub stages: Vec<StageBook>,
    /// From the beginning of a connection to being in all rooms.
    pub connect: Spans,
    /// From the intended instant to the delivery, to those whom the scenario kept away meanwhile.
    pub catch_up: Spans,
    /// From the intended instant to the delivery, to those who read slowly.
    pub slow: Spans,
    /// From the instant at which a history was meant to be asked for to its page.
    pub history: Spans,
}

/// Latencies of the messages of one stage.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StageBook {
    /// From the intended instant to each delivery.
    pub e2e: Spans,
    /// From the actual instant to each delivery.
    pub e2e_actual: Spans,
    /// From the intended to the actual instant.
    pub send_lag: Spans,
}

impl Book {
    /// An empty book for so many stages.
    pub fn new(stages: usize) -> Self {
        Self {
            oracle: Oracle::new(Mode::Strict),
            times: Times::new(stages),
            interval: Interval::default(),
            errors: BTreeMap::new(),
            exhausted: None,
            deferred: 0,
            held_back: 0,
            throttled: 0,
            abandoned: 0,
            rebuffed: 0,
            refusals: BTreeMap::new(),
            received: Vec::new(),
            lagged: 0,
        }
    }

    /// Tells the oracle. What it finds broken comes up again in its report.
    pub fn observe(&mut self, observation: Observation) {
        let _ = self.oracle.observe(observation);
    }

    /// Something went wrong with a connection.
    pub fn error(&mut self, reason: String) {
        *self.errors.entry(reason).or_default() += 1;
    }

    /// The server has refused something.
    pub fn refused(&mut self, code: &str) {
        count(&mut self.refusals, code, 1);
        count(&mut self.interval.refusals, code, 1);
    }

    /// A message of `stage` has left; if none is named, its latency counts in the time series only.
    pub fn departed(&mut self, stage: Option<u16>, intended: Time, actual: Time) {
        if let Some(stage) = stage {
            self.times.stages[usize::from(stage)].send_lag.record(intended, actual);
        }
        self.interval.send_lag.record(intended, actual);
    }

    /// A delivery of a message of `stage`, likewise.
    pub fn delivered(&mut self, stage: Option<u16>, intended: Time, actual: Option<Time>, now: Time) {
        self.interval.latency.record(intended, now);
        let Some(stage) = stage else { return };
        let book = &mut self.times.stages[usize::from(stage)];
        book.e2e.record(intended, now);
        // What another process has sent, only that one knows.
        if let Some(actual) = actual {
            book.e2e_actual.record(actual, now);
        }
    }

    /// Deliveries that were late, known when all have said goodbye.
    pub fn late(&self) -> u64 {
        self.received.iter().map(|received| received.late).sum()
    }

    /// What came since this was asked for last.
    pub fn take_interval(&mut self) -> Interval {
        mem::take(&mut self.interval)
    }

    /// What both books say.
    pub fn merge(mut self, other: Self) -> Self {
        self.oracle = mem::replace(&mut self.oracle, Oracle::new(Mode::Strict)).merge(other.oracle);
        self.times.merge(&other.times);
        for (reason, count) in other.errors {
            *self.errors.entry(reason).or_default() += count;
        }
        for (code, refusals) in &other.refusals {
            count(&mut self.refusals, code, *refusals);
        }
        self.received.extend(other.received);
        self.received.sort_unstable();
        self.exhausted = self.exhausted.or(other.exhausted);
        self.deferred += other.deferred;
        self.held_back += other.held_back;
        self.throttled += other.throttled;
        self.abandoned += other.abandoned;
        self.rebuffed += other.rebuffed;
        self.lagged += other.lagged;
        self
    }
}

/// So many more of a code; a code that is known costs no allocation.
fn count(refusals: &mut BTreeMap<String, u64>, code: &str, more: u64) {
    match refusals.get_mut(code) {
        Some(count) => *count += more,
        None => {
            refusals.insert(code.to_owned(), more);
        }
    }
}

impl Interval {
    /// Adds what came elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.send_lag.merge(&other.send_lag);
        for (code, refusals) in &other.refusals {
            count(&mut self.refusals, code, *refusals);
        }
    }
}

impl Times {
    /// Nothing measured yet, for so many stages.
    pub fn new(stages: usize) -> Self {
        Self {
            stages: vec![StageBook::new(); stages],
            connect: Spans::default(),
            catch_up: Spans::default(),
            slow: Spans::default(),
            history: Spans::default(),
        }
    }

    /// Adds what was measured elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (stage, from) in self.stages.iter_mut().zip(&other.stages) {
            stage.merge(from);
        }
        self.connect.merge(&other.connect);
        self.catch_up.merge(&other.catch_up);
        self.slow.merge(&other.slow);
        self.history.merge(&other.history);
    }

    /// Those stages together that have these numbers.
    pub fn together(&self, wanted: impl Fn(usize) -> bool) -> StageBook {
        let mut together = StageBook::new();
        let stages = self.stages.iter().enumerate().filter(|(number, _)| wanted(*number));
        stages.for_each(|(_, stage)| together.merge(stage));
        together
    }

    /// All stages together.
    pub fn overall(&self) -> StageBook {
        self.together(|_| true)
    }
}

impl StageBook {
    fn new() -> Self {
        Self { e2e: Spans::default(), e2e_actual: Spans::default(), send_lag: Spans::default() }
    }

    fn merge(&mut self, other: &Self) {
        self.e2e.merge(&other.e2e);
        self.e2e_actual.merge(&other.e2e_actual);
        self.send_lag.merge(&other.send_lag);
    }
}

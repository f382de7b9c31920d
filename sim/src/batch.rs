//! Many runs: whether they are clean, how much happened, whether they repeat.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use serde::Serialize;

use crate::{
    checks,
    outcome::{Failure, Outcome},
    scenario::Scenario,
    trace::{Detail, Trace},
    world::run,
};

/// Runs a scenario; a machine that panics is a failure like any other.
pub fn try_run(scenario: &Scenario, trace: &mut Trace) -> Outcome {
    let result = catch_unwind(AssertUnwindSafe(|| run(scenario, trace, None)));
    result.unwrap_or_else(|payload| {
        let failure = Failure {
            check: checks::PANIC,
            at: trace.time(),
            event: trace.events(),
            sentence: message(payload.as_ref()),
        };
        Outcome { seed: scenario.seed, hash: trace.hash(), failures: vec![failure], ..Outcome::default() }
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}

/// What came of many runs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Runs.
    pub seeds: u64,
    /// Inputs that machines handled.
    pub events: u64,
    /// Frames that clients read.
    pub frames: u64,
    /// How much time passed in the scenarios.
    pub virtual_time: Duration,
    /// How often each check was made.
    pub checks: BTreeMap<&'static str, u64>,
    /// Runs that went wrong.
    pub failures: Vec<Outcome>,
}

impl Totals {
    /// Adds a run.
    pub fn add(&mut self, outcome: Outcome) {
        self.seeds += 1;
        self.events += outcome.events;
        self.frames += outcome.frames;
        self.virtual_time += outcome.virtual_time;
        for (check, count) in &outcome.checks {
            *self.checks.entry(check).or_default() += count;
        }
        if !outcome.is_clean() {
            self.failures.push(outcome);
        }
    }
}

/// Where two runs of one scenario part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Divergence {
    /// The number of the first event that differs, from 1.
    pub event: usize,
    /// What happened before, and then in the first run…
    pub first: Vec<String>,
    /// …and in the second.
    pub second: Vec<String>,
}

/// Runs a scenario twice.
///
/// # Errors
/// Where the runs part, if they do.
pub fn run_twice(scenario: &Scenario) -> Result<Outcome, Box<Divergence>> {
    let [(outcome, first), (_, second)] = [(); 2].map(|()| {
        let mut trace = Trace::new(Detail::Links);
        (try_run(scenario, &mut trace), trace)
    });
    match divergence(first.links(), second.links()) {
        None => Ok(outcome),
        Some(event) => Err(Box::new(locate(scenario, event))),
    }
}

/// The number of the first event that differs.
fn divergence(first: &[u64], second: &[u64]) -> Option<usize> {
    let same = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    (same < first.len() || same < second.len()).then_some(same + 1)
}

/// What happened around an event, in two more runs.
fn locate(scenario: &Scenario, event: usize) -> Divergence {
    const BEFORE: usize = 10;
    let [first, second] = [(); 2].map(|()| {
        let mut trace = Trace::new(Detail::Text);
        try_run(scenario, &mut trace);
        trace.lines().iter().take(event).skip(event.saturating_sub(BEFORE)).cloned().collect()
    });
    Divergence { event, first, second }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_found() {
        assert_eq!(divergence(&[1, 2, 3], &[1, 2, 3]), None);
        assert_eq!(divergence(&[1, 2, 3], &[1, 9, 3]), Some(2));
        assert_eq!(divergence(&[1, 2], &[1, 2, 3]), Some(3));
    }
}

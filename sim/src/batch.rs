//! Many runs: whether they are clean, and how much happened.

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
    trace::Trace,
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

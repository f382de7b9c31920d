//! Scenarios for proptest: made from a seed, made smaller by taking steps away in chunks.
//!
//! A seed itself is never shrunk, for a smaller number is another scenario and not a smaller one.

use proptest::{
    prelude::Rng,
    strategy::{NewTree, Strategy, ValueTree},
    test_runner::TestRunner,
};

use crate::plan::scenario::{Scenario, Step};

/// Scenarios of random seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scenarios;

impl Strategy for Scenarios {
    type Tree = ScenarioTree;
    type Value = Scenario;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(ScenarioTree::new(Scenario::generate(runner.rng().next_u64())))
    }
}

/// A scenario on its way to a smaller one.
///
/// First halves are taken away, then quarters, down to single steps. What was taken away and is missed comes back.
#[derive(Clone, Debug)]
pub struct ScenarioTree {
    current: Scenario,
    /// The steps taken away last, and from where.
    taken: Option<(usize, Vec<Step>)>,
    /// Steps taken away at once; 0 when there is nothing left to try.
    chunk: usize,
    /// Where the next chunk begins.
    from: usize,
}

impl ScenarioTree {
    /// A tree that has not been shrunk yet.
    #[must_use]
    pub const fn new(scenario: Scenario) -> Self {
        let chunk = scenario.steps.len().div_ceil(2);
        Self { current: scenario, taken: None, chunk, from: 0 }
    }

    /// Takes the next chunk away; false if all have been tried.
    fn take(&mut self) -> bool {
        let steps = &mut self.current.steps;
        if self.from >= steps.len() {
            self.from = 0;
            self.chunk = if self.chunk == 1 { 0 } else { self.chunk.div_ceil(2) };
        }
        if self.chunk == 0 || steps.is_empty() {
            return false;
        }
        let to = (self.from + self.chunk).min(steps.len());
        self.taken = Some((self.from, steps.drain(self.from..to).collect()));
        true
    }
}

impl ValueTree for ScenarioTree {
    type Value = Scenario;

    fn current(&self) -> Scenario {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        self.taken = None;
        self.take()
    }

    fn complicate(&mut self) -> bool {
        let Some((at, steps)) = self.taken.take() else { return false };
        self.from = at + steps.len();
        self.current.steps.splice(at..at, steps);
        // What has come back fails, that is known: go on with the next chunk.
        self.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shrinks as proptest does: simplify what fails, complicate what does not.
    fn shrink(scenario: Scenario, fails: impl Fn(&Scenario) -> bool) -> (Scenario, usize) {
        let (mut tree, mut runs) = (ScenarioTree::new(scenario), 1);
        let mut goes_on = tree.simplify();
        while goes_on {
            runs += 1;
            goes_on = if fails(&tree.current()) { tree.simplify() } else { tree.complicate() };
        }
        (tree.current(), runs)
    }

    #[test]
    fn only_what_is_needed_remains() {
        for seed in 0..10 {
            let scenario = Scenario::generate(seed);
            let count = u32::try_from(scenario.steps.len()).unwrap();
            let needed = [count / 3, count / 2, count - 1];
            let fails = |s: &Scenario| needed.iter().all(|&id| s.steps.iter().any(|step| step.id == id));
            let (smallest, runs) = shrink(scenario, fails);
            let mut left: Vec<u32> = smallest.steps.iter().map(|step| step.id).collect();
            left.sort_unstable();
            assert_eq!(left, needed);
            assert!(runs < 150, "{runs} runs");
        }
    }

    #[test]
    fn what_cannot_be_smaller_stays() {
        let scenario = Scenario::generate(3);
        let (same, _) = shrink(scenario.clone(), |s| s.steps.len() == scenario.steps.len());
        assert_eq!(same, scenario);
        let (empty, _) = shrink(scenario, |_| true);
        assert!(empty.steps.is_empty());
    }
}

//! The hunt: from many starts, seed after seed, until a bug is noticed; then its scenario is made small.

use std::{
    fmt,
    num::NonZero,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use crate::{
    plan::scenario::Scenario,
    record::{
        outcome::{Failure, Outcome},
        trace::Trace,
    },
    search::{batch::busy_time, minimise::minimise},
};

/// How far apart the starts are.
const STRIDE: u64 = 1_000_003;

/// A bug as tables show it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Planted {
    /// In kebab case.
    pub name: &'static str,
    /// What is wrong, in one sentence.
    pub what: &'static str,
}

/// How hard to look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Effort {
    /// Starts for each bug.
    pub starts: u64,
    /// Seeds for each start, before it is given up.
    pub seeds_max: u64,
    /// Threads.
    pub jobs: NonZero<usize>,
}

/// A failure that is a bug's doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Find {
    /// How many seeds it took, this one included.
    pub seeds: u64,
    /// The seed that failed.
    pub seed: u64,
    /// How.
    pub failure: Failure,
}

/// A scenario made small, and how long that kept a core busy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Smallest {
    /// What is left.
    pub scenario: Scenario,
    /// How long it took.
    pub took: Duration,
}

/// What failed with a bug, and did not fail each time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unrepeated {
    /// The bug.
    pub bug: &'static str,
    /// The seed from which the scenario was made small.
    pub seed: u64,
}

impl fmt::Display for Unrepeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bug, seed } = self;
        write!(
            f,
            "with {bug}, seed {seed} made small does not fail each time: `sim check {seed}` may find out why"
        )
    }
}

/// Looks for bugs; `run` runs a scenario with the bug of that index in force, or without any.
pub struct Hunt<'a, Run> {
    /// What to look for.
    pub bugs: &'a [Planted],
    /// How hard.
    pub effort: Effort,
    /// How.
    pub run: Run,
}

impl<Run: Fn(Option<usize>, &Scenario, &mut Trace) -> Outcome + Sync> Hunt<'_, Run> {
    /// What was found of each bug, from each start; `done` hears of every start that is over.
    pub fn search(&self, done: impl FnMut()) -> Vec<Vec<Option<Find>>> {
        let starts = usize::try_from(self.effort.starts).expect("a number of starts");
        let found = self.in_parallel(
            self.bugs.len() * starts,
            |task| self.search_from(task / starts, (task % starts) as u64 * STRIDE),
            done,
        );
        found.chunks(starts.max(1)).map(<[_]>::to_vec).collect()
    }

    /// The smallest scenario of each find; `done` hears of every one.
    ///
    /// # Errors
    /// If one of them does not fail each time.
    pub fn minimise(
        &self,
        finds: &[Option<Find>],
        done: impl FnMut(),
    ) -> Result<Vec<Option<Smallest>>, Unrepeated> {
        let smallest = |bug: usize| finds[bug].as_ref().map(|find| self.smallest(bug, find)).transpose();
        self.in_parallel(finds.len(), smallest, done).into_iter().collect()
    }

    /// Seeds that fail without any bug prove nothing, and are passed over.
    fn search_from(&self, bug: usize, start: u64) -> Option<Find> {
        (1..=self.effort.seeds_max).find_map(|seeds| {
            let seed = start + seeds - 1;
            let scenario = Scenario::generate(seed);
            let failure = (self.run)(Some(bug), &scenario, &mut Trace::new()).failures.into_iter().next()?;
            (self.run)(None, &scenario, &mut Trace::new()).is_clean().then_some(Find { seeds, seed, failure })
        })
    }

    fn smallest(&self, bug: usize, find: &Find) -> Result<Smallest, Unrepeated> {
        let start = busy_time();
        let run = |scenario: &Scenario, trace: &mut Trace| (self.run)(Some(bug), scenario, trace);
        let minimised = minimise(&Scenario::generate(find.seed), &find.failure, run);
        if !minimised.repeats {
            return Err(Unrepeated { bug: self.bugs[bug].name, seed: find.seed });
        }
        Ok(Smallest { scenario: minimised.scenario, took: busy_time().saturating_sub(start) })
    }

    /// The answers to so many tasks, in their order.
    fn in_parallel<Answer: Send>(
        &self,
        tasks: usize,
        answer: impl Fn(usize) -> Answer + Sync,
        mut done: impl FnMut(),
    ) -> Vec<Answer> {
        let (next, (sender, receiver)) = (AtomicUsize::new(0), mpsc::channel());
        let mut answers: Vec<Option<Answer>> = (0..tasks).map(|_| None).collect();
        thread::scope(|scope| {
            for _ in 0..self.effort.jobs.get().min(tasks) {
                let (next, answer, sender) = (&next, &answer, sender.clone());
                scope.spawn(move || {
                    loop {
                        let task = next.fetch_add(1, Ordering::Relaxed);
                        if task >= tasks || sender.send((task, answer(task))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (task, answer) in receiver {
                answers[task] = Some(answer);
                done();
            }
        });
        answers.into_iter().map(|answer| answer.expect("every task was done")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{judge::checks, plan::scenario::Action, record::outcome::Failure};

    const BUGS: &[Planted] = &[
        Planted { name: "fifth", what: "Every fifth seed fails." },
        Planted { name: "harmless", what: "What fails with it fails without it, too." },
        Planted { name: "even", what: "Every even seed fails." },
    ];

    fn failure(check: &'static str) -> Failure {
        Failure { check, at: Duration::from_secs(3_600), event: 1, sentence: String::new() }
    }

    fn outcome(seed: u64, check: Option<&'static str>) -> Outcome {
        Outcome { seed, failures: check.map(failure).into_iter().collect(), ..Outcome::default() }
    }

    fn run(bug: Option<usize>, scenario: &Scenario, _: &mut Trace) -> Outcome {
        let says = scenario.steps.iter().any(|step| matches!(step.action, Action::Say { .. }));
        let broken = match bug {
            Some(0) => scenario.seed % 5 == 3 && says,
            Some(2) => scenario.seed.is_multiple_of(2),
            _ => scenario.seed.is_multiple_of(4),
        };
        outcome(scenario.seed, broken.then_some(checks::CONTENT))
    }

    type Run = fn(Option<usize>, &Scenario, &mut Trace) -> Outcome;

    fn hunt(jobs: NonZero<usize>) -> Hunt<'static, Run> {
        Hunt { bugs: BUGS, effort: Effort { starts: 3, seeds_max: 12, jobs }, run }
    }

    #[test]
    fn seeds_are_counted_from_each_start_and_innocent_ones_passed_over() {
        let find = |seeds, seed| Some(Find { seeds, seed, failure: failure(checks::CONTENT) });
        // The starts are 0, 1000003 and 2000006; seeds that 4 divides fail without any bug.
        let expected = [
            vec![find(4, 3), find(1, 1_000_003), find(8, 2_000_013)],
            vec![None, None, None],
            vec![find(3, 2), find(4, 1_000_006), find(1, 2_000_006)],
        ];
        for jobs in [1, 3].map(|jobs| NonZero::new(jobs).unwrap()) {
            let mut done = 0;
            assert_eq!(hunt(jobs).search(|| done += 1), expected);
            assert_eq!(done, 9);
        }
    }

    #[test]
    fn the_smallest_scenario_holds_what_the_check_needs() {
        let hunt = hunt(NonZero::<usize>::MIN);
        let finds = [Some(Find { seeds: 1, seed: 3, failure: failure(checks::CONTENT) }), None];
        let smallest = hunt.minimise(&finds, || {}).unwrap();
        assert_eq!(smallest[0].as_ref().unwrap().scenario.steps.len(), 1);
        assert_eq!(smallest[1], None);
    }
    #[test]
    fn what_fails_only_sometimes_is_told() {
        let runs = AtomicUsize::new(0);
        let run = |_: Option<usize>, scenario: &Scenario, _: &mut Trace| {
            let is_first = runs.fetch_add(1, Ordering::Relaxed) == 0;
            outcome(scenario.seed, is_first.then_some(checks::CONTENT))
        };
        let effort = Effort { starts: 1, seeds_max: 1, jobs: NonZero::<usize>::MIN };
        let hunt = Hunt { bugs: &BUGS[..1], effort, run };
        let finds = hunt.search(|| {}).concat();
        assert_eq!(hunt.minimise(&finds, || {}), Err(Unrepeated { bug: "fifth", seed: 0 }));
    }
}

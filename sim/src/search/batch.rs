//! Many runs, on many threads: whether they are clean, and how much happened.

use std::{
    collections::BTreeMap,
    num::NonZero,
    ops::RangeInclusive,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use crate::{
    judge::checks,
    plan::{profile::Profile, scenario::Scenario},
    record::{
        outcome::{Failure, Outcome},
        trace::Trace,
    },
    world::{panics, run},
};

/// Runs a scenario; a machine that panics is a failure like any other.
pub fn try_run(scenario: &Scenario, trace: &mut Trace) -> Outcome {
    panics::caught(|| run(scenario, trace, None)).unwrap_or_else(|sentence| {
        let failure = Failure { check: checks::PANIC, at: trace.time(), event: trace.events(), sentence };
        Outcome {
            seed: scenario.seed,
            profile: scenario.profile,
            hash: trace.hash(),
            failures: vec![failure],
            ..Outcome::default()
        }
    })
}

/// The scenarios of many seeds.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which.
    pub seeds: RangeInclusive<u64>,
    /// What they are mostly about.
    pub profile: Profile,
    /// How many threads run them.
    pub jobs: NonZero<usize>,
    /// How long scenarios are begun.
    pub budget: Option<Duration>,
}

/// What came of many runs.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Runs.
    pub seeds: u64,
    /// Inputs that machines handled.
    pub events: u64,
    /// Frames that clients read.
    pub frames: u64,
    /// How much time passed in the scenarios.
    pub virtual_time: Duration,
    /// How long cores were busy.
    pub busy: Duration,
    /// The run that kept a core busy longest: how long, and its seed.
    pub slowest: Option<(Duration, u64)>,
    /// How often each check was made.
    pub checks: BTreeMap<&'static str, u64>,
    /// How often each thing happened that may happen.
    pub marks: BTreeMap<String, u64>,
    /// Runs that went wrong.
    pub failures: Vec<Outcome>,
}

impl Totals {
    /// Adds a run, which kept a core busy for so long.
    pub fn add(&mut self, outcome: Outcome, busy: Duration) {
        self.seeds += 1;
        self.events += outcome.events;
        self.frames += outcome.frames;
        self.virtual_time += outcome.virtual_time;
        self.busy += busy;
        if self.slowest.is_none_or(|(longest, _)| busy > longest) {
            self.slowest = Some((busy, outcome.seed));
        }
        add_counts(&mut self.checks, &outcome.checks);
        add_counts(&mut self.marks, &outcome.marks);
        if !outcome.is_clean() {
            self.failures.push(outcome);
        }
    }
}

fn add_counts<K: Clone + Ord>(totals: &mut BTreeMap<K, u64>, counts: &BTreeMap<K, u64>) {
    for (name, count) in counts {
        *totals.entry(name.clone()).or_default() += count;
    }
}

/// One run of a batch.
struct Done {
    scenario: Scenario,
    outcome: Outcome,
    busy: Duration,
}

impl Batch {
    /// As many threads as were asked for, and no more than there are seeds.
    fn jobs(&self) -> usize {
        let count = self.seeds.end().saturating_sub(*self.seeds.start()).saturating_add(1);
        self.jobs.get().min(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Runs them all; `each` is told of every run, in the order of the seeds, whatever the number of threads.
    ///
    /// # Errors
    /// What `each` says. No more scenarios are begun then.
    ///
    /// # Panics
    /// If the system has no more threads, or no clock for them.
    pub fn run<E>(&self, mut each: impl FnMut(&Scenario, &Outcome) -> Result<(), E>) -> Result<Totals, E> {
        let (begun, first) = (AtomicU64::new(0), *self.seeds.start());
        // A budget beyond all time is none.
        let until = self.budget.and_then(|budget| Instant::now().checked_add(budget));
        let claim = || {
            // Who is late takes no seed: those after it that are run would wait for it for ever.
            if until.is_some_and(|until| Instant::now() >= until) {
                return None;
            }
            let seed = first.checked_add(begun.fetch_add(1, Ordering::Relaxed))?;
            self.seeds.contains(&seed).then_some(seed)
        };
        thread::scope(|scope| {
            let jobs = self.jobs();
            let (sender, receiver) = mpsc::sync_channel(jobs.saturating_mul(4));
            for _ in 0..jobs {
                let (sender, claim) = (sender.clone(), &claim);
                scope.spawn(move || {
                    while let Some(seed) = claim() {
                        if sender.send((seed, timed(self.profile, seed))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            in_order(first, receiver, &mut each)
        })
    }
}

/// Adds up what arrives in any order in the order of the seeds.
fn in_order<E>(
    mut next: u64,
    done: mpsc::Receiver<(u64, Done)>,
    each: &mut impl FnMut(&Scenario, &Outcome) -> Result<(), E>,
) -> Result<Totals, E> {
    let (mut early, mut totals) = (BTreeMap::new(), Totals::default());
    for (seed, run) in done {
        early.insert(seed, run);
        while let Some(Done { scenario, outcome, busy }) = early.remove(&next) {
            each(&scenario, &outcome)?;
            totals.add(outcome, busy);
            next = next.wrapping_add(1);
        }
    }
    Ok(totals)
}

fn timed(profile: Profile, seed: u64) -> Done {
    let start = busy_time();
    let scenario = Scenario::of(profile, seed);
    let outcome = try_run(&scenario, &mut Trace::new());
    Done { scenario, outcome, busy: busy_time().saturating_sub(start) }
}

/// How long this thread has had a core.
pub(crate) fn busy_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("clocks of threads begin at 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(seeds: RangeInclusive<u64>, jobs: usize, budget: Option<Duration>) -> (Vec<u64>, Totals) {
        let batch =
            Batch { seeds, profile: Profile::Default, jobs: NonZero::new(jobs).expect("not 0"), budget };
        let mut order = Vec::new();
        let totals = batch.run(|_, outcome| {
            order.push(outcome.seed);
            Ok::<(), ()>(())
        });
        (order, totals.expect("nobody stops it"))
    }

    #[test]
    fn the_number_of_threads_makes_no_difference() {
        let (order, one) = batch(5..=24, 1, None);
        assert_eq!(order, (5..25).collect::<Vec<u64>>());
        let (order, four) = batch(5..=24, 4, None);
        assert_eq!(order, (5..25).collect::<Vec<u64>>());
        assert_eq!((one.seeds, one.events, one.frames), (four.seeds, four.events, four.frames));
        assert_eq!((one.checks, one.virtual_time), (four.checks, four.virtual_time));
        assert!(one.busy > Duration::ZERO && one.slowest.is_some());
    }

    #[test]
    fn the_last_seed_is_one_like_others() {
        let (order, totals) = batch(u64::MAX - 1..=u64::MAX, 2, None);
        assert_eq!((order, totals.failures.len()), (vec![u64::MAX - 1, u64::MAX], 0));
    }

    #[test]
    fn a_budget_that_is_spent_begins_nothing() {
        let (order, totals) = batch(0..=u64::MAX, 2, Some(Duration::ZERO));
        assert_eq!((order.len(), totals.seeds), (0, 0));
    }

    #[test]
    fn a_budget_beyond_all_time_ends_nothing() {
        let (order, _) = batch(3..=5, 1, Some(Duration::MAX));
        assert_eq!(order, [3, 4, 5]);
    }

    #[test]
    fn no_more_threads_are_begun_than_there_are_seeds() {
        let (order, _) = batch(3..=5, usize::MAX, None);
        assert_eq!(order, [3, 4, 5]);
    }

    #[test]
    fn who_has_seen_enough_stops_it() {
        let batch = Batch {
            seeds: 0..=u64::MAX,
            profile: Profile::Default,
            jobs: NonZero::new(2).expect("not 0"),
            budget: None,
        };
        let mut seen = 0;
        let result = batch.run(|_, _| {
            seen += 1;
            if seen == 10 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(result.map(|totals| totals.seeds), Err("enough"));
    }
}

//! What a hunt has shown: a row for each bug, what holds for all, and what is not good enough.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;

use super::hunt::{Effort, Find, Planted, Smallest};

/// At most so many seeds until a bug is found, in the median of its starts.
const SEEDS_MEDIAN_MAX: u64 = 20;
/// A median of fewer starts says little.
const STARTS_MIN: u64 = 10;
/// At most so many steps are left of a scenario.
const STEPS_MAX: usize = 12;
/// Minimising takes at most so long.
const SECONDS_MAX: f64 = 5.0;

/// What was found of one bug.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What is wrong.
    pub what: &'static str,
    /// Starts from which it was found.
    pub found: u64,
    /// Seeds until it was found, in the median of all starts; `None` if it was not found that often.
    pub p50: Option<u64>,
    /// The same for nineteen of twenty starts.
    pub p95: Option<u64>,
    /// The check that was most often the first to notice it.
    pub check: Option<&'static str>,
    /// How often each check was the first.
    pub checks: BTreeMap<&'static str, u64>,
    /// The seed of the first find, which was made small.
    pub seed: Option<u64>,
    /// Steps that are left of it.
    pub steps: Option<usize>,
    /// How long that took.
    pub seconds: Option<f64>,
}

/// What a hunt has shown.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Starts for each bug.
    pub starts: u64,
    /// Seeds for each start.
    pub seeds_max: u64,
    /// Seeds until a bug was found, in the median of all bugs and starts.
    pub p50: Option<u64>,
    /// One for each bug.
    pub bugs: Vec<Row>,
    /// Checks that were the first to notice no bug at all.
    pub never_first: Vec<&'static str>,
    /// What is not good enough, in sentences.
    pub faults: Vec<String>,
}

impl Row {
    fn new(bug: Planted, finds: &[Option<Find>], smallest: Option<&Smallest>) -> Self {
        let mut checks = BTreeMap::new();
        for find in finds.iter().flatten() {
            *checks.entry(find.failure.check).or_default() += 1;
        }
        let seeds = sorted(finds);
        Self {
            name: bug.name,
            what: bug.what,
            found: finds.iter().flatten().count() as u64,
            p50: percentile(&seeds, 50),
            p95: percentile(&seeds, 95),
            check: checks.iter().max_by_key(|&(_, &count)| count).map(|(&check, _)| check),
            checks,
            seed: smallest.map(|smallest| smallest.scenario.seed),
            steps: smallest.map(|smallest| smallest.scenario.steps.len()),
            seconds: smallest.map(|smallest| smallest.took.as_secs_f64()),
        }
    }

    fn faults(&self, effort: Effort) -> Vec<String> {
        let Effort { starts, seeds_max, .. } = effort;
        let mut faults = Vec::new();
        let mut fault = |is_one: bool, sentence: String| {
            if is_one {
                faults.push(format!("{}: {sentence}", self.name));
            }
        };
        let missed = starts - self.found;
        fault(missed > 0, format!("not found within {seeds_max} seeds from {missed} of {starts} starts"));
        let p50 = self.p50.unwrap_or_default();
        fault(
            starts >= STARTS_MIN && p50 > SEEDS_MEDIAN_MAX,
            format!("{p50} seeds in the median, more than {SEEDS_MEDIAN_MAX}"),
        );
        let steps = self.steps.unwrap_or_default();
        fault(steps > STEPS_MAX, format!("{steps} steps are left, more than {STEPS_MAX}"));
        let seconds = self.seconds.unwrap_or_default();
        // A short hunt is part of the gate, whatever machine that runs on.
        fault(
            starts >= STARTS_MIN && seconds > SECONDS_MAX,
            format!("made small in {seconds:.1} s, more than {SECONDS_MAX}"),
        );
        faults
    }
}

impl Report {
    /// What was found of these bugs, and what was left of the first find of each; `made` are the checks that count.
    /// Of all the bugs there are, looked for often enough, each check must have been the first to notice one.
    #[must_use]
    pub fn new(
        bugs: &[Planted],
        effort: Effort,
        finds: &[Vec<Option<Find>>],
        smallest: &[Option<Smallest>],
        made: &BTreeSet<&'static str>,
        is_complete: bool,
    ) -> Self {
        let rows: Vec<Row> = (bugs.iter().zip(finds).zip(smallest))
            .map(|((&bug, finds), smallest)| Row::new(bug, finds, smallest.as_ref()))
            .collect();
        let first: BTreeSet<&str> = rows.iter().flat_map(|row| row.checks.keys().copied()).collect();
        let p50 = percentile(&sorted(&finds.concat()), 50);
        let never_first: Vec<&str> = made.difference(&first).copied().collect();
        let mut faults: Vec<String> = rows.iter().flat_map(|row| row.faults(effort)).collect();
        if is_complete && effort.starts >= STARTS_MIN {
            faults.extend(
                never_first.iter().map(|check| format!("{check}: the first to notice none of the bugs")),
            );
        }
        Self { starts: effort.starts, seeds_max: effort.seeds_max, p50, never_first, faults, bugs: rows }
    }
}

/// Seeds until a find, ascending; what was never found comes last.
fn sorted(finds: &[Option<Find>]) -> Vec<Option<u64>> {
    let mut seeds: Vec<Option<u64>> = finds.iter().map(|find| Some(find.as_ref()?.seeds)).collect();
    seeds.sort_by_key(|seeds| seeds.unwrap_or(u64::MAX));
    seeds
}

/// The value that so many percent do not exceed.
fn percentile(sorted: &[Option<u64>], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    *sorted.get(rank - 1)?
}

/// A table, then what holds for all of it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.bugs.iter().map(|row| row.name.len()).max().unwrap_or_default().max(3);
        writeln!(f, "{:width$}  p50  p95  steps  seconds  first check", "bug")?;
        for row in &self.bugs {
            let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
            let (p50, p95, steps) = (number(row.p50), number(row.p95), number(row.steps.map(|n| n as u64)));
            let seconds = row.seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.2}"));
            let check = row.check.unwrap_or("-");
            writeln!(f, "{:width$}  {p50:>3}  {p95:>3}  {steps:>5}  {seconds:>7}  {check}", row.name)?;
        }
        let found = self.bugs.iter().filter(|row| row.found == self.starts).count();
        let (bugs, starts, p50) = (self.bugs.len(), self.starts, self.p50.unwrap_or_default());
        writeln!(
            f,
            "{found} of {bugs} bugs found from all {starts} starts, after {p50} seeds in the median"
        )?;
        if !self.never_first.is_empty() {
            writeln!(f, "checks that noticed no bug first: {}", self.never_first.join(", "))?;
        }
        self.faults.iter().try_for_each(|fault| writeln!(f, "{fault}"))
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZero, time::Duration};

    use super::*;
    use crate::{judge::checks, plan::scenario::Scenario, record::outcome::Failure};

    const BUGS: &[Planted] =
        &[Planted { name: "easy", what: "Found at once." }, Planted { name: "hard", what: "Found once." }];

    fn find(seeds: u64, check: &'static str) -> Option<Find> {
        let failure = Failure { check, at: Duration::ZERO, event: 1, sentence: String::new() };
        Some(Find { seeds, seed: seeds, failure })
    }

    fn report(steps: usize) -> Report {
        let effort = Effort { starts: 4, seeds_max: 30, jobs: NonZero::<usize>::MIN };
        let finds = [
            vec![
                find(1, checks::CONTENT),
                find(2, checks::WIRE),
                find(1, checks::CONTENT),
                find(9, checks::CONTENT),
            ],
            vec![None, find(30, checks::WIRE), find(21, checks::WIRE), None],
        ];
        let mut scenario = Scenario::generate(1);
        scenario.steps.truncate(steps);
        let smallest = [Some(Smallest { scenario, took: Duration::from_millis(70) }), None];
        let made = [checks::CONTENT, checks::WIRE, checks::MEMBERS].into_iter().collect();
        Report::new(BUGS, effort, &finds, &smallest, &made, true)
    }

    #[test]
    fn rows_hold_percentiles_and_the_usual_check() {
        let report = report(12);
        let [easy, hard] = &report.bugs[..] else { panic!("two bugs") };
        assert_eq!((easy.p50, easy.p95, easy.check), (Some(1), Some(9), Some(checks::CONTENT)));
        assert_eq!((hard.p50, hard.p95, hard.check, hard.found), (Some(30), None, Some(checks::WIRE), 2));
        assert_eq!(report.never_first, [checks::MEMBERS]);
        assert_eq!(report.p50, Some(9));
    }

    #[test]
    fn whatever_is_not_good_enough_is_named() {
        assert_eq!(report(12).faults, ["hard: not found within 30 seeds from 2 of 4 starts"]);
        assert_eq!(report(13).faults[0], "easy: 13 steps are left, more than 12");
        let effort = Effort { starts: 10, seeds_max: 30, jobs: NonZero::<usize>::MIN };
        let late = [vec![find(21, checks::WIRE); 10]];
        let report = Report::new(&BUGS[..1], effort, &late, &[None], &BTreeSet::new(), true);
        assert_eq!(report.faults, ["easy: 21 seeds in the median, more than 20"]);
    }

    #[test]
    fn a_check_that_is_first_for_none_is_a_fault_of_a_complete_run() {
        let made = [checks::WIRE, checks::MEMBERS].into_iter().collect();
        let faults = |starts: usize, is_complete| {
            let effort = Effort { starts: starts as u64, seeds_max: 30, jobs: NonZero::<usize>::MIN };
            let finds = [vec![find(1, checks::WIRE); starts]];
            Report::new(&BUGS[..1], effort, &finds, &[None], &made, is_complete).faults
        };
        assert_eq!(faults(10, true), ["members: the first to notice none of the bugs"]);
        assert_eq!(faults(10, false), Vec::<String>::new());
        assert_eq!(faults(9, true), Vec::<String>::new());
    }

    #[test]
    fn the_table_begins_each_row_with_a_name() {
        let table = report(3).to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[1], "easy    1    9      3     0.07  content");
        assert_eq!(lines[2], "hard   30    -      -        -  wire");
    }
}

//! Whether two runs are the same, and where they part if they are not.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    plan::scenario::Scenario,
    record::{
        outcome::Outcome,
        table::Table,
        trace::{CHECKPOINT_EVENTS, Record, Trace},
    },
    search::batch::try_run,
};

/// Records shown before the first that differs…
const BEFORE: usize = 10;
/// …and from there on.
const AFTER: usize = 5;

/// Runs a scenario. What came of it is the last entry of its trace: runs are the same only if that is, too.
pub fn play(scenario: &Scenario, trace: &mut Trace) -> Outcome {
    let outcome = try_run(scenario, trace);
    trace.end(&outcome);
    outcome
}

/// Stands for a run: hashes of all of it, and of its beginnings.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Chain {
    /// How many entries its trace has.
    pub events: u64,
    /// Stands for all of them.
    pub hash: u64,
    /// Stands for the first of them, each time [`CHECKPOINT_EVENTS`] more.
    pub checkpoints: Vec<u64>,
}

impl Chain {
    /// Runs a scenario for its chain.
    #[must_use]
    pub fn of(scenario: &Scenario) -> (Outcome, Self) {
        let mut trace = Trace::new().to_the_letter();
        let outcome = play(scenario, &mut trace);
        let checkpoints = trace.checkpoints().to_vec();
        (outcome, Self { events: trace.events(), hash: trace.hash(), checkpoints })
    }

    /// After how many entries two runs were still the same, as far as checkpoints tell; none if they are the same.
    #[must_use]
    pub fn parts_after(&self, other: &Self) -> Option<u64> {
        if self == other {
            return None;
        }
        let pairs = self.checkpoints.iter().zip(&other.checkpoints);
        Some(pairs.take_while(|(a, b)| a == b).count() as u64 * CHECKPOINT_EVENTS)
    }
}

/// The records of a run between two checkpoints, and the few before them.
#[must_use]
pub fn block(scenario: &Scenario, after: u64) -> Vec<Record> {
    let mut trace = Trace::detailed().to_the_letter();
    play(scenario, &mut trace);
    let block = after.saturating_sub(BEFORE as u64)..=after + CHECKPOINT_EVENTS;
    trace.records().iter().filter(|record| block.contains(&record.event)).cloned().collect()
}

/// Runs a scenario twice.
///
/// # Errors
/// Where the runs part, if they do.
pub fn run_twice(scenario: &Scenario) -> Result<(Outcome, Chain), Divergence> {
    let [(outcome, first), (_, second)] = [(); 2].map(|()| Chain::of(scenario));
    let Some(after) = first.parts_after(&second) else { return Ok((outcome, first)) };
    let [first, second] = [(); 2].map(|()| block(scenario, after));
    Err(Divergence::between(after, &first, &second, |a, b| a == b))
}

/// Where two runs part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Divergence {
    /// They are the same up to here, at least.
    after: u64,
    /// The first entry that differs, and what happens around it in the one run and in the other; none if the
    /// difference did not show again when it was looked for.
    found: Option<(u64, [Vec<String>; 2])>,
}

impl Divergence {
    /// Compares the records of two runs that were the same up to an event.
    pub fn between(
        after: u64,
        first: &[Record],
        second: &[Record],
        same: impl Fn(&Record, &Record) -> bool,
    ) -> Self {
        let count = first.iter().zip(second).take_while(|(a, b)| same(a, b)).count();
        let found = first.get(count).or_else(|| second.get(count)).map(|record| {
            let excerpt = |records: &[Record]| {
                let mut table = Table::of(records);
                let (before, shown) = records.split_at(count.saturating_sub(BEFORE));
                before.iter().for_each(|record| table.pass(record));
                shown.iter().take(BEFORE + AFTER).map(|record| table.line(record)).collect()
            };
            (record.event, [excerpt(first), excerpt(second)])
        });
        Self { after, found }
    }

    /// The first entry that differs, if the difference was found.
    #[must_use]
    pub fn event(&self) -> Option<u64> {
        self.found.as_ref().map(|&(event, _)| event)
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((event, excerpts)) = &self.found else {
            return writeln!(
                f,
                "the runs part after entry {}, but not when they were played again to find where",
                self.after
            );
        };
        writeln!(f, "the runs part at entry {event}")?;
        for (name, lines) in ["first", "second"].iter().zip(excerpts) {
            writeln!(f, "{name} run:\n{}", lines.join("\n"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_found() {
        let records = block(&Scenario::generate(1), 0);
        let between = |a: &[Record], b: &[Record]| Divergence::between(0, a, b, |a, b| a == b);
        assert_eq!(between(&records, &records).event(), None);
        let mut other = records.clone();
        other[100].hash ^= 1;
        let part = between(&records, &other);
        assert_eq!(part.event(), Some(records[100].event));
        assert_eq!(part.to_string().lines().count(), 1 + 2 * (1 + BEFORE + AFTER));
        let shorter = between(&records[..50], &records);
        assert_eq!(shorter.event(), Some(records[50].event));
        assert_eq!(shorter.to_string().lines().count(), 1 + 2 * (1 + BEFORE) + AFTER);
    }

    #[test]
    fn what_came_of_a_run_is_compared_too() {
        let (scenario, mut trace) = (Scenario::generate(1), Trace::detailed());
        let outcome = play(&scenario, &mut trace);
        let mut other = Trace::detailed();
        try_run(&scenario, &mut other);
        assert_eq!(trace.events(), other.events() + 1);
        let marks = [("never-seen".to_owned(), 1)].into_iter().collect();
        other.end(&Outcome { marks, ..outcome });
        let part = Divergence::between(0, trace.records(), other.records(), |a, b| a == b);
        assert_eq!(part.event(), Some(trace.events()));
        assert!(part.to_string().contains("outcome: counts "), "{part}");
        assert_ne!(trace.hash(), other.hash());
    }

    #[test]
    fn checkpoints_tell_how_far_runs_are_the_same() {
        let chain = |hash, checkpoints: &[u64]| Chain { events: 9, hash, checkpoints: checkpoints.to_vec() };
        assert_eq!(chain(1, &[4, 5]).parts_after(&chain(1, &[4, 5])), None);
        assert_eq!(chain(1, &[4, 5]).parts_after(&chain(2, &[4, 6])), Some(CHECKPOINT_EVENTS));
        assert_eq!(chain(1, &[4]).parts_after(&chain(2, &[4])), Some(CHECKPOINT_EVENTS));
        assert_eq!(chain(1, &[]).parts_after(&chain(2, &[])), Some(0));
    }

    #[test]
    fn a_block_reaches_from_checkpoint_to_checkpoint() {
        let scenario = (0..).map(Scenario::generate).find(|s| Chain::of(s).1.checkpoints.len() > 2).unwrap();
        let (_, chain) = Chain::of(&scenario);
        let records = block(&scenario, CHECKPOINT_EVENTS);
        let hash_at = |event| records.iter().find(|record| record.event == event).map(|record| record.hash);
        assert_eq!(hash_at(CHECKPOINT_EVENTS), Some(chain.checkpoints[0]));
        assert_eq!(hash_at(2 * CHECKPOINT_EVENTS), Some(chain.checkpoints[1]));
        assert_eq!(records.last().unwrap().event, 2 * CHECKPOINT_EVENTS);
    }
}

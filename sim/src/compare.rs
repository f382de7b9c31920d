//! Whether two runs are the same, and where they part if they are not.

use crate::{
    batch::try_run,
    outcome::Outcome,
    scenario::Scenario,
    table::Table,
    trace::{CHECKPOINT_EVENTS, Record, Trace},
};

/// Records shown before the first that differs.
const BEFORE: usize = 10;

/// Where two runs part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Divergence {
    /// The number of the first event that differs, from 1.
    pub event: u64,
    /// What happened before, and then in the first run…
    pub first: Vec<String>,
    /// …and in the second.
    pub second: Vec<String>,
}

/// Stands for a run: hashes of all of it, and of its beginnings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chain {
    /// How many events there were.
    pub events: u64,
    /// Stands for all of them.
    pub hash: u64,
    /// Stands for the first of them, each time [`CHECKPOINT_EVENTS`] more.
    pub checkpoints: Vec<u64>,
}

impl Chain {
    /// The chain of a trace.
    #[must_use]
    pub fn of(trace: &Trace) -> Self {
        Self { events: trace.events(), hash: trace.hash(), checkpoints: trace.checkpoints().to_vec() }
    }

    /// After how many events the runs were still the same, as far as checkpoints tell; none if they are the same.
    #[must_use]
    pub fn parts_after(&self, other: &Self) -> Option<u64> {
        if self == other {
            return None;
        }
        let pairs = self.checkpoints.iter().zip(&other.checkpoints);
        Some(pairs.take_while(|(a, b)| a == b).count() as u64 * CHECKPOINT_EVENTS)
    }
}

/// Runs a scenario twice.
///
/// # Errors
/// Where the runs part, if they do.
pub fn run_twice(scenario: &Scenario) -> Result<Outcome, Box<Divergence>> {
    let [(outcome, first), (_, second)] = [(); 2].map(|()| {
        let mut trace = Trace::new();
        (try_run(scenario, &mut trace), Chain::of(&trace))
    });
    if first == second {
        return Ok(outcome);
    }
    let [first, second] = [(); 2].map(|()| {
        let mut trace = Trace::detailed();
        try_run(scenario, &mut trace);
        trace
    });
    let table = Table::new(&scenario.setup);
    let found = divergence(&table, first.records(), second.records());
    // What shows only now and then may not show again.
    Err(Box::new(found.unwrap_or(Divergence { event: 0, first: Vec::new(), second: Vec::new() })))
}

/// Where two traces part, if they do.
#[must_use]
pub fn divergence(table: &Table, first: &[Record], second: &[Record]) -> Option<Divergence> {
    let same = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    let event = first.get(same).or_else(|| second.get(same))?.event;
    let excerpt = |records: &[Record]| {
        let mut table = table.clone();
        let from = same.saturating_sub(BEFORE).min(records.len());
        records[..from].iter().for_each(|record| table.pass(record));
        records[from..].iter().take(BEFORE + 5).map(|record| table.line(record)).collect()
    };
    Some(Divergence { event, first: excerpt(first), second: excerpt(second) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_found() {
        let scenario = Scenario::generate(1);
        let mut trace = Trace::detailed();
        try_run(&scenario, &mut trace);
        let (table, records) = (Table::new(&scenario.setup), trace.records());
        assert_eq!(divergence(&table, records, records), None);
        let mut other = records.to_vec();
        other[100].hash ^= 1;
        let found = divergence(&table, records, &other).unwrap();
        assert_eq!(found.event, records[100].event);
        assert_eq!(found.first.len(), BEFORE + 5);
        let found = divergence(&table, &records[..50], records).unwrap();
        assert_eq!(found.event, records[50].event);
        assert_eq!(found.first.len(), BEFORE);
    }

    #[test]
    fn checkpoints_tell_how_far_runs_are_the_same() {
        let chain = |hash, checkpoints: &[u64]| Chain { events: 9, hash, checkpoints: checkpoints.to_vec() };
        assert_eq!(chain(1, &[4, 5]).parts_after(&chain(1, &[4, 5])), None);
        assert_eq!(chain(1, &[4, 5]).parts_after(&chain(2, &[4, 6])), Some(CHECKPOINT_EVENTS));
        assert_eq!(chain(1, &[4]).parts_after(&chain(2, &[4])), Some(CHECKPOINT_EVENTS));
        assert_eq!(chain(1, &[]).parts_after(&chain(2, &[])), Some(0));
    }
}

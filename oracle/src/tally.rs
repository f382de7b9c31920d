//! Counts that an oracle keeps as it goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::violation::Promise;

/// Counts that need no second look.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Tally {
    pub(crate) gaps_announced: u64,
    pub(crate) history: u64,
    pub(crate) caught_up: u64,
    /// Deliveries of rooms that are none of this run.
    pub(crate) from_nowhere: u64,
}

/// How often each promise was put to the test.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Checks([u64; Promise::ALL.len()]);

impl Checks {
    pub(crate) const fn add(&mut self, promise: Promise, count: u64) {
        self.0[promise as usize] += count;
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (ours, theirs) in self.0.iter_mut().zip(other.0) {
            *ours += theirs;
        }
    }

    pub(crate) fn by_promise(self) -> BTreeMap<Promise, u64> {
        Promise::ALL.into_iter().map(|promise| (promise, self.0[promise as usize])).collect()
    }
}

impl Tally {
    pub(crate) const fn add(&mut self, other: Self) {
        self.gaps_announced += other.gaps_announced;
        self.history += other.history;
        self.caught_up += other.caught_up;
        self.from_nowhere += other.from_nowhere;
    }
}

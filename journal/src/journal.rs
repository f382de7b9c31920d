//! The log: one order, an index and a time for every submission. In memory, so durable as soon as it is there.

use std::collections::VecDeque;

use chinwag_core::{
    Time,
    shard::{Entry, Op},
};

/// Puts submissions in one order.
///
/// What is appended comes out of [`poll_durable`](Self::poll_durable) once it is as durable as the journal promises.
/// This one keeps nothing: it promises only what the process's memory does.
#[derive(Debug, Default)]
pub struct Journal {
    last: u64,
    last_at: Time,
    durable: VecDeque<Entry>,
}

impl Journal {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives `op` the next index, and the later one of `now` and the previous entry's time.
    pub fn append(&mut self, now: Time, op: Op) {
        self.last += 1;
        self.last_at = self.last_at.max(now);
        self.durable.push_back(Entry { index: self.last, at: self.last_at, op });
    }

    /// The next entry that may be applied.
    pub fn poll_durable(&mut self) -> Option<Entry> {
        self.durable.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_entries_never_go_back() {
        let mut journal = Journal::new();
        for now in [10, 5, 12] {
            journal.append(Time(now), Op::Expire);
        }
        let entries = std::iter::from_fn(|| journal.poll_durable());
        let stamps: Vec<(u64, u64)> = entries.map(|entry| (entry.index, entry.at.0)).collect();
        assert_eq!(stamps, [(1, 10), (2, 10), (3, 12)]);
    }
}

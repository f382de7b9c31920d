//! A log that keeps nothing: it promises only what the process's memory does.

use std::collections::VecDeque;

use chinwag_core::{
    Time,
    shard::{Entry, Op},
};

use super::{Journal, Numbering};
use crate::store::Batch;

/// A log that keeps nothing: an entry is as durable as it will ever be as soon as it is there.
#[derive(Debug)]
pub struct Memory {
    numbering: Numbering,
    durable: VecDeque<Entry>,
}

impl Memory {
    /// A log that goes on after this entry, of which this was the time.
    #[must_use]
    pub const fn after(last: u64, last_at: Time) -> Self {
        Self { numbering: Numbering { last, last_at }, durable: VecDeque::new() }
    }
}

impl Journal for Memory {
    fn append(&mut self, now: Time, op: Op) {
        let entry = self.numbering.number(now, op);
        self.durable.push_back(entry);
    }

    fn last(&self) -> u64 {
        self.numbering.last
    }

    fn poll_store(&mut self) -> Option<Batch> {
        None
    }

    fn backlog_bytes(&self) -> usize {
        0
    }

    fn poll_rest(&mut self) -> Option<Batch> {
        None
    }

    fn stored(&mut self, _last: u64) {
        unreachable!("nothing is stored");
    }

    fn poll_durable(&mut self) -> Option<Entry> {
        self.durable.pop_front()
    }
}

//! A log whose driver stores it: what comes while one batch is being stored is the next.

use std::{collections::VecDeque, mem};

use chinwag_core::{
    Time,
    shard::{Entry, Op},
};

use super::{Journal, Numbering};
use crate::store::{Batch, Durability, encode};

/// A log whose driver stores it.
#[derive(Debug)]
pub struct GroupCommit {
    numbering: Numbering,
    /// Entries wait until they are stored.
    waits: bool,
    /// What is to be stored next.
    gathered: Batch,
    /// The driver stores a batch of so many bytes.
    storing: Option<usize>,
    /// The last entry that may be applied.
    durable: u64,
    /// Entries that were not handed out.
    queue: VecDeque<Entry>,
}

impl GroupCommit {
    /// A log that goes on after this entry, of which this was the time.
    #[must_use]
    pub fn after(last: u64, last_at: Time, durability: Durability) -> Self {
        Self {
            numbering: Numbering { last, last_at },
            waits: durability != Durability::None,
            gathered: Batch::default(),
            storing: None,
            durable: last,
            queue: VecDeque::new(),
        }
    }
}

impl Journal for GroupCommit {
    fn append(&mut self, now: Time, op: Op) {
        let entry = self.numbering.number(now, op);
        self.gathered.push(entry.index, |bytes| encode(&entry, bytes));
        self.queue.push_back(entry);
        if !self.waits || chinwag_core::planted!(AckBeforeDurable) {
            self.durable = self.numbering.last;
        }
    }

    fn last(&self) -> u64 {
        self.numbering.last
    }

    fn poll_store(&mut self) -> Option<Batch> {
        if self.storing.is_some() || self.gathered.is_empty() {
            return None;
        }
        self.storing = Some(self.gathered.bytes());
        Some(mem::take(&mut self.gathered))
    }

    fn backlog_bytes(&self) -> usize {
        self.gathered.bytes() + self.storing.unwrap_or_default()
    }

    fn poll_rest(&mut self) -> Option<Batch> {
        let rest = mem::take(&mut self.gathered);
        (!rest.is_empty()).then_some(rest)
    }

    fn stored(&mut self, last: u64) {
        let storing = self.storing.take();
        assert!(storing.is_some() && last <= self.numbering.last, "only what was given is stored");
        self.durable = self.durable.max(last);
    }

    fn poll_durable(&mut self) -> Option<Entry> {
        self.queue.pop_front_if(|entry| entry.index <= self.durable)
    }
}

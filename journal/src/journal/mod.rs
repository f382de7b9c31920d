//! The log as a node sees it: one order, an index and a time for every submission, and nothing applied before its time.

use std::fmt;

use chinwag_core::{
    Time,
    shard::{Entry, Op},
};

pub use self::{group_commit::GroupCommit, memory::Memory};
use crate::store::Batch;

mod group_commit;
mod memory;
#[cfg(test)]
mod tests;

/// Puts submissions in one order, and hands each out once it is as durable as the log promises.
///
/// Storing is the driver's: it asks what to [store](Self::poll_store) and says when that [is done](Self::stored). So a
/// node never waits for a disk, and the simulator can let one be as slow as it likes.
pub trait Journal: fmt::Debug + Send {
    /// Gives `op` the next index, and the later one of `now` and the previous entry's time.
    fn append(&mut self, now: Time, op: Op);

    /// The last index that was given; 0 before the first.
    fn last(&self) -> u64;

    /// What is to be stored next. Nothing while the batch before is being stored: what comes meanwhile is the next one,
    /// so that under load one sync is for many.
    fn poll_store(&mut self) -> Option<Batch>;

    /// Everything up to the entry with this index is stored, as durably as the log promises.
    fn stored(&mut self, last: u64);

    /// How many bytes wait to be stored, those included that the driver was given.
    fn backlog_bytes(&self) -> usize;

    /// What is left to be stored, when nothing more comes: behind what is being stored.
    fn poll_rest(&mut self) -> Option<Batch>;

    /// The next entry that may be applied.
    fn poll_durable(&mut self) -> Option<Entry>;
}

/// What every log does: the next index, and times that never go back.
#[derive(Clone, Copy, Debug)]
struct Numbering {
    last: u64,
    last_at: Time,
}

impl Numbering {
    fn number(&mut self, now: Time, op: Op) -> Entry {
        self.last += 1;
        self.last_at = self.last_at.max(now);
        Entry { index: self.last, at: self.last_at, op }
    }
}

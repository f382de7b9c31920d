//! What all threads may see of a run while it goes on.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that many threads add to.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// One more.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// So many more.
    pub(crate) fn add_many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// One less.
    pub(crate) fn remove(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The numbers that progress is shown from and phases end by. The verdict is not made from them but from the oracle.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// Bots that have been in all their rooms.
    pub(crate) arrived: Count,
    /// Bots that are in all their rooms now.
    pub(crate) present: Count,
    /// Sockets that are open.
    pub(crate) open: Count,
    /// Planned messages handed to their bots.
    pub(crate) handed: Count,
    /// Planned messages put on the wire, each counted once.
    pub(crate) sent: Count,
    /// Planned messages with a final answer.
    pub(crate) answered: Count,
    /// Planned messages whose final answer was a refusal.
    pub(crate) refused: Count,
    /// Deliveries that will not come because a message was refused.
    pub(crate) forgone: Count,
    /// Messages shown.
    pub(crate) delivered: Count,
    /// Connections attached again after one was lost.
    pub(crate) reconnects: Count,
    /// Connections that failed or were lost without the scenario wanting it.
    pub(crate) errors: Count,
}

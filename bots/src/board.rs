//! What all threads may see of a run while it goes on.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that many threads add to.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// So many more.
    pub fn add_many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// One less.
    pub fn remove(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The numbers that progress is shown from and phases end by. The verdict is not made from them but from the oracle.
#[derive(Debug, Default)]
pub struct Board {
    /// Bots that have been in all their rooms.
    pub arrived: Count,
    /// Bots that are in all their rooms now.
    pub present: Count,
    /// Sockets that are open.
    pub open: Count,
    /// Planned messages handed to their bots.
    pub handed: Count,
    /// Planned messages put on the wire, each counted once.
    pub sent: Count,
    /// Planned messages with a final answer.
    pub answered: Count,
    /// Planned messages whose final answer was a refusal.
    pub refused: Count,
    /// Deliveries to our clients that will not come because a message of ours was refused.
    pub forgone: Count,
    /// Messages shown.
    pub delivered: Count,
    /// Connections attached again after one was lost.
    pub reconnects: Count,
    /// Connections that failed or were lost without the scenario wanting it.
    pub errors: Count,
}

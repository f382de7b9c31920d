//! How much waits for the disk, and whether more is taken in meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, futures::Notified};

/// What waits for the disk in the nodes of all threads.
#[derive(Debug)]
pub(crate) struct Backlog {
    bytes: AtomicUsize,
    bytes_max: usize,
    relief: Notify,
}

impl Backlog {
    /// Nothing waits. With more than `bytes_max` nothing more is taken in.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), bytes_max, relief: Notify::new() }
    }

    /// How much waits.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether so much waits that no connection is read, and none is let in.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes() > self.bytes_max
    }

    /// Of a thread's so many bytes there are now so many.
    pub(crate) fn change(&self, before: usize, now: usize) {
        if now >= before {
            self.bytes.fetch_add(now - before, Ordering::Relaxed);
            return;
        }
        let all = self.bytes.fetch_sub(before - now, Ordering::Relaxed);
        if all > self.bytes_max && all - (before - now) <= self.bytes_max {
            self.relief.notify_waiters();
        }
    }

    /// When it is not full any more, having been so.
    pub(crate) fn relief(&self) -> Notified<'_> {
        self.relief.notified()
    }
}

//! Where the nodes of a process put what they record, until it is written.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// What is written at once, in bytes.
const BLOCK_BYTES: usize = 256 << 10;
/// How much may wait to be written, in bytes: a disk that is slower than this for long is no place for a capture.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Why a capture ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum End {
    /// Everything did.
    Stopped,
    /// It had as many bytes as it may.
    Full,
    /// They came faster than they could be written.
    Behind,
}

/// What is recorded and not written.
#[derive(Debug)]
pub struct Reel {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    bytes_max: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// What was put here since it began, in bytes.
    total: u64,
    end: Option<End>,
}

impl Reel {
    /// For a capture of so many bytes.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), bytes_max }
    }

    /// Puts a record behind the others. False if it is no longer wanted.
    ///
    /// A node has to do this before it passes on what came of the input: so what follows from it elsewhere stands behind it.
    pub(super) fn push(&self, record: &[u8]) -> bool {
        let mut waiting = self.lock();
        if waiting.end.is_some() {
            return false;
        }
        waiting.total += record.len() as u64;
        if waiting.total > self.bytes_max {
            waiting.end = Some(End::Full);
        } else if waiting.bytes.len() + record.len() > WAITING_BYTES_MAX {
            waiting.end = Some(End::Behind);
        } else {
            waiting.bytes.extend_from_slice(record);
        }
        if waiting.end.is_some() || waiting.bytes.len() >= BLOCK_BYTES {
            self.changed.notify_one();
        }
        waiting.end.is_none()
    }

    /// Nothing more is to be recorded.
    pub fn stop(&self) {
        self.lock().end.get_or_insert(End::Stopped);
        self.changed.notify_one();
    }

    /// Waits until there is enough to be written, or for so long. Swaps it for `into`, which is emptied; says how all ends if
    /// this is the last of it.
    pub fn take(&self, into: &mut Vec<u8>, at_most: Duration) -> Option<End> {
        into.clear();
        let is_too_early = |waiting: &mut Waiting| waiting.end.is_none() && waiting.bytes.len() < BLOCK_BYTES;
        let waiting = self.changed.wait_timeout_while(self.lock(), at_most, is_too_early);
        let (mut waiting, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut waiting.bytes, into);
        waiting.end
    }

    /// A thread that panicked while it held it has left it as it was.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

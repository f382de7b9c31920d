//! The course of a run: what both who play a plan in real time and who do in virtual time keep to.

use std::time::Duration;

use chinwag_core::Time;

use crate::{board::Board, script::Script};

/// From the last arrival to the first stage, so that nothing of the first is late.
pub const BREATH: Duration = Duration::from_millis(200);
/// How long to listen, when all has come that should, for what should not.
pub const LISTEN: Duration = Duration::from_millis(250);
/// Where nobody knows how many deliveries will come, no more do if none has for so long.
const QUIET: Duration = Duration::from_secs(1);

/// After the last stage: whether everything has come that was sent.
#[derive(Debug)]
pub struct Drain {
    /// Messages that are to be answered.
    planned: u64,
    /// Deliveries that are to come; unknown if that depends on who is where, or on what others have sent.
    expected: Option<u64>,
    /// Deliveries seen, and since when no more.
    seen: (u64, Time),
}

impl Drain {
    /// Begins when the last stage ends.
    #[must_use]
    pub fn new(script: &Script, now: Time) -> Self {
        Self {
            planned: script.planned_here(),
            expected: script.deliveries().filter(|_| script.segment.is_whole()),
            seen: (0, now),
        }
    }

    /// Whether nothing more is to be waited for.
    pub fn is_over(&mut self, now: Time, board: &Board) -> bool {
        let delivered = board.delivered.get();
        if delivered != self.seen.0 {
            self.seen = (delivered, now);
        }
        let come = match self.expected {
            Some(expected) => delivered + board.forgone.get() >= expected,
            None => now.since(self.seen.1) >= QUIET,
        };
        board.answered.get() >= self.planned && come
    }
}

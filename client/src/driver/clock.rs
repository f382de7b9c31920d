//! The one place where time is read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chinwag_core::Time;
use tokio::time::Instant;

/// The wall clock at the start plus a monotonic clock: never decreases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    origin: Time,
}

impl Clock {
    /// Starts at the wall clock's time.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), origin: Time(0) + since_epoch }
    }

    /// The time now.
    pub(crate) fn now(self) -> Time {
        self.origin + self.started.elapsed()
    }

    /// When `time` is. Times too far to be an instant are as good as never: a year from the start.
    pub(crate) fn instant(self, time: Time) -> Instant {
        const NEVER: Duration = Duration::from_secs(365 * 24 * 3_600);
        self.started + time.since(self.origin).min(NEVER)
    }
}

//! The one place where time is read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chinwag_core::Time;
use tokio::time::Instant;

/// The wall clock at the start of the process plus a monotonic clock: never decreases, the same on all threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    origin: Time,
}

impl Clock {
    /// Starts at the wall clock's time.
    pub(crate) fn start() -> Self {
        Self::after(Time(0))
    }

    /// The same, or at `earliest`, if the wall clock was set back since.
    pub(crate) fn after(earliest: Time) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), origin: (Time(0) + since_epoch).max(earliest) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_where_shards_have_come_to() {
        let wall = Clock::start().now();
        let later = wall + Duration::from_secs(3_600);
        let clock = Clock::after(later);
        assert!(wall < later && clock.now() >= later && clock.now() < later + Duration::from_secs(3_600));
    }
}

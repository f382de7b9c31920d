//! The one place where time is read.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chinwag_core::Time;

/// How often both clocks are read at the start.
const TRIES: u32 = 8;

/// The wall clock at the start plus a monotonic clock: never decreases, the same on all threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    origin: Time,
}

impl Clock {
    /// Starts at the wall clock's time.
    pub(crate) fn start() -> Self {
        let read = || {
            let (before, wall, started) = (Instant::now(), SystemTime::now(), Instant::now());
            (started.duration_since(before), started, wall)
        };
        // Two clocks are read one after the other: what may come in between is what processes would differ by.
        let quickest = (0..TRIES).map(|_| read()).min_by_key(|(took, ..)| *took);
        let (_, started, wall) = quickest.expect("there are some tries");
        let since_epoch = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started, origin: Time(0) + since_epoch }
    }

    /// The same, but so far behind.
    #[cfg(test)]
    pub(crate) fn behind(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_micros()).expect("less than the time since the epoch");
        Self { origin: Time(self.origin.0 - by), ..self }
    }

    /// The time now.
    pub(crate) fn now(self) -> Time {
        self.origin + self.started.elapsed()
    }

    /// When the clock was started.
    pub(crate) const fn origin(self) -> Time {
        self.origin
    }

    /// When `time` is. Times too far to be an instant are as good as never: a year from the start.
    pub(crate) fn instant(self, time: Time) -> tokio::time::Instant {
        const NEVER: Duration = Duration::from_secs(365 * 24 * 3_600);
        tokio::time::Instant::from_std(self.started + time.since(self.origin).min(NEVER))
    }
}

//! The one place where time is read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chinwag_core::Time;
use tokio::time::Instant;

/// The wall clock at the start plus a clock that never decreases: where the system has one, one that goes on while the machine
/// sleeps, so that a connection which has been silent for as long is given up when it wakes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Reading,
    origin: Time,
}

impl Clock {
    /// Starts at the wall clock's time.
    pub(crate) fn start() -> Self {
        Self { started: Reading::take(), origin: wall() }
    }

    /// The time now.
    pub(crate) fn now(self) -> Time {
        self.origin + self.started.elapsed()
    }

    /// When `time` is. Times too far to be an instant are as good as never: a year from now.
    pub(crate) fn instant(self, time: Time) -> Instant {
        const NEVER: Duration = Duration::from_secs(365 * 24 * 3_600);
        // Instants stand still while the machine sleeps, so only one that is taken now can be counted from.
        Instant::now() + time.since(self.now()).min(NEVER)
    }
}

/// What the wall clock shows: when something happened, for a person. It may be set, back as well.
pub(crate) fn wall() -> Time {
    Time(0) + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A reading of the clock that goes on while the machine sleeps.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug)]
struct Reading(Duration);

#[cfg(target_os = "linux")]
impl Reading {
    fn take() -> Self {
        use rustix::time::{ClockId, clock_gettime};
        Self(clock_gettime(ClockId::Boottime).try_into().unwrap_or_default())
    }

    fn elapsed(self) -> Duration {
        Self::take().0.saturating_sub(self.0)
    }
}

/// A reading of the clock that there is.
#[cfg(not(target_os = "linux"))]
#[derive(Clone, Copy, Debug)]
struct Reading(Instant);

#[cfg(not(target_os = "linux"))]
impl Reading {
    fn take() -> Self {
        Self(Instant::now())
    }

    fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_while_the_machine_slept_is_due_at_once() {
        const NIGHT: Duration = Duration::from_secs(8 * 3_600);
        // For the clock that goes on, the start was before the night; no instant is as old as that.
        let Reading(now) = Reading::take();
        let clock = Clock { started: Reading(now.saturating_sub(NIGHT)), origin: Time(0) };
        let slept = now.min(NIGHT);
        assert!(clock.now() >= Time(0) + slept);
        let before = Instant::now();
        assert!(clock.instant(Time(0) + Duration::from_secs(40)) <= Instant::now(), "while it slept");
        let soon = clock.instant(Time(0) + slept + Duration::from_secs(40));
        assert!(soon <= before + Duration::from_secs(41) && soon > before, "after it");
    }
}

//! An actor's own clock: it runs a little fast or slow, and it can jump.

use std::time::Duration;

use chinwag_core::Time;

use crate::plan::scenario::ClockSetup;

const MILLION: u64 = 1_000_000;

/// What a clock shows at which time of the world. It never runs backwards but where it is [set back](Self::set_back).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// From this time of the world on…
    since: Time,
    /// …it counts on from here; before, it stands still there.
    shows: Time,
    /// Microseconds it counts in a second.
    pace: u64,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub(crate) fn new(now: Time, setup: ClockSetup) -> Self {
        let pace = MILLION.saturating_add_signed(setup.drift_ppm.into());
        Self { since: now, shows: now + Duration::from_micros(setup.ahead_us), pace }
    }

    /// What it shows now.
    #[must_use]
    pub(crate) fn shows(&self, now: Time) -> Time {
        let elapsed = now.0.saturating_sub(self.since.0);
        Time(self.shows.0 + if self.pace == MILLION { elapsed } else { elapsed * self.pace / MILLION })
    }

    /// Until when it stands still, if it does.
    #[must_use]
    pub(crate) const fn stands_until(&self) -> Time {
        self.since
    }

    /// When, in the world, it will first show `time` or more.
    #[must_use]
    pub(crate) fn when(&self, time: Time) -> Time {
        let ahead = time.0.saturating_sub(self.shows.0);
        let elapsed =
            if self.pace == MILLION { ahead } else { ahead.saturating_mul(MILLION).div_ceil(self.pace) };
        Time(self.since.0.saturating_add(elapsed))
    }

    /// Is read anew by a process that starts, and shows an earlier time than it did.
    pub(crate) fn set_back(&mut self, now: Time, by: Duration) {
        if !by.is_zero() {
            let by = u64::try_from(by.as_micros()).expect("a month at most");
            let shows = Time(self.shows(now).0.saturating_sub(by));
            *self = Self { since: now, shows, ..*self };
        }
    }

    /// Is read anew by a process that begins: it counts on from there, or from what that knows of if that is later. What the
    /// process before it stood still for is none of its business.
    pub(crate) fn go_on_from(&mut self, now: Time, time: Time) {
        if self.shows(now) < time || self.since > now {
            *self = Self { since: now, shows: self.shows(now).max(time), ..*self };
        }
    }

    /// Jumps forwards, or stands still for as long as it would have jumped backwards.
    pub(crate) fn jump(&mut self, now: Time, by_us: i64) {
        let jump = Duration::from_micros(by_us.unsigned_abs());
        let (shows, since) = (self.shows(now), self.since.max(now));
        *self = match by_us {
            0.. => Self { since: now, shows: shows + jump, ..*self },
            _ => Self { since: since + jump, shows, ..*self },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time(1_000_000_000);

    #[test]
    fn when_is_the_first_instant_that_shows_it() {
        for drift_ppm in [-100_000, -333, -1, 0, 1, 777, 100_000] {
            let mut clock = Clock::new(START, ClockSetup { ahead_us: 5_000_000, drift_ppm });
            let mut now = START;
            for jump in [0, 1, 999_999, -999_999, 12_345_678, -7] {
                now = Time(now.0 + 1_234_567);
                clock.jump(now, jump);
                for ahead in [0, 1, 2, 3, 1_000, 1_000_003, 60_000_017] {
                    let time = Time(clock.shows(now).0 + ahead);
                    let when = clock.when(time);
                    assert!(clock.shows(when) >= time, "{drift_ppm} {jump} {ahead}");
                    assert!(ahead == 0 || clock.shows(Time(when.0 - 1)) < time, "{drift_ppm} {jump} {ahead}");
                }
            }
        }
    }

    #[test]
    fn it_never_runs_backwards() {
        let mut clock = Clock::new(START, ClockSetup { ahead_us: 0, drift_ppm: -500 });
        let (mut last, mut now) = (clock.shows(START), START);
        for step in 0..2_000u64 {
            now = Time(now.0 + step * 37 % 10_000);
            if step % 17 == 0 {
                clock.jump(now, if step % 2 == 0 { -50_000 } else { 20_000 });
            }
            assert!(clock.shows(now) >= last);
            last = clock.shows(now);
        }
        assert!(last < Time(START.0 + 20_000_000));
    }

    #[test]
    fn it_goes_on_from_where_it_is_set_back_to() {
        let mut clock = Clock::new(START, ClockSetup { ahead_us: 7, drift_ppm: 0 });
        let now = Time(START.0 + 5_000_000);
        clock.jump(now, -3_000_000);
        clock.set_back(now, Duration::from_secs(60));
        assert_eq!(clock.shows(now), Time(now.0 + 7 - 60_000_000));
        assert_eq!(clock.shows(Time(now.0 + 9)), Time(now.0 + 16 - 60_000_000));
    }

    #[test]
    fn it_stands_still_for_no_longer_than_its_process() {
        let mut clock = Clock::new(START, ClockSetup { ahead_us: 0, drift_ppm: 0 });
        clock.jump(START, -3_000_000);
        let now = Time(START.0 + 1_000_000);
        assert_eq!(clock.shows(now), START);
        clock.go_on_from(now, Time(0));
        assert_eq!(clock.shows(Time(now.0 + 9)), Time(START.0 + 9));
    }

    #[test]
    fn never_is_far() {
        let clock = Clock::new(START, ClockSetup { ahead_us: 0, drift_ppm: -500 });
        assert!(clock.when(Time(u64::MAX)) > Time(START.0 + 1_000_000_000_000));
    }
}

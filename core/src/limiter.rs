//! A token bucket in integers, with an exact answer to "when"; and quotas beside it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

#[cfg(test)]
mod model;
mod quota;

pub use quota::{Action, QUOTA_MAX, Quota, UnknownAction, Used};

/// One token, in the millionths the bucket counts in.
const TOKEN: u64 = 1_000_000;

/// How fast a bucket refills and how much it holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Tokens per second, at least 1.
    pub per_second: u32,
    /// Tokens a full bucket holds, at least 1.
    pub burst: u32,
}

/// A token bucket: in every window of length t at most `burst + rate·t` are admitted, and whoever keeps to the
/// rate is never refused.
///
/// It stores what has been taken and not yet refilled, so a new bucket is full and the state can be carried to
/// another gateway as it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Bucket {
    /// Millionths of tokens missing at `at`.
    missing: u64,
    at: Time,
}

impl Bucket {
    /// Takes a token.
    ///
    /// # Errors
    /// The exact span after which a token will be there, if there is none now. Nothing is taken then.
    pub fn take(&mut self, now: Time, rate: Rate) -> Result<(), Duration> {
        // A clock that stood still or a state carried from a gateway that is ahead refills nothing.
        let at = now.max(self.at);
        let per_microsecond = u64::from(rate.per_second.max(1));
        let refilled = (at.0 - self.at.0).saturating_mul(per_microsecond);
        let missing = self.missing.saturating_sub(refilled);
        let capacity = u64::from(rate.burst.max(1)) * TOKEN;
        let capacity = planted!(LimiterTooGenerous, capacity + TOKEN, capacity);
        if let Some(short) = (missing + TOKEN).checked_sub(capacity).filter(|&short| short > 0) {
            if planted!(RefusalTakesRefill) {
                self.at = at;
            }
            let wait = Duration::from_micros(short.div_ceil(per_microsecond)) + at.since(now);
            let wait = planted!(RetryAfterTooShort, wait / 4, wait);
            return Err(planted!(RetryAfterTooLong, wait * 3, wait));
        }
        *self = Self { missing: missing + TOKEN, at };
        Ok(())
    }

    /// Whether nothing was missing when it was last looked at.
    #[must_use]
    pub const fn is_unused(self) -> bool {
        self.missing == 0
    }

    /// The emptier of two states of the same bucket; for states that were carried.
    #[must_use]
    pub fn emptier(self, other: Self, rate: Rate) -> Self {
        let at = self.at.max(other.at);
        let missing_at = |bucket: Self| {
            let refilled = (at.0 - bucket.at.0).saturating_mul(u64::from(rate.per_second.max(1)));
            bucket.missing.saturating_sub(refilled)
        };
        Self { missing: missing_at(self).max(missing_at(other)), at }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_answer_is_exact() {
        let rate = Rate { per_second: 3, burst: 2 };
        let mut bucket = Bucket::default();
        let start = Time(1_000_000_000);
        assert_eq!(bucket.take(start, rate), Ok(()));
        assert_eq!(bucket.take(start, rate), Ok(()));
        let wait = bucket.take(start, rate).unwrap_err();
        assert_eq!(wait, Duration::from_micros(333_334));
        assert!(bucket.take(Time(start.0 + 333_333), rate).is_err());
        assert_eq!(bucket.take(start + wait, rate), Ok(()));
    }

    proptest! {
        #[test]
        fn who_keeps_to_the_rate_is_never_refused(
            rate in 1u32..1_000, burst in 1u32..20, late in proptest::collection::vec(0u64..10_000, 1..300),
        ) {
            let (rate, mut bucket) = (Rate { per_second: rate, burst }, Bucket::default());
            let mut now = Time(1_700_000_000_000_000);
            for late in late {
                prop_assert_eq!(bucket.take(now, rate), Ok(()));
                now = Time(now.0 + 1_000_000u64.div_ceil(u64::from(rate.per_second)) + late);
            }
        }
    }
}

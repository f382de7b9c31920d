//! How much a sender may have let in at a rate, judged from outside by what was let in and what was refused.

use std::time::Duration;

use chinwag_core::{Time, limiter::Rate};

/// What a token takes to come back, in ticks: a microsecond has as many as the rate has tokens in a second.
const TOKEN: u128 = 1_000_000;

/// What one sender is still allowed: in every window of length t at most `burst + rate·t`, and whoever keeps to the
/// rate is never refused.
///
/// Instead of tokens it counts when all of them will be back. That is known exactly of a sender who is watched from
/// the beginning, and between two bounds of one [who goes on](Self::one_of) with an unknown share of others; what is
/// let in and refused brings these together.
///
/// ```
/// use chinwag_core::{Time, limiter::Rate};
/// use chinwag_oracle::Allowance;
///
/// let mut allowance = Allowance::new(Rate { per_second: 10, burst: 2 });
/// assert!(allowance.admitted(Time(0)).is_ok());
/// assert!(allowance.admitted(Time(0)).is_ok());
/// assert!(allowance.refused(Time(99_999)).is_ok());
/// assert!(allowance.refused(Time(100_000)).is_err(), "a token is back");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    rate: Rate,
    /// The latest time seen: a clock that is set back brings nothing back sooner.
    now: Time,
    /// In ticks, the earliest instant at which everything may be back…
    earliest: u128,
    /// …and the latest.
    latest: u128,
}

impl Allowance {
    /// A sender who has sent nothing yet.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self { rate, now: Time(0), earliest: 0, latest: 0 }
    }

    /// A sender of whom nobody knows what they have sent.
    #[must_use]
    pub const fn unknown(rate: Rate) -> Self {
        Self { latest: u128::MAX, ..Self::new(rate) }
    }

    /// A sender who goes on with the emptier one of these.
    #[must_use]
    pub fn emptier(self, other: Self) -> Self {
        Self {
            now: self.now.max(other.now),
            earliest: self.earliest.max(other.earliest),
            latest: self.latest.max(other.latest),
            ..self
        }
    }

    /// A sender who goes on with one of these, nobody knows which.
    #[must_use]
    pub fn one_of(self, other: Self) -> Self {
        Self {
            now: self.now.max(other.now),
            earliest: self.earliest.min(other.earliest),
            latest: self.latest.max(other.latest),
            ..self
        }
    }

    /// Something was let in.
    ///
    /// # Errors
    /// Why it should not have been.
    pub fn admitted(&mut self, at: Time) -> Result<(), String> {
        let now = self.advance(at);
        let most = now + self.capacity();
        (self.earliest, self.latest) = (self.earliest + TOKEN, (self.latest + TOKEN).min(most));
        if self.earliest > most {
            let Rate { per_second, burst } = self.rate;
            let over = self.earliest - most;
            return Err(format!(
                "was let in {} us too early for {per_second} a second and {burst} at once",
                over.div_ceil(u128::from(per_second))
            ));
        }
        Ok(())
    }

    /// Something was refused.
    ///
    /// # Errors
    /// Why it should not have been.
    pub fn refused(&mut self, at: Time) -> Result<(), String> {
        let now = self.advance(at);
        let enough = now + self.capacity() - TOKEN;
        if self.latest <= enough {
            let Rate { per_second, burst } = self.rate;
            let left = (now + self.capacity() - self.latest) / TOKEN;
            return Err(format!("was refused with {left} left of {burst} at once and {per_second} a second"));
        }
        self.earliest = self.earliest.max(enough + 1);
        Ok(())
    }

    /// Something may have been let in.
    pub fn perhaps_admitted(&mut self, at: Time) {
        let most = self.advance(at) + self.capacity();
        self.latest = (self.latest + TOKEN).min(most);
    }

    /// When something refused at this time would be let in: after at least and at most so long.
    #[must_use]
    pub fn wait(mut self, at: Time) -> (Duration, Duration) {
        self.advance(at);
        // That is told to the microsecond, and never too early.
        let per_second = u128::from(self.rate.per_second);
        let until = |back: u128| (back + TOKEN).saturating_sub(self.capacity()).div_ceil(per_second);
        let wait = |back| u64::try_from(until(back)).unwrap_or(u64::MAX).saturating_sub(at.0);
        (Duration::from_micros(wait(self.earliest)), Duration::from_micros(wait(self.latest)))
    }

    /// Lets time pass; returns it in ticks. Nobody ever misses more than a full allowance.
    fn advance(&mut self, at: Time) -> u128 {
        self.now = self.now.max(at);
        let now = u128::from(self.now.0) * u128::from(self.rate.per_second);
        let most = now + self.capacity();
        (self.earliest, self.latest) = (self.earliest.max(now), self.latest.clamp(now, most));
        now
    }

    fn capacity(&self) -> u128 {
        u128::from(self.rate.burst) * TOKEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    /// Two a second, three at once, watched from the beginning.
    fn watched() -> Allowance {
        Allowance::new(Rate { per_second: 2, burst: 3 })
    }

    fn spent(mut allowance: Allowance, tokens: u32, at: Time) -> Allowance {
        for _ in 0..tokens {
            allowance.admitted(at).unwrap();
        }
        allowance
    }

    #[test]
    fn no_window_holds_more_than_its_share() {
        let start = Time(100 * SECOND);
        let mut allowance = spent(watched(), 3, start);
        let early = allowance.clone().admitted(Time(start.0 + SECOND / 2 - 1)).unwrap_err();
        assert_eq!(early, "was let in 1 us too early for 2 a second and 3 at once");
        allowance.admitted(Time(start.0 + SECOND / 2)).unwrap();
        spent(allowance, 3, Time(start.0 + 2 * SECOND)).admitted(Time(start.0 + 2 * SECOND)).unwrap_err();
    }

    #[test]
    fn who_keeps_to_the_rate_is_not_refused() {
        let mut allowance = watched();
        for second in 0..100 {
            let at = Time(second * SECOND / 2);
            assert_eq!(
                allowance.clone().refused(at).unwrap_err(),
                "was refused with 3 left of 3 at once and 2 a second"
            );
            allowance.admitted(at).unwrap();
        }
        let mut allowance = spent(allowance, 2, Time(99 * SECOND / 2));
        allowance.refused(Time(99 * SECOND / 2)).unwrap();
        allowance.refused(Time(100 * SECOND / 2)).unwrap_err();
    }

    #[test]
    fn a_clock_that_is_set_back_brings_nothing_back() {
        let mut allowance = spent(watched(), 3, Time(10 * SECOND));
        allowance.refused(Time(5 * SECOND)).unwrap();
        allowance.admitted(Time(6 * SECOND)).unwrap_err();
    }

    #[test]
    fn a_refusal_names_the_instant() {
        let now = Time(10 * SECOND);
        let mut allowance = spent(watched(), 3, now);
        allowance.refused(Time(now.0 + 100)).unwrap();
        let wait = Duration::from_micros(SECOND / 2 - 100);
        assert_eq!(allowance.wait(Time(now.0 + 100)), (wait, wait));
        let set_back = Duration::from_micros(SECOND / 2 + 7);
        assert_eq!(allowance.wait(Time(now.0 - 7)), (set_back, set_back), "that instant, by any clock");
        allowance.admitted(Time(now.0 + SECOND / 2)).unwrap();
    }

    #[test]
    fn what_may_have_been_let_in_is_held_against_nobody() {
        let now = Time(10 * SECOND);
        let mut allowance = spent(watched(), 2, now);
        allowance.perhaps_admitted(now);
        allowance.clone().refused(now).unwrap();
        allowance.admitted(now).unwrap();
        allowance.admitted(now).unwrap_err();

        let mut unknown = Allowance::unknown(Rate { per_second: 2, burst: 3 });
        unknown.clone().refused(now).unwrap();
        spent(unknown, 3, now).admitted(now).unwrap_err();
        unknown.perhaps_admitted(now);
        unknown.refused(Time(now.0 + SECOND / 2)).unwrap_err();
    }

    #[test]
    fn the_emptier_of_two_is_gone_on_with() {
        let now = Time(10 * SECOND);
        let mut both = spent(watched(), 1, now).emptier(spent(watched(), 2, now));
        both.admitted(now).unwrap();
        both.clone().admitted(now).unwrap_err();
        both.refused(now).unwrap();
    }

    #[test]
    fn who_goes_on_with_an_unknown_share_is_judged_by_what_becomes_known() {
        let now = Time(10 * SECOND);
        let either = || watched().one_of(spent(watched(), 3, now));
        either().admitted(now).unwrap();
        either().refused(now).unwrap();

        let mut refused = either();
        refused.refused(now).unwrap();
        refused.admitted(now).unwrap_err();
        let mut admitted = either();
        admitted.admitted(now).unwrap();
        admitted.refused(Time(now.0 + SECOND / 2)).unwrap_err();
    }
}

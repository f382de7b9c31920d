//! When the iterations of a stage begin: instants at equal distances, at random, or such as a changing rate makes them.

use std::time::Duration;

use crate::{draw::Draw, scenario::Arrivals};

/// A span in which iterations begin with a rate that changes evenly.
#[derive(Clone, Copy)]
pub(crate) struct Ramp {
    pub(crate) start: Duration,
    pub(crate) span: Duration,
    /// In proportion to the rate at the start…
    pub(crate) from: f64,
    /// …and at the end.
    pub(crate) to: f64,
}

impl Ramp {
    /// A span in which the rate stays as it is.
    pub(crate) const fn level(start: Duration, span: Duration) -> Self {
        Self { start, span, from: 1.0, to: 1.0 }
    }

    /// How many begin if `from` and `to` are rates a second.
    pub(crate) fn count(self) -> u64 {
        let count = (self.from + self.to) / 2.0 * self.span.as_secs_f64();
        // A stage with a rate is never silent.
        let least = u64::from(self.from + self.to > 0.0);
        whole(count).max(least)
    }

    /// `count` instants, by time.
    pub(crate) fn instants(self, draw: Draw, arrivals: Arrivals, count: u64) -> Vec<Duration> {
        let mut instants: Vec<_> = (0..count)
            .map(|i| match arrivals {
                // In the middle of equal parts, so that two stages of one rate follow each other without a jolt.
                Arrivals::Uniform => (float(i) + 0.5) / float(count),
                Arrivals::Poisson => draw.unit(i),
            })
            .map(|part| self.start + self.at(part))
            .collect();
        instants.sort_unstable();
        instants
    }

    /// After how much of the span this part of all has begun: solves `from·t + (to-from)·t²/2 = part·(from+to)/2`.
    fn at(self, part: f64) -> Duration {
        let begun = part * (self.from + self.to);
        let root = (self.from * self.from + (self.to - self.from) * begun).max(0.0).sqrt();
        let passed = if begun > 0.0 { begun / (self.from + root) } else { 0.0 };
        let micros = float(u64::try_from(self.span.as_micros()).unwrap_or(u64::MAX));
        // An instant belongs to the stage in which it is, so it is never its end.
        Duration::from_micros(whole(passed * micros)).min(self.span.saturating_sub(Duration::from_micros(1)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a day has fewer microseconds than a float has digits")]
fn float(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates and spans are bounded")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draw::Purpose;

    const SECOND: Duration = Duration::from_secs(1);

    fn draw() -> Draw {
        Draw::new(1, Purpose::Instant, "")
    }

    #[test]
    fn a_level_rate_has_equal_distances() {
        let instants = Ramp::level(SECOND, SECOND).instants(draw(), Arrivals::Uniform, 4);
        assert_eq!(instants, [1_125, 1_375, 1_625, 1_875].map(Duration::from_millis));
    }

    #[test]
    fn a_ramp_from_nothing_has_three_quarters_in_its_second_half() {
        let ramp = Ramp { start: Duration::ZERO, span: 10 * SECOND, from: 0.0, to: 200.0 };
        assert_eq!(ramp.count(), 1_000);
        for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
            let instants = ramp.instants(draw(), arrivals, 1_000);
            let late = instants.iter().filter(|at| **at >= 5 * SECOND).count();
            assert!((720..780).contains(&late), "{arrivals:?}: {late}");
        }
        let down = Ramp { from: 200.0, to: 0.0, ..ramp };
        let late =
            down.instants(draw(), Arrivals::Uniform, 1_000).iter().filter(|at| **at >= 5 * SECOND).count();
        assert_eq!(late, 250);
    }

    #[test]
    fn a_low_rate_is_not_silence_and_no_rate_is() {
        assert_eq!(Ramp { start: Duration::ZERO, span: SECOND, from: 0.1, to: 0.1 }.count(), 1);
        assert_eq!(Ramp { start: Duration::ZERO, span: SECOND, from: 0.0, to: 0.0 }.count(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn instants_are_in_the_span_and_in_order(
            micros in 1u64..1_000_000_000, from in 0.0f64..1e6, to in 0.0f64..1e6, count in 0u64..200, poisson: bool,
        ) {
            let ramp = Ramp { start: SECOND, span: Duration::from_micros(micros), from, to };
            let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Uniform };
            let instants = ramp.instants(draw(), arrivals, count);
            prop_assert_eq!(instants.len() as u64, count);
            prop_assert!(instants.is_sorted());
            prop_assert!(instants.iter().all(|at| SECOND <= *at && *at < SECOND + ramp.span));
        }
    }
}

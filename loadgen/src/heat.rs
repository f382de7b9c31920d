//! A second's latencies as a column of a heat map: how many fell into each of a few ranges.

use hdrhistogram::Histogram;

/// Ranges per factor of ten.
const PER_DECADE: usize = 6;
/// Factors of ten: from 10 µs to 1,000 s.
const DECADES: usize = 8;
/// The upper end of the lowest range, in microseconds.
const LOWEST: f64 = 10.0;

/// How many latencies fell into each range, the lowest first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Heat([u64; PER_DECADE * DECADES]);

impl Heat {
    /// Sorts a histogram of microseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let mut counts = [0; PER_DECADE * DECADES];
        for recorded in histogram.iter_recorded() {
            counts[range(recorded.value_iterated_to())] += recorded.count_since_last_iteration();
        }
        Self(counts)
    }

    /// The latencies of several seconds together.
    pub(crate) fn together<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut together = Self([0; PER_DECADE * DECADES]);
        for Self(counts) in all {
            together.0.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        together
    }

    /// By range.
    pub(crate) const fn counts(&self) -> &[u64] {
        &self.0
    }

    /// The latency in microseconds at which a range begins, if that is a power of ten.
    pub(crate) fn decade(range: usize) -> Option<u64> {
        let power = u32::try_from(range / PER_DECADE).ok()?;
        range.is_multiple_of(PER_DECADE).then(|| 10u64.pow(power + 1))
    }
}

/// The range of a latency. What is below the lowest is in it, what is above the highest in that.
fn range(microseconds: u64) -> usize {
    let above = (microseconds as f64 / LOWEST).log10() * PER_DECADE as f64;
    if above <= 0.0 { 0 } else { (above as usize).min(PER_DECADE * DECADES - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_fall_into_ranges() {
        let mut histogram = chinwag_bots::histogram();
        for (value, count) in [(0, 1), (5, 1), (12, 3), (101, 2), (1_500, 7), (600_000_000, 1)] {
            histogram.record_n(value, count).unwrap();
        }
        let heat = Heat::of(&histogram);
        assert_eq!(heat.counts().iter().sum::<u64>(), 15);
        assert_eq!(
            (heat.counts()[0], heat.counts()[PER_DECADE], heat.counts()[2 * PER_DECADE + 1]),
            (5, 2, 7)
        );
    }

    #[test]
    fn ranges_begin_at_powers_of_ten() {
        assert_eq!((Heat::decade(0), Heat::decade(1), Heat::decade(PER_DECADE)), (Some(10), None, Some(100)));
    }
}

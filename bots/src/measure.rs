//! Latency histograms, and the few numbers that are read off them.

use chinwag_core::Time;
use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest latency that is told apart, in microseconds: ten minutes.
const LATENCY_MAX: u64 = 600_000_000;
/// Significant digits: three make an error of at most 0.1 %.
const DIGITS: u8 = 3;

/// A histogram of microseconds. 160 KiB of address space, of which only what is used becomes resident.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX, DIGITS).expect("sound bounds")
}

/// Records the span between two instants. What is longer than can be told apart counts as the longest.
pub fn record(histogram: &mut Histogram<u64>, from: Time, to: Time) {
    histogram.saturating_record(to.0.saturating_sub(from.0).min(LATENCY_MAX));
}

/// How many values are larger than `limit`, as far as they can be told apart from it.
pub fn count_above(histogram: &Histogram<u64>, limit: u64) -> u64 {
    histogram.count_between(histogram.next_non_equivalent(limit), u64::MAX)
}

/// Adds one histogram to another, without loss.
pub fn merge(into: &mut Histogram<u64>, from: &Histogram<u64>) {
    into.add(from).expect("all histograms have the same bounds");
}

/// Histograms in files: how often each value was recorded, without loss.
pub(crate) mod counts {
    use hdrhistogram::Histogram;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    /// For serde.
    pub(crate) fn serialize<S: Serializer>(histogram: &Histogram<u64>, to: S) -> Result<S::Ok, S::Error> {
        let recorded = histogram.iter_recorded();
        let counts: Vec<_> =
            recorded.map(|value| (value.value_iterated_to(), value.count_since_last_iteration())).collect();
        counts.serialize(to)
    }

    /// For serde.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Histogram<u64>, D::Error> {
        let mut histogram = super::histogram();
        for (value, count) in Vec::<(u64, u64)>::deserialize(from)? {
            histogram.record_n(value, count).map_err(D::Error::custom)?;
        }
        Ok(histogram)
    }
}

/// What reports show of a histogram, in microseconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Percentiles {
    /// How many were recorded.
    pub count: u64,
    /// Half are at most this.
    pub p50: u64,
    /// 90 % are at most this.
    pub p90: u64,
    /// 99 % are at most this.
    pub p99: u64,
    /// 99.9 % are at most this.
    pub p999: u64,
    /// All are at most this.
    pub max: u64,
}

impl Percentiles {
    /// Reads them off; all zero if nothing was recorded.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_read_off_within_the_precision() {
        let mut histogram = histogram();
        for value in 1..=1_000 {
            record(&mut histogram, Time(5_000), Time(5_000 + value));
        }
        let read = Percentiles::of(&histogram);
        assert_eq!(read, Percentiles { count: 1_000, p50: 500, p90: 900, p99: 990, p999: 999, max: 1_000 });
    }

    #[test]
    fn spans_beyond_the_bounds_are_kept_at_the_bound() {
        let mut histogram = histogram();
        record(&mut histogram, Time(10), Time(3));
        record(&mut histogram, Time(0), Time(u64::MAX));
        assert_eq!(histogram.len(), 2);
        assert_eq!(histogram.min(), 0);
        assert!(histogram.max() >= LATENCY_MAX);
    }

    #[test]
    fn what_is_above_a_limit_is_counted() {
        let mut histogram = histogram();
        for lag in [1, 9_999, 10_000, 10_010, 11_000, LATENCY_MAX] {
            record(&mut histogram, Time(0), Time(lag));
        }
        assert_eq!(count_above(&histogram, 10_000), 3);
        assert_eq!(count_above(&super::histogram(), 10_000), 0);
    }

    #[test]
    fn a_histogram_is_read_again_count_for_count() {
        #[derive(serde::Deserialize, serde::Serialize)]
        struct Holder(#[serde(with = "super::counts")] Histogram<u64>);
        let mut holder = Holder(histogram());
        for value in [0, 1, 2_047, 2_048, 99_999, 1_234_567, LATENCY_MAX, LATENCY_MAX - 1] {
            holder.0.record_n(value, value % 7 + 1).unwrap();
        }
        let text = serde_json::to_string(&holder).unwrap();
        let again: Holder = serde_json::from_str(&text).unwrap();
        assert_eq!(again.0, holder.0);
        assert_eq!(Percentiles::of(&again.0), Percentiles::of(&holder.0));
    }

    #[test]
    fn nothing_recorded_reads_as_zero() {
        assert_eq!(Percentiles::of(&histogram()), Percentiles::default());
    }
}

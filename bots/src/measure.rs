//! Spans of time as histograms, and the few numbers that are read off them.

use chinwag_core::Time;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest latency that is told apart, in microseconds: ten minutes.
const LATENCY_MAX: u64 = 600_000_000;
/// Significant digits: three make an error of at most 0.1 %.
const DIGITS: u8 = 3;

/// A histogram of microseconds. 160 KiB of address space, of which only what is used becomes resident.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX, DIGITS).expect("sound bounds")
}

/// Spans of time that were measured, in microseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "Compact", into = "Compact")]
pub struct Spans {
    /// Those that are zero or longer.
    pub histogram: Histogram<u64>,
    /// How many ended before they began, as between machines whose clocks disagree. They are in no percentile: what they
    /// were is not known, and zero they were not.
    pub negative: u64,
}

impl Default for Spans {
    /// None yet.
    fn default() -> Self {
        Self { histogram: histogram(), negative: 0 }
    }
}

impl Spans {
    /// Records the span between two instants. What is longer than can be told apart counts as the longest.
    pub fn record(&mut self, from: Time, to: Time) {
        match to.0.checked_sub(from.0) {
            Some(span) => self.histogram.saturating_record(span.min(LATENCY_MAX)),
            None => self.negative += 1,
        }
    }

    /// Adds those of others, without loss.
    pub fn merge(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("all histograms have the same bounds");
        self.negative += other.negative;
    }
}

/// How many values are larger than `limit`, as far as they can be told apart from it.
pub fn count_above(histogram: &Histogram<u64>, limit: u64) -> u64 {
    histogram.count_between(histogram.next_non_equivalent(limit), u64::MAX)
}

/// The same where many are kept, and in files: how often each value was recorded, without loss.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Compact {
    counts: Vec<(u64, u64)>,
    negative: u64,
}

impl From<&Spans> for Compact {
    fn from(Spans { histogram, negative }: &Spans) -> Self {
        let recorded = histogram.iter_recorded();
        let counts = recorded.map(|value| (value.value_iterated_to(), value.count_since_last_iteration()));
        Self { counts: counts.collect(), negative: *negative }
    }
}

impl From<Spans> for Compact {
    fn from(spans: Spans) -> Self {
        Self::from(&spans)
    }
}

impl TryFrom<Compact> for Spans {
    type Error = String;

    fn try_from(Compact { counts, negative }: Compact) -> Result<Self, String> {
        let mut histogram = histogram();
        for (value, count) in counts {
            let recorded = histogram.record_n(value, count);
            recorded.map_err(|_| format!("{value} is longer than any span that is recorded"))?;
        }
        Ok(Self { histogram, negative })
    }
}

/// What reports show of a histogram, in microseconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Percentiles {
    /// How many were measured that are zero or longer: what follows is about them.
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
    /// How many more ended before they began, as between machines whose clocks disagree.
    pub negative: u64,
}

impl Percentiles {
    /// Whether nothing was measured.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0 && self.negative == 0
    }

    /// Reads them off; all zero if nothing was recorded.
    pub fn of(spans: &Spans) -> Self {
        let Spans { histogram, negative } = spans;
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max(),
            negative: *negative,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_read_off_within_the_precision() {
        let mut spans = Spans::default();
        for value in 1..=1_000 {
            spans.record(Time(5_000), Time(5_000 + value));
        }
        let expected =
            Percentiles { count: 1_000, p50: 500, p90: 900, p99: 990, p999: 999, max: 1_000, negative: 0 };
        assert_eq!(Percentiles::of(&spans), expected);
    }

    #[test]
    fn spans_beyond_the_bounds_are_kept_at_the_bound() {
        let mut spans = Spans::default();
        spans.record(Time(0), Time(u64::MAX));
        assert_eq!(spans.histogram.len(), 1);
        assert!(spans.histogram.max() >= LATENCY_MAX);
    }

    #[test]
    fn what_ended_before_it_began_is_counted_and_is_not_zero() {
        let mut spans = Spans::default();
        for to in [3, 9, 10, 40] {
            spans.record(Time(10), Time(to));
        }
        let mut sum = spans.clone();
        sum.merge(&spans);
        let read = Percentiles::of(&sum);
        assert_eq!((read.count, read.p50, read.max, read.negative), (4, 0, 30, 4));
        assert_eq!(sum.histogram.count_at(0), 2, "those that took no time");
    }

    #[test]
    fn what_is_above_a_limit_is_counted() {
        let mut spans = Spans::default();
        for lag in [1, 9_999, 10_000, 10_010, 11_000, LATENCY_MAX] {
            spans.record(Time(0), Time(lag));
        }
        assert_eq!(count_above(&spans.histogram, 10_000), 3);
        assert_eq!(count_above(&histogram(), 10_000), 0);
    }

    #[test]
    fn a_histogram_is_read_again_count_for_count() {
        let mut spans = Spans { negative: 3, ..Spans::default() };
        for value in [0, 1, 2_047, 2_048, 99_999, 1_234_567, LATENCY_MAX, LATENCY_MAX - 1] {
            spans.histogram.record_n(value, value % 7 + 1).unwrap();
        }
        let text = serde_json::to_string(&spans).unwrap();
        let again: Spans = serde_json::from_str(&text).unwrap();
        assert_eq!((&again.histogram, again.negative), (&spans.histogram, 3));
        assert_eq!(Percentiles::of(&again), Percentiles::of(&spans));
    }

    #[test]
    fn nothing_recorded_reads_as_zero() {
        assert_eq!(Percentiles::of(&Spans::default()), Percentiles::default());
    }
}

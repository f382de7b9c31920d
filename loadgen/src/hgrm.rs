//! The `.hgrm` format: one histogram as a table of percentiles, as HdrHistogram's Java library prints it and its web
//! plotter reads it.

use std::io;

use hdrhistogram::Histogram;

/// Rows per halving of the distance to 100 %.
const TICKS_PER_HALF_DISTANCE: f64 = 5.0;
/// Values are printed in milliseconds and kept in microseconds.
const MICROSECONDS: f64 = 1_000.0;

/// A row of the table.
struct Row {
    /// In microseconds.
    value: u64,
    /// In per cent.
    percentile: f64,
    /// How many values are not above this one.
    total: u64,
}

/// Writes a histogram of microseconds as a table of milliseconds.
pub(crate) fn write(histogram: &Histogram<u64>, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    for Row { value, percentile, total } in rows(histogram) {
        let (value, quantile) = (milliseconds(value), percentile / 100.0);
        if percentile < 100.0 {
            writeln!(out, "{value:12.3} {quantile:2.12} {total:10} {:14.2}", 1.0 / (1.0 - quantile))?;
        } else {
            writeln!(out, "{value:12.3} {quantile:2.12} {total:10}")?;
        }
    }
    let (mean, deviation) = (histogram.mean() / MICROSECONDS, histogram.stdev() / MICROSECONDS);
    writeln!(out, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]")?;
    let (max, count) = (milliseconds(histogram.max()), histogram.len());
    writeln!(out, "#[Max     = {max:12.3}, Total count    = {count:12}]")?;
    let sub_buckets = 2_048; // what three significant digits take
    writeln!(out, "#[Buckets = {:12}, SubBuckets     = {sub_buckets:12}]", histogram.buckets())
}

/// The rows as the Java library has them, which reckons in per cent. The iterator of the crate reckons in fractions of 1 and
/// passes, by rounding, over the value at which 60, 75 or 90 % are reached exactly.
fn rows(histogram: &Histogram<u64>) -> Vec<Row> {
    let (mut rows, mut total, mut percentile) = (Vec::new(), 0, 0.0);
    let all = histogram.len();
    for step in histogram.iter_recorded() {
        total += step.count_since_last_iteration();
        let (value, reached) = (step.value_iterated_to(), 100.0 * total as f64 / all as f64);
        while percentile <= reached {
            rows.push(Row { value, percentile, total });
            percentile += step_after(percentile);
            if total == all {
                rows.push(Row { value, percentile: 100.0, total });
                break;
            }
        }
    }
    rows
}

/// How far the next row is from one at this percentile, below 100.
fn step_after(percentile: f64) -> f64 {
    let halvings = (100.0 / (100.0 - percentile)).log2().floor() as i32 + 1;
    100.0 / (TICKS_PER_HALF_DISTANCE * 2_f64.powi(halvings))
}

fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / MICROSECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(histogram: &Histogram<u64>) -> String {
        let mut out = Vec::new();
        write(histogram, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_have_the_columns_that_plotters_read() {
        let mut histogram = chinwag_bots::histogram();
        (1..=1_000).for_each(|value| histogram.record(value).unwrap());
        let text = text(&histogram);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("       Value     Percentile TotalCount 1/(1-Percentile)"));
        assert_eq!(lines.next(), Some(""));
        assert_eq!(lines.next(), Some("       0.001 0.000000000000          1           1.00"));
        let rows: Vec<_> = text.lines().skip(2).filter(|line| !line.starts_with('#')).collect();
        let (last, rows) = rows.split_last().unwrap();
        assert_eq!(*last, "       1.000 1.000000000000       1000");
        for row in rows {
            let fields: Vec<f64> = row.split_whitespace().map(|field| field.parse().unwrap()).collect();
            assert_eq!(fields.len(), 4, "{row}");
            assert!((fields[3] - 1.0 / (1.0 - fields[1])).abs() < 0.01, "{row}");
        }
        assert!(rows.contains(&"       0.500 0.500000000000        500           2.00"), "{text}");
    }

    #[test]
    fn a_percentile_that_is_reached_exactly_is_not_passed_over() {
        let mut histogram = chinwag_bots::histogram();
        (1..=2_000).for_each(|value| histogram.record(value).unwrap());
        let text = text(&histogram);
        for (value, quantile, total) in [(1_200, 0.6, 1_200), (1_500, 0.75, 1_500), (1_800, 0.9, 1_800)] {
            let row = format!("{:12.3} {quantile:.12} {total:10} ", f64::from(value) / 1_000.0);
            assert!(text.contains(&row), "{row} in {text}");
        }
    }

    #[test]
    fn the_footer_sums_up() {
        let mut histogram = chinwag_bots::histogram();
        histogram.record_n(2_000, 3).unwrap();
        let text = text(&histogram);
        let footer: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(footer[0], "#[Mean    =        2.000, StdDeviation   =        0.000]");
        assert_eq!(footer[1], "#[Max     =        2.000, Total count    =            3]");
        assert_eq!(footer.len(), 3);
    }

    #[test]
    fn an_empty_histogram_is_a_table_without_rows() {
        assert_eq!(text(&chinwag_bots::histogram()).lines().filter(|line| line.contains('.')).count(), 2);
    }
}

//! The time series of a segment, and how those of all segments become the one of the whole run.
//!
//! All segments end their rows at the same seconds, by their own clocks: rows of one second are put together. Counts are
//! added up, latencies merged value by value.

use std::collections::BTreeSet;

use chinwag_bots::{Compact, Percentiles, Row, Spans};
use chinwag_core::Time;
use serde::{Deserialize, Serialize};

use crate::intervals::Recorder;

/// A segment's time series.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Series {
    /// When it began.
    pub(crate) start: Time,
    /// Its rows, by time.
    pub(crate) moments: Vec<Moment>,
}

/// A row of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Moment {
    /// When it was to end: what segments agree on.
    pub(crate) due: Time,
    /// When it did.
    pub(crate) at: Time,
    /// What it says.
    pub(crate) row: Row,
    /// The latencies behind it.
    pub(crate) latency: Compact,
}

/// The series of the whole run from those of its segments.
///
/// # Errors
/// One line: a file does not hold what segments write.
pub(crate) fn together(parts: &[Series]) -> Result<Recorder, String> {
    let start = parts.iter().map(|part| part.start).min().unwrap_or_default();
    let mut whole = Recorder::new(start);
    let mut rest: Vec<_> = parts.iter().map(|part| part.moments.as_slice()).collect();
    let mut latest: Vec<Option<&Row>> = vec![None; parts.len()];
    let dues: BTreeSet<_> = parts.iter().flat_map(|part| &part.moments).map(|moment| moment.due).collect();
    for due in dues {
        let mut latency = Spans::default();
        let (mut at, mut phase) = (Time(0), None);
        for (rest, latest) in rest.iter_mut().zip(&mut latest) {
            while let Some((moment, others)) = rest.split_first().filter(|(moment, _)| moment.due <= due) {
                latency.merge(&Spans::try_from(moment.latency.clone())?);
                at = at.max(moment.at);
                phase.get_or_insert(&moment.row.phase);
                (*latest, *rest) = (Some(&moment.row), others);
            }
        }
        // Who has no row for this second has said nothing new.
        let rows = || latest.iter().copied().flatten();
        let phase = phase.map_or("", String::as_str);
        whole.add(at, sum(rows, at.since(start).as_secs_f64(), phase, &latency), &latency);
    }
    Ok(whole)
}

/// A row that says what all of these say together.
fn sum<'a, R: Iterator<Item = &'a Row>>(rows: impl Fn() -> R, t: f64, phase: &str, latency: &Spans) -> Row {
    let total = |of: fn(&Row) -> u64| rows().map(of).sum();
    Row {
        t,
        phase: phase.into(),
        connected: total(|row| row.connected),
        sent: total(|row| row.sent),
        delivered: total(|row| row.delivered),
        errors: total(|row| row.errors),
        reconnects: total(|row| row.reconnects),
        ..Row::of_latency(&Percentiles::of(latency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    /// A segment that began so long after second 100 and ended rows at these instants, with so many deliveries by then,
    /// each of which took so long.
    fn series(start: u64, took: u64, rows: &[(u64, u64)]) -> Series {
        let mut before = 0;
        let moments = rows.iter().map(|&(at, delivered)| {
            let mut latency = Spans::default();
            latency.histogram.record_n(took, delivered - before).unwrap();
            before = delivered;
            let (at, due) = (Time(100 * SECOND + at), Time((100 + at / SECOND) * SECOND));
            let row = Row {
                delivered,
                connected: 2,
                phase: "stage talk".into(),
                ..Row::of_latency(&Percentiles::of(&latency))
            };
            Moment { due, at, row, latency: Compact::from(&latency) }
        });
        Series { start: Time(100 * SECOND + start), moments: moments.collect() }
    }

    #[test]
    fn rows_of_the_same_second_are_one() {
        let one = series(500_000, 1_000, &[(1_000_000, 10), (2_000_000, 30)]);
        let other = series(750_000, 2_000, &[(1_250_000, 1), (2_000_000, 2), (3_000_000, 3)]);
        let whole = together(&[one, other]).unwrap();
        let rows = whole.rows();
        assert_eq!(whole.start(), Time(100_500_000));
        let read: Vec<_> = rows.iter().map(|row| (row.t, row.connected, row.delivered, row.max_us)).collect();
        // The first has ended when the other's last row comes: what it had delivered still counts.
        let expected = [(0.75, 4, 11, 2_000), (1.5, 4, 32, 2_000), (2.5, 4, 33, 2_000)];
        assert_eq!(read, expected);
        assert_eq!((rows[0].p50_us, rows[1].phase.as_str()), (1_000, "stage talk"));
        assert_eq!((whole.so_far().histogram.len(), whole.so_far().histogram.count_at(1_000)), (33, 30));
        assert_eq!(whole.deliveries_per_second_max(), 21);
    }

    #[test]
    fn one_segment_is_the_whole() {
        let alone = series(0, 1_500, &[(1_000_000, 3), (2_000_000, 3)]);
        let whole = together(std::slice::from_ref(&alone)).unwrap();
        assert_eq!(whole.rows().len(), 2);
        for (row, moment) in whole.rows().iter().zip(&alone.moments) {
            assert_eq!((row.delivered, row.p99_us), (moment.row.delivered, moment.row.p99_us));
        }
    }

    #[test]
    fn what_is_no_latency_is_one_line() {
        let mut broken = series(0, 1_500, &[(1_000_000, 3)]);
        broken.moments[0].latency =
            serde_json::from_str(r#"{"counts":[[18446744073709551615,1]],"negative":0}"#).unwrap();
        let line = together(&[broken]).map(drop).unwrap_err();
        assert!(!line.is_empty() && !line.contains('\n'), "{line}");
    }
}

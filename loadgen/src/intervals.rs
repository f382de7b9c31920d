//! The time series of a run: a row a second, as CSV and as an HdrHistogram interval log.

use std::{
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chinwag_bots::{Board, Row, Spans};
use chinwag_core::Time;
use hdrhistogram::serialization::{V2DeflateSerializer, interval_log::IntervalLogWriterBuilder};

use crate::{
    heat::Heat,
    series::{Moment, Series},
};

/// The time series has a row this often, in microseconds.
const ROW_MICROS: u64 = 1_000_000;
/// The same.
const ROW: Duration = Duration::from_micros(ROW_MICROS);

/// Records the time series.
#[derive(Debug)]
pub(crate) struct Recorder {
    start: Time,
    /// When the latest row ended.
    last: Time,
    /// When the next one is to.
    due: Time,
    rows: Vec<Row>,
    heat: Vec<Heat>,
    log: Vec<u8>,
    so_far: Spans,
    /// For others to put together with theirs, if this is a segment's.
    series: Option<Series>,
}

impl Recorder {
    /// Begins with the run.
    pub(crate) fn new(start: Time) -> Self {
        let mut log = Vec::new();
        let base = system_time(start);
        IntervalLogWriterBuilder::new()
            .add_comment("[Histogram log format version 1.3]")
            .add_comment("[End-to-end latency from the intended instant, in microseconds]")
            .with_start_time(base)
            .with_base_time(base)
            .begin_log_with(&mut log, &mut V2DeflateSerializer::new())
            .expect("memory takes what is written");
        let legend = r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#;
        log.extend_from_slice(legend.as_bytes());
        log.push(b'\n');
        Self {
            start,
            last: start,
            due: start + ROW,
            rows: Vec::new(),
            heat: Vec::new(),
            log,
            so_far: Spans::default(),
            series: None,
        }
    }

    /// Begins with a segment: its rows end at whole seconds, as those of all others do, and are kept for them.
    pub(crate) fn of_segment(start: Time) -> Self {
        let due = Time((start.0 / ROW_MICROS + 1) * ROW_MICROS);
        Self { due, series: Some(Series { start, moments: Vec::new() }), ..Self::new(start) }
    }

    /// When the next row is due.
    pub(crate) const fn due(&self) -> Time {
        self.due
    }

    /// Ends a row.
    pub(crate) fn row(&mut self, now: Time, phase: &str, board: &Board, sample: &Spans) {
        let (row, is_early) = (Row::of(now.since(self.start), phase, board, sample), now < self.due);
        self.add(now, row.clone(), sample);
        if let Some(series) = &mut self.series {
            // A late one belongs to the latest second that it was late for.
            let due = if is_early { self.due } else { Time(self.due.0 - ROW_MICROS) };
            series.moments.push(Moment { due, at: now, row, latency: sample.into() });
        }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, now: Time, row: Row, sample: &Spans) {
        self.rows.push(row);
        self.heat.push(Heat::of(&sample.histogram));
        // Without anything to say about the whole log, a writer only adds what it is given.
        IntervalLogWriterBuilder::new()
            .begin_log_with(&mut self.log, &mut V2DeflateSerializer::new())
            .expect("memory takes what is written")
            .write_histogram(&sample.histogram, self.last.since(self.start), now.since(self.last), None)
            .expect("memory takes what is written");
        self.so_far.merge(sample);
        self.last = now;
        while self.due <= now {
            self.due = self.due + ROW;
        }
    }

    /// When it began.
    pub(crate) const fn start(&self) -> Time {
        self.start
    }

    /// What a segment has recorded for others; nothing of a whole run.
    pub(crate) const fn series(&self) -> Option<&Series> {
        self.series.as_ref()
    }

    /// What was recorded, second by second.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// By row: how its latencies are spread.
    pub(crate) fn heat(&self) -> &[Heat] {
        &self.heat
    }

    /// Latencies of the run so far.
    pub(crate) const fn so_far(&self) -> &Spans {
        &self.so_far
    }

    /// Deliveries in the latest second.
    pub(crate) fn deliveries_per_second(&self) -> u64 {
        let delivered = |back: usize| self.rows.iter().rev().nth(back).map_or(0, |row| row.delivered);
        delivered(0) - delivered(1)
    }

    /// The busiest second's deliveries.
    pub(crate) fn deliveries_per_second_max(&self) -> u64 {
        let pairs = self.rows.windows(2).map(|pair| pair[1].delivered - pair[0].delivered);
        pairs.max().unwrap_or_default()
    }

    /// Writes the rows as CSV with a header.
    pub(crate) fn write_csv(&self, out: impl io::Write) -> Result<(), csv::Error> {
        let mut out = csv::Writer::from_writer(out);
        self.rows.iter().try_for_each(|row| out.serialize(row))?;
        Ok(out.flush()?)
    }

    /// The interval log, untagged, so that HdrHistogram's tools read it without options.
    pub(crate) fn log(&self) -> &[u8] {
        &self.log
    }
}

fn system_time(time: Time) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(time.0)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    fn recorded() -> Recorder {
        let mut recorder = Recorder::new(Time(1_000_000_000));
        let board = Board::default();
        let mut sample = Spans::default();
        sample.histogram.record_n(1_500, 10).unwrap();
        board.delivered.add_many(10);
        recorder.row(Time(1_001_000_000), "stages", &board, &sample);
        board.delivered.add_many(25);
        recorder.row(Time(1_002_000_000), "stages", &board, &Spans::default());
        recorder
    }

    #[test]
    fn a_row_a_second() {
        let mut late = Recorder::new(Time(0));
        assert_eq!(late.due(), Time(1_000_000));
        late.row(Time(2_400_000), "stages", &Board::default(), &Spans::default());
        assert_eq!(late.due(), Time(3_000_000), "a late row does not shift those that follow");

        let mut segment = Recorder::of_segment(Time(5_400_000));
        assert_eq!(segment.due(), Time(6_000_000), "all segments end their rows at the same seconds");
        for at in [6_010_000, 8_500_000, 8_700_000] {
            segment.row(Time(at), "stages", &Board::default(), &Spans::default());
        }
        let dues: Vec<_> = segment.series().unwrap().moments.iter().map(|moment| moment.due).collect();
        assert_eq!(dues, [Time(6_000_000), Time(8_000_000), Time(9_000_000)], "the last one ended early");
        assert!(late.series().is_none());

        let mut csv = Vec::new();
        recorded().write_csv(&mut csv).unwrap();
        let expected = "t,phase,connected,sent,delivered,p50_us,p99_us,max_us,errors,reconnects\n\
                        1.0,stages,0,0,10,1500,1500,1500,0,0\n2.0,stages,0,0,35,0,0,0,0,0\n";
        assert_eq!(String::from_utf8(csv).unwrap(), expected);
    }

    #[test]
    fn the_log_is_read_back_by_its_library() {
        let recorder = recorded();
        let text = std::str::from_utf8(recorder.log()).unwrap();
        assert!(text.starts_with("#[Histogram log format version 1.3]\n"), "{text}");
        let entries: Vec<_> = IntervalLogIterator::new(recorder.log()).map(Result::unwrap).collect();
        let [
            LogEntry::StartTime(start),
            LogEntry::BaseTime(base),
            LogEntry::Interval(one),
            LogEntry::Interval(two),
        ] = &entries[..]
        else {
            panic!("{entries:?}")
        };
        assert_eq!((start.as_secs(), base.as_secs()), (1_000, 1_000));
        assert_eq!((one.tag().is_some(), one.start_timestamp(), one.max()), (false, Duration::ZERO, 1500.0));
        assert_eq!(two.start_timestamp(), Duration::from_secs(1));
        assert!(one.encoded_histogram().starts_with("HISTFAAA"), "{text}");
    }

    #[test]
    fn rates_come_from_neighbouring_rows() {
        let recorder = recorded();
        assert_eq!(recorder.deliveries_per_second(), 25);
        assert_eq!(recorder.deliveries_per_second_max(), 25);
        assert_eq!(recorder.so_far().histogram.len(), 10);
    }
}

//! Several processes, one run: what each writes down of its segment, and `loadgen merge`, which puts all of them together.
//!
//! Nothing is lost on the way: histograms are added count for count, and the oracles of all segments judge as one.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use chinwag_bots::{Book, fell_behind};
use chinwag_core::Time;
use chinwag_scenarios::{Overrides, Plan, RunId, Scenario};
use serde::{Deserialize, Serialize};

use crate::{
    conductor::Ended,
    intervals::Recorder,
    output::Output,
    series::{self, Series},
    summary::{Findings, Summary},
};

/// The file of a segment.
const FILE: &str = "segment.json";
/// Counts up when what it holds changes.
const FORMAT: u32 = 7;

/// What all segments of a run have in common.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Common {
    format: u32,
    /// The scenario, word for word.
    scenario: String,
    clients: u32,
    seed: u64,
    run: u32,
    /// When the first stage was to start.
    start_at: Option<Time>,
}

impl Common {
    /// What every segment of this run says.
    pub(crate) fn new(plan: &Plan, scenario: String, start_at: Option<Time>) -> Self {
        let (clients, seed, run) = (plan.clients(), plan.seed(), plan.run().0);
        Self { format: FORMAT, scenario, clients, seed, run, start_at }
    }
}

/// A segment, as it is written…
#[derive(Serialize)]
struct Written<'a> {
    common: Common,
    findings: &'a Findings,
    book: &'a Book,
    series: &'a Series,
}

/// …and read.
#[derive(Deserialize)]
struct Read {
    common: Common,
    findings: Findings,
    book: Book,
    series: Series,
}

/// Writes a segment down; says where.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(
    directory: &Path,
    common: Common,
    book: &Book,
    findings: &Findings,
    series: &Series,
) -> io::Result<String> {
    let path = directory.join(FILE);
    // Under its name there is all of it, or nothing: whoever finds it takes it for done.
    let part = directory.join(format!("{FILE}.part"));
    let mut file = BufWriter::new(File::create(&part)?);
    serde_json::to_writer(&mut file, &Written { common, findings, book, series })?;
    file.flush()?;
    fs::rename(&part, &path)?;
    Ok(path.display().to_string())
}

/// Why segments could not be put together: one line.
#[derive(Debug)]
pub(crate) enum Error {
    /// Something about them is missing or does not fit.
    Segments(String),
    /// What came of it cannot be written.
    Output(String),
}

/// Puts the segments in these directories together, and judges the run. Files go to `out`.
///
/// # Errors
/// See [`Error`].
pub(crate) fn merge(directories: &[PathBuf], out: Option<&Path>) -> Result<Ended, Error> {
    let all = read(directories).map_err(Error::Segments)?;
    let common = all[0].common.clone();
    let (scenario, plan) = planned(&common).map_err(Error::Segments)?;
    let Whole { book, mut findings, recorder } = together(all, &plan).map_err(Error::Segments)?;
    findings.deliveries_per_second_max = recorder.deliveries_per_second_max();
    let (summary, verdict, deliveries) = Summary::new(&scenario, &plan, &book, findings);
    let write =
        |output: Output| output.write(&plan, &book, (&summary, &deliveries), &recorder, common.start_at);
    let files = out.map(|directory| Output::create(directory).and_then(write)).transpose();
    Ok(Ended { files: files.map_err(Error::Output)?.unwrap_or_default(), summary, verdict })
}

/// Reads the segments of one run, all of them, in their order.
fn read(directories: &[PathBuf]) -> Result<Vec<Read>, String> {
    let mut all = Vec::new();
    for directory in directories {
        let path = directory.join(FILE);
        let complaint = |error: &dyn std::error::Error| format!("{}: {error}", path.display());
        let file = File::open(&path).map_err(|error| complaint(&error))?;
        let read: Read = serde_json::from_reader(BufReader::new(file)).map_err(|error| complaint(&error))?;
        all.push(read);
    }
    all.sort_by_key(|read| read.findings.segment.index);
    check(&all)?;
    Ok(all)
}

/// Whether segments are those of one run, and all of them.
fn check(all: &[Read]) -> Result<(), String> {
    let first = all.first().ok_or("there is nothing to put together")?;
    let count = first.findings.segment.count;
    let mut missing: BTreeSet<_> = (0..count).collect();
    for read in all {
        let segment = read.findings.segment;
        if read.common.format != FORMAT {
            return Err(format!("{segment} was written by another version of loadgen"));
        }
        if read.common != first.common || segment.count != count {
            return Err(format!("{segment} is of another run than {}", first.findings.segment));
        }
        if !missing.remove(&segment.index) {
            return Err(format!("{segment} is there twice"));
        }
    }
    match missing.first() {
        Some(index) => Err(format!("segment {}/{count} is missing", index + 1)),
        None => Ok(()),
    }
}

/// What all of them were to do.
fn planned(common: &Common) -> Result<(Scenario, Plan), String> {
    let scenario =
        Scenario::parse("the segments' scenario", &common.scenario).map_err(|error| error.to_string())?;
    let overrides =
        Overrides { clients: Some(common.clients), seed: Some(common.seed), run: Some(RunId(common.run)) };
    let plan = Plan::new(&scenario, overrides).map_err(|error| error.to_string())?;
    Ok((scenario, plan))
}

/// All segments as one.
struct Whole {
    book: Book,
    findings: Findings,
    recorder: Recorder,
}

/// Puts segments of one plan together. One that fell behind spoils the whole, however punctual the others were.
fn together(all: Vec<Read>, plan: &Plan) -> Result<Whole, String> {
    let late = all.iter().find_map(|Read { book, findings, .. }| {
        fell_behind(plan, book).map(|why| format!("{}: {why}", findings.segment))
    });
    let (parts, series): (Vec<_>, Vec<_>) =
        all.into_iter().map(|read| ((read.book, read.findings), read.series)).unzip();
    let recorder = series::together(&series)?;
    let merged =
        parts.into_iter().reduce(|(book, findings), part| (book.merge(part.0), findings.merge(part.1)));
    let (book, findings) = merged.expect("there is a first one");
    Ok(Whole { book, findings: Findings { fell_behind: late, ..findings }, recorder })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chinwag_bots::Segment;

    fn read(index: u32, count: u32) -> Read {
        let common =
            Common { format: FORMAT, scenario: String::new(), clients: 4, seed: 1, run: 2, start_at: None };
        let mut book = Book::new(1);
        book.delivered(Some(0), Time(1_000), Some(Time(1_000)), Time(1_000 + 10 * u64::from(index)));
        let findings = Findings { connected: 2, ..Findings::new(Segment { index, count }) };
        let series = Series { start: Time(0), moments: Vec::new() };
        Read { common, findings, book, series }
    }

    fn complaint(mut all: Vec<Read>) -> String {
        all.sort_by_key(|read| read.findings.segment.index);
        check(&all).unwrap_err()
    }

    fn smoke() -> (&'static str, Plan) {
        let file = chinwag_scenarios::shipped().iter().find(|file| file.name == "smoke").unwrap();
        let scenario = Scenario::parse("smoke", file.text).unwrap();
        (file.text, Plan::new(&scenario, Overrides::default()).unwrap())
    }

    #[test]
    fn one_who_fell_behind_spoils_the_whole() {
        let (_, plan) = smoke();
        let parts = |late: u64| {
            let part = |index| {
                let mut part = read(index, 8);
                part.book = Book::new(plan.stages().len());
                for send in 0..100 {
                    let lag = if index == 2 && send < late { 20_000 } else { 0 };
                    part.book.departed(Some(0), Time(1_000), Time(1_000 + lag));
                }
                part
            };
            together((0..8).map(part).collect(), &plan).unwrap().findings.fell_behind
        };
        assert_eq!(parts(9), None);
        let why = parts(10).unwrap();
        assert!(why.starts_with("segment 3/8: the generator fell behind: 10 of 100 sends"), "{why}");
    }

    #[test]
    fn all_parts_make_the_whole() {
        let Whole { book, findings, .. } = together(vec![read(0, 2), read(1, 2)], &smoke().1).unwrap();
        assert_eq!((findings.connected, findings.segment), (4, Segment::WHOLE));
        assert_eq!(
            (book.times.stages[0].e2e.histogram.len(), book.times.stages[0].e2e.histogram.max()),
            (2, 10)
        );
    }

    #[test]
    fn what_was_heard_before_it_was_to_be_sent_is_counted_and_not_taken_for_quick() {
        let parts = (0..2).map(|index| {
            let mut part = read(index, 2);
            // The second one's clock is behind.
            let heard = if index == 0 { 1_400 } else { 600 };
            part.book.delivered(Some(0), Time(1_000), None, Time(heard));
            part
        });
        let Whole { book, .. } = together(parts.collect(), &smoke().1).unwrap();
        let e2e = &book.times.stages[0].e2e;
        assert_eq!((e2e.histogram.len(), e2e.histogram.min(), e2e.negative), (3, 0, 1));
        assert_eq!(e2e.histogram.max(), 400);
    }

    #[test]
    fn one_missing_doubled_or_foreign_part_makes_nothing() {
        assert_eq!(complaint(vec![read(0, 3), read(2, 3)]), "segment 2/3 is missing");
        assert_eq!(complaint(vec![read(0, 2), read(0, 2)]), "segment 1/2 is there twice");
        let mut foreign = read(1, 2);
        foreign.common.run = 3;
        assert_eq!(complaint(vec![read(0, 2), foreign]), "segment 2/2 is of another run than segment 1/2");
        let mut older = read(1, 2);
        older.common.format = FORMAT - 1;
        assert_eq!(
            complaint(vec![read(0, 2), older]),
            "segment 2/2 was written by another version of loadgen"
        );
    }

    #[test]
    fn what_was_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let (text, plan) = smoke();
        let mut part = read(0, 1);
        part.book = Book::new(plan.stages().len());
        part.book.error("lost".into());
        part.book.delivered(Some(2), Time(5), None, Time(5_005));
        let common = Common::new(&plan, text.into(), None);
        write(directory.path(), common, &part.book, &part.findings, &part.series).unwrap();
        let ended = merge(&[directory.path().into()], None).unwrap();
        assert_eq!((ended.summary.figures.errors["lost"], ended.summary.figures.latency_us.count), (1, 1));
        assert_eq!(ended.summary.figures.latency_actual_us.count, 0, "nobody knows when it was sent");
    }
}

//! What a run that failed has to say for itself.

use std::{
    collections::HashSet,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::ensure;

use crate::{
    Failure, Fingerprint, Outcome, Scenario,
    file::ScenarioFile,
    out::out,
    record::{table::Table, trace::Trace},
    replay_line,
    search::minimise::minimise,
    try_run,
};

/// Lines of the trace that are shown, the failure last.
const LINES: usize = 30;
/// Characters shown of each.
const WIDTH: usize = 180;
/// Different failures that are shown with all that is known of them; of others there is a line.
const SHOWN_MAX: usize = 8;

/// Tells of failures: of the first of each kind all that helps, of the others a line.
#[derive(Debug)]
pub(super) struct Reporter {
    /// Where minimised scenarios are kept.
    save: Option<PathBuf>,
    seen: HashSet<Fingerprint>,
}

impl Reporter {
    pub(super) fn new(save: Option<PathBuf>) -> Self {
        Self { save, seen: HashSet::new() }
    }

    /// Tells of an outcome's failures, if it has any.
    pub(super) fn tell(&mut self, scenario: &Scenario, outcome: &Outcome) -> io::Result<()> {
        let Some(first) = outcome.failures.first() else { return Ok(()) };
        let mut out = out();
        for failure in &outcome.failures {
            writeln!(out, "seed {}: {failure}", outcome.name())?;
        }
        if self.seen.len() < SHOWN_MAX && self.seen.insert(Fingerprint::of(first)) {
            write_lines(&mut out, scenario, first)?;
            if let Some(folder) = &self.save {
                // That it cannot be kept is no reason to stop, nor to forget what was found.
                match save(folder, scenario, first) {
                    Ok(path) => writeln!(out, "  minimised: {}", path.display())?,
                    Err(error) => writeln!(out, "  not saved: {error:#}")?,
                }
            }
        }
        writeln!(out, "  replay: {} --trace text --around {}", replay_line(outcome.name()), first.event)?;
        Ok(())
    }
}

/// The last lines of the trace, up to the failure.
fn write_lines(out: &mut impl Write, scenario: &Scenario, failure: &Failure) -> io::Result<()> {
    let mut trace = Trace::detailed();
    try_run(scenario, &mut trace);
    let to = trace.records().partition_point(|record| record.event <= failure.event);
    let (before, shown) = trace.records()[..to].split_at(to.saturating_sub(LINES));
    let mut table = Table::of(trace.records());
    before.iter().for_each(|record| table.pass(record));
    for record in shown {
        let line: String = table.line(record).chars().take(WIDTH).collect();
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn save(folder: &Path, scenario: &Scenario, failure: &Failure) -> anyhow::Result<PathBuf> {
    let small = minimise(scenario, failure, try_run);
    ensure!(small.repeats, "it does not fail each time: `sim check {}` finds out why", scenario.name());
    let original = ScenarioFile::of_seed(scenario.clone());
    let path =
        folder.join(format!("{}-{}.scn", failure.check, scenario.name().to_string().replace(':', "-")));
    ScenarioFile::of_minimised(&original, &small).write(&path)?;
    Ok(path)
}

//! The command line of a build with bugs.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    num::NonZero,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;

use super::{
    hunt::{Effort, Find, Hunt, Planted, Smallest},
    report::Report,
};
use crate::{
    cli::{
        bar::bar,
        exit::{self, BROKEN, CLEAN, NOT_DETERMINISTIC},
        jobs::{cores, jobs},
        output::{OutputFile, make_folder},
    },
    out::out,
    plan::scenario::Scenario,
    record::{outcome::Outcome, trace::Trace},
};

/// Looks for bugs that were planted, and tells how many seeds it takes to find each of them.
#[derive(Clone, Debug, Parser)]
#[command(name = "sim bugs")]
pub struct Args {
    /// Only these
    #[arg(value_name = "BUG")]
    bugs: Vec<String>,
    /// Places to start from, for each bug
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    starts: u64,
    /// Seeds to try from each of them
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds_max: u64,
    /// Threads; as many as there are cores if not given
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZero<usize>>,
    /// Also write what came of it to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the smallest scenario of each bug to a folder
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
}

impl Args {
    fn effort(&self) -> Effort {
        Effort { starts: self.starts, seeds_max: self.seeds_max, jobs: self.jobs.unwrap_or_else(cores) }
    }

    /// The places of the chosen bugs among all, by name.
    ///
    /// # Errors
    /// If one of them is none of these.
    pub(crate) fn chosen(&self, names: &[impl AsRef<str>]) -> anyhow::Result<Vec<usize>> {
        if self.bugs.is_empty() {
            return Ok((0..names.len()).collect());
        }
        let place = |wanted: &String| {
            let known = || names.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ");
            let place = names.iter().position(|name| name.as_ref() == wanted);
            place.with_context(|| format!("there is no bug {wanted}; there are {}", known()))
        };
        self.bugs.iter().map(place).collect()
    }

    /// Opens the file for the report, if it is wanted, and makes the folder for scenarios.
    ///
    /// # Errors
    /// If one of them cannot be written to.
    pub(crate) fn open_outputs(&self) -> anyhow::Result<Option<OutputFile>> {
        self.save.as_deref().map_or(Ok(()), make_folder)?;
        OutputFile::open_if_wanted(self.json.as_deref())
    }
}

/// Carries out the process's command line; `run` runs a scenario with the bug of that index in force, or without any.
#[must_use]
pub fn main(
    bugs: &[Planted],
    run: impl Fn(Option<usize>, &Scenario, &mut Trace) -> Outcome + Sync,
) -> ExitCode {
    exit::of("sim bugs", |args: Args| hunt(&args, bugs, run))
}

fn hunt(
    args: &Args,
    bugs: &[Planted],
    run: impl Fn(Option<usize>, &Scenario, &mut Trace) -> Outcome + Sync,
) -> anyhow::Result<u8> {
    let names: Vec<&str> = bugs.iter().map(|bug| bug.name).collect();
    let (chosen, effort) = (args.chosen(&names)?, args.effort());
    let json = args.open_outputs()?;
    let bugs: Vec<Planted> = chosen.iter().map(|&bug| bugs[bug]).collect();
    let run = |bug: Option<usize>, scenario: &Scenario, trace: &mut Trace| {
        run(bug.map(|bug| chosen[bug]), scenario, trace)
    };
    let hunt = Hunt { bugs: &bugs, effort, run };
    let starts = bar(Some(bugs.len() as u64 * effort.starts), "starts");
    let finds = hunt.search(|| starts.inc(1));
    starts.finish_and_clear();
    let made_small = bar(Some(bugs.len() as u64), "bugs made small");
    let first: Vec<Option<Find>> = finds.iter().map(|finds| finds.iter().flatten().next().cloned()).collect();
    let smallest = hunt.minimise(&first, || made_small.inc(1));
    made_small.finish_and_clear();
    let smallest = match smallest {
        Ok(smallest) => smallest,
        Err(unrepeated) => {
            eprintln!("sim bugs: {unrepeated}");
            return Ok(NOT_DETERMINISTIC);
        }
    };
    let report = Report::new(&bugs, effort, &finds, &smallest, &checks_made(&hunt), args.bugs.is_empty());
    write!(out(), "{report}")?;
    let code = if report.faults.is_empty() { CLEAN } else { BROKEN };
    let written = json.map_or(Ok(()), |file| file.write_json(&report));
    let saved = args.save.as_deref().map_or(Ok(()), |folder| save(folder, &bugs, &smallest));
    exit::after(code, "sim bugs", written.and(saved))
}

/// Writes what is left of the first find of each bug.
fn save(folder: &Path, bugs: &[Planted], smallest: &[Option<Smallest>]) -> anyhow::Result<()> {
    for (bug, smallest) in bugs.iter().zip(smallest) {
        let Some(smallest) = smallest else { continue };
        let path = folder.join(bug.name).with_extension("scn");
        let text = format!("# {}\n{}", bug.what, smallest.scenario);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The checks that are made without any bug.
fn checks_made<Run: Fn(Option<usize>, &Scenario, &mut Trace) -> Outcome + Sync>(
    hunt: &Hunt<'_, Run>,
) -> BTreeSet<&'static str> {
    const SEEDS: u64 = 100;
    let counts =
        (0..SEEDS).flat_map(|seed| (hunt.run)(None, &Scenario::generate(seed), &mut Trace::new()).checks);
    counts.filter(|&(_, count)| count > 0).map(|(check, _)| check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // A test that was built with the bugs is a test of the wrong machines.
    const _: () =
        assert!(!chinwag_core::planted::ENABLED, "the workspace must be built without planted bugs");

    #[test]
    fn bugs_are_chosen_by_name() {
        let chosen = |arguments: &[&str]| {
            let command = ["sim bugs"].iter().chain(arguments);
            Args::try_parse_from(command).unwrap().chosen(&["a", "b"]).map_err(|error| error.to_string())
        };
        assert_eq!(chosen(&[]), Ok(vec![0, 1]));
        assert_eq!(chosen(&["b"]), Ok(vec![1]));
        assert_eq!(chosen(&["c"]), Err("there is no bug c; there are a, b".to_owned()));
    }
}

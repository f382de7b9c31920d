//! `sim minimise`: the smallest scenario that fails alike.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    cli::{
        exit::{self, BROKEN, CLEAN, NOT_DETERMINISTIC},
        output::{self, OutputFile},
    },
    file::ScenarioFile,
    out::out,
    record::trace::Trace,
    search::minimise::{Minimised, minimise},
    try_run,
};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A seed, or a file written by `sim plan`
    #[arg(value_name = "SEED|FILE")]
    scenario: String,
    /// Write it to a file instead of the terminal
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    let file = ScenarioFile::find(&args.scenario)?;
    let outcome = try_run(&file.scenario, &mut Trace::new());
    let Some(failure) = outcome.failures.first() else {
        eprintln!("sim: nothing fails in {}", args.scenario);
        return Ok(CLEAN);
    };
    if let Some(doubt) = file.doubt() {
        eprintln!("sim: {doubt}, and nothing is tried that is no better");
    }
    let output = args.output.as_deref().map(open).transpose()?;
    let small = minimise(&file.scenario, failure, try_run);
    let Minimised { scenario, failure, runs, repeats } = &small;
    let (from, to) = (file.scenario.steps.len(), scenario.steps.len());
    eprintln!("{from} steps are now {to}, after {runs} runs: {failure}");
    if !repeats {
        eprintln!("sim: it does not fail each time: `sim check` finds out why");
    }
    let written = tell(&ScenarioFile::of_minimised(&file, &small), output.as_ref());
    exit::after(if *repeats { BROKEN } else { NOT_DETERMINISTIC }, "sim", written)
}

/// The file for the result, and the folder it is in.
fn open(path: &Path) -> anyhow::Result<OutputFile> {
    output::make_folder_of(path)?;
    OutputFile::open(path)
}

fn tell(smaller: &ScenarioFile, output: Option<&OutputFile>) -> anyhow::Result<()> {
    let Some(output) = output else { return Ok(write!(out(), "{smaller}")?) };
    output.write(&smaller.to_string())?;
    eprintln!("sim replay {} --trace text", output.path().display());
    Ok(())
}

//! `sim minimise`: the smallest scenario that fails alike.

use std::{io::Write, path::PathBuf};

use crate::{
    cli::exit::{BROKEN, CLEAN, NOT_DETERMINISTIC},
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
    let small = minimise(&file.scenario, failure, try_run);
    let Minimised { scenario, failure, runs, repeats } = &small;
    let (from, to) = (file.scenario.steps.len(), scenario.steps.len());
    eprintln!("{from} steps are now {to}, after {runs} runs: {failure}");
    let smaller = ScenarioFile::of_minimised(&file, &small);
    match &args.output {
        Some(path) => {
            smaller.write(path)?;
            eprintln!("sim replay {} --trace text", path.display());
        }
        None => write!(out(), "{smaller}")?,
    }
    if *repeats {
        return Ok(BROKEN);
    }
    eprintln!("sim: it does not fail each time: `sim check` finds out why");
    Ok(NOT_DETERMINISTIC)
}

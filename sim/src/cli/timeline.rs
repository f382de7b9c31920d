//! `sim timeline`: a run as a page for a browser.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::ensure;

use super::around;
use crate::{
    cli::{
        exit::{BROKEN, CLEAN},
        output::OutputFile,
    },
    file::ScenarioFile,
    out::out,
    record::{timeline, trace::Trace},
    try_run,
};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A seed, or a file written by `sim plan`
    #[arg(value_name = "SEED|FILE")]
    scenario: String,
    /// The page to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Draw the entries of the trace around this one; if not given, those before the failure, or the first
    #[arg(long, value_name = "ENTRY")]
    around: Option<u64>,
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    let file = ScenarioFile::find(&args.scenario)?;
    ensure!(
        !is_same(Path::new(&file.name), &args.output),
        "{} is the scenario: write to another file",
        file.name
    );
    let output = OutputFile::open(&args.output)?;
    let mut trace = Trace::detailed();
    let outcome = try_run(&file.scenario, &mut trace);
    around::check(args.around, trace.events())?;
    output.write(&timeline::page(&file, &outcome, trace.records(), args.around))?;
    writeln!(out(), "{}", output.path().display())?;
    Ok(if outcome.is_clean() { CLEAN } else { BROKEN })
}

/// Whether two paths lead to one file.
fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

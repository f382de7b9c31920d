//! `sim diff`: where two runs part.

use std::{fs, io::Write, path::Path};

use anyhow::Context;

use crate::{
    cli::exit::{BROKEN, CLEAN},
    file::ScenarioFile,
    out::out,
    record::trace::{Record, Trace},
    search::compare::{Divergence, play},
};

#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit codes: 0 the runs are the same, 1 they part, whether or not a promise is broken, 104 bad input."
)]
pub(super) struct Args {
    /// A seed, a scenario file, or what `sim replay --trace jsonl` has written to a file ending in .jsonl
    #[arg(value_name = "SEED|FILE")]
    first: String,
    /// Another
    #[arg(value_name = "SEED|FILE")]
    second: String,
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    let (first, second) = (records(&args.first)?, records(&args.second)?);
    let divergence = Divergence::between(0, &first, &second, is_same);
    if divergence.event().is_none() {
        writeln!(out(), "the runs are the same, {} records", first.len())?;
        return Ok(CLEAN);
    }
    write!(out(), "{divergence}")?;
    Ok(BROKEN)
}

fn records(name: &str) -> anyhow::Result<Vec<Record>> {
    if Path::new(name).extension().is_some_and(|extension| extension == "jsonl") {
        let text = fs::read_to_string(name).with_context(|| format!("cannot read {name}"))?;
        let parse = |(number, line)| {
            serde_json::from_str(line).with_context(|| format!("{name}, line {number}, is no record"))
        };
        let records: Vec<_> = (1..).zip(text.lines()).map(parse).collect::<Result<_, _>>()?;
        anyhow::ensure!(
            !records.is_empty(),
            "{name} holds no records: write one with sim replay --trace jsonl"
        );
        return Ok(records);
    }
    let mut trace = Trace::detailed();
    play(&ScenarioFile::find(name)?.scenario, &mut trace);
    Ok(trace.records().to_vec())
}

/// Whether the same happens to the same at the same time. Hashes also stand for what is not described.
fn is_same(a: &Record, b: &Record) -> bool {
    a.hash == b.hash && a.event == b.event && a.text == b.text && a.kind == b.kind
}

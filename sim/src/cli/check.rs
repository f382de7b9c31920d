//! `sim check`: whether runs repeat, in this process and in others.

use std::{
    env,
    io::{self, Write},
    iter,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use serde::de::DeserializeOwned;

use crate::{
    Scenario,
    cli::exit::{self, BROKEN, CLEAN, NOT_DETERMINISTIC},
    file::ScenarioFile,
    out::out,
    plan::profile::{Name, Profile},
    record::trace::Record,
    replay_line,
    search::compare::{Chain, Divergence, block, run_twice},
};

/// What is kept of each, to compare it with another process, fits into memory.
const SEEDS_MAX: u64 = 100_000;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Another build of this program to compare with, instead of this one: debug with release, one compiler with another
    #[arg(long, value_name = "PROGRAM")]
    other: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
pub(super) struct ChainArgs {
    #[command(flatten)]
    which: Which,
    /// Print the records from this entry to the next checkpoint, instead of the chains
    #[arg(long)]
    after: Option<u64>,
}

#[derive(clap::Args, Debug)]
struct Which {
    /// A seed, or a file written by `sim plan`
    #[arg(value_name = "SEED|FILE")]
    scenario: String,
    /// How many seeds, from that one on
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=SEEDS_MAX))]
    seeds: u64,
}

/// Scenarios, of which only one at a time is there.
enum Scenarios {
    Seeds { profile: Profile, seeds: RangeInclusive<u64> },
    File(Box<ScenarioFile>),
}

impl Which {
    fn scenarios(&self) -> anyhow::Result<Scenarios> {
        if let Ok(Name { profile, seed: first }) = self.scenario.parse::<Name>() {
            let last = first.checked_add(self.seeds - 1).context("--seeds reaches beyond the last seed")?;
            return Ok(Scenarios::Seeds { profile, seeds: first..=last });
        }
        ensure!(self.seeds == 1, "--seeds goes with a seed, and {} is a file", self.scenario);
        Ok(Scenarios::File(Box::new(ScenarioFile::find(&self.scenario)?)))
    }
}

impl Scenarios {
    /// Each with the name under which another process finds it.
    fn each(&self) -> Box<dyn Iterator<Item = (String, Scenario)> + '_> {
        match self {
            Self::Seeds { profile, seeds } => {
                let scenarios = seeds.clone().map(|seed| Scenario::of(*profile, seed));
                Box::new(scenarios.map(|scenario| (scenario.name().to_string(), scenario)))
            }
            Self::File(file) => Box::new(iter::once((file.name.clone(), file.scenario.clone()))),
        }
    }
}

/// Answers the `check` of another process.
pub(super) fn chain(args: &ChainArgs) -> anyhow::Result<u8> {
    let mut out = io::BufWriter::new(out());
    for (_, scenario) in args.which.scenarios()?.each() {
        match args.after {
            None => writeln!(out, "{}", serde_json::to_string(&Chain::of(&scenario).1)?)?,
            Some(after) => {
                for record in block(&scenario, after) {
                    writeln!(out, "{}", serde_json::to_string(&record)?)?;
                }
            }
        }
    }
    out.flush()?;
    Ok(CLEAN)
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    let (mut out, scenarios) = (out(), args.which.scenarios()?);
    let (mut chains, mut code) = (Vec::new(), CLEAN);
    for (name, scenario) in scenarios.each() {
        match run_twice(&scenario) {
            Ok((outcome, chain)) => {
                if let Some(failure) = outcome.failures.first() {
                    writeln!(out, "{name}: {failure}\n  replay: {}", replay_line(&name))?;
                    code = code.max(BROKEN);
                }
                chains.push(Some(chain));
            }
            Err(divergence) => {
                write!(out, "{name}, twice in this process: {divergence}")?;
                code = NOT_DETERMINISTIC;
                chains.push(None);
            }
        }
    }
    let program = match &args.other {
        Some(other) => other.clone(),
        None => env::current_exe().context("cannot find this program")?,
    };
    let compared = compare(&mut out, &program, &args.which, &scenarios, &chains, &mut code);
    if compared.is_ok() && code != NOT_DETERMINISTIC {
        let entries: u64 = chains.iter().flatten().map(|chain| chain.events).sum();
        writeln!(out, "{} scenarios repeat, {entries} entries", chains.len())?;
    }
    exit::after(code, "sim", compared)
}

/// Looks whether another process has the same chains.
fn compare(
    out: &mut impl Write,
    program: &Path,
    which: &Which,
    scenarios: &Scenarios,
    chains: &[Option<Chain>],
    code: &mut u8,
) -> anyhow::Result<()> {
    let seeds = which.seeds.to_string();
    let theirs: Vec<Chain> = ask(program, &[&which.scenario, "--seeds", &seeds])?;
    ensure!(theirs.len() == chains.len(), "{} does not run the same scenarios", program.display());
    let mut agrees = true;
    for (((name, scenario), ours), theirs) in scenarios.each().zip(chains).zip(&theirs) {
        // Of what does not repeat here, enough has been said.
        let Some(after) = ours.as_ref().and_then(|ours| ours.parts_after(theirs)) else { continue };
        (agrees, *code) = (false, NOT_DETERMINISTIC);
        let records: Vec<Record> = ask(program, &[&name, "--after", &after.to_string()])
            .with_context(|| format!("{name} plays otherwise in {}", program.display()))?;
        let divergence = Divergence::between(after, &block(&scenario, after), &records, |a, b| a == b);
        write!(out, "{name}, here and in {}: {divergence}", program.display())?;
    }
    if agrees {
        writeln!(out, "the same in another process: {}", program.display())?;
    } else {
        writeln!(out, "If that program was built from other sources, build it again.")?;
    }
    Ok(())
}

/// What another process says, line by line.
fn ask<T: DeserializeOwned>(program: &Path, args: &[&str]) -> anyhow::Result<Vec<T>> {
    let name = program.display();
    let output = Command::new(program)
        .arg("chain")
        .args(args)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        bail!("{name} ended with {}", output.status);
    }
    let text = String::from_utf8(output.stdout).with_context(|| format!("{name} prints no text"))?;
    let parse = |line| serde_json::from_str(line).with_context(|| format!("{name} is another program"));
    text.lines().map(parse).collect()
}

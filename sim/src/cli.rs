//! The command line.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::{
    batch::{Totals, try_run},
    compare::run_twice,
    outcome::{Outcome, replay_line},
    scenario::Scenario,
    table::Table,
    trace::Trace,
};

/// A promise was broken.
const BROKEN: u8 = 1;
/// A run did not repeat.
const NOT_DETERMINISTIC: u8 = 3;
/// The command makes no sense.
const BAD_INPUT: u8 = 104;

/// Run Chinwag's machines in virtual time, under faults, and judge every message.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Exit codes: 0 clean, 1 a promise was broken, 3 a run did not repeat, 104 bad input.

Examples:
  sim run --seeds 1000              a thousand scenarios
  sim replay 42 --trace text        one of them, event by event
  sim plan 42 > 42.scn              its scenario, to edit and to replay
  sim check 42                      twice, to see whether it repeats"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the scenarios of many seeds
    Run(RunArgs),
    /// Run one scenario and show what happened
    Replay(ReplayArgs),
    /// Write the scenario of a seed: a line for the setup, then one for each step
    Plan {
        /// Which
        seed: u64,
    },
    /// Run one scenario twice and compare
    Check {
        /// A seed, or a file written by `sim plan`
        #[arg(value_name = "SEED|FILE")]
        scenario: String,
    },
}

#[derive(Args, Debug)]
struct RunArgs {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,
    /// Also write what came of it to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct ReplayArgs {
    /// A seed, or a file written by `sim plan`
    #[arg(value_name = "SEED|FILE")]
    scenario: String,
    /// Show every event
    #[arg(long, value_name = "FORM")]
    trace: Option<TraceForm>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TraceForm {
    /// A line for each: number, time, direction, who, what
    Text,
}

/// Carries out the process's command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let is_request = !error.use_stderr();
            return match error.print() {
                Ok(()) if is_request => ExitCode::SUCCESS,
                _ => BAD_INPUT.into(),
            };
        }
    };
    let result = match cli.command {
        Command::Run(args) => batch(&args),
        Command::Replay(args) => replay(&args),
        Command::Plan { seed } => plan(seed),
        Command::Check { scenario } => check(&scenario),
    };
    match result {
        Ok(code) => code.into(),
        // Whoever reads our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sim: {error:#}");
            BAD_INPUT.into()
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What `--json` writes.
#[derive(Serialize)]
struct Summary<'a> {
    from: u64,
    events_per_second: f64,
    frames_per_second: f64,
    virtual_to_real: f64,
    #[serde(flatten)]
    totals: &'a Totals,
}

fn batch(args: &RunArgs) -> anyhow::Result<u8> {
    let to = args.from.checked_add(args.seeds).context("--from and --seeds reach beyond the last seed")?;
    let bar = progress(args.seeds);
    let (start, mut totals) = (Instant::now(), Totals::default());
    for seed in args.from..to {
        let outcome = try_run(&Scenario::generate(seed), &mut Trace::default());
        bar.suspend(|| report_failures(&outcome))?;
        totals.add(outcome);
        bar.set_message(format!("{} events, {} failures", totals.events, totals.failures.len()));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64().max(1e-9);
    let summary = Summary {
        from: args.from,
        events_per_second: totals.events as f64 / seconds,
        frames_per_second: totals.frames as f64 / seconds,
        virtual_to_real: totals.virtual_time.as_secs_f64() / seconds,
        totals: &totals,
    };
    print_summary(&summary, seconds)?;
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&summary)?;
        fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(if totals.failures.is_empty() { 0 } else { BROKEN })
}

fn progress(seeds: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} seeds, {eta} left, {msg}");
    ProgressBar::new(seeds).with_style(style.expect("the template is right"))
}

fn report_failures(outcome: &Outcome) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for failure in &outcome.failures {
        writeln!(out, "seed {}: {failure}", outcome.seed)?;
    }
    if outcome.is_clean() { Ok(()) } else { writeln!(out, "  replay: {}", replay_line(outcome.seed)) }
}

fn print_summary(summary: &Summary<'_>, seconds: f64) -> io::Result<()> {
    let Summary { totals, .. } = summary;
    let mut out = io::stdout().lock();
    writeln!(out, "{} seeds from {}, {} failures", totals.seeds, summary.from, totals.failures.len())?;
    writeln!(
        out,
        "{} events in {seconds:.2} s: {:.0} events/s, {:.0} frames/s, {:.0} times real time",
        totals.events, summary.events_per_second, summary.frames_per_second, summary.virtual_to_real,
    )?;
    write!(out, "checks:")?;
    for (check, count) in &totals.checks {
        write!(out, " {check} {count}")?;
    }
    writeln!(out)
}

/// The scenario of a seed or a file.
fn scenario(name: &str) -> anyhow::Result<Scenario> {
    if let Ok(seed) = name.parse() {
        return Ok(Scenario::generate(seed));
    }
    let text = fs::read_to_string(name).with_context(|| format!("{name} is no seed, and no file"))?;
    text.parse().with_context(|| format!("{name} is no scenario"))
}

fn replay(args: &ReplayArgs) -> anyhow::Result<u8> {
    let scenario = scenario(&args.scenario)?;
    let mut trace = if args.trace.is_some() { Trace::detailed() } else { Trace::new() };
    let outcome = try_run(&scenario, &mut trace);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut table = Table::new(&scenario.setup);
    for record in trace.records() {
        writeln!(out, "{}", table.line(record))?;
    }
    for failure in &outcome.failures {
        writeln!(out, "seed {}: {failure}", outcome.seed)?;
    }
    let Outcome { seed, hash, events, frames, virtual_time, .. } = &outcome;
    let seconds = virtual_time.as_secs_f64();
    writeln!(
        out,
        "seed {seed}: {events} events, {frames} frames in {seconds:.3} virtual seconds, hash {hash:016x}"
    )?;
    out.flush()?;
    Ok(if outcome.is_clean() { 0 } else { BROKEN })
}

fn plan(seed: u64) -> anyhow::Result<u8> {
    write!(io::stdout().lock(), "{}", Scenario::generate(seed))?;
    Ok(0)
}

fn check(name: &str) -> anyhow::Result<u8> {
    match run_twice(&scenario(name)?) {
        Ok(outcome) => {
            writeln!(io::stdout(), "seed {}: repeats, hash {:016x}", outcome.seed, outcome.hash)?;
            report_failures(&outcome)?;
            Ok(if outcome.is_clean() { 0 } else { BROKEN })
        }
        Err(divergence) => {
            let mut out = io::stdout().lock();
            writeln!(out, "the runs part at event {}", divergence.event)?;
            for (name, lines) in [("first", &divergence.first), ("second", &divergence.second)] {
                writeln!(out, "{name} run:\n{}", lines.join("\n"))?;
            }
            Ok(NOT_DETERMINISTIC)
        }
    }
}

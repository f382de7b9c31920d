//! The command line: what is asked for, and what is said about it.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    num::NonZero,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use chinwag_core::hash;
use chinwag_scenarios::{Overrides, Plan, RunId, Scenario, shipped};
use clap::{Args, Parser, value_parser};
use tokio::runtime::Builder;

use crate::{
    conductor::{Ended, Job, conduct},
    output::Output,
    server,
    target::Target,
    text,
};

/// The run could not be made or finished.
const EXIT_BROKEN: u8 = 1;
/// The generator's own limits do not suffice.
const EXIT_INVALID: u8 = 96;
/// A mistake in the command line or the scenario.
const EXIT_USAGE: u8 = 104;

/// Files we need for other things than connections.
const FILES_RESERVE: u64 = 64;
/// Connections that Linux's usual range of local ports allows from one address to one server.
const PORTS: u32 = 28_000;

const AFTER_HELP: &str = "\
Exit codes:
    0  every threshold holds and every promise was kept
    1  the run could not be made or finished, as when the server cannot be reached
   96  invalid: the generator itself fell behind, so nothing is known about the server; that is, planned
       messages were not sent, or at least 1 % and at least 10 of a stage's sends left more than 10 ms late
   99  a threshold does not hold; or, whatever the thresholds, a client did not get into its rooms, a message
       was not sent or not answered, or a delivery was lost, duplicated, reordered, skipped or foreign
  104  a mistake in the command line or the scenario
  105  interrupted

Examples:
  loadgen --scenario scenarios/burst.toml --clients 5000
  loadgen --scenario smoke --out results/smoke
  loadgen --scenario steady --url ws://127.0.0.1:8080 --json

Without --url a chat server of this build is started on a free port of this machine, and ended afterwards; its \
environment variables (CHAT_…) are passed on. A --scenario that is no file may be one of those that come with the \
program.";

/// Lets thousands of bots talk through a chat server, and judges every delivery.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version, after_long_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    run: RunArgs,
}

/// What a run is told.
#[derive(Args, Debug)]
struct RunArgs {
    /// What is to happen: a TOML file
    #[arg(long, value_name = "FILE", env = "LOADGEN_SCENARIO")]
    scenario: PathBuf,

    /// How many bots, instead of what the scenario says
    #[arg(long, value_name = "N", env = "LOADGEN_CLIENTS", value_parser = value_parser!(u32).range(1..))]
    clients: Option<u32>,

    /// The random seed, instead of the scenario's; the same one makes the same plan
    #[arg(long, value_name = "N", env = "LOADGEN_SEED")]
    seed: Option<u64>,

    /// A running server, as ws://host:port[/path]; without it one is started and ended
    #[arg(long, value_name = "URL", env = "LOADGEN_URL", conflicts_with = "server")]
    url: Option<String>,

    /// The chat-server program to start, instead of the one that is built in
    #[arg(long, value_name = "FILE", env = "LOADGEN_SERVER")]
    server: Option<PathBuf>,

    /// Directory for summary.json, intervals.csv, e2e.hgrm, e2e.hlog, latency.svg and server.log
    #[arg(long, value_name = "DIR", env = "LOADGEN_OUT")]
    out: Option<PathBuf>,

    /// Print the summary as JSON
    #[arg(long)]
    json: bool,

    /// Threads for bots; half the processors, if not named
    #[arg(long, value_name = "N", env = "LOADGEN_THREADS", value_parser = value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,

    /// Show no progress, even on a terminal
    #[arg(long)]
    no_progress: bool,
}

/// Why there was no run: the line that says so, and the exit code.
type Failure = (u8, String);

/// The whole `loadgen` program. `args` are those of a process, its own name first.
///
/// Reads the environment, writes to standard output and error, handles Ctrl-C and starts processes: for a process of
/// its own. To have a server, it starts the present executable again with `chat-server` as first argument; an
/// executable that calls this function with its own arguments works as that server too.
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<_> = args.into_iter().collect();
    if let Some(code) = server::run_if_asked(&args) {
        return code;
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(message) => {
            // Help is no error and goes to standard output; a terminal that is gone cannot be told.
            let _ = message.print();
            return ExitCode::from(if message.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    let json = cli.run.json;
    match run(cli.run) {
        Ok(ended) => report(&ended, json),
        Err((code, line)) => {
            let _ = writeln!(io::stderr(), "loadgen: {line}");
            ExitCode::from(code)
        }
    }
}

fn run(args: RunArgs) -> Result<Ended, Failure> {
    let usage = |line: String| (EXIT_USAGE, line);
    let scenario = load(&args.scenario).map_err(usage)?;
    let target =
        args.url.as_deref().map(Target::parse).transpose().map_err(|error| usage(error.to_string()))?;
    // A server that goes on running may remember an earlier run of the same seed.
    let number = target.is_some().then(fresh_run);
    let overrides = Overrides { clients: args.clients, seed: args.seed, run: number };
    let plan = Plan::new(&scenario, overrides)
        .map_err(|error| usage(format!("{}: {error}", args.scenario.display())))?;
    check_limits(plan.clients()).map_err(|line| (EXIT_INVALID, line))?;
    let broken = |line: String| (EXIT_BROKEN, line);
    let output = args.out.as_deref().map(Output::create).transpose();
    let output = output.map_err(broken)?;
    let job = Job {
        scenario,
        plan,
        target,
        server_program: args.server,
        threads: args.threads.unwrap_or_else(threads),
        progress: !args.no_progress,
        output,
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| broken(format!("cannot make a runtime: {error}")))?;
    runtime.block_on(conduct(job)).map_err(broken)
}

fn load(path: &Path) -> Result<Scenario, String> {
    let shipped = shipped().iter().find(|(name, _)| path == Path::new(name));
    let scenario = match shipped {
        Some((name, text)) if !path.exists() => Scenario::parse(name, text),
        _ => Scenario::load(path),
    };
    scenario.map_err(|error| error.to_string())
}

/// Raises the limit on open files, and says if it or the number of ports does not suffice.
fn check_limits(clients: u32) -> Result<(), String> {
    if clients > PORTS {
        return Err(format!(
            "{clients} clients are more than the {PORTS} that one address has ports for; loadgen uses one address only"
        ));
    }
    let needed = u64::from(clients) + FILES_RESERVE;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < needed => Err(format!(
            "{clients} clients need {needed} open files, but only {limit} are allowed: raise the limit (ulimit -Hn)"
        )),
        // Where there is no such limit, there is nothing to check.
        _ => Ok(()),
    }
}

/// Bots get half the machine, and the server the other half.
fn threads() -> u32 {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    u32::try_from(processors / 2).unwrap_or(u32::MAX).max(1)
}

/// A number that no earlier run has had.
fn fresh_run() -> RunId {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let mixed = hash::mix(u64::from(process::id()), u64::try_from(now).unwrap_or(u64::MAX));
    RunId(u32::try_from(mixed >> 32).expect("32 bits"))
}

fn report(ended: &Ended, json: bool) -> ExitCode {
    let Ended { summary, verdict, files } = ended;
    let mut out = io::stdout().lock();
    // Whoever closed our standard output does not want to know; the exit code says it too.
    if json {
        let _ = serde_json::to_writer_pretty(&mut out, summary).map(|()| writeln!(out));
        let _ = writeln!(io::stderr(), "loadgen: {verdict}");
    } else {
        let _ = out.write_all(text::render(summary, files).as_bytes());
    }
    ExitCode::from(verdict.exit_code())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_names_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        for code in ["    0  ", "    1  ", "   96  ", "   99  ", "  104  ", "  105  "] {
            assert!(help.contains(code), "{code} in {help}");
        }
    }

    #[test]
    fn shipped_scenarios_are_found_by_name() {
        for (name, _) in shipped() {
            assert_eq!(load(Path::new(name)).unwrap().run.name, *name);
        }
        let error = load(Path::new("no-such-scenario")).unwrap_err();
        assert!(error.starts_with("no-such-scenario: ") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn more_clients_than_ports_are_refused_in_one_line() {
        let line = check_limits(PORTS + 1).unwrap_err();
        assert!(line.contains("ports") && !line.contains('\n'), "{line}");
    }
}

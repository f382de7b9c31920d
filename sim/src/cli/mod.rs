//! The command line: what there is, and what it exits with. Each subcommand has a file of its own.

mod around;
pub(crate) mod bar;
mod bugs;
mod captured;
mod check;
mod diff;
pub(crate) mod exit;
mod explain;
mod import;
pub(crate) mod jobs;
mod minimise;
pub(crate) mod output;
mod plan;
mod predict;
mod replay;
mod report;
mod run;
mod timeline;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Run Chinwag's machines in virtual time, under faults, and judge every message.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Exit codes: 0 clean, 1 a promise was broken or a threshold does not hold, 3 a run did not repeat, 4 a batch of no
scenario, or of 200 and more in which something was never put to the test, 104 bad input, or a file or program that
cannot be used. Nothing hides what was found: then it is 1, 3 or 4, whatever cannot be used after that.

Examples:
  sim run --seeds 1000 --save             a thousand scenarios; those that fail are minimised and kept
  sim replay 42 --trace text --actor c3   one of them, as client 3 sees it
  sim plan 42 > 42.scn                    its scenario, to edit and to replay
  sim minimise 42 -o small.scn            the smallest scenario that fails like it
  sim timeline small.scn -o small.html    a picture of what happens in it
  sim check 0 --seeds 100                 whether runs repeat, here and in another process
  sim diff 42 edited.scn                  where two runs part
  sim run --scenario reconnect-storm      what loadgen will see of it
  sim import chat.capture                 whether a server's run comes to the same here
  sim explain chat.capture --user bob --room general --seq 42
                                          why bob got that message there, or why not
  sim bugs                                how many seeds it takes to find each planted bug"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the scenarios of many seeds, or foretell what a scenario file of loadgen comes to
    Run(run::Args),
    /// Run one scenario and show what happened
    Replay(replay::Args),
    /// Write the scenario of a seed: a line for the setup, then one for each step
    Plan(plan::Args),
    /// Make a scenario that fails smaller, as long as it fails alike
    Minimise(minimise::Args),
    /// Draw what happens in a scenario, as a page for a browser
    Timeline(timeline::Args),
    /// Run scenarios twice here and once in another process, and compare
    Check(check::Args),
    /// Compare two runs, and show where they part
    Diff(diff::Args),
    /// Lead the same machines through what a server has captured, and see whether it comes to the same
    Import(import::Args),
    /// Tell from a capture why somebody did or did not get a message
    Explain(explain::Args),
    /// Plant bugs in a build of their own, and count the seeds until each is found
    Bugs(crate::search::bugs::command::Args),
    /// Print what stands for runs, for the `check` of another process
    #[command(hide = true)]
    Chain(check::ChainArgs),
}

/// Carries out the process's command line.
#[must_use]
pub fn main() -> ExitCode {
    exit::of("sim", |Cli { command }| match command {
        Command::Run(args) => run::main(&args),
        Command::Replay(args) => replay::main(&args),
        Command::Plan(args) => plan::main(&args),
        Command::Minimise(args) => minimise::main(&args),
        Command::Timeline(args) => timeline::main(&args),
        Command::Check(args) => check::main(&args),
        Command::Diff(args) => diff::main(&args),
        Command::Import(args) => import::main(&args),
        Command::Explain(args) => explain::main(&args),
        // Those who have the bugs read the arguments again.
        Command::Bugs(args) => bugs::main(&args),
        Command::Chain(args) => check::chain(&args),
    })
}

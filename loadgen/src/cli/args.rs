//! What the command line may say.

use std::{net::SocketAddr, path::PathBuf};

use chinwag_bots::Segment;
use clap::{Args, Parser, Subcommand, value_parser};

use crate::{find_limit::Range, sources::Sources, speech::SpeechArgs, targets::Deal};

const AFTER_HELP: &str = "\
Exit codes:
    0  every threshold holds and every promise was kept; or one segment did its share
    1  the run could not be made or finished, as when the server cannot be reached
   96  invalid: the generator itself fell behind, so nothing is known about the server; that is, planned
       messages were not sent, or at least 1 % and at least 10 of a stage's sends left more than 10 ms late
   99  a threshold does not hold; or, whatever the thresholds, a client did not get into its rooms, a message
       was not sent or not answered, the server ended a connection over which answers were missing, or a
       delivery was lost, duplicated, reordered, skipped or foreign;
       of `compare`: B is worse than A; of `find-limit`: not even the first load holds
  104  a mistake in the command line or the scenario
  105  interrupted
Of `find-limit`: 0 if the search ended by itself, 96 if the generator's limit ended it, 104 if the scenario's did.

Examples:
  loadgen --scenario scenarios/burst.toml --clients 5000
  loadgen --scenario smoke --out results/smoke
  loadgen --scenario soak --url ws://10.0.0.1:8080 --segment 2/8 --start-at 1795330000 --out results/2
  loadgen merge results/1 results/2 results/3 results/4 results/5 results/6 results/7 results/8
  loadgen compare results/before results/after --html comparison.html
  loadgen find-limit --scenario steady --to 8
  loadgen --scenario steady --url ws://127.0.0.1:8080 --json
  loadgen --scenario steady --url wss://chat.example.org --protocol protocols/socketio-echo.toml

Without --url a chat server of this build is started on a free port of this machine, and ended afterwards; its \
environment variables (CHAT_…) are passed on. A --scenario that is no file may be one of those that come with the \
program: `loadgen list` names them. The language is described in docs/scenarios.md.";

/// Lets thousands of bots talk through a chat server, and judges every delivery.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version, after_long_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Says whether scenarios and protocols make sense, and if not, what is wrong where
    Check {
        /// TOML files, or names of scenarios that come with the program
        #[arg(required = true, value_name = "FILE")]
        scenarios: Vec<PathBuf>,
    },
    /// Says what would be sent, and sends nothing
    Plan(PlanArgs),
    /// Lists the scenarios that come with the program
    List,
    /// Puts the segments of a run together, and judges it
    Merge(MergeArgs),
    /// Says whether one run is better or worse than another, by more than chance
    Compare(CompareArgs),
    /// Raises the load until the server does not bear it, and says how much it does
    FindLimit(Box<FindLimitArgs>),
}

/// What is to be searched.
#[derive(Args, Debug)]
pub(super) struct FindLimitArgs {
    #[command(flatten)]
    pub(super) range: Range,

    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// What is to be put together.
#[derive(Args, Debug)]
pub(super) struct MergeArgs {
    /// The directories of --out of all segments
    #[arg(required = true, value_name = "DIR")]
    pub(super) segments: Vec<PathBuf>,

    /// Directory for report.html, summary.json, intervals.csv, deliveries.csv, e2e.hgrm, e2e.hlog and latency.svg
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Print the summary as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What is to be compared.
#[derive(Args, Debug)]
pub(super) struct CompareArgs {
    /// The older one: a directory of --out, or one that holds several, the same run repeated
    #[arg(value_name = "A")]
    pub(super) a: PathBuf,

    /// The newer one, likewise
    #[arg(value_name = "B")]
    pub(super) b: PathBuf,

    /// By how much numbers may differ by chance at least, in per cent; 5 if there are three runs of each, otherwise 25
    #[arg(long, value_name = "PERCENT", value_parser = value_parser!(u16).range(0..=1000))]
    pub(super) noise: Option<u16>,

    /// Print the comparison as JSON
    #[arg(long)]
    pub(super) json: bool,

    /// Write a page with the curves of all runs over one another
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

/// What is to be planned.
#[derive(Args, Debug)]
pub(super) struct PlanArgs {
    /// A TOML file, or the name of a scenario that comes with the program
    #[arg(value_name = "FILE")]
    pub(super) scenario: PathBuf,

    /// How many bots, instead of what the scenario says
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(super) clients: Option<u32>,

    /// The random seed, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// The dialect that would be spoken, as of a run: it may have other rooms
    #[arg(long, value_name = "NAME", conflicts_with = "protocol")]
    pub(super) dialect: Option<String>,

    /// The protocol that would be spoken, as of a run
    #[arg(long, value_name = "FILE")]
    pub(super) protocol: Option<PathBuf>,

    /// Draw how much is done when, as an SVG file
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,

    /// Print every single act as CSV, by time
    #[arg(long)]
    pub(super) each: bool,
}

/// What a run is told.
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    /// What is to happen: a TOML file
    #[arg(long, value_name = "FILE", env = "LOADGEN_SCENARIO", required = true)]
    pub(super) scenario: Option<PathBuf>,

    /// How many bots, instead of what the scenario says
    #[arg(long, value_name = "N", env = "LOADGEN_CLIENTS", value_parser = value_parser!(u32).range(1..))]
    pub(super) clients: Option<u32>,

    /// The random seed, instead of the scenario's; the same one makes the same plan
    #[arg(long, value_name = "N", env = "LOADGEN_SEED")]
    pub(super) seed: Option<u64>,

    /// A running server, as ws://host:port[/path]; without it one is started and ended. May be repeated: see --deal
    #[arg(long, value_name = "URL", env = "LOADGEN_URL", value_delimiter = ',', conflicts_with = "server")]
    pub(super) url: Vec<String>,

    /// Who talks to which of several servers
    #[arg(long, value_enum, value_name = "BY", env = "LOADGEN_DEAL", default_value = "rooms")]
    pub(super) deal: Deal,

    #[command(flatten)]
    pub(super) speech: SpeechArgs,

    /// The addresses of this machine that bots connect from in turn, as in 10.0.0.5,10.0.0.6 or 127.0.0.2-9: on Linux
    /// each has ports for some 28,000 connections to each server
    #[arg(long, value_name = "ADDRS", env = "LOADGEN_SOURCE")]
    pub(super) source: Option<Sources>,

    /// The chat-server program to start, instead of the one that is built in
    #[arg(long, value_name = "FILE", env = "LOADGEN_SERVER")]
    pub(super) server: Option<PathBuf>,

    /// Directory for report.html, summary.json, intervals.csv, deliveries.csv, e2e.hgrm, e2e.hlog, latency.svg and
    /// server.log
    #[arg(long, value_name = "DIR", env = "LOADGEN_OUT")]
    pub(super) out: Option<PathBuf>,

    /// Carry out a share of the run only, as in 2/8: the second of eight processes; `loadgen merge` judges all of them
    #[arg(long, value_name = "K/N", requires = "start_at", requires = "url", requires = "out")]
    pub(super) segment: Option<Segment>,

    /// When the first stage starts, in seconds since the Unix epoch: the same for all segments
    #[arg(long, value_name = "SECONDS")]
    pub(super) start_at: Option<u32>,

    /// Where to answer, while the run goes on, who asks for its metrics, as in 127.0.0.1:9464: at /metrics, as OpenMetrics
    #[arg(long, value_name = "ADDR", env = "LOADGEN_METRICS", value_parser = address)]
    pub(super) metrics: Option<SocketAddr>,

    /// Print the summary as JSON
    #[arg(long)]
    pub(super) json: bool,

    /// Threads for bots; half the processors, if not named
    #[arg(long, value_name = "N", env = "LOADGEN_THREADS", value_parser = value_parser!(u32).range(1..=1024))]
    pub(super) threads: Option<u32>,

    /// Show no progress, even on a terminal
    #[arg(long)]
    pub(super) no_progress: bool,
}

/// Reads where to listen.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "write it as 127.0.0.1:9464 or [::1]:9464; 0.0.0.0 stands for all addresses")
}

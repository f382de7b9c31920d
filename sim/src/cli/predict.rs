//! `sim run --scenario`: what `loadgen` would see of a scenario file, said beforehand.

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::anyhow;
use chinwag_bots::Deliveries;
use chinwag_scenarios::{Overrides, ParseDurationError, Plan, Scenario, parse_duration};

use crate::{
    cli::{
        exit::{self, BROKEN, CLEAN},
        output::OutputFile,
    },
    out::out,
    predict::{Network, predict, text},
};

/// Options that a scenario file, and all that is for one, goes without. clap asks for nothing that conflicts with what is there,
/// so those that require a file say this, too.
const OF_SEEDS: [&str; 6] = ["seeds", "from", "profile", "jobs", "budget", "save"];

#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Options of a scenario file")]
pub(super) struct Foretold {
    /// Instead of seeds' scenarios, play a scenario file of loadgen, or one of those that come with it, and say what it
    /// will come to
    #[arg(long, value_name = "FILE",
          conflicts_with_all = OF_SEEDS)]
    pub(super) scenario: Option<PathBuf>,
    /// How many clients, instead of what the file says
    #[arg(long, value_name = "N", requires = "scenario", conflicts_with_all = OF_SEEDS, value_parser = clap::value_parser!(u32).range(1..))]
    clients: Option<u32>,
    /// The random seed, instead of the file's: the same one makes the same plan as in loadgen
    #[arg(long, value_name = "N", requires = "scenario", conflicts_with_all = OF_SEEDS)]
    seed: Option<u64>,
    /// How long a byte travels between client and server, one way
    #[arg(long, value_name = "TIME", requires = "scenario", conflicts_with_all = OF_SEEDS, default_value = "1ms", value_parser = span)]
    latency: Duration,
    /// How much longer it may take, by chance
    #[arg(long, value_name = "TIME", requires = "scenario", conflicts_with_all = OF_SEEDS, default_value = "0ms", value_parser = span)]
    jitter: Duration,
    /// Bytes per second of each client's line, in each direction
    #[arg(long, value_name = "BYTES", requires = "scenario", conflicts_with_all = OF_SEEDS, default_value_t = 12_500_000,
          value_parser = clap::value_parser!(u64).range(1_000..))]
    rate: u64,
    /// Write a CSV of how many messages each client is shown in each of its rooms
    #[arg(long, value_name = "FILE", requires = "scenario", conflicts_with_all = OF_SEEDS)]
    deliveries: Option<PathBuf>,
    /// How often the time series has a row
    #[arg(long, value_name = "TIME", requires = "scenario", conflicts_with_all = OF_SEEDS, default_value = "1s", value_parser = interval)]
    interval: Duration,
}

fn span(text: &str) -> Result<Duration, ParseDurationError> {
    parse_duration(text)
}

fn interval(text: &str) -> Result<Duration, String> {
    const LEAST: Duration = Duration::from_millis(20);
    let interval = parse_duration(text).map_err(|error| error.to_string())?;
    if interval < LEAST { Err("it must be at least 20ms".to_owned()) } else { Ok(interval) }
}

/// Plays the file; `json` takes in what comes of it.
pub(super) fn main(path: &Path, args: &Foretold, json: Option<&Path>) -> anyhow::Result<u8> {
    let (scenario, plan) = plan(path, args).map_err(|line| anyhow!("{line}"))?;
    let &Foretold { latency, jitter, rate, interval, .. } = args;
    let network = Network { latency, jitter, rate, interval };
    // As `chat-server` reads its settings.
    let server = scenario.server.with_environment(|name| env::var(name).ok());
    let server = server.map_err(|line| anyhow!("{line}"))?;
    let json = OutputFile::open_if_wanted(json)?;
    let deliveries = OutputFile::open_if_wanted(args.deliveries.as_deref())?;
    let prediction = predict(&scenario, plan.clone(), &server, network);
    write!(out(), "{}", text(&prediction))?;
    let code = if prediction.figures.exit_code == 0 { CLEAN } else { BROKEN };
    let written = json.map_or(Ok(()), |file| file.write_json(&prediction));
    let listed = deliveries
        .map_or(Ok(()), |file| file.write_with(|out| Deliveries::write(&prediction.received, &plan, out)));
    exit::after(code, "sim", written.and(listed))
}

fn plan(path: &Path, args: &Foretold) -> Result<(Scenario, Plan), String> {
    let scenario = Scenario::find(path)?;
    let file = path.display();
    if let Some(protocol) = &scenario.protocol {
        let name = &protocol.name;
        return Err(format!(
            "{file}: it speaks {name}, and in virtual time only chat is spoken: leave out [protocol]"
        ));
    }
    let overrides = Overrides { clients: args.clients, seed: args.seed, run: None };
    let plan = Plan::new(&scenario, overrides).map_err(|error| format!("{file}: {error}"))?;
    Ok((scenario, plan))
}

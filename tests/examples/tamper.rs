//! Something between WebSocket clients and their server that tampers with deliveries: does your load test notice?
//!
//!     cargo run --release -p chinwag-tests --example tamper -- --listen 127.0.0.1:9000 --upstream 127.0.0.1:8080 --drop 100
//!
//! When it is interrupted it prints what it has done, a line of JSON for each delivery.

#[path = "../kit/tamper.rs"]
mod tamper;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use chinwag_scenarios::{Pattern, Protocol, dialects};
use clap::{Args, Parser};
use tokio::signal;

use self::tamper::{Kind, NAME_HEADER, Plan, Tamper, chat};

/// A proxy that drops, doubles or swaps some deliveries. Clients may say who they are in the header `x-client`.
#[derive(Debug, Parser)]
struct Cli {
    /// Where clients connect
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// Where the server is
    #[arg(long, value_name = "ADDRESS")]
    upstream: SocketAddr,
    #[command(flatten)]
    what: What,
    /// One in so many deliveries is chosen, by chance, until there were enough
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// The chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How deliveries are recognised: a dialect of chat-server's
    #[arg(long, value_name = "NAME", default_value = "chat", conflicts_with = "protocol")]
    dialect: String,
    /// How deliveries are recognised: a file with a [protocol], as loadgen reads it
    #[arg(long, value_name = "FILE")]
    protocol: Option<PathBuf>,
}

/// What is done to deliveries, and to how many.
#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
struct What {
    /// Do not make so many deliveries
    #[arg(long, value_name = "N")]
    drop: Option<u64>,
    /// Make so many deliveries twice
    #[arg(long, value_name = "N")]
    double: Option<u64>,
    /// Swap so many with the next one of the same room to the same client
    #[arg(long, value_name = "N")]
    swap: Option<u64>,
}

impl What {
    fn kind_and_count(self) -> (Kind, u64) {
        let named = [(Kind::Drop, self.drop), (Kind::Double, self.double), (Kind::Swap, self.swap)];
        let named = named.into_iter().find_map(|(kind, count)| Some((kind, count?)));
        named.expect("the command line demands one")
    }
}

impl Cli {
    /// How deliveries are recognised.
    fn delivery(&self) -> Result<Pattern, String> {
        if let Some(path) = &self.protocol {
            return Protocol::load(path).map(|protocol| protocol.delivery).map_err(|error| error.to_string());
        }
        if self.dialect == "chat" {
            return Ok(chat());
        }
        let file = dialects().iter().find(|file| file.name == self.dialect);
        let file = file.ok_or_else(|| format!("--dialect: there is no dialect {}", self.dialect))?;
        Protocol::parse(file.name, file.text)
            .map(|protocol| protocol.delivery)
            .map_err(|error| error.to_string())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), String> {
    let (kind, count) = cli.what.kind_and_count();
    let plan = Plan { kind, count, every: cli.every, seed: cli.seed, delivery: cli.delivery()? };
    let started = Tamper::start(cli.listen, cli.upstream, plan).await;
    let tamper = started.map_err(|error| format!("cannot listen at {}: {error}", cli.listen))?;
    eprintln!("listening on {} for {}; names are read from {NAME_HEADER}", tamper.address, cli.upstream);
    signal::ctrl_c().await.map_err(|error| error.to_string())?;
    let ledger = tamper.ledger();
    for deed in &ledger {
        println!("{}", serde_json::json!({ "kind": kind, "deed": deed }));
    }
    eprintln!("{} of {count} done", ledger.len());
    Ok(())
}

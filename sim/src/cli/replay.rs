//! `sim replay`: one run, entry by entry of its trace if wanted.

use std::io::{self, Write};

use anyhow::bail;
use clap::ValueEnum;

use super::around;
use crate::{
    Outcome,
    cli::exit::{BROKEN, CLEAN},
    file::ScenarioFile,
    out::out,
    plan::scenario::Setup,
    record::{
        table::Table,
        trace::{Kind, Lane, Record, Trace},
    },
    search::compare::play,
};

/// Entries shown before and after the one that `--around` names.
const AROUND: u64 = 20;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A seed, or a file written by `sim plan`
    #[arg(value_name = "SEED|FILE")]
    scenario: String,
    /// Show its trace: what machines are told, users are shown and frames are sent
    #[arg(long, value_name = "FORM")]
    trace: Option<Form>,
    /// Only what happens to these: c0, c1, … for clients, n0, n1, … for nodes, server, world
    #[arg(long, value_name = "ACTOR", requires = "trace")]
    actor: Vec<Lane>,
    /// Only the entries of the trace around this one
    #[arg(long, value_name = "ENTRY", requires = "trace")]
    around: Option<u64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Form {
    /// A table: number, time, a column for each actor, who, connection, what
    Text,
    /// An object for each, with the hash of the run so far
    Jsonl,
}

impl Args {
    fn wants(&self, record: &Record) -> bool {
        let is_near = self.around.is_none_or(|event| event.abs_diff(record.event) <= AROUND);
        let is_whose =
            self.actor.is_empty() || self.actor.contains(&record.actor) || record.kind == Kind::Failed;
        is_near && is_whose
    }
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    let file = ScenarioFile::find(&args.scenario)?;
    check_actors(&args.actor, &file.scenario.setup)?;
    let mut trace = if args.trace.is_some() { Trace::detailed() } else { Trace::new() };
    let outcome = play(&file.scenario, &mut trace);
    around::check(args.around, trace.events())?;
    let mut out = io::BufWriter::new(out());
    match args.trace {
        Some(Form::Text) => write_table(&mut out, args, trace.records())?,
        Some(Form::Jsonl) => {
            for record in trace.records().iter().filter(|record| args.wants(record)) {
                serde_json::to_writer(&mut out, record).map_err(io::Error::from)?;
                writeln!(out)?;
            }
        }
        None => {}
    }
    // Whatever reads objects wants nothing else.
    if args.trace != Some(Form::Jsonl) {
        write_outcome(&mut out, &file.title(), &outcome)?;
    }
    out.flush()?;
    if outcome.is_clean() {
        return Ok(CLEAN);
    }
    if let Some(doubt) = file.doubt() {
        eprintln!("sim: {doubt}");
    }
    Ok(BROKEN)
}

/// Whoever is asked for must be in it: of others there would be nothing to show.
fn check_actors(actors: &[Lane], setup: &Setup) -> anyhow::Result<()> {
    let (clients, nodes) = (setup.clients.len(), setup.nodes as usize);
    let is_here = |actor: &Lane| match *actor {
        Lane::Client(number) => number < clients,
        Lane::Node(number) => number < nodes,
        Lane::World | Lane::Server => true,
    };
    let Some(stranger) = actors.iter().find(|actor| !is_here(actor)) else { return Ok(()) };
    bail!("there is no {stranger}; there are c0 to c{}, n0 to n{}, server, world", clients - 1, nodes - 1)
}

fn write_table(out: &mut impl Write, args: &Args, records: &[Record]) -> io::Result<()> {
    let mut table = Table::of(records);
    writeln!(out, "{}", table.head())?;
    for record in records {
        if args.wants(record) {
            writeln!(out, "{}", table.line(record))?;
        } else {
            table.pass(record);
        }
    }
    Ok(())
}

fn write_outcome(out: &mut impl Write, title: &str, outcome: &Outcome) -> io::Result<()> {
    for failure in &outcome.failures {
        writeln!(out, "{title}: {failure}")?;
    }
    let Outcome { hash, events, frames, virtual_time, .. } = outcome;
    let seconds = virtual_time.as_secs_f64();
    writeln!(
        out,
        "{title}: {events} events, {frames} frames in {seconds:.3} virtual seconds, hash {hash:016x}"
    )
}

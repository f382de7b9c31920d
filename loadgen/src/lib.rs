//! `loadgen`: thousands of bots on real sockets, and a verdict on every delivery.
//!
//! A scenario and a random seed make a plan: who speaks where, down to the instant. A *pacing thread* walks the plan
//! and hands each send, at its instant, to the *worker* whose bot is to speak; a worker is one thread with a share of
//! the bots and their sockets. What bots do and what is written down of it is [`chinwag_bots::Bots`], which the simulator
//! drives, too; at the end the books of all workers are merged, and judged.
//!
//! Latency runs from the instant at which the plan *meant* a message to be sent, not from that at which it was: a
//! server that stalls its senders does not improve its figures. The price is that a slow generator worsens them, so
//! its own delay is measured too, and a run in which it was too large is void.
//!
//! [`main_with`] is the whole program.

mod cli;
mod clock;
mod clocks;
mod compare;
mod conductor;
mod connect;
mod crew;
mod exporter;
mod find_limit;
mod frames;
mod head;
mod heat;
mod hgrm;
mod interrupts;
mod intervals;
mod keeper;
mod limits;
mod link;
mod merge;
mod metrics;
mod offset;
mod output;
mod pace;
mod pacer;
mod plot;
mod preview;
mod process;
mod progress;
mod report;
mod run;
mod scratch;
mod search;
mod series;
mod server;
mod sources;
mod speech;
mod stamped;
mod summary;
mod target;
mod targets;
#[cfg(test)]
mod tests;
mod text;
mod unjudged;
mod wire;
mod worker;

pub use cli::main_with;

/// The JSON Schema of `summary.json`, from the very types that write it (feature `schema`).
#[cfg(feature = "schema")]
#[must_use]
pub fn summary_schema() -> schemars::Schema {
    of::<summary::Summary>()
}

/// The JSON Schema of what `find-limit --json` prints, likewise.
#[cfg(feature = "schema")]
#[must_use]
pub fn find_limit_schema() -> schemars::Schema {
    of::<find_limit::Found>()
}

/// The schema of what a type is written as, of draft 7.
#[cfg(feature = "schema")]
fn of<T: schemars::JsonSchema>() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft07().for_serialize();
    settings.into_generator().into_root_schema_for::<T>()
}

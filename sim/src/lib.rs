//! The production machines in virtual time, under faults, judged by the oracle.
//!
//! A seed makes a [`Scenario`]: limits, lines, and what users and misfortune do when, as plain data. A [`run`] of it
//! is a function of that data: the real clients, gateways, journals and shards, with every line between them
//! simulated, every message judged as it is shown, and everything looked over once the faults have ended. What is left
//! to chance is drawn by cause, so that a scenario with fewer steps plays alike in what it still has.
//!
//! Beside that, [`predict`] plays the scenario files of `loadgen`, which are another thing of the same name.

pub mod cli;
mod explain;
pub mod file;
mod import;
mod judge;
mod line;
mod out;
mod people;
mod plan;
pub mod predict;
mod record;
mod search;
mod world;

pub use judge::{checks, vacuity};
pub use plan::{
    profile,
    scenario::{self, Scenario},
};
pub use record::{
    outcome::{Failure, Outcome, Placed, replay_line},
    table, timeline, trace,
};
pub use search::{
    batch::{self, try_run},
    bugs, compare,
    fingerprint::Fingerprint,
    minimise, strategy,
};
pub use world::{captures::capture, run, sabotage::Sabotage};

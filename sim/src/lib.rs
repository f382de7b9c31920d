//! The production machines in virtual time, under faults, judged by the oracle.
//!
//! A seed makes a [`Scenario`]: limits, lines, and what users and misfortune do when, as plain data. A [`run`] of it
//! is a function of that data: the real clients, gateways, journals and shards, with every line between them
//! simulated, every message judged as it is shown, and everything looked over once the faults have ended. What is left
//! to chance is drawn by cause, so that a scenario with fewer steps plays alike in what it still has.
//!
//! Beside that, [`predict`] plays the scenario files of `loadgen`, which are another thing of the same name.

mod abuse;
mod act;
mod age;
mod agenda;
mod asked;
pub mod batch;
mod bots;
mod bounds;
pub mod bugs;
mod callers;
pub mod checks;
pub mod cli;
mod clock;
mod closing;
pub mod compare;
mod content;
mod counted;
mod delays;
mod deliver;
mod describe;
mod digest;
mod draw;
pub mod file;
mod fingerprint;
mod flow;
mod generate;
mod glance;
mod habits;
mod health;
mod hearing;
mod holdings;
mod intruder;
mod judge;
mod lately;
mod life;
mod link;
mod links;
mod look;
mod mailing;
mod marks;
pub mod minimise;
mod node_death;
mod nonsense;
mod notices;
mod occupancy;
mod out;
mod outcome;
mod pace;
mod panics;
mod parlours;
mod passes;
mod person;
mod pipe;
mod plain;
mod player;
mod playing;
pub mod predict;
pub mod profile;
mod put_off;
mod quotas;
mod rates;
mod reading;
mod replicas;
mod sabotage;
mod sane;
mod saying;
pub mod scenario;
mod server;
mod shedding;
mod simplify;
mod standings;
pub mod strategy;
pub mod table;
mod tally;
mod thread;
pub mod timeline;
mod told;
pub mod trace;
mod trials;
pub mod vacuity;
mod visiting;
mod visitor;
mod voice;
mod whereabouts;
mod wire;
mod witness;
mod world;
mod writers;

pub use batch::try_run;
pub use fingerprint::Fingerprint;
pub use outcome::{Failure, Outcome, Placed, replay_line};
pub use sabotage::Sabotage;
pub use scenario::Scenario;
pub use world::run;

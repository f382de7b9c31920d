//! A scenario file in virtual time: what `loadgen` would see, said beforehand.
//!
//! The plan is the one that `loadgen` makes of the same file, seed and number of clients, and so are the bots, with their
//! books and oracle: both come from [`chinwag_bots`]. What is simulated is what lies between them and the production
//! machines: lines with a latency and a rate, sockets with a buffer, and time. Nothing here computes for a while, so what
//! depends on processors, memory or the generator cannot be foreseen, and is not told.

mod client_end;
mod company;
mod course;
mod prediction;
mod server_end;
mod text;
mod world;

use std::time::Duration;

use chinwag_bots::Book;
use chinwag_scenarios::{Plan, Scenario, Server};

pub use self::prediction::Prediction;
pub(crate) use self::text::text;

/// What lies between clients and server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    /// How long a byte travels, one way.
    pub latency: Duration,
    /// How much longer it may take: anything up to this, by chance.
    pub jitter: Duration,
    /// Bytes per second of each client's line, in each direction.
    pub rate: u64,
    /// How often the time series has a row.
    pub interval: Duration,
}

/// Plays a plan to its end, with a server that has these limits. The scenario holds its thresholds.
///
/// # Panics
/// If a machine does.
#[must_use]
pub fn predict(scenario: &Scenario, plan: Plan, limits: &Server, network: Network) -> Prediction {
    world::World::new(scenario, plan, limits, network, 1).run()
}

/// The same world with so many processes that share the plan's bots: what each writes down of its segment.
///
/// # Panics
/// If a machine does.
#[must_use]
pub fn segments(scenario: &Scenario, plan: Plan, limits: &Server, network: Network, count: u32) -> Vec<Book> {
    world::World::new(scenario, plan, limits, network, count).books()
}

/// The JSON Schema of predictions, of draft 7 (feature `schema`).
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft07().for_serialize();
    settings.into_generator().into_root_schema_for::<Prediction>()
}

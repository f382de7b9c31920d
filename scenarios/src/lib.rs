//! The scenario language: what clients do, when, and what counts as a success.
//!
//! A [`Scenario`] is a TOML file that has been read and checked; everything wrong with one is an [`Error`] that names
//! file, line, column and key. A [`Plan`] is what becomes of it for a number of clients and a random seed: who speaks
//! where and when, down to the instant. `loadgen` carries plans out in real time, the simulator in virtual time.
//!
//! The language is described in `docs/scenarios.md`, and in the comments of the shipped files.

mod acts;
mod check;
mod draw;
mod duration;
mod error;
mod file;
mod flow;
mod foresee;
mod instants;
mod metric;
mod payload;
mod plan;
mod protocol;
mod rooms;
mod scale;
mod scenario;
#[cfg(feature = "schema")]
pub mod schema;
mod server;
mod shipped;
mod spread;
mod talk;
mod threshold;

pub use acts::{Act, Acts};
pub use duration::{ParseDurationError, parse as parse_duration};
pub use error::{Error, nearest};
pub use flow::Step;
pub use metric::{Metric, Unit};
pub use payload::{RunId, parse_payload, payloads};
pub use plan::{
    Deed, Overrides, Phase, Plan, PlanError, PlannedDeed, PlannedEvent, PlannedSend, PlannedStage, Target,
};
pub use protocol::{
    Ask, Filling, Frame, HeardBy, Hello, Pattern, Ping, Place, Protocol, ProtocolOrder, ProtocolRooms,
    Recognised, Say, Template, dialects,
};
pub use rooms::{Popularity, Rooms};
pub use scenario::{Arrivals, Connect, Event, EventKind, Group, Load, Read, Run, Scenario, Stage};
pub use server::Server;
pub use shipped::{Shipped, shipped};
pub use spread::Spread;
pub use threshold::{Aggregate, Bound, Comparison, Outcome, Query, Tags, Threshold};

//! The scenario language: what clients do, when, and what counts as a success.
//!
//! A [`Scenario`] is a TOML file that has been read and checked; everything wrong with one is an [`Error`] that names
//! file, line, column and key. A [`Plan`] is what becomes of it for a number of clients and a random seed: who speaks
//! where and when, down to the instant. `loadgen` carries plans out in real time, the simulator in virtual time.
//!
//! The language is described in the comments of the shipped files; `burst.toml` uses most of it.

mod check;
mod draw;
mod duration;
mod error;
mod payload;
mod plan;
mod scenario;
mod talk;
mod threshold;

pub use duration::ParseDurationError;
pub use error::Error;
pub use payload::{RunId, parse_payload};
pub use plan::{Overrides, Plan, PlanError, PlannedEvent, PlannedSend, PlannedStage, Target};
pub use scenario::{
    Arrivals, Connect, Event, EventKind, Message, Mode, Moment, Rooms, Run, Scenario, Size, Stage,
};
pub use threshold::{Aggregate, Bound, Comparison, Metric, Outcome, Query, Threshold, Unit};

/// The scenarios that come with Chinwag, as name and text.
#[must_use]
pub const fn shipped() -> &'static [(&'static str, &'static str)] {
    &[
        ("burst", include_str!("../burst.toml")),
        ("reconnect-storm", include_str!("../reconnect-storm.toml")),
        ("smoke", include_str!("../smoke.toml")),
        ("steady", include_str!("../steady.toml")),
    ]
}

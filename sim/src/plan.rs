//! What a run is a function of: scenarios as plain data, and how a seed becomes one.

pub(crate) mod draw;
pub(crate) mod generate;
pub(crate) mod habits;
pub(crate) mod nonsense;
pub(crate) mod plain;
pub mod profile;
pub(crate) mod sane;
pub mod scenario;

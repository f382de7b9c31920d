//! How strong the checks are: bugs planted on purpose, and how many seeds it takes until one of them is noticed.
//!
//! Nothing here plants anything: whoever has a build with bugs says how a scenario runs with one of them in force.

pub mod command;
mod hunt;
mod names;
mod report;

pub use hunt::{Effort, Find, Hunt, Planted, Smallest, Unrepeated};
pub use names::names;
pub use report::{Report, Row};

//! The terminal client: core's client on tokio, and two ways to draw what it says.
//!
//! [`driver`] moves bytes and time. [`session`] turns typed lines into requests and lets [`model`] take in what comes of
//! them; [`model`] is the conversation as a person sees it, and pure. Line mode and the screen draw from it, through
//! [`words`] and [`text`]: nothing that others said reaches a terminal as it came.
//!
//! [`main_with`] is the whole `chat` program.

mod cli;
pub mod command;
pub mod driver;
mod exit;
pub mod model;
mod plain;
pub mod session;
mod signals;
pub mod text;
pub mod tui;
mod unanswered;
pub mod words;

pub use cli::main_with;

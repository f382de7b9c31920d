//! The ordered log in front of a shard, and the wiring of one thread's machines.
//!
//! - [`Journal`] puts submissions in one order and gives each an index and a time.
//! - [`Host`] is a journal and the shard that applies it.
//! - [`store`] keeps entries on a disk, through crashes; [`state`] what shards know, from a planned end to the next start.
//! - [`Node`] is what one thread runs: a gateway, its share of the hosts, and the calls between them.
//! - [`capture`] writes down what goes into nodes, and leads them through it again.
//!
//! Server and simulator both drive [`Node`]s; only sockets, clocks and mail between threads are theirs.

pub mod capture;
mod host;
mod journal;
mod node;
pub mod state;
pub mod store;
#[cfg(test)]
mod tests;

pub use host::{Applied, Host, Start};
pub use journal::{GroupCommit, Journal, Memory};
pub use node::{Mail, Node, NodeConfig, NodeInput, NodeOutput};

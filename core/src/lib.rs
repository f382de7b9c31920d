//! The chat machines of Chinwag, without clock, randomness, threads, sockets or async.
//!
//! Three machines make a chat: a [`Client`] at each end, a [`Gateway`] that holds the connections of one thread, and
//! a [`Shard`] that puts what is said in order and remembers it. They all have one shape:
//!
//! - input and time go in, outputs are appended to the caller's `Vec`, the next deadline is asked for;
//! - what a peer does wrong becomes a [`Refusal`] or a [`Disconnect`], never a panic and never an error for the driver;
//! - every queue, buffer and table has a limit in [`config`].
//!
//! A *driver* owns clock and sockets: `chinwag-server` and `chinwag-loadgen` with tokio, `chinwag-sim` with a virtual
//! clock. They run the same machines.

#[macro_use]
pub mod planted;

pub mod client;
pub mod config;
pub mod dialect;
pub mod disconnect;
mod few;
pub mod gateway;
pub mod hash;
pub mod id;
pub mod identity;
pub mod limiter;
#[cfg(test)]
mod model;
pub mod name;
pub mod redact;
pub mod refusal;
pub mod role;
pub mod secret;
pub mod shard;
pub mod time;
pub mod websocket;

pub use client::Client;
pub use disconnect::Disconnect;
pub use gateway::Gateway;
pub use id::{ConnectionId, Epoch, GatewayId, Generation, Position, RequestId, Seq, SessionId, ShardId};
pub use name::{RoomName, UserName};
pub use refusal::Refusal;
pub use shard::Shard;
pub use time::Time;

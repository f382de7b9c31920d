//! The server: a thin driver around [`chinwag_journal::Node`] that moves bytes and time.
//!
//! A few *gateway threads* each run one [`Node`](chinwag_journal::Node) and the sockets it speaks through, as local
//! tasks of one single-threaded runtime; an accept loop deals connections to them in turn. Whatever is decided, the
//! node decides: what is here reads frames, writes bytes, keeps deadlines, answers HTTP and writes logs.
//!
//! [`Server`] can be embedded, and [`Manager`] embeds it for programs that speak as agents; [`main_with`] is the whole
//! `chat-server` program, so that another program of the workspace can re-execute itself into it.

mod answer;
mod backlog;
mod capture;
mod cli;
mod clock;
mod connection;
mod cors;
mod engine_io;
mod files;
#[doc(hidden)]
pub mod fuzzed;
mod http;
mod hub;
mod in_process;
mod log;
mod manager;
mod metrics;
mod opening;
mod origin;
mod page;
mod rest;
mod server;
mod settings;
mod slot;
mod storage;
#[cfg(test)]
mod tests;
mod thread;
mod token;
mod uploads;

// A server must not serve bugs that were made for the simulator to find.
const _: () = assert!(!chinwag_core::planted::ENABLED, "chat-server cannot be built with planted bugs");

pub use chinwag_journal::store::Durability;
pub use cli::main_with;
pub use manager::{Manager, ManagerOptions, ParsedMessage};
pub use origin::Origins;
pub use server::Server;
pub use settings::{
    Bodies, CaptureConfig, DriverConfig, IdentityConfig, LogFormat, SHARDS_HARD_MAX,
    SOCKET_FRAME_BYTES_HARD_MAX, Settings, StorageConfig, THREADS_HARD_MAX, TRANSFERS_HARD_MAX, TokenSecret,
    UploadConfig,
};
pub use token::Minter;
pub use uploads::FileType;

//! The log on a disk: segment files, snapshots, and what comes back after a crash.
//!
//! - [`open`] reads a directory back into [`Replica`]s and says whether anything may be [`lost`](Opened::lost).
//! - A [`Log`] takes a shard's [`Batch`]es, each as durable as [`Log::sync`] has made it.
//! - [`Logs`] are all of them, and say what has to be synced before anybody is told.
//! - A [`SnapshotJob`] shortens a log, on any thread.
//! - A [`Life`] is what this process has promised, and whether its end was clean.
//! - [`describe`] looks at a directory and leaves it as it is.
//!
//! Entries are bytes with an index. Nothing here has a thread or a clock, so the same code runs in production on a
//! [`Directory`] and in the simulator on a [`MemoryDisk`].
//!
//! # What is in a directory
//! `life`, a text, and for each shard `SHARD-INDEX.snapshot` and `SHARD-FIRST.log`, its segments. Numbers are little
//! endian. A file appears whole, under its name, or not at all; then segments only grow, and the others never change.
//!
//! Of what lies behind the newest snapshot each segment holds what is before the first entry of the next one. That a
//! segment is there proves that everything before it was synced; inside, each batch says what was synced when it was
//! written. So what cannot be read is told apart: with such a proof behind it, it was promised and is damage; without
//! one, it is a write that was not finished, and the next segment begins before it. The last sync's proof is written behind
//! it and not synced again: only if a power cut takes that, and the last batch is spoilt besides, nobody can tell.

mod batch;
mod directory;
mod disk;
mod error;
mod header;
mod inspect;
mod job;
mod life;
mod log;
mod logs;
mod memory;
mod names;
mod open;
mod promise;
mod replay;
mod replica;
mod snapshot;
mod terms;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use directory::Directory;
pub(crate) use directory::sync_directory;
pub use disk::Disk;
pub use error::{Damage, OpenError};
pub use inspect::{Inspection, ShardSeen, describe};
pub use job::SnapshotJob;
pub use life::{Life, LifeRecord};
pub use log::Log;
pub use logs::Logs;
pub use memory::MemoryDisk;
pub use open::{Opened, Recovered, Replica, open};
pub(crate) use replica::encode;
pub use terms::{Durability, Limits, Terms};

//! What a server goes on with, and what it leaves: the data directory or the state file of earlier lives.

mod disk;
mod figures;
mod snapshots;
mod state;

use std::{fmt, fs, io, path::Path, sync::mpsc::Receiver, time::Instant};

use chinwag_core::{Shard, ShardId};
use chinwag_journal::{
    Start,
    store::{Batch, Directory, Disk, Limits, Logs, OpenError, Terms},
};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{info, warn};

pub(crate) use self::{
    figures::Figures,
    state::{forget_state, leave_state, load_state},
};
use crate::{clock::Clock, settings::Settings};

/// Where the system tells one boot from another.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The machine's boot, in one word; empty where the system does not tell.
pub(crate) fn boot() -> String {
    fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned()
}

/// What a node has for the disk thread, which takes it in order.
pub(crate) enum Job {
    /// For this shard's log.
    Store(ShardId, Batch),
    /// Nothing more comes, and all is as it should be.
    End,
}

/// What the disk thread works with.
pub(crate) struct Desk {
    /// The process's.
    pub(crate) clock: Clock,
    /// From the nodes.
    pub(crate) jobs: Receiver<Job>,
    /// To the nodes, by index: what is stored of which shard.
    pub(crate) stored: Vec<UnboundedSender<(ShardId, u64)>>,
}

/// Logs that are open, on whatever disk they are.
pub(crate) struct Storage {
    serve: Box<dyn FnOnce(Desk) -> io::Result<()> + Send>,
    figures: Figures,
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}

impl Storage {
    /// Opens the data directory; with it, what its shards begin with.
    ///
    /// # Errors
    /// What is wrong with it, in one line that says what to do.
    pub(crate) fn open(settings: &Settings, directory: &Path) -> io::Result<(Self, Vec<Start>)> {
        let name = format!("--data-dir {}", directory.display());
        let disk = Directory::open(directory).map_err(|error| trouble(&name, error))?;
        Self::on(disk, &name, settings)
    }

    /// The same on a disk that is called so.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn on<D: Disk + Send + 'static>(
        disk: D,
        name: &str,
        settings: &Settings,
    ) -> io::Result<(Self, Vec<Start>)> {
        let config = &settings.storage;
        let terms = Terms {
            shards: settings.gateway.shards,
            durability: config.durability.unwrap_or_default(),
            boot: boot(),
            identity: rand::random(),
            limits: Limits { snapshot_bytes_min: config.snapshot_bytes as u64, ..Limits::default() },
        };
        let began = Instant::now();
        let opened = Logs::open::<Shard>(disk, &terms, config.sync_interval);
        let (logs, shards) = opened.map_err(|error| trouble(name, error))?;
        let (entries, lost) = (shards.iter().map(Shard::applied).sum::<u64>(), !logs.is_settled());
        let elapsed = began.elapsed();
        info!(from = name, entries, lost, ?elapsed, "recovered");
        if lost {
            warn!("the last end was not a clean one, and something may be lost: rooms get new epochs");
        }
        let figures = Figures::new(elapsed);
        let (name, counted) = (name.to_owned(), figures.clone());
        let serve = move |desk| {
            disk::serve(&name, logs, desk, counted).map_err(|error| cannot(&name, "write the log", &error))
        };
        let start = |shard| Start { shard, lost, durability: Some(terms.durability) };
        Ok((Self { serve: Box::new(serve), figures }, shards.into_iter().map(start).collect()))
    }

    /// What the disk thread counts.
    pub(crate) fn figures(&self) -> Figures {
        self.figures.clone()
    }

    /// Is the disk thread, until nothing more comes.
    ///
    /// # Errors
    /// The disk does not take it: what is on it is then known only to who opens the directory next.
    pub(crate) fn serve(self, desk: Desk) -> io::Result<()> {
        (self.serve)(desk)
    }
}

fn trouble(name: &str, error: OpenError) -> io::Error {
    match error {
        OpenError::Io { what, error } => cannot(name, &what, &error),
        error => io::Error::other(format!("{name}: {error}")),
    }
}

fn cannot(name: &str, what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: cannot {what}: {error}: {}", advice(error.kind())))
}

/// What to do about what a disk says.
const fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room there, and start again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "let this user write there, or name another directory"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "name a directory",
        _ => "see to the disk, and start again",
    }
}

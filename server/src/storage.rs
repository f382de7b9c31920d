//! The data directory: what earlier lives have left there, and the thread that stores what nodes have for their logs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Instant,
};

use chinwag_core::{Shard, ShardId};
use chinwag_journal::{
    Start, state,
    store::{self, Batch, Directory, Durability, Life, Limits, Log, OpenError, Opened, Terms},
};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{info, warn};

use crate::settings::{Settings, StorageConfig};

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

/// A data directory that is open.
#[derive(Debug)]
pub(crate) struct Storage {
    config: StorageConfig,
    logs: Vec<Log<Directory>>,
    life: Life<Directory>,
    /// Shards that have to learn that something may be lost.
    untold: BTreeSet<usize>,
}

/// What the disk thread works with.
pub(crate) struct Disk {
    storage: Storage,
    jobs: Receiver<Job>,
    /// To the nodes, by index: what is stored of which shard.
    stored: Vec<UnboundedSender<(ShardId, u64)>>,
    /// When what was written is to be synced at the latest.
    sync_at: Option<Instant>,
    unsynced: BTreeSet<usize>,
}

impl Storage {
    /// Opens the data directory; with it, what its shards begin with.
    ///
    /// # Errors
    /// What is wrong with it, in one line that says what to do.
    pub(crate) fn open(settings: &Settings, directory: &Path) -> io::Result<(Self, Vec<Start>)> {
        let config = settings.storage.clone();
        let terms = Terms {
            shards: settings.gateway.shards,
            durability: config.durability,
            boot: boot(),
            identity: rand::random(),
            limits: Limits { snapshot_bytes_min: config.snapshot_bytes as u64, ..Limits::default() },
        };
        let started = Instant::now();
        let opened = Directory::open(directory).and_then(|disk| store::open::<_, Shard>(disk, &terms));
        let Opened { shards, lost, life } = opened.map_err(trouble)?;
        let entries: u64 = shards.iter().map(|shard| shard.last).sum();
        info!(directory = %directory.display(), entries, lost, elapsed = ?started.elapsed(), "recovered");
        if lost {
            warn!("the last end was not a clean one, and something may be lost: rooms get new epochs");
        }
        let untold = if lost { (0..shards.len()).collect() } else { BTreeSet::new() };
        let durability = Some(config.durability);
        let (logs, starts) = shards
            .into_iter()
            .map(|shard| (shard.log, Start { shard: shard.replica, lost, durability }))
            .unzip();
        Ok((Self { config, logs, life, untold }, starts))
    }

    /// What the disk thread works with, and where nodes send what they have for it.
    pub(crate) fn into_disk(self, stored: Vec<UnboundedSender<(ShardId, u64)>>) -> (Disk, Sender<Job>) {
        let (sender, jobs) = channel();
        (Disk { storage: self, jobs, stored, sync_at: None, unsynced: BTreeSet::new() }, sender)
    }
}

impl Disk {
    /// Stores what comes, until there is nothing more.
    ///
    /// # Errors
    /// The disk does not take it: what is on it is then known only to who opens the directory next.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let done = match self.serve() {
            Ok(true) => self.end(),
            // The nodes did not say that this is the end: the next life has to wonder.
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        done.map_err(|error| io::Error::new(error.kind(), format!("cannot write the log: {error}")))
    }

    /// Until there is nothing more: whether the nodes said so.
    fn serve(&mut self) -> io::Result<bool> {
        loop {
            let mut jobs = match self.next() {
                Ok(first) => vec![first],
                Err(RecvTimeoutError::Timeout) => vec![],
                Err(RecvTimeoutError::Disconnected) => return self.sync().map(|()| false),
            };
            jobs.extend(self.jobs.try_iter());
            let (mut written, mut is_over) = (vec![], false);
            for job in jobs {
                match job {
                    Job::Store(shard, batch) => written.push((shard, self.write(shard, batch)?)),
                    Job::End => is_over = true,
                }
            }
            self.keep(written)?;
            if is_over {
                return self.sync().map(|()| true);
            }
        }
    }

    /// What comes next, or that what was written is to be synced.
    fn next(&self) -> Result<Job, RecvTimeoutError> {
        match self.sync_at {
            Some(at) => self.jobs.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Writes a batch; the last entry of it.
    fn write(&mut self, shard: ShardId, mut batch: Batch) -> io::Result<u64> {
        let index = shard.0 as usize;
        self.storage.logs[index].append(&mut batch)?;
        self.unsynced.insert(index);
        Ok(batch.last())
    }

    /// Sees to it that what was written is as durable as promised, and tells the nodes.
    fn keep(&mut self, written: Vec<(ShardId, u64)>) -> io::Result<()> {
        let StorageConfig { durability, sync_interval, .. } = self.storage.config;
        // What may be lost is lost only once.
        if durability == Durability::Commit || !self.storage.untold.is_empty() {
            self.sync()?;
        }
        for (shard, last) in written {
            let node = shard.0 as usize % self.stored.len();
            // A node that has ended needs no telling.
            let _ = self.stored[node].send((shard, last));
        }
        let now = Instant::now();
        if durability == Durability::Interval && *self.sync_at.get_or_insert(now + sync_interval) <= now {
            self.sync()?;
        }
        self.make_snapshots()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_at = None;
        for index in std::mem::take(&mut self.unsynced) {
            self.storage.logs[index].sync()?;
            if self.storage.untold.remove(&index) && self.storage.untold.is_empty() {
                self.storage.life.settle()?;
            }
        }
        Ok(())
    }

    /// Begins the snapshots that are due, each on a thread of its own: it reads and writes files that nobody else does.
    fn make_snapshots(&mut self) -> io::Result<()> {
        for (shard, log) in self.storage.logs.iter_mut().enumerate() {
            if log.wants_snapshot() {
                let job = log.begin_snapshot()?;
                let make = move || match job.run::<Shard>() {
                    Ok(()) => info!(shard, "made a snapshot"),
                    Err(error) => warn!(shard, %error, "no snapshot: the log grows on"),
                };
                thread::Builder::new().name(format!("snapshot-{shard}")).spawn(make)?;
            }
        }
        Ok(())
    }

    /// A clean end: the next life need not wonder.
    fn end(self) -> io::Result<()> {
        let heads: Vec<u64> = self.storage.logs.iter().map(Log::last).collect();
        self.storage.life.end(&heads)
    }
}

/// What shards begin with that a planned end has left in this file, if there is one.
///
/// # Errors
/// What is wrong with it, in one line that says what to do.
pub(crate) fn load_state(file: &Path, shards: u32) -> io::Result<Vec<Start>> {
    let advice = |advice: &'static str| {
        move |error: io::Error| {
            io::Error::other(format!("--state-file {}: {error}: {advice}", file.display()))
        }
    };
    state::prepare(file).map_err(advice("name a file that can be written"))?;
    let found = state::load(file, shards).map_err(advice("move it away to begin anew, or name another"))?;
    let Some(found) = found else { return Ok(vec![]) };
    info!(file = %file.display(), "goes on with the state of the last server");
    Ok(found.into_iter().map(|shard| Start { shard, lost: false, durability: None }).collect())
}

/// Removes what shards have begun with: whoever ends without leaving anything must not go on from there again.
///
/// # Errors
/// The file cannot be removed.
pub(crate) fn forget_state(file: &Path) -> io::Result<()> {
    state::forget(file)
        .map_err(|error| io::Error::other(format!("cannot remove {}: {error}", file.display())))
}

/// Leaves what shards know for the next start.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn leave_state(file: &Path, shards: BTreeMap<ShardId, Shard>) -> io::Result<()> {
    let shards: Vec<Shard> = shards.into_values().collect();
    state::save(file, &shards)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", file.display())))?;
    info!(file = %file.display(), "left the state for the next server");
    Ok(())
}

fn trouble(error: OpenError) -> io::Error {
    match error {
        OpenError::Io { what, error } => io::Error::new(error.kind(), format!("cannot {what}: {error}")),
        error => io::Error::other(error.to_string()),
    }
}

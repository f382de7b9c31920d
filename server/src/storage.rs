//! The data directory: what earlier lives have left there, and the thread that stores what nodes have for their logs.

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Instant,
};

use chinwag_core::{Shard, ShardId};
use chinwag_journal::{
    Start, state,
    store::{Batch, Directory, Limits, Logs, OpenError, Terms},
};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{info, warn};

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

/// A data directory that is open.
#[derive(Debug)]
pub(crate) struct Storage(Logs<Directory>);

/// What the disk thread works with.
pub(crate) struct Disk {
    logs: Logs<Directory>,
    clock: Clock,
    jobs: Receiver<Job>,
    /// To the nodes, by index: what is stored of which shard.
    stored: Vec<UnboundedSender<(ShardId, u64)>>,
}

impl Storage {
    /// Opens the data directory; with it, what its shards begin with.
    ///
    /// # Errors
    /// What is wrong with it, in one line that says what to do.
    pub(crate) fn open(settings: &Settings, directory: &Path) -> io::Result<(Self, Vec<Start>)> {
        let config = &settings.storage;
        let terms = Terms {
            shards: settings.gateway.shards,
            durability: config.durability,
            boot: boot(),
            identity: rand::random(),
            limits: Limits { snapshot_bytes_min: config.snapshot_bytes as u64, ..Limits::default() },
        };
        let started = Instant::now();
        let opened = Directory::open(directory)
            .and_then(|disk| Logs::open::<Shard>(disk, &terms, config.sync_interval));
        let (logs, shards) = opened.map_err(trouble)?;
        let (entries, lost) = (shards.iter().map(Shard::applied).sum::<u64>(), !logs.is_settled());
        info!(directory = %directory.display(), entries, lost, elapsed = ?started.elapsed(), "recovered");
        if lost {
            warn!("the last end was not a clean one, and something may be lost: rooms get new epochs");
        }
        let start = |shard| Start { shard, lost, durability: Some(terms.durability) };
        Ok((Self(logs), shards.into_iter().map(start).collect()))
    }

    /// What the disk thread works with, and where nodes send what they have for it.
    pub(crate) fn into_disk(
        self,
        clock: Clock,
        stored: Vec<UnboundedSender<(ShardId, u64)>>,
    ) -> (Disk, Sender<Job>) {
        let (sender, jobs) = channel();
        (Disk { logs: self.0, clock, jobs, stored }, sender)
    }
}

impl Disk {
    /// Stores what comes, until there is nothing more.
    ///
    /// # Errors
    /// The disk does not take it: what is on it is then known only to who opens the directory next.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let done = match self.serve() {
            Ok(true) => self.logs.end(),
            // The nodes did not say that this is the end: the next life has to wonder.
            Ok(false) => self.logs.sync(),
            Err(error) => Err(error),
        };
        done.map_err(|error| io::Error::new(error.kind(), format!("cannot write the log: {error}")))
    }

    /// Until there is nothing more: whether the nodes said so.
    fn serve(&mut self) -> io::Result<bool> {
        loop {
            let first = match self.next() {
                Err(RecvTimeoutError::Disconnected) => return Ok(false),
                next => next.ok(),
            };
            let mut is_over = false;
            for job in first.into_iter().chain(self.jobs.try_iter()) {
                match job {
                    Job::Store(shard, batch) => self.logs.append(self.clock.now(), shard, batch)?,
                    Job::End => is_over = true,
                }
            }
            self.keep()?;
            if is_over {
                return Ok(true);
            }
        }
    }

    /// What comes next, or that what was written is to be synced.
    fn next(&self) -> Result<Job, RecvTimeoutError> {
        match self.logs.deadline() {
            Some(at) => self.jobs.recv_timeout(at.since(self.clock.now())),
            None => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Sees to it that what was written is as durable as promised, and tells the nodes.
    fn keep(&mut self) -> io::Result<()> {
        if self.logs.must_sync() {
            self.logs.sync()?;
        }
        for (shard, last) in self.logs.take_stored() {
            let node = shard.0 as usize % self.stored.len();
            // A node that has ended needs no telling.
            let _ = self.stored[node].send((shard, last));
        }
        if self.logs.deadline().is_some_and(|at| at <= self.clock.now()) {
            self.logs.sync()?;
        }
        self.make_snapshots()
    }

    /// Begins the snapshots that are due, each on a thread of its own: it reads and writes files that nobody else does.
    fn make_snapshots(&mut self) -> io::Result<()> {
        for job in self.logs.begin_snapshots()? {
            let shard = job.shard().0;
            let make = move || match job.run::<Shard>() {
                Ok(()) => info!(shard, "made a snapshot"),
                Err(error) => warn!(shard, %error, "no snapshot: the log grows on"),
            };
            thread::Builder::new().name(format!("snapshot-{shard}")).spawn(make)?;
        }
        Ok(())
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

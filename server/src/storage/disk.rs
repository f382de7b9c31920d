//! The disk thread: stores what nodes have for their logs, and tells them.

use std::{
    io,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Instant,
};

use chinwag_core::ShardId;
use chinwag_journal::store::{Disk, Logs};
use tokio::sync::mpsc::UnboundedSender;

use super::{Desk, Figures, Job, snapshots::Snapshots};
use crate::clock::Clock;

/// Stores what comes on the disk of this name, until there is nothing more.
///
/// # Errors
/// The disk does not take it.
pub(super) fn serve<D: Disk + Send + 'static>(
    name: &str,
    logs: Logs<D>,
    desk: Desk,
    figures: Figures,
) -> io::Result<()> {
    let snapshots = Snapshots::start(name.to_owned(), figures.clone())?;
    let Desk { clock, jobs, stored } = desk;
    let mut keeper = Keeper { logs, clock, jobs, stored, snapshots, figures };
    let is_over = keeper.run();
    let Keeper { mut logs, snapshots, .. } = keeper;
    snapshots.end();
    if is_over? {
        logs.end()
    } else {
        // The nodes did not say that this is the end: the next life has to wonder.
        logs.sync()
    }
}

struct Keeper<D> {
    logs: Logs<D>,
    clock: Clock,
    jobs: Receiver<Job>,
    stored: Vec<UnboundedSender<(ShardId, u64)>>,
    snapshots: Snapshots<D>,
    figures: Figures,
}

impl<D: Disk + Send + 'static> Keeper<D> {
    /// Until there is nothing more: whether the nodes said so.
    fn run(&mut self) -> io::Result<bool> {
        loop {
            let first = match self.next() {
                Err(RecvTimeoutError::Disconnected) => return Ok(false),
                next => next.ok(),
            };
            let mut is_over = false;
            for job in first.into_iter().chain(self.jobs.try_iter()) {
                match job {
                    Job::Store(shard, batch) => {
                        self.figures.bytes.inc_by(batch.bytes() as u64);
                        self.logs.append(self.clock.now(), shard, batch)?;
                    }
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
            self.sync()?;
        }
        for (shard, last) in self.logs.take_stored() {
            let node = shard.0 as usize % self.stored.len();
            // A node that has ended needs no telling.
            let _ = self.stored[node].send((shard, last));
        }
        if self.logs.deadline().is_some_and(|at| at <= self.clock.now()) {
            self.sync()?;
        }
        for job in self.logs.begin_snapshots()? {
            self.snapshots.make(job);
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let began = Instant::now();
        self.logs.sync()?;
        self.figures.sync_seconds.observe(began.elapsed().as_secs_f64());
        Ok(())
    }
}

//! The thread that makes snapshots, one after the other, so that no more than one shard is in memory a second time.

use std::{
    io, panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use chinwag_core::Shard;
use chinwag_journal::store::{Disk, SnapshotJob};
use tracing::{info, warn};

use super::Figures;

/// Who makes snapshots. It reads and writes files that nobody else does.
pub(super) struct Snapshots<D> {
    /// No more than one for each shard: its log asks for no other one meanwhile.
    jobs: Sender<SnapshotJob<D>>,
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl<D: Disk + Send + 'static> Snapshots<D> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has none.
    pub(super) fn start(figures: Figures) -> io::Result<Self> {
        let (sender, jobs) = channel();
        let stopped = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stopped);
        let make = move || make_all(jobs, &until, &figures);
        let thread = thread::Builder::new().name("snapshots".to_owned()).spawn(make)?;
        Ok(Self { jobs: sender, stopped, thread })
    }

    /// Has a snapshot made when those before it are.
    pub(super) fn make(&self, job: SnapshotJob<D>) {
        // A thread that has panicked tells when it is joined.
        let _ = self.jobs.send(job);
    }

    /// Ends soon: what is not made is due again in the next life.
    pub(super) fn end(self) {
        self.stopped.store(true, Ordering::Relaxed);
        drop(self.jobs);
        self.thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
    }
}

fn make_all<D: Disk>(jobs: Receiver<SnapshotJob<D>>, stopped: &AtomicBool, figures: &Figures) {
    for job in jobs {
        let shard = job.shard().0;
        match job.run_unless::<Shard>(stopped) {
            Ok(()) => {
                figures.snapshots.inc();
                info!(shard, "made a snapshot");
            }
            Err(_) if stopped.load(Ordering::Relaxed) => return,
            Err(error) => {
                figures.snapshots_failed.inc();
                warn!(shard, %error, "no snapshot: the log grows on");
            }
        }
    }
}

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

use super::{Figures, trouble};

/// Who makes snapshots. It reads and writes files that nobody else does.
pub(super) struct Snapshots<D> {
    /// No more than one for each shard: its log asks for no other one meanwhile.
    jobs: Sender<SnapshotJob<D>>,
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl<D: Disk + Send + 'static> Snapshots<D> {
    /// Starts the thread, which tells of the disk by this name.
    ///
    /// # Errors
    /// The system has none.
    pub(super) fn start(name: String, figures: Figures) -> io::Result<Self> {
        let (sender, jobs) = channel();
        let stopped = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stopped);
        let make = move || make_all(&name, jobs, &until, &figures);
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

fn make_all<D: Disk>(name: &str, jobs: Receiver<SnapshotJob<D>>, stopped: &AtomicBool, figures: &Figures) {
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
                warn!(shard, error = %trouble(name, error), "no snapshot: the log grows on");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chinwag_core::{
        Time,
        config::{GatewayConfig, ShardConfig},
    };
    use chinwag_journal::{
        Node, NodeConfig, NodeInput, NodeOutput, Start,
        store::{Durability, Limits, Logs, MemoryDisk, Terms},
    };

    use super::*;

    /// A disk with the logs of two shards, and the snapshots that are due of them.
    fn two_jobs() -> (MemoryDisk, Vec<SnapshotJob<MemoryDisk>>) {
        let disk = MemoryDisk::new();
        let terms = Terms {
            shards: 2,
            durability: Durability::Commit,
            boot: String::new(),
            identity: 7,
            limits: Limits { snapshot_bytes_min: 1, ..Limits::default() },
        };
        let (mut logs, shards) = Logs::open::<Shard>(disk.clone(), &terms, Duration::from_secs(1)).unwrap();
        let config = NodeConfig {
            index: 0,
            nodes: 1,
            incarnation: 1,
            gateway: Arc::new(GatewayConfig { shards: 2, ..GatewayConfig::default() }),
            shard: ShardConfig::default(),
            seed: [1; 32],
            replicated: false,
        };
        let mut shards = shards.into_iter();
        let durability = Some(terms.durability);
        let start = |_| Start { shard: shards.next().expect("two shards"), lost: false, durability };
        let mut outputs = vec![];
        Node::resume(config, Time(1), start).handle_input(Time(1), NodeInput::Timeout, &mut outputs);
        for output in outputs {
            let NodeOutput::Store(shard, batch) = output else { continue };
            logs.append(Time(1), shard, batch).unwrap();
        }
        let jobs = logs.begin_snapshots().unwrap();
        assert_eq!(jobs.len(), 2);
        (disk, jobs)
    }

    /// Has both begun on a disk that stalls at the first one's sync.
    fn stalled() -> (MemoryDisk, Snapshots<MemoryDisk>, Figures) {
        let (disk, jobs) = two_jobs();
        let figures = Figures::new(Duration::ZERO);
        disk.stall();
        let snapshots = Snapshots::start("the disk".to_owned(), figures.clone()).unwrap();
        jobs.into_iter().for_each(|job| snapshots.make(job));
        while unfinished(&disk) == 0 {
            thread::yield_now();
        }
        (disk, snapshots, figures)
    }

    fn unfinished(disk: &MemoryDisk) -> usize {
        disk.list().unwrap().iter().filter(|name| name.ends_with(".tmp")).count()
    }

    #[test]
    fn they_are_made_one_after_the_other() {
        let (disk, snapshots, figures) = stalled();
        for _ in 0..1_000 {
            thread::yield_now();
            assert_eq!(unfinished(&disk), 1);
        }
        disk.resume();
        while figures.snapshots.get() < 2 {
            thread::yield_now();
        }
        snapshots.end();
    }

    #[test]
    fn what_has_not_begun_at_the_end_is_left() {
        let (disk, snapshots, figures) = stalled();
        snapshots.stopped.store(true, Ordering::Relaxed);
        disk.resume();
        snapshots.end();
        // The first had its file; whether it was to be synced already nobody can see.
        assert!(figures.snapshots.get() <= 1);
        assert_eq!((figures.snapshots_failed.get(), unfinished(&disk)), (0, 0));
    }
}

//! One shard's log, at its end: batches go into segment files.

use std::{
    io,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
};

use super::{
    Batch, Disk, Limits, SnapshotJob,
    batch::mark,
    disk::replace,
    header::{HEADER_BYTES, Header, Kind, seed},
    names,
};

/// One shard's log, at its end. After a call that failed every later one does: what is on the disk is then known only
/// to the next [`open`](super::open).
#[derive(Debug)]
pub struct Log<D> {
    disk: D,
    /// The current segment's.
    header: Header,
    name: String,
    /// How long the current segment is.
    bytes: u64,
    limits: Limits,
    last: u64,
    synced: u64,
    /// How much was appended since the last snapshot.
    bytes_since: u64,
    /// How large the last snapshot is. While another one is being made, its job has it, too.
    snapshot_bytes: Arc<AtomicU64>,
    failed: bool,
    /// A sync has failed: what it was for may be gone, whatever can be read now.
    in_doubt: bool,
}

/// Where a log goes on.
pub(super) struct Start<'a> {
    pub(super) identity: u64,
    pub(super) shard: u32,
    pub(super) limits: Limits,
    /// The last entry that is known to be synced, and the last one.
    pub(super) synced: u64,
    pub(super) last: u64,
    /// The batches between the two, as they are stored.
    pub(super) unproven: &'a [u8],
    /// How much there is since the last snapshot, and how large that is.
    pub(super) bytes_since: u64,
    pub(super) snapshot_bytes: u64,
}

impl<D: Disk> Log<D> {
    /// Goes on in a new segment. What nothing has proved to be synced is written there anew: a sync may have failed,
    /// and then no later one would bring it to the disk, although it can be read.
    pub(super) fn start(disk: D, start: &Start<'_>) -> io::Result<Self> {
        let &Start { identity, shard, limits, synced, last, unproven, bytes_since, snapshot_bytes } = start;
        let header = Header { kind: Kind::Segment, shard, index: synced + 1, identity };
        let mut log = Self {
            disk,
            header,
            name: names::segment(shard, header.index),
            bytes: 0,
            limits,
            last: synced,
            synced,
            bytes_since,
            snapshot_bytes: Arc::new(AtomicU64::new(snapshot_bytes)),
            failed: false,
            in_doubt: false,
        };
        log.begin_segment(if last > synced { unproven } else { &[] })?;
        log.last = last;
        log.mark()?;
        Ok(log)
    }

    /// The last entry that was appended; 0 if there is none.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The last entry that is synced; 0 if there is none.
    #[must_use]
    pub const fn synced(&self) -> u64 {
        self.synced
    }

    /// Whether a sync has failed: entries behind [`synced`](Self::synced) may be gone, whatever can be read of them now.
    #[must_use]
    pub(super) const fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Writes `batch`, which is not empty and begins after [`last`](Self::last). Its entries are left as they are.
    ///
    /// # Errors
    /// What the disk says.
    ///
    /// # Panics
    /// If it begins elsewhere.
    pub fn append(&mut self, batch: &mut Batch) -> io::Result<()> {
        assert_eq!(batch.first(), self.last + 1, "batches come in order");
        self.unless_failed(|log| {
            let bytes = batch.bytes() as u64;
            if log.bytes + bytes > log.limits.segment_bytes_max {
                log.roll()?;
            }
            log.disk.append(&log.name, batch.seal(log.seed(), log.synced))?;
            log.last = batch.last();
            log.bytes += bytes;
            log.bytes_since += bytes;
            Ok(())
        })
    }

    /// Makes everything that was appended durable.
    ///
    /// # Errors
    /// What the disk says.
    pub fn sync(&mut self) -> io::Result<()> {
        self.unless_failed(Self::sync_segment)
    }

    /// Whether so much was appended since the last snapshot that another is due, and none is being made.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        let due = self.limits.snapshot_bytes_min.max(self.snapshot_bytes.load(Ordering::Relaxed));
        !self.failed && self.bytes_since >= due && Arc::strong_count(&self.snapshot_bytes) == 1
    }

    /// Syncs, begins a new segment, and gives out what makes a snapshot of everything before it. The other one that may
    /// be in the making has to end first: see [`wants_snapshot`](Self::wants_snapshot).
    ///
    /// # Errors
    /// What the disk says.
    pub fn begin_snapshot(&mut self) -> io::Result<SnapshotJob<D>> {
        self.unless_failed(Self::roll)?;
        self.bytes_since = 0;
        let Header { shard, identity, .. } = self.header;
        let size = Arc::clone(&self.snapshot_bytes);
        Ok(SnapshotJob { disk: self.disk.clone(), identity, shard, until: self.last, size })
    }

    fn unless_failed<T>(&mut self, step: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        if self.failed {
            return Err(io::Error::other(format!(
                "`{}` could not be written before: start again",
                self.name
            )));
        }
        let done = step(self);
        self.failed = done.is_err();
        done
    }

    fn sync_segment(&mut self) -> io::Result<()> {
        if self.synced == self.last {
            return Ok(());
        }
        if let Err(error) = self.disk.sync(&self.name) {
            self.in_doubt = true;
            return Err(error);
        }
        self.mark()
    }

    /// Everything that was appended has been synced, and says so: without this, damage of the last batch could not be
    /// told from a write that a crash has torn.
    fn mark(&mut self) -> io::Result<()> {
        if self.synced < self.last {
            let mark = mark(self.seed(), self.last);
            self.disk.append(&self.name, &mark)?;
            self.bytes += mark.len() as u64;
            self.synced = self.last;
        }
        Ok(())
    }

    /// Begins a new segment, unless the current one is empty. That it is there proves that all before is synced.
    fn roll(&mut self) -> io::Result<()> {
        self.sync_segment()?;
        if self.last < self.header.index {
            return Ok(());
        }
        self.disk.close(&self.name);
        self.header.index = self.last + 1;
        self.name = names::segment(self.header.shard, self.header.index);
        self.begin_segment(&[])
    }

    fn begin_segment(&mut self, batches: &[u8]) -> io::Result<()> {
        self.bytes = (HEADER_BYTES + batches.len()) as u64;
        replace(&self.disk, &self.name, |temporary| {
            self.disk.append(temporary, &self.header.encode())?;
            self.disk.append(temporary, batches)
        })
    }

    fn seed(&self) -> u32 {
        seed(self.header.identity, self.header.shard)
    }
}

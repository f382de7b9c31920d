//! Makes a snapshot of what is in closed segments, on any thread.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use chinwag_core::ShardId;

use super::{
    Disk, OpenError, Replica,
    disk::replace,
    header::Kind,
    names::{self, Files},
    replay::Source,
    snapshot::{SnapshotReader, SnapshotWriter},
};

/// A snapshot to be made. If it is dropped, or fails, another is due when as much has been appended again.
#[derive(Debug)]
pub struct SnapshotJob<D> {
    pub(super) disk: D,
    pub(super) identity: u64,
    pub(super) shard: u32,
    /// The last entry that will be in it.
    pub(super) until: u64,
    /// How large the last one is. The log knows by who shares it that this job is under way.
    pub(super) size: Arc<AtomicU64>,
}

impl<D: Disk> SnapshotJob<D> {
    /// Whose snapshot it will be.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        ShardId(self.shard)
    }

    /// Recovers a replica from the last snapshot and the closed segments, saves it, reads it back, and only then removes
    /// what it replaces. The log may be appended to meanwhile.
    ///
    /// # Errors
    /// What the disk says, or what is wrong with its files. Nothing has been removed then, unless what failed was that.
    pub fn run<R: Replica>(self) -> Result<(), OpenError> {
        self.run_unless::<R>(&AtomicBool::new(false))
    }

    /// The same, but soon after somebody has set `stopped` it ends with an error.
    ///
    /// # Errors
    /// As above.
    pub fn run_unless<R: Replica>(self, stopped: &AtomicBool) -> Result<(), OpenError> {
        let files = Files::of(self.shard, self.until, &names::list(&self.disk)?);
        if files.index() < self.until {
            let replica = self.recover::<R>(&files, stopped)?;
            self.save(replica, stopped)?;
        }
        self.remove_replaced()
    }

    fn recover<R: Replica>(&self, files: &Files, stopped: &AtomicBool) -> Result<R, OpenError> {
        let mut replica = R::default();
        let source = self.source();
        source.restore(files, &mut replica)?;
        let replayed = source.replay(files, self.until, |index, entry| {
            go_on(stopped)?;
            replica.apply(index, entry)
        })?;
        if let Some(stop) = replayed.stop {
            return Err(stop.to_error());
        }
        if replayed.last < self.until {
            let file = names::segment(self.shard, self.until + 1);
            return Err(OpenError::damaged(&file, 0, format!("entry {} is missing before it", self.until)));
        }
        Ok(replica)
    }

    fn save<R: Replica>(&self, replica: R, stopped: &AtomicBool) -> Result<(), OpenError> {
        let name = names::snapshot(self.shard, self.until);
        let header = self.source().header(Kind::Snapshot, self.until);
        let written = replace(&self.disk, &name, |temporary| {
            let writer = SnapshotWriter::begin(&self.disk, temporary, &header)?;
            let mut writer = Stoppable { writer, stopped };
            replica.save(&mut writer)?;
            self.size.store(writer.writer.finish()?, Ordering::Relaxed);
            // What is read back takes its place in memory.
            drop(replica);
            let mut reader =
                SnapshotReader::begin(&self.disk, temporary, &header).map_err(io::Error::other)?;
            let restored = R::default().restore(&mut reader);
            reader.finish().map_err(io::Error::other)?;
            restored.map_err(io::Error::other)
        });
        written.map_err(OpenError::io(format!("write `{name}`")))
    }

    fn remove_replaced(&self) -> Result<(), OpenError> {
        for name in Files::of(self.shard, self.until, &names::list(&self.disk)?).stale {
            self.disk.remove(&name).map_err(OpenError::io(format!("remove `{name}`")))?;
        }
        Ok(())
    }

    const fn source(&self) -> Source<'_, D> {
        Source { disk: &self.disk, identity: self.identity, shard: self.shard }
    }
}

/// A snapshot that is written until somebody says that it is not wanted any more.
struct Stoppable<'a, D> {
    writer: SnapshotWriter<'a, D>,
    stopped: &'a AtomicBool,
}

impl<D: Disk> Write for Stoppable<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        go_on(self.stopped)?;
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn go_on(stopped: &AtomicBool) -> io::Result<()> {
    if stopped.load(Ordering::Relaxed) { Err(io::Error::other("it was told to stop")) } else { Ok(()) }
}

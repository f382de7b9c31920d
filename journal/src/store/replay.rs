//! Reads a shard back: its snapshot, then entry by entry its segments, and where that stops and why.

use std::{collections::VecDeque, io};

use super::{
    Damage, Disk, OpenError, Replica,
    batch::Stored,
    disk::read_all,
    header::{HEADER_BYTES, Header, Kind, seed},
    names::{self, Files},
    snapshot::SnapshotReader,
};

/// Where a shard is read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a, D> {
    pub(super) disk: &'a D,
    pub(super) identity: u64,
    pub(super) shard: u32,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// The last entry that was read.
    pub(super) last: u64,
    /// The last entry that is known to be synced.
    pub(super) synced: u64,
    /// The batches behind that one, as they are stored.
    pub(super) unproven: Vec<u8>,
    /// Why no more was read, if there was more.
    pub(super) stop: Option<Stop>,
    /// The segments that were read, in bytes.
    pub(super) bytes: u64,
}

/// Where reading ended too early.
#[derive(Debug)]
pub(super) struct Stop {
    /// The entry that could not be read.
    pub(super) index: u64,
    pub(super) file: String,
    pub(super) offset: u64,
    pub(super) why: String,
    /// What lies behind it.
    pub(super) behind: Behind,
    /// Segments that begin later.
    pub(super) later: Vec<u64>,
}

/// What lies behind something that cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Behind {
    Nothing,
    /// Whole batches, that were written when `synced` was the last entry that is synced.
    Batches {
        synced: u64,
    },
    /// A file that was made when all before it was synced.
    Files,
}

impl<D: Disk> Source<'_, D> {
    /// Restores `replica` from the newest snapshot, and says how large that is.
    pub(super) fn restore<R: Replica>(&self, files: &Files, replica: &mut R) -> Result<u64, OpenError> {
        let Some(index) = files.snapshot else { return Ok(0) };
        let name = names::snapshot(self.shard, index);
        let mut reader = SnapshotReader::begin(self.disk, &name, &self.header(Kind::Snapshot, index))?;
        let restored = replica.restore(&mut reader);
        // If the file is damaged that is the better reason.
        let bytes = reader.finish()?;
        restored.map_err(|Damage(why)| OpenError::damaged(&name, HEADER_BYTES as u64, why))?;
        Ok(bytes)
    }

    /// Shows `visit` the entries behind the newest snapshot, in order, up to and with `until`.
    pub(super) fn replay(
        &self,
        files: &Files,
        until: u64,
        mut visit: impl FnMut(u64, &[u8]) -> Result<(), Damage>,
    ) -> Result<Replayed, OpenError> {
        let mut replayed = Replayed { last: files.index(), synced: files.index(), ..Replayed::default() };
        if files.segments.first() != Some(&(replayed.last + 1)) {
            replayed.stop = Some(self.missing(replayed.last + 1, &files.segments));
            return Ok(replayed);
        }
        for (at, &first) in files.segments.iter().enumerate() {
            let later = &files.segments[at + 1..];
            let segment = self.segment(first)?;
            // A segment counts up to where the next begins: what is behind that was written anew there.
            let until = later.first().map_or(until, |next| next - 1);
            let mut walk = Walk::begin(&segment, until);
            walk.run(&mut visit)?;
            replayed.stop = walk.stop(later);
            replayed.bytes += segment.bytes.len() as u64;
            (replayed.last, replayed.synced) = (walk.next - 1, walk.synced);
            let (synced_end, end) = (walk.synced_end, walk.at);
            if replayed.stop.is_some() || later.is_empty() {
                replayed.unproven = segment.bytes;
                replayed.unproven.truncate(end);
                replayed.unproven.drain(..synced_end);
                break;
            }
        }
        Ok(replayed)
    }

    fn missing(&self, index: u64, later: &[u64]) -> Stop {
        Stop {
            index,
            file: names::segment(self.shard, index),
            offset: 0,
            why: "it is missing".into(),
            behind: Behind::Files,
            later: later.into(),
        }
    }

    fn segment(&self, first: u64) -> Result<Segment, OpenError> {
        let name = names::segment(self.shard, first);
        let bytes = read_all(self.disk, &name).map_err(OpenError::io(format!("read `{name}`")))?;
        self.header(Kind::Segment, first).check(&name, &bytes)?;
        Ok(Segment { name, first, bytes, seed: seed(self.identity, self.shard) })
    }

    /// The header of one of the shard's files.
    pub(super) const fn header(&self, kind: Kind, index: u64) -> Header {
        Header { kind, shard: self.shard, index, identity: self.identity }
    }
}

/// A segment's file.
struct Segment {
    name: String,
    first: u64,
    bytes: Vec<u8>,
    seed: u32,
}

/// The way through a segment.
struct Walk<'a> {
    segment: &'a Segment,
    until: u64,
    /// The next entry, and where its batch begins.
    next: u64,
    at: usize,
    /// The last entry that is known to be synced, and where its batch ends.
    synced: u64,
    synced_end: usize,
    /// The same of batches that nothing has proved to be synced so far.
    unproven: VecDeque<(u64, usize)>,
    why: Option<String>,
}

impl<'a> Walk<'a> {
    fn begin(segment: &'a Segment, until: u64) -> Self {
        Self {
            segment,
            until,
            next: segment.first,
            at: HEADER_BYTES,
            synced: segment.first - 1,
            synced_end: HEADER_BYTES,
            unproven: VecDeque::new(),
            why: None,
        }
    }

    fn run(&mut self, visit: &mut impl FnMut(u64, &[u8]) -> Result<(), Damage>) -> Result<(), OpenError> {
        while self.next <= self.until && self.at < self.segment.bytes.len() {
            let Some(batch) = self.batch() else { break };
            let damaged = |why| OpenError::damaged(&self.segment.name, self.at as u64, why);
            let mut visited = batch.first;
            for (index, entry) in batch.entries() {
                visit(index, entry).map_err(|Damage(why)| damaged(format!("entry {index}: {why}")))?;
                visited += 1;
            }
            if visited != batch.next() {
                return Err(damaged(format!("entry {visited} does not fit into its batch")));
            }
            self.pass(&batch);
        }
        Ok(())
    }

    /// The next batch, if it is what should be there.
    fn batch(&mut self) -> Option<Stored<'a>> {
        let found = Stored::read(&self.segment.bytes, self.at, self.segment.seed);
        self.why = match &found {
            None => Some("what should be a batch is not what was written".into()),
            Some(batch) if batch.first != self.next => {
                Some(format!("entry {} is where entry {} should be", batch.first, self.next))
            }
            Some(batch) if batch.next() > self.until.saturating_add(1) => {
                Some(format!("entry {} is in two files", self.until + 1))
            }
            Some(_) => return found,
        };
        None
    }

    fn pass(&mut self, batch: &Stored<'_>) {
        while let Some((last, end)) = self.unproven.pop_front_if(|(last, _)| *last <= batch.synced) {
            (self.synced, self.synced_end) = (last, end);
        }
        if batch.count > 0 {
            self.unproven.push_back((batch.next() - 1, batch.end));
        }
        (self.next, self.at) = (batch.next(), batch.end);
    }

    /// Why it ended before it should.
    fn stop(&mut self, later: &[u64]) -> Option<Stop> {
        let is_short = self.next <= self.until && !later.is_empty();
        let short = || is_short.then(|| format!("entry {} and later ones are missing", self.next));
        let why = self.why.take().or_else(short)?;
        Some(Stop {
            index: self.next,
            file: self.segment.name.clone(),
            offset: self.at as u64,
            why,
            behind: if later.is_empty() { self.behind() } else { Behind::Files },
            later: later.into(),
        })
    }

    fn behind(&self) -> Behind {
        let batches = Stored::scan(&self.segment.bytes, self.at, self.segment.seed);
        batches.map(|batch| batch.synced).max().map_or(Behind::Nothing, |synced| Behind::Batches { synced })
    }
}

impl Stop {
    /// The same as an error.
    pub(super) fn to_error(&self) -> OpenError {
        OpenError::damaged(&self.file, self.offset, self.why.clone())
    }
}

/// Takes nothing in: what is read is only checked.
#[derive(Debug, Default)]
pub(super) struct Blind;

impl Replica for Blind {
    fn restore(&mut self, _: &mut dyn io::Read) -> Result<(), Damage> {
        Ok(())
    }

    fn apply(&mut self, _: u64, _: &[u8]) -> Result<(), Damage> {
        Ok(())
    }

    fn save(&self, _: &mut dyn io::Write) -> io::Result<()> {
        Ok(())
    }
}

//! A snapshot as a stream: the header, chunks of at most 1 MiB, and an end mark. Each has a crc of everything so far.

use std::io::{self, Read, Write};

use super::{
    Disk, OpenError,
    disk::fill,
    header::{HEADER_BYTES, Header, crc, u32_at},
};

/// How many bytes a chunk has at most.
const CHUNK_BYTES_MAX: usize = 1 << 20;

/// What a chunk begins with: its length and the crc. Without a length it is the end mark.
const CHUNK_HEADER_BYTES: usize = 8;

/// A snapshot is synced after so many bytes, so that no log has to wait for the rest of a large one.
const SYNC_BYTES: u64 = 4 << 20;

/// Writes a snapshot into a file that is empty.
pub(super) struct SnapshotWriter<'a, D> {
    disk: &'a D,
    file: &'a str,
    crc: u32,
    /// Room for the chunk's header, then its bytes.
    chunk: Vec<u8>,
    written: u64,
    unsynced: u64,
}

impl<'a, D: Disk> SnapshotWriter<'a, D> {
    pub(super) fn begin(disk: &'a D, file: &'a str, header: &Header) -> io::Result<Self> {
        disk.append(file, &header.encode())?;
        let chunk = vec![0; CHUNK_HEADER_BYTES];
        Ok(Self { disk, file, crc: header.seed(), chunk, written: HEADER_BYTES as u64, unsynced: 0 })
    }

    /// Writes the end mark, and says how large the file is.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        if self.chunk.len() > CHUNK_HEADER_BYTES {
            self.write_chunk()?;
        }
        self.write_chunk()?;
        Ok(self.written)
    }

    fn write_chunk(&mut self) -> io::Result<()> {
        let (header, bytes) = self.chunk.split_at_mut(CHUNK_HEADER_BYTES);
        let length = u32::try_from(bytes.len()).expect("a chunk has a limit").to_le_bytes();
        self.crc = crc(self.crc, &[&length, bytes]);
        header[..4].copy_from_slice(&length);
        header[4..].copy_from_slice(&self.crc.to_le_bytes());
        self.disk.append(self.file, &self.chunk)?;
        self.written += self.chunk.len() as u64;
        self.unsynced += self.chunk.len() as u64;
        self.chunk.truncate(CHUNK_HEADER_BYTES);
        if self.unsynced >= SYNC_BYTES {
            self.unsynced = 0;
            self.disk.sync(self.file)?;
        }
        Ok(())
    }
}

impl<D: Disk> Write for SnapshotWriter<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_HEADER_BYTES + CHUNK_BYTES_MAX - self.chunk.len();
        let taken = &bytes[..room.min(bytes.len())];
        self.chunk.extend_from_slice(taken);
        if taken.len() == room {
            self.write_chunk()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a snapshot. What it gives out is as it was written.
pub(super) struct SnapshotReader<'a, D> {
    disk: &'a D,
    file: &'a str,
    crc: u32,
    offset: u64,
    chunk: Vec<u8>,
    /// How much of the chunk was given out.
    taken: usize,
    ended: bool,
    /// Why it cannot be read on. Who reads is told a line of text only.
    failed: Option<OpenError>,
}

impl<'a, D: Disk> SnapshotReader<'a, D> {
    pub(super) fn begin(disk: &'a D, file: &'a str, header: &Header) -> Result<Self, OpenError> {
        let mut bytes = [0; HEADER_BYTES];
        let read = fill(disk, file, 0, &mut bytes).map_err(reading(file))?;
        header.check(file, &bytes[..read])?;
        Ok(Self {
            disk,
            file,
            crc: header.seed(),
            offset: HEADER_BYTES as u64,
            chunk: Vec::new(),
            taken: 0,
            ended: false,
            failed: None,
        })
    }

    /// Reads what was left, and says how large the file is.
    pub(super) fn finish(mut self) -> Result<u64, OpenError> {
        while self.failed.is_none() && !self.ended {
            self.failed = self.read_chunk().err();
        }
        self.failed.map_or(Ok(self.offset), Err)
    }

    fn read_chunk(&mut self) -> Result<(), OpenError> {
        let mut header = [0; CHUNK_HEADER_BYTES];
        self.read_exactly(0, &mut header)?;
        let length = u32_at(&header, 0) as usize;
        if length > CHUNK_BYTES_MAX {
            return Err(self.damaged("the chunk is longer than any"));
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.resize(length, 0);
        self.read_exactly(CHUNK_HEADER_BYTES as u64, &mut chunk)?;
        self.crc = crc(self.crc, &[&header[..4], &chunk]);
        if self.crc != u32_at(&header, 4) {
            return Err(self.damaged("the chunk is not what was written"));
        }
        self.offset += (CHUNK_HEADER_BYTES + length) as u64;
        (self.chunk, self.taken, self.ended) = (chunk, 0, length == 0);
        if self.ended && self.disk.bytes(self.file).map_err(reading(self.file))? > self.offset {
            return Err(self.damaged("something was written behind its end"));
        }
        Ok(())
    }

    fn read_exactly(&self, behind: u64, into: &mut [u8]) -> Result<(), OpenError> {
        let read = fill(self.disk, self.file, self.offset + behind, into).map_err(reading(self.file))?;
        if read < into.len() { Err(self.damaged("it is cut short")) } else { Ok(()) }
    }

    fn damaged(&self, why: &str) -> OpenError {
        OpenError::damaged(self.file, self.offset, why)
    }
}

impl<D: Disk> Read for SnapshotReader<'_, D> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.chunk.len() && !self.ended {
            if self.failed.is_none() {
                self.failed = self.read_chunk().err();
            }
            if let Some(failed) = &self.failed {
                return Err(io::Error::other(failed.to_string()));
            }
        }
        let taken = (&self.chunk[self.taken..]).read(into)?;
        self.taken += taken;
        Ok(taken)
    }
}

fn reading(file: &str) -> impl FnOnce(io::Error) -> OpenError {
    OpenError::io(format!("read `{file}`"))
}

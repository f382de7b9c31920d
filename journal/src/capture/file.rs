//! Captures as files: a head, what shards began with, and blocks of records.

use std::io::{self, Read, Write};

use chinwag_core::{
    Shard, Time,
    config::{GatewayConfig, ShardConfig},
    redact::Redactor,
};
use serde::{Deserialize, Serialize};

use super::{
    record::{Record, Recorded},
    reel::End,
};
use crate::{
    NodeConfig, Start,
    store::{Damage, Durability, Replica},
};

/// What such a file begins with: its name and format.
const TITLE: &[u8; 17] = b"chinwag capture 1";

/// Longest block that is read, in bytes: what is longer was not written by us.
const BLOCK_BYTES_MAX: u32 = 1 << 30;

/// All that nodes are made from.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Head {
    /// The program that wrote it: another version's machines may do something else.
    pub version: String,
    /// [`NodeConfig::incarnation`].
    pub incarnation: u64,
    /// [`NodeConfig::gateway`].
    pub gateway: GatewayConfig,
    /// [`NodeConfig::shard`].
    pub shard: ShardConfig,
    /// [`NodeConfig::seed`] of every node.
    pub seeds: Vec<[u8; 32]>,
    /// What contents were redacted with where they are hashed; `None` if they are [redacted](chinwag_core::redact) here, too.
    pub key: Option<[u8; 32]>,
    /// How durable logs were.
    pub durability: Option<Durability>,
    /// Whether entries may have been lost before.
    pub lost: bool,
    /// Shards that began with something.
    pub begun: u32,
}

impl Head {
    /// What a node was made from.
    #[must_use]
    pub fn node(&self, index: u32) -> NodeConfig {
        NodeConfig {
            index,
            nodes: u32::try_from(self.seeds.len()).expect("few nodes"),
            incarnation: self.incarnation,
            gateway: self.gateway.clone().into(),
            shard: self.shard.clone(),
            seed: self.seeds[index as usize],
            replicated: false,
        }
    }

    /// What contents are redacted with for hashes.
    #[must_use]
    pub fn redactor(&self) -> Option<Redactor> {
        self.key.map(Redactor::new)
    }
}

/// What is wrong with a capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is something else, or of another version.
    #[error("it is no capture that this program can read: {0}")]
    Foreign(String),
    /// It is damaged.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// Writes a capture.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
}

impl<W: Write> Writer<W> {
    /// Begins with what nodes are made from, and what shards begin with, if they do not begin anew: redacted, if `scrubs` is
    /// there.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn begin(to: W, head: &Head, starts: &[Start], scrubs: Option<&Redactor>) -> io::Result<Self> {
        let mut writer = Self { to };
        writer.to.write_all(TITLE)?;
        writer.block(&serde_json::to_vec(head)?)?;
        for start in starts {
            writer.block(&begun(&start.shard, scrubs)?)?;
        }
        Ok(writer)
    }

    /// Goes on behind what was written before.
    #[must_use]
    pub const fn go_on(to: W) -> Self {
        Self { to }
    }

    /// What was written to.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.to
    }

    /// Adds what a [reel](super::Reel) had, if it had anything.
    ///
    /// # Errors
    /// Those of the file.
    pub fn add(&mut self, records: &[u8]) -> io::Result<()> {
        if records.is_empty() { Ok(()) } else { self.block(records) }
    }

    /// Says how it ends.
    ///
    /// # Errors
    /// Those of the file.
    pub fn end(mut self, end: End) -> io::Result<W> {
        let record = Record { node: 0, at: Time(0), input: Recorded::Ended(end) };
        let mut bytes = postcard::to_allocvec(&record).map_err(io::Error::other)?;
        bytes.extend_from_slice(&[0; 2]);
        self.block(&bytes)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&crc32fast::hash(bytes).to_le_bytes())?;
        self.to.write_all(bytes)
    }
}

/// Reads a capture.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    head: Head,
    block: Vec<u8>,
    at: usize,
}

impl<R: Read> Reader<R> {
    /// Reads how it begins; with it, what shards began with.
    ///
    /// # Errors
    /// A [`CaptureError`].
    pub fn open(mut from: R) -> Result<(Self, Vec<Start>), CaptureError> {
        let mut title = [0; TITLE.len()];
        let is_read = from.read_exact(&mut title);
        if is_read.is_err() || title != *TITLE {
            return Err(CaptureError::Foreign("it begins with something else".to_owned()));
        }
        let cut = || CaptureError::Damaged("it ends before its inputs begin".to_owned());
        let mut block = Vec::new();
        next_block(&mut from, &mut block)?.ok_or_else(cut)?;
        let head: Head = serde_json::from_slice(&block)
            .map_err(|error| CaptureError::Foreign(format!("its head cannot be read: {error}")))?;
        let starts = (0..head.begun)
            .map(|_| {
                next_block(&mut from, &mut block)?.ok_or_else(cut)?;
                let mut shard = Shard::new();
                shard.restore(&mut &block[..]).map_err(|Damage(why)| CaptureError::Damaged(why))?;
                Ok(Start { shard, lost: head.lost, durability: head.durability })
            })
            .collect::<Result<_, CaptureError>>()?;
        block.clear();
        Ok((Self { from, head, block, at: 0 }, starts))
    }

    /// What nodes are made from.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The next record, and what stands behind it; nothing where the file ends.
    ///
    /// # Errors
    /// A [`CaptureError`].
    pub(super) fn next(&mut self) -> Result<Option<(Record<'_>, u16)>, CaptureError> {
        if self.at == self.block.len() {
            self.at = 0;
            if next_block(&mut self.from, &mut self.block)?.is_none() {
                self.block.clear();
                return Ok(None);
            }
        }
        let damaged = |why: String| CaptureError::Damaged(format!("no record: {why}"));
        let (record, rest) =
            postcard::take_from_bytes(&self.block[self.at..]).map_err(|error| damaged(error.to_string()))?;
        let Some((check, rest)) = rest.split_first_chunk::<2>() else {
            return Err(damaged("nothing behind it".to_owned()));
        };
        self.at = self.block.len() - rest.len();
        Ok(Some((record, u16::from_le_bytes(*check))))
    }
}

/// What a shard begins with, as it is written.
fn begun(shard: &Shard, scrubs: Option<&Redactor>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    shard.save(&mut bytes)?;
    if let Some(redactor) = scrubs {
        let mut copy = Shard::new();
        copy.restore(&mut &bytes[..]).map_err(|Damage(why)| io::Error::other(why))?;
        copy.redact(redactor);
        bytes.clear();
        copy.save(&mut bytes)?;
    }
    Ok(bytes)
}

/// Reads a block; `None` where the file ends, also within one: then whoever wrote it did not come so far.
fn next_block(from: &mut impl Read, block: &mut Vec<u8>) -> Result<Option<()>, CaptureError> {
    let mut header = [0; 8];
    if !fill(from, &mut header)? {
        return Ok(None);
    }
    let [length, crc] =
        [0, 4].map(|at| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes")));
    if length > BLOCK_BYTES_MAX {
        return Err(CaptureError::Damaged(format!("a block of {length} bytes")));
    }
    block.clear();
    let read = from.take(length.into()).read_to_end(block)?;
    if read < length as usize {
        return Ok(None);
    }
    if crc32fast::hash(block) != crc {
        return Err(CaptureError::Damaged("a block is not what was written".to_owned()));
    }
    Ok(Some(()))
}

fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        done => done.map(|()| true),
    }
}

//! A room as a gateway sees it: who reads it here, and who writes in it.

use std::{collections::BTreeMap, ops::Range};

use super::outbox::Chunk;
use crate::{
    id::{Position, ShardId},
    name::{RoomName, UserName},
    time::Time,
};

/// Where a connection stands in its gateway's table.
pub(super) type Slot = usize;

/// How a reader follows a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Follow {
    /// Live messages go into its outbox.
    Live,
    /// Live messages are passed over; pages of history are asked for from here on as its outbox drains.
    Behind(Position),
}

#[derive(Debug)]
pub(super) struct Reader {
    pub(super) slot: Slot,
    pub(super) follow: Follow,
    /// Changes of members or tasks were left out: a list of both will make up for them.
    pub(super) stale: bool,
}

#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: RoomName,
    pub(super) shard: ShardId,
    /// By slot, ascending.
    pub(super) readers: Vec<Reader>,
    /// Fan-out is gathered here.
    chunk: Chunk,
    /// Who writes, and until when that holds if not repeated.
    pub(super) typing: BTreeMap<UserName, Time>,
    /// The room's entry in the gateway's deadlines: the earliest of those.
    pub(super) typing_due: Option<Time>,
}

impl Room {
    pub(super) fn new(name: RoomName, shard: ShardId) -> Self {
        Self {
            name,
            shard,
            readers: Vec::new(),
            chunk: Chunk::new(),
            typing: BTreeMap::new(),
            typing_due: None,
        }
    }

    pub(super) fn reader(&mut self, slot: Slot) -> Option<&mut Reader> {
        let at = self.readers.binary_search_by_key(&slot, |reader| reader.slot).ok()?;
        Some(&mut self.readers[at])
    }

    /// Adds a reader, or starts it anew.
    pub(super) fn seat(&mut self, slot: Slot, follow: Follow) {
        let reader = Reader { slot, follow, stale: false };
        match self.readers.binary_search_by_key(&slot, |reader| reader.slot) {
            Ok(at) => self.readers[at] = reader,
            Err(at) => self.readers.insert(at, reader),
        }
    }

    pub(super) fn unseat(&mut self, slot: Slot) {
        if let Ok(at) = self.readers.binary_search_by_key(&slot, |reader| reader.slot) {
            self.readers.remove(at);
        }
    }

    /// Puts a frame where all readers can share it.
    pub(super) fn gather(&mut self, frame: &[u8], full: usize) -> (Chunk, Range<u32>) {
        if let Some(range) = self.chunk.append(frame, full) {
            return (self.chunk.clone(), range);
        }
        self.chunk = Chunk::new();
        let range = self.chunk.append(frame, usize::MAX).expect("a new chunk is open");
        (self.chunk.clone(), range)
    }
}

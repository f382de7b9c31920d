//! A room as a gateway sees it: who reads it here, and who writes in it.

use std::{collections::BTreeMap, ops::Range};

use super::outbox::Chunk;
use crate::{
    dialect::Dialect,
    few::grow,
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
    /// Fan-out is gathered here, by dialect: what one reader gets lies together.
    chunks: [Option<Chunk>; Dialect::ALL.len()],
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
            chunks: Default::default(),
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
            Err(at) => {
                grow(&mut self.readers);
                self.readers.insert(at, reader);
            }
        }
    }

    pub(super) fn unseat(&mut self, slot: Slot) {
        if let Ok(at) = self.readers.binary_search_by_key(&slot, |reader| reader.slot) {
            self.readers.remove(at);
        }
    }

    /// Puts a frame where all readers of a dialect can share it.
    pub(super) fn gather(&mut self, dialect: Dialect, frame: &[u8], full: usize) -> (Chunk, Range<u32>) {
        let open = &mut self.chunks[dialect as usize];
        if let Some((chunk, range)) =
            open.as_ref().and_then(|chunk| Some((chunk, chunk.append(frame, full)?)))
        {
            return (chunk.clone(), range);
        }
        let (fresh, range) = Chunk::of(frame);
        *open = Some(fresh.clone());
        (fresh, range)
    }
}

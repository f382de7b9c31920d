//! What is where: for every room and epoch, which message is at which place.

use std::collections::{BTreeMap, BTreeSet};

use chinwag_core::{Epoch, Position, Seq};
use serde::{Deserialize, Serialize};

use crate::observation::{RoomId, SendId};

/// Places in one page of a table.
const PAGE: u64 = 64;

/// Marks a place of which nothing is known.
const EMPTY: u32 = u32::MAX;

/// Which messages are said to be where. Places are written once: a second message at the same place is kept as a
/// contradiction.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Ledger {
    /// By room, then epoch.
    rooms: Vec<BTreeMap<Epoch, Table>>,
    /// All but the lowest-numbered message of every place that has several.
    contradictions: BTreeSet<(RoomId, Position, SendId)>,
}

/// The places of one room and epoch: a page for every 64, made when first needed, so that a seq may be any number.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(from = "Vec<(Seq, SendId)>", into = "Vec<(Seq, SendId)>")]
struct Table {
    pages: BTreeMap<u64, Box<[u32; PAGE as usize]>>,
}

impl From<Table> for Vec<(Seq, SendId)> {
    fn from(table: Table) -> Self {
        table.iter().collect()
    }
}

impl From<Vec<(Seq, SendId)>> for Table {
    fn from(places: Vec<(Seq, SendId)>) -> Self {
        let mut table = Self::default();
        places.into_iter().for_each(|(seq, send)| *table.place(seq) = send.0);
        table
    }
}

impl Table {
    fn place(&mut self, seq: Seq) -> &mut u32 {
        let page = self.pages.entry(seq.0 / PAGE).or_insert_with(|| Box::new([EMPTY; PAGE as usize]));
        &mut page[index(seq.0 % PAGE)]
    }

    fn iter(&self) -> impl Iterator<Item = (Seq, SendId)> {
        self.pages
            .iter()
            .flat_map(|(page, places)| (page * PAGE..).zip(places.iter()))
            .filter(|&(_, &send)| send != EMPTY)
            .map(|(seq, &send)| (Seq(seq), SendId(send)))
    }
}

impl Ledger {
    /// Writes that `send` is at `position`. Returns the message that was said to be there before, if it is another.
    pub(crate) fn write(&mut self, room: RoomId, position: Position, send: SendId) -> Option<SendId> {
        let rooms = index(u64::from(room.0)) + 1;
        if self.rooms.len() < rooms {
            self.rooms.resize_with(rooms, BTreeMap::default);
        }
        let place = self.rooms[rooms - 1].entry(position.epoch).or_default().place(position.seq);
        if *place == EMPTY {
            *place = send.0;
        }
        if *place == send.0 {
            return None;
        }
        // The lowest number stays, so that it does not matter who came first.
        let before = SendId(*place);
        *place = before.min(send).0;
        self.contradictions.insert((room, position, before.max(send)));
        Some(before)
    }

    /// Takes in another's places.
    pub(crate) fn merge(&mut self, other: Self) {
        for (room, epoch, table) in other.tables() {
            for (seq, send) in table.iter() {
                self.write(room, Position::new(epoch, seq), send);
            }
        }
        for (room, position, send) in other.contradictions {
            self.write(room, position, send);
        }
    }

    /// Every room's and epoch's messages by place, one for each place.
    pub(crate) fn by_room(
        &self,
    ) -> impl Iterator<Item = (RoomId, Epoch, impl Iterator<Item = (Seq, SendId)>)> {
        self.tables().map(|(room, epoch, table)| (room, epoch, table.iter()))
    }

    /// The messages said to be at a place that another one holds.
    pub(crate) fn contradictions(&self) -> impl Iterator<Item = (RoomId, Position, SendId)> {
        self.contradictions.iter().copied()
    }

    /// The lowest-numbered message at a place.
    pub(crate) fn at(&self, room: RoomId, position: Position) -> Option<SendId> {
        let table = self.rooms.get(index(u64::from(room.0)))?.get(&position.epoch)?;
        let send = table.pages.get(&(position.seq.0 / PAGE))?[index(position.seq.0 % PAGE)];
        (send != EMPTY).then_some(SendId(send))
    }

    fn tables(&self) -> impl Iterator<Item = (RoomId, Epoch, &Table)> {
        self.rooms
            .iter()
            .zip(0..)
            .flat_map(|(epochs, room)| epochs.iter().map(move |(&epoch, table)| (RoomId(room), epoch, table)))
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("an index fits a usize")
}

//! Readers that are behind: pages of history as their outboxes drain, until they are live again.

use super::{
    Gateway, GatewayOutput,
    connection::drained_bytes,
    room::{Follow, Slot},
};
use crate::{
    dialect::Event,
    id::Position,
    name::RoomName,
    shard::{Joined, MemberView, Page, Query},
    time::Time,
};

impl Gateway {
    /// Starts a reader where its join says. It is behind until a page, perhaps an empty one, has reached the head.
    pub(super) fn follow(
        &mut self,
        slot: Slot,
        room: &RoomName,
        joined: &Joined,
        out: &mut Vec<GatewayOutput>,
    ) {
        let from = Position::new(joined.head.epoch, joined.next);
        let follow = planted!(LiveWithoutCatchingUp, Follow::Live, Follow::Behind(from));
        self.seat(slot, room, follow);
        self.catch_up(slot, out);
    }

    /// Owes a reader a list of who is there.
    pub(super) fn list_members(&mut self, slot: Slot, room: &RoomName) {
        let Some(&index) = self.by_name.get(room) else { return };
        if let Some(reader) = self.rooms[index].as_mut().and_then(|room| room.reader(slot)) {
            reader.stale = true;
            self.connection(slot).owed = true;
        }
    }

    /// Asks for what a connection is owed, one page at a time, if its outbox has room.
    pub(super) fn catch_up(&mut self, slot: Slot, out: &mut Vec<GatewayOutput>) {
        let drained = drained_bytes(&self.config);
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        // This is asked after every write, and nearly always nothing is owed.
        if !connection.owed || connection.catching_up || connection.outbox.bytes() > drained {
            return;
        }
        // Each room has its turn: a list must not wait for all pages of another room.
        let served = connection.rooms.partition_point(|&index| index <= connection.caught_up);
        let (before, after) = connection.rooms.split_at(served);
        let owed = after.iter().chain(before).find_map(|&index| {
            let room = self.rooms[index].as_mut().expect("it is in the table");
            let reader = room.reader(slot).expect("both sides know of it");
            let page = match reader.follow {
                Follow::Behind(from) => Some(from),
                Follow::Live if std::mem::take(&mut reader.stale) => None,
                Follow::Live => return None,
            };
            Some((index, room.shard, room.name.clone(), page))
        });
        let Some((index, shard, room, page)) = owed else {
            connection.owed = false;
            return;
        };
        let peer = connection.peer().expect("only the attached read").clone();
        (connection.catching_up, connection.caught_up) = (true, index);
        let query = match page {
            Some(from) => {
                let messages_max = self.config.page_messages_max;
                // A page must fit into what a drained outbox has room for.
                let bytes_max = self.config.page_bytes_max.min(self.config.outbox_bytes_max / 4);
                Query::Page { peer, room, from, messages_max, bytes_max }
            }
            None => Query::Roster { peer, room },
        };
        out.push(GatewayOutput::Query { shard, query });
    }

    /// Makes up for changes that were left out.
    pub(super) fn roster(
        &mut self,
        now: Time,
        slot: Slot,
        room: &RoomName,
        members: &[MemberView],
        count: u32,
        out: &mut Vec<GatewayOutput>,
    ) {
        self.connection(slot).catching_up = false;
        let more = (members.len() as u64) < u64::from(count);
        self.tell(now, slot, &Event::Members { id: None, room, members, count, more }, out);
    }

    pub(super) fn page(
        &mut self,
        now: Time,
        slot: Slot,
        room: &RoomName,
        page: &Page,
        out: &mut Vec<GatewayOutput>,
    ) {
        self.connection(slot).catching_up = false;
        // A page that was asked for before another join does not fit any more: the right one is asked for below.
        let epoch = page.head.epoch;
        let asked = Position::new(epoch, page.from);
        if let Some(from) = self.behind(slot, room).filter(|from| *from == asked) {
            let first = page.messages.first().map_or_else(|| page.head.seq.next(), |message| message.seq);
            let next = page.messages.last().map_or(first, |message| message.seq.next());
            let live = next > page.head.seq;
            let next = planted!(HistoryCursorSkips, next.next(), next);
            let follow = if live { Follow::Live } else { Follow::Behind(Position::new(epoch, next)) };
            let index = self.by_name[room];
            let reader = self.rooms[index].as_mut().and_then(|room| room.reader(slot));
            reader.expect("it was behind").follow = follow;
            self.counters.deliveries_out += page.messages.len() as u64;
            if first > from.seq {
                let to = crate::Seq(first.0 - 1);
                self.tell(now, slot, &Event::Gap { room, epoch, from: from.seq, to }, out);
            }
            let event = Event::History { id: None, room, epoch, messages: &page.messages, more: !live };
            self.tell(now, slot, &event, out);
        }
        self.catch_up(slot, out);
    }

    /// The membership ended while a page was asked for.
    pub(super) fn no_page(&mut self, slot: Slot, room: &RoomName, out: &mut Vec<GatewayOutput>) {
        self.connection(slot).catching_up = false;
        self.leave(slot, room);
        self.catch_up(slot, out);
    }

    /// From where on a connection is owed a room's messages, if it reads it and is not live.
    fn behind(&mut self, slot: Slot, room: &RoomName) -> Option<Position> {
        let index = *self.by_name.get(room)?;
        match self.rooms[index].as_mut()?.reader(slot)?.follow {
            Follow::Behind(from) => Some(from),
            Follow::Live => None,
        }
    }
}

//! From one push to the outboxes of all its readers: encoded once, shed by class.

use std::ops::Range;

use super::{
    Gateway, GatewayOutput, Notice, RoomIndex, announce,
    connection::{lag_bytes, state_bytes, typing_bytes},
    outbox::Chunk,
    room::{Follow, Room, Slot},
};
use crate::{
    dialect::{Dialect, Event, Presence},
    id::{Epoch, Position},
    name::{RoomName, UserName},
    shard::{Message, Push},
    time::Time,
};

/// What may be left out for a reader that is behind (specification 2's priorities, as classes).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Class {
    /// Dropped first: it ends by itself.
    TypingStart,
    /// Left out, and made up for by a list of members and tasks.
    State,
    /// Left to the history, from this position on.
    Message(Position),
}

impl Gateway {
    pub(super) fn push(&mut self, now: Time, room: &RoomName, push: Push, out: &mut Vec<GatewayOutput>) {
        let Some(&index) = self.by_name.get(room) else { return };
        match push {
            Push::Message { epoch, message } => {
                self.clear_typing(now, index, &message.user, Some(Presence::Online), out);
                self.push_message(now, index, epoch, &message, out);
            }
            Push::Typing { user, on: true } => self.start_typing(now, index, user, out),
            Push::Typing { user, on: false } => {
                self.clear_typing(now, index, &user, Some(Presence::Online), out);
            }
            Push::Joined { user, roster } => {
                let event = Event::UserJoined { room, user: &user, roster: &roster };
                self.spread(now, index, Class::State, None, &event, out);
            }
            Push::Left { user, roster } => {
                self.clear_typing(now, index, &user, None, out);
                let event = Event::UserLeft { room, user: &user, roster: &roster };
                self.spread(now, index, Class::State, None, &event, out);
            }
            Push::Changed { joined, left, count } => {
                for user in &left {
                    self.clear_typing(now, index, user, None, out);
                }
                let event = Event::MembersChanged { room, joined: &joined, left: &left, count };
                self.spread(now, index, Class::State, None, &event, out);
            }
            Push::Listed { members } => {
                let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
                let event = Event::Members { id: None, room, members: &members, count, more: false };
                self.spread(now, index, Class::State, None, &event, out);
            }
            Push::Presence { user, online } => {
                self.clear_typing(now, index, &user, None, out);
                let presence = if online { Presence::Online } else { Presence::Offline };
                let event = Event::Presence { room, user: &user, presence };
                self.spread(now, index, Class::State, None, &event, out);
            }
            Push::Status { user, status } => {
                let event = Event::Status { room, user: &user, status: &status };
                self.spread(now, index, Class::State, None, &event, out);
            }
            Push::Task { user, task, assigned } => {
                let event = Event::Task { room, user: Some(&user), task: &task, assigned };
                self.spread(now, index, Class::State, None, &event, out);
            }
        }
    }

    fn push_message(
        &mut self,
        now: Time,
        index: RoomIndex,
        epoch: Epoch,
        message: &Message,
        out: &mut Vec<GatewayOutput>,
    ) {
        let (name, next) = (self.room_name(index), Position::new(epoch, message.seq));
        let event = Event::Message { room: &name, epoch, message };
        for slot in self.spread(now, index, Class::Message(next), None, &event, out) {
            self.counters.lagged += 1;
            let connection = self.connection(slot);
            connection.lagging = true;
            out.push(GatewayOutput::Notice(Notice::Lagged { connection: connection.id, room: name.clone() }));
            self.schedule(slot);
            self.tell(now, slot, &Event::Lagged { room: &name, next }, out);
            // The outbox may have been small and the message large.
            self.catch_up(slot, out);
        }
    }

    fn start_typing(&mut self, now: Time, index: RoomIndex, user: UserName, out: &mut Vec<GatewayOutput>) {
        let until = now + self.config.typing_ttl;
        let until = planted!(TypingNeverCleared, now + self.config.typing_ttl * 1_000, until);
        let room = self.rooms[index].as_mut().expect("it is in the table");
        let earlier = room.typing.insert(user.clone(), until);
        self.schedule_typing(index);
        if planted!(TypingToldOnce, earlier.is_some(), false) {
            return;
        }
        // Also when it is repeated: readers forget it in the same time, and some have come since.
        let name = self.room_name(index);
        let event = Event::Presence { room: &name, user: &user, presence: Presence::Typing };
        let author = planted!(TypingEchoed, None, Some(&user));
        self.spread(now, index, Class::TypingStart, author, &event, out);
    }

    /// Forgets that a user writes; if they did, says so to those who were told.
    pub(super) fn clear_typing(
        &mut self,
        now: Time,
        index: RoomIndex,
        user: &UserName,
        then: Option<Presence>,
        out: &mut Vec<GatewayOutput>,
    ) {
        let room = self.rooms[index].as_mut().expect("it is in the table");
        if room.typing.remove(user).is_none() {
            return;
        }
        self.schedule_typing(index);
        if let Some(presence) = then {
            let name = self.room_name(index);
            let event = Event::Presence { room: &name, user, presence };
            self.spread(now, index, Class::State, Some(user), &event, out);
        }
    }

    /// Keeps the room's entry in the deadlines at its earliest typing notice.
    fn schedule_typing(&mut self, index: RoomIndex) {
        let room = self.rooms[index].as_mut().expect("it is in the table");
        let due = room.typing.values().min().copied();
        if let Some(earlier) = std::mem::replace(&mut room.typing_due, due) {
            self.typing_deadlines.remove(&(earlier, index));
        }
        if let Some(due) = due {
            self.typing_deadlines.insert((due, index));
        }
    }

    /// Gives an event to every reader with room for its class, but for the user it comes from. Returns those who were
    /// live and have fallen behind.
    fn spread(
        &mut self,
        now: Time,
        index: RoomIndex,
        class: Class,
        but: Option<&UserName>,
        event: &Event<'_>,
        out: &mut Vec<GatewayOutput>,
    ) -> Vec<Slot> {
        // Encoded once for each dialect in use.
        let mut encoded: [Option<(Chunk, Range<u32>)>; Dialect::ALL.len()] = Default::default();
        let limit = match class {
            Class::TypingStart => typing_bytes(&self.config),
            Class::State => state_bytes(&self.config),
            Class::Message(_) => lag_bytes(&self.config),
        };
        let limit = planted!(OutboxCapIgnored, usize::MAX, limit);
        let mut lagged = Vec::new();
        let mut readers = std::mem::take(&mut self.room(index).readers);
        for reader in &mut readers {
            let connection = self.slots[reader.slot].as_mut().expect("readers are connected");
            let passed_over = matches!(class, Class::Message(_)) && reader.follow != Follow::Live;
            if passed_over || but.is_some() && connection.peer().map(|peer| &peer.user) == but {
                continue;
            }
            let dialect = connection.codec.dialect();
            let shared = &mut encoded[dialect as usize];
            let (chunk, range) =
                shared.get_or_insert_with(|| self.gather(now, index, dialect, event)).clone();
            if range.is_empty() {
                // The dialect does not show it.
                continue;
            }
            let connection = self.slots[reader.slot].as_mut().expect("readers are connected");
            if connection.outbox.bytes() + range.len() > limit {
                match class {
                    Class::TypingStart => self.counters.typing_dropped += 1,
                    Class::State => reader.stale = planted!(LeftOutForGood, false, true),
                    Class::Message(next) => {
                        let next =
                            planted!(LagSkipsMessage, Position::new(next.epoch, next.seq.next()), next);
                        reader.follow = Follow::Behind(next);
                        lagged.push(reader.slot);
                    }
                }
                continue;
            }
            if connection.outbox.bytes() == 0 {
                connection.waiting_since = now;
            }
            self.counters.outbox_bytes += range.len() as u64;
            self.counters.deliveries_out += u64::from(matches!(class, Class::Message(_)));
            connection.outbox.push(&chunk, range);
            announce(connection, out);
        }
        self.room(index).readers = readers;
        lagged
    }

    /// Encodes an event where all readers of a room that speak one dialect can share it. Empty if it is not shown.
    fn gather(
        &mut self,
        now: Time,
        index: RoomIndex,
        dialect: Dialect,
        event: &Event<'_>,
    ) -> (Chunk, Range<u32>) {
        self.begin_payloads(now);
        dialect.encode(event, &mut self.payloads);
        self.put_frames();
        self.counters.frames_encoded += 1;
        let room = self.rooms[index].as_mut().expect("it is in the table");
        room.gather(dialect, &self.frame, self.config.chunk_bytes)
    }

    fn room(&mut self, index: RoomIndex) -> &mut Room {
        self.rooms[index].as_mut().expect("it is in the table")
    }

    pub(super) fn room_name(&self, index: RoomIndex) -> RoomName {
        self.rooms[index].as_ref().expect("it is in the table").name.clone()
    }

    /// Makes a connection a reader of a room, or starts it anew.
    pub(super) fn seat(&mut self, slot: Slot, room: &RoomName, follow: Follow) {
        if self.connection(slot).is_closing() {
            return;
        }
        let index = self.room_index(room);
        self.rooms[index].as_mut().expect("it is in the table").seat(slot, follow);
        let connection = self.connection(slot);
        if let Err(at) = connection.rooms.binary_search(&index) {
            connection.rooms.insert(at, index);
        }
    }
}

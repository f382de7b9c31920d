//! From one push to the outboxes of all its readers: encoded once, shed by class.

use std::ops::Range;

use super::{
    Gateway, GatewayOutput, Notice, RoomIndex, give,
    outbox::Chunk,
    room::{Follow, Room, Slot},
};
use crate::{
    config::GatewayConfig,
    dialect::{Dialect, Event, Presence},
    few::grow,
    id::{Epoch, Position},
    name::{RoomName, UserName},
    shard::{Message, PRIORITY_MAX, PRIORITY_NORMAL, Push},
    time::Time,
};

/// What may be left out for a reader that is behind (specification 2's priorities, as classes).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Class {
    /// Dropped: it ends by itself.
    TypingStart,
    /// Left out, and made up for by a list of members and tasks.
    State,
    /// Left to the history, from this position on. What is urgent waits longer for that than what is not (S2.11), but
    /// never overtakes what was said before it: a reader who is behind gets all of it from the history.
    Message { at: Position, priority: u8 },
}

impl Class {
    /// How urgent it is (S2.11).
    const fn priority(self) -> u8 {
        match self {
            Self::TypingStart => PRIORITY_MAX,
            Self::State => 3,
            Self::Message { priority, .. } => priority,
        }
    }
}

/// So many bytes may wait for a reader before what has this priority is left out for it (S2.11). One table for all that
/// is shed; something is always left for answers, and for word of having fallen behind.
pub(super) const fn shed_above(priority: u8, config: &GatewayConfig) -> usize {
    let max = config.outbox_bytes_max;
    match priority {
        0 => max / 16 * 15,
        1 => max / 8 * 7,
        PRIORITY_NORMAL => max / 4 * 3,
        3 => max / 2,
        _ => max / 4,
    }
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
            Push::Left { user, seen, roster } => {
                self.clear_typing(now, index, &user, None, out);
                let event = Event::UserLeft { room, user: &user, seen, roster: &roster };
                self.spread(now, index, Class::State, None, &event, out);
            }
            Push::Changed { joined, left, count } => {
                for (user, _) in &left {
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
            Push::Presence { user, away } => {
                self.clear_typing(now, index, &user, None, out);
                let presence = if away.is_none() { Presence::Online } else { Presence::Offline };
                let event = Event::Presence { room, user: &user, presence, away };
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
        let late = planted!(TimeOfReading).then(|| Message { at: now, ..message.clone() });
        let message = late.as_ref().unwrap_or(message);
        let (name, next) = (self.room_name(index), Position::new(epoch, message.seq));
        let event = Event::Message { room: &name, epoch, message };
        let class = Class::Message {
            at: next,
            priority: message.extra.as_deref().map_or(PRIORITY_NORMAL, |extra| extra.priority),
        };
        for slot in self.spread(now, index, class, None, &event, out) {
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
        let event = Event::Presence { room: &name, user: &user, presence: Presence::Typing, away: None };
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
            let event = Event::Presence { room: &name, user, presence, away: None };
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
        let limit = shed_above(class.priority(), &self.config);
        let limit = planted!(LeftOutAtHalfItsShare, limit / 2, limit);
        let limit = planted!(OutboxCapIgnored, usize::MAX, limit);
        let mut lagged = Vec::new();
        let mut readers = std::mem::take(&mut self.room(index).readers);
        for reader in &mut readers {
            let connection = self.slots[reader.slot].as_mut().expect("readers are connected");
            let passed_over = matches!(class, Class::Message { .. }) && reader.follow != Follow::Live;
            if passed_over || but.is_some() && connection.peer().map(|peer| &peer.user) == but {
                continue;
            }
            let dialect = connection.codec.dialect();
            let shared = &mut encoded[dialect as usize];
            let (chunk, range) = &*shared.get_or_insert_with(|| self.gather(now, index, dialect, event));
            if range.is_empty() {
                // The dialect does not show it.
                continue;
            }
            let connection = self.slots[reader.slot].as_mut().expect("readers are connected");
            if connection.outbox.bytes() + range.len() > limit {
                match class {
                    Class::TypingStart => self.counters.typing_dropped += 1,
                    Class::State => {
                        reader.stale = planted!(LeftOutForGood, false, true);
                        connection.owed = true;
                    }
                    Class::Message { at, .. } => {
                        let from = planted!(LagSkipsMessage, Position::new(at.epoch, at.seq.next()), at);
                        reader.follow = Follow::Behind(from);
                        connection.owed = true;
                        lagged.push(reader.slot);
                    }
                }
                continue;
            }
            self.counters.deliveries_out += u64::from(matches!(class, Class::Message { .. }));
            give(connection, &mut self.counters, now, chunk, range.clone(), out);
            if connection.is_clogged(&self.config) {
                // What is urgent may fill it so far that it must take something from now on.
                self.schedule(reader.slot);
            }
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
        if let Some(tap) = &mut self.tap {
            tap.redact(event, self.payloads.sending, |event, payloads| dialect.encode(event, payloads));
        }
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
        if self.connection(slot).is_over() {
            return;
        }
        let index = self.room_index(room);
        self.rooms[index].as_mut().expect("it is in the table").seat(slot, follow);
        let connection = self.connection(slot);
        connection.owed |= follow != Follow::Live;
        if let Err(at) = connection.rooms.binary_search(&index) {
            grow(&mut connection.rooms);
            connection.rooms.insert(at, index);
        }
    }
}

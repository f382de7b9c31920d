//! One thread's connections: limits, liveness, local fan-out, catch-up, outboxes and backpressure. Keeps no history.
//!
//! A connection *arrives*, is *attached* to a session by its user's home shard, joins rooms, and is *closed*. Each
//! room it reads is *live* or *behind*; who is behind gets pages of history as its outbox drains, and is live again
//! with the page that reaches the head. Events of one shard come in order, so nothing is missed or doubled between
//! the last page and the first live message.
//!
//! What a reader does not take is shed by class as its outbox fills: typing notices are dropped above a quarter of
//! `outbox_bytes_max`, changes of members and tasks are left out and made up for by one list above a half, messages are
//! left to the history above three quarters, or sooner or later by their priority (`fan_out::shed_above`), and who takes
//! nothing at all for `pong_timeout` then is closed with a code that lets it resume. Nothing ever goes beyond the limit:
//! an answer that does not fit is such a close, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use bytes::Bytes;

use self::{
    connection::{Connection, Phase, RoomIndex, drained_bytes},
    outbox::Chunk,
    quotas::Quotas,
    room::{Room, Slot},
    silent::Silent,
    tap::Tap,
    wire::Opcode,
};
use crate::{
    config::GatewayConfig,
    dialect::{Event, Opening, Payloads, Sending},
    disconnect::{Disconnect, may_return},
    hash::{self, NumberMap},
    id::{ConnectionId, GatewayId, ShardId},
    name::{RoomName, UserName},
    redact::Redactor,
    secret::Secrets,
    shard::{Keep, Op, Peer},
    time::Time,
};

mod api;
mod attach;
mod catch_up;
mod connection;
mod counters;
mod fan_out;
mod health;
mod identity;
mod liveness;
mod outbox;
mod quotas;
mod rates;
mod reply;
mod request;
mod room;
mod silent;
mod tap;
mod wire;

pub use api::{Fault, Frame, GatewayInput, GatewayOutput, Notice};
pub use counters::{Counters, Tables};
pub use health::Condition;

/// One thread's connections. See the [module](self) for what it promises.
#[derive(Debug)]
pub struct Gateway {
    id: GatewayId,
    config: Arc<GatewayConfig>,
    secrets: Secrets,
    /// Connections by slot; slots are used again.
    slots: Vec<Option<Connection>>,
    free: Vec<Slot>,
    by_id: NumberMap<ConnectionId, Slot>,
    /// Rooms with a reader here; indices are used again.
    rooms: Vec<Option<Room>>,
    free_rooms: Vec<RoomIndex>,
    by_name: BTreeMap<RoomName, RoomIndex>,
    /// One per connection: see [`Connection::next_deadline`].
    deadlines: BTreeSet<(Time, Slot)>,
    typing_deadlines: BTreeSet<(Time, RoomIndex)>,
    /// When it began.
    began: Time,
    /// When those who listen are next told how it fares.
    health_at: Option<Time>,
    /// When the next batch is told to go, while draining.
    drain_at: Option<Time>,
    draining: bool,
    counters: Counters,
    quotas: Quotas,
    silent: Silent,
    /// Events written so far.
    written: u64,
    /// Hold what one event comes to, unframed and framed.
    payloads: Payloads,
    frame: Vec<u8>,
    /// Of what is written, if somebody compares.
    tap: Option<Box<Tap>>,
}

impl Gateway {
    /// A gateway without connections. `seed` must be unpredictable: session ids and resume secrets come from it.
    #[must_use]
    pub fn new(id: GatewayId, config: Arc<GatewayConfig>, seed: [u8; 32], now: Time) -> Self {
        Self {
            id,
            config,
            secrets: Secrets::new(seed),
            slots: Vec::new(),
            free: Vec::new(),
            by_id: NumberMap::default(),
            rooms: Vec::new(),
            free_rooms: Vec::new(),
            by_name: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            typing_deadlines: BTreeSet::new(),
            began: now,
            health_at: None,
            drain_at: None,
            draining: false,
            counters: Counters::default(),
            quotas: Quotas::default(),
            silent: Silent::default(),
            written: 0,
            payloads: Payloads::default(),
            frame: Vec::new(),
            tap: None,
        }
    }

    /// From now on [`tapped`](Self::tapped) tells what is written, with contents that were `redactor`'s work already, or are
    /// to be.
    pub fn tap(&mut self, redactor: Option<Redactor>) {
        self.tap = Some(Box::new(Tap::new(redactor)));
    }

    /// Nobody compares any more.
    pub fn untap(&mut self) {
        self.tap = None;
    }

    /// A hash of all that was written since it was [tapped](Self::tap); 0 if it was not.
    #[must_use]
    pub fn tapped(&self) -> u64 {
        self.tap.as_ref().map_or(0, |tap| tap.hash())
    }

    /// Handles one input. Never fails: what a peer does wrong is answered with an error or a close.
    pub fn handle_input(&mut self, now: Time, input: GatewayInput<'_>, out: &mut Vec<GatewayOutput>) {
        match input {
            GatewayInput::Connected { connection, opening } => self.connected(now, connection, opening, out),
            GatewayInput::Received { connection, frame } => {
                if let Some(&slot) = self.by_id.get(&connection) {
                    self.received(now, slot, frame, out);
                }
            }
            GatewayInput::Faulted { connection, fault } => {
                let reason = match fault {
                    Fault::TooBig => Disconnect::FrameTooBig,
                    Fault::Protocol => Disconnect::ProtocolError,
                    Fault::InvalidText => Disconnect::InvalidText,
                };
                if let Some(&slot) = self.by_id.get(&connection) {
                    self.close(now, slot, reason, out);
                }
            }
            GatewayInput::Disconnected { connection } => self.disconnected(connection, out),
            GatewayInput::Verified { connection, outcome } => self.verified(now, connection, outcome, out),
            GatewayInput::Shard(event) => self.shard_event(now, event, out),
            GatewayInput::Drain => self.start_draining(now),
            GatewayInput::Timeout => self.timeout(now, out),
        }
    }

    /// Bytes ready for the wire, at most `max_bytes` of them: RFC 6455 frames, unmasked.
    ///
    /// The same bytes again until [`transmitted`](Self::transmitted) says that they, or a part of them, were written.
    /// After [`GatewayOutput::Writable`] pull until nothing waits or the socket is full; there is no second call.
    pub fn poll_transmit(&mut self, connection: ConnectionId, max_bytes: usize) -> Option<Bytes> {
        let connection = self.slots[*self.by_id.get(&connection)?].as_mut()?;
        let bytes = connection.outbox.peek(max_bytes);
        connection.outbox.announced = bytes.is_some();
        bytes
    }

    /// The first `bytes` of what [`poll_transmit`](Self::poll_transmit) returned were written. Whether more waits; if not,
    /// [`GatewayOutput::Writable`] tells of the next.
    pub fn transmitted(
        &mut self,
        now: Time,
        connection: ConnectionId,
        bytes: usize,
        out: &mut Vec<GatewayOutput>,
    ) -> bool {
        let Some(&slot) = self.by_id.get(&connection) else { return false };
        let connection = self.connection(slot);
        connection.outbox.advance(bytes);
        let is_more = connection.outbox.bytes() > 0;
        connection.outbox.announced = is_more;
        connection.took = now;
        let must_look = !is_more && std::mem::take(&mut connection.deadline_counts_taking);
        self.counters.outbox_bytes -= bytes as u64;
        if must_look {
            self.schedule(slot);
        }
        if self.connection(slot).outbox.bytes() <= drained_bytes(&self.config) {
            self.connection(slot).lagging = false;
            planted!(NotCaughtUpWhenDrained, (), self.catch_up(slot, out));
            self.serve(now, slot, out);
        }
        is_more
    }

    /// When to come back with [`GatewayInput::Timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let connection = self.deadlines.first().map(|&(at, _)| at);
        let typing = self.typing_deadlines.first().map(|&(at, _)| at);
        [connection, typing, self.health_at, self.drain_at].into_iter().flatten().min()
    }

    /// Bytes that wait for each connection.
    pub fn outboxes(&self) -> impl Iterator<Item = (ConnectionId, usize)> {
        self.slots.iter().flatten().map(|connection| (connection.id, connection.outbox.bytes()))
    }

    /// What it has done so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How long its tables are.
    #[must_use]
    pub fn tables(&self) -> Tables {
        Tables {
            connections: self.slots.len(),
            rooms: self.rooms.len(),
            deadlines: self.deadlines.len(),
            typing_deadlines: self.typing_deadlines.len(),
        }
    }

    fn connected(&mut self, now: Time, id: ConnectionId, opening: Opening, out: &mut Vec<GatewayOutput>) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(Connection::new(id, &opening, &self.config, now));
        let earlier = self.by_id.insert(id, slot);
        assert!(earlier.is_none(), "connection ids are never reused");
        self.counters.connections += 1;
        if self.draining {
            self.close(now, slot, Disconnect::Shutdown, out);
        } else if self.by_id.len() > self.config.connections_max as usize {
            self.close(now, slot, Disconnect::Overloaded, out);
        } else {
            self.open(now, slot, out);
            self.arrive(now, slot, opening, out);
            self.schedule(slot);
        }
    }

    fn disconnected(&mut self, id: ConnectionId, out: &mut Vec<GatewayOutput>) {
        let Some(&slot) = self.by_id.get(&id) else { return };
        if planted!(ClosedConnectionKept, self.connection(slot).is_closing(), false) {
            return;
        }
        self.release(slot, None, out);
        self.by_id.remove(&id);
        let connection = self.slots[slot].take().expect("it is in the table");
        self.deadlines.remove(&(connection.deadline, slot));
        self.counters.connections -= 1;
        let waiting = planted!(OutboxBytesLeak, 0, connection.outbox.bytes());
        self.counters.outbox_bytes -= waiting as u64;
        if !planted!(SlotsNeverFreed) {
            self.free.push(slot);
        }
    }

    /// Says why, and ends the connection's part in everything.
    fn close(&mut self, now: Time, slot: Slot, reason: Disconnect, out: &mut Vec<GatewayOutput>) {
        if self.connection(slot).is_closing() {
            return;
        }
        let spread = u64::try_from(self.config.return_spread.as_millis()).unwrap_or(u64::MAX);
        let retry_after = may_return(Some(reason.code()))
            .then(|| planted!(AllReturnAtOnce, spread / 2, self.secrets.below(spread)))
            .map(std::time::Duration::from_millis);
        self.begin_payloads(now);
        self.slots[slot].as_ref().expect("it is in the table").codec.farewell(reason, &mut self.payloads);
        self.put_frames();
        if !self.fits(slot, self.frame.len()) {
            // Only the close frame has a place kept for it.
            self.frame.clear();
        }
        let code = self.connection(slot).codec.dialect().close_code(reason);
        wire::put_close(code, &reason.reason(retry_after), &mut self.frame);
        self.finish(now, slot, reason, None, out);
    }

    /// Sends the close frame in `self.frame` and lets go of the connection.
    fn finish(
        &mut self,
        now: Time,
        slot: Slot,
        reason: Disconnect,
        code: Option<u16>,
        out: &mut Vec<GatewayOutput>,
    ) {
        let frame = std::mem::take(&mut self.frame);
        self.push_own(now, slot, &frame, out);
        self.frame = frame;
        self.release(slot, code, out);
        let connection = self.connection(slot);
        connection.phase = Phase::Closing;
        out.push(GatewayOutput::Close { connection: connection.id, reason });
        if reason == Disconnect::Slow {
            self.counters.slow_closed += 1;
        }
    }

    /// Takes a connection out of its rooms and tells the shards; `code` is what the client closed with.
    fn release(&mut self, slot: Slot, code: Option<u16>, out: &mut Vec<GatewayOutput>) {
        let rooms = std::mem::take(&mut self.connection(slot).rooms);
        for room in planted!(ReaderNotUnseated, Vec::new(), rooms) {
            self.unseat(room, slot);
        }
        let gateway = self.id;
        let connection = self.connection(slot);
        connection.waiting.clear();
        let peer = match &connection.phase {
            Phase::Attached(peer) => peer.clone(),
            Phase::Attaching(attaching) => Peer {
                gateway,
                connection: connection.id,
                session: attaching.session,
                generation: crate::Generation(0),
                user: attaching.user.clone(),
                role: connection.role(),
                owner: connection.owner(),
                visitor: connection.visitor,
            },
            Phase::Silent(user) => {
                let user = user.clone();
                return self.silent.remove(&user, slot);
            }
            Phase::Arriving | Phase::Closing => return,
        };
        if planted!(SessionOutlivesConnection, matches!(connection.phase, Phase::Attaching(_)), false) {
            return;
        }
        let keep = match code {
            Some(1000 | 1001) => Keep::Nothing,
            _ if connection.greeted => Keep::Window,
            _ => Keep::Grace,
        };
        connection.phase = Phase::Closing;
        let (typing, shards) =
            (std::mem::take(&mut connection.typing), std::mem::take(&mut connection.shards));
        let limiters = self.give_limiters_back(slot, &peer.user);
        for (room, _) in typing {
            self.signal_typing(peer.clone(), room, false, out);
        }
        for shard in shards {
            out.push(GatewayOutput::Submit {
                shard,
                op: Op::Detach { peer: peer.clone(), keep, limiters: limiters.clone() },
            });
        }
    }

    /// Lets go of a user's connection that stays open, if not too many of theirs do. What it asked for before is not
    /// answered.
    fn silence(&mut self, now: Time, slot: Slot, user: UserName, out: &mut Vec<GatewayOutput>) {
        if self.connection(slot).is_closing() {
            return;
        }
        if planted!(SilentStillReads) {
            self.connection(slot).rooms.clear();
        }
        self.release(slot, None, out);
        let connection = self.connection(slot);
        connection.phase = Phase::Silent(user.clone());
        (connection.verifying, connection.identity) = (None, None);
        (connection.gathering, connection.paging, connection.unanswered) = (None, false, 0);
        (connection.lagging, connection.catching_up) = (false, false);
        self.update_reading(slot, out);
        if let Some(oldest) = self.silent.add(&user, slot, self.config.silent_per_user_max) {
            self.close(now, oldest, Disconnect::Replaced, out);
        }
    }

    /// Takes a reader out of a room, and the room out of the table with its last reader.
    fn unseat(&mut self, index: RoomIndex, slot: Slot) {
        let room = self.rooms[index].as_mut().expect("it is in the table");
        room.unseat(slot);
        if room.readers.is_empty() {
            let room = self.rooms[index].take().expect("it is in the table");
            if let Some(due) = room.typing_due {
                self.typing_deadlines.remove(&(due, index));
            }
            self.by_name.remove(&room.name);
            if !planted!(RoomSlotsNeverFreed) {
                self.free_rooms.push(index);
            }
            self.counters.rooms -= 1;
        }
    }

    /// The room's index, made if there is none.
    fn room_index(&mut self, name: &RoomName) -> RoomIndex {
        if let Some(&index) = self.by_name.get(name) {
            return index;
        }
        let index = self.free_rooms.pop().unwrap_or_else(|| {
            self.rooms.push(None);
            self.rooms.len() - 1
        });
        self.rooms[index] = Some(Room::new(name.clone(), self.shard_of_room(name)));
        self.by_name.insert(name.clone(), index);
        self.counters.rooms += 1;
        index
    }

    fn shard_of_room(&self, room: &RoomName) -> ShardId {
        hash::shard_of(room.as_str(), self.config.shards)
    }

    /// The shard that knows a user's sessions.
    fn home_of(&self, user: &UserName) -> ShardId {
        hash::shard_of(user.as_str(), self.config.shards)
    }

    fn connection(&mut self, slot: Slot) -> &mut Connection {
        self.slots[slot].as_mut().expect("it is in the table")
    }

    /// Says what the connection's dialect begins with.
    fn open(&mut self, now: Time, slot: Slot, out: &mut Vec<GatewayOutput>) {
        self.begin_payloads(now);
        let connection = self.slots[slot].as_ref().expect("it is in the table");
        connection.codec.open(&self.config, &mut self.payloads);
        self.send_payloads(now, slot, out);
    }

    /// Encodes an event for one connection. One that asks for more than it reads, so that it does not fit, is closed.
    fn tell(&mut self, now: Time, slot: Slot, event: &Event<'_>, out: &mut Vec<GatewayOutput>) {
        if self.connection(slot).is_over() {
            return;
        }
        self.begin_payloads(now);
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        if let Some(tap) = &mut self.tap {
            let codec = || connection.codec.clone();
            tap.redact(event, self.payloads.sending, |event, payloads| codec().encode(event, payloads));
        }
        connection.codec.encode(event, &mut self.payloads);
        self.send_payloads(now, slot, out);
    }

    /// Sends what was written for one connection, if anything. One that asks for more than it reads is closed.
    fn send_payloads(&mut self, now: Time, slot: Slot, out: &mut Vec<GatewayOutput>) {
        self.put_frames();
        if self.frame.is_empty() {
            return;
        }
        if !self.fits(slot, self.frame.len()) {
            return self.close(now, slot, Disconnect::Slow, out);
        }
        let frame = std::mem::take(&mut self.frame);
        self.push_own(now, slot, &frame, out);
        self.frame = frame;
    }

    /// Whether so many bytes fit into an outbox and leave room for a close frame.
    fn fits(&self, slot: Slot, bytes: usize) -> bool {
        let waiting = self.slots[slot].as_ref().expect("it is in the table").outbox.bytes();
        let waiting = planted!(OutboxCapIgnored, 0, waiting);
        waiting + bytes + wire::CONTROL_FRAME_MAX <= self.config.outbox_bytes_max
    }

    fn begin_payloads(&mut self, now: Time) {
        self.written += 1;
        self.payloads.begin(Sending { now, gateway: self.id, serial: self.written });
    }

    /// Frames what was written.
    fn put_frames(&mut self) {
        self.frame.clear();
        for payload in self.payloads.iter() {
            wire::put(Opcode::Text, payload, &mut self.frame);
        }
        if let Some(tap) = &mut self.tap {
            tap.note(&self.payloads);
        }
    }

    fn push_own(&mut self, now: Time, slot: Slot, frame: &[u8], out: &mut Vec<GatewayOutput>) {
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        if connection.is_closing() {
            return;
        }
        let (chunk, range) = Chunk::of(frame);
        give(connection, &mut self.counters, now, &chunk, range, out);
        if connection.is_clogged(&self.config) {
            self.schedule(slot);
        }
    }
}

/// Puts a part of a chunk into a connection's outbox.
fn give(
    connection: &mut Connection,
    counters: &mut Counters,
    now: Time,
    chunk: &Chunk,
    range: Range<u32>,
    out: &mut Vec<GatewayOutput>,
) {
    if connection.outbox.bytes() == 0 {
        connection.waiting_since = now;
    }
    counters.outbox_bytes += range.len() as u64;
    connection.outbox.push(chunk, range);
    if planted!(SlowReaderHoldsUpOthers, counters.outbox_bytes > connection.outbox.bytes() as u64, false) {
        return;
    }
    announce(connection, out);
}

/// Tells the driver, once, that there is something to write.
fn announce(connection: &mut Connection, out: &mut Vec<GatewayOutput>) {
    if !connection.outbox.announced {
        connection.outbox.announced = true;
        out.push(GatewayOutput::Writable { connection: connection.id });
    }
}

//! What clients say: frames become requests, requests are checked and passed on.

use std::{collections::VecDeque, sync::Arc};

use super::{
    Frame, Gateway, GatewayOutput, Notice, Opcode, Slot,
    connection::{Gathering, NamedBy, Phase, drained_bytes},
    identity::Verifying,
    wire,
};
use crate::{
    dialect::{Codec, Command, Decoded, Dialect, Event, Opening, Rejection, Request, dialect_of},
    disconnect::Disconnect,
    id::{ConnectionId, RequestId, ShardId},
    name::RoomName,
    refusal::Refusal,
    shard::{Extra, Op, Peer, Query, Signal},
    time::Time,
};

/// What an answer is told by: the client's number for the request, and the key of a message.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) id: Option<RequestId>,
    pub(super) key: Option<&'a str>,
}

impl From<Option<RequestId>> for Asked<'_> {
    fn from(id: Option<RequestId>) -> Self {
        Self { id, key: None }
    }
}

impl Gateway {
    pub(super) fn received(&mut self, now: Time, slot: Slot, frame: Frame<'_>, out: &mut Vec<GatewayOutput>) {
        let connection = self.connection(slot);
        if connection.is_closing() {
            return;
        }
        connection.heard = now;
        let is_over = connection.is_over();
        if std::mem::take(&mut connection.awaiting_pong) {
            // The next ping may be due before this one's answer would have been.
            self.schedule(slot);
        }
        match frame {
            Frame::Text(_) | Frame::Binary(_) if is_over => self.ignore(now, slot, out),
            Frame::Text(text) => self.text(now, slot, text, out),
            Frame::Binary(_) => {
                self.counters.frames_in += 1;
                self.control(now, slot, None, out, |gateway, out| {
                    gateway.refuse(now, slot, None, Refusal::BinaryFrame, None, None, out);
                });
            }
            Frame::Ping(payload) => self.ping(now, slot, payload, out),
            Frame::Pong => self.pong(now, slot, out),
            Frame::Close(code) => self.close_requested(now, slot, code, out),
        }
    }

    /// Serves what waited, as far as that is possible now.
    pub(super) fn serve(&mut self, now: Time, slot: Slot, out: &mut Vec<GatewayOutput>) {
        // This is asked after every write, and nearly always nothing waits.
        if !self.connection(slot).waiting.is_empty() {
            let config = self.config.clone();
            while self.connection(slot).is_ready(&config)
                && let Some(text) = self.connection(slot).waiting.pop_front()
            {
                self.request(now, slot, &text, out);
            }
            let waiting = &mut self.connection(slot).waiting;
            if waiting.is_empty() {
                // An idle connection keeps no buffer.
                *waiting = VecDeque::new();
            }
        }
        self.update_reading(slot, out);
    }

    /// Stops reading a connection that cannot be served, and goes on once it can.
    pub(super) fn update_reading(&mut self, slot: Slot, out: &mut Vec<GatewayOutput>) {
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        if connection.is_closing() {
            return;
        }
        let ready = connection.is_ready(&self.config) && connection.waiting.is_empty();
        // Not at once after it was stopped, so that it is not stopped and started for every frame.
        let rested = connection.unanswered <= self.config.unanswered_max / 2
            && connection.outbox.bytes() <= drained_bytes(&self.config);
        let rested = planted!(ReadingStaysOff, false, rested);
        let on = ready && (connection.reading || rested);
        if on != connection.reading {
            connection.reading = on;
            out.push(GatewayOutput::Reading { connection: connection.id, on });
        }
    }

    fn text(&mut self, now: Time, slot: Slot, text: &str, out: &mut Vec<GatewayOutput>) {
        self.counters.frames_in += 1;
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        if connection.codec.dialect().is_pong(text) {
            return self.pong(now, slot, out);
        }
        connection.spoke = now;
        connection.abuse.received(now, &self.config);
        if connection.waiting.is_empty() && connection.is_ready(&self.config) {
            self.request(now, slot, text, out);
        } else {
            assert!(
                connection.waiting.len() <= self.config.unanswered_max as usize,
                "the driver stops reading when it is told to"
            );
            connection.waiting.push_back(text.into());
        }
        self.update_reading(slot, out);
    }

    /// A frame from a connection that is not listened to any more. A flood of them is a flood all the same.
    fn ignore(&mut self, now: Time, slot: Slot, out: &mut Vec<GatewayOutput>) {
        self.counters.frames_in += 1;
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        connection.spoke = now;
        connection.abuse.received(now, &self.config);
        self.control(now, slot, None, out, |_, _| {});
    }

    /// A flood of pings is a flood like any other; those over the rate are not answered.
    fn ping(&mut self, now: Time, slot: Slot, payload: &[u8], out: &mut Vec<GatewayOutput>) {
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        connection.abuse.received(now, &self.config);
        self.control(now, slot, None, out, |gateway, out| {
            if gateway.fits(slot, wire::CONTROL_FRAME_MAX) {
                let mut frame = Vec::with_capacity(2 + payload.len());
                wire::put(Opcode::Pong, payload, &mut frame);
                gateway.push_own(now, slot, &frame, out);
            }
        });
    }

    /// A pong says nothing. One that nobody asked for costs what any other frame does.
    fn pong(&mut self, now: Time, slot: Slot, out: &mut Vec<GatewayOutput>) {
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        if connection.pongs_owed > 0 {
            connection.pongs_owed -= 1;
            return;
        }
        connection.abuse.received(now, &self.config);
        self.control(now, slot, None, out, |_, _| {});
    }

    fn close_requested(&mut self, now: Time, slot: Slot, code: Option<u16>, out: &mut Vec<GatewayOutput>) {
        if planted!(CloseOverlooked) {
            return;
        }
        self.frame.clear();
        match code {
            Some(code) => wire::put_close(code, "", &mut self.frame),
            None => wire::put(Opcode::Close, &[], &mut self.frame),
        }
        // A close without a code is a client that is done, too.
        self.finish(now, slot, Disconnect::Requested, Some(code.unwrap_or(1000)), out);
    }

    fn request(&mut self, now: Time, slot: Slot, text: &str, out: &mut Vec<GatewayOutput>) {
        if text.len() > self.config.frame_bytes_max {
            return self.control(now, slot, None, out, |gateway, out| {
                gateway.refuse(now, slot, None, Refusal::FrameTooLarge, None, None, out);
            });
        }
        if self.waits_for_name(now, slot, text, out) {
            return;
        }
        self.begin_payloads(now);
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        match connection.codec.decode(text, &mut self.payloads) {
            Ok(Decoded::Request(request)) => {
                // What a codec has to say at once comes first.
                self.send_payloads(now, slot, out);
                if !self.connection(slot).is_closing() {
                    self.command(now, slot, request, text, out);
                }
            }
            Ok(Decoded::Answered) => self.control(now, slot, None, out, |gateway, out| {
                gateway.send_payloads(now, slot, out);
            }),
            Ok(Decoded::Goodbye) => self.close_requested(now, slot, Some(1000), out),
            Err(Rejection { id, key, refusal, detail }) => {
                self.control(now, slot, id, out, |gateway, out| {
                    let asked = Asked { id, key: key.as_deref() };
                    gateway.refuse(now, slot, asked, refusal, detail.as_deref(), None, out);
                });
            }
        }
    }

    /// What this text is read as if it comes from the connection now, be it once its token is verified. `None` if it could
    /// be of several dialects, or is of none, or nobody is connected.
    #[must_use]
    pub fn reads_as(&self, connection: ConnectionId, text: &str) -> Option<Dialect> {
        let slot = *self.by_id.get(&connection)?;
        let connection = self.slots[slot].as_ref().expect("it is in the table");
        match &connection.codec {
            Codec::Undecided(opening) if opening.token.is_some() => dialect_of(text, true),
            _ => connection.reads_as(text, &self.config),
        }
    }

    /// Settles what is spoken where the first frame tells. True if the frame has to wait until its user is known.
    fn waits_for_name(&mut self, now: Time, slot: Slot, text: &str, out: &mut Vec<GatewayOutput>) -> bool {
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        let Codec::Undecided(opening) = &connection.codec else { return false };
        let is_verified = connection.claimed().is_some();
        let Some(dialect) = connection.reads_as(text, &self.config) else { return false };
        let dialect = planted!(FirstFrameOverlooked, Dialect::Chat, dialect);
        let opening = Opening { dialect: Some(dialect), ..Opening::clone(opening) };
        connection.codec = Codec::new(dialect, &self.config);
        // What could have been a name is a token, if it is none in this dialect.
        let verifies = !is_verified && opening.to_verify(&self.config).is_some();
        if !dialect.is_named_by_address() && !verifies {
            return false;
        }
        connection.waiting.push_front(text.into());
        if verifies {
            self.arrive(now, slot, opening, out);
        } else {
            self.enter(now, slot, opening.named(&self.config), out);
        }
        true
    }

    fn command(
        &mut self,
        now: Time,
        slot: Slot,
        request: Request<'_>,
        text: &str,
        out: &mut Vec<GatewayOutput>,
    ) {
        let Request { id, user, command } = request;
        let peer = match &self.connection(slot).phase {
            Phase::Attached(peer) => peer.clone(),
            Phase::Arriving => return self.introduce(now, slot, Request { id, user, command }, text, out),
            Phase::Attaching(_) | Phase::Silent(_) | Phase::Closing => unreachable!("not served then"),
        };
        if user.is_some_and(|user| user != peer.user) {
            return self.control(now, slot, id, out, |gateway, out| {
                gateway.refuse(now, slot, id, Refusal::UserMismatch, None, None, out);
            });
        }
        if let Command::Publish { room, content, extra } = command {
            return self.publish(now, slot, peer, id, room, &content, extra, out);
        }
        self.control(now, slot, id, out, |gateway, out| {
            gateway.perform(now, slot, peer, id, command, out);
        });
    }

    /// A first request: whoever names a user speaks for it from now on.
    fn introduce(
        &mut self,
        now: Time,
        slot: Slot,
        request: Request<'_>,
        text: &str,
        out: &mut Vec<GatewayOutput>,
    ) {
        let Request { id, user: named, command } = request;
        let command = match command {
            Command::Hello { resume, token: Some(token) } if self.config.verify_tokens => {
                return self.control(now, slot, id, out, |gateway, out| {
                    gateway.verify(slot, Verifying::Hello { id, named, resume }, token, out);
                });
            }
            command => command,
        };
        let user = match self.speaker(slot, named) {
            Ok(user) => user,
            Err(refusal) => {
                return self.control(now, slot, id, out, |gateway, out| {
                    gateway.refuse(now, slot, id, refusal, None, None, out);
                });
            }
        };
        match (user, command) {
            (Some(user), Command::Hello { resume, .. }) => {
                self.control(now, slot, id, out, |gateway, out| {
                    gateway.attach(slot, id, user, resume, NamedBy::Hello, out);
                });
            }
            (None, Command::Ping) => {
                self.control(now, slot, id, out, |gateway, out| {
                    gateway.tell(now, slot, &Event::Pong { id }, out);
                });
            }
            (Some(user), _) => {
                // The request itself is served, and paid for, once the user is known.
                self.control(now, slot, id, out, |gateway, out| {
                    gateway.connection(slot).waiting.push_front(text.into());
                    gateway.attach(slot, id, user, None, NamedBy::Request, out);
                });
            }
            (None, _) => self.control(now, slot, id, out, |gateway, out| {
                let needs_token = gateway.needs_token(slot);
                let refusal = if needs_token { Refusal::TokenRequired } else { Refusal::NotAttached };
                gateway.refuse(now, slot, id, refusal, None, None, out);
            }),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a request, taken apart")]
    fn publish(
        &mut self,
        now: Time,
        slot: Slot,
        peer: Peer,
        id: Option<RequestId>,
        room: RoomName,
        content: &str,
        extra: Option<Box<Extra>>,
        out: &mut Vec<GatewayOutput>,
    ) {
        let asked = Asked { id, key: extra.as_deref().and_then(Extra::answerable_key) };
        if let Err(above) = self.admit_message(now, slot) {
            return self.refuse_rate(now, slot, asked, above, out);
        }
        if content.len() > self.config.content_bytes_max {
            return self.refuse(now, slot, asked, Refusal::ContentTooLarge, None, None, out);
        }
        if content.chars().all(char::is_whitespace) {
            return self.refuse(now, slot, asked, Refusal::ContentEmpty, None, None, out);
        }
        if let Some(Err(why)) = extra.as_deref().map(Extra::check) {
            return self.refuse(now, slot, asked, Refusal::BadFrame, Some(why), None, out);
        }
        self.counters.messages_in += 1;
        out.push(GatewayOutput::Notice(Notice::Said {
            connection: peer.connection,
            user: peer.user.clone(),
            id,
            room: room.clone(),
            bytes: content.len(),
        }));
        // Not every message is shown to anybody: it may be a repeat.
        self.typing(now, slot, peer.clone(), room.clone(), false, out);
        let content = planted!(ContentCutAtLine, content.lines().next().unwrap_or_default(), content);
        let shard = self.shard_of_room(&room);
        self.submit(slot, shard, Op::Publish { peer, id, room, content: Arc::from(content), extra }, out);
    }

    pub(super) fn perform(
        &mut self,
        now: Time,
        slot: Slot,
        peer: Peer,
        id: Option<RequestId>,
        command: Command<'_>,
        out: &mut Vec<GatewayOutput>,
    ) {
        let config = self.config.clone();
        let list_limit =
            |limit: Option<u32>| limit.unwrap_or(config.list_page_max).clamp(1, config.list_page_max);
        match command {
            Command::Hello { .. } => self.refuse(now, slot, id, Refusal::AlreadyAttached, None, None, out),
            Command::Refresh { .. } if !config.verify_tokens => {
                self.refuse(now, slot, id, Refusal::TokensOff, None, None, out);
            }
            Command::Refresh { token } => self.verify(slot, Verifying::Refresh { id }, token, out),
            Command::Ping => self.tell(now, slot, &Event::Pong { id }, out),
            Command::Join { room, since, history } => {
                let dialect = self.connection(slot).codec.dialect();
                // Who wants no history wants none of a bot, either.
                let backlog = history.map_or_else(|| dialect.shows_history(), |history| history > 0);
                let usual = dialect.history_on_join(&config);
                let history = history.map_or(usual, |history| history.min(config.page_messages_max));
                let shard = self.shard_of_room(&room);
                if !self.reads(slot, &room) {
                    // What they wrote before they came in, nobody was told of.
                    self.connection(slot).typing.retain(|(typing, _)| *typing != room);
                }
                self.submit(slot, shard, Op::Join { peer, id, room, since, history, backlog }, out);
            }
            Command::Leave { room } => {
                planted!(LeaverMissesLast, self.leave(slot, &room), ());
                self.typing(now, slot, peer.clone(), room.clone(), false, out);
                let shard = self.shard_of_room(&room);
                self.submit(slot, shard, Op::Leave { peer, id, room }, out);
            }
            Command::Create { room, private } => {
                let shard = self.shard_of_room(&room);
                self.submit(slot, shard, Op::Create { peer, id, room, private }, out);
            }
            Command::Invite { room, user } => {
                let shard = self.shard_of_room(&room);
                self.submit(slot, shard, Op::Invite { peer, id, room, user }, out);
            }
            Command::Kick { room, user } => {
                let shard = self.shard_of_room(&room);
                self.submit(slot, shard, Op::Kick { peer, id, room, user }, out);
            }
            Command::Status { room, status } => {
                if let Err(why) = status.check() {
                    return self.refuse(now, slot, id, Refusal::BadFrame, Some(why), None, out);
                }
                let shard = self.shard_of_room(&room);
                self.submit(slot, shard, Op::SetStatus { peer, id, room, status }, out);
            }
            Command::Task { room, task } => {
                if let Err(why) = task.check() {
                    return self.refuse(now, slot, id, Refusal::BadFrame, Some(why), None, out);
                }
                let shard = self.shard_of_room(&room);
                self.submit(slot, shard, Op::SetTask { peer, id, room, task }, out);
            }
            Command::Run { room, on } => {
                let shard = self.shard_of_room(&room);
                self.submit(slot, shard, Op::Run { peer, id, room, on }, out);
            }
            Command::Seen { room, seq } => {
                let shard = self.shard_of_room(&room);
                self.submit(slot, shard, Op::Seen { peer, id, room, seq }, out);
            }
            Command::Typing { room, on } => self.typing(now, slot, peer, room, on, out),
            Command::History { room, before, limit } => {
                self.connection(slot).paging = true;
                let messages_max = limit.unwrap_or(config.history_on_join).clamp(1, config.page_messages_max);
                let bytes_max = config.page_bytes_max.min(config.outbox_bytes_max / 4);
                let shard = self.shard_of_room(&room);
                self.query(
                    slot,
                    shard,
                    Query::History { peer, id, room, before, messages_max, bytes_max },
                    out,
                );
            }
            Command::Members { room, after, limit } => {
                let shard = self.shard_of_room(&room);
                self.query(
                    slot,
                    shard,
                    Query::Members { peer, id, room, after, limit: list_limit(limit) },
                    out,
                );
            }
            Command::Rooms { after, limit } => {
                let limit = list_limit(limit);
                let gathering = Gathering {
                    id,
                    missing: config.shards,
                    limit: limit as usize,
                    rooms: Vec::new(),
                    more: false,
                };
                self.connection(slot).gathering = Some(Box::new(gathering));
                for shard in (0..config.shards).map(ShardId) {
                    let query = Query::Rooms { peer: peer.clone(), id, after: after.clone(), limit };
                    self.query(slot, shard, query, out);
                }
            }
            Command::Publish { .. } => unreachable!("has a limiter of its own"),
        }
    }

    /// Whether a connection is in a room.
    fn reads(&mut self, slot: Slot, room: &RoomName) -> bool {
        let Some(index) = self.by_name.get(room).copied() else { return false };
        self.connection(slot).rooms.binary_search(&index).is_ok()
    }

    /// Passes a typing notice on, unless it says nothing new.
    fn typing(
        &mut self,
        now: Time,
        slot: Slot,
        peer: Peer,
        room: RoomName,
        on: bool,
        out: &mut Vec<GatewayOutput>,
    ) {
        let ttl = self.config.typing_ttl;
        let rooms_max = self.config.unanswered_max as usize;
        let mut ended = None;
        let typing = &mut self.connection(slot).typing;
        let known = typing.iter().position(|(name, _)| *name == room);
        match (known, on) {
            (Some(at), true) if now.since(typing[at].1) < planted!(TypingSaidAgain, ttl / 4, ttl / 2) => {
                return;
            }
            (Some(at), true) => typing[at].1 = now,
            (None, true) => {
                typing.retain(|&(_, since)| now.since(since) < ttl);
                if typing.len() >= rooms_max {
                    // Nobody would end it when the connection does.
                    ended = Some(typing.remove(0).0);
                }
                typing.push((room.clone(), now));
            }
            (Some(at), false) => drop(typing.remove(at)),
            (None, false) => return,
        }
        if let Some(room) = ended {
            self.signal_typing(peer.clone(), room, false, out);
        }
        self.signal_typing(peer, room, on, out);
    }

    /// Tells a room's shard whether someone writes.
    pub(super) fn signal_typing(&self, peer: Peer, room: RoomName, on: bool, out: &mut Vec<GatewayOutput>) {
        let shard = self.shard_of_room(&room);
        out.push(GatewayOutput::Signal { shard, signal: Signal::Typing { peer, room, on } });
    }

    fn submit(&mut self, slot: Slot, shard: ShardId, op: Op, out: &mut Vec<GatewayOutput>) {
        let connection = self.connection(slot);
        connection.unanswered += 1;
        if !connection.shards.contains(&shard) {
            connection.shards.push(shard);
        }
        out.push(GatewayOutput::Submit { shard, op });
    }

    fn query(&mut self, slot: Slot, shard: ShardId, query: Query, out: &mut Vec<GatewayOutput>) {
        self.connection(slot).unanswered += 1;
        out.push(GatewayOutput::Query { shard, query });
    }
}

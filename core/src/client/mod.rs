//! One user's end: connect, back off, resume, resend, skip duplicates, notice gaps.
//!
//! A client keeps a session alive across connections. After every reconnect it resumes the session, joins its rooms
//! again from where it had read, and repeats what was not answered under its *old* numbers, so that everything is
//! shown once and in order and every send is in its room once. It speaks the `chat` dialect.

use std::{collections::BTreeMap, fmt, sync::Arc};

pub use api::{Backoff, ClientConfig, ClientEvent, ClientInput, ClientOutput, Command, Shown};

pub use crate::dialect::Presence;
use crate::{
    disconnect, hash,
    id::{Position, RequestId, SessionId},
    name::{RoomName, UserName},
    time::Time,
};

mod api;
mod incoming;
mod outgoing;
mod receive;
mod sends;
#[cfg(test)]
mod tests;

use self::{outgoing::Outgoing, sends::Sends};

/// Close code of a client that hears nothing any more and starts over: not one that ends its session.
pub const SILENCE_CODE: u16 = 4400;

/// One user's end of a chat. See the [module](self) for what it promises.
#[derive(Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    user: UserName,
    seed: u64,
    phase: Phase,
    /// Attempts since the server last knew us.
    attempts: u32,
    /// Attempts ever; the n-th wait is drawn from this.
    draws: u64,
    resume: Option<Credentials>,
    rooms: BTreeMap<RoomName, Room>,
    sends: Sends,
    /// Requests that are not repeated have numbers of the same sequence.
    last_id: u64,
    /// Who writes, and until when that holds if not repeated.
    typing: BTreeMap<(RoomName, UserName), Time>,
    /// When something last came in.
    heard: Time,
}

#[derive(Debug)]
enum Phase {
    /// Not started.
    Idle,
    /// Until the next attempt.
    Waiting(Time),
    /// The driver opens a connection.
    Connecting,
    /// `hello` is on its way.
    Greeting,
    /// The server knows us.
    Attached,
    /// Over.
    Ended,
}

/// What resumes a session.
#[derive(Debug)]
struct Credentials {
    session: SessionId,
    secret: Box<str>,
}

/// A room we want to be in, or have to leave.
#[derive(Debug, Default)]
struct Room {
    wanted: bool,
    /// The newest message shown.
    position: Option<Position>,
    /// The server has confirmed this connection's join.
    joined: bool,
    /// What was asked last on this connection, if it was not refused.
    asked: Option<Asked>,
    /// When to ask again what was refused for its rate.
    ask_at: Option<Time>,
    /// A gap was noticed and the room is being joined again from `position`.
    mending: bool,
}

/// A request to enter or to leave a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked {
    Join(RequestId),
    Leave(RequestId),
}

impl Room {
    /// Whether this is the number of the request that was made last.
    fn has_asked(&self, id: RequestId) -> bool {
        matches!(self.asked, Some(Asked::Join(asked) | Asked::Leave(asked)) if asked == id)
    }
}

/// The client holds as many unanswered sends as it may: the user is faster than the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QueueFull;

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many sends wait for an answer")
    }
}

impl std::error::Error for QueueFull {}

impl Client {
    /// A client that has not connected yet; `seed` jitters its backoff.
    #[must_use]
    pub const fn new(config: Arc<ClientConfig>, user: UserName, seed: u64) -> Self {
        Self {
            config,
            user,
            seed,
            phase: Phase::Idle,
            attempts: 0,
            draws: 0,
            resume: None,
            rooms: BTreeMap::new(),
            sends: Sends::new(),
            last_id: 0,
            typing: BTreeMap::new(),
            heard: Time(0),
        }
    }

    /// Connects, and keeps connected until [`shutdown`](Self::shutdown).
    pub fn start(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        if matches!(self.phase, Phase::Idle) {
            self.connect(now, out);
        }
    }

    /// Says goodbye and ends: the session's memberships end with it.
    pub fn shutdown(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        match self.phase {
            Phase::Ended => return,
            Phase::Connecting | Phase::Greeting | Phase::Attached => {
                out.push(ClientOutput::Close { code: 1000 });
            }
            Phase::Idle | Phase::Waiting(_) => {}
        }
        self.end(now, Some(1000), out);
    }

    /// Does something, now or as soon as possible.
    ///
    /// Joins, leaves and publishes survive reconnects. Everything else is tried once: without a connection it comes to
    /// nothing.
    ///
    /// # Errors
    /// [`QueueFull`] if `queue_max` publishes wait already.
    pub fn submit(
        &mut self,
        now: Time,
        command: Command,
        out: &mut Vec<ClientOutput>,
    ) -> Result<RequestId, QueueFull> {
        if matches!(command, Command::Publish { .. }) && self.sends.len() >= self.config.queue_max {
            return Err(QueueFull);
        }
        let id = self.next_id();
        match command {
            Command::Join { room } => {
                let state = self.rooms.entry(room.clone()).or_default();
                state.wanted = true;
                // A second answer would speak of where we were before the first.
                if !matches!(state.asked, Some(Asked::Join(_))) {
                    self.join(id, &room, out);
                }
            }
            Command::Leave { room } => {
                self.rooms.entry(room.clone()).or_default().wanted = false;
                self.typing.retain(|(typing, _), _| *typing != room);
                self.leave(id, &room, out);
            }
            Command::Publish { room, content } => {
                self.sends.push(id, room, content);
                self.send_pending(now, out);
            }
            Command::Typing { room, on } => {
                self.transmit(&Outgoing::Typing { room: &room, user: &self.user, typing: on }, out);
            }
            Command::History { room, before, limit } => {
                self.transmit(&Outgoing::History { id, room: &room, before, limit }, out);
            }
            Command::Members { room, after } => {
                self.transmit(&Outgoing::Members { id, room: &room, after: after.as_ref() }, out);
            }
            Command::Rooms { after } => self.transmit(&Outgoing::Rooms { id, after: after.as_ref() }, out),
            Command::Create { room } => self.transmit(&Outgoing::Create { id, room: &room }, out),
            Command::Status { room, status } => self.transmit(&Outgoing::status(id, &room, &status), out),
            Command::Task { room, task } => self.transmit(&Outgoing::task(id, &room, &task), out),
        }
        Ok(id)
    }

    /// Handles one input.
    pub fn handle_input(&mut self, now: Time, input: ClientInput<'_>, out: &mut Vec<ClientOutput>) {
        match (input, &self.phase) {
            (ClientInput::Opened, Phase::Connecting) => {
                self.phase = Phase::Greeting;
                self.heard = now;
                let resume = self.resume.as_ref();
                let hello = Outgoing::Hello {
                    user: &self.user,
                    session: resume.map(|credentials| credentials.session.to_string()),
                    secret: resume.map(|credentials| &*credentials.secret),
                };
                out.push(ClientOutput::Transmit(hello.to_json()));
            }
            (ClientInput::Received(frame), Phase::Greeting | Phase::Attached) => {
                self.heard = now;
                self.received(now, frame, out);
            }
            (ClientInput::Closed { code, reason }, Phase::Connecting | Phase::Greeting | Phase::Attached) => {
                self.closed(now, code, reason, out);
            }
            (ClientInput::Timeout, _) => self.timeout(now, out),
            // What a connection says after it was given up does not count.
            _ => {}
        }
    }

    /// When to come back with [`ClientInput::Timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let phase = match self.phase {
            Phase::Waiting(until) => Some(until),
            Phase::Connecting | Phase::Idle | Phase::Ended => None,
            Phase::Greeting | Phase::Attached => Some(self.heard + self.config.silence_timeout),
        };
        let requests = if self.is_attached() {
            let rooms = self.rooms.values().filter_map(|room| room.ask_at).min();
            self.sends.held_until().into_iter().chain(rooms).min()
        } else {
            None
        };
        let typing = self.typing.values().min().copied();
        [phase, requests, typing].into_iter().flatten().min()
    }

    /// The newest message shown of a room.
    #[must_use]
    pub fn position(&self, room: &RoomName) -> Option<Position> {
        self.rooms.get(room)?.position
    }

    /// Whether the server knows the present connection.
    #[must_use]
    pub const fn is_attached(&self) -> bool {
        matches!(self.phase, Phase::Attached)
    }

    /// Whether the present connection is confirmed as a reader of the room.
    #[must_use]
    pub fn is_joined(&self, room: &RoomName) -> bool {
        self.is_attached() && self.rooms.get(room).is_some_and(|room| room.joined)
    }

    /// Whether the client has stopped for good.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Publishes not answered yet.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.sends.len()
    }

    fn connect(&mut self, _now: Time, out: &mut Vec<ClientOutput>) {
        self.phase = Phase::Connecting;
        out.push(ClientOutput::Connect);
    }

    fn timeout(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        match self.phase {
            Phase::Waiting(until) if until <= now => self.connect(now, out),
            Phase::Greeting | Phase::Attached if self.heard + self.config.silence_timeout <= now => {
                out.push(ClientOutput::Close { code: SILENCE_CODE });
                self.closed(now, None, "", out);
            }
            _ => {}
        }
        self.end_typing(now, out);
        self.ask_again(now, out);
        self.send_pending(now, out);
    }

    /// Joins and leaves that were refused for their rate.
    fn ask_again(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        if !self.is_attached() {
            return;
        }
        let due = |room: &Room| room.ask_at.is_some_and(|at| at <= now);
        let due: Vec<_> = (self.rooms.iter().filter(|(_, room)| due(room)))
            .map(|(name, room)| (name.clone(), room.wanted))
            .collect();
        for (room, wanted) in due {
            let id = self.next_id();
            if wanted { self.join(id, &room, out) } else { self.leave(id, &room, out) }
        }
    }

    fn end_typing(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        self.typing.retain(|(room, user), until| {
            if *until <= now {
                let (room, user) = (room.clone(), user.clone());
                out.push(ClientOutput::Event(ClientEvent::Presence {
                    room,
                    user,
                    presence: Presence::Online,
                }));
            }
            *until > now
        });
    }

    fn closed(&mut self, now: Time, code: Option<u16>, reason: &str, out: &mut Vec<ClientOutput>) {
        for room in self.rooms.values_mut() {
            *room = Room { wanted: room.wanted, position: room.position, ..Room::default() };
        }
        self.sends.disconnected();
        self.typing.clear();
        let gave_up = self.config.backoff.attempts_max.is_some_and(|max| self.attempts >= max);
        if !disconnect::may_return(code) || gave_up {
            return self.end(now, code, out);
        }
        let planned = disconnect::retry_after(reason);
        let retry_in = planned.unwrap_or_else(|| self.backoff());
        self.attempts += 1;
        self.phase = Phase::Waiting(now + retry_in);
        out.push(ClientOutput::Event(ClientEvent::Disconnected { code, retry_in }));
    }

    /// Full jitter: uniform up to a bound that grows with every attempt.
    fn backoff(&mut self) -> std::time::Duration {
        let Backoff { base, max, factor_percent, .. } = self.config.backoff;
        let mut bound = base.min(max);
        for _ in 0..self.attempts {
            bound = (bound * factor_percent.max(100) / 100).min(max);
            if bound == max {
                break;
            }
        }
        self.draws += 1;
        let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        let drawn = hash::mix(hash::mix(self.seed, hash::bytes(self.user.as_str().as_bytes())), self.draws);
        std::time::Duration::from_micros(drawn % micros.saturating_add(1).max(1))
    }

    fn end(&mut self, _now: Time, code: Option<u16>, out: &mut Vec<ClientOutput>) {
        self.phase = Phase::Ended;
        self.typing.clear();
        for (id, room) in self.sends.drain_transmitted() {
            out.push(ClientOutput::Event(ClientEvent::Unresolved { id, room }));
        }
        out.push(ClientOutput::Event(ClientEvent::Ended { code }));
    }

    /// The number of the next request.
    fn next_id(&mut self) -> RequestId {
        self.last_id += 1;
        RequestId(self.last_id)
    }

    /// Joins a room from where we have read it.
    fn join(&mut self, id: RequestId, room: &RoomName, out: &mut Vec<ClientOutput>) {
        self.ask(room, Asked::Join(id));
        let position = self.position(room);
        self.transmit(&Outgoing::join(id, room, &self.user, position), out);
    }

    /// Leaves a room.
    fn leave(&mut self, id: RequestId, room: &RoomName, out: &mut Vec<ClientOutput>) {
        self.ask(room, Asked::Leave(id));
        self.transmit(&Outgoing::Leave { id, room }, out);
    }

    fn ask(&mut self, room: &RoomName, asked: Asked) {
        // Without a connection it is asked once there is one.
        if self.is_attached()
            && let Some(room) = self.rooms.get_mut(room)
        {
            room.asked = Some(asked);
            room.ask_at = None;
        }
    }

    /// Sends what is not answered and not on its way, as far as that is allowed now.
    fn send_pending(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        if !self.is_attached() {
            return;
        }
        let user = &self.user;
        self.sends.transmit(now, self.config.unanswered_max, |id, room, content| {
            let frame = Outgoing::Message { room, content, user, id };
            out.push(ClientOutput::Transmit(frame.to_json()));
        });
    }

    fn transmit(&self, frame: &Outgoing<'_>, out: &mut Vec<ClientOutput>) {
        if self.is_attached() {
            out.push(ClientOutput::Transmit(frame.to_json()));
        }
    }
}

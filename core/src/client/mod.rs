//! One user's end: connect, back off, resume, resend, skip duplicates, notice gaps.
//!
//! A client keeps a session alive across connections. After every reconnect it resumes the session, joins its rooms
//! again from where it had read, and repeats what was not answered under its *old* numbers, so that everything is
//! shown once and in order and every send is in its room once. It speaks the `chat` dialect.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

pub use api::{Backoff, ClientConfig, ClientEvent, ClientInput, ClientOutput, Command, Member, Shown};

pub use crate::dialect::{Presence, chat::Limits};
use crate::{
    disconnect, hash,
    id::{Position, RequestId, SessionId},
    identity::Token,
    name::{RoomName, UserName},
    refusal::Refusal,
    time::Time,
};

mod api;
mod hold;
mod incoming;
mod outgoing;
mod receive;
mod rooms;
mod said;
mod sends;
#[cfg(test)]
mod tests;

use self::{
    hold::Hold,
    outgoing::Outgoing,
    rooms::Room,
    sends::{Forgotten, Sends},
};

/// Close code of a client that hears nothing any more, or is told to start over: not one that ends its session.
pub const SILENCE_CODE: u16 = 4400;

/// Close code of a client whose `hello` was refused and that will try again: not one that ends a session, either.
pub const HELLO_REFUSED_CODE: u16 = 4401;

/// The longest wait a server can impose: nobody is sent away for ever by a slip of its pen.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);

/// The shortest: a server whose clock stands still says "in a moment" again and again, and is not to be asked a thousand
/// times a second.
pub const RETRY_AFTER_MIN: Duration = Duration::from_millis(10);

/// One user's end of a chat. See the [module](self) for what it promises.
#[derive(Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    user: UserName,
    /// What shows that we are this user, where that is asked for.
    token: Option<Token>,
    seed: u64,
    phase: Phase,
    /// Attempts since the server last knew us.
    attempts: u32,
    /// Attempts ever; the n-th wait is drawn from this.
    draws: u64,
    /// Connections asked for, ever: the server serves the newest.
    connections: u64,
    resume: Option<Credentials>,
    /// Which of the session's connections this one is, as the server counts.
    generation: u64,
    /// What the server said it allows as it last welcomed us.
    limits: Option<Limits>,
    rooms: BTreeMap<RoomName, Room>,
    /// The rate of joins and leaves.
    asks: Hold,
    sends: Sends,
    /// Requests that are not repeated have numbers of the same sequence.
    ids: Ids,
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

/// The numbers of a client's requests: 1, 2, 3…
#[derive(Debug)]
struct Ids(u64);

impl Ids {
    fn next(&mut self) -> RequestId {
        self.0 += 1;
        RequestId(self.0)
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
            token: None,
            seed,
            phase: Phase::Idle,
            attempts: 0,
            draws: 0,
            connections: 0,
            resume: None,
            generation: 0,
            limits: None,
            rooms: BTreeMap::new(),
            asks: Hold::new(),
            sends: Sends::new(),
            ids: Ids(0),
            typing: BTreeMap::new(),
            heard: Time(0),
        }
    }

    /// The same, showing this token with every connection.
    #[must_use]
    pub fn with_token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Connects, and keeps connected until [`shutdown`](Self::shutdown).
    pub fn start(&mut self, _now: Time, out: &mut Vec<ClientOutput>) {
        if matches!(self.phase, Phase::Idle) {
            self.connect(out);
        }
    }

    /// Says goodbye and ends: the session's memberships end with it.
    pub fn shutdown(&mut self, _now: Time, out: &mut Vec<ClientOutput>) {
        match self.phase {
            Phase::Ended => return,
            Phase::Connecting | Phase::Greeting | Phase::Attached => {
                out.push(ClientOutput::Close { code: 1000 });
            }
            Phase::Idle | Phase::Waiting(_) => {}
        }
        self.end(Some(1000), out);
    }

    /// Connects anew and goes on with the session, now: without the wait before the next attempt, and in place of a
    /// connection of which nothing good is expected any more.
    pub fn reconnect(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        if matches!(self.phase, Phase::Greeting | Phase::Attached) {
            out.push(ClientOutput::Close { code: SILENCE_CODE });
            self.closed(now, None, Some(Duration::ZERO), out);
        }
        if matches!(self.phase, Phase::Waiting(_) | Phase::Connecting) {
            self.connect(out);
        }
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
        let id = self.ids.next();
        match command {
            Command::Join { room } => {
                self.want(id, room);
                self.proceed(now, out);
            }
            Command::Leave { room } => {
                self.unwant(id, room);
                self.proceed(now, out);
            }
            Command::Publish { room, content, extra } => {
                self.sends.push(id, room, content, extra);
                self.proceed(now, out);
            }
            once => {
                if let Some(frame) = Outgoing::once(id, &self.user, &once) {
                    self.transmit(id, &frame, out);
                }
                if let Command::Refresh { token } = once {
                    self.token = Some(token);
                }
            }
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
                    attempt: self.connections,
                    token: self.token.as_ref().map(Token::reveal),
                };
                out.push(ClientOutput::Transmit(hello.to_json()));
            }
            (ClientInput::Received(frame), Phase::Greeting | Phase::Attached) => {
                self.heard = now;
                self.received(now, frame, out);
            }
            (ClientInput::Closed { code, reason }, Phase::Connecting | Phase::Greeting | Phase::Attached) => {
                self.closed(now, code, disconnect::retry_after(reason), out);
            }
            (ClientInput::Timeout, _) => self.timeout(now, out),
            // What a connection says after it was given up does not count.
            _ => {}
        }
    }

    /// Whose end it is.
    #[must_use]
    pub const fn user(&self) -> &UserName {
        &self.user
    }

    /// What the server said it allows as it last welcomed us, from [`ClientEvent::Attached`] on. None if it did not say,
    /// or not in the words of this version.
    #[must_use]
    pub const fn limits(&self) -> Option<&Limits> {
        self.limits.as_ref()
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
            self.sends.held_until().into_iter().chain(self.asks.until()).min()
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

    fn connect(&mut self, out: &mut Vec<ClientOutput>) {
        self.connections += 1;
        self.phase = Phase::Connecting;
        out.push(ClientOutput::Connect);
    }

    fn timeout(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        match self.phase {
            Phase::Waiting(until) if until <= now => self.connect(out),
            Phase::Greeting | Phase::Attached if self.heard + self.config.silence_timeout <= now => {
                if planted!(SilenceOverlooked) {
                    self.heard = now;
                    return;
                }
                out.push(ClientOutput::Close { code: SILENCE_CODE });
                self.closed(now, None, None, out);
            }
            _ => {}
        }
        self.end_typing(now, out);
        self.proceed(now, out);
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

    /// The connection is gone; `planned` is when the server wants us back.
    fn closed(
        &mut self,
        now: Time,
        code: Option<u16>,
        planned: Option<Duration>,
        out: &mut Vec<ClientOutput>,
    ) {
        self.rooms.values_mut().for_each(Room::disconnected);
        self.asks.disconnected();
        self.sends.disconnected();
        self.typing.clear();
        let gave_up = self.config.backoff.attempts_max.is_some_and(|max| self.attempts >= max);
        if !disconnect::may_return(code) || gave_up {
            return self.end(code, out);
        }
        let retry_in = planned.map_or_else(|| self.backoff(), |planned| planned.min(RETRY_AFTER_MAX));
        self.attempts += 1;
        self.phase = Phase::Waiting(now + retry_in);
        out.push(ClientOutput::Event(ClientEvent::Disconnected { code, retry_in }));
    }

    /// Full jitter: uniform up to a bound that grows with every attempt.
    fn backoff(&mut self) -> Duration {
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
        Duration::from_micros(drawn % micros.saturating_add(1).max(1))
    }

    fn end(&mut self, code: Option<u16>, out: &mut Vec<ClientOutput>) {
        self.phase = Phase::Ended;
        self.typing.clear();
        self.sends.disconnected();
        self.give_up(Forgotten::All, out);
        out.push(ClientOutput::Event(ClientEvent::Ended { code }));
    }

    /// The server has forgotten something of what was sent: what may be in its room is not repeated.
    fn give_up(&mut self, what: Forgotten<'_>, out: &mut Vec<ClientOutput>) {
        for (id, room) in self.sends.give_up(what) {
            out.push(ClientOutput::Event(ClientEvent::Unresolved { id, room }));
        }
    }

    /// Does what waits, as far as that is allowed now.
    fn proceed(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        self.ask_pending(now, out);
        self.send_pending(now, out);
    }

    /// Sends what is not answered and not on its way.
    fn send_pending(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        if !self.is_attached() {
            return;
        }
        let (user, rooms, limits) = (&self.user, &self.rooms, self.limits.as_ref());
        let may_go = |id, room: &RoomName| rooms.get(room).is_none_or(|room| room.admits(id));
        let mut too_large = Vec::new();
        self.sends.transmit(now, self.config.unanswered_max, self.generation, may_go, |id, send| {
            let frame = Outgoing::message(id, &send.room, user, &send.content, send.extra.as_deref());
            match understood(limits, frame.to_json()) {
                Some(text) => out.push(ClientOutput::Transmit(text)),
                // It has been sent to a server that understood more.
                None if send.uncertain => {
                    too_large.push((id, ClientEvent::Unresolved { id, room: send.room.clone() }));
                }
                None => too_large.push((id, refused_as_too_large(id))),
            }
        });
        if too_large.is_empty() {
            return;
        }
        for (id, event) in too_large {
            self.sends.settle(id);
            out.push(ClientOutput::Event(event));
        }
        // Others may go instead, and a leave may have waited for these.
        self.proceed(now, out);
    }

    /// Asks for something once.
    fn transmit(&self, id: RequestId, frame: &Outgoing<'_>, out: &mut Vec<ClientOutput>) {
        if self.is_attached() {
            out.push(match understood(self.limits.as_ref(), frame.to_json()) {
                Some(text) => ClientOutput::Transmit(text),
                None => ClientOutput::Event(refused_as_too_large(id)),
            });
        }
    }
}

/// A frame, if it is one that the server understands. Of others it could not say which request they were, and the largest
/// end the connection.
fn understood(limits: Option<&Limits>, frame: String) -> Option<String> {
    limits.is_none_or(|limits| frame.len() <= limits.frame_bytes).then_some(frame)
}

const fn refused_as_too_large(id: RequestId) -> ClientEvent {
    ClientEvent::Refused { id: Some(id), refusal: Refusal::FrameTooLarge, retry_after: None }
}

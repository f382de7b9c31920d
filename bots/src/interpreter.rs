//! A bot's end of a protocol that is described by templates: the same inputs and outputs as core's client has.
//!
//! It knows less than that: no places in a room, no sessions that outlive a connection, and nothing is said twice. So what
//! it hears is told apart from [`ClientOutput`] as [`Heard`].

use std::{mem, sync::Arc, time::Duration};

use chinwag_core::{
    RequestId, RoomName, Time, UserName,
    client::{ClientEvent, ClientInput, ClientOutput, Command, QueueFull},
    gateway::Frame as Received,
    hash,
};
use chinwag_scenarios::{Ask, Filling, Frame, Pattern, Place, Protocol, Recognised, Template};

/// Messages that may wait for a connection, a room or an answer.
const QUEUE_MAX: usize = 1_024;
/// An answer to a hello or a join that takes longer will not come.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Upper bound of the first wait before connecting again; it doubles from one failure to the next…
const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// …up to this.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// What a bot has heard.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    /// The server knows us.
    LetIn,
    /// We are in a room.
    InRoom(RoomName),
    /// We have left a room.
    Left(RoomName),
    /// Somebody has said something.
    Said {
        /// Where, if the server says so.
        room: Option<Box<str>>,
        /// Who, if the server says so.
        user: Option<Box<str>>,
        /// What.
        payload: Box<str>,
    },
    /// What we have said is accepted.
    Accepted(Arc<str>),
    /// What we have said is refused; or something else is, if nothing is named.
    Refused(Option<Arc<str>>, String),
    /// The connection is gone, and nobody knows what became of what we have said.
    Unresolved(Arc<str>),
}

/// A bot's end of a protocol.
#[derive(Debug)]
pub(crate) struct Interpreter {
    protocol: Arc<Protocol>,
    user: UserName,
    token: Box<str>,
    seed: u64,
    phase: Phase,
    /// Attempts since one was let in.
    failures: u32,
    ids: u64,
    rooms: Vec<Stay>,
    /// What was said and has no answer, in order.
    sends: Vec<Said>,
    heard: Vec<Heard>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Idle,
    Connecting,
    /// Not let in yet, and given up at this instant; whether we have said who we are.
    Greeting {
        until: Time,
        has_spoken: bool,
    },
    In,
    /// Until the next attempt.
    Waiting(Time),
    Ended,
}

/// A room that one is to be in.
#[derive(Debug)]
struct Stay {
    room: RoomName,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Outside,
    /// Asked for under this number, and given up at this instant.
    Joining {
        id: u64,
        until: Time,
    },
    Inside,
    /// Not to be in any more; the answer is missing.
    Leaving {
        id: u64,
    },
}

/// A message that has no answer.
#[derive(Debug)]
struct Said {
    id: u64,
    room: RoomName,
    content: Arc<str>,
    is_sent: bool,
}

impl Interpreter {
    /// A bot that has not connected yet; `seed` jitters its backoff.
    pub(crate) fn new(protocol: Arc<Protocol>, user: UserName, token: &str, seed: u64) -> Self {
        Self {
            protocol,
            token: token.into(),
            seed: hash::mix(seed, hash::bytes(user.as_str().as_bytes())),
            user,
            phase: Phase::Idle,
            failures: 0,
            ids: 0,
            rooms: Vec::new(),
            sends: Vec::new(),
            heard: Vec::new(),
        }
    }

    /// Connects, and keeps connected until [`shutdown`](Self::shutdown).
    pub(crate) fn start(&mut self, out: &mut Vec<ClientOutput>) {
        if self.phase == Phase::Idle {
            self.connect(out);
        }
    }

    /// Says goodbye and ends.
    pub(crate) fn shutdown(&mut self, out: &mut Vec<ClientOutput>) {
        if matches!(self.phase, Phase::Connecting | Phase::Greeting { .. } | Phase::In) {
            out.push(ClientOutput::Close { code: 1000 });
        }
        self.phase = Phase::Ended;
    }

    /// What was heard since the last time.
    pub(crate) fn take_heard(&mut self) -> Vec<Heard> {
        mem::take(&mut self.heard)
    }

    /// Does something, now or as soon as possible. Joins, leaves and messages survive reconnects.
    ///
    /// # Errors
    /// [`QueueFull`] if too many messages wait already.
    pub(crate) fn submit(
        &mut self,
        now: Time,
        command: Command,
        out: &mut Vec<ClientOutput>,
    ) -> Result<RequestId, QueueFull> {
        if matches!(command, Command::Publish { .. }) && self.sends.len() >= QUEUE_MAX {
            return Err(QueueFull);
        }
        let id = self.next_id();
        match command {
            Command::Join { room } => {
                self.rooms.retain(|stay| stay.room != room);
                self.rooms.push(Stay { room, state: State::Outside });
                self.join_all(now, out);
            }
            Command::Leave { room } => self.leave(&room, id, out),
            Command::Publish { room, content, .. } => {
                self.sends.push(Said { id, room, content, is_sent: false });
                self.say_all(out);
            }
            Command::Typing { room, .. } => {
                if let (Phase::In, Some(typing)) = (self.phase, &self.protocol.typing) {
                    out.push(self.write(typing, room.as_str(), "", id));
                }
            }
            // Refused before a run that would want it.
            _ => {}
        }
        Ok(RequestId(id))
    }

    /// Handles one input.
    pub(crate) fn handle_input(&mut self, now: Time, input: ClientInput<'_>, out: &mut Vec<ClientOutput>) {
        match (input, self.phase) {
            (ClientInput::Opened, Phase::Connecting) => self.opened(now, out),
            (ClientInput::Received(Received::Text(text)), Phase::Greeting { .. } | Phase::In) => {
                self.received(now, text, out);
            }
            (ClientInput::Closed { code, .. }, Phase::Connecting | Phase::Greeting { .. } | Phase::In) => {
                self.closed(now, code, out);
            }
            (ClientInput::Timeout, _) => self.timeout(now, out),
            // What a connection says after it was given up does not count, nor do frames that are no text.
            _ => {}
        }
    }

    /// When to come back with [`ClientInput::Timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        match self.phase {
            Phase::Waiting(until) | Phase::Greeting { until, .. } => Some(until),
            Phase::In => self.rooms.iter().filter_map(|stay| stay.until()).min(),
            Phase::Idle | Phase::Connecting | Phase::Ended => None,
        }
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn connect(&mut self, out: &mut Vec<ClientOutput>) {
        self.phase = Phase::Connecting;
        out.push(ClientOutput::Connect);
    }

    fn opened(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        self.phase = Phase::Greeting { until: now + ANSWER_TIMEOUT, has_spoken: false };
        if self.protocol.hello.after.is_none() {
            self.greet(now, out);
        }
    }

    fn greet(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        let protocol = Arc::clone(&self.protocol);
        self.phase = Phase::Greeting { until: now + ANSWER_TIMEOUT, has_spoken: true };
        if let Some(send) = &protocol.hello.send {
            let id = self.next_id();
            out.push(self.write(send, "", "", id));
        }
        if protocol.hello.until.is_none() {
            self.let_in(now, out);
        }
    }

    fn let_in(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        self.phase = Phase::In;
        self.failures = 0;
        self.heard.push(Heard::LetIn);
        self.join_all(now, out);
    }

    /// Asks for all rooms that one is to be in and is not.
    fn join_all(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        if self.phase != Phase::In {
            return;
        }
        let protocol = Arc::clone(&self.protocol);
        for at in 0..self.rooms.len() {
            if self.rooms[at].state != State::Outside {
                continue;
            }
            let id = self.next_id();
            if let Some(join) = &protocol.join {
                out.push(self.write(&join.send, self.rooms[at].room.as_str(), "", id));
            }
            self.rooms[at].state = State::Joining { id, until: now + ANSWER_TIMEOUT };
            if protocol.join.as_ref().is_none_or(|join| join.until.is_none()) {
                self.joined(at, out);
            }
        }
    }

    fn joined(&mut self, at: usize, out: &mut Vec<ClientOutput>) {
        self.rooms[at].state = State::Inside;
        self.heard.push(Heard::InRoom(self.rooms[at].room.clone()));
        self.say_all(out);
    }

    fn leave(&mut self, room: &RoomName, id: u64, out: &mut Vec<ClientOutput>) {
        let Some(at) = self.rooms.iter().position(|stay| stay.room == *room) else { return };
        let protocol = Arc::clone(&self.protocol);
        // Refused before a run that would want it and cannot say it.
        let Some(Ask { send, until }) = &protocol.leave else { return };
        if self.rooms[at].state == State::Outside {
            self.rooms.swap_remove(at);
            return;
        }
        out.push(self.write(send, room.as_str(), "", id));
        self.rooms[at].state = State::Leaving { id };
        if until.is_none() {
            self.left(at);
        }
    }

    fn left(&mut self, at: usize) {
        let stay = self.rooms.swap_remove(at);
        self.heard.push(Heard::Left(stay.room));
    }

    /// Says what waits for nothing but us.
    fn say_all(&mut self, out: &mut Vec<ClientOutput>) {
        if self.phase != Phase::In {
            return;
        }
        let protocol = Arc::clone(&self.protocol);
        for at in 0..self.sends.len() {
            let said = &self.sends[at];
            if said.is_sent || !self.is_inside(&said.room) {
                continue;
            }
            out.push(self.write(&protocol.say.send, said.room.as_str(), &said.content, said.id));
            self.sends[at].is_sent = true;
        }
        // Where there is no answer of any kind, having been sent is all there is.
        if protocol.say.until.is_none() && !protocol.author_hears() {
            let sent = self.sends.extract_if(.., |said| said.is_sent);
            self.heard.extend(sent.map(|said| Heard::Accepted(said.content)));
        }
    }

    fn is_inside(&self, room: &RoomName) -> bool {
        self.rooms.iter().any(|stay| stay.room == *room && stay.state == State::Inside)
    }

    fn received(&mut self, now: Time, text: &str, out: &mut Vec<ClientOutput>) {
        if self.protocol.lines {
            text.lines().filter(|line| !line.is_empty()).for_each(|line| self.frame(now, line, out));
        } else {
            self.frame(now, text, out);
        }
    }

    fn frame(&mut self, now: Time, text: &str, out: &mut Vec<ClientOutput>) {
        let protocol = Arc::clone(&self.protocol);
        let frame = &mut Frame::new(text);
        if let Some(ping) = protocol.pings.iter().find(|ping| ping.when.read(frame).is_some()) {
            let id = if ping.answer.has(Place::Id) { self.next_id() } else { 0 };
            return out.push(self.write(&ping.answer, "", "", id));
        }
        if let Phase::Greeting { has_spoken, .. } = self.phase {
            return self.greeted(now, has_spoken, frame, out);
        }
        let is_answer = protocol.say.until.as_ref().is_some_and(|until| self.accepted(until, frame));
        if is_answer || self.entered(frame, out) {
            return;
        }
        if let Some(said) = protocol.delivery.read(frame) {
            return self.said(&said);
        }
        let refused = protocol.refused.iter().find_map(|pattern| pattern.read(frame));
        refused.into_iter().for_each(|refused| self.refused(&refused));
    }

    fn greeted(&mut self, now: Time, has_spoken: bool, frame: &mut Frame<'_>, out: &mut Vec<ClientOutput>) {
        let protocol = Arc::clone(&self.protocol);
        let is = |pattern: &Option<Pattern>, frame: &mut Frame<'_>| {
            pattern.as_ref().is_some_and(|pattern| pattern.read(frame).is_some())
        };
        if !has_spoken {
            if is(&protocol.hello.after, frame) {
                self.greet(now, out);
            }
        } else if is(&protocol.hello.until, frame) {
            self.let_in(now, out);
        } else if let Some(refused) = protocol.refused.iter().find_map(|pattern| pattern.read(frame)) {
            self.refused(&refused);
        }
    }

    /// Whether a frame says that one of our messages was accepted.
    fn accepted(&mut self, until: &Pattern, frame: &mut Frame<'_>) -> bool {
        let Some(answer) = until.read(frame) else { return false };
        let Some(at) = self.sends.iter().position(|said| said.is_sent && said.is_meant(&answer)) else {
            return false;
        };
        let said = self.sends.remove(at);
        self.heard.push(Heard::Accepted(said.content));
        true
    }

    /// Whether a frame says that we are in a room, or have left it.
    fn entered(&mut self, frame: &mut Frame<'_>, out: &mut Vec<ClientOutput>) -> bool {
        let protocol = Arc::clone(&self.protocol);
        let answer = |ask: &Option<Ask>, frame: &mut Frame<'_>| {
            ask.as_ref().and_then(|ask| ask.until.as_ref()).and_then(|until| until.read(frame))
        };
        if let Some(answer) = answer(&protocol.join, frame) {
            let joining = |stay: &Stay| match stay.state {
                State::Joining { id, .. } => stay.is_meant(id, &answer, &self.user),
                _ => false,
            };
            if let Some(at) = self.rooms.iter().position(joining) {
                self.joined(at, out);
                return true;
            }
        }
        if let Some(answer) = answer(&protocol.leave, frame) {
            let leaving = |stay: &Stay| match stay.state {
                State::Leaving { id } => stay.is_meant(id, &answer, &self.user),
                _ => false,
            };
            if let Some(at) = self.rooms.iter().position(leaving) {
                self.left(at);
                return true;
            }
        }
        false
    }

    fn said(&mut self, said: &Recognised) {
        let Some(payload) = said.get(Place::Payload) else { return };
        // Where nothing else does, a message's coming back says that it was accepted.
        let is_ours = |ours: &Said| ours.is_sent && *ours.content == *payload;
        if self.protocol.say.until.is_none()
            && let Some(at) = self.sends.iter().position(is_ours)
        {
            let said = self.sends.remove(at);
            self.heard.push(Heard::Accepted(said.content));
        }
        let owned = |place| said.get(place).map(Box::from);
        self.heard.push(Heard::Said {
            room: owned(Place::Room),
            user: owned(Place::User),
            payload: payload.into(),
        });
    }

    fn refused(&mut self, refused: &Recognised) {
        let names_one = [Place::Id, Place::Payload].into_iter().any(|place| refused.get(place).is_some());
        let at = self.sends.iter().position(|said| names_one && said.is_sent && said.is_meant(refused));
        let content = at.map(|at| self.sends.remove(at).content);
        let reason = refused.get(Place::Reason).unwrap_or("without a reason").to_owned();
        self.heard.push(Heard::Refused(content, reason));
    }

    fn closed(&mut self, now: Time, code: Option<u16>, out: &mut Vec<ClientOutput>) {
        let unresolved = self.sends.extract_if(.., |said| said.is_sent);
        self.heard.extend(unresolved.map(|said| Heard::Unresolved(said.content)));
        // Who has asked to leave is gone with the connection.
        self.rooms.retain(|stay| !matches!(stay.state, State::Leaving { .. }));
        self.rooms.iter_mut().for_each(|stay| stay.state = State::Outside);
        let retry_in = self.backoff();
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Waiting(now + retry_in);
        out.push(ClientOutput::Event(ClientEvent::Disconnected { code, retry_in }));
    }

    /// Full jitter: any wait up to a bound that doubles.
    fn backoff(&mut self) -> Duration {
        let bound = BACKOFF_BASE.saturating_mul(1 << self.failures.min(16)).min(BACKOFF_MAX);
        self.seed = hash::mix(self.seed, u64::from(self.failures));
        let micros = u64::try_from(bound.as_micros()).expect("seconds");
        Duration::from_micros(self.seed % (micros + 1))
    }

    fn timeout(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        match self.phase {
            Phase::Waiting(until) if now >= until => self.connect(out),
            Phase::Greeting { until, .. } if now >= until => self.give_up(now, "let in", out),
            Phase::In if self.rooms.iter().filter_map(Stay::until).any(|until| now >= until) => {
                self.give_up(now, "let into a room", out);
            }
            _ => {}
        }
    }

    /// No answer came: another connection may do better.
    fn give_up(&mut self, now: Time, what: &str, out: &mut Vec<ClientOutput>) {
        let reason = format!("not {what} within {} s", ANSWER_TIMEOUT.as_secs());
        self.heard.push(Heard::Refused(None, reason));
        out.push(ClientOutput::Close { code: 1000 });
        self.closed(now, None, out);
    }

    fn write(&self, template: &Template, room: &str, payload: &str, id: u64) -> ClientOutput {
        let filling = Filling { user: self.user.as_str(), token: &self.token, room, payload, id };
        ClientOutput::Transmit(template.fill(filling))
    }
}

impl Stay {
    const fn until(&self) -> Option<Time> {
        match self.state {
            State::Joining { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Whether an answer is to this request, as far as it says.
    fn is_meant(&self, id: u64, answer: &Recognised, user: &UserName) -> bool {
        is(answer.get(Place::Id), id)
            && answer.get(Place::Room).is_none_or(|room| room == self.room.as_str())
            && answer.get(Place::User).is_none_or(|name| name == user.as_str())
    }
}

impl Said {
    /// Whether an answer is to this message, as far as it says.
    fn is_meant(&self, answer: &Recognised) -> bool {
        is(answer.get(Place::Id), self.id)
            && answer.get(Place::Room).is_none_or(|room| room == self.room.as_str())
            && answer.get(Place::Payload).is_none_or(|payload| *payload == *self.content)
    }
}

fn is(read: Option<&str>, id: u64) -> bool {
    read.is_none_or(|read| read.parse() == Ok(id))
}

#[cfg(test)]
mod tests;

//! Some of a plan's bots: what they are to do and what they hear goes in, what is to be done for them comes out.

mod deeds;
mod drive;
mod heard;
mod wire;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chinwag_core::{
    Client, RoomName, Time, UserName,
    client::{ClientConfig, ClientInput, ClientOutput, Command},
    disconnect::RETRY_AFTER_KEY,
    gateway::Frame,
    identity::Token,
};
use chinwag_oracle::{Agreement, MemberId, Mode, Observation, Oracle, RoomId, SendId};
use chinwag_scenarios::{Act, EventKind, PlannedEvent, ProtocolOrder, Target};

use crate::{
    book::Book, bot::Bot, interpreter::Interpreter, script::Script, seen::Seen, speaker::Speaker,
    timers::Timers,
};

/// What bots are to do, at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cue {
    /// This client connects for the first time.
    Connect(u32),
    /// What the plan foresees. An event is for all, anything else for those who have its actor.
    Act(Act),
}

/// What a driver is to do for a bot. Bots are called by their slot, from 0.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wish {
    /// Drop the present connection, if there is one, and make another, but not before this instant.
    Connect {
        /// Whose.
        slot: usize,
        /// Its number, which tells it from older ones.
        attempt: u32,
        /// Not sooner.
        not_before: Time,
    },
    /// Send this.
    Transmit {
        /// Over whose connection.
        slot: usize,
        /// A text frame.
        text: String,
    },
    /// Say goodbye with a close frame, and read on until the end.
    Close {
        /// Whose connection.
        slot: usize,
        /// With which code.
        code: u16,
    },
    /// Close a bot's socket without a goodbye.
    Drop(usize),
    /// Reset a bot's socket: the other end knows at once.
    Reset(usize),
    /// Forget a bot's socket without anybody being told.
    Abandon(usize),
    /// Let nothing pass over a bot's connection until then; then hand in [`Bots::mend`].
    Part {
        /// Whose connection.
        slot: usize,
        /// Which of its connections.
        attempt: u32,
        /// When it is over.
        until: Time,
    },
}

impl Wish {
    /// Whose it is.
    pub const fn slot_mut(&mut self) -> &mut usize {
        match self {
            Self::Connect { slot, .. }
            | Self::Transmit { slot, .. }
            | Self::Close { slot, .. }
            | Self::Drop(slot)
            | Self::Reset(slot)
            | Self::Abandon(slot)
            | Self::Part { slot, .. } => slot,
        }
    }
}

/// How a connection has ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct End {
    /// The close code, if a close frame came.
    pub code: Option<u16>,
    /// The close reason, if a close frame came.
    pub reason: String,
    /// What is written down of it, unless the scenario wanted it: one line.
    pub error: String,
}

impl End {
    /// A close frame came.
    #[must_use]
    pub fn closed(code: u16, reason: &str) -> Self {
        let words = reason.split_whitespace().filter(|word| !word.starts_with(RETRY_AFTER_KEY));
        // When to come back is left out: that is different for everyone and would make as many reasons.
        let error = words.fold(format!("closed with {code}"), |text, word| text + " " + word);
        Self { code: Some(code), reason: reason.to_owned(), error }
    }

    /// None came that had a code; something else went wrong, perhaps.
    #[must_use]
    pub fn lost(error: Option<&str>) -> Self {
        let error = error
            .map_or_else(|| "closed without a code".to_owned(), |error| format!("connection lost: {error}"));
        Self { code: None, reason: String::new(), error }
    }
}

/// A share of a plan's bots. Nothing here waits.
#[derive(Debug)]
pub struct Bots {
    script: Arc<Script>,
    /// Its bots are the clients `first`, `first + step`, `first + 2 · step`…
    first: u32,
    step: u32,
    bots: Vec<Bot>,
    room_names: Vec<RoomName>,
    rooms: HashMap<RoomName, RoomId>,
    /// The message that was shown last, and who said what: most are shown to one member of a room after the other.
    shown_last: Option<(SendId, UserName, Box<str>)>,
    book: Book,
    /// What bots were shown, if they do not find out themselves what comes once more: those who speak by templates.
    seen: Option<Seen>,
    timers: Timers,
    outputs: Vec<ClientOutput>,
    /// For how long what is being read was there.
    age: Duration,
    leaving: bool,
}

impl Bots {
    /// The bots of every `step`-th client from `first` on; `token` is what a client shows, if anything.
    #[must_use]
    pub fn new<'a>(
        script: Arc<Script>,
        first: u32,
        step: u32,
        token: impl Fn(u32) -> Option<&'a str>,
    ) -> Self {
        let plan = &script.plan;
        let config = Arc::new(ClientConfig { rosters: false, ..ClientConfig::default() });
        let room_name = |room| RoomName::new(&plan.room_name(room)).expect("plans make sound names");
        let room_names: Vec<_> = (0..plan.rooms()).map(room_name).collect();
        let rooms = room_names.iter().cloned().zip((0..).map(RoomId)).collect();
        let bot = |number: u32| Bot::new(number, speaker(&script, number, &config, token(number)));
        let bots: Vec<_> = (first..plan.clients()).step_by(step as usize).map(bot).collect();
        let mut book = Book::new(plan.stages().len());
        book.oracle = Oracle::new(Mode::Strict).agreeing(agreement(&script));
        for (send, planned) in (0..).map(SendId).zip(plan.sends()) {
            if planned.client % step == first {
                let (room, member) = (RoomId(planned.room), MemberId(planned.client));
                book.observe(Observation::Planned { send, room, member });
            }
        }
        Self {
            first,
            step,
            timers: Timers::new(bots.len()),
            seen: script.protocol.is_some().then(|| Seen::new(plan, bots.len())),
            bots,
            room_names,
            rooms,
            shown_last: None,
            book,
            outputs: Vec::new(),
            age: Duration::ZERO,
            leaving: false,
            script,
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bots.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bots.is_empty()
    }

    /// The client that a bot is.
    #[must_use]
    pub fn client(&self, slot: usize) -> u32 {
        self.bots[slot].number
    }

    /// What was written down so far.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// The same, to be changed.
    pub const fn book_mut(&mut self) -> &mut Book {
        &mut self.book
    }

    /// Whether a connection of a bot's is still wanted, and not a later one or none.
    #[must_use]
    pub fn wants(&self, slot: usize, attempt: u32) -> bool {
        self.bots[slot].attempt == attempt && !self.leaving
    }

    /// When to come back with [`Bots::time_out`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Something is due.
    pub fn cue(&mut self, now: Time, cue: Cue, out: &mut Vec<Wish>) {
        match cue {
            Cue::Connect(client) => self.connect(self.slot(client), now, out),
            Cue::Act(Act::Send(send)) => self.send(SendId(send), now, out),
            Cue::Act(Act::Deed(deed)) => self.do_deed(deed, now, out),
            Cue::Act(Act::Event(event)) => self.befall(event, now, out),
        }
    }

    /// A bot's connection is made. Only for one that it [wants](Self::wants).
    pub fn opened(&mut self, slot: usize, now: Time, out: &mut Vec<Wish>) {
        self.bots[slot].link = Some(None);
        self.input(slot, now, ClientInput::Opened, out);
    }

    /// A bot's connection could not be made; `exhausted` names the limit of the generator's own that was met, if one was.
    pub fn not_opened(
        &mut self,
        slot: usize,
        attempt: u32,
        now: Time,
        error: String,
        exhausted: Option<&str>,
        out: &mut Vec<Wish>,
    ) {
        if self.bots[slot].attempt != attempt {
            return;
        }
        if let Some(what) = exhausted {
            self.book.exhausted = Some(what.into());
        }
        self.error(error);
        self.closed(slot, None, "", now, out);
    }

    /// A frame came over a bot's connection. It was there for `age` before it was read: what it brings is timed by when
    /// it came.
    pub fn received(&mut self, slot: usize, frame: Frame<'_>, age: Duration, now: Time, out: &mut Vec<Wish>) {
        if let Frame::Text(text) = frame {
            self.watch(slot, text);
        }
        self.age = age;
        self.input(slot, now, ClientInput::Received(frame), out);
        self.age = Duration::ZERO;
    }

    /// A bot's connection has ended.
    pub fn ended(&mut self, slot: usize, end: End, now: Time, out: &mut Vec<Wish>) {
        let bot = &mut self.bots[slot];
        bot.link = None;
        if !bot.is_away(now) {
            // The scenario did not end it.
            self.error(end.error);
        }
        self.closed(slot, end.code, &end.reason, now, out);
    }

    /// Lets those bots do something whose time has come.
    pub fn time_out(&mut self, now: Time, out: &mut Vec<Wish>) {
        while let Some(slot) = self.timers.pop(now) {
            self.input(slot, now, ClientInput::Timeout, out);
        }
    }

    /// Lets all say goodbye: from now on nothing counts.
    pub fn leave(&mut self, now: Time, out: &mut Vec<Wish>) {
        self.leaving = true;
        self.count_throttled();
        self.count_received();
        for slot in 0..self.bots.len() {
            self.drive(slot, now, out, Speaker::shutdown);
        }
    }

    const fn slot(&self, client: u32) -> usize {
        (client / self.step) as usize
    }

    fn connect(&mut self, slot: usize, now: Time, out: &mut Vec<Wish>) {
        let wanted = self.script.plan.rooms_of(self.bots[slot].number);
        let rooms: Vec<_> = wanted.iter().map(|room| self.room_names[*room as usize].clone()).collect();
        self.drive(slot, now, out, |client, now, out| {
            for room in rooms {
                // Joins have no queue that could be full.
                let _ = client.submit(now, Command::Join { room }, out);
            }
            client.start(now, out);
        });
    }

    fn send(&mut self, send: SendId, now: Time, out: &mut Vec<Wish>) {
        let planned = *self.script.planned(send);
        let slot = self.slot(planned.client);
        let room = self.room_names[planned.room as usize].clone();
        let content = self.script.plan.payload(send.0).into();
        let submit = |client: &mut Speaker, now, out: &mut _| {
            client.submit(now, Command::Publish { room, content, extra: None }, out)
        };
        if let Ok(id) = self.drive(slot, now, out, submit) {
            let bot = &mut self.bots[slot];
            if bot.speaker.answers_by_number() {
                bot.unanswered.push((id, send));
            }
        }
        match self.script.departed(send) {
            _ if self.script.is_held_back(send) => self.book.held_back += 1,
            Some(departed) => {
                let (stage, intended) = (self.script.timed_stage(send), self.script.intended(send));
                self.book.departed(stage, intended, departed);
            }
            None => self.book.deferred += 1,
        }
        self.script.board.handed.add();
    }

    /// Lets an event befall those of our bots that it hits.
    fn befall(&mut self, event: u32, now: Time, out: &mut Vec<Wish>) {
        let script = Arc::clone(&self.script);
        let event = &script.plan.events()[event as usize];
        for &Target { client, back_at } in &event.targets {
            if client % self.step == self.first {
                self.befall_bot(self.slot(client), event, script.instant(back_at), now, out);
            }
        }
    }

    fn befall_bot(&mut self, slot: usize, event: &PlannedEvent, back: Time, now: Time, out: &mut Vec<Wish>) {
        let bot = &mut self.bots[slot];
        bot.back_at = bot.back_at.max(back);
        if event.kind != EventKind::Partition {
            // However long it has been trying: the scenario takes it away.
            bot.connecting_since = None;
        }
        match event.kind {
            EventKind::Disconnect => out.push(Wish::Drop(slot)),
            EventKind::Reset => out.push(Wish::Reset(slot)),
            EventKind::HalfOpen => out.push(Wish::Abandon(slot)),
            // The end of the server ends its connections.
            EventKind::Restart => return,
            EventKind::Partition => return self.part(slot, self.script.instant(event.until), out),
        }
        bot.link = None;
        bot.attempt += 1;
        self.closed(slot, None, "", now, out);
    }

    /// Counts the sends that never left because the server kept telling their bots "not yet".
    fn count_throttled(&mut self) {
        let sends = (0..).map(SendId).zip(self.script.plan.sends());
        let ours = sends.filter(|(_, planned)| planned.client % self.step == self.first);
        let unsent = ours.filter(|(send, _)| self.script.departed(*send).is_none());
        let throttled = unsent.filter(|(_, planned)| self.bots[self.slot(planned.client)].is_throttled);
        self.book.throttled = throttled.count() as u64;
    }

    /// Notes what each bot was shown in each of its rooms.
    fn count_received(&mut self) {
        self.book.received = self.bots.iter().flat_map(|bot| bot.received.iter().copied()).collect();
        self.book.received.sort_unstable();
    }

    fn input(&mut self, slot: usize, now: Time, input: ClientInput<'_>, out: &mut Vec<Wish>) {
        self.drive(slot, now, out, |client, now, out| client.handle_input(now, input, out));
    }

    fn closed(&mut self, slot: usize, code: Option<u16>, reason: &str, now: Time, out: &mut Vec<Wish>) {
        self.input(slot, now, ClientInput::Closed { code, reason }, out);
    }

    /// Something went wrong that the scenario did not want. While leaving, nothing counts any more.
    fn error(&mut self, reason: String) {
        if !self.leaving {
            self.book.error(reason);
            self.script.board.errors.add();
        }
    }

    fn observe(&mut self, observation: Observation) {
        self.book.observe(observation);
    }
}

/// Who speaks for a client.
fn speaker(script: &Script, client: u32, config: &Arc<ClientConfig>, token: Option<&str>) -> Speaker {
    let (user, seed) = (script.users[client as usize].clone(), script.plan.seed());
    let Some(protocol) = &script.protocol else {
        let client = Client::new(Arc::clone(config), user, seed);
        return Speaker::Chat(Box::new(match token {
            Some(token) => client.with_token(Token::new(token)),
            None => client,
        }));
    };
    let token = token.unwrap_or_else(|| user.as_str()).to_owned();
    Speaker::Templates(Box::new(Interpreter::new(Arc::clone(protocol), user, &token, seed)))
}

/// What order bots are owed that are told no places.
fn agreement(script: &Script) -> Agreement {
    match &script.protocol {
        Some(protocol) if protocol.order == ProtocolOrder::Room => {
            // Who does not hear what they say knows it from when it was accepted.
            if protocol.author_hears() { Agreement::All } else { Agreement::Others }
        }
        _ => Agreement::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_reason_does_not_say_when_to_come_back() {
        let error = |code, reason| End::closed(code, reason).error;
        assert_eq!(error(4101, "shutdown retry_after_ms=1234"), "closed with 4101 shutdown");
        assert_eq!(error(4100, "too slow"), "closed with 4100 too slow");
        assert_eq!(error(1006, ""), "closed with 1006");
        assert_eq!(End::lost(Some("reset")).error, "connection lost: reset");
    }
}

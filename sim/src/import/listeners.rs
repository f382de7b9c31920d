//! What clients of the native dialect were sent in a capture, judged: a room's messages come over a connection once each, in
//! order and without gaps; whoever reads a message reads the same, and so does who was told that theirs is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chinwag_core::{ConnectionId, Epoch, Seq, Time, hash};
use chinwag_journal::capture::Step;
use chinwag_oracle::{MemberId, Mode, Observation, Oracle, RoomId};
use serde::Serialize;

use super::lines::{Heard, Lines, Reads, Said, Says};

/// As many are kept of what is wrong.
const BROKEN_MAX: usize = 20;

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Judged {
    /// Connections that spoke the native dialect.
    connections: u64,
    /// Messages that came over them, live and while they caught up.
    delivered: u64,
    /// Their own that were said to be in their rooms.
    acknowledged: u64,
    /// How often a promise was broken.
    pub(super) broken: u64,
    /// The first of those.
    pub(super) first: Vec<Broken>,
}

impl Judged {
    /// Messages that were judged.
    #[cfg(test)]
    pub(super) const fn delivered(&self) -> u64 {
        self.delivered
    }
}

/// A promise that was not kept.
#[derive(Debug, Serialize)]
pub(super) struct Broken {
    at: Time,
    connection: u64,
    what: String,
}

/// Everybody who listens.
#[derive(Debug)]
pub(super) struct Listeners {
    lines: Lines,
    judge: Judge,
}

/// What is known of them.
#[derive(Debug)]
struct Judge {
    oracle: Oracle,
    rooms: BTreeMap<String, RoomId>,
    listeners: BTreeMap<ConnectionId, Listener>,
    members: u32,
    /// By place: who said it, as far as that is known, and what, shortened.
    said: BTreeMap<(RoomId, Epoch, Seq), (Option<u64>, u64)>,
    judged: Judged,
}

/// One connection, and what it has been sent.
#[derive(Debug)]
struct Listener {
    /// To the oracle.
    member: MemberId,
    /// Rooms it reads, and the lives of their logs.
    reads: BTreeMap<RoomId, Epoch>,
    /// What it has said under its numbers and keys, shortened.
    says: BTreeMap<Name, BTreeSet<u64>>,
}

/// What a client calls a message of its own.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Name {
    Number(u64),
    Key(String),
}

impl Listeners {
    pub(super) fn new() -> Self {
        let judge = Judge {
            oracle: Oracle::new(Mode::Strict),
            rooms: BTreeMap::new(),
            listeners: BTreeMap::new(),
            members: 0,
            said: BTreeMap::new(),
            judged: Judged::default(),
        };
        Self { lines: Lines::default(), judge }
    }

    pub(super) fn judged(self) -> Judged {
        self.judge.judged
    }

    /// Something has happened to a node.
    pub(super) fn hear(&mut self, step: &Step<'_>) {
        let at = step.record.at;
        self.lines.hear(step, |connection, heard| self.judge.hear(at, connection, heard));
    }
}

impl Judge {
    fn hear(&mut self, at: Time, connection: ConnectionId, heard: Heard<'_>) {
        let done = match heard {
            Heard::Opened => {
                let member = MemberId(self.members);
                let listener = Listener { member, reads: BTreeMap::new(), says: BTreeMap::new() };
                self.listeners.insert(connection, listener);
                (self.members, self.judged.connections) = (self.members + 1, self.judged.connections + 1);
                Ok(())
            }
            Heard::Says(says) => {
                self.says(connection, says);
                Ok(())
            }
            Heard::Reads(frame) => self.reads(connection, frame),
            Heard::Gone => {
                self.gone(connection);
                Ok(())
            }
            Heard::Strange => {
                self.judged.connections -= 1;
                self.gone(connection);
                Ok(())
            }
            Heard::Unreadable(why) => {
                self.gone(connection);
                Err(why)
            }
        };
        if let Err(what) = done {
            self.judged.broken += 1;
            if self.judged.first.len() < BROKEN_MAX {
                self.judged.first.push(Broken { at, connection: connection.0, what });
            }
        }
    }

    fn gone(&mut self, connection: ConnectionId) {
        if let Some(Listener { member, reads, .. }) = self.listeners.remove(&connection) {
            for room in reads.into_keys() {
                self.oracle.observe(Observation::StreamEnded { member, room });
            }
        }
    }

    fn says(&mut self, connection: ConnectionId, says: Says<'_>) {
        let Some(listener) = self.listeners.get_mut(&connection) else { return };
        if let Says::Message { id, key, content } = says {
            let names = id.map(Name::Number).into_iter().chain(key.map(|key| Name::Key(key.into_owned())));
            // Who uses a name again is told of what was said under it before.
            names.for_each(|name| {
                listener.says.entry(name).or_default().insert(short(&content));
            });
        }
    }

    fn reads(&mut self, connection: ConnectionId, frame: Reads<'_>) -> Result<(), String> {
        let Some(mut listener) = self.listeners.remove(&connection) else { return Ok(()) };
        let done = self.read(&mut listener, frame);
        self.listeners.insert(connection, listener);
        done
    }

    /// One frame of a connection.
    fn read(&mut self, listener: &mut Listener, frame: Reads<'_>) -> Result<(), String> {
        let member = listener.member;
        match frame {
            Reads::Joined { room, epoch, next, .. } => {
                let room = self.room(&room);
                listener.reads.insert(room, epoch);
                self.told(Observation::StreamStarted { member, room, next })
            }
            Reads::Gap { room, epoch, to, .. } => {
                let room = self.room(&room);
                listener.reads.insert(room, epoch);
                self.told(Observation::StreamStarted { member, room, next: to.next() })
            }
            Reads::Left { room, .. } => {
                let room = self.room(&room);
                listener.reads.remove(&room);
                self.told(Observation::StreamEnded { member, room })
            }
            Reads::Message { room, said } => {
                let room = self.room(&room);
                let epoch = *listener.reads.get(&room).ok_or("a message of a room that it is not in")?;
                self.delivered(member, room, epoch, &said)
            }
            Reads::History { room, epoch, messages, id: None } => {
                let room = self.room(&room);
                messages.iter().try_for_each(|said| self.delivered(member, room, epoch, said))
            }
            Reads::History { room, epoch, messages, id: Some(_) } => {
                let room = self.room(&room);
                messages.iter().try_for_each(|said| self.agrees(room, epoch, said))
            }
            Reads::Ack { room, id, key, epoch: Some(epoch), seq: Some(seq) } => {
                let name = id.map(Name::Number).or_else(|| key.map(|key| Name::Key(key.into_owned())));
                let Some(said) = name.and_then(|name| listener.says.get(&name)) else {
                    return Err("an answer to what it has not said".to_owned());
                };
                self.judged.acknowledged += 1;
                let room = self.room(&room);
                let there = self.said.get(&(room, epoch, seq)).map(|&(_, content)| content);
                match (there, said.len()) {
                    (Some(content), _) if said.contains(&content) => Ok(()),
                    (Some(_), _) => Err(format!("it is told that {seq} of room {room} is its own")),
                    (None, 1) => {
                        self.place(room, epoch, seq, None, *said.first().expect("it is the only one"))
                    }
                    (None, _) => Ok(()),
                }
            }
            Reads::Lagged { .. } | Reads::Ack { .. } | Reads::Other => Ok(()),
        }
    }

    fn delivered(
        &mut self,
        member: MemberId,
        room: RoomId,
        epoch: Epoch,
        said: &Said<'_>,
    ) -> Result<(), String> {
        self.judged.delivered += 1;
        self.agrees(room, epoch, said)?;
        self.told(Observation::Delivered { member, room: Some(room), seq: said.seq })
    }

    fn agrees(&mut self, room: RoomId, epoch: Epoch, said: &Said<'_>) -> Result<(), String> {
        self.place(room, epoch, said.seq, Some(short(&said.user)), short(&said.content))
    }

    /// What is at a place is the same for all.
    fn place(
        &mut self,
        room: RoomId,
        epoch: Epoch,
        seq: Seq,
        user: Option<u64>,
        content: u64,
    ) -> Result<(), String> {
        let (author, known) = self.said.entry((room, epoch, seq)).or_insert((user, content));
        if *known != content || user.is_some_and(|user| *author.get_or_insert(user) != user) {
            return Err(format!("another message than others had at {seq} of room {room}"));
        }
        Ok(())
    }

    fn told(&mut self, observation: Observation) -> Result<(), String> {
        self.oracle.observe(observation).map_or(Ok(()), |violation| Err(violation.sentence))
    }

    fn room(&mut self, name: &str) -> RoomId {
        if let Some(&room) = self.rooms.get(name) {
            return room;
        }
        let room = RoomId(u32::try_from(self.rooms.len()).unwrap_or(u32::MAX));
        self.rooms.insert(name.to_owned(), room);
        room
    }
}

fn short(text: &str) -> u64 {
    hash::bytes(text.as_bytes())
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, delivered, acknowledged, broken, first } = self;
        writeln!(
            f,
            "{connections} connections spoke the native dialect: {delivered} messages came over them and {acknowledged} of \
             theirs were acknowledged; {broken} promises were broken."
        )?;
        for Broken { at, connection, what } in first {
            writeln!(f, "  {at} #{connection}: {what}")?;
        }
        if *broken > first.len() as u64 { writeln!(f, "  …") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::dialect::{Dialect, Opening};

    use super::*;

    const ANN: ConnectionId = ConnectionId(1);
    const BOB: ConnectionId = ConnectionId(2);

    fn open(listeners: &mut Listeners, connection: ConnectionId, dialect: Option<Dialect>) {
        let Listeners { lines, judge } = listeners;
        let opening = Opening { dialect, ..Opening::default() };
        lines.opened(connection, &opening, |heard| judge.hear(Time(4), connection, heard));
    }

    fn says(listeners: &mut Listeners, connection: ConnectionId, text: &str) {
        let Listeners { lines, judge } = listeners;
        lines.said(connection, text, |heard| judge.hear(Time(5), connection, heard));
    }

    fn reads(listeners: &mut Listeners, connection: ConnectionId, bytes: &[u8]) {
        let Listeners { lines, judge } = listeners;
        lines.sent(connection, bytes, |heard| judge.hear(Time(5), connection, heard));
    }

    /// Two who are in a room from its first message on.
    fn two() -> Listeners {
        let mut listeners = Listeners::new();
        for connection in [ANN, BOB] {
            open(&mut listeners, connection, Some(Dialect::Chat));
            sent(
                &mut listeners,
                connection,
                r#"{"type":"joined","room":"tea","epoch":7,"seq":0,"verdict":"full","next":1,"known_since":1}"#,
            );
        }
        listeners
    }

    fn sent(listeners: &mut Listeners, connection: ConnectionId, text: &str) {
        let mut bytes = vec![0x81];
        match u8::try_from(text.len()) {
            Ok(length @ ..=125) => bytes.push(length),
            _ => {
                bytes.push(126);
                bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            }
        }
        bytes.extend(text.as_bytes());
        // However it is cut.
        for part in bytes.chunks(9) {
            reads(listeners, connection, part);
        }
    }

    fn message(seq: u64, user: &str, content: &str) -> String {
        format!(
            r#"{{"type":"message","room":"tea","user":"{user}","content":"{content}","timestamp":"2026-01-01T00:00:00Z","seq":{seq}}}"#
        )
    }

    fn broken(listeners: Listeners) -> Vec<String> {
        let judged = listeners.judged();
        assert_eq!(judged.broken, judged.first.len() as u64);
        judged.first.into_iter().map(|broken| broken.what).collect()
    }

    #[test]
    fn what_is_in_order_is_in_order() {
        let mut listeners = two();
        says(&mut listeners, ANN, r#"{"type":"message","room":"tea","id":4,"content":"one"}"#);
        for connection in [ANN, BOB] {
            sent(&mut listeners, connection, &message(1, "ann", "one"));
        }
        sent(&mut listeners, ANN, r#"{"type":"ack","id":4,"room":"tea","epoch":7,"seq":1}"#);
        sent(&mut listeners, BOB, r#"{"type":"gap","room":"tea","epoch":7,"from":2,"to":3}"#);
        let page = format!(
            r#"{{"type":"history","room":"tea","messages":[{}],"epoch":7,"more":false}}"#,
            message(4, "ann", "four")
        );
        sent(&mut listeners, BOB, &page);
        listeners.judge.gone(ANN);
        let judged = listeners.judged();
        assert_eq!((judged.delivered, judged.acknowledged, judged.broken), (3, 1, 0), "{judged}");
    }

    /// To whom a message goes, with its place and what it says.
    type Sent = (ConnectionId, u64, &'static str);

    #[test]
    fn every_kind_of_mistake_is_seen() {
        const ORDER: &str = "over the connection";
        let cases: [(&[Sent], &str); 4] = [
            (&[(ANN, 1, "one"), (ANN, 1, "one")], ORDER),
            (&[(ANN, 2, "two")], ORDER),
            (&[(ANN, 1, "one"), (ANN, 2, "two"), (BOB, 2, "two"), (BOB, 1, "one")], ORDER),
            (&[(ANN, 1, "one"), (BOB, 1, "another")], "another message"),
        ];
        for (frames, word) in cases {
            let mut listeners = two();
            for &(connection, seq, content) in frames {
                sent(&mut listeners, connection, &message(seq, "ann", content));
            }
            let broken = broken(listeners);
            assert!(broken.first().is_some_and(|first| first.contains(word)), "{frames:?}: {broken:?}");
        }
    }

    #[test]
    fn an_acknowledgement_names_the_place_of_what_was_said() {
        let mut listeners = two();
        sent(&mut listeners, BOB, &message(1, "ann", "one"));
        says(&mut listeners, ANN, r#"{"type":"message","room":"tea","id":4,"content":"two"}"#);
        sent(&mut listeners, ANN, r#"{"type":"ack","id":4,"room":"tea","epoch":7,"seq":1}"#);
        sent(&mut listeners, ANN, r#"{"type":"ack","id":5,"room":"tea","epoch":7,"seq":2}"#);
        let broken = broken(listeners);
        assert!(broken[0].contains("is its own") && broken[1].contains("not said"), "{broken:?}");
    }

    #[test]
    fn who_has_left_reads_nothing_more() {
        let mut listeners = two();
        sent(&mut listeners, ANN, r#"{"type":"left","room":"tea","epoch":7,"seq":0}"#);
        sent(&mut listeners, ANN, &message(1, "bob", "a secret"));
        assert!(broken(listeners)[0].contains("not in"));
    }

    #[test]
    fn bytes_that_are_no_frames_are_told_once() {
        let mut listeners = two();
        reads(&mut listeners, ANN, &[0xff; 8]);
        reads(&mut listeners, ANN, &[0xff; 8]);
        assert_eq!(broken(listeners).len(), 1);
    }

    #[test]
    fn other_dialects_are_left_alone() {
        let mut listeners = Listeners::new();
        open(&mut listeners, ANN, None);
        open(&mut listeners, BOB, Some(Dialect::Lobby));
        says(&mut listeners, ANN, r#"{"type":"joinRoom","payload":{"roomId":"tea"}}"#);
        for connection in [ANN, BOB] {
            sent(&mut listeners, connection, "* Welcome.");
        }
        let judged = listeners.judged();
        assert_eq!((judged.connections, judged.broken), (0, 0));
    }
}

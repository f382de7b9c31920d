//! What is noted of a capture, with a question in mind: whose connections there are, where everybody is in the room, and what
//! is known of the message.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chinwag_core::{ConnectionId, Epoch, Seq, Time, disconnect::Disconnect, gateway::Notice};
use chinwag_journal::{
    NodeOutput,
    capture::{Recorded, Step},
};
use serde::Serialize;

use super::{
    Question, clock,
    stay::{Entry, How, Stay},
    story::Story,
};
use crate::import::lines::{Heard, Lines, Reads, Said, Says};

/// All of it.
#[derive(Debug)]
pub(super) struct Account<'a> {
    pub(super) question: &'a Question,
    lines: Lines,
    /// Who everybody is, and whether they speak the native dialect.
    people: BTreeMap<ConnectionId, Person>,
    /// Every room that somebody was told they are in.
    pub(super) rooms: BTreeSet<String>,
    pub(super) stays: Vec<Stay>,
    pub(super) story: Story,
    /// By epoch, what is known of the message that is asked for.
    pub(super) places: BTreeMap<Epoch, Place>,
    /// Every epoch that somebody was told of.
    epochs: BTreeSet<Epoch>,
}

/// Somebody on a connection.
#[derive(Debug, Default)]
struct Person {
    user: Option<String>,
    is_native: bool,
    /// In which life of the room's log they are, if they are there.
    epoch: Option<Epoch>,
    /// What they said they had of the room when they asked to come in.
    has: Option<(Epoch, Seq)>,
    /// Under which number they asked.
    asked: Option<u64>,
}

/// What is known of a message.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Place {
    /// Who said it.
    by: Option<String>,
    /// When its author was told that it is there, and on which connection.
    acknowledged: Option<(Time, u64)>,
    /// When it was first written to somebody, and to which connection.
    shown: Option<(Time, u64)>,
    /// To how many connections it was written live.
    readers: u64,
}

impl<'a> Account<'a> {
    pub(super) fn new(question: &'a Question) -> Self {
        Self {
            question,
            lines: Lines::default(),
            people: BTreeMap::new(),
            rooms: BTreeSet::new(),
            stays: Vec::new(),
            story: Story::default(),
            places: BTreeMap::new(),
            epochs: BTreeSet::new(),
        }
    }

    pub(super) fn is_known(&self, user: &str) -> bool {
        self.people.values().any(|person| person.user.as_deref() == Some(user))
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        self.people.values().filter_map(|person| person.user.clone()).collect()
    }

    /// The epochs that the room has had, as far as anybody was told.
    pub(super) fn epochs(&self) -> BTreeSet<Epoch> {
        self.epochs.clone()
    }

    /// The user's connections that were not listened to.
    pub(super) fn unread(&self) -> BTreeSet<u64> {
        let unread = self.people.iter().filter(|(_, person)| self.is_asked_for(person) && !person.is_native);
        unread.map(|(connection, _)| connection.0).collect()
    }

    fn is_asked_for(&self, person: &Person) -> bool {
        person.user.as_deref() == Some(self.question.user.as_str())
    }

    fn is_theirs(&self, connection: ConnectionId) -> bool {
        self.people.get(&connection).is_some_and(|person| self.is_asked_for(person))
    }

    /// Something has happened to a node.
    pub(super) fn hear(&mut self, step: &Step<'_>) {
        let at = step.record.at;
        match &step.record.input {
            Recorded::Connected { connection, .. } => {
                self.people.insert(*connection, Person::default());
            }
            Recorded::Disconnected { connection } => self.ends(at, *connection, "its line was lost"),
            _ => {}
        }
        for output in step.outputs {
            match output {
                NodeOutput::Notice(notice) => self.noticed(at, notice),
                NodeOutput::Close(connection, why) => self.closed(at, *connection, *why),
                _ => {}
            }
        }
        let mut lines = std::mem::take(&mut self.lines);
        lines.hear(step, |connection, heard| self.line(at, connection, heard));
        self.lines = lines;
    }

    pub(super) fn noticed(&mut self, at: Time, notice: &Notice) {
        match notice {
            Notice::Attached { connection, user, resumed, .. } => {
                let person = self.people.entry(*connection).or_default();
                person.user = Some(user.to_string());
                if self.is_theirs(*connection) {
                    let what = if *resumed { "goes on with a session" } else { "begins a session" };
                    self.story.tell(at, connection.0, what.to_owned());
                }
            }
            Notice::Refused { connection, id, refusal } if self.is_theirs(*connection) => {
                let asked = self.people.get(connection).and_then(|person| person.asked);
                if id.is_some_and(|id| Some(id.0) == asked) {
                    self.story.tell(at, connection.0, format!("is not let in: {refusal}"));
                }
            }
            _ => {}
        }
    }

    pub(super) fn closed(&mut self, at: Time, connection: ConnectionId, why: Disconnect) {
        let why = match why {
            Disconnect::Requested => "it closed".to_owned(),
            why => format!("it was closed ({why}, {})", why.code()),
        };
        self.ends(at, connection, &why);
    }

    fn ends(&mut self, at: Time, connection: ConnectionId, why: &str) {
        if let Some(person) = self.people.get_mut(&connection) {
            person.epoch = None;
        }
        if self.is_theirs(connection) {
            // Of a connection that was closed the end of its line is nothing new.
            let open = self.stays.iter_mut().filter(|stay| stay.connection == connection.0 && stay.is_open());
            open.for_each(|stay| stay.ends(at, why));
            self.story.tell(at, connection.0, format!("ends: {why}"));
        }
    }

    pub(super) fn line(&mut self, at: Time, connection: ConnectionId, heard: Heard<'_>) {
        let Some(person) = self.people.get_mut(&connection) else { return };
        match heard {
            Heard::Opened => person.is_native = true,
            Heard::Strange | Heard::Unreadable(_) => person.is_native = false,
            Heard::Says(says) => self.says(at, connection, &says),
            Heard::Reads(frame) => self.reads(at, connection, frame),
            Heard::Gone => {}
        }
    }

    fn says(&mut self, at: Time, connection: ConnectionId, says: &Says<'_>) {
        let is_theirs = self.is_theirs(connection);
        let Some(person) = self.people.get_mut(&connection) else { return };
        match says {
            Says::Join { room, id, since, epoch } if *room == self.question.room => {
                (person.has, person.asked) = (epoch.zip(*since), *id);
                if is_theirs {
                    let what = match since {
                        Some(since) => format!("asks to come in, having seen {since}"),
                        None => "asks to come in".to_owned(),
                    };
                    self.story.tell(at, connection.0, what);
                }
            }
            Says::Leave { room } if *room == self.question.room && is_theirs => {
                self.story.tell(at, connection.0, "asks to leave".to_owned());
            }
            _ => {}
        }
    }

    fn reads(&mut self, at: Time, connection: ConnectionId, frame: Reads<'_>) {
        let room = self.question.room.as_str();
        match frame {
            Reads::Joined { room: there, epoch, seq, next, verdict, from, to } => {
                if there == room {
                    self.joined(at, connection, (epoch, seq, next));
                    self.verdict(at, connection, &verdict, from.zip(to));
                }
                if !self.rooms.contains(&*there) {
                    self.rooms.insert(there.into_owned());
                }
            }
            Reads::Gap { room: there, epoch, from, to } if there == room => {
                self.is_in(connection, epoch);
                self.tell(at, connection, format!("is told that {from} to {to} are missing"));
                self.stay(connection, |stay| stay.is_told_of_gap(at, from, to));
            }
            Reads::Lagged { room: there, next } if there == room => {
                self.tell(
                    at,
                    connection,
                    format!("is told that it reads too slowly: what follows from {next} on comes in pages"),
                );
                self.stay(connection, |stay| stay.lags(at));
            }
            Reads::Left { room: there, seq, kicked } if there == room => {
                let why = if kicked { "was sent away" } else { "left" };
                self.tell(at, connection, format!("{why}, after {seq}"));
                self.stay(connection, |stay| stay.ends(at, why));
                if let Some(person) = self.people.get_mut(&connection) {
                    person.epoch = None;
                }
            }
            Reads::Message { room: there, said } if there == room => {
                let epoch = self.people.get(&connection).and_then(|person| person.epoch);
                self.shown(at, connection, epoch, &said, How::Live);
            }
            Reads::History { room: there, epoch, messages, id } if there == room => {
                let how = if id.is_some() { How::Asked } else { How::CatchingUp };
                messages.iter().for_each(|said| self.shown(at, connection, Some(epoch), said, how));
            }
            Reads::Ack { room: there, epoch: Some(epoch), seq: Some(seq), .. } if there == room => {
                self.acknowledged(at, connection, epoch, seq);
            }
            _ => {}
        }
    }

    fn joined(&mut self, at: Time, connection: ConnectionId, (epoch, head, next): (Epoch, Seq, Seq)) {
        self.stay(connection, |stay| stay.ends(at, "came in again"));
        self.is_in(connection, epoch);
        if self.is_theirs(connection) {
            let has = self.people.get(&connection).and_then(|person| person.has);
            // Of another life of the log it says nothing.
            let has = has.filter(|&(of, _)| of == epoch).map(|(_, seq)| seq);
            self.stays.push(Stay::new(&Entry { connection: connection.0, epoch, at, head, has, next }));
        }
    }

    fn verdict(&mut self, at: Time, connection: ConnectionId, verdict: &str, gap: Option<(Seq, Seq)>) {
        let verdict = match (verdict, gap) {
            (_, Some((from, to))) => {
                self.stay(connection, |stay| stay.is_told_of_gap(at, from, to));
                format!("{from} to {to} are missing")
            }
            ("reset", _) => "what it had seen is of an earlier life of the room".to_owned(),
            _ => "nothing is missing".to_owned(),
        };
        self.tell(at, connection, format!("is in: {verdict}"));
    }

    fn shown(&mut self, at: Time, connection: ConnectionId, epoch: Option<Epoch>, said: &Said<'_>, how: How) {
        let seq = said.seq;
        if self.is_theirs(connection) {
            self.story.shows(at, connection.0, seq, how);
            self.stay(connection, |stay| stay.shows(at, seq, how));
        }
        if let Some(epoch) = epoch.filter(|_| Some(seq) == self.question.seq) {
            let place = self.places.entry(epoch).or_default();
            place.by.get_or_insert_with(|| said.user.clone().into_owned());
            place.shown.get_or_insert((at, connection.0));
            place.readers += u64::from(how == How::Live);
        }
    }

    fn acknowledged(&mut self, at: Time, connection: ConnectionId, epoch: Epoch, seq: Seq) {
        if Some(seq) == self.question.seq {
            let place = self.places.entry(epoch).or_default();
            place.acknowledged.get_or_insert((at, connection.0));
        }
    }

    fn is_in(&mut self, connection: ConnectionId, epoch: Epoch) {
        self.epochs.insert(epoch);
        if let Some(person) = self.people.get_mut(&connection) {
            person.epoch = Some(epoch);
        }
    }

    /// Something that one of the user's connections was told.
    fn tell(&mut self, at: Time, connection: ConnectionId, sentence: String) {
        if self.is_theirs(connection) {
            self.story.tell(at, connection.0, sentence);
        }
    }

    /// The stay that goes on there.
    fn stay(&mut self, connection: ConnectionId, change: impl FnOnce(&mut Stay)) {
        let last = self.stays.iter_mut().rev().find(|stay| stay.connection == connection.0);
        if let Some(stay) = last.filter(|stay| stay.is_open()) {
            change(stay);
        }
    }
}

impl Place {
    /// When it was there at the latest.
    pub(super) fn since(&self) -> Option<Time> {
        let (acknowledged, shown) = (self.acknowledged.map(|(at, _)| at), self.shown.map(|(at, _)| at));
        acknowledged.into_iter().chain(shown).min()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, acknowledged, shown, readers } = self;
        if acknowledged.is_none() && shown.is_none() {
            return f.write_str("nobody who speaks the native dialect was told of it");
        }
        match by {
            Some(by) => write!(f, "said by {by}")?,
            None => f.write_str("nobody was shown it")?,
        }
        if let Some((at, connection)) = acknowledged {
            write!(f, ", acknowledged to #{connection} at {}", clock(*at))?;
        }
        if let Some((at, connection)) = shown {
            write!(f, ", first shown to #{connection} at {}, live to {readers} in all", clock(*at))?;
        }
        Ok(())
    }
}

//! The oracle: takes observations in, judges what can be judged at once, and keeps what the verdict needs.

use std::collections::BTreeMap;

use chinwag_core::{Position, Seq, shard::Verdict};
use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, Faults, Whose},
    author::Author,
    finish,
    keep::{Keep, Length},
    ledger::Ledger,
    observation::{MemberId, Observation, RoomId, SendId},
    reader::{Complaint, Delivery, Join, Placed, Reader, Unplaced},
    report::Report,
    stream::{Arrival, Stream},
    violation::{Promise, Violation, Violations},
};

/// How strictly skipped messages are judged.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Mode {
    /// Clients show in order and all messages are ours: a skipped place, or a message nobody sent, is a violation at
    /// once.
    Strict,
    /// What was skipped may still come, and is lost only if it does not; others may speak too.
    Tolerant,
}

/// What order those are owed who are told no places.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Agreement {
    /// What one member says comes in that order. Different members may be shown different members' messages in
    /// different orders.
    #[default]
    None,
    /// All members of a room are shown one order: who is shown another one than most is shown a wrong one.
    All,
    /// Likewise, but what one has said oneself may stand anywhere among what others say.
    Others,
}

/// Watches a run, or a part of one, and says which promises were broken. Can be written down, to be merged elsewhere.
///
/// A delivery in order costs a few table look-ups and no allocation. Memory is about 250 bytes for each member of a
/// room, 48 for each planned message and 4 for each place of a room; without places, 4 for each delivery.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Oracle {
    pub(crate) mode: Mode,
    pub(crate) agreement: Agreement,
    pub(crate) sends: Vec<Send>,
    pub(crate) ledger: Ledger,
    /// By member: their rooms, few.
    pub(crate) readers: Vec<Vec<(RoomId, Reader)>>,
    /// By member: the rooms they have been in, few.
    pub(crate) authors: Vec<Vec<(RoomId, Author)>>,
    /// By member: what comes over their connection now, if anyone watches it.
    streams: Vec<Vec<(RoomId, Stream)>>,
    /// Whoever knows what is kept has watched the whole run: such an oracle is not written down to be merged.
    #[serde(skip)]
    pub(crate) keep: Option<Keep>,
    /// By room, if it is known what is kept.
    #[serde(skip)]
    pub(crate) lengths: Vec<Length>,
    pub(crate) tally: Tally,
    /// By member: the rooms in which something went wrong with what they were shown.
    pub(crate) faults: Vec<Vec<(RoomId, Faults)>>,
    pub(crate) checks: Checks,
    /// What single readers have found.
    pub(crate) violations: Violations,
}

/// What is known of a message.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Send {
    /// Where and by whom.
    pub(crate) planned: Option<(RoomId, MemberId)>,
    pub(crate) sent: bool,
    pub(crate) acknowledged: bool,
    pub(crate) refused: bool,
    pub(crate) unresolved: bool,
    /// It was sent more than once, or is going to be.
    pub(crate) repeated: bool,
    /// It was sent once more though its place was known: a server that has forgotten its room gives it another one.
    pub(crate) again: bool,
    /// The place at which it was seen first, to find a second one at once.
    position: Option<Position>,
}

/// Counts that need no second look.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Tally {
    pub(crate) gaps_announced: u64,
    pub(crate) history: u64,
    pub(crate) caught_up: u64,
    /// Deliveries of rooms that are none of this run.
    pub(crate) from_nowhere: u64,
}

/// How often each promise was put to the test.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Checks([u64; Promise::ALL.len()]);

impl Checks {
    pub(crate) const fn add(&mut self, promise: Promise, count: u64) {
        self.0[promise as usize] += count;
    }

    pub(crate) fn by_promise(self) -> BTreeMap<Promise, u64> {
        Promise::ALL.into_iter().map(|promise| (promise, self.0[promise as usize])).collect()
    }
}

impl Send {
    /// Whether it may be in its room at a place that is not known, or get one.
    pub(crate) const fn is_open(&self) -> bool {
        self.sent && !self.refused && (self.position.is_none() || self.again)
    }

    /// Why this message cannot be in `room`.
    pub(crate) fn objection(&self, room: RoomId) -> Option<(Promise, &'static str)> {
        match self.planned {
            None => Some((Promise::NoInvention, "was never planned")),
            Some((planned, _)) if planned != room => {
                Some((Promise::NoInvention, "belongs into another room"))
            }
            Some(_) if !self.sent => Some((Promise::NoInvention, "was never sent")),
            Some(_) if self.refused => Some((Promise::Refusal, "was finally refused")),
            Some(_) => None,
        }
    }
}

impl Oracle {
    /// An oracle that has seen nothing.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            agreement: Agreement::None,
            sends: Vec::new(),
            ledger: Ledger::default(),
            readers: Vec::new(),
            authors: Vec::new(),
            streams: Vec::new(),
            keep: None,
            lengths: Vec::new(),
            tally: Tally::default(),
            faults: Vec::new(),
            checks: Checks::default(),
            violations: Violations::default(),
        }
    }

    /// Judges by what the server keeps of rooms, too. Such an oracle has to watch the whole run.
    #[must_use]
    pub const fn keeping(mut self, keep: Keep) -> Self {
        self.keep = Some(keep);
        self
    }

    /// Judges those who are told no places by what this says.
    #[must_use]
    pub const fn agreeing(mut self, agreement: Agreement) -> Self {
        self.agreement = agreement;
        self
    }

    /// Takes in what happened next. Returns the violation that shows at once, if any; all are in the report.
    pub fn observe(&mut self, observation: Observation) -> Option<Violation> {
        match observation {
            Observation::Planned { send, room, member } => {
                self.send(send).planned = Some((room, member));
                None
            }
            Observation::Sent { send } => {
                self.settle(send, |known| {
                    known.repeated |= std::mem::replace(&mut known.sent, true);
                    known.again = known.position.is_some();
                });
                None
            }
            Observation::Deferred { send } => {
                self.send(send).repeated = true;
                None
            }
            Observation::Acknowledged { send, position } => self.acknowledged(send, position),
            Observation::Refused { send } => {
                self.settle(send, |known| known.refused = true);
                None
            }
            Observation::Unresolved { send } => {
                self.send(send).unresolved = true;
                None
            }
            Observation::Joined { member, room, position, next, verdict } => {
                let join = position.map(|head| Join { head, next, verdict });
                let kept = join.and_then(|join| self.doubt_join(member, room, join));
                let complaint = self.joined(member, room, join).or(kept);
                room_of(&mut self.authors, member, room).join(position);
                self.record(member, room, position, None, complaint)
            }
            Observation::Left { member, room, position } => {
                room_of(&mut self.authors, member, room).leave(position);
                self.reaches(room, position);
                let complaint = match self.reader(member, room)? {
                    Reader::Placed(reader) => reader.leave(position),
                    Reader::Unplaced(reader) => {
                        (reader.gone, reader.owed_from) = (true, None);
                        None
                    }
                };
                self.record(member, room, position, None, complaint)
            }
            Observation::Gap { member, room, from, to } => {
                self.tally.gaps_announced += 1;
                self.checks.add(Promise::Continuity, 1);
                let complaint = match self.reader(member, room) {
                    Some(Reader::Placed(reader)) => reader.gap(from, to),
                    _ => Some((
                        Promise::Continuity,
                        format!("was told of a gap at {from} without reading by places"),
                    )),
                };
                let complaint = complaint.or_else(|| self.doubt_gap(room, from, to));
                self.record(member, room, Some(from), None, complaint)
            }
            Observation::SessionLost { member } => {
                for (_, author) in self.authors.get_mut(index(member.0)).into_iter().flatten() {
                    author.lapse();
                }
                for (_, reader) in self.readers.get_mut(index(member.0)).into_iter().flatten() {
                    match reader {
                        Reader::Placed(reader) => reader.lapse(),
                        Reader::Unplaced(reader) => reader.owed_from = None,
                    }
                }
                None
            }
            Observation::Owed { member, room, from } => {
                if let Some(Reader::Unplaced(reader)) = self.reader(member, room) {
                    reader.owes_from(from);
                }
                None
            }
            Observation::Shown { member, room, send, position, from_history } => {
                let send = send.filter(|send| send.0 != u32::MAX);
                let shown = self.shown(member, room, send, position, from_history);
                let written = self.written(room, send, position);
                shown.or(written)
            }
            Observation::StreamStarted { member, room, next } => {
                self.stream_ended(member, room);
                let streams = entry(&mut self.streams, index(member.0));
                streams.reserve_exact(1);
                streams.push((room, Stream::new(next)));
                None
            }
            Observation::StreamEnded { member, room } => {
                self.stream_ended(member, room);
                None
            }
            Observation::StreamReached { member, room, head } => self.reached(member, room, head),
            Observation::Delivered { member, room, seq } => self.delivered(member, room, seq),
            Observation::Paged { member, room, send, position } => {
                let send = send.filter(|send| send.0 != u32::MAX);
                let shown = self.paged(member, room, send, position);
                let written = self.written(room, send, Some(position));
                shown.or(written)
            }
        }
    }

    /// What both have seen; it does not matter which is which.
    ///
    /// # Panics
    /// If they judge in different modes or for different servers, or by [what is kept](Self::keeping).
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        let alike = (self.mode, self.agreement) == (other.mode, other.agreement);
        assert!(alike, "merged oracles judge alike");
        assert_eq!((self.keep, other.keep), (None, None), "who knows what is kept has watched the whole run");
        for (id, theirs) in other.sends.into_iter().enumerate() {
            let ours = self.send(SendId(u32::try_from(id).expect("a send's number")));
            ours.planned = ours.planned.or(theirs.planned);
            ours.sent |= theirs.sent;
            ours.acknowledged |= theirs.acknowledged;
            ours.refused |= theirs.refused;
            ours.unresolved |= theirs.unresolved;
            ours.repeated |= theirs.repeated;
            ours.again |= theirs.again;
            ours.position = ours.position.or(theirs.position);
        }
        self.ledger.merge(other.ledger);
        for (member, theirs) in other.readers.into_iter().enumerate() {
            entry(&mut self.readers, member).extend(theirs);
        }
        for (member, theirs) in other.authors.into_iter().enumerate() {
            entry(&mut self.authors, member).extend(theirs);
        }
        for (member, theirs) in other.streams.into_iter().enumerate() {
            entry(&mut self.streams, member).extend(theirs);
        }
        self.tally.add(other.tally);
        for (member, theirs) in other.faults.into_iter().enumerate() {
            entry(&mut self.faults, member).extend(theirs);
        }
        for (ours, theirs) in self.checks.0.iter_mut().zip(other.checks.0) {
            *ours += theirs;
        }
        self.violations.merge(other.violations);
        self
    }

    /// Which message is at which place of each room, as far as anyone was shown it or told so; by room and place.
    pub fn log(&self) -> impl Iterator<Item = (RoomId, Position, SendId)> {
        self.ledger.by_room().flat_map(|(room, epoch, places)| {
            places.map(move |(seq, send)| (room, Position::new(epoch, seq), send))
        })
    }

    /// The verdict on what has been seen so far.
    #[must_use]
    pub fn finish(&self) -> Report {
        self.judge().0
    }

    /// The same, and by member and room, for all who have ever been in it or were shown something of it.
    #[must_use]
    pub fn judge(&self) -> (Report, BTreeMap<Whose, Account>) {
        finish::finish(self)
    }

    fn acknowledged(&mut self, send: SendId, position: Option<Position>) -> Option<Violation> {
        self.settle(send, |known| (known.acknowledged, known.again) = (true, false));
        let (room, _) = self.send(send).planned?;
        self.written(room, Some(send), position)
    }

    fn joined(&mut self, member: MemberId, room: RoomId, join: Option<Join>) -> Option<Complaint> {
        let verdict = join.and_then(|join| join.verdict);
        self.tally.gaps_announced += u64::from(matches!(verdict, Some(Verdict::Gap { .. })));
        if let Some(reader) = self.reader(member, room) {
            return match (reader, join) {
                (Reader::Placed(reader), Some(join)) => {
                    let complaint = reader.join(join);
                    self.checks.add(Promise::Continuity, u64::from(verdict.is_some()));
                    complaint
                }
                (Reader::Unplaced(reader), _) => {
                    reader.gone = false;
                    None
                }
                // Nothing is said about places: the membership goes on as it was.
                (Reader::Placed(_), None) => None,
            };
        }
        let reader =
            join.map_or_else(|| Reader::Unplaced(Unplaced::new()), |join| Reader::Placed(Placed::new(join)));
        let rooms = entry(&mut self.readers, index(member.0));
        // Most members have one room: room for four would be most of what an oracle needs.
        rooms.reserve_exact(1);
        rooms.push((room, reader));
        None
    }

    fn stream_ended(&mut self, member: MemberId, room: RoomId) {
        if let Some(streams) = self.streams.get_mut(index(member.0)) {
            streams.retain(|(its, _)| *its != room);
        }
    }

    /// Judges what comes over a connection, before any client has mended it.
    fn delivered(&mut self, member: MemberId, room: Option<RoomId>, seq: Seq) -> Option<Violation> {
        for promise in [Promise::Privacy, Promise::Order, Promise::ExactlyOnce, Promise::GapFree] {
            self.checks.add(promise, 1);
        }
        let streams = self.streams.get_mut(index(member.0)).into_iter().flatten();
        let stream = streams.into_iter().find(|(its, _)| Some(*its) == room).map(|(_, stream)| stream);
        let (Some(room), Some(stream)) = (room, stream) else {
            return self.stray(member, room, seq);
        };
        let expected = stream.next();
        let arrival = stream.arrive(seq);
        if arrival != Arrival::Next {
            room_of(&mut self.faults, member, room).arrived(arrival);
        }
        let complaint = arrival
            .breaks()
            .map(|promise| (promise, format!("got {seq} over the connection when {expected} was next")));
        self.record(member, room, None, None, complaint)
    }

    /// Judges what has not come over a connection when the server says how far the room has got.
    fn reached(&mut self, member: MemberId, room: RoomId, head: Seq) -> Option<Violation> {
        self.checks.add(Promise::GapFree, 1);
        let mut streams = self.streams.get_mut(index(member.0))?.iter_mut();
        let (_, stream) = streams.find(|(its, _)| *its == room)?;
        let expected = stream.next();
        let arrival = stream.pass_over(head);
        arrival.breaks()?;
        room_of(&mut self.faults, member, room).arrived(arrival);
        let complaint = format!("was told that the room ends at {head} when {expected} had not come");
        self.record(member, room, None, None, Some((Promise::GapFree, complaint)))
    }

    /// A message came over the connection of someone who is not in its room.
    fn stray(&mut self, member: MemberId, room: Option<RoomId>, seq: Seq) -> Option<Violation> {
        let Some(room) = room else {
            self.tally.from_nowhere += 1;
            let sentence = format!("member {member} got message {seq} of a room that is none of this run");
            let violation = Violation::new(Promise::NoInvention, sentence).member(member);
            self.violations.add(violation.clone());
            return Some(violation);
        };
        room_of(&mut self.faults, member, room).foreign += 1;
        let complaint = format!("got {seq} over a connection that is not in the room");
        self.record(member, room, None, None, Some((Promise::Privacy, complaint)))
    }

    fn shown(
        &mut self,
        member: MemberId,
        room: RoomId,
        send: Option<SendId>,
        position: Option<Position>,
        from_history: bool,
    ) -> Option<Violation> {
        let mode = self.mode;
        for promise in [Promise::Privacy, Promise::Order, Promise::ExactlyOnce] {
            self.checks.add(promise, 1);
        }
        let stray = |promise, sentence: &str| (Delivery::Stray, Some((promise, sentence.to_owned())));
        let (delivery, complaint) = match (self.reader(member, room), position) {
            (None, _) => stray(Promise::Privacy, "was shown a message without ever having joined"),
            (Some(Reader::Placed(_)), None) => stray(Promise::Order, "was shown a message without a place"),
            (Some(Reader::Placed(reader)), Some(position)) => {
                let judged = reader.show(position, mode);
                self.checks.add(Promise::GapFree, 1);
                judged
            }
            (Some(Reader::Unplaced(reader)), _) if reader.gone => {
                stray(Promise::Privacy, "was shown a message without being in the room")
            }
            (Some(Reader::Unplaced(reader)), _) => {
                reader.shown.extend(send);
                (Delivery::Owed, None)
            }
        };
        let found = self.record(member, room, position, send, complaint);
        self.count(member, room, delivery, send.is_some(), from_history);
        found.or_else(|| self.doubt_author(member, room, send, position))
    }

    fn count(&mut self, member: MemberId, room: RoomId, delivery: Delivery, ours: bool, from_history: bool) {
        match delivery {
            Delivery::Owed => self.tally.caught_up += u64::from(ours && from_history),
            Delivery::History => self.tally.history += u64::from(ours),
            wrong => room_of(&mut self.faults, member, room).shown(wrong),
        }
        // What is no member's is counted as that already.
        if !ours && delivery != Delivery::Stray {
            room_of(&mut self.faults, member, room).foreign += 1;
        }
    }

    fn paged(
        &mut self,
        member: MemberId,
        room: RoomId,
        send: Option<SendId>,
        position: Position,
    ) -> Option<Violation> {
        self.checks.add(Promise::Privacy, 1);
        let allowed = match self.reader(member, room) {
            None => false,
            Some(Reader::Placed(reader)) => reader.may_page(position),
            Some(Reader::Unplaced(reader)) => !reader.gone,
        };
        if send.is_none() {
            room_of(&mut self.faults, member, room).foreign += 1;
        }
        let complaint = (!allowed).then(|| {
            (Promise::Privacy, format!("was given a page with {position} without being in the room"))
        });
        let found = self.record(member, room, Some(position), send, complaint);
        found.or_else(|| self.doubt_author(member, room, send, Some(position)))
    }

    /// In strict mode everything is somebody's.
    fn doubt_author(
        &mut self,
        member: MemberId,
        room: RoomId,
        send: Option<SendId>,
        position: Option<Position>,
    ) -> Option<Violation> {
        let complaint = (send.is_none() && self.mode == Mode::Strict)
            .then(|| (Promise::NoInvention, "was shown a message that is nobody's".to_owned()));
        self.record(member, room, position, send, complaint)
    }

    /// Writes down that a message is said to be at a place. What this shows is judged again at the end and therefore
    /// not recorded here.
    fn written(
        &mut self,
        room: RoomId,
        send: Option<SendId>,
        position: Option<Position>,
    ) -> Option<Violation> {
        let (send, position) = (send?, position?);
        let violation = |promise, sentence| {
            Some(Violation::new(promise, sentence).room(room).position(position).send(send))
        };
        if let Some(before) = self.ledger.write(room, position, send) {
            return violation(
                Promise::Order,
                format!(
                    "place {position} of room {room} holds message {before} for some and {send} for others"
                ),
            );
        }
        // A message that is not known here may be known to an oracle that is merged later.
        let known = self.sends.get_mut(index(send.0)).filter(|known| known.planned.is_some())?;
        let (is_new, was_open) = (known.position.is_none(), known.is_open());
        let before = *known.position.get_or_insert(position);
        if let Some((promise, why)) = known.objection(room) {
            return violation(promise, format!("message {send} is at {position} of room {room} but {why}"));
        }
        if before.epoch == position.epoch && before != position {
            return violation(
                Promise::ExactlyOnce,
                format!("message {send} is in room {room} at {before} and at {position}"),
            );
        }
        if is_new || before.epoch != position.epoch {
            known.again = false;
            self.close(room, was_open);
            self.reaches(room, Some(position));
        }
        if is_new { self.placed(room, send, position) } else { None }
    }

    /// The place of a message has become known. What this shows is judged again at the end, too.
    fn placed(&mut self, room: RoomId, send: SendId, position: Position) -> Option<Violation> {
        let (_, member) = self.sends[index(send.0)].planned.expect("only planned messages have authors");
        let author = room_of(&mut self.authors, member, room);
        let swapped = author.place(send, position, &self.sends);
        let (promise, rest) = author.absent(send, position).or(swapped)?;
        let sentence = format!("member {member} of room {room} {rest}");
        Some(Violation::new(promise, sentence).member(member).room(room).position(position).send(send))
    }

    /// Keeps what a reader complains of.
    pub(crate) fn record(
        &mut self,
        member: MemberId,
        room: RoomId,
        position: Option<Position>,
        send: Option<SendId>,
        complaint: Option<Complaint>,
    ) -> Option<Violation> {
        let (promise, rest) = complaint?;
        let sentence = format!("member {member} of room {room} {rest}");
        let violation =
            Violation::new(promise, sentence).member(member).room(room).position(position).send(send);
        self.violations.add(violation.clone());
        Some(violation)
    }

    pub(crate) fn send(&mut self, send: SendId) -> &mut Send {
        let send = index(send.0);
        if self.sends.len() <= send {
            self.sends.resize_with(send + 1, Send::default);
        }
        &mut self.sends[send]
    }

    pub(crate) fn reader(&mut self, member: MemberId, room: RoomId) -> Option<&mut Reader> {
        let rooms = self.readers.get_mut(index(member.0))?;
        rooms.iter_mut().find(|(its, _)| *its == room).map(|(_, reader)| reader)
    }
}

impl Tally {
    const fn add(&mut self, other: Self) {
        self.gaps_announced += other.gaps_announced;
        self.history += other.history;
        self.caught_up += other.caught_up;
        self.from_nowhere += other.from_nowhere;
    }
}

/// What a member's table holds of a room.
fn room_of<T: Default>(table: &mut Vec<Vec<(RoomId, T)>>, member: MemberId, room: RoomId) -> &mut T {
    let rooms = entry(table, index(member.0));
    let at = rooms.iter().position(|(its, _)| *its == room).unwrap_or_else(|| {
        // Most members have one room.
        rooms.reserve_exact(1);
        rooms.push((room, T::default()));
        rooms.len() - 1
    });
    &mut rooms[at].1
}

/// A member's entry in a table that grows with the members.
fn entry<T>(table: &mut Vec<Vec<T>>, member: usize) -> &mut Vec<T> {
    if table.len() <= member {
        table.resize_with(member + 1, Vec::new);
    }
    &mut table[member]
}

/// A number as an index.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).expect("an index fits a usize")
}

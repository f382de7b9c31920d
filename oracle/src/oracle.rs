//! The oracle: takes observations in, judges what can be judged at once, and keeps what the verdict needs.

mod merge;
mod shown;
mod wire;
mod written;

use std::collections::BTreeMap;

use chinwag_core::{Position, shard::Verdict};
use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, Faults, Whose},
    author::Author,
    finish,
    keep::{Keep, Length},
    ledger::Ledger,
    observation::{MemberId, Observation, RoomId, SendId},
    reader::{Complaint, Join, Placed, Reader, Unplaced},
    report::Report,
    send::Send,
    stream::Stream,
    table::{entry, index, room_of},
    tally::{Checks, Tally},
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

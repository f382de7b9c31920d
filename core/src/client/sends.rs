//! Publishes that wait: for their turn, for an answer, or for the rate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::hold::Hold;
use crate::{id::RequestId, name::RoomName, shard::Extra, time::Time};

#[derive(Debug)]
pub(super) struct Sends {
    /// In the order in which they were made.
    waiting: BTreeMap<RequestId, Send>,
    /// How many of them are on their way.
    in_flight: usize,
    /// Answered in this session, or given up, and made after one that still waits.
    overtook: BTreeSet<RequestId>,
    hold: Hold,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Send {
    pub(super) room: RoomName,
    pub(super) content: Arc<str>,
    pub(super) extra: Option<Arc<Extra>>,
    /// It is on its way on this connection.
    in_flight: bool,
    /// It was on its way when a connection was lost: it may be in the room already.
    pub(super) uncertain: bool,
    /// On which of the session's connections it first was on its way since it was last known to be in no room.
    sent_on: u64,
}

/// What a server has forgotten of a session's sends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Forgotten<'a> {
    /// All of them: the session is lost.
    All,
    /// Those to a room that we cannot enter again to ask.
    In(&'a RoomName),
    /// Those to a room that were sent on connections before this one.
    Before(&'a RoomName, u64),
}

impl Forgotten<'_> {
    fn covers(self, send: &Send) -> bool {
        match self {
            Self::All => true,
            Self::In(room) => send.room == *room,
            Self::Before(room, generation) => send.room == *room && send.sent_on < generation,
        }
    }
}

impl Sends {
    pub(super) const fn new() -> Self {
        Self { waiting: BTreeMap::new(), in_flight: 0, overtook: BTreeSet::new(), hold: Hold::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether something that was made before `id` waits for this room.
    pub(super) fn concern(&self, room: &RoomName, id: RequestId) -> bool {
        self.waiting.range(..id).any(|(_, send)| send.room == *room)
    }

    pub(super) fn push(
        &mut self,
        id: RequestId,
        room: RoomName,
        content: Arc<str>,
        extra: Option<Arc<Extra>>,
    ) {
        self.waiting
            .insert(id, Send { room, content, extra, in_flight: false, uncertain: false, sent_on: 0 });
    }

    /// Hands out, in order, what may go now. What `may_go` keeps back may be overtaken: it must speak for whole rooms,
    /// so that each of them keeps its order.
    pub(super) fn transmit(
        &mut self,
        now: Time,
        in_flight_max: usize,
        generation: u64,
        may_go: impl Fn(RequestId, &RoomName) -> bool,
        mut send: impl FnMut(RequestId, &Send),
    ) {
        if !self.hold.is_over(now) || self.in_flight == self.waiting.len() {
            return;
        }
        // The server knows its last `in_flight_max` answers only, and what is older than those counts as answered: the
        // oldest send that waits must not be overtaken by as many.
        let window = in_flight_max.saturating_sub(self.overtook.len()).max(1);
        let mut kept_back = window < self.waiting.len();
        let mut sends = self.waiting.iter_mut().take(window);
        while let Some((&id, waiting)) = planted!(NewestSentFirst, sends.next_back(), sends.next()) {
            if waiting.in_flight {
                continue;
            }
            if !may_go(id, &waiting.room) {
                kept_back = true;
                continue;
            }
            if self.in_flight >= self.hold.in_flight_max(in_flight_max) {
                return;
            }
            waiting.in_flight = true;
            if !waiting.uncertain {
                waiting.sent_on = generation;
            }
            self.in_flight += 1;
            send(id, waiting);
        }
        // Whoever has yet to enter their rooms still has all of it to say.
        if !kept_back {
            self.hold.relax();
        }
    }

    /// An answer came; false if none was awaited.
    pub(super) fn settle(&mut self, id: RequestId) -> bool {
        let Some(send) = self.waiting.remove(&id) else { return false };
        self.in_flight -= usize::from(send.in_flight);
        self.overtook.insert(id);
        self.forget_overtaking();
        true
    }

    /// Whatever was made after the oldest that waits has overtaken it, and nothing else has.
    fn forget_overtaking(&mut self) {
        let oldest = self.waiting.first_key_value().map(|(&id, _)| id);
        self.overtook.retain(|&id| oldest.is_some_and(|oldest| id > oldest));
    }

    /// Refused for its rate: it goes again, in its turn, not before `until`. False if it is not known.
    pub(super) fn hold(&mut self, id: RequestId, until: Time) -> bool {
        let Some(send) = self.waiting.get_mut(&id) else { return false };
        self.in_flight -= usize::from(send.in_flight);
        send.in_flight = false;
        self.hold.extend(until);
        true
    }

    pub(super) const fn held_until(&self) -> Option<Time> {
        self.hold.until()
    }

    /// Nothing is on its way any more.
    pub(super) fn disconnected(&mut self) {
        if planted!(ClientNeverRepeats) {
            return;
        }
        if planted!(RepeatedIntoAnotherRoom)
            && let Some(last) = self.waiting.values().next_back().map(|send| send.room.clone())
        {
            self.waiting.values_mut().for_each(|send| send.room = last.clone());
        }
        planted!(ClientForgetsUnanswered, self.waiting.retain(|_, send| !send.in_flight), ());
        self.in_flight = 0;
        // What was used of a limit goes along with the session, and so does the pause: some limits close.
        for send in self.waiting.values_mut() {
            send.uncertain |= std::mem::take(&mut send.in_flight);
        }
    }

    /// The server has forgotten something: a repeat would not be recognised. Gives up what may be in its room already;
    /// what is in none for certain stays, and so does what will be answered.
    pub(super) fn give_up(&mut self, what: Forgotten<'_>) -> Vec<(RequestId, RoomName)> {
        let is_lost = |_: &RequestId, send: &mut Send| send.uncertain && !send.in_flight && what.covers(send);
        let lost: Vec<_> = self.waiting.extract_if(.., is_lost).map(|(id, send)| (id, send.room)).collect();
        if matches!(what, Forgotten::All) {
            self.overtook.clear();
        } else {
            // They may have been answered, in place of older ones.
            self.overtook.extend(lost.iter().map(|&(id, _)| id));
            self.forget_overtaking();
        }
        lost
    }
}

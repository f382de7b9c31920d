//! Publishes that wait: for their turn, for an answer, or for the rate.

use std::{collections::BTreeMap, sync::Arc};

use crate::{id::RequestId, name::RoomName, time::Time};

#[derive(Debug)]
pub(super) struct Sends {
    /// In the order in which they were made.
    waiting: BTreeMap<RequestId, Send>,
    /// How many of them are on their way.
    in_flight: usize,
    /// After a refusal for the rate nothing is sent before this…
    held_until: Option<Time>,
    /// …and then one at a time, in order, until nothing waits for its turn.
    one_by_one: bool,
}

#[derive(Debug)]
struct Send {
    room: RoomName,
    content: Arc<str>,
    /// It is on its way on this connection.
    in_flight: bool,
    /// It was on its way at some time in this session: it may be in the room already.
    transmitted: bool,
}

impl Sends {
    pub(super) const fn new() -> Self {
        Self { waiting: BTreeMap::new(), in_flight: 0, held_until: None, one_by_one: false }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether something waits for this room.
    pub(super) fn concern(&self, room: &RoomName) -> bool {
        self.waiting.values().any(|send| send.room == *room)
    }

    pub(super) fn push(&mut self, id: RequestId, room: RoomName, content: Arc<str>) {
        self.waiting.insert(id, Send { room, content, in_flight: false, transmitted: false });
    }

    /// Hands out, in order, what may go now.
    pub(super) fn transmit(
        &mut self,
        now: Time,
        in_flight_max: usize,
        mut send: impl FnMut(RequestId, &RoomName, &str),
    ) {
        if self.held_until.is_some_and(|until| until > now) || self.in_flight == self.waiting.len() {
            return;
        }
        self.held_until = None;
        let max = if self.one_by_one { 1 } else { in_flight_max };
        // The server answers the last `unanswered_max` numbers only, so a late one must not be overtaken by more.
        for (&id, waiting) in self.waiting.iter_mut().take(max).filter(|(_, waiting)| !waiting.in_flight) {
            waiting.in_flight = true;
            waiting.transmitted = true;
            self.in_flight += 1;
            send(id, &waiting.room, &waiting.content);
        }
        self.one_by_one &= self.in_flight < self.waiting.len();
    }

    /// An answer came; false if none was awaited.
    pub(super) fn settle(&mut self, id: RequestId) -> bool {
        let Some(send) = self.waiting.remove(&id) else { return false };
        self.in_flight -= usize::from(send.in_flight);
        true
    }

    /// Refused for its rate: it goes again, in its turn, not before `until`. False if it is not known.
    pub(super) fn hold(&mut self, id: RequestId, until: Time) -> bool {
        let Some(send) = self.waiting.get_mut(&id) else { return false };
        self.in_flight -= usize::from(send.in_flight);
        send.in_flight = false;
        self.held_until = self.held_until.max(Some(until));
        self.one_by_one = true;
        true
    }

    pub(super) const fn held_until(&self) -> Option<Time> {
        self.held_until
    }

    /// Nothing is on its way any more.
    pub(super) fn disconnected(&mut self) {
        self.in_flight = 0;
        self.held_until = None;
        for send in self.waiting.values_mut() {
            send.in_flight = false;
        }
    }

    /// Gives up what may be in its room already; what was never sent stays.
    pub(super) fn drain_transmitted(&mut self) -> Vec<(RequestId, RoomName)> {
        let transmitted = |_: &RequestId, send: &mut Send| send.transmitted;
        let lost: Vec<_> =
            self.waiting.extract_if(.., transmitted).map(|(id, send)| (id, send.room)).collect();
        self.in_flight = self.waiting.values().filter(|send| send.in_flight).count();
        lost
    }
}

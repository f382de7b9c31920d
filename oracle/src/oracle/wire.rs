//! What comes over a connection, before any client has mended it.

use chinwag_core::Seq;

use super::Oracle;
use crate::{
    observation::{MemberId, RoomId},
    stream::Arrival,
    table::{index, room_of},
    violation::{Promise, Violation},
};

impl Oracle {
    pub(super) fn stream_ended(&mut self, member: MemberId, room: RoomId) {
        if let Some(streams) = self.streams.get_mut(index(member.0)) {
            streams.retain(|(its, _)| *its != room);
        }
    }

    /// Judges what comes over a connection, before any client has mended it.
    pub(super) fn delivered(
        &mut self,
        member: MemberId,
        room: Option<RoomId>,
        seq: Seq,
    ) -> Option<Violation> {
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
    pub(super) fn reached(&mut self, member: MemberId, room: RoomId, head: Seq) -> Option<Violation> {
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
}

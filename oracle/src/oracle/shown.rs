//! What a user is shown, live or on a page.

use chinwag_core::Position;

use super::{Mode, Oracle};
use crate::{
    observation::{MemberId, RoomId, SendId},
    reader::{Delivery, Reader},
    table::room_of,
    violation::{Promise, Violation},
};

impl Oracle {
    pub(super) fn shown(
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

    pub(super) fn paged(
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
}

//! What is said of the places of messages.

use chinwag_core::Position;

use super::Oracle;
use crate::{
    observation::{RoomId, SendId},
    table::{index, room_of},
    violation::{Promise, Violation},
};

impl Oracle {
    pub(super) fn acknowledged(&mut self, send: SendId, position: Option<Position>) -> Option<Violation> {
        self.settle(send, |known| (known.acknowledged, known.again) = (true, false));
        let (room, _) = self.send(send).planned?;
        self.written(room, Some(send), position)
    }

    /// Writes down that a message is said to be at a place. What this shows is judged again at the end and therefore
    /// not recorded here.
    pub(super) fn written(
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
}

//! What one member says in one room: while they are in it, and in order.

use chinwag_core::{Epoch, Position, Seq};
use serde::{Deserialize, Serialize};

use crate::{observation::SendId, reader::Complaint, send::Send, table::index, violation::Promise};

/// A member as the author of what they say in one room.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Author {
    memberships: Vec<Membership>,
    /// They have joined without being told where, so they may have been there all the time.
    is_anywhere: bool,
    /// The latest send that is known to have a place.
    latest: Option<(SendId, Position)>,
}

/// The places at which a member may have said something.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Membership {
    epoch: Epoch,
    /// The head of the room when they joined.
    after: Seq,
    /// The head of the room when they left.
    until: Seq,
    state: State,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum State {
    /// It goes on.
    Open,
    /// It goes on in a later session. The earlier one may have had something on its way, which a leave of the later
    /// one does not stop.
    Inherited,
    /// It is over.
    Closed,
}

impl Author {
    /// Enters the room whose newest message this is, if the server says so, or is still in it.
    pub(crate) fn join(&mut self, head: Option<Position>) {
        let Some(head) = head else {
            self.is_anywhere = true;
            return;
        };
        let present = self.memberships.last();
        if present.is_none_or(|last| last.state == State::Closed || last.epoch != head.epoch) {
            self.memberships.reserve_exact(1);
            self.memberships.push(Membership {
                epoch: head.epoch,
                after: head.seq,
                until: Seq(u64::MAX),
                state: State::Open,
            });
        }
    }

    /// Leaves the room whose newest message this is, if the server says so.
    pub(crate) fn leave(&mut self, head: Option<Position>) {
        let Some(last) = self.memberships.last_mut() else { return };
        if let Some(head) = head.filter(|head| head.epoch == last.epoch && last.state == State::Open) {
            last.until = head.seq;
        }
        last.state = State::Closed;
    }

    /// Has a new session.
    pub(crate) fn lapse(&mut self) {
        if let Some(last) = self.memberships.last_mut().filter(|last| last.state == State::Open) {
            last.state = State::Inherited;
        }
    }

    /// Why a message of theirs cannot be at a place: they were never there.
    pub(crate) fn absent(&self, send: SendId, position: Position) -> Option<Complaint> {
        let within = |stay: &Membership| {
            stay.epoch == position.epoch && stay.after < position.seq && position.seq <= stay.until
        };
        (!self.is_anywhere && !self.memberships.iter().any(within)).then(|| {
            (Promise::Authorship, format!("has said message {send} at {position} but was not a member there"))
        })
    }

    /// Learns the place of a message, and compares it with that of the latest one.
    pub(crate) fn place(&mut self, send: SendId, position: Position, sends: &[Send]) -> Option<Complaint> {
        let Some((latest, place)) = self.latest.filter(|(_, place)| place.epoch == position.epoch) else {
            self.latest = Some((send, position));
            return None;
        };
        if send > latest {
            self.latest = Some((send, position));
            return (position.seq < place.seq).then(|| overtaken(latest, place, send, sends)).flatten();
        }
        (position.seq > place.seq).then(|| overtaken(send, position, latest, sends)).flatten()
    }
}

/// Why a message may not come after a later one of the same author and room.
///
/// Only one that was repeated may: while it was refused for now, or lost with a connection, the later one was let in.
/// And one of which nobody knows what became of it, for it was sent in another session.
pub(crate) fn overtaken(first: SendId, its: Position, by: SendId, sends: &[Send]) -> Option<Complaint> {
    let send = sends[index(first.0)];
    (!send.repeated && !send.unresolved).then(|| {
        (Promise::SenderOrder, format!("has said message {first} before {by}, which comes before {its}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seq: u64) -> Position {
        Position::new(Epoch(1), Seq(seq))
    }

    /// Whether a message may be at each of the places 1 to 9.
    fn allowed(author: &Author) -> Vec<u64> {
        (1..=9).filter(|&seq| author.absent(SendId(0), at(seq)).is_none()).collect()
    }

    #[test]
    fn nobody_speaks_before_they_join_or_after_they_leave() {
        let mut author = Author::default();
        assert!(allowed(&author).is_empty());
        author.join(Some(at(2)));
        assert_eq!(allowed(&author), [3, 4, 5, 6, 7, 8, 9]);
        author.join(Some(at(4)));
        author.leave(Some(at(5)));
        assert_eq!(allowed(&author), [3, 4, 5]);
        author.join(Some(at(7)));
        author.leave(None);
        assert_eq!(allowed(&author), [3, 4, 5, 8, 9]);
        author.join(None);
        assert_eq!(allowed(&author), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_lost_session_may_have_had_something_on_its_way() {
        let mut author = Author::default();
        author.join(Some(at(2)));
        author.lapse();
        author.join(Some(at(4)));
        author.leave(Some(at(5)));
        assert_eq!(allowed(&author), [3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn another_epoch_is_another_room() {
        let mut author = Author::default();
        author.join(Some(at(2)));
        author.join(Some(Position::new(Epoch(2), Seq(0))));
        author.leave(Some(Position::new(Epoch(2), Seq(3))));
        assert_eq!(allowed(&author), [3, 4, 5, 6, 7, 8, 9]);
        assert!(author.absent(SendId(0), Position::new(Epoch(2), Seq(4))).is_some());
    }
}

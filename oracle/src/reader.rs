//! What one member was shown of one room, and what they are owed: a few words each, however much is said.

use chinwag_core::{Epoch, Position, Seq, shard::Verdict};
use serde::{Deserialize, Serialize};

use crate::{observation::SendId, oracle::Mode, violation::Promise};

/// A member's view of a room.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Reader {
    /// The server names places.
    Placed(Placed),
    /// It does not.
    Unplaced(Unplaced),
}

/// A view by places: what is shown counts up.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Placed {
    now: Stay,
    state: State,
    /// Stays that are over and in which something was owed.
    past: Vec<Stay>,
}

/// Whether a member is in a room.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum State {
    Member,
    /// The session ended; nobody has joined again yet.
    Lapsed,
    /// Left, or was removed.
    Gone,
}

/// A membership within one epoch.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Stay {
    /// The epoch in which its places count.
    pub(crate) epoch: Epoch,
    /// What comes after this is owed…
    pub(crate) owed_after: Seq,
    /// …up to this.
    pub(crate) until: Seq,
    /// What is not after this was never shown.
    shown_after: Seq,
    /// The newest that was shown, or that a verdict passed over.
    cursor: Seq,
    /// Nothing was shown yet, and the server did not say where it would begin.
    unanchored: bool,
    /// Places up to the cursor that were not shown, by place.
    holes: Vec<Hole>,
}

/// Places that were not shown.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Hole {
    from: Seq,
    to: Seq,
    /// Named by a gap verdict.
    announced: bool,
}

/// A view by identity: what was shown, as it came. Judged at the end.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Unplaced {
    /// In the order of arrival; 4 bytes a delivery.
    pub(crate) shown: Vec<SendId>,
    /// From which message on all are owed. None are, if nobody can know what was missed: a leave or a new session
    /// without places came in between.
    pub(crate) owed_from: Option<SendId>,
    /// A leave was acknowledged and no join has come since.
    pub(crate) gone: bool,
}

/// The answer to a join with a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Join {
    pub(crate) head: Position,
    pub(crate) next: Option<Seq>,
    pub(crate) verdict: Option<Verdict>,
}

/// What a reader finds wrong: the promise, and the rest of a sentence that begins with who and where.
pub(crate) type Complaint = (Promise, String);

/// What a delivery was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    /// Owed, and shown for the first time.
    Owed,
    /// From before the membership.
    History,
    /// Shown after a later one.
    Late,
    /// Shown before.
    Duplicate,
    /// Not to be shown at all.
    Stray,
}

impl Unplaced {
    /// Of a member who is there from the beginning.
    pub(crate) const fn new() -> Self {
        Self { shown: Vec::new(), owed_from: Some(SendId(0)), gone: false }
    }

    /// From this message on all are owed, if some before it were not: to who came late, or has come back.
    pub(crate) fn owes_from(&mut self, send: SendId) {
        let is_new = self.shown.is_empty() && self.owed_from == Some(SendId(0));
        if is_new || self.owed_from.is_none() {
            self.owed_from = Some(send);
        }
    }
}

impl Stay {
    fn new(join: Join) -> Self {
        let cursor = join.next.map_or(join.head.seq, before);
        Self {
            epoch: join.head.epoch,
            owed_after: join.head.seq,
            until: Seq(u64::MAX),
            shown_after: cursor,
            cursor,
            unanchored: join.next.is_none(),
            holes: Vec::new(),
        }
    }

    /// Moves the cursor; what it passes over is a hole.
    fn pass_over(&mut self, to: Seq, announced: bool) {
        // The server has said where the next one is.
        self.unanchored = false;
        if to > self.cursor {
            self.holes.push(Hole { from: self.cursor.next(), to, announced });
            self.cursor = to;
        }
    }

    /// Closes the hole at a place, if there is one.
    fn fill(&mut self, seq: Seq) -> bool {
        let Some(i) = self.holes.iter().position(|hole| (hole.from..=hole.to).contains(&seq)) else {
            return false;
        };
        let hole = self.holes.remove(i);
        let parts = [Hole { to: before(seq), ..hole }, Hole { from: seq.next(), ..hole }];
        self.holes.splice(i..i, parts.into_iter().filter(|part| part.from <= part.to));
        true
    }

    fn owes_nothing(&self) -> bool {
        self.until <= self.owed_after
    }

    /// What was shown of what is owed, as ranges `from..=to`.
    pub(crate) fn received(&self) -> impl Iterator<Item = (Seq, Seq)> {
        let first = self.owed_after.max(self.shown_after).next();
        let starts = std::iter::once(first).chain(self.holes.iter().map(|hole| hole.to.next()));
        let ends = self.holes.iter().map(|hole| before(hole.from)).chain([self.cursor]);
        starts.zip(ends).filter_map(move |(from, to)| self.within(from.max(first), to))
    }

    /// What a gap verdict named of what is owed, as ranges `from..=to`.
    pub(crate) fn announced(&self) -> impl Iterator<Item = (Seq, Seq)> {
        self.holes.iter().filter(|hole| hole.announced).filter_map(|hole| self.within(hole.from, hole.to))
    }

    fn within(&self, from: Seq, to: Seq) -> Option<(Seq, Seq)> {
        let (from, to) = (from.max(self.owed_after.next()), to.min(self.until));
        (from <= to).then_some((from, to))
    }
}

impl Placed {
    /// A member who joins for the first time.
    pub(crate) fn new(join: Join) -> Self {
        Self { now: Stay::new(join), state: State::Member, past: Vec::new() }
    }

    /// The stays in which something is or was owed.
    pub(crate) fn stays(&self) -> impl Iterator<Item = &Stay> {
        let now = (self.state != State::Lapsed).then_some(&self.now);
        self.past.iter().chain(now)
    }

    /// Whether they are in the room.
    pub(crate) fn is_member(&self) -> bool {
        self.state == State::Member
    }

    /// The newest message they were shown, or passed over.
    pub(crate) const fn seen(&self) -> Position {
        Position { epoch: self.now.epoch, seq: self.now.cursor }
    }

    /// Joins again.
    pub(crate) fn join(&mut self, join: Join) -> Option<Complaint> {
        let complaint = self.doubt(join);
        let same_epoch = join.head.epoch == self.now.epoch;
        match (std::mem::replace(&mut self.state, State::Member), same_epoch) {
            (State::Member, true) => {}
            // What the old log held beyond the cursor is gone.
            (State::Member, false) => {
                self.now.until = self.now.cursor;
                self.start(Stay::new(join));
            }
            // What is shown now may have been seen before the leave: whoever enters a room sees its newest messages.
            (State::Gone, _) => self.start(Stay::new(join)),
            (State::Lapsed, false) => self.now = Stay::new(join),
            (State::Lapsed, true) => {
                (self.now.owed_after, self.now.until) = (join.head.seq, Seq(u64::MAX));
            }
        }
        if let Some(next) = join.next {
            let announced = matches!(join.verdict, Some(Verdict::Gap { .. }));
            self.now.pass_over(before(next), announced);
        }
        complaint
    }

    /// Why a join cannot be what it says.
    fn doubt(&self, join: Join) -> Option<Complaint> {
        let (head, seen) = (join.head, Position::new(self.now.epoch, self.now.cursor));
        let continuity = |sentence| Some((Promise::Continuity, sentence));
        if self.state == State::Gone {
            return None;
        }
        if head.epoch != seen.epoch {
            return match join.verdict {
                Some(Verdict::Reset) | None => None,
                Some(verdict) => {
                    continuity(format!("was told {verdict:?} at {head} after {seen}: the epoch is another"))
                }
            };
        }
        if head.seq < seen.seq && !self.now.unanchored {
            return continuity(format!("was told that the room ends at {head} after being shown {seen}"));
        }
        // What came before the membership is not owed and may be passed over.
        let owed_next = seen.seq.max(self.now.owed_after).next();
        let skips = join.next.is_some_and(|next| next > owed_next);
        match join.verdict {
            Some(Verdict::Reset) => {
                continuity(format!("was told Reset at {head} after {seen}: the epoch is the same"))
            }
            Some(Verdict::Full) if skips && self.state == State::Member => {
                let next = join.next.expect("it skips");
                continuity(format!("was told Full, but what comes after {seen} begins with {next}"))
            }
            Some(Verdict::Gap { from, to })
                if from > owed_next || join.next.is_some_and(|next| next > to.next()) =>
            {
                let next = join.next.unwrap_or_else(|| to.next());
                continuity(format!(
                    "was told that {from} to {to} are gone, but what comes after {seen} begins with {next}"
                ))
            }
            _ => None,
        }
    }

    /// Is told that `from..=to` are no longer kept.
    pub(crate) fn gap(&mut self, from: Position, to: Seq) -> Option<Complaint> {
        let stay = &mut self.now;
        if self.state != State::Member || from.epoch != stay.epoch {
            return Some((
                Promise::Continuity,
                format!("was told that {from} to {to} are gone while reading elsewhere"),
            ));
        }
        let cursor = stay.cursor;
        let hidden = from.seq > cursor.next();
        stay.pass_over(before(from.seq), false);
        stay.pass_over(to, true);
        hidden.then(|| {
            (Promise::Continuity, format!("was told that {from} to {to} are gone, but saw {cursor} last"))
        })
    }

    fn start(&mut self, stay: Stay) {
        let old = std::mem::replace(&mut self.now, stay);
        if !old.owes_nothing() {
            self.past.reserve_exact(1);
            self.past.push(old);
        }
    }

    /// Leaves.
    pub(crate) fn leave(&mut self, position: Option<Position>) -> Option<Complaint> {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Member => {}
            // What was owed until the session ended is among the stays that are over.
            State::Lapsed => {
                self.now.owed_after = self.now.until;
                return None;
            }
            State::Gone => return None,
        }
        let stay = &mut self.now;
        let told = match position {
            Some(position) if position.epoch == stay.epoch => position.seq,
            _ => stay.cursor,
        };
        // Who leaves while catching up gives up the rest.
        stay.until = told.min(stay.cursor);
        let beyond = stay.cursor > told && !stay.unanchored;
        beyond.then(|| (Promise::Privacy, format!("was shown {} but had left after {told}", stay.cursor)))
    }

    /// The session ends: nothing beyond the cursor is owed any more.
    pub(crate) fn lapse(&mut self) {
        if self.state == State::Member {
            self.state = State::Lapsed;
            self.now.until = self.now.cursor;
            if !self.now.owes_nothing() {
                self.past.reserve_exact(1);
                self.past.push(self.now.clone());
            }
        }
    }

    /// Is shown a message.
    pub(crate) fn show(&mut self, position: Position, mode: Mode) -> (Delivery, Option<Complaint>) {
        let stay = &mut self.now;
        if self.state != State::Member && (position.epoch != stay.epoch || position.seq > stay.until) {
            let complaint = (Promise::Privacy, format!("was shown {position} without being in the room"));
            return (Delivery::Stray, Some(complaint));
        }
        if position.epoch != stay.epoch {
            let complaint = format!("was shown {position} while reading epoch {:x}", stay.epoch.0);
            return (Delivery::Stray, Some((Promise::Continuity, complaint)));
        }
        let seq = position.seq;
        if std::mem::take(&mut stay.unanchored) && seq <= stay.owed_after {
            (stay.shown_after, stay.cursor) = (before(seq), before(seq));
        }
        if seq <= stay.cursor {
            return if stay.fill(seq) || seq <= stay.shown_after {
                (
                    Delivery::Late,
                    Some((Promise::Order, format!("was shown {position} after {}", stay.cursor))),
                )
            } else {
                (Delivery::Duplicate, Some((Promise::ExactlyOnce, format!("was shown {position} again"))))
            };
        }
        let complaint = (seq > stay.cursor.next() && mode == Mode::Strict)
            .then(|| (Promise::GapFree, format!("was shown {position} right after {}", stay.cursor)));
        stay.pass_over(before(seq), false);
        stay.cursor = seq;
        (if seq <= stay.owed_after { Delivery::History } else { Delivery::Owed }, complaint)
    }

    /// Whether a page of older messages may hold this one.
    pub(crate) fn may_page(&self, position: Position) -> bool {
        match self.state {
            State::Member => true,
            State::Lapsed | State::Gone => position.epoch == self.now.epoch && position.seq <= self.now.until,
        }
    }
}

/// The place before; 0 has none.
fn before(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::RoomId;

    #[test]
    fn a_member_of_a_room_costs_little() {
        assert!(size_of::<(RoomId, Reader)>() <= 128, "{}", size_of::<(RoomId, Reader)>());
    }

    #[test]
    fn holes_are_filled_one_by_one() {
        let head = Position::new(Epoch(1), Seq(0));
        let mut stay = Stay::new(Join { head, next: Some(Seq(1)), verdict: None });
        stay.pass_over(Seq(9), false);
        for (seq, left) in [(5, 2), (1, 2), (9, 2), (2, 2), (7, 3), (6, 2)] {
            assert!(stay.fill(Seq(seq)), "{seq}");
            assert!(!stay.fill(Seq(seq)), "{seq} again");
            assert_eq!(stay.holes.len(), left, "after {seq}");
        }
        let received: Vec<_> = stay.received().map(|(from, to)| (from.0, to.0)).collect();
        assert_eq!(received, [(1, 2), (5, 7), (9, 9)]);
    }
}

//! What was asked over one connection, and whether it is answered: every numbered request once, the others not more
//! often than there are.

use chinwag_core::{Epoch, RequestId, Seq, Time};

use crate::judge::glance::{Kind, RoomNumber, Wish};

/// A numbered request that has no answer yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    id: RequestId,
    pub(crate) kind: Kind,
    pub(crate) room: Option<RoomNumber>,
    /// When it was put on the wire.
    pub(crate) at: Time,
    /// It had never been asked before.
    pub(crate) fresh: bool,
    /// Whether it was asked as a member of its room; nobody knows if a join or a leave was under way.
    pub(crate) seated: Option<bool>,
    /// What a join says was seen last.
    pub(crate) seen: Option<(Epoch, Seq)>,
}

/// The requests of one connection.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    asked: Vec<Asked>,
    /// The highest number so far, over all connections of the client.
    newest: RequestId,
    /// Nothing is to be asked, and nothing said, before.
    held: (Time, Time),
    /// Something was, all the same.
    pub(crate) was_early: bool,
    /// Most joins and leaves, and most messages, that ever waited for an answer at once.
    most: (usize, usize),
    /// `hello` was said.
    greeted: bool,
    /// Frames without a number that must be answered…
    owed: u64,
    /// …with those that may be…
    allowed: u64,
    /// …and the errors and counted warnings that came.
    refused: u64,
    pings: u64,
}

impl Requests {
    /// There is a new connection.
    pub(crate) fn restart(&mut self) {
        let Self { newest, most, was_early, .. } = *self;
        *self = Self { newest, most, was_early, ..Self::default() };
    }

    /// A text frame is sent; nothing is known of one that is no request. `is_in` says whether its room is one the
    /// connection is in.
    pub(crate) fn ask(&mut self, now: Time, wish: Option<&Wish>, is_in: bool) {
        match wish {
            Some(&Wish { kind, id: Some(id), room, since, epoch, .. }) => {
                let fresh = id > self.newest;
                self.newest = self.newest.max(id);
                let changes = |asked: &Asked| is_change(asked.kind) && asked.room == room;
                let seated = (!self.asked.iter().any(changes)).then_some(is_in);
                let seen = epoch.zip(since);
                self.asked.push(Asked { id, kind, room, at: now, fresh, seated, seen });
                self.measure(kind);
                self.was_early |= match kind {
                    Kind::Join | Kind::Leave => now < self.held.0,
                    Kind::Message => now < self.held.1,
                    _ => false,
                };
            }
            // The first is answered by a welcome, and typing by nothing, unless they are refused.
            Some(Wish { kind: Kind::Hello, .. }) if !self.greeted => {
                self.greeted = true;
                self.allowed += 1;
            }
            Some(Wish { kind: Kind::Typing, .. }) => self.allowed += 1,
            _ => self.ask_unnumbered(),
        }
    }

    /// Something of this kind is refused for now: nothing of the kind is to be sent before.
    pub(crate) fn hold(&mut self, kind: Kind, until: Time) {
        match kind {
            Kind::Join | Kind::Leave => self.held.0 = self.held.0.max(until),
            Kind::Message => self.held.1 = self.held.1.max(until),
            _ => {}
        }
    }

    fn measure(&mut self, kind: Kind) {
        let count =
            |is_meant: fn(Kind) -> bool| self.asked.iter().filter(|asked| is_meant(asked.kind)).count();
        match kind {
            Kind::Join | Kind::Leave => self.most.0 = self.most.0.max(count(is_change)),
            Kind::Message => self.most.1 = self.most.1.max(count(|kind| kind == Kind::Message)),
            _ => {}
        }
    }

    /// Most joins and leaves, and most messages, that ever waited for an answer at once.
    pub(crate) const fn most(&self) -> (usize, usize) {
        self.most
    }

    /// Something is sent that can only be refused.
    pub(crate) const fn ask_unnumbered(&mut self) {
        self.owed += 1;
        self.allowed += 1;
    }

    /// A ping is sent. It is answered, or refused for its rate.
    pub(crate) const fn ping(&mut self) {
        self.pings += 1;
        self.allowed += 1;
    }

    /// The request with this number is answered.
    pub(crate) fn answer(&mut self, id: RequestId) -> Option<Asked> {
        let at = self.asked.iter().position(|asked| asked.id == id)?;
        Some(self.asked.remove(at))
    }

    /// The first join of this room is answered.
    pub(crate) fn answer_join(&mut self, room: RoomNumber) -> Option<Asked> {
        let is_meant = |asked: &Asked| asked.kind == Kind::Join && asked.room == Some(room);
        let at = self.asked.iter().position(is_meant)?;
        Some(self.asked.remove(at))
    }

    /// The rooms that it has asked to be in, and is not answered.
    pub(crate) fn joins(&self) -> impl Iterator<Item = RoomNumber> {
        let joins = self.asked.iter().filter(|asked| asked.kind == Kind::Join);
        joins.filter_map(|asked| asked.room)
    }

    /// So many frames without a number are refused; false if there are not so many.
    #[must_use]
    pub(crate) const fn refuse_unnumbered(&mut self, count: u64) -> bool {
        self.refused = self.refused.saturating_add(count);
        self.refused <= self.allowed
    }

    /// A ping is answered; false if there was none.
    #[must_use]
    pub(crate) const fn pong(&mut self) -> bool {
        let asked = self.pings > 0;
        self.pings = self.pings.saturating_sub(1);
        asked
    }

    /// The number of a request that has no answer, and whether frames without one have none.
    pub(crate) fn unanswered(&self) -> (Option<RequestId>, bool) {
        (self.asked.first().map(|asked| asked.id), self.refused < self.owed)
    }
}

/// Whether a request changes who is in its room.
const fn is_change(kind: Kind) -> bool {
    matches!(kind, Kind::Join | Kind::Leave)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(text: &str) -> Option<Wish> {
        Wish::at(text)
    }

    #[test]
    fn every_number_is_answered_once() {
        let mut requests = Requests::default();
        requests.ask(Time(1), wish(r#"{"type":"message","room":"r0","content":"x","id":1}"#).as_ref(), false);
        requests.ask(Time(2), wish(r#"{"type":"join","room":"r0","id":2}"#).as_ref(), false);
        assert!(requests.answer_join(RoomNumber(1)).is_none());
        assert_eq!(requests.answer_join(RoomNumber(0)).map(|asked| asked.at), Some(Time(2)));
        assert_eq!(requests.unanswered(), (Some(RequestId(1)), false));
        assert!(requests.answer(RequestId(1)).is_some_and(|asked| asked.fresh));
        assert!(requests.answer(RequestId(1)).is_none());
        requests.restart();
        requests.ask(Time(3), wish(r#"{"type":"message","room":"r0","content":"x","id":1}"#).as_ref(), false);
        assert!(requests.answer(RequestId(1)).is_some_and(|asked| !asked.fresh), "it was asked before");
    }

    #[test]
    fn refusals_without_a_number_are_counted() {
        let mut requests = Requests::default();
        let hello = wish(r#"{"type":"hello","user":"u0"}"#);
        requests.ask(Time(1), hello.as_ref(), false);
        assert!(!requests.unanswered().1, "a welcome answers it");
        requests.ask(Time(1), hello.as_ref(), false);
        requests.ask(Time(1), None, false);
        assert!(requests.unanswered().1);
        assert!(requests.refuse_unnumbered(2) && !requests.unanswered().1);
        assert!(requests.refuse_unnumbered(1) && !requests.refuse_unnumbered(1));
        assert!(!requests.pong());
    }
}

//! What came over a member's connection for one room: every place once, one after the other.

use chinwag_core::Seq;
use serde::{Deserialize, Serialize};

use crate::violation::Promise;

/// A room's stream since the server last said from where on it goes.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Stream {
    /// Where it began.
    first: Seq,
    /// What must come now.
    next: Seq,
    /// Places it has passed over, as ranges `from..=to`.
    holes: Vec<(Seq, Seq)>,
}

/// What the arrival of a message was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrival {
    /// The next one.
    Next,
    /// A later one: so many do not come where they should.
    Skipping(u64),
    /// One that was skipped before.
    Mending,
    /// One from before the stream's beginning.
    Early,
    /// One that has come already.
    Again,
}

impl Arrival {
    /// The promise it breaks.
    pub(crate) const fn breaks(self) -> Option<Promise> {
        match self {
            Self::Next => None,
            Self::Skipping(_) => Some(Promise::GapFree),
            Self::Mending | Self::Early => Some(Promise::Order),
            Self::Again => Some(Promise::ExactlyOnce),
        }
    }
}

impl Stream {
    /// A stream that goes on with `next`.
    pub(crate) const fn new(next: Seq) -> Self {
        Self { first: next, next, holes: Vec::new() }
    }

    /// What must come now.
    pub(crate) const fn next(&self) -> Seq {
        self.next
    }

    /// Everything up to `head` should have come.
    pub(crate) fn pass_over(&mut self, head: Seq) -> Arrival {
        if head < self.next {
            return Arrival::Next;
        }
        let skipped = Arrival::Skipping(head.0 - self.next.0 + 1);
        self.holes.push((self.next, head));
        self.next = Seq(head.0.saturating_add(1));
        skipped
    }

    /// A message comes.
    pub(crate) fn arrive(&mut self, seq: Seq) -> Arrival {
        if seq >= self.next {
            let skipped = seq.0 - self.next.0;
            if skipped > 0 {
                self.holes.push((self.next, Seq(seq.0 - 1)));
            }
            self.next = Seq(seq.0.saturating_add(1));
            return if skipped > 0 { Arrival::Skipping(skipped) } else { Arrival::Next };
        }
        if seq < self.first {
            return Arrival::Early;
        }
        let Some(i) = self.holes.iter().position(|&(from, to)| from <= seq && seq <= to) else {
            return Arrival::Again;
        };
        let (from, to) = self.holes.remove(i);
        let parts = [(from, Seq(seq.0.saturating_sub(1))), (seq.next(), to)];
        self.holes.splice(i..i, parts.into_iter().filter(|&(from, to)| from <= to));
        Arrival::Mending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_once_and_in_order() {
        let mut stream = Stream::new(Seq(5));
        for (seq, arrival) in [
            (5, Arrival::Next),
            (6, Arrival::Next),
            (6, Arrival::Again),
            (10, Arrival::Skipping(3)),
            (8, Arrival::Mending),
            (8, Arrival::Again),
            (7, Arrival::Mending),
            (9, Arrival::Mending),
            (9, Arrival::Again),
            (4, Arrival::Early),
            (11, Arrival::Next),
        ] {
            assert_eq!(stream.arrive(Seq(seq)), arrival, "{seq}");
        }
        assert!(stream.holes.is_empty(), "{:?}", stream.holes);
    }

    #[test]
    fn what_should_have_come_may_still_come() {
        let mut stream = Stream::new(Seq(5));
        assert_eq!(stream.pass_over(Seq(4)), Arrival::Next);
        assert_eq!(stream.pass_over(Seq(6)), Arrival::Skipping(2));
        assert_eq!(stream.arrive(Seq(7)), Arrival::Next);
        assert_eq!(stream.arrive(Seq(5)), Arrival::Mending);
    }

    #[test]
    fn a_seq_may_be_any_number() {
        let mut stream = Stream::new(Seq(0));
        assert_eq!(stream.arrive(Seq(u64::MAX - 1)), Arrival::Skipping(u64::MAX - 1));
        assert_eq!(stream.arrive(Seq(0)), Arrival::Mending);
    }
}

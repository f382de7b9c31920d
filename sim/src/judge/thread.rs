//! One room as one connection shows it: every message once, in the room's order, none left out.
//!
//! Some dialects do not say where in its room a message is. Its place is known all the same, from others who read by
//! places and from receipts, if perhaps later: contents are unique here. Until then what was shown waits to be judged.

use std::collections::VecDeque;

use chinwag_core::{Epoch, Position};
use chinwag_oracle::{Promise, SendId};

use crate::judge::Broken;

/// What has been shown of a room since one has entered it.
#[derive(Debug, Default)]
pub(crate) struct Thread {
    last: Option<Position>,
    waiting: VecDeque<Shown>,
    /// Messages before the next one may be missing: their reader was told so.
    has_gap: bool,
}

#[derive(Clone, Copy, Debug)]
struct Shown {
    send: SendId,
    after_gap: bool,
}

impl Thread {
    /// What one has entered where the newest message was this, or nobody says what it was.
    pub(crate) fn new(last: Option<Position>) -> Self {
        Self { last, ..Self::default() }
    }

    /// A message is shown.
    pub(crate) fn show(&mut self, send: SendId) {
        let after_gap = std::mem::take(&mut self.has_gap);
        self.waiting.push_back(Shown { send, after_gap });
    }

    /// Messages are gone, and the reader is told.
    pub(crate) fn gap(&mut self) {
        self.has_gap = true;
    }

    /// The newest that was shown whose place is known.
    pub(crate) const fn last(&self) -> Option<Position> {
        self.last
    }

    /// Whether something was shown of which nobody knows yet where it is.
    pub(crate) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Judges what can be by now; lives of the room are past that ended with a life of the server. The number of messages judged.
    ///
    /// # Errors
    /// The promise that is broken, and how.
    pub(crate) fn settle<'a>(
        &mut self,
        places: impl Fn(SendId) -> &'a [Position],
        is_past: impl Fn(Epoch) -> bool,
    ) -> Result<u64, Broken> {
        let mut judged = 0;
        while let Some(&shown) = self.waiting.front() {
            let places = places(shown.send);
            // A room does not begin anew while somebody is in it. What is known of its other lives does not bear on it.
            let here = |place: &&Position| match self.last {
                Some(last) => last.epoch == place.epoch,
                // It was sent again since then, and where it is now is not known yet.
                None => !is_past(place.epoch),
            };
            let mut here = places.iter().filter(here);
            let Some(&position) = here.next() else { break };
            self.waiting.pop_front();
            if self.last.is_none() && here.next().is_some() {
                // In which of the room's lives this is shall be seen by the next one.
                continue;
            }
            let last = self.last.replace(position);
            judged += 1;
            if let Some((promise, last)) = last.and_then(|last| Some((doubt(last, position, shown)?, last))) {
                let sentence = format!("is shown message {} at {position} after {last}", shown.send);
                return Err(Broken { check: promise.name(), sentence });
            }
        }
        Ok(judged)
    }
}

/// What is wrong with a message's coming after another one.
fn doubt(last: Position, position: Position, shown: Shown) -> Option<Promise> {
    match position.seq {
        seq if seq == last.seq => Some(Promise::ExactlyOnce),
        seq if seq < last.seq => Some(Promise::Order),
        seq if seq > last.seq.next() && !shown.after_gap => Some(Promise::GapFree),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::Seq;

    use super::*;

    /// The promise that is broken when messages at these places are shown one after the other.
    fn broken(places: &[(u64, u64)]) -> Option<&'static str> {
        let mut thread = Thread::default();
        (0..).take(places.len()).for_each(|send| thread.show(SendId(send)));
        let places: Vec<Position> =
            places.iter().map(|&(epoch, seq)| Position::new(Epoch(epoch), Seq(seq))).collect();
        let place = |send: SendId| std::slice::from_ref(&places[send.0 as usize]);
        thread.settle(place, |_| false).err().map(|broken| broken.check)
    }

    #[test]
    fn every_place_once_and_in_order() {
        assert_eq!(broken(&[(1, 4), (1, 5), (1, 6)]), None, "wherever it begins");
        assert_eq!(broken(&[(1, 4), (1, 4)]), Some("exactly-once"));
        assert_eq!(broken(&[(1, 4), (1, 3)]), Some("order"));
        assert_eq!(broken(&[(1, 4), (1, 6)]), Some("gap-free"));
        assert_eq!(broken(&[(1, 4), (2, 4)]), None, "another life of the room");
    }

    #[test]
    fn what_has_no_place_yet_waits_and_a_gap_that_was_told_is_none() {
        let at = |seq| Position::new(Epoch(1), Seq(seq));
        let mut thread = Thread::new(Some(at(2)));
        thread.show(SendId(0));
        thread.gap();
        thread.show(SendId(1));
        assert_eq!(thread.settle(|_| &[], |_| false), Ok(0));
        assert!(thread.waits());
        let (first, second) = ([at(3)], [at(9)]);
        let place = |send: SendId| -> &[Position] { if send.0 == 0 { &first } else { &second } };
        assert_eq!(thread.settle(place, |_| false), Ok(2));
        assert_eq!((thread.waits(), thread.last()), (false, Some(at(9))));
    }
    #[test]
    fn what_was_sent_again_is_not_where_it_was_before_the_server_began_anew() {
        let [before, now] = [Position::new(Epoch(1), Seq(8)), Position::new(Epoch(2), Seq(1))];
        let mut thread = Thread::default();
        thread.show(SendId(0));
        let both = [before, now];
        assert_eq!(thread.settle(|_| &both[..1], |epoch| epoch == Epoch(1)), Ok(0));
        assert!(thread.waits());
        assert_eq!(thread.settle(|_| &both, |epoch| epoch == Epoch(1)), Ok(1));
        assert_eq!(thread.last(), Some(now));
    }
}

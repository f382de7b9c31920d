//! The answers a session was given, so that a repeated send is answered and not repeated.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize, Serializer};

use super::effect::Placed;
use crate::{id::RequestId, refusal::Refusal};

/// Where a message went, or why it did not.
pub(super) type Answer = Result<Placed, Refusal>;

/// The answers to a session's latest sends.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Answers {
    /// By id, increasing. Ids may come out of order within the window.
    #[serde(serialize_with = "save")]
    kept: VecDeque<(RequestId, Answer)>,
    /// Ids below this one may have been answered and forgotten. It never falls, whatever the limit becomes.
    oldest: RequestId,
}

/// How they go into a snapshot.
fn save<S: Serializer>(kept: &VecDeque<(RequestId, Answer)>, to: S) -> Result<S::Ok, S::Error> {
    if planted!(SnapshotDropsAnswers) { VecDeque::<()>::new().serialize(to) } else { kept.serialize(to) }
}

impl Answers {
    /// The answer this id has: the one it got before, or that it is too old; `None` if it is new.
    pub(super) fn recall(&self, id: RequestId) -> Option<Answer> {
        match self.find(id) {
            Ok(index) => Some(self.kept[index].1),
            Err(_) if id < self.oldest => Some(Err(Refusal::StaleId)),
            Err(_) => None,
        }
    }

    /// How many answers are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Remembers the answer to a new id, for as long as it is one of the `max` latest.
    pub(super) fn remember(&mut self, id: RequestId, answer: Answer, max: u32) {
        if let Err(index) = self.find(id) {
            self.kept.insert(index, (id, answer));
        }
        let max = planted!(IdempotenceWindowTooShort, max / 16, max);
        // Counted and not by distance: a session's other requests take numbers, too.
        while self.kept.len() > max as usize {
            let (forgotten, _) = self.kept.pop_front().expect("more than none");
            self.oldest = self.oldest.max(RequestId(forgotten.0.saturating_add(1)));
        }
    }

    fn find(&self, id: RequestId) -> Result<usize, usize> {
        self.kept.binary_search_by_key(&id, |(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{Epoch, Position, Seq},
        time::Time,
    };

    fn at(seq: u64) -> Answer {
        Ok(Placed { position: Position::new(Epoch(1), Seq(seq)), at: Time(seq) })
    }

    #[test]
    fn ids_within_the_window_may_come_in_any_order() {
        let mut answers = Answers::default();
        for id in [5, 3, 4] {
            assert_eq!(answers.recall(RequestId(id)), None);
            answers.remember(RequestId(id), at(id), 3);
        }
        for id in [3, 4, 5] {
            assert_eq!(answers.recall(RequestId(id)), Some(at(id)));
        }
        assert_eq!(answers.recall(RequestId(2)), None, "nothing was forgotten yet");
        answers.remember(RequestId(90), at(90), 3);
        assert_eq!(answers.recall(RequestId(2)), Some(Err(Refusal::StaleId)));
        assert_eq!(answers.recall(RequestId(3)), Some(Err(Refusal::StaleId)));
        assert_eq!(answers.recall(RequestId(6)), None, "counted and not by distance");
    }

    #[test]
    fn a_forgotten_id_stays_stale_when_the_limit_grows() {
        let mut answers = Answers::default();
        for id in 1..=3 {
            answers.remember(RequestId(id), at(id), 2);
        }
        assert_eq!(answers.recall(RequestId(1)), Some(Err(Refusal::StaleId)));
        answers.remember(RequestId(4), at(4), 64);
        assert_eq!(answers.recall(RequestId(1)), Some(Err(Refusal::StaleId)));
        assert_eq!(answers.recall(RequestId(2)), Some(at(2)));
    }
}

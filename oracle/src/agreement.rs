//! In which order a room's messages came to its members, where nothing names their places: by what most were shown.

use std::collections::HashMap;

use crate::observation::SendId;

/// Members of a room whose word is taken: a vote must not take longer than what it is about.
const VOTERS_MAX: usize = 63;

/// What members of a room were shown, to be compared.
#[derive(Default)]
pub(crate) struct Agreement {
    /// By voter: when each message was shown first.
    voters: Vec<HashMap<SendId, u32>>,
    /// How many voters were shown one message right before another.
    neighbours: HashMap<(SendId, SendId), usize>,
}

impl Agreement {
    /// Takes down what one more member was shown, in that order, as long as votes are wanted.
    pub(crate) fn hear(&mut self, shown: &[SendId]) {
        if self.voters.len() == VOTERS_MAX {
            return;
        }
        let mut ranks = HashMap::with_capacity(shown.len());
        let mut before = None;
        for (&send, rank) in shown.iter().zip(0..) {
            if ranks.contains_key(&send) {
                continue;
            }
            ranks.insert(send, rank);
            if let Some(before) = before.replace(send) {
                *self.neighbours.entry((before, send)).or_default() += 1;
            }
        }
        self.voters.push(ranks);
    }

    /// Whether most of those who were shown both were shown them the other way round. Of two who disagree neither is
    /// believed.
    pub(crate) fn denies(&self, first: SendId, second: SendId) -> bool {
        // Almost always most were shown them one right after the other.
        if self.neighbours.get(&(first, second)).is_some_and(|same| same * 2 >= self.voters.len()) {
            return false;
        }
        let both = self.voters.iter().filter_map(|ranks| Some(ranks.get(&first)? < ranks.get(&second)?));
        let (same, other) = both.fold(
            (0, 0),
            |(same, other), is_same| {
                if is_same { (same + 1, other) } else { (same, other + 1) }
            },
        );
        other > same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement(all: &[&[u32]]) -> Agreement {
        let mut agreement = Agreement::default();
        for shown in all {
            agreement.hear(&shown.iter().copied().map(SendId).collect::<Vec<_>>());
        }
        agreement
    }

    #[test]
    fn who_is_shown_another_order_than_most_is_denied() {
        let three = agreement(&[&[1, 2, 3, 4], &[1, 2, 3, 4], &[1, 3, 2, 4]]);
        assert!(three.denies(SendId(3), SendId(2)));
        for (first, second) in [(1, 2), (2, 3), (3, 4), (1, 3), (2, 4)] {
            assert!(!three.denies(SendId(first), SendId(second)), "{first} {second}");
        }
    }

    #[test]
    fn of_two_who_disagree_neither_is_believed_and_who_missed_one_has_no_vote() {
        let two = agreement(&[&[1, 2], &[2, 1], &[1], &[2, 2]]);
        assert!(!two.denies(SendId(1), SendId(2)) && !two.denies(SendId(2), SendId(1)));
    }

    #[test]
    fn so_many_votes_are_enough() {
        let mut many = vec![&[1_u32, 2][..]; VOTERS_MAX];
        many.extend([&[2, 1][..]; 2 * VOTERS_MAX]);
        assert!(agreement(&many).denies(SendId(2), SendId(1)));
    }
}

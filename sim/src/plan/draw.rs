//! Randomness by cause: a draw is a hash of the seed and of what it is for, never the next number of a shared stream.
//!
//! So a draw stays what it is when steps around it are taken away, and small scenarios fail like the large ones they
//! were cut from.

use std::ops::RangeInclusive;

use chinwag_core::hash::mix;

/// What a draw is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// Limits, sizes and fault families of a scenario.
    Setup = 1,
    /// One step of a scenario.
    Step,
    /// The seed of a client's backoff.
    Client,
    /// The seed of a node's secrets.
    Node,
    /// Which node accepts a connection.
    Accept,
    /// How long something travels beyond its latency.
    Jitter,
    /// How long mail between nodes takes.
    Mail,
    /// What a cut connection loses and when its ends learn of it.
    Cut,
    /// Limits that few scenarios have small.
    Tiny,
    /// How a frame of a client is masked and torn.
    Uplink,
    /// How long the server's disk takes, and what is left of it without power.
    Disk,
}

/// All randomness of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws(u64);

impl Draws {
    /// The draws of a seed.
    #[must_use]
    pub(crate) const fn new(seed: u64) -> Self {
        Self(mix(0x6368_696e_7761_6721, seed))
    }

    /// The draws that one cause asks for, in its own order.
    #[must_use]
    pub(crate) const fn of(self, purpose: Purpose, cause: u64) -> Cause {
        Cause { key: mix(mix(self.0, purpose as u64), cause), drawn: 0 }
    }
}

/// The draws of one cause.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    key: u64,
    drawn: u64,
}

impl Cause {
    /// 64 random bits.
    pub(crate) const fn bits(&mut self) -> u64 {
        self.drawn += 1;
        mix(self.key, self.drawn)
    }

    /// A number in `range`; its ends included.
    pub(crate) const fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let width = (*range.end() - *range.start()).saturating_add(1);
        *range.start() + self.bits() % width
    }

    /// True in `percent` of a hundred cases.
    pub(crate) const fn chance(&mut self, percent: u64) -> bool {
        self.bits() % 100 < percent
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// If there are none.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let last = u64::try_from(choices.len()).expect("slices are short") - 1;
        choices[usize::try_from(self.within(0..=last)).expect("an index")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_its_cause_alone() {
        let draws = Draws::new(7);
        let first: Vec<u64> = (0..4).map(|cause| draws.of(Purpose::Jitter, cause).bits()).collect();
        let mut greedy = draws.of(Purpose::Jitter, 0);
        assert!((0..100).all(|_| greedy.bits() != first[1]));
        let again: Vec<u64> = (0..4).map(|cause| draws.of(Purpose::Jitter, cause).bits()).collect();
        assert_eq!(first, again);
        assert_ne!(draws.of(Purpose::Mail, 0).bits(), first[0]);
        assert_ne!(Draws::new(8).of(Purpose::Jitter, 0).bits(), first[0]);
    }

    #[test]
    fn ranges_include_their_ends() {
        let mut cause = Draws::new(1).of(Purpose::Setup, 0);
        let drawn: std::collections::BTreeSet<u64> = (0..200).map(|_| cause.within(3..=5)).collect();
        assert_eq!(drawn, [3, 4, 5].into());
        assert_eq!(cause.within(9..=9), 9);
    }
}

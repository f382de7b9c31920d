//! What is left to chance in a conversation, from its seed.

use crate::hash;

#[derive(Debug)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) const fn new(seed: u64) -> Self {
        Self(hash::mix(0, seed))
    }

    /// One of the numbers below this.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.0 = hash::mix(self.0, 1);
        self.0 % end
    }

    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a usize")
    }

    /// So often in a hundred.
    pub(super) const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

//! What becomes of the whole disk: a power cut, and a bit that turns round.

use std::ops::Range;

use super::{State, apply};

impl State {
    /// The power fails: what is left is durable.
    pub(super) fn cut(&mut self, draw: &mut impl FnMut(Range<u64>) -> u64) {
        for change in std::mem::take(&mut self.changes) {
            if draw(0..2) == 0 {
                apply(&mut self.synced_names, &change);
            }
        }
        self.names = self.synced_names.clone();
        self.forget_files();
        for file in self.files.values_mut() {
            file.cut(draw);
        }
    }

    /// Turns a durable bit of a file that can be seen round.
    pub(super) fn flip(&mut self, draw: &mut impl FnMut(Range<u64>) -> u64) -> Option<(String, u64)> {
        let bits: u64 = self.names.values().map(|inode| self.files[inode].durable_bits()).sum();
        let mut bit = if bits == 0 { return None } else { draw(0..bits) };
        for (name, inode) in &self.names {
            match self.files.get_mut(inode)?.flip(bit) {
                Ok(at) => return Some((name.clone(), at)),
                Err(rest) => bit = rest,
            }
        }
        None
    }
}

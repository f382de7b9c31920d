//! What is to happen, in order of time; among equals by class, then in the order in which it was put down.

use std::{cmp::Reverse, collections::BinaryHeap};

use chinwag_core::Time;

/// Things to come.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    /// Only what orders them is moved about; `entries` holds the rest.
    heap: BinaryHeap<Reverse<Key>>,
    entries: Vec<Option<E>>,
    free: Vec<u32>,
    added: u64,
}

/// When, then its class and, below that, how many were put down before; then where it is.
type Key = (Time, u64, u32);

/// Bits that count what was put down.
const COUNT_BITS: u32 = 56;

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), entries: Vec::new(), free: Vec::new(), added: 0 }
    }
}

impl<E> Agenda<E> {
    /// Puts something down.
    pub(crate) fn add(&mut self, at: Time, class: u8, event: E) {
        self.added += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            u32::try_from(self.entries.len() - 1).expect("fewer things to come than that")
        });
        self.entries[slot as usize] = Some(event);
        self.heap.push(Reverse((at, u64::from(class) << COUNT_BITS | self.added, slot)));
    }

    /// Takes what comes next.
    pub(crate) fn next(&mut self) -> Option<(Time, E)> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        Some((at, self.entries[slot as usize].take().expect("what is in the heap is in its slot")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_then_class_then_order() {
        let mut agenda = Agenda::default();
        for (at, class, name) in [(2, 0, "d"), (1, 1, "b"), (1, 1, "c"), (1, 0, "a")] {
            agenda.add(Time(at), class, name);
        }
        let order: Vec<_> = std::iter::from_fn(|| agenda.next()).map(|(_, name)| name).collect();
        assert_eq!(order, ["a", "b", "c", "d"]);
    }
}

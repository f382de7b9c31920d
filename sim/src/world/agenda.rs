//! What is to happen, in order of time; among equals by class, then in the order in which it was put down.

use std::{cmp::Reverse, collections::BinaryHeap};

use chinwag_core::Time;

/// Things to come.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    /// Only what orders them is moved about; `entries` holds the rest.
    heap: BinaryHeap<Reverse<Key>>,
    entries: Vec<Option<E>>,
    free: Vec<usize>,
    added: u32,
}

/// From the highest bit: when, its class, how many were put down before, and where it is. One number is quick to compare.
type Key = u128;

/// Bits of the place.
const PLACE_BITS: u32 = 24;
/// Bits of all but the time.
const REST_BITS: u32 = 8 + u32::BITS + PLACE_BITS;

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), entries: Vec::new(), free: Vec::new(), added: 0 }
    }
}

impl<E> Agenda<E> {
    /// Puts something down.
    ///
    /// # Panics
    /// After 2^32 times, or with 2^24 things to come.
    pub(crate) fn add(&mut self, at: Time, class: u8, event: E) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        });
        assert!(place < 1 << PLACE_BITS, "fewer things to come than that");
        self.entries[place] = Some(event);
        let order = u64::from(class) << u32::BITS | u64::from(self.added);
        self.added = self.added.checked_add(1).expect("a run is shorter than that");
        let rest = u128::from(order) << PLACE_BITS | place as u128;
        self.heap.push(Reverse(u128::from(at.0) << REST_BITS | rest));
    }

    /// Takes what comes next.
    pub(crate) fn next(&mut self) -> Option<(Time, E)> {
        let Reverse(key) = self.heap.pop()?;
        let place = key as usize % (1 << PLACE_BITS);
        self.free.push(place);
        let event = self.entries[place].take().expect("what is in the heap is in its place");
        Some((Time((key >> REST_BITS) as u64), event))
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

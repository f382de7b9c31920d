//! What is to happen, in order of time; among equals by class, then in the order in which it was put down.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use chinwag_core::Time;

/// Things to come.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    heap: BinaryHeap<Reverse<Item<E>>>,
    added: u64,
}

#[derive(Debug)]
struct Item<E> {
    key: (Time, u8, u64),
    event: E,
}

impl<E> PartialEq for Item<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<E> Eq for Item<E> {}

impl<E> PartialOrd for Item<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Item<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), added: 0 }
    }
}

impl<E> Agenda<E> {
    /// Puts something down.
    pub(crate) fn add(&mut self, at: Time, class: u8, event: E) {
        self.added += 1;
        self.heap.push(Reverse(Item { key: (at, class, self.added), event }));
    }

    /// Takes what comes next.
    pub(crate) fn next(&mut self) -> Option<(Time, E)> {
        self.heap.pop().map(|Reverse(Item { key: (at, ..), event })| (at, event))
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

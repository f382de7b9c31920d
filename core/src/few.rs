//! Lists that mostly hold one or two, and of which there are as many as connections.

use serde::{Deserialize, Serialize};

/// Makes room for one more: for one at first, and then for half as many again. `Vec` begins with four.
pub(crate) fn grow<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(1 + list.len() / 2);
    }
}

/// A set in order, which takes no more memory than what it holds.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct FewSet<T>(Vec<T>);

impl<T: Ord> FewSet<T> {
    /// Without anything, and without memory.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many it holds.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds this.
    pub(crate) fn contains(&self, item: &T) -> bool {
        self.0.binary_search(item).is_ok()
    }

    /// Puts it in, if it is not there.
    pub(crate) fn insert(&mut self, item: T) {
        if let Err(at) = self.0.binary_search(&item) {
            grow(&mut self.0);
            self.0.insert(at, item);
        }
    }

    /// Takes it out, if it is there.
    pub(crate) fn remove(&mut self, item: &T) {
        if let Ok(at) = self.0.binary_search(item) {
            self.0.remove(at);
        }
    }

    /// All, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(steps in vec((any::<bool>(), 0..20_u8), 0..60)) {
            let (mut set, mut model) = (FewSet::new(), BTreeSet::new());
            for (is_in, item) in steps {
                if is_in {
                    set.insert(item);
                    model.insert(item);
                } else {
                    set.remove(&item);
                    model.remove(&item);
                }
                prop_assert_eq!(set.len(), model.len());
                prop_assert_eq!(set.contains(&item), is_in);
            }
            prop_assert!(set.iter().eq(model.iter()));
        }
    }

    #[test]
    fn one_takes_the_room_of_one() {
        let mut set = FewSet::new();
        set.insert(7_u64);
        assert_eq!(set.0.capacity(), 1);
    }
}

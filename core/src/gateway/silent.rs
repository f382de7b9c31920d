//! Connections that stay open although a newer one has their session: so many of each user, and no more (S4.17).

use std::collections::{BTreeMap, VecDeque};

use super::room::Slot;
use crate::name::UserName;

/// The silent connections of each user, by when they fell silent. Bounded by the connections there may be.
#[derive(Debug, Default)]
pub(super) struct Silent(BTreeMap<UserName, VecDeque<Slot>>);

impl Silent {
    /// One more falls silent. Returns the user's oldest if there are more than `most` now.
    pub(super) fn add(&mut self, user: &UserName, slot: Slot, most: u32) -> Option<Slot> {
        let slots = self.0.entry(user.clone()).or_default();
        slots.push_back(slot);
        slots.front().copied().filter(|_| planted!(SilentUnbounded, false, slots.len() > most as usize))
    }

    /// One is gone.
    pub(super) fn remove(&mut self, user: &UserName, slot: Slot) {
        let Some(slots) = self.0.get_mut(user) else { return };
        slots.retain(|&other| other != slot);
        if slots.is_empty() {
            self.0.remove(user);
        }
    }
}

//! Who made the rooms that are there, so that nobody fills a shard with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::UserName;

/// How many rooms each user has made that are still there. The lobby is nobody's.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Makers {
    /// None is zero.
    of_users: BTreeMap<UserName, usize>,
    /// Of all users together.
    count: usize,
}

impl Makers {
    /// Rooms of all users, which is all but the lobby.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// Rooms of one user.
    pub(super) fn of(&self, user: &UserName) -> usize {
        self.of_users.get(user).copied().unwrap_or(0)
    }

    /// A user has made a room.
    pub(super) fn made(&mut self, user: UserName) {
        *self.of_users.entry(user).or_default() += 1;
        self.count += 1;
    }

    /// A room that a user made is no more.
    pub(super) fn dropped(&mut self, user: &UserName) {
        let rooms = self.of_users.get_mut(user).expect("it was made before");
        *rooms -= 1;
        if *rooms == 0 {
            self.of_users.remove(user);
        }
        self.count -= 1;
    }
}

//! What becomes due, and when.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    id::SessionId,
    name::{RoomName, UserName},
    time::Time,
};

/// What becomes due. Of those due at one instant, sessions come first: a membership that ends is not shown offline too.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(super) enum Due {
    /// A session can no longer be resumed.
    Session(SessionId),
    /// A member's grace is over.
    Offline(RoomName, UserName),
    /// A large room reports who came and went.
    Churn(RoomName),
    /// An empty room is dropped.
    Room(RoomName),
    /// Of those whose sessions have ended, somebody's limiters have long been full again.
    Spent,
    /// A user's oldest key is forgotten.
    Keys(UserName),
}

/// All deadlines. Whoever sets one remembers its instant, in order to cancel exactly that one.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Deadlines(BTreeSet<(Time, Due)>);

impl Deadlines {
    pub(super) fn set(&mut self, at: Time, due: Due) {
        let is_new = self.0.insert((at, due));
        debug_assert!(is_new, "a deadline is set once");
    }

    pub(super) fn cancel(&mut self, at: Time, due: Due) {
        let was_set = self.0.remove(&(at, due));
        debug_assert!(was_set, "only what was set is cancelled");
    }

    /// The earliest instant.
    pub(super) fn next(&self) -> Option<Time> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the earliest that is due at `now`.
    pub(super) fn take_due(&mut self, now: Time) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, due)| due)
    }
}

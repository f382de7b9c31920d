//! How full a shard's tables are: what its limits bound.

use std::collections::BTreeMap;

use super::{State, room::Room};
use crate::name::UserName;

/// How full a shard's tables are, the fullest of each kind: what [`ShardConfig`](crate::config::ShardConfig) bounds.
/// Looks at everything there is, so it is for tests and not for metrics.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// Rooms, empty ones included.
    pub rooms: usize,
    /// Rooms that one user has made.
    pub rooms_of_user: usize,
    /// Sessions.
    pub sessions: usize,
    /// Users who have any that are at home here.
    pub users: usize,
    /// Sessions of one user that are at home here.
    pub sessions_of_user: usize,
    /// Rooms of one session.
    pub rooms_of_session: usize,
    /// Answers kept of one session.
    pub answers: usize,
    /// Users whose limiters or quotas are kept beyond their sessions.
    pub spent: usize,
    /// Keys of all users.
    pub keys: usize,
    /// Keys of one user.
    pub keys_of_user: usize,
    /// Members of one room.
    pub members: usize,
    /// Messages of one room.
    pub messages: usize,
    /// Tasks of one room.
    pub tasks: usize,
    /// Users that one private room lets in.
    pub invited: usize,
}

impl State {
    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage {
            rooms: self.rooms.len(),
            rooms_of_user: self.most_made_by_one(),
            sessions: self.sessions.len(),
            users: self.sessions.users(),
            sessions_of_user: self.sessions.most_of_user(),
            spent: self.spent.len(),
            ..Usage::default()
        };
        (usage.keys, usage.keys_of_user) = self.keys.usage();
        for room in self.rooms.values() {
            usage.members = usage.members.max(room.members.len());
            usage.messages = usage.messages.max(room.log.len());
            usage.tasks = usage.tasks.max(room.tasks.len());
            usage.invited = usage.invited.max(room.access.len());
        }
        for session in self.sessions.all() {
            usage.rooms_of_session = usage.rooms_of_session.max(session.rooms.len());
            usage.answers = usage.answers.max(session.answers.len());
        }
        usage
    }

    /// Counted anew, so that it does not believe the count that it bounds.
    fn most_made_by_one(&self) -> usize {
        let mut made: BTreeMap<&UserName, usize> = BTreeMap::new();
        for maker in self.rooms.values().filter_map(Room::maker) {
            *made.entry(maker).or_default() += 1;
        }
        made.into_values().max().unwrap_or(0)
    }
}

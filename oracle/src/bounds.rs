//! How much a shard may hold: every limit beside what it bounds.

use std::fmt;

use chinwag_core::{config::ShardConfig, shard::Usage};

/// What a shard holds more of than it may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Excess {
    what: &'static str,
    most: u32,
    is: usize,
}

impl Excess {
    /// The first kind of which there is more than there may be.
    #[must_use]
    pub fn of(limits: &ShardConfig, usage: &Usage) -> Option<Self> {
        // All of them are named, so that none is forgotten.
        let Usage {
            rooms,
            rooms_of_user,
            sessions,
            users,
            sessions_of_user,
            rooms_of_session,
            answers,
            spent,
            keys,
            keys_of_user,
            members,
            messages,
            tasks,
            invited,
        } = *usage;
        let bounds = [
            ("rooms", limits.rooms_max, rooms),
            ("rooms of a user", limits.rooms_per_user_max, rooms_of_user),
            ("sessions", limits.sessions_max, sessions),
            ("sessions of a user", limits.sessions_per_user_max, sessions_of_user),
            ("users with something spent", limits.spent_max, spent),
            ("rooms of a session", limits.rooms_per_session_max, rooms_of_session),
            ("answers of a session", limits.answers_max, answers),
            ("keys", limits.keys_max, keys),
            ("keys of a user", limits.keys_per_user_max, keys_of_user),
            ("members of a room", limits.room_members_max.unwrap_or(u32::MAX), members),
            ("messages of a room", limits.history_max, messages),
            ("tasks of a room", limits.tasks_max, tasks),
            ("users a room lets in", limits.invited_max, invited),
        ];
        if users > sessions {
            let most = u32::try_from(sessions).unwrap_or(u32::MAX);
            return Some(Self { what: "users with sessions", most, is: users });
        }
        let (what, most, is) = bounds.into_iter().find(|&(_, most, is)| is > most as usize)?;
        Some(Self { what, most, is })
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, most, is } = self;
        write!(f, "may hold {most} {what} and holds {is}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit, and what it bounds.
    type Bound = (u32, fn(&mut Usage) -> &mut usize);

    #[test]
    fn nobody_is_known_without_a_session() {
        let usage = Usage { sessions: 2, users: 2, ..Usage::default() };
        assert_eq!(Excess::of(&ShardConfig::default(), &usage), None);
        let excess = Excess::of(&ShardConfig::default(), &Usage { users: 3, ..usage }).unwrap();
        assert_eq!(excess.to_string(), "may hold 2 users with sessions and holds 3");
    }

    #[test]
    fn every_kind_is_held_to_its_limit() {
        let limits = ShardConfig { room_members_max: Some(9), ..ShardConfig::default() };
        let fields: [Bound; 13] = [
            (limits.rooms_max, |usage| &mut usage.rooms),
            (limits.rooms_per_user_max, |usage| &mut usage.rooms_of_user),
            (limits.sessions_max, |usage| &mut usage.sessions),
            (limits.sessions_per_user_max, |usage| &mut usage.sessions_of_user),
            (limits.rooms_per_session_max, |usage| &mut usage.rooms_of_session),
            (limits.answers_max, |usage| &mut usage.answers),
            (limits.spent_max, |usage| &mut usage.spent),
            (limits.keys_max, |usage| &mut usage.keys),
            (limits.keys_per_user_max, |usage| &mut usage.keys_of_user),
            (9, |usage| &mut usage.members),
            (limits.history_max, |usage| &mut usage.messages),
            (limits.tasks_max, |usage| &mut usage.tasks),
            (limits.invited_max, |usage| &mut usage.invited),
        ];
        for (most, field) in fields {
            let mut usage = Usage::default();
            *field(&mut usage) = most as usize;
            assert_eq!(Excess::of(&limits, &usage), None);
            *field(&mut usage) += 1;
            let excess = Excess::of(&limits, &usage).expect("one too many");
            assert_eq!((excess.most, excess.is), (most, most as usize + 1), "{excess}");
        }
    }
}

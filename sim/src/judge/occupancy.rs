//! How many sessions there may be, of a user and in all: who is told that there is one too many must be told the truth.
//!
//! A session may be there while a connection is that may have it, and for as long after as its shard keeps it.

use std::{collections::BTreeMap, time::Duration};

use chinwag_core::{ConnectionId, Refusal, Time};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        life::ELSEWHERE,
    },
    world::World,
};

/// The connections of one life of the server: for each who is on it, and when it ended.
#[derive(Debug, Default)]
pub(crate) struct Occupancy {
    guests: BTreeMap<ConnectionId, Guest>,
}

#[derive(Debug)]
struct Guest {
    /// None for strangers, who all say that they are the same.
    user: Option<usize>,
    ended: Option<Time>,
}

impl Occupancy {
    /// A node has accepted a connection.
    pub(crate) fn begins(&mut self, id: ConnectionId, user: Option<usize>) {
        self.guests.insert(id, Guest { user, ended: None });
    }

    /// A node's end of a connection is over.
    pub(crate) fn ends(&mut self, id: ConnectionId, now: Time) {
        if let Some(guest) = self.guests.get_mut(&id) {
            guest.ended.get_or_insert(now);
        }
    }

    /// The server forgets everybody.
    pub(crate) fn start_over(&mut self) {
        self.guests.clear();
    }

    /// Connections but one that were there since then, of a user or of all.
    fn others(&self, but: ConnectionId, since: Time, user: Option<usize>) -> usize {
        let is_kept = |guest: &Guest| guest.ended.is_none_or(|ended| ended >= since);
        let is_meant = |guest: &Guest| user.is_none() || guest.user == user;
        let guests =
            self.guests.iter().filter(|&(&id, guest)| id != but && is_kept(guest) && is_meant(guest));
        guests.count()
    }
}

impl World<'_> {
    /// A node has accepted a connection.
    pub(crate) fn guest_begins(&mut self, id: ConnectionId) {
        let Some(link) = self.links.get(id) else { return };
        let is_user = link
            .intruder
            .as_ref()
            .is_none_or(|intruder| intruder.names(self.people[link.client].user.as_str()));
        self.occupancy.begins(id, is_user.then_some(self.life.users[link.client]));
    }

    /// A node tells somebody that there is a session too many.
    pub(crate) fn refuses_session(&mut self, id: ConnectionId, refusal: Refusal) -> Result<(), Broken> {
        let Some(line) = self.life.lines.get_mut(&id) else { return Ok(()) };
        line.turned_away = Some(refusal);
        let client = line.client;
        self.checked(checks::TURNED_AWAY);
        if refusal == Refusal::TooManySessions && !self.may_have_sessions_enough(id, client) {
            let sentence =
                format!("c{client} is told on {id} that its user has too many sessions, and has not");
            return broken(checks::TURNED_AWAY, sentence);
        }
        Ok(())
    }

    /// Whether a user may have as many sessions as one may, beside what this connection would have.
    fn may_have_sessions_enough(&self, id: ConnectionId, client: usize) -> bool {
        let (shard, user) = (&self.scenario.setup.shard, self.life.users[client]);
        let others = self.occupancy.others(id, self.kept_since(self.keeps(user)), Some(user));
        others >= shard.sessions_per_user_max as usize
    }

    /// Whether a shard may have as many sessions as it may; it keeps those of other shards a little longer.
    pub(crate) fn may_be_full(&self, id: ConnectionId) -> bool {
        let shard = &self.scenario.setup.shard;
        let keeps = shard.resume_window.max(shard.presence_grace) + ELSEWHERE;
        self.occupancy.others(id, self.kept_since(keeps), None) >= shard.sessions_max as usize
    }

    /// How long a user's sessions are kept: nobody can go on with those of plain clients, unless they are the user's only
    /// ones.
    fn keeps(&self, user: usize) -> Duration {
        let shard = &self.scenario.setup.shard;
        let is_plain = self.life.clients(user).all(|client| self.is_player(client) && !self.is_sole(client));
        if is_plain { shard.presence_grace } else { shard.resume_window.max(shard.presence_grace) }
    }

    /// When connections ended at the latest whose sessions are not there any more. With a clock that jumped, or a node
    /// that was paused, nobody knows; and of those whose node died all are kept as if somebody could go on with them.
    fn kept_since(&self, keeps: Duration) -> Time {
        let ago = |keeps: Duration| {
            let time = self.life.at_most(keeps) + self.life.delay();
            Time(self.now.0.saturating_sub(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
        };
        let is_orphaned = self.life.lost > Time(0)
            && self.life.lost >= ago(keeps.max(self.scenario.setup.shard.resume_window + ELSEWHERE));
        if is_orphaned || self.life.upset >= ago(keeps) { Time(0) } else { ago(keeps) }
    }
}

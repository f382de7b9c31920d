//! What users have used of their limits, kept beyond their sessions: a new session mints no tokens (S0.25, S1.46).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{deadlines::Due, op::Limiters, turn::Turn};
use crate::{limiter::Used, name::UserName, time::Time};

/// What the users have used who used anything. At most
/// [`spent_max`](crate::config::ShardConfig::spent_max) users: beyond them, who would be forgotten first is.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Ledger {
    of_users: BTreeMap<UserName, Spent>,
    /// The same users by when they are forgotten. The first has a deadline.
    order: BTreeSet<(Time, UserName)>,
}

/// What a user's sessions leave to each other.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Spent {
    /// What was used of each quota, by all of them.
    quotas: Vec<Used>,
    /// Limiters of those that have ended, at most as many as a user may have sessions; the newest last.
    limiters: Vec<Limiters>,
    /// When they are forgotten.
    until: Time,
}

impl Ledger {
    /// Users of whom it keeps something.
    pub(super) fn len(&self) -> usize {
        self.of_users.len()
    }

    /// What a user has used of each quota.
    pub(super) fn quotas(&self, user: &UserName) -> Vec<Used> {
        self.of_users.get(user).map_or_else(Vec::new, |spent| spent.quotas.clone())
    }

    /// The limiters with which a user's new session begins: those of the session that ended last and has no heir.
    pub(super) fn take_limiters(&mut self, user: &UserName) -> Limiters {
        self.of_users.get_mut(user).and_then(|spent| spent.limiters.pop()).unwrap_or_default()
    }

    /// Keeps the limiters of a session that has ended, so that its user's next one goes on with them.
    pub(super) fn keep_limiters(&mut self, turn: &mut Turn<'_>, user: &UserName, limiters: Limiters) {
        if limiters.is_unused() {
            return;
        }
        let limiters_max = turn.config.sessions_per_user_max as usize;
        let spent = self.of(turn, user);
        spent.limiters.push(limiters);
        if spent.limiters.len() > limiters_max {
            spent.limiters.remove(0);
        }
    }

    /// Keeps what a user has used, for all of their sessions.
    pub(super) fn keep_quotas(&mut self, turn: &mut Turn<'_>, user: &UserName, used: Vec<Used>) {
        if !used.iter().all(Used::is_empty) {
            Used::gather(&mut self.of(turn, user).quotas, used);
        }
    }

    /// Forgets whoever is due.
    pub(super) fn expire(&mut self, turn: &mut Turn<'_>) {
        while self.next().is_some_and(|until| until <= turn.at) {
            self.forget_first();
        }
        // Its deadline has just been taken.
        if let Some(next) = self.next() {
            turn.deadlines.set(next, Due::Spent);
        }
    }

    /// A user's entry, which is kept from now on for as long as it may matter.
    fn of(&mut self, turn: &mut Turn<'_>, user: &UserName) -> &mut Spent {
        let before = self.next();
        match self.of_users.get(user) {
            Some(spent) => drop(self.order.remove(&(spent.until, user.clone()))),
            None if self.is_full(turn) => self.forget_first(),
            None => {}
        }
        let kept = turn.config.limiter_ttl;
        let until = turn.at + planted!(SpentForgottenEarly, kept / 4, kept);
        self.order.insert((until, user.clone()));
        self.move_deadline(turn, before);
        let spent = self.of_users.entry(user.clone()).or_default();
        spent.until = until;
        spent
    }

    fn is_full(&self, turn: &Turn<'_>) -> bool {
        planted!(SpentUnbounded, false, self.len() >= turn.config.spent_max as usize)
    }

    fn forget_first(&mut self) {
        if let Some((_, user)) = self.order.pop_first() {
            self.of_users.remove(&user);
        }
    }

    /// When the first is forgotten.
    fn next(&self) -> Option<Time> {
        self.order.first().map(|(until, _)| *until)
    }

    fn move_deadline(&self, turn: &mut Turn<'_>, before: Option<Time>) {
        let next = self.next();
        if before == next {
            return;
        }
        if let Some(before) = before {
            turn.deadlines.cancel(before, Due::Spent);
        }
        if let Some(next) = next {
            turn.deadlines.set(next, Due::Spent);
        }
    }
}

//! What users may have let in by their quotas, judged by when it was: never more in any span, and who is below all of
//! them is refused for the rate alone.
//!
//! What is used on several connections at once is put together when they end. So only what connections used that had
//! ended before this one began is held against it, beside its own.
//!
//! A limit may close who is above it: whoever surely is must go, and nobody else may be told to.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    time::Duration,
};

use chinwag_core::{
    ConnectionId, Refusal, Time,
    gateway::Notice,
    limiter::{Action, Quota},
};

use crate::plan::scenario::Setup;

/// Watches what gateways let in. Nothing of it outlives a server process.
#[derive(Debug)]
pub(crate) struct Quotas {
    quotas: Vec<Quota>,
    /// What was used on connections that have ended is kept.
    is_kept: bool,
    /// What happens above the rate beside them.
    rate_action: Action,
    /// By user: what was let in during the longest span, oldest first.
    let_in: Vec<VecDeque<LetIn>>,
    /// When connections were opened, and when they ended, if they have.
    lines: BTreeMap<ConnectionId, (Time, Option<Time>)>,
    /// By user: when a connection last ended on which something was let in.
    left: Vec<Option<Time>>,
}

#[derive(Clone, Copy, Debug)]
struct LetIn {
    /// By the server's clock.
    at: Time,
    connection: ConnectionId,
    /// It was a message: some of what is refused for its shape was one, and is paid for all the same.
    is_sure: bool,
}

/// What is to become of a connection on which a message was refused for being too many.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Fate {
    /// It goes on.
    #[default]
    Stays,
    /// It may be closed for that.
    MayEnd,
    /// It is closed for that.
    Ends,
}

impl Quotas {
    pub(crate) fn new(setup: &Setup) -> Self {
        let users = setup.clients.iter().map(|client| client.user as usize + 1).max().unwrap_or(0);
        Self {
            quotas: setup.gateway.message_quotas.clone(),
            is_kept: setup.keeps_what_is_spent(),
            rate_action: setup.gateway.rate_action,
            let_in: vec![VecDeque::new(); users],
            lines: BTreeMap::new(),
            left: vec![None; users],
        }
    }

    /// The server has started with nothing in memory.
    pub(crate) fn start_over(&mut self) {
        self.let_in.iter_mut().for_each(VecDeque::clear);
        self.lines.clear();
        self.left.fill(None);
    }

    /// All nodes are gone, and with them what was used on their connections, also where that was on its way to be kept.
    pub(crate) fn are_forgotten(&mut self) {
        self.lines.clear();
        self.left.fill(None);
    }

    /// The node that had this connection is gone, and with it what was used there.
    pub(crate) fn forgotten(&mut self, connection: ConnectionId) {
        self.lines.remove(&connection);
    }

    /// The node of a user's connection lets go of it. Unless it is their last one, another may have taken its session, and
    /// with that what was used.
    pub(crate) fn ends(&mut self, now: Time, user: usize, connection: ConnectionId, is_last: bool) {
        let Some((_, ended)) = self.lines.get_mut(&connection) else { return };
        *ended = ended.or(Some(now));
        if is_last && self.let_in[user].iter().any(|used| used.is_sure && used.connection == connection) {
            self.left[user] = Some(now);
        }
    }

    /// How many users have used something on connections that ended within a time.
    pub(crate) fn have_left(&self, within: Range<Time>) -> usize {
        self.left.iter().flatten().filter(|left| within.contains(left)).count()
    }

    /// A gateway says what became of something that a user wanted, on a connection that was opened at that time;
    /// `delay` is how long others may take to hear of an end. True if that was judged.
    ///
    /// # Errors
    /// Why it should not have been let in.
    pub(crate) fn noticed(
        &mut self,
        shows: Time,
        opened: Time,
        delay: Duration,
        user: usize,
        notice: &Notice,
    ) -> Result<bool, String> {
        if self.quotas.is_empty() {
            return Ok(false);
        }
        match *notice {
            Notice::Attached { connection, .. } => {
                self.lines.insert(connection, (opened, None));
                Ok(false)
            }
            // What cannot be said is paid for all the same.
            Notice::Said { connection, .. }
            | Notice::Refused {
                connection, refusal: Refusal::ContentEmpty | Refusal::ContentTooLarge, ..
            } => self.lets_in(shows, delay, user, connection).map(|()| true),
            Notice::Refused { connection, refusal: Refusal::BadFrame, .. } => {
                self.let_in[user].push_back(LetIn { at: shows, connection, is_sure: false });
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    fn lets_in(
        &mut self,
        shows: Time,
        delay: Duration,
        user: usize,
        connection: ConnectionId,
    ) -> Result<(), String> {
        for quota in &self.quotas {
            let count = self.known(shows, delay, user, connection, quota);
            if count >= quota.count as usize {
                let Quota { count: most, per, .. } = quota;
                return Err(format!("has {} messages let in within {per:?}, of {most}", count + 1));
            }
        }
        let longest = self.quotas.iter().map(|quota| quota.per).max().unwrap_or_default();
        let let_in = &mut self.let_in[user];
        while let_in.front().is_some_and(|used| used.at + longest <= shows) {
            let_in.pop_front();
        }
        let_in.push_back(LetIn { at: shows, connection, is_sure: true });
        Ok(())
    }

    /// How much of a quota is surely used up, as a connection of the user must know.
    fn known(
        &self,
        shows: Time,
        delay: Duration,
        user: usize,
        connection: ConnectionId,
        quota: &Quota,
    ) -> usize {
        let began = self.lines.get(&connection).map(|&(began, _)| began);
        let is_over =
            |ended: Option<Time>| ended.zip(began).is_some_and(|(ended, began)| ended + delay <= began);
        let is_known = |used: &&LetIn| {
            used.connection == connection
                || self.is_kept && self.lines.get(&used.connection).is_some_and(|&(_, ended)| is_over(ended))
        };
        let used = self.let_in[user].iter().filter(|used| used.is_sure && used.at + quota.per > shows);
        put_together(used.filter(is_known))
    }

    /// What is to become of a connection on which a message of the user was refused as one too many. Of several limits
    /// that it was above, nobody knows which one speaks.
    pub(crate) fn fate(&self, shows: Time, delay: Duration, user: usize, connection: ConnectionId) -> Fate {
        let closes = |action: Action| action == Action::Close;
        let above = || self.quotas.iter().filter(|quota| self.may_be_above(shows, user, quota));
        if above().next().is_none() {
            return if closes(self.rate_action) { Fate::Ends } else { Fate::Stays };
        }
        let is_sure =
            |quota: &Quota| self.known(shows, delay, user, connection, quota) >= quota.count as usize;
        let may_be_rate = !above().any(is_sure);
        let is_due = above().all(|quota| closes(quota.action)) && (!may_be_rate || closes(self.rate_action));
        let may_be = above().any(|quota| closes(quota.action)) || may_be_rate && closes(self.rate_action);
        match (is_due, may_be) {
            (true, _) => Fate::Ends,
            (false, true) => Fate::MayEnd,
            (false, false) => Fate::Stays,
        }
    }

    /// Whether a user may be above one of their quotas.
    pub(crate) fn is_above(&self, shows: Time, user: usize) -> bool {
        self.quotas.iter().any(|quota| self.may_be_above(shows, user, quota))
    }

    fn may_be_above(&self, shows: Time, user: usize, quota: &Quota) -> bool {
        let used = self.let_in[user].iter().filter(|used| used.at + quota.per > shows);
        used.count() >= quota.count as usize
    }
}

/// How much connections have used when that is put together: instants that several of them know count once, for nobody
/// can tell whether it was the same message. A clock that was set back stands still for a while.
fn put_together<'a>(used: impl Iterator<Item = &'a LetIn>) -> usize {
    let mut counts: BTreeMap<Time, BTreeMap<ConnectionId, usize>> = BTreeMap::new();
    for used in used {
        *counts.entry(used.at).or_default().entry(used.connection).or_default() += 1;
    }
    counts.values().filter_map(|by_connection| by_connection.values().max()).sum()
}

#[cfg(test)]
mod tests {
    use chinwag_core::limiter::Action;

    use super::*;

    const SECOND: u64 = 1_000_000;
    const DELAY: Duration = Duration::from_millis(100);

    /// Two in a second, of one user, and two connections, of which the first ends at that time.
    fn quotas(ended: u64) -> Quotas {
        let quota = Quota { count: 2, per: Duration::from_secs(1), action: Action::Warn };
        let mut lines = BTreeMap::new();
        lines.insert(ConnectionId(1), (Time(0), Some(Time(ended))));
        lines.insert(ConnectionId(2), (Time(SECOND / 2), None));
        let rate_action = Action::Warn;
        let (let_in, left) = (vec![VecDeque::new()], vec![None]);
        Quotas { quotas: vec![quota], is_kept: true, rate_action, let_in, lines, left }
    }

    #[test]
    fn no_span_holds_more() {
        let mut quotas = quotas(SECOND);
        let mut says = |at: u64| quotas.lets_in(Time(at), DELAY, 0, ConnectionId(2));
        assert!(says(0).is_ok() && says(SECOND / 2).is_ok());
        assert!(says(SECOND - 1).is_err());
        assert!(says(SECOND).is_ok() && says(SECOND + 1).is_err());
    }

    #[test]
    fn what_an_earlier_connection_used_counts_if_it_had_ended() {
        for (ended, is_over) in [(SECOND / 4, true), (SECOND / 2, false)] {
            let mut quotas = quotas(ended);
            for _ in 0..2 {
                quotas.lets_in(Time(1), DELAY, 0, ConnectionId(1)).unwrap();
            }
            assert!(quotas.is_above(Time(SECOND / 2), 0), "however many connections it was");
            assert_eq!(quotas.lets_in(Time(SECOND / 2), DELAY, 0, ConnectionId(2)).is_err(), is_over);
        }
    }

    #[test]
    fn what_is_not_kept_is_held_against_nobody() {
        let mut quotas = quotas(SECOND / 4);
        quotas.is_kept = false;
        for connection in [1, 1, 2, 2] {
            quotas.lets_in(Time(1), DELAY, 0, ConnectionId(connection)).unwrap();
        }
        assert!(quotas.lets_in(Time(1), DELAY, 0, ConnectionId(2)).is_err(), "it knows its own");
    }

    #[test]
    fn what_two_connections_used_at_one_instant_counts_once() {
        let mut quotas = quotas(SECOND / 4);
        quotas.lets_in(Time(1), DELAY, 0, ConnectionId(1)).unwrap();
        quotas.lets_in(Time(1), DELAY, 0, ConnectionId(2)).unwrap();
        quotas.lets_in(Time(1), DELAY, 0, ConnectionId(2)).unwrap();
        assert!(quotas.lets_in(Time(1), DELAY, 0, ConnectionId(2)).is_err());
    }

    #[test]
    fn who_has_used_something_is_remembered_by_when_they_went() {
        let mut quotas = quotas(SECOND);
        quotas.ends(Time(9), 0, ConnectionId(2), true);
        assert_eq!(quotas.have_left(Time(0)..Time(10)), 0, "nothing was let in");
        quotas.lets_in(Time(1), DELAY, 0, ConnectionId(2)).unwrap();
        quotas.ends(Time(10), 0, ConnectionId(2), true);
        assert_eq!([9, 10, 11].map(|end| quotas.have_left(Time(9)..Time(end))), [0, 0, 1]);
    }

    #[test]
    fn who_surely_is_above_a_limit_that_closes_must_go_and_who_is_below_never() {
        let mut quotas = quotas(SECOND / 2);
        quotas.quotas[0].action = Action::Close;
        let fate = |quotas: &Quotas| quotas.fate(Time(SECOND / 2), DELAY, 0, ConnectionId(2));
        quotas.lets_in(Time(1), DELAY, 0, ConnectionId(2)).unwrap();
        assert_eq!(fate(&quotas), Fate::Stays);
        quotas.let_in[0].push_back(LetIn { at: Time(1), connection: ConnectionId(2), is_sure: false });
        assert_eq!(fate(&quotas), Fate::MayEnd, "it may have been no message");
        quotas.lets_in(Time(1), DELAY, 0, ConnectionId(2)).unwrap();
        assert_eq!(fate(&quotas), Fate::Ends);
        quotas.quotas[0].action = Action::Error;
        assert_eq!(fate(&quotas), Fate::Stays);
        quotas.rate_action = Action::Close;
        assert_eq!(fate(&quotas), Fate::Stays, "the quota speaks first");
        quotas.let_in[0].clear();
        assert_eq!(fate(&quotas), Fate::Ends);
    }
}

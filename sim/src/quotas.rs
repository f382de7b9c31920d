//! What users may have let in by their quotas, judged by when it was: never more in any span, and who is below all of
//! them is refused for the rate alone.
//!
//! What is used on several connections at once is put together when they end. So only what connections used that had
//! ended before this one began is held against it, beside its own.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use chinwag_core::{ConnectionId, Refusal, Time, gateway::Notice, limiter::Quota};

use crate::scenario::Setup;

/// Watches what gateways let in. Nothing of it outlives a server process.
#[derive(Debug)]
pub(crate) struct Quotas {
    quotas: Vec<Quota>,
    /// By user: what was let in during the longest span, oldest first.
    let_in: Vec<VecDeque<LetIn>>,
    /// When connections were opened, and when they ended, if they have.
    lines: BTreeMap<ConnectionId, (Time, Option<Time>)>,
}

#[derive(Clone, Copy, Debug)]
struct LetIn {
    /// By the server's clock.
    at: Time,
    connection: ConnectionId,
}

impl Quotas {
    pub(crate) fn new(setup: &Setup) -> Self {
        let users = setup.clients.iter().map(|client| client.user as usize + 1).max().unwrap_or(0);
        Self {
            quotas: setup.gateway.message_quotas.clone(),
            let_in: vec![VecDeque::new(); users],
            lines: BTreeMap::new(),
        }
    }

    /// The server has started with nothing in memory.
    pub(crate) fn start_over(&mut self) {
        self.let_in.iter_mut().for_each(VecDeque::clear);
        self.lines.clear();
    }

    /// The node that had this connection is gone, and with it what was used there.
    pub(crate) fn forgotten(&mut self, connection: ConnectionId) {
        self.lines.remove(&connection);
    }

    /// A connection's node lets go of it.
    pub(crate) fn ends(&mut self, now: Time, connection: ConnectionId) {
        if let Some((_, ended)) = self.lines.get_mut(&connection) {
            *ended = ended.or(Some(now));
        }
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
        let began = self.lines.get(&connection).map(|&(began, _)| began);
        let is_over =
            |ended: Option<Time>| ended.zip(began).is_some_and(|(ended, began)| ended + delay <= began);
        let is_known = |used: &&LetIn| {
            used.connection == connection
                || self.lines.get(&used.connection).is_some_and(|&(_, ended)| is_over(ended))
        };
        for quota in &self.quotas {
            let used = self.let_in[user].iter().filter(|used| used.at + quota.per > shows).filter(is_known);
            let count = used.count();
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
        let_in.push_back(LetIn { at: shows, connection });
        Ok(())
    }

    /// Whether a user may be above one of their quotas.
    pub(crate) fn is_above(&self, shows: Time, user: usize) -> bool {
        let used =
            |quota: &Quota| self.let_in[user].iter().filter(|used| used.at + quota.per > shows).count();
        self.quotas.iter().any(|quota| used(quota) >= quota.count as usize)
    }
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
        Quotas { quotas: vec![quota], let_in: vec![VecDeque::new()], lines }
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
}

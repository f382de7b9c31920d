//! What gateways report of themselves: it shows what was let in and what was not, whatever became of the answers.

use chinwag_core::{ConnectionId, Refusal, RequestId, gateway::Notice};

use crate::{
    judge::{Broken, checks, marks::Mark, quotas::Fate},
    world::World,
};

impl World<'_> {
    /// A gateway says what an operator would read in its log.
    pub(crate) fn noticed(&mut self, notice: &Notice) -> Result<(), Broken> {
        let (Notice::Attached { connection, .. }
        | Notice::Said { connection, .. }
        | Notice::Refused { connection, .. }
        | Notice::Lagged { connection, .. }) = notice;
        let Some(link) = self.links.get(*connection) else { return Ok(()) };
        let client = link.client;
        self.server.counted[link.node].notices(notice);
        if link.intruder.is_some() {
            self.judge.rates.impersonated(client);
            if matches!(notice, Notice::Attached { user, .. } if *user == self.people[client].user) {
                self.judge.rates.shares(client);
            }
            return Ok(());
        }
        if matches!(notice, Notice::Attached { resumed: true, .. }) {
            self.life.whereabouts.goes_on(client);
        }
        if matches!(notice, Notice::Attached { .. }) && self.is_sole(client) {
            self.life.attached[self.life.users[client]].push((*connection, self.now));
        }
        if matches!(notice, Notice::Attached { user, .. } if *user != self.people[client].user) {
            self.judge.rates.unjudged(*connection);
        }
        let broken = |what| Broken { check: checks::LIMITER, sentence: format!("c{client} {what}") };
        let (shows, user) = (self.server.clock.shows(self.now), self.life.users[client]);
        let delay = self.life.delay();
        // Who is attached late may be so by a mail that is older than the news of what ended since.
        let opened = self.life.lines.get(connection).map_or(self.now, |line| line.since);
        if self.quotas.noticed(shows, opened, delay, user, notice).map_err(broken)? {
            self.checked(checks::LIMITER);
        }
        let is_above = self.quotas.is_above(shows, user);
        if is_above && matches!(notice, Notice::Refused { refusal: Refusal::RateLimited, .. }) {
            self.marks.hit(Mark::AboveQuota);
        }
        let is_judged = self.judge.rates.noticed(shows, client, notice, is_above).map_err(broken)?;
        if is_judged {
            self.checked(checks::LIMITER);
        }
        match *notice {
            Notice::Refused { connection, id, refusal: Refusal::RateLimited } => {
                self.refuses_too_fast(connection)?;
                self.is_too_much(connection, id, is_judged)?;
                self.exceeds(client, connection, id);
                id.map_or(Ok(()), |id| self.judge.deferred(client, id))
            }
            Notice::Refused { connection, refusal, .. }
                if matches!(refusal, Refusal::TooManySessions | Refusal::Full) =>
            {
                self.refuses_session(connection, refusal)
            }
            Notice::Lagged { connection, ref room } => self.lags(connection, room),
            Notice::Said { connection, id, ref room, bytes, .. } => {
                self.is_let_in(connection, id, room, bytes);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A limit was exceeded, which may be the end of the connection.
    fn exceeds(&mut self, client: usize, id: ConnectionId, request: Option<RequestId>) {
        let (shows, delay) = (self.server.clock.shows(self.now), self.life.delay());
        let fate = self.quotas.fate(shows, delay, self.life.users[client], id);
        // Other requests have a rate of their own, which closes nothing; whether it was one, only its client knows.
        let is_message = self.people[client].link == Some(id)
            && request.is_some_and(|request| self.judge.rates.is_message(client, request));
        if let Some(line) = self.life.lines.get_mut(&id) {
            line.fate = if is_message || fate == Fate::Stays { fate } else { Fate::MayEnd };
        }
    }

    /// Whoever was above a limit that closes is gone.
    pub(crate) fn check_fates(&mut self) -> Result<(), Broken> {
        // Most lines have done nothing for which they might be closed.
        if self.life.lines.values().any(|line| line.fate != Fate::Stays) {
            self.checked(checks::CLOSING);
        }
        match self.life.lines.iter().find(|(_, line)| line.fate == Fate::Ends) {
            Some((id, _)) => checks::broken(
                checks::CLOSING,
                format!("{id} is above a limit that closes, and is not closed"),
            ),
            None => Ok(()),
        }
    }

    /// Something was refused for its rate; whoever should have been sent away for that must be gone by the next time.
    fn refuses_too_fast(&mut self, id: ConnectionId) -> Result<(), Broken> {
        self.checked(checks::CLOSING);
        let Some(line) = self.life.lines.get_mut(&id) else { return Ok(()) };
        if line.abuse.is_due() {
            let sentence =
                format!("{id} is not closed, though too much of it was refused for a whole window");
            return checks::broken(checks::CLOSING, sentence);
        }
        line.abuse.refuses();
        line.refused = self.now;
        Ok(())
    }
}

//! What gateways report of themselves: it shows what was let in and what was not, whatever became of the answers.

use chinwag_core::{ConnectionId, Refusal, gateway::Notice};

use crate::{checks, judge::Broken, world::World};

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
            return Ok(());
        }
        let broken = |what| Broken { check: checks::LIMITER, sentence: format!("c{client} {what}") };
        if self.judge.rates.noticed(self.server.clock.shows(self.now), client, notice).map_err(broken)? {
            self.checked(checks::LIMITER);
        }
        match *notice {
            Notice::Refused { connection, id, refusal: Refusal::RateLimited } => {
                self.refuses_too_fast(connection)?;
                id.map_or(Ok(()), |id| self.judge.deferred(client, id))
            }
            _ => Ok(()),
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

//! What gateways report of themselves: it shows what was let in and what was not, whatever became of the answers.

use chinwag_core::{Refusal, gateway::Notice};

use crate::{checks, judge::Broken, world::World};

impl World<'_> {
    /// A gateway says what an operator would read in its log.
    pub(crate) fn noticed(&mut self, notice: &Notice) -> Result<(), Broken> {
        let (Notice::Attached { connection, .. }
        | Notice::Said { connection, .. }
        | Notice::Refused { connection, .. }
        | Notice::Lagged { connection, .. }) = notice;
        let Some(link) = self.links.get(connection) else { return Ok(()) };
        let client = link.client;
        if link.intruder.is_some() {
            self.judge.rates.impersonated(client);
            return Ok(());
        }
        let broken = |what| Broken { check: checks::LIMITER, sentence: format!("c{client} {what}") };
        if self.judge.rates.noticed(self.server.clock.shows(self.now), client, notice).map_err(broken)? {
            self.checked(checks::LIMITER);
        }
        match *notice {
            Notice::Refused { id: Some(id), refusal: Refusal::RateLimited, .. } => {
                self.judge.deferred(client, id)
            }
            _ => Ok(()),
        }
    }
}

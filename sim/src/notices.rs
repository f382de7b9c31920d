//! What gateways report of themselves: it shows what was let in and what was not, whatever became of the answers.

use chinwag_core::{Refusal, gateway::Notice};

use crate::{judge::Broken, world::World};

impl World<'_> {
    /// A gateway says what an operator would read in its log.
    pub(crate) fn noticed(&mut self, notice: &Notice) -> Result<(), Broken> {
        match *notice {
            Notice::Refused { connection, id: Some(id), refusal: Refusal::RateLimited } => {
                match self.links.get(&connection) {
                    Some(link) => self.judge.deferred(link.client, id),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

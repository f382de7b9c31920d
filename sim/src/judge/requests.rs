//! Requests that are no messages, of core's own clients: as many of them are served as their rate allows.

use chinwag_core::{
    ConnectionId, RequestId,
    gateway::Frame,
    limiter::{Action, Rate},
};

use crate::{
    judge::{Broken, checks, rates::Limit},
    plan::{nonsense::FORGED, scenario::Setup},
    world::World,
};

/// How a message begins.
const MESSAGE: &str = r#"{"type":"message""#;

/// How many requests beside messages a session may make.
pub(crate) fn limit(setup: &Setup) -> Limit {
    let (per_second, burst) = (setup.gateway.control_rate, setup.gateway.control_burst);
    Limit { rate: Rate { per_second, burst }, is_kept: setup.keeps(per_second, burst) }
}

impl World<'_> {
    /// A node is about to be handed something, and may have no room for an answer. True if that is paid for as a request.
    pub(crate) fn is_asked(&mut self, id: ConnectionId, frame: Frame<'_>, may_wait: bool) -> bool {
        let is_request = match frame {
            Frame::Text(text) => !self.is_message(id, text),
            Frame::Binary(_) | Frame::Ping(_) => true,
            _ => false,
        };
        if is_request {
            let shows = self.server.clock.shows(self.now);
            self.judge.rates.asks(shows, id, may_wait);
        }
        is_request
    }

    /// Whether what a core's own client says, or somebody over its line, is paid for as a message: only who is known says
    /// any, for themselves, and in a frame that is not too long.
    fn is_message(&self, id: ConnectionId, text: &str) -> bool {
        text.starts_with(MESSAGE)
            && text.len() <= self.scenario.setup.gateway.frame_bytes_max
            && !text.starts_with(FORGED)
            && self.judge.rates.is_attached(id)
    }

    /// A node has done what it was asked for, or its turn has come.
    pub(crate) fn is_served(&mut self, id: ConnectionId) -> Result<(), Broken> {
        let shows = self.server.clock.shows(self.now);
        let judged = self.judge.rates.served(shows, id);
        if judged.map_err(|what| requests(id, &what))? {
            self.checked(checks::REQUESTS);
        }
        Ok(())
    }

    /// A node says that something was too much; whether it was a message, and it is known how many of those are left.
    pub(crate) fn is_too_much(
        &mut self,
        id: ConnectionId,
        request: Option<RequestId>,
        is_message: bool,
    ) -> Result<(), Broken> {
        let shows = self.server.clock.shows(self.now);
        let judged = self.judge.rates.is_too_much(shows, id);
        let judged = judged.map_err(|what| requests(id, &what))?;
        if judged.is_some() {
            self.checked(checks::REQUESTS);
        }
        let left = if is_message { self.judge.rates.messages_left(id) } else { judged };
        self.judge.rates.puts_off(id, request, left.map(|left| left.wait(shows)));
        Ok(())
    }

    /// A client reads when to try again what was too much.
    pub(crate) fn is_put_off(&mut self, client: usize, request: RequestId, told: u64) -> Result<(), Broken> {
        let Some(id) = self.people[client].link else { return Ok(()) };
        let judged = self.judge.rates.is_put_off(id, request, told);
        self.has_judged_wait(client, judged)
    }

    /// A client reads how many things that have no number were too much, and when to try again.
    pub(crate) fn is_warned(&mut self, client: usize, count: u64, told: u64) -> Result<(), Broken> {
        let only_warns = self.scenario.setup.limit_actions().all(|action| action == Action::Warn);
        // Elsewhere some of them are told one by one.
        let Some(id) = self.people[client].link.filter(|_| only_warns) else { return Ok(()) };
        let judged = self.judge.rates.is_warned(id, count, told);
        self.has_judged_wait(client, judged)
    }

    fn has_judged_wait(&mut self, client: usize, judged: Result<bool, String>) -> Result<(), Broken> {
        let wrong = |what| Broken { check: checks::RETRY, sentence: format!("c{client} is told {what}") };
        if judged.map_err(wrong)? {
            self.checked(checks::RETRY);
        }
        Ok(())
    }
}

fn requests(id: ConnectionId, what: &str) -> Broken {
    Broken { check: checks::REQUESTS, sentence: format!("what {id} asks for {what}") }
}

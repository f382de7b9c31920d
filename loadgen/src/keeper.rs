//! Who keeps the run's own server: looks whether it is there, and kills it and starts it anew when the scenario wants.

use std::{path::PathBuf, time::Duration};

use chinwag_scenarios::{EventKind, Plan};

use crate::{process::Process, server::Server};

/// A server of the run's own, if it has one, and what is to become of it.
#[derive(Debug)]
pub(crate) struct Keeper {
    server: Option<Server>,
    program: Option<PathBuf>,
    log: Option<PathBuf>,
    /// When to kill it and when to start it anew, after the first stage's start; the next one last.
    restarts: Vec<(Duration, Duration)>,
    /// It is down, as wanted, until then.
    down_until: Option<Duration>,
    /// Processor time of servers that were killed.
    spent: Duration,
}

impl Keeper {
    /// Keeps a server.
    pub(crate) fn new(
        server: Option<Server>,
        program: Option<PathBuf>,
        log: Option<PathBuf>,
        plan: &Plan,
    ) -> Self {
        let restarts = plan.events().iter().filter(|event| event.kind == EventKind::Restart);
        let restarts = restarts.map(|event| (event.at, event.until)).rev().collect();
        Self { server, program, log, restarts, down_until: None, spent: Duration::ZERO }
    }

    /// Does what is due so long after the first stage's start; before it, looks only whether the server is there.
    ///
    /// # Errors
    /// Why there is no server any more.
    pub(crate) fn see_to(&mut self, passed: Option<Duration>) -> Result<(), String> {
        let Some(server) = &mut self.server else { return Ok(()) };
        if let Some((status, said)) = server.ended() {
            return Err(format!("the server ended, {status} {said}").trim_end().into());
        }
        let Some(passed) = passed else { return Ok(()) };
        if self.down_until.is_some_and(|until| passed >= until) {
            self.down_until = None;
            let started = server.start_again(self.program.as_deref(), self.log.as_deref());
            started.map_err(|error| format!("cannot start the server anew: {error}"))?;
        }
        if let Some((_, until)) = self.restarts.pop_if(|(at, _)| self.down_until.is_none() && passed >= *at) {
            self.spent += server.process().cpu().unwrap_or_default();
            server.kill();
            self.down_until = Some(until);
        }
        Ok(())
    }

    /// The server's process.
    pub(crate) fn process(&self) -> Option<Process> {
        self.server.as_ref().map(Server::process)
    }

    /// Processor time that it has used so far, all of its lives together.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        Some(self.spent + self.process()?.cpu()?)
    }
}

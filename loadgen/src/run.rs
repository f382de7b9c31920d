//! What all threads of a run share: script, clock and target.

use std::{net::IpAddr, sync::Arc};

use chinwag_bots::{Script, Segment};
use chinwag_core::Time;
use chinwag_scenarios::Plan;
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::handshake::client::Request;

use crate::{clock::Clock, sources::Sources, speech::Speech, target::Target, targets::Targets};

/// A run, shared by all its threads.
#[derive(Debug)]
pub(crate) struct Run {
    /// Who does what and when, and how far things are.
    pub(crate) script: Arc<Script>,
    /// The clock of all threads.
    pub(crate) clock: Clock,
    /// Where the servers are.
    pub(crate) targets: Targets,
    /// How it is spoken to.
    pub(crate) speech: Speech,
    /// Where bots connect from.
    pub(crate) sources: Sources,
    /// Handshakes that may still begin.
    pub(crate) handshakes: Semaphore,
}

impl Run {
    /// A run that has not begun.
    pub(crate) fn new(
        plan: Plan,
        segment: Segment,
        clock: Clock,
        targets: Targets,
        speech: Speech,
        sources: Sources,
    ) -> Self {
        let handshakes = Semaphore::new(plan.connect().in_flight as usize);
        let script = Arc::new(Script::new(plan, segment, speech.protocol().cloned(), clock.origin()));
        Self { script, clock, targets, speech, sources, handshakes }
    }

    /// Who does what and when.
    pub(crate) fn plan(&self) -> &Plan {
        &self.script.plan
    }

    /// Whether a handshake is under way in any worker.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.handshakes.available_permits() < self.plan().connect().in_flight as usize
    }

    /// The time now.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Where a client connects from, if that is not the system's choice: our clients take turns.
    pub(crate) fn source(&self, client: u32) -> Option<IpAddr> {
        self.sources.of(client / self.script.segment.count)
    }

    /// Where a client connects to.
    pub(crate) fn target(&self, client: u32) -> &Target {
        self.targets.of(self.plan(), client)
    }

    /// What a client asks for on connecting.
    pub(crate) fn request(&self, client: u32) -> Request {
        self.speech.request(self.target(client), &self.script.users[client as usize], client)
    }
}

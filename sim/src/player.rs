//! A plain client of a scenario: it speaks through a voice, has no session, and comes back with a plain backoff.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chinwag_core::{ConnectionId, Time, UserName, dialect::Dialect};
use chinwag_oracle::SendId;

use crate::{scenario::Patience, thread::Thread, voice::Voice};

/// A plain client, and what it knows.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) voice: Voice,
    /// It is known on its present connection.
    pub(crate) known: bool,
    /// Another connection has its place: it hears nothing more on this one.
    pub(crate) silenced: bool,
    /// By room that it is in: what it was shown there.
    pub(crate) seats: BTreeMap<usize, Thread>,
    /// Rooms it has asked to enter or to leave, and was not answered.
    pub(crate) asked: BTreeSet<usize>,
    /// Messages that it has sent and that were not answered.
    pub(crate) open: BTreeMap<SendId, Open>,
    /// When it last heard anything.
    pub(crate) heard: Time,
    /// It has said what no client says.
    pub(crate) has_babbled: bool,
    /// It will look again soon at which rooms it is in.
    pub(crate) is_nudged: bool,
    /// When it connects again.
    pub(crate) returns: Option<Time>,
    /// It does not come back.
    pub(crate) is_over: bool,
    /// Connections since it was last let in.
    failures: u32,
}

/// A message that is not answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    /// When it was first sent.
    pub(crate) since: Time,
    /// On which connection it was sent last.
    pub(crate) connection: Option<ConnectionId>,
    /// It was sent again under its key, on another connection.
    pub(crate) is_repeated: bool,
}

/// What a plain client waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alarm {
    /// To connect again.
    Return,
    /// To ask again for what was refused.
    Nudge,
    /// To hear something on a connection.
    Silence(ConnectionId),
}

impl Player {
    /// One that has not been started.
    pub(crate) fn new(dialect: Dialect, user: UserName) -> Self {
        Self {
            voice: Voice::new(dialect, user),
            known: false,
            silenced: false,
            seats: BTreeMap::new(),
            asked: BTreeSet::new(),
            open: BTreeMap::new(),
            heard: Time(0),
            has_babbled: false,
            is_nudged: false,
            returns: None,
            is_over: false,
            failures: 0,
        }
    }

    /// A new connection: what an earlier one knew is forgotten.
    pub(crate) fn renew(&mut self, now: Time) {
        self.voice = self.voice.renewed();
        (self.known, self.silenced, self.heard) = (false, false, now);
        self.asked.clear();
    }

    /// The server knows it.
    pub(crate) fn welcome(&mut self) {
        self.known = true;
        // Whom nobody has to let in may be refused all the same.
        if !self.voice.is_known_at_once() {
            self.is_let_in();
        }
    }

    /// It has been let in: if it is lost, it comes back soon.
    pub(crate) fn is_let_in(&mut self) {
        self.failures = 0;
    }

    /// How long it waits before it connects again: half as much longer each time.
    pub(crate) fn backoff(&mut self, patience: &Patience) -> Duration {
        let Patience { backoff_base, backoff_max, .. } = *patience;
        let wait = (0..self.failures).fold(backoff_base, |wait, _| (wait * 3 / 2).min(backoff_max));
        self.failures += 1;
        wait.min(backoff_max)
    }
}

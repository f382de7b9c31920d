//! One bot: core's client, its socket, and what the worker keeps in mind about it.

use chinwag_core::{Client, RequestId, Time};
use chinwag_oracle::{RoomId, SendId};

use crate::link::Link;

/// A bot. Without its buffers some hundred bytes, for there are thousands.
#[derive(Debug)]
pub(crate) struct Bot {
    /// Its number in the plan.
    pub(crate) number: u32,
    /// Core's machine.
    pub(crate) client: Client,
    /// The socket, if one is open.
    pub(crate) link: Option<Link>,
    /// Counts connections: what an older one still says does not count.
    pub(crate) attempt: u32,
    /// When the present connection was begun.
    pub(crate) connecting_since: Time,
    /// Rooms the present connection is not yet in.
    pub(crate) missing: Vec<RoomId>,
    /// Whether it has ever been in all its rooms.
    pub(crate) has_arrived: bool,
    /// The scenario's doing, if it is away because of it.
    pub(crate) absence: Absence,
    /// Planned messages that wait for an answer, with the client's numbers; a few.
    pub(crate) unanswered: Vec<(RequestId, SendId)>,
}

/// How a scenario keeps a bot away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Absence {
    /// Not, or not since then.
    Over(Time),
    /// It may not connect before this, and is away until it is in its rooms again.
    Until(Time),
}

impl Bot {
    /// A bot that has not connected yet.
    pub(crate) const fn new(number: u32, client: Client) -> Self {
        Self {
            number,
            client,
            link: None,
            attempt: 0,
            connecting_since: Time(0),
            missing: Vec::new(),
            has_arrived: false,
            absence: Absence::Over(Time(0)),
            unanswered: Vec::new(),
        }
    }

    /// Whether the scenario keeps it away.
    pub(crate) const fn is_away(&self) -> bool {
        matches!(self.absence, Absence::Until(_))
    }

    /// Whether the scenario kept it away from something that was to happen at `instant`.
    pub(crate) fn was_away(&self, instant: Time) -> bool {
        match self.absence {
            Absence::Until(_) => true,
            Absence::Over(since) => instant < since,
        }
    }

    /// Takes a message off the list of those that wait for an answer.
    pub(crate) fn settle(&mut self, id: RequestId) -> Option<SendId> {
        let at = self.unanswered.iter().position(|&(request, _)| request == id)?;
        Some(self.unanswered.swap_remove(at).1)
    }
}

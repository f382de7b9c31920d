//! Requests that are no messages, frame by frame: what a gateway is handed it serves at once, or as soon as there is room
//! for the answer; or it says that it is too much.

use chinwag_core::{ConnectionId, Time};
use chinwag_oracle::Allowance;

use super::{Rates, put, slot, wait::Owed};

/// A connection whose requests are judged.
#[derive(Debug)]
pub(super) struct Line {
    /// What it has left until it has a session.
    own: Allowance,
    /// What its client is still to be told.
    pub(super) owed: Owed,
    /// The last thing it was handed, while it is not known what became of it.
    open: Open,
}

/// What is not known yet of a request.
#[derive(Debug, Default)]
enum Open {
    /// Nothing.
    #[default]
    Nothing,
    /// It is served now, or refused: what there was before, and what is wrong if it is served.
    Now { before: Allowance, verdict: Result<(), String> },
    /// It waits for its turn.
    Waits,
}

impl Rates {
    /// A gateway has a new connection.
    pub(crate) fn begins(&mut self, connection: ConnectionId) {
        let own = Allowance::new(self.requests.rate);
        let line = Line { own, owed: Owed::default(), open: Open::Nothing };
        put(&mut self.lines, connection, line);
    }

    /// Nobody knows any more what a connection wants.
    pub(crate) fn unjudged(&mut self, connection: ConnectionId) {
        if let Some(line) = self.lines.get_mut(slot(connection)) {
            *line = None;
        }
    }

    /// Somebody else has a session of a client's user, of whose requests nobody knows.
    pub(crate) fn shares(&mut self, client: usize) {
        self.shared.insert(self.users[client]);
    }

    /// Whether a connection has a session.
    pub(crate) fn is_attached(&self, connection: ConnectionId) -> bool {
        self.connections.get(slot(connection)).is_some_and(Option::is_some)
    }

    /// A gateway is about to be handed a request that is no message, and may have no room for its answer.
    pub(crate) fn asks(&mut self, now: Time, connection: ConnectionId, may_wait: bool) {
        let Some((open, allowance)) = self.judged(connection) else { return };
        *open = if may_wait {
            allowance.perhaps_admitted(now);
            Open::Waits
        } else {
            Open::Now { before: *allowance, verdict: allowance.admitted(now) }
        };
    }

    /// The gateway has nothing more to do for what it was handed. True if that was judged.
    ///
    /// # Errors
    /// Why it should have refused it.
    pub(crate) fn served(&mut self, now: Time, connection: ConnectionId) -> Result<bool, String> {
        let Some((open, allowance)) = self.judged(connection) else { return Ok(false) };
        match std::mem::take(open) {
            Open::Now { verdict, .. } => verdict.map(|()| true),
            Open::Waits => {
                // At any time since, or just now.
                allowance.perhaps_admitted(now);
                Ok(false)
            }
            Open::Nothing => Ok(false),
        }
    }

    /// The gateway says that something was too much: the last request, or a message. What it had left of requests then, if
    /// it was a request.
    ///
    /// # Errors
    /// Why it should not have been.
    pub(crate) fn is_too_much(
        &mut self,
        now: Time,
        connection: ConnectionId,
    ) -> Result<Option<Allowance>, String> {
        let Some((open, allowance)) = self.judged(connection) else { return Ok(None) };
        match std::mem::take(open) {
            Open::Now { before, .. } => *allowance = before,
            Open::Waits => {}
            Open::Nothing => return Ok(None),
        }
        allowance.refused(now)?;
        Ok(Some(*allowance))
    }

    /// A connection has a session now, as it asked for: it goes on with what is left of both.
    ///
    /// # Errors
    /// Why it should have been refused that.
    pub(super) fn goes_on(&mut self, connection: ConnectionId, session: usize) -> Result<(), String> {
        let carried = &mut self.sessions[session].requests;
        let Some(Some(line)) = self.lines.get_mut(slot(connection)) else {
            *carried = Allowance::unknown(self.requests.rate);
            return Ok(());
        };
        *carried = carried.emptier(line.own);
        match std::mem::take(&mut line.open) {
            Open::Now { verdict, .. } => verdict,
            Open::Waits => {
                carried.perhaps_admitted(Time(0));
                line.open = Open::Waits;
                Ok(())
            }
            Open::Nothing => Ok(()),
        }
    }

    /// What is not known of a connection, and what it has left.
    fn judged(&mut self, connection: ConnectionId) -> Option<(&mut Open, &mut Allowance)> {
        let line = self.lines.get_mut(slot(connection))?.as_mut()?;
        let allowance = match self.connections.get(slot(connection)).copied().flatten() {
            Some((session, _)) => &mut self.sessions[session].requests,
            None => &mut line.own,
        };
        Some((&mut line.open, allowance))
    }
}

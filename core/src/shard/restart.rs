//! What becomes of sessions and rooms when the log goes on in another life of its process.

use super::{State, bot::Absence, deadlines::Due, op::Keep, session::Link, turn::Turn};

impl State {
    /// Every gateway is gone. If entries may have been lost that had been applied, so are all sessions, and what was said
    /// is in other epochs: a place of the old ones may have held another message.
    pub(super) fn restart(&mut self, turn: &mut Turn<'_>, lost: bool) {
        self.wait_on(turn);
        for gateway in self.sessions.gateways() {
            self.gateway_down(turn, gateway);
        }
        if lost {
            self.end_all(turn);
            for room in self.rooms.values_mut() {
                let epoch = turn.epoch_for(room.name());
                if !planted!(EpochOutlivesLoss) {
                    room.log.renew(epoch);
                }
            }
        }
    }

    /// While the process was away nobody could come back: all windows begin anew. Those who were about to are gone, too.
    fn wait_on(&mut self, turn: &mut Turn<'_>) {
        let window = Keep::Window.span(turn.config);
        for (id, session) in self.sessions.all_mut() {
            if let Some(home) = &mut session.home {
                // Nobody waits any more for the one before to hand over.
                home.pending = None;
            }
            let slack = session.slack();
            if let Link::Detached { until } = &mut session.link {
                turn.deadlines.cancel(*until, Due::Session(id));
                *until = turn.at + window + slack;
                turn.deadlines.set(*until, Due::Session(id));
            }
        }
    }

    fn end_all(&mut self, turn: &mut Turn<'_>) {
        for id in self.sessions.ids() {
            let Link::Detached { until } = self.sessions.known_mut(id).link else {
                unreachable!("all gateways are down");
            };
            turn.deadlines.cancel(until, Due::Session(id));
            self.end(turn, id, Absence::Lost);
        }
    }
}

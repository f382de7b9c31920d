//! What a client says of itself and when it comes back: as its user has been told, and as its limits allow.

use std::time::Duration;

use chinwag_core::client::ClientEvent;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
    },
    plan::scenario::Patience,
    world::World,
};

/// What a client's user has been told of its connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    attached: bool,
    ended: bool,
    /// Attempts since the server last knew the client.
    attempts: u32,
    /// It was not let in, and perhaps told how long to wait.
    refused: bool,
}

/// Whether a client may come back after this close, as `docs/protocol.md` has it.
const fn comes_back(code: Option<u16>) -> bool {
    matches!(code, None | Some(1001 | 1006 | 1011..=1014 | 4001 | 4100..=4499))
}

/// The longest wait before an attempt, after so many: half as much longer each time.
fn wait_max(patience: &Patience, attempts: u32) -> Duration {
    let Patience { backoff_base, backoff_max, .. } = *patience;
    (0..attempts).fold(backoff_base.min(backoff_max), |wait, _| (wait * 3 / 2).min(backoff_max))
}

impl World<'_> {
    /// A client's user is told something, which the client has just read, or says by itself.
    pub(crate) fn tells(&mut self, client: usize, event: &ClientEvent, was_read: bool) -> Result<(), Broken> {
        let (person, most) = (&mut self.people[client], self.scenario.setup.patience.typing_max);
        if let Err(why) = person.writers.event(person.clock.shows(self.now), event, most, was_read) {
            return broken(checks::TYPING, format!("c{client}: {why}"));
        }
        let told = &mut person.told;
        match *event {
            ClientEvent::Attached { .. } => *told = Told { attached: true, ..Told::default() },
            ClientEvent::Refused { .. } | ClientEvent::Warning { .. } => told.refused = !told.attached,
            ClientEvent::Disconnected { code, retry_in } => {
                let before = *told;
                *told = Told { attempts: before.attempts + 1, ..Told::default() };
                return self.check_wait(client, code, retry_in, before);
            }
            ClientEvent::Ended { code } => {
                let before = *told;
                told.ended = true;
                return self.check_end(client, code, before);
            }
            _ => {}
        }
        Ok(())
    }

    /// A client comes back when it was told to, or within the bounds of its backoff.
    fn check_wait(
        &mut self,
        client: usize,
        code: Option<u16>,
        wait: Duration,
        before: Told,
    ) -> Result<(), Broken> {
        self.checked(checks::HERD);
        let patience = &self.scenario.setup.patience;
        let shows = self.people[client].clock.shows(self.now);
        let fits = match self.endings.not_before(client) {
            Some(back) => shows + wait == back,
            None => before.refused || wait <= wait_max(patience, before.attempts),
        };
        let gives_up = patience.attempts_max.is_some_and(|max| before.attempts >= max);
        if fits && comes_back(code) && !gives_up {
            return Ok(());
        }
        let Told { attempts, .. } = before;
        let sentence = format!("c{client} comes back {wait:?} after {code:?}, after {attempts} attempts");
        broken(checks::HERD, sentence)
    }

    /// A client ends because it may not come back, or has tried often enough.
    fn check_end(&mut self, client: usize, code: Option<u16>, before: Told) -> Result<(), Broken> {
        self.checked(checks::HERD);
        let gives_up = self.scenario.setup.patience.attempts_max.is_some_and(|max| before.attempts >= max);
        let is_shut_out = before.refused && self.lacks_token(client);
        if gives_up || is_shut_out || !comes_back(code) {
            return Ok(());
        }
        let Told { attempts, .. } = before;
        broken(checks::HERD, format!("c{client} gives up for ever at {code:?}, after {attempts} attempts"))
    }

    /// A client knows what its user was told: whether it is connected, and what has no answer.
    pub(crate) fn check_told(&mut self, client: usize) -> Result<(), Broken> {
        let person = &mut self.people[client];
        let (writers, most) = (person.writers.settle(), self.scenario.setup.patience.typing_max);
        if writers > most {
            return broken(checks::TYPING, format!("c{client} shows {writers} to write, more than {most}"));
        }
        let (machine, told) = (&person.client, person.told);
        let waits = if told.ended { 0 } else { self.judge.unanswered(client) };
        let says = (machine.is_attached(), machine.is_ended());
        let counts = told.ended || machine.unanswered() == waits;
        if says == (told.attached && !told.ended, told.ended) && counts {
            return Ok(());
        }
        let sentence = format!(
            "c{client} says {says:?} of being connected and over, and that {} sends wait; {waits} do, and it told {told:?}",
            machine.unanswered()
        );
        broken(checks::CONNECTED, sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_by_half_up_to_a_limit() {
        let setup = crate::Scenario::generate(1).setup;
        let patience = Patience {
            backoff_base: Duration::from_millis(100),
            backoff_max: Duration::from_millis(300),
            ..setup.patience
        };
        let waits = [0, 1, 2, 3, 90].map(|attempts| wait_max(&patience, attempts).as_millis());
        assert_eq!(waits, [100, 150, 225, 300, 300]);
    }

    #[test]
    fn some_ends_are_for_ever() {
        for code in [None, Some(1001), Some(1012), Some(4001), Some(4102), Some(4400)] {
            assert!(comes_back(code), "{code:?}");
        }
        for code in [1000, 1002, 1007, 1009, 1015, 4000, 4002, 4500, 4501] {
            assert!(!comes_back(Some(code)), "{code}");
        }
    }
}

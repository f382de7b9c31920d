//! What members say that they do: nobody is shown what somebody else says, and at rest everybody in a room knows of each
//! what the room's list says.

use std::collections::BTreeSet;

use chinwag_core::{UserName, client::ClientEvent, shard::Status};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        glance::UserNumber,
        marks::Mark,
    },
    people::doing,
    world::World,
};

/// Everything that was said.
#[derive(Debug, Default)]
pub(crate) struct Statuses {
    /// By number: the room, and the user.
    said: Vec<(usize, usize)>,
    /// By room and user: who may have said something else, to try what the server takes.
    tried: BTreeSet<(usize, usize)>,
}

impl Statuses {
    /// What a user says next that they do, which nobody has said before.
    fn next(&mut self, room: usize, user: usize, word: &str) -> String {
        self.said.push((room, user));
        format!("{word}-{}", self.said.len())
    }

    /// A user tries in a room what the server takes.
    pub(crate) fn tries(&mut self, room: usize, user: usize) {
        self.tried.insert((room, user));
    }

    /// Whether a user may have said this in a room.
    fn is_of(&self, room: usize, user: usize, state: &str) -> bool {
        let (origin, said_by) = (self.origin(state), (room, user));
        origin.map_or_else(|| self.tried.contains(&said_by), |origin| origin == said_by)
    }

    /// The room and the user that said so.
    fn origin(&self, state: &str) -> Option<(usize, usize)> {
        let (word, number) = state.split_once('-')?;
        let is_said = [true, false].map(doing::word).contains(&word);
        let number: usize = number.parse().ok().filter(|_| is_said)?;
        self.said.get(number.checked_sub(1)?).copied()
    }
}

impl World<'_> {
    /// What a client's user says next that they do in a room.
    pub(crate) fn next_status(&mut self, client: usize, room: usize) -> String {
        self.statuses.next(room, self.life.users[client], doing::word(self.is_player(client)))
    }

    /// Somebody is shown what a member does: what that member has said there. What a bot does others say, too.
    pub(crate) fn check_status(
        &mut self,
        client: usize,
        room: usize,
        user: &str,
        state: &str,
    ) -> Result<(), Broken> {
        if self.is_bot(room, user) {
            return Ok(());
        }
        self.checked(checks::STATUS);
        if self.statuses.is_of(room, UserNumber::of(user).0, state) {
            return Ok(());
        }
        let origin = self.statuses.origin(state);
        let sentence = format!("c{client} is shown {user} as {state:?} in r{room}; who said so: {origin:?}");
        broken(checks::STATUS, sentence)
    }

    /// What the user of a client with a session sees of what members do.
    pub(crate) fn sees_statuses(&mut self, client: usize, event: &ClientEvent) -> Result<(), Broken> {
        match event {
            ClientEvent::Status { room, user, status } => {
                let Some(room) = self.room_number(room.as_str()) else { return Ok(()) };
                check_told(status)?;
                self.check_status(client, room, user.as_str(), &status.state)
            }
            ClientEvent::Members { room, members, .. } => {
                let Some(room) = self.room_number(room.as_str()) else { return Ok(()) };
                members.iter().try_for_each(|member| match &member.status {
                    Some(status) => {
                        check_told(status)?;
                        self.check_status(client, room, member.user.as_str(), &status.state)
                    }
                    None => Ok(()),
                })
            }
            _ => Ok(()),
        }
    }

    /// At rest a client was told what its room's list says of everybody, if the room was small as long as it was there.
    pub(crate) fn check_statuses(&mut self, client: usize, room: usize) -> Result<(), Broken> {
        let stay = self.life.stays.iter().find(|stay| stay.client == client && stay.room == room);
        let Some(since) = stay.map(|stay| stay.since) else { return Ok(()) };
        let view = self.judge.view(client, room);
        let Some(survey) = view.survey.as_ref().filter(|survey| survey.complete) else { return Ok(()) };
        if self.may_be_large(room, since) {
            // Newcomers there are told of nobody's.
            return Ok(());
        }
        let told = |user: &UserName| view.statuses_before_survey.get(user);
        let listed = survey.statuses.iter();
        let differs = listed.clone().find(|(user, status)| told(user) != status.as_ref());
        let (count, shown) = (survey.statuses.len(), listed.filter(|(_, status)| status.is_some()).count());
        let differs = differs.map(|(user, listed)| {
            format!("c{client} knows of {user} in r{room} {:?}, the list says {listed:?}", told(user))
        });
        self.checks.add(checks::STATUS, count as u64);
        if shown > 0 {
            self.marks.hit(Mark::StatusKnown);
        }
        differs.map_or(Ok(()), |sentence| broken(checks::STATUS, sentence))
    }
}

/// Somebody is told of a status all that was said of it.
pub(crate) fn check_told(Status { state, detail, progress }: &Status) -> Result<(), Broken> {
    doing::check(state, detail.as_deref(), progress.map(u64::from)).or_else(|why| broken(checks::STATUS, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_has_one_origin() {
        let mut statuses = Statuses::default();
        let states = [(3, 1), (4, 2)].map(|(room, user)| statuses.next(room, user, "busy"));
        assert_eq!(statuses.origin(&states[0]), Some((3, 1)));
        assert_eq!(statuses.origin(&states[1]), Some((4, 2)));
        for state in ["busy", "busy-0", "busy-3", "running"] {
            assert_eq!(statuses.origin(state), None, "{state}");
        }
        assert!(statuses.is_of(3, 1, "busy-1") && !statuses.is_of(3, 2, "busy-1"));
        assert!(!statuses.is_of(3, 1, "busy"));
        statuses.tries(3, 1);
        assert!(statuses.is_of(3, 1, "busy") && !statuses.is_of(3, 1, "busy-2"));
    }
}

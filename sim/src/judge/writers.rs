//! Whom a client's user is shown to be writing: no more than may be, and nobody is passed over without need.

use chinwag_core::{
    RoomName, Time, UserName,
    client::{ClientEvent, Presence},
};

/// Whom a client's user is shown to be writing, and since when at the latest.
#[derive(Debug, Default)]
pub(crate) struct Writers {
    shown: Vec<(RoomName, UserName, Time)>,
    /// The user was just told that somebody writes.
    just_told: bool,
}

impl Writers {
    /// The user is told something, which the client has just read, or says by itself.
    ///
    /// # Errors
    /// Somebody is passed over although no more than `most` are shown, or although another was to be; or the client says by
    /// itself that somebody is there who was not shown to write: they may have left.
    pub(crate) fn event(
        &mut self,
        now: Time,
        event: &ClientEvent,
        most: usize,
        was_read: bool,
    ) -> Result<(), String> {
        let just_told = std::mem::take(&mut self.just_told);
        match event {
            ClientEvent::Presence { room, user, presence: Presence::Typing } => {
                self.remove(room, user);
                self.shown.push((room.clone(), user.clone(), now));
                self.just_told = true;
            }
            ClientEvent::Presence { room, user, .. } => {
                let (count, oldest) = (self.shown.len(), self.shown.first().map(|shown| shown.2));
                let since = self.remove(room, user);
                if since.is_none() && !was_read {
                    return Err(format!("{user} is shown to be in {room}, and nobody said so"));
                }
                if since.is_some() && just_told && (count <= most || since != oldest) {
                    return Err(format!("{user} is passed over in {room}, of {count} who write"));
                }
            }
            ClientEvent::UserLeft { room, user, .. } => drop(self.remove(room, user)),
            ClientEvent::Message(shown) => drop(self.remove(&shown.room, &shown.user)),
            ClientEvent::Disconnected { .. } | ClientEvent::Ended { .. } => self.shown.clear(),
            _ => {}
        }
        Ok(())
    }

    /// The user wants to be out of a room, and is shown nobody there.
    pub(crate) fn leaves(&mut self, room: &RoomName) {
        self.shown.retain(|(shown, ..)| shown != room);
    }

    /// All that follows from one event is told; how many are shown now.
    pub(crate) const fn settle(&mut self) -> usize {
        self.just_told = false;
        self.shown.len()
    }

    fn remove(&mut self, room: &RoomName, user: &UserName) -> Option<Time> {
        let place = self.shown.iter().position(|(r, u, _)| r == room && u == user)?;
        Some(self.shown.remove(place).2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(user: &str, presence: Presence) -> ClientEvent {
        let (room, user) = (RoomName::new("r0").unwrap(), UserName::new(user).unwrap());
        ClientEvent::Presence { room, user, presence }
    }

    #[test]
    fn whoever_began_first_is_passed_over_once_there_are_too_many() {
        let told = |until: u64, passed_over: &str| {
            let mut writers = Writers::default();
            for (user, at) in ["u1", "u2", "u3"].into_iter().zip(1..=until) {
                writers.event(Time(at), &presence(user, Presence::Typing), 2, true).unwrap();
            }
            let passed_over = presence(passed_over, Presence::Online);
            writers.event(Time(until), &passed_over, 2, false).map(|()| writers.settle())
        };
        assert_eq!(told(3, "u1"), Ok(2));
        assert!(told(3, "u2").is_err(), "u1 began before");
        assert!(told(2, "u1").is_err(), "two may be shown");
        assert!(told(2, "u3").is_err(), "who does not write is not passed over");
    }

    #[test]
    fn whoever_has_left_is_not_said_to_be_there() {
        let (room, user) = (RoomName::new("r0").unwrap(), UserName::new("u1").unwrap());
        let left = ClientEvent::UserLeft { room, user, members: None };
        let told = |leaves: bool, was_read: bool| {
            let mut writers = Writers::default();
            writers.event(Time(1), &presence("u1", Presence::Typing), 2, true).unwrap();
            writers.settle();
            if leaves {
                writers.event(Time(2), &left, 2, true).unwrap();
            }
            writers.event(Time(3), &presence("u1", Presence::Online), 2, was_read)
        };
        assert!(told(false, false).is_ok(), "they have stopped writing");
        assert!(told(true, false).is_err(), "nobody said so");
        assert!(told(true, true).is_ok(), "the server says so");
    }

    #[test]
    fn whoever_stops_is_not_passed_over() {
        let mut writers = Writers::default();
        let mut told =
            |presence, was_read| writers.event(Time(1), &presence, 2, was_read).map(|()| writers.settle());
        assert_eq!(told(presence("u1", Presence::Typing), true), Ok(1));
        assert_eq!(told(presence("u1", Presence::Online), true), Ok(0));
    }
}

//! What a client has only to pass on: its user hears of each such frame once, as it says, and of nothing else of the kind.

use chinwag_core::{
    RequestId,
    client::{ClientEvent, Presence},
};

use crate::judge::glance::{Glance, Mood, RoomNumber, UserNumber};

/// A frame of which nothing is mended, or kept for later, and what its user hears of it: the same, if all is well.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Word {
    Lagged { room: RoomNumber },
    Came { room: RoomNumber, user: UserNumber },
    Went { room: RoomNumber, user: UserNumber },
    Mood { room: RoomNumber, user: UserNumber, mood: Mood },
    Changed { room: RoomNumber, joined: usize, left: usize, count: u32 },
    Members { room: RoomNumber, listed: usize, count: u32, more: bool },
    Page { id: RequestId, room: RoomNumber, messages: usize, more: bool },
    Rooms { listed: usize, more: bool },
    Created { room: RoomNumber },
    Status { room: RoomNumber, user: UserNumber },
    Task { room: RoomNumber },
    Noted { id: RequestId, room: RoomNumber },
    Refreshed { id: RequestId },
    Pong { id: RequestId },
    Warned { count: u64 },
}

impl Word {
    /// What is to be passed on of a frame.
    pub(crate) fn read(glance: &Glance) -> Option<Self> {
        Some(match glance {
            Glance::Lagged(lagged) => Self::Lagged { room: lagged.room },
            Glance::UserJoined(change) => Self::Came { room: change.room, user: change.user },
            Glance::UserLeft(change) => Self::Went { room: change.room, user: change.user },
            Glance::Presence(presence) => {
                Self::Mood { room: presence.room, user: presence.user, mood: presence.status }
            }
            Glance::MembersChanged(changed) => Self::Changed {
                room: changed.room,
                joined: changed.joined.len(),
                left: changed.left.len(),
                count: changed.count,
            },
            Glance::Members(members) => Self::Members {
                room: members.room,
                listed: members.members.len(),
                count: members.count,
                more: members.more,
            },
            Glance::History(page) => {
                let (room, messages, more) = (page.room, page.messages.len(), page.more);
                Self::Page { id: page.id?, room, messages, more }
            }
            Glance::Rooms(rooms) => Self::Rooms { listed: rooms.rooms.len(), more: rooms.more },
            Glance::Created(created) => Self::Created { room: created.room },
            Glance::Status(status) => Self::Status { room: status.room, user: status.user },
            Glance::Task(task) => Self::Task { room: task.room },
            Glance::Ack(ack) if ack.seq.is_none() => Self::Noted { id: ack.id, room: ack.room },
            Glance::Refreshed(refreshed) => Self::Refreshed { id: refreshed.id? },
            Glance::Pong(pong) => Self::Pong { id: pong.id? },
            Glance::Warning(warning) => Self::Warned { count: warning.count },
            _ => return None,
        })
    }

    /// What a user hears, if it can only have been read.
    pub(crate) fn told(event: &ClientEvent) -> Option<Self> {
        Some(match event {
            ClientEvent::Lagged { room } => Self::Lagged { room: room.into() },
            ClientEvent::UserJoined { room, user, .. } => Self::Came { room: room.into(), user: user.into() },
            ClientEvent::UserLeft { room, user, .. } => Self::Went { room: room.into(), user: user.into() },
            ClientEvent::Presence { room, user, presence } => {
                Self::Mood { room: room.into(), user: user.into(), mood: mood(*presence) }
            }
            ClientEvent::MembersChanged { room, joined, left, count } => {
                Self::Changed { room: room.into(), joined: joined.len(), left: left.len(), count: *count }
            }
            ClientEvent::Members { room, members, count, more } => {
                Self::Members { room: room.into(), listed: members.len(), count: *count, more: *more }
            }
            ClientEvent::History { id, room, messages, more } => {
                Self::Page { id: *id, room: room.into(), messages: messages.len(), more: *more }
            }
            ClientEvent::Rooms { rooms, more } => Self::Rooms { listed: rooms.len(), more: *more },
            ClientEvent::Created { room } => Self::Created { room: room.into() },
            ClientEvent::Status { room, user, .. } => Self::Status { room: room.into(), user: user.into() },
            ClientEvent::Task { room, .. } => Self::Task { room: room.into() },
            ClientEvent::Noted { id, room } => Self::Noted { id: *id, room: room.into() },
            ClientEvent::Refreshed { id, .. } => Self::Refreshed { id: *id },
            ClientEvent::Pong { id } => Self::Pong { id: *id },
            ClientEvent::Warning { refusal: Some(_), count } => Self::Warned { count: *count },
            _ => return None,
        })
    }
}

/// What a client has read and not passed on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owed(Option<Word>);

impl Owed {
    /// It reads a frame; whether it must pass it on.
    pub(crate) fn reads(&mut self, glance: &Glance) -> bool {
        self.0 = Word::read(glance);
        self.0.is_some()
    }

    /// Its user hears something. True if that was just read.
    ///
    /// # Errors
    /// Why that is not what was read.
    pub(crate) fn tells(&mut self, event: &ClientEvent) -> Result<bool, String> {
        let Some(word) = Word::told(event) else { return Ok(false) };
        match self.0.take() {
            Some(read) if read == word => Ok(true),
            // That somebody does not write any more, a client says by itself.
            None if matches!(word, Word::Mood { mood: Mood::Online, .. }) => Ok(false),
            read => Err(format!("tells its user {word:?}, and has read {read:?}")),
        }
    }

    /// It has dealt with the frame.
    ///
    /// # Errors
    /// What it has not passed on.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        self.0.take().map_or(Ok(()), |word| Err(format!("has read {word:?} and does not tell its user")))
    }
}

const fn mood(presence: Presence) -> Mood {
    match presence {
        Presence::Online => Mood::Online,
        Presence::Offline => Mood::Offline,
        Presence::Typing => Mood::Typing,
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::{RoomName, UserName};

    use super::*;

    #[test]
    fn what_was_read_is_told_once_and_nothing_else() {
        let glance = Glance::at(r#"{"type":"lagged","room":"r3","epoch":1,"next":4}"#).unwrap();
        let lagged = |room: &str| ClientEvent::Lagged { room: RoomName::new(room).unwrap() };
        let mut owed = Owed::default();
        assert!(owed.tells(&lagged("r3")).is_err(), "nothing was read");
        assert!(owed.reads(&glance) && owed.settle().is_err(), "it was not told");
        assert!(owed.reads(&glance) && owed.tells(&lagged("r4")).is_err(), "another room");
        assert!(owed.reads(&glance) && owed.tells(&lagged("r3")) == Ok(true));
        assert!(owed.settle().is_ok() && owed.tells(&lagged("r3")).is_err(), "it was told before");
    }

    #[test]
    fn what_is_mended_or_comes_by_itself_is_not_judged_here() {
        let message = r#"{"type":"message","room":"r3","user":"u1","content":"a","timestamp":"t","seq":7}"#;
        assert!(!Owed::default().reads(&Glance::at(message).unwrap()));
        assert_eq!(Owed::default().tells(&ClientEvent::Ended { code: None }), Ok(false));
        let is = |presence| {
            let (room, user) = (RoomName::new("r3").unwrap(), UserName::new("u1").unwrap());
            Owed::default().tells(&ClientEvent::Presence { room, user, presence })
        };
        assert_eq!(is(Presence::Online), Ok(false));
        assert!(is(Presence::Typing).is_err() && is(Presence::Offline).is_err());
    }
}

//! Lists that a person asks for: the rooms, and who is in one. Long ones come page by page.

use chinwag_core::{RequestId, RoomName, UserName, client::Command as Request};

use super::{Ask, Session};
use crate::model::Someone;

/// Names of users that are told in one line.
const NAMES_IN_LINE: usize = 100;

/// Rooms that are told at once, and members of a room who are asked for; more are only counted.
const LISTED_MAX: usize = 1_000;

impl Session {
    /// Asks who is in a room, behind this name.
    pub(super) fn list(&mut self, room: &RoomName, after: Option<UserName>) -> Option<RequestId> {
        let id = self.driver.submit(Request::Members { room: room.clone(), after }).ok()?;
        self.listings.insert(room.clone(), id);
        Some(id)
    }

    /// The members of a room, or the next of them, have come: asks for more, if more are wanted, or tells whoever has asked.
    pub(super) fn take_in_members(&mut self, room: &RoomName, count: u32) {
        let listed = self.listings.remove(room);
        let more = self.chat.rooms.get(room).and_then(|room| room.unlisted(LISTED_MAX)).cloned();
        match more.and_then(|after| self.list(room, Some(after))) {
            Some(next) => {
                if let Some(ask) = listed.and_then(|listed| self.asks.remove(&listed)) {
                    self.asks.insert(next, ask);
                }
            }
            None => self.tell_users(room, count),
        }
    }

    fn tell_users(&mut self, room: &RoomName, count: u32) {
        let asked = Ask::Users(room.clone());
        let Some(known) = self.chat.rooms.get(room).filter(|_| self.asks.values().any(|ask| *ask == asked))
        else {
            return;
        };
        let said = |(user, someone): (&UserName, &Someone)| {
            let status =
                someone.status.as_ref().map(|status| format!(" ({})", status.state)).unwrap_or_default();
            format!("{user}{}{status}", if someone.away { " (away)" } else { "" })
        };
        let names: Vec<_> = known.members.iter().take(LISTED_MAX).map(said).collect();
        let rest = (count as usize).saturating_sub(names.len());
        self.asks.retain(|_, ask| *ask != asked);
        self.answer(format!("{count} in #{room}:"));
        names.chunks(NAMES_IN_LINE).for_each(|names| self.answer(names.join(", ")));
        if rest > 0 {
            self.answer(format!("and {rest} more"));
        }
    }

    /// A page of the list of rooms has come: tells it, and asks for the next one.
    pub(super) fn tell_rooms(&mut self, rooms: &[(RoomName, u32)], more: bool) {
        let told = self.asks.values().find_map(|ask| match ask {
            Ask::Rooms(told) => Some(told + rooms.len()),
            _ => None,
        });
        let Some(told) = told else { return };
        self.asks.retain(|_, ask| !matches!(ask, Ask::Rooms(_)));
        for (room, count) in rooms {
            let here = if self.chat.rooms.contains_key(room) { ", you are in it" } else { "" };
            self.answer(format!("#{room} ({count}{here})"));
        }
        match rooms.last().filter(|_| more) {
            Some((last, _)) if told < LISTED_MAX => {
                self.ask(Request::Rooms { after: Some(last.clone()) }, Ask::Rooms(told));
            }
            Some(_) => self.answer(format!("and more: these are the first {told}")),
            None => {}
        }
    }
}

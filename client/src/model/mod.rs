//! The conversation as a person sees it: rooms and what stands in them, who is there, what is unread, and how the connection
//! fares. Events go in; both front ends draw from what is here.

mod line;
mod lines;
mod room;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use chinwag_core::{
    Position, RequestId, RoomName, Time, UserName,
    client::{ClientEvent, Shown},
    shard::{Task, Verdict},
};

pub use self::{
    line::{Body, Line, Said, action},
    lines::Lines,
    room::{Older, Pending, Room, Someone, Stay},
};

/// How much is kept.
#[derive(Clone, Debug)]
pub struct Keep {
    /// Lines of a room. The first ones go.
    pub lines_max: usize,
    /// What they may take, in bytes.
    pub bytes_max: usize,
    /// Names of rooms that the server has listed.
    pub listed_max: usize,
    /// Members of a room that are known by name.
    pub members_max: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { lines_max: 100_000, bytes_max: 64 << 20, listed_max: 10_000, members_max: 10_000 }
    }
}

/// Everything that a person sees.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Whose it is.
    pub me: UserName,
    /// The rooms one is in, or is about to be in.
    pub rooms: BTreeMap<RoomName, Room>,
    /// The one that is looked at, and that is spoken in.
    pub current: Option<RoomName>,
    /// Word for the reader while they look at no room.
    pub aside: Lines,
    /// How the connection fares.
    pub connection: Connection,
    /// Rooms that the server has listed, with their members.
    pub listed: BTreeMap<RoomName, u32>,
    keep: Keep,
}

/// How the connection fares.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Connection {
    /// The first attempt.
    Connecting,
    /// The server knows us.
    Online,
    /// It is lost, or was not made; another attempt follows.
    Waiting {
        /// The close code, if there was one.
        code: Option<u16>,
        /// How long until the next attempt.
        retry_in: Duration,
    },
    /// Over.
    Ended {
        /// The close code, if there was one.
        code: Option<u16>,
    },
}

impl Conversation {
    /// Nothing yet.
    #[must_use]
    pub const fn new(me: UserName, keep: Keep) -> Self {
        Self {
            me,
            rooms: BTreeMap::new(),
            current: None,
            aside: Lines::new(),
            connection: Connection::Connecting,
            listed: BTreeMap::new(),
            keep,
        }
    }

    /// The room that is looked at.
    #[must_use]
    pub fn room(&self) -> Option<&Room> {
        self.rooms.get(self.current.as_ref()?)
    }

    /// The lines that are looked at.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        self.room().map_or(&self.aside, |room| &room.lines)
    }

    /// The rooms that can be looked at, and spoken in.
    pub fn open_rooms(&self) -> impl Iterator<Item = (&RoomName, &Room)> {
        self.rooms.iter().filter(|(_, room)| room.stay != Stay::Leaving)
    }

    /// Whether a room is one of those.
    #[must_use]
    pub fn is_open(&self, name: &RoomName) -> bool {
        self.rooms.get(name).is_some_and(|room| room.stay != Stay::Leaving)
    }

    /// How often the reader was named.
    #[must_use]
    pub fn named(&self) -> u64 {
        self.rooms.values().map(|room| room.named).sum()
    }

    /// Looks at a room; one that is not there yet is about to be, and one that is being left is not.
    pub fn look_at(&mut self, name: &RoomName) {
        let before = self.current.as_ref().filter(|before| *before != name);
        if let Some(before) = before.and_then(|before| self.rooms.get_mut(before)) {
            before.unread_from = None;
        }
        let came_from = self.current.as_ref().filter(|before| *before != name);
        let first = || Room::looked_at_from(came_from.cloned());
        let room = self.rooms.entry(name.clone()).or_insert_with(first);
        room.read();
        if room.stay == Stay::Leaving {
            room.stay = Stay::Again;
        }
        self.current = Some(name.clone());
    }

    /// The reader has asked to leave a room. If it was looked at, its neighbour is from now on.
    pub fn leave(&mut self, name: &RoomName) {
        if let Some(room) = self.rooms.get_mut(name) {
            room.stay = Stay::Leaving;
        }
        self.look_away_from(name);
    }

    /// Drops a room. If it was looked at, its neighbour is.
    pub fn drop_room(&mut self, name: &RoomName) {
        self.rooms.remove(name);
        self.look_away_from(name);
    }

    /// Drops a room that the reader may not enter. If it was looked at, the one is where they came from.
    pub fn turn_back_from(&mut self, name: &RoomName) {
        let came_from = self.rooms.remove(name).and_then(|room| room.came_from);
        let came_from = came_from.filter(|room| self.current.as_ref() == Some(name) && self.is_open(room));
        match came_from {
            Some(room) => self.look_at(&room),
            None => self.look_away_from(name),
        }
    }

    fn look_away_from(&mut self, name: &RoomName) {
        if self.current.as_ref() != Some(name) {
            return;
        }
        let names: Vec<_> = self.open_rooms().map(|(name, _)| name).collect();
        let next = names.iter().find(|other| **other > name).or_else(|| names.last());
        self.current = next.map(|&next| next.clone());
        if let Some(next) = self.current.clone() {
            self.look_at(&next);
        }
    }

    /// Puts a line for this reader alone at the end of what is looked at.
    pub fn note(&mut self, at: Time, body: Body) {
        match self.current.clone() {
            Some(room) => self.append(at, &room, Some(body)),
            None => {
                self.aside.push(Line { at, body }, &self.keep);
            }
        }
    }

    /// Remembers what was said until it is shown.
    pub fn expect(&mut self, name: &RoomName, id: RequestId, content: &str) {
        if let Some(room) = self.rooms.get_mut(name) {
            room.pending.push(Pending { id, content: content.into(), position: None });
        }
    }

    /// A message as this reader sees it.
    #[must_use]
    pub fn read(&self, shown: &Shown) -> Said {
        room::said(shown, &self.me)
    }

    /// Takes in an event.
    pub fn apply(&mut self, now: Time, event: &ClientEvent) {
        match event {
            ClientEvent::Attached { .. } => self.connection = Connection::Online,
            ClientEvent::Disconnected { code, retry_in } => {
                self.connection = Connection::Waiting { code: *code, retry_in: *retry_in };
                self.rooms.values_mut().for_each(Room::disconnected);
            }
            ClientEvent::Ended { code } => {
                self.connection = Connection::Ended { code: *code };
                self.rooms.values_mut().for_each(Room::disconnected);
            }
            ClientEvent::Joined { room, head, next, verdict } => {
                let body =
                    self.rooms.entry(room.clone()).or_default().enter(*head, *next).or(match verdict {
                        Verdict::Gap { from, to } => Some(Body::Missing { from: *from, to: *to }),
                        Verdict::Reset => Some(Body::Anew),
                        Verdict::Full => None,
                    });
                self.append(now, room, body);
                if self.current.is_none() {
                    self.look_at(room);
                }
            }
            ClientEvent::Left { room, kicked: false, .. } => self.left(room),
            ClientEvent::Left { room, kicked: true, .. } => {
                self.append(now, room, Some(Body::Problem("somebody has sent you away".into())));
                if let Some(room) = self.rooms.get_mut(room) {
                    room.disconnected();
                    room.pending.clear();
                }
            }
            ClientEvent::Message(shown) => self.said(now, shown),
            ClientEvent::Gap { room, from, to } => {
                self.append(now, room, Some(Body::Missing { from: from.seq, to: *to }));
                if let Some(room) = self.rooms.get_mut(room) {
                    room.shown_up_to(Position::new(from.epoch, *to));
                }
            }
            ClientEvent::History { id, room, messages, more } => {
                if let Some(room) = self.rooms.get_mut(room) {
                    room.prepend(*id, messages, *more, &self.me, &self.keep);
                }
            }
            ClientEvent::Acknowledged { id, room, position } => {
                if let Some(room) = self.rooms.get_mut(room) {
                    room.acknowledged(*id, *position);
                }
            }
            ClientEvent::Unresolved { id, .. } => self.give_up(now, *id, "may or may not have been said"),
            ClientEvent::Refused { id: Some(id), refusal, retry_after } => {
                self.rooms.values_mut().for_each(|room| room.not_answered(*id));
                // What was said, the client says again.
                if retry_after.is_none() {
                    let why = refusal.message().trim_end_matches('.');
                    self.give_up(now, *id, &format!("not said ({why})"));
                }
            }
            ClientEvent::Rooms { rooms, .. } => {
                self.listed.extend(rooms.iter().cloned());
                while self.listed.len() > self.keep.listed_max {
                    self.listed.pop_last();
                }
            }
            event => self.membership(now, event),
        }
    }

    fn left(&mut self, name: &RoomName) {
        match self.rooms.get_mut(name) {
            Some(room) if room.stay == Stay::Again => {
                room.stay = Stay::Wanted;
                room.disconnected();
            }
            _ => self.drop_room(name),
        }
    }

    /// Who is where, and does what.
    fn membership(&mut self, now: Time, event: &ClientEvent) {
        let Some((name, body)) = self.member_event(event) else { return };
        if let Some(room) = self.rooms.get_mut(name) {
            room.trim_members(self.keep.members_max);
        }
        self.append(now, name, body);
    }

    /// The room, and the line if there is one to be shown.
    fn member_event<'a>(&mut self, event: &'a ClientEvent) -> Option<(&'a RoomName, Option<Body>)> {
        Some(match event {
            ClientEvent::UserJoined { room, user, members } => {
                let known = self.rooms.get_mut(room)?;
                known.came(user);
                known.set_members(members.as_deref());
                (room, (*user != self.me).then(|| Body::Came(user.clone())))
            }
            ClientEvent::UserLeft { room, user, members } => {
                let known = self.rooms.get_mut(room)?;
                known.went(user);
                known.set_members(members.as_deref());
                (room, (*user != self.me).then(|| Body::Went(user.clone())))
            }
            ClientEvent::MembersChanged { room, joined, left, count } => {
                let known = self.rooms.get_mut(room)?;
                left.iter().for_each(|user| known.went(user));
                joined.iter().for_each(|user| known.came(user));
                known.count = *count as usize;
                (room, Some(Body::CameAndWent(joined.len(), left.len())))
            }
            ClientEvent::Presence { room, user, presence } => {
                self.rooms.get_mut(room)?.presence(user, *presence);
                (room, None)
            }
            ClientEvent::Members { room, members, count, more } => {
                self.rooms.get_mut(room)?.list_members(members, *count as usize, *more);
                (room, None)
            }
            ClientEvent::Status { room, user, status } => {
                let someone = self.rooms.get_mut(room)?.members.get_mut(user)?;
                someone.status = Some(status.clone());
                (room, None)
            }
            ClientEvent::Task { room, user: Some(user), task } => (room, Some(task_line(user, task))),
            _ => return None,
        })
    }

    fn said(&mut self, now: Time, shown: &Shown) {
        let looking = self.current.as_ref() == Some(&shown.room);
        let Some(room) = self.rooms.get_mut(&shown.room) else { return };
        let body = room.said(shown, &self.me, looking);
        let at = Time::from_rfc3339(&shown.timestamp).unwrap_or(now);
        self.append(at, &shown.room, Some(body));
    }

    /// Forgets what will not be shown, and says so where it was to be.
    fn give_up(&mut self, now: Time, id: RequestId, why: &str) {
        for room in self.rooms.values_mut() {
            if let Some(index) = room.pending.iter().position(|pending| pending.id == id) {
                let body = Body::Problem(format!("{why}: {}", room.pending.remove(index).content));
                room.push(Line { at: now, body }, &self.keep);
            }
        }
    }

    /// Puts a line at the end of a room.
    fn append(&mut self, at: Time, name: &RoomName, body: Option<Body>) {
        if let (Some(room), Some(body)) = (self.rooms.get_mut(name), body) {
            room.push(Line { at, body }, &self.keep);
        }
    }
}

/// What became of a task.
fn task_line(user: &UserName, task: &Task) -> Body {
    let mut text = format!("{user}: task {}", task.task);
    if let Some(status) = &task.status {
        text += &format!(" is {}", status.state);
    }
    if let Some(progress) = task.status.as_ref().and_then(|status| status.progress) {
        text += &format!(" ({progress} %)");
    }
    if let Some(assignee) = &task.assignee {
        text += &format!(", for {assignee}");
    }
    Body::Notice(text)
}

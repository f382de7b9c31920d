//! Rooms we want to be in or have to leave, and how the server is asked for it: one request at a time for each room,
//! and for all rooms together no faster than it lets us.

use super::{Client, ClientOutput, outgoing::Outgoing};
use crate::{
    id::{Position, RequestId},
    name::RoomName,
    time::Time,
};

/// A room we want to be in, or have to leave.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) wanted: bool,
    /// The newest message shown.
    pub(super) position: Option<Position>,
    /// The server has confirmed this connection's join.
    pub(super) joined: bool,
    /// The number of the join or leave that waits for its turn; which of them says `wanted`.
    pub(super) due: Option<RequestId>,
    /// What was asked on this connection and is not answered.
    asked: Option<Asked>,
}

/// A request to enter or to leave a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked {
    Join(RequestId),
    Leave(RequestId),
}

impl Asked {
    const fn id(self) -> RequestId {
        match self {
            Self::Join(id) | Self::Leave(id) => id,
        }
    }
}

impl Room {
    const fn is_joining(&self) -> bool {
        matches!(self.asked, Some(Asked::Join(_)))
    }

    const fn is_leaving(&self) -> bool {
        matches!(self.asked, Some(Asked::Leave(_)))
    }

    /// Whether a send may go now: nothing is under way, or waits for its turn, that would change its answer.
    pub(super) fn admits(&self, send: RequestId) -> bool {
        if self.joined && !self.is_leaving() {
            self.wanted || self.due.is_none_or(|leave| send < leave)
        } else {
            self.due.is_none() && !self.is_joining()
        }
    }

    /// Whether a join that would bring what is missing has still to be asked for.
    pub(super) const fn can_be_mended(&self) -> bool {
        self.wanted && self.joined && !self.is_joining() && self.due.is_none()
    }

    /// The server has let us in.
    pub(super) fn enter(&mut self) {
        self.joined = true;
        self.asked = self.asked.filter(|_| !self.is_joining());
    }

    /// What was not answered is to be asked again, under its number.
    pub(super) fn disconnected(&mut self) {
        self.joined = false;
        if planted!(ClientForgetsPosition) {
            self.position = None;
        }
        self.postpone();
    }

    fn postpone(&mut self) {
        self.due = self.due.or_else(|| self.asked.map(Asked::id));
        self.asked = None;
    }
}

impl Client {
    /// The user wants to be in a room.
    pub(super) fn want(&mut self, id: RequestId, name: RoomName) {
        let room = self.rooms.entry(name).or_default();
        if room.wanted && room.due.is_some() {
            return;
        }
        room.wanted = true;
        let there = room.is_joining() || room.joined && !room.is_leaving();
        room.due = (!there).then_some(id);
    }

    /// The user wants to be out of a room.
    pub(super) fn unwant(&mut self, id: RequestId, name: RoomName) {
        self.typing.retain(|(typing, _), _| *typing != name);
        let room = self.rooms.entry(name).or_default();
        if room.is_leaving() {
            room.due = None;
        } else if room.wanted || room.due.is_none() {
            room.due = Some(id);
        }
        room.wanted = false;
    }

    /// A new connection is in no room yet.
    pub(super) fn want_again(&mut self) {
        for room in self.rooms.values_mut().filter(|room| room.wanted && room.due.is_none()) {
            room.due = Some(self.ids.next());
        }
    }

    /// Asks, in order, for what is due, as far as that is allowed now.
    pub(super) fn ask_pending(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        if !self.is_attached() || !self.asks.is_over(now) {
            return;
        }
        let mut due: Vec<_> = (self.rooms.iter().filter(|(_, room)| room.asked.is_none()))
            .filter_map(|(name, room)| Some((room.due?, name.clone())))
            .collect();
        due.sort_unstable();
        let mut in_flight = self.rooms.values().filter(|room| room.asked.is_some()).count();
        for (id, name) in due {
            if in_flight >= self.asks.in_flight_max(self.config.asks_max) {
                return;
            }
            in_flight += usize::from(self.ask(id, &name, out));
        }
        self.asks.relax();
    }

    /// Asks for what is due in a room; false if that has to wait for the answers to its sends.
    fn ask(&mut self, due: RequestId, name: &RoomName, out: &mut Vec<ClientOutput>) -> bool {
        let room = self.rooms.get_mut(name).expect("only known rooms have something due");
        let asked = if room.wanted {
            room.due = None;
            Asked::Join(due)
        } else if planted!(LeaveOvertakesSends, true, !self.sends.concern(name, due)) {
            room.due = None;
            Asked::Leave(due)
        } else if !room.joined {
            // What was said before the leave can only be repeated as a member.
            Asked::Join(self.ids.next())
        } else {
            return false;
        };
        room.asked = Some(asked);
        if planted!(LeftTooEarly, matches!(asked, Asked::Leave(_)), false)
            && let Some(head) = room.position
        {
            out.push(ClientOutput::Event(super::ClientEvent::Left {
                room: name.clone(),
                head,
                kicked: false,
            }));
        }
        let frame = match asked {
            Asked::Join(id) => Outgoing::join(id, name, &self.user, room.position),
            Asked::Leave(id) => Outgoing::Leave { id, room: name },
        };
        out.push(ClientOutput::Transmit(frame.to_json()));
        true
    }

    /// Somebody has sent us away. Nothing is asked for that would bring us back, unless it was asked for since.
    pub(super) fn sent_away(&mut self, name: &RoomName) {
        if planted!(KickedClientReturns) {
            return;
        }
        if let Some(room) = self.rooms.get_mut(name)
            && !room.is_joining()
        {
            room.wanted = false;
            room.due = None;
        }
    }

    /// The server has let us out: because we asked under this number, because somebody has sent us away, or by itself.
    pub(super) fn outside(&mut self, id: Option<RequestId>, kicked: bool, name: &RoomName) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.joined = false;
        room.asked = room.asked.filter(|asked| match asked {
            Asked::Join(_) => true,
            // Whoever is sent away while their leave is on its way is still to be told what became of it.
            Asked::Leave(leave) => kicked || id.is_some_and(|id| id != *leave),
        });
        if !room.wanted && room.asked.is_none() {
            self.rooms.remove(name);
        }
    }

    /// A refusal, for now (`until`) or for good, of what may have been asked under this number. The room, if it is of a
    /// join and for good.
    pub(super) fn ask_refused(&mut self, id: RequestId, until: Option<Time>) -> Option<RoomName> {
        let has_asked = |room: &Room| room.asked.is_some_and(|asked| asked.id() == id);
        let (name, room) = self.rooms.iter_mut().find(|(_, room)| has_asked(room))?;
        if let Some(until) = until {
            room.postpone();
            self.asks.extend(until);
            return None;
        }
        let was_joining = room.is_joining();
        // A member's join and a member's leave are granted: whoever is refused for good is not in the room.
        (room.asked, room.joined) = (None, false);
        let (name, wanted) = (name.clone(), room.wanted);
        if !wanted {
            self.rooms.remove(&name);
        }
        was_joining.then_some(name)
    }
}

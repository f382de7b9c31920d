//! The rooms of one connection, of which one is the current one: commands are read, and answers change them.
//!
//! Whoever types does not wait for answers. `/join a`, followed at once by a line, says that line in `a` or nowhere, so
//! a room is the current one as soon as it is asked for.

use std::{borrow::Cow, collections::VecDeque};

use super::{HELP, line};
use crate::{
    dialect::{Command, Decoded, Dialect, Event, Payloads, Rejection, Request},
    id::RequestId,
    identity::Token,
    name::{LOBBY, RoomName},
    refusal::Refusal,
};

/// Where one connection is.
#[derive(Debug, Default)]
pub struct Lobby {
    /// The current one last; the others as they were left for it. Empty until the user is known, and for whom the
    /// lobby did not take or an admin has sent out of it.
    places: Vec<Place>,
    /// What was asked for and is not answered, in order.
    pending: VecDeque<(RequestId, Change)>,
    requests: u64,
}

#[derive(Debug)]
struct Place {
    room: RoomName,
    /// The server has let us in.
    confirmed: bool,
}

#[derive(Debug, Eq, PartialEq)]
enum Change {
    Join(RoomName),
    Leave(RoomName),
}

impl Lobby {
    /// Whoever is on the way into this room, for which the server has asked.
    pub(super) fn at(room: RoomName) -> Self {
        let place = Place { room: room.clone(), confirmed: false };
        let pending = VecDeque::from([(Dialect::HOME, Change::Join(room))]);
        Self { places: vec![place], pending, requests: 0 }
    }

    pub(crate) fn decode<'a>(
        &mut self,
        text: &'a str,
        answer: &mut Payloads,
    ) -> Result<Decoded<'a>, Rejection> {
        let text = text.trim_end_matches(['\r', '\n']);
        // What is meant as a command is never said to others, for it may hold a token.
        let Some(command) = text.trim_start().strip_prefix('/') else {
            let room = self.current()?;
            return Ok(ask(None, Command::Publish { room, content: Cow::Borrowed(text), extra: None }));
        };
        let mut words = command.split_ascii_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("help"), None, None) => {
                line(answer, format_args!("{HELP}"));
                Ok(Decoded::Answered)
            }
            (Some("rooms"), None, None) => {
                Ok(ask(Some(self.number()), Command::Rooms { after: None, limit: None }))
            }
            (Some("users"), None, None) => {
                let room = self.current()?;
                Ok(ask(Some(self.number()), Command::Members { room, after: None, limit: None }))
            }
            (Some("join"), Some(room), None) => self.join(room, answer),
            (Some("leave"), None, None) => self.leave(),
            (Some("token"), Some(token), None) => {
                Ok(ask(Some(self.number()), Command::Refresh { token: Token::new(token) }))
            }
            _ => Err(reject(Refusal::UnknownCommand, None)),
        }
    }

    fn join<'a>(&mut self, room: &str, answer: &mut Payloads) -> Result<Decoded<'a>, Rejection> {
        let room = RoomName::new(room.strip_prefix('#').unwrap_or(room))
            .map_err(|why| reject(Refusal::BadRoom, Some(format!("it {why}"))))?;
        if let Some(at) = self.place(&room) {
            let place = self.places.remove(at);
            self.places.push(place);
            line(answer, format_args!("* You are in #{room} now."));
            return Ok(Decoded::Answered);
        }
        let id = self.number();
        self.places.push(Place { room: room.clone(), confirmed: false });
        self.pending.push_back((id, Change::Join(room.clone())));
        Ok(ask(Some(id), Command::Join { room, since: None, history: None }))
    }

    /// Leaves the current room, if there is another one to be in for certain (S1.9).
    fn leave<'a>(&mut self) -> Result<Decoded<'a>, Rejection> {
        let Some((current, others)) = self.places.split_last() else {
            return Err(reject(Refusal::NotMember, None));
        };
        if !others.iter().any(|place| place.confirmed) {
            return Err(reject(Refusal::LastRoom, None));
        }
        let room = current.room.clone();
        self.places.pop();
        let id = self.number();
        self.pending.push_back((id, Change::Leave(room.clone())));
        Ok(ask(Some(id), Command::Leave { room }))
    }

    pub(crate) fn encode(&mut self, event: &Event<'_>, payloads: &mut Payloads) {
        match event {
            Event::Joined { room, .. } => {
                self.answered(&Change::Join((*room).clone()));
                match self.place(room) {
                    Some(at) => self.places[at].confirmed = true,
                    None if self.is_leaving(room) => {}
                    // Who was sent away from everywhere is led home.
                    None => self.places.push(Place { room: (*room).clone(), confirmed: true }),
                }
                self.tell_place(payloads, format_args!("* You have joined #{room}."));
            }
            Event::Left { room, kicked: true, .. } => {
                // A leave that was asked for will be refused, and changes nothing any more.
                self.answered(&Change::Leave((*room).clone()));
                // Who has asked to come back is on the way in.
                self.places.retain(|place| place.room != **room || !place.confirmed);
                self.tell_place(payloads, format_args!("* You have been sent out of #{room}."));
                // Out of any other room, the way leads home.
                if room.as_str() == LOBBY {
                    self.tell_if_nowhere(payloads);
                }
            }
            Event::Left { room, .. } => {
                // Who asked for it is out of it already, and may have asked to come back.
                if !self.answered(&Change::Leave((*room).clone())) {
                    self.places.retain(|place| place.room != **room);
                }
                self.tell_place(payloads, format_args!("* You have left #{room}."));
            }
            _ => {
                match event {
                    Event::Welcome { .. } => {
                        let room = RoomName::new(LOBBY).expect("a fitting name");
                        *self = Self::at(room);
                    }
                    Event::Error { id: Some(id), .. } => self.refused(*id),
                    _ => {}
                }
                super::encode(event, payloads);
                if matches!(event, Event::Error { id: Some(_), .. }) {
                    self.tell_if_nowhere(payloads);
                }
            }
        }
    }

    fn tell_place(&self, payloads: &mut Payloads, what: std::fmt::Arguments<'_>) {
        match self.places.last() {
            Some(Place { room, .. }) => line(payloads, format_args!("{what} You are in #{room} now.")),
            None => line(payloads, what),
        }
    }

    fn tell_if_nowhere(&self, payloads: &mut Payloads) {
        if self.places.is_empty() {
            line(payloads, format_args!("* You are in no room now: /join one."));
        }
    }

    fn is_leaving(&self, room: &RoomName) -> bool {
        self.pending.iter().any(|(_, change)| matches!(change, Change::Leave(left) if left == room))
    }

    /// Whether this was asked for.
    fn answered(&mut self, change: &Change) -> bool {
        let at = self.pending.iter().position(|(_, pending)| pending == change);
        at.and_then(|at| self.pending.remove(at)).is_some()
    }

    /// What was asked for does not happen: everything is as it was.
    fn refused(&mut self, id: RequestId) {
        let Some(at) = self.pending.iter().position(|(pending, _)| *pending == id) else { return };
        match self.pending.remove(at).expect("just found").1 {
            Change::Join(room) => self.places.retain(|place| place.room != room || place.confirmed),
            Change::Leave(room) if self.place(&room).is_none() => {
                self.places.push(Place { room, confirmed: true });
            }
            Change::Leave(_) => {}
        }
    }

    fn place(&self, room: &RoomName) -> Option<usize> {
        self.places.iter().position(|place| place.room == *room)
    }

    fn current(&self) -> Result<RoomName, Rejection> {
        let current = self.places.last().ok_or_else(|| reject(Refusal::NotMember, None))?;
        Ok(current.room.clone())
    }

    const fn number(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }
}

const fn ask(id: Option<RequestId>, command: Command<'_>) -> Decoded<'_> {
    Decoded::Request(Request { id, user: None, command })
}

const fn reject(refusal: Refusal, detail: Option<String>) -> Rejection {
    Rejection { id: None, key: None, refusal, detail }
}

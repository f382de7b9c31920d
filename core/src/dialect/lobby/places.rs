//! The rooms of one connection, of which one is the current one: commands are read, and answers change them.
//!
//! Whoever types does not wait for answers. `/join a`, followed at once by a line, says that line in `a` or nowhere, so
//! a room is the current one as soon as it is asked for.

use std::borrow::Cow;

use super::{HELP, line};
use crate::{
    dialect::{Command, Decoded, Dialect, Event, Payloads, Rejection, Request, membership::Memberships},
    id::RequestId,
    identity::Token,
    name::{LOBBY, RoomName, UserName},
    refusal::Refusal,
};

/// Where one connection is.
#[derive(Clone, Debug, Default)]
pub struct Lobby {
    /// Empty until the user is known, and for whom the lobby did not take or an admin has sent out of it.
    rooms: Memberships,
    requests: u64,
}

impl Lobby {
    /// Whoever is on the way into this room, for which the server has asked.
    pub(super) fn at(room: &RoomName) -> Self {
        let mut lobby = Self::default();
        lobby.rooms.ask_in(Dialect::HOME, room);
        lobby
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
            (Some("rooms"), after, None) => {
                let after = after.map(room_name).transpose()?;
                Ok(ask(Some(self.number()), Command::Rooms { after, limit: None }))
            }
            (Some("users"), after, None) => {
                let after = after.map(user_name).transpose()?;
                let room = self.current()?;
                Ok(ask(Some(self.number()), Command::Members { room, after, limit: None }))
            }
            (Some("join"), Some(room), None) => self.join(room, answer),
            (Some("leave"), None, None) => self.leave(),
            (Some("token"), Some(token), None) => {
                Ok(ask(Some(self.number()), Command::Refresh { token: Token::new(token) }))
            }
            (Some(name), ..) => Err(mistaken(name)),
            (None, ..) => Err(reject(Refusal::UnknownCommand, None)),
        }
    }

    fn join<'a>(&mut self, room: &str, answer: &mut Payloads) -> Result<Decoded<'a>, Rejection> {
        let room = room_name(room)?;
        if self.rooms.turn_to(&room) {
            line(answer, format_args!("* You are in #{room} now."));
            return Ok(Decoded::Answered);
        }
        let id = self.number();
        self.rooms.ask_in(id, &room);
        Ok(ask(Some(id), Command::Join { room, since: None, history: None }))
    }

    /// Leaves the current room, if there is another one to be in for certain (S1.9).
    fn leave<'a>(&mut self) -> Result<Decoded<'a>, Rejection> {
        let room = self.current()?;
        if !self.rooms.has_another() {
            return Err(reject(Refusal::LastRoom, None));
        }
        let id = self.number();
        self.rooms.ask_out(id, &room);
        Ok(ask(Some(id), Command::Leave { room }))
    }

    pub(crate) fn encode(&mut self, event: &Event<'_>, payloads: &mut Payloads) {
        match event {
            Event::Joined { room, .. } => {
                self.rooms.joined(room);
                self.tell_place(payloads, format_args!("* You have joined #{room}."));
            }
            Event::Left { room, kicked: true, .. } => {
                self.rooms.kicked(room);
                self.tell_place(payloads, format_args!("* You have been sent out of #{room}."));
                // Out of any other room, the way leads home.
                if room.as_str() == LOBBY {
                    self.tell_if_nowhere(payloads);
                }
            }
            Event::Left { room, .. } => {
                self.rooms.left(room);
                self.tell_place(payloads, format_args!("* You have left #{room}."));
            }
            _ => {
                match event {
                    Event::Welcome { .. } => {
                        let room = RoomName::new(LOBBY).expect("a fitting name");
                        *self = Self::at(&room);
                    }
                    Event::Error { id: Some(id), .. } => self.rooms.refused(*id),
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
        match self.rooms.current() {
            Some(room) => line(payloads, format_args!("{what} You are in #{room} now.")),
            None => line(payloads, what),
        }
    }

    fn tell_if_nowhere(&self, payloads: &mut Payloads) {
        if self.rooms.current().is_none() {
            line(payloads, format_args!("* You are in no room now: /join one."));
        }
    }

    fn current(&self) -> Result<RoomName, Rejection> {
        self.rooms.current().cloned().ok_or_else(|| reject(Refusal::NotMember, None))
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

/// A room as people name it, and as it is shown.
fn room_name(name: &str) -> Result<RoomName, Rejection> {
    RoomName::new(name.strip_prefix('#').unwrap_or(name))
        .map_err(|why| reject(Refusal::BadRoom, Some(format!("it {why}"))))
}

fn user_name(name: &str) -> Result<UserName, Rejection> {
    UserName::new(name).map_err(|why| reject(Refusal::BadUser, Some(format!("it {why}"))))
}

/// What a command wants that was not typed as it is shown (S1.49). The rest of the line may hold a token.
fn mistaken(command: &str) -> Rejection {
    let wants = match command {
        "help" | "leave" => "nothing behind it",
        "rooms" => "nothing behind it, or the room after which to begin",
        "users" => "nothing behind it, or the user after whom to begin",
        "join" => "one room",
        "token" => "one token",
        _ => return reject(Refusal::UnknownCommand, None),
    };
    reject(Refusal::BadFrame, Some(format!("/{command} wants {wants}")))
}

//! How far one connection has come: `auth` is answered when it is known who is there.

use super::{Outgoing, incoming, put};
use crate::{
    dialect::{Command, Decoded, Dialect, Event, Payloads, Rejection, Request},
    id::{RequestId, SessionId},
    name::{LOBBY, RoomName, UserName},
    refusal::Refusal,
    shard::{MemberView, Roster},
};

/// The number of every `auth`, and of entering the room that is a part of it: the only requests that have one, so that
/// their refusals are known.
pub(super) const AUTH: RequestId = Dialect::HOME;

/// One connection's end of the dialect.
#[derive(Clone, Debug, Default)]
pub struct Agents {
    standing: Standing,
    /// For whom it speaks, once that is known.
    who: Option<(UserName, SessionId)>,
}

#[derive(Clone, Debug, Default)]
enum Standing {
    /// It has not said who it is.
    #[default]
    Unknown,
    /// It has, and waits to hear who is there.
    Entering,
    /// The room did not take it, or it was sent away: it may ask again.
    Outside,
    /// Its `auth` has been answered.
    Answered,
}

impl Agents {
    pub(crate) fn decode<'a>(&mut self, text: &'a str) -> Result<Decoded<'a>, Rejection> {
        let Request { id, user, command } = incoming::decode(text)?;
        let is_known = !matches!(self.standing, Standing::Unknown);
        let command = match (command, is_known) {
            // The server knows already who that is, and says so if it is somebody else.
            (Command::Hello { .. }, true) if matches!(self.standing, Standing::Outside) => {
                self.standing = Standing::Entering;
                let room = RoomName::new(LOBBY).expect("a fitting name");
                Command::Join { room, since: None, history: None }
            }
            // Whoever says it again shows a newer token.
            (Command::Hello { token: Some(token), .. }, true) => Command::Refresh { token },
            (Command::Hello { token: None, .. }, true) => return Err(reject(None, Refusal::AlreadyAttached)),
            (command @ (Command::Hello { .. } | Command::Ping), _) | (command, true) => command,
            (_, false) => return Err(reject(None, Refusal::NotAttached)),
        };
        Ok(Decoded::Request(Request { id, user, command }))
    }

    pub(crate) fn encode(&mut self, event: &Event<'_>, payloads: &mut Payloads) {
        match event {
            Event::Welcome { user, session, .. } => {
                self.who = Some(((*user).clone(), *session));
                self.standing = Standing::Entering;
            }
            Event::Joined { joined, .. } => {
                // Of a large room only a list tells, which the gateway has asked for.
                if let Roster::Names(names) = &joined.roster {
                    let is_away = |name: &UserName| joined.offline.iter().any(|(away, _)| away == name);
                    let there = names.iter().filter(|name| !is_away(name));
                    self.answer(there, payloads);
                }
            }
            Event::Members { members, .. } => {
                let there =
                    members.iter().filter(|view| view.is_online()).map(|MemberView { user, .. }| user);
                self.answer(there, payloads);
                super::encode(event, payloads);
            }
            Event::Left { kicked: true, .. } => {
                let standing = std::mem::replace(&mut self.standing, Standing::Outside);
                super::encode(event, payloads);
                if matches!(standing, Standing::Entering) {
                    put(payloads, &FAILED);
                }
            }
            // Told to those alone who have just come in: they were not listed.
            Event::Presence { .. } => {}
            Event::Error { id, refusal, .. } => {
                super::encode(event, payloads);
                if self.fails(*id, *refusal) {
                    put(payloads, &FAILED);
                }
            }
            _ => super::encode(event, payloads),
        }
    }

    /// Answers `auth` with who is there, once.
    fn answer<'a>(&mut self, there: impl Iterator<Item = &'a UserName>, payloads: &mut Payloads) {
        let (Standing::Entering, Some((user, session))) = (&self.standing, &self.who) else { return };
        self.standing = Standing::Answered;
        let mut agents: Vec<_> = there.collect();
        if !agents.contains(&user) {
            // A list of some of a large room's members need not name the newcomer.
            agents.push(user);
        }
        let response = Outgoing::AuthResponse {
            success: true,
            user_id: Some(user),
            session_id: Some(format!("session-{session}")),
            agents: Some(agents),
        };
        put(payloads, &response);
    }

    /// Whether a refusal means that `auth` came to nothing.
    fn fails(&mut self, id: Option<RequestId>, refusal: Refusal) -> bool {
        let is_auth = id == Some(AUTH);
        match std::mem::take(&mut self.standing) {
            Standing::Entering if is_auth => {
                self.standing = Standing::Outside;
                true
            }
            Standing::Entering if refusal == Refusal::Replaced => {
                self.standing = Standing::Answered;
                true
            }
            standing => {
                self.standing = standing;
                is_auth
            }
        }
    }
}

/// `auth` came to nothing. The error that says why comes before, for clients show what came last (S4.29).
const FAILED: Outgoing<'static> =
    Outgoing::AuthResponse { success: false, user_id: None, session_id: None, agents: None };

pub(super) const fn reject(id: Option<RequestId>, refusal: Refusal) -> Rejection {
    Rejection { id, key: None, refusal, detail: None }
}

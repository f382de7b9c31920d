//! What the tests of all dialects share.

use super::{Event, Payloads, Sending};
use crate::{
    config::GatewayConfig,
    id::{Generation, Position, SessionId},
    name::{RoomName, UserName},
    secret::Secret,
    shard::{Joined, Roster, Verdict},
};

/// The session of everybody here.
pub(super) const SESSION: SessionId = SessionId(0x123);

pub(super) fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

pub(super) fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

/// What a codec writes into.
pub(super) fn payloads(sending: Sending) -> Payloads {
    let mut payloads = Payloads::default();
    payloads.begin(sending);
    payloads
}

/// What was written.
pub(super) fn texts(payloads: &Payloads) -> Vec<String> {
    payloads.iter().map(|payload| String::from_utf8(payload.to_vec()).unwrap()).collect()
}

/// What a write comes to.
pub(super) fn written(sending: Sending, write: impl FnOnce(&mut Payloads)) -> Vec<String> {
    let mut payloads = payloads(sending);
    write(&mut payloads);
    texts(&payloads)
}

/// A new session of a user's.
pub(super) fn welcome<'a>(user: &'a UserName, limits: &'a GatewayConfig) -> Event<'a> {
    Event::Welcome {
        user,
        session: SESSION,
        secret: Secret::parse(&"0".repeat(32)).unwrap(),
        resumed: false,
        generation: Generation(1),
        limits,
    }
}

/// A first visit to a room in which nobody does anything, and of which nothing is shown.
pub(super) fn joined(head: Position, roster: Roster) -> Joined {
    Joined {
        head,
        next: head.seq.next(),
        verdict: Verdict::Full,
        rejoined: false,
        known_since: Generation(1),
        roster,
        offline: vec![],
        statuses: vec![],
        tasks: vec![],
    }
}

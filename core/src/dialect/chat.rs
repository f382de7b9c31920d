//! The `chat` dialect, the native one: flat JSON, a superset of specification 0's frames.
//!
//! What specification 0 shows comes first in a frame, spelled and ordered as there; what it does not show follows.
//! `docs/protocol.md` describes every frame.

use self::{frames::Outgoing, request::FieldFault};
use super::{Command, Event, Rejection, Request};
use crate::{id::RequestId, name::UserName, refusal::Refusal};

mod extra;
mod frames;
mod incoming;
mod limits;
mod request;
mod standing;
#[cfg(test)]
mod tests;

pub(crate) use extra::ExtraFields;
pub(super) use frames::millis_up;
pub use incoming::{Incoming, Text};
pub use limits::Limits;
pub(crate) use standing::{StatusFields, TaskFields};

/// Reads a client's frame.
///
/// # Errors
/// A [`Rejection`] that says what is wrong with it; nothing about the connection changes.
pub fn decode(text: &str) -> Result<Request<'_>, Rejection> {
    let incoming = Incoming::parse(text)?;
    let id = incoming.id.map(RequestId);
    let key = incoming.answerable_key();
    let reject = |refusal, detail: String| Rejection { id, key: key.clone(), refusal, detail: Some(detail) };
    let user = match &incoming.user {
        Some(name) => Some(UserName::new(name).map_err(|e| reject(Refusal::BadUser, format!("user {e}")))?),
        None => None,
    };
    let command = incoming.command().map_err(|fault| match fault {
        FieldFault::Missing(field) => reject(Refusal::BadFrame, format!("{field} is missing")),
        FieldFault::Wrong(field, why) => reject(Refusal::BadFrame, format!("{field} {why}")),
        FieldFault::Room(e) => reject(Refusal::BadRoom, format!("room {e}")),
        FieldFault::User(field, e) => reject(Refusal::BadUser, format!("{field} {e}")),
        FieldFault::UnknownType(kind) => reject(Refusal::UnknownType, format!("type {kind:?}")),
    })?;
    Ok(Request { id, user, command })
}

/// What both sides say (see [`super::schema`]).
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<super::schema::Named> {
    use super::schema::{read, written};
    vec![("client", read::<Incoming<'_>>()), ("server", written::<Outgoing<'_>>())]
}

/// Writes an event as a text frame's payload.
pub fn encode(event: &Event<'_>, out: &mut Vec<u8>) {
    let frame = Outgoing::from(event);
    serde_json::to_writer(out, &frame).expect("a Vec takes every byte and no key is anything but text");
}

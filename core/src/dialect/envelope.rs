//! The `envelope` dialect: a payload in an envelope with an instant and a name (S2).
//!
//! What specification 2 shows is spelled as there. Answers name the frame that they answer in `replyTo`; what others do
//! comes unasked. `docs/dialects.md` describes every frame.

use super::{Event, Payloads};
use crate::{disconnect::Disconnect, refusal::Refusal};

mod answers;
mod frames;
mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;

pub use answers::Envelope;

/// Where it is spoken (S2.1).
pub(super) const PATH: &str = "/api/ws";

/// Writes an event that is the same for all who read it.
pub(super) fn encode(event: &Event<'_>, payloads: &mut Payloads) {
    outgoing::write(event, outgoing::About::default(), payloads);
}

/// What both sides say (see [`super::schema`]).
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<super::schema::Named> {
    use super::schema::{read, written};
    vec![("client", read::<incoming::Frame<'_>>()), ("server", written::<frames::Frame<'_>>())]
}

/// Where a refusal stands in the specification's table of codes (S2.13).
pub(super) const fn disconnect(refusal: Refusal) -> Option<Disconnect> {
    match refusal {
        Refusal::BinaryFrame => Some(Disconnect::UnsupportedData),
        Refusal::BadToken | Refusal::TokenRequired | Refusal::TokenExpired => Some(Disconnect::BadToken),
        Refusal::RateLimited => Some(Disconnect::RateLimited),
        Refusal::BadJson | Refusal::BadEnvelope => Some(Disconnect::BadFormat),
        Refusal::UnknownRoom => Some(Disconnect::UnknownRoom),
        Refusal::NotMember | Refusal::PermissionDenied | Refusal::RoomsClosed => {
            Some(Disconnect::PermissionDenied)
        }
        _ => None,
    }
}

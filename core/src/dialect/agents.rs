//! The `agents` dialect: `{type, data}` frames for people and programs that work together (specification 4).
//!
//! It knows no rooms: everybody is in one. What specification 4 shows is spelled and ordered as there.

use std::{borrow::Cow, time::Duration};

use serde::{Serialize, Serializer};

use self::mentions::mentioned;
use super::{Event, Payloads, Presence};
use crate::{
    name::UserName,
    refusal::Refusal,
    shard::{Extra, Kind, MemberView, Message, Status},
    time::Time,
};

mod incoming;
mod mentions;
mod standing;
#[cfg(test)]
mod tests;

pub use mentions::in_text;
pub use standing::Agents;

/// Where it is spoken (S4.5).
pub const PATH: &str = "/ws";

/// Writes an event that is the same for all who read it.
pub(super) fn encode(event: &Event<'_>, payloads: &mut Payloads) {
    let now = payloads.sending.now;
    match event {
        Event::Message { message, .. } => put(payloads, &Outgoing::from(*message)),
        Event::History { messages, .. } => {
            messages.iter().for_each(|message| put(payloads, &Outgoing::from(&**message)));
        }
        Event::UserJoined { user, .. } => put(payloads, &presence(user, None, now)),
        Event::UserLeft { user, seen, .. } => put(payloads, &presence(user, Some(*seen), now)),
        Event::MembersChanged { joined, left, .. } => {
            joined.iter().for_each(|user| put(payloads, &presence(user, None, now)));
            left.iter().for_each(|(user, seen)| put(payloads, &presence(user, Some(*seen), now)));
        }
        Event::Presence { user, presence: Presence::Online | Presence::Offline, away, .. } => {
            put(payloads, &presence(user, *away, now));
        }
        Event::Members { members, .. } => {
            for MemberView { user, away, status } in *members {
                put(payloads, &presence(user, *away, now));
                status.iter().for_each(|status| put(payloads, &standing_of(user, status)));
            }
        }
        Event::Status { user, status, .. } => put(payloads, &standing_of(user, status)),
        Event::Gap { from, to, .. } => {
            let message = format!("Messages {} to {} are gone.", from.0, to.0);
            put(payloads, &error("GAP".into(), message.into(), None, now));
        }
        Event::Lagged { .. } => {
            let message = "You read too slowly: what you have missed follows from the history.";
            put(payloads, &error("LAGGED".into(), message.into(), None, now));
        }
        Event::Left { kicked: true, .. } => {
            put(payloads, &error("KICKED".into(), "You have been sent away.".into(), None, now));
        }
        Event::Warning { refusal, retry_after, .. } => {
            put(payloads, &refused(*refusal, None, Some(*retry_after), now));
        }
        // Whoever sends what nobody knows is not answered (S4.16).
        Event::Error { refusal: Refusal::UnknownType, .. } => {}
        Event::Error { refusal, detail, retry_after, .. } => {
            put(payloads, &refused(*refusal, *detail, *retry_after, now));
        }
        Event::Refreshed { expires, .. } => {
            put(payloads, &Outgoing::AuthRefreshed { expires: *expires, timestamp: now });
        }
        Event::Pong { .. } => put(payloads, &Outgoing::Pong { timestamp: now }),
        // Of rooms, tasks and writing this specification knows nothing, and a message is answered by itself.
        Event::Presence { presence: Presence::Typing, .. }
        | Event::Welcome { .. }
        | Event::Joined { .. }
        | Event::Left { kicked: false, .. }
        | Event::Created { .. }
        | Event::Rooms { .. }
        | Event::Task { .. }
        | Event::Ack { .. }
        | Event::Health { .. } => {}
    }
}

/// What both sides say (see [`super::schema`]).
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<super::schema::Named> {
    use super::schema::{read, written};
    vec![("client", read::<incoming::Frame<'_>>()), ("server", written::<Outgoing<'_>>())]
}

fn put(payloads: &mut Payloads, frame: &Outgoing<'_>) {
    payloads.add(|payload| serde_json::to_writer(payload, frame).expect("a Vec takes every byte"));
}

/// The frames a server sends, fields in wire order.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "data", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Outgoing<'a> {
    /// S4.7.
    AuthResponse {
        success: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a UserName>,
        #[serde(skip_serializing_if = "Option::is_none")]
        session_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        agents: Option<Vec<&'a UserName>>,
    },
    /// Ours: the answer to a further `auth`. At another `auth_response` the specification's client would forget its users.
    AuthRefreshed {
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339_or_none")]
        #[cfg_attr(feature = "schema", schemars(with = "Option<super::schema::Instant>"))]
        expires: Option<Time>,
        #[serde(serialize_with = "rfc3339")]
        #[cfg_attr(feature = "schema", schemars(with = "super::schema::Instant"))]
        timestamp: Time,
    },
    /// S4.8.
    Message {
        id: u64,
        text: &'a str,
        sender: &'a UserName,
        #[serde(serialize_with = "rfc3339")]
        #[cfg_attr(feature = "schema", schemars(with = "super::schema::Instant"))]
        timestamp: Time,
        mentions: Vec<&'a str>,
        is_command: bool,
        reply_to: Option<u64>,
    },
    /// S4.10.
    AgentResponse {
        id: u64,
        text: &'a str,
        sender: &'a UserName,
        #[serde(serialize_with = "rfc3339")]
        #[cfg_attr(feature = "schema", schemars(with = "super::schema::Instant"))]
        timestamp: Time,
        reply_to: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_status: Option<&'a str>,
    },
    /// S4.11.
    StatusUpdate {
        user_id: &'a UserName,
        status: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        current_task: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        progress: Option<u8>,
    },
    /// S4.12. What the text calls `lastSeen`, its own client reads as `timestamp`.
    UserPresence {
        user_id: &'a UserName,
        status: &'static str,
        #[serde(serialize_with = "rfc3339")]
        #[cfg_attr(feature = "schema", schemars(with = "super::schema::Instant"))]
        last_seen: Time,
        #[serde(serialize_with = "rfc3339")]
        #[cfg_attr(feature = "schema", schemars(with = "super::schema::Instant"))]
        timestamp: Time,
    },
    /// S4.13.
    Error {
        code: Cow<'static, str>,
        message: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        #[serde(serialize_with = "rfc3339")]
        #[cfg_attr(feature = "schema", schemars(with = "super::schema::Instant"))]
        timestamp: Time,
    },
    /// S4.15.
    Pong {
        #[serde(serialize_with = "rfc3339")]
        #[cfg_attr(feature = "schema", schemars(with = "super::schema::Instant"))]
        timestamp: Time,
    },
}

fn rfc3339<S: Serializer>(at: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn rfc3339_or_none<S: Serializer>(at: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(serializer)
}

impl<'a> From<&'a Message> for Outgoing<'a> {
    fn from(message: &'a Message) -> Self {
        let extra = message.extra.as_deref();
        // Its instant stands in where nobody chose a number (S4.9).
        let id = extra.and_then(|extra| extra.client_id).unwrap_or(message.at.0 / 1_000);
        let (text, sender, timestamp) = (&*message.content, &message.user, message.at);
        let reply_to = planted!(ReplyOmitted, None, extra.and_then(|extra| extra.reply_to));
        match extra {
            Some(Extra { kind: Kind::Agent, state, .. }) => {
                let agent_status = state.as_deref();
                Self::AgentResponse { id, text, sender, timestamp, reply_to, agent_status }
            }
            _ => {
                let mentions = mentioned(message);
                let is_command = text.starts_with('/');
                Self::Message { id, text, sender, timestamp, mentions, is_command, reply_to }
            }
        }
    }
}

/// Who is there is seen now; who is away was, when they went.
fn presence(user: &UserName, away: Option<Time>, now: Time) -> Outgoing<'_> {
    let status = if away.is_none() { Presence::Online } else { Presence::Offline };
    let seen = planted!(LastSeenIsNow, now, away.unwrap_or(now));
    Outgoing::UserPresence { user_id: user, status: status.word(), last_seen: seen, timestamp: seen }
}

fn standing_of<'a>(user_id: &'a UserName, status: &'a Status) -> Outgoing<'a> {
    let Status { state, detail, progress } = status;
    Outgoing::StatusUpdate { user_id, status: state, current_task: detail.as_deref(), progress: *progress }
}

const fn error<'a>(
    code: Cow<'static, str>,
    message: Cow<'a, str>,
    retry_after: Option<u64>,
    timestamp: Time,
) -> Outgoing<'a> {
    Outgoing::Error { code, message, retry_after, timestamp }
}

fn refused(
    refusal: Refusal,
    detail: Option<&str>,
    retry_after: Option<Duration>,
    now: Time,
) -> Outgoing<'static> {
    // Rounded up: who waits this long is not early.
    let seconds = retry_after.map(|span| u64::try_from(span.as_micros().div_ceil(1_000_000)));
    let (code, message) = words(refusal);
    let message = detail.map_or(Cow::Borrowed(message), |detail| format!("{message} ({detail})").into());
    error(code, message, seconds.map(|seconds| seconds.unwrap_or(u64::MAX)), now)
}

/// A refusal's code and sentence: the specification's own where it has them (S4.13, S4.14).
fn words(refusal: Refusal) -> (Cow<'static, str>, &'static str) {
    match refusal {
        Refusal::BadJson => ("INVALID_JSON".into(), "Invalid JSON format"),
        Refusal::NotAttached => ("NOT_AUTHENTICATED".into(), "Authentication required"),
        Refusal::MissingUserId => ("MISSING_USER_ID".into(), "User ID required"),
        Refusal::RateLimited => ("RATE_LIMITED".into(), "Too many messages sent"),
        other => (other.code().to_ascii_uppercase().into(), other.message()),
    }
}

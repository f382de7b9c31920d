//! The frames a server sends. What specification 0 shows comes first, spelled and ordered as there.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeSeq};

use super::{ExtraFields, Limits, StatusFields, TaskFields};
use crate::{
    dialect::{Event, Presence},
    id::{Epoch, Generation, Position, RequestId, Seq},
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{MemberView, Message, Roster, Verdict},
    time::Time,
};

/// The frames a server sends, fields in wire order.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Outgoing<'a> {
    Welcome {
        user: &'a UserName,
        session: String,
        secret: String,
        resumed: bool,
        generation: Generation,
        limits: Limits,
    },
    Ack {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        room: &'a RoomName,
        #[serde(skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<&'a str>,
    },
    Joined {
        room: &'a RoomName,
        epoch: Epoch,
        seq: Seq,
        verdict: &'static str,
        next: Seq,
        known_since: Generation,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<Seq>,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<Seq>,
    },
    Left {
        room: &'a RoomName,
        epoch: Epoch,
        seq: Seq,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        kicked: bool,
    },
    Created {
        room: &'a RoomName,
        epoch: Epoch,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
    },
    Message {
        room: &'a RoomName,
        user: &'a UserName,
        content: &'a str,
        timestamp: Timestamp,
        seq: Seq,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        extra: Option<ExtraFields<'a>>,
    },
    History {
        room: &'a RoomName,
        #[cfg_attr(feature = "schema", schemars(with = "Vec<Outgoing<'a>>"))]
        messages: Messages<'a>,
        epoch: Epoch,
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
    },
    Gap {
        room: &'a RoomName,
        epoch: Epoch,
        from: Seq,
        to: Seq,
    },
    Lagged {
        room: &'a RoomName,
        epoch: Epoch,
        next: Seq,
    },
    UserJoined(RosterChange<'a>),
    UserLeft(RosterChange<'a>),
    MembersChanged {
        room: &'a RoomName,
        joined: &'a [UserName],
        left: Vec<&'a UserName>,
        count: u32,
    },
    Presence {
        room: &'a RoomName,
        user: &'a UserName,
        status: &'static str,
    },
    Members {
        room: &'a RoomName,
        members: Vec<Member<'a>>,
        count: u32,
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
    },
    Rooms {
        rooms: Vec<Room<'a>>,
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
    },
    Status {
        room: &'a RoomName,
        user: &'a UserName,
        #[serde(flatten)]
        status: StatusFields<'a>,
    },
    Task {
        room: &'a RoomName,
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<&'a UserName>,
        #[serde(flatten)]
        task: TaskFields<'a>,
    },
    Warning {
        code: &'static str,
        message: &'static str,
        count: u64,
        retry_after_ms: u64,
    },
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        code: &'static str,
        message: Cow<'static, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<&'a str>,
    },
    Refreshed {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<Timestamp>,
    },
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
    },
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct RosterChange<'a> {
    room: &'a RoomName,
    user: &'a UserName,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<&'a [UserName]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Member<'a> {
    user: &'a UserName,
    presence: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    status: Option<StatusFields<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Room<'a> {
    room: &'a RoomName,
    members: u32,
}

/// An instant as RFC 3339 text.
pub(super) struct Timestamp(Time);

#[cfg(feature = "schema")]
crate::dialect::schema::instant!(Timestamp);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Messages of one room, each in the shape of a live one.
pub(super) struct Messages<'a> {
    room: &'a RoomName,
    messages: &'a [Arc<Message>],
}

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.messages.len()))?;
        for message in self.messages {
            seq.serialize_element(&Outgoing::message(self.room, message))?;
        }
        seq.end()
    }
}

impl<'a> Outgoing<'a> {
    fn message(room: &'a RoomName, message: &'a Message) -> Self {
        Self::Message {
            room,
            user: &message.user,
            content: &message.content,
            timestamp: Timestamp(message.at),
            seq: message.seq,
            extra: message.extra.as_deref().map(ExtraFields::from),
        }
    }

    fn error(
        id: Option<RequestId>,
        key: Option<&'a str>,
        refusal: Refusal,
        detail: Option<&str>,
        retry_after_ms: Option<u64>,
    ) -> Self {
        let message = match detail {
            Some(detail) => Cow::Owned(format!("{} ({detail})", refusal.message())),
            None => Cow::Borrowed(refusal.message()),
        };
        Self::Error { id, code: refusal.code(), message, retry_after_ms, key }
    }
}

impl<'a> From<&'a Event<'a>> for Outgoing<'a> {
    fn from(event: &'a Event<'a>) -> Self {
        match *event {
            Event::Welcome { user, session, secret, resumed, generation, limits } => Self::Welcome {
                user,
                session: session.to_string(),
                secret: secret.reveal(),
                resumed,
                generation,
                limits: limits.into(),
            },
            Event::Ack { id, key, room, placed } => {
                let position = placed.map(|placed| placed.position);
                Self::Ack { id, room, epoch: position.map(|p| p.epoch), seq: position.map(|p| p.seq), key }
            }
            Event::Joined { room, joined, .. } => {
                let (verdict, from, to) = match joined.verdict {
                    Verdict::Full => ("full", None, None),
                    Verdict::Gap { from, to } => ("gap", Some(from), Some(to)),
                    Verdict::Reset => ("reset", None, None),
                };
                let Position { epoch, seq } = joined.head;
                let (next, known_since) = (joined.next, joined.known_since);
                Self::Joined { room, epoch, seq, verdict, next, known_since, from, to }
            }
            Event::Left { id, room, position: Position { epoch, seq }, kicked } => {
                Self::Left { room, epoch, seq, id, kicked }
            }
            Event::Created { id, room, position } => Self::Created { room, epoch: position.epoch, id },
            Event::Message { room, message, .. } => Self::message(room, message),
            Event::History { id, room, epoch, messages, more } => {
                Self::History { room, messages: Messages { room, messages }, epoch, more, id }
            }
            Event::Gap { room, epoch, from, to } => Self::Gap { room, epoch, from, to },
            Event::Lagged { room, next } => Self::Lagged { room, epoch: next.epoch, next: next.seq },
            Event::UserJoined { room, user, roster } => {
                Self::UserJoined(RosterChange::new(room, user, roster))
            }
            Event::UserLeft { room, user, roster, .. } => {
                Self::UserLeft(RosterChange::new(room, user, roster))
            }
            Event::MembersChanged { room, joined, left, count } => {
                let left = left.iter().map(|(user, _)| user).collect();
                Self::MembersChanged { room, joined, left, count }
            }
            Event::Presence { room, user, presence, .. } => {
                Self::Presence { room, user, status: presence.word() }
            }
            Event::Members { id, room, members, count, more } => {
                Self::Members { room, members: members.iter().map(Member::from).collect(), count, more, id }
            }
            Event::Rooms { id, rooms, more } => {
                let rooms =
                    rooms.iter().map(|view| Room { room: &view.room, members: view.members }).collect();
                Self::Rooms { rooms, more, id }
            }
            Event::Status { room, user, status } => Self::Status { room, user, status: status.into() },
            Event::Task { room, user, task, assigned: _ } => Self::Task { room, user, task: task.into() },
            Event::Warning { refusal, count, retry_after } => Self::Warning {
                code: refusal.code(),
                message: refusal.message(),
                count,
                retry_after_ms: millis_up(retry_after),
            },
            Event::Error { id, key, refusal, detail, retry_after } => {
                Self::error(id, key, refusal, detail, retry_after.map(millis_up))
            }
            Event::Refreshed { id, expires } => Self::Refreshed { id, expires: expires.map(Timestamp) },
            Event::Pong { id } => Self::Pong { id },
            Event::Health { .. } => unreachable!("is told to those whose dialect has a frame for it"),
        }
    }
}

impl<'a> RosterChange<'a> {
    fn new(room: &'a RoomName, user: &'a UserName, roster: &'a Roster) -> Self {
        match roster {
            Roster::Names(names) => Self { room, user, members: Some(names), count: None },
            Roster::Count(count) => {
                Self { room, user, members: None, count: Some(*count - planted!(RosterCountShort, 1, 0)) }
            }
        }
    }
}

impl<'a> From<&'a MemberView> for Member<'a> {
    fn from(view: &'a MemberView) -> Self {
        let is_online = planted!(AwayListedOnline, true, view.is_online());
        let presence = if is_online { Presence::Online } else { Presence::Offline };
        Self {
            user: &view.user,
            presence: presence.word(),
            status: view.status.as_ref().map(StatusFields::from),
        }
    }
}

/// Whole milliseconds.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Whole milliseconds, rounded up: who waits this long is not early.
pub(in crate::dialect) fn millis_up(span: Duration) -> u64 {
    u64::try_from(span.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

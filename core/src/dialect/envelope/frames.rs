//! The frames a server sends, fields in wire order. What specification 2 shows comes first in a payload, spelled and
//! ordered as there; what it does not show follows.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeSeq};
use serde_json::value::RawValue;

use crate::{
    dialect::chat::millis_up,
    gateway::Counters,
    id::{Epoch, Position, Seq},
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{Extra, Kind, MemberView, Message, PRIORITY_NORMAL, RoomView, Roster, Status},
    time::Time,
};

/// A frame (S2.2).
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Frame<'a> {
    #[serde(flatten)]
    pub(super) said: Outgoing<'a>,
    pub(super) timestamp: u64,
    #[serde(rename = "messageId")]
    pub(super) message_id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) priority: Option<u8>,
}

/// A type and its payload.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "payload", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Outgoing<'a> {
    Connected {
        user_id: &'a UserName,
    },
    JoinRoom {
        room_id: &'a RoomName,
        #[serde(flatten)]
        roster: Members<'a>,
        epoch: Epoch,
        seq: Seq,
        verdict: &'static str,
        next: Seq,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<Seq>,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<Seq>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<&'a str>,
    },
    LeaveRoom {
        room_id: &'a RoomName,
        epoch: Epoch,
        seq: Seq,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        kicked: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<&'a str>,
    },
    Message {
        room_id: &'a RoomName,
        content: &'a str,
        metadata: Metadata<'a>,
        sender_id: &'a UserName,
        seq: Seq,
    },
    MessageReceived {
        message_id: &'a str,
        room_id: &'a RoomName,
        sender_id: &'a UserName,
        timestamp: u64,
        epoch: Epoch,
        seq: Seq,
    },
    CreateRoom {
        room_id: &'a RoomName,
        epoch: Epoch,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<&'a str>,
    },
    Done {
        room_id: &'a RoomName,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<&'a str>,
    },
    History {
        room_id: &'a RoomName,
        #[cfg_attr(feature = "schema", schemars(with = "Vec<Frame<'a>>"))]
        messages: Messages<'a>,
        epoch: Epoch,
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<&'a str>,
    },
    Gap {
        room_id: &'a RoomName,
        epoch: Epoch,
        from: Seq,
        to: Seq,
    },
    Lagged {
        room_id: &'a RoomName,
        epoch: Epoch,
        next: Seq,
    },
    UserJoined {
        room_id: &'a RoomName,
        user_id: &'a UserName,
        #[serde(flatten)]
        roster: Members<'a>,
    },
    UserLeft {
        room_id: &'a RoomName,
        user_id: &'a UserName,
        #[serde(flatten)]
        roster: Members<'a>,
    },
    MembersChanged {
        room_id: &'a RoomName,
        joined: &'a [UserName],
        left: Vec<&'a UserName>,
        count: u32,
    },
    Presence {
        room_id: &'a RoomName,
        user_id: &'a UserName,
        status: &'static str,
    },
    Members {
        room_id: &'a RoomName,
        members: Vec<Member<'a>>,
        count: u32,
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<&'a str>,
    },
    Rooms {
        rooms: Vec<Room<'a>>,
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<&'a str>,
    },
    Status {
        room_id: &'a RoomName,
        user_id: &'a UserName,
        #[serde(flatten)]
        status: Standing<'a>,
    },
    TaskUpdate {
        task_id: &'a str,
        #[serde(flatten)]
        status: Standing<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<&'a RawValue>,
        room_id: &'a RoomName,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a UserName>,
    },
    TaskAssign {
        task_id: &'a str,
        assignee_id: &'a UserName,
        #[serde(skip_serializing_if = "Option::is_none")]
        priority: Option<u8>,
        room_id: &'a RoomName,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a UserName>,
    },
    Error {
        code: &'static str,
        message: Cow<'static, str>,
        details: Details<'a>,
    },
    HealthUpdate {
        status: &'static str,
        metrics: Metrics,
    },
    Refresh {
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<&'a str>,
    },
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<&'a str>,
    },
}

/// Who is in a room, or, of a large one, how many are.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) enum Members<'a> {
    Members(&'a [UserName]),
    Count(u32),
}

impl<'a> From<&'a Roster> for Members<'a> {
    fn from(roster: &'a Roster) -> Self {
        match roster {
            Roster::Names(names) => Self::Members(names),
            Roster::Count(count) => Self::Count(*count),
        }
    }
}

/// What a message says of itself (S2.5).
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<&'a str>,
}

impl<'a> Metadata<'a> {
    pub(super) fn of(extra: Option<&'a Extra>) -> Self {
        let kind = match extra.map(|extra| extra.kind) {
            Some(Kind::File) => "file",
            Some(Kind::System) => "system",
            // The specification knows no agents: what they say is text.
            Some(Kind::Text | Kind::Agent) | None => "text",
        };
        let file = extra.and_then(|extra| extra.file.as_ref());
        Self {
            kind,
            file_url: file.map(|file| &*file.url),
            file_name: file.and_then(|file| file.name.as_deref()),
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Member<'a> {
    user_id: &'a UserName,
    presence: &'static str,
    #[serde(flatten)]
    status: Standing<'a>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Room<'a> {
    room_id: &'a RoomName,
    members: u32,
}

/// How somebody, or a task, stands; nothing, where nobody has said so.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Standing<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl<'a> Standing<'a> {
    pub(super) fn of(status: Option<&'a Status>) -> Self {
        Self {
            status: status.map(|status| &*status.state),
            progress: status.and_then(|status| status.progress),
            detail: status.and_then(|status| status.detail.as_deref()),
        }
    }
}

/// What a program can make of an error (S2.9).
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    /// The number in the specification's table (S2.13).
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// How many requests were refused, where they are told in bulk.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

/// How the part of the server that holds the connection fares (S2.10).
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Metrics {
    connections: u64,
    rooms: u64,
    frames_in: u64,
    messages_in: u64,
    deliveries_out: u64,
    outbox_bytes: u64,
    lagged: u64,
    slow_closed: u64,
    uptime_seconds: u64,
}

/// Messages of one room, each in the shape of a live one.
pub(super) struct Messages<'a> {
    pub(super) room: &'a RoomName,
    pub(super) epoch: Epoch,
    pub(super) messages: &'a [Arc<Message>],
}

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.messages.len()))?;
        for message in self.messages {
            seq.serialize_element(&Frame::message(self.room, self.epoch, message))?;
        }
        seq.end()
    }
}

impl<'a> Frame<'a> {
    /// A message: its name is its sender's, or its place.
    pub(super) fn message(room: &'a RoomName, epoch: Epoch, message: &'a Message) -> Self {
        let Message { seq, at, user, content, extra } = message;
        let extra = extra.as_deref();
        let timestamp = millis(*at);
        let message_id = match extra.and_then(|extra| extra.key.as_deref()) {
            Some(key) => key.into(),
            None => Position::new(epoch, *seq).to_string().into(),
        };
        let priority = extra.map(|extra| extra.priority).filter(|&priority| priority != PRIORITY_NORMAL);
        let metadata = Metadata::of(extra);
        let said = Outgoing::Message { room_id: room, content, metadata, sender_id: user, seq: *seq };
        Self { said, timestamp, message_id, priority }
    }
}

impl<'a> Member<'a> {
    pub(super) fn of(view: &'a MemberView) -> Self {
        let presence = if view.is_online() { "online" } else { "offline" };
        Self { user_id: &view.user, presence, status: Standing::of(view.status.as_ref()) }
    }
}

impl<'a> Room<'a> {
    pub(super) const fn of(view: &'a RoomView) -> Self {
        Self { room_id: &view.room, members: view.members }
    }
}

impl Metrics {
    pub(super) const fn of(counters: &Counters, uptime: Duration) -> Self {
        Self {
            connections: counters.connections,
            rooms: counters.rooms,
            frames_in: counters.frames_in,
            messages_in: counters.messages_in,
            deliveries_out: counters.deliveries_out,
            outbox_bytes: counters.outbox_bytes,
            lagged: counters.lagged,
            slow_closed: counters.slow_closed,
            uptime_seconds: uptime.as_secs(),
        }
    }
}

impl<'a> Details<'a> {
    pub(super) fn of(
        refusal: Refusal,
        message_id: Option<&'a str>,
        retry_after: Option<Duration>,
        count: Option<u64>,
    ) -> Self {
        let error_code = super::disconnect(refusal).map(crate::Disconnect::code);
        Self { message_id, error_code, retry_after_ms: retry_after.map(millis_up), count }
    }
}

/// An instant as JavaScript counts it.
pub(super) const fn millis(at: Time) -> u64 {
    at.0 / 1000
}

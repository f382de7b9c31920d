//! What the server says: payloads in envelopes. What specification 2 shows comes first in a payload, spelled and ordered
//! as there; what it does not show follows.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeSeq};
use serde_json::value::RawValue;

use crate::{
    dialect::{Event, Payloads, Sending, chat::millis_up},
    id::{Epoch, Position, Seq},
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{
        Extra, Joined, Kind, MemberView, Message, PRIORITY_NORMAL, Placed, RoomView, Roster, Status, Task,
        Verdict,
    },
    time::Time,
};

/// A frame (S2.2).
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Frame<'a> {
    #[serde(flatten)]
    said: Outgoing<'a>,
    timestamp: u64,
    #[serde(rename = "messageId")]
    message_id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
}

/// A type and its payload.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "payload", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Outgoing<'a> {
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
        left: &'a [UserName],
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
enum Members<'a> {
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
struct Metadata<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<&'a str>,
}

impl<'a> Metadata<'a> {
    fn of(extra: Option<&'a Extra>) -> Self {
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
struct Member<'a> {
    user_id: &'a UserName,
    presence: &'static str,
    #[serde(flatten)]
    status: Standing<'a>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Room<'a> {
    room_id: &'a RoomName,
    members: u32,
}

/// How somebody, or a task, stands; nothing, where nobody has said so.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Standing<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl<'a> Standing<'a> {
    fn of(status: Option<&'a Status>) -> Self {
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
struct Details<'a> {
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
struct Metrics {
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
struct Messages<'a> {
    room: &'a RoomName,
    epoch: Epoch,
    messages: &'a [Arc<Message>],
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

/// What an answer names.
#[derive(Clone, Copy, Default)]
pub(super) struct About<'a> {
    /// The request's `messageId`.
    pub(super) reply_to: Option<&'a str>,
    /// Whom the connection speaks for.
    pub(super) user: Option<&'a UserName>,
}

/// The name of a frame, or of a message that came without one: another one for each that any server writes.
pub(super) fn serial_name(sending: Sending, index: usize) -> String {
    format!("{:x}-{:x}-{index:x}", sending.gateway.0, sending.serial)
}

/// Writes an event.
pub(super) fn write(event: &Event<'_>, about: About<'_>, payloads: &mut Payloads) {
    let reply_to = about.reply_to;
    let said = match *event {
        Event::Welcome { user, .. } => Outgoing::Connected { user_id: user },
        Event::Ack { key: Some(message_id), room, placed: Some(placed), .. } => {
            return receipt(message_id, room, placed, about, payloads);
        }
        Event::Joined { room, joined, .. } => joined_room(room, joined, reply_to),
        Event::Left { room, position: Position { epoch, seq }, kicked, .. } => {
            Outgoing::LeaveRoom { room_id: room, epoch, seq, kicked, reply_to }
        }
        Event::Message { room, epoch, message } => {
            return put_frame(&Frame::message(room, epoch, message), payloads);
        }
        // Nobody has asked for it: it is what was missed, or what a join wanted to see.
        Event::History { id: None, room, epoch, messages, .. } => {
            let frames = messages.iter().map(|message| Frame::message(room, epoch, message));
            return frames.for_each(|frame| put_frame(&frame, payloads));
        }
        Event::History { room, messages, epoch, more, .. } => {
            let messages = Messages { room, epoch, messages };
            Outgoing::History { room_id: room, messages, epoch, more, reply_to }
        }
        Event::Gap { room, epoch, from, to } => Outgoing::Gap { room_id: room, epoch, from, to },
        Event::Lagged { room, next: Position { epoch, seq: next } } => {
            Outgoing::Lagged { room_id: room, epoch, next }
        }
        Event::UserJoined { room, user, roster } => {
            Outgoing::UserJoined { room_id: room, user_id: user, roster: roster.into() }
        }
        Event::UserLeft { room, user, roster, .. } => {
            Outgoing::UserLeft { room_id: room, user_id: user, roster: roster.into() }
        }
        Event::MembersChanged { room, joined, left, count } => {
            Outgoing::MembersChanged { room_id: room, joined, left, count }
        }
        Event::Presence { room, user, presence, .. } => {
            Outgoing::Presence { room_id: room, user_id: user, status: presence.word() }
        }
        Event::Members { room, members, count, more, .. } => {
            let members = members.iter().map(Member::of).collect();
            Outgoing::Members { room_id: room, members, count, more, reply_to }
        }
        Event::Rooms { rooms, more, .. } => {
            Outgoing::Rooms { rooms: rooms.iter().map(Room::of).collect(), more, reply_to }
        }
        Event::Status { room, user, status } => {
            Outgoing::Status { room_id: room, user_id: user, status: Standing::of(Some(status)) }
        }
        Event::Task { room, user, task, assigned } => {
            return write_task(room, user, task, assigned, payloads);
        }
        Event::Warning { refusal, count, retry_after } => {
            let details = Details::of(refusal, None, Some(retry_after), Some(count));
            Outgoing::Error { code: refusal.code(), message: refusal.message().into(), details }
        }
        Event::Error { key, refusal, detail, retry_after, .. } => Outgoing::Error {
            code: refusal.code(),
            message: sentence(refusal, detail),
            details: Details::of(refusal, key.or(reply_to), retry_after, None),
        },
        Event::Health { condition, counters, uptime } => Outgoing::HealthUpdate {
            status: condition.word(),
            metrics: Metrics {
                connections: counters.connections,
                rooms: counters.rooms,
                frames_in: counters.frames_in,
                messages_in: counters.messages_in,
                deliveries_out: counters.deliveries_out,
                outbox_bytes: counters.outbox_bytes,
                lagged: counters.lagged,
                slow_closed: counters.slow_closed,
                uptime_seconds: uptime.as_secs(),
            },
        },
        Event::Refreshed { expires, .. } => Outgoing::Refresh { expires: expires.map(millis), reply_to },
        Event::Pong { .. } => Outgoing::Pong { reply_to },
        // The room's own frame says that it was heard.
        Event::Ack { .. } | Event::Created { .. } => return,
    };
    put(said, payloads);
}

/// A receipt: its instant is the message's own (S2.6).
fn receipt(message_id: &str, room: &RoomName, placed: Placed, about: About<'_>, payloads: &mut Payloads) {
    let Placed { position: Position { epoch, seq }, at } = placed;
    let sender_id = about.user.expect("who speaks is known");
    let timestamp = millis(at);
    put(Outgoing::MessageReceived { message_id, room_id: room, sender_id, timestamp, epoch, seq }, payloads);
}

fn joined_room<'a>(room: &'a RoomName, joined: &'a Joined, reply_to: Option<&'a str>) -> Outgoing<'a> {
    let (verdict, from, to) = match joined.verdict {
        Verdict::Full => ("full", None, None),
        Verdict::Gap { from, to } => ("gap", Some(from), Some(to)),
        Verdict::Reset => ("reset", None, None),
    };
    let Position { epoch, seq } = joined.head;
    let (roster, next) = ((&joined.roster).into(), joined.next);
    Outgoing::JoinRoom { room_id: room, roster, epoch, seq, verdict, next, from, to, reply_to }
}

/// Whose a task is, if that was said just now or is what a newcomer finds; and where it stands, if anybody has said so.
fn write_task(
    room: &RoomName,
    user: Option<&UserName>,
    task: &Task,
    assigned: bool,
    payloads: &mut Payloads,
) {
    let Task { task: task_id, status, assignee, priority, metadata } = task;
    if let Some(assignee_id) = assignee.as_ref().filter(|_| assigned || user.is_none()) {
        let priority = *priority;
        put(Outgoing::TaskAssign { task_id, assignee_id, priority, room_id: room, user_id: user }, payloads);
    }
    if status.is_some() || metadata.is_some() {
        let status = Standing::of(status.as_ref());
        // It was checked when it came in.
        let metadata = metadata.as_deref().and_then(|json| serde_json::from_str(json).ok());
        put(Outgoing::TaskUpdate { task_id, status, metadata, room_id: room, user_id: user }, payloads);
    }
}

fn sentence(refusal: Refusal, detail: Option<&str>) -> Cow<'static, str> {
    match detail {
        Some(detail) => format!("{} ({detail})", refusal.message()).into(),
        None => refusal.message().into(),
    }
}

/// Writes a frame that has its name from the server.
fn put(said: Outgoing<'_>, payloads: &mut Payloads) {
    let message_id = serial_name(payloads.sending, payloads.count()).into();
    let timestamp = millis(payloads.sending.now);
    put_frame(&Frame { said, timestamp, message_id, priority: None }, payloads);
}

fn put_frame(frame: &Frame<'_>, payloads: &mut Payloads) {
    payloads.add(|payload| {
        serde_json::to_writer(payload, frame)
            .expect("a Vec takes every byte and no key is anything but text");
    });
}

impl<'a> Frame<'a> {
    /// A message: its name is its sender's, or its place.
    fn message(room: &'a RoomName, epoch: Epoch, message: &'a Message) -> Self {
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
    fn of(view: &'a MemberView) -> Self {
        let presence = if view.is_online() { "online" } else { "offline" };
        Self { user_id: &view.user, presence, status: Standing::of(view.status.as_ref()) }
    }
}

impl<'a> Room<'a> {
    const fn of(view: &'a RoomView) -> Self {
        Self { room_id: &view.room, members: view.members }
    }
}

impl<'a> Details<'a> {
    fn of(
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
const fn millis(at: Time) -> u64 {
    at.0 / 1000
}

//! What the server says: events become frames.

use std::borrow::Cow;

use super::frames::{Details, Frame, Member, Messages, Metrics, Outgoing, Room, Standing, millis};
use crate::{
    dialect::{Event, Payloads, Sending},
    id::Position,
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{Joined, Placed, Task, Verdict},
};

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
        Event::Ack { room, .. } => Outgoing::Done { room_id: room, reply_to },
        Event::Created { room, position, .. } => {
            Outgoing::CreateRoom { room_id: room, epoch: position.epoch, reply_to }
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
            let left = left.iter().map(|(user, _)| user).collect();
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
        Event::Health { condition, counters, uptime } => {
            Outgoing::HealthUpdate { status: condition.word(), metrics: Metrics::of(counters, uptime) }
        }
        Event::Refreshed { expires, .. } => Outgoing::Refresh { expires: expires.map(millis), reply_to },
        Event::Pong { .. } => Outgoing::Pong { reply_to },
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

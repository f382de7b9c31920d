//! Specification 2: a payload in an envelope with an instant and a name.

use std::{borrow::Cow, collections::BTreeSet, time::Duration};

use serde_json::json;

use crate::{judge::health::Vitals, record::digest};

use super::{
    Carried, Health, Heard, Hearing, Kind, Mood, Wish,
    chat::{changed, standing},
    fields::Fields,
    key, number_of, position, refusal, to_json,
};

/// Asks for a sign of life.
pub(super) const PING: &str = r#"{"type":"ping","payload":{}}"#;

/// What a node tells of itself.
const VITALS: [&str; 8] = [
    "connections",
    "rooms",
    "framesIn",
    "messagesIn",
    "deliveriesOut",
    "outboxBytes",
    "lagged",
    "slowClosed",
];

/// What a user wants.
pub(super) fn says(wish: Wish<'_>) -> Option<String> {
    let frame = match wish {
        Wish::Join { room } => json!({"type": "joinRoom", "payload": {"roomId": room}}),
        Wish::Leave { room } => json!({"type": "leaveRoom", "payload": {"roomId": room}}),
        Wish::Say { room, content, number } => json!({
            "type": "message",
            "payload": {"roomId": room, "content": content, "metadata": {"type": "text"}},
            "timestamp": 1_795_237_380_000_u64,
            "messageId": key(number),
        }),
        Wish::Typing { room, on } => json!({"type": "typing", "payload": {"roomId": room, "typing": on}}),
        Wish::Status { room, state } => {
            json!({"type": "status", "payload": {"roomId": room, "status": state}})
        }
        Wish::Task { room, task, state } => {
            json!({"type": "taskUpdate", "payload": {"roomId": room, "taskId": task, "status": state}})
        }
    };
    Some(to_json(&frame))
}

/// The names of the frames that were read on a connection, but for messages, which may be read again.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<u64>);

pub(super) fn reads(text: &str, names: &mut Names) -> Hearing {
    let mut envelope = Fields::parse(text)?;
    let at = envelope.number("timestamp")?;
    let name = envelope.word("messageId")?;
    let (kind, mut payload, priority) = open(&mut envelope)?;
    if kind != "message" && !names.0.insert(digest::bytes(name.as_bytes())) {
        return Err(format!("another frame was called {name:?}"));
    }
    let heard = match &*kind {
        "healthUpdate" => vec![Heard::Health(health(at, &mut payload)?)],
        "membersChanged" => changed(&mut payload, "roomId")?,
        "message" => {
            vec![message(
                &mut payload,
                at,
                Carried { key: number_of(&name), priority, ..Carried::default() },
            )?]
        }
        _ => vec![frame(&kind, &mut payload)?],
    };
    payload.end()?;
    envelope.end()?;
    Ok(heard)
}

/// The type, the payload, and how urgent it is.
fn open<'a>(envelope: &mut Fields<'a>) -> Result<(Cow<'a, str>, Fields<'a>, Option<u64>), String> {
    let priority = envelope.maybe_number("priority")?;
    if priority.is_some_and(|priority| priority > 4) {
        return Err("there are five priorities".to_owned());
    }
    Ok((envelope.word("type")?, envelope.object("payload")?, priority))
}

fn frame(kind: &str, payload: &mut Fields<'_>) -> Result<Heard, String> {
    Ok(match kind {
        "connected" => {
            payload.word("userId")?;
            Heard::Welcome
        }
        "joinRoom" => {
            let standing = Some(standing(payload)?);
            payload.roster()?;
            payload.pass(&["replyTo"]);
            Heard::Entered { room: payload.text("roomId")?, standing }
        }
        "leaveRoom" => {
            let position = Some(position(payload.number("epoch")?, payload.number("seq")?));
            payload.pass(&["replyTo", "kicked"]);
            Heard::Gone { room: payload.text("roomId")?, position }
        }
        "messageReceived" => {
            payload.word("roomId")?;
            payload.word("senderId")?;
            let at = Some(payload.number("timestamp")?);
            let position = Some(position(payload.number("epoch")?, payload.number("seq")?));
            let number = number_of(&payload.word("messageId")?).ok_or("nobody has sent this")?;
            Heard::Accepted { number, position, at }
        }
        "userJoined" => {
            payload.roster()?;
            Heard::Came { room: payload.text("roomId")?, user: payload.text("userId")? }
        }
        "userLeft" => {
            payload.roster()?;
            Heard::Went { room: payload.text("roomId")?, user: payload.text("userId")? }
        }
        "presence" => {
            let mood = Mood::from_word(&payload.word("status")?)?;
            Heard::Mood { room: payload.text("roomId")?, user: payload.text("userId")?, mood }
        }
        "status" => {
            let (room, user, state) =
                (payload.text("roomId")?, payload.text("userId")?, payload.text("status")?);
            payload.doing(Some(&state), "detail", "progress")?;
            Heard::Status { room, user, state }
        }
        "taskUpdate" => {
            payload.pass(&["metadata", "userId"]);
            let (room, task, state) =
                (payload.text("roomId")?, payload.text("taskId")?, payload.maybe_text("status")?);
            payload.doing(state.as_deref(), "detail", "progress")?;
            Heard::Task { room, task, state }
        }
        "taskAssign" => {
            payload.pass(&["priority", "userId"]);
            let (room, task) = (payload.text("roomId")?, payload.text("taskId")?);
            Heard::Given { room, task, user: payload.text("assigneeId")? }
        }
        "lagged" => {
            payload.number("epoch")?;
            payload.number("next")?;
            Heard::Behind { room: payload.text("roomId")? }
        }
        "gap" => {
            payload.number("epoch")?;
            let (from, to) = (payload.number("from")?, payload.number("to")?);
            Heard::Missing { room: payload.text("roomId")?, from, to }
        }
        "members" => {
            payload.number("count")?;
            payload.truth("more")?;
            payload.objects("members")?.into_iter().try_for_each(member)?;
            Heard::Listed { room: payload.text("roomId")? }
        }
        "pong" => {
            payload.pass(&["replyTo"]);
            Heard::Other
        }
        "error" => error(payload)?,
        other => return Err(format!("there is no type {other:?}")),
    })
}

fn health(at: u64, payload: &mut Fields<'_>) -> Result<Health, String> {
    let (word, mut metrics) = (payload.text("status")?, payload.object("metrics")?);
    let mut numbers = Vitals::default();
    for (number, name) in numbers.iter_mut().zip(VITALS) {
        *number = metrics.number(name)?;
    }
    let uptime = metrics.number("uptimeSeconds")?;
    metrics.end()?;
    Ok(Health { word, at, numbers, uptime })
}

fn message(payload: &mut Fields<'_>, at: u64, carried: Carried) -> Result<Heard, String> {
    let mut metadata = payload.object("metadata")?;
    let word = metadata.word("type")?;
    let kind = (word != "text").then(|| Kind::from_word(&word)).transpose()?;
    metadata.pass(&["fileUrl", "fileName"]);
    metadata.end()?;
    let (room, user, content) =
        (payload.text("roomId")?, payload.text("senderId")?, payload.text("content")?);
    Ok(Heard::Message {
        room,
        user,
        content,
        seq: Some(payload.number("seq")?),
        at,
        from_history: false,
        carried: Some(Carried { kind, ..carried }),
    })
}

fn member(mut member: Fields<'_>) -> Result<(), String> {
    member.word("userId")?;
    Mood::from_word(&member.word("presence")?)?;
    let state = member.maybe_text("status")?;
    member.doing(state.as_deref(), "detail", "progress")?;
    member.end()
}

fn error(payload: &mut Fields<'_>) -> Result<Heard, String> {
    payload.word("message")?;
    let mut details = payload.object("details")?;
    let message = details.maybe_text("messageId")?.and_then(|key| number_of(&key));
    let for_now = details.maybe_wait("retryAfterMs", Duration::from_millis(1))?.is_some();
    details.pass(&["errorCode", "count"]);
    details.end()?;
    Ok(Heard::Refused { refusal: refusal(&payload.word("code")?)?, message, for_now })
}

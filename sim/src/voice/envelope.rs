//! Specification 2: a payload in an envelope with an instant and a name.

use serde_json::{Value, json};

use super::{
    Heard, Hearing, Mood, Wish,
    chat::{changed, standing},
    fields::Fields,
    key, number_of, position, refusal,
};

/// What a user wants; there is nothing to say about what one does.
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
        Wish::Status { .. } => return None,
        Wish::Task { room, task, state } => {
            json!({"type": "taskUpdate", "payload": {"roomId": room, "taskId": task, "status": state}})
        }
    };
    Some(frame.to_string())
}

pub(super) fn reads(text: &str) -> Hearing {
    let mut envelope = Fields::parse(text)?;
    let (kind, mut payload) = open(&mut envelope)?;
    let heard = match kind.as_str() {
        "membersChanged" => changed(&mut payload, "roomId")?,
        _ => vec![frame(&kind, &mut payload)?],
    };
    payload.end()?;
    envelope.end()?;
    Ok(heard)
}

/// The type and the payload.
fn open(envelope: &mut Fields) -> Result<(String, Fields), String> {
    envelope.number("timestamp")?;
    envelope.text("messageId")?;
    if envelope.maybe_number("priority")?.is_some_and(|priority| priority > 4) {
        return Err("there are five priorities".to_owned());
    }
    Ok((envelope.text("type")?, envelope.object("payload")?))
}

fn frame(kind: &str, payload: &mut Fields) -> Result<Heard, String> {
    Ok(match kind {
        "connected" => {
            payload.text("userId")?;
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
        "message" => message(payload)?,
        "messageReceived" => {
            payload.text("roomId")?;
            payload.text("senderId")?;
            payload.number("timestamp")?;
            let position = Some(position(payload.number("epoch")?, payload.number("seq")?));
            let number = number_of(&payload.text("messageId")?).ok_or("nobody has sent this")?;
            Heard::Accepted { number, position }
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
            let mood = Mood::from_word(&payload.text("status")?)?;
            Heard::Mood { room: payload.text("roomId")?, user: payload.text("userId")?, mood }
        }
        "status" => {
            payload.pass(&["detail", "progress"]);
            let (room, user) = (payload.text("roomId")?, payload.text("userId")?);
            Heard::Status { room, user, state: payload.text("status")? }
        }
        "taskUpdate" => {
            payload.pass(&["detail", "progress", "metadata", "userId"]);
            let (room, task) = (payload.text("roomId")?, payload.text("taskId")?);
            Heard::Task { room, task, state: payload.maybe_text("status")? }
        }
        "taskAssign" => {
            payload.text("assigneeId")?;
            payload.text("roomId")?;
            payload.text("taskId")?;
            payload.pass(&["priority", "userId"]);
            Heard::Other
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
            payload.text("roomId")?;
            payload.number("count")?;
            payload.truth("more")?;
            payload.list("members")?.into_iter().try_for_each(member)?;
            Heard::Other
        }
        "healthUpdate" => {
            payload.text("status")?;
            payload.object("metrics")?;
            Heard::Other
        }
        "error" => error(payload)?,
        other => return Err(format!("there is no type {other:?}")),
    })
}

fn message(payload: &mut Fields) -> Result<Heard, String> {
    let mut metadata = payload.object("metadata")?;
    metadata.text("type")?;
    metadata.pass(&["fileUrl", "fileName"]);
    metadata.end()?;
    let (room, user, content) =
        (payload.text("roomId")?, payload.text("senderId")?, payload.text("content")?);
    Ok(Heard::Message { room, user, content, seq: Some(payload.number("seq")?), from_history: false })
}

fn member(member: Value) -> Result<(), String> {
    let mut member = Fields::of(member)?;
    member.text("userId")?;
    Mood::from_word(&member.text("presence")?)?;
    member.pass(&["status", "detail", "progress"]);
    member.end()
}

fn error(payload: &mut Fields) -> Result<Heard, String> {
    payload.text("message")?;
    let mut details = payload.object("details")?;
    let message = details.maybe_text("messageId")?.and_then(|key| number_of(&key));
    let for_now = details.maybe_number("retryAfterMs")?.is_some();
    details.pass(&["errorCode", "count"]);
    details.end()?;
    Ok(Heard::Refused { refusal: refusal(&payload.text("code")?)?, message, for_now })
}

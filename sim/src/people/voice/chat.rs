//! Specification 0's own frames, without a session: the user is named in each.

use chinwag_core::{Epoch, Seq, UserName};
use serde_json::json;

use super::{
    Carried, Heard, Hearing, Mood, Plea, Standing, Wish, fields::Fields, key, number_of, position, refusal,
    to_json,
};

pub(super) fn says(user: &UserName, wish: Wish<'_>) -> String {
    let user = user.as_str();
    let frame = match wish {
        Wish::Join { room } => json!({"type": "join", "room": room, "user": user}),
        Wish::Leave { room } => json!({"type": "leave", "room": room, "user": user}),
        Wish::Say { room, content, number } => {
            json!({"type": "message", "room": room, "content": content, "user": user, "key": key(number)})
        }
        Wish::Typing { room, on } => json!({"type": "typing", "room": room, "user": user, "typing": on}),
        Wish::Status { room, state } => json!({"type": "status", "room": room, "state": state}),
        Wish::Task { room, task, state } => {
            json!({"type": "task", "room": room, "task": task, "state": state})
        }
    };
    to_json(&frame)
}

/// A message with all that it carries.
pub(super) fn carries(user: &UserName, room: &str, content: &str, number: u64) -> String {
    let mut frame = json!({"type": "message", "room": room, "content": content, "user": user.as_str()});
    Carried::said(number).put(&mut frame);
    to_json(&frame)
}

pub(super) fn pleads(user: &UserName, room: &str, plea: Plea<'_>, number: u64) -> String {
    let user = user.as_str();
    let frame = match plea {
        Plea::Enter { history: None } => json!({"type": "join", "room": room, "user": user, "id": number}),
        Plea::Enter { history } => {
            json!({"type": "join", "room": room, "user": user, "limit": history, "id": number})
        }
        Plea::Found { private } => {
            json!({"type": "create", "room": room, "user": user, "private": private, "id": number})
        }
        Plea::Invite { whom } => {
            json!({"type": "invite", "room": room, "user": user, "whom": whom, "id": number})
        }
        Plea::Renew { token } => json!({"type": "refresh", "token": token, "id": number}),
        Plea::Try { frame } => {
            let mut frame = frame.clone();
            (frame["room"], frame["user"], frame["id"]) = (room.into(), user.into(), number.into());
            frame
        }
        Plea::Run { on } => {
            let kind = if on { "start" } else { "stop" };
            json!({"type": kind, "room": room, "user": user, "id": number})
        }
        Plea::See { seq } => {
            json!({"type": "seen", "room": room, "user": user, "seq": seq.0, "id": number})
        }
        Plea::Kick { whom } => {
            json!({"type": "kick", "room": room, "user": user, "whom": whom, "id": number})
        }
    };
    to_json(&frame)
}

pub(super) fn reads(text: &str) -> Hearing {
    let mut fields = Fields::parse(text)?;
    let kind = fields.word("type")?;
    let heard = frame(&kind, &mut fields)?;
    fields.end()?;
    Ok(heard)
}

fn frame(kind: &str, fields: &mut Fields<'_>) -> Hearing {
    let heard = match kind {
        "joined" => {
            let standing = standing(fields)?;
            fields.number("known_since")?;
            Heard::Entered { room: fields.text("room")?, standing: Some(standing) }
        }
        "left" => {
            let position = position(fields.number("epoch")?, fields.number("seq")?);
            match (fields.text("room")?, fields.maybe_truth("kicked")?) {
                (room, Some(true)) => Heard::SentAway { room, position },
                (room, Some(false) | None) => Heard::Gone { room, position: Some(position) },
            }
        }
        "message" => message(fields, false)?,
        "history" => return history(fields),
        "refreshed" => {
            fields.pass(&["expires"]);
            Heard::Renewed { plea: fields.number("id")? }
        }
        "created" => {
            let (room, epoch) = (fields.text("room")?, Epoch(fields.number("epoch")?));
            Heard::Made { room, epoch, plea: fields.number("id")? }
        }
        "ack" => {
            fields.word("room")?;
            if let Some(plea) = fields.maybe_number("id")? {
                return Ok(vec![Heard::Granted { plea }]);
            }
            let position = Some(position(fields.number("epoch")?, fields.number("seq")?));
            let number = number_of(&fields.word("key")?).ok_or("nobody has sent this")?;
            Heard::Accepted { number, position, at: None }
        }
        "user_joined" => {
            fields.roster()?;
            Heard::Came { room: fields.text("room")?, user: fields.text("user")? }
        }
        "user_left" => {
            fields.roster()?;
            Heard::Went { room: fields.text("room")?, user: fields.text("user")? }
        }
        "members_changed" => return changed(fields, "room"),
        "presence" => {
            let mood = Mood::from_word(&fields.word("status")?)?;
            Heard::Mood { room: fields.text("room")?, user: fields.text("user")?, mood }
        }
        "status" => {
            let (room, user, state) = (fields.text("room")?, fields.text("user")?, fields.text("state")?);
            fields.doing(Some(&state), "detail", "progress")?;
            Heard::Status { room, user, state }
        }
        "task" => {
            fields.pass(&["user", "assignee", "priority", "metadata", "assigned"]);
            let (room, task, state) =
                (fields.text("room")?, fields.text("task")?, fields.maybe_text("state")?);
            fields.doing(state.as_deref(), "detail", "progress")?;
            Heard::Task { room, task, state }
        }
        "lagged" => {
            fields.number("epoch")?;
            fields.number("next")?;
            Heard::Behind { room: fields.text("room")? }
        }
        "gap" => {
            fields.number("epoch")?;
            let (from, to) = (fields.number("from")?, fields.number("to")?);
            Heard::Missing { room: fields.text("room")?, from, to }
        }
        "members" => {
            fields.objects("members")?;
            fields.number("count")?;
            fields.truth("more")?;
            Heard::Listed { room: fields.text("room")? }
        }
        "warning" => {
            fields.word("message")?;
            fields.number("count")?;
            fields.number("retry_after_ms")?;
            Heard::Refused { refusal: refusal(&fields.word("code")?)?, message: None, for_now: true }
        }
        "error" => {
            fields.word("message")?;
            let for_now = fields.maybe_number("retry_after_ms")?.is_some();
            let message = fields.maybe_text("key")?.and_then(|key| number_of(&key));
            let refusal = refusal(&fields.word("code")?)?;
            match fields.maybe_number("id")? {
                Some(plea) => Heard::Denied { plea, refusal, for_now },
                None => Heard::Refused { refusal, message, for_now },
            }
        }
        other => return Err(format!("there is no type {other:?}")),
    };
    Ok(vec![heard])
}

fn message(fields: &mut Fields<'_>, from_history: bool) -> Result<Heard, String> {
    let at = fields.instant("timestamp")?;
    let carried = Some(Carried::take(fields)?);
    let (room, user, content) = (fields.text("room")?, fields.text("user")?, fields.text("content")?);
    Ok(Heard::Message { room, user, content, seq: Some(fields.number("seq")?), at, from_history, carried })
}

fn history(fields: &mut Fields<'_>) -> Hearing {
    fields.word("room")?;
    fields.number("epoch")?;
    fields.truth("more")?;
    let read = |mut fields: Fields<'_>| {
        if fields.word("type")? != "message" {
            return Err("a page holds messages".to_owned());
        }
        let heard = message(&mut fields, true)?;
        fields.end()?;
        Ok(heard)
    };
    fields.objects("messages")?.into_iter().map(read).collect()
}

/// Where a room stands, as `joined` says it and its namesakes in other dialects.
pub(super) fn standing(fields: &mut Fields<'_>) -> Result<Standing, String> {
    let head = position(fields.number("epoch")?, fields.number("seq")?);
    let next = Seq(fields.number("next")?);
    match (&*fields.word("verdict")?, fields.maybe_number("from")?, fields.maybe_number("to")?) {
        ("full" | "reset", None, None) => Ok(Standing { head, next, has_gap: false }),
        ("gap", Some(_), Some(_)) => Ok(Standing { head, next, has_gap: true }),
        (verdict, ..) => Err(format!("the verdict is {verdict}")),
    }
}

/// Who has come to and gone from a large room, in the dialects that call it like this.
pub(super) fn changed(fields: &mut Fields<'_>, room: &str) -> Hearing {
    fields.number("count")?;
    let (room, came, went) = (fields.text(room)?, fields.names("joined")?, fields.names("left")?);
    let came = came.into_iter().map(|user| Heard::Came { room: room.clone(), user });
    let went = went.into_iter().map(|user| Heard::Went { room: room.clone(), user });
    Ok(came.chain(went).collect())
}

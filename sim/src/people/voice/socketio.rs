//! Specification 3: events of Socket.IO 5 over Engine.IO 4. Messages have callbacks, other requests have none.

use std::time::Duration;

use chinwag_core::UserName;
use serde_json::json;

use super::{
    Carried, Heard, Hearing, Kind, Mood, Wish,
    chat::{changed, standing},
    fields::Fields,
    key, number_of, position, refusal, to_json,
};

const PING: &str = "2";
pub(super) const PONG: &str = "3";

pub(super) fn says(wish: Wish<'_>) -> String {
    let (name, data, callback) = match wish {
        Wish::Join { room } => ("room:join", json!({"room": room}), None),
        Wish::Leave { room } => ("room:leave", json!({"room": room}), None),
        Wish::Say { room, content, number } => {
            let data = json!({"room": room, "message": content, "id": key(number), "timestamp": 0});
            ("chat:message", data, Some(number))
        }
        Wish::Typing { room, on } => ("typing", json!({"room": room, "isTyping": on}), None),
        Wish::Status { room, state } => ("user:status", json!({"room": room, "status": state}), None),
        Wish::Task { room, task, state } => {
            ("task", json!({"room": room, "taskId": task, "status": state}), None)
        }
    };
    let callback = callback.map_or_else(String::new, |number| number.to_string());
    format!("42{callback}{}", to_json(&json!([name, data])))
}

/// What a client of this dialect says at once, whatever its user wants.
pub(super) fn answers(user: &UserName, packet: &str) -> Option<String> {
    match packet {
        PING => Some(PONG.to_owned()),
        _ if packet.starts_with('0') => Some(format!("40{}", to_json(&json!({"userId": user.as_str()})))),
        _ => None,
    }
}

pub(super) fn reads(packet: &str) -> Hearing {
    if packet == PING || packet == "41" {
        return Ok(vec![Heard::Other]);
    }
    if let Some(handshake) = packet.strip_prefix('0') {
        let mut fields = Fields::parse(handshake)?;
        fields.word("sid")?;
        fields.names("upgrades")?;
        fields.number("pingInterval")?;
        fields.number("pingTimeout")?;
        fields.number("maxPayload")?;
        fields.end()?;
        return Ok(vec![Heard::Other]);
    }
    let (kind, rest) = packet.split_at_checked(2).ok_or("it is no packet")?;
    match kind {
        "40" => {
            let mut fields = Fields::parse(rest)?;
            fields.word("sid")?;
            fields.end()?;
            Ok(vec![Heard::Welcome])
        }
        "44" => {
            let mut fields = Fields::parse(rest)?;
            fields.word("message")?;
            let mut data = fields.object("data")?;
            fields.end()?;
            let heard = refused(&mut data)?;
            data.end()?;
            Ok(vec![heard])
        }
        "43" => answer(rest),
        "42" => {
            let (name, mut body) = Fields::event(rest)?;
            body.pass(&["botId"]);
            let heard = event(&name, &mut body)?;
            body.end()?;
            Ok(heard)
        }
        _ => Err("there is no such packet".to_owned()),
    }
}

/// What a message's callback is called with.
fn answer(rest: &str) -> Hearing {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = rest[..digits].parse().map_err(|_| "nobody waits for this")?;
    let mut body = Fields::sole(&rest[digits..])?;
    let heard = if body.truth("ok")? {
        let at = Some(body.instant("timestamp")?);
        if number_of(&body.word("id")?) != Some(number) {
            return Err("it answers another one's callback".to_owned());
        }
        Heard::Accepted { number, position: None, at }
    } else {
        let mut error = body.object("error")?;
        error.pass(&["id"]);
        let heard = refused(&mut error)?;
        error.end()?;
        match heard {
            Heard::Refused { refusal, for_now, .. } => {
                Heard::Refused { refusal, message: Some(number), for_now }
            }
            other => other,
        }
    };
    body.end()?;
    Ok(vec![heard])
}

fn event(name: &str, body: &mut Fields<'_>) -> Hearing {
    let heard = match name {
        "chat:message" => message(body, false)?,
        "chat:history" => {
            body.word("room")?;
            body.number("epoch")?;
            body.truth("more")?;
            let read = |mut body: Fields<'_>| {
                body.pass(&["botId"]);
                let heard = message(&mut body, true)?;
                body.end()?;
                Ok(heard)
            };
            return body.objects("messages")?.into_iter().map(read).collect();
        }
        "room:joined" => {
            let standing = Some(standing(body)?);
            Heard::Entered { room: body.text("room")?, standing }
        }
        "room:left" => {
            let position = Some(position(body.number("epoch")?, body.number("seq")?));
            body.pass(&["kicked"]);
            Heard::Gone { room: body.text("room")?, position }
        }
        "user:joined" => {
            body.roster()?;
            Heard::Came { room: body.text("room")?, user: body.text("userId")? }
        }
        "user:left" => {
            body.roster()?;
            Heard::Went { room: body.text("room")?, user: body.text("userId")? }
        }
        "room:changed" => return changed(body, "room"),
        "presence" => {
            let mood = Mood::from_word(&body.word("status")?)?;
            Heard::Mood { room: body.text("room")?, user: body.text("userId")?, mood }
        }
        "typing" => {
            body.instant("timestamp")?;
            let mood = if body.truth("isTyping")? { Mood::Typing } else { Mood::Online };
            Heard::Mood { room: body.text("room")?, user: body.text("userId")?, mood }
        }
        "user:status" => {
            body.instant("timestamp")?;
            let (room, user, state) = (body.text("room")?, body.text("userId")?, body.text("status")?);
            body.doing(Some(&state), about(Some(&state)), "progress")?;
            Heard::Status { room, user, state }
        }
        "task" => {
            body.instant("timestamp")?;
            body.pass(&["assignee", "priority", "metadata", "userId", "assigned"]);
            let (room, task, state) = (body.text("room")?, body.text("taskId")?, body.maybe_text("status")?);
            body.doing(state.as_deref(), about(state.as_deref()), "progress")?;
            Heard::Task { room, task, state }
        }
        "room:members" => {
            body.objects("members")?;
            body.number("count")?;
            body.truth("more")?;
            Heard::Listed { room: body.text("room")? }
        }
        "chat:gap" => {
            body.number("epoch")?;
            let (from, to) = (body.number("from")?, body.number("to")?);
            Heard::Missing { room: body.text("room")?, from, to }
        }
        "chat:lagged" => {
            body.number("epoch")?;
            body.number("next")?;
            Heard::Behind { room: body.text("room")? }
        }
        "rate:limited" => {
            body.word("message")?;
            body.number("count")?;
            body.maybe_wait("retryAfter", Duration::from_millis(1))?.ok_or("it says for how long")?;
            Heard::Refused { refusal: refusal(&body.word("code")?)?, message: None, for_now: true }
        }
        "error" => refused(body)?,
        other => return Err(format!("there is no event {other:?}")),
    };
    Ok(vec![heard])
}

/// In which field it says what a state is about: an error is told apart.
fn about(state: Option<&str>) -> &'static str {
    if state == Some("error") { "error" } else { "message" }
}

fn message(body: &mut Fields<'_>, from_history: bool) -> Result<Heard, String> {
    let at = body.instant("timestamp")?;
    let carried = Carried {
        key: number_of(&body.word("id")?),
        reply_to: body.maybe_number("replyTo")?,
        kind: body.maybe_text("kind")?.map(|word| Kind::from_word(&word)).transpose()?,
        mentions: body.maybe_names("mentions")?.unwrap_or_default(),
        priority: body.maybe_number("priority")?,
        ..Carried::default()
    };
    body.word("sender")?;
    body.pass(&["status", "fileUrl", "fileName"]);
    let (room, user, content) = (body.text("room")?, body.text("userId")?, body.text("message")?);
    Ok(Heard::Message {
        room,
        user,
        content,
        seq: Some(body.number("seq")?),
        at,
        from_history,
        carried: Some(carried),
    })
}

fn refused(body: &mut Fields<'_>) -> Result<Heard, String> {
    body.word("message")?;
    let message = body.maybe_text("id")?.and_then(|key| number_of(&key));
    let for_now = body.maybe_wait("retryAfter", Duration::from_millis(1))?.is_some();
    Ok(Heard::Refused { refusal: refusal(&body.word("code")?)?, message, for_now })
}

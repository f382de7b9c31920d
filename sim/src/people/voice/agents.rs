//! Specification 4: `{type, data}` frames. There are no rooms: everybody is in the lobby.

use std::time::Duration;

use chinwag_core::{Refusal, UserName, name::LOBBY};
use serde_json::json;

use super::{Carried, Heard, Hearing, Kind, Mood, Wish, fields::Fields, refusal, to_json};

pub(super) fn greeting(user: &UserName) -> String {
    to_json(&json!({"type": "auth", "data": {"userId": user.as_str(), "role": "developer"}}))
}

/// What a user wants: to say something, or what they do.
pub(super) fn says(wish: Wish<'_>) -> Option<String> {
    let frame = match wish {
        Wish::Say { room: LOBBY, content, number } => {
            json!({"type": "message", "data": {"id": number, "text": content, "mentions": []}})
        }
        Wish::Status { room: LOBBY, state } => {
            json!({"type": "status_update", "data": {"status": state}})
        }
        _ => return None,
    };
    Some(to_json(&frame))
}

pub(super) fn reads(text: &str) -> Hearing {
    let mut frame = Fields::parse(text)?;
    let (kind, mut data) = (frame.word("type")?, frame.object("data")?);
    frame.end()?;
    let room = || LOBBY.to_owned();
    let heard = match &*kind {
        "auth_response" => return auth_response(data),
        "message" => {
            data.number("id")?;
            data.truth("isCommand")?;
            data.names("mentions")?;
            message(&mut data, None)?
        }
        "agent_response" => {
            data.number("id")?;
            data.pass(&["agentStatus"]);
            message(&mut data, Some(Kind::Agent))?
        }
        "status_update" => {
            let (user, state) = (data.text("userId")?, data.text("status")?);
            data.doing(Some(&state), "currentTask", "progress")?;
            Heard::Status { room: room(), user, state }
        }
        "user_presence" => return presence(data),
        "error" => error(&mut data)?,
        "pong" => {
            data.instant("timestamp")?;
            Heard::Other
        }
        other => return Err(format!("there is no type {other:?}")),
    };
    data.end()?;
    Ok(vec![heard])
}

/// Whoever is let in is in the lobby.
fn auth_response(mut data: Fields<'_>) -> Hearing {
    if !data.truth("success")? {
        data.end()?;
        return Ok(vec![Heard::Other]);
    }
    let (user, session, agents) = (data.text("userId")?, data.word("sessionId")?, data.names("agents")?);
    data.end()?;
    if !session.starts_with("session-") || !agents.contains(&user) {
        return Err("whoever is let in has a session and is listed".to_owned());
    }
    Ok(vec![Heard::Welcome, Heard::Entered { room: LOBBY.to_owned(), standing: None }])
}

/// How somebody is there, and when they were last seen, which is said twice.
fn presence(mut data: Fields<'_>) -> Hearing {
    let (seen, again) = (data.instant("lastSeen")?, data.instant("timestamp")?);
    let (room, user, mood) =
        (LOBBY.to_owned(), data.text("userId")?, Mood::from_word(&data.word("status")?)?);
    data.end()?;
    if seen != again {
        return Err(format!("{user} was last seen at {seen} and at {again}"));
    }
    Ok(vec![Heard::Seen { user: user.clone(), mood, at: seen }, Heard::Mood { room, user, mood }])
}

fn message(data: &mut Fields<'_>, kind: Option<Kind>) -> Result<Heard, String> {
    let at = data.instant("timestamp")?;
    let carried = Some(Carried { kind, reply_to: data.number_or_null("replyTo")?, ..Carried::default() });
    let (room, user, content) = (LOBBY.to_owned(), data.text("sender")?, data.text("text")?);
    Ok(Heard::Message { room, user, content, seq: None, at, from_history: false, carried })
}

fn error(data: &mut Fields<'_>) -> Result<Heard, String> {
    data.word("message")?;
    data.instant("timestamp")?;
    let for_now = data.maybe_wait("retryAfter", Duration::from_secs(1))?.is_some();
    let code = data.word("code")?;
    let refusal = match &*code {
        "LAGGED" => return Ok(Heard::Behind { room: LOBBY.to_owned() }),
        "KICKED" => return Ok(Heard::Gone { room: LOBBY.to_owned(), position: None }),
        // Which ones is said for people.
        "GAP" => return Ok(Heard::Missing { room: LOBBY.to_owned(), from: 0, to: 0 }),
        "INVALID_JSON" => Refusal::BadJson,
        "NOT_AUTHENTICATED" => Refusal::NotAttached,
        other => refusal(&other.to_ascii_lowercase())?,
    };
    Ok(Heard::Refused { refusal, message: None, for_now })
}

//! Events as lines of JSON, for scripts: `docs/chat.md` describes them.

use std::time::Duration;

use chinwag_core::{
    Epoch, RoomName, Seq, UserName,
    client::{ClientEvent, Member, Presence, Shown},
    shard::Verdict,
};
use serde_json::{Value, json};

/// The line of an event, if it is one that scripts are told.
pub(super) fn line(event: &ClientEvent) -> Option<String> {
    value(event).map(|value| harmless(&value))
}

/// The line of something that was typed and cannot be done.
pub(super) fn mistake(text: &str) -> String {
    harmless(&json!({"event": "mistake", "text": text}))
}

/// The line of what a command answers that has no event of its own.
pub(super) fn notice(text: &str) -> String {
    harmless(&json!({"event": "notice", "text": text}))
}

fn value(event: &ClientEvent) -> Option<Value> {
    Some(match event {
        ClientEvent::Attached { resumed, .. } => json!({"event": "connected", "resumed": resumed}),
        ClientEvent::Disconnected { code, retry_in } => {
            json!({"event": "disconnected", "code": code, "retry_in_ms": millis(*retry_in)})
        }
        ClientEvent::Ended { code } => json!({"event": "ended", "code": code}),
        ClientEvent::Joined { room, head, verdict, .. } => joined(room, head.epoch, head.seq, *verdict),
        ClientEvent::Left { room, kicked, .. } => json!({"event": "left", "room": room, "kicked": kicked}),
        ClientEvent::Message(shown) => message("message", shown),
        ClientEvent::History { room, messages, more, .. } => {
            let messages: Vec<_> = messages.iter().map(|shown| message("message", shown)).collect();
            json!({"event": "history", "room": room, "messages": messages, "more": more})
        }
        ClientEvent::Acknowledged { room, position, .. } => {
            json!({"event": "acknowledged", "room": room, "epoch": position.epoch, "seq": position.seq})
        }
        ClientEvent::Unresolved { room, .. } => json!({"event": "unresolved", "room": room}),
        ClientEvent::Gap { room, from, to } => {
            json!({"event": "gap", "room": room, "epoch": from.epoch, "from": from.seq, "to": to})
        }
        ClientEvent::Refused { refusal, retry_after, .. } => json!({
            "event": "refused", "code": refusal.code(), "text": refusal.message(),
            "retry_after_ms": retry_after.map(millis),
        }),
        ClientEvent::UserJoined { room, user, .. } => who("user_joined", room, user),
        ClientEvent::UserLeft { room, user, .. } => who("user_left", room, user),
        ClientEvent::Presence { room, user, presence } => {
            json!({"event": "presence", "room": room, "user": user, "presence": word(*presence)})
        }
        ClientEvent::Members { room, members, count, more } => {
            let members: Vec<_> = members.iter().map(member).collect();
            json!({"event": "members", "room": room, "members": members, "count": count, "more": more})
        }
        ClientEvent::Rooms { rooms, more } => {
            let rooms: Vec<_> =
                rooms.iter().map(|(room, members)| json!({"room": room, "members": members})).collect();
            json!({"event": "rooms", "rooms": rooms, "more": more})
        }
        _ => return None,
    })
}

fn joined(room: &RoomName, epoch: Epoch, head: Seq, verdict: Verdict) -> Value {
    let mut joined = json!({"event": "joined", "room": room, "epoch": epoch, "seq": head});
    match verdict {
        Verdict::Full => joined["verdict"] = "full".into(),
        Verdict::Reset => joined["verdict"] = "reset".into(),
        Verdict::Gap { from, to } => {
            joined["verdict"] = "gap".into();
            joined["from"] = from.0.into();
            joined["to"] = to.0.into();
        }
    }
    joined
}

fn message(event: &str, shown: &Shown) -> Value {
    json!({
        "event": event, "room": shown.room, "epoch": shown.position.epoch, "seq": shown.position.seq,
        "user": shown.user, "content": shown.content, "timestamp": shown.timestamp,
    })
}

fn who(event: &str, room: &RoomName, user: &UserName) -> Value {
    json!({"event": event, "room": room, "user": user})
}

fn member(member: &Member) -> Value {
    let state = member.status.as_ref().map(|status| &status.state);
    json!({"user": member.user, "presence": word(member.presence), "state": state})
}

const fn word(presence: Presence) -> &'static str {
    match presence {
        Presence::Online => "online",
        Presence::Offline => "offline",
        Presence::Typing => "typing",
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// JSON in ASCII: what a terminal might obey, or show in another order, is escaped, and means the same.
fn harmless(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() && c != '\x7f' {
            line.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                line += &format!("\\u{unit:04x}");
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use chinwag_core::Position;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_ascii_and_mean_what_was_said(content: String) {
            let shown = Shown {
                room: RoomName::new("ops").unwrap(),
                position: Position::new(Epoch(5), Seq(7)),
                user: UserName::new("bob").unwrap(),
                content: content.clone().into(),
                timestamp: "2026-11-21T05:03:00.000Z".into(),
                extra: None,
                from_history: false,
            };
            let line = line(&ClientEvent::Message(shown)).unwrap();
            prop_assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line}");
            let read: Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(&read, &json!({
                "event": "message", "room": "ops", "epoch": 5, "seq": 7, "user": "bob", "content": content,
                "timestamp": "2026-11-21T05:03:00.000Z",
            }));
        }
    }
}

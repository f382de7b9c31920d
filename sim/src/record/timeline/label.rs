//! Frames in two or three words.

use serde_json::Value;

/// Most characters of a frame's label.
const WIDTH: usize = 26;
/// Most characters of a step's.
const STEP_WIDTH: usize = 44;

/// The type of a frame, and what tells it from others of its type.
pub(super) fn frame(text: &str) -> String {
    let label = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(fields)) => {
            let kind = fields.get("type").and_then(Value::as_str).unwrap_or("?");
            match distinction(&fields) {
                Some(what) => format!("{kind} {what}"),
                None => kind.to_owned(),
            }
        }
        _ => text.to_owned(),
    };
    cut(&label, WIDTH)
}

/// What tells frames of one type apart: a verdict, a place, a code, a number of messages, a request, a user.
fn distinction(fields: &serde_json::Map<String, Value>) -> Option<String> {
    let number = |name: &str| fields.get(name).and_then(Value::as_u64);
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let room = text("room").map(|room| format!("{room} ")).unwrap_or_default();
    let list = |name: &str| fields.get(name).and_then(Value::as_array).map(Vec::len);
    if let (Some(verdict), Some(seq)) = (text("verdict"), number("seq")) {
        return Some(format!("{room}{verdict} @{seq}"));
    }
    if let Some(count) = list("messages") {
        return Some(format!("{room}×{count}"));
    }
    if let Some(seq) = number("seq") {
        return Some(format!("{room}@{seq}"));
    }
    if let Some(code) = text("code") {
        return Some(code.to_owned());
    }
    match (text("status").or_else(|| text("user")), number("id")) {
        (_, Some(id)) => Some(format!("{room}#{id}")),
        (Some(what), None) => Some(format!("{room}{what}")),
        (None, None) => (!room.is_empty()).then(|| room.trim_end().to_owned()),
    }
}

/// What happens in a step.
pub(super) fn step(text: &str) -> String {
    cut(text, STEP_WIDTH)
}

fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_short_names() {
        let names = [
            (r#"{"type":"message","room":"r0","user":"u1","content":"x","seq":7}"#, "message r0 @7"),
            (r#"{"type":"message","room":"r0","user":"u1","content":"x","id":3}"#, "message r0 #3"),
            (r#"{"type":"joined","room":"r1","epoch":9,"seq":4,"verdict":"full"}"#, "joined r1 full @4"),
            (r#"{"type":"history","room":"r1","messages":[{},{}]}"#, "history r1 ×2"),
            (r#"{"type":"error","id":4,"code":"RATE_LIMITED"}"#, "error RATE_LIMITED"),
            (r#"{"type":"user_left","room":"r0","user":"u4"}"#, "user_left r0 u4"),
            (r#"{"type":"hello","user":"u4"}"#, "hello u4"),
            ("close 1000", "close 1000"),
        ];
        for (text, name) in names {
            assert_eq!(frame(text), name);
        }
        assert_eq!(frame(&"ü".repeat(100)).chars().count(), WIDTH + 1);
    }
}

//! What a text frame of each dialect looks like, whatever it says.

use chinwag_core::dialect::Dialect;
use serde_json::Value;

/// Whether a frame is one of the dialect, or of any, where the first frame tells.
pub(crate) fn is_of(dialect: Option<Dialect>, frame: &str) -> bool {
    let Some(dialect) = dialect else {
        return Dialect::ALL.into_iter().any(|known| is_of(Some(known), frame));
    };
    match dialect {
        Dialect::Chat => object(frame).is_some_and(|frame| frame["type"].is_string()),
        Dialect::Lobby => is_line(frame),
        Dialect::Envelope => object(frame).is_some_and(|frame| is_envelope(&frame)),
        Dialect::SocketIo => is_packet(frame),
        Dialect::Agents => object(frame).is_some_and(|frame| is_of_agents(&frame)),
    }
}

fn object(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// A notice, a refusal, or a message after its instant; what follows can neither pass for one nor command a terminal.
fn is_line(frame: &str) -> bool {
    let mut lines = frame.split('\n');
    let first = lines.next().unwrap_or_default();
    let begins = first.starts_with("* ") || first.starts_with("! ") || is_instant(first);
    let is_help = first.starts_with("* /rooms");
    let is_plain = |line: &str| !line.chars().any(|c| c.is_control() && c != '\t');
    begins && is_plain(first) && lines.all(|line| (is_help || line.starts_with("    ")) && is_plain(line))
}

fn is_instant(line: &str) -> bool {
    let shape = b"0000-00-00T00:00:00.000Z #";
    let fits = |(&byte, &like): (&u8, &u8)| if like == b'0' { byte.is_ascii_digit() } else { byte == like };
    line.len() > shape.len() && line.as_bytes().iter().zip(shape).all(fits)
}

/// `type`, `payload`, `timestamp` and `messageId`, and perhaps `priority` (S2.2).
fn is_envelope(frame: &Value) -> bool {
    let named = frame["messageId"].as_str().is_some_and(|id| !id.is_empty());
    let fields =
        frame.as_object().map_or(0, |fields| fields.len() - usize::from(fields.contains_key("priority")));
    frame["type"].is_string()
        && frame["payload"].is_object()
        && frame["timestamp"].is_u64()
        && named
        && fields == 4
}

/// `type` and `data`, and nothing else (S4.5).
fn is_of_agents(frame: &Value) -> bool {
    let fields = frame.as_object().map_or(0, serde_json::Map::len);
    frame["type"].is_string() && frame["data"].is_object() && fields == 2
}

/// A packet of Engine.IO 4, and in its messages one of Socket.IO 5 (S3.10).
fn is_packet(frame: &str) -> bool {
    match frame.split_at_checked(1) {
        Some(("0", handshake)) => object(handshake).is_some_and(|handshake| handshake["sid"].is_string()),
        Some(("2", rest)) => rest.is_empty(),
        Some(("3", rest)) => matches!(rest, "" | "probe"),
        Some(("4", message)) => is_message(message),
        _ => false,
    }
}

fn is_message(message: &str) -> bool {
    let Some((kind, rest)) = message.split_at_checked(1) else { return false };
    let (namespace, data) = match rest.split_once(',') {
        Some((namespace, data)) if namespace.starts_with('/') => (namespace, data),
        _ => ("/", rest),
    };
    let number = data.bytes().take_while(u8::is_ascii_digit).count();
    let list = |text: &str| serde_json::from_str(text).ok().filter(Value::is_array);
    match kind {
        "0" => object(data).is_some_and(|data| data["sid"].is_string()),
        "1" => namespace == "/" && data.is_empty(),
        "2" => list(data).is_some_and(|event| event[0].is_string()),
        "3" => number > 0 && list(&data[number..]).is_some(),
        "4" => object(data).is_some_and(|error| error["message"].is_string()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_a_dialect_is_noticed() {
        for (dialect, good, bad) in [
            (Dialect::Chat, r#"{"type":"pong"}"#, r#"{"data":1}"#),
            (Dialect::Lobby, "* Welcome, ann.", "2026-11-21T05:03:00.000Z #a ann: x\n* forged"),
            (Dialect::Lobby, "2026-11-21T05:03:00.000Z #a ann: x\n    y", "* a\u{1b}[2J"),
            (
                Dialect::Envelope,
                r#"{"type":"pong","payload":{},"timestamp":1,"messageId":"1-2-0"}"#,
                r#"{"type":"pong","payload":{},"timestamp":1}"#,
            ),
            (Dialect::Agents, r#"{"type":"pong","data":{}}"#, r#"{"type":"pong"}"#),
            (Dialect::SocketIo, r#"431[{"ok":true}]"#, r#"43[{"ok":true}]"#),
            (Dialect::SocketIo, r#"42["typing",{}]"#, r#"42{"typing":1}"#),
        ] {
            assert!(is_of(Some(dialect), good), "{good}");
            assert!(!is_of(Some(dialect), bad), "{bad}");
        }
    }
}

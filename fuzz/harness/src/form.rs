//! What a text frame of each dialect looks like, whatever it says. No frame is of two of them.

use std::borrow::Cow;

use chinwag_core::dialect::Dialect;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// The dialect that a frame is of.
pub(crate) fn dialect_of(frame: &str) -> Option<Dialect> {
    Dialect::ALL.into_iter().find(|&dialect| is_of(dialect, frame))
}

/// Whether a frame is of the dialect.
pub(crate) fn is_of(dialect: Dialect, frame: &str) -> bool {
    match dialect {
        Dialect::Chat => is::<Flat<'_>>(frame),
        Dialect::Lobby => is_line(frame),
        Dialect::Envelope => is_envelope(frame),
        Dialect::SocketIo => is_packet(frame),
        Dialect::Agents => is_of_agents(frame),
    }
}

/// Whether a frame says what every connection may be told that has not shown yet what it speaks.
pub(crate) fn is_undecided(frame: &str) -> bool {
    serde_json::from_str(frame).is_ok_and(|Flat { kind, .. }| matches!(&*kind, "pong" | "error" | "warning"))
}

/// A type, and anything beside it but what marks other dialects.
#[derive(Deserialize)]
struct Flat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[expect(dead_code, reason = "it must not be there")]
    #[serde(default)]
    data: Never,
    #[expect(dead_code, reason = "it must not be there")]
    #[serde(default)]
    payload: Never,
}

/// What cannot be read.
#[derive(Default)]
struct Never;

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("it is there"))
    }
}

/// `type`, `payload`, `timestamp` and `messageId`, and perhaps `priority` (S2.2).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enveloped<'a> {
    #[serde(borrow, rename = "type")]
    _kind: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(rename = "timestamp")]
    _timestamp: u64,
    #[serde(borrow, rename = "messageId")]
    id: Cow<'a, str>,
    #[serde(rename = "priority")]
    _priority: Option<IgnoredAny>,
}

/// `type` and `data`, and nothing else (S4.5).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped<'a> {
    #[serde(borrow, rename = "type")]
    _kind: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// What Engine.IO and Socket.IO call a session.
#[derive(Deserialize)]
struct Session<'a> {
    #[serde(borrow, rename = "sid")]
    _id: Cow<'a, str>,
}

/// Why Socket.IO connects nobody.
#[derive(Deserialize)]
struct NotConnected<'a> {
    #[serde(borrow, rename = "message")]
    _message: Cow<'a, str>,
}

/// Whether a text is an object of this shape.
fn is<'a, T: Deserialize<'a>>(text: &'a str) -> bool {
    text.starts_with('{') && serde_json::from_str::<T>(text).is_ok()
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
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

fn is_envelope(frame: &str) -> bool {
    frame.starts_with('{')
        && serde_json::from_str(frame)
            .is_ok_and(|Enveloped { payload, id, .. }| is_object(payload) && !id.is_empty())
}

fn is_of_agents(frame: &str) -> bool {
    frame.starts_with('{') && serde_json::from_str(frame).is_ok_and(|Wrapped { data, .. }| is_object(data))
}

/// A packet of Engine.IO 4, and in its messages one of Socket.IO 5 (S3.10).
fn is_packet(frame: &str) -> bool {
    match frame.split_at_checked(1) {
        Some(("0", handshake)) => is::<Session<'_>>(handshake),
        Some(("2", rest)) => rest.is_empty(),
        Some(("3", rest)) => matches!(rest, "" | "probe"),
        Some(("4", message)) => is_message(message),
        _ => false,
    }
}

fn list(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

fn is_message(message: &str) -> bool {
    let Some((kind, rest)) = message.split_at_checked(1) else { return false };
    let (namespace, data) = match rest.split_once(',') {
        Some((namespace, data)) if namespace.starts_with('/') => (namespace, data),
        _ => ("/", rest),
    };
    let number = data.bytes().take_while(u8::is_ascii_digit).count();
    match kind {
        "0" => is::<Session<'_>>(data),
        "1" => namespace == "/" && data.is_empty(),
        "2" => list(data).is_some_and(|event| event.first().is_some_and(|name| name.get().starts_with('"'))),
        "3" => number > 0 && list(&data[number..]).is_some(),
        "4" => is::<NotConnected<'_>>(data),
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
            (Dialect::Chat, r#"{"type":"error","code":"x"}"#, r#"{"type":"error","data":{}}"#),
            (Dialect::Lobby, "* Welcome, ann.", "2026-11-21T05:03:00.000Z #a ann: x\n* forged"),
            (Dialect::Lobby, "2026-11-21T05:03:00.000Z #a ann: x\n    y", "* a\u{1b}[2J"),
            (
                Dialect::Envelope,
                r#"{"type":"pong","payload":{},"timestamp":1,"messageId":"1-2-0"}"#,
                r#"{"type":"pong","payload":{},"timestamp":1}"#,
            ),
            (
                Dialect::Envelope,
                r#"{"type":"pong","payload":{"a":1},"timestamp":1,"messageId":"1","priority":0}"#,
                r#"{"type":"pong","payload":[],"timestamp":1,"messageId":"1"}"#,
            ),
            (Dialect::Agents, r#"{"type":"pong","data":{}}"#, r#"{"type":"pong"}"#),
            (Dialect::Agents, r#"{"type":"pong","data":{"a":[]}}"#, r#"{"type":"pong","data":{},"to":1}"#),
            (Dialect::SocketIo, r#"431[{"ok":true}]"#, r#"43[{"ok":true}]"#),
            (Dialect::SocketIo, r#"42["typing",{}]"#, r#"42{"typing":1}"#),
            (Dialect::SocketIo, r#"40{"sid":"x"}"#, r#"42[1]"#),
        ] {
            assert!(is_of(dialect, good), "{good}");
            assert_eq!(dialect_of(good), Some(dialect), "{good}");
            assert!(!is_of(dialect, bad), "{bad}");
        }
    }
}

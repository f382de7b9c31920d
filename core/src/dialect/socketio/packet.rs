//! Packets as text: those of Engine.IO 4, and inside its messages those of Socket.IO 5.
//!
//! An Engine.IO packet is a digit and what belongs to it; `4` is a message. A message is a Socket.IO packet: a digit,
//! perhaps a namespace and a comma, perhaps a number to be answered by, and JSON.

use std::io::Write as _;

use serde::Serialize;

use crate::{dialect::Payloads, refusal::Refusal};

/// A ping of the server's.
pub(crate) const PING: &str = "2";
/// A client's answer to it.
pub(crate) const PONG: &str = "3";

/// Longest name of a namespace that is answered, in bytes.
const NAMESPACE_BYTES_MAX: usize = 64;
/// Most digits of a number to be answered by: what JavaScript counts exactly.
const ACK_DIGITS_MAX: usize = 15;

/// What a client's text frame is.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Packet<'a> {
    /// It comes in, with a JSON object or nothing.
    Connect(&'a str),
    /// It wants to come in where nothing is.
    ConnectElsewhere(&'a str),
    /// Something for the server to do: a JSON array.
    Event {
        /// What it is answered by, if its client waits for that.
        ack: Option<u64>,
        data: &'a str,
    },
    /// It is done.
    Goodbye,
    /// It asks for a sign of life, or for more than that by this word.
    Ping(&'a str),
    /// Nothing to be done.
    Nothing,
}

/// Reads a text frame.
///
/// # Errors
/// Why it is no packet that is spoken here, with what exactly is wrong.
pub(super) fn parse(text: &str) -> Result<Packet<'_>, (Refusal, &'static str)> {
    let bad = |what| Err((Refusal::BadFrame, what));
    let Some(rest) = text.get(1..) else { return bad("an Engine.IO packet begins with a digit") };
    match text.as_bytes()[0] {
        b'1' if rest.is_empty() => Ok(Packet::Goodbye),
        b'2' if matches!(rest, "" | "probe") => Ok(Packet::Ping(rest)),
        b'3' | b'5' | b'6' => Ok(Packet::Nothing),
        b'4' => message(rest),
        b'b' => Err((Refusal::BinaryFrame, "an Engine.IO packet in base64")),
        _ => bad("there is no such Engine.IO packet"),
    }
}

/// Reads a Socket.IO packet.
fn message(text: &str) -> Result<Packet<'_>, (Refusal, &'static str)> {
    let bad = |what| Err((Refusal::BadFrame, what));
    let Some(rest) = text.get(1..) else { return bad("a Socket.IO packet begins with a digit") };
    let (namespace, rest) = namespace(rest);
    let is_here = namespace == "/";
    match text.as_bytes()[0] {
        b'0' if is_here => Ok(Packet::Connect(rest)),
        b'0' if namespace.len() <= NAMESPACE_BYTES_MAX => Ok(Packet::ConnectElsewhere(namespace)),
        b'1' if is_here && rest.is_empty() => Ok(Packet::Goodbye),
        b'1' if rest.is_empty() => Ok(Packet::Nothing),
        b'2' if is_here => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, data) = rest.split_at(digits);
            if digits > ACK_DIGITS_MAX {
                return bad("the number to be answered by is too large");
            }
            Ok(Packet::Event { ack: number.parse().ok(), data })
        }
        // Nothing that the server sends asks for an answer.
        b'3' => Ok(Packet::Nothing),
        b'5' | b'6' => Err((Refusal::BinaryFrame, "a Socket.IO packet with attachments")),
        b'0' | b'2' => bad("there is no such namespace"),
        _ => bad("there is no such Socket.IO packet"),
    }
}

/// Takes the namespace off a packet's front; the one that is not named is `/`.
fn namespace(text: &str) -> (&str, &str) {
    if text.starts_with('/') { text.split_once(',').unwrap_or((text, "")) } else { ("/", text) }
}

/// Writes what a connection begins with.
pub(super) fn open(payloads: &mut Payloads, handshake: &impl Serialize) {
    payloads.add(|out| json(out, format_args!("0"), handshake));
}

/// Writes the answer to a client's ping.
pub(super) fn pong(payloads: &mut Payloads, word: &str) {
    payloads.add(|out| write!(out, "{PONG}{word}").expect("memory takes everything"));
}

/// Writes that a client is in.
pub(super) fn connected(payloads: &mut Payloads, answer: &impl Serialize) {
    payloads.add(|out| json(out, format_args!("40"), answer));
}

/// Writes that a client is not let in, to a namespace other than `/` if it is named.
pub(super) fn connect_error(payloads: &mut Payloads, namespace: Option<&str>, error: &impl Serialize) {
    payloads.add(|out| match namespace {
        Some(namespace) => json(out, format_args!("44{namespace},"), error),
        None => json(out, format_args!("44"), error),
    });
}

/// Writes that a client is out, and need not come back by itself.
pub(super) fn disconnect(payloads: &mut Payloads) {
    payloads.add(|out| out.extend(b"41"));
}

/// Writes an event.
pub(super) fn event(payloads: &mut Payloads, name: &str, body: &impl Serialize) {
    payloads.add(|out| json(out, format_args!("42"), &(name, body)));
}

/// Writes the answer to an event.
pub(super) fn ack(payloads: &mut Payloads, ack: u64, body: &impl Serialize) {
    payloads.add(|out| json(out, format_args!("43{ack}"), &(body,)));
}

fn json(out: &mut Vec<u8>, begin: std::fmt::Arguments<'_>, body: &impl Serialize) {
    out.write_fmt(begin).expect("memory takes everything");
    serde_json::to_writer(out, body).expect("a Vec takes every byte and no key is anything but text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart() {
        let event = |ack, data| Ok(Packet::Event { ack, data });
        for (text, packet) in [
            ("40", Ok(Packet::Connect(""))),
            (r#"40{"token":"x"}"#, Ok(Packet::Connect(r#"{"token":"x"}"#))),
            ("40/,{}", Ok(Packet::Connect("{}"))),
            (r#"40/admin,{"a":1}"#, Ok(Packet::ConnectElsewhere("/admin"))),
            ("40/admin", Ok(Packet::ConnectElsewhere("/admin"))),
            ("41", Ok(Packet::Goodbye)),
            ("41/admin,", Ok(Packet::Nothing)),
            (r#"42["a"]"#, event(None, r#"["a"]"#)),
            (r#"420["a"]"#, event(Some(0), r#"["a"]"#)),
            (r#"42/,17["a"]"#, event(Some(17), r#"["a"]"#)),
            ("42999999999999999[]", event(Some(999_999_999_999_999), "[]")),
            ("431[]", Ok(Packet::Nothing)),
            ("1", Ok(Packet::Goodbye)),
            ("2", Ok(Packet::Ping(""))),
            ("2probe", Ok(Packet::Ping("probe"))),
            ("3probe", Ok(Packet::Nothing)),
            ("5", Ok(Packet::Nothing)),
            ("6", Ok(Packet::Nothing)),
        ] {
            assert_eq!(parse(text), packet, "{text}");
        }
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for text in
            ["", "4", "0{}", "11", "2x", "7", "é", "4é", "48", "41x", "42/admin,[]", "421234567890123456[]"]
        {
            assert_eq!(parse(text).unwrap_err().0, Refusal::BadFrame, "{text}");
        }
        let long = format!("40/{},", "x".repeat(NAMESPACE_BYTES_MAX));
        assert_eq!(parse(&long).unwrap_err().0, Refusal::BadFrame);
        for text in ["bAQID", r#"451-["a",{"_placeholder":true,"num":0}]"#, "461-1[]"] {
            assert_eq!(parse(text).unwrap_err().0, Refusal::BinaryFrame, "{text}");
        }
    }
}

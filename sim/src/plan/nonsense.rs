//! What no client of this protocol sends, in bytes.

use chinwag_core::{
    UserName,
    config::GatewayConfig,
    gateway::{Fault, Frame},
};

use crate::{line::client_frame::ClientFrame, plan::scenario::Nonsense};

/// A ping that asks for an answer.
pub(crate) const PING: &[u8] = &[7; 9];

/// How a message begins that says it is somebody else's.
pub(crate) const FORGED: &str = r#"{"type":"message","room":"r0","user":"mallory""#;

/// Someone who speaks nonsense on a client's connection.
#[derive(Clone, Debug)]
pub(crate) struct Speaker<'a> {
    /// Whom the connection speaks for.
    pub(crate) user: UserName,
    /// What is too long here.
    pub(crate) gateway: &'a GatewayConfig,
}

impl Speaker<'_> {
    /// Nonsense of a kind, of which `text` holds what is text; `number` is another one each time.
    pub(crate) fn says<'a>(&self, kind: Nonsense, number: u64, text: &'a mut String) -> ClientFrame<'a> {
        *text = match kind {
            Nonsense::Binary => return Ok(Frame::Binary(9)),
            Nonsense::Ping => return Ok(Frame::Ping(PING)),
            Nonsense::Broken => return Err(Fault::Protocol),
            Nonsense::Huge => return Err(Fault::TooBig),
            Nonsense::Utf8 => return Err(Fault::InvalidText),
            Nonsense::Garbage => "{\"type\":".to_owned(),
            Nonsense::Shape => r#"{"type":"join","room":["r0"]}"#.to_owned(),
            Nonsense::Unknown | Nonsense::Amid => r#"{"type":"sing","room":"r0"}"#.to_owned(),
            Nonsense::Forged => format!(r#"{FORGED},"content":"forged"}}"#),
            Nonsense::Hello => format!(r#"{{"type":"hello","user":"{}"}}"#, self.user),
            Nonsense::Long => "x".repeat(self.gateway.frame_bytes_max + 1),
            Nonsense::Token => r#"{"type":"refresh","token":"x"}"#.to_owned(),
            Nonsense::Echo => echo(number),
            Nonsense::Brim => format!("{:<1$}", echo(number), self.gateway.frame_bytes_max),
            Nonsense::Stranger => r#"{"type":"message","room":"nowhere","content":"000000 x"}"#.to_owned(),
            Nonsense::Empty => r#"{"type":"message","room":"r0","content":" \t "}"#.to_owned(),
            Nonsense::TooMuch => {
                let content = "x".repeat(self.gateway.content_bytes_max + 1);
                format!(r#"{{"type":"message","room":"r0","content":"{content}"}}"#)
            }
            Nonsense::Names => r#"{"type":"join","room":"not a room"}"#.to_owned(),
        };
        Ok(Frame::Text(text))
    }
}

/// A ping with a number that no client has come to.
fn echo(number: u64) -> String {
    format!(r#"{{"type":"ping","id":{}}}"#, (1 << 52) + number % (1 << 52))
}

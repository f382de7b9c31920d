//! What no client of this protocol sends, in bytes.

use chinwag_core::{UserName, config::GatewayConfig, gateway::Fault};

use crate::{line::link::Up, plan::scenario::Nonsense};

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
    /// Nonsense of a kind; `number` is another one each time.
    pub(crate) fn says(&self, kind: Nonsense, number: u64) -> Up {
        let text = |text: &str| Up::Text(text.to_owned());
        match kind {
            Nonsense::Garbage => text("{\"type\":"),
            Nonsense::Shape => text(r#"{"type":"join","room":["r0"]}"#),
            Nonsense::Unknown => text(r#"{"type":"sing","room":"r0"}"#),
            Nonsense::Forged => Up::Text(format!(r#"{FORGED},"content":"forged"}}"#)),
            Nonsense::Hello => Up::Text(format!(r#"{{"type":"hello","user":"{}"}}"#, self.user)),
            Nonsense::Binary => Up::Binary(9),
            Nonsense::Ping => Up::Ping(vec![7; 9]),
            Nonsense::Long => Up::Text("x".repeat(self.gateway.frame_bytes_max + 1)),
            Nonsense::Broken => Up::Broken(Fault::Protocol),
            Nonsense::Huge => Up::Broken(Fault::TooBig),
            Nonsense::Utf8 => Up::Broken(Fault::InvalidText),
            Nonsense::Token => text(r#"{"type":"refresh","token":"x"}"#),
            // Numbers that no client has come to.
            Nonsense::Echo => {
                Up::Text(format!(r#"{{"type":"ping","id":{}}}"#, (1 << 52) + number % (1 << 52)))
            }
            Nonsense::Brim => {
                let Up::Text(mut text) = self.says(Nonsense::Echo, number) else {
                    unreachable!("it is text")
                };
                text.extend(std::iter::repeat_n(
                    ' ',
                    self.gateway.frame_bytes_max.saturating_sub(text.len()),
                ));
                Up::Text(text)
            }
            Nonsense::Stranger => text(r#"{"type":"message","room":"nowhere","content":"000000 x"}"#),
            Nonsense::Empty => text(r#"{"type":"message","room":"r0","content":" \t "}"#),
            Nonsense::TooMuch => {
                let content = "x".repeat(self.gateway.content_bytes_max + 1);
                Up::Text(format!(r#"{{"type":"message","room":"r0","content":"{content}"}}"#))
            }
            Nonsense::Names => text(r#"{"type":"join","room":"not a room"}"#),
        }
    }
}

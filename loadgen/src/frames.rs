//! WebSocket frames as a client reads and writes them (RFC 6455, 5.2), in bytes that belong to somebody else.
//!
//! Thousands of sockets share what they are read into, so that an idle one has no buffer. A library that keeps one for
//! each would be most of what a bot costs.

use std::{fmt, ops::Range};

/// The longest message that is accepted, in bytes. A page of history holds at most 64 KiB of content; escaped and wrapped
/// that is still far below this.
pub(crate) const MESSAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The longest payload of a control frame.
const CONTROL_BYTES_MAX: usize = 125;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What no server may send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Reserved bits are set, or the kind is unknown.
    Unknown(u8),
    /// Servers do not mask.
    Masked,
    /// A control frame that is in pieces or longer than 125 bytes.
    Control,
    /// More than anybody should send.
    TooLong(u64),
    /// A piece of nothing, or another message between pieces.
    Piece,
    /// A text that is none.
    Utf8,
    /// A close frame with half a code.
    Close,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(first) => write!(f, "a frame begins with {first:#04x}"),
            Self::Masked => f.write_str("the server masks its frames"),
            Self::Control => f.write_str("a control frame is too long or in pieces"),
            Self::TooLong(bytes) => write!(f, "a message of {bytes} bytes"),
            Self::Piece => f.write_str("pieces of messages do not fit together"),
            Self::Utf8 => f.write_str("a text is not UTF-8"),
            Self::Close => f.write_str("a close frame has half a code"),
        }
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A message or its first piece: whether it is text, and whether this is all.
    Message {
        is_text: bool,
        is_whole: bool,
    },
    /// A later piece; whether it is the last.
    Piece {
        is_last: bool,
    },
    Close,
    Ping,
    Pong,
}

/// A whole frame that bytes begin with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    /// Where its payload is. It ends with that.
    pub(crate) payload: Range<usize>,
}

/// The frame that these bytes begin with, if all of it is there.
///
/// # Errors
/// No server may send this. Nothing after it can be read.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Frame>, Fault> {
    let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
    let kind = kind(first)?;
    if second & 0x80 != 0 {
        return Err(Fault::Masked);
    }
    let (length, begin) = match (second, rest) {
        (length @ ..126, _) => (u64::from(length), 2),
        (126, &[a, b, ..]) => (u64::from(u16::from_be_bytes([a, b])), 4),
        (127, &[a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 10),
        _ => return Ok(None),
    };
    let is_control = matches!(kind, Kind::Close | Kind::Ping | Kind::Pong);
    match usize::try_from(length) {
        Ok(length) if is_control && length > CONTROL_BYTES_MAX => Err(Fault::Control),
        Ok(length) if length <= MESSAGE_BYTES_MAX => {
            let payload = begin..begin + length;
            Ok((payload.end <= bytes.len()).then_some(Frame { kind, payload }))
        }
        _ => Err(Fault::TooLong(length)),
    }
}

const fn kind(first: u8) -> Result<Kind, Fault> {
    let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
    if first & 0x70 != 0 {
        return Err(Fault::Unknown(first));
    }
    Ok(match opcode {
        CONTINUATION => Kind::Piece { is_last },
        TEXT | BINARY => Kind::Message { is_text: opcode == TEXT, is_whole: is_last },
        CLOSE | PING | PONG if !is_last => return Err(Fault::Control),
        CLOSE => Kind::Close,
        PING => Kind::Ping,
        PONG => Kind::Pong,
        _ => return Err(Fault::Unknown(first)),
    })
}

/// Code and reason of a close frame.
///
/// # Errors
/// It has half a code, or a reason that is no text.
pub(crate) fn close(payload: &[u8]) -> Result<Option<(u16, &str)>, Fault> {
    match payload {
        [] => Ok(None),
        [high, low, reason @ ..] => {
            let reason = str::from_utf8(reason).map_err(|_| Fault::Utf8)?;
            Ok(Some((u16::from_be_bytes([*high, *low]), reason)))
        }
        [_] => Err(Fault::Close),
    }
}

/// What a client says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said<'a> {
    /// A message.
    Text(&'a str),
    /// The answer to a ping of this payload.
    Pong(&'a [u8]),
    /// Goodbye, with a code.
    Close(Option<u16>),
}

/// Appends a frame; `mask` should be another one each time.
pub(crate) fn write(said: Said<'_>, mask: u32, out: &mut Vec<u8>) {
    let code;
    let (opcode, payload) = match said {
        Said::Text(text) => (TEXT, text.as_bytes()),
        Said::Pong(payload) => (PONG, payload),
        Said::Close(None) => (CLOSE, &[][..]),
        Said::Close(Some(number)) => {
            code = number.to_be_bytes();
            (CLOSE, &code[..])
        }
    };
    out.reserve_exact(payload.len() + 14);
    out.push(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..126), _) => out.push(0x80 | length),
        (_, Ok(length)) => {
            out.push(0x80 | 126);
            out.extend(length.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    let mask = mask.to_be_bytes();
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::{
        prelude::*,
        test_runner::{Config, RngSeed},
    };
    use tokio_tungstenite::tungstenite::{
        Message, WebSocket,
        protocol::{
            Role,
            frame::{CloseFrame, Frame as Theirs, coding::CloseCode},
        },
    };

    use super::*;

    /// What a server's library makes of a message.
    fn bytes_of(message: Message) -> Vec<u8> {
        let mut server = WebSocket::from_raw_socket(Cursor::new(Vec::new()), Role::Server, None);
        server.send(message).unwrap();
        server.get_ref().get_ref().clone()
    }

    /// What a server's library reads.
    fn read_by_server(bytes: Vec<u8>) -> Message {
        WebSocket::from_raw_socket(Cursor::new(bytes), Role::Server, None).read().unwrap()
    }

    proptest! {
        #![proptest_config(Config { cases: 64, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })]

        #[test]
        fn what_a_server_writes_is_read_when_all_of_it_is_there(length in 0_usize..70_000, cut: proptest::sample::Index) {
            let text = "é".repeat(length / 2);
            let mut bytes = bytes_of(Message::text(text.clone()));
            let whole = bytes.len();
            prop_assert_eq!(read(&bytes[..cut.index(whole)]), Ok(None), "a part is none");
            bytes.push(0x81);
            let frame = read(&bytes).unwrap().unwrap();
            prop_assert_eq!(frame.kind, Kind::Message { is_text: true, is_whole: true });
            prop_assert_eq!(frame.payload.end, whole, "it ends where the next begins");
            prop_assert_eq!(&bytes[frame.payload], text.as_bytes());
        }

        #[test]
        fn what_is_written_a_server_reads(length in 0_usize..70_000, mask: u32) {
            let text = "é".repeat(length / 2);
            let mut bytes = Vec::new();
            write(Said::Text(&text), mask, &mut bytes);
            prop_assert_eq!(read_by_server(bytes), Message::text(text));
        }

        #[test]
        fn anything_may_come(bytes: Vec<u8>) {
            if let Ok(Some(frame)) = read(&bytes) {
                prop_assert!(frame.payload.end <= bytes.len());
                let _ = close(&bytes[frame.payload]);
            }
        }
    }

    #[test]
    fn control_frames_are_read_and_written() {
        let ping = bytes_of(Message::Ping(vec![7; 125].into()));
        let frame = read(&ping).unwrap().unwrap();
        assert_eq!((frame.kind, &ping[frame.payload]), (Kind::Ping, &[7; 125][..]));
        let reason = CloseFrame { code: CloseCode::from(4101), reason: "later".into() };
        let bytes = bytes_of(Message::Close(Some(reason)));
        let frame = read(&bytes).unwrap().unwrap();
        assert_eq!((frame.kind, close(&bytes[frame.payload])), (Kind::Close, Ok(Some((4101, "later")))));
        assert_eq!(
            (close(&[]), close(&[3]), close(&[3, 232, 255])),
            (Ok(None), Err(Fault::Close), Err(Fault::Utf8))
        );
        let written = |said| {
            let mut bytes = Vec::new();
            write(said, 0x0102_0304, &mut bytes);
            read_by_server(bytes)
        };
        assert_eq!(written(Said::Pong(b"x")), Message::Pong(vec![b'x'].into()));
        let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        assert_eq!(written(Said::Close(Some(1000))), Message::Close(Some(goodbye)));
        assert_eq!(written(Said::Close(None)), Message::Close(None));
    }

    #[test]
    fn what_no_server_may_send_is_not_read() {
        assert_eq!(read(&[0xc1, 0]), Err(Fault::Unknown(0xc1)));
        assert_eq!(read(&[0x83, 0]), Err(Fault::Unknown(0x83)));
        assert_eq!(read(&[0x81, 0x80]), Err(Fault::Masked));
        assert_eq!(read(&[0x09, 0]), Err(Fault::Control), "in pieces");
        assert_eq!(read(&[0x8a, 126, 0, 126]), Err(Fault::Control), "too long");
        assert_eq!(read(&[0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]), Err(Fault::TooLong(1 << 40)));
        let piece = Theirs::message(
            "a",
            tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode::Data(
                tokio_tungstenite::tungstenite::protocol::frame::coding::Data::Continue,
            ),
            false,
        );
        let bytes = bytes_of(Message::Frame(piece));
        assert_eq!(read(&bytes).unwrap().unwrap().kind, Kind::Piece { is_last: false });
    }
}

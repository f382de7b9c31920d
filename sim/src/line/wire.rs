//! The client's end of the wire: WebSocket frames out of a server's bytes (RFC 6455 §5.2), however they are split.

use std::{fmt, ops::Range, str};

/// Longest frame accepted from a server, in bytes of payload.
const PAYLOAD_BYTES_MAX: u64 = 16 << 20;

/// A whole frame from a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ServerFrame<'a> {
    /// Text.
    Text(&'a str),
    /// A ping with its payload; to be answered.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// A close, with code and reason if it holds them.
    Close(Option<(u16, &'a str)>),
}

/// Bytes that a server of this protocol never sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WireError {
    /// Reserved bits, a fragment, a mask, or a kind that is not spoken here: the first two bytes.
    Header(u8, u8),
    /// A length that is not written in its shortest form.
    Length(u64),
    /// More payload than anyone sends.
    TooLong(u64),
    /// A control frame of more than 125 bytes.
    LongControl(u64),
    /// Text that is not UTF-8.
    Utf8,
    /// A close frame whose payload holds half a code.
    Close,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(first, second) => write!(f, "a frame begins with {first:#04x} {second:#04x}"),
            Self::Length(len) => write!(f, "the length {len} is not in its shortest form"),
            Self::TooLong(len) => write!(f, "a frame of {len} bytes"),
            Self::LongControl(len) => write!(f, "a control frame of {len} bytes"),
            Self::Utf8 => f.write_str("text that is not UTF-8"),
            Self::Close => f.write_str("a close frame of one byte"),
        }
    }
}

impl std::error::Error for WireError {}

/// Puts frames together from bytes as they arrive.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    /// What lies before has been handed out.
    start: usize,
}

/// A frame's kind and where its payload lies.
struct Header {
    opcode: u8,
    payload: Range<usize>,
}

impl Decoder {
    /// Takes in what arrived next.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// It holds a part of a frame.
    pub(crate) const fn is_amid(&self) -> bool {
        self.start < self.bytes.len()
    }

    /// The next frame, if all of it is here.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are no frame that a server of this protocol sends. Nothing after it can be read.
    pub(crate) fn next_frame(&mut self) -> Result<Option<ServerFrame<'_>>, WireError> {
        let Some(Header { opcode, payload }) = self.header()? else { return Ok(None) };
        if payload.end > self.bytes.len() {
            return Ok(None);
        }
        self.start = payload.end;
        let payload = &self.bytes[payload];
        let text = |bytes| str::from_utf8(bytes).map_err(|_| WireError::Utf8);
        Ok(Some(match (opcode, payload) {
            (1, _) => ServerFrame::Text(text(payload)?),
            (9, _) => ServerFrame::Ping(payload),
            (10, _) => ServerFrame::Pong,
            (_, []) => ServerFrame::Close(None),
            (_, [high, low, reason @ ..]) => {
                ServerFrame::Close(Some((u16::from_be_bytes([*high, *low]), text(reason)?)))
            }
            (_, [_]) => return Err(WireError::Close),
        }))
    }

    fn header(&self) -> Result<Option<Header>, WireError> {
        let bytes = &self.bytes[self.start..];
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let is_final_and_plain = first & 0xf0 == 0x80 && second & 0x80 == 0;
        if !is_final_and_plain || !matches!(first & 0x0f, 1 | 8..=10) {
            return Err(WireError::Header(first, second));
        }
        let (len, header) = match (second, rest) {
            (len @ ..126, _) => (u64::from(len), 2),
            (126, &[a, b, ..]) => (u64::from(u16::from_be_bytes([a, b])), 4),
            (127, &[a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 10),
            _ => return Ok(None),
        };
        let shortest = match len {
            ..126 => 2,
            126..=0xffff => 4,
            _ => 10,
        };
        if header != shortest {
            return Err(WireError::Length(len));
        }
        if len > PAYLOAD_BYTES_MAX {
            return Err(WireError::TooLong(len));
        }
        if first & 0x08 != 0 && len > 125 {
            return Err(WireError::LongControl(len));
        }
        let begin = self.start + header;
        let end = begin + usize::try_from(len).expect("bounded above");
        Ok(Some(Header { opcode: first & 0x0f, payload: begin..end }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        prelude::*,
        test_runner::{Config, RngSeed},
    };

    use super::*;

    /// Writes a frame the plain way.
    fn put(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
        out.push(0x80 | opcode);
        match payload.len() {
            len @ ..126 => out.push(u8::try_from(len).unwrap()),
            len @ 126..=0xffff => {
                out.push(126);
                out.extend(u16::try_from(len).unwrap().to_be_bytes());
            }
            len => {
                out.push(127);
                out.extend((len as u64).to_be_bytes());
            }
        }
        out.extend(payload);
    }

    fn read_all(chunks: &[&[u8]]) -> Result<Vec<String>, WireError> {
        let (mut decoder, mut frames) = (Decoder::default(), vec![]);
        for chunk in chunks {
            decoder.push(chunk);
            while let Some(frame) = decoder.next_frame()? {
                frames.push(format!("{frame:?}"));
            }
        }
        Ok(frames)
    }

    #[test]
    fn what_no_server_sends_is_refused() {
        let error = |bytes: &[u8]| read_all(&[bytes]).unwrap_err();
        assert_eq!(error(&[0x01, 0]), WireError::Header(0x01, 0), "a fragment");
        assert_eq!(error(&[0x81, 0x80]), WireError::Header(0x81, 0x80), "masked");
        assert_eq!(error(&[0x82, 0]), WireError::Header(0x82, 0), "binary");
        assert_eq!(error(&[0x81, 126, 0, 5]), WireError::Length(5));
        assert_eq!(error(&[0x89, 126, 0, 200]), WireError::LongControl(200));
        assert_eq!(error(&[0x81, 1, 0xff]), WireError::Utf8);
        assert_eq!(error(&[0x88, 1, 3]), WireError::Close);
        assert_eq!(error(&[0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]), WireError::TooLong(1 << 40));
    }

    proptest! {
        #![proptest_config(Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })]

        #[test]
        fn any_split_reads_alike(
            frames in proptest::collection::vec((0usize..4, 0usize..300, any::<bool>()), 1..12),
            cuts in proptest::collection::vec(1usize..90, 1..60),
        ) {
            let mut bytes = vec![];
            for &(kind, len, long) in &frames {
                match kind {
                    0 => put(1, "ü".repeat(if long { len * 200 } else { len }).as_bytes(), &mut bytes),
                    1 => put(9, &vec![7; len % 126], &mut bytes),
                    2 => put(10, &[], &mut bytes),
                    _ => put(8, &[0x0f, 0xa1, b'o', b'k'], &mut bytes),
                }
            }
            let whole = read_all(&[&bytes]).unwrap();
            prop_assert_eq!(whole.len(), frames.len());
            let (mut rest, mut chunks) = (bytes.as_slice(), vec![]);
            for &cut in cuts.iter().cycle() {
                let (chunk, later) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(read_all(&chunks).unwrap(), whole);
        }
    }
}

//! The client's end of the wire: what it sends, as bytes of WebSocket frames (RFC 6455 §5.2), or of none.

use bytes::{BufMut, BytesMut};
use chinwag_core::gateway::{Fault, Frame};

use crate::plan::draw::Cause;

/// What a client sends: a frame, or bytes in which its server finds this fault.
pub(crate) type ClientFrame<'a> = Result<Frame<'a>, Fault>;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// The longest head: two bytes, eight of a length, four of a key.
const HEAD_MAX: usize = 14;

/// What the RFC forbids. Keys are zero.
const FORBIDDEN: &[&[u8]] = &[
    b"\x81\x02hi",                         // No mask.
    b"\xc1\x80\0\0\0\0",                   // A reserved bit.
    b"\x83\x80\0\0\0\0",                   // A reserved opcode.
    b"\x80\x80\0\0\0\0",                   // The next fragment of nothing.
    b"\x09\x80\0\0\0\0",                   // A fragment of a ping.
    b"\x89\xfe\x00\x7e\0\0\0\0",           // A long ping.
    b"\x81\xfe\x00\x02\0\0\0\0hi",         // A length that is not in its shortest form.
    b"\x88\x81\0\0\0\0\x03",               // Half a code.
    b"\x88\x82\0\0\0\0\x03\xed",           // A code that is not for the wire.
    b"\x01\x81\0\0\0\0h\x81\x81\0\0\0\0i", // A message within another.
];
/// Heads of what nobody accepts.
const TOO_BIG: &[&[u8]] = &[
    b"\x81\xff\0\0\0\x01\0\0\0\0\0\0\0\0",
    b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    b"\x01\x81\0\0\0\0h\x80\xff\0\0\0\x01\0\0\0\0\0\0\0\0",
];
/// The first fragment of a message that the next one makes too long.
const BEGINNING: &[u8] = b"h";
/// What is no UTF-8.
const NO_TEXT: &[&[u8]] = &[
    b"\x81\x81\0\0\0\0\xff",
    b"\x81\x82\0\0\0\0h\xc3",
    b"\x01\x81\0\0\0\0\xc3\x80\x81\0\0\0\0h",
    b"\x88\x83\0\0\0\0\x03\xe8\xff",
];

/// Writes it as a client does, to whom a server listens that reads messages of so many bytes at most. The mask is left to
/// chance, and whether a text comes in fragments.
pub(crate) fn write(frame: &ClientFrame<'_>, bytes_max: usize, cause: &mut Cause) -> BytesMut {
    /// Of so many texts one comes in fragments.
    const WHOLE: u64 = 32;
    let len = if let Ok(Frame::Text(text)) = frame { text.len() } else { 0 };
    let mut out = BytesMut::with_capacity(2 * HEAD_MAX + len);
    match *frame {
        Ok(Frame::Text(text)) if cause.bits().is_multiple_of(WHOLE) => {
            put_fragments(text, None, cause, &mut out);
        }
        Ok(Frame::Text(text)) => put(FINAL | TEXT, text.as_bytes(), cause, &mut out),
        Ok(Frame::Binary(len)) => put(FINAL | BINARY, &vec![0; len], cause, &mut out),
        Ok(Frame::Ping(payload)) => put(FINAL | PING, payload, cause, &mut out),
        Ok(Frame::Pong) => put(FINAL | PONG, &[], cause, &mut out),
        Ok(Frame::Close(None)) => put(FINAL | CLOSE, &[], cause, &mut out),
        Ok(Frame::Close(Some(code))) => put(FINAL | CLOSE, &code.to_be_bytes(), cause, &mut out),
        Err(Fault::Protocol) => out.put_slice(cause.pick(FORBIDDEN)),
        Err(Fault::TooBig) => put_too_big(bytes_max, cause, &mut out),
        Err(Fault::InvalidText) => out.put_slice(cause.pick(NO_TEXT)),
    }
    out
}

/// Writes a text in fragments, and a ping between them.
pub(crate) fn write_around(text: &str, ping: &[u8], cause: &mut Cause) -> BytesMut {
    let mut out = BytesMut::with_capacity(3 * HEAD_MAX + text.len() + ping.len());
    put_fragments(text, Some(ping), cause, &mut out);
    out
}

/// Appends a text in two fragments, and a ping between them if there is one.
fn put_fragments(text: &str, ping: Option<&[u8]>, cause: &mut Cause, out: &mut BytesMut) {
    let end = usize::try_from(cause.within(0..=text.len() as u64)).expect("it lies within");
    let (first, last) = text.as_bytes().split_at(end);
    put(TEXT, first, cause, out);
    if let Some(ping) = ping {
        put(FINAL | PING, ping, cause, out);
    }
    put(FINAL | CONTINUATION, last, cause, out);
}

/// Appends as much of a message that is too long as it takes to see that: far too long, or by one byte, at once or by its
/// second fragment.
fn put_too_big(bytes_max: usize, cause: &mut Cause, out: &mut BytesMut) {
    match cause.pick(&[0, 1, 2, 2]) {
        0 => return out.put_slice(cause.pick(TOO_BIG)),
        1 => put_head(FINAL | TEXT, bytes_max + 1, out),
        _ => {
            put(TEXT, BEGINNING, cause, out);
            put_head(FINAL | CONTINUATION, bytes_max + 1 - BEGINNING.len(), out);
        }
    }
    out.put_u32(0);
}

/// Appends a frame.
fn put(first: u8, payload: &[u8], cause: &mut Cause, out: &mut BytesMut) {
    put_head(first, payload.len(), out);
    let word = (cause.bits() & 0xffff_ffff) * 0x1_0000_0001;
    out.put_slice(&word.to_ne_bytes()[..4]);
    let begin = out.len();
    out.put_slice(payload);
    mask(&mut out[begin..], word);
}

/// Appends the head of a frame with so long a payload, without the key of its mask.
fn put_head(first: u8, len: usize, out: &mut BytesMut) {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..126), _) => out.put_slice(&[first, MASKED | len]),
        (_, Ok(len)) => {
            out.put_slice(&[first, MASKED | 126]);
            out.put_u16(len);
        }
        _ => {
            out.put_slice(&[first, MASKED | 127]);
            out.put_u64(len as u64);
        }
    }
}

/// Masks a payload; the word is the key, twice.
fn mask(payload: &mut [u8], word: u64) {
    let (words, rest) = payload.as_chunks_mut::<8>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(word.to_ne_bytes()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::websocket::Reader;

    use super::*;
    use crate::plan::draw::{Draws, Purpose};

    const BYTES_MAX: usize = 100_000;

    /// As it is read, however often it is written another way.
    fn reads(frame: ClientFrame<'_>) {
        for number in 0..200 {
            let mut wire = write(&frame, BYTES_MAX, &mut Draws::new(1).of(Purpose::Uplink, number));
            let mut input = &mut wire[..];
            let mut reader = Reader::default();
            assert_eq!(reader.next(&mut input, BYTES_MAX).transpose(), Some(frame), "{number}");
            if frame.is_ok() {
                assert_eq!(reader.next(&mut input, BYTES_MAX), Ok(None));
                assert!(reader.is_at_rest(), "nothing is left");
            }
        }
    }

    #[test]
    fn what_is_sent_is_read() {
        for len in [0, 1, 7, 8, 9, 125, 126, 65_535, 65_536] {
            reads(Ok(Frame::Text(&"x".repeat(len))));
        }
        reads(Ok(Frame::Text("κόσμε")));
        reads(Ok(Frame::Binary(9)));
        reads(Ok(Frame::Ping(&[7; 9])));
        reads(Ok(Frame::Pong));
        reads(Ok(Frame::Close(None)));
        reads(Ok(Frame::Close(Some(1000))));
    }

    #[test]
    fn a_ping_between_fragments_is_read_before_their_text() {
        for number in 0..200 {
            let mut wire = write_around("κόσμε", &[7; 9], &mut Draws::new(1).of(Purpose::Uplink, number));
            let (mut input, mut reader) = (&mut wire[..], Reader::default());
            assert_eq!(reader.next(&mut input, BYTES_MAX), Ok(Some(Frame::Ping(&[7; 9]))));
            assert_eq!(reader.next(&mut input, BYTES_MAX), Ok(Some(Frame::Text("κόσμε"))));
        }
    }

    #[test]
    fn what_is_broken_is_found_to_be() {
        [Fault::Protocol, Fault::TooBig, Fault::InvalidText].into_iter().for_each(|fault| reads(Err(fault)));
    }
}

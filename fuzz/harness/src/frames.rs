//! Bytes as a client's WebSocket frames.

use chinwag_core::{
    gateway::{Fault, Frame},
    websocket::Reader,
};

/// Longest message, in bytes: one that scripts can go beyond.
const BYTES_MAX: usize = 1_000;

/// What was read of some bytes, and what was wrong with them in the end.
type Read = (Vec<String>, Option<Fault>);

/// Reads all but the first byte in one piece, in pieces as long as that one says, and byte by byte. Returns how many
/// frames there are.
///
/// # Panics
/// They are not read alike, or a message is longer than it may be.
#[must_use]
pub fn frames(bytes: &[u8]) -> usize {
    let Some((&len, bytes)) = bytes.split_first() else { return 0 };
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(read(bytes, usize::from(len) + 1), whole, "in pieces");
    assert_eq!(read(bytes, 1), whole, "byte by byte");
    whole.0.len()
}

fn read(bytes: &[u8], piece: usize) -> Read {
    let (mut reader, mut frames) = (Reader::default(), vec![]);
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let mut input = piece.as_mut_slice();
        loop {
            match reader.next(&mut input, BYTES_MAX) {
                Ok(Some(frame)) => {
                    assert!(len(&frame) <= BYTES_MAX, "{frame:?} is too long");
                    frames.push(format!("{frame:?}"));
                }
                Ok(None) => break,
                Err(fault) => return (frames, Some(fault)),
            }
        }
        assert!(input.is_empty(), "all is taken");
    }
    (frames, None)
}

const fn len(frame: &Frame<'_>) -> usize {
    match frame {
        Frame::Text(text) => text.len(),
        Frame::Binary(len) => *len,
        Frame::Ping(payload) => payload.len(),
        Frame::Pong | Frame::Close(_) => 0,
    }
}

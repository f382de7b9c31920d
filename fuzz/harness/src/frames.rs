//! Bytes as a client's WebSocket frames.

use chinwag_core::{
    gateway::{Fault, Frame},
    websocket::Intake,
};

/// Longest message, in bytes: one that scripts can go beyond.
const BYTES_MAX: usize = 1_000;

/// How frames are asked for.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// All that a read brings.
    All,
    /// One, and the next once that is dealt with: what is left is kept meanwhile.
    OneByOne,
}

/// What comes of some bytes.
#[derive(Debug, Eq, PartialEq)]
struct Heard {
    frames: Vec<String>,
    /// What was wrong with them in the end.
    fault: Option<Fault>,
    /// The end of them is no frame's.
    is_amid: bool,
}

/// Reads all but the first byte in one piece, in pieces as long as that one says, and byte by byte; whoever reads wants
/// all there is, or one frame at a time. Returns how many frames there are.
///
/// # Panics
/// They are not read alike, or a message is longer than it may be.
#[must_use]
pub fn frames(bytes: &[u8]) -> usize {
    let Some((&len, bytes)) = bytes.split_first() else { return 0 };
    let whole = bytes.len().max(1);
    let heard = read(bytes, whole, Wanted::All);
    for piece in [whole, usize::from(len) + 1, 1] {
        for wanted in [Wanted::All, Wanted::OneByOne] {
            assert_eq!(read(bytes, piece, wanted), heard, "{wanted:?} in pieces of {piece}");
        }
    }
    heard.frames.len()
}

fn read(bytes: &[u8], piece: usize, wanted: Wanted) -> Heard {
    let (mut intake, mut frames, mut fault) = (Intake::default(), vec![], None);
    let mut hear = |read: Result<Frame<'_>, Fault>| {
        match read {
            Ok(frame) => {
                assert!(len(&frame) <= BYTES_MAX, "{frame:?} is too long");
                frames.push(format!("{frame:?}"));
            }
            Err(found) => fault = Some(found),
        }
        matches!(wanted, Wanted::All)
    };
    for piece in bytes.chunks(piece) {
        intake.take_in(&mut piece.to_vec(), BYTES_MAX, &mut hear);
        while intake.keeps() {
            intake.take_in(&mut [], BYTES_MAX, &mut hear);
        }
        if intake.is_over() {
            break;
        }
    }
    Heard { frames, fault, is_amid: intake.is_amid() }
}

const fn len(frame: &Frame<'_>) -> usize {
    match frame {
        Frame::Text(text) => text.len(),
        Frame::Binary(len) => *len,
        Frame::Ping(payload) => payload.len(),
        Frame::Pong | Frame::Close(_) => 0,
    }
}

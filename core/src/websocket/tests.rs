//! What the reader makes of streams, wherever they are cut.

use proptest::{collection::vec, prelude::*};

use super::{Intake, Reader, head::HEAD_MAX, mask};
use crate::gateway::{Fault, Frame};

/// Longest message in these tests, in bytes.
const BYTES_MAX: usize = 4_096;

/// A frame, with what it borrows.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Owned {
    Text(String),
    Binary(usize),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

impl From<Frame<'_>> for Owned {
    fn from(frame: Frame<'_>) -> Self {
        match frame {
            Frame::Text(text) => Self::Text(text.to_owned()),
            Frame::Binary(len) => Self::Binary(len),
            Frame::Ping(payload) => Self::Ping(payload.to_vec()),
            Frame::Pong => Self::Pong,
            Frame::Close(code) => Self::Close(code),
        }
    }
}

/// A client's frame.
fn frame(is_final: bool, opcode: u8, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![u8::from(is_final) << 7 | opcode];
    match payload.len() {
        len @ 0..126 => bytes.push(0x80 | len as u8),
        len @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// What is read of these pieces, one after another, and what is wrong in the end. Nothing is kept beyond what is allowed.
fn read(pieces: &[&[u8]]) -> (Vec<Owned>, Option<Fault>) {
    let (mut reader, mut frames) = (Reader::default(), vec![]);
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = piece.as_mut_slice();
        loop {
            match reader.next(&mut input, BYTES_MAX) {
                Ok(Some(frame)) => frames.push(frame.into()),
                Ok(None) => break,
                Err(fault) => return (frames, Some(fault)),
            }
        }
        assert!(input.is_empty(), "all is taken");
        let kept = reader.open.as_ref().map_or(0, |open| open.room());
        assert!(kept <= BYTES_MAX + HEAD_MAX + 125, "{kept} bytes are kept");
    }
    (frames, None)
}

/// The same bytes in pieces that end at these places.
fn cut<'a>(bytes: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    ends.extend([0, bytes.len()]);
    ends.sort_unstable();
    ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

/// A message or control frame on the wire, and as it is to be read.
type Sent = (Vec<u8>, Vec<Owned>);

fn control() -> impl Strategy<Value = Sent> {
    let ping = (vec(any::<u8>(), 0..=125), any::<[u8; 4]>())
        .prop_map(|(payload, key)| (frame(true, 9, &payload, key), vec![Owned::Ping(payload)]));
    let pong = (vec(any::<u8>(), 0..=125), any::<[u8; 4]>())
        .prop_map(|(payload, key)| (frame(true, 10, &payload, key), vec![Owned::Pong]));
    prop_oneof![ping, pong]
}

/// A message in fragments, with control frames between them.
fn message() -> impl Strategy<Value = Sent> {
    let payload = prop_oneof![
        "\\PC{0,40}".prop_map(|text| (1, text.into_bytes())),
        "[é🦀x]{0,900}".prop_map(|text| (1, text.into_bytes())),
        vec(any::<u8>(), 0..600).prop_map(|bytes| (2, bytes)),
    ];
    let fragment = (any::<prop::sample::Index>(), any::<[u8; 4]>(), vec(control(), 0..2));
    (payload, any::<[u8; 4]>(), vec(fragment, 0..4)).prop_map(|((kind, payload), last_key, fragments)| {
        let (mut wire, mut read, mut at, mut opcode) = (vec![], vec![], 0, kind);
        for (place, key, controls) in fragments {
            let end = at + place.index(payload.len() - at + 1);
            wire.extend(frame(false, opcode, &payload[at..end], key));
            (at, opcode) = (end, 0);
            for (bytes, frames) in controls {
                wire.extend(bytes);
                read.extend(frames);
            }
        }
        wire.extend(frame(true, opcode, &payload[at..], last_key));
        read.push(match kind {
            1 => Owned::Text(String::from_utf8(payload).unwrap()),
            _ => Owned::Binary(payload.len()),
        });
        (wire, read)
    })
}

proptest! {
    #[test]
    fn what_was_sent_is_read_wherever_it_is_cut(
        sent in vec(prop_oneof![message(), control()], 0..6),
        places in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let wire = sent.iter().flat_map(|(wire, _)| wire.clone()).collect::<Vec<_>>();
        let frames = sent.into_iter().flat_map(|(_, frames)| frames).collect::<Vec<_>>();
        prop_assert_eq!(read(&cut(&wire, &places)), (frames.clone(), None));
        prop_assert_eq!(read(&wire.chunks(1).collect::<Vec<_>>()), (frames, None));
    }

    /// Any bytes, most of which begin like frames.
    #[test]
    fn any_bytes_are_read_alike_wherever_they_are_cut(
        heads in vec((any::<u8>(), 0x7c..=0xff_u8, vec(any::<u8>(), 0..40)), 0..8),
        opcodes in prop::sample::select(vec![0xff_u8, 0x8f, 0x8a, 0x83, 0x81]),
        places in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = heads
            .into_iter()
            .flat_map(|(first, second, rest)| [first & opcodes, second].into_iter().chain(rest))
            .collect::<Vec<_>>();
        let whole = read(&[&bytes]);
        prop_assert_eq!(&whole, &read(&cut(&bytes, &places)));
        prop_assert_eq!(&whole, &read(&bytes.chunks(1).collect::<Vec<_>>()));
    }

    #[test]
    fn masks_are_words_of_their_key(payload in vec(any::<u8>(), 0..70), key: [u8; 4], at in 0_usize..70) {
        let expected = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect::<Vec<_>>();
        let mut masked = payload.clone();
        let (front, back) = masked.split_at_mut(at.min(payload.len()));
        mask::apply(front, key);
        mask::apply(back, mask::turned(key, front.len()));
        prop_assert_eq!(masked, expected);
    }
}

#[test]
fn a_reader_at_rest_keeps_nothing() {
    assert_eq!(size_of::<Reader>(), size_of::<usize>());
    let mut reader = Reader::default();
    let mut wire = frame(true, 1, b"hello", [1, 2, 3, 4]);
    wire.extend(frame(false, 1, b"hel", [1, 2, 3, 4]));
    let (mut now, mut later) = (wire.as_mut_slice(), frame(true, 0, b"lo", [9; 4]));
    assert_eq!(reader.next(&mut now, 5), Ok(Some(Frame::Text("hello"))));
    assert!(reader.is_at_rest(), "what lay whole in the buffer was never kept");
    assert_eq!(reader.next(&mut now, 5), Ok(None));
    assert!(!reader.is_at_rest());
    let mut later = later.as_mut_slice();
    assert_eq!(reader.next(&mut later, 5), Ok(Some(Frame::Text("hello"))));
    assert_eq!(reader.next(&mut later, 5), Ok(None));
    assert!(reader.is_at_rest());
}

/// What an intake hands out of these bytes to who wants so many frames.
fn hear(intake: &mut Intake, bytes: &[u8], mut wanted: usize) -> Vec<Result<Owned, Fault>> {
    let mut heard = vec![];
    intake.take_in(&mut bytes.to_vec(), BYTES_MAX, |frame| {
        heard.push(frame.map(Owned::from));
        wanted -= 1;
        wanted > 0
    });
    heard
}

#[test]
fn an_intake_keeps_what_nobody_wants() {
    let text = |text: &str| Ok(Owned::Text(text.to_owned()));
    let wire = ["one", "two", "three", "four"].map(|text| frame(true, 1, text.as_bytes(), [3; 4])).concat();
    let mut intake = Intake::new(&wire[..9]);
    assert!(intake.keeps(), "what came with the handshake");
    assert_eq!(hear(&mut intake, &[], 1), [text("one")]);
    assert!(!intake.keeps() && !intake.is_amid());
    assert_eq!(hear(&mut intake, &wire[9..33], 1), [text("two")]);
    assert!(intake.keeps() && !intake.is_amid());
    assert_eq!(hear(&mut intake, &[], 9), [text("three")]);
    assert!(!intake.keeps() && intake.is_amid(), "the fourth has begun");
    assert_eq!(hear(&mut intake, &wire[33..], 9), [text("four")]);
    assert!(!intake.is_amid() && !intake.is_over());
    hear(&mut intake, &wire, 1);
    assert_eq!(
        hear(&mut intake, &wire[..9], 9),
        ["two", "three", "four", "one"].map(text),
        "what was kept is first"
    );
}

#[test]
fn an_intake_is_over_with_a_goodbye_or_a_fault() {
    let [text, close, unmasked] =
        [frame(true, 1, b"x", [3; 4]), frame(true, 8, b"", [3; 4]), vec![0x81, 0x01]];
    for (last, heard) in [(close, Ok(Owned::Close(None))), (unmasked, Err(Fault::Protocol))] {
        let bytes = [last, text.clone()].concat();
        for piece in [bytes.len(), 1] {
            let mut intake = Intake::default();
            let pieces = bytes.chunks(piece).flat_map(|piece| hear(&mut intake, piece, 9));
            assert_eq!(pieces.collect::<Vec<_>>(), std::slice::from_ref(&heard));
            assert!(intake.is_over() && !intake.is_amid(), "nothing more is waited for");
            assert!(hear(&mut intake, &text, 9).is_empty());
        }
    }
}

#[test]
fn a_message_is_too_long_before_it_has_come() {
    let long = frame(true, 1, &[b'x'; BYTES_MAX + 1], [0; 4]);
    assert_eq!(read(&[&long[..8]]).1, Some(Fault::TooBig), "its head says so");
    let exact = frame(true, 1, &[b'x'; BYTES_MAX], [0; 4]);
    assert_eq!(read(&[&exact]).0.len(), 1);
    let mut fragments = frame(false, 2, &[b'x'; BYTES_MAX], [0; 4]);
    fragments.extend(frame(false, 0, b"", [0; 4]));
    assert_eq!(read(&[&fragments]).1, None);
    fragments.extend(&frame(true, 0, b"x", [0; 4])[..6]);
    assert_eq!(read(&[&fragments]).1, Some(Fault::TooBig));
    let most = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    assert_eq!(read(&[&most]).1, Some(Fault::TooBig));
}

#[test]
fn what_cannot_become_text_is_refused_at_once() {
    let whole = frame(true, 1, "κόσμε".as_bytes(), [7; 4]);
    assert_eq!(read(&[&whole[..9], &whole[9..]]).1, None, "a character in two pieces");
    let mut surrogate = frame(true, 1, &[b'x', 0xed, 0xa0, 0x80, b'x', b'x', b'x'], [7; 4]);
    surrogate.truncate(6 + 3);
    assert_eq!(read(&[&surrogate]).1, Some(Fault::InvalidText), "before the frame has ended");
    assert_eq!(read(&[&frame(true, 1, b"\xce", [7; 4])]).1, Some(Fault::InvalidText));
    let mut fragments = frame(false, 1, b"\xce", [7; 4]);
    assert_eq!(read(&[&fragments]).1, None);
    fragments.extend(frame(true, 0, b"", [7; 4]));
    assert_eq!(read(&[&fragments]).1, Some(Fault::InvalidText));
}

//! What bots say: a header that tells which planned message it is, then filling up to the wanted size.

use std::fmt;

use crate::draw::{Draw, Purpose};

/// Tells the messages of one run from those of another on the same server.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RunId(pub u32);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The smallest payload in bytes: `cw1.`, 8 digits of the run, a dot, up to 10 digits of the message, a dot.
pub(crate) const BYTES_MIN: u32 = 24;

/// What every payload begins with.
const MARK: &str = "cw1.";

/// The filling's letters; none needs quoting anywhere.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The payload of message `send`, `size` bytes of ASCII.
pub(crate) fn payload(run: RunId, send: u32, size: u32) -> String {
    let mut text = format!("{MARK}{run}.{send}.");
    let missing = (size as usize).saturating_sub(text.len());
    text.reserve_exact(missing);
    text.extend(filling(run, send).take(missing).map(char::from));
    text
}

/// A text of `size` letters that means nothing.
pub(crate) fn nonsense(run: RunId, number: u32, size: usize) -> String {
    filling(run, !number).take(size).map(char::from).collect()
}

/// Whether a text is the payload of message `send`, to the last letter. Allocates nothing, and costs little: every
/// delivery is put to it.
pub(crate) fn is_payload(run: RunId, send: u32, size: u32, text: &str) -> bool {
    let Some((its_run, its_send, rest)) = split(text) else { return false };
    let mut pieces = rest.as_bytes().chunks(LETTERS_PER_DRAW).zip(draws(run, send));
    (its_run, its_send) == (run, send)
        && text.len() == size as usize
        && pieces.all(|(piece, bits)| *piece == letters(bits)[..piece.len()])
}

/// The letters after the header, without end.
fn filling(run: RunId, send: u32) -> impl Iterator<Item = u8> {
    draws(run, send).flat_map(letters)
}

/// What the letters after the header are drawn from.
fn draws(run: RunId, send: u32) -> impl Iterator<Item = u64> {
    let draw = Draw::new(u64::from(run.0), Purpose::Filling, "").part(u64::from(send));
    (0..).map(move |index| draw.bits(index))
}

/// Each draw of 64 bits makes ten letters of six.
const LETTERS_PER_DRAW: usize = 10;

fn letters(bits: u64) -> [u8; LETTERS_PER_DRAW] {
    let letter = |sixth: usize| LETTERS[usize::try_from(bits >> (6 * sixth) & 63).expect("below 64")];
    std::array::from_fn(letter)
}

/// Everywhere in a frame where a payload may begin.
pub fn payloads(frame: &str) -> impl Iterator<Item = &str> {
    frame.match_indices(MARK).map(|(at, _)| &frame[at..])
}

/// Which message of which run a payload is; `None` if it is nobody's. Allocates nothing.
#[must_use]
pub fn parse_payload(text: &str) -> Option<(RunId, u32)> {
    split(text).map(|(run, send, _)| (run, send))
}

/// Run, message and filling of a payload.
fn split(text: &str) -> Option<(RunId, u32, &str)> {
    let (run, rest) = text.strip_prefix(MARK)?.split_at_checked(8)?;
    let rest = rest.strip_prefix('.')?;
    let (send, filling) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
    // A sign would be read, too.
    if !run.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some((RunId(u32::from_str_radix(run, 16).ok()?), send.parse().ok()?, filling.strip_prefix('.')?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_payload_tells_whose_it_is(run: u32, send: u32, size in BYTES_MIN..5_000) {
            let text = payload(RunId(run), send, size);
            prop_assert_eq!(text.len(), size as usize);
            prop_assert_eq!(parse_payload(&text), Some((RunId(run), send)));
            prop_assert!(is_payload(RunId(run), send, size, &text));
        }

        #[test]
        fn one_letter_makes_a_difference(run: u32, send: u32, size in BYTES_MIN..500, at: proptest::sample::Index) {
            let mut text = payload(RunId(run), send, size).into_bytes();
            text[at.index(size as usize)] ^= 1;
            let text = String::from_utf8(text).unwrap();
            prop_assert!(!is_payload(RunId(run), send, size, &text));
        }

        #[test]
        fn anything_may_come_in(text: String) {
            prop_assert_eq!(parse_payload(&text), None);
        }
    }

    #[test]
    fn a_payload_is_found_in_a_frame() {
        let frame = r#"{"room":"cw1.x","content":"cw1.0000002a.7.abc","user":"u"}"#;
        let found: Vec<_> = payloads(frame).filter_map(parse_payload).collect();
        assert_eq!(found, [(RunId(42), 7)]);
        assert_eq!(payloads(r#"{"type":"join"}"#).count(), 0);
    }

    #[test]
    fn near_misses_are_nobodys() {
        for text in [
            "cw1.",
            "cw1.0000002a.7",
            "cw1.2a.7.",
            "cw1.+000002a.7.",
            "cw1.0000002a.+7.",
            "cw1.0000002a.4294967296.",
        ] {
            assert_eq!(parse_payload(text), None, "{text}");
        }
        assert_eq!(parse_payload("cw1.0000002a.7."), Some((RunId(42), 7)));
    }
}

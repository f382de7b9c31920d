//! What messages say: their number, so that each is told from every other, and filler that is awkward to encode.

use std::fmt::Write as _;

/// What follows the number, over and over.
const FILLERS: [&str; 5] = ["x", "ü", "\"\\", "\n\t😀", "\u{1}"];

/// Which filler a message has: mostly what is quick to encode, as most of what people say is.
fn filler(number: usize) -> usize {
    match number % 64 {
        3 => 2,
        11 => 3,
        // In JSON it takes six times the room.
        43 => 4,
        n if n % 16 == 1 => 1,
        _ => 0,
    }
}

/// Makes contents and knows them again.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Each filler over and over, as long as the longest content was.
    runs: [String; FILLERS.len()],
}

impl Contents {
    /// The content of a message, of about so many bytes.
    pub(crate) fn make(&mut self, number: usize, bytes: usize) -> String {
        let mut content = String::with_capacity(bytes.max(8));
        write!(content, "{number:06} ").expect("memory takes everything");
        let filler = filler(number);
        let (run, filler) = (&mut self.runs[filler], FILLERS[filler]);
        while run.len() < bytes {
            run.push_str(filler);
        }
        let len = padding(content.len(), bytes, filler);
        content.push_str(&run[..len]);
        content
    }

    /// Whether this is the content of a message that was made, and whose number it begins with.
    pub(crate) fn is(&self, text: &str, number: usize, bytes: usize) -> bool {
        let Some((digits, rest)) = split(text) else { return false };
        let is_whole = digits.len() > 6 && !digits.starts_with(['0', '+']);
        let is_filled = digits.len() == 6 && !digits.starts_with('+');
        let filler = filler(number);
        let len = padding(digits.len() + 1, bytes, FILLERS[filler]);
        let run = &self.runs[filler];
        (is_whole || is_filled) && run.get(..len).is_some_and(|padding| rest == padding)
    }
}

/// The number that a content begins with.
pub(crate) fn number(text: &str) -> Option<u32> {
    let mut number = None;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                let before: u32 = number.unwrap_or(0);
                number = Some(before.checked_mul(10)?.checked_add(u32::from(byte - b'0'))?);
            }
            b' ' => return number,
            _ => return None,
        }
    }
    None
}

/// A content's number, and what follows; byte by byte, for the number is short.
fn split(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| byte == b' ')?;
    Some((&text[..end], &text[end + 1..]))
}

/// Bytes of filler that fit behind the head.
fn padding(head: usize, bytes: usize, filler: &str) -> usize {
    let room = bytes.saturating_sub(head);
    room - room % filler.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_known_again_and_nothing_else_is() {
        let mut contents = Contents::default();
        for number in 0..12 {
            for bytes in 0..60 {
                let text = contents.make(number, bytes);
                assert!(text.len() <= bytes.max(7) && text.starts_with(&format!("{number:06} ")));
                assert!(contents.is(&text, number, bytes), "{text:?}");
                assert_eq!(super::number(&text), Some(number as u32));
                assert!(!contents.is(&format!("{text}x"), number, bytes));
                assert!(!contents.is(&format!("0{text}"), number, bytes + 1));
                assert!(!contents.is(&text.replacen('0', "+", 1), number, bytes));
                assert!(!contents.is(&text.replacen(' ', "", 1), number, bytes));
                assert!(text.len() == 7 || !contents.is(&text[..7], number, bytes));
            }
        }
    }
}

//! Texts that stand for others: as long and of the same shape, and to be told only with a key.

use sha2::{Digest, Sha256};

use crate::hash;

/// Puts texts in the place of others, so that what was said can be given away without what it says.
///
/// Letters and digits change, and nothing else does: what counts is that a text in another's place takes as many bytes in
/// every encoding, is blank where it is blank, and calls whom it calls with `@`. So how long words are can still be seen,
/// and equal texts stay equal.
#[derive(Clone)]
pub struct Redactor {
    key: [u8; 32],
}

impl Redactor {
    /// Whoever knows the key can try out what a text stands for.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The key, for whoever is to compare what comes of the same texts.
    #[must_use]
    pub const fn reveal(&self) -> [u8; 32] {
        self.key
    }

    /// The text that stands for this one.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let digest = Sha256::new().chain_update(self.key).chain_update(text).finalize();
        let mut state = hash::bytes(&digest);
        let mut is_called = false;
        text.chars()
            .map(|c| {
                is_called = c == '@' || is_called && (c.is_ascii_alphanumeric() || c == '_');
                if is_called || !c.is_alphanumeric() {
                    return c;
                }
                state = hash::mix(state, 1);
                another(c, state)
            })
            .collect()
    }
}

/// Another letter or digit, of as many bytes.
fn another(c: char, bits: u64) -> char {
    let (first, count) = match c.len_utf8() {
        1 if c.is_ascii_digit() => ('0', 10),
        1 => ('a', 26),
        2 => ('à', 16),
        3 => ('一', 4_096),
        _ => ('\u{20000}', 4_096),
    };
    let offset = u32::try_from(bits % count).expect("below a few thousand");
    char::from_u32(first as u32 + offset).expect("all of these are letters or digits")
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REDACTOR: Redactor = Redactor::new([7; 32]);

    #[test]
    fn shape_and_calls_stay_and_words_do_not() {
        let text = "Hi @bob_1, meet me at 5: \"là-bas\"\\ 東京\u{2028}\t";
        let other = REDACTOR.apply(text);
        assert_ne!(other, text);
        assert!(other[3..].starts_with("@bob_1, "), "{other}");
        assert!(!other.contains("meet") && !other.contains('東'), "{other}");
        assert_eq!(other, REDACTOR.apply(text), "always the same");
        assert_ne!(other, Redactor::new([8; 32]).apply(text), "of this key");
    }

    proptest! {
        #[test]
        fn what_stands_for_a_text_takes_its_place_everywhere(text in ".{0,40}") {
            let other = REDACTOR.apply(&text);
            let lengths = |text: &str| text.chars().map(char::len_utf8).collect::<Vec<_>>();
            prop_assert_eq!(lengths(&text), lengths(&other));
            let json = |text: &str| serde_json::to_string(text).unwrap().len();
            prop_assert_eq!(json(&text), json(&other));
            let blanks = |text: &str| text.chars().map(char::is_whitespace).collect::<Vec<_>>();
            prop_assert_eq!(blanks(&text), blanks(&other));
        }
    }
}

//! Whom a message mentions: those it names apart, or those its text calls with `@` (S4.37).

use crate::shard::{MENTION_BYTES_MAX, MENTIONS_MAX, Message};

/// Whom a message mentions, however it was said.
pub(super) fn mentioned(message: &Message) -> Vec<&str> {
    let named = message.extra.as_deref().map(|extra| extra.mentions.as_slice()).unwrap_or_default();
    if named.is_empty() {
        return in_text(&message.content);
    }
    named.iter().map(|name| &**name).collect()
}

/// The names that a text calls with `@`: what `/@(\w+)/g` finds of them, as far as it may be mentioned.
#[must_use]
pub fn in_text(text: &str) -> Vec<&str> {
    let names = text.split('@').skip(1).map(|after| {
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        &after[..end]
    });
    names.filter(|name| may_be_mentioned(name)).take(MENTIONS_MAX).collect()
}

/// Whether anybody can have this name, as far as its length tells.
pub(super) const fn may_be_mentioned(name: &str) -> bool {
    !name.is_empty() && name.len() <= MENTION_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_the_specification_finds_them() {
        let cases: [(&str, &[&str]); 5] = [
            ("@alice please review the login component", &["alice"]),
            ("nobody", &[]),
            ("@ a@b,@@c_1-d @@ @é", &["b", "c_1"]),
            ("@ann and @ann", &["ann", "ann"]),
            ("ends with @", &[]),
        ];
        for (text, names) in cases {
            assert_eq!(in_text(text), names, "{text}");
        }
        let longest = "x".repeat(MENTION_BYTES_MAX);
        assert_eq!(in_text(&format!("@{longest} @{longest}x")), [longest]);
        assert_eq!(in_text(&"@x".repeat(MENTIONS_MAX + 1)).len(), MENTIONS_MAX);
    }
}

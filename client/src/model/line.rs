//! What stands in a room, line by line.

use chinwag_core::{Position, Seq, Time, UserName, shard::Kind};

/// A line of a room, as its reader sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// When it happened.
    pub at: Time,
    /// What it says.
    pub body: Body,
}

/// What a line says. Texts are as they came: whoever draws them makes them [harmless](crate::text).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// Somebody said something.
    Said(Said),
    /// These messages are gone, and would have stood here.
    Missing {
        /// The first.
        from: Seq,
        /// The last.
        to: Seq,
    },
    /// The room's log began anew: what was not shown of the old one is gone.
    Anew,
    /// Somebody became a member.
    Came(UserName),
    /// Somebody is no longer a member.
    Went(UserName),
    /// So many came to and went from a large room.
    CameAndWent(usize, usize),
    /// What happened beside all that.
    Notice(String),
    /// Word for this reader alone: what was asked for, or what became of it.
    Answer(String),
    /// The same of what went wrong.
    Problem(String),
}

impl Line {
    /// The memory that it takes, in bytes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = match &self.body {
            Body::Said(said) => {
                said.content.len()
                    + said.user.as_str().len()
                    + said.file.as_ref().map_or(0, |file| file.len())
            }
            Body::Notice(text) | Body::Answer(text) | Body::Problem(text) => text.len(),
            Body::Missing { .. } | Body::Anew | Body::Came(_) | Body::Went(_) | Body::CameAndWent(..) => 0,
        };
        size_of::<Self>() + texts
    }
}

/// A message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    /// Its place in the room.
    pub position: Position,
    /// Who said it.
    pub user: UserName,
    /// What.
    pub content: Box<str>,
    /// What it is.
    pub kind: Kind,
    /// The file it is about.
    pub file: Option<Box<str>>,
    /// The reader said it.
    pub mine: bool,
    /// It names the reader.
    pub mentions_me: bool,
}

impl Said {
    /// What the author does, if that is what it says.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        action(&self.content)
    }
}

/// What somebody does who says this, if it is that: `/me waves` is said as `*waves*`. There may be emphasis in it, but what only
/// begins and ends with some is none.
#[must_use]
pub fn action(content: &str) -> Option<&str> {
    let inner = content.strip_prefix('*')?.strip_suffix('*')?;
    let is_bold = inner.starts_with('*') && inner.ends_with('*');
    (!inner.trim().is_empty() && !inner.starts_with(' ') && !is_bold && ends_none(inner)).then_some(inner)
}

/// Whether no emphasis ends in a text that has not begun there.
fn ends_none(text: &str) -> bool {
    let is_outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let mut begun = 0_usize;
    for (at, star) in text.match_indices('*') {
        let begins = is_outside(text[..at].chars().next_back());
        let ends = is_outside(text[at + star.len()..].chars().next());
        match (begins, ends) {
            (true, false) => begun += 1,
            (false, true) if begun == 0 => return false,
            (false, true) => begun -= 1,
            // A star within a word, or one by itself.
            _ => {}
        }
    }
    true
}

/// Whether a text names a user: as a word of its own, with or without `@`, however it is written.
pub(super) fn names(text: &str, user: &UserName) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let words = text.split(|c| !is_part(c));
    // A full stop ends a sentence more often than a name.
    words.map(|word| word.trim_end_matches('.')).any(|word| word.eq_ignore_ascii_case(user.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_what_stands_between_stars_as_a_whole() {
        for inner in
            ["waves", "says *hi* to all", "says *hi*", "counts 2*3 and 4 * 5", "one\ntwo", "*sighs* and goes"]
        {
            assert_eq!(action(&format!("*{inner}*")), Some(inner));
        }
        for text in
            ["*this* and *that*", "*this*, *that*", "**bold**", "**", "* *", "* a point*", "waves*", "*waves"]
        {
            assert_eq!(action(text), None, "{text}");
        }
    }

    #[test]
    fn a_mention_is_a_word_of_its_own() {
        let bob = UserName::new("bob").unwrap();
        for text in ["bob", "@bob: hi", "hi Bob.", "(bob)", "ask bob, or ann", "müde,bob"] {
            assert!(names(text, &bob), "{text}");
        }
        for text in ["bobby", "bob-2", "a.bob", "", "b ob", "übob"] {
            assert!(!names(text, &bob), "{text}");
        }
    }
}

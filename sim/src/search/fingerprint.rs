//! What makes two failures the same: the check, and the shape of its sentence.

use std::{borrow::Cow, fmt};

use crate::record::outcome::Failure;

/// The check that noticed a failure, and its sentence without names, numbers, lists and quotations.
///
/// A smaller scenario shows the same fault if it fails with the same fingerprint: other numbers in the same sentence
/// are to be expected, another sentence is another fault.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Fingerprint {
    check: &'static str,
    shape: String,
}

impl Fingerprint {
    /// The fingerprint of a failure.
    #[must_use]
    pub fn of(failure: &Failure) -> Self {
        Self { check: failure.check, shape: shape(&failure.sentence) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.shape)
    }
}

/// A sentence with `#` for every word that has a digit in it, and nothing between quotes and brackets. Of where a
/// machine panicked the file stays: the same words in two files are two faults.
fn shape(sentence: &str) -> String {
    let words = without_enclosed(sentence);
    words.split_whitespace().map(word_shape).collect::<Vec<Cow<'_, str>>>().join(" ")
}

fn word_shape(word: &str) -> Cow<'_, str> {
    match file_of_place(word) {
        Some(file) => format!("{file}:#").into(),
        None if word.contains(|c: char| c.is_ascii_digit()) => "#".into(),
        None => word.into(),
    }
}

/// The file's name in a place in the sources, as in `core/src/limiter.rs:123:`. Where it lies depends on the build.
fn file_of_place(word: &str) -> Option<&str> {
    let (path, line) = word.strip_suffix(':')?.rsplit_once(':')?;
    let file = path.rsplit(['/', '\\']).next()?;
    (file.ends_with(".rs") && line.bytes().all(|b| b.is_ascii_digit())).then_some(file)
}

/// A sentence without what stands between quotes or brackets; their opening stays.
fn without_enclosed(sentence: &str) -> String {
    let (mut kept, mut closers) = (String::new(), Vec::new());
    let mut chars = sentence.chars();
    while let Some(c) = chars.next() {
        let is_quoted = closers.last() == Some(&'"');
        if is_quoted && c == '\\' {
            // Whatever it is, it does not end the quotation.
            chars.next();
            continue;
        }
        if closers.last() == Some(&c) {
            closers.pop();
            continue;
        }
        if closers.is_empty() {
            kept.push(c);
        }
        match c {
            _ if is_quoted => {}
            '"' => closers.push('"'),
            '[' => closers.push(']'),
            '{' => closers.push('}'),
            '(' => closers.push(')'),
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_lists_do_not_matter() {
        let same = [
            ("c3 was shown r0/12:4 twice", "c10 was shown r1/9:77 twice"),
            ("n0 holds 3 rooms after 1.5s", "n2 holds 17 rooms after 300ms"),
            ("members are {\"u1\", \"u2\"}, not {}", "members are {}, not {\"u9\"}"),
            ("it reads \"a (b\" at 1", "it reads \"\" at 2"),
            ("core/src/limiter.rs:12: a limit", "/home/u1/core-0.1/src/limiter.rs:345: a limit"),
        ];
        for (a, b) in same {
            assert_eq!(shape(a), shape(b));
        }
        assert_eq!(shape("c3 reads \"x\" in [1, 2] of 9"), "# reads \" in [ of #");
    }

    #[test]
    fn another_sentence_is_another_failure() {
        assert_ne!(shape("c3 was shown r0:4 twice"), shape("c3 was shown r0:4 late"));
        let reads = |why| shape(&format!(r#"c1 reads {{"content":"a \" b"}}: {why}"#));
        assert_ne!(reads("no such field"), reads("it is in no room"));
        assert_ne!(shape("core/src/room.rs:12: it is there"), shape("core/src/user.rs:12: it is there"));
        let failure = |check| Failure {
            check,
            at: std::time::Duration::ZERO,
            event: 0,
            sentence: String::from("c1 waits"),
        };
        assert_ne!(Fingerprint::of(&failure("answered")), Fingerprint::of(&failure("drained")));
        assert_eq!(Fingerprint::of(&failure("answered")).to_string(), "answered: # waits");
    }
}

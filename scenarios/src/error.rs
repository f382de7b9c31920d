//! What is wrong with a scenario, and where: file, line, column and key.

use std::{fmt, io, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::check::Fault;

/// What is wrong with a scenario. Displays as one line: `file:line:column: key: message`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    file: String,
    /// Line and column, from 1.
    place: Option<(usize, usize)>,
    key: String,
    message: String,
}

impl Error {
    /// A file that cannot be read at all.
    pub(crate) fn unreadable(file: &str, error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Self { file: file.into(), place: None, key: String::new(), message }
    }

    /// Text that is no TOML, or not of the right shape.
    pub(crate) fn syntax(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map(|span| span.start);
        let key = offset.and_then(|offset| key_at(text, offset)).unwrap_or_default();
        let message = with_suggestion(&error.message().replace('\n', ", "));
        Self { file: file.into(), place: offset.map(|offset| line_and_column(text, offset)), key, message }
    }

    /// A scenario that makes no sense.
    pub(crate) fn fault(file: &str, text: &str, fault: Fault) -> Self {
        let place = span_of(text, &fault.key).map(|span| line_and_column(text, span.start));
        Self { file: file.into(), place, key: fault.key, message: fault.message }
    }

    /// The key that is wrong, as in `stage[0].duration`; empty if the trouble is not with a key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The line, from 1, if there is a file to have lines.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.map(|(line, _)| line)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Error {}

/// The word among `known` that `word` was probably meant to be.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|&(distance, candidate)| distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Says what is known, and what was probably meant: ``unknown metric `x`: did you mean `y`?…``
pub(crate) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let meant = nearest(word, known.iter().copied());
    let meant = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
    let known: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
    format!("unknown {what} `{word}`: {meant}known here: {}", known.join(", "))
}

/// Turns serde's ``unknown field `x`, expected one of `a`, `b` `` into ours; leaves anything else as it is.
fn with_suggestion(message: &str) -> String {
    for (prefix, what) in [("unknown field `", "key"), ("unknown variant `", "word")] {
        let Some((word, known)) = message.strip_prefix(prefix).and_then(|rest| rest.split_once('`')) else {
            continue;
        };
        // The words stand between backticks: every second part.
        let known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
        return unknown(what, word, &known);
    }
    message.to_owned()
}

/// A byte offset as line and column, both from 1.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The key whose name or value is at an offset; the innermost one.
fn key_at(text: &str, offset: usize) -> Option<String> {
    let holds = |(_, span): &(String, Range<usize>)| span.contains(&offset);
    keys(text).into_iter().filter(holds).min_by_key(|(_, span)| span.len()).map(|(key, _)| key)
}

/// Where a key is written; if it is not, where the table that should hold it is.
fn span_of(text: &str, key: &str) -> Option<Range<usize>> {
    let keys = keys(text);
    let mut wanted = key;
    loop {
        if let Some((_, span)) = keys.iter().find(|(key, _)| key == wanted) {
            return Some(span.clone());
        }
        wanted = &wanted[..wanted.rfind(['.', '['])?];
    }
}

/// Every key of a document with the span from its name to the end of its value. Tables under a header span the header.
fn keys(text: &str) -> Vec<(String, Range<usize>)> {
    fn walk_table(path: &str, table: &DeTable<'_>, keys: &mut Vec<(String, Range<usize>)>) {
        for (name, value) in table {
            let path = child(path, name.get_ref());
            // A header's value may be spread over the file; its name stands for it.
            let span =
                if name.span().end <= value.span().start && !matches!(value.get_ref(), DeValue::Array(_)) {
                    name.span().start..value.span().end
                } else {
                    name.span()
                };
            keys.push((path.clone(), span));
            walk_value(&path, value, keys);
        }
    }
    fn walk_value(path: &str, value: &Spanned<DeValue<'_>>, keys: &mut Vec<(String, Range<usize>)>) {
        match value.get_ref() {
            DeValue::Table(table) => {
                keys.push((path.to_owned(), value.span()));
                walk_table(path, table, keys);
            }
            DeValue::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    let path = format!("{path}[{i}]");
                    keys.push((path.clone(), item.span()));
                    walk_value(&path, item, keys);
                }
            }
            _ => {}
        }
    }
    let mut keys = Vec::new();
    if let Ok(document) = DeTable::parse(text) {
        walk_table("", document.get_ref(), &mut keys);
    }
    keys
}

/// The path of a key in a table.
pub(crate) fn child(path: &str, name: &str) -> String {
    let bare =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let name = if bare { name.to_owned() } else { format!("\"{name}\"") };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

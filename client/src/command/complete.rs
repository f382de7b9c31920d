//! What the word before the cursor may become: commands, rooms and users.

use super::TABLE;

/// The names that there are.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Of rooms.
    pub rooms: Vec<String>,
    /// Of those who are in the room that is looked at.
    pub users: Vec<String>,
}

/// What a word may become.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Completion {
    /// Where the word begins, in bytes.
    pub start: usize,
    /// What may stand there instead, each whole and with what follows it.
    pub candidates: Vec<String>,
}

/// What the word that ends at the cursor may become.
#[must_use]
pub fn complete(line: &str, cursor: usize, names: &Names) -> Completion {
    let before = &line[..cursor];
    let start = before.rfind(char::is_whitespace).map_or(0, |at| at + char_len(before, at));
    let word = &before[start..];
    let candidates = match before.split_whitespace().next() {
        Some(command) if start == 0 && command.starts_with('/') => commands(&word[1..]),
        Some("/join" | "/j" | "/leave" | "/part") if start > 0 => {
            let bare = word.strip_prefix('#').unwrap_or(word);
            matching(&names.rooms, bare, str::to_owned)
        }
        Some("/invite" | "/kick") if start > 0 => matching(&names.users, word, str::to_owned),
        _ if word.is_empty() => Vec::new(),
        _ => users(word, start == 0, names),
    };
    Completion { start, candidates }
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

fn commands(begin: &str) -> Vec<String> {
    let entries = TABLE.iter().filter(|entry| entry.name.starts_with(begin));
    entries.map(|entry| format!("/{}{}", entry.name, space(entry.arguments))).collect()
}

/// What follows a command that wants more.
const fn space(arguments: &str) -> &'static str {
    if arguments.is_empty() { "" } else { " " }
}

/// Users are addressed at the beginning of a line, and mentioned elsewhere.
fn users(word: &str, is_first: bool, names: &Names) -> Vec<String> {
    let (at, bare) = match word.strip_prefix('@') {
        Some(bare) => ("@", bare),
        None => ("", word),
    };
    let end = if is_first { ": " } else { " " };
    matching(&names.users, bare, |name| format!("{at}{name}{end}"))
}

fn matching(names: &[String], begin: &str, written: impl Fn(&str) -> String) -> Vec<String> {
    let begins =
        |name: &&String| name.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin));
    names.iter().filter(begins).map(|name| written(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Names { rooms: owned(&["general", "games", "ops"]), users: owned(&["bob", "Bonnie", "carol"]) }
    }

    #[test]
    fn words_are_completed_by_where_they_stand() {
        for (line, start, candidates) in [
            ("/re", 0, &["/reconnect"][..]),
            ("/j", 0, &["/join "]),
            ("/join g", 6, &["general", "games"]),
            ("/join #o", 6, &["ops"]),
            ("/leave ", 7, &["general", "games", "ops"]),
            ("/kick c", 6, &["carol"]),
            ("bo", 0, &["bob: ", "Bonnie: "]),
            ("hi @c", 3, &["@carol "]),
            ("hi grüße b", 11, &["bob ", "Bonnie "]),
            ("/me b", 4, &["bob ", "Bonnie "]),
            ("", 0, &[]),
            ("hi ", 3, &[]),
            ("über", 0, &[]),
            ("/nothing", 0, &[]),
        ] {
            let found = complete(line, line.len(), &names());
            assert_eq!(
                (found.start, found.candidates),
                (start, candidates.iter().map(|&c| c.to_owned()).collect()),
                "{line}"
            );
        }
    }

    #[test]
    fn what_stands_behind_the_cursor_does_not_count() {
        assert_eq!(complete("/joinops", 5, &names()).candidates, ["/join "]);
    }
}

//! What people type: something to say, or a command that begins with a slash.

mod complete;

use std::fmt::Write as _;

use chinwag_core::{RoomName, UserName, name::NameError};

pub use complete::{Completion, Names, complete};

/// What somebody has typed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Typed {
    /// Nothing.
    Nothing,
    /// Something to say in the room that is looked at.
    Say(String),
    /// A command.
    Command(Command),
}

/// What somebody wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// List the rooms.
    Rooms,
    /// Enter a room, or look at one that one is in.
    Join(RoomName),
    /// Leave a room: the one that is looked at, if none is named.
    Leave(Option<RoomName>),
    /// List who is in the room.
    Users,
    /// Say how things are done.
    Help,
    /// Show so many older messages.
    History(u32),
    /// Say what one does.
    Me(String),
    /// Say what one is up to, or how the connection fares.
    Status(Option<String>),
    /// Make a room, perhaps a private one.
    Create(RoomName, bool),
    /// Let a user into a private room.
    Invite(UserName),
    /// Send a user away.
    Kick(UserName),
    /// Connect anew.
    Reconnect,
    /// Leave all rooms and end.
    Quit,
}

impl Typed {
    /// Whether it is done in the room that is looked at, whichever that is.
    #[must_use]
    pub const fn is_for_a_room(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Say(_) => true,
            Self::Command(command) => matches!(
                command,
                Command::Leave(None)
                    | Command::Users
                    | Command::History(_)
                    | Command::Me(_)
                    | Command::Status(Some(_))
                    | Command::Invite(_)
                    | Command::Kick(_)
            ),
        }
    }
}

/// A command as its help shows it.
struct Entry {
    name: &'static str,
    /// Other words for it.
    aliases: &'static [&'static str],
    arguments: &'static str,
    help: &'static str,
}

/// All commands, in the order of the help.
const TABLE: &[Entry] = &[
    entry("rooms", &[], "", "list all rooms"),
    entry("join", &["j"], "ROOM", "enter a room, or look at one you are in"),
    entry("leave", &["part"], "[ROOM]", "leave this room, or that one; you stay in one at least"),
    entry("users", &["who"], "", "list who is in this room"),
    entry("history", &[], "[COUNT]", "show older messages (50 at once, at most 200)"),
    entry("me", &[], "TEXT", "say what you do: /me waves"),
    entry("status", &[], "[TEXT]", "say what you are up to; alone: how the connection fares"),
    entry("create", &[], "ROOM [private]", "make a room"),
    entry("invite", &[], "USER", "let a user into this private room"),
    entry("kick", &[], "USER", "send a user away from this room, if it is yours"),
    entry("reconnect", &[], "", "connect anew, now"),
    entry("help", &["h", "?"], "", "show this"),
    entry("quit", &["exit", "q"], "", "leave"),
];

/// How many older messages are shown unless somebody says otherwise.
pub const HISTORY_DEFAULT: u32 = 50;

/// How many a server hands out at once.
const HISTORY_MAX: u32 = 200;

const fn entry(
    name: &'static str,
    aliases: &'static [&'static str],
    arguments: &'static str,
    help: &'static str,
) -> Entry {
    Entry { name, aliases, arguments, help }
}

/// Reads a line. What begins with two slashes is said, with one of them.
///
/// # Errors
/// One line for whoever typed it.
pub fn parse(line: &str) -> Result<Typed, String> {
    let Some(command) = line.strip_prefix('/') else {
        return Ok(if line.trim().is_empty() { Typed::Nothing } else { Typed::Say(line.to_owned()) });
    };
    if command.starts_with('/') {
        return Ok(Typed::Say(command.to_owned()));
    }
    let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let entry = find(word).ok_or_else(|| unknown(word))?;
    read(entry, rest.trim()).map(Typed::Command)
}

/// What `/help` shows, line by line.
#[must_use]
pub fn help() -> Vec<String> {
    let usage = |entry: &Entry| format!("/{} {}", entry.name, entry.arguments);
    let width = TABLE.iter().map(|entry| usage(entry).len()).max().unwrap_or(0);
    TABLE.iter().map(|entry| format!("{:width$}  {}", usage(entry), entry.help)).collect()
}

/// Whether whoever typed this, and made a mistake, may have meant to look at another room.
#[must_use]
pub fn may_turn(line: &str) -> bool {
    let word = line.strip_prefix('/').and_then(|command| command.split_whitespace().next());
    let turns = |entry: &Entry| matches!(entry.name, "join" | "leave" | "create");
    word.is_some_and(|word| find(word).is_none_or(turns))
}

fn find(word: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.name == word || entry.aliases.contains(&word))
}

fn unknown(word: &str) -> String {
    // A word with more mistakes in it is another.
    let mistakes_max = (word.len() / 2).min(2);
    let mut message = format!("there is no /{word}");
    let distance = |entry: &&Entry| strsim::damerau_levenshtein(word, entry.name);
    let nearest = TABLE.iter().min_by_key(distance).filter(|entry| distance(entry) <= mistakes_max);
    match nearest.or_else(|| TABLE.iter().find(|entry| !word.is_empty() && entry.name.starts_with(word))) {
        Some(entry) => {
            let _ = write!(message, ": did you mean /{}?", entry.name);
        }
        None => message.push_str("; /help lists what there is"),
    }
    message + " (to say it, begin with //)"
}

fn read(entry: &Entry, rest: &str) -> Result<Command, String> {
    let usage = || format!("write it as /{} {}", entry.name, entry.arguments).trim_end().to_owned();
    let needed = || if rest.is_empty() { Err(usage()) } else { Ok(rest) };
    let command = match entry.name {
        "join" => Command::Join(room(needed()?)?),
        "leave" => Command::Leave(if rest.is_empty() { None } else { Some(room(rest)?) }),
        "history" => Command::History(
            count(rest).ok_or_else(|| format!("{}: 1 to {HISTORY_MAX} at once, and then again", usage()))?,
        ),
        "me" => Command::Me(needed()?.to_owned()),
        "status" => Command::Status((!rest.is_empty()).then(|| rest.to_owned())),
        "create" => match needed()?.strip_suffix(" private") {
            Some(name) => Command::Create(room(name.trim_end())?, true),
            None => Command::Create(room(rest)?, false),
        },
        "invite" => Command::Invite(user(needed()?)?),
        "kick" => Command::Kick(user(needed()?)?),
        _ if !rest.is_empty() => return Err(usage()),
        "rooms" => Command::Rooms,
        "users" => Command::Users,
        "reconnect" => Command::Reconnect,
        "help" => Command::Help,
        _ => Command::Quit,
    };
    Ok(command)
}

fn count(text: &str) -> Option<u32> {
    if text.is_empty() {
        return Some(HISTORY_DEFAULT);
    }
    text.parse().ok().filter(|count| (1..=HISTORY_MAX).contains(count))
}

/// A room's name, with or without `#`.
///
/// # Errors
/// One line for whoever has written it.
pub fn room(name: &str) -> Result<RoomName, String> {
    RoomName::new(name.strip_prefix('#').unwrap_or(name)).map_err(|error| bad_name("room", name, error))
}

fn user(name: &str) -> Result<UserName, String> {
    UserName::new(name.strip_prefix('@').unwrap_or(name)).map_err(|error| bad_name("user", name, error))
}

fn bad_name(what: &str, name: &str, error: NameError) -> String {
    format!("no {what} can be called {name:?}: it {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(line: &str) -> String {
        parse(line).expect_err(line)
    }

    #[test]
    fn what_is_typed_is_said_unless_it_begins_with_a_slash() {
        for (line, said) in [("hi", "hi"), (" /join a", " /join a"), ("//etc", "/etc"), ("a\nb", "a\nb")] {
            assert_eq!(parse(line), Ok(Typed::Say(said.into())));
        }
        assert_eq!(parse("  "), Ok(Typed::Nothing));
    }

    #[test]
    fn every_command_is_understood() {
        let (ops, bob) = (RoomName::new("ops").unwrap(), UserName::new("bob").unwrap());
        for (line, command) in [
            ("/rooms", Command::Rooms),
            ("/join ops", Command::Join(ops.clone())),
            ("/j  #ops ", Command::Join(ops.clone())),
            ("/leave", Command::Leave(None)),
            ("/leave ops", Command::Leave(Some(ops.clone()))),
            ("/users", Command::Users),
            ("/who", Command::Users),
            ("/history", Command::History(HISTORY_DEFAULT)),
            ("/history 7", Command::History(7)),
            ("/me waves  twice", Command::Me("waves  twice".into())),
            ("/status", Command::Status(None)),
            ("/status at lunch", Command::Status(Some("at lunch".into()))),
            ("/create ops", Command::Create(ops.clone(), false)),
            ("/create ops private", Command::Create(ops, true)),
            ("/invite bob", Command::Invite(bob.clone())),
            ("/kick @bob", Command::Kick(bob)),
            ("/reconnect", Command::Reconnect),
            ("/help", Command::Help),
            ("/quit", Command::Quit),
        ] {
            assert_eq!(parse(line), Ok(Typed::Command(command)));
        }
        for entry in TABLE {
            assert!(help().iter().any(|line| line.starts_with(&format!("/{}", entry.name))));
        }
    }

    #[test]
    fn some_lines_are_for_the_room_that_is_looked_at_and_some_lead_to_another() {
        for line in
            ["hi", "/leave", "/users", "/history", "/me waves", "/status away", "/invite bob", "/kick bob"]
        {
            assert!(parse(line).unwrap().is_for_a_room(), "{line}");
        }
        for line in [" ", "/rooms", "/join ops", "/leave ops", "/status", "/create ops", "/help", "/quit"] {
            assert!(!parse(line).unwrap().is_for_a_room(), "{line}");
        }
        for line in ["/jion ops", "/join", "/j a b", "/part a b", "/create"] {
            assert!(parse(line).is_err() && may_turn(line), "{line}");
        }
        for line in ["/history 0", "/kick", "hi"] {
            assert!(!may_turn(line), "{line}");
        }
    }

    #[test]
    fn mistakes_name_what_was_meant() {
        assert!(mistake("/jion ops").contains("did you mean /join?"));
        assert!(mistake("/recon").contains("did you mean /reconnect?"));
        assert!(mistake("/frobnicate").contains("/help lists"));
        assert!(mistake("/").contains("/help lists"));
        assert_eq!(mistake("/join"), "write it as /join ROOM");
        assert_eq!(mistake("/users bob"), "write it as /users");
        assert!(mistake("/history 0").contains("[COUNT]"));
        assert!(mistake("/join a b").contains("only letters"));
    }
}

//! How the program ends.

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

/// Why it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// All that was to be said is said, or the reader has left.
    Done,
    /// Something of this machine does not work, such as the terminal.
    Failed,
    /// A mistake in the command line or the environment.
    Usage,
    /// The server has refused something for good.
    Refused,
    /// The server was out of reach for longer than was to be waited.
    Unreachable,
    /// The server does not let this user in, or has ended the session.
    TurnedAway,
    /// Something that was said may or may not be in its room.
    Unresolved,
    /// A signal of this number.
    Signal(u8),
}

/// How a stay ends.
#[derive(Debug)]
pub(crate) struct Farewell {
    /// Why.
    pub(crate) exit: Exit,
    /// What is to be said of it on standard error, line by line; harmless.
    pub(crate) words: Vec<String>,
}

/// For the help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 this machine's fault, such as a full disk behind standard output; 2 a mistake in the command line; \
3 the server has refused something that was to be said or joined; 4 the server was out of reach; 5 the server has turned \
this user away or ended the session; 6 something may or may not have been said: standard error says what; 128 and the \
signal's number for SIGHUP, also if the terminal is closed, SIGINT and SIGTERM, and 141 (SIGPIPE) if nobody reads standard \
output any more.";

/// The signal of those whose terminal is closed.
pub(crate) const SIGHUP: u8 = 1;

/// The signal of whoever writes where nobody reads.
pub(crate) const SIGPIPE: u8 = 13;

/// Says something on standard error. If nobody can be told, that is no reason to do anything else.
pub(crate) fn tell(word: impl Display) {
    let _ = writeln!(io::stderr(), "chat: {word}");
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Unreachable => 4,
            Exit::TurnedAway => 5,
            Exit::Unresolved => 6,
            Exit::Signal(number) => 128 + number,
        })
    }
}

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
    /// Something that was said may or may not be in its room, for good.
    Unresolved,
    /// Somebody left before all that they had said was acknowledged.
    Unacknowledged,
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
3 something that was to be said or done was refused, or mistyped; 4 the server was out of reach; 5 the server has turned \
this user away or ended the session; 6 the server has forgotten whether something was said; 7 somebody left before all that they had \
said was acknowledged; 128 and the signal's number for SIGHUP, also if the terminal is closed, SIGINT and SIGTERM, and 141 (SIGPIPE) \
if nobody reads standard output any more. Standard error says what was not acknowledged.";

/// The signal of those whose terminal is closed.
pub(crate) const SIGHUP: u8 = 1;

/// The signal of whoever writes where nobody reads.
const SIGPIPE: u8 = 13;

/// Says something on standard error. If nobody can be told, that is no reason to do anything else.
pub(crate) fn tell(word: impl Display) {
    let _ = writeln!(io::stderr(), "chat: {word}");
}

impl Exit {
    /// Of somebody who cannot print any more, who is told why if that is news.
    pub(crate) fn of_unprintable(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // Whoever reads no further, such as `head`, has seen enough.
            return Self::Signal(SIGPIPE);
        }
        tell(error);
        Self::Failed
    }
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
            Exit::Unacknowledged => 7,
            Exit::Signal(number) => 128 + number,
        })
    }
}

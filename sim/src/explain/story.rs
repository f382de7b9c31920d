//! What happened to a user's connections and what they were told of a room, one moment after the other.

use std::fmt;

use chinwag_core::{Seq, Time};
use serde::Serialize;

use super::{clock, stay::How};

/// All of it. Messages that come one after the other are one moment.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) moments: Vec<Moment>,
}

/// Something that happened.
#[derive(Debug, Serialize)]
pub(super) struct Moment {
    at: Time,
    connection: u64,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum What {
    /// Messages were written to it.
    Shown {
        how: How,
        from: Seq,
        to: Seq,
        /// When the last of them was.
        until: Time,
    },
    /// Anything else.
    Told { sentence: String },
}

impl Story {
    pub(super) fn tell(&mut self, at: Time, connection: u64, sentence: String) {
        self.moments.push(Moment { at, connection, what: What::Told { sentence } });
    }

    pub(super) fn shows(&mut self, at: Time, connection: u64, seq: Seq, how: How) {
        // Others of the user's connections may be shown the same in turn.
        let last = self.moments.iter_mut().rev().find(|moment| moment.connection == connection);
        if let Some(Moment { what: What::Shown { how: last_how, to, until, .. }, .. }) = last
            && *last_how == how
            && to.next() == seq
        {
            (*to, *until) = (seq, at);
            return;
        }
        let what = What::Shown { how, from: seq, to: seq, until: at };
        self.moments.push(Moment { at, connection, what });
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, connection, what } = self;
        write!(f, "{} #{connection} ", clock(*at))?;
        match what {
            What::Told { sentence } => f.write_str(sentence),
            What::Shown { how, from, to, until } => {
                match how {
                    How::Live => f.write_str("is shown ")?,
                    How::CatchingUp => f.write_str("catches up with ")?,
                    How::Asked => f.write_str("is given in a page ")?,
                }
                if from == to {
                    write!(f, "{from}")
                } else {
                    write!(f, "{from} to {to}, until {}", clock(*until))
                }
            }
        }
    }
}

//! One connection's stay in the room, in one epoch: what it was to be shown, what it was shown, and how it ended.

use std::fmt;

use chinwag_core::{Epoch, Seq, Time};
use serde::Serialize;

use super::clock;

/// From a `joined` to the end of it.
#[derive(Debug)]
pub(super) struct Stay {
    pub(super) connection: u64,
    pub(super) epoch: Epoch,
    since: Time,
    /// The newest message at that time.
    head: Seq,
    /// The newest message that the client said it had.
    has: Option<Seq>,
    /// The first that it was to be shown.
    first: Seq,
    /// The next that it is to be shown.
    next: Seq,
    /// What it was shown, by the first and last of it.
    shown: Vec<(Seq, Seq, Time, How)>,
    /// What it was told is gone.
    gaps: Vec<(Seq, Seq, Time)>,
    /// Since when it catches up, if it does.
    lagged: Option<Time>,
    ended: Option<(Time, String)>,
}

/// How a message came.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    /// When it was said.
    Live,
    /// In a page, as what was missed is shown.
    CatchingUp,
    /// In a page that was asked for.
    Asked,
}

/// What became of a message on one connection.
#[derive(Debug, Serialize)]
pub(super) struct Fate {
    connection: u64,
    /// How it came, if it did.
    pub(super) got: Option<How>,
    /// When, and else why not.
    pub(super) sentence: String,
}

/// How somebody comes in.
pub(super) struct Entry {
    pub(super) connection: u64,
    pub(super) epoch: Epoch,
    pub(super) at: Time,
    pub(super) head: Seq,
    pub(super) has: Option<Seq>,
    pub(super) next: Seq,
}

impl Stay {
    pub(super) const fn new(entry: &Entry) -> Self {
        let &Entry { connection, epoch, at, head, has, next } = entry;
        Self {
            connection,
            epoch,
            since: at,
            head,
            has,
            first: next,
            next,
            shown: Vec::new(),
            gaps: Vec::new(),
            lagged: None,
            ended: None,
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// A message is written to it. What comes one after the other and alike is kept as one.
    pub(super) fn shows(&mut self, at: Time, seq: Seq, how: How) {
        if how != How::Asked {
            self.next = seq.next();
            self.lagged = self.lagged.filter(|_| how == How::CatchingUp);
        }
        match self.shown.last_mut() {
            // Who asks for one message has to be told when it came, and not when the first of its like did.
            Some((_, last, since, last_how)) if last.next() == seq && *last_how == how && *since == at => {
                *last = seq;
            }
            _ => self.shown.push((seq, seq, at, how)),
        }
    }

    pub(super) fn is_told_of_gap(&mut self, at: Time, from: Seq, to: Seq) {
        self.gaps.push((from, to, at));
        self.next = self.next.max(to.next());
    }

    pub(super) const fn lags(&mut self, at: Time) {
        self.lagged = Some(at);
    }

    pub(super) fn ends(&mut self, at: Time, why: &str) {
        self.ended.get_or_insert_with(|| (at, why.to_owned()));
    }

    /// What became of a message that was said at that time, as far as that is known.
    pub(super) fn fate(&self, seq: Seq, said: Option<Time>) -> Fate {
        let came = self.shown.iter().find(|&&(from, to, ..)| (from..=to).contains(&seq));
        let sentence = match came {
            Some((_, _, at, how)) => format!("{how} at {}", clock(*at)),
            None => self.why_not(seq, said),
        };
        Fate { connection: self.connection, got: came.map(|&(.., how)| how), sentence }
    }

    fn why_not(&self, seq: Seq, said: Option<Time>) -> String {
        let Self { since, head, has, first, next, lagged, ended, .. } = self;
        let since = clock(*since);
        if let Some((from, to, at)) = self.gaps.iter().find(|&&(from, to, _)| (from..=to).contains(&seq)) {
            return format!(
                "was told at {} that {from} to {to} are missing: they were no longer kept",
                clock(*at)
            );
        }
        if let Some(has) = has.filter(|&has| seq <= has) {
            return format!("came in at {since} and said that it had seen everything up to {has}");
        }
        if seq < *first {
            return format!(
                "came in at {since}, when the newest was {head}, and was shown what followed from {first} on: what is older is in \
                 pages that are asked for"
            );
        }
        let so_far = match lagged {
            Some(at) => format!(
                "read too slowly, was told so at {}, and had come to {next} of what it missed",
                clock(*at)
            ),
            None => format!("was to be shown {next} next"),
        };
        match ended {
            Some((at, why)) if said.is_some_and(|said| *at < said) => {
                format!("{why} at {}, before it was said", clock(*at))
            }
            Some((at, why)) => format!("{so_far}, and {why} at {}", clock(*at)),
            None if seq < *next => {
                format!("passed it over: it was to be shown {next} next when the capture ended")
            }
            None => format!("{so_far} when the capture ended"),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "was shown it",
            Self::CatchingUp => "was shown it in a page, as it caught up,",
            Self::Asked => "was shown it in a page that it had asked for",
        })
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}.", self.connection, self.sentence)
    }
}

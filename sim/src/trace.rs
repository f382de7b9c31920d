//! What happened: a hash over every event, always; a line for each, on request.

use std::{fmt, time::Duration};

use chinwag_core::{Time, hash};

use crate::world::START;

/// How much of a run is kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Detail {
    /// The hash of everything.
    #[default]
    Hash,
    /// Besides, the hash after every event, so that two runs can be compared.
    Links,
    /// Besides, a line for every event.
    Text,
}

/// One line of a trace: who, in which direction, what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mark {
    /// A step of the scenario.
    Step,
    /// A client is told something.
    ToClient,
    /// A client's user sees something.
    Shown,
    /// A node is told something.
    ToNode,
    /// The world itself.
    World,
}

impl Mark {
    /// The column's glyph.
    const fn glyph(self) -> char {
        match self {
            Self::Step => '!',
            Self::ToClient => '<',
            Self::Shown => '*',
            Self::ToNode => '>',
            Self::World => '=',
        }
    }
}

/// The chain hash and, if wanted, the lines.
#[derive(Debug, Default)]
pub struct Trace {
    detail: Detail,
    last: Time,
    hash: u64,
    events: u64,
    links: Vec<u64>,
    lines: Vec<String>,
}

impl Trace {
    /// An empty trace.
    #[must_use]
    pub const fn new(detail: Detail) -> Self {
        Self { detail, last: START, hash: 0, events: 0, links: Vec::new(), lines: Vec::new() }
    }

    /// Adds an event: `actor` numbers who it concerns, `digest` stands for all of it, `text` describes it.
    pub fn add(&mut self, now: Time, mark: Mark, actor: u64, digest: u64, text: fmt::Arguments<'_>) {
        self.events += 1;
        self.last = now;
        let head = hash::mix(now.0, (actor << 8) | mark as u64);
        self.hash = hash::mix(self.hash, hash::mix(head, digest));
        if self.detail == Detail::Hash {
            return;
        }
        self.links.push(self.hash);
        if self.detail == Detail::Text {
            let at = now.since(START);
            self.lines.push(format!(
                "{:>7} {:>5}.{:06} {} {text}",
                self.events,
                at.as_secs(),
                at.subsec_micros(),
                mark.glyph(),
            ));
        }
    }

    /// Stands for everything so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// When the last one was, counted from the start.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.last.since(START)
    }

    /// How many there were.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// The hash after each event, if kept.
    #[must_use]
    pub fn links(&self) -> &[u64] {
        &self.links
    }

    /// A line for each event, if kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

//! `[protocol]`: how a server is spoken to whose protocol is not built in, without a line of code.
//!
//! What is sent is a [`Template`], and what comes is recognised by a [`Pattern`]. The language is described in
//! `docs/protocols.md`.

mod file;
mod pattern;
mod template;

use std::{fs, path::Path};

use serde::Deserialize;

pub(crate) use self::file::{File, check};
pub use self::{
    file::{HeardBy, Order as ProtocolOrder, Rooms as ProtocolRooms},
    pattern::{Frame, Pattern, Recognised},
    template::{Filling, Place, Template},
};
use crate::{error::Error, shipped::Shipped};

/// How a server is spoken to.
#[derive(Clone, Debug, PartialEq)]
pub struct Protocol {
    /// What it is called in summaries.
    pub name: String,
    /// The address's path and query.
    pub path: Template,
    /// The WebSocket subprotocol to ask for.
    pub subprotocol: Option<String>,
    /// What rooms it has.
    pub rooms: ProtocolRooms,
    /// Who is shown a message.
    pub heard_by: HeardBy,
    /// Which of a room's messages come in one order to all.
    pub order: ProtocolOrder,
    /// Each line of a frame is one of its own.
    pub lines: bool,
    /// How a bot says who it is.
    pub hello: Hello,
    /// How it enters a room; it is there at once if there are no rooms.
    pub join: Option<Ask>,
    /// How it leaves one.
    pub leave: Option<Ask>,
    /// How it shows that it writes.
    pub typing: Option<Template>,
    /// How it says something.
    pub say: Say,
    /// How a message that somebody said is recognised.
    pub delivery: Pattern,
    /// How it is told that something was refused.
    pub refused: Vec<Pattern>,
    /// What it must answer to stay connected.
    pub pings: Vec<Ping>,
}

/// How a bot says who it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hello {
    /// What must have come before.
    pub after: Option<Pattern>,
    /// The frame, if there is one.
    pub send: Option<Template>,
    /// What says that it is let in; at once if `None`.
    pub until: Option<Pattern>,
}

/// A request about a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The frame.
    pub send: Template,
    /// What says that it was done; at once if `None`.
    pub until: Option<Pattern>,
}

/// How a bot says something.
#[derive(Clone, Debug, PartialEq)]
pub struct Say {
    /// The frame.
    pub send: Template,
    /// What says that it was accepted. If `None`, the message's coming back to its author does, and if that does not
    /// come either, nothing.
    pub until: Option<Pattern>,
}

/// What must be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Ping {
    /// What comes.
    pub when: Pattern,
    /// The answer.
    pub answer: Template,
}

/// A file that holds nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alone {
    protocol: File,
}

impl Protocol {
    /// Reads a file that holds `[protocol]` and nothing else.
    ///
    /// # Errors
    /// [`Error`] names what is wrong, and where.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| Error::unreadable(&file, &error))?;
        Self::parse(&file, &text)
    }

    /// Reads text; `file` is what errors call it.
    ///
    /// # Errors
    /// [`Error`] names what is wrong, and where.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let Alone { protocol } = toml::from_str(text).map_err(|error| Error::syntax(file, text, &error))?;
        check(protocol).map_err(|fault| Error::fault(file, text, fault))
    }

    /// Whether a message's author is shown it, too.
    #[must_use]
    pub fn author_hears(&self) -> bool {
        self.heard_by == HeardBy::Everyone
    }

    /// What nobody can judge who speaks this protocol, in words.
    #[must_use]
    pub fn not_judged(&self) -> Vec<&'static str> {
        let has_rooms = matches!(self.rooms, ProtocolRooms::Many | ProtocolRooms::OneAtATime);
        let by_author = self.order == ProtocolOrder::Author;
        let table = [
            (
                by_author,
                "places in a room: order is judged by author, and gaps by what is missing at the end",
            ),
            (
                !by_author,
                "places in a room: order is judged by what most are shown, and gaps by what is missing at the end",
            ),
            (true, "what is missed by who loses the connection: they are owed what follows their return"),
            (has_rooms && !self.delivery.has(Place::Room), "rooms: deliveries do not say where they are"),
            (!self.delivery.has(Place::User), "authors: deliveries do not say whose they are"),
            (self.say.until.is_none() && !self.author_hears(), "answers: there are none"),
            (self.refused.is_empty(), "refusals: what was refused is lost"),
        ];
        table.into_iter().filter_map(|(holds, words)| holds.then_some(words)).collect()
    }
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(Shipped { name: $name, text: include_str!(concat!("../../protocols/", $name, ".toml")) }),*]
    };
}

/// The dialects of Chinwag's own server beside `chat`, and `raw`: `--dialect`.
static DIALECTS: &[Shipped] = &files!["agents", "envelope", "lobby", "raw", "socketio"];

/// All of them, by name.
#[must_use]
pub const fn dialects() -> &'static [Shipped] {
    DIALECTS
}

#[cfg(test)]
mod tests;

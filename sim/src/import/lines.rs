//! Connections of the native dialect in a capture: what their clients say, and what they are sent, frame by frame.

use std::{borrow::Cow, collections::BTreeMap};

use chinwag_core::{
    ConnectionId, Epoch, Seq,
    dialect::{Dialect, Opening, dialect_of},
};
use chinwag_journal::capture::{Recorded, Step};
use serde::{Deserialize, de::IgnoredAny};

use crate::line::wire::{Decoder, ServerFrame};

/// Those that are open.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    open: BTreeMap<ConnectionId, Line>,
}

/// One of them.
#[derive(Debug)]
struct Line {
    /// `None` until it has said which one it speaks.
    dialect: Option<Dialect>,
    /// Its address names somebody: then it may type lines.
    is_named: bool,
    bytes: Decoder,
}

/// What is heard on one of them.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    /// There is a connection, which may turn out to speak something else.
    Opened,
    /// The client says something.
    Says(Says<'a>),
    /// It is sent something.
    Reads(Reads<'a>),
    /// It is sent what nobody can read; nothing more is heard of it.
    Unreadable(String),
    /// It is gone.
    Gone,
    /// It speaks another dialect; nothing more is heard of it.
    Strange,
}

/// What is looked at of a client's frames.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Says<'a> {
    Message {
        id: Option<u64>,
        #[serde(borrow)]
        key: Option<Cow<'a, str>>,
        #[serde(borrow)]
        content: Cow<'a, str>,
    },
    Join {
        #[serde(borrow)]
        room: Cow<'a, str>,
        id: Option<u64>,
        since: Option<Seq>,
        /// In which life of the room's log.
        epoch: Option<Epoch>,
    },
    Leave {
        #[serde(borrow)]
        room: Cow<'a, str>,
    },
    #[serde(other)]
    Other,
}

/// What is looked at of a server's frames.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Reads<'a> {
    Joined {
        #[serde(borrow)]
        room: Cow<'a, str>,
        epoch: Epoch,
        /// The newest that there is.
        seq: Seq,
        next: Seq,
        #[serde(borrow)]
        verdict: Cow<'a, str>,
        from: Option<Seq>,
        to: Option<Seq>,
    },
    Left {
        #[serde(borrow)]
        room: Cow<'a, str>,
        seq: Seq,
        #[serde(default)]
        kicked: bool,
    },
    Gap {
        #[serde(borrow)]
        room: Cow<'a, str>,
        epoch: Epoch,
        from: Seq,
        to: Seq,
    },
    Lagged {
        #[serde(borrow)]
        room: Cow<'a, str>,
        next: Seq,
    },
    Message {
        #[serde(borrow)]
        room: Cow<'a, str>,
        #[serde(flatten, borrow)]
        said: Said<'a>,
    },
    History {
        #[serde(borrow)]
        room: Cow<'a, str>,
        epoch: Epoch,
        #[serde(borrow)]
        messages: Vec<Said<'a>>,
        id: Option<IgnoredAny>,
    },
    Ack {
        #[serde(borrow)]
        room: Cow<'a, str>,
        id: Option<u64>,
        #[serde(borrow)]
        key: Option<Cow<'a, str>>,
        epoch: Option<Epoch>,
        seq: Option<Seq>,
    },
    #[serde(other)]
    Other,
}

/// A message, live or in a page.
#[derive(Debug, Deserialize)]
pub(crate) struct Said<'a> {
    #[serde(borrow)]
    pub(crate) user: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) content: Cow<'a, str>,
    pub(crate) seq: Seq,
}

impl Lines {
    /// Something has happened to a node: `told` hears what was said on which connection.
    pub(crate) fn hear(&mut self, step: &Step<'_>, mut told: impl FnMut(ConnectionId, Heard<'_>)) {
        match &step.record.input {
            Recorded::Connected { connection, opening } => {
                self.opened(*connection, &opening.opening(), |heard| told(*connection, heard));
            }
            Recorded::Text { connection, text } => {
                self.said(*connection, text, |heard| told(*connection, heard));
            }
            Recorded::Transmitted { connection, .. } => {
                self.sent(*connection, step.written, |heard| told(*connection, heard));
            }
            Recorded::Disconnected { connection } => {
                self.gone(*connection, |heard| told(*connection, heard));
            }
            _ => {}
        }
    }

    pub(crate) fn opened(
        &mut self,
        connection: ConnectionId,
        opening: &Opening,
        told: impl FnOnce(Heard<'_>),
    ) {
        let Opening { dialect, user, token, .. } = opening;
        if dialect.is_none_or(|dialect| dialect == Dialect::Chat) {
            let is_named = user.is_some() || token.is_some();
            let line = Line { dialect: *dialect, is_named, bytes: Decoder::default() };
            self.open.insert(connection, line);
            told(Heard::Opened);
        }
    }

    fn gone(&mut self, connection: ConnectionId, told: impl FnOnce(Heard<'_>)) {
        if self.open.remove(&connection).is_some() {
            told(Heard::Gone);
        }
    }

    pub(crate) fn said(&mut self, connection: ConnectionId, text: &str, told: impl FnOnce(Heard<'_>)) {
        let Some(line) = self.open.get_mut(&connection) else { return };
        line.dialect = line.dialect.or_else(|| dialect_of(text, line.is_named));
        if line.dialect.is_some_and(|dialect| dialect != Dialect::Chat) {
            self.open.remove(&connection);
            return told(Heard::Strange);
        }
        if let Ok(says) = serde_json::from_str(text) {
            told(Heard::Says(says));
        }
    }

    pub(crate) fn sent(&mut self, connection: ConnectionId, bytes: &[u8], mut told: impl FnMut(Heard<'_>)) {
        let Some(line) = self.open.get_mut(&connection) else { return };
        line.bytes.push(bytes);
        loop {
            let unreadable = match line.bytes.next_frame() {
                Ok(None) => return,
                Ok(Some(ServerFrame::Text(text))) => match serde_json::from_str(text) {
                    Ok(frame) => {
                        told(Heard::Reads(frame));
                        continue;
                    }
                    Err(error) => format!("a frame that is none: {error}"),
                },
                Ok(Some(_)) => continue,
                Err(error) => error.to_string(),
            };
            told(Heard::Unreadable(unreadable));
            self.open.remove(&connection);
            return;
        }
    }
}

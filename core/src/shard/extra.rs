//! What a message may carry beside its content. A plain one carries nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{log::json_len, task::WORD_BYTES_MAX};
use crate::name::USER_NAME_MAX;

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 64;
/// Longest address of a file, in bytes.
pub const FILE_URL_BYTES_MAX: usize = 1024;
/// Longest name of a file, in bytes.
pub const FILE_NAME_BYTES_MAX: usize = 256;
/// Most names that a message mentions.
pub const MENTIONS_MAX: usize = 32;
/// Longest of those names, in bytes.
pub const MENTION_BYTES_MAX: usize = USER_NAME_MAX;
/// The least urgent priority; 0 is the most urgent one (S2.11).
pub const PRIORITY_MAX: u8 = 4;
/// The priority of what names none (S2.11).
pub const PRIORITY_NORMAL: u8 = 2;
/// Numbers that a client chooses are exact in JSON.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// What an [`Extra`] costs on the wire beside its texts, at most: field names, numbers, punctuation.
const EXTRA_OVERHEAD_BYTES: usize = 256;

/// Longest texts that a message carries, in bytes, all of them together.
pub const EXTRA_BYTES_MAX: usize = KEY_BYTES_MAX
    + FILE_URL_BYTES_MAX
    + FILE_NAME_BYTES_MAX
    + MENTIONS_MAX * MENTION_BYTES_MAX
    + WORD_BYTES_MAX;

/// What a message carries beside its content.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Extra {
    /// The client's own name for it, of 1 to [`KEY_BYTES_MAX`] bytes: in its room a user's message with one key is there
    /// once, however often it is sent (S2.2).
    pub key: Option<Arc<str>>,
    /// The client's own number for it, shown and nothing else: a clock reading, and so no key (S4.9).
    pub client_id: Option<u64>,
    /// The number of the message it answers, as the client knows it (S4.8).
    pub reply_to: Option<u64>,
    /// What it is.
    pub kind: Kind,
    /// The file it is about (S2.5).
    pub file: Option<File>,
    /// Whom it mentions, at most [`MENTIONS_MAX`] names of [`MENTION_BYTES_MAX`] bytes (S4.8).
    pub mentions: Vec<Arc<str>>,
    /// How urgent it is: 0 to [`PRIORITY_MAX`] (S2.11).
    pub priority: u8,
    /// What an agent was doing as it said this (S4.10). The shard sets it, from the status the agent had.
    pub state: Option<Arc<str>>,
}

/// What a message is (S2.5).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something somebody says.
    #[default]
    Text,
    /// A file, or word of one.
    File,
    /// A notice in the system's name.
    System,
    /// What an agent answers (S4.10).
    Agent,
}

/// A file that a message is about. The server passes on where it is and never looks at it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct File {
    /// Where it is, in 1 to [`FILE_URL_BYTES_MAX`] bytes.
    pub url: Arc<str>,
    /// What it is called, in 1 to [`FILE_NAME_BYTES_MAX`] bytes.
    pub name: Option<Arc<str>>,
}

impl Default for Extra {
    fn default() -> Self {
        Self {
            key: None,
            client_id: None,
            reply_to: None,
            kind: Kind::default(),
            file: None,
            mentions: Vec::new(),
            priority: PRIORITY_NORMAL,
            state: None,
        }
    }
}

impl Extra {
    /// Nothing, if this says nothing.
    #[must_use]
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    /// The key, if it is short enough to be said back.
    #[must_use]
    pub fn answerable_key(&self) -> Option<&str> {
        self.key.as_deref().filter(|key| key.len() <= KEY_BYTES_MAX)
    }

    /// Whether it keeps to its limits.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn check(&self) -> Result<(), &'static str> {
        bounded(self.key.as_deref(), KEY_BYTES_MAX, "key is empty or too long")?;
        if self.client_id.max(self.reply_to).is_some_and(|number| number > NUMBER_MAX) {
            return Err("client_id or reply_to is not below 2^53");
        }
        if let Some(File { url, name }) = &self.file {
            bounded(Some(url), FILE_URL_BYTES_MAX, "file_url is empty or too long")?;
            bounded(name.as_deref(), FILE_NAME_BYTES_MAX, "file_name is empty or too long")?;
        }
        if self.mentions.len() > MENTIONS_MAX {
            return Err("mentions holds too many names");
        }
        for name in &self.mentions {
            bounded(Some(name), MENTION_BYTES_MAX, "mentions holds a name that is empty or too long")?;
        }
        check_priority(Some(self.priority))
    }

    /// What it takes on the wire, in JSON, at most.
    pub(super) fn json_bytes(&self) -> usize {
        let file = self.file.as_ref().map(|file| [Some(&file.url), file.name.as_ref()]);
        let texts = [self.key.as_ref(), self.state.as_ref()].into_iter().chain(file.into_iter().flatten());
        let texts = texts.flatten().map(|text| json_len(text));
        let quotes_and_comma = 3;
        let mentions = self.mentions.iter().map(|name| json_len(name) + quotes_and_comma);
        EXTRA_OVERHEAD_BYTES + texts.chain(mentions).sum::<usize>()
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Text, Self::File, Self::System, Self::Agent];

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::File => "file",
            Self::System => "system",
            Self::Agent => "agent",
        }
    }

    /// The kind of a word on the wire.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Checks a text that may be left out, but not be empty.
pub(super) fn bounded(text: Option<&str>, max: usize, fault: &'static str) -> Result<(), &'static str> {
    if text.is_some_and(|text| text.is_empty() || text.len() > max) { Err(fault) } else { Ok(()) }
}

pub(super) fn check_priority(priority: Option<u8>) -> Result<(), &'static str> {
    if priority.is_some_and(|it| it > PRIORITY_MAX) { Err("priority is more than 4") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize) -> Arc<str> {
        "x".repeat(len).into()
    }

    fn fullest() -> Extra {
        Extra {
            key: Some(text(KEY_BYTES_MAX)),
            client_id: Some(NUMBER_MAX),
            reply_to: Some(NUMBER_MAX),
            kind: Kind::System,
            file: Some(File {
                url: text(FILE_URL_BYTES_MAX),
                name: Some("\u{1}".repeat(FILE_NAME_BYTES_MAX).into()),
            }),
            mentions: vec![text(MENTION_BYTES_MAX); MENTIONS_MAX],
            priority: PRIORITY_MAX,
            state: Some(text(64)),
        }
    }

    #[test]
    fn what_says_nothing_is_nothing() {
        assert_eq!(Extra::default().boxed(), None);
        let urgent = Extra { priority: 0, ..Extra::default() };
        assert_eq!(urgent.clone().boxed(), Some(Box::new(urgent)));
    }

    #[test]
    fn every_limit_is_reached_and_none_passed() {
        assert_eq!(Extra::default().check(), Ok(()));
        assert_eq!(fullest().check(), Ok(()));
        let faults = [
            Extra { key: Some(text(0)), ..fullest() },
            Extra { key: Some(text(KEY_BYTES_MAX + 1)), ..fullest() },
            Extra { client_id: Some(NUMBER_MAX + 1), ..fullest() },
            Extra { reply_to: Some(NUMBER_MAX + 1), ..fullest() },
            Extra { file: Some(File { url: text(0), name: None }), ..fullest() },
            Extra { file: Some(File { url: text(FILE_URL_BYTES_MAX + 1), name: None }), ..fullest() },
            Extra { file: Some(File { url: text(1), name: Some(text(0)) }), ..fullest() },
            Extra {
                file: Some(File { url: text(1), name: Some(text(FILE_NAME_BYTES_MAX + 1)) }),
                ..fullest()
            },
            Extra { mentions: vec![text(1); MENTIONS_MAX + 1], ..fullest() },
            Extra { mentions: vec![text(MENTION_BYTES_MAX + 1)], ..fullest() },
            Extra { mentions: vec![text(0)], ..fullest() },
            Extra { priority: PRIORITY_MAX + 1, ..fullest() },
        ];
        for fault in faults {
            assert!(fault.check().is_err(), "{fault:?}");
        }
    }

    #[test]
    fn its_bytes_are_counted_and_not_too_few() {
        for extra in [Extra::default(), fullest()] {
            let json = serde_json::to_string(&extra).expect("no key is anything but text");
            assert!(extra.json_bytes() >= json.len(), "{} for {json}", extra.json_bytes());
            assert!(extra.json_bytes() <= json.len() + EXTRA_OVERHEAD_BYTES);
        }
    }

    #[test]
    fn a_word_leads_back_to_its_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
        }
    }
}

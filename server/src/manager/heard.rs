//! Messages as handlers are shown them.

use std::time::{Duration, SystemTime};

use chinwag_core::{Time, dialect::agents};
use serde::Deserialize;

/// Something that was said in the lobby (S4.4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParsedMessage {
    /// The number its client gave it, or else the milliseconds of its instant: what the `agents` dialect shows as `id`.
    pub message_id: u64,
    /// What was said.
    pub text: String,
    /// Who said it.
    pub sender: String,
    /// When, to the millisecond.
    pub timestamp: SystemTime,
    /// Whom it mentions: those given, or else those that the text calls with `@`.
    pub mentions: Vec<String>,
    /// Whether the text begins with `/`.
    pub is_command: bool,
    /// The number of the message it answers, as its client gave it.
    pub reply_to: Option<u64>,
}

/// A message of the native dialect, live or in a page of history.
#[derive(Deserialize)]
pub(super) struct Heard {
    pub(super) seq: u64,
    pub(super) user: String,
    pub(super) kind: Option<String>,
    content: String,
    timestamp: String,
    client_id: Option<u64>,
    reply_to: Option<u64>,
    #[serde(default)]
    mentions: Vec<String>,
}

impl From<Heard> for ParsedMessage {
    fn from(heard: Heard) -> Self {
        let Heard { user, content, timestamp, client_id, reply_to, mut mentions, .. } = heard;
        let at = Time::from_rfc3339(&timestamp).expect("the gateway writes such instants");
        if mentions.is_empty() {
            mentions = agents::in_text(&content).into_iter().map(str::to_owned).collect();
        }
        Self {
            message_id: client_id.unwrap_or(at.0 / 1_000),
            is_command: content.starts_with('/'),
            text: content,
            sender: user,
            timestamp: SystemTime::UNIX_EPOCH + Duration::from_micros(at.0),
            mentions,
            reply_to,
        }
    }
}

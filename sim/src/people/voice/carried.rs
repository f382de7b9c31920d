//! What a message carries beside its text: what plain clients of the native dialect say, and what its readers are shown.

use chinwag_core::{
    dialect::Dialect,
    shard::{self, Extra, PRIORITY_NORMAL},
};
use serde_json::{Value, json};

use super::{fields::Fields, key, number_of};

/// What a message carries. What is not there was left out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Carried {
    /// The number of the message that its key says.
    pub(crate) key: Option<u64>,
    pub(crate) client_id: Option<u64>,
    pub(crate) reply_to: Option<u64>,
    pub(crate) kind: Option<Kind>,
    pub(crate) mentions: Vec<String>,
    /// How urgent it is, if it says so.
    pub(crate) priority: Option<u64>,
    /// What an agent was doing.
    pub(crate) state: Option<String>,
}

/// What a message is that is more than text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    System,
    Agent,
}

/// One more than the largest number that may be carried.
const NUMBER_END: u64 = 1 << 53;

impl Carried {
    /// What the message of a number carries when it is said. Most carry nothing but their key.
    pub(crate) fn said(number: u64) -> Self {
        let keyed = Self { key: Some(number), ..Self::default() };
        match number % 16 {
            1 | 9 => Self { kind: Some(Kind::Agent), reply_to: Some(number / 2), ..keyed },
            3 | 11 => {
                let mentions = vec!["u1".to_owned(), format!("who-{number}")];
                Self { client_id: Some(NUMBER_END - 1 - number), mentions, ..keyed }
            }
            5 => Self { kind: Some(Kind::System), ..keyed },
            7 | 15 => Self { priority: Some(number / 16 % 5), ..keyed },
            _ => keyed,
        }
    }

    /// What core's own client shows.
    pub(crate) fn of(extra: &Extra) -> Self {
        let kind = match extra.kind {
            shard::Kind::System => Some(Kind::System),
            shard::Kind::Agent => Some(Kind::Agent),
            shard::Kind::Text | shard::Kind::File => None,
        };
        Self {
            key: extra.key.as_deref().and_then(number_of),
            client_id: extra.client_id,
            reply_to: extra.reply_to,
            kind,
            mentions: extra.mentions.iter().map(|name| name.to_string()).collect(),
            priority: (extra.priority != PRIORITY_NORMAL).then_some(extra.priority.into()),
            state: extra.state.as_deref().map(str::to_owned),
        }
    }

    /// Whether there is more than a key.
    pub(crate) fn is_much(&self) -> bool {
        *self != Self { key: self.key, ..Self::default() }
    }

    /// What readers of a dialect are shown of it.
    pub(crate) fn seen_in(self, dialect: Dialect) -> Self {
        let Self { key, reply_to, kind, mentions, priority, .. } = self;
        let is = |its: Kind| kind.filter(|&kind| kind == its);
        match dialect {
            Dialect::Chat => Self { key, reply_to, kind, mentions, priority, ..self },
            Dialect::Envelope => Self { key, kind: is(Kind::System), priority, ..Self::default() },
            Dialect::SocketIo => {
                Self { key, reply_to, kind: is(Kind::System), mentions, priority, ..Self::default() }
            }
            Dialect::Agents => Self { reply_to, kind: is(Kind::Agent), ..Self::default() },
            Dialect::Lobby => Self::default(),
        }
    }

    /// Puts it into a frame.
    pub(super) fn put(self, frame: &mut Value) {
        let Self { key: number, client_id, reply_to, kind, mentions, priority, state: _ } = self;
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                frame[name] = value;
            }
        };
        put("key", number.map(|number| json!(key(number))));
        put("client_id", client_id.map(|id| json!(id)));
        put("reply_to", reply_to.map(|number| json!(number)));
        put("kind", kind.map(|kind| json!(kind.word())));
        put("priority", priority.map(|priority| json!(priority)));
        put("mentions", (!mentions.is_empty()).then(|| json!(mentions)));
    }

    /// Takes it out of a frame. Nobody here says anything of files.
    pub(super) fn take(fields: &mut Fields<'_>) -> Result<Self, String> {
        Ok(Self {
            key: fields.maybe_text("key")?.and_then(|key| number_of(&key)),
            client_id: fields.maybe_number("client_id")?,
            reply_to: fields.maybe_number("reply_to")?,
            kind: fields.maybe_text("kind")?.map(|word| Kind::from_word(&word)).transpose()?,
            mentions: fields.maybe_names("mentions")?.unwrap_or_default(),
            priority: fields.maybe_number("priority")?,
            state: fields.maybe_text("state")?,
        })
    }
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Agent => "agent",
        }
    }

    pub(super) fn from_word(word: &str) -> Result<Self, String> {
        [Self::System, Self::Agent]
            .into_iter()
            .find(|kind| kind.word() == word)
            .ok_or_else(|| format!("nobody says what is {word:?}"))
    }
}

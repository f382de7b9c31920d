//! What a message carries beside its content, as fields of a flat frame.

use std::sync::Arc;

use serde::Serialize;

use super::{Incoming, request::FieldFault};
use crate::shard::{Extra, File, Kind, PRIORITY_NORMAL};

/// The fields of a message that carries something, in wire order. What is usual is left out.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ExtraFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    mentions: &'a [Arc<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
}

impl<'a> From<&'a Extra> for ExtraFields<'a> {
    fn from(extra: &'a Extra) -> Self {
        let Extra { key, client_id, reply_to, kind, file, mentions, priority, state } = extra;
        Self {
            key: key.as_deref(),
            client_id: *client_id,
            reply_to: *reply_to,
            kind: (*kind != Kind::Text).then(|| kind.word()),
            file_url: file.as_ref().map(|file| &*file.url),
            file_name: file.as_ref().and_then(|file| file.name.as_deref()),
            mentions,
            priority: (*priority != PRIORITY_NORMAL).then_some(*priority),
            state: state.as_deref(),
        }
    }
}

impl Incoming<'_> {
    /// What a `message` carries. `state` is not the client's to say.
    pub(super) fn extra(&self) -> Result<Option<Box<Extra>>, FieldFault> {
        let kind = self.kind_of_message.as_deref().map_or(Some(Kind::Text), Kind::from_word);
        let name = self.file_name.as_deref().map(Arc::from);
        let file = match self.file_url.as_deref() {
            Some(url) => Some(File { url: url.into(), name }),
            None if name.is_some() => return Err(FieldFault::Missing("file_url")),
            None => None,
        };
        let extra = Extra {
            key: self.key.as_deref().map(Arc::from),
            client_id: self.client_id,
            reply_to: self.reply_to,
            kind: kind.ok_or(FieldFault::Wrong("kind", "is none of text, file, system, agent"))?,
            file,
            mentions: self.mentions.iter().flatten().map(|name| Arc::from(&**name)).collect(),
            priority: self.priority.unwrap_or(PRIORITY_NORMAL),
            state: None,
        };
        Ok(extra.boxed())
    }
}

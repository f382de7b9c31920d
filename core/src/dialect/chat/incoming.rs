//! One flat view of a client's frame in the chat dialect: borrowed text, everything optional.

use std::{borrow::Cow, ops::Deref, sync::Arc};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    dialect::{Percent, Rejection, json_fault},
    id::RequestId,
    refusal::Refusal,
    shard::KEY_BYTES_MAX,
};

/// Text borrowed from the frame where it holds no escapes.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// All fields a frame may have. Unknown ones are passed over, so that the client may be newer.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, expecting = "an object")]
#[allow(missing_docs, reason = "the fields are described per frame in docs/protocol.md")]
pub struct Incoming<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub room: Option<Text<'a>>,
    #[serde(borrow)]
    pub user: Option<Text<'a>>,
    #[serde(borrow)]
    pub content: Option<Text<'a>>,
    pub id: Option<u64>,
    #[serde(borrow)]
    pub key: Option<Text<'a>>,
    pub client_id: Option<u64>,
    pub reply_to: Option<u64>,
    #[serde(borrow, rename = "kind")]
    pub kind_of_message: Option<Text<'a>>,
    #[serde(borrow)]
    pub file_url: Option<Text<'a>>,
    #[serde(borrow)]
    pub file_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub mentions: Option<Vec<Text<'a>>>,
    pub priority: Option<u8>,
    pub epoch: Option<u64>,
    pub since: Option<u64>,
    pub seq: Option<u64>,
    pub before: Option<u64>,
    pub limit: Option<u32>,
    #[serde(borrow)]
    pub after: Option<Text<'a>>,
    pub typing: Option<bool>,
    pub private: Option<bool>,
    #[serde(borrow)]
    pub whom: Option<Text<'a>>,
    #[serde(borrow)]
    pub session: Option<Text<'a>>,
    #[serde(borrow)]
    pub secret: Option<Text<'a>>,
    pub attempt: Option<u64>,
    #[serde(borrow)]
    pub token: Option<Text<'a>>,
    #[serde(borrow)]
    pub state: Option<Text<'a>>,
    #[serde(borrow)]
    pub detail: Option<Text<'a>>,
    pub progress: Option<Percent>,
    #[serde(borrow)]
    pub task: Option<Text<'a>>,
    #[serde(borrow)]
    pub assignee: Option<Text<'a>>,
    #[serde(borrow)]
    pub metadata: Option<&'a RawValue>,
}

impl<'a> Incoming<'a> {
    /// The key, if it is short enough to be said back.
    pub(super) fn answerable_key(&self) -> Option<Arc<str>> {
        answerable(self.key.as_deref()?)
    }

    /// Reads a frame that must be one JSON object.
    ///
    /// # Errors
    /// [`Refusal::BadJson`] or [`Refusal::BadFrame`], with serde's explanation.
    pub fn parse(text: &'a str) -> Result<Self, Rejection> {
        // Without this check serde would accept an array as the fields in order.
        let is_object = text.trim_ascii_start().starts_with('{');
        let incoming: Self = serde_json::from_str(text).map_err(|error| rejection(text, &error))?;
        if is_object {
            return Ok(incoming);
        }
        let detail = Some("expected an object".to_owned());
        Err(Rejection { id: None, key: None, refusal: Refusal::BadFrame, detail })
    }
}

fn answerable(key: &str) -> Option<Arc<str>> {
    (key.len() <= KEY_BYTES_MAX).then(|| key.into())
}

/// The fields that an answer needs.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    id: Option<u64>,
    key: Option<serde_json::Value>,
}

fn rejection(text: &str, error: &serde_json::Error) -> Rejection {
    let Named { id, key } = serde_json::from_str(text).unwrap_or_default();
    let key = key.as_ref().and_then(|key| answerable(key.as_str()?));
    let (refusal, detail) = json_fault(error);
    Rejection { id: id.map(RequestId), key, refusal, detail }
}

//! Clients' frames: a type, and data that depend on it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{in_text, mentions::may_be_mentioned, standing::AUTH};
use crate::{
    dialect::{Command, Percent, Rejection, Request, chat::Text, json_fault},
    id::RequestId,
    identity::Token,
    name::{LOBBY, RoomName, UserName},
    refusal::Refusal,
    shard::{Extra, MENTIONS_MAX, Status},
};

/// A frame whose data nobody has looked at.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(expecting = "an object")]
pub(super) struct Frame<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Data<'a>>"))]
    data: Option<&'a RawValue>,
}

/// All that data may hold. What is not known is passed over.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", expecting = "an object")]
struct Data<'a> {
    #[serde(borrow)]
    user_id: Option<Text<'a>>,
    #[serde(borrow)]
    token: Option<Text<'a>>,
    id: Option<u64>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    mentions: Option<Vec<Text<'a>>>,
    reply_to: Option<u64>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    current_task: Option<Text<'a>>,
    progress: Option<Percent>,
}

/// Reads a frame.
///
/// # Errors
/// A [`Rejection`] that says what is wrong with it.
pub(super) fn decode(text: &str) -> Result<Request<'_>, Rejection> {
    let frame: Frame<'_> = object(text, None)?;
    let Some(kind) = &frame.kind else { return Err(reject(None, Refusal::UnknownType, None)) };
    let id = (&**kind == "auth").then_some(AUTH);
    let data = || frame.data.map_or_else(|| Ok(Data::default()), |data| object(data.get(), id));
    let (user, command) = match &**kind {
        "auth" => {
            let data = data()?;
            let token = data.token.as_ref().map(|token| Token::new(token));
            (Some(data.user(id)?), Command::Hello { resume: None, token })
        }
        "message" => (None, data()?.message()),
        "status_update" => {
            let data = data()?;
            // Whoever names somebody here must be the one.
            let user = data.user_id.is_some().then(|| data.user(id)).transpose()?;
            (user, data.status()?)
        }
        "ping" => (None, Command::Ping),
        _ => return Err(reject(None, Refusal::UnknownType, None)),
    };
    Ok(Request { id, user, command })
}

impl<'a> Data<'a> {
    fn user(&self, id: Option<RequestId>) -> Result<UserName, Rejection> {
        let name = self.user_id.as_deref().unwrap_or_default();
        if name.is_empty() {
            return Err(reject(id, Refusal::MissingUserId, None));
        }
        UserName::new(name).map_err(|why| reject(id, Refusal::BadUser, Some(format!("userId {why}"))))
    }

    /// A message without text is refused like an empty one.
    fn message(self) -> Command<'a> {
        let content = self.text.map_or(Cow::Borrowed(""), |text| text.0);
        let named = self.mentions.unwrap_or_default();
        let named = named.iter().map(|name| &**name).filter(|name| may_be_mentioned(name)).take(MENTIONS_MAX);
        let mut mentions: Vec<_> = named.map(Into::into).collect();
        if mentions.is_empty() {
            mentions = in_text(&content).into_iter().map(Into::into).collect();
        }
        let extra = Extra { client_id: self.id, reply_to: self.reply_to, mentions, ..Extra::default() };
        Command::Publish { room: home(), content, extra: extra.boxed() }
    }

    fn status(self) -> Result<Command<'a>, Rejection> {
        let missing = || reject(None, Refusal::BadFrame, Some("status is missing".to_owned()));
        let state = self.status.ok_or_else(missing)?;
        let detail = self.current_task.filter(|task| !task.is_empty());
        let status = Status {
            state: (*state).into(),
            detail: detail.map(|task| (*task).into()),
            progress: self.progress.map(Percent::whole),
        };
        Ok(Command::Status { room: home(), status })
    }
}

fn home() -> RoomName {
    RoomName::new(LOBBY).expect("a fitting name")
}

/// Reads an object. Without a look at its first sign serde would take an array for the fields in order.
fn object<'a, T: Deserialize<'a>>(text: &'a str, id: Option<RequestId>) -> Result<T, Rejection> {
    let read = serde_json::from_str(text).map_err(|error| {
        let (refusal, detail) = json_fault(&error);
        // The specification's own sentence needs none.
        reject(id, refusal, detail.filter(|_| refusal != Refusal::BadJson))
    })?;
    if text.trim_ascii_start().starts_with('{') {
        return Ok(read);
    }
    Err(reject(id, Refusal::BadFrame, Some("expected an object".to_owned())))
}

const fn reject(id: Option<RequestId>, refusal: Refusal, detail: Option<String>) -> Rejection {
    Rejection { id, key: None, refusal, detail }
}

//! What clients send: an envelope, and in it a payload of which every field may be left out.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    dialect::{Command, Percent, Rejection, chat::Text, json_fault},
    id::{Epoch, Position, Seq},
    identity::Token,
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{Extra, File, KEY_BYTES_MAX, Kind, PRIORITY_NORMAL, Status, TaskChange, WORD_BYTES_MAX},
};

/// The envelope (S2.2). When the client says it was sent is not looked at: clocks of clients differ.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub(super) struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Fields<'a>"))]
    payload: &'a RawValue,
    #[serde(borrow)]
    message_id: Option<Text<'a>>,
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    priority: Option<&'a RawValue>,
}

/// The fields of all payloads.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", expecting = "an object")]
struct Fields<'a> {
    #[serde(borrow)]
    room_id: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    typing: Option<bool>,
    private: Option<bool>,
    #[serde(borrow)]
    user_id: Option<Text<'a>>,
    seq: Option<u64>,
    before: Option<u64>,
    since: Option<u64>,
    epoch: Option<u64>,
    limit: Option<u32>,
    #[serde(borrow)]
    after: Option<Text<'a>>,
    #[serde(borrow)]
    task_id: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    detail: Option<Text<'a>>,
    progress: Option<Percent>,
    #[serde(borrow)]
    assignee_id: Option<Text<'a>>,
    priority: Option<u64>,
    #[serde(borrow)]
    token: Option<Text<'a>>,
}

/// What a message says of itself (S2.5).
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", expecting = "an object")]
struct Metadata<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    file_url: Option<Text<'a>>,
    #[serde(borrow)]
    file_name: Option<Text<'a>>,
}

/// What is wrong with a payload, for people.
pub(super) type Fault = (Refusal, String);

impl<'a> Frame<'a> {
    /// Opens an envelope.
    ///
    /// # Errors
    /// [`Refusal::BadJson`] or [`Refusal::BadEnvelope`]: who sends this does not speak the dialect.
    pub(super) fn parse(text: &'a str) -> Result<Self, Rejection> {
        let reject = |refusal, detail| Rejection { id: None, key: None, refusal, detail };
        let frame: Self = serde_json::from_str(text).map_err(|error| match json_fault(&error) {
            (Refusal::BadFrame, detail) => reject(Refusal::BadEnvelope, detail),
            (refusal, detail) => reject(refusal, detail),
        })?;
        // Serde would accept an array as the fields in order.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(reject(Refusal::BadEnvelope, Some("expected an object".to_owned())));
        }
        Ok(frame)
    }

    /// The client's own name for the frame, if there is one that can be said back.
    pub(super) fn message_id(&self) -> Result<Option<Arc<str>>, Fault> {
        match self.message_id.as_deref() {
            Some(id) if id.is_empty() || id.len() > KEY_BYTES_MAX => {
                Err(wrong("messageId is empty or too long"))
            }
            id => Ok(id.map(Arc::from)),
        }
    }

    /// What the frame wants. A message is in its room under `key`; a task without a room is `current`'s.
    pub(super) fn command(
        &self,
        key: impl FnOnce() -> Arc<str>,
        current: Option<&RoomName>,
    ) -> Result<Command<'a>, Fault> {
        let fields: Fields<'a> = object("payload", self.payload)?;
        Ok(match &*self.kind {
            "joinRoom" => {
                Command::Join { room: fields.room()?, since: fields.since()?, history: fields.limit }
            }
            "leaveRoom" => Command::Leave { room: fields.room()? },
            "message" => {
                let room = fields.room()?;
                let extra = self.extra(&fields, key())?.boxed();
                Command::Publish { room, content: fields.content.ok_or_else(|| missing("content"))?.0, extra }
            }
            "taskUpdate" => Command::Task { room: fields.room_or(current)?, task: fields.task_update()? },
            "taskAssign" => Command::Task { room: fields.room_or(current)?, task: fields.task_assign()? },
            "typing" => {
                Command::Typing { room: fields.room()?, on: fields.typing.ok_or_else(|| missing("typing"))? }
            }
            "history" => {
                Command::History { room: fields.room()?, before: fields.before.map(Seq), limit: fields.limit }
            }
            "members" => {
                let after = fields.after.as_deref().map(|name| user("after", name)).transpose()?;
                Command::Members { room: fields.room()?, after, limit: fields.limit }
            }
            "rooms" => {
                let after = fields.after.as_deref().map(|name| room("after", name)).transpose()?;
                Command::Rooms { after, limit: fields.limit }
            }
            "createRoom" => {
                Command::Create { room: fields.room()?, private: fields.private.unwrap_or(false) }
            }
            "invite" => Command::Invite { room: fields.room()?, user: fields.user()? },
            "kick" => Command::Kick { room: fields.room()?, user: fields.user()? },
            "start" => Command::Run { room: fields.room()?, on: true },
            "stop" => Command::Run { room: fields.room()?, on: false },
            "seen" => {
                Command::Seen { room: fields.room()?, seq: Seq(fields.seq.ok_or_else(|| missing("seq"))?) }
            }
            "status" => {
                let status = fields.standing()?.ok_or_else(|| missing("status"))?;
                Command::Status { room: fields.room()?, status }
            }
            "ping" => Command::Ping,
            "refresh" => {
                let token = fields.token.as_deref().ok_or_else(|| missing("token"))?;
                Command::Refresh { token: Token::new(token) }
            }
            other => {
                let known: String = other.chars().take(WORD_BYTES_MAX).collect();
                return Err((Refusal::UnknownType, format!("type {known:?}")));
            }
        })
    }

    fn extra(&self, fields: &Fields<'a>, key: Arc<str>) -> Result<Extra, Fault> {
        let metadata: Metadata<'_> = match fields.metadata {
            Some(metadata) => object("metadata", metadata)?,
            None => Metadata::default(),
        };
        let kind = match metadata.kind.as_deref() {
            None | Some("text") => Kind::Text,
            Some("file") => Kind::File,
            Some("system") => Kind::System,
            Some(_) => return Err(wrong("metadata.type is none of text, file, system")),
        };
        let name = metadata.file_name.as_deref().map(Arc::from);
        let file = match metadata.file_url.as_deref() {
            Some(url) => Some(File { url: url.into(), name }),
            None if name.is_some() => return Err(missing("metadata.fileUrl")),
            None => None,
        };
        let priority = self.priority.map_or(Ok(PRIORITY_NORMAL), priority)?;
        Ok(Extra { key: Some(key), kind, file, priority, ..Extra::default() })
    }
}

impl Fields<'_> {
    fn room(&self) -> Result<RoomName, Fault> {
        room("roomId", self.room_id.as_deref().ok_or_else(|| missing("roomId"))?)
    }

    fn user(&self) -> Result<UserName, Fault> {
        user("userId", self.user_id.as_deref().ok_or_else(|| missing("userId"))?)
    }

    /// The room that is named, or the one that is meant where none is.
    fn room_or(&self, current: Option<&RoomName>) -> Result<RoomName, Fault> {
        match (&self.room_id, current) {
            (None, Some(current)) => Ok(current.clone()),
            _ => self.room(),
        }
    }

    fn since(&self) -> Result<Option<Position>, Fault> {
        match (self.since, self.epoch) {
            (None, _) => Ok(None),
            (Some(seq), Some(epoch)) => Ok(Some(Position::new(Epoch(epoch), Seq(seq)))),
            (Some(_), None) => Err(wrong("since needs the epoch it counts in")),
        }
    }

    fn task_id(&self) -> Result<Arc<str>, Fault> {
        self.task_id.as_deref().map(Arc::from).ok_or_else(|| missing("taskId"))
    }

    /// How a task or somebody stands, if that is said.
    fn standing(&self) -> Result<Option<Status>, Fault> {
        let Some(state) = self.status.as_deref() else { return Ok(None) };
        let detail = self.detail.as_deref().map(Arc::from);
        Ok(Some(Status { state: state.into(), detail, progress: self.progress.map(Percent::whole) }))
    }

    /// Where a task stands (S2.7). Metadata alone may be said, too.
    fn task_update(&self) -> Result<TaskChange, Fault> {
        let status = self.standing()?;
        if status.is_none() && (self.progress.is_some() || self.metadata.is_none()) {
            return Err(missing("status"));
        }
        let metadata = self.metadata.map(|metadata| metadata.get().into());
        Ok(TaskChange { task: self.task_id()?, status, assignee: None, priority: None, metadata })
    }

    /// Whose a task is (S2.8).
    fn task_assign(&self) -> Result<TaskChange, Fault> {
        let name = self.assignee_id.as_deref().ok_or_else(|| missing("assigneeId"))?;
        Ok(TaskChange {
            task: self.task_id()?,
            status: None,
            assignee: Some(user("assigneeId", name)?),
            priority: self.priority.map(small),
            metadata: None,
        })
    }
}

/// Reads a part of the frame that must be an object.
fn object<'a, T: Deserialize<'a>>(name: &str, json: &'a RawValue) -> Result<T, Fault> {
    // Serde would accept an array as the fields in order.
    if !json.get().starts_with('{') {
        return Err((Refusal::BadFrame, format!("{name} is not an object")));
    }
    serde_json::from_str(json.get()).map_err(|error| {
        let (_, detail) = json_fault(&error);
        (Refusal::BadFrame, format!("{name}: {}", detail.unwrap_or_default()))
    })
}

fn room(field: &str, name: &str) -> Result<RoomName, Fault> {
    RoomName::new(name).map_err(|why| (Refusal::BadRoom, format!("{field} {why}")))
}

fn user(field: &str, name: &str) -> Result<UserName, Fault> {
    UserName::new(name).map_err(|why| (Refusal::BadUser, format!("{field} {why}")))
}

/// The envelope's priority, which is looked at where it counts.
fn priority(json: &RawValue) -> Result<u8, Fault> {
    let number = serde_json::from_str(json.get());
    number.map(small).map_err(|_| wrong("priority is not a whole number from 0 to 4"))
}

/// A priority; one that is too large stays so.
fn small(priority: u64) -> u8 {
    u8::try_from(priority).unwrap_or(u8::MAX)
}

fn missing(field: &str) -> Fault {
    (Refusal::BadFrame, format!("{field} is missing"))
}

fn wrong(what: &str) -> Fault {
    (Refusal::BadFrame, what.to_owned())
}

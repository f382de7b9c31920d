//! What was said, as specification 3's `ChatMessage`, alone and in pages.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeSeq};

use super::{Instant, Place};
use crate::{
    id::{Epoch, Position, Seq},
    name::{RoomName, UserName},
    shard::{self, Kind, PRIORITY_NORMAL},
};

/// Specification 3's `ChatMessage` (S3.9).
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(in crate::dialect::socketio) struct Message<'a> {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    id: MessageId<'a>,
    #[serde(flatten)]
    place: Place<'a>,
    user_id: &'a UserName,
    sender: &'static str,
    message: &'a str,
    timestamp: Instant,
    seq: Seq,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    mentions: &'a [Arc<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
}

/// A message's name: its sender's, or one made from its position.
pub(super) enum MessageId<'a> {
    Key(&'a str),
    At(Position),
}

/// A page of them, oldest first.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(in crate::dialect::socketio) struct History<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Message<'a>>"))]
    messages: Messages<'a>,
    epoch: Epoch,
    more: bool,
}

/// Several messages, each in the shape of a live one.
struct Messages<'a> {
    room: &'a RoomName,
    epoch: Epoch,
    messages: &'a [Arc<shard::Message>],
}

impl<'a> History<'a> {
    pub(super) fn new(
        room: &'a RoomName,
        epoch: Epoch,
        messages: &'a [Arc<shard::Message>],
        more: bool,
    ) -> Self {
        Self { place: room.into(), messages: Messages { room, epoch, messages }, epoch, more }
    }
}

impl fmt::Display for MessageId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::At(Position { epoch, seq }) => write!(f, "{:x}-{seq}", epoch.0),
        }
    }
}

impl Serialize for MessageId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.messages.len()))?;
        for message in self.messages {
            seq.serialize_element(&Message::new(self.room, self.epoch, message))?;
        }
        seq.end()
    }
}

impl<'a> Message<'a> {
    pub(super) fn new(room: &'a RoomName, epoch: Epoch, message: &'a shard::Message) -> Self {
        let shard::Message { seq, at, user, content, extra } = message;
        let extra = extra.as_deref();
        let place = Place::from(room);
        let is_bot = place.bot_id == Some(user.as_str()) || extra.is_some_and(|it| it.kind == Kind::Agent);
        let file = extra.and_then(|extra| extra.file.as_ref());
        Self {
            id: MessageId::new(extra.and_then(|extra| extra.key.as_deref()), Position::new(epoch, *seq)),
            place,
            user_id: user,
            sender: if is_bot { "bot" } else { "user" },
            message: content,
            timestamp: Instant(*at),
            seq: *seq,
            status: extra.and_then(|extra| extra.state.as_deref()),
            kind: extra
                .map(|extra| extra.kind)
                .filter(|kind| matches!(kind, Kind::File | Kind::System))
                .map(Kind::word),
            file_url: file.map(|file| &*file.url),
            file_name: file.and_then(|file| file.name.as_deref()),
            mentions: extra.map_or(&[], |extra| &extra.mentions),
            reply_to: extra.and_then(|extra| extra.reply_to),
            priority: extra.map(|extra| extra.priority).filter(|&priority| priority != PRIORITY_NORMAL),
        }
    }
}

impl<'a> MessageId<'a> {
    pub(super) fn new(key: Option<&'a str>, position: Position) -> Self {
        key.map_or(Self::At(position), Self::Key)
    }
}

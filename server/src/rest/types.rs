//! What requests and answers hold, in JSON. Answers have the fields of the frames in `docs/protocol.md`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A page of rooms, by name.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Rooms {
    /// The rooms.
    rooms: Vec<Room>,
    /// Whether there are later names: ask again with `after`.
    more: bool,
}

/// A room.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Room {
    /// Its name.
    room: String,
    /// How many members it has.
    members: u32,
}

/// A page of members, by name.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Members {
    /// The room.
    room: String,
    /// The members.
    members: Vec<Member>,
    /// How many there are in all.
    count: u32,
    /// Whether there are later names: ask again with `after`.
    more: bool,
}

/// A member.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Member {
    /// The user.
    user: String,
    /// `online`, `offline` or `typing`.
    presence: String,
    /// What they are doing, if they say.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// More of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// How far they are, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
}

/// A page of messages, oldest first.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Messages {
    /// The room.
    room: String,
    /// The messages.
    messages: Vec<Message>,
    /// The log that their `seq` belong to.
    epoch: u64,
    /// Whether there are older ones: ask again with `before`.
    more: bool,
}

/// A message.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Message {
    /// Who said it.
    user: String,
    /// What.
    content: String,
    /// When, in RFC 3339.
    timestamp: String,
    /// Its place in the room.
    seq: u64,
    /// What it carries.
    #[serde(flatten)]
    carried: Carried,
    /// The key it was sent under.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// What an agent was doing as it said this.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

/// What a message may carry beside its content.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Carried {
    /// The client's own number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<u64>,
    /// The number of the message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<u64>,
    /// `file`, `system` or `agent`; plain text if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// Where its file is.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_url: Option<String>,
    /// What its file is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
    /// Users that it is meant for above all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<String>,
    /// 0, critical, to 4, background; 2 if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
}

/// Something to say.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Say {
    /// What: 1 to 4096 bytes of UTF-8, unless the server is set otherwise.
    content: String,
    /// What it carries.
    #[serde(flatten)]
    carried: Carried,
}

/// Something to say to a bot (S3.30).
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Chat {
    /// What: 1 to 4096 bytes of UTF-8, unless the server is set otherwise.
    pub(crate) message: String,
}

/// Where a message is.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Said {
    /// The room.
    room: String,
    /// Its log.
    epoch: u64,
    /// The message's place in it.
    seq: u64,
}

/// A file that is there, with the fields of a message that names it.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Uploaded {
    /// Its members may have it.
    pub(crate) room: String,
    /// Where it is, on this server.
    pub(crate) file_url: String,
    /// What it is called here.
    pub(crate) file_name: String,
    /// Its media type, told from what it holds.
    pub(crate) media_type: String,
    /// How many bytes it has.
    pub(crate) bytes: u64,
}

/// What a bot was told.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Told {
    /// The bot's room, where its status is shown.
    room: String,
}

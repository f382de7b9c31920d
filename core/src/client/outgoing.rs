//! The frames a client sends in the `chat` dialect; what specification 0 shows comes first and as there.

use serde::Serialize;

use super::Command;
use crate::{
    dialect::chat::{ExtraFields, StatusFields, TaskFields},
    id::{Epoch, Position, RequestId, Seq},
    name::{RoomName, UserName},
    shard::Extra,
};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Outgoing<'a> {
    Hello {
        user: &'a UserName,
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        secret: Option<&'a str>,
        attempt: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<&'a str>,
    },
    Join {
        room: &'a RoomName,
        user: &'a UserName,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<Seq>,
        #[serde(skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        id: RequestId,
    },
    Leave {
        room: &'a RoomName,
        id: RequestId,
    },
    Message {
        room: &'a RoomName,
        content: &'a str,
        user: &'a UserName,
        id: RequestId,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        extra: Option<ExtraFields<'a>>,
    },
    Typing {
        room: &'a RoomName,
        user: &'a UserName,
        typing: bool,
    },
    History {
        room: &'a RoomName,
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<Seq>,
        limit: u32,
        id: RequestId,
    },
    Members {
        room: &'a RoomName,
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<&'a UserName>,
        id: RequestId,
    },
    Rooms {
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<&'a RoomName>,
        id: RequestId,
    },
    Create {
        room: &'a RoomName,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        private: bool,
        id: RequestId,
    },
    Invite {
        room: &'a RoomName,
        whom: &'a UserName,
        id: RequestId,
    },
    Kick {
        room: &'a RoomName,
        whom: &'a UserName,
        id: RequestId,
    },
    Start {
        room: &'a RoomName,
        id: RequestId,
    },
    Stop {
        room: &'a RoomName,
        id: RequestId,
    },
    Seen {
        room: &'a RoomName,
        seq: Seq,
        id: RequestId,
    },
    Status {
        room: &'a RoomName,
        #[serde(flatten)]
        status: StatusFields<'a>,
        id: RequestId,
    },
    Task {
        room: &'a RoomName,
        #[serde(flatten)]
        task: TaskFields<'a>,
        id: RequestId,
    },
    Refresh {
        token: &'a str,
        id: RequestId,
    },
    Ping {
        id: RequestId,
    },
}

impl<'a> Outgoing<'a> {
    pub(super) fn join(
        id: RequestId,
        room: &'a RoomName,
        user: &'a UserName,
        position: Option<Position>,
    ) -> Self {
        Self::Join { room, user, since: position.map(|p| p.seq), epoch: position.map(|p| p.epoch), id }
    }

    pub(super) fn message(
        id: RequestId,
        room: &'a RoomName,
        user: &'a UserName,
        content: &'a str,
        extra: Option<&'a Extra>,
    ) -> Self {
        Self::Message { room, content, user, id, extra: extra.map(ExtraFields::from) }
    }

    /// What is asked for once, whatever becomes of it; nothing if it is asked for until it is answered.
    pub(super) fn once(id: RequestId, user: &'a UserName, command: &'a Command) -> Option<Self> {
        Some(match command {
            Command::Join { .. } | Command::Leave { .. } | Command::Publish { .. } => return None,
            Command::Typing { room, on } => Self::Typing { room, user, typing: *on },
            Command::History { room, before, limit } => {
                Self::History { room, before: *before, limit: *limit, id }
            }
            Command::Members { room, after } => Self::Members { room, after: after.as_ref(), id },
            Command::Rooms { after } => Self::Rooms { after: after.as_ref(), id },
            Command::Create { room, private } => Self::Create { room, private: *private, id },
            Command::Invite { room, user } => Self::Invite { room, whom: user, id },
            Command::Kick { room, user } => Self::Kick { room, whom: user, id },
            Command::Run { room, on: true } => Self::Start { room, id },
            Command::Run { room, on: false } => Self::Stop { room, id },
            Command::Seen { room, seq } => Self::Seen { room, seq: *seq, id },
            Command::Status { room, status } => Self::Status { room, status: status.into(), id },
            Command::Task { room, task } => Self::Task { room, task: task.into(), id },
            Command::Refresh { token } => Self::Refresh { token: token.reveal(), id },
            Command::Ping => Self::Ping { id },
        })
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("no key is anything but text")
    }
}

//! What clients ask for: the fields of a frame become a command.

use std::sync::Arc;

use super::{Command, Incoming};
use crate::{
    dialect::{Percent, Resumption},
    id::{Epoch, Position, Seq},
    identity::Token,
    name::{NameError, RoomName, UserName},
    secret::{Secret, parse_session},
    shard::{Status, TaskChange, WORD_BYTES_MAX},
};

/// What is wrong with one field.
pub(super) enum FieldFault {
    Missing(&'static str),
    Wrong(&'static str, &'static str),
    Room(NameError),
    User(&'static str, NameError),
    UnknownType(String),
}

impl<'a> Incoming<'a> {
    pub(super) fn command(self) -> Result<Command<'a>, FieldFault> {
        let kind = self.kind.as_ref().ok_or(FieldFault::Missing("type"))?;
        Ok(match &**kind {
            "hello" => Command::Hello { resume: self.resume()?, token: self.token() },
            "join" => {
                Command::Join { room: self.room_name()?, since: self.since_position()?, history: self.limit }
            }
            "leave" => Command::Leave { room: self.room_name()? },
            "message" => Command::Publish {
                room: self.room_name()?,
                extra: self.extra()?,
                content: self.content.ok_or(FieldFault::Missing("content"))?.0,
            },
            "start" => Command::Run { room: self.room_name()?, on: true },
            "stop" => Command::Run { room: self.room_name()?, on: false },
            "seen" => Command::Seen {
                room: self.room_name()?,
                seq: self.seq.map(Seq).ok_or(FieldFault::Missing("seq"))?,
            },
            "typing" => Command::Typing {
                room: self.room_name()?,
                on: self.typing.ok_or(FieldFault::Missing("typing"))?,
            },
            "history" => {
                Command::History { room: self.room_name()?, before: self.before.map(Seq), limit: self.limit }
            }
            "members" => {
                Command::Members { room: self.room_name()?, after: self.after_user()?, limit: self.limit }
            }
            "rooms" => Command::Rooms { after: self.after_room()?, limit: self.limit },
            "create" => Command::Create { room: self.room_name()?, private: self.private.unwrap_or(false) },
            "invite" => Command::Invite { room: self.room_name()?, user: self.whom()? },
            "kick" => Command::Kick { room: self.room_name()?, user: self.whom()? },
            "status" => Command::Status { room: self.room_name()?, status: self.status_fields()? },
            "task" => Command::Task { room: self.room_name()?, task: self.task_fields()? },
            "ping" => Command::Ping,
            "refresh" => Command::Refresh { token: self.token().ok_or(FieldFault::Missing("token"))? },
            other => return Err(FieldFault::UnknownType(other.chars().take(WORD_BYTES_MAX).collect())),
        })
    }

    fn room_name(&self) -> Result<RoomName, FieldFault> {
        let room = self.room.as_ref().ok_or(FieldFault::Missing("room"))?;
        RoomName::new(room).map_err(FieldFault::Room)
    }

    fn since_position(&self) -> Result<Option<Position>, FieldFault> {
        match (self.since, self.epoch) {
            (None, _) => Ok(None),
            (Some(seq), Some(epoch)) => Ok(Some(Position::new(Epoch(epoch), Seq(seq)))),
            (Some(_), None) => Err(FieldFault::Wrong("since", "needs the epoch it counts in")),
        }
    }

    fn resume(&self) -> Result<Option<Resumption>, FieldFault> {
        let (session, secret) = match (&self.session, &self.secret) {
            (None, None) => return Ok(None),
            (Some(session), Some(secret)) => (session, secret),
            (Some(_), None) => return Err(FieldFault::Missing("secret")),
            (None, Some(_)) => return Err(FieldFault::Missing("session")),
        };
        let session =
            parse_session(session).ok_or(FieldFault::Wrong("session", "is not 32 hexadecimal digits"))?;
        let secret =
            Secret::parse(secret).ok_or(FieldFault::Wrong("secret", "is not 32 hexadecimal digits"))?;
        Ok(Some(Resumption { session, secret, attempt: self.attempt.unwrap_or(0) }))
    }

    fn token(&self) -> Option<Token> {
        self.token.as_ref().map(|token| Token::new(token))
    }

    fn whom(&self) -> Result<UserName, FieldFault> {
        let whom = self.whom.as_ref().ok_or(FieldFault::Missing("whom"))?;
        UserName::new(whom).map_err(|e| FieldFault::User("whom", e))
    }

    fn after_user(&self) -> Result<Option<UserName>, FieldFault> {
        self.after
            .as_ref()
            .map(|name| UserName::new(name))
            .transpose()
            .map_err(|e| FieldFault::User("after", e))
    }

    fn after_room(&self) -> Result<Option<RoomName>, FieldFault> {
        self.after.as_ref().map(|name| RoomName::new(name)).transpose().map_err(FieldFault::Room)
    }

    fn status_fields(&self) -> Result<Status, FieldFault> {
        let state = self.state.as_deref().ok_or(FieldFault::Missing("state"))?;
        let detail = self.detail.as_deref().map(Arc::from);
        Ok(Status { state: state.into(), detail, progress: self.progress.map(Percent::whole) })
    }

    /// Of a task, where it stands may be left out.
    fn task_fields(&self) -> Result<TaskChange, FieldFault> {
        let task = self.task.as_deref().ok_or(FieldFault::Missing("task"))?;
        let has_status = self.state.is_some() || self.detail.is_some() || self.progress.is_some();
        let assignee = self.assignee.as_ref().map(|name| UserName::new(name)).transpose();
        Ok(TaskChange {
            task: task.into(),
            status: has_status.then(|| self.status_fields()).transpose()?,
            assignee: assignee.map_err(|e| FieldFault::User("assignee", e))?,
            priority: self.priority,
            metadata: self.metadata.map(|json| json.get().into()),
        })
    }
}

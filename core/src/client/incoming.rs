//! One flat view of a server's frame in the `chat` dialect: borrowed text, everything optional.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Member, RETRY_AFTER_MAX, RETRY_AFTER_MIN,
    said::{Exact, Said},
};
use crate::{
    dialect::{
        Presence,
        chat::{Limits, Text},
    },
    id::{Epoch, Position, RequestId, Seq},
    name::{RoomName, UserName},
    shard::{Status, Task, Verdict},
};

/// All fields a frame may have. Unknown ones are passed over: the server may be newer.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    room: Option<Text<'a>>,
    #[serde(borrow)]
    user: Option<Text<'a>>,
    id: Option<Exact>,
    epoch: Option<Exact>,
    seq: Option<Exact>,
    next: Option<Exact>,
    from: Option<Exact>,
    to: Option<Exact>,
    #[serde(borrow)]
    verdict: Option<Text<'a>>,
    pub(super) more: Option<bool>,
    pub(super) count: Option<u32>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
    #[serde(borrow)]
    detail: Option<Text<'a>>,
    progress: Option<u8>,
    #[serde(borrow)]
    task: Option<Text<'a>>,
    #[serde(borrow)]
    assignee: Option<Text<'a>>,
    priority: Option<u8>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) session: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) secret: Option<Text<'a>>,
    pub(super) resumed: Option<bool>,
    /// [`Limits`], read when wanted.
    #[serde(borrow)]
    limits: Option<&'a RawValue>,
    generation: Option<Exact>,
    known_since: Option<Exact>,
    #[serde(borrow)]
    pub(super) code: Option<Text<'a>>,
    retry_after_ms: Option<u64>,
    /// Of a history: [`Said`], read when wanted.
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    /// Names, or [`Member`]s, read when wanted.
    #[serde(borrow)]
    members: Option<&'a RawValue>,
    pub(super) joined: Option<Vec<UserName>>,
    pub(super) left: Option<Vec<UserName>>,
    rooms: Option<Vec<ListedRoom>>,
    #[serde(default)]
    pub(super) kicked: bool,
    #[serde(borrow)]
    expires: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct ListedRoom {
    room: RoomName,
    members: u32,
}

#[derive(Debug, Deserialize)]
struct ListedMember<'a> {
    user: UserName,
    #[serde(borrow)]
    presence: Text<'a>,
    #[serde(borrow, default)]
    state: Option<Text<'a>>,
    #[serde(borrow, default)]
    detail: Option<Text<'a>>,
    progress: Option<u8>,
}

impl<'a> Incoming<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn room(&self) -> Option<RoomName> {
        RoomName::new(self.room.as_deref()?).ok()
    }

    pub(super) fn user(&self) -> Option<UserName> {
        UserName::new(self.user.as_deref()?).ok()
    }

    pub(super) fn id(&self) -> Option<RequestId> {
        self.id.map(|id| RequestId(id.0))
    }

    pub(super) fn epoch(&self) -> Option<Epoch> {
        self.epoch.map(|epoch| Epoch(epoch.0))
    }

    pub(super) fn position(&self) -> Option<Position> {
        Some(Position::new(self.epoch()?, Seq(self.seq?.0)))
    }

    /// Which of its session's connections this one is, of a welcome.
    pub(super) fn generation(&self) -> Option<u64> {
        Some(self.generation?.0)
    }

    /// What the server allows, of a welcome. Nothing if it does not say, or not in words that we know.
    pub(super) fn limits(&self) -> Option<Limits> {
        serde_json::from_str(self.limits?.get()).ok()
    }

    /// Since which of them a room knows the session, of a join.
    pub(super) fn known_since(&self) -> Option<u64> {
        Some(self.known_since?.0)
    }

    /// The first message that will be sent, of a join.
    pub(super) fn next(&self) -> Option<Seq> {
        Some(Seq(self.next?.0))
    }

    /// When a refused request may be made again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.retry_after_ms?).clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX))
    }

    /// What was lost, of a gap.
    pub(super) fn lost(&self) -> Option<(Seq, Seq)> {
        Some((Seq(self.from?.0), Seq(self.to?.0)))
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        Some(match self.verdict.as_deref()? {
            "full" => Verdict::Full,
            "gap" => {
                let (from, to) = self.lost()?;
                Verdict::Gap { from, to }
            }
            _ => Verdict::Reset,
        })
    }

    pub(super) fn history(&self) -> Option<Vec<Said<'a>>> {
        serde_json::from_str(self.messages?.get()).ok()
    }

    pub(super) fn member_names(&self) -> Option<Vec<UserName>> {
        serde_json::from_str(self.members?.get()).ok()
    }

    pub(super) fn listed_members(&self) -> Option<Vec<Member>> {
        let members: Vec<ListedMember<'_>> = serde_json::from_str(self.members?.get()).ok()?;
        members.into_iter().map(ListedMember::read).collect()
    }

    pub(super) fn room_views(self) -> Option<Vec<(RoomName, u32)>> {
        Some(self.rooms?.into_iter().map(|listed| (listed.room, listed.members)).collect())
    }

    pub(super) fn status(&self) -> Option<Status> {
        status(self.state.as_deref(), self.detail.as_deref(), self.progress)
    }

    pub(super) fn task(&self) -> Option<Task> {
        let assignee = self.assignee.as_deref().and_then(|name| UserName::new(name).ok());
        Some(Task {
            task: self.task.as_deref()?.into(),
            status: self.status(),
            assignee,
            priority: self.priority,
            metadata: self.metadata.map(|json| json.get().into()),
        })
    }

    /// When a token ends.
    pub(super) fn expires(&self) -> Option<Box<str>> {
        self.expires.as_deref().map(Into::into)
    }
}

impl ListedMember<'_> {
    fn read(self) -> Option<Member> {
        let presence = Presence::from_word(&self.presence)?;
        let status = status(self.state.as_deref(), self.detail.as_deref(), self.progress);
        Some(Member { user: self.user, presence, status })
    }
}

fn status(state: Option<&str>, detail: Option<&str>, progress: Option<u8>) -> Option<Status> {
    Some(Status { state: state?.into(), detail: detail.map(Into::into), progress })
}

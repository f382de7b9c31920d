//! What events hold, fields in wire order. Names are in JavaScript's manner, as specification 3's types have them.

use std::{borrow::Cow, time::Duration};

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::bot_of;
use crate::{
    dialect::{Presence, chat::millis_up},
    id::{Epoch, Seq},
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{self, MemberView, RoomView},
    time::Time,
};

mod events;
mod message;

#[cfg(feature = "schema")]
pub(super) use events::schemas;
pub(super) use events::{answer, shown, typing};
use message::{History, Message, MessageId};

/// A room, and the bot it belongs to, if it is one's (S3.3).
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Place<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    bot_id: Option<&'a str>,
    room: &'a RoomName,
}

impl<'a> From<&'a RoomName> for Place<'a> {
    fn from(room: &'a RoomName) -> Self {
        Self { bot_id: bot_of(room), room }
    }
}

/// What an event, or a granted request, comes to.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum Body<'a> {
    Message(Message<'a>),
    History(History<'a>),
    Joined(InRoom<'a, Standing>),
    Left(InRoom<'a, Leaving>),
    Created(InRoom<'a, Made>),
    Member(InRoom<'a, Member<'a>>),
    Changed(InRoom<'a, Changed<'a>>),
    Presence(InRoom<'a, Present<'a>>),
    Typing(InRoom<'a, Typing<'a>>),
    Status(InRoom<'a, Doing<'a>>),
    Task(InRoom<'a, Task<'a>>),
    Members(InRoom<'a, Members<'a>>),
    Rooms(Rooms<'a>),
    Gap(InRoom<'a, Gap>),
    Lagged(InRoom<'a, Lagged>),
    Warning(Warning),
    Refused(Refused<'a>),
    Sent(Sent<'a>),
    Refreshed(Refreshed),
    Done {},
}

/// Something about a room.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "{T}InRoom"))]
pub(super) struct InRoom<'a, T> {
    #[serde(flatten)]
    place: Place<'a>,
    #[serde(flatten)]
    what: T,
}

impl<'a, T> InRoom<'a, T> {
    fn new(room: &'a RoomName, what: T) -> Self {
        Self { place: room.into(), what }
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Standing {
    epoch: Epoch,
    seq: Seq,
    verdict: &'static str,
    next: Seq,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Seq>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Leaving {
    epoch: Epoch,
    seq: Seq,
    /// Somebody sent them away.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    kicked: bool,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Made {
    epoch: Epoch,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Member<'a> {
    user_id: &'a UserName,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<&'a [UserName]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Changed<'a> {
    joined: &'a [UserName],
    left: Vec<&'a UserName>,
    count: u32,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Present<'a> {
    user_id: &'a UserName,
    status: &'static str,
}

/// Specification 3's `TypingIndicator` (S3.7).
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Typing<'a> {
    user_id: &'a UserName,
    is_typing: bool,
    timestamp: Instant,
}

/// Specification 3's `BotStatusUpdate`, and the same of people (S3.6, S3.16).
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Doing<'a> {
    /// Whose it is, where that is not the room's bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a UserName>,
    #[serde(flatten)]
    status: Status<'a>,
    timestamp: Instant,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Status<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Task<'a> {
    task_id: &'a str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assignee: Option<&'a UserName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a UserName>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    assigned: bool,
    timestamp: Instant,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Members<'a> {
    members: Vec<Listed<'a>>,
    count: u32,
    more: bool,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    user_id: &'a UserName,
    presence: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Rooms<'a> {
    rooms: Vec<Room<'a>>,
    more: bool,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Room<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    members: u32,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Gap {
    epoch: Epoch,
    from: Seq,
    to: Seq,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Lagged {
    epoch: Epoch,
    next: Seq,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Warning {
    code: &'static str,
    message: &'static str,
    count: u64,
    retry_after: u64,
}

/// Why a request is refused; `retry_after` is in milliseconds.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Refused<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    code: &'static str,
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// Why a client is not let in, as its library hands it on: `error.message` and `error.data`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct ConnectError<'a> {
    message: Cow<'static, str>,
    data: Refused<'a>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Sent<'a> {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    id: MessageId<'a>,
    timestamp: Instant,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Refreshed {
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Instant>,
}

/// What a callback is called with.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum Answer<'a> {
    Granted {
        ok: bool,
        #[serde(flatten)]
        body: Body<'a>,
    },
    Refused {
        ok: bool,
        error: Refused<'a>,
    },
}

impl<'a> Answer<'a> {
    pub(super) const fn granted(body: Body<'a>) -> Self {
        Self::Granted { ok: true, body }
    }

    pub(super) const fn refused(error: Refused<'a>) -> Self {
        Self::Refused { ok: false, error }
    }
}

/// An instant as RFC 3339 text.
pub(super) struct Instant(pub(super) Time);

#[cfg(feature = "schema")]
crate::dialect::schema::instant!(Instant);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'a> From<&'a shard::Status> for Status<'a> {
    fn from(status: &'a shard::Status) -> Self {
        let shard::Status { state, detail, progress } = status;
        let is_error = **state == *"error" && !planted!(ErrorToldAsMessage);
        let detail = detail.as_deref();
        Self {
            status: state,
            message: detail.filter(|_| !is_error),
            error: detail.filter(|_| is_error),
            progress: *progress,
        }
    }
}

impl<'a> From<&'a MemberView> for Listed<'a> {
    fn from(view @ MemberView { user, status, .. }: &'a MemberView) -> Self {
        let presence = if view.is_online() { Presence::Online } else { Presence::Offline };
        Self { user_id: user, presence: presence.word(), status: status.as_ref().map(Status::from) }
    }
}

impl<'a> From<&'a RoomView> for Room<'a> {
    fn from(view: &'a RoomView) -> Self {
        Self { place: (&view.room).into(), members: view.members }
    }
}

impl<'a> Refused<'a> {
    pub(super) fn new(
        id: Option<&'a str>,
        refusal: Refusal,
        detail: Option<&str>,
        retry_after: Option<Duration>,
    ) -> Self {
        let message = sentence(refusal, detail);
        let unit = planted!(RetryInSeconds, 1_000, 1);
        Self { id, code: refusal.code(), message, retry_after: retry_after.map(|it| millis_up(it) / unit) }
    }
}

impl ConnectError<'_> {
    pub(super) fn new(refusal: Refusal, detail: Option<&str>, retry_after: Option<Duration>) -> Self {
        Self { message: sentence(refusal, detail), data: Refused::new(None, refusal, detail, retry_after) }
    }
}

fn sentence(refusal: Refusal, detail: Option<&str>) -> Cow<'static, str> {
    match detail {
        Some(detail) => Cow::Owned(format!("{} ({detail})", refusal.message())),
        None => Cow::Borrowed(refusal.message()),
    }
}

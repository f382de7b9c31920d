//! What events hold, fields in wire order. Names are in JavaScript's manner, as specification 3's types have them.

use std::{borrow::Cow, time::Duration};

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::bot_of;
use crate::{
    dialect::{Event, Presence, chat::millis_up},
    id::{Epoch, Position, Seq},
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{self, Joined, MemberView, Placed, RoomView, Roster, Verdict},
    time::Time,
};

mod message;

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
        let is_error = **state == *"error";
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
        Self { id, code: refusal.code(), message, retry_after: retry_after.map(millis_up) }
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

/// Whether somebody writes. Whoever is shown online has stopped.
pub(super) fn typing<'a>(room: &'a RoomName, user: &'a UserName, is_typing: bool, now: Time) -> Body<'a> {
    let typing = Typing { user_id: user, is_typing, timestamp: Instant(now) };
    Body::Typing(InRoom::new(room, typing))
}

fn standing(joined: &Joined) -> Standing {
    let (verdict, from, to) = match joined.verdict {
        Verdict::Full => ("full", None, None),
        Verdict::Gap { from, to } => ("gap", Some(from), Some(to)),
        Verdict::Reset => ("reset", None, None),
    };
    let Position { epoch, seq } = joined.head;
    Standing { epoch, seq, verdict, next: joined.next, from, to }
}

fn member<'a>(room: &'a RoomName, user: &'a UserName, roster: &'a Roster) -> Body<'a> {
    let (members, count) = match roster {
        Roster::Names(names) => (Some(&**names), None),
        Roster::Count(count) => (None, Some(*count)),
    };
    Body::Member(InRoom::new(room, Member { user_id: user, members, count }))
}

fn task<'a>(task: &'a shard::Task, user: Option<&'a UserName>, assigned: bool, now: Time) -> Task<'a> {
    let shard::Task { task, status, assignee, priority, metadata } = task;
    Task {
        task_id: task,
        status: status.as_ref().map(Status::from),
        assignee: assignee.as_ref(),
        priority: *priority,
        // It was checked to be an object as it came in.
        metadata: metadata.as_deref().and_then(|metadata| serde_json::from_str(metadata).ok()),
        user_id: user,
        assigned,
        timestamp: Instant(now),
    }
}

/// The name of an event and what it holds, or nothing if it is not shown here.
pub(super) fn shown<'a>(event: &'a Event<'a>, now: Time) -> Option<(&'static str, Body<'a>)> {
    Some(match *event {
        Event::Message { room, epoch, message } => {
            ("chat:message", Body::Message(Message::new(room, epoch, message)))
        }
        Event::History { room, epoch, messages, more, .. } => {
            ("chat:history", Body::History(History::new(room, epoch, messages, more)))
        }
        Event::Joined { room, joined, .. } => {
            ("room:joined", Body::Joined(InRoom::new(room, standing(joined))))
        }
        Event::Left { room, position: Position { epoch, seq }, kicked, .. } => {
            ("room:left", Body::Left(InRoom::new(room, Leaving { epoch, seq, kicked })))
        }
        Event::Created { room, position, .. } => {
            ("room:created", Body::Created(InRoom::new(room, Made { epoch: position.epoch })))
        }
        Event::UserJoined { room, user, roster } => ("user:joined", member(room, user, roster)),
        Event::UserLeft { room, user, roster, .. } => ("user:left", member(room, user, roster)),
        Event::MembersChanged { room, joined, left, count } => {
            let left = left.iter().map(|(user, _)| user).collect();
            ("room:changed", Body::Changed(InRoom::new(room, Changed { joined, left, count })))
        }
        Event::Presence { room, user, presence: Presence::Typing, .. } => {
            ("typing", typing(room, user, true, now))
        }
        Event::Presence { room, user, presence, .. } => {
            let present = Present { user_id: user, status: presence.word() };
            ("presence", Body::Presence(InRoom::new(room, present)))
        }
        Event::Status { room, user, status } => {
            let is_bot = bot_of(room) == Some(user.as_str());
            let user_id = (!is_bot).then_some(user);
            let doing = Doing { user_id, status: status.into(), timestamp: Instant(now) };
            (if is_bot { "bot:status" } else { "user:status" }, Body::Status(InRoom::new(room, doing)))
        }
        Event::Task { room, user, task: it, assigned } => {
            ("task", Body::Task(InRoom::new(room, task(it, user, assigned, now))))
        }
        Event::Members { room, members, count, more, .. } => {
            let members = members.iter().map(Listed::from).collect();
            ("room:members", Body::Members(InRoom::new(room, Members { members, count, more })))
        }
        Event::Rooms { rooms, more, .. } => {
            ("room:list", Body::Rooms(Rooms { rooms: rooms.iter().map(Room::from).collect(), more }))
        }
        Event::Gap { room, epoch, from, to } => {
            ("chat:gap", Body::Gap(InRoom::new(room, Gap { epoch, from, to })))
        }
        Event::Lagged { room, next: Position { epoch, seq } } => {
            ("chat:lagged", Body::Lagged(InRoom::new(room, Lagged { epoch, next: seq })))
        }
        Event::Warning { refusal, count, retry_after } => {
            let (code, message) = (refusal.code(), refusal.message());
            let retry_after = millis_up(retry_after);
            ("rate:limited", Body::Warning(Warning { code, message, count, retry_after }))
        }
        Event::Error { key, refusal, detail, retry_after, .. } => {
            ("error", Body::Refused(Refused::new(key, refusal, detail, retry_after)))
        }
        Event::Refreshed { expires, .. } => {
            ("token:refreshed", Body::Refreshed(Refreshed { expires: expires.map(Instant) }))
        }
        // Who wants these has a callback for them; nobody asks for the others here.
        Event::Ack { .. } | Event::Welcome { .. } | Event::Health { .. } | Event::Pong { .. } => return None,
    })
}

/// What each event that is [`shown`] holds.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<crate::dialect::schema::Named> {
    use crate::dialect::schema::written;
    vec![
        ("chat:message", written::<Message<'_>>()),
        ("chat:history", written::<History<'_>>()),
        ("room:joined", written::<InRoom<'_, Standing>>()),
        ("room:left", written::<InRoom<'_, Leaving>>()),
        ("room:created", written::<InRoom<'_, Made>>()),
        ("user:joined", written::<InRoom<'_, Member<'_>>>()),
        ("user:left", written::<InRoom<'_, Member<'_>>>()),
        ("room:changed", written::<InRoom<'_, Changed<'_>>>()),
        ("presence", written::<InRoom<'_, Present<'_>>>()),
        ("typing", written::<InRoom<'_, Typing<'_>>>()),
        ("bot:status", written::<InRoom<'_, Doing<'_>>>()),
        ("user:status", written::<InRoom<'_, Doing<'_>>>()),
        ("task", written::<InRoom<'_, Task<'_>>>()),
        ("room:members", written::<InRoom<'_, Members<'_>>>()),
        ("room:list", written::<Rooms<'_>>()),
        ("chat:gap", written::<InRoom<'_, Gap>>()),
        ("chat:lagged", written::<InRoom<'_, Lagged>>()),
        ("rate:limited", written::<Warning>()),
        ("error", written::<Refused<'_>>()),
        ("token:refreshed", written::<Refreshed>()),
    ]
}

/// What a callback is called with.
pub(super) fn answer<'a>(event: &'a Event<'a>, now: Time) -> Answer<'a> {
    match *event {
        Event::Error { key, refusal, detail, retry_after, .. } => {
            Answer::refused(Refused::new(key, refusal, detail, retry_after))
        }
        Event::Ack { key, placed: Some(Placed { position, at }), .. } => {
            Answer::granted(Body::Sent(Sent { id: MessageId::new(key, position), timestamp: Instant(at) }))
        }
        _ => Answer::granted(shown(event, now).map_or(Body::Done {}, |(_, body)| body)),
    }
}

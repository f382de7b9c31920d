//! One typed command and event for all wire dialects; a dialect is a pure codec between them and text frames.

use std::{borrow::Cow, sync::Arc, time::Duration};

use crate::{
    config::GatewayConfig,
    gateway::{Condition, Counters},
    id::{Epoch, Generation, Position, RequestId, Seq, SessionId},
    identity::Token,
    name::{RoomName, UserName},
    refusal::Refusal,
    secret::Secret,
    shard::{Extra, Joined, MemberView, Message, Placed, RoomView, Roster, Status, Task, TaskChange},
    time::Time,
};

pub mod agents;
pub mod chat;
mod codec;
pub mod envelope;
mod first_frame;
mod json;
#[cfg(test)]
mod kit;
pub mod lobby;
mod membership;
mod percent;
#[cfg(feature = "schema")]
pub mod schema;
pub mod socketio;

pub use first_frame::dialect_of;

pub use codec::{Codec, Decoded, Dialect, Opening, Payloads, Sending};
use json::fault as json_fault;
pub use percent::Percent;

/// A request as a client makes it.
#[derive(Debug)]
pub struct Request<'a> {
    /// The client's number for it, if it wants one answered.
    pub id: Option<RequestId>,
    /// Who the client says it is.
    pub user: Option<UserName>,
    /// What it wants.
    pub command: Command<'a>,
}

/// What a client shows to go on with a session.
#[derive(Debug)]
pub struct Resumption {
    /// The session.
    pub session: SessionId,
    /// What proves that it is the client's.
    pub secret: Secret,
    /// Rises with every connection of the session; 0 if the client does not count.
    pub attempt: u64,
}

/// What a client wants.
#[derive(Debug)]
pub enum Command<'a> {
    /// Say who one is, perhaps going on with an earlier session.
    Hello {
        /// The session, if there was one.
        resume: Option<Resumption>,
        /// What proves who one is, where that is asked for.
        token: Option<Token>,
    },
    /// Enter a room.
    Join {
        /// Which.
        room: RoomName,
        /// The newest message seen.
        since: Option<Position>,
        /// How many messages to show if none has been seen; as many as is usual in the dialect if it does not say.
        history: Option<u32>,
    },
    /// Leave a room.
    Leave {
        /// Which.
        room: RoomName,
    },
    /// Say something.
    Publish {
        /// Where.
        room: RoomName,
        /// What.
        content: Cow<'a, str>,
        /// What it carries beside.
        extra: Option<Box<Extra>>,
    },
    /// Start or stop a room's bot.
    Run {
        /// Where.
        room: RoomName,
        /// Start, or stop.
        on: bool,
    },
    /// How far a bot has come with what was said in its room.
    Seen {
        /// Where.
        room: RoomName,
        /// The newest message it has dealt with.
        seq: Seq,
    },
    /// Say that one writes, or has stopped.
    Typing {
        /// Where.
        room: RoomName,
        /// Writes, or has stopped.
        on: bool,
    },
    /// Read older messages.
    History {
        /// Where.
        room: RoomName,
        /// Only before this one.
        before: Option<Seq>,
        /// How many.
        limit: Option<u32>,
    },
    /// List a room's members.
    Members {
        /// Which.
        room: RoomName,
        /// Only names after this one.
        after: Option<UserName>,
        /// How many.
        limit: Option<u32>,
    },
    /// List the rooms.
    Rooms {
        /// Only names after this one.
        after: Option<RoomName>,
        /// How many.
        limit: Option<u32>,
    },
    /// Make a room.
    Create {
        /// Its name.
        room: RoomName,
        /// Whether it is for those only whom it lets in.
        private: bool,
    },
    /// Let a user into a private room.
    Invite {
        /// Which.
        room: RoomName,
        /// Whom.
        user: UserName,
    },
    /// Send a user away.
    Kick {
        /// From where.
        room: RoomName,
        /// Whom.
        user: UserName,
    },
    /// Say what one is doing.
    Status {
        /// Where.
        room: RoomName,
        /// What.
        status: Status,
    },
    /// Say something about a task.
    Task {
        /// Where.
        room: RoomName,
        /// What has changed.
        task: TaskChange,
    },
    /// Ask for a sign of life.
    Ping,
    /// Show a newer token.
    Refresh {
        /// The token.
        token: Token,
    },
}

/// Why a frame is no request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rejection {
    /// The client's number, if it could be read.
    pub id: Option<RequestId>,
    /// The key, if it was a message with one.
    pub key: Option<Arc<str>>,
    /// The reason.
    pub refusal: Refusal,
    /// What exactly is wrong, for people.
    pub detail: Option<String>,
}

/// What a gateway tells a client.
#[derive(Debug)]
pub enum Event<'a> {
    /// The client is known now.
    Welcome {
        /// As whom.
        user: &'a UserName,
        /// Its session.
        session: SessionId,
        /// What resumes it.
        secret: Secret,
        /// Whether an earlier session goes on.
        resumed: bool,
        /// Which of the session's connections this is: 1, 2, 3…
        generation: Generation,
        /// The limits it lives under.
        limits: &'a GatewayConfig,
    },
    /// A send is in the room, or a note was taken (without a position).
    Ack {
        /// The client's number. This or the key is there.
        id: Option<RequestId>,
        /// The message's key.
        key: Option<&'a str>,
        /// Where.
        room: &'a RoomName,
        /// At this place, since this instant.
        placed: Option<Placed>,
    },
    /// The client is in a room.
    Joined {
        /// The client's number.
        id: Option<RequestId>,
        /// Which.
        room: &'a RoomName,
        /// Where it stands.
        joined: &'a Joined,
    },
    /// The client has left a room.
    Left {
        /// The client's number.
        id: Option<RequestId>,
        /// Which.
        room: &'a RoomName,
        /// Nothing after this will be shown.
        position: Position,
        /// Somebody else wanted it so.
        kicked: bool,
    },
    /// A room was made.
    Created {
        /// The client's number.
        id: Option<RequestId>,
        /// Which.
        room: &'a RoomName,
        /// Its log.
        position: Position,
    },
    /// Something was said.
    Message {
        /// Where.
        room: &'a RoomName,
        /// The log it belongs to.
        epoch: Epoch,
        /// What.
        message: &'a Message,
    },
    /// Messages from the history, oldest first.
    History {
        /// The client's number; none for what follows a join.
        id: Option<RequestId>,
        /// Where.
        room: &'a RoomName,
        /// The log they belong to.
        epoch: Epoch,
        /// The messages.
        messages: &'a [Arc<Message>],
        /// Asked for: whether there are older ones. After a join: whether another page follows.
        more: bool,
    },
    /// While catching up, these messages fell out of the history.
    Gap {
        /// Where.
        room: &'a RoomName,
        /// The log they belonged to.
        epoch: Epoch,
        /// The first one lost.
        from: Seq,
        /// The last one lost.
        to: Seq,
    },
    /// The client reads too slowly: the history takes over.
    Lagged {
        /// Where.
        room: &'a RoomName,
        /// The first message that will come out of the history.
        next: Position,
    },
    /// A user became a member.
    UserJoined {
        /// Where.
        room: &'a RoomName,
        /// Who.
        user: &'a UserName,
        /// Who is there now.
        roster: &'a Roster,
    },
    /// A user is no longer a member.
    UserLeft {
        /// Where.
        room: &'a RoomName,
        /// Who.
        user: &'a UserName,
        /// When they were last there.
        seen: Time,
        /// Who is there now.
        roster: &'a Roster,
    },
    /// Who came to and went from a large room.
    MembersChanged {
        /// Where.
        room: &'a RoomName,
        /// Came.
        joined: &'a [UserName],
        /// Went, and when they were last there.
        left: &'a [(UserName, Time)],
        /// How many are there now.
        count: u32,
    },
    /// A member's presence changed.
    Presence {
        /// Where.
        room: &'a RoomName,
        /// Who.
        user: &'a UserName,
        /// How.
        presence: Presence,
        /// Since when, if they are not there.
        away: Option<Time>,
    },
    /// A page of members.
    Members {
        /// The client's number.
        id: Option<RequestId>,
        /// Where.
        room: &'a RoomName,
        /// By name.
        members: &'a [MemberView],
        /// All members.
        count: u32,
        /// Whether there are later names.
        more: bool,
    },
    /// A page of rooms.
    Rooms {
        /// The client's number.
        id: Option<RequestId>,
        /// By name.
        rooms: &'a [RoomView],
        /// Whether there are later names.
        more: bool,
    },
    /// A member says what they are doing.
    Status {
        /// Where.
        room: &'a RoomName,
        /// Who.
        user: &'a UserName,
        /// What.
        status: &'a Status,
    },
    /// A task changed.
    Task {
        /// Where.
        room: &'a RoomName,
        /// Who changed it, if it changed just now.
        user: Option<&'a UserName>,
        /// How it stands.
        task: &'a Task,
        /// Whether somebody was told to do it just now.
        assigned: bool,
    },
    /// Requests without a number were refused for their rate (S0.27).
    Warning {
        /// Why.
        refusal: Refusal,
        /// How many since the last warning.
        count: u64,
        /// When the next will be accepted.
        retry_after: Duration,
    },
    /// A request was refused.
    Error {
        /// The client's number.
        id: Option<RequestId>,
        /// The message's key.
        key: Option<&'a str>,
        /// Why.
        refusal: Refusal,
        /// What exactly is wrong.
        detail: Option<&'a str>,
        /// When it may be tried again.
        retry_after: Option<Duration>,
    },
    /// A newer token was taken.
    Refreshed {
        /// The client's number.
        id: Option<RequestId>,
        /// When it ends.
        expires: Option<Time>,
    },
    /// How the gateway fares.
    Health {
        /// In a word.
        condition: Condition,
        /// In numbers.
        counters: &'a Counters,
        /// For how long it has been there.
        uptime: Duration,
    },
    /// The answer to a ping.
    Pong {
        /// The client's number.
        id: Option<RequestId>,
    },
}

impl Event<'_> {
    /// The number of the request that this answers.
    #[must_use]
    pub const fn answers(&self) -> Option<RequestId> {
        match self {
            Self::Ack { id, .. }
            | Self::Joined { id, .. }
            | Self::Left { id, .. }
            | Self::Created { id, .. }
            | Self::History { id, .. }
            | Self::Members { id, .. }
            | Self::Rooms { id, .. }
            | Self::Error { id, .. }
            | Self::Refreshed { id, .. }
            | Self::Pong { id } => *id,
            Self::Welcome { .. }
            | Self::Message { .. }
            | Self::Gap { .. }
            | Self::Lagged { .. }
            | Self::UserJoined { .. }
            | Self::UserLeft { .. }
            | Self::MembersChanged { .. }
            | Self::Presence { .. }
            | Self::Status { .. }
            | Self::Task { .. }
            | Self::Warning { .. }
            | Self::Health { .. } => None,
        }
    }
}

/// How a member is there.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Presence {
    /// There.
    Online,
    /// Not there at the moment.
    Offline,
    /// There, and writing.
    Typing,
}

impl Presence {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Typing => "typing",
        }
    }

    /// The presence of a word on the wire.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Online, Self::Offline, Self::Typing].into_iter().find(|presence| presence.word() == word)
    }
}

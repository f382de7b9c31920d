//! What goes into a shard: entries of its log, questions, signals.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    extra::Extra,
    task::{Status, TaskChange},
};
use crate::{
    config::ShardConfig,
    id::{ConnectionId, GatewayId, Generation, Position, RequestId, Seq, SessionId},
    limiter::{Bucket, Used},
    name::{RoomName, UserName},
    role::Role,
    secret::SecretHash,
    time::Time,
};

/// One record of the log: everything a shard knows, it knows from these.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// 1, 2, 3… without gaps.
    pub index: u64,
    /// Never before the previous entry's.
    pub at: Time,
    /// What happened.
    pub op: Op,
}

/// A connection's address, as the home shard of its user knows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Peer {
    /// The gateway that holds the connection.
    pub gateway: GatewayId,
    /// The connection.
    pub connection: ConnectionId,
    /// The session it carries.
    pub session: SessionId,
    /// Which of the session's connections it is: what an older one still says does not count.
    pub generation: Generation,
    /// The user it speaks for.
    pub user: UserName,
    /// What they are to the server.
    #[serde(default)]
    pub role: Role,
    /// Whose bot it is, if its token says so.
    #[serde(default)]
    pub owner: Option<UserName>,
    /// It takes no seat: where its user is a member by another session, or has other rights, it may read and speak.
    #[serde(default)]
    pub visitor: bool,
}

/// How long a session outlives its connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Keep {
    /// It ends with it: the client closed cleanly.
    Nothing,
    /// For the presence grace: the client was never given a resume secret.
    Grace,
    /// For the resume window.
    Window,
}

impl Keep {
    /// The span, under a shard's limits.
    #[must_use]
    pub const fn span(self, config: &ShardConfig) -> Duration {
        match self {
            Self::Nothing => Duration::ZERO,
            Self::Grace => config.presence_grace,
            Self::Window => config.resume_window,
        }
    }
}

/// The state of a session's limiters and its user's quotas, carried from connection to connection so that reconnecting
/// mints no tokens.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Limiters {
    /// For messages.
    pub message: Bucket,
    /// For everything else.
    pub control: Bucket,
    /// For messages: what the user has used of each of
    /// [`message_quotas`](crate::config::GatewayConfig::message_quotas).
    #[serde(default)]
    pub quotas: Vec<Used>,
}

impl Limiters {
    /// Whether nothing was ever taken: a new session would begin with the same.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.message.is_unused() && self.control.is_unused() && self.quotas.iter().all(Used::is_empty)
    }
}

/// A request to go on with a session.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Resume {
    /// The session.
    pub session: SessionId,
    /// The hash of the secret that was shown.
    pub secret: SecretHash,
    /// Rises with every connection of the session; 0 if its client does not count. What another gateway was slow to
    /// pass on must not take the session from a newer connection.
    #[serde(default)]
    pub attempt: u64,
}

/// What can happen to a shard.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Op {
    /// The first entry: limits, and 64 random bits that tell this life of the log from others.
    Genesis {
        /// The limits.
        config: ShardConfig,
        /// Goes into every epoch.
        incarnation: u64,
    },
    /// New limits.
    Configure {
        /// The limits.
        config: ShardConfig,
    },
    /// The log goes on in another life of its process: every gateway of the one before is gone with all its connections.
    Restart {
        /// The limits.
        config: ShardConfig,
        /// Goes into every epoch from now on: 64 random bits, others than before.
        incarnation: u64,
        /// Entries may have been lost that had been applied: rooms get new epochs, and sessions end, for what they were
        /// answered cannot be relied on.
        lost: bool,
    },
    /// A gateway is gone with all its connections.
    GatewayDown {
        /// Which.
        gateway: GatewayId,
    },
    /// A connection says who it is. Goes to the user's home shard.
    Attach {
        /// The gateway that holds the connection.
        gateway: GatewayId,
        /// The connection.
        connection: ConnectionId,
        /// The user.
        user: UserName,
        /// The session to open if there is none to resume.
        fresh: SessionId,
        /// The session to resume.
        resume: Option<Resume>,
        /// The hash of the secret that will be shown to the client.
        secret: SecretHash,
        /// The user has one session of this kind, and its newest connection has it (S4.17): without a secret, for who
        /// one is has been looked at before.
        #[serde(default)]
        sole: bool,
        /// It is of the program that embeds the server: it counts for none of the user's sessions.
        #[serde(default)]
        resident: bool,
    },
    /// A session goes on with another connection. Goes to every shard but the user's home, which knows it already: what
    /// they keep of the session must not expire meanwhile.
    Follow {
        /// The new connection.
        peer: Peer,
    },
    /// A connection is gone. Goes to every shard it has spoken to; its home shard carries the limiters on.
    Detach {
        /// The connection that is gone.
        peer: Peer,
        /// What remains of its session.
        keep: Keep,
        /// Its limiters.
        limiters: Limiters,
    },
    /// Enter a room, or take up a membership on this connection.
    Join {
        /// Who.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// What they have seen.
        since: Option<Position>,
        /// Messages to show if they have seen nothing.
        history: u32,
        /// A bot in its own room goes on after what it has called [`Seen`](Self::Seen), if it names nothing itself.
        #[serde(default)]
        backlog: bool,
    },
    /// Leave a room.
    Leave {
        /// Who.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
    },
    /// Make a room.
    Create {
        /// Who.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Its name.
        room: RoomName,
        /// Whether it is for those only whom it lets in.
        #[serde(default)]
        private: bool,
    },
    /// Let a user into a private room.
    Invite {
        /// Who does so.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// Whom.
        user: UserName,
    },
    /// Send a user away, from all connections, and take the invitation back.
    Kick {
        /// Who does so.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// Whom.
        user: UserName,
    },
    /// Start or stop a room's bot.
    Run {
        /// Who does so.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// Start, or stop.
        on: bool,
    },
    /// How far a bot has come with what was said in its room.
    Seen {
        /// The bot.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// The newest message it has dealt with.
        seq: Seq,
    },
    /// Say something.
    Publish {
        /// Who.
        peer: Peer,
        /// The client's number: repeats are answered, not repeated.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// What.
        content: Arc<str>,
        /// What it carries beside.
        #[serde(default)]
        extra: Option<Box<Extra>>,
    },
    /// Say what one is doing.
    SetStatus {
        /// Who.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// What they are doing.
        status: Status,
    },
    /// Say something about a task.
    SetTask {
        /// Who.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// What has changed.
        task: TaskChange,
    },
    /// A deadline has passed: see [`Shard::poll_timeout`](super::Shard::poll_timeout).
    Expire,
}

/// A question about a shard's state. Never in the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Query {
    /// The next page for a reader that is catching up. Always answered.
    Page {
        /// Who; members only.
        peer: Peer,
        /// Where.
        room: RoomName,
        /// The first message wanted.
        from: Position,
        /// Most messages.
        messages_max: u32,
        /// Most bytes, counting [`MESSAGE_OVERHEAD_BYTES`](super::MESSAGE_OVERHEAD_BYTES) for each message beside what it holds in JSON; one message always fits.
        bytes_max: usize,
    },
    /// Who is in a room and how its tasks stand, for a reader for whom changes were left out. Always answered.
    Roster {
        /// Who; members only.
        peer: Peer,
        /// Where.
        room: RoomName,
    },
    /// A page of older messages.
    History {
        /// Who; members only.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// The page ends before this; at the newest if `None`.
        before: Option<Seq>,
        /// Most messages.
        messages_max: u32,
        /// Most bytes, counting [`MESSAGE_OVERHEAD_BYTES`](super::MESSAGE_OVERHEAD_BYTES) for each message beside what it holds in JSON; one message always fits.
        bytes_max: usize,
    },
    /// A page of members, by name.
    Members {
        /// Who; members only.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// The page begins after this.
        after: Option<UserName>,
        /// Most names.
        limit: u32,
    },
    /// A page of rooms, by name.
    Rooms {
        /// Who.
        peer: Peer,
        /// The client's number for this request.
        id: Option<RequestId>,
        /// The page begins after this.
        after: Option<RoomName>,
        /// Most names.
        limit: u32,
    },
}

/// Something fleeting. Never in the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Signal {
    /// Someone writes, or stops.
    Typing {
        /// Who; members only.
        peer: Peer,
        /// Where.
        room: RoomName,
        /// Writes, or stops.
        on: bool,
    },
}

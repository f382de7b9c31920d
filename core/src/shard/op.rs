//! What goes into a shard and what comes out: entries, queries, signals, effects.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    extra::Extra,
    task::{Status, Task, TaskChange},
};
use crate::{
    config::ShardConfig,
    id::{ConnectionId, Epoch, GatewayId, Generation, Position, RequestId, Seq, SessionId},
    limiter::{Bucket, Used},
    name::{RoomName, UserName},
    refusal::Refusal,
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

/// What a message costs on the wire beside its content and its [`Extra`] in JSON, at most: names, instant, position,
/// field names. So it is in the native dialect; others may take twice as much.
pub const MESSAGE_OVERHEAD_BYTES: usize = 256;

/// Something said in a room.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Message {
    /// Its place.
    pub seq: Seq,
    /// When it was put in order.
    pub at: Time,
    /// Who said it.
    pub user: UserName,
    /// What was said.
    pub content: Arc<str>,
    /// What it carries beside.
    #[serde(default)]
    pub extra: Option<Arc<Extra>>,
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
        /// Most bytes, counting [`MESSAGE_OVERHEAD_BYTES`] for each message beside what it holds in JSON; one message always fits.
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
        /// Most bytes, counting [`MESSAGE_OVERHEAD_BYTES`] for each message beside what it holds in JSON; one message always fits.
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

/// Something for a gateway to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Effect {
    /// Which gateway.
    pub to: GatewayId,
    /// What.
    pub event: ShardEvent,
}

/// What a shard tells a gateway.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ShardEvent {
    /// The connection speaks for the session now.
    Attached {
        /// Its full address.
        peer: Peer,
        /// Whether an earlier session goes on.
        resumed: bool,
        /// The limiters it goes on with.
        limiters: Limiters,
    },
    /// The connection may not attach.
    AttachRefused {
        /// Which.
        connection: ConnectionId,
        /// Why.
        refusal: Refusal,
    },
    /// A newer connection wants the session: close this one, then [`Op::Detach`] it with its limiters.
    TakenOver {
        /// Which.
        connection: ConnectionId,
        /// The session.
        session: SessionId,
        /// Which of the session's connections.
        generation: Generation,
    },
    /// The answer to a request.
    Reply {
        /// Whose.
        connection: ConnectionId,
        /// The client's number.
        id: Option<RequestId>,
        /// The key, of a message that has one.
        key: Option<Arc<str>>,
        /// The room it was about.
        room: Option<RoomName>,
        /// The answer.
        result: Result<Reply, Refusal>,
    },
    /// A connection was sent away from a room: nothing after this position is for it.
    Kicked {
        /// Which.
        connection: ConnectionId,
        /// Where.
        room: RoomName,
        /// The newest message it may see.
        position: Position,
    },
    /// Something for every reader of a room on this gateway.
    Push {
        /// The room.
        room: RoomName,
        /// What.
        push: Push,
    },
}

/// Where a message is, and since when.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Placed {
    /// Its place.
    pub position: Position,
    /// Its own instant: when it was put in order.
    pub at: Time,
}

/// The answer to a request that was granted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// To [`Op::Join`].
    Joined(Joined),
    /// To [`Op::Leave`]: nothing after this position will be shown.
    Left(Position),
    /// To [`Op::Create`].
    Created(Position),
    /// To [`Op::Publish`], with and without a number.
    Published(Placed),
    /// To what is noted, and has no place among the messages: statuses, tasks, invitations, kicks, and what is about
    /// bots.
    Noted,
    /// To [`Query::Page`].
    Page(Page),
    /// To [`Query::Page`] and [`Query::Roster`] by someone who is no member with this connection.
    NoPage,
    /// To [`Query::Roster`].
    Roster {
        /// By name; the first `roster_max` of them.
        members: Vec<MemberView>,
        /// All members of the room.
        count: u32,
        /// The room's bot and what it is doing, if `members` does not show it.
        bot: Option<(UserName, Status)>,
        /// The room's tasks.
        tasks: Vec<Task>,
    },
    /// To [`Query::History`]: oldest first.
    History {
        /// The log they belong to.
        epoch: Epoch,
        /// The messages.
        messages: Vec<Arc<Message>>,
        /// Whether there are older ones.
        more: bool,
    },
    /// To [`Query::Members`].
    Members {
        /// By name.
        members: Vec<MemberView>,
        /// All members of the room.
        count: u32,
        /// Whether there are later names.
        more: bool,
    },
    /// To [`Query::Rooms`].
    Rooms {
        /// By name.
        rooms: Vec<RoomView>,
        /// Whether there are later names.
        more: bool,
    },
}

/// Where a reader stands after joining.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Joined {
    /// The newest message of the room.
    pub head: Position,
    /// The first message that will be shown.
    pub next: Seq,
    /// Whether anything is missing.
    pub verdict: Verdict,
    /// Whether the user was a member before: then nothing is pushed, and nobody else hears of it.
    pub rejoined: bool,
    /// Since which of the session's connections this shard knows it: what was first sent on an earlier one would not be
    /// recognised if it were repeated. A shard whose clock says that a session has ended forgets it.
    pub known_since: Generation,
    /// Who is there.
    pub roster: Roster,
    /// Which of them are not there at the moment, and since when, where they are named.
    pub offline: Vec<(UserName, Time)>,
    /// What members are doing, and what the room's bot is, also while it is away.
    pub statuses: Vec<(UserName, Status)>,
    /// The room's tasks.
    pub tasks: Vec<Task>,
}

/// Whether a reader goes on without loss.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Everything after the position it named (or the usual history, if it named none) follows.
    Full,
    /// The messages `from..=to` are no longer kept; everything after follows.
    Gap {
        /// The first one lost.
        from: Seq,
        /// The last one lost.
        to: Seq,
    },
    /// The position belongs to another log; the usual history follows.
    Reset,
}

/// Messages for a reader that is catching up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// The first message that was wanted.
    pub from: Seq,
    /// The newest message of the room.
    pub head: Position,
    /// From the wanted one on; what is no longer kept is left out at the front.
    pub messages: Vec<Arc<Message>>,
}

/// Who is in a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Roster {
    /// All of them, by name; rooms of up to `roster_max`.
    Names(Arc<[UserName]>),
    /// How many; larger rooms.
    Count(u32),
}

/// A member in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemberView {
    /// Who.
    pub user: UserName,
    /// Since when they are not there; nothing if they are.
    pub away: Option<Time>,
    /// What they are doing.
    pub status: Option<Status>,
}

/// A room in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomView {
    /// Its name.
    pub room: RoomName,
    /// Its members.
    pub members: u32,
}

/// What everyone in a room sees.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Push {
    /// Something was said.
    Message {
        /// The log it belongs to.
        epoch: Epoch,
        /// What.
        message: Arc<Message>,
    },
    /// A user became a member.
    Joined {
        /// Who.
        user: UserName,
        /// Who is there now.
        roster: Roster,
    },
    /// A user is no longer a member.
    Left {
        /// Who.
        user: UserName,
        /// When they were last there.
        seen: Time,
        /// Who is there now.
        roster: Roster,
    },
    /// Large rooms: who came and went since the last such notice.
    Changed {
        /// Came; as many names as the notice may hold.
        joined: Vec<UserName>,
        /// Went; as many names as the notice may hold.
        left: Vec<UserName>,
        /// How many are there now.
        count: u32,
    },
    /// The room has shrunk to a size at which its members are shown one by one: this is all of them.
    Listed {
        /// By name.
        members: Vec<MemberView>,
    },
    /// A member's presence changed.
    Presence {
        /// Who.
        user: UserName,
        /// Since when they are not there; nothing if they are.
        away: Option<Time>,
    },
    /// Someone writes, or stops.
    Typing {
        /// Who.
        user: UserName,
        /// Writes, or stops.
        on: bool,
    },
    /// A member says what they are doing.
    Status {
        /// Who.
        user: UserName,
        /// What.
        status: Status,
    },
    /// A task changed.
    Task {
        /// Who changed it.
        user: UserName,
        /// How it stands.
        task: Task,
        /// Whether somebody was told to do it; else where it stands has changed.
        assigned: bool,
    },
}

impl MemberView {
    /// Whether they are there now.
    #[must_use]
    pub const fn is_online(&self) -> bool {
        self.away.is_none()
    }
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

//! What comes out of a shard: answers to those who asked, and what everyone in a room sees.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    extra::Extra,
    op::{Limiters, Peer},
    task::{Status, Task},
};
use crate::{
    id::{ConnectionId, Epoch, GatewayId, Generation, Position, RequestId, Seq, SessionId},
    name::{RoomName, UserName},
    refusal::Refusal,
    time::Time,
};

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
    /// A newer connection wants the session: close this one, then [`Op::Detach`](super::Op::Detach) it with its limiters.
    TakenOver {
        /// Which.
        connection: ConnectionId,
        /// The session.
        session: SessionId,
        /// Which of the session's connections.
        generation: Generation,
    },
    /// What this connection was replaced by was gone before it was attached: its client may come back.
    Displaced {
        /// Which.
        connection: ConnectionId,
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
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Placed {
    /// Its place.
    pub position: Position,
    /// Its own instant: when it was put in order.
    pub at: Time,
}

/// The answer to a request that was granted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// To [`Op::Join`](super::Op::Join).
    Joined(Joined),
    /// To [`Op::Leave`](super::Op::Leave): nothing after this position will be shown.
    Left(Position),
    /// To [`Op::Create`](super::Op::Create).
    Created(Position),
    /// To [`Op::Publish`](super::Op::Publish), with and without a number.
    Published(Placed),
    /// To what is noted, and has no place among the messages: statuses, tasks, invitations, kicks, and what is about
    /// bots.
    Noted,
    /// To [`Query::Page`](super::Query::Page).
    Page(Page),
    /// To [`Query::Page`](super::Query::Page) and [`Query::Roster`](super::Query::Roster) by someone who is no member with this connection.
    NoPage,
    /// To [`Query::Roster`](super::Query::Roster).
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
    /// To [`Query::History`](super::Query::History): oldest first.
    History {
        /// The log they belong to.
        epoch: Epoch,
        /// The messages.
        messages: Vec<Arc<Message>>,
        /// Whether there are older ones.
        more: bool,
    },
    /// To [`Query::Members`](super::Query::Members).
    Members {
        /// By name.
        members: Vec<MemberView>,
        /// All members of the room.
        count: u32,
        /// Whether there are later names.
        more: bool,
    },
    /// To [`Query::Rooms`](super::Query::Rooms).
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

impl MemberView {
    /// Whether they are there now.
    #[must_use]
    pub const fn is_online(&self) -> bool {
        self.away.is_none()
    }
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
        /// Went, and when they were last there; as many as the notice may hold.
        left: Vec<(UserName, Time)>,
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

//! What goes into a client and what comes out.

use std::{sync::Arc, time::Duration};

use crate::{
    dialect::Presence,
    gateway::Frame,
    id::{Position, RequestId, Seq, SessionId},
    identity::Token,
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{Extra, Status, Task, TaskChange, Verdict},
};

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// How long to wait before connecting again.
    pub backoff: Backoff,
    /// Sends that may wait for an answer at once; the server accepts 64.
    pub unanswered_max: usize,
    /// Joins and leaves that may wait for an answer at once: so few, that a server with a low limit does not have to
    /// refuse many.
    pub asks_max: usize,
    /// Sends that may wait their turn; [`Client::submit`](super::Client::submit) refuses more.
    pub queue_max: usize,
    /// The server pings every 25 s; a connection silent for this long is given up.
    pub silence_timeout: Duration,
    /// A typing notice not repeated for this long has ended.
    pub typing_ttl: Duration,
    /// Typing notices remembered at once; above this the one that ends first has ended.
    pub typing_max: usize,
    /// Read the member lists that come with joins and leaves.
    pub rosters: bool,
    /// Send again, under the same id, what was refused for its rate.
    pub retry_rate_limited: bool,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            backoff: Backoff::default(),
            unanswered_max: 64,
            asks_max: 16,
            queue_max: 1_024,
            silence_timeout: Duration::from_secs(40),
            typing_ttl: Duration::from_secs(6),
            typing_max: 1_000,
            rosters: true,
            retry_rate_limited: true,
        }
    }
}

/// Exponential backoff with full jitter: the n-th wait is uniform in `0..=min(max, base·factor^n)`. A server that
/// names an instant is obeyed instead, up to [`RETRY_AFTER_MAX`](super::RETRY_AFTER_MAX).
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Upper bound of the first wait.
    pub base: Duration,
    /// Upper bound of all waits.
    pub max: Duration,
    /// Growth per attempt, in hundredths.
    pub factor_percent: u32,
    /// Attempts without success before giving up; never when `None`.
    pub attempts_max: Option<u32>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            max: Duration::from_secs(30),
            factor_percent: 150,
            attempts_max: None,
        }
    }
}

/// What a user wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Be in a room: now, and again after every reconnect.
    Join {
        /// Which.
        room: RoomName,
    },
    /// Leave a room, as soon as everything said there before has its answer.
    Leave {
        /// Which.
        room: RoomName,
    },
    /// Say something. Repeated until answered, and in the room exactly once.
    Publish {
        /// Where.
        room: RoomName,
        /// What.
        content: Arc<str>,
        /// What it carries beside.
        extra: Option<Arc<Extra>>,
    },
    /// Say that one writes, or has stopped. Not repeated.
    Typing {
        /// Where.
        room: RoomName,
        /// Writes, or has stopped.
        on: bool,
    },
    /// Ask for older messages. Not repeated.
    History {
        /// Where.
        room: RoomName,
        /// Only before this one.
        before: Option<Seq>,
        /// How many.
        limit: u32,
    },
    /// Ask who is in a room. Not repeated.
    Members {
        /// Which.
        room: RoomName,
        /// Only names after this one.
        after: Option<UserName>,
    },
    /// Ask which rooms there are. Not repeated.
    Rooms {
        /// Only names after this one.
        after: Option<RoomName>,
    },
    /// Make a room. Not repeated.
    Create {
        /// Its name.
        room: RoomName,
        /// Whether it is for those only whom it lets in.
        private: bool,
    },
    /// Let a user into a private room. Not repeated.
    Invite {
        /// Which.
        room: RoomName,
        /// Whom.
        user: UserName,
    },
    /// Send a user away. Not repeated.
    Kick {
        /// From where.
        room: RoomName,
        /// Whom.
        user: UserName,
    },
    /// Start or stop a room's bot. Not repeated.
    Run {
        /// Where.
        room: RoomName,
        /// Start, or stop.
        on: bool,
    },
    /// Of a bot: how far it has come with what was said in its room. Not repeated.
    Seen {
        /// Where.
        room: RoomName,
        /// The newest message it has dealt with.
        seq: Seq,
    },
    /// Say what one is doing. Not repeated.
    Status {
        /// Where.
        room: RoomName,
        /// What.
        status: Status,
    },
    /// Say something about a task. Not repeated.
    Task {
        /// Where.
        room: RoomName,
        /// What has changed.
        task: TaskChange,
    },
    /// Show a newer token: now, once, and with every connection from now on.
    Refresh {
        /// The token.
        token: Token,
    },
    /// Ask for a sign of life. Not repeated.
    Ping,
}

/// What a driver tells a client. All but `Timeout` concern the newest connection asked for.
#[derive(Clone, Debug)]
pub enum ClientInput<'a> {
    /// The connection asked for is open.
    Opened,
    /// A frame came in. Pings are answered by the driver's WebSocket library.
    Received(Frame<'a>),
    /// The connection is gone or could not be made.
    Closed {
        /// The close code, if a close frame came.
        code: Option<u16>,
        /// The close reason, if a close frame came.
        reason: &'a str,
    },
    /// The time of [`Client::poll_timeout`](super::Client::poll_timeout) has come.
    Timeout,
}

/// What a client wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientOutput {
    /// Open a connection; drop the previous one, if it is still there, without a word.
    Connect,
    /// Send a text frame.
    Transmit(String),
    /// Send a close frame with this code and drop the connection; nothing more need be said about it.
    Close {
        /// 1000 when done.
        code: u16,
    },
    /// Tell the user.
    Event(ClientEvent),
}

/// What a user sees.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientEvent {
    /// The server knows us.
    Attached {
        /// The session, for the log.
        session: SessionId,
        /// Whether an earlier one goes on.
        resumed: bool,
    },
    /// We are in a room, perhaps again.
    Joined {
        /// Which.
        room: RoomName,
        /// Its newest message.
        head: Position,
        /// The first message that will be shown.
        next: Seq,
        /// Whether anything is missing.
        verdict: Verdict,
    },
    /// We have left a room, or were sent away; nothing newer than this will be shown.
    Left {
        /// Which.
        room: RoomName,
        /// Its newest message then.
        head: Position,
        /// Somebody else wanted it so. The client does not go back by itself.
        kicked: bool,
    },
    /// Something was said. Shown once and in order.
    Message(Shown),
    /// Older messages that were asked for.
    History {
        /// The request's number, from [`Client::submit`](super::Client::submit).
        id: RequestId,
        /// Of which room.
        room: RoomName,
        /// Oldest first.
        messages: Vec<Shown>,
        /// Whether there are older ones.
        more: bool,
    },
    /// A send is in the room.
    Acknowledged {
        /// Its number, from [`Client::submit`](super::Client::submit).
        id: RequestId,
        /// Where.
        room: RoomName,
        /// At this place.
        position: Position,
    },
    /// A request that has no place among the messages was granted: about a status, a task, a bot, or who may come in.
    Noted {
        /// Its number, from [`Client::submit`](super::Client::submit).
        id: RequestId,
        /// Where.
        room: RoomName,
    },
    /// A send may or may not be in the room, once: the server has forgotten its session, everywhere or in this room. Its
    /// final word.
    Unresolved {
        /// Its number.
        id: RequestId,
        /// Where.
        room: RoomName,
    },
    /// While we caught up, these messages fell out of the room's history: they will never be shown.
    Gap {
        /// Where.
        room: RoomName,
        /// The first one lost.
        from: Position,
        /// The last one lost.
        to: Seq,
    },
    /// A request was refused. `retry_after` means: not yet. What the server would not understand for its length is refused
    /// here, and never sent.
    Refused {
        /// Its number, if it had one.
        id: Option<RequestId>,
        /// Why.
        refusal: Refusal,
        /// When it may be tried again; the client does so itself if `retry_rate_limited`.
        retry_after: Option<Duration>,
    },
    /// The server warns that it refused something without a number, or for a reason that we do not know.
    Warning {
        /// Why, if we know the reason.
        refusal: Option<Refusal>,
        /// How many refusals this stands for.
        count: u64,
    },
    /// We read too slowly: live messages stop here and the history takes over.
    Lagged {
        /// Where.
        room: RoomName,
    },
    /// A user became a member.
    UserJoined {
        /// Where.
        room: RoomName,
        /// Who.
        user: UserName,
        /// Who is there, in small rooms.
        members: Option<Vec<UserName>>,
    },
    /// A user is no longer a member.
    UserLeft {
        /// Where.
        room: RoomName,
        /// Who.
        user: UserName,
        /// Who is there, in small rooms.
        members: Option<Vec<UserName>>,
    },
    /// Who came to and went from a large room.
    MembersChanged {
        /// Where.
        room: RoomName,
        /// Came.
        joined: Vec<UserName>,
        /// Went.
        left: Vec<UserName>,
        /// How many are there.
        count: u32,
    },
    /// A member's presence changed.
    Presence {
        /// Where.
        room: RoomName,
        /// Who.
        user: UserName,
        /// How.
        presence: Presence,
    },
    /// Who is in a room: asked for, or sent because presence changes were left out for a slow reader.
    Members {
        /// Which.
        room: RoomName,
        /// By name.
        members: Vec<Member>,
        /// All members.
        count: u32,
        /// Whether there are later names.
        more: bool,
    },
    /// Which rooms there are, with their number of members.
    Rooms {
        /// By name.
        rooms: Vec<(RoomName, u32)>,
        /// Whether there are later names.
        more: bool,
    },
    /// A room was made.
    Created {
        /// Which.
        room: RoomName,
    },
    /// A member says what they are doing.
    Status {
        /// Where.
        room: RoomName,
        /// Who.
        user: UserName,
        /// What.
        status: Status,
    },
    /// A task changed.
    Task {
        /// Where.
        room: RoomName,
        /// Who changed it, if it changed just now.
        user: Option<UserName>,
        /// How it stands.
        task: Task,
    },
    /// A newer token was taken.
    Refreshed {
        /// The request's number, from [`Client::submit`](super::Client::submit).
        id: RequestId,
        /// When it ends, in RFC 3339, if it ever does.
        expires: Option<Box<str>>,
    },
    /// The answer to a ping.
    Pong {
        /// The request's number, from [`Client::submit`](super::Client::submit).
        id: RequestId,
    },
    /// The connection is gone; another will be tried.
    Disconnected {
        /// The close code, if there was one.
        code: Option<u16>,
        /// When the next attempt is made.
        retry_in: Duration,
    },
    /// The client has stopped for good: it was told to, may not come back, or gave up.
    Ended {
        /// The close code, if there was one.
        code: Option<u16>,
    },
}

/// A message as a user sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shown {
    /// Where.
    pub room: RoomName,
    /// Its place.
    pub position: Position,
    /// Who said it.
    pub user: UserName,
    /// What was said.
    pub content: Box<str>,
    /// When, in RFC 3339.
    pub timestamp: Box<str>,
    /// What it carries beside.
    pub extra: Option<Box<Extra>>,
    /// Whether it came out of the history and not live.
    pub from_history: bool,
}

/// A member in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// Who.
    pub user: UserName,
    /// How they are there.
    pub presence: Presence,
    /// What they are doing.
    pub status: Option<Status>,
}

//! What happens in a scenario: workload and faults alike.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that happens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its number; stays when others go.
    pub id: u32,
    /// When, counted from the start.
    pub at_us: u64,
    /// To whom; unknown ones do nothing.
    pub actor: Actor,
    /// What.
    #[serde(rename = "do")]
    pub action: Action,
}

/// Who does something, or has something done to them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A client, by number.
    Client(u32),
    /// The server process with all its nodes.
    Server,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => write!(f, "c{client}"),
            Self::Server => f.write_str("server"),
        }
    }
}

/// What happens. Rooms are numbers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The user enters a room.
    Join {
        /// Which.
        room: u32,
    },
    /// The user leaves a room.
    Leave {
        /// Which.
        room: u32,
    },
    /// The user says something, perhaps several times in a row.
    Say {
        /// Where.
        room: u32,
        /// How often.
        times: u32,
        /// Bytes of content each time; a few more if it is too short to tell messages apart.
        bytes: u32,
    },
    /// The user begins or stops writing.
    Typing {
        /// Where.
        room: u32,
        /// Begins, or stops.
        on: bool,
    },
    /// The user reads older messages.
    History {
        /// Where.
        room: u32,
        /// Only before this one.
        before: Option<u64>,
        /// How many.
        limit: u32,
    },
    /// The user asks who is there.
    Members {
        /// Where.
        room: u32,
    },
    /// The user asks which rooms there are.
    Rooms,
    /// The user says what they are doing.
    Status {
        /// Where.
        room: u32,
    },
    /// The user makes a room.
    Create {
        /// Which.
        room: u32,
    },
    /// The user of a plain client says once more, under the same key, what they were told is there.
    Repeat {
        /// So many messages before the last one of those.
        back: u32,
    },
    /// The user of a plain client says something else under the key of what they were told is there.
    Reuse {
        /// So many messages before the last one of those.
        back: u32,
    },
    /// The user wants to make a room that has an owner.
    Found {
        /// Which.
        parlour: u32,
        /// It is for those only whom they let in.
        private: bool,
    },
    /// The user wants to be in such a room.
    Visit {
        /// Which.
        parlour: u32,
    },
    /// The user leaves it.
    Depart {
        /// Which.
        parlour: u32,
    },
    /// The user says something there.
    Talk {
        /// Where.
        parlour: u32,
        /// How often.
        times: u32,
    },
    /// The user lets the user of a client in.
    Invite {
        /// Where.
        parlour: u32,
        /// Whose.
        whom: u32,
    },
    /// The user sends the user of a client away.
    Kick {
        /// From where.
        parlour: u32,
        /// Whose.
        whom: u32,
    },
    /// The user starts or stops the bot of a room.
    Run {
        /// Which, of those that have owners.
        parlour: u32,
        /// Starts, or stops.
        on: bool,
    },
    /// The user, who is a bot, says that they have dealt with what was said in their room.
    See {
        /// Which.
        parlour: u32,
        /// But for so many messages.
        back: u32,
    },
    /// The client shows a newer token.
    Renew {
        /// It is one.
        good: bool,
    },
    /// The user says something that just fits, or is a little too much.
    Try {
        /// Where.
        room: u32,
        /// What, of all that is tried.
        what: u32,
    },
    /// The user says where a task stands.
    Task {
        /// Where.
        room: u32,
        /// Which.
        task: u32,
    },
    /// The user goes away for good.
    Quit,
    /// The client's program dies and is started again, knowing nothing but which rooms its user wants to be in.
    Crash,
    /// Someone who is nobody opens a connection over the client's line.
    Intrude {
        /// What for.
        aim: Aim,
    },
    /// Someone speaks nonsense on the client's connection.
    Nonsense {
        /// Which kind.
        kind: Nonsense,
        /// How often.
        times: u32,
    },
    /// The client's connection is cut; what travels is lost, and its ends learn of it in their own time.
    Cut,
    /// The client's connection is reset: what travels is lost, and its ends learn of it at once.
    Reset,
    /// The client's connection is closed without a word, after everything that was sent.
    Fin,
    /// The clock jumps. A clock that jumps back stands still instead, for drivers never let time run backwards.
    Jump {
        /// Forwards, or backwards if negative.
        by_us: i64,
    },
    /// A node of the server does nothing.
    Pause {
        /// Which.
        node: u32,
        /// For so long.
        for_us: u64,
    },
    /// The client's connection goes silent, and nobody is told.
    HalfOpen {
        /// What the client sends is lost.
        up: bool,
        /// What the server sends is lost.
        down: bool,
    },
    /// Nothing moves on the client's line, whatever the connection.
    Stall {
        /// Nothing it sends.
        up: bool,
        /// Nothing it is sent.
        down: bool,
        /// For so long.
        for_us: u64,
    },
    /// The client reads slowly.
    Slow {
        /// Bytes per second.
        rate: u64,
        /// For so long.
        for_us: u64,
    },
    /// The server process dies and is started again, with what its disk has kept; with nothing if it has none.
    Restart {
        /// First it tells everybody, and waits for so long.
        drain_us: Option<u64>,
        /// How long it is away.
        for_us: u64,
        /// By how much its machine's clock is set back meanwhile, if it is: a process reads it but once, when it starts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        back_us: Option<u64>,
    },
    /// The server's machine loses power, and with it what its disk has not synced, if it has one.
    PowerCut {
        /// How long it is away.
        for_us: u64,
    },
    /// The server's disk takes so much more: then a write fails, and the process ends. It is started again when there is
    /// more room.
    DiskFull {
        /// How much, in bytes.
        bytes: u64,
        /// How long the process is away then.
        for_us: u64,
    },
    /// The next sync of the server's disk fails, and the process ends.
    SyncFails {
        /// How long it is away then.
        for_us: u64,
    },
    /// A node of the server that hosts no shard dies, and starts again with nothing; the others live on.
    NodeDies {
        /// Which.
        node: u32,
    },
    /// Mail between the server's nodes is slow.
    Skew {
        /// It takes up to so long.
        mail_us_max: u64,
        /// For so long.
        for_us: u64,
    },
}

/// What a client of this protocol never sends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Nonsense {
    /// Text that is no JSON.
    Garbage,
    /// JSON of the wrong shape.
    Shape,
    /// A type nobody knows.
    Unknown,
    /// A message in someone else's name.
    Forged,
    /// `hello` again.
    Hello,
    /// A binary frame.
    Binary,
    /// A ping.
    Ping,
    /// A type nobody knows, in fragments, and a ping between them.
    Amid,
    /// A frame above the limit that is still read.
    Long,
    /// Bytes that are no frame.
    Broken,
    /// Text that is not UTF-8.
    Utf8,
    /// A frame above what is still read.
    Huge,
    /// A token where none is used.
    Token,
    /// A question whether anybody is there, as text.
    Echo,
    /// The same, as long as a frame may be.
    Brim,
    /// A message to a room the client is not in.
    Stranger,
    /// Nothing, said in a room.
    Empty,
    /// More than may be said at once.
    TooMuch,
    /// Names that cannot be.
    Names,
}

/// What someone wants who is nobody.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// To hold a connection and say nothing.
    Sit,
    /// To speak, read and enter without saying who it is.
    Barge,
    /// To take over the session of the client whose line it is, with a secret it has guessed.
    Guess,
    /// To take over that session with a secret that was right before its client was told others.
    Replay,
    /// To take over that session with the right secret, for another user.
    Borrow,
    /// To come in under a name of their own, more often than one may, without a word of greeting first.
    Knock,
    /// To read as the client's user without being there, as requests over HTTP do.
    Visit,
}

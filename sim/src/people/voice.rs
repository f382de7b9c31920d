//! The dialects from their clients' end: what a user wants becomes frames, and what is read becomes what a user sees.
//!
//! Written from `docs/dialects.md` and `docs/protocol.md`, and with nothing of core's codecs. A voice is a plain client:
//! it has no session to go on with, mends nothing, and reads strictly. A frame with a field that is not documented, or
//! without one that is, is an error.

use std::fmt;

use chinwag_core::{
    Epoch, Position, Refusal, RoomName, Seq, UserName,
    dialect::{Dialect, Opening},
    name::LOBBY,
};

use crate::judge::health::Vitals;

mod agents;
mod carried;
mod chat;
mod envelope;
mod fields;
#[cfg(test)]
mod law;
mod lobby;
mod socketio;

pub(crate) use carried::{Carried, Kind};

/// What a user wants. Not every dialect has words for everything.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish<'a> {
    /// To enter a room.
    Join { room: &'a str },
    /// To leave it.
    Leave { room: &'a str },
    /// To say something there, under a number that the user's messages have but once.
    Say { room: &'a str, content: &'a str, number: u64 },
    /// To be shown writing there, or to stop.
    Typing { room: &'a str, on: bool },
    /// To be shown as this there.
    Status { room: &'a str, state: &'a str },
    /// To say where a task of the room stands.
    Task { room: &'a str, task: &'a str, state: &'a str },
}

/// What a user asks for under a number of its own, so that they know what becomes of it. Only the native dialect's
/// clients do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plea<'a> {
    /// To enter a room, and to be shown so many messages of its past; as many as is usual if that is not said.
    Enter { history: Option<u32> },
    /// To make it.
    Found { private: bool },
    /// To let somebody in.
    Invite { whom: &'a str },
    /// To send somebody away.
    Kick { whom: &'a str },
    /// To start its bot, or to stop it.
    Run { on: bool },
    /// To note that the bot who asks has dealt with so much.
    See { seq: Seq },
    /// To be taken at this word, which may be too much.
    Try { frame: &'a serde_json::Value },
    /// To take this token for theirs from now on; of no room.
    Renew { token: &'a str },
}

/// A frame to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// The number of the message it is, if it is one.
    pub(crate) message: Option<u64>,
}

/// What a user sees.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    /// The server knows who reads this.
    Welcome,
    /// One is in a room.
    Entered { room: String, standing: Option<Standing> },
    /// One is not in a room any more; its newest message, if the dialect names it.
    Gone { room: String, position: Option<Position> },
    /// Something was said.
    Message {
        room: String,
        user: String,
        content: String,
        seq: Option<u64>,
        /// When, in milliseconds since 1970.
        at: u64,
        from_history: bool,
        carried: Option<Carried>,
    },
    /// What one has said is in its room; where, and since when, if the dialect says so.
    Accepted { number: u64, position: Option<Position>, at: Option<u64> },
    /// Somebody has come.
    Came { room: String, user: String },
    /// Somebody has gone.
    Went { room: String, user: String },
    /// How somebody is there.
    Mood { room: String, user: String, mood: Mood },
    /// When somebody was last seen, in milliseconds since 1970, who is there in this way.
    Seen { user: String, mood: Mood, at: u64 },
    /// What somebody does.
    Status { room: String, user: String, state: String },
    /// Where a task stands.
    Task { room: String, task: String, state: Option<String> },
    /// Whose a task is.
    Given { room: String, task: String, user: String },
    /// Live messages stop, and go on from the history.
    Behind { room: String },
    /// Messages are gone.
    Missing { room: String, from: u64, to: u64 },
    /// Something was refused; for now only, if it may be tried again.
    Refused { refusal: Refusal, message: Option<u64>, for_now: bool },
    /// One was sent away from a room.
    SentAway { room: String, position: Position },
    /// A newer token was taken.
    Renewed { plea: u64 },
    /// Who is in a room and what they do, in place of changes that were left out.
    Listed { room: String },
    /// A room was made, as was asked for under this number.
    Made { room: String, epoch: Epoch, plea: u64 },
    /// What was asked for is done.
    Granted { plea: u64 },
    /// It is refused; for now only, if it may be tried again.
    Denied { plea: u64, refusal: Refusal, for_now: bool },
    /// How the node fares.
    Health(Health),
    /// Something that changes nothing.
    Other,
}

/// How a node fares, as it says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Health {
    pub(crate) word: String,
    /// When it said so, in milliseconds.
    pub(crate) at: u64,
    /// What it holds and has done.
    pub(crate) numbers: Vitals,
    /// For how many seconds it has been there.
    pub(crate) uptime: u64,
}

/// Where a room stands that one has entered: its newest message, and the first that will be shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Standing {
    pub(crate) head: Position,
    pub(crate) next: Seq,
    /// What lies before is not kept.
    pub(crate) has_gap: bool,
}

/// How somebody is there.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Mood {
    Online,
    Offline,
    Typing,
}

impl Mood {
    /// The mood of a word on the wire.
    fn from_word(word: &str) -> Result<Self, String> {
        match word {
            "online" => Ok(Self::Online),
            "offline" => Ok(Self::Offline),
            "typing" => Ok(Self::Typing),
            _ => Err(format!("nobody is {word}")),
        }
    }
}

/// What a frame comes to, or why it is none of its dialect.
type Hearing = Result<Vec<Heard>, String>;

/// One client of one connection.
#[derive(Debug)]
pub(crate) struct Voice {
    user: UserName,
    tongue: Tongue,
    /// Its address leaves open what it speaks.
    is_undecided: bool,
}

#[derive(Debug)]
enum Tongue {
    Chat,
    Lobby(lobby::Lobby),
    Envelope(envelope::Names),
    SocketIo,
    Agents,
}

impl Voice {
    /// A client that is about to connect.
    pub(crate) fn new(dialect: Dialect, user: UserName) -> Self {
        let tongue = match dialect {
            Dialect::Chat => Tongue::Chat,
            Dialect::Lobby => Tongue::Lobby(lobby::Lobby::default()),
            Dialect::Envelope => Tongue::Envelope(envelope::Names::default()),
            Dialect::SocketIo => Tongue::SocketIo,
            Dialect::Agents => Tongue::Agents,
        };
        Self { user, tongue, is_undecided: false }
    }

    /// The same at an address where the first frame tells what is spoken. Specification 3's has no other than its own.
    pub(crate) fn undecided(self, is_undecided: bool) -> Self {
        let is_undecided = is_undecided && !matches!(self.tongue, Tongue::SocketIo);
        Self { is_undecided, ..self }
    }

    /// Its address leaves open what it speaks.
    pub(crate) const fn is_undecided(&self) -> bool {
        self.is_undecided
    }

    /// What it speaks.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self.tongue {
            Tongue::Chat => Dialect::Chat,
            Tongue::Lobby(_) => Dialect::Lobby,
            Tongue::Envelope(_) => Dialect::Envelope,
            Tongue::SocketIo => Dialect::SocketIo,
            Tongue::Agents => Dialect::Agents,
        }
    }

    /// Whether its address says who it is, and nothing else could.
    pub(crate) const fn is_named_by_address(&self) -> bool {
        matches!(self.tongue, Tongue::Lobby(_) | Tongue::Envelope(_))
    }

    /// What its address says.
    pub(crate) fn opening(&self) -> Opening {
        let user = self.is_named_by_address().then(|| self.user.clone());
        let dialect = (!self.is_undecided).then(|| self.dialect());
        Opening { dialect, user, ..Opening::default() }
    }

    /// The same, about to connect again.
    pub(crate) fn renewed(&self) -> Self {
        Self::new(self.dialect(), self.user.clone()).undecided(self.is_undecided)
    }

    /// What no client of its dialect says; another number, other words.
    pub(crate) const fn babble(&self, number: u64) -> &'static str {
        let words: [&str; 3] = match self.tongue {
            Tongue::Chat => [r#"{"type":"sing"}"#, "{", r#"{"type":"join"}"#],
            Tongue::Lobby(_) => ["/sing", "/join", "/users of everywhere"],
            Tongue::Envelope(_) => {
                [r#"{"type":"sing","payload":{}}"#, r#"{"type":"joinRoom","payload":{}}"#, r#"{"type":7}"#]
            }
            Tongue::SocketIo => [r#"42["sing",{}]"#, r#"42["room:join",{}]"#, "9"],
            Tongue::Agents => [r#"{"type":"auth","data":{}}"#, r#"{"type":"sing"}"#, "{"],
        };
        words[(number % 3) as usize]
    }

    /// What some specifications close for, if the server is told to: to leave a room that is not there, or that one is
    /// not in.
    pub(crate) fn stray(&self, number: u64) -> Option<String> {
        let room = if number.is_multiple_of(3) { "r9" } else { "p0" };
        matches!(self.tongue, Tongue::Envelope(_)).then(|| envelope::says(Wish::Leave { room })).flatten()
    }

    /// Whether it can go on only by connecting again.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(&self.tongue, Tongue::Lobby(lobby) if lobby.is_lost())
    }

    /// Whether nothing has to be said before anything else.
    pub(crate) const fn is_known_at_once(&self) -> bool {
        matches!(self.tongue, Tongue::Chat)
    }

    /// Whether a frame is nothing but a sign of life that was asked for.
    pub(crate) fn is_pong(&self, text: &str) -> bool {
        matches!(self.tongue, Tongue::SocketIo) && text == socketio::PONG
    }

    /// Whether a user has one connection, and the newest takes the place of others.
    pub(crate) const fn is_sole(&self) -> bool {
        matches!(self.tongue, Tongue::Agents)
    }

    /// Whether messages have places.
    pub(crate) const fn has_places(&self) -> bool {
        matches!(self.tongue, Tongue::Chat | Tongue::Envelope(_) | Tongue::SocketIo)
    }

    /// Whether a room can be entered, left and spoken in: specification 4 knows but one.
    pub(crate) fn can_name(&self, room: &RoomName) -> bool {
        !matches!(self.tongue, Tongue::Agents) || room.as_str() == LOBBY
    }

    /// Whether it asks under numbers.
    pub(crate) const fn has_pleas(&self) -> bool {
        matches!(self.tongue, Tongue::Chat)
    }

    /// Asks for something under a number that its connection has but once.
    pub(crate) fn plead(&self, room: &str, plea: Plea<'_>, number: u64) -> Line {
        Line::new(chat::pleads(&self.user, room, plea, number))
    }

    /// Says a message with all that it carries; nothing, if its dialect is another than the native one.
    pub(crate) fn carries(&self, room: &str, content: &str, number: u64) -> Option<Line> {
        let text =
            matches!(self.tongue, Tongue::Chat).then(|| chat::carries(&self.user, room, content, number))?;
        Some(Line { text, message: Some(number) })
    }

    /// The room it is in without having asked, where its specification knows such a one.
    pub(crate) const fn home(&self) -> Option<&'static str> {
        match self.tongue {
            Tongue::Lobby(_) | Tongue::Agents => Some(LOBBY),
            Tongue::Chat | Tongue::Envelope(_) | Tongue::SocketIo => None,
        }
    }

    /// Says what it says first.
    pub(crate) fn greet(&self, out: &mut Vec<Line>) {
        match self.tongue {
            Tongue::Agents => out.push(Line::new(agents::greeting(&self.user))),
            // They are greeted first, once it is known what they speak.
            Tongue::Lobby(_) if self.is_undecided => out.push(Line::new(lobby::HELP)),
            Tongue::Envelope(_) if self.is_undecided => out.push(Line::new(envelope::PING)),
            Tongue::Chat | Tongue::Lobby(_) | Tongue::Envelope(_) | Tongue::SocketIo => {}
        }
    }

    /// Says what its user wants. Nothing, if there are no words for it.
    pub(crate) fn want(&mut self, wish: Wish<'_>, out: &mut Vec<Line>) {
        let text = match &mut self.tongue {
            Tongue::Chat => Some(chat::says(&self.user, wish)),
            Tongue::Lobby(lobby) => return lobby.wants(wish, out),
            Tongue::Envelope(_) => envelope::says(wish),
            Tongue::SocketIo => Some(socketio::says(wish)),
            Tongue::Agents => agents::says(wish),
        };
        let message = if let Wish::Say { number, .. } = wish { Some(number) } else { None };
        out.extend(text.map(|text| Line { text, message }));
    }

    /// Reads a frame, and answers it if that is asked for.
    ///
    /// # Errors
    /// Why it is no frame of its dialect.
    pub(crate) fn read(&mut self, text: &str, out: &mut Vec<Line>) -> Hearing {
        match &mut self.tongue {
            Tongue::Chat => chat::reads(text),
            Tongue::Lobby(lobby) => lobby.reads(text, out),
            Tongue::Envelope(names) => envelope::reads(text, names),
            Tongue::SocketIo => {
                out.extend(socketio::answers(&self.user, text).map(Line::new));
                socketio::reads(text)
            }
            Tongue::Agents => agents::reads(text),
        }
    }
}

impl Line {
    /// One that is no message.
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), message: None }
    }
}

impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.user, self.dialect().name())
    }
}

/// How a reader of a dialect is shown a text that somebody has said.
///
/// On a terminal text cannot pass for a line of its own, nor command the terminal.
pub(crate) fn as_shown(dialect: Dialect, content: &str) -> String {
    if is_altered_in(dialect) { lobby::as_shown(content) } else { content.to_owned() }
}

/// Whether a reader of a dialect may be shown a text otherwise than it was said.
pub(crate) const fn is_altered_in(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::Lobby)
}

/// What a message is called by its author, where it must have a name: the number, and back.
fn key(number: u64) -> String {
    format!("m-{number}")
}

fn number_of(key: &str) -> Option<u64> {
    key.strip_prefix("m-")?.parse().ok()
}

/// JSON as text; to format it would go through a formatter.
fn to_json(json: &serde_json::Value) -> String {
    serde_json::to_string(json).expect("it is a value")
}

/// A place in a room's log.
const fn position(epoch: u64, seq: u64) -> Position {
    Position::new(Epoch(epoch), Seq(seq))
}

/// A refusal by its code.
fn refusal(code: &str) -> Result<Refusal, String> {
    Refusal::from_code(code).ok_or_else(|| format!("there is no refusal {code}"))
}

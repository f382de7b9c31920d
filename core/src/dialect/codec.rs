//! Which dialect a connection speaks, and what it remembers in order to speak it.

use super::{
    Event, Rejection, Request,
    agents::{self, Agents},
    chat,
    envelope::{self, Envelope},
    lobby::{self, Lobby},
    socketio::{self, SocketIo},
};
use serde::{Deserialize, Serialize};

use crate::{
    config::GatewayConfig,
    disconnect::Disconnect,
    id::{GatewayId, RequestId},
    identity::Token,
    name::{LOBBY, UserName},
    refusal::Refusal,
    time::Time,
};

/// The close code of a server that goes down (RFC 6455 §7.4.1).
const GOING_AWAY: u16 = 1001;

/// A wire dialect. All of them meet in the same rooms.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Flat JSON, the native one (specification 0).
    #[default]
    Chat,
    /// Plain lines and slash commands (specification 1).
    Lobby,
    /// A payload in an envelope (specification 2).
    Envelope,
    /// Socket.IO 5 over Engine.IO 4 (specification 3).
    SocketIo,
    /// `{type, data}` frames for people and agents (specification 4).
    Agents,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Lobby, Self::Envelope, Self::SocketIo, Self::Agents];

    /// Its name, also in its WebSocket subprotocol behind `chinwag.`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Lobby => "lobby",
            Self::Envelope => "envelope",
            Self::SocketIo => "socketio",
            Self::Agents => "agents",
        }
    }

    /// Where it is spoken.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat",
            Self::Lobby => "/lobby",
            Self::Envelope => envelope::PATH,
            Self::SocketIo => socketio::PATH,
            Self::Agents => agents::PATH,
        }
    }

    /// The dialect that is spoken at this path.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.path() == path)
    }

    /// The dialect of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// Whether the address says who one is, so that no frame has to.
    #[must_use]
    pub const fn is_named_by_address(self) -> bool {
        match self {
            Self::Chat | Self::SocketIo | Self::Agents => false,
            Self::Lobby | Self::Envelope => true,
        }
    }

    /// Whether its clients are told what resumes their session. Others begin a new one with each connection.
    #[must_use]
    pub const fn can_resume(self) -> bool {
        match self {
            Self::Chat => true,
            Self::Lobby | Self::Envelope | Self::SocketIo | Self::Agents => false,
        }
    }

    /// What a dialect with pings of its own sends in place of WebSocket pings: at every `ping_interval`, whatever else
    /// is said, for its clients count on it.
    #[must_use]
    pub const fn ping(self) -> Option<&'static str> {
        match self {
            Self::Chat | Self::Lobby | Self::Envelope | Self::Agents => None,
            Self::SocketIo => Some(socketio::PING),
        }
    }

    /// Whether a frame is the answer to such a ping: it has been heard, and says nothing.
    #[must_use]
    pub fn is_pong(self, text: &str) -> bool {
        match self {
            Self::Chat | Self::Lobby | Self::Envelope | Self::Agents => false,
            Self::SocketIo => text == socketio::PONG,
        }
    }

    /// Whether a user has one connection that speaks it, the newest (S4.17).
    #[must_use]
    pub const fn is_sole(self) -> bool {
        match self {
            Self::Chat | Self::Lobby | Self::Envelope | Self::SocketIo => false,
            Self::Agents => true,
        }
    }

    /// Whether it must hear by name who is in the room that everybody is in, however large that is (S4.7).
    #[must_use]
    pub const fn lists_home(self) -> bool {
        match self {
            Self::Chat | Self::Lobby | Self::Envelope | Self::SocketIo => false,
            Self::Agents => true,
        }
    }

    /// The number under which a gateway asks for the room that everybody is in, on a client's behalf: no other request
    /// of a dialect with such a room has it, but for the `auth` that this is a part of.
    pub const HOME: RequestId = RequestId(0);

    /// The room that everybody is in (S1.6). Specification 4 knows no other.
    #[must_use]
    pub const fn home(self) -> Option<&'static str> {
        match self {
            Self::Chat | Self::Envelope | Self::SocketIo => None,
            Self::Lobby | Self::Agents => Some(LOBBY),
        }
    }

    /// Whether whoever enters a room is shown what was said before (S0.26; S1.24 wants it not, and S4 tells of nothing).
    #[must_use]
    pub const fn shows_history(self) -> bool {
        match self {
            Self::Chat | Self::SocketIo => true,
            Self::Lobby | Self::Envelope | Self::Agents => false,
        }
    }

    /// How many messages that are, if its client does not say.
    #[must_use]
    pub const fn history_on_join(self, config: &GatewayConfig) -> u32 {
        if self.shows_history() { config.history_on_join } else { 0 }
    }

    /// How it spells the end of a connection (S2.13).
    #[must_use]
    pub const fn close_code(self, reason: Disconnect) -> u16 {
        match (self, reason) {
            (Self::Envelope, Disconnect::Shutdown) => GOING_AWAY,
            _ => reason.code(),
        }
    }

    /// Which refusal is the end of its connection: what is not of the dialect at all, and, if `strict`, rooms that are
    /// not there and what one may not do.
    #[must_use]
    pub const fn closes(self, refusal: Refusal, strict: bool) -> Option<Disconnect> {
        match (self, envelope::disconnect(refusal)) {
            (Self::Envelope, Some(reason @ (Disconnect::BadFormat | Disconnect::UnsupportedData))) => {
                Some(reason)
            }
            (Self::Envelope, Some(reason @ (Disconnect::UnknownRoom | Disconnect::PermissionDenied)))
                if strict =>
            {
                Some(reason)
            }
            // Tokens and rates are looked after where they are counted.
            _ => None,
        }
    }

    /// Writes an event that is the same for all who read it. Nothing, if the dialect does not show it.
    pub fn encode(self, event: &Event<'_>, payloads: &mut Payloads) {
        match self {
            Self::Chat => payloads.add(|payload| chat::encode(event, payload)),
            Self::Lobby => lobby::encode(event, payloads),
            Self::Envelope => envelope::encode(event, payloads),
            Self::SocketIo => socketio::encode(event, payloads),
            Self::Agents => agents::encode(event, payloads),
        }
    }
}

/// How a connection introduces itself before its first frame.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Opening {
    /// What it speaks; if its address leaves that open, its first frame tells.
    pub dialect: Option<Dialect>,
    /// Whom its address names. A dialect that is told so here needs a name.
    pub user: Option<UserName>,
    /// What proves who one is.
    pub token: Option<Token>,
    /// It is there for a request or two: it takes no seat in rooms, and nobody is told of it.
    pub visitor: bool,
    /// It is of the program that embeds the server, and has no socket: it may be silent for as long as it likes, and counts
    /// for none of its user's sessions.
    pub resident: bool,
}

impl Opening {
    /// Whom it names.
    ///
    /// # Errors
    /// Why it names nobody.
    pub fn named(&self, config: &GatewayConfig) -> Result<UserName, Refusal> {
        match (&self.user, &self.token) {
            (Some(user), _) => Ok(user.clone()),
            (None, Some(token)) if !self.must_be_verified(token, config) => {
                token.name().ok_or(Refusal::BadToken)
            }
            (None, _) => Err(Refusal::TokenRequired),
        }
    }

    /// The token that its user is known from, where there is a key. What may be a name waits until it is known what is
    /// spoken.
    pub(crate) fn to_verify(&self, config: &GatewayConfig) -> Option<&Token> {
        let waits = |token: &Token| self.dialect.is_none() && may_be_name(token, config);
        self.token.as_ref().filter(|token| self.must_be_verified(token, config) && !waits(token))
    }

    /// Without a key nobody can tell whose a token is, so it is taken at its word.
    fn must_be_verified(&self, token: &Token, config: &GatewayConfig) -> bool {
        let says_name = self.dialect == Some(Dialect::Envelope) && may_be_name(token, config);
        config.verify_tokens && !says_name
    }
}

/// Specification 2 has no other place for a name: where it needs no token, what is none, not even a bad one, is taken so.
/// What is signed is longer than a name may be.
fn may_be_name(token: &Token, config: &GatewayConfig) -> bool {
    !config.needs_token(Dialect::Envelope) && !token.has_header()
}

/// One connection's end of its dialect: reads its frames, and writes what is for it alone.
#[derive(Clone, Debug)]
pub enum Codec {
    /// Does not know yet what is spoken: see [`dialect_of`](super::dialect_of). Until then it is the native dialect.
    /// Remembers what the address says.
    Undecided(Box<Opening>),
    /// Remembers nothing.
    Chat,
    /// Remembers its rooms.
    Lobby(Box<Lobby>),
    /// Remembers what it was asked, and its rooms.
    Envelope(Box<Envelope>),
    /// Remembers which callbacks wait.
    SocketIo(Box<SocketIo>),
    /// Remembers whether it has been let in.
    Agents(Box<Agents>),
}

/// What a frame comes to.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// Something for the gateway to do.
    Request(Request<'a>),
    /// Its answer has been written.
    Answered,
    /// The client is done, as if it had closed with 1000.
    Goodbye,
}

impl Codec {
    /// The codec of a connection that has said nothing.
    #[must_use]
    pub fn of(opening: &Opening, config: &GatewayConfig) -> Self {
        match opening.dialect {
            Some(dialect) => Self::new(dialect, config),
            None => Self::Undecided(Box::new(opening.clone())),
        }
    }

    /// A codec that has read nothing.
    #[must_use]
    pub fn new(dialect: Dialect, config: &GatewayConfig) -> Self {
        match dialect {
            Dialect::Chat => Self::Chat,
            Dialect::Lobby => Self::Lobby(Box::default()),
            Dialect::Envelope => Self::Envelope(Box::default()),
            Dialect::SocketIo => Self::SocketIo(Box::new(SocketIo::new(config))),
            Dialect::Agents => Self::Agents(Box::default()),
        }
    }

    /// Writes what the server says first.
    pub fn open(&self, config: &GatewayConfig, payloads: &mut Payloads) {
        match self {
            Self::Undecided(_) | Self::Chat | Self::Lobby(_) | Self::Envelope(_) | Self::Agents(_) => {}
            Self::SocketIo(_) => socketio::open(config, payloads),
        }
    }

    /// Writes what the server says last, before the close frame.
    pub fn farewell(&self, reason: Disconnect, payloads: &mut Payloads) {
        match self {
            Self::Undecided(_) | Self::Chat | Self::Lobby(_) | Self::Envelope(_) | Self::Agents(_) => {}
            Self::SocketIo(socketio) => socketio.farewell(reason, payloads),
        }
    }

    /// What is not decided yet is not decided any more: it is the native dialect.
    pub(crate) fn settle(&mut self) {
        if matches!(self, Self::Undecided(_)) {
            *self = Self::Chat;
        }
    }

    /// What it speaks.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Undecided(_) | Self::Chat => Dialect::Chat,
            Self::Lobby(_) => Dialect::Lobby,
            Self::Envelope(_) => Dialect::Envelope,
            Self::SocketIo(_) => Dialect::SocketIo,
            Self::Agents(_) => Dialect::Agents,
        }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// A [`Rejection`] that says what is wrong with it; nothing about the connection changes.
    pub fn decode<'a>(&mut self, text: &'a str, answer: &mut Payloads) -> Result<Decoded<'a>, Rejection> {
        match self {
            Self::Undecided(_) | Self::Chat => chat::decode(text).map(Decoded::Request),
            Self::Lobby(lobby) => lobby.decode(text, answer),
            Self::Envelope(envelope) => envelope.decode(text, answer),
            Self::SocketIo(socketio) => socketio.decode(text, answer),
            Self::Agents(agents) => agents.decode(text),
        }
    }

    /// Writes an event that is for this connection. Nothing, if the dialect does not show it.
    pub fn encode(&mut self, event: &Event<'_>, payloads: &mut Payloads) {
        match self {
            Self::Undecided(_) | Self::Chat => Dialect::Chat.encode(event, payloads),
            Self::Lobby(lobby) => lobby.encode(event, payloads),
            Self::Envelope(envelope) => envelope.encode(event, payloads),
            Self::SocketIo(socketio) => socketio.encode(event, payloads),
            Self::Agents(agents) => agents.encode(event, payloads),
        }
    }
}

/// What frames may say of their own sending.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sending {
    /// When.
    pub now: Time,
    /// From where.
    pub gateway: GatewayId,
    /// Which of that gateway's: another one for every event that it writes.
    pub serial: u64,
}

/// The text of any number of frames, one after the other.
#[derive(Debug, Default)]
pub struct Payloads {
    /// For dialects whose frames name it.
    pub sending: Sending,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Payloads {
    /// Forgets them, for those of another sending; what they took of memory is used again.
    pub fn begin(&mut self, sending: Sending) {
        self.sending = sending;
        self.bytes.clear();
        self.ends.clear();
    }

    /// Adds one that is written by appending UTF-8.
    pub fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// How many there are so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }
}

//! What goes into a gateway and what comes out.

use serde::{Deserialize, Serialize};

use crate::{
    dialect::Opening,
    disconnect::Disconnect,
    id::{ConnectionId, RequestId, SessionId, ShardId},
    identity::{Claims, Token, TokenFault},
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{Op, Query, ShardEvent, Signal},
};

/// A whole WebSocket message or control frame, as the driver's parser delivers it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Frame<'a> {
    /// Text; the driver has checked that it is UTF-8.
    Text(&'a str),
    /// Binary, of which only the size is looked at.
    Binary(usize),
    /// A ping with its payload of at most 125 bytes.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// A close, with its code if it holds one.
    Close(Option<u16>),
}

/// Bytes that are no acceptable frame. The read side is over; the connection will be closed with the fitting code.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Fault {
    /// Larger than the parser accepts.
    TooBig,
    /// Against RFC 6455.
    Protocol,
    /// A text frame that is not UTF-8.
    InvalidText,
}

/// What a driver tells a gateway.
#[derive(Clone, Debug)]
pub enum GatewayInput<'a> {
    /// A WebSocket handshake is done.
    Connected {
        /// A number never used before on this gateway.
        connection: ConnectionId,
        /// What it speaks, and whom its address names.
        opening: Opening,
    },
    /// A frame came in.
    Received {
        /// From where.
        connection: ConnectionId,
        /// What.
        frame: Frame<'a>,
    },
    /// Bytes came in that are no acceptable frame.
    Faulted {
        /// From where.
        connection: ConnectionId,
        /// What is wrong with them.
        fault: Fault,
    },
    /// The transport is gone. The last input for this connection.
    Disconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// What came of [`GatewayOutput::Verify`].
    Verified {
        /// Whose token it was.
        connection: ConnectionId,
        /// What it says, or what is wrong with it.
        outcome: Result<Claims, TokenFault>,
    },
    /// A shard says something. Events of one shard come in the order in which it said them.
    Shard(ShardEvent),
    /// The server is going down: refuse newcomers, close the others at `drain_rate`, telling each when to return.
    Drain,
    /// The time of [`Gateway::poll_timeout`](super::Gateway::poll_timeout) has come.
    Timeout,
}

/// What a gateway wants done.
#[derive(Clone, Debug)]
pub enum GatewayOutput {
    /// Put this in a shard's log.
    Submit {
        /// Which shard.
        shard: ShardId,
        /// What.
        op: Op,
    },
    /// Ask a shard.
    Query {
        /// Which shard.
        shard: ShardId,
        /// What.
        query: Query,
    },
    /// Tell a shard something fleeting.
    Signal {
        /// Which shard.
        shard: ShardId,
        /// What.
        signal: Signal,
    },
    /// Look at a token, and say [`GatewayInput::Verified`]; soon, for the connection waits.
    Verify {
        /// Whose it is.
        connection: ConnectionId,
        /// The token.
        token: Token,
    },
    /// There are bytes to write where there were none: pull [`Gateway::poll_transmit`](super::Gateway::poll_transmit)
    /// until it returns `None` or the socket is full. Edge-triggered.
    Writable {
        /// Which connection.
        connection: ConnectionId,
    },
    /// Stop or go on reading a socket. Sockets start out being read.
    Reading {
        /// Which connection.
        connection: ConnectionId,
        /// Read or not.
        on: bool,
    },
    /// Write what is left, the last of it a close frame, and end the connection; within a few seconds at most. Then
    /// say [`GatewayInput::Disconnected`].
    Close {
        /// Which connection.
        connection: ConnectionId,
        /// Why.
        reason: Disconnect,
    },
    /// Something for the log file.
    Notice(Notice),
}

/// What operators want to read about.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A connection says who it is.
    Attached {
        /// Which.
        connection: ConnectionId,
        /// The user.
        user: UserName,
        /// The session.
        session: SessionId,
        /// Whether an earlier session goes on.
        resumed: bool,
    },
    /// Someone says something.
    Said {
        /// On which connection.
        connection: ConnectionId,
        /// Who.
        user: UserName,
        /// Under which number, if it has one.
        id: Option<RequestId>,
        /// Where.
        room: RoomName,
        /// How much, in bytes.
        bytes: usize,
    },
    /// A request was refused.
    Refused {
        /// On which connection.
        connection: ConnectionId,
        /// Its number, if it has one.
        id: Option<RequestId>,
        /// Why.
        refusal: Refusal,
    },
    /// A reader fell behind and catches up from the history.
    Lagged {
        /// Which connection.
        connection: ConnectionId,
        /// Where.
        room: RoomName,
    },
}

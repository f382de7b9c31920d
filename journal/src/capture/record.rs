//! One input of a node, as it is written.

use std::borrow::Cow;

use chinwag_core::{
    ConnectionId, ShardId, Time,
    dialect::{Dialect, Opening},
    gateway::{Fault, Frame, GatewayInput},
    identity::{Claims, Token, TokenFault},
    name::UserName,
    shard::Op,
};
use serde::{Deserialize, Serialize};

use super::reel::End;
use crate::NodeInput;

/// Something that happened to a node.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record<'a> {
    /// To which.
    pub node: u32,
    /// When.
    pub at: Time,
    /// What.
    #[serde(borrow)]
    pub input: Recorded<'a>,
}

/// What happened.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Recorded<'a> {
    /// It began.
    Began,
    /// [`GatewayInput::Connected`].
    Connected {
        /// Which.
        connection: ConnectionId,
        /// How it introduced itself.
        #[serde(borrow)]
        opening: Introduction<'a>,
    },
    /// [`GatewayInput::Received`], of text.
    Text {
        /// From where.
        connection: ConnectionId,
        /// The frame.
        text: Cow<'a, str>,
    },
    /// [`GatewayInput::Received`], of anything else.
    Frame {
        /// From where.
        connection: ConnectionId,
        /// The frame.
        #[serde(borrow)]
        frame: Frame<'a>,
    },
    /// [`GatewayInput::Faulted`].
    Faulted {
        /// From where.
        connection: ConnectionId,
        /// What was wrong.
        fault: Fault,
    },
    /// [`GatewayInput::Disconnected`].
    Disconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// [`GatewayInput::Verified`].
    Verified {
        /// Whose token it was.
        connection: ConnectionId,
        /// What came of it.
        outcome: Result<Claims, TokenFault>,
    },
    /// [`GatewayInput::Drain`].
    Drain,
    /// Mail, the next of what this node has had for it.
    Mail {
        /// The node.
        from: u32,
    },
    /// Something that the driver itself had for a shard's log.
    Submitted {
        /// Which shard.
        shard: ShardId,
        /// What.
        op: Op,
    },
    /// [`NodeInput::Stored`].
    Stored {
        /// Of which shard.
        shard: ShardId,
        /// Up to this entry.
        last: u64,
    },
    /// [`NodeInput::Timeout`].
    Timeout,
    /// The driver asked for something to write, and there was nothing.
    Idle {
        /// To where.
        connection: ConnectionId,
    },
    /// So much was written.
    Transmitted {
        /// To where.
        connection: ConnectionId,
        /// How much.
        bytes: u64,
    },
    /// The capture ends here.
    Ended(End),
}

/// An [`Opening`], without what its token says of anybody.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Introduction<'a> {
    dialect: Option<Dialect>,
    user: Option<UserName>,
    token: Option<Cow<'a, str>>,
    visitor: bool,
    resident: bool,
}

impl<'a> Recorded<'a> {
    /// What is written of an input. Texts are as they came.
    pub(super) fn of(input: &'a NodeInput<'a>) -> Self {
        match input {
            NodeInput::Gateway(input) => Self::of_gateway(input),
            NodeInput::Mail(_, mail) if let Some((shard, op)) = mail.drivers_own() => {
                Self::Submitted { shard, op: op.clone() }
            }
            NodeInput::Mail(from, _) => Self::Mail { from: *from },
            NodeInput::Stored(shard, last) => Self::Stored { shard: *shard, last: *last },
            NodeInput::Timeout => Self::Timeout,
        }
    }

    fn of_gateway(input: &'a GatewayInput<'a>) -> Self {
        match input {
            GatewayInput::Connected { connection, opening } => {
                Self::Connected { connection: *connection, opening: Introduction::of(opening) }
            }
            GatewayInput::Received { connection, frame: Frame::Text(text) } => {
                Self::Text { connection: *connection, text: Cow::Borrowed(text) }
            }
            GatewayInput::Received { connection, frame } => {
                Self::Frame { connection: *connection, frame: *frame }
            }
            GatewayInput::Faulted { connection, fault } => {
                Self::Faulted { connection: *connection, fault: *fault }
            }
            GatewayInput::Disconnected { connection } => Self::Disconnected { connection: *connection },
            GatewayInput::Verified { connection, outcome } => {
                Self::Verified { connection: *connection, outcome: outcome.clone() }
            }
            GatewayInput::Drain => Self::Drain,
            GatewayInput::Shard(_) | GatewayInput::Timeout => unreachable!("are the node's own business"),
        }
    }
}

impl<'a> Introduction<'a> {
    fn of(opening: &'a Opening) -> Self {
        let Opening { dialect, user, token, visitor, resident } = opening;
        Self {
            dialect: *dialect,
            user: user.clone(),
            token: token.as_ref().map(|token| super::scrub::token(token.reveal())),
            visitor: *visitor,
            resident: *resident,
        }
    }

    /// What it was made from, but for the token.
    #[must_use]
    pub fn opening(&self) -> Opening {
        let Self { dialect, user, token, visitor, resident } = self.clone();
        Opening { dialect, user, token: token.map(|token| Token::new(&token)), visitor, resident }
    }
}

//! Identifiers: small, ordered, copyable newtypes.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// One WebSocket. Chosen by the driver, never reused within a gateway's life.
    ConnectionId(u64)
}
id! {
    /// A gateway and its incarnation: a restarted gateway has another id.
    GatewayId(u64)
}
id! {
    /// A partition of rooms and users.
    ShardId(u32)
}
id! {
    /// A request's number within its session: chosen by the client, increasing.
    RequestId(u64)
}
id! {
    /// One life of a room's log. Positions of different epochs cannot be compared. Below 2^53.
    Epoch(u64)
}
id! {
    /// A message's place in its room: 1, 2, 3… without gaps within an epoch. Below 2^53.
    Seq(u64)
}
id! {
    /// Counts the connections a session has had; the highest is the live one.
    Generation(u32)
}

impl Seq {
    /// The one after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A user's stay across connections: 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct SessionId(pub u128);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Where a reader stands in a room.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Position {
    /// The life of the log that `seq` counts in.
    pub epoch: Epoch,
    /// The newest message seen; 0 before the first.
    pub seq: Seq,
}

impl Position {
    /// The position of `seq` in `epoch`.
    #[must_use]
    pub const fn new(epoch: Epoch, seq: Seq) -> Self {
        Self { epoch, seq }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:x}", self.seq, self.epoch.0)
    }
}

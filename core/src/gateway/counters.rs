//! What a gateway has done so far, for metrics.

use crate::refusal::Refusal;

/// Totals since the gateway began, and what it holds now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Counters {
    /// Connections held now.
    pub connections: u64,
    /// Rooms with a reader on this gateway now.
    pub rooms: u64,
    /// Bytes waiting in outboxes now.
    pub outbox_bytes: u64,
    /// Text frames received.
    pub frames_in: u64,
    /// Messages submitted.
    pub messages_in: u64,
    /// Messages put into outboxes, live or from history.
    pub deliveries_out: u64,
    /// Frames encoded for fan-out; far fewer than deliveries.
    pub frames_encoded: u64,
    /// Readers that fell behind and went back to catching up.
    pub lagged: u64,
    /// Typing notices not shown to readers that are behind.
    pub typing_dropped: u64,
    /// Connections closed because they did not read.
    pub slow_closed: u64,
    /// Sessions resumed.
    pub resumed: u64,
    /// Refusals, by [`Refusal`] as index.
    pub refusals: [u64; Refusal::ALL.len()],
}

/// How long a gateway's tables are. Places in them are used again, so that none has more than there ever was at one
/// moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tables {
    /// Places for connections, free ones included.
    pub connections: usize,
    /// Places for rooms with a reader here, free ones included.
    pub rooms: usize,
    /// Deadlines of connections: one for each at most.
    pub deadlines: usize,
    /// Deadlines of typing notices: one for each room at most.
    pub typing_deadlines: usize,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            connections: 0,
            rooms: 0,
            outbox_bytes: 0,
            frames_in: 0,
            messages_in: 0,
            deliveries_out: 0,
            frames_encoded: 0,
            lagged: 0,
            typing_dropped: 0,
            slow_closed: 0,
            resumed: 0,
            refusals: [0; Refusal::ALL.len()],
        }
    }
}

//! What nodes count for their operators, counted once more.

use chinwag_core::{
    Disconnect, Refusal,
    gateway::{Counters, Notice, Tables},
};

/// What one node has done in this life of the server.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    /// Most connections that it held at the end of an event, and most rooms.
    most: (u64, u64),
    frames_in: u64,
    messages_in: u64,
    lagged: u64,
    resumed: u64,
    slow_closed: u64,
    refusals: [u64; Refusal::ALL.len()],
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            most: (0, 0),
            frames_in: 0,
            messages_in: 0,
            lagged: 0,
            resumed: 0,
            slow_closed: 0,
            refusals: [0; Refusal::ALL.len()],
        }
    }
}

impl Counted {
    /// After an event of the node.
    pub(crate) fn holds(&mut self, counters: &Counters) {
        let (connections, rooms) = self.most;
        self.most = (connections.max(counters.connections), rooms.max(counters.rooms));
    }

    /// What is longer in a node's tables than it can have come to be: what is over gives its place to what comes.
    pub(crate) fn pile(&self, counters: &Counters, tables: &Tables) -> Option<(&'static str, usize, u64)> {
        /// Within an event rooms may be entered before others are left.
        const ROOMS_AT_ONCE: u64 = 4;
        let (connections, rooms) = self.most;
        let bounds = [
            ("places for connections", tables.connections, connections),
            ("places for rooms", tables.rooms, rooms + ROOMS_AT_ONCE),
            ("deadlines of connections", tables.deadlines, counters.connections),
            ("deadlines of typing notices", tables.typing_deadlines, counters.rooms),
        ];
        bounds.into_iter().find(|&(_, is, most)| is as u64 > most)
    }

    /// The node reads a frame that is text or binary.
    pub(crate) const fn reads(&mut self) {
        self.frames_in += 1;
    }

    /// The node closes a connection.
    pub(crate) fn closes(&mut self, reason: Disconnect) {
        self.slow_closed += u64::from(reason == Disconnect::Slow);
    }

    /// The node says what happened.
    pub(crate) fn notices(&mut self, notice: &Notice) {
        match *notice {
            Notice::Attached { resumed, .. } => self.resumed += u64::from(resumed),
            Notice::Said { .. } => self.messages_in += 1,
            Notice::Refused { refusal, .. } => self.refusals[refusal as usize] += 1,
            Notice::Lagged { .. } => self.lagged += 1,
        }
    }

    /// What of it the node has counted otherwise: what, how often, and how often by its count.
    pub(crate) fn doubt(&self, counters: &Counters) -> Option<(&'static str, u64, u64)> {
        let pairs = [
            ("frames", self.frames_in, counters.frames_in),
            ("messages", self.messages_in, counters.messages_in),
            ("readers that fell behind", self.lagged, counters.lagged),
            ("sessions resumed", self.resumed, counters.resumed),
            ("slow readers closed", self.slow_closed, counters.slow_closed),
        ];
        let refusals = Refusal::ALL.iter().map(|&refusal| {
            let index = refusal as usize;
            (refusal.code(), self.refusals[index], counters.refusals[index])
        });
        pairs.into_iter().chain(refusals).find(|&(_, is, counted)| is != counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_differs_is_named() {
        let (mut counted, mut counters) = (Counted::default(), Counters::default());
        counted.reads();
        assert_eq!(counted.doubt(&counters), Some(("frames", 1, 0)));
        counters.frames_in = 1;
        assert_eq!(counted.doubt(&counters), None);
        counters.refusals[Refusal::NotMember as usize] = 2;
        assert_eq!(counted.doubt(&counters), Some(("not_member", 0, 2)));
    }
}

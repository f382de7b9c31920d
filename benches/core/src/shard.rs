//! What a shard does for a message: it is put in order, remembered, answered and spread.

use std::time::Duration;

use chinwag_core::{
    ConnectionId, GatewayId, RequestId, Shard,
    config::ShardConfig,
    secret::Secrets,
    shard::{Effect, Entry, Op, Peer, ShardEvent},
};

use crate::{CONTENT, START, Step, room, user};

/// Members of the room.
const MEMBERS: usize = 1_000;

/// Says something under a number, in a room whose history is full. A step comes to its effects.
pub(crate) fn publish() -> Step {
    let mut log = Log::new();
    let peer = log.member();
    for _ in 1..MEMBERS {
        log.member();
    }
    let (id, room, content) = (Some(RequestId(0)), room(), CONTENT.into());
    log.entry.op = Op::Publish { peer, id, room, content, extra: None };
    let mut step = move || {
        if let Op::Publish { id: Some(id), .. } = &mut log.entry.op {
            id.0 += 1;
        }
        log.append();
        log.effects.len()
    };
    for _ in 0..ShardConfig::default().history_max {
        step();
    }
    Box::new(step)
}

/// A shard and the last entry of its log.
struct Log {
    shard: Shard,
    entry: Entry,
    effects: Vec<Effect>,
    secrets: Secrets,
    attached: usize,
}

impl Log {
    fn new() -> Self {
        let op = Op::Genesis { config: ShardConfig::default(), incarnation: 1 };
        let entry = Entry { index: 0, at: START, op };
        let (shard, secrets) = (Shard::new(), Secrets::new([7; 32]));
        let mut log = Self { shard, entry, effects: vec![], secrets, attached: 0 };
        log.append();
        log
    }

    /// Applies what the entry says, once more.
    fn append(&mut self) {
        self.entry.index += 1;
        self.entry.at = self.entry.at + Duration::from_millis(1);
        self.effects.clear();
        self.shard.apply(&self.entry, &mut self.effects);
    }

    /// Somebody attaches and joins.
    fn member(&mut self) -> Peer {
        self.attached += 1;
        self.entry.op = Op::Attach {
            gateway: GatewayId(1),
            connection: ConnectionId(self.attached as u64),
            user: user(self.attached),
            fresh: self.secrets.session(),
            resume: None,
            secret: self.secrets.secret().hash(),
            sole: false,
            resident: false,
        };
        self.append();
        let [Effect { event: ShardEvent::Attached { peer, .. }, .. }] = &self.effects[..] else {
            unreachable!("it is attached at once: {:?}", self.effects);
        };
        let peer = peer.clone();
        let room = room();
        self.entry.op =
            Op::Join { peer: peer.clone(), id: None, room, since: None, history: 0, backlog: false };
        self.append();
        peer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_answered_and_pushed() {
        assert_eq!(publish()(), 2);
    }
}

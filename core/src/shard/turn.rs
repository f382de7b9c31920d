//! What applying one entry may touch besides sessions and rooms: limits, deadlines, effects.

use std::sync::Arc;

use super::{
    deadlines::Deadlines,
    effect::{Effect, Reply, ShardEvent},
    op::Peer,
};
use crate::{
    config::ShardConfig,
    hash,
    id::{Epoch, RequestId},
    name::RoomName,
    refusal::Refusal,
    time::Time,
};

/// Epochs and positions are exact in a JSON number.
const EPOCH_BITS: u64 = (1 << 53) - 1;

/// One entry being applied.
pub(super) struct Turn<'a> {
    pub(super) at: Time,
    pub(super) index: u64,
    pub(super) incarnation: u64,
    pub(super) config: &'a ShardConfig,
    pub(super) deadlines: &'a mut Deadlines,
    pub(super) effects: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    /// The epoch of a room that this entry makes: no other life of that room, or of the log, has it.
    pub(super) fn epoch_for(&self, room: &RoomName) -> Epoch {
        if planted!(EpochReusedAfterRestart) {
            return Epoch(hash::bytes(room.as_str().as_bytes()).rem_euclid(EPOCH_BITS).max(1));
        }
        let named = hash::mix(self.incarnation, hash::bytes(room.as_str().as_bytes()));
        Epoch((hash::mix(named, planted!(EpochOfDroppedRoom, 0, self.index)) & EPOCH_BITS).max(1))
    }

    pub(super) fn grant(&mut self, peer: &Peer, id: Option<RequestId>, room: &RoomName, reply: Reply) {
        self.effects.push(answer_to(peer, id, Some(room), Ok(reply)));
    }

    pub(super) fn refuse(&mut self, peer: &Peer, id: Option<RequestId>, room: &RoomName, refusal: Refusal) {
        self.effects.push(answer_to(peer, id, Some(room), Err(refusal)));
    }
}

/// The answer to a request of `peer`.
pub(super) fn answer_to(
    peer: &Peer,
    id: Option<RequestId>,
    room: Option<&RoomName>,
    result: Result<Reply, Refusal>,
) -> Effect {
    keyed_answer(peer, id, None, room, result)
}

/// The answer to a request of `peer` that has a key.
pub(super) fn keyed_answer(
    peer: &Peer,
    id: Option<RequestId>,
    key: Option<Arc<str>>,
    room: Option<&RoomName>,
    result: Result<Reply, Refusal>,
) -> Effect {
    let event = ShardEvent::Reply { connection: peer.connection, id, key, room: room.cloned(), result };
    Effect { to: peer.gateway, event }
}

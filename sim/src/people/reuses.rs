//! Keys that are used again for another message: while the first one is remembered, the other is refused.
//!
//! Told again from `docs/protocol.md`.

use std::collections::BTreeMap;

use chinwag_core::Time;
use chinwag_oracle::SendId;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        marks::Mark,
    },
    world::World,
};

/// Messages that were said under the keys of others.
#[derive(Debug, Default)]
pub(crate) struct Reuses(BTreeMap<SendId, Reuse>);

/// Whose key a message was said under.
#[derive(Clone, Copy, Debug)]
struct Reuse {
    key: SendId,
    /// When that one was first sent…
    since: Time,
    /// …and in which era of the server.
    era: u64,
    /// In another room, where nothing else was said under it.
    is_elsewhere: bool,
}

/// Bytes of what is said under a key that was used.
const BYTES: usize = 8;

impl Reuses {
    /// The message whose key one is said under: mostly itself.
    pub(crate) fn key(&self, send: SendId) -> SendId {
        self.0.get(&send).map_or(send, |reuse| reuse.key)
    }
}

impl World<'_> {
    /// Says something else under the key of a message that is known to be in its room, there or in another one, where the key
    /// is a new one. False if there is none, or its key
    /// may be forgotten.
    pub(crate) fn player_uses_key_again(&mut self, client: usize, back: usize) -> Result<bool, Broken> {
        let Some((room, key, open)) = self.player_said(client, back) else { return Ok(false) };
        let incarnation = self.server.incarnation;
        // So both are said to the same life of the server.
        let is_same = open.connection == self.people[client].link;
        if !is_same || !self.life.speaks_to(client, incarnation) || self.reuses.key(key) != key {
            return Ok(false);
        }
        let rooms = self.scenario.setup.rooms as usize;
        let another = self.player(client).seats.keys().copied().find(|&it| it != room && it < rooms);
        let is_used_there = self.reuses.0.values().any(|reuse| reuse.key == key && reuse.is_elsewhere);
        let elsewhere = another.filter(|_| key.0.is_multiple_of(2) && room < rooms && !is_used_there);
        let (room, is_elsewhere) = (elsewhere.unwrap_or(room), elsewhere.is_some());
        let (send, content) = self.player_plans(client, room, BYTES)?;
        let era = self.server.era;
        self.reuses.0.insert(send, Reuse { key, since: open.since, era, is_elsewhere });
        self.player_speaks(client, room, &content, send);
        Ok(true)
    }

    /// Which of a client's messages an answer under a key is about.
    pub(crate) fn said_under(&self, client: usize, number: u64) -> SendId {
        let key = SendId(u32::try_from(number).unwrap_or(u32::MAX));
        self.waiting_under(client, key).unwrap_or(key)
    }

    /// Whether something that a client has said under a key waits for its answer.
    pub(crate) fn waits_under(&self, client: usize, key: SendId) -> bool {
        self.waiting_under(client, key).is_some()
    }

    fn waiting_under(&self, client: usize, key: SendId) -> Option<SendId> {
        let open = &self.people[client].player.as_ref()?.open;
        open.keys().copied().find(|&send| self.reuses.key(send) == key)
    }

    /// Whether a message was said under the key of another one, which the server has forgotten since.
    pub(crate) fn has_freed_key(&self, send: SendId) -> bool {
        self.reuses.0.get(&send).is_some_and(|reuse| reuse.era != self.server.era)
    }

    /// A message is in its room, as somebody is told or shown: not under the key of another one, if that is surely
    /// remembered.
    pub(crate) fn check_key(&mut self, send: SendId) -> Result<(), Broken> {
        let Some(&Reuse { key, since, era, is_elsewhere }) = self.reuses.0.get(&send) else { return Ok(()) };
        self.checked(checks::KEYS);
        if is_elsewhere {
            self.marks.hit(Mark::KeyElsewhere);
            return Ok(());
        }
        let kept = self.life.at_least(self.scenario.setup.shard.key_window);
        let is_calm = era == self.server.era && self.life.shaken < since;
        if !is_calm || self.now >= since + kept {
            return Ok(());
        }
        let sentence = format!("message {} is in its room under the key of message {}", send.0, key.0);
        broken(checks::KEYS, sentence)
    }

    /// A message is refused because its key was used: by another one.
    pub(crate) fn check_key_reused(&mut self, client: usize, send: SendId) -> Result<(), Broken> {
        self.checked(checks::KEYS);
        if self.reuses.0.get(&send).is_some_and(|reuse| !reuse.is_elsewhere) {
            return Ok(());
        }
        broken(checks::KEYS, format!("c{client} is refused message {}, whose key only it has", send.0))
    }
}

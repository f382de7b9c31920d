//! What users have said under keys of their own, so that a repeat is answered and not repeated, whichever session it
//! comes from.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{Message, deadlines::Due, effect::Placed, extra::Extra, turn::Turn};
use crate::{
    config::ShardConfig,
    hash,
    name::{RoomName, UserName},
    refusal::Refusal,
    time::Time,
};

/// The keys of all users.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Keys {
    of_users: BTreeMap<UserName, Window>,
    /// Of all users together.
    count: usize,
}

/// What was said under a key, shortened: enough to tell a repeat from another message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// Of a message and what it carries, its key included.
    pub(super) fn of(content: &str, extra: Option<&Extra>) -> Self {
        let carried = serde_json::to_vec(&extra).expect("no key is anything but text");
        Self(hash::mix(hash::bytes(content.as_bytes()), hash::bytes(&carried)))
    }
}

/// Where a message under a key is, and which it was.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Known {
    placed: Placed,
    said: Fingerprint,
}

/// One user's keys. Never empty.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Window {
    answers: BTreeMap<(RoomName, Arc<str>), Known>,
    /// The same, oldest first, each with the instant at which it is forgotten.
    order: VecDeque<(Time, (RoomName, Arc<str>))>,
}

impl Keys {
    /// Where the message with this key is, if it was said within the window.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`] if another message was said under it: to answer would be to swallow this one.
    /// [`Refusal::Full`] if the key is new and no more fit: to forget one early could put a message into its room twice.
    pub(super) fn recall(
        &self,
        config: &ShardConfig,
        user: &UserName,
        room: &RoomName,
        key: &Arc<str>,
        said: Fingerprint,
    ) -> Result<Option<Placed>, Refusal> {
        let answers = self.of_users.get(user).map(|window| &window.answers);
        let known = answers.and_then(|it| it.get(&(room.clone(), Arc::clone(key))));
        let elsewhere = || answers?.iter().find_map(|((_, its), known)| (its == key).then_some(known));
        if let Some(known) = known.or_else(|| planted!(KeyCountsEverywhere, elsewhere(), None)) {
            let is_repeat = known.said == said || planted!(KeyStandsForAnotherMessage);
            return if is_repeat { Ok(Some(known.placed)) } else { Err(Refusal::KeyReused) };
        }
        let is_full = answers.is_some_and(|it| it.len() >= config.keys_per_user_max as usize)
            || planted!(KeysOfAllUnbounded, false, self.count >= config.keys_max as usize);
        if is_full { Err(Refusal::Full) } else { Ok(None) }
    }

    /// Remembers a key that is not known.
    pub(super) fn remember(
        &mut self,
        turn: &mut Turn<'_>,
        user: &UserName,
        room: &RoomName,
        key: Arc<str>,
        said: Fingerprint,
        placed: Placed,
    ) {
        let kept = turn.config.key_window;
        let until = turn.at + planted!(KeyForgottenEarly, kept / 60, kept);
        let window = self.of_users.entry(user.clone()).or_default();
        if window.order.is_empty() {
            turn.deadlines.set(until, Due::Keys(user.clone()));
        }
        let key = (room.clone(), key);
        window.order.push_back((until, key.clone()));
        let known = window.answers.insert(key, Known { placed, said });
        debug_assert!(known.is_none(), "what is known is recalled");
        self.count += 1;
    }

    /// Something else is to stand for a message: so it does for repeats of it.
    pub(super) fn follow(&mut self, room: &RoomName, before: &Message, after: &Message) {
        let Some(extra) = before.extra.as_deref() else { return };
        let (Some(key), Some(window)) = (&extra.key, self.of_users.get_mut(&before.user)) else { return };
        // What its author was doing is nothing that they said.
        let extra = Extra { state: None, ..extra.clone() };
        let said = |message: &Message| Fingerprint::of(&message.content, Some(&extra));
        if let Some(known) = window.answers.get_mut(&(room.clone(), Arc::clone(key)))
            && known.said == said(before)
        {
            known.said = said(after);
        }
    }

    /// A user's oldest key is due: forgets all that are.
    pub(super) fn expire(&mut self, turn: &mut Turn<'_>, user: &UserName) {
        let window = self.of_users.get_mut(user).expect("a deadline is of a user with keys");
        while let Some((_, key)) = window.order.pop_front_if(|(until, _)| *until <= turn.at) {
            window.answers.remove(&key);
            self.count -= planted!(KeysNeverUncounted, 0, 1);
        }
        match window.order.front() {
            Some(&(until, _)) => turn.deadlines.set(until, Due::Keys(user.clone())),
            None => drop(self.of_users.remove(user)),
        }
    }

    /// How many there are, and how many the user with the most has.
    pub(super) fn usage(&self) -> (usize, usize) {
        let most = self.of_users.values().map(|window| window.answers.len()).max();
        (self.count, most.unwrap_or(0))
    }
}

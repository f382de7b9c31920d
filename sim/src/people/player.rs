//! A plain client of a scenario: it speaks through a voice, has no session, and comes back with a plain backoff.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use chinwag_core::{ConnectionId, Time, dialect::Dialect};
use chinwag_oracle::SendId;

use crate::{
    judge::thread::Thread,
    people::{visiting::Want, voice::Voice},
    plan::scenario::Patience,
};

/// A plain client, and what it knows.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) voice: Voice,
    /// It is known on its present connection.
    pub(crate) known: bool,
    /// It has said something there.
    pub(crate) has_spoken: bool,
    /// Another connection has its place: it hears nothing more on this one.
    pub(crate) silenced: bool,
    /// By room that it is in: what it was shown there.
    pub(crate) seats: BTreeMap<usize, Thread>,
    /// What it has asked for under a number on its present connection, and was not answered.
    pub(crate) pleas: BTreeMap<u64, Asked>,
    /// The token of its present connection, if it has one.
    pub(crate) pass: Option<String>,
    /// When that ends, by the server's clock.
    pub(crate) pass_ends: Option<Time>,
    /// By the room of a bot: what that was last shown to do.
    pub(crate) bots: BTreeMap<usize, String>,
    /// Rooms whose bots were shown to go, and not what they have done since.
    pub(crate) missed: BTreeSet<usize>,
    /// Rooms that it has made, or tried to, and whether they are private.
    pub(crate) founded: BTreeMap<usize, bool>,
    /// Rooms it has asked to enter or to leave, and was not answered.
    pub(crate) asked: BTreeSet<usize>,
    /// Rooms it has asked to leave on its present connection, and was not told that it has.
    pub(crate) leaving: BTreeSet<usize>,
    /// Messages that it has sent and that were not answered.
    pub(crate) open: BTreeMap<SendId, Open>,
    /// Messages that are known to be in their rooms, the last ones.
    pub(crate) answered: VecDeque<(SendId, Open)>,
    /// Messages that are in rooms that it is in, as it was told, without a word of where.
    pub(crate) unplaced: BTreeSet<SendId>,
    /// Messages whose keys may be remembered, and until when they may have come in.
    keyed: BTreeMap<SendId, Time>,
    /// When it last heard anything.
    pub(crate) heard: Time,
    /// When it was last told how its node fares.
    pub(crate) told_health: Time,
    /// It has said what no client says.
    pub(crate) has_babbled: bool,
    /// It will look again soon at which rooms it is in.
    pub(crate) is_nudged: bool,
    /// How often it was to look again since it last came into a room.
    nudges: u32,
    /// When it connects again.
    pub(crate) returns: Option<Time>,
    /// It does not come back.
    pub(crate) is_over: bool,
    /// Connections since it was last let in.
    failures: u32,
    /// The last number under which it asked for something.
    pub(crate) last_plea: u64,
}

/// Something that was asked for under a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Of which room.
    pub(crate) room: usize,
    pub(crate) want: Want,
    pub(crate) at: Time,
    /// In which life of the server.
    pub(crate) era: u64,
}

/// A message that is not answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    /// When it was first sent.
    pub(crate) since: Time,
    /// On which connection it was sent last.
    pub(crate) connection: Option<ConnectionId>,
    /// It was sent again under its key.
    pub(crate) is_repeated: bool,
    /// It was answered before, and said once more.
    pub(crate) is_known: bool,
}

/// Most messages that are remembered after their answer.
const ANSWERED_MAX: usize = 16;

/// What a plain client waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alarm {
    /// To connect again.
    Return,
    /// To ask again for what was refused.
    Nudge,
    /// To hear something on a connection.
    Silence(ConnectionId),
    /// To show a newer token on a connection.
    Renew(ConnectionId),
}

/// When somebody who was too fast asks again, at first.
pub(crate) const NUDGE: Duration = Duration::from_secs(1);

/// How often that is doubled.
const NUDGE_DOUBLINGS: u32 = 3;

impl Player {
    /// One that has not been started.
    pub(crate) fn new(voice: Voice) -> Self {
        Self {
            voice,
            known: false,
            has_spoken: false,
            silenced: false,
            seats: BTreeMap::new(),
            asked: BTreeSet::new(),
            leaving: BTreeSet::new(),
            open: BTreeMap::new(),
            answered: VecDeque::new(),
            unplaced: BTreeSet::new(),
            keyed: BTreeMap::new(),
            heard: Time(0),
            told_health: Time(0),
            has_babbled: false,
            is_nudged: false,
            nudges: 0,
            returns: None,
            is_over: false,
            pleas: BTreeMap::new(),
            pass: None,
            pass_ends: None,
            bots: BTreeMap::new(),
            missed: BTreeSet::new(),
            founded: BTreeMap::new(),
            last_plea: 0,
            failures: 0,
        }
    }

    /// What it speaks.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.voice.dialect()
    }

    /// A new connection: what an earlier one knew is forgotten.
    pub(crate) fn renew(&mut self, now: Time) {
        self.voice = self.voice.renewed();
        (self.known, self.has_spoken, self.silenced, self.heard) = (false, false, false, now);
        self.asked.clear();
        self.leaving.clear();
    }

    /// Asks for something under a number, which is returned.
    pub(crate) fn asks(&mut self, asked: Asked) -> u64 {
        self.last_plea += 1;
        self.pleas.insert(self.last_plea, asked);
        self.last_plea
    }

    /// The server knows it.
    pub(crate) fn welcome(&mut self) {
        self.known = true;
        // Whom nobody has to let in may be refused all the same.
        if !self.voice.is_known_at_once() {
            self.is_let_in();
        }
    }

    /// It has been let in: if it is lost, it comes back soon.
    pub(crate) fn is_let_in(&mut self) {
        (self.failures, self.nudges) = (0, 0);
    }

    /// It was too fast: when it asks again for what it does not have, later each time; nothing, if it will anyway.
    pub(crate) fn asks_again_in(&mut self) -> Option<Duration> {
        if std::mem::replace(&mut self.is_nudged, true) {
            return None;
        }
        self.nudges += 1;
        Some(NUDGE * (1 << (self.nudges - 1).min(NUDGE_DOUBLINGS)))
    }

    /// A message that waited for its answer is in its room; false if none did.
    pub(crate) fn is_answered(&mut self, now: Time, send: SendId) -> bool {
        let Some(open) = self.open.remove(&send) else { return false };
        self.keyed.entry(send).and_modify(|until| *until = now.min(*until));
        if !open.is_known {
            self.answered.push_back((send, open));
            if self.answered.len() > ANSWERED_MAX {
                self.answered.pop_front();
            }
        }
        true
    }

    /// A message is sent, perhaps once more.
    pub(crate) fn sends(&mut self, send: SendId, since: Time, connection: Option<ConnectionId>) {
        if self.open.contains_key(&send) {
            return;
        }
        self.open.insert(send, Open { since, connection, is_repeated: false, is_known: false });
        self.keyed.insert(send, Time(u64::MAX));
    }

    /// A message was refused when it was first sent: nothing is kept under its key.
    pub(crate) fn is_refused(&mut self, send: SendId) {
        self.keyed.remove(&send);
    }

    /// Messages whose keys may be remembered and came in since then.
    pub(crate) fn keyed_since(&self, time: Time) -> impl Iterator<Item = SendId> {
        self.keyed.iter().filter(move |&(_, &until)| until >= time).map(|(&send, _)| send)
    }

    /// How long it waits before it connects again: half as much longer each time.
    pub(crate) fn backoff(&mut self, patience: &Patience) -> Duration {
        let Patience { backoff_base, backoff_max, .. } = *patience;
        let wait = (0..self.failures).fold(backoff_base, |wait, _| (wait * 3 / 2).min(backoff_max));
        self.failures += 1;
        wait.min(backoff_max)
    }
}

//! One partition of rooms and of users: a function of its entries.
//!
//! Everything that changes a [`Shard`] is an [`Entry`] of its log, and a shard looks at nothing else: replicas that
//! apply the same entries have the same state and emit the same [`Effect`]s. Questions ([`Query`]) and fleeting things
//! ([`Signal`]) change nothing and are never in the log.
//!
//! What it guarantees, to gateways that keep the order of its effects:
//!
//! - **Order.** A room numbers its messages 1, 2, 3… without gaps within an epoch. A room that is dropped takes its
//!   epoch with it; one made later under the same name has another.
//! - **Continuity.** Every join is told whether anything is missing: nothing, messages so-and-so, or another log.
//! - **Exactly once.** A repeated publish of a session under one id is answered like the first and changes nothing;
//!   an id too old to be known is refused, never done again.
//!   So is a repeated publish of a user under one key, in one room and for [`key_window`](ShardConfig::key_window).
//! - **One connection per session.** What an older connection still says is refused, and its end does not touch the
//!   seats of a newer one. A newcomer is attached once the older connection has handed its limiters over. Who resumes
//!   shows a secret; a *sole* session, of which a user has one, goes to whichever connection of the user comes last.
//! - **Privacy.** Pushes go to gateways on which a member is attached, and to no others; the answer to a join comes
//!   before the first push it entitles to, the answer to a leave and the word of a kick after the last. Into a private
//!   room come those only whom it lets in.
//! - **Presence.** A member is shown offline only after the grace without any connection. Membership outlives
//!   connections: it ends on leave, kick, on a clean close, or when the last session that took a seat expires.
//! - **Bounds.** Sessions, rooms, members, messages, answers, keys, tasks and invitations stay within [`ShardConfig`]; no
//!   user takes all places for rooms, and the lobby has one of its own.
//!
//! What it relies on: gateway ids, connection ids and session ids are not used twice, and nothing of a gateway follows
//! its [`Op::GatewayDown`].
//!
//! A deadline acts when an [`Op::Expire`] is applied at or after it, and not before: until then a session that is
//! overdue can still be resumed.

mod access;
mod answers;
mod bot;
mod connect;
mod deadlines;
mod digest;
mod effect;
mod extra;
mod keys;
mod log;
mod makers;
mod membership;
mod op;
mod query;
mod restart;
mod room;
mod say;
mod session;
mod spent;
mod stays;
mod task;
mod tasks;
#[cfg(test)]
mod tests;
mod turn;
mod usage;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::{
    bot::Absence,
    connect::Newcomer,
    deadlines::{Deadlines, Due},
    keys::Keys,
    makers::Makers,
    membership::Wish,
    room::Room,
    session::{Address, Sessions},
    spent::Ledger,
    turn::Turn,
};
pub use effect::*;
pub use extra::*;
pub use op::*;
pub use stays::Stays;
pub use task::*;
pub use usage::Usage;

use crate::{config::ShardConfig, name::RoomName, redact::Redactor, time::Time};

/// One partition of rooms and of users.
///
/// What it serializes is all it knows: one that is deserialized goes on as if it had applied the same entries. Resume
/// secrets are in it as hashes only.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Shard {
    applied: u64,
    digest: u64,
    at: Time,
    incarnation: u64,
    config: ShardConfig,
    deadlines: Deadlines,
    state: State,
}

/// Who is here, and what was said.
#[derive(Debug, Default, Deserialize, Serialize)]
struct State {
    sessions: Sessions,
    rooms: BTreeMap<RoomName, Room>,
    makers: Makers,
    /// What users have used of their quotas, and the limiters of sessions that have ended, for their next ones.
    spent: Ledger,
    /// What was said under a key lately, whatever has become of the sessions.
    keys: Keys,
}

impl Shard {
    /// A shard that has applied nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts other texts in the place of what was said. Who repeats it under its key is still known for it, unless it has
    /// left the history: then it is taken for another message.
    pub fn redact(&mut self, redactor: &Redactor) {
        let State { rooms, keys, .. } = &mut self.state;
        for (name, room) in rooms {
            room.log.redact(redactor, |before, after| keys.follow(name, before, after));
        }
    }

    /// Applies the next entry and appends what follows from it.
    ///
    /// # Panics
    /// If the entry is not the next one, is older than the one before, or is a [`Op::Genesis`] anywhere but first:
    /// the log is broken then, and going on would spread the damage.
    pub fn apply(&mut self, entry: &Entry, effects: &mut Vec<Effect>) {
        assert_eq!(entry.index, self.applied + 1, "entries come without gaps");
        assert!(entry.at >= self.at, "time does not run backwards");
        let is_genesis = matches!(entry.op, Op::Genesis { .. });
        assert_eq!(is_genesis, entry.index == 1, "the first entry, and no other, is Genesis");
        let emitted_before = effects.len();
        self.dispatch(entry, effects);
        self.applied = entry.index;
        self.at = entry.at;
        self.digest = digest::fold(self.digest, entry, &effects[emitted_before..]);
    }

    fn dispatch(&mut self, entry: &Entry, effects: &mut Vec<Effect>) {
        match &entry.op {
            Op::Genesis { config, incarnation } => {
                self.incarnation = *incarnation;
                self.config = config.clone();
            }
            Op::Configure { config } => self.configure(config),
            op => {
                if let Op::Restart { config, incarnation, .. } = op {
                    self.incarnation = *incarnation;
                    self.configure(config);
                }
                let mut turn = Turn {
                    at: entry.at,
                    index: entry.index,
                    incarnation: self.incarnation,
                    config: &self.config,
                    deadlines: &mut self.deadlines,
                    effects,
                };
                self.state.handle(&mut turn, op);
            }
        }
    }

    fn configure(&mut self, config: &ShardConfig) {
        self.config = config.clone();
        self.state.rooms.values_mut().for_each(|room| room.log.trim(config.history_max));
    }

    /// Answers a question about the state as of [`applied`](Self::applied).
    pub fn answer(&self, query: &Query, effects: &mut Vec<Effect>) {
        self.state.answer(&self.config, query, effects);
    }

    /// Passes something fleeting on, if its author may say it.
    pub fn signal(&self, signal: &Signal, effects: &mut Vec<Effect>) {
        self.state.signal(signal, effects);
    }

    /// When to append [`Op::Expire`]; `None` while nothing can become due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// The last index applied; 0 before the first.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// When the last entry was appended.
    #[must_use]
    pub const fn at(&self) -> Time {
        self.at
    }

    /// A rolling hash of entries and effects: equal on replicas that have applied the same with the same outcome.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Rooms it holds, empty ones included.
    #[must_use]
    pub fn rooms(&self) -> usize {
        self.state.rooms.len()
    }

    /// How full its tables are.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.state.usage()
    }

    /// What it keeps of its users. Looks at everything there is, as [`usage`](Self::usage) does.
    #[must_use]
    pub fn stays(&self) -> Stays {
        self.state.stays()
    }
}

impl State {
    fn handle(&mut self, turn: &mut Turn<'_>, op: &Op) {
        match op {
            Op::Genesis { .. } | Op::Configure { .. } => unreachable!("handled before a turn begins"),
            Op::Restart { lost, .. } => self.restart(turn, *lost),
            Op::GatewayDown { gateway } => self.gateway_down(turn, *gateway),
            Op::Attach { gateway, connection, user, fresh, resume, secret, sole, resident } => {
                let address = Address { gateway: *gateway, connection: *connection };
                let newcomer = Newcomer { address, secret: *secret, sole: *sole, resident: *resident };
                self.attach(turn, newcomer, user, *fresh, *resume);
            }
            Op::Follow { peer } => self.resumed_elsewhere(turn, peer),
            Op::Detach { peer, keep, limiters } => self.detach(turn, peer, *keep, limiters.clone()),
            Op::Join { peer, id, room, since, history, backlog } => {
                let wish = Wish { since: *since, history: *history, backlog: *backlog };
                self.join(turn, peer, *id, room, wish);
            }
            Op::Leave { peer, id, room } => self.leave(turn, peer, *id, room),
            Op::Create { peer, id, room, private } => self.create(turn, peer, *id, room, *private),
            Op::Invite { peer, id, room, user } => self.invite(turn, peer, *id, room, user),
            Op::Kick { peer, id, room, user } => self.kick(turn, peer, *id, room, user),
            Op::Run { peer, id, room, on } => self.run(turn, peer, *id, room, *on),
            Op::Seen { peer, id, room, seq } => self.seen(turn, peer, *id, room, *seq),
            Op::Publish { peer, id, room, content, extra } => {
                self.publish(turn, peer, *id, room, content, extra.as_deref());
            }
            Op::SetStatus { peer, id, room, status } => self.set_status(turn, peer, *id, room, status),
            Op::SetTask { peer, id, room, task } => self.set_task(turn, peer, *id, room, task),
            Op::Expire => self.expire(turn),
        }
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        while let Some(due) = turn.deadlines.take_due(turn.at) {
            match due {
                Due::Session(session) => self.end(turn, session, Absence::Lost),
                Due::Offline(room, user) => self.room_mut(&room).grace_over(turn, user),
                Due::Churn(room) => self.room_mut(&room).churn_due(turn),
                Due::Spent => self.spent.expire(turn),
                Due::Keys(user) => self.keys.expire(turn, &user),
                Due::Room(room) => self.drop_room(&room),
            }
        }
    }

    /// A room that is known to be there: it has a member, or a deadline of its own.
    fn room_mut(&mut self, name: &RoomName) -> &mut Room {
        self.rooms.get_mut(name).expect("rooms outlive their members and deadlines")
    }
}

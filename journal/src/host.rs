//! A journal and the shard that applies it.

use chinwag_core::{
    Shard, Time,
    config::ShardConfig,
    shard::{Effect, Op, Query, Signal},
};

use crate::Journal;

/// A journal and the shard that applies it.
#[derive(Debug)]
pub struct Host {
    journal: Journal,
    shard: Shard,
}

impl Host {
    /// A host whose log begins now, with `config` and the 64 random bits of `incarnation`.
    #[must_use]
    pub fn new(now: Time, config: ShardConfig, incarnation: u64) -> Self {
        let mut host = Self { journal: Journal::new(), shard: Shard::new() };
        host.submit(now, Op::Genesis { config, incarnation }, &mut Vec::new());
        host
    }

    /// Puts `op` in the log and applies what has become durable.
    pub fn submit(&mut self, now: Time, op: Op, effects: &mut Vec<Effect>) {
        self.journal.append(now, op);
        while let Some(entry) = self.journal.poll_durable() {
            self.shard.apply(&entry, effects);
        }
    }

    /// Answers a question from what has been applied.
    pub fn answer(&self, query: &Query, effects: &mut Vec<Effect>) {
        self.shard.answer(query, effects);
    }

    /// Passes something fleeting on.
    pub fn signal(&self, signal: &Signal, effects: &mut Vec<Effect>) {
        self.shard.signal(signal, effects);
    }

    /// Appends `Op::Expire` if something is due.
    pub fn handle_timeout(&mut self, now: Time, effects: &mut Vec<Effect>) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.submit(now, Op::Expire, effects);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.shard.poll_timeout()
    }

    /// The shard, to look at.
    #[must_use]
    pub const fn shard(&self) -> &Shard {
        &self.shard
    }
}

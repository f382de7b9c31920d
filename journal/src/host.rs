//! A journal and the shard that applies it.

use chinwag_core::{
    Shard, ShardId, Time,
    config::ShardConfig,
    shard::{Effect, Entry, Op, Query, Signal},
};

use crate::Journal;

/// What a shard has applied, for its replicas.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Which shard.
    pub shard: ShardId,
    /// What it was.
    pub entry: Entry,
    /// The shard's digest afterwards.
    pub digest: u64,
}

/// A journal and the shard that applies it.
#[derive(Debug)]
pub struct Host {
    id: ShardId,
    journal: Journal,
    shard: Shard,
    /// What has been applied and not been taken, if there are replicas.
    applied: Option<Vec<Applied>>,
}

impl Host {
    /// A host whose log begins now, with `config` and the 64 random bits of `incarnation`. One that is `replicated`
    /// keeps what its shard applies until that is taken.
    #[must_use]
    pub fn new(now: Time, id: ShardId, config: ShardConfig, incarnation: u64, replicated: bool) -> Self {
        let applied = replicated.then(Vec::new);
        let mut host = Self { id, journal: Journal::new(), shard: Shard::new(), applied };
        host.submit(now, Op::Genesis { config, incarnation }, &mut Vec::new());
        host
    }

    /// Puts `op` in the log and applies what has become durable.
    pub fn submit(&mut self, now: Time, op: Op, effects: &mut Vec<Effect>) {
        self.journal.append(now, op);
        while let Some(entry) = self.journal.poll_durable() {
            self.shard.apply(&entry, effects);
            if let Some(applied) = &mut self.applied {
                applied.push(Applied { shard: self.id, entry, digest: self.shard.digest() });
            }
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

    /// What has been applied since this was last called; nothing without replicas.
    pub fn take_applied(&mut self) -> Vec<Applied> {
        self.applied.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The shard, to look at.
    #[must_use]
    pub const fn shard(&self) -> &Shard {
        &self.shard
    }
}

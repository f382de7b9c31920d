//! A journal and the shard that applies it.

use std::collections::VecDeque;

use chinwag_core::{
    ConnectionId, GatewayId, Generation, Refusal, RoomName, SessionId, Shard, ShardId, Time, UserName,
    config::ShardConfig,
    name::LOBBY,
    role::Role,
    shard::{Effect, Entry, Op, Peer, Query, ShardEvent, Signal},
};

use crate::{
    journal::{GroupCommit, Journal, Memory},
    store::{Batch, Durability},
};

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

/// What a host begins with.
#[derive(Debug)]
pub struct Start {
    /// The shard as an earlier life of the process left it; a new one if there was none.
    pub shard: Shard,
    /// Entries may have been lost that it had applied: see [`Op::Restart`].
    pub lost: bool,
    /// How durable its log is; in memory only if `None`.
    pub durability: Option<Durability>,
}

impl Start {
    /// With nothing, and in memory only.
    #[must_use]
    pub fn anew() -> Self {
        Self { shard: Shard::new(), lost: false, durability: None }
    }

    /// How far time has come in these. The driver's clock must not begin before: as no entry is older than the one before it,
    /// nothing would end until it has caught up.
    #[must_use]
    pub fn latest(starts: &[Self]) -> Time {
        starts.iter().map(|start| start.shard.at()).max().unwrap_or_default()
    }
}

/// A journal and the shard that applies it.
#[derive(Debug)]
pub struct Host {
    id: ShardId,
    journal: Box<dyn Journal>,
    shard: Shard,
    /// What was asked behind an entry that is not applied yet.
    asked: VecDeque<(u64, Ask)>,
    /// An [`Op::Expire`] is on its way.
    is_expiring: bool,
    /// What has been applied and not been taken, if there are replicas.
    applied: Option<Vec<Applied>>,
}

/// Something that is never in the log.
#[derive(Debug)]
enum Ask {
    Query(Query),
    Signal(Signal),
}

impl Host {
    /// A host whose log begins now, or goes on, with `config` and the 64 random bits of `incarnation`. One that is
    /// `replicated` keeps what its shard applies until that is taken.
    #[must_use]
    pub fn new(
        now: Time,
        id: ShardId,
        start: Start,
        config: ShardConfig,
        incarnation: u64,
        replicated: bool,
    ) -> Self {
        let Start { shard, lost, durability } = start;
        let (last, last_at) = (shard.applied(), shard.at());
        let journal: Box<dyn Journal> = match durability {
            Some(durability) => Box::new(GroupCommit::after(last, last_at, durability)),
            None => Box::new(Memory::after(last, last_at)),
        };
        let applied = replicated.then(Vec::new);
        let mut host = Self { id, journal, shard, asked: VecDeque::new(), is_expiring: false, applied };
        let first = match last {
            0 => Op::Genesis { config, incarnation },
            _ => Op::Restart { config, incarnation, lost },
        };
        // Whoever it concerns is gone.
        host.submit(now, first, &mut Vec::new());
        host
    }

    /// Puts `op` in the log and applies what has become durable.
    pub fn submit(&mut self, now: Time, op: Op, effects: &mut Vec<Effect>) {
        self.journal.append(now, op);
        self.apply(effects);
    }

    /// What the driver is to store next: see [`Journal::poll_store`].
    pub fn poll_store(&mut self) -> Option<Batch> {
        self.journal.poll_store()
    }

    /// What is left to be stored, when nothing more comes: see [`Journal::poll_rest`].
    pub fn poll_rest(&mut self) -> Option<Batch> {
        self.journal.poll_rest()
    }

    /// The driver has stored everything up to the entry with this index: it is applied.
    pub fn stored(&mut self, last: u64, effects: &mut Vec<Effect>) {
        self.journal.stored(last);
        self.apply(effects);
    }

    /// How many bytes wait until something is stored: what was submitted, and what was asked behind it.
    #[must_use]
    pub fn backlog_bytes(&self) -> usize {
        self.journal.backlog_bytes() + self.asked.len() * size_of::<(u64, Ask)>()
    }

    fn apply(&mut self, effects: &mut Vec<Effect>) {
        while let Some(entry) = self.journal.poll_durable() {
            self.is_expiring &= entry.op != Op::Expire;
            self.shard.apply(&entry, effects);
            if let Some(applied) = &mut self.applied {
                applied.push(Applied { shard: self.id, entry, digest: self.shard.digest() });
            }
            self.answer_asked(effects);
        }
    }

    fn answer_asked(&mut self, effects: &mut Vec<Effect>) {
        let applied = self.shard.applied();
        while let Some((_, ask)) = self.asked.pop_front_if(|(after, _)| *after <= applied) {
            match ask {
                Ask::Query(query) => self.shard.answer(&query, effects),
                Ask::Signal(signal) => self.shard.signal(&signal, effects),
            }
        }
    }

    /// Answers a question from what has been applied, once all has been that was submitted before it.
    pub fn answer(&mut self, query: Query, effects: &mut Vec<Effect>) {
        self.ask(Ask::Query(query), effects);
    }

    /// Passes something fleeting on, in the same order.
    pub fn signal(&mut self, signal: Signal, effects: &mut Vec<Effect>) {
        self.ask(Ask::Signal(signal), effects);
    }

    fn ask(&mut self, ask: Ask, effects: &mut Vec<Effect>) {
        self.asked.push_back((self.journal.last(), ask));
        self.answer_asked(effects);
    }

    /// Appends `Op::Expire` if something is due.
    pub fn handle_timeout(&mut self, now: Time, effects: &mut Vec<Effect>) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.is_expiring = true;
            self.submit(now, Op::Expire, effects);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.is_expiring { None } else { self.shard.poll_timeout() }
    }

    /// What has been applied since this was last called; nothing without replicas.
    pub fn take_applied(&mut self) -> Vec<Applied> {
        self.applied.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Which shard's.
    #[must_use]
    pub const fn id(&self) -> ShardId {
        self.id
    }

    /// The shard, to look at.
    #[must_use]
    pub const fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Whether a room is there, for all that has been applied. The shard is asked as by anybody: only whether it knows the
    /// room is looked at.
    #[must_use]
    pub fn has_room(&self, room: &RoomName) -> bool {
        let peer = Peer {
            gateway: GatewayId::default(),
            connection: ConnectionId::default(),
            session: SessionId::default(),
            generation: Generation::default(),
            user: UserName::new(LOBBY).expect("it would be a name for a user, too"),
            role: Role::default(),
            owner: None,
            visitor: true,
        };
        let query = Query::Members { peer, id: None, room: room.clone(), after: None, limit: 0 };
        let mut effects = Vec::new();
        self.shard.answer(&query, &mut effects);
        let is_unknown = |effect: &Effect| {
            matches!(effect.event, ShardEvent::Reply { result: Err(Refusal::UnknownRoom), .. })
        };
        !effects.iter().any(is_unknown)
    }

    /// The shard, when there is nothing more to do.
    #[must_use]
    pub fn into_shard(self) -> Shard {
        self.shard
    }
}

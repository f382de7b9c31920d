//! Replicas of shards: one that is told the same and must do the same, and some that are told something else, whose
//! digests must show it as soon as they do something else.

use std::{collections::BTreeMap, mem::discriminant};

use chinwag_core::{
    Shard, ShardId,
    shard::{Effect, Op},
};
use chinwag_journal::Applied;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
    },
    world::World,
};

/// Makes something else of what a replica is told.
type Mistake = fn(&mut Op);

/// What replicas that must be told apart hear instead.
const MISTAKES: [Mistake; 5] = [
    |op| {
        if let Op::Publish { content, .. } = op {
            *content = format!("{content}!").into();
        }
    },
    |op| {
        if let Op::Genesis { config, .. } = op {
            config.history_max = 1;
        }
    },
    |op| {
        if let Op::Genesis { config, .. } = op {
            config.roster_max = 1;
        }
    },
    |op| {
        if let Op::Genesis { config, .. } = op {
            config.rooms_per_session_max = 1;
        }
    },
    |op| {
        if let Op::Follow { .. } = op {
            *op = Op::Expire;
        }
    },
];

/// The replicas of all shards.
#[derive(Debug, Default)]
pub(crate) struct Replicas {
    shards: BTreeMap<ShardId, Replicated>,
}

/// The replicas of one shard.
#[derive(Debug)]
struct Replicated {
    same: Shard,
    effects: Vec<Effect>,
    /// Those that have done nothing else so far, each with its mistake.
    others: Vec<(Mistake, Shard)>,
}

impl Replicas {
    /// A shard has applied an entry. How many replicas did the same.
    ///
    /// # Errors
    /// What does not fit.
    fn applied(&mut self, applied: &Applied) -> Result<u64, String> {
        let Applied { shard, entry, digest } = applied;
        let Replicated { same, effects, others } = self.shards.entry(*shard).or_insert_with(Replicated::new);
        effects.clear();
        same.apply(entry, effects);
        let at = format_args!("at {} of {shard}", entry.index);
        if same.digest() != *digest {
            return Err(format!("a replica does something else {at}"));
        }
        let mut followed = 1;
        let mut theirs = Vec::new();
        for (mistake, mut other) in std::mem::take(others) {
            let mut entry = entry.clone();
            mistake(&mut entry.op);
            theirs.clear();
            other.apply(&entry, &mut theirs);
            let is_known = discriminant(&entry.op) == discriminant(&applied.entry.op);
            if theirs == *effects && is_known {
                others.push((mistake, other));
                followed += 1;
            } else if other.digest() == *digest {
                return Err(format!("{:?} with {theirs:?} has the digest of {effects:?} {at}", entry.op));
            }
        }
        Ok(followed)
    }
}

impl Replicated {
    fn new() -> Self {
        let others = MISTAKES.map(|mistake| (mistake, Shard::new())).into();
        Self { same: Shard::new(), effects: Vec::new(), others }
    }
}

impl World<'_> {
    /// Replicas follow what a node's shards have applied.
    pub(crate) fn check_replicas(&mut self, node: usize) -> Result<(), Broken> {
        let Some(replicas) = &mut self.server.replicas else { return Ok(()) };
        for applied in self.server.nodes[node].take_applied() {
            match replicas.applied(&applied) {
                Ok(followed) => self.checks.add(checks::REPLICAS, followed),
                Err(why) => return broken(checks::REPLICAS, why),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::{Time, config::ShardConfig, shard::Entry};

    use super::*;

    fn genesis(config: ShardConfig) -> Entry {
        Entry { index: 1, at: Time(1), op: Op::Genesis { config, incarnation: 7 } }
    }

    #[test]
    fn a_digest_that_does_not_fit_is_noticed() {
        let entry = genesis(ShardConfig::default());
        let mut shard = Shard::new();
        shard.apply(&entry, &mut Vec::new());
        let applied = |digest| Applied { shard: ShardId(0), entry: entry.clone(), digest };
        assert_eq!(Replicas::default().applied(&applied(shard.digest())), Ok(6));
        assert!(Replicas::default().applied(&applied(shard.digest() ^ 1)).is_err());
    }
}

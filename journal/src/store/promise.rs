//! What a life had promised to keep of a shard, and whether something that cannot be read breaks that.

use super::{
    Disk, Durability, OpenError,
    life::LifeRecord,
    names::{self, Files},
    replay::{Behind, Replayed, Source, Stop},
};

/// What a life that is over had promised to keep of a shard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Promise {
    /// Exactly what comes up to this index.
    Head(u64),
    /// What was written, whole.
    Written,
    /// What was synced.
    Synced,
    Nothing,
}

impl Promise {
    pub(super) fn of(life: &LifeRecord, shard: u32, boot: &str) -> Self {
        if let Some(heads) = &life.clean {
            return Self::Head(heads[shard as usize]);
        }
        match life.durability {
            Durability::None => Self::Nothing,
            Durability::Interval if life.is_same_boot(boot) => Self::Written,
            Durability::Interval | Durability::Commit => Self::Synced,
        }
    }

    /// Whether what was read is all that was promised. If it is, then these are the segments that are none of it.
    pub(super) fn settle<'a, D: Disk>(
        self,
        source: &Source<'_, D>,
        files: &Files,
        replayed: &'a Replayed,
    ) -> Result<&'a [u64], OpenError> {
        // Nothing was promised of a shard whose files a first start did not come to make.
        if self == Self::Head(0) && files.is_empty() {
            return Ok(&[]);
        }
        if let Some(stop) = replayed.stop.as_ref().filter(|stop| self.covers(stop)) {
            return Err(stop.to_error());
        }
        if let Self::Head(head) = self
            && head != replayed.last
        {
            let file = names::segment(source.shard, files.segments.last().map_or(1, |first| *first));
            let why = format!("its life ended with entry {head}, and it ends with entry {}", replayed.last);
            return Err(OpenError::damaged(&file, 0, why));
        }
        Ok(replayed.stop.as_ref().map_or(&[], |stop| &stop.later))
    }

    /// Whether what could not be read was promised.
    const fn covers(self, stop: &Stop) -> bool {
        match (self, stop.behind) {
            (Self::Nothing, _) => false,
            (_, Behind::Files) => true,
            (Self::Head(head), behind) => stop.index <= head || !matches!(behind, Behind::Nothing),
            (Self::Written, behind) => !matches!(behind, Behind::Nothing),
            // What nothing proves to be synced is a write that a crash has torn, lost, or brought too early.
            (Self::Synced, Behind::Batches { synced }) => synced >= stop.index,
            (Self::Synced, Behind::Nothing) => false,
        }
    }
}

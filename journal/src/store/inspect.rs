//! Says what a data directory holds, and changes nothing.

use super::{
    Disk, LifeRecord, OpenError,
    names::{self, Files, Name},
    open::{check_shards, previous_life},
    promise::Promise,
    replay::{Blind, Replayed, Source},
};

/// What a data directory holds.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// All files and their bytes, by name.
    pub files: Vec<(String, u64)>,
    /// What its last life promised; none if it is new, or if that cannot be read.
    pub life: Option<LifeRecord>,
    /// Every shard, in order; none if the life cannot be read.
    pub shards: Vec<ShardSeen>,
    /// Why a server would not start with it, beside what is wrong with single shards.
    pub damage: Option<String>,
}

/// What is kept of a shard.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ShardSeen {
    /// Which.
    pub shard: u32,
    /// The newest snapshot: up to which index.
    pub snapshot: Option<u64>,
    /// The first entry behind it that is in a segment; 0 if none is.
    pub first: u64,
    /// The last entry, 0 if there is none.
    pub last: u64,
    /// How many entries are in segments behind the snapshot.
    pub entries: u64,
    /// How large its files are, together.
    pub bytes: u64,
    /// What was not written to its end, which a server removes.
    pub torn: Option<String>,
    /// Why a server would not start with it.
    pub damage: Option<String>,
}

/// Says what a data directory holds, without a repair. `boot` is the machine's, as in [`Terms`](super::Terms).
///
/// # Errors
/// [`OpenError::Io`] if it cannot be read, [`OpenError::Foreign`] and [`OpenError::OtherFormat`] if it is none of ours.
/// What is damaged is in the inspection.
pub fn describe<D: Disk>(disk: &D, boot: &str) -> Result<Inspection, OpenError> {
    let names = names::list(disk)?;
    let bytes_of = |name: &String| disk.bytes(name).map_err(OpenError::io(format!("look at `{name}`")));
    let files = names
        .iter()
        .map(|(name, _)| Ok((name.clone(), bytes_of(name)?)))
        .collect::<Result<_, OpenError>>()?;
    let mut inspection = Inspection { files, life: None, shards: Vec::new(), damage: None };
    match previous_life(disk, &names) {
        Ok(Some(life)) => {
            check_shards(&names, &life)?;
            let seen = (0..life.shards).map(|shard| see(disk, &names, shard, &life, boot, &inspection.files));
            inspection.shards = seen.collect::<Result<_, _>>()?;
            inspection.life = Some(life);
        }
        Ok(None) => {}
        Err(error) => inspection.damage = Some(as_damage(error)?),
    }
    Ok(inspection)
}

fn see<D: Disk>(
    disk: &D,
    names: &[(String, Name)],
    shard: u32,
    life: &LifeRecord,
    boot: &str,
    sizes: &[(String, u64)],
) -> Result<ShardSeen, OpenError> {
    let source = Source { disk, identity: life.identity, shard };
    let files = Files::of(shard, u64::MAX, names);
    let ours = names.iter().zip(sizes).filter(|((_, name), _)| name.shard() == Some(shard));
    let mut seen = ShardSeen {
        shard,
        snapshot: files.snapshot,
        bytes: ours.map(|(_, (_, bytes))| bytes).sum(),
        ..ShardSeen::default()
    };
    let replayed = source.restore(&files, &mut Blind).and_then(|_| {
        source.replay(&files, u64::MAX, |index, _| {
            seen.first = if seen.entries == 0 { index } else { seen.first };
            seen.entries += 1;
            Ok(())
        })
    });
    match replayed.and_then(|replayed| judge(&source, &files, &replayed, life, boot, &mut seen)) {
        Ok(()) => {}
        Err(error) => seen.damage = Some(as_damage(error)?),
    }
    Ok(seen)
}

fn judge<D: Disk>(
    source: &Source<'_, D>,
    files: &Files,
    replayed: &Replayed,
    life: &LifeRecord,
    boot: &str,
    seen: &mut ShardSeen,
) -> Result<(), OpenError> {
    seen.last = replayed.last;
    Promise::of(life, source.shard, boot).settle(source, files, replayed)?;
    seen.torn = replayed
        .stop
        .as_ref()
        .map(|stop| format!("`{}` from byte {} on: {}", stop.file, stop.offset, stop.why));
    Ok(())
}

/// What is wrong with a file of ours; all else is an error.
fn as_damage(error: OpenError) -> Result<String, OpenError> {
    if matches!(error, OpenError::Damaged { .. }) { Ok(error.to_string()) } else { Err(error) }
}

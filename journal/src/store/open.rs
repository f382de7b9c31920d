//! Opens a data directory: what was promised to be kept, and logs that go on behind it.

use std::io::{self, Read, Write};

use super::{
    Damage, Disk, Life, Log, OpenError, Terms,
    life::{LifeRecord, word},
    log::Start,
    names::{self, Files, LIFE, Name},
    promise::Promise,
    replay::{Replayed, Source},
};

/// What entries are applied to.
pub trait Replica: Default {
    /// Takes the state that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// What cannot be understood.
    fn restore(&mut self, from: &mut dyn Read) -> Result<(), Damage>;

    /// Takes the next entry.
    ///
    /// # Errors
    /// What cannot be understood.
    fn apply(&mut self, index: u64, entry: &[u8]) -> Result<(), Damage>;

    /// Writes the state.
    ///
    /// # Errors
    /// Those of `to`.
    fn save(&self, to: &mut dyn Write) -> io::Result<()>;
}

/// An open data directory.
#[derive(Debug)]
pub struct Opened<D, R> {
    /// Every shard, in order.
    pub shards: Vec<Recovered<D, R>>,
    /// Whether entries may be gone that were applied. It is said again at every start, until [`Life::settle`].
    pub lost: bool,
    /// This life of the process, to be ended.
    pub life: Life<D>,
}

/// A shard as it was kept.
#[derive(Debug)]
pub struct Recovered<D, R> {
    /// Where to go on.
    pub log: Log<D>,
    /// The shard.
    pub replica: R,
    /// The last entry's index; 0 if there is none.
    pub last: u64,
}

/// Opens a data directory, and makes it if it is empty. Everything that is found is durable then.
///
/// # Errors
/// What is wrong with it, in one line. Nothing that was promised has been thrown away then.
pub fn open<D: Disk, R: Replica>(disk: D, terms: &Terms) -> Result<Opened<D, R>, OpenError> {
    let names = names::list(&disk)?;
    let previous = previous_life(&disk, &names)?;
    if let Some(previous) = &previous {
        if previous.shards != terms.shards {
            return Err(OpenError::OtherShards { found: previous.shards, wanted: terms.shards });
        }
        check_shards(&names, previous)?;
    }
    remove(&disk, names.iter().filter(|(_, kind)| *kind == Name::Temporary).map(|(name, _)| name))?;
    let previous = previous.map_or_else(|| genesis(&disk, terms), Ok)?;
    let shards = (0..terms.shards).map(|shard| recover(&disk, &names, shard, &previous, terms));
    let shards = shards.collect::<Result<_, _>>()?;
    // Only now: a start that does not come to its end has promised nothing, so the next one must know what was promised
    // before.
    let lost = previous.lost(&terms.boot);
    let record = LifeRecord {
        durability: terms.durability,
        boot: word(&terms.boot),
        unsettled: lost,
        clean: None,
        ..previous
    };
    let life = Life::begin(disk, record).map_err(OpenError::io("write `life`"))?;
    Ok(Opened { shards, lost, life })
}

/// The life before this one, if the directory is not new.
pub(super) fn previous_life<D: Disk>(
    disk: &D,
    names: &[(String, Name)],
) -> Result<Option<LifeRecord>, OpenError> {
    if names.iter().any(|(_, kind)| *kind == Name::Life) {
        return LifeRecord::read(disk).map(Some);
    }
    if names.iter().any(|(_, kind)| kind.is_ours()) {
        return Err(OpenError::damaged(LIFE, 0, "it is missing"));
    }
    names.iter().find(|(_, kind)| *kind == Name::Other).map_or(Ok(None), |(file, _)| {
        let why = "the directory is not empty, and no data directory".into();
        Err(OpenError::Foreign { file: file.clone(), why })
    })
}

/// Before the first life there was one in which nothing happened. With that on the disk, segments that are missing later
/// have been lost, and not only not been made.
fn genesis<D: Disk>(disk: &D, terms: &Terms) -> Result<LifeRecord, OpenError> {
    let genesis = LifeRecord {
        identity: terms.identity,
        shards: terms.shards,
        durability: terms.durability,
        boot: String::new(),
        unsettled: false,
        clean: Some(vec![0; terms.shards as usize]),
    };
    genesis.write(disk).map_err(OpenError::io("write `life`"))?;
    Ok(genesis)
}

/// Whether all files are of shards that there are.
pub(super) fn check_shards(names: &[(String, Name)], life: &LifeRecord) -> Result<(), OpenError> {
    let is_beyond = |name: &Name| name.shard().is_some_and(|shard| shard >= life.shards);
    names.iter().find(|(_, name)| is_beyond(name)).map_or(Ok(()), |(file, _)| {
        let why = format!("there are {} shards only", life.shards);
        Err(OpenError::Foreign { file: file.clone(), why })
    })
}

fn recover<D: Disk, R: Replica>(
    disk: &D,
    names: &[(String, Name)],
    shard: u32,
    previous: &LifeRecord,
    terms: &Terms,
) -> Result<Recovered<D, R>, OpenError> {
    let source = Source { disk, identity: previous.identity, shard };
    let files = Files::of(shard, u64::MAX, names);
    let promise = Promise::of(previous, shard, &terms.boot);
    let mut replica = R::default();
    let snapshot_bytes = source.restore(&files, &mut replica)?;
    let replayed = source.replay(&files, u64::MAX, |index, entry| replica.apply(index, entry))?;
    let dropped = promise.settle(&source, &files, &replayed)?;
    remove(disk, dropped.iter().map(|first| names::segment(shard, *first)))?;
    let Replayed { last, synced, unproven, bytes, .. } = replayed;
    let start = Start {
        identity: previous.identity,
        shard,
        limits: terms.limits,
        synced,
        last,
        unproven: &unproven,
        bytes_since: bytes,
        snapshot_bytes,
    };
    let log = Log::start(disk.clone(), &start).map_err(OpenError::io("begin a segment"))?;
    remove(disk, files.stale)?;
    Ok(Recovered { log, replica, last })
}

fn remove<D: Disk>(disk: &D, names: impl IntoIterator<Item: AsRef<str>>) -> Result<(), OpenError> {
    for name in names {
        let name = name.as_ref();
        disk.remove(name).map_err(OpenError::io(format!("remove `{name}`")))?;
    }
    Ok(())
}

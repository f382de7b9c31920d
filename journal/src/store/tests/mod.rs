//! The store on both disks, through faults.

use std::io::{self, Read, Write};

use super::*;

mod conformance;
mod directory;
mod faults;
mod flips;
mod format;
mod memory;
mod model;
mod promises;

/// Remembers every entry, and that each came once and in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Words(Vec<String>);

impl Replica for Words {
    fn restore(&mut self, from: &mut dyn Read) -> Result<(), Damage> {
        let mut text = String::new();
        from.read_to_string(&mut text)?;
        self.0 = text.lines().map(String::from).collect();
        Ok(())
    }

    fn apply(&mut self, index: u64, entry: &[u8]) -> Result<(), Damage> {
        assert_eq!(index, self.0.len() as u64 + 1, "entries come once and in order");
        let word = String::from_utf8(entry.into()).map_err(|error| Damage(error.to_string()))?;
        self.0.push(word);
        Ok(())
    }

    fn save(&self, to: &mut dyn Write) -> io::Result<()> {
        self.0.iter().try_for_each(|word| writeln!(to, "{word}"))
    }
}

/// Small files, so that there are several of each kind.
const LIMITS: Limits = Limits { segment_bytes_max: 300, snapshot_bytes_min: 500 };

pub(super) fn terms(durability: Durability) -> Terms {
    Terms { shards: 1, durability, boot: "boot-1".into(), identity: 7, limits: LIMITS }
}

fn commit() -> Terms {
    terms(Durability::Commit)
}

fn reopen<D: Disk>(disk: &D, terms: &Terms) -> Opened<D, Words> {
    open(disk.clone(), terms).unwrap_or_else(|error| panic!("{error}"))
}

fn refused<D: Disk>(disk: &D, terms: &Terms) -> OpenError {
    match open::<_, Words>(disk.clone(), terms) {
        Ok(opened) => panic!("it was opened, with {:?}", opened.shards[0].replica),
        Err(error) => error,
    }
}

/// What is kept of the first shard.
fn kept<D: Disk>(disk: &D) -> Vec<String> {
    reopen(disk, &commit()).shards.remove(0).replica.0
}

/// Appends `words` as one batch.
fn append<D: Disk>(log: &mut Log<D>, words: &[&str]) -> io::Result<()> {
    let mut batch = Batch::default();
    for (index, word) in (log.last() + 1..).zip(words) {
        batch.push(index, |buffer| buffer.extend_from_slice(word.as_bytes()));
    }
    log.append(&mut batch)
}

/// Appends each word as a batch, and syncs it.
fn commit_each<D: Disk>(log: &mut Log<D>, words: &[&str]) {
    for word in words {
        append(log, &[word]).unwrap();
        log.sync().unwrap();
    }
}

/// A disk on which each of `words` was committed to the first shard; then the process was killed.
fn disk_with(words: &[&str]) -> MemoryDisk {
    let disk = MemoryDisk::new();
    commit_each(&mut reopen(&disk, &commit()).shards[0].log, words);
    disk
}

/// The only file whose name ends so.
fn the_file(disk: &MemoryDisk, ending: &str) -> String {
    let mut names = disk.list().unwrap();
    names.retain(|name| name.ends_with(ending));
    assert_eq!(names.len(), 1, "{names:?}");
    names.remove(0)
}

/// Numbers out of ranges, the same for the same seed: Steele's splitmix.
fn draws(mut seed: u64) -> impl FnMut(std::ops::Range<u64>) -> u64 {
    move |range| {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        range.start + (mixed ^ (mixed >> 31)) % (range.end - range.start)
    }
}

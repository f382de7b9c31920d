//! A disk in memory that knows what a power cut would leave of it.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    ops::Range,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use super::Disk;

mod cut;
mod file;

use file::File;

/// A disk in memory that knows what a power cut would leave of it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    /// Syncs may go on.
    resumed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, File>,
    created: u64,
    /// What can be seen, and what is durable of it.
    names: Names,
    synced_names: Names,
    /// What was done to names since they were synced.
    changes: Vec<Change>,
    faults: Faults,
}

type Names = BTreeMap<String, u64>;

/// What is done at once to some names: each is given to a file, or to none.
type Change = Vec<(String, Option<u64>)>;

#[derive(Debug, Default)]
struct Faults {
    capacity: Option<u64>,
    fail_sync: bool,
    stalled: bool,
    /// How many more calls may change something, and how much the one behind them appends.
    calls: Option<(u64, usize)>,
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The process ends: everything that was written stays.
    pub fn kill(&self) {
        self.with(|state| state.faults.calls = None);
    }

    /// The power fails, and the process ends with it. Of what was not synced each write and each change of a name stays
    /// or goes, or is torn, independently: `draw` gives numbers out of ranges.
    pub fn power_cut(&self, mut draw: impl FnMut(Range<u64>) -> u64) {
        self.with(|state| {
            state.faults.calls = None;
            state.cut(&mut draw);
        });
    }

    /// How many bytes all files may have together. Of a write that does not fit a part is written.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.with(|state| state.faults.capacity = bytes);
    }

    /// The next sync fails. What it was for can be read on, but no later sync brings it to the disk.
    pub fn fail_next_sync(&self) {
        self.with(|state| state.faults.fail_sync = true);
    }

    /// From now on syncs take until [`resume`](Self::resume).
    pub fn stall(&self) {
        self.with(|state| state.faults.stalled = true);
    }

    /// Syncs come to their end again.
    pub fn resume(&self) {
        self.with(|state| state.faults.stalled = false);
        self.0.resumed.notify_all();
    }

    /// After so many more calls that change something the process counts as dead: calls fail until it was
    /// [killed](Self::kill). If the first of those is an append, so many bytes of it are written.
    pub fn die_after(&self, calls: u64, bytes: usize) {
        self.with(|state| state.faults.calls = Some((calls, bytes)));
    }

    /// Turns a bit round that was synced, and says in which file and at which byte; nothing if there is none.
    pub fn flip(&self, mut draw: impl FnMut(Range<u64>) -> u64) -> Option<(String, u64)> {
        self.with(|state| state.flip(&mut draw))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.with(|state| Ok(state.names.keys().cloned().collect()))
    }

    fn bytes(&self, name: &str) -> io::Result<u64> {
        self.with(|state| Ok(state.file(name)?.bytes().len() as u64))
    }

    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.with(|state| {
            let bytes = state.file(name)?.bytes();
            let mut rest =
                usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
            io::Read::read(&mut rest, into)
        })
    }

    fn create(&self, name: &str) -> io::Result<()> {
        self.with(|state| {
            state.call()?;
            if state.names.contains_key(name) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            state.created += 1;
            state.files.insert(state.created, File::default());
            state.change(vec![(name.into(), Some(state.created))]);
            Ok(())
        })
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.with(|state| {
            let dead = state.call().err();
            let room = match (&dead, state.faults.calls) {
                (Some(_), calls) => calls.map_or(0, |(_, bytes)| bytes),
                (None, _) => state.room(),
            };
            let part = &bytes[..room.min(bytes.len())];
            state.file(name)?.append(part);
            if let Some(dead) = dead {
                state.faults.calls = Some((0, 0));
                return Err(dead);
            }
            if part.len() < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
        })
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let stalled = self.0.resumed.wait_while(self.lock(), |state| state.faults.stalled);
        let mut state = stalled.unwrap_or_else(PoisonError::into_inner);
        state.call()?;
        let fails = std::mem::take(&mut state.faults.fail_sync);
        let file = state.file(name)?;
        if fails {
            file.doom();
            return Err(io::Error::other("the disk failed to sync"));
        }
        file.sync();
        Ok(())
    }

    fn close(&self, _: &str) {}

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.with(|state| {
            state.call()?;
            let file = state.inode(from)?;
            state.change(vec![(from.into(), None), (to.into(), Some(file))]);
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.with(|state| {
            state.call()?;
            state.inode(name)?;
            state.change(vec![(name.into(), None)]);
            Ok(())
        })
    }

    fn sync_names(&self) -> io::Result<()> {
        self.with(|state| {
            state.call()?;
            if std::mem::take(&mut state.faults.fail_sync) {
                return Err(io::Error::other("the disk failed to sync"));
            }
            state.changes.clear();
            state.synced_names = state.names.clone();
            state.forget_files();
            Ok(())
        })
    }
}

impl State {
    /// A call that changes something.
    fn call(&mut self) -> io::Result<()> {
        match &mut self.faults.calls {
            Some((0, _)) => Err(io::Error::other("the process is dead")),
            Some((calls, _)) => {
                *calls -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn inode(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn file(&mut self, name: &str) -> io::Result<&mut File> {
        let inode = self.inode(name)?;
        Ok(self.files.get_mut(&inode).expect("a name has a file"))
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.names, &change);
        self.changes.push(change);
    }

    /// How much can be appended.
    fn room(&self) -> usize {
        let used: usize = self.names.values().map(|inode| self.files[inode].bytes().len()).sum();
        let capacity =
            self.faults.capacity.map_or(usize::MAX, |bytes| bytes.try_into().unwrap_or(usize::MAX));
        capacity.saturating_sub(used)
    }

    /// Forgets the files that no name leads to, whatever happens.
    fn forget_files(&mut self) {
        let changed = self.changes.iter().flatten().filter_map(|(_, inode)| inode.as_ref());
        let named = self.names.values().chain(self.synced_names.values()).chain(changed);
        let named: std::collections::BTreeSet<u64> = named.copied().collect();
        self.files.retain(|inode, _| named.contains(inode));
    }
}

fn apply(names: &mut Names, change: &Change) {
    for (name, inode) in change {
        match inode {
            Some(inode) => _ = names.insert(name.clone(), *inode),
            None => _ = names.remove(name),
        }
    }
}

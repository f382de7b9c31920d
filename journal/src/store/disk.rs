//! What the store asks of a disk: the files of one flat directory, that only ever grow.

use std::io;

use super::names;

/// The files of one flat directory. Blocking. Clones share the directory, also from other threads.
///
/// A file's bytes are durable after [`sync`](Self::sync), its name after [`sync_names`](Self::sync_names): the one
/// without the other keeps nothing.
pub trait Disk: Clone {
    /// The names of all files, in any order.
    ///
    /// # Errors
    /// What the disk says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// How long a file is.
    ///
    /// # Errors
    /// What the disk says, or that there is no such file.
    fn bytes(&self, name: &str) -> io::Result<u64>;

    /// Reads at `offset`. Less than asked for may come; nothing is the end of the file.
    ///
    /// # Errors
    /// What the disk says, or that there is no such file.
    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Makes an empty file that only its owner may read (0600).
    ///
    /// # Errors
    /// What the disk says, or that there is one already.
    fn create(&self, name: &str) -> io::Result<()>;

    /// Writes all of `bytes` behind what is there.
    ///
    /// # Errors
    /// What the disk says. A part may have been written.
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file's bytes durable (`fdatasync`).
    ///
    /// # Errors
    /// What the disk says. What was not durable before may then never be, whatever a later call says.
    fn sync(&self, name: &str) -> io::Result<()>;

    /// Nothing more will be appended to a file that is synced: what is held open for it may go.
    fn close(&self, name: &str);

    /// Gives a synced file another name, at once in the place of the file that had it.
    ///
    /// # Errors
    /// What the disk says, or that there is no such file.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the disk says, or that there is no such file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes what files there are and how they are called durable (`fsync` of the directory).
    ///
    /// # Errors
    /// What the disk says.
    fn sync_names(&self) -> io::Result<()>;
}

/// All of a file.
pub(super) fn read_all<D: Disk>(disk: &D, name: &str) -> io::Result<Vec<u8>> {
    let bytes = usize::try_from(disk.bytes(name)?).map_err(io::Error::other)?;
    let mut all = vec![0; bytes];
    let read = fill(disk, name, 0, &mut all)?;
    all.truncate(read);
    Ok(all)
}

/// Reads at `offset` until `into` is full or the file ends, and says how much came.
pub(super) fn fill<D: Disk>(disk: &D, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match disk.read_at(name, offset + filled as u64, &mut into[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Puts a durable file in the place of `name`, whole or not at all. `write` is told what it is called meanwhile.
pub(super) fn replace<D: Disk, E: From<io::Error>>(
    disk: &D,
    name: &str,
    write: impl FnOnce(&str) -> Result<(), E>,
) -> Result<(), E> {
    let temporary = names::temporary(name);
    disk.create(&temporary)?;
    let written = write(&temporary).and_then(|()| {
        disk.sync(&temporary)?;
        Ok(disk.rename(&temporary, name)?)
    });
    if written.is_err() {
        // What is left of it may fill the disk. If it cannot go now, the next start removes it.
        _ = disk.remove(&temporary);
    }
    written?;
    Ok(disk.sync_names()?)
}

//! What all shards know, in one file: for a process that ends as planned, and goes on in the next.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use chinwag_core::Shard;
use crc32fast::Hasher;

use crate::store::{Damage, Replica, sync_directory};

/// What such a file begins with: its name and format.
const TITLE: &[u8; 16] = b"chinwag state 1\n";

/// Sees whether such a file can be written, so that this is not found out in the end.
///
/// # Errors
/// Those of the file system.
pub fn prepare(path: &Path) -> io::Result<()> {
    drop(create(&unfinished(path))?);
    fs::remove_file(unfinished(path))
}

/// Writes what the shards know to a file that only its owner may read, whole or not at all.
///
/// # Errors
/// Those of the file system.
pub fn save(path: &Path, shards: &[Shard]) -> io::Result<()> {
    let mut file = Summed { inner: BufWriter::new(create(&unfinished(path))?), sum: Hasher::new() };
    file.write_all(TITLE)?;
    file.write_all(&(shards.len() as u32).to_le_bytes())?;
    shards.iter().try_for_each(|shard| shard.save(&mut file))?;
    let sum = file.sum.clone().finalize();
    file.write_all(&sum.to_le_bytes())?;
    file.inner.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(unfinished(path), path)?;
    sync_name(path)
}

/// What so many shards knew; `None` if there is no file.
///
/// # Errors
/// Those of the file system, or what is wrong with the file ([`io::ErrorKind::InvalidData`]).
pub fn load(path: &Path, shards: u32) -> io::Result<Option<Vec<Shard>>> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => read(file?, shards).map(Some).map_err(|Damage(why)| {
            io::Error::new(io::ErrorKind::InvalidData, format!("it is no state to go on from: {why}"))
        }),
    }
}

/// Removes the file, if it is there: to be called before anybody is told anything that is not in it.
///
/// # Errors
/// Those of the file system.
pub fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.and_then(|()| sync_name(path)),
    }
}

/// Where a file is written until it is whole.
fn unfinished(path: &Path) -> PathBuf {
    path.with_added_extension("tmp")
}

/// A new file that only its owner may read, in the place of what an earlier attempt has left.
fn create(path: &Path) -> io::Result<File> {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn read(file: File, shards: u32) -> Result<Vec<Shard>, Damage> {
    let mut file = Summed { inner: BufReader::new(file), sum: Hasher::new() };
    let (mut title, mut count) = ([0; TITLE.len()], [0; 4]);
    file.read_exact(&mut title)?;
    if title != *TITLE {
        return Err(Damage("it was written by something else, or by another version".to_owned()));
    }
    file.read_exact(&mut count)?;
    let count = u32::from_le_bytes(count);
    if count != shards {
        return Err(Damage(format!("it is of {count} shards, and not of {shards}")));
    }
    let shards = (0..count)
        .map(|_| {
            let mut shard = Shard::new();
            shard.restore(&mut file).map(|()| shard)
        })
        .collect::<Result<_, _>>()?;
    let (sum, mut wanted) = (file.sum.clone().finalize(), [0; 4]);
    file.read_exact(&mut wanted)?;
    if sum != u32::from_le_bytes(wanted) {
        return Err(Damage("its check sum is wrong".to_owned()));
    }
    Ok(shards)
}

fn sync_name(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync_directory(parent.unwrap_or_else(|| Path::new(".")))
}

/// A file, and the check sum of what went through.
struct Summed<T> {
    inner: T,
    sum: Hasher,
}

impl<T: Write> Write for Summed<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Summed<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.sum.update(&into[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::{
        Time,
        config::ShardConfig,
        shard::{Entry, Op},
    };

    use super::*;

    fn shard() -> Shard {
        let mut shard = Shard::new();
        let op = Op::Genesis { config: ShardConfig::default(), incarnation: 7 };
        shard.apply(&Entry { index: 1, at: Time(5), op }, &mut vec![]);
        shard
    }

    #[test]
    fn what_was_saved_is_there_until_it_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        prepare(&path).unwrap();
        assert!(load(&path, 2).unwrap().is_none());
        save(&path, &[shard(), shard()]).unwrap();
        let loaded = load(&path, 2).unwrap().expect("it is there");
        assert_eq!(loaded.iter().map(Shard::digest).collect::<Vec<_>>(), [shard().digest(); 2]);
        assert_eq!(load(&path, 3).unwrap_err().kind(), io::ErrorKind::InvalidData);
        forget(&path).unwrap();
        forget(&path).unwrap();
        assert!(load(&path, 2).unwrap().is_none());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        save(&path, &[shard()]).unwrap();
        let good = fs::read(&path).unwrap();
        for byte in 0..good.len() {
            let mut bad = good.clone();
            bad[byte] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert_eq!(load(&path, 1).unwrap_err().kind(), io::ErrorKind::InvalidData, "byte {byte}");
        }
        fs::write(&path, &good[..good.len() - 1]).unwrap();
        assert!(load(&path, 1).is_err());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_found_out_at_once() {
        let directory = tempfile::tempdir().unwrap();
        assert!(prepare(&directory.path().join("nowhere").join("state")).is_err());
    }
}

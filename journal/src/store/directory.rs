//! A directory of the machine's file system.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Disk, OpenError};

/// A directory of the machine's file system. As long as one of its clones lives, no other process can open it.
#[derive(Clone, Debug)]
pub struct Directory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// None if it is only looked at.
    lock: Option<File>,
    /// What is appended to. A file is held open until it is synced and closed: who opens it anew may not be told that a
    /// write of before has failed.
    open: Mutex<BTreeMap<String, Arc<File>>>,
}

impl Directory {
    /// Makes the directory, for its owner only (0700), if it is not there, and locks it.
    ///
    /// # Errors
    /// [`OpenError::Locked`] if another process uses it, [`OpenError::Io`] if the system refuses.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        make(path).map_err(OpenError::io(format!("make `{}`", path.display())))?;
        let refused = || OpenError::io(format!("open `{}`", path.display()));
        let lock = private().create(true).open(path.join(LOCK)).map_err(refused())?;
        match lock.try_lock() {
            Ok(()) => Ok(Self::new(path, Some(lock))),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { directory: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(refused()(error)),
        }
    }

    /// A directory to look at: it is neither made nor locked, and nothing can be written.
    ///
    /// # Errors
    /// [`OpenError::Io`] if the system refuses.
    pub fn look(path: &Path) -> Result<Self, OpenError> {
        fs::read_dir(path).map_err(OpenError::io(format!("open `{}`", path.display())))?;
        Ok(Self::new(path, None))
    }

    fn new(path: &Path, lock: Option<File>) -> Self {
        Self(Arc::new(Inner { path: path.into(), lock, open: Mutex::default() }))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path.join(name)
    }

    fn writable(&self) -> io::Result<()> {
        let looking = || io::Error::new(io::ErrorKind::PermissionDenied, "the directory is only looked at");
        self.0.lock.as_ref().map(drop).ok_or_else(looking)
    }

    fn with_open<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Arc<File>>) -> T) -> T {
        act(&mut self.0.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The file, open to be appended to. Whoever writes or syncs holds up nobody else.
    fn file(&self, name: &str) -> io::Result<Arc<File>> {
        self.writable()?;
        self.with_open(|open| {
            if let Some(file) = open.get(name) {
                return Ok(Arc::clone(file));
            }
            let file = Arc::new(OpenOptions::new().append(true).open(self.path(name))?);
            open.insert(name.into(), Arc::clone(&file));
            Ok(file)
        })
    }
}

impl Disk for Directory {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_file() && name != LOCK {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn bytes(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.len())
    }

    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut file = File::open(self.path(name))?;
        file.seek(SeekFrom::Start(offset))?;
        file.read(into)
    }

    fn create(&self, name: &str) -> io::Result<()> {
        self.writable()?;
        let file = private().create_new(true).open(self.path(name))?;
        self.with_open(|open| open.insert(name.into(), Arc::new(file)));
        Ok(())
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.file(name)?.as_ref().write_all(bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()
    }

    fn close(&self, name: &str) {
        self.with_open(|open| open.remove(name));
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.writable()?;
        fs::rename(self.path(from), self.path(to))?;
        self.close(from);
        self.close(to);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.writable()?;
        self.close(name);
        fs::remove_file(self.path(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.writable()?;
        sync_directory(&self.0.path)
    }
}

/// Makes a directory and those it is in, and their names durable.
fn make(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if parent == Path::new("") => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    if !path.is_dir() {
        make(parent)?;
        private_directory().create(path)?;
    }
    // Also if it was there: who made it may have been killed before this.
    sync_directory(parent)
}

/// Makes the names in a directory durable, where the system lets programs do so.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// How a directory is made that only its owner may read.
fn private_directory() -> DirBuilder {
    let mut directory = DirBuilder::new();
    directory.recursive(false);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut directory, 0o700);
    directory
}

/// How a file is made, and appended to, that only its owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The file that is locked.
const LOCK: &str = "lock";

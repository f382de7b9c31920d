//! Files that people upload: a bounded directory of them, each under a number that nobody guesses, for members of its room.
//!
//! A file is written beside the others and then renamed, so that one that has a number is there whole. It begins with its
//! [`Label`], so that the directory says of itself all that there is to know.

mod figures;
mod file_type;
mod incoming;
mod label;
mod name;
mod outgoing;
mod shelf;
mod tidy;
mod turns;

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chinwag_core::{RoomName, UserName};
use tracing::{info, warn};

pub use self::file_type::FileType;
use self::{
    figures::Figures,
    label::{LABEL_BYTES_MAX, Label},
    shelf::{Kept, Shelf, blocks},
    turns::Turns,
};
pub(crate) use self::{
    file_type::TELLING_BYTES,
    incoming::{Failure, Incoming},
    name::safe,
    outgoing::{Outgoing, PIECE_BYTES},
    shelf::Full,
    tidy::keep_tidy,
    turns::{NoTurn, Turn},
};
use crate::settings::UploadConfig;

/// What the name of a file ends with that is being written.
const PART: &str = ".part";
/// Held for as long as the directory is in use.
const LOCK: &str = "lock";

/// A file's number, of random bits.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct FileId(u128);

impl FileId {
    fn new() -> Self {
        Self(rand::random())
    }

    /// Reads what [`Display`](fmt::Display) writes, and nothing else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let id = u128::from_str_radix(text, 16).ok().map(Self)?;
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The directory, its index, and who is using it.
#[derive(Debug)]
pub(crate) struct Uploads {
    /// What the operator set.
    pub(crate) config: UploadConfig,
    directory: PathBuf,
    shelf: Mutex<Shelf>,
    turns: Arc<Turns>,
    figures: Figures,
    /// No other process may clear up here.
    _lock: File,
}

impl Uploads {
    /// Opens the directory, if there is to be one; it is made if it is not there. What was never finished is removed.
    ///
    /// # Errors
    /// It cannot be used; one line that says why.
    pub(crate) fn open(config: &UploadConfig) -> io::Result<Option<Arc<Self>>> {
        let Some(directory) = &config.files_dir else { return Ok(None) };
        let opened = Self::open_at(directory, config);
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("--files-dir {}: {error}", directory.display()))
        };
        opened.map(|uploads| Some(Arc::new(uploads))).map_err(named)
    }

    fn open_at(directory: &Path, config: &UploadConfig) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(directory)?;
        let lock = lock(directory)?;
        let mut shelf = Shelf::new(config.files_bytes_max as u64, config.user_files_bytes_max as u64);
        for entry in fs::read_dir(directory)? {
            look_at(&entry?.path(), &mut shelf)?;
        }
        let (files, bytes) = shelf.totals();
        info!(files, bytes, "files that were uploaded");
        Ok(Self {
            config: config.clone(),
            directory: directory.to_owned(),
            shelf: Mutex::new(shelf),
            turns: Turns::new(config.transfers_max, config.user_transfers_max),
            figures: Figures::default(),
            _lock: lock,
        })
    }

    /// A user's turn to upload or download, if there is one now.
    pub(crate) fn turn(&self, user: UserName) -> Result<Turn, NoTurn> {
        self.turns.take(user)
    }

    /// The room of a file that is there.
    pub(crate) fn room(&self, id: FileId) -> Option<RoomName> {
        self.shelf().room(id).cloned()
    }

    /// Sets room aside for what a user uploads.
    fn reserve(&self, user: &UserName, bytes: u64) -> Result<(), Full> {
        self.shelf().reserve(user, bytes)
    }

    fn path(&self, id: FileId) -> PathBuf {
        self.directory.join(id.to_string())
    }

    fn part(&self, id: FileId) -> PathBuf {
        self.directory.join(format!("{id}{PART}"))
    }

    /// Removes files, on the disk first: one that cannot be removed still takes its room.
    fn remove(&self, ids: &[FileId]) {
        for &id in ids {
            match fs::remove_file(self.path(id)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    warn!(file = %id, %error, "cannot remove a file");
                }
                _ => {
                    self.shelf().remove(id);
                    self.figures.removed.inc();
                }
            }
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Only we may read what is there.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn lock(directory: &Path) -> io::Result<File> {
    let file = private().create(true).truncate(false).open(directory.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another process uses it: end it, or name another directory",
        )),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether it is one, and nothing that leads out of the directory, such as a link.
fn is_file(path: &Path) -> io::Result<bool> {
    Ok(fs::symlink_metadata(path)?.is_file())
}

/// Takes up a file that is there, and removes what was never finished. What is not ours stays as it is.
fn look_at(path: &Path, shelf: &mut Shelf) -> io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.strip_suffix(PART).is_some_and(|id| FileId::parse(id).is_some()) {
        return fs::remove_file(path);
    }
    let Some(id) = FileId::parse(name) else { return Ok(()) };
    if !is_file(path)? {
        warn!(name, "not a file: left alone");
        return Ok(());
    }
    let mut head = Vec::with_capacity(LABEL_BYTES_MAX);
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    file.take(LABEL_BYTES_MAX as u64).read_to_end(&mut head)?;
    match Label::read(&head) {
        Some((Label { room, user, at, .. }, _)) => {
            shelf.find(id, Kept { room, user, bytes: blocks(bytes), at });
        }
        None => warn!(file = name, "not a file of ours: left alone"),
    }
    Ok(())
}

//! A file that is being uploaded: it leaves nothing behind unless it comes to its end.

use std::{fs, io, path::Path, sync::Arc};

use chinwag_core::{RoomName, UserName};
use tokio::{fs::File, io::AsyncWriteExt as _, task::spawn_blocking};

use super::{
    FileId, FileType, Full, Uploads,
    label::{self, Label},
    private,
    shelf::{Kept, blocks},
};

/// A file that has only begun.
#[derive(Debug)]
pub(crate) struct Incoming {
    uploads: Arc<Uploads>,
    id: FileId,
    label: Label,
    /// None once all is written.
    file: Option<File>,
    /// Written so far, with the label.
    written: u64,
    /// Set aside on the shelf.
    reserved: u64,
    is_kept: bool,
}

/// Why a file is not kept.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no room for it.
    Full(Full),
    /// The disk says so.
    Disk(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full(Full::All)
            }
            _ => Self::Disk(error),
        }
    }
}

impl Incoming {
    /// Begins a file of which at least so many bytes will come.
    ///
    /// # Errors
    /// There is no room, or the disk does not take it.
    pub(crate) async fn begin(
        uploads: Arc<Uploads>,
        (room, user): (RoomName, UserName),
        name: String,
        kind: FileType,
        bytes: u64,
    ) -> Result<Self, Failure> {
        let label = Label { room, user, name, media_type: kind.name().to_owned(), at: label::now() };
        let line = label.line();
        let id = FileId::new();
        let mut incoming = Self { uploads, id, label, file: None, written: 0, reserved: 0, is_kept: false };
        incoming.reserve(line.len() as u64 + bytes)?;
        // It goes along, so that whoever gives up meanwhile leaves nothing, either.
        let made = spawn_blocking(move || {
            let file = private().create_new(true).open(incoming.uploads.part(id))?;
            incoming.file = Some(File::from_std(file));
            Ok::<_, io::Error>(incoming)
        });
        let mut incoming = made.await.expect("it does not panic")?;
        incoming.write(&line).await?;
        Ok(incoming)
    }

    /// Goes on with it.
    ///
    /// # Errors
    /// As above.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.written += bytes.len() as u64;
        self.reserve(self.written)?;
        self.file.as_mut().expect("it is being written").write_all(bytes).await?;
        Ok(())
    }

    /// Keeps it: once this is done it is on the disk, whatever becomes of the machine.
    ///
    /// # Errors
    /// The disk does not take it.
    pub(crate) async fn keep(mut self) -> Result<FileId, Failure> {
        let mut file = self.file.take().expect("it is being written");
        file.flush().await?;
        let file = file.into_std().await;
        // From here on it comes to its end even if nobody waits for it any more.
        let kept = spawn_blocking(move || {
            file.sync_all()?;
            self.place()?;
            Ok::<_, io::Error>(self.id)
        });
        Ok(kept.await.expect("it does not panic")?)
    }

    /// Gives it its number, where all can see it.
    fn place(&mut self) -> io::Result<()> {
        let Self { uploads, id, label, .. } = &*self;
        let path = uploads.path(*id);
        fs::rename(uploads.part(*id), &path)?;
        // What is not known to be there for good is not there at all.
        sync(&uploads.directory).inspect_err(|_| drop(fs::remove_file(&path)))?;
        let kept =
            Kept { room: label.room.clone(), user: label.user.clone(), bytes: self.reserved, at: label.at };
        uploads.shelf().put(*id, kept);
        uploads.figures.uploaded.inc();
        self.is_kept = true;
        Ok(())
    }

    /// Sets aside what so many bytes take of a disk.
    fn reserve(&mut self, bytes: u64) -> Result<(), Failure> {
        let more = blocks(bytes).saturating_sub(self.reserved);
        if more > 0 {
            self.uploads.reserve(&self.label.user, more).map_err(Failure::Full)?;
            self.reserved += more;
        }
        Ok(())
    }
}

impl Drop for Incoming {
    /// Also when whoever uploads is gone. To unlink waits for no disk.
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // There may be none yet.
        let _ = fs::remove_file(self.uploads.part(self.id));
        self.uploads.figures.failed.inc();
        if self.reserved > 0 {
            self.uploads.shelf().release(&self.label.user, self.reserved);
        }
    }
}

/// Makes what was renamed there outlive the machine.
fn sync(directory: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened, and what is renamed is written down by itself.
    if cfg!(unix) { fs::File::open(directory)?.sync_all() } else { Ok(()) }
}

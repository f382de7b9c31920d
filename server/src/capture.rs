//! The capture of a process: what its nodes record, written by a thread of its own.

use std::{
    fs::File,
    io,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use chinwag_core::redact::Redactor;
use chinwag_journal::{
    Start,
    capture::{End, Head, Reel, Tape, Writer},
};
use tracing::{error, info, warn};

use crate::settings::{Bodies, CaptureConfig};

/// What waits is written at least this often, so that little is missing after a crash.
const WRITTEN_EVERY: Duration = Duration::from_millis(100);

/// A capture that is being written.
#[derive(Debug)]
pub(crate) struct Capture {
    reel: Arc<Reel>,
    redactor: Redactor,
    is_hashed: bool,
    thread: JoinHandle<()>,
}

impl Capture {
    /// Begins the file that the settings name, if they do, with what nodes are made from. `head` is without what this decides.
    ///
    /// # Errors
    /// The file cannot be written; one line that says so.
    pub(crate) fn begin(config: &CaptureConfig, head: Head, starts: &[Start]) -> io::Result<Option<Self>> {
        let Some(path) = &config.capture else { return Ok(None) };
        let redactor = Redactor::new(rand::random());
        let is_hashed = config.capture_bodies == Bodies::Hashed;
        let head = Head {
            key: (!is_hashed).then(|| redactor.reveal()),
            begun: u32::try_from(starts.len()).expect("few shards"),
            durability: starts.first().and_then(|start| start.durability),
            lost: starts.iter().any(|start| start.lost),
            ..head
        };
        let scrubs = is_hashed.then(|| redactor.clone());
        let begun = create(path).and_then(|file| Writer::begin(file, &head, starts, scrubs.as_ref()));
        let writer = begun.map_err(|error| {
            let text = format!("--capture {}: {error}: name a file that can be written", path.display());
            io::Error::new(error.kind(), text)
        })?;
        let reel = Arc::new(Reel::new(config.capture_bytes as u64));
        let (records, name) = (Arc::clone(&reel), path.display().to_string());
        let write = move || match write_all(writer, &records) {
            Ok(End::Stopped) => {}
            Ok(End::Full) => warn!(file = name, "the capture has all the bytes it may: it ends here"),
            Ok(End::Behind) => warn!(file = name, "the disk is too slow for a capture: it ends here"),
            Err(error) => {
                records.stop();
                error!(file = name, %error, "cannot write the capture: it ends here");
            }
        };
        let thread = thread::Builder::new().name("capture".to_owned()).spawn(write)?;
        info!(file = %path.display(), bodies = %config.capture_bodies, "captures");
        Ok(Some(Self { reel, redactor, is_hashed, thread }))
    }

    /// What a node records with.
    pub(crate) fn tape(&self) -> (Tape, Redactor) {
        let scrubs = self.is_hashed.then(|| self.redactor.clone());
        (Tape::new(Arc::clone(&self.reel), scrubs), self.redactor.clone())
    }

    /// Writes what is left: its nodes have ended.
    pub(crate) fn end(self) {
        self.reel.stop();
        // It has said what went wrong.
        let _ = self.thread.join();
    }
}

/// A new file that only its owner may read; what was there stays beside it.
fn create(path: &Path) -> io::Result<File> {
    if path.try_exists()? {
        if !path.is_file() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something else than a file"));
        }
        std::fs::rename(path, path.with_added_extension("1"))?;
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write_all(mut writer: Writer<File>, reel: &Reel) -> io::Result<End> {
    let mut records = Vec::new();
    loop {
        let end = reel.take(&mut records, WRITTEN_EVERY);
        writer.add(&records)?;
        if let Some(end) = end {
            writer.end(end)?;
            return Ok(end);
        }
    }
}

//! A file for what comes of a long command: opened before it begins, so that nothing is lost to a bad path.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::Serialize;

/// A file that can be written to. What is in it stays until there is something to write.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    file: File,
}

impl OutputFile {
    /// Opens a file, and makes it if there is none.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// The same of one that may not be wanted.
    ///
    /// # Errors
    /// If it is wanted, and cannot be written.
    pub(crate) fn open_if_wanted(path: Option<&Path>) -> anyhow::Result<Option<Self>> {
        path.map(Self::open).transpose()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a text in the place of what is in it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(&self, text: &str) -> anyhow::Result<()> {
        self.write_with(|out| out.write_all(text.as_bytes()))
    }

    /// Puts a value there, as JSON.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write_json(&self, value: &impl Serialize) -> anyhow::Result<()> {
        self.write(&(serde_json::to_string_pretty(value)? + "\n"))
    }

    /// Puts there whatever writes itself.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write_with(
        &self,
        write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let written = self.empty().and_then(|()| {
            let mut out = BufWriter::new(&self.file);
            write(&mut out)?;
            out.flush()
        });
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Takes out what is in it. Pipes and terminals never hold anything.
    fn empty(&self) -> io::Result<()> {
        if self.file.metadata()?.is_file() { self.file.set_len(0) } else { Ok(()) }
    }
}

/// Makes the folder that a file is to be in, if there is none.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn make_folder_of(path: &Path) -> anyhow::Result<()> {
    path.parent().map_or(Ok(()), make_folder)
}

/// Makes a folder, if there is none.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_file_stays_until_there_is_something_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "what was there before").unwrap();
        let file = OutputFile::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "what was there before");
        file.write("new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_written_to_as_well() {
        OutputFile::open(Path::new("/dev/null")).unwrap().write("gone").unwrap();
    }
}

//! Whether people can upload files, and how many of which kind.

use std::{path::PathBuf, time::Duration};

use chinwag_core::config::BadLimit;

use crate::uploads::FileType;

/// Whether people can upload files, and how many of which kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UploadConfig {
    /// The directory that keeps them; nobody can upload when `None`.
    pub files_dir: Option<PathBuf>,
    /// Most bytes of one file.
    pub file_bytes_max: usize,
    /// Most bytes of one user's files, as they lie on a disk.
    pub user_files_bytes_max: usize,
    /// Most bytes of all files, as they lie on a disk.
    pub files_bytes_max: usize,
    /// What is taken, by what comes and not by what it is called.
    pub file_types: Vec<FileType>,
    /// How long a file is kept, if its room is there for so long.
    pub file_ttl: Duration,
    /// Uploads and downloads at once, on all threads.
    pub transfers_max: usize,
    /// Those of one user.
    pub user_transfers_max: usize,
    /// How long one of those may take.
    pub transfer_timeout: Duration,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            files_dir: None,
            file_bytes_max: 10 << 20,
            user_files_bytes_max: 128 << 20,
            files_bytes_max: 1 << 30,
            file_types: FileType::KNOWN.to_vec(),
            file_ttl: Duration::from_hours(30 * 24),
            transfers_max: 64,
            user_transfers_max: 8,
            transfer_timeout: Duration::from_mins(5),
        }
    }
}

impl UploadConfig {
    /// Whether each setting makes sense by itself.
    ///
    /// # Errors
    /// The first that does not.
    pub(crate) fn check(&self) -> Result<(), BadLimit> {
        let is_zero = [
            ("file_bytes_max", self.file_bytes_max == 0),
            ("user_files_bytes_max", self.user_files_bytes_max == 0),
            ("files_bytes_max", self.files_bytes_max == 0),
            ("file_ttl", self.file_ttl.is_zero()),
            ("transfers_max", self.transfers_max == 0),
            ("user_transfers_max", self.user_transfers_max == 0),
            ("transfer_timeout", self.transfer_timeout.is_zero()),
        ];
        let zero = is_zero.into_iter().find(|&(_, is_zero)| is_zero);
        zero.map_or(Ok(()), |(name, _)| Err(BadLimit { name, must_be: "above zero" }))
    }
}

//! Where logs are kept, and how well.

use std::{path::PathBuf, time::Duration};

use chinwag_core::config::BadLimit;
use chinwag_journal::store::Durability;

/// Where logs are kept, and how well.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StorageConfig {
    /// The data directory; everything is in memory only when `None`.
    pub data_dir: Option<PathBuf>,
    /// Where a planned end leaves what shards know, and the next start finds it; only without a data directory.
    pub state_file: Option<PathBuf>,
    /// When what was said counts as kept in the data directory; [`Durability::Commit`] when `None`.
    pub durability: Option<Durability>,
    /// With [`Durability::Interval`], what was written is synced this often.
    pub sync_interval: Duration,
    /// Log of a shard after which a snapshot is made, in bytes; or as much as the last snapshot has, if that is more.
    pub snapshot_bytes: usize,
    /// Log that may wait for the disk, in bytes: while there is more, connections are not read.
    pub backlog_bytes_max: usize,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            data_dir: None,
            state_file: None,
            durability: None,
            sync_interval: Duration::from_millis(100),
            snapshot_bytes: 64 << 20,
            backlog_bytes_max: 64 << 20,
        }
    }
}

impl StorageConfig {
    /// Whether each setting makes sense by itself.
    ///
    /// # Errors
    /// The first that does not.
    pub(crate) fn check(&self) -> Result<(), BadLimit> {
        let is_zero = [
            ("sync_interval", self.sync_interval.is_zero()),
            ("snapshot_bytes", self.snapshot_bytes == 0),
            ("backlog_bytes_max", self.backlog_bytes_max == 0),
        ];
        let zero = is_zero.into_iter().find(|&(_, is_zero)| is_zero);
        zero.map_or(Ok(()), |(name, _)| Err(BadLimit { name, must_be: "above zero" }))
    }
}

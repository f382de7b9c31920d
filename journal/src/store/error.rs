//! What can be wrong with a data directory, each in one clear line.

use std::{fmt, io};

use thiserror::Error;

/// Why a replica could not take what was stored for it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct Damage(pub String);

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Why a data directory cannot be used. Nothing in it has been thrown away.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Something that was promised to be kept cannot be read.
    #[error(
        "`{file}` is damaged at byte {offset}: {why}; what it promised to keep cannot be read: restore the data \
         directory from a backup, or move it away to begin anew"
    )]
    Damaged {
        /// The file's name.
        file: String,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong there.
        why: String,
    },
    /// A file of something else.
    #[error(
        "`{file}` does not belong to this data directory: {why}; name another directory, or move the file away"
    )]
    Foreign {
        /// The file's name.
        file: String,
        /// How that shows.
        why: String,
    },
    /// Written by another version of this program.
    #[error("`{file}` has format {found}, and this program reads {supported}: use the version that wrote it")]
    OtherFormat {
        /// The file's name.
        file: String,
        /// Its format.
        found: u32,
        /// The one that is read.
        supported: u32,
    },
    /// Made for another number of shards.
    #[error(
        "the data directory was made for {found} shards, and not for {wanted}: set {found}, or name another directory"
    )]
    OtherShards {
        /// How many it has.
        found: u32,
        /// How many were asked for.
        wanted: u32,
    },
    /// In use.
    #[error("`{directory}` is in use by another server: stop that one, or name another directory")]
    Locked {
        /// Which directory.
        directory: String,
    },
    /// The disk refuses.
    #[error("cannot {what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        error: io::Error,
    },
}

impl OpenError {
    /// What becomes of the system's error when `what` was tried.
    pub(super) fn io(what: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { what: what.to_string(), error }
    }

    pub(super) fn damaged(file: &str, offset: u64, why: impl Into<String>) -> Self {
        Self::Damaged { file: file.into(), offset, why: why.into() }
    }
}

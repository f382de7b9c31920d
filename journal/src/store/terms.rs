//! What a data directory is opened with.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What is opened, and what this life of the process promises.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How many shards there are: those of the first life.
    pub shards: u32,
    /// When what is appended counts as kept.
    pub durability: Durability,
    /// The machine's boot, as a word: with another one, what was not synced may be gone. Empty if it is not known.
    pub boot: String,
    /// 64 random bits: who this directory is, if it is new. Keep them secret: they also keep what users write from
    /// looking like a batch.
    pub identity: u64,
    /// How large files become.
    pub limits: Limits,
}

/// When what is appended counts as kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// At once: every end that is not clean may lose something.
    None,
    /// Once it is written: it outlives the process, but not the machine until the next sync.
    Interval,
    /// Once it is synced: it outlives both.
    #[default]
    Commit,
}

/// How large files become.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A segment that would become larger ends before; in bytes. One batch is always taken.
    pub segment_bytes_max: u64,
    /// A snapshot is due after so many bytes, or as many as the last one has, whichever is more.
    pub snapshot_bytes_min: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { segment_bytes_max: 64 << 20, snapshot_bytes_min: 64 << 20 }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Interval => "interval",
            Self::Commit => "commit",
        })
    }
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "none" => Ok(Self::None),
            "interval" => Ok(Self::Interval),
            "commit" => Ok(Self::Commit),
            _ => Err(format!("`{name}` is none of none, interval and commit")),
        }
    }
}

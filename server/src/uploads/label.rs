//! The line that a file of the directory begins with: whose it is, in which room, and what it is called. What was uploaded follows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chinwag_core::{RoomName, UserName};
use serde::{Deserialize, Serialize};

/// Longest label, in bytes: names are bounded.
pub(super) const LABEL_BYTES_MAX: usize = 2_048;

/// What is known of a file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Label {
    /// Its members may have it.
    pub(crate) room: RoomName,
    /// Who uploaded it.
    pub(crate) user: UserName,
    /// What it is called: harmless.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) media_type: String,
    /// When it came, in milliseconds since 1970.
    pub(crate) at: u64,
}

impl Label {
    /// The line.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("no key is anything but text");
        line.push(b'\n');
        line
    }

    /// The label that a file begins with, and where what was uploaded begins.
    pub(super) fn read(head: &[u8]) -> Option<(Self, usize)> {
        let end = head.iter().take(LABEL_BYTES_MAX).position(|&byte| byte == b'\n')?;
        Some((serde_json::from_slice(&head[..end]).ok()?, end + 1))
    }

    /// How long ago it came; nothing, if the clock was set back since.
    pub(super) fn age(&self) -> Duration {
        Duration::from_millis(now().saturating_sub(self.at))
    }
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

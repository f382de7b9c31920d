//! Whether everything that comes in is written down.

use std::{fmt, path::PathBuf, str::FromStr};

use chinwag_core::config::BadLimit;

/// Whether everything that comes in is written down, to be led through the machines again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptureConfig {
    /// Where; not at all when `None`. What is there is kept beside it, under its name with `.1`.
    pub capture: Option<PathBuf>,
    /// Most bytes of it: then it ends, and the server goes on.
    pub capture_bytes: usize,
    /// What of it is what people say.
    pub capture_bodies: Bodies,
}

/// How what people say is written down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bodies {
    /// As they say it.
    Clear,
    /// As other texts of the same length, of which nobody can tell what they stand for.
    Hashed,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self { capture: None, capture_bytes: 1 << 30, capture_bodies: Bodies::Clear }
    }
}

impl CaptureConfig {
    /// Whether each setting makes sense by itself.
    ///
    /// # Errors
    /// The first that does not.
    pub(crate) const fn check(&self) -> Result<(), BadLimit> {
        match self.capture_bytes {
            0 => Err(BadLimit { name: "capture_bytes", must_be: "above zero" }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear => "clear",
            Self::Hashed => "hashed",
        })
    }
}

impl FromStr for Bodies {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Clear, Self::Hashed].into_iter().find(|bodies| bodies.to_string() == text).ok_or(())
    }
}

//! Makes tokens for many users with one key: for load tests.

use std::{path::Path, time::Duration};

use chinwag_core::{UserName, role::Role};

use super::{
    key::{SigningKey, read_file},
    mint::{Payload, mint},
};
use crate::clock::Clock;

/// Makes tokens for members, as `chat-server token` does.
pub struct Minter(SigningKey);

impl Minter {
    /// Reads the key: a shared secret of at least 32 bytes, or a private key in PEM, RSA or Ed25519.
    ///
    /// # Errors
    /// One line that names the file.
    pub fn from_file(path: &Path) -> Result<Self, String> {
        let key = SigningKey::read(&read_file(path)?);
        key.map(Self).map_err(|why| format!("{} {why}", path.display()))
    }

    /// A token that is good from now on for so long.
    ///
    /// # Errors
    /// The key cannot sign; one line.
    pub fn mint(&self, user: &UserName, ttl: Duration) -> Result<String, String> {
        let now = Clock::start().now();
        let seconds = |time: chinwag_core::Time| time.0 / 1_000_000;
        let (iat, exp) = (seconds(now), seconds(now + ttl));
        let payload =
            Payload { sub: user, role: Role::default(), iat, exp, iss: None, aud: None, owner: None };
        mint(&payload, &self.0)
    }
}

//! Resume secrets: unguessable, kept only as hashes.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::SessionId;

/// What proves that a client owns a session: 128 random bits, 32 hexadecimal digits on the wire.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Secret(u128);

impl Secret {
    /// Reads 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }

    /// The digits a client stores.
    #[must_use]
    pub fn reveal(self) -> String {
        format!("{:032x}", self.0)
    }

    /// What the server keeps.
    #[must_use]
    pub fn hash(self) -> SecretHash {
        let digest =
            Sha256::new().chain_update(b"chinwag resume").chain_update(self.0.to_be_bytes()).finalize();
        SecretHash(u128::from_be_bytes(digest[..16].try_into().expect("sixteen bytes")))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The hash of a [`Secret`]. Secrets are uniformly random, so a plain SHA-256 cut to 128 bits is enough.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SecretHash(u128);

/// Draws secrets and session ids from a seed that only the driver knows: SHA-256 in counter mode.
#[derive(Clone)]
pub struct Secrets {
    seed: [u8; 32],
    drawn: u64,
}

impl Secrets {
    /// Starts from 256 random bits.
    #[must_use]
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A new session's id.
    pub fn session(&mut self) -> SessionId {
        SessionId(self.draw())
    }

    /// A new secret.
    pub fn secret(&mut self) -> Secret {
        Secret(self.draw())
    }

    /// A number below `bound`, for spreading things out.
    pub fn below(&mut self, bound: u64) -> u64 {
        u64::try_from(self.draw() % u128::from(bound.max(1))).expect("below a u64")
    }

    fn draw(&mut self) -> u128 {
        self.drawn += 1;
        let digest = Sha256::new().chain_update(self.seed).chain_update(self.drawn.to_be_bytes()).finalize();
        u128::from_be_bytes(digest[..16].try_into().expect("sixteen bytes"))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

/// Reads a session id: 32 hexadecimal digits.
#[must_use]
pub fn parse_session(text: &str) -> Option<SessionId> {
    parse_hex(text).map(SessionId)
}

fn parse_hex(text: &str) -> Option<u128> {
    let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if digits { u128::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_survives_the_wire_and_is_never_shown() {
        let mut secrets = Secrets::new([7; 32]);
        let secret = secrets.secret();
        assert_eq!(Secret::parse(&secret.reveal()), Some(secret));
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        assert_ne!(secrets.secret(), secret);
        assert_eq!(Secret::parse("+0000000000000000000000000000001"), None);
    }
}

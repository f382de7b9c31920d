//! What an operator can set about who one is: keys, issuer and audience of tokens, and whose pages may connect.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use chinwag_core::config::BadLimit;

use crate::{
    origin::Origins,
    token::{Verifier, VerifyingKey, read_file},
};

/// The environment variable for [`IdentityConfig::token_secret`]. There is no flag for it: flags can be read by everybody
/// on the machine.
pub(crate) const SECRET_VARIABLE: &str = "CHAT_TOKEN_SECRET";

const ONE_KEY: &str =
    "the only key: give one of token_secret_file, token_public_key_file and CHAT_TOKEN_SECRET";

/// Who may connect, and how they show who they are. With none of the keys, no token can be verified.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IdentityConfig {
    /// The file with the secret that tokens are signed with (HS256).
    pub token_secret_file: Option<PathBuf>,
    /// The file with the public key, in PEM, that tokens are verified with (RS256 or EdDSA).
    pub token_public_key_file: Option<PathBuf>,
    /// The secret itself, instead of a file.
    pub token_secret: Option<TokenSecret>,
    /// Tokens must come from this issuer (`iss`).
    pub token_issuer: Option<String>,
    /// Tokens must be meant for this audience (`aud`).
    pub token_audience: Option<String>,
    /// Whose pages may connect.
    pub origins: Origins,
}

impl IdentityConfig {
    /// Whether there is one key at most.
    ///
    /// # Errors
    /// There are more.
    pub(crate) fn check(&self) -> Result<(), BadLimit> {
        let keys = [
            ("token_secret_file", self.token_secret_file.is_some()),
            ("token_public_key_file", self.token_public_key_file.is_some()),
            (SECRET_VARIABLE, self.token_secret.is_some()),
        ];
        let mut given = keys.into_iter().filter(|&(_, given)| given);
        match (given.next(), given.next()) {
            (Some(_), Some((name, _))) => Err(BadLimit { name, must_be: ONE_KEY }),
            _ => Ok(()),
        }
    }

    /// Whether there is a key.
    pub(crate) const fn has_key(&self) -> bool {
        self.token_secret_file.is_some()
            || self.token_public_key_file.is_some()
            || self.token_secret.is_some()
    }

    /// Reads the key, if there is one.
    ///
    /// # Errors
    /// One line: it cannot be read or used.
    pub(crate) fn verifier(&self) -> Result<Option<Verifier>, String> {
        let from_file = |file: &Path, read: fn(&[u8]) -> Result<VerifyingKey, String>| {
            read(&read_file(file)?).map_err(|why| format!("{} {why}", file.display()))
        };
        let key = if let Some(file) = &self.token_secret_file {
            from_file(file, VerifyingKey::from_secret)
        } else if let Some(file) = &self.token_public_key_file {
            from_file(file, VerifyingKey::from_pem)
        } else if let Some(TokenSecret(secret)) = &self.token_secret {
            VerifyingKey::from_secret(secret.as_bytes()).map_err(|why| format!("{SECRET_VARIABLE} {why}"))
        } else {
            return Ok(None);
        };
        Ok(Some(Verifier::new(key?, self.token_issuer.as_deref(), self.token_audience.as_deref())))
    }
}

/// A secret that is never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct TokenSecret(String);

impl TokenSecret {
    /// Takes a secret as it is.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_or_none_and_it_must_work() {
        let with = |secret: &str| IdentityConfig {
            token_secret: Some(TokenSecret::new(secret)),
            ..IdentityConfig::default()
        };
        assert!(IdentityConfig::default().verifier().unwrap().is_none());
        assert!(with("0123456789abcdef0123456789abcdef").verifier().unwrap().is_some());
        let problem = with("short").verifier().unwrap_err();
        assert!(problem.starts_with("CHAT_TOKEN_SECRET must hold at least 32 bytes"), "{problem}");
        let mut both = with("0123456789abcdef0123456789abcdef");
        both.token_public_key_file = Some("key.pem".into());
        assert!(both.check().unwrap_err().to_string().starts_with("CHAT_TOKEN_SECRET must be the only key"));
        assert_eq!(format!("{:?}", both.token_secret), "Some(TokenSecret(hidden))");
    }
}

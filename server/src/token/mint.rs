//! Makes tokens, for trying out and for tests. Who signs tokens in earnest has an identity provider.

use chinwag_core::{UserName, role::Role};
use jsonwebtoken::{Header, encode};
use serde::Serialize;

use super::key::SigningKey;

/// What a token says, as it stands in one (RFC 7519 §4.1). Instants are seconds since the Unix epoch.
#[derive(Debug, Serialize)]
pub(crate) struct Payload<'a> {
    /// The user.
    pub(crate) sub: &'a UserName,
    /// What they may do.
    pub(crate) role: Role,
    /// When it was made.
    pub(crate) iat: u64,
    /// When it ends.
    pub(crate) exp: u64,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<&'a str>,
    /// Whom it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aud: Option<&'a str>,
    /// Whose bot the user is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<&'a UserName>,
}

/// Signs a token.
///
/// # Errors
/// The key cannot sign, such as an RSA key of too few bits; one line.
pub(crate) fn mint(payload: &Payload<'_>, key: &SigningKey) -> Result<String, String> {
    encode(&Header::new(key.algorithm), payload, &key.key)
        .map_err(|error| format!("the key cannot sign: {error}"))
}

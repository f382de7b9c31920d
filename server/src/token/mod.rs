//! Tokens: JSON Web Tokens (RFC 7519) that say who one is, verified with one key by one algorithm (S3.2, S4.6).

mod key;
mod mint;
mod minter;

use std::time::Duration;

use chinwag_core::{
    Time, UserName,
    identity::{Claims, TokenFault},
    role::Role,
};
use jsonwebtoken::{
    Validation, decode, decode_header,
    errors::{Error, ErrorKind},
};
use serde::Deserialize;
use serde_json::error::Category;

pub use self::minter::Minter;
pub(crate) use self::{
    key::{SigningKey, VerifyingKey, read_file},
    mint::{Payload, mint},
};

/// How far the clocks of whoever makes tokens and of this server may be apart: a token is good for this much longer
/// than it says, and this much sooner.
pub(crate) const LEEWAY: Duration = Duration::from_secs(10);

/// Longest token that is looked at, in bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Verifies tokens. Costs tens of microseconds a token, so it is done where the token comes in.
#[derive(Debug)]
pub(crate) struct Verifier {
    key: VerifyingKey,
    rules: Validation,
}

/// What is read of a token. Other claims are nobody's business here.
#[derive(Deserialize)]
struct Body {
    sub: String,
    role: Option<String>,
    exp: f64,
    nbf: Option<f64>,
    owner: Option<String>,
}

impl Verifier {
    /// Accepts what was signed with this key, by this issuer and for this audience if they are given. A token that is
    /// made for an audience is refused if none is given (RFC 7519 §4.1.3).
    pub(crate) fn new(key: VerifyingKey, issuer: Option<&str>, audience: Option<&str>) -> Self {
        let mut rules = Validation::new(key.algorithm);
        // Instants are compared here, with a clock that is an argument.
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        if let Some(issuer) = issuer {
            rules.set_issuer(&[issuer]);
            rules.required_spec_claims.insert("iss".to_owned());
        }
        if let Some(audience) = audience {
            rules.set_audience(&[audience]);
            rules.required_spec_claims.insert("aud".to_owned());
        }
        Self { key, rules }
    }

    /// Reads a token.
    ///
    /// `expires` of the claims includes the [`LEEWAY`]: a token that is accepted has not expired yet. A role that is
    /// missing, null or an unknown word is a member's; what is no word may be meant as less, and is refused.
    ///
    /// # Errors
    /// A [`TokenFault`].
    pub(crate) fn verify(&self, token: &str, now: Time) -> Result<Claims, TokenFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Malformed);
        }
        let header = decode_header(token).map_err(|error| unreadable_header(&error))?;
        if header.alg != self.key.algorithm {
            return Err(TokenFault::WrongAlgorithm);
        }
        // Whoever names extensions wants them understood (RFC 7515 §4.1.11), and none is.
        if header.crit.is_some() {
            return Err(TokenFault::Malformed);
        }
        let body: Body = decode(token, &self.key.key, &self.rules).map_err(|error| fault(&error))?.claims;
        let expires = instant(body.exp) + LEEWAY;
        if expires <= now {
            return Err(TokenFault::Expired);
        }
        if body.nbf.is_some_and(|from| instant(from) > now + LEEWAY) {
            return Err(TokenFault::NotYet);
        }
        let name = |name: &str, fault: TokenFault| UserName::new(name).map_err(|_| fault);
        let owner = body.owner.as_deref().map(|owner| name(owner, TokenFault::BadOwner));
        Ok(Claims {
            user: name(&body.sub, TokenFault::BadName)?,
            role: body.role.and_then(|role| Role::from_word(&role)).unwrap_or_default(),
            owner: owner.transpose()?,
            expires: Some(expires),
        })
    }
}

/// Seconds since the Unix epoch, perhaps with a fraction (RFC 7519 §2). A cast takes what is too small for 0 and what is
/// too large for the end of time.
fn instant(seconds: f64) -> Time {
    Time((seconds * 1e6) as u64)
}

/// A header that is JSON, but not one that names a known algorithm, is how `none` looks.
fn unreadable_header(error: &Error) -> TokenFault {
    match error.kind() {
        ErrorKind::Json(error) if error.classify() == Category::Data => TokenFault::WrongAlgorithm,
        _ => TokenFault::Malformed,
    }
}

fn fault(error: &Error) -> TokenFault {
    match error.kind() {
        ErrorKind::InvalidSignature => TokenFault::BadSignature,
        ErrorKind::InvalidAlgorithm => TokenFault::WrongAlgorithm,
        ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience | ErrorKind::MissingRequiredClaim(_) => {
            TokenFault::WrongParty
        }
        ErrorKind::Json(error) if error.classify() == Category::Data => TokenFault::BadClaim,
        _ => TokenFault::Malformed,
    }
}

#[cfg(test)]
pub(crate) mod tests;

//! What fuzzing reaches of the server without a socket: how the head of a handshake is read, and a token.

use chinwag_core::{
    Time,
    dialect::Opening,
    identity::{Claims, TokenFault},
};
use hyper::{
    HeaderMap, Uri,
    header::{HeaderName, HeaderValue},
};

use crate::{
    opening::{self, Asked},
    token::{Verifier, VerifyingKey},
};

/// Reads what the server reads, as it does. Not for programs that use the server.
#[derive(Debug)]
pub struct Reader(Verifier);

impl Reader {
    /// With this key for tokens.
    ///
    /// # Errors
    /// The secret is too short.
    pub fn new(secret: &str) -> Result<Self, String> {
        Ok(Self(Verifier::new(VerifyingKey::from_secret(secret.as_bytes())?, None, None)))
    }

    /// What the address and headers of a handshake ask for, and the subprotocol that is named in the answer; `None` if
    /// nothing can come of them. Lines that are no header are passed over.
    pub fn opening<'a>(
        &self,
        address: &str,
        headers: impl Iterator<Item = &'a str>,
        tokens_count: bool,
    ) -> Option<(Opening, Option<String>)> {
        let headers: HeaderMap = headers.filter_map(header).collect();
        let Asked { opening, subprotocol } =
            opening::read(&address.parse::<Uri>().ok()?, &headers, tokens_count).ok()?;
        Some((opening, subprotocol.map(|name| name.to_str().expect("it is ASCII").to_owned())))
    }

    /// What a token says.
    ///
    /// # Errors
    /// It is not good.
    pub fn claims(&self, token: &str, now: Time) -> Result<Claims, TokenFault> {
        self.0.verify(token, now)
    }
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.parse().ok()?, value.trim().parse().ok()?))
}

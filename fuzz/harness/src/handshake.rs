//! The same conversations, but by connections whose address, headers and token come from the bytes, too.

use std::sync::LazyLock;

use chinwag_core::{
    Time,
    identity::{Claims, TokenFault},
};
use chinwag_server::fuzzed::Reader;

use crate::{Outcome, SCRIPT_BYTES_MAX, play, script::Script};

/// Tokens are verified with this secret.
const SECRET: &str = "a secret that every script may know";

static READER: LazyLock<Reader> = LazyLock::new(|| Reader::new(SECRET).expect("it is long enough"));

/// Reads the first line as an address and those up to an empty one as headers; plays the others, if the server would
/// let such a connection in.
///
/// # Panics
/// Something is not as it must be; the message says what.
#[must_use]
pub fn open(bytes: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SCRIPT_BYTES_MAX)]);
    let (head, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let (address, headers) = head.split_once('\n').unwrap_or((head, ""));
    let keys = Script::read(rest.as_bytes()).keys;
    let Some((opening, subprotocol)) = READER.opening(address, headers.lines(), keys) else {
        return Outcome::default();
    };
    if let Some(name) = subprotocol {
        let dialect = name.strip_prefix("chinwag.").expect("it is one of ours");
        assert_eq!(opening.dialect.map(|dialect| dialect.name()), Some(dialect), "what is named is spoken");
        assert!(headers.contains(&name), "{name} was offered");
    }
    play(rest.as_bytes(), std::array::from_fn(|_| opening.clone()), claims)
}

/// What a server would make of a token.
fn claims(token: &str, now: Time) -> Result<Claims, TokenFault> {
    let claims = READER.claims(token, now)?;
    assert!(claims.expires.is_some_and(|at| at > now), "what is accepted has not expired");
    Ok(claims)
}

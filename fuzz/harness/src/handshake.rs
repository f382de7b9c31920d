//! The same conversations, but by connections whose address, headers and token come from the bytes, too.

use std::sync::LazyLock;

use chinwag_core::Time;
use chinwag_server::fuzzed::Reader;

use crate::{Outcome, SCRIPT_BYTES_MAX, play, script::Script};

/// Tokens are verified with this secret.
const SECRET: &str = "a secret that every script may know";
/// When tokens are looked at.
const NOW: Time = Time(1_795_237_380_000_000);

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
    if let Some(token) = &opening.token
        && let Ok(claims) = READER.claims(token.reveal(), NOW)
    {
        assert!(claims.expires.is_some_and(|at| at > NOW), "what is accepted has not expired");
    }
    play(rest.as_bytes(), std::array::from_fn(|_| opening.clone()))
}

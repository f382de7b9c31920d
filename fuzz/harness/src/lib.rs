//! Conversations made of any bytes: what the fuzz targets and `cargo test` share.
//!
//! [`converse`] reads bytes as a script (`script`) and plays it on one [`Node`](chinwag_journal::Node) (`stage`) beside
//! two watchers (`watch`). After every step it checks that what was sent is well-formed (`wire`, `form`), that
//! outboxes and tables are within their limits (`bounds`), that nothing is kept of connections that are gone but what has
//! its end (`leaks`), that no secret of a room reaches a connection whose user was no member, and in the end that the
//! watchers are served as if nothing had happened.

use chinwag_core::{
    UserName,
    dialect::{Dialect, Opening},
    identity::Token,
};

use crate::{
    script::Script,
    stage::{Stage, USERS, Verify},
    watch::Watch,
};

mod bounds;
mod form;
mod frames;
mod handshake;
mod leaks;
mod script;
mod stage;
mod token;
mod watch;
mod wire;

pub use frames::frames;
pub use handshake::open;

/// Longest script that is played, in bytes; what is longer is cut off.
pub const SCRIPT_BYTES_MAX: usize = 8 * 1024;

/// How much happened in a conversation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// Text frames that connections of the dialect were sent.
    pub frames: usize,
    /// Secrets they were shown, as members.
    pub secrets: usize,
    /// How many of them were closed by the server.
    pub closed: usize,
}

/// Plays a script with connections of a dialect.
///
/// # Panics
/// Something is not as it must be; the message says what.
#[must_use]
pub fn converse(dialect: Dialect, bytes: &[u8]) -> Outcome {
    play(bytes, USERS.map(|name| opening(dialect, name)), token::claims)
}

/// How a server would have it from the address.
fn opening(dialect: Dialect, name: &str) -> Opening {
    let is_named = dialect.is_named_by_address();
    let user = is_named.then(|| UserName::new(name).expect("it is one"));
    let token = is_named.then(|| Token::new(name));
    Opening { dialect: Some(dialect), user, token, ..Opening::default() }
}

/// Plays a script with connections that open like these.
fn play(bytes: &[u8], openings: [Opening; USERS.len()], claims: Verify) -> Outcome {
    let script = Script::read(&bytes[..bytes.len().min(SCRIPT_BYTES_MAX)]);
    let mut stage = Stage::new(openings, &script, claims);
    let mut watch = Watch::begin(&mut stage, script.hash());
    let mut outcome = Outcome::default();
    for step in script.steps() {
        watch.take_part(&mut stage, &step);
        stage.play(&step);
        watch.look(&mut stage, &mut outcome);
        bounds::check(&stage);
        leaks::check(&stage);
        if watch.is_impersonated() {
            // Whoever speaks in a watcher's name may see and do what it may.
            return outcome;
        }
    }
    watch.end(&mut stage, &mut outcome);
    outcome
}

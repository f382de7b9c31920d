//! Limits that next to nobody comes to: tiny in some of the scenarios in which somebody may, so that what happens at them
//! happens.

use std::time::Duration;

use chinwag_core::dialect::Dialect;

use crate::{
    draw::{Draws, Purpose},
    scenario::Setup,
};

/// Makes some of them tiny, each by a draw of its own.
pub(super) fn tiny(draws: Draws, setup: &mut Setup) {
    let longest = setup.gateway.message_quotas.iter().map(|quota| quota.per).max();
    let has_keys = speaks(setup, &[Dialect::Chat, Dialect::Envelope, Dialect::SocketIo]);
    let shard = &mut setup.shard;
    let mut c = draws.of(Purpose::Tiny, 0);
    if has_keys && c.chance(5) {
        (shard.keys_max, shard.key_window) = (c.pick(&[4, 12]), Duration::from_secs(90));
    }
    let mut c = draws.of(Purpose::Tiny, 1);
    if c.chance(if longest.is_some() { 15 } else { 3 }) {
        shard.spent_max = c.pick(&[1, 2]);
    }
    let mut c = draws.of(Purpose::Tiny, 2);
    if c.chance(if longest.is_some() { 25 } else { 3 }) {
        // What is used of a quota must be kept for as long as that counts.
        shard.limiter_ttl = longest.unwrap_or_else(|| Duration::from_secs(c.pick(&[0, 1])));
    }
}

/// Whether some plain client speaks one of these.
fn speaks(setup: &Setup, dialects: &[Dialect]) -> bool {
    setup.clients.iter().any(|client| client.voice.is_some_and(|voice| dialects.contains(&voice)))
}

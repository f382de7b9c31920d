//! Limits that next to nobody comes to: tiny in some of the scenarios in which somebody may, so that what happens at them
//! happens.

use std::time::Duration;

use chinwag_core::dialect::Dialect;

use crate::plan::{
    draw::{Draws, Purpose},
    generate::SECOND,
    scenario::{Action, Actor, ClientSetup, Nonsense, Setup, Step},
};

/// Makes some of them tiny, each by a draw of its own.
pub(super) fn tiny(draws: Draws, setup: &mut Setup) {
    let longest = setup.gateway.message_quotas.iter().map(|quota| quota.per).max();
    let has_keys = speaks(setup, &[Dialect::Chat, Dialect::Envelope, Dialect::SocketIo]);
    let (has_envelopes, has_twins) = (speaks(setup, &[Dialect::Envelope]), has_twins(setup));
    let Setup { shard, gateway, parlours, rooms, .. } = setup;
    let mut c = draws.of(Purpose::Tiny, 0);
    if has_keys && c.chance(40) {
        (shard.keys_max, shard.key_window) = (c.pick(&[4, 12]), Duration::from_secs(c.pick(&[12, 12, 90])));
    }
    let mut c = draws.of(Purpose::Tiny, 1);
    if c.chance(if longest.is_some() { 18 } else { 4 }) {
        shard.spent_max = c.pick(&[1, 2]);
    }
    let mut c = draws.of(Purpose::Tiny, 2);
    if c.chance(if longest.is_some() { 25 } else { 3 }) {
        // What is used of a quota must be kept for as long as that counts.
        shard.limiter_ttl = longest.unwrap_or_else(|| Duration::from_secs(c.pick(&[0, 1])));
    }
    let mut c = draws.of(Purpose::Tiny, 3);
    if c.chance(5) {
        gateway.warning_interval = Duration::from_secs(c.pick(&[0, 5]));
    }
    let mut c = draws.of(Purpose::Tiny, 4);
    if has_twins && c.chance(85) {
        gateway.silent_per_user_max = c.pick(&[0, 0, 0, 1]);
    }
    let mut c = draws.of(Purpose::Tiny, 6);
    if *parlours > 0 && c.chance(45) {
        shard.invited_max = c.pick(&[0, 0, 1, 2]);
    }
    let mut c = draws.of(Purpose::Tiny, 8);
    if *rooms > 1 && c.chance(8) {
        shard.rooms_per_session_max = 1;
    }
    // Only where rooms are private there is one that is there and that one is not in.
    let percent = if *parlours > 0 { 80 } else { 40 };
    gateway.strict_closes = has_envelopes && draws.of(Purpose::Tiny, 5).chance(percent);
}

/// Where servers are strict, those whom they close for it leave rooms that are not there, or that they are not in.
pub(super) fn strays(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    let is_concerned = |client: &ClientSetup| client.voice == Some(Dialect::Envelope);
    let clients = (0..).zip(&setup.clients).filter(|(_, client)| is_concerned(client));
    for (number, _) in clients.filter(|_| setup.gateway.strict_closes) {
        let mut c = draws.of(Purpose::Tiny, 7 << 32 | u64::from(number));
        for _ in 0..3 {
            let action = Action::Nonsense { kind: Nonsense::Stranger, times: 1 };
            let at_us = c.within(SECOND..=setup.last_us());
            steps.push(Step { id: 0, at_us, actor: Actor::Client(number), action });
        }
    }
}

/// Whether some clients share a user of whom only the newest connection is served.
fn has_twins(setup: &Setup) -> bool {
    let agents = setup.clients.iter().filter(|client| client.voice == Some(Dialect::Agents));
    let mut users: Vec<u32> = agents.map(|client| client.user).collect();
    users.sort_unstable();
    users.windows(2).any(|pair| pair[0] == pair[1])
}

/// Whether some plain client speaks one of these.
fn speaks(setup: &Setup, dialects: &[Dialect]) -> bool {
    setup.clients.iter().any(|client| client.voice.is_some_and(|voice| dialects.contains(&voice)))
}

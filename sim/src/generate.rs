//! From a seed to a scenario: which faults there are, how tiny the limits, who does what when.
//!
//! Every seed is another mixture (a *swarm*): each family of faults is off in half of them, each kind of request in
//! some, so that what one of them hides can be seen without it. Faults have a beginning and a duration: independent
//! mishaps never add up to an outage.

use std::time::Duration;

use chinwag_core::config::{GatewayConfig, ShardConfig};

use crate::{
    draw::{Cause, Draws, Purpose},
    scenario::{Action, Actor, ClientSetup, Nonsense, Patience, Scenario, Setup, Step},
};

const MILLI: u64 = 1_000;
const SECOND: u64 = 1_000_000;

/// How a fault, or a request beyond joining and saying, is drawn.
type Draw = fn(&mut Cause, &Setup) -> Action;

/// Requests, with weights.
const REQUESTS: &[(u32, Draw)] = &[
    (3, |c, s| Action::Leave { room: room(c, s) }),
    (4, |c, s| Action::Typing { room: room(c, s), on: c.chance(70) }),
    (3, |c, s| Action::History {
        room: room(c, s),
        before: c.chance(50).then(|| c.within(0..=40)),
        limit: within(c, 1..=30),
    }),
    (2, |c, s| Action::Members { room: room(c, s) }),
    (1, |_, _| Action::Rooms),
    (1, |c, s| Action::Status { room: room(c, s) }),
];

/// Families of faults, with how many there are in a minute.
const FAULTS: &[(u64, Draw)] = &[
    (8, |_, _| Action::Cut),
    (3, |c, _| {
        let (up, down) = c.pick(&[(true, true), (true, false), (false, true)]);
        Action::HalfOpen { up, down }
    }),
    (8, |c, _| {
        let (up, down) = c.pick(&[(true, true), (true, false), (false, true)]);
        Action::Stall { up, down, for_us: span(c) }
    }),
    (8, |c, _| Action::Slow { rate: c.pick(&[200, 1_000, 5_000]), for_us: span(c) * 2 }),
    (2, |c, _| {
        let drain_us = c.chance(40).then(|| c.within(0..=2 * SECOND));
        Action::Restart { drain_us, for_us: c.within(0..=5 * SECOND) }
    }),
    (3, |c, _| Action::Skew { mail_us_max: c.within(10 * MILLI..=SECOND), for_us: span(c) }),
    (6, |c, _| Action::Nonsense { kind: nonsense(c), times: c.pick(&[1, 1, 3, 30, 120]) }),
    (1, |_, _| Action::Quit),
];

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn generate(seed: u64) -> Self {
        let draws = Draws::new(seed);
        let setup = setup(&mut draws.of(Purpose::Setup, 0));
        let mut steps = arrivals(draws, &setup);
        talk(draws, &setup, &mut steps);
        faults(draws, &setup, &mut steps);
        for (id, step) in (0..).zip(&mut steps) {
            step.id = id;
        }
        steps.sort_by_key(|step| step.at_us);
        Self { seed, setup, steps }
    }
}

fn setup(c: &mut Cause) -> Setup {
    let clients = c.within(2..=10);
    let users = if c.chance(25) { clients.div_ceil(2) } else { clients };
    let fast = c.chance(50);
    let client = |number: u64, c: &mut Cause| ClientSetup {
        user: u32::try_from(number % users).expect("few users"),
        latency_us: c.pick(&[200, 5 * MILLI, 40 * MILLI, 150 * MILLI]),
        jitter_us: c.pick(&[0, MILLI, 30 * MILLI]),
        rate: if fast { 10_000_000 } else { c.pick(&[50_000, 500_000, 10_000_000]) },
        send_buffer: c.pick(&[2_048, 16 * 1_024, 64 * 1_024]),
    };
    let clients = (0..clients).map(|number| client(number, c)).collect();
    let mut gateway = gateway(c);
    let shard = shard(c);
    // A slow reader's view of a small room is made good with one page.
    gateway.list_page_max = gateway.list_page_max.max(shard.roster_max);
    let patience = Patience {
        backoff_base: Duration::from_millis(c.pick(&[100, 1_000])),
        backoff_max: Duration::from_secs(c.pick(&[2, 10])),
        // A client must not give up before the server's next ping can arrive.
        silence_timeout: gateway.ping_interval + Duration::from_secs(10),
        unanswered_max: c.pick(&[2, 8, 64]),
        queue_max: c.pick(&[16, 1_024]),
        retry_rate_limited: c.chance(85),
    };
    Setup {
        nodes: within(c, 1..=3),
        clients,
        rooms: within(c, 1..=3),
        patience,
        mail_us_max: c.pick(&[0, 200, 10 * MILLI]),
        chaos_us: c.within(10..=60) * SECOND,
        shard,
        gateway,
    }
}

/// Limits are often tiny, so that what happens at them happens often.
fn gateway(c: &mut Cause) -> GatewayConfig {
    let outbox_bytes_max = c.pick(&[8, 16, 64, 1_024]) * 1_024;
    GatewayConfig {
        shards: within(c, 1..=3),
        message_rate: c.pick(&[2, 10, 100]),
        message_burst: c.pick(&[1, 3, 10]),
        control_rate: c.pick(&[5, 20]),
        control_burst: c.pick(&[5, 40]),
        content_bytes_max: (outbox_bytes_max / 16).min(4_096),
        history_on_join: c.pick(&[0, 3, 50]),
        page_messages_max: c.pick(&[2, 10, 200]),
        list_page_max: c.pick(&[2, 200]),
        typing_ttl: Duration::from_secs(c.pick(&[2, 6])),
        ping_interval: Duration::from_secs(c.pick(&[3, 10, 25])),
        pong_timeout: Duration::from_secs(c.pick(&[3, 10])),
        attach_timeout: Duration::from_secs(c.pick(&[5, 60])),
        outbox_bytes_max,
        chunk_bytes: c.pick(&[512, 16 * 1_024]),
        unanswered_max: c.pick(&[2, 4, 64]),
        return_spread: Duration::from_millis(c.pick(&[100, 2_000])),
        drain_rate: c.pick(&[10, 5_000]),
        ..GatewayConfig::default()
    }
}

fn shard(c: &mut Cause) -> ShardConfig {
    ShardConfig {
        history_max: c.pick(&[3, 8, 20, 1_000]),
        roster_max: c.pick(&[2, 5, 100]),
        roster_interval: Duration::from_millis(c.pick(&[100, 1_000])),
        room_ttl: Duration::from_secs(c.pick(&[1, 3_600])),
        presence_grace: Duration::from_millis(c.pick(&[500, 3_000, 15_000])),
        resume_window: Duration::from_secs(c.pick(&[5, 20, 120])),
        ..ShardConfig::default()
    }
}

/// Everybody enters most rooms in the first two seconds.
fn arrivals(draws: Draws, setup: &Setup) -> Vec<Step> {
    let mut steps = Vec::new();
    for client in (0..).take(setup.clients.len()) {
        for room in 0..setup.rooms {
            let mut c = draws.of(Purpose::Step, 1 << 40 | u64::from(client) << 20 | u64::from(room));
            if room == 0 || c.chance(70) {
                let at_us = c.within(0..=2 * SECOND);
                steps.push(Step {
                    id: 0,
                    at_us,
                    actor: Actor::Client(client),
                    action: Action::Join { room },
                });
            }
        }
    }
    steps
}

/// What users do: half of them at any time, half in crowds around a few instants.
fn talk(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    let mut c = draws.of(Purpose::Step, 2 << 40);
    let kept: Vec<(u32, Draw)> = REQUESTS.iter().copied().filter(|_| c.chance(60)).collect();
    let crowds: Vec<u64> = (0..c.within(1..=4)).map(|_| c.within(SECOND..=setup.chaos_us)).collect();
    let count = c.pick(&[20, 100, 300]);
    let bytes_max = (setup.gateway.content_bytes_max as u64).min(c.pick(&[20, 20, 60, 60, 200, 4_096]));
    for number in 0..count {
        let mut c = draws.of(Purpose::Step, 3 << 40 | number);
        let at_us = if c.chance(50) {
            c.within(SECOND..=setup.chaos_us)
        } else {
            (c.pick(&crowds) + c.within(0..=500 * MILLI)).min(setup.chaos_us)
        };
        let action = request(&mut c, setup, &kept, bytes_max);
        let client = client(&mut c, setup);
        steps.push(Step { id: 0, at_us, actor: Actor::Client(client), action });
    }
}

/// Mostly saying something, sometimes joining, else one of the kinds that this scenario keeps.
fn request(c: &mut Cause, setup: &Setup, kept: &[(u32, Draw)], bytes_max: u64) -> Action {
    const SAY: u32 = 16;
    const JOIN: u32 = 3;
    let total = SAY + JOIN + kept.iter().map(|&(weight, _)| weight).sum::<u32>();
    let mut left = within(c, 0..=u64::from(total - 1));
    if left < SAY {
        let bytes = within(c, 8..=bytes_max.max(8));
        return Action::Say { room: room(c, setup), times: c.pick(&[1, 1, 1, 4, 12]), bytes };
    }
    left -= SAY;
    for &(weight, draw) in kept {
        if left < weight {
            return draw(c, setup);
        }
        left -= weight;
    }
    Action::Join { room: room(c, setup) }
}

fn faults(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    for (family, &(per_minute, draw)) in (0u64..).zip(FAULTS) {
        let mut c = draws.of(Purpose::Step, 4 << 40 | family << 20);
        if c.chance(50) {
            continue;
        }
        let count = (per_minute * setup.chaos_us).div_ceil(60 * SECOND) * c.within(1..=2);
        for number in 0..count {
            let mut c = draws.of(Purpose::Step, 5 << 40 | family << 20 | number);
            let action = draw(&mut c, setup);
            let actor = match action {
                Action::Restart { .. } | Action::Skew { .. } => Actor::Server,
                _ => Actor::Client(client(&mut c, setup)),
            };
            steps.push(Step { id: 0, at_us: c.within(0..=setup.chaos_us), actor, action });
        }
    }
}

fn nonsense(c: &mut Cause) -> Nonsense {
    use Nonsense::{Binary, Broken, Forged, Garbage, Hello, Long, Ping, Shape, Unknown, Utf8};
    // The last two end a client for good.
    if c.chance(5) {
        return c.pick(&[Broken, Utf8]);
    }
    c.pick(&[Garbage, Shape, Unknown, Forged, Hello, Binary, Ping, Long])
}

/// How long a fault lasts: a moment, a while, or longer than any patience.
fn span(c: &mut Cause) -> u64 {
    let most = c.pick(&[200 * MILLI, 4 * SECOND, 40 * SECOND]);
    c.within(MILLI..=most)
}

fn room(c: &mut Cause, setup: &Setup) -> u32 {
    within(c, 0..=u64::from(setup.rooms - 1))
}

fn client(c: &mut Cause, setup: &Setup) -> u32 {
    within(c, 0..=setup.clients.len() as u64 - 1)
}

fn within(c: &mut Cause, range: std::ops::RangeInclusive<u64>) -> u32 {
    u32::try_from(c.within(range)).expect("scenarios are small")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_and_repeat() {
        assert_eq!(Scenario::generate(1), Scenario::generate(1));
        assert_ne!(Scenario::generate(1), Scenario::generate(2));
    }

    #[test]
    fn every_action_and_every_family_occurs_and_is_missing() {
        let name = |action: &Action| {
            serde_json::to_value(action).unwrap().to_string().split('"').nth(1).unwrap().to_owned()
        };
        let seen: Vec<std::collections::BTreeSet<String>> = (0..64)
            .map(|seed| Scenario::generate(seed).steps.iter().map(|step| name(&step.action)).collect())
            .collect();
        let optional = [
            "leave",
            "typing",
            "history",
            "members",
            "rooms",
            "status",
            "quit",
            "nonsense",
            "cut",
            "half_open",
            "stall",
            "slow",
            "restart",
            "skew",
        ];
        for kind in optional {
            assert!(seen.iter().any(|kinds| kinds.contains(kind)), "{kind} never occurs");
            assert!(seen.iter().any(|kinds| !kinds.contains(kind)), "{kind} always occurs");
        }
        assert!(seen.iter().all(|kinds| kinds.contains("join") && kinds.contains("say")));
    }
}

//! What must not make a difference: how much goes into a batch, a buffer or a page, and on how many machines it runs.

use std::collections::BTreeSet;

use chinwag_core::config::ShardConfig;
use chinwag_sim::{
    Outcome, Placed, Scenario,
    profile::Profile,
    scenario::{Action, ClientSetup, Setup, Step},
    trace::Trace,
    try_run,
};

/// A change that no user may notice in what is in the rooms.
type Change = (&'static str, fn(&mut Setup));

const CHANGES: &[Change] = &[
    ("small pages", |setup| {
        (setup.gateway.page_messages_max, setup.gateway.page_bytes_max) = (1, 1);
        setup.gateway.list_page_max = setup.shard.roster_max;
    }),
    ("large pages", |setup| {
        (setup.gateway.page_messages_max, setup.gateway.page_bytes_max) = (1_000, 1 << 20);
        setup.gateway.list_page_max = 1_000;
    }),
    ("small send buffers", |setup| setup.clients.iter_mut().for_each(|client| client.send_buffer = 512)),
    ("large send buffers", |setup| setup.clients.iter_mut().for_each(|client| client.send_buffer = 1 << 20)),
    ("one message on its way", |setup| setup.patience.unanswered_max = 1),
    ("one join or leave on its way", |setup| setup.patience.asks_max = 1),
    ("little room for what is left out", |setup| setup.gateway.outbox_bytes_max = 8 * 1_024),
    ("short history", |setup| setup.shard.history_max = 1),
    ("one node and one shard", |setup| (setup.nodes, setup.gateway.shards) = (1, 1)),
    ("many nodes and shards", |setup| (setup.nodes, setup.gateway.shards) = (5, 16)),
    ("slow mail", |setup| setup.mail_us_max = 50_000),
];

/// A scenario without faults, and without limits that turn away whoever is late.
fn generous(seed: u64) -> Scenario {
    let mut scenario = Scenario::of(Profile::Calm, seed);
    let Setup { gateway, shard, patience, .. } = &mut scenario.setup;
    *shard = ShardConfig {
        history_max: shard.history_max,
        roster_max: shard.roster_max,
        ..ShardConfig::default()
    };
    (gateway.idle_timeout, gateway.connections_max) = (None, 100_000);
    gateway.content_bytes_max = gateway.content_bytes_max.min(8 * 1_024 / 16);
    // Nobody is kept out who has no token.
    (gateway.verify_tokens, gateway.token_dialects) = (false, None);
    (patience.retry_rate_limited, patience.queue_max, patience.attempts_max) = (true, 100_000, None);
    // On a fast line it hardly shows in how many pieces something is sent; and plain clients do not keep what they are to
    // say until they are let in. Nor do their tokens, which end.
    let fast = |client: &mut ClientSetup| (client.rate, client.voice, client.pass) = (20_000, None, None);
    scenario.setup.clients.iter_mut().for_each(fast);
    // Who is sent away while they speak is heard or not by when that was.
    (scenario.setup.parlours, scenario.setup.bots) = (0, Vec::new());
    stay(&mut scenario.steps);
    scenario
}

/// Nobody leaves, or speaks before they have asked to enter: what waits while its user does that is refused or let in by
/// where its user is then.
fn stay(steps: &mut Vec<Step>) {
    let mut asked = BTreeSet::new();
    steps.retain(|step| match step.action {
        Action::Join { room } => {
            asked.insert((step.actor, room));
            true
        }
        Action::Say { room, .. } => asked.contains(&(step.actor, room)),
        Action::Leave { .. } => false,
        _ => true,
    });
}

/// What is in the rooms. Its order is not the same: it is whoever comes first, and what is too fast comes later.
fn contents(outcome: &Outcome) -> BTreeSet<Placed> {
    outcome.log.iter().copied().collect()
}

#[test]
fn sizes_do_not_change_what_is_in_the_rooms() {
    let mut showed = BTreeSet::new();
    for seed in 0..12 {
        let plain = try_run(&generous(seed), &mut Trace::default());
        assert_eq!(plain.failures, [], "seed {seed}");
        let expected = contents(&plain);
        assert!(expected.len() > 50, "seed {seed} says too little: {}", expected.len());
        for &(name, change) in CHANGES {
            let mut scenario = generous(seed);
            change(&mut scenario.setup);
            let outcome = try_run(&scenario, &mut Trace::default());
            assert_eq!(outcome.failures, [], "seed {seed}, {name}");
            let difference: Vec<_> = contents(&outcome).symmetric_difference(&expected).copied().collect();
            assert_eq!(difference, [], "seed {seed}, {name}");
            if outcome.hash != plain.hash {
                showed.insert(name);
            }
        }
    }
    // What changes nothing on the way tests nothing.
    for (name, _) in CHANGES {
        assert!(showed.contains(name), "{name} made no difference on the way");
    }
}

//! Priorities: what is left out first for whoever does not read, and that nothing overtakes anything.

use super::*;

const OUTBOX: usize = 16 * 1024;

/// Alice, who may say much at once, and Bob, who does not read.
fn stalled() -> (Kit, ConnectionId, ConnectionId) {
    let config = GatewayConfig { outbox_bytes_max: OUTBOX, message_burst: 1_000, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.forget();
    kit.stalled.push(bob);
    (kit, alice, bob)
}

fn say(kit: &mut Kit, from: ConnectionId, n: usize, priority: usize) {
    let content = format!("m{n}");
    kit.send(from, json!({"type": "message", "room": "general", "content": content, "priority": priority}));
}

/// What Bob is shown once he reads, in order.
fn shown(kit: &mut Kit, bob: ConnectionId) -> Vec<Value> {
    kit.stalled.clear();
    kit.drain(bob);
    let mut shown = vec![];
    for frame in kit.take(bob) {
        match frame["type"].as_str().unwrap() {
            "message" => shown.push(frame["content"].clone()),
            "history" => {
                shown.extend(frame["messages"].as_array().unwrap().iter().map(|m| m["content"].clone()));
            }
            "lagged" => {}
            other => panic!("{other}"),
        }
    }
    shown
}

fn all(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!(format!("m{n}"))).collect()
}

#[test]
fn the_less_urgent_the_sooner_it_is_left_to_the_history() {
    let limits = [OUTBOX / 16 * 15, OUTBOX / 8 * 7, OUTBOX / 4 * 3, OUTBOX / 2, OUTBOX / 4];
    for (priority, limit) in limits.into_iter().enumerate() {
        let (mut kit, alice, bob) = stalled();
        let mut waiting = 0;
        let mut said = 0;
        while kit.node.counters().lagged == 0 {
            // Alice has read everything: what waits is Bob's.
            waiting = kit.node.counters().outbox_bytes as usize;
            say(&mut kit, alice, said, priority);
            said += 1;
        }
        let frame = waiting / (said - 1) + 2;
        assert!(waiting <= limit && waiting + frame > limit, "{priority}: {waiting} of {limit}");
        assert!(kit.closed.is_empty(), "there was room for word of it");
        assert_eq!(shown(&mut kit, bob), all(said), "{priority}");
    }
}

#[test]
fn nothing_overtakes_anything() {
    let (mut kit, alice, bob) = stalled();
    let count = 400;
    for n in 0..count {
        say(&mut kit, alice, n, [4, 0, 2, 1, 3][n % 5]);
    }
    assert_eq!(kit.node.counters().lagged, 1);
    assert!(kit.node.counters().outbox_bytes as usize <= OUTBOX / 2, "what is urgent is behind the rest");
    assert_eq!(shown(&mut kit, bob), all(count));
    say(&mut kit, alice, count, 4);
    assert_eq!(kit.take_types(bob), ["message"], "live again");
}

#[test]
fn who_takes_nothing_of_what_is_urgent_is_closed_too() {
    let (mut kit, alice, bob) = stalled();
    let mut said = 0;
    while kit.node.counters().outbox_bytes as usize <= OUTBOX / 4 * 3 {
        say(&mut kit, alice, said, 0);
        said += 1;
    }
    assert_eq!(kit.node.counters().lagged, 0, "it is all there");
    kit.wait(Duration::from_secs(10));
    assert_eq!(kit.closed[&bob], Disconnect::Slow);
}

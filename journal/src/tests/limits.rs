//! Rates, slow readers, silence.

use super::*;

#[test]
fn a_flood_gets_warnings_and_disturbs_nobody() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.forget();
    for _ in 0..1_000 {
        kit.send(alice, json!({"type": "message", "room": "general", "content": "x"}));
        kit.wait(Duration::from_millis(1));
    }
    let to_alice = kit.take(alice);
    let warnings: Vec<_> = to_alice.iter().filter(|frame| frame["type"] == "warning").collect();
    assert!((1..=2).contains(&warnings.len()), "at most one a second: {warnings:?}");
    assert_eq!(warnings[0]["code"], "rate_limited");
    let shown = kit.take(bob).len();
    assert!((19..=20).contains(&shown), "a burst of 10 and 10 a second: {shown}");
    assert!(kit.closed.is_empty());
    kit.send(bob, json!({"type": "message", "room": "general", "content": "fine", "id": 1}));
    assert_eq!(kit.take_types(bob), ["ack", "message"]);
}

#[test]
fn a_refused_send_with_an_id_is_told_when_to_try_again() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    for id in 1..=11 {
        kit.send(alice, json!({"type": "message", "room": "general", "content": "x", "id": id}));
    }
    let frames = kit.take(alice);
    let error = frames.iter().find(|frame| frame["type"] == "error").unwrap();
    assert_eq!((&error["id"], &error["code"]), (&json!(11), &json!("rate_limited")));
    let wait = error["retry_after_ms"].as_u64().unwrap();
    assert_eq!(wait, 100);
    kit.wait(Duration::from_millis(wait));
    kit.send(alice, json!({"type": "message", "room": "general", "content": "x", "id": 11}));
    assert_eq!(kit.take_types(alice), ["ack", "message"]);
}

#[test]
fn who_is_refused_for_a_whole_window_is_closed() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    for _ in 0..3_100 {
        if kit.closed.is_empty() {
            kit.send(alice, json!({"type": "message", "room": "general", "content": "x"}));
            kit.wait(Duration::from_millis(20));
        }
    }
    assert_eq!(kit.closed[&alice], Disconnect::RateLimited);
}

#[test]
fn a_slow_reader_lags_catches_up_and_misses_nothing() {
    let config =
        GatewayConfig { outbox_bytes_max: 16 * 1024, message_burst: 1_000, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.forget();
    kit.stalled.push(bob);
    for n in 0..300 {
        kit.send(alice, json!({"type": "message", "room": "general", "content": format!("m{n}")}));
    }
    assert_eq!(kit.node.counters().lagged, 1);
    assert!(kit.node.counters().outbox_bytes <= 16 * 1024);
    assert_eq!(kit.take(alice).len(), 300, "nobody else is delayed");
    kit.stalled.clear();
    kit.drain(bob);
    let frames = kit.take(bob);
    assert!(frames.iter().any(|frame| frame["type"] == "lagged"));
    let mut shown = vec![];
    for frame in &frames {
        match frame["type"].as_str().unwrap() {
            "message" => shown.push(frame["content"].clone()),
            "history" => {
                shown.extend(frame["messages"].as_array().unwrap().iter().map(|m| m["content"].clone()));
            }
            _ => {}
        }
    }
    let expected: Vec<_> = (0..300).map(|n| json!(format!("m{n}"))).collect();
    assert_eq!(shown, expected);
    kit.send(alice, json!({"type": "message", "room": "general", "content": "live"}));
    assert_eq!(kit.take_types(bob), ["message"], "live again");
}

#[test]
fn who_takes_nothing_is_closed_and_may_come_back() {
    let config =
        GatewayConfig { outbox_bytes_max: 16 * 1024, message_burst: 1_000, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.stalled.push(bob);
    for n in 0..300 {
        kit.send(alice, json!({"type": "message", "room": "general", "content": format!("m{n}")}));
    }
    kit.wait(Duration::from_secs(9));
    assert!(kit.closed.is_empty());
    kit.wait(Duration::from_secs(1));
    assert_eq!(kit.closed[&bob], Disconnect::Slow);
}

#[test]
fn silence_is_answered_with_a_ping_and_then_a_close() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.wait(Duration::from_secs(25));
    kit.input(GatewayInput::Received { connection: bob, frame: Frame::Pong });
    kit.wait(Duration::from_secs(10));
    assert_eq!(kit.closed.get(&alice), Some(&Disconnect::HeartbeatTimeout));
    assert_eq!(kit.closed.get(&bob), None);
}

#[test]
fn idle_connections_are_closed_where_that_is_wanted() {
    let idle_timeout = Some(Duration::from_secs(5));
    let mut kit =
        Kit::with(GatewayConfig { idle_timeout, ..GatewayConfig::default() }, ShardConfig::default());
    let alice = kit.member("alice", "general");
    kit.wait(Duration::from_secs(5));
    assert_eq!(kit.closed[&alice], Disconnect::Idle);
}

#[test]
fn rooms_have_a_capacity_where_that_is_wanted() {
    let room_members_max = Some(1);
    let mut kit =
        Kit::with(GatewayConfig::default(), ShardConfig { room_members_max, ..ShardConfig::default() });
    kit.member("alice", "general");
    let bob = kit.connect();
    kit.send(bob, json!({"type": "join", "room": "general", "user": "bob"}));
    assert_eq!(kit.take(bob)[0]["code"], "room_full");
}

#[test]
fn draining_tells_everyone_when_to_come_back() {
    let config = GatewayConfig { drain_rate: 20, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    for n in 0..5 {
        kit.member(&format!("user-{n}"), "general");
    }
    kit.input(GatewayInput::Drain);
    kit.wait(Duration::from_millis(100));
    assert_eq!(kit.closed.len(), 4, "two every 100 ms");
    kit.wait(Duration::from_millis(100));
    assert_eq!(kit.closed.len(), 5);
    assert!(kit.closed.values().all(|&reason| reason == Disconnect::Shutdown));
}

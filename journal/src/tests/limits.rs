//! Rates, slow readers, silence.

use chinwag_core::limiter::{Action, Quota};

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
fn what_waits_for_a_reader_leaves_in_one_write() {
    let mut kit =
        Kit::with(GatewayConfig { message_burst: 1_000, ..GatewayConfig::default() }, ShardConfig::default());
    let (alice, bob) = (kit.member("alice", "general"), kit.member("bob", "general"));
    kit.forget();
    kit.stalled.push(bob);
    for n in 0..100 {
        kit.send(alice, json!({"type": "message", "room": "general", "content": format!("m{n}")}));
    }
    let write = kit.node.poll_transmit(bob, 1 << 16).expect("there is something to read");
    assert_eq!(texts(&write), kit.take(alice), "what alice read one by one");
    assert_eq!(kit.node.counters().outbox_bytes, write.len() as u64, "and it is all there is");
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
    kit.stalled.push(bob);
    kit.wait(Duration::from_micros(24_999_999));
    assert_eq!(kit.node.poll_transmit(bob, 1 << 16), None);
    kit.wait(Duration::from_micros(1));
    assert_eq!(kit.node.poll_transmit(bob, 1 << 16).as_deref(), Some(&[0x89, 0][..]), "an empty ping");
    kit.stalled.clear();
    kit.drain(bob);
    kit.input(GatewayInput::Received { connection: bob, frame: Frame::Pong });
    kit.wait(Duration::from_secs(10));
    assert_eq!(kit.closed.get(&alice), Some(&Disconnect::HeartbeatTimeout));
    assert_eq!(kit.closed.get(&bob), None);
}

#[test]
fn the_next_ping_does_not_wait_until_the_last_ones_answer_would_have_been_due() {
    let (ping_interval, pong_timeout) = (Duration::from_secs(5), Duration::from_secs(20));
    let config = GatewayConfig { ping_interval, pong_timeout, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let alice = kit.member("alice", "general");
    kit.wait(Duration::from_secs(6));
    kit.input(GatewayInput::Received { connection: alice, frame: Frame::Pong });
    kit.wait(Duration::from_secs(23));
    assert_eq!(kit.closed.get(&alice), None, "pinged at 10 s, it has until 30 s");
    kit.wait(Duration::from_secs(1));
    assert_eq!(kit.closed.get(&alice), Some(&Disconnect::HeartbeatTimeout));
}

#[test]
fn idle_connections_are_closed_where_that_is_wanted() {
    assert_eq!(GatewayConfig::default().idle_timeout, None);
    for idle_timeout in [None, Some(Duration::from_secs(40))] {
        let config = GatewayConfig { idle_timeout, ..GatewayConfig::default() };
        let mut kit = Kit::with(config, ShardConfig::default());
        let (alice, bob) = (kit.member("alice", "general"), kit.member("bob", "general"));
        for _ in 0..3 {
            kit.wait(Duration::from_secs(13));
            kit.send(alice, json!({"type": "message", "room": "general", "content": "still here"}));
            // Bob reads, and his client answers pings: that is no word of his.
            kit.input(GatewayInput::Received { connection: bob, frame: Frame::Pong });
        }
        assert!(kit.closed.is_empty(), "{:?}", kit.closed);
        kit.wait(Duration::from_secs(1));
        assert_eq!(kit.closed.get(&bob), idle_timeout.map(|_| &Disconnect::Idle));
        assert!(!kit.closed.contains_key(&alice));
    }
}

#[test]
fn whoever_lives_in_the_server_is_never_idle_and_takes_no_session_from_its_user() {
    let config = GatewayConfig { idle_timeout: Some(Duration::from_secs(5)), ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig { sessions_per_user_max: 1, ..ShardConfig::default() });
    let join = json!({"type": "join", "room": "general", "user": "alice"});
    let person = kit.connect();
    kit.send(person, join.clone());
    let agents = [(); 2].map(|()| kit.open(Opening { resident: true, ..Opening::default() }));
    for agent in agents {
        kit.send(agent, join.clone());
        assert_eq!(kit.take(agent)[0]["type"], "joined");
    }
    kit.wait(Duration::from_secs(5));
    assert_eq!(kit.closed, [(person, Disconnect::Idle)].into());
    kit.input(GatewayInput::Disconnected { connection: person });
    kit.wait(Duration::from_secs(15));
    let newcomer = kit.connect();
    kit.send(newcomer, join);
    assert_eq!(kit.take(newcomer)[0]["type"], "joined", "theirs do not count");
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

#[test]
fn a_task_left_out_for_a_slow_reader_is_made_up_for() {
    let config = GatewayConfig {
        outbox_bytes_max: 16 * 1024,
        message_burst: 10_000,
        control_burst: 10_000,
        ..GatewayConfig::default()
    };
    let mut kit = Kit::with(config, ShardConfig::default());
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.stalled.push(bob);
    for n in 0..90 {
        kit.send(alice, json!({"type": "message", "room": "general", "content": format!("m{n}")}));
    }
    assert!(kit.node.counters().outbox_bytes > 8 * 1024);
    kit.send(alice, json!({"type": "task", "room": "general", "task": "t1", "state": "done"}));
    kit.stalled.clear();
    kit.drain(bob);
    let types = kit.take_types(bob);
    assert!(
        types.iter().any(|t| t == "task"),
        "never told; got {:?}",
        types.iter().collect::<std::collections::BTreeSet<_>>()
    );
}

#[test]
fn a_reader_who_reads_can_catch_up_whatever_was_said() {
    let config = GatewayConfig {
        outbox_bytes_max: 256 * 1024,
        message_burst: 10_000,
        control_burst: 10_000,
        ..GatewayConfig::default()
    };
    let mut kit = Kit::with(config, ShardConfig::default());
    let alice = kit.member("alice", "general");
    for _ in 0..20 {
        kit.send(alice, json!({"type": "message", "room": "general", "content": "\u{1}".repeat(2600)}));
    }
    let bob = kit.member("bob", "general");
    assert!(kit.closed.is_empty(), "{:?}", kit.closed);
    let _ = bob;
}

#[test]
fn a_client_that_talks_hears_something_within_its_silence_timeout() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    kit.stalled.push(alice);
    let mut silent = Duration::ZERO;
    for _ in 0..20 {
        kit.send(alice, json!({"type": "typing", "room": "general", "typing": true}));
        kit.wait(Duration::from_millis(3_100));
        let mut out = vec![];
        let mut got = 0;
        while let Some(run) = kit.node.poll_transmit(alice, 1 << 16) {
            got += run.len();
            kit.node.transmitted(kit.now, alice, run.len(), &mut out);
        }
        if got > 0 {
            silent = Duration::ZERO;
        } else {
            silent += Duration::from_millis(3_100);
        }
        assert!(
            silent < chinwag_core::client::ClientConfig::default().silence_timeout,
            "silent for {silent:?}: core's own client gives up"
        );
    }
}

#[test]
fn beginning_to_wait_is_no_sign_of_life() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    // bob's host is gone; the kernel takes the ping, then its buffer is full.
    kit.wait(Duration::from_secs(25));
    kit.input(GatewayInput::Received { connection: alice, frame: Frame::Pong });
    kit.stalled.push(bob);
    kit.wait(Duration::from_secs(9));
    kit.send(alice, json!({"type": "message", "room": "general", "content": "x"}));
    kit.wait(Duration::from_millis(1_500));
    kit.input(GatewayInput::Received { connection: alice, frame: Frame::Pong });
    assert!(kit.closed.contains_key(&bob), "still there after 35 s of silence");
}

#[test]
fn presence_is_made_up_for_within_the_outbox() {
    let config = GatewayConfig {
        outbox_bytes_max: 64 * 1024,
        connections_max: 1_000_000,
        message_burst: 10_000,
        control_burst: 10_000,
        ..GatewayConfig::default()
    };
    let mut kit = Kit::with(config, ShardConfig::default());
    let bob = kit.connect();
    kit.send(bob, json!({"type": "hello", "user": "bob"}));
    let rooms = 40;
    for r in 0..rooms {
        kit.send(bob, json!({"type": "join", "room": format!("r{r}")}));
    }
    for u in 0..30 {
        let c = kit.connect();
        kit.send(c, json!({"type": "hello", "user": format!("user-with-a-rather-long-name-{u:03}")}));
        for r in 0..rooms {
            kit.send(c, json!({"type": "join", "room": format!("r{r}")}));
        }
    }
    kit.forget();
    let d = kit.connect();
    kit.send(d, json!({"type": "hello", "user": "dave"}));
    kit.send(d, json!({"type": "join", "room": "r0"}));
    kit.stalled.push(bob);
    let mut n = 0;
    while kit.node.counters().outbox_bytes < 33 * 1024 {
        kit.send(d, json!({"type": "message", "room": "r0", "content": "y".repeat(500)}));
        n += 1;
        assert!(n < 1000);
    }
    for r in 1..rooms {
        kit.send(d, json!({"type": "join", "room": format!("r{r}")}));
    }
    kit.stalled.clear();
    // bob reads all there is, as fast as it comes
    kit.drain(bob);
    assert!(!kit.closed.contains_key(&bob), "closed: {:?}", kit.closed.get(&bob));
}

#[test]
fn one_flood_is_not_a_minute_of_abuse() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    for _ in 0..1_000 {
        kit.send(alice, json!({"type": "message", "room": "general", "content": "x"}));
    }
    for _ in 0..110 {
        kit.wait(Duration::from_secs(1));
        kit.send(alice, json!({"type": "message", "room": "general", "content": "x"}));
    }
    assert!(kit.closed.is_empty());
    kit.send(alice, json!({"type": "message", "room": "general", "content": " "}));
    assert!(kit.closed.is_empty(), "110 good ones in 110 s and one mistake: {:?}", kit.closed);
}

#[test]
fn mistakes_within_the_rate_are_no_rate_abuse() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    for _ in 0..70 {
        kit.wait(Duration::from_secs(1));
        kit.send(alice, json!({"type": "nonsense"}));
    }
    assert!(kit.closed.is_empty(), "{:?}", kit.closed);
}

#[test]
fn a_mismatch_over_the_rate_is_answered_under_its_id() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    for id in 0..60 {
        kit.send(
            alice,
            json!({"type": "message", "room": "general", "user": "mallory", "content": "x", "id": 1000 + id}),
        );
    }
    let answered = kit.take(alice).iter().filter(|f| f["type"] == "error" && f["id"].is_u64()).count();
    assert_eq!(answered, 60);
}

/// A server with one quota beside the rate.
fn with_quota(count: u32, per: Duration, action: Action) -> Kit {
    let quota = Quota { count, per, action };
    let gateway = GatewayConfig { message_quotas: vec![quota], ..GatewayConfig::default() };
    Kit::with(gateway, ShardConfig { limiter_ttl: per, ..ShardConfig::default() })
}

fn say(kit: &mut Kit, connection: ConnectionId) -> Vec<Value> {
    kit.send(connection, json!({"type": "message", "room": "general", "content": "x"}));
    kit.take(connection)
}

#[test]
fn a_quota_is_exact_and_says_when() {
    let mut kit = with_quota(3, Duration::from_secs(20), Action::Error);
    let alice = kit.member("alice", "general");
    for _ in 0..3 {
        assert_eq!(say(&mut kit, alice)[0]["type"], "message");
        kit.wait(Duration::from_secs(2));
    }
    let error = &say(&mut kit, alice)[0];
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("rate_limited")));
    assert_eq!(error["retry_after_ms"], 14_000, "the first was said six seconds ago");
    kit.wait(Duration::from_secs(14));
    assert_eq!(say(&mut kit, alice)[0]["type"], "message");
    assert_eq!(say(&mut kit, alice)[0]["code"], "rate_limited", "the second was said later");
}

#[test]
fn a_least_delay_may_close_whoever_does_not_keep_it() {
    let mut kit = with_quota(1, Duration::from_secs(2), Action::Close);
    let alice = kit.member("alice", "general");
    say(&mut kit, alice);
    kit.wait(Duration::from_secs(2));
    assert_eq!(say(&mut kit, alice)[0]["type"], "message");
    assert_eq!(say(&mut kit, alice)[0]["code"], "rate_limited");
    assert_eq!(kit.closed[&alice], Disconnect::RateLimited);
}

#[test]
fn a_quota_goes_along_when_its_user_comes_back() {
    let mut kit = with_quota(2, Duration::from_secs(3_600), Action::Error);
    let alice = kit.member("alice", "general");
    say(&mut kit, alice);
    kit.input(GatewayInput::Received { connection: alice, frame: Frame::Close(Some(1000)) });
    kit.cut(alice);
    kit.wait(Duration::from_secs(600));
    let again = kit.member("alice", "general");
    assert_eq!(say(&mut kit, again)[0]["type"], "message");
    let error = &say(&mut kit, again)[0];
    assert_eq!((&error["code"], &error["retry_after_ms"]), (&json!("rate_limited"), &json!(3_000_000)));
}

#[test]
fn a_quota_is_of_the_user_on_whatever_connections() {
    let mut kit = with_quota(3, Duration::from_secs(3_600), Action::Error);
    let [phone, laptop] = [(); 2].map(|()| kit.member("alice", "general"));
    let bob = kit.member("bob", "general");
    for connection in [phone, laptop, phone] {
        assert_eq!(say(&mut kit, connection).last().unwrap()["type"], "message");
    }
    for connection in [phone, laptop] {
        kit.take(connection);
        assert_eq!(say(&mut kit, connection)[0]["code"], "rate_limited");
    }
    kit.take(bob);
    assert_eq!(say(&mut kit, bob)[0]["type"], "message", "it is not everybody's");
    let tablet = kit.member("alice", "general");
    kit.take(tablet);
    assert_eq!(say(&mut kit, tablet)[0]["code"], "rate_limited", "nor is it a new session's");
}

#[test]
fn what_others_have_used_meanwhile_counts_for_whoever_comes_back() {
    let mut kit = with_quota(3, Duration::from_secs(3_600), Action::Error);
    let [phone, laptop] = [(); 2].map(|()| kit.member("alice", "general"));
    say(&mut kit, phone);
    kit.cut(phone);
    for _ in 0..2 {
        say(&mut kit, laptop);
    }
    kit.cut(laptop);
    let phone = kit.member("alice", "general");
    kit.take(phone);
    assert_eq!(say(&mut kit, phone)[0]["code"], "rate_limited");
}

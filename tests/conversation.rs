//! Specification 0, item by item: two or three people and a conversation.

use std::time::Duration;

use serde_json::json;

use crate::kit::{Chat, Host, Metrics, contents};

#[tokio::test]
async fn someone_connects_joins_speaks_leaves_and_disconnects() {
    let server = Host::start(|_| {});
    let mut bob = server.member("bob", "general").await;
    let mut alice = server.connect().await;

    alice.send_text(r#"{"type": "join", "room": "general", "user": "alice"}"#).await;
    alice.expect("joined").await;
    let joined =
        json!({"type": "user_joined", "room": "general", "user": "alice", "members": ["alice", "bob"]});
    assert_eq!((alice.next().await, bob.next().await), (joined.clone(), joined));
    assert_eq!(alice.expect("history").await["messages"], json!([]));

    alice.send_text(r#"{"type": "message", "room": "general", "content": "Hello!", "user": "alice"}"#).await;
    let message = bob.expect("message").await;
    assert_eq!(alice.next().await, message, "the author sees it, too");
    for (field, value) in [("room", "general"), ("user", "alice"), ("content", "Hello!")] {
        assert_eq!(message[field], value);
    }
    let timestamp = message["timestamp"].as_str().unwrap();
    assert!(timestamp.starts_with("20") && timestamp.ends_with('Z') && timestamp.len() == 24, "{timestamp}");

    alice.send_text(r#"{"type": "leave", "room": "general", "user": "alice"}"#).await;
    alice.expect("left").await;
    let left = json!({"type": "user_left", "room": "general", "user": "alice", "members": ["bob"]});
    assert_eq!(bob.next().await, left);

    alice.close().await;
    Metrics::until(server.address, "chat_connections", 1.0).await;
    server.stop().await;
}

#[tokio::test]
async fn someone_in_two_rooms_is_told_what_happens_in_both() {
    let server = Host::start(|_| {});
    let mut alice = server.member("alice", "red").await;
    alice.join("alice", "blue").await;
    let mut red = server.member("rose", "red").await;
    let mut blue = server.member("bert", "blue").await;
    alice.until("user_joined").await;
    alice.until("user_joined").await;
    // If a message went astray, whoever got it would see it before their own.
    for (room, content) in
        [("red", "to red"), ("blue", "to blue"), ("red", "red again"), ("blue", "blue again")]
    {
        alice.send(json!({"type": "message", "room": room, "content": content})).await;
    }
    assert_eq!(red.shown(2).await, ["to red", "red again"]);
    assert_eq!(blue.shown(2).await, ["to blue", "blue again"]);
    let mut both = alice.shown(4).await;
    both.sort();
    assert_eq!(both, ["blue again", "red again", "to blue", "to red"]);
    server.stop().await;
}

#[tokio::test]
async fn typing_is_seen_by_others_and_ends_by_itself() {
    let server = Host::start(|settings| settings.gateway.typing_ttl = Duration::from_millis(50));
    let mut alice = server.member("alice", "general").await;
    let mut bob = server.member("bob", "general").await;
    alice.expect("user_joined").await;
    alice.send_text(r#"{"type": "typing", "room": "general", "user": "alice", "typing": true}"#).await;
    for status in ["typing", "online"] {
        let presence = json!({"type": "presence", "room": "general", "user": "alice", "status": status});
        assert_eq!(bob.next().await, presence);
    }
    alice.say("general", 1, "done").await;
    assert_eq!(alice.expect("message").await["content"], "done", "the author was not told");
    server.stop().await;
}

#[tokio::test]
async fn someone_who_vanishes_is_offline_after_the_grace_and_online_when_back() {
    let server = Host::start(|settings| settings.shard.presence_grace = Duration::from_millis(50));
    let mut bob = server.member("bob", "general").await;
    let (alice, welcome) = greet(&server, None).await;
    bob.expect("user_joined").await;
    alice.cut();
    let presence = |status| json!({"type": "presence", "room": "general", "user": "alice", "status": status});
    assert_eq!(bob.next().await, presence("offline"));
    let (_alice, welcome) = greet(&server, Some(&welcome)).await;
    assert_eq!(welcome["resumed"], true);
    assert_eq!(bob.next().await, presence("online"));
    server.stop().await;
}

#[tokio::test]
async fn someone_back_within_the_grace_was_never_away() {
    let server = Host::start(|_| {});
    let mut bob = server.member("bob", "general").await;
    let (alice, welcome) = greet(&server, None).await;
    bob.expect("user_joined").await;
    alice.cut();
    let (mut alice, _) = greet(&server, Some(&welcome)).await;
    alice.say("general", 1, "still here").await;
    bob.expect("message").await;
    server.stop().await;
}

/// Says hello as alice, perhaps as who she was before, and joins.
async fn greet(server: &Host, resume: Option<&serde_json::Value>) -> (Chat, serde_json::Value) {
    let mut alice = server.connect().await;
    let mut hello = json!({"type": "hello", "user": "alice"});
    if let Some(welcome) = resume {
        hello["session"] = welcome["session"].clone();
        hello["secret"] = welcome["secret"].clone();
    }
    alice.send(hello).await;
    let welcome = alice.expect("welcome").await;
    alice.join("alice", "general").await;
    (alice, welcome)
}

#[tokio::test]
async fn a_newcomer_is_shown_the_last_fifty_messages() {
    let server = Host::start(|settings| settings.gateway.message_burst = 100);
    let mut alice = server.member("alice", "general").await;
    for id in 1..=70 {
        alice.say("general", id, &format!("m{id}")).await;
    }
    let (_, history) = server.connect().await.join("bob", "general").await;
    let last_fifty: Vec<_> = (21..=70).map(|n| format!("m{n}")).collect();
    assert_eq!(contents(&history), last_fifty);
    server.stop().await;
}

#[tokio::test]
async fn a_thousand_messages_at_once_bring_warnings_and_disturb_nobody() {
    let server = Host::start(|_| {});
    let mut bob = server.member("bob", "general").await;
    let mut carol = server.member("carol", "general").await;
    let mut mallory = server.member("mallory", "general").await;
    carol.expect("user_joined").await;
    for _ in 0..1_000 {
        mallory.feed(json!({"type": "message", "room": "general", "content": "buy!"})).await;
    }
    mallory.send(json!({"type": "ping"})).await;
    let warning = mallory.until("warning").await;
    assert_eq!(warning["code"], "rate_limited");
    mallory.until("pong").await;

    bob.say("general", 1, "what a day").await;
    let mut shown = 0;
    while carol.expect("message").await["user"] != "bob" {
        shown += 1;
    }
    // Ten at once and ten a second after that, should the machine be so slow that this takes seconds.
    assert!((10..100).contains(&shown), "{shown} of 1,000 came through");
    let metrics = crate::kit::metrics(server.address).await;
    let refused = metrics.value(r#"chat_refusals_total{reason="rate_limited"}"#);
    assert_eq!(refused + f64::from(shown), 1_000.0, "what was not shown was refused");
    server.stop().await;
}

#[tokio::test]
async fn someone_who_reconnects_is_shown_what_they_missed() {
    let server = Host::start(|_| {});
    let mut bob = server.member("bob", "general").await;
    let mut alice = server.connect().await;
    let (joined, _) = alice.join("alice", "general").await;
    bob.say("general", 1, "seen").await;
    let seen = alice.expect("message").await["seq"].clone();
    alice.cut();
    bob.say("general", 2, "missed").await;
    bob.say("general", 3, "missed, too").await;

    let mut alice = server.connect().await;
    let join =
        json!({"type": "join", "room": "general", "user": "alice", "since": seen, "epoch": joined["epoch"]});
    alice.send(join).await;
    assert_eq!(alice.expect("joined").await["verdict"], "full");
    assert_eq!(contents(&alice.until("history").await), ["missed", "missed, too"]);
    server.stop().await;
}

#[tokio::test]
async fn an_empty_room_is_there_with_its_history_until_someone_comes() {
    let server = Host::start(|_| {});
    let mut alice = server.member("alice", "general").await;
    alice.say("general", 1, "last words").await;
    alice.send(json!({"type": "leave", "room": "general"})).await;
    alice.until("left").await;
    alice.send(json!({"type": "rooms"})).await;
    assert_eq!(alice.expect("rooms").await["rooms"], json!([{"room": "general", "members": 0}]));
    let (_, history) = server.connect().await.join("bob", "general").await;
    assert_eq!(contents(&history), ["last words"]);
    server.stop().await;
}

#[tokio::test]
async fn joining_twice_is_told_to_nobody_else() {
    let server = Host::start(|_| {});
    let mut alice = server.member("alice", "general").await;
    let mut bob = server.member("bob", "general").await;
    alice.expect("user_joined").await;
    alice.join("alice", "general").await;
    alice.say("general", 1, "me again").await;
    assert_eq!(bob.next().await["content"], "me again");
    server.stop().await;
}

#[tokio::test]
async fn someone_who_opens_a_second_window_is_told_who_is_there() {
    let server = Host::start(|_| {});
    let mut bob = server.member("bob", "general").await;
    let mut first = server.member("alice", "general").await;
    bob.expect("user_joined").await;
    let mut second = server.member("alice", "general").await;
    bob.say("general", 1, "hello, alice").await;
    assert_eq!(bob.expect("message").await["content"], "hello, alice", "he was told nothing else");
    for window in [&mut first, &mut second] {
        assert_eq!(window.expect("message").await["content"], "hello, alice");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_was_said_goes_with_the_server() {
    let server = Host::start(|_| {});
    let mut alice = server.connect().await;
    let (before, _) = alice.join("alice", "general").await;
    alice.say("general", 1, "is anybody there?").await;
    server.stop().await;

    let server = Host::start(|_| {});
    let (after, history) = server.connect().await.join("alice", "general").await;
    assert_eq!((&after["seq"], &history["messages"]), (&json!(0), &json!([])));
    assert_ne!(after["epoch"], before["epoch"], "so that nobody takes the one log for the other");
    server.stop().await;
}

//! Whose rooms are, and what their messages carry: over real sockets.

use serde_json::json;

use crate::kit::Host;

#[tokio::test]
async fn a_message_under_a_key_is_there_once_whoever_repeats_it() {
    let server = Host::start(|_| {});
    let mut bob = server.member("bob", "general").await;
    let said = json!({"type": "message", "room": "general", "content": "see", "user": "alice", "key": "k1",
        "kind": "file", "file_url": "https://files.example/a", "mentions": ["bob"], "priority": 1});

    let mut alice = server.member("alice", "general").await;
    alice.send(said.clone()).await;
    let ack = alice.expect("ack").await;
    assert_eq!((&ack["key"], &ack["seq"], ack.get("id")), (&json!("k1"), &json!(1), None));
    let shown = bob.until("message").await;
    for field in ["content", "key", "kind", "file_url", "mentions", "priority"] {
        assert_eq!(shown[field], said[field], "{field}");
    }
    alice.close().await;

    let mut alice = server.member("alice", "general").await;
    alice.send(said).await;
    assert_eq!(alice.until("ack").await, ack, "another session, and the same answer");
    alice.say("general", 1, "next").await;
    assert_eq!(bob.until("message").await["content"], "next", "nothing came between");
    server.stop().await;
}

#[tokio::test]
async fn tasks_are_given_and_go_on_and_newcomers_see_how_they_stand() {
    let server = Host::start(|_| {});
    let mut alice = server.member("alice", "general").await;
    alice.send(json!({"type": "task", "room": "general", "task": "T-1", "assignee": "bob", "priority": 1, "id": 1})).await;
    assert_eq!(alice.until("ack").await["id"], 1);
    alice
        .send(json!({"type": "task", "room": "general", "task": "T-1", "state": "open", "progress": 40,
        "metadata": {"lines": [1, 2]}, "id": 2}))
        .await;
    alice.until("ack").await;
    let whole = json!({"type": "task", "room": "general", "task": "T-1", "state": "open", "progress": 40,
        "assignee": "bob", "priority": 1, "metadata": {"lines": [1, 2]}});
    let mut bob = server.connect().await;
    bob.send(json!({"type": "join", "room": "general", "user": "bob"})).await;
    assert_eq!(bob.until("task").await, whole);
    server.stop().await;
}

#[tokio::test]
async fn an_owner_sends_a_user_away_and_keeps_a_room_private() {
    let server = Host::start(|_| {});
    let mut alice = server.connect().await;
    alice.send(json!({"type": "create", "room": "den", "user": "alice", "private": true})).await;
    alice.expect("created").await;
    alice.join("alice", "den").await;
    let mut bob = server.connect().await;
    let join = json!({"type": "join", "room": "den", "user": "bob"});
    bob.send(join.clone()).await;
    bob.expect_error("permission_denied").await;
    bob.send(json!({"type": "rooms"})).await;
    assert_eq!(bob.expect("rooms").await["rooms"], json!([]), "it is not listed either");

    alice.send(json!({"type": "invite", "room": "den", "whom": "bob", "id": 1})).await;
    alice.expect("ack").await;
    bob.join("bob", "den").await;
    bob.send(json!({"type": "kick", "room": "den", "whom": "alice"})).await;
    bob.expect_error("permission_denied").await;

    alice.expect("user_joined").await;
    alice.send(json!({"type": "kick", "room": "den", "whom": "bob", "id": 2})).await;
    alice.expect("ack").await;
    assert_eq!(alice.expect("user_left").await["user"], "bob");
    let left = bob.expect("left").await;
    assert_eq!((&left["room"], &left["kicked"]), (&json!("den"), &json!(true)));
    alice.say("den", 3, "alone again").await;
    bob.send(json!({"type": "message", "room": "den", "content": "hello?"})).await;
    bob.expect_error("not_member").await;
    bob.send(join).await;
    bob.expect_error("permission_denied").await;
    server.stop().await;
}

#[tokio::test]
async fn a_bot_is_stopped_by_its_owner_and_gets_what_was_said_while_it_was_away() {
    let server = Host::start(|_| {});
    let mut alice = server.member("alice", "bot:weather").await;
    let mut bot = server.connect().await;
    bot.send(json!({"type": "join", "room": "bot:weather", "user": "weather"})).await;
    assert_eq!(alice.until("status").await["state"], "running");
    alice.say("bot:weather", 1, "rain?").await;
    bot.until("message").await;
    bot.send(json!({"type": "seen", "room": "bot:weather", "seq": 1, "id": 1})).await;
    assert_eq!(bot.until("ack").await["id"], 1);
    bot.send(json!({"type": "stop", "room": "bot:weather"})).await;
    assert_eq!(bot.until("error").await["code"], "permission_denied", "it does not own itself");

    alice.send(json!({"type": "stop", "room": "bot:weather", "id": 2})).await;
    assert_eq!(alice.until("status").await["state"], "stopping");
    assert_eq!(bot.until("status").await["state"], "stopping");
    bot.close().await;
    assert_eq!(alice.until("status").await["state"], "stopped");
    for (id, question) in [(3, "snow?"), (4, "sun?")] {
        alice.say("bot:weather", id, question).await;
    }
    let mut bob = server.connect().await;
    bob.send(json!({"type": "join", "room": "bot:weather", "user": "bob"})).await;
    let status = bob.until("status").await;
    assert_eq!((&status["user"], &status["state"]), (&json!("weather"), &json!("stopped")));

    let mut bot = server.connect().await;
    bot.send(json!({"type": "join", "room": "bot:weather", "user": "weather"})).await;
    assert_eq!(bot.until("joined").await["verdict"], "full");
    assert_eq!(bot.shown(2).await, ["snow?", "sun?"]);
    server.stop().await;
}

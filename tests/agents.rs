//! Specification 4, item by item: people and agents in one room, with frames as its own client sends them.

use std::{net::SocketAddr, time::Duration};

use chinwag_core::limiter::{Action, Quota};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::kit::{Chat, Host};

/// A connection at `ws://…/ws` (S4.5), or at `/`, where the specification's own client goes.
async fn connect(address: SocketAddr, path: &str) -> Chat {
    Chat::connect_to(&format!("ws://{address}{path}"), TcpStream::connect(address).await.unwrap()).await
}

/// Somebody who has said who they are, and the answer.
async fn enter(address: SocketAddr, path: &str, user: &str) -> (Chat, Value) {
    let mut chat = connect(address, path).await;
    chat.send(json!({"type": "auth", "data": {"userId": user, "role": "developer"}})).await;
    let response = chat.expect("auth_response").await;
    (chat, response["data"].clone())
}

/// The next frame's data, without its instants, which are there and are instants.
async fn data(chat: &mut Chat, kind: &str, instants: &[&str]) -> Value {
    let mut frame = chat.expect(kind).await;
    let data = frame["data"].as_object_mut().expect("every frame has data");
    for field in instants {
        let instant = data.remove(*field).unwrap_or_else(|| panic!("{kind} has no {field}"));
        let instant = instant.as_str().expect("an instant is text");
        assert!(instant.starts_with("20") && instant.ends_with('Z') && instant.len() == 24, "{instant}");
    }
    frame["data"].take()
}

/// Reads that somebody is there, or gone (S4.12; what its client reads is `timestamp`).
async fn presence(chat: &mut Chat, user: &str, status: &str) {
    let seen = data(chat, "user_presence", &["lastSeen", "timestamp"]).await;
    assert_eq!(seen, json!({"userId": user, "status": status}));
}

#[tokio::test]
async fn people_and_agents_talk_as_the_specification_shows() {
    let server = Host::start(|_| {});
    let (mut alice, response) = enter(server.address, "/ws", "alice").await;
    assert_eq!((&response["success"], &response["userId"]), (&json!(true), &json!("alice")));
    assert!(response["sessionId"].as_str().unwrap().starts_with("session-"), "S4.7: {response}");
    assert_eq!(response["agents"], json!(["alice"]));
    presence(&mut alice, "alice", "online").await;

    let (mut bob, response) = enter(server.address, "/", "bob").await;
    assert_eq!(response["agents"], json!(["alice", "bob"]), "agents are those who are there (S4.29)");
    presence(&mut bob, "bob", "online").await;
    presence(&mut alice, "bob", "online").await;

    // S4.9, and to everybody, the sender too (S4.21).
    bob.send(json!({"type": "message", "data": {
        "id": 12345, "text": "@alice please review the login component", "mentions": ["alice"]
    }}))
    .await;
    for reader in [&mut alice, &mut bob] {
        assert_eq!(
            data(reader, "message", &["timestamp"]).await,
            json!({
                "id": 12345, "text": "@alice please review the login component", "sender": "bob",
                "mentions": ["alice"], "isCommand": false, "replyTo": null
            })
        );
    }
    alice.send(json!({"type": "message", "data": {"text": "/done, @bob", "replyTo": 12345}})).await;
    for reader in [&mut alice, &mut bob] {
        let mut said = data(reader, "message", &["timestamp"]).await;
        let id = said["id"].take().as_u64().expect("a number");
        assert!(id > 1_700_000_000_000, "milliseconds, where the client names none: {id}");
        assert_eq!(
            said,
            json!({
                "id": null, "text": "/done, @bob", "sender": "alice",
                "mentions": ["bob"], "isCommand": true, "replyTo": 12345
            }),
            "S4.19, S4.37"
        );
    }

    let working = json!({"status": "working", "currentTask": "Reviewing login component", "progress": 25});
    alice.send(json!({"type": "status_update", "data": working})).await;
    let mut expected = working.clone();
    expected["userId"] = json!("alice");
    for reader in [&mut alice, &mut bob] {
        assert_eq!(data(reader, "status_update", &[]).await, expected, "S4.11");
    }
    let (mut cat, _) = enter(server.address, "/ws", "cat").await;
    assert_eq!(data(&mut cat, "status_update", &[]).await, expected, "what stands is shown to whoever comes");

    bob.send(json!({"type": "ping"})).await;
    presence(&mut bob, "cat", "online").await;
    assert_eq!(data(&mut bob, "pong", &["timestamp"]).await, json!({}), "S4.15");
    bob.close().await;
    presence(&mut alice, "cat", "online").await;
    presence(&mut alice, "bob", "offline").await;
    server.stop().await;
}

#[tokio::test]
async fn they_meet_everybody_else_in_the_lobby() {
    let server = Host::start(|_| {});
    let mut native = server.member("nat", "lobby").await;
    let (mut alice, response) = enter(server.address, "/ws", "alice").await;
    assert_eq!(response["agents"], json!(["alice", "nat"]));
    presence(&mut alice, "alice", "online").await;
    native.expect("user_joined").await;

    alice.send(json!({"type": "message", "data": {"id": 7, "text": "hi @nat"}})).await;
    let seen = native.expect("message").await;
    let fields = ["user", "content", "client_id", "mentions"].map(|field| seen[field].clone());
    assert_eq!(fields, [json!("alice"), json!("hi @nat"), json!(7), json!(["nat"])]);
    assert_eq!(data(&mut alice, "message", &["timestamp"]).await["id"], 7);

    native.send(json!({"type": "status", "room": "lobby", "state": "busy", "detail": "tea"})).await;
    let status = json!({"userId": "nat", "status": "busy", "currentTask": "tea"});
    assert_eq!(data(&mut alice, "status_update", &[]).await, status);
    let answer = json!({
        "type": "message", "room": "lobby", "content": "hello", "kind": "agent", "reply_to": 7, "client_id": 8
    });
    native.send(answer).await;
    assert_eq!(
        data(&mut alice, "agent_response", &["timestamp"]).await,
        json!({"id": 8, "text": "hello", "sender": "nat", "replyTo": 7, "agentStatus": "busy"}),
        "S4.10"
    );

    // What this specification knows nothing of is not shown, but for the end of writing, which is being there.
    native.send(json!({"type": "typing", "room": "lobby", "typing": true})).await;
    native.send(json!({"type": "task", "room": "lobby", "task": "T-1", "state": "open"})).await;
    server.member("other", "general").await.say("general", 1, "elsewhere").await;
    native.say("lobby", 1, "after all that").await;
    presence(&mut alice, "nat", "online").await;
    assert_eq!(data(&mut alice, "message", &["timestamp"]).await["text"], "after all that");
    server.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_with_the_codes_of_the_specification() {
    let server = Host::start(|settings| settings.gateway.message_burst = 1);
    let mut alice = connect(server.address, "/ws").await;
    let wrong = [
        ("not JSON", "INVALID_JSON", "Invalid JSON format"),
        (r#"{"type":"message","data":{"text":"hi"}}"#, "NOT_AUTHENTICATED", "Authentication required"),
        (r#"{"type":"auth","data":{"role":"user"}}"#, "MISSING_USER_ID", "User ID required"),
    ];
    for (text, code, message) in wrong {
        alice.send_text(text).await;
        let expected = json!({"code": code, "message": message});
        assert_eq!(data(&mut alice, "error", &["timestamp"]).await, expected, "S4.14");
    }
    assert_eq!(alice.expect("auth_response").await["data"], json!({"success": false}));

    // Nobody answers what nobody knows (S4.16), and pings are answered before `auth`, too.
    alice.send(json!({"type": "dance"})).await;
    alice.send(json!({"type": "ping", "data": {}})).await;
    alice.expect("pong").await;
    alice.send(json!({"type": "auth", "data": {"userId": "alice"}})).await;
    assert_eq!(alice.expect("auth_response").await["data"]["success"], true);
    presence(&mut alice, "alice", "online").await;
    alice.send(json!({"type": "auth", "data": {"userId": "bob"}})).await;
    assert_eq!(data(&mut alice, "error", &["timestamp"]).await["code"], "ALREADY_ATTACHED");

    alice.send(json!({"type": "message", "data": {"text": "one"}})).await;
    alice.send(json!({"type": "message", "data": {"text": "too fast"}})).await;
    assert_eq!(data(&mut alice, "message", &["timestamp"]).await["text"], "one");
    let expected = json!({"code": "RATE_LIMITED", "message": "Too many messages sent", "retryAfter": 1});
    assert_eq!(data(&mut alice, "error", &["timestamp"]).await, expected, "S4.13");
    server.stop().await;
}

#[tokio::test]
async fn the_newest_connection_of_a_user_wins() {
    let server = Host::start(|settings| settings.driver.threads = 2);
    let (mut old, _) = enter(server.address, "/ws", "alice").await;
    presence(&mut old, "alice", "online").await;
    let (mut new, response) = enter(server.address, "/ws", "alice").await;
    assert_eq!(response["agents"], json!(["alice"]));
    presence(&mut new, "alice", "online").await;
    let replaced = data(&mut old, "error", &["timestamp"]).await;
    assert_eq!(replaced["code"], "REPLACED", "S4.17");

    old.send(json!({"type": "message", "data": {"text": "from beyond"}})).await;
    new.send(json!({"type": "message", "data": {"text": "here"}})).await;
    assert_eq!(data(&mut new, "message", &["timestamp"]).await["text"], "here");
    // Nothing comes in between: the answer to its goodbye is the next it hears.
    old.close().await;
    new.send(json!({"type": "message", "data": {"text": "still here"}})).await;
    assert_eq!(data(&mut new, "message", &["timestamp"]).await["text"], "still here");
    server.stop().await;
}

#[tokio::test]
async fn so_many_messages_an_hour_are_a_users_on_whatever_thread() {
    let hour = Duration::from_secs(3_600);
    let server = Host::start(|settings| {
        // Connections are dealt to the threads in turn.
        settings.driver.threads = 2;
        settings.gateway.message_quotas = vec![Quota { count: 3, per: hour, action: Action::Error }];
    });
    let hi = json!({"type": "message", "data": {"text": "hi"}});
    let mut replaced = vec![];
    for _ in 0..3 {
        let (mut alice, _) = enter(server.address, "/ws", "alice").await;
        presence(&mut alice, "alice", "online").await;
        alice.send(hi.clone()).await;
        assert_eq!(data(&mut alice, "message", &["timestamp"]).await["text"], "hi");
        replaced.push(alice);
    }
    let (mut alice, _) = enter(server.address, "/ws", "alice").await;
    presence(&mut alice, "alice", "online").await;
    alice.send(hi).await;
    let error = data(&mut alice, "error", &["timestamp"]).await;
    assert_eq!(error["code"], "RATE_LIMITED");
    let wait = error["retryAfter"].as_u64().expect("whole seconds");
    assert!((1..=hour.as_secs()).contains(&wait), "{error}");
    server.stop().await;
}

//! Specification 2, item by item: envelopes, receipts, tasks, health and close codes.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::kit::{Chat, Host};

async fn connect(address: SocketAddr, query: &str) -> Chat {
    let url = format!("ws://{address}/api/ws{query}");
    Chat::connect_to(&url, TcpStream::connect(address).await.unwrap()).await
}

/// Somebody who is let in, with what they are greeted with read.
async fn client(address: SocketAddr, user: &str) -> Chat {
    let mut client = connect(address, &format!("?token={user}")).await;
    let connected = client.expect("connected").await;
    assert_eq!(connected["payload"], json!({"userId": user}));
    client
}

/// Somebody in a room; who is there is returned, too.
async fn member(address: SocketAddr, user: &str, room: &str) -> (Chat, Value) {
    let mut client = client(address, user).await;
    client.send(json!({"type": "joinRoom", "payload": {"roomId": room}})).await;
    let joined = payload(&mut client, "joinRoom").await;
    assert_eq!(payload(&mut client, "userJoined").await["userId"], user);
    (client, joined["members"].clone())
}

/// The payload of the next frame, which must be of this type and in a whole envelope (S2.2).
async fn payload(client: &mut Chat, kind: &str) -> Value {
    let frame = client.expect(kind).await;
    assert!(frame["timestamp"].as_u64().is_some_and(|millis| millis > 1_700_000_000_000), "{frame}");
    assert!(frame["messageId"].as_str().is_some_and(|id| !id.is_empty()), "{frame}");
    frame["payload"].clone()
}

/// What a client of the specification sends: every field of the envelope.
fn envelope(kind: &str, payload: Value, message_id: &str) -> Value {
    json!({
        "type": kind, "payload": payload, "timestamp": 1_790_000_000_000_u64, "messageId": message_id, "priority": 2,
    })
}

#[tokio::test]
async fn two_people_and_a_task_in_a_room() {
    let server = Host::start(|_| {});
    let (mut ann, members) = member(server.address, "ann", "dev").await;
    assert_eq!(members, json!(["ann"]));
    let (mut bob, members) = member(server.address, "bob", "dev").await;
    assert_eq!(members, json!(["ann", "bob"]));
    assert_eq!(payload(&mut ann, "userJoined").await["members"], json!(["ann", "bob"]));

    let metadata = json!({"type": "file", "fileUrl": "https://files.example/1", "fileName": "one.txt"});
    let said = json!({"roomId": "dev", "content": "Hello!", "metadata": metadata});
    ann.send(envelope("message", said.clone(), "m-1")).await;
    let receipt = payload(&mut ann, "messageReceived").await;
    assert_eq!((&receipt["messageId"], &receipt["roomId"]), (&json!("m-1"), &json!("dev")));
    assert_eq!(receipt["senderId"], "ann");
    assert!(receipt["timestamp"].is_u64());
    for reader in [&mut ann, &mut bob] {
        let message = reader.expect("message").await;
        assert_eq!(message["messageId"], "m-1");
        let expected = json!({
            "roomId": "dev", "content": "Hello!", "metadata": metadata, "senderId": "ann", "seq": receipt["seq"],
        });
        assert_eq!(message["payload"], expected);
    }
    ann.send(envelope("message", said, "m-1")).await;
    let again = payload(&mut ann, "messageReceived").await;
    assert_eq!(again["seq"], receipt["seq"], "it is in the room already");
    ann.send(envelope("message", json!({"roomId": "dev", "content": "Bye!"}), "m-1")).await;
    let error = payload(&mut ann, "error").await;
    assert_eq!((&error["code"], &error["details"]["messageId"]), (&json!("key_reused"), &json!("m-1")));

    let update =
        json!({"taskId": "T-1", "status": "working", "progress": 25, "metadata": {"branch": "main"}});
    bob.send(envelope("taskUpdate", update.clone(), "m-2")).await;
    bob.send(envelope("taskAssign", json!({"taskId": "T-1", "assigneeId": "ann", "priority": 1}), "m-3"))
        .await;
    for reader in [&mut ann, &mut bob] {
        let shown = payload(reader, "taskUpdate").await;
        for (field, value) in update.as_object().unwrap() {
            assert_eq!(shown[field], *value, "{field}");
        }
        assert_eq!((&shown["roomId"], &shown["userId"]), (&json!("dev"), &json!("bob")));
        let shown = payload(reader, "taskAssign").await;
        assert_eq!((&shown["taskId"], &shown["assigneeId"]), (&json!("T-1"), &json!("ann")));
        assert_eq!(shown["priority"], 1);
        assert_eq!(payload(reader, "taskUpdate").await["status"], "working", "the task as it stands");
    }

    let mut cat = client(server.address, "cat").await;
    cat.send(json!({"type": "joinRoom", "payload": {"roomId": "dev"}})).await;
    assert_eq!(cat.until("taskAssign").await["payload"]["assigneeId"], "ann");
    assert_eq!(cat.expect("taskUpdate").await["payload"]["progress"], 25);

    bob.send(envelope("leaveRoom", json!({"roomId": "dev"}), "m-4")).await;
    assert_eq!(bob.until("leaveRoom").await["payload"]["replyTo"], "m-4");
    let left = ann.until("userLeft").await;
    assert_eq!(left["payload"], json!({"roomId": "dev", "userId": "bob", "members": ["ann", "cat"]}));
    bob.send(envelope("message", json!({"roomId": "dev", "content": "still there?"}), "m-5")).await;
    let error = payload(&mut bob, "error").await;
    assert_eq!((&error["code"], &error["details"]["messageId"]), (&json!("not_member"), &json!("m-5")));
    assert_eq!(error["details"]["errorCode"], 4004);
    server.stop().await;
}

#[tokio::test]
async fn a_priority_that_cannot_be_is_an_error_and_no_end() {
    let server = Host::start(|_| {});
    let (mut ann, _) = member(server.address, "ann", "dev").await;
    let prioritised = |priority: Value, message_id: &str| {
        let mut frame = envelope("message", json!({"roomId": "dev", "content": "Hello!"}), message_id);
        frame["priority"] = priority;
        frame
    };
    for priority in [json!(-1), json!(0.5), json!(5), json!(1e300), json!("high")] {
        ann.send(prioritised(priority.clone(), "m-1")).await;
        let error = payload(&mut ann, "error").await;
        assert_eq!(
            (&error["code"], &error["details"]["messageId"]),
            (&json!("bad_frame"), &json!("m-1")),
            "{priority}"
        );
    }
    ann.send(prioritised(json!(4), "m-1")).await;
    assert_eq!(payload(&mut ann, "messageReceived").await["seq"], 1, "nothing was said before");
    assert_eq!(ann.expect("message").await["priority"], 4);
    server.stop().await;
}

#[tokio::test]
async fn all_dialects_meet_in_the_same_rooms() {
    let server = Host::start(|_| {});
    let mut native = server.member("nat", "general").await;
    let (mut ann, members) = member(server.address, "ann", "general").await;
    assert_eq!(members, json!(["ann", "nat"]));
    assert_eq!(native.expect("user_joined").await["user"], "ann");
    let urgent = json!({"type": "message", "payload": {"roomId": "general", "content": "hello"}, "messageId": "m-1", "priority": 1});
    ann.send(urgent).await;
    let message = native.expect("message").await;
    assert_eq!((&message["user"], &message["content"]), (&json!("ann"), &json!("hello")));
    assert_eq!((&message["key"], &message["priority"]), (&json!("m-1"), &json!(1)));
    native.say("general", 1, "two\nlines").await;
    payload(&mut ann, "messageReceived").await;
    assert_eq!(ann.expect("message").await["priority"], 1);
    let shown = ann.expect("message").await;
    assert_eq!(
        (&shown["payload"]["senderId"], &shown["payload"]["content"]),
        (&json!("nat"), &json!("two\nlines"))
    );
    assert_eq!(shown["payload"]["metadata"], json!({"type": "text"}));

    native.send(json!({"type": "typing", "room": "general", "typing": true})).await;
    let typing = json!({"roomId": "general", "userId": "nat", "status": "typing"});
    assert_eq!(payload(&mut ann, "presence").await, typing);
    ann.send(json!({"type": "typing", "payload": {"roomId": "general", "typing": true}})).await;
    assert_eq!(native.until("presence").await["user"], "ann");
    native.send(json!({"type": "status", "room": "general", "state": "busy"})).await;
    assert_eq!(
        payload(&mut ann, "status").await,
        json!({"roomId": "general", "userId": "nat", "status": "busy"})
    );
    server.stop().await;
}

#[tokio::test]
async fn what_can_be_asked_is_answered() {
    let server = Host::start(|_| {});
    let (mut ann, _) = member(server.address, "ann", "dev").await;
    for n in 1..=3 {
        ann.send(envelope(
            "message",
            json!({"roomId": "dev", "content": format!("m{n}")}),
            &format!("m-{n}"),
        ))
        .await;
        ann.until("message").await;
    }
    ann.send(envelope("history", json!({"roomId": "dev", "before": 3, "limit": 1}), "q-1")).await;
    let page = payload(&mut ann, "history").await;
    assert_eq!((&page["replyTo"], &page["more"]), (&json!("q-1"), &json!(true)));
    assert_eq!(page["messages"][0]["messageId"], "m-2", "whole frames");
    ann.send(envelope("members", json!({"roomId": "dev"}), "q-2")).await;
    let members = payload(&mut ann, "members").await;
    assert_eq!(members["members"], json!([{"userId": "ann", "presence": "online"}]));
    ann.send(envelope("rooms", json!({}), "q-3")).await;
    assert_eq!(payload(&mut ann, "rooms").await["rooms"], json!([{"roomId": "dev", "members": 1}]));
    ann.send(envelope("ping", json!({}), "q-4")).await;
    assert_eq!(payload(&mut ann, "pong").await, json!({"replyTo": "q-4"}));
    ann.send(envelope("refresh", json!({"token": "t"}), "q-5")).await;
    assert_eq!(payload(&mut ann, "error").await["code"], "tokens_off");
    ann.send(envelope("dance", json!({}), "q-6")).await;
    let error = payload(&mut ann, "error").await;
    assert_eq!((&error["code"], &error["details"]), (&json!("unknown_type"), &json!({"messageId": "q-6"})));
    server.stop().await;
}

#[tokio::test]
async fn presence_is_seen_across_connections() {
    let server = Host::start(|settings| settings.shard.presence_grace = Duration::ZERO);
    let (mut ann, _) = member(server.address, "ann", "dev").await;
    let (bob, _) = member(server.address, "bob", "dev").await;
    assert_eq!(payload(&mut ann, "userJoined").await["userId"], "bob");
    bob.cut();
    let left = ann.until("userLeft").await;
    assert_eq!(left["payload"], json!({"roomId": "dev", "userId": "bob", "members": ["ann"]}));
    server.stop().await;
}

#[tokio::test]
async fn a_connection_ends_with_the_specified_codes() {
    let server = Host::start(|_| {});
    for (query, code) in [("", "token_required"), ("?token=", "bad_token"), ("?token=no%20name", "bad_token")]
    {
        let mut nobody = connect(server.address, query).await;
        assert_eq!(payload(&mut nobody, "error").await["code"], code, "{query}");
        assert_eq!(u16::from(nobody.closed().await.code), 4000);
    }
    for (sent, code, close) in [
        (Message::text("hello"), "bad_json", 4002),
        (Message::text(r#"{"type":"joinRoom"}"#), "bad_envelope", 4002),
        (Message::binary("hello"), "binary_frame", 1003),
    ] {
        let mut ann = client(server.address, "ann").await;
        ann.send_message(sent).await;
        let error = payload(&mut ann, "error").await;
        assert_eq!((&error["code"], &error["details"]["errorCode"]), (&json!(code), &json!(close)));
        assert_eq!(u16::from(ann.closed().await.code), close);
    }
    let ann = client(server.address, "ann").await;
    ann.close().await;
    let mut last = client(server.address, "ann").await;
    let running = server.shut_down();
    let close = last.closed().await;
    assert_eq!(u16::from(close.code), 1001);
    assert!(close.reason.starts_with("shutdown retry_after_ms="), "{}", close.reason);
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn strict_rooms_end_the_connection() {
    let server = Host::start(|settings| settings.gateway.strict_closes = true);
    let _native = server.member("nat", "general").await;
    for (room, close) in [("nowhere", 4003), ("general", 4004)] {
        let mut ann = client(server.address, "ann").await;
        ann.send(envelope("message", json!({"roomId": room, "content": "hello"}), "m-1")).await;
        assert_eq!(payload(&mut ann, "error").await["details"]["errorCode"], close);
        assert_eq!(u16::from(ann.closed().await.code), close);
    }
    server.stop().await;
}

#[tokio::test]
async fn who_floods_is_told_and_in_the_end_closed() {
    let server = Host::start(|settings| {
        (settings.gateway.message_rate, settings.gateway.message_burst) = (1, 1);
        settings.gateway.abuse_window = Duration::from_millis(100);
        settings.gateway.abuse_refusals_min = 1;
    });
    let (mut ann, _) = member(server.address, "ann", "dev").await;
    let said = json!({"roomId": "dev", "content": "x"});
    ann.send(envelope("message", said.clone(), "m-1")).await;
    ann.send(envelope("message", said.clone(), "m-2")).await;
    let details = ann.until("error").await["payload"]["details"].clone();
    assert_eq!((&details["messageId"], &details["errorCode"]), (&json!("m-2"), &json!(4001)));
    assert!(details["retryAfterMs"].as_u64().is_some_and(|wait| (1..=1000).contains(&wait)), "{details}");
    let close = loop {
        ann.send(envelope("message", said.clone(), "m-2")).await;
        if let Message::Close(close) = ann.next_message().await {
            break close.unwrap();
        }
    };
    assert_eq!(u16::from(close.code), 4001);
    server.stop().await;
}

#[tokio::test]
async fn health_is_told_on_its_period() {
    let server = Host::start(|settings| settings.gateway.health_interval = Duration::from_millis(20));
    let (mut ann, _) = member(server.address, "ann", "dev").await;
    for _ in 0..3 {
        let health = ann.until("healthUpdate").await;
        assert_eq!(health["payload"]["status"], "healthy");
        assert_eq!(health["payload"]["metrics"]["connections"], 1);
        assert_eq!(health["payload"]["metrics"]["rooms"], 1);
    }
    server.stop().await;
}

//! What an operator sees: metrics, health, logs.

use serde_json::json;

use crate::kit::{Chat, Host, Metrics, Process, get, metrics};

#[tokio::test]
async fn metrics_count_what_happens() {
    let server = Host::start(|_| {});
    let mut alice = server.member("alice", "general").await;
    let mut bob = server.member("bob", "general").await;
    let mut carol = server.member("carol", "lobby").await;
    bob.say("general", 1, "hello").await;
    bob.say("general", 2, "again").await;
    assert_eq!(alice.shown(2).await, ["hello", "again"]);
    for (sent, code) in
        [("nonsense", "bad_json"), ("more nonsense", "bad_json"), (r#"{"type": "?"}"#, "unknown_type")]
    {
        carol.send_text(sent).await;
        carol.expect_error(code).await;
    }
    let counted = metrics(server.address).await;
    for (series, value) in [
        ("chat_connections", 3.0),
        ("chat_rooms", 2.0),
        ("chat_frames_in_total", 8.0),
        ("chat_messages_in_total", 2.0),
        ("chat_deliveries_out_total", 4.0),
        (r#"chat_refusals_total{reason="bad_json"}"#, 2.0),
        (r#"chat_refusals_total{reason="unknown_type"}"#, 1.0),
        (r#"chat_refusals_total{reason="rate_limited"}"#, 0.0),
        ("chat_lagged_total", 0.0),
        ("chat_draining", 0.0),
    ] {
        assert_eq!(counted.value(series), value, "{series}");
    }
    assert!(counted.value("chat_fan_out_seconds_count") >= 2.0);
    carol.cut();
    Metrics::until(server.address, "chat_connections", 2.0).await;
    server.stop().await;
}

#[tokio::test]
async fn health_and_metrics_are_on_the_port_of_the_chat() {
    let mut server = Process::server(&[]);
    let address = server.address().await;
    for path in ["/healthz", "/readyz"] {
        let response = get(address, path).await;
        assert_eq!((response.status, response.body.as_str()), (200, "ok\n"), "{path}");
    }
    let response = get(address, "/metrics").await;
    assert!(response.head.contains("content-type: application/openmetrics-text"), "{}", response.head);
    let response = get(address, "/chat").await;
    assert_eq!(response.status, 426);
    assert!(response.head.contains("upgrade: websocket"), "{}", response.head);
    assert_eq!(get(address, "/nothing/here").await.status, 404);
}

#[tokio::test]
async fn the_log_tells_who_came_and_went_and_why() {
    let mut server = Process::server(&[]);
    let address = server.address().await;
    let alice = member(address, "alice").await;
    server.logged(&["connected", "live=1"]).await;
    server.logged(&["attached", "user=alice"]).await;
    let mut bob = member(address, "bob").await;
    server.logged(&["connected", "live=2"]).await;
    alice.close().await;
    server.logged(&["disconnected", "user=alice", "requested", "live=1"]).await;
    bob.send_bytes(&[0x83, 0x80, 0, 0, 0, 0]).await;
    bob.closed().await;
    drop(bob);
    server.logged(&["disconnected", "user=bob", "protocol_error", "live=0"]).await;
}

#[tokio::test]
async fn the_log_can_be_json() {
    let mut server = Process::server(&["--log-format", "json"]);
    let address = server.address().await;
    drop(member(address, "alice").await);
    let line = server.logged(&["\"disconnected\""]).await;
    let line: serde_json::Value = serde_json::from_str(&line).expect("a line is an object");
    assert_eq!((&line["user"], &line["live"], &line["level"]), (&json!("alice"), &json!(0), &json!("INFO")));
}

#[cfg(unix)]
#[tokio::test]
async fn the_log_never_holds_a_token_or_what_was_said() {
    let mut server = Process::server(&["--log", "trace"]);
    let address = server.address().await;
    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut alice = Chat::connect_to(&format!("ws://{address}/chat?token=t0ps3cret"), tcp).await;
    alice.send(json!({"type": "hello", "user": "alice"})).await;
    let secret = alice.expect("welcome").await["secret"].as_str().unwrap().to_owned();
    alice.join("alice", "general").await;
    alice.say("general", 1, "between you and me").await;
    server.logged(&["message", "user=alice", "id=1", "room=general", "bytes=18"]).await;
    get(address, "/readyz?token=t0ps3cret").await;
    get(address, "/nowhere?token=t0ps3cret").await;
    alice.close().await;
    server.terminate();
    let log = server.ended().await.stderr;
    for private in ["t0ps3cret", secret.as_str(), "between you and me"] {
        assert!(!log.contains(private), "{private} is in\n{log}");
    }
}

#[tokio::test]
async fn a_frame_of_a_type_that_nobody_knows_is_logged_and_not_answered() {
    let mut server = Process::server(&["--log", "debug"]);
    let address = server.address().await;
    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut alice = Chat::connect_to(&format!("ws://{address}/ws"), tcp).await;
    alice.send(json!({"type": "auth", "data": {"userId": "alice"}})).await;
    alice.until("user_presence").await;
    alice.send(json!({"type": "dance", "data": {}})).await;
    alice.send(json!({"type": "ping"})).await;
    alice.expect("pong").await;
    server.logged(&["refused", "refusal=\"unknown_type\""]).await;
}

async fn member(address: std::net::SocketAddr, user: &str) -> Chat {
    let mut chat = Chat::connect(address).await;
    chat.join(user, "general").await;
    chat
}

//! Programs that ask over plain HTTP, in the rooms of everybody else.

#[cfg(target_os = "linux")]
use std::fs;
use std::net::SocketAddr;

use chinwag_core::config::RoomCreation;
use serde_json::{Value, json};
#[cfg(target_os = "linux")]
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::kit::{Chat, Host, Response, get, post};
#[cfg(target_os = "linux")]
use crate::kit::{Process, metrics};

/// The body of a good answer.
fn body(response: &Response) -> Value {
    assert!((200..300).contains(&response.status), "{response:?}");
    serde_json::from_str(&response.body).expect("bodies are JSON")
}

#[tokio::test]
async fn what_a_program_posts_is_read_in_every_dialect() {
    let server = Host::start(|_| {});
    let mut ann = server.member("ann", "lobby").await;
    let url = format!("ws://{}/lobby?user=bob", server.address);
    let mut bob = Chat::connect_to(&url, TcpStream::connect(server.address).await.unwrap()).await;
    ann.until("user_joined").await;
    let hello = json!({"content": "build 7 is red", "mentions": ["bob"]});
    let said = post(server.address, "/api/rooms/lobby/messages?user=ann", "", &hello).await;
    assert_eq!(body(&said)["seq"], 1);
    assert_eq!(ann.until("message").await["mentions"], json!(["bob"]));
    while !bob.next_text().await.ends_with("#lobby ann: build 7 is red") {}

    bob.send_text("who broke it?").await;
    ann.until("message").await;
    let page = get(server.address, "/api/rooms/lobby/messages?user=ann&limit=1").await;
    assert_eq!(body(&page)["messages"][0]["content"], "who broke it?");
    let members = body(&get(server.address, "/api/rooms/lobby/members?user=bob").await);
    assert_eq!(members["count"], 2, "a member of any dialect may ask: {members}");
    server.stop().await;
}

/// The call of specification 3, with a name in open mode (S3.30).
async fn say_to(bot: &str, user: &str, address: SocketAddr) -> Response {
    let path = format!("/bot-execution/{bot}/chat?user={user}");
    post(address, &path, "", &json!({"message": "Hello bot!"})).await
}

#[tokio::test]
async fn what_is_posted_to_a_bot_that_never_was_there_waits_for_it() {
    let server = Host::start(|_| {});
    let address = server.address;
    let start = async |user: &str| {
        let path = format!("/bot-execution/weather/start?user={user}");
        post(address, &path, "", &json!({})).await.status
    };
    assert_eq!(start("ann").await, 404, "there is nothing to start yet");
    assert_eq!(body(&say_to("weather", "ann", address).await)["seq"], 1);
    assert_eq!((start("bob").await, start("ann").await), (403, 202), "who spoke first owns it");
    let (_, waiting) = server.connect().await.join("weather", "bot:weather").await;
    assert_eq!(waiting["messages"][0]["content"], "Hello bot!");

    let mut cat = server.member("cat", "general").await;
    cat.send(json!({"type": "create", "room": "bot:diary", "private": true, "id": 1})).await;
    cat.until("created").await;
    let statuses =
        (say_to("diary", "bob", address).await.status, say_to("a%2Fb", "bob", address).await.status);
    assert_eq!(statuses, (403, 400), "a private one, and none that can be");
    server.stop().await;

    let server = Host::start(|settings| settings.shard.room_creation = RoomCreation::Admin);
    assert_eq!(say_to("weather", "ann", server.address).await.status, 404, "rooms are made by admins only");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_lost_its_socket_goes_on_over_rest() {
    let server = Host::start(|_| {});
    let (mut bot, mut ann) = (server.connect().await, server.connect().await);
    for (chat, user) in [(&mut bot, "weather"), (&mut ann, "ann")] {
        chat.send(json!({"type": "join", "room": "bot:weather", "user": user})).await;
        chat.until("history").await;
    }
    ann.cut();
    // The call of specification 3, with a name in open mode; sent twice, as a client does that hears nothing (S3.30).
    let (path, key) = ("/bot-execution/weather/chat?user=ann", "Idempotency-Key: 7d1c\r\n");
    let hello = json!({"message": "Hello bot!"});
    let first = post(server.address, path, key, &hello).await;
    let again = post(server.address, path, key, &hello).await;
    assert_eq!((body(&first), first.status), (body(&again), 201));
    bot.send(json!({"type": "message", "room": "bot:weather", "content": "Hello ann!"})).await;
    let shown = [bot.until("message").await, bot.until("message").await];
    assert_eq!((&shown[0]["user"], &shown[0]["content"]), (&json!("ann"), &json!("Hello bot!")));
    assert_eq!(shown[1]["content"], "Hello ann!", "what came twice is there once");
    server.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_upload_that_the_disk_has_no_room_for_leaves_nothing() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut server = Process::server_on_a_full_disk(&["--port", "0", "--files-dir", path]);
    let address = server.address().await;
    let mut ann = Chat::connect(address).await;
    ann.join("ann", "general").await;
    let upload = async |bytes: usize| {
        let text = "x".repeat(bytes);
        post(address, "/api/rooms/general/files?user=ann&name=a.txt", "", &json!(text)).await
    };
    assert_eq!(upload(20_000).await.status, 201);
    server.limit_files(8_192);
    let refused = upload(20_000).await;
    assert_eq!(refused.status, 507, "{refused:?}");
    assert!(refused.body.contains(r#""files_full""#), "{refused:?}");
    let names = || fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names().filter(|name| name != "lock").count(), 1, "nothing half-written stays");
    assert_eq!(metrics(address).await.value("chat_files_bytes"), 20_480.0, "and nothing is set aside for it");
    assert_eq!(upload(1_000).await.status, 201, "what there is room for is kept");
    server.terminate();
    assert_eq!(server.ended().await.code, Some(0));
}

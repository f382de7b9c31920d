//! Specification 1, item by item: people who type lines, with any program that speaks WebSocket.

use std::net::SocketAddr;

use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::kit::{Chat, Host, Metrics};

/// Someone in the lobby, who has read what they are greeted with.
async fn visitor(address: SocketAddr, user: &str) -> Chat {
    let url = format!("ws://{address}/lobby?user={user}");
    let mut chat = Chat::connect_to(&url, TcpStream::connect(address).await.unwrap()).await;
    assert_eq!(chat.next_text().await, format!("* Welcome, {user}. /help lists what you can do."));
    assert_eq!(chat.next_text().await, "* You have joined #lobby. You are in #lobby now.");
    assert_eq!(chat.next_text().await, format!("* {user} has joined #lobby."));
    chat
}

/// A message without its instant, which it begins with (S1.13).
fn said(line: &str) -> &str {
    let (instant, rest) = line.split_once(' ').expect("an instant and more");
    assert!(instant.starts_with("20") && instant.ends_with('Z') && instant.len() == 24, "{line}");
    rest
}

#[tokio::test]
async fn three_people_talk_in_rooms_of_their_own() {
    let server = Host::start(|_| {});
    let mut ann = visitor(server.address, "ann").await;
    let mut bob = visitor(server.address, "bob").await;
    assert_eq!(ann.next_text().await, "* bob has joined #lobby.");
    let mut cat = visitor(server.address, "cat").await;
    for other in [&mut ann, &mut bob] {
        assert_eq!(other.next_text().await, "* cat has joined #lobby.");
    }

    // Typed ahead: the line is for the room that is asked for, whenever that answers.
    bob.send_text("/join rust").await;
    bob.send_text("only for rust").await;
    assert_eq!(bob.next_text().await, "* You have joined #rust. You are in #rust now.");
    assert_eq!(bob.next_text().await, "* bob has joined #rust.");
    assert_eq!(said(&bob.next_text().await), "#rust bob: only for rust");

    ann.send_text("hello, lobby").await;
    for reader in [&mut ann, &mut bob, &mut cat] {
        assert_eq!(
            said(&reader.next_text().await),
            "#lobby ann: hello, lobby",
            "what was said in rust is not shown"
        );
    }

    bob.send_text("/leave").await;
    assert_eq!(bob.next_text().await, "* You have left #rust. You are in #lobby now.");
    bob.send_text("/leave").await;
    assert_eq!(bob.next_text().await, "! You must stay in at least one room.");
    bob.send_text("back").await;
    assert_eq!(said(&cat.next_text().await), "#lobby bob: back");

    bob.close().await;
    assert_eq!(cat.next_text().await, "* bob has left #lobby.");
    Metrics::until(server.address, "chat_connections", 2.0).await;
    server.stop().await;
}

#[tokio::test]
async fn commands_answer_whoever_typed_them() {
    let server = Host::start(|_| {});
    let mut ann = visitor(server.address, "ann").await;
    let mut bob = visitor(server.address, "bob").await;
    bob.send_text("/rooms").await;
    assert_eq!(bob.next_text().await, "* Rooms: #lobby (2).");
    bob.send_text("/join attic").await;
    assert_eq!(bob.next_text().await, "* You have joined #attic. You are in #attic now.");
    assert_eq!(bob.next_text().await, "* bob has joined #attic.");
    for (command, answer) in
        [("/rooms", "* Rooms: #attic (1), #lobby (2)."), ("/users", "* In #attic (1): bob.")]
    {
        bob.send_text(command).await;
        assert_eq!(bob.next_text().await, answer);
    }
    bob.send_text("/leave").await;
    assert_eq!(bob.next_text().await, "* You have left #attic. You are in #lobby now.");
    bob.send_text("/users").await;
    assert_eq!(bob.next_text().await, "* In #lobby (2): ann, bob.");
    bob.send_text("/help").await;
    for command in ["/rooms", "/join <room>", "/leave", "/users", "/help"] {
        bob.send_text("/help").await;
        assert!(bob.next_text().await.contains(command), "{command}");
    }
    bob.next_text().await;
    for (wrong, answer) in [
        ("/dance", "! There is no such command; /help lists them."),
        ("/join", "! Something is missing, or is not what it must be. (/join wants one room)"),
        (
            "/join a/b",
            "! The room name is not valid. (it holds '/': only letters, digits, - _ . and, in room names, : may be used)",
        ),
        ("   ", "! The content is empty."),
    ] {
        bob.send_text(wrong).await;
        assert_eq!(bob.next_text().await, answer);
    }
    ann.send_text("nobody else heard of it").await;
    assert_eq!(ann.next_text().await, "* bob has joined #lobby.");
    assert_eq!(said(&ann.next_text().await), "#lobby ann: nobody else heard of it");
    server.stop().await;
}

#[tokio::test]
async fn long_lists_are_read_page_by_page() {
    let server = Host::start(|settings| settings.gateway.list_page_max = 2);
    let mut ann = visitor(server.address, "ann").await;
    for room in ["a", "b", "c"] {
        ann.send_text(&format!("/join {room}")).await;
        while ann.next_text().await != format!("* ann has joined #{room}.") {}
    }
    for (command, answer) in [
        ("/rooms", "* Rooms: #a (1), #b (1), and more: /rooms b"),
        ("/rooms b", "* Rooms: #c (1), #lobby (1)."),
        ("/users", "* In #c (1): ann."),
        ("/users ann", "* In #c (1): none."),
    ] {
        ann.send_text(command).await;
        assert_eq!(ann.next_text().await, answer);
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_empty_or_too_long_is_said_to_nobody() {
    let server = Host::start(|_| {});
    let mut ann = visitor(server.address, "ann").await;
    let mut bob = visitor(server.address, "bob").await;
    for (line, answer) in [
        ("".to_owned(), "! The content is empty."),
        ("\t \r\n".to_owned(), "! The content is empty."),
        ("x".repeat(4_097), "! The content is too large."),
        ("é".repeat(2_049), "! The content is too large."),
        ("x".repeat(16 * 1024 + 1), "! The frame is too large."),
    ] {
        bob.send_text(&line).await;
        assert_eq!(bob.next_text().await, answer);
    }
    bob.send_text(&"é".repeat(2_048)).await;
    assert_eq!(ann.next_text().await, "* bob has joined #lobby.");
    assert_eq!(
        said(&ann.next_text().await),
        format!("#lobby bob: {}", "é".repeat(2_048)),
        "just as long as may be"
    );
    server.stop().await;
}

#[tokio::test]
async fn what_the_specification_leaves_out_is_left_out() {
    let server = Host::start(|_| {});
    let mut ann = visitor(server.address, "ann").await;
    ann.send_text("first").await;
    assert_eq!(said(&ann.next_text().await), "#lobby ann: first");
    // No history: who comes later is shown nothing of it (S1.24).
    let mut bob = visitor(server.address, "bob").await;
    let mut native = server.connect().await;
    native.join("nat", "lobby").await;
    assert_eq!(bob.next_text().await, "* nat has joined #lobby.");
    for line in [
        "/history",
        "/msg ann between us",
        "/dm ann between us",
        "/kick ann",
        "/op bob",
        "/role bob admin",
        "/edit first second",
        "/delete first",
        "/upload photo.png",
    ] {
        bob.send_text(line).await;
        assert_eq!(bob.next_text().await, "! There is no such command; /help lists them.", "{line}");
    }
    bob.send_message(Message::binary(b"photo".to_vec())).await;
    assert_eq!(bob.next_text().await, "! Binary frames are not understood here; send text.");
    // What names somebody is for everybody (S1.25).
    bob.send_text("@ann between us").await;
    for notice in ["bob", "nat"] {
        assert_eq!(ann.next_text().await, format!("* {notice} has joined #lobby."));
    }
    assert_eq!(said(&ann.next_text().await), "#lobby bob: @ann between us");
    assert_eq!(native.until("message").await["content"], "@ann between us");
    // Nothing was changed, taken back or put in by what was no command (S1.27, S1.28).
    native.send(json!({"type": "history", "room": "lobby", "id": 1})).await;
    let history = native.until("history").await;
    assert_eq!(crate::kit::contents(&history), ["first", "@ann between us"]);
    server.stop().await;
}

#[tokio::test]
async fn whoever_came_first_may_do_no_more_than_others() {
    let server = Host::start(|_| {});
    let mut ann = visitor(server.address, "ann").await;
    ann.send_text("/join rust").await;
    let mut bob = visitor(server.address, "bob").await;
    bob.send_text("/join rust").await;
    for who in [&mut ann, &mut bob] {
        who.send_text("/users").await;
        while who.next_text().await != "* In #rust (2): ann, bob." {}
        who.send_text("/leave").await;
        assert_eq!(who.next_text().await, "* You have left #rust. You are in #lobby now.");
        who.send_text("/join rust").await;
        assert_eq!(who.next_text().await, "* You have joined #rust. You are in #rust now.");
    }
    server.stop().await;
}

#[tokio::test]
async fn all_dialects_meet_in_the_same_rooms() {
    let server = Host::start(|_| {});
    let mut native = server.member("nat", "lobby").await;
    native.say("lobby", 1, "nobody who comes later is shown this").await;
    let mut ann = visitor(server.address, "ann").await;
    assert_eq!(native.until("user_joined").await["members"], json!(["ann", "nat"]));
    ann.send_text("hello").await;
    let message = native.expect("message").await;
    assert_eq!((&message["user"], &message["content"]), (&"ann".into(), &"hello".into()));
    native.say("lobby", 2, "two\nlines").await;
    assert_eq!(said(&ann.next_text().await), "#lobby ann: hello");
    assert_eq!(said(&ann.next_text().await), "#lobby nat: two\n    lines");
    native.say("lobby", 3, "no\u{2028}* mod has joined #lobby.\u{202e}").await;
    assert_eq!(said(&ann.next_text().await), "#lobby nat: no\n    * mod has joined #lobby.\u{fffd}");
    let metrics = crate::kit::metrics(server.address).await;
    assert!(metrics.value("chat_frames_encoded_total") > 0.0);
    server.stop().await;
}

#[tokio::test]
async fn the_lobby_wants_a_name_that_can_be() {
    let server = Host::start(|_| {});
    for (query, sentence) in [
        ("", "Say who you are: add ?user=NAME to the address."),
        ("?user=", "The user name is empty."),
        (
            "?user=a%20b",
            "The user name holds ' ': only letters, digits, - _ . and, in room names, : may be used.",
        ),
    ] {
        let response = crate::kit::upgrade(server.address, &format!("/lobby{query}")).await;
        assert_eq!((response.status, response.body.trim_end()), (400, sentence));
    }
    server.stop().await;
}

//! What no decent client would send, while decent ones go on talking.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::kit::{Chat, Host, within};

/// Two who talk, whatever others do.
struct Bystanders {
    speaker: Chat,
    listener: Chat,
    said: u64,
}

impl Bystanders {
    async fn new(server: &Host) -> Self {
        let mut speaker = server.member("speaker", "general").await;
        let listener = server.member("listener", "general").await;
        speaker.expect("user_joined").await;
        Self { speaker, listener, said: 0 }
    }

    /// They notice nothing: the next that the one hears is what the other says.
    async fn talk(&mut self) {
        self.said += 1;
        let words = format!("as I was saying, {}", self.said);
        self.speaker.say("general", self.said, &words).await;
        assert_eq!(self.listener.expect("message").await["content"], words);
    }
}

/// A server that lets people talk as fast as they like.
fn server() -> Host {
    Host::start(|settings| {
        settings.gateway.message_burst = 1_000;
        settings.gateway.control_burst = 1_000;
    })
}

/// Sends fifty of these at once, and something that is let in, until the server closes. The code.
async fn flood(mut chat: Chat, message: Message, something: impl Fn(u64) -> String) -> u16 {
    let flooding = async {
        for n in 1.. {
            for _ in 0..50 {
                chat.feed_message(message.clone()).await;
            }
            chat.send_text(&something(n)).await;
            loop {
                match chat.next_message().await {
                    Message::Close(close) => return close.expect("the server names a code").code.into(),
                    Message::Text(text) if text.contains("still here") => break,
                    _ => {}
                }
            }
        }
        unreachable!("numbers do not end")
    };
    within("the end of a flood", flooding).await
}

#[tokio::test]
async fn pongs_that_nobody_asked_for_are_a_flood_like_any_other() {
    let server = Host::start(|settings| {
        settings.gateway.message_rate = 1_000_000;
        settings.gateway.message_burst = 1_000_000;
        settings.gateway.abuse_window = Duration::from_millis(200);
        settings.gateway.abuse_refusals_min = 10;
    });
    let mut bystanders = Bystanders::new(&server).await;
    let native = |n| {
        json!({"type": "message", "room": "loud", "content": format!("still here {n}"), "id": n}).to_string()
    };
    let event = |n| format!(r#"42["chat:message",{{"room":"loud","message":"still here {n}"}}]"#);
    for (user, message) in
        [("ponger", Message::Pong(vec![1; 9].into())), ("pinger", Message::Ping(vec![1; 9].into()))]
    {
        assert_eq!(flood(server.member(user, "loud").await, message, native).await, 4001, "{user}");
    }
    let mut mallory = socket_io(&server, "mallory").await;
    mallory.send_text(r#"42["room:join",{"room":"loud"}]"#).await;
    assert_eq!(flood(mallory, Message::text("3"), event).await, 4001);
    bystanders.talk().await;
    server.stop().await;
}

/// A Socket.IO client that asks to be let in.
async fn socket_io(server: &Host, user: &str) -> Chat {
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", server.address);
    let mut chat = Chat::connect_to(&url, TcpStream::connect(server.address).await.unwrap()).await;
    assert!(chat.next_text().await.starts_with("0{"));
    chat.send_text(&format!("40{}", json!({"userId": user}))).await;
    chat
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_the_connection_lives() {
    let server = server();
    let mut bystanders = Bystanders::new(&server).await;
    let mut mallory = server.member("mallory", "elsewhere").await;
    let text = |text: &str| Message::text(text.to_owned());
    let message = |content: &str| {
        let content = content.to_owned();
        Message::text(json!({"type": "message", "room": "elsewhere", "content": content}).to_string())
    };
    for (sent, code) in [
        (text("{\"type\": \"join\", "), "bad_json"),
        (text("GET / HTTP/1.1"), "bad_json"),
        (text(""), "bad_json"),
        (text(&format!("{{\"deep\": {}", "[".repeat(16_000))), "bad_json"),
        (text("null"), "bad_frame"),
        (text(r#"{"type": "join", "room": {"name": "general"}}"#), "bad_frame"),
        (text(r#"{"type": "message", "room": "elsewhere", "content": 7}"#), "bad_frame"),
        (text(r#"{"type": "message", "room": "elsewhere", "content": "x", "id": -1}"#), "bad_frame"),
        (text(r#"{"type": "dance", "user": "mallory"}"#), "unknown_type"),
        (text(r#"{"type": "kick", "user": "speaker"}"#), "bad_frame"),
        (text(r#"{"type": "message", "room": "nowhere", "content": "x"}"#), "unknown_room"),
        (text(r#"{"type": "message", "room": "general", "content": "x"}"#), "not_member"),
        (
            text(r#"{"type": "message", "room": "elsewhere", "content": "x", "user": "speaker"}"#),
            "user_mismatch",
        ),
        (text(r#"{"type": "leave", "room": "general", "user": "listener"}"#), "user_mismatch"),
        (message(""), "content_empty"),
        (message(&"x".repeat(4_097)), "content_too_large"),
        (message(&"x".repeat(16 * 1024)), "frame_too_large"),
        (text(&" ".repeat(64 * 1024)), "frame_too_large"),
        (Message::binary(vec![0; 100]), "binary_frame"),
    ] {
        mallory.send_message(sent).await;
        mallory.expect_error(code).await;
        bystanders.talk().await;
    }
    mallory.send(json!({"type": "message", "room": "elsewhere", "content": "I give up"})).await;
    mallory.expect("message").await;
    server.stop().await;
}

#[tokio::test]
async fn content_is_measured_in_bytes() {
    let server = server();
    let mut alice = server.member("alice", "general").await;
    for (content, kind) in [
        ("é".repeat(2_048), "message"),
        ("é".repeat(2_049), "error"),
        ("👋".repeat(1_024), "message"),
        ("\u{0}".repeat(2_000), "message"),
    ] {
        alice.send(json!({"type": "message", "room": "general", "content": content})).await;
        let answer = alice.expect(kind).await;
        match kind {
            "error" => assert_eq!(answer["code"], "content_too_large"),
            _ => assert_eq!(answer["content"], content.as_str()),
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_a_websocket_frame_ends_the_connection_with_a_code_that_says_why() {
    let server = server();
    let mut bystanders = Bystanders::new(&server).await;
    let not_utf8: &[u8] = &[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28];
    let not_masked: &[u8] = &[0x81, 0x02, b'{', b'}'];
    let reserved_opcode: &[u8] = &[0x83, 0x80, 0, 0, 0, 0];
    let reserved_bit: &[u8] = &[0xc1, 0x80, 0, 0, 0, 0];
    let continues_nothing: &[u8] = &[0x80, 0x80, 0, 0, 0, 0];
    let ping_in_pieces: &[u8] = &[0x09, 0x80, 0, 0, 0, 0];
    let more_than_64_kib: &[u8] = &[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    let more_than_memory: &[u8] = &[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    for (n, (bytes, code, reason)) in [
        (not_utf8, 1007, "invalid_text"),
        (not_masked, 1002, "protocol_error"),
        (reserved_opcode, 1002, "protocol_error"),
        (reserved_bit, 1002, "protocol_error"),
        (continues_nothing, 1002, "protocol_error"),
        (ping_in_pieces, 1002, "protocol_error"),
        (more_than_64_kib, 1009, "frame_too_big"),
        (more_than_memory, 1009, "frame_too_big"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut mallory = server.member(&format!("mallory-{n}"), "elsewhere").await;
        mallory.send_bytes(bytes).await;
        let close = mallory.closed().await;
        assert_eq!((u16::from(close.code), close.reason.as_str()), (code, reason), "{bytes:x?}");
        bystanders.talk().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_message_in_pieces_is_one_message_with_a_ping_between_or_not() {
    let server = server();
    let mut alice = server.member("alice", "general").await;
    let text = json!({"type": "message", "room": "general", "content": "in piéces"}).to_string();
    // Cuts through é, which is two bytes: only the whole must be text.
    let (first, rest) = text.as_bytes().split_at(text.find('é').unwrap() + 1);
    let piece =
        |bytes: &[u8], data, last| Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(data), last));
    alice.send_message(piece(first, Data::Text, false)).await;
    alice.send_message(Message::Ping("still here?".into())).await;
    assert_eq!(alice.next_message().await, Message::Pong("still here?".into()));
    alice.send_message(piece(rest, Data::Continue, true)).await;
    assert_eq!(alice.expect("message").await["content"], "in piéces");
    server.stop().await;
}

#[tokio::test]
async fn pieces_do_not_add_up_to_more_than_a_frame_may_have() {
    let server = server();
    let mut bystanders = Bystanders::new(&server).await;
    let mut mallory = server.member("mallory", "elsewhere").await;
    let piece = |data| Message::Frame(Frame::message(vec![b' '; 8 * 1024], OpCode::Data(data), false));
    mallory.send_message(piece(Data::Text)).await;
    for _ in 0..8 {
        mallory.send_message(piece(Data::Continue)).await;
    }
    assert_eq!(u16::from(mallory.closed().await.code), 1009);
    bystanders.talk().await;
    server.stop().await;
}

#[tokio::test]
async fn half_a_frame_and_then_nothing_is_just_someone_gone() {
    let server = server();
    let mut bystanders = Bystanders::new(&server).await;
    let mut mallory = server.member("mallory", "elsewhere").await;
    mallory.send_bytes(&[0x81, 0xfe, 0x10]).await;
    mallory.cut();
    crate::kit::Metrics::until(server.address, "chat_connections", 2.0).await;
    bystanders.talk().await;
    server.stop().await;
}

#[tokio::test]
async fn many_who_send_rubbish_at_once_disturb_nobody() {
    let server = server();
    let mut bystanders = Bystanders::new(&server).await;
    let crowd = stream::iter(0..50).map(|n| {
        let server = &server;
        async move {
            let mut mallory = server.member(&format!("mallory-{n}"), "elsewhere").await;
            for _ in 0..20 {
                mallory.send_text("rubbish").await;
                mallory.until("error").await;
            }
        }
    });
    let talking = async {
        for _ in 0..50 {
            bystanders.talk().await;
        }
    };
    tokio::join!(crowd.buffer_unordered(50).collect::<()>(), talking);
    server.stop().await;
}

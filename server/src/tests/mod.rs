//! The server over real loopback sockets: HTTP, the handshake, frames, closes, and the way down.

mod disk;
mod headers;
mod identity;
mod origin;
mod reading;
mod rest;
mod uploads;

use std::{net::SocketAddr, time::Duration};

use chinwag_core::disconnect::{self, Disconnect};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::{HeaderMap, Request};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, protocol::CloseFrame},
};

use crate::{Server, Settings};

/// A test that waits this long for one thing has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of two gateway threads on a free port.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

fn start(change: impl FnOnce(&mut Settings)) -> Running {
    let mut settings = settings();
    change(&mut settings);
    run(Server::bind(settings).unwrap())
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.driver.listen = vec!["127.0.0.1:0".parse().unwrap()];
    settings.driver.threads = 2;
    settings
}

fn run(server: Server) -> Running {
    let address = server.local_addrs()[0];
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(server.run(async move { drop(stopped.await) }));
    Running { address, stop, server }
}

impl Running {
    async fn stop(self) {
        self.stop.send(()).unwrap();
        within(self.server).await.unwrap().unwrap();
    }

    async fn connect(&self) -> Chat {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let (socket, _) = within(client_async("ws://chat/chat?token=hidden", tcp)).await.unwrap();
        Chat(socket)
    }

    /// Connects by another address or with other headers; the answer's headers, too.
    async fn open(&self, request: Request<()>) -> (Chat, HeaderMap) {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let (socket, answer) = within(client_async(request, tcp)).await.unwrap();
        (Chat(socket), answer.headers().clone())
    }
}

/// Sends bytes on a socket of their own and reads to its end.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    within(tcp.read_to_string(&mut response)).await.unwrap();
    response
}

async fn get(address: SocketAddr, path: &str) -> String {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n\r\n")).await
}

/// A WebSocket client.
struct Chat(WebSocketStream<TcpStream>);

impl Chat {
    async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Message {
        within(self.0.next()).await.expect("the connection has ended").unwrap()
    }

    /// The next text.
    async fn text(&mut self) -> String {
        loop {
            if let Message::Text(text) = self.next().await {
                return text.to_string();
            }
        }
    }

    /// The next frame of the chat.
    async fn frame(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The next frame of this type; others are passed over.
    async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The close frame; everything before it is passed over.
    async fn closed(&mut self) -> CloseFrame {
        loop {
            if let Message::Close(close) = self.next().await {
                return close.expect("a close frame with a code");
            }
        }
    }

    /// Sends bytes that need not be a frame.
    async fn send_raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing came")
}

const UPGRADE: &str = "Host: chat\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";

#[tokio::test]
async fn every_route_answers_with_its_status() {
    let server = start(|_| {});
    for (path, status) in [
        ("/healthz", "200 OK"),
        ("/readyz?verbose", "200 OK"),
        ("/metrics", "200 OK"),
        ("/chat", "426 Upgrade Required"),
        ("/", "200 OK"),
        ("/page.js", "200 OK"),
        ("/admin", "200 OK"),
        ("/favicon.ico", "404 Not Found"),
    ] {
        let response = get(server.address, path).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{path}: {response}");
    }
    let posted =
        exchange(server.address, "POST /chat HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n\r\n").await;
    assert!(posted.starts_with("HTTP/1.1 405 ") && posted.contains("allow: GET, HEAD\r\n"), "{posted}");
    server.stop().await;
}

#[tokio::test]
async fn a_handshake_that_is_none_is_told_what_is_missing() {
    let server = start(|_| {});
    for (headers, status, hint) in [
        (format!("{UPGRADE}{KEY}Sec-WebSocket-Version: 8\r\n"), "426", "sec-websocket-version: 13"),
        (
            format!("{UPGRADE}Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n"),
            "400",
            "Sec-WebSocket-Key",
        ),
        ("Host: chat\r\nConnection: close\r\n".to_owned(), "426", "upgrade: websocket"),
    ] {
        let response = exchange(server.address, &format!("GET /chat HTTP/1.1\r\n{headers}\r\n")).await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")) && response.contains(hint),
            "{response}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_cut() {
    let server = start(|settings| settings.driver.header_timeout = Duration::from_millis(20));
    let response = exchange(server.address, "GET /healthz HTTP/1.1\r\nHost:").await;
    assert!(!response.contains("200 OK"), "{response}");
    server.stop().await;
}

#[tokio::test]
async fn a_full_server_says_when_to_come_back() {
    let server = start(|settings| {
        settings.driver.threads = 1;
        settings.gateway.connections_max = 1;
        settings.gateway.return_spread = Duration::from_secs(7);
    });
    let mut first = server.connect().await;
    let response =
        exchange(server.address, &format!("GET /chat HTTP/1.1\r\n{UPGRADE}{KEY}{VERSION}\r\n")).await;
    assert!(response.starts_with("HTTP/1.1 503 ") && response.contains("retry-after: 7\r\n"), "{response}");
    first.send(json!({"type": "ping"})).await;
    first.expect("pong").await;
    drop(first);
    server.stop().await;
}

#[tokio::test]
async fn what_one_says_all_see_whatever_thread_they_are_on() {
    for shards in [1, 3] {
        let server = start(|settings| settings.gateway.shards = shards);
        let mut members = Vec::new();
        for user in ["alice", "bob", "carol"] {
            let mut member = server.connect().await;
            member.send(json!({"type": "join", "room": "general", "user": user})).await;
            member.expect("joined").await;
            members.push(member);
        }
        members[0]
            .send(json!({"type": "message", "room": "general", "content": "Hello!", "user": "alice"}))
            .await;
        for member in &mut members {
            let message = member.expect("message").await;
            assert_eq!((&message["user"], &message["content"]), (&json!("alice"), &json!("Hello!")));
        }
        let metrics = get(server.address, "/metrics").await;
        for line in
            ["chat_connections 3", "chat_rooms 1", "chat_messages_in_total 1", "chat_deliveries_out_total 3"]
        {
            assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
        }
        drop(members);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_frame_sent_right_behind_the_handshake_is_not_lost() {
    let server = start(|_| {});
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let mut bytes = format!("GET / HTTP/1.1\r\n{UPGRADE}{KEY}{VERSION}\r\n").into_bytes();
    bytes.extend([0x89, 0x82, 0, 0, 0, 0, b'h', b'i']); // a masked ping
    tcp.write_all(&bytes).await.unwrap();
    let mut response = Vec::new();
    while !response.ends_with(&[0x8a, 2, b'h', b'i']) {
        let read = within(tcp.read_buf(&mut response)).await.unwrap();
        assert!(read > 0, "no pong in {}", String::from_utf8_lossy(&response));
    }
    drop(tcp);
    server.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_frame_are_closed_with_the_fitting_code() {
    let server = start(|_| {});
    let unmasked: &[u8] = &[0x81, 2, b'h', b'i'];
    let no_utf8: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, 0xff];
    let too_big: &[u8] = &[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    for (bytes, reason) in [
        (unmasked, Disconnect::ProtocolError),
        (no_utf8, Disconnect::InvalidText),
        (too_big, Disconnect::FrameTooBig),
    ] {
        let mut chat = server.connect().await;
        chat.send_raw(bytes).await;
        assert_eq!(u16::from(chat.closed().await.code), reason.code(), "{reason}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_close_is_answered_and_the_connection_forgotten() {
    let server = start(|settings| settings.driver.threads = 1);
    let mut chat = server.connect().await;
    chat.send(json!({"type": "join", "room": "general", "user": "alice"})).await;
    chat.expect("joined").await;
    chat.0.close(None).await.unwrap();
    while let Some(message) = within(chat.0.next()).await {
        message.unwrap();
    }
    drop(chat);
    while !get(server.address, "/metrics").await.contains("chat_connections 0\n") {}
    server.stop().await;
}

#[tokio::test]
async fn a_reader_that_rests_is_shown_everything_later_and_holds_nobody_up() {
    const MESSAGES: u64 = 900;
    let server = start(|settings| {
        settings.gateway.message_rate = 10_000;
        settings.gateway.message_burst = 10_000;
        settings.gateway.outbox_bytes_max = 128 * 1024;
        settings.gateway.pong_timeout = PATIENCE;
        settings.driver.send_buffer_bytes = Some(4 * 1024);
    });
    let mut resting = server.connect().await;
    resting.send(json!({"type": "join", "room": "general", "user": "resting"})).await;
    resting.expect("joined").await;
    let mut author = server.connect().await;
    author.send(json!({"type": "join", "room": "general", "user": "author"})).await;
    author.expect("joined").await;
    let content = "x".repeat(4_000);
    for id in 1..=MESSAGES {
        author.send(json!({"type": "message", "id": id, "room": "general", "content": content})).await;
        author.expect("ack").await;
    }
    let (mut shown, mut lagged) = (Vec::new(), false);
    while shown.len() < MESSAGES as usize {
        let frame = resting.frame().await;
        match frame["type"].as_str().unwrap() {
            "message" => shown.push(frame["seq"].as_u64().unwrap()),
            "history" => {
                let messages = frame["messages"].as_array().unwrap();
                shown.extend(messages.iter().map(|message| message["seq"].as_u64().unwrap()));
            }
            kind => lagged |= kind == "lagged",
        }
    }
    assert!(lagged, "the outbox was never full: the test shows nothing");
    assert!(shown.into_iter().eq(1..=MESSAGES));
    drop((resting, author));
    server.stop().await;
}

#[tokio::test]
async fn going_down_tells_every_client_when_to_come_back() {
    let running = start(|_| {});
    let mut chats = Vec::new();
    for user in ["alice", "bob"] {
        let mut chat = running.connect().await;
        chat.send(json!({"type": "hello", "user": user})).await;
        chat.expect("welcome").await;
        chats.push(chat);
    }
    let Running { address, stop, server } = running;
    stop.send(()).unwrap();
    // The clients have not hung up yet, so the server is still there to say that it is going.
    while !get(address, "/readyz").await.starts_with("HTTP/1.1 503 ") {}
    let late = format!("GET /chat HTTP/1.1\r\n{UPGRADE}{KEY}{VERSION}\r\n");
    assert!(exchange(address, &late).await.starts_with("HTTP/1.1 503 "));
    for chat in &mut chats {
        let close = chat.closed().await;
        assert_eq!(u16::from(close.code), Disconnect::Shutdown.code());
        assert!(disconnect::retry_after(&close.reason).is_some(), "{close:?}");
    }
    drop(chats);
    within(server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_hang_up_does_not_hold_the_server_up() {
    let server = start(|settings| settings.driver.close_linger = Duration::from_millis(20));
    let _silent = server.connect().await;
    server.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_one_line_that_says_what_to_do() {
    let server = start(|_| {});
    let mut settings = Settings::default();
    settings.driver.listen = vec![server.address];
    let problem = Server::bind(settings).unwrap_err().to_string();
    assert!(problem.contains(&server.address.to_string()) && problem.contains("--port"), "{problem}");
    server.stop().await;
}

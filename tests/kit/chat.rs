//! A WebSocket client by hand: it knows JSON, and nothing of Chinwag.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::within;

/// A person at a WebSocket.
pub(crate) struct Chat {
    socket: WebSocketStream<TcpStream>,
}

impl Chat {
    /// Connects to `/chat`.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::connect_to(&format!("ws://{address}/chat"), TcpStream::connect(address).await.unwrap()).await
    }

    /// Connects with a receive buffer so small that the server soon notices who does not read.
    pub(crate) async fn connect_narrow(address: SocketAddr) -> Self {
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(4 * 1024).unwrap();
        Self::connect_to(&format!("ws://{address}/chat"), tcp.connect(address).await.unwrap()).await
    }

    /// Makes a socket a WebSocket.
    pub(crate) async fn connect_to(url: &str, tcp: TcpStream) -> Self {
        let (socket, _) = within("the handshake", client_async(url, tcp)).await.unwrap();
        Self { socket }
    }

    /// Joins a room and reads what follows. Returns `joined` and the first `history`.
    pub(crate) async fn join(&mut self, user: &str, room: &str) -> (Value, Value) {
        self.send(json!({"type": "join", "room": room, "user": user})).await;
        let joined = self.expect("joined").await;
        let mut frame = self.expect("user_joined").await;
        // Whoever was shown offline is shown online now, to themselves, too.
        while frame["type"] != "history" {
            frame = self.next().await;
        }
        (joined, frame)
    }

    /// Says something with a number, and waits until it is in the room. Whatever else comes is passed over.
    pub(crate) async fn say(&mut self, room: &str, id: u64, content: &str) {
        self.send(json!({"type": "message", "room": room, "content": content, "id": id})).await;
        let ack = self.until("ack").await;
        assert_eq!(ack["id"], id);
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends text that need not be a frame of the chat.
    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// Sends a WebSocket message that need not be text.
    pub(crate) async fn send_message(&mut self, message: Message) {
        within("room to send", self.socket.send(message)).await.unwrap();
    }

    /// Hands a frame to the socket without waiting for it to leave.
    pub(crate) async fn feed(&mut self, frame: Value) {
        self.feed_message(Message::text(frame.to_string())).await;
    }

    /// The same of a WebSocket message that need not be text.
    pub(crate) async fn feed_message(&mut self, message: Message) {
        within("room to send", self.socket.feed(message)).await.unwrap();
    }

    /// Sends bytes that need not be a WebSocket frame.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).await.unwrap();
    }

    /// The next frame of the chat.
    pub(crate) async fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_text().await).expect("the server speaks JSON")
    }

    /// The next frame of the chat as it came.
    pub(crate) async fn next_text(&mut self) -> String {
        let text = async {
            loop {
                if let Message::Text(text) = self.next_message().await {
                    return text.to_string();
                }
            }
        };
        within("a text frame", text).await
    }

    /// The next message of the WebSocket, pongs and all.
    pub(crate) async fn next_message(&mut self) -> Message {
        within("a frame", self.socket.next()).await.expect("the connection has not ended").unwrap()
    }

    /// The next frame of the chat, which must be of this type.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let frame = self.next().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// The next frame of the chat, which must be an error with this code.
    pub(crate) async fn expect_error(&mut self, code: &str) {
        let error = self.expect("error").await;
        assert_eq!(error["code"], code, "{error}");
    }

    /// The next frame of this type. Others are passed over.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        let meant = async {
            loop {
                let frame = self.next().await;
                if frame["type"] == kind {
                    return frame;
                }
            }
        };
        within(kind, meant).await
    }

    /// The contents of the next `count` messages of the stream, live ones and those of pages alike.
    pub(crate) async fn shown(&mut self, count: usize) -> Vec<String> {
        let mut shown = vec![];
        while shown.len() < count {
            let frame = self.next().await;
            match frame["type"].as_str() {
                Some("message") => shown.push(content(&frame)),
                Some("history") => shown.extend(contents(&frame)),
                _ => {}
            }
        }
        shown
    }

    /// Waits until the server closes. Whatever comes before is passed over.
    pub(crate) async fn closed(&mut self) -> CloseFrame {
        let close = async {
            loop {
                if let Message::Close(close) = self.next_message().await {
                    return close.expect("the server names a code");
                }
            }
        };
        within("a close frame", close).await
    }

    /// Says goodbye with 1000 and waits for the answer and for the end of the socket.
    pub(crate) async fn close(mut self) {
        let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        within("room to send", self.socket.close(Some(goodbye))).await.unwrap();
        assert_eq!(self.closed().await.code, CloseCode::Normal);
        match within("the end", self.socket.next()).await {
            None | Some(Err(Error::ConnectionClosed)) => {}
            Some(more) => panic!("after the close frame came {more:?}"),
        }
    }

    /// Breaks the connection without a word.
    pub(crate) fn cut(self) {
        // Reset, so that the server learns of it at once whatever it has not sent yet.
        self.socket.get_ref().set_zero_linger().unwrap();
    }
}

/// What a message says.
fn content(message: &Value) -> String {
    message["content"].as_str().expect("messages have content").to_owned()
}

/// What the messages of a page say.
pub(crate) fn contents(history: &Value) -> Vec<String> {
    history["messages"].as_array().expect("pages hold messages").iter().map(content).collect()
}

//! A minimal chat server of one room, which lies if it is told to.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::mpsc::{UnboundedSender, unbounded_channel},
};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// How it deceives its users.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lie {
    /// Not at all.
    None,
    /// One member is not shown the last message.
    LoseLast,
    /// One member is told that the last message is not kept any more, instead of being shown it.
    ForgetLast,
    /// The first message is put into the room twice.
    RepeatFirst,
    /// The first message is refused.
    RefuseFirst,
    /// The last message is neither answered nor shown.
    IgnoreLast,
}

/// The server.
pub(super) struct Liar {
    listener: TcpListener,
    room: Arc<Mutex<Room>>,
    callers: Callers,
}

/// Where connections came from.
pub(super) type Callers = Arc<Mutex<Vec<IpAddr>>>;

struct Room {
    lie: Lie,
    /// How many messages will be sent in all.
    messages: u64,
    heard: u64,
    seq: u64,
    members: Vec<UnboundedSender<String>>,
}

impl Liar {
    /// Listens on a free port of this machine; `messages` will be sent in all.
    pub(super) async fn bind(lie: Lie, messages: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let room = Room { lie, messages, heard: 0, seq: 0, members: Vec::new() };
        Self { listener, room: Arc::new(Mutex::new(room)), callers: Callers::default() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Where connections have come from so far.
    pub(super) fn callers(&self) -> Callers {
        Arc::clone(&self.callers)
    }

    /// The same over TLS.
    pub(super) async fn serve_encrypted(self, acceptor: TlsAcceptor) {
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            let (acceptor, room) = (acceptor.clone(), Arc::clone(&self.room));
            tokio::spawn(async move {
                // Who does not believe us hangs up.
                if let Ok(stream) = acceptor.accept(stream).await {
                    converse(stream, room).await;
                }
            });
        }
    }

    pub(super) async fn serve(self) {
        loop {
            let (stream, caller) = self.listener.accept().await.unwrap();
            self.callers.lock().unwrap().push(caller.ip());
            tokio::spawn(converse(stream, Arc::clone(&self.room)));
        }
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, room: Arc<Mutex<Room>>) {
    let Ok(socket) = accept_async(stream).await else { return };
    let (mut sink, mut stream) = socket.split();
    let (frames, mut outbox) = unbounded_channel::<String>();
    tokio::spawn(async move {
        while let Some(frame) = outbox.recv().await {
            if sink.send(Message::text(frame)).await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(message)) = stream.next().await {
        if let Message::Text(text) = message {
            let frame = serde_json::from_str(&text).unwrap();
            room.lock().unwrap().hear(&frame, &frames);
        }
    }
}

impl Room {
    fn hear(&mut self, frame: &Value, from: &UnboundedSender<String>) {
        match frame["type"].as_str().unwrap() {
            "hello" => {
                let (session, secret) = ("0".repeat(32), "1".repeat(32));
                tell(
                    from,
                    &json!({"type": "welcome", "session": session, "secret": secret, "resumed": false}),
                );
            }
            "join" => {
                let (room, id, seq) = (&frame["room"], &frame["id"], self.seq);
                let joined = json!({"type": "joined", "id": id, "room": room, "epoch": 1, "seq": seq, "next": seq + 1,
                    "verdict": "full"});
                tell(from, &joined);
                self.members.push(from.clone());
            }
            "message" => self.publish(frame, from),
            other => panic!("bots do not say {other}"),
        }
    }

    fn publish(&mut self, frame: &Value, from: &UnboundedSender<String>) {
        self.heard += 1;
        let (first, last) = (self.heard == 1, self.heard == self.messages);
        let (id, room) = (&frame["id"], &frame["room"]);
        match self.lie {
            Lie::RefuseFirst if first => {
                tell(from, &json!({"type": "error", "id": id, "code": "content_empty", "message": ""}));
            }
            Lie::IgnoreLast if last => {}
            lie => {
                let passes_over = matches!(lie, Lie::LoseLast | Lie::ForgetLast) && last;
                self.show(frame, usize::from(passes_over));
                if lie == Lie::ForgetLast && last {
                    let gap =
                        json!({"type": "gap", "room": room, "epoch": 1, "from": self.seq, "to": self.seq});
                    tell(&self.members[0], &gap);
                }
                tell(from, &json!({"type": "ack", "id": id, "room": room, "epoch": 1, "seq": self.seq}));
                if lie == Lie::RepeatFirst && first {
                    self.show(frame, 0);
                }
            }
        }
    }

    /// Shows a message to all members but the first few.
    fn show(&mut self, frame: &Value, but: usize) {
        self.seq += 1;
        let shown = json!({"type": "message", "room": frame["room"], "user": frame["user"], "seq": self.seq,
            "content": frame["content"], "timestamp": "2026-01-01T00:00:00.000Z"});
        self.members.iter().skip(but).for_each(|member| tell(member, &shown));
    }
}

/// Who has gone is not told.
fn tell(member: &UnboundedSender<String>, frame: &Value) {
    let _ = member.send(frame.to_string());
}

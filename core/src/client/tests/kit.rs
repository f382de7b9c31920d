//! A client, and a server that is played by hand.

use serde_json::{Value, json};

use super::super::*;
use crate::gateway::Frame;

pub(super) struct Kit {
    pub(super) client: Client,
    pub(super) now: Time,
    pub(super) out: Vec<ClientOutput>,
    /// Of the present session.
    connections: u64,
    /// What the server says of its limits when it next welcomes the client.
    pub(super) limits: Option<Limits>,
}

impl Kit {
    pub(super) fn new() -> Self {
        Self::with(ClientConfig::default())
    }

    pub(super) fn with(config: ClientConfig) -> Self {
        let client = Client::new(Arc::new(config), UserName::new("alice").unwrap(), 1);
        Self { client, now: Time(1_000_000), out: vec![], connections: 0, limits: None }
    }

    /// Connected, attached, and a member of `general`, which has no messages.
    pub(super) fn member() -> Self {
        let mut kit = Self::new();
        kit.client.start(kit.now, &mut kit.out);
        kit.submit(Command::Join { room: general() });
        kit.welcome(false);
        kit.joined("general");
        kit.out.clear();
        kit
    }

    /// The same after the connection was lost, until the server knows it again.
    pub(super) fn reconnect(&mut self) {
        self.input(ClientInput::Closed { code: None, reason: "" });
        self.wait();
        self.out.clear();
        self.welcome(true);
    }

    pub(super) fn joined(&mut self, room: &str) {
        self.server(
            json!({"type": "joined", "room": room, "epoch": 5, "seq": 0, "verdict": "full", "next": 1}),
        );
    }

    /// By a server that knows the session no more in this room.
    pub(super) fn joined_anew(&mut self, room: &str) {
        self.server(json!({
            "type": "joined", "room": room, "epoch": 5, "seq": 0, "verdict": "full", "next": 1, "known_since": self.client.generation,
        }));
    }

    pub(super) fn acknowledge(&mut self, id: &Value) {
        self.server(json!({"type": "ack", "id": id, "room": "general", "epoch": 5, "seq": 1}));
    }

    pub(super) fn refuse(&mut self, id: &Value, code: &str) {
        self.server(json!({"type": "error", "id": id, "code": code, "message": ""}));
    }

    pub(super) fn slow_down(&mut self, id: &Value, millis: u64) {
        self.server(json!({
            "type": "error", "id": id, "code": "rate_limited", "message": "", "retry_after_ms": millis,
        }));
    }

    pub(super) fn submit(&mut self, command: Command) -> RequestId {
        self.client.submit(self.now, command, &mut self.out).unwrap()
    }

    pub(super) fn publish(&mut self, content: &str) -> RequestId {
        self.publish_in("general", content)
    }

    pub(super) fn publish_in(&mut self, name: &str, content: &str) -> RequestId {
        self.submit(Command::Publish { room: room(name), content: content.into(), extra: None })
    }

    pub(super) fn server(&mut self, frame: Value) {
        let text = frame.to_string();
        self.input(ClientInput::Received(Frame::Text(&text)));
    }

    pub(super) fn input(&mut self, input: ClientInput<'_>) {
        self.client.handle_input(self.now, input, &mut self.out);
    }

    pub(super) fn welcome(&mut self, resumed: bool) {
        self.input(ClientInput::Opened);
        let (session, secret) = ("1".repeat(32), "2".repeat(32));
        self.connections = if resumed { self.connections + 1 } else { 1 };
        self.server(json!({
            "type": "welcome", "session": session, "secret": secret, "resumed": resumed,
            "generation": self.connections, "limits": self.limits,
        }));
    }

    pub(super) fn say(&mut self, seq: u64) {
        self.server(json!({
            "type": "message", "room": "general", "user": "bob", "content": format!("m{seq}"),
            "timestamp": "2026-11-21T05:03:00.000Z", "seq": seq,
        }));
    }

    /// Waits for the next deadline.
    pub(super) fn wait(&mut self) {
        self.now = self.client.poll_timeout().expect("a deadline");
        self.input(ClientInput::Timeout);
    }

    /// Frames sent since the last look.
    pub(super) fn sent(&mut self) -> Vec<Value> {
        let sent = self.out.iter().filter_map(|output| match output {
            ClientOutput::Transmit(text) => Some(serde_json::from_str(text).unwrap()),
            _ => None,
        });
        let sent = sent.collect();
        self.out.clear();
        sent
    }

    pub(super) fn events(&mut self) -> Vec<ClientEvent> {
        let events = self.out.drain(..).filter_map(|output| match output {
            ClientOutput::Event(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    pub(super) fn shown(&mut self) -> Vec<String> {
        let shown = self.events().into_iter().filter_map(|event| match event {
            ClientEvent::Message(shown) => Some(shown.content.into()),
            _ => None,
        });
        shown.collect()
    }
}

pub(super) fn general() -> RoomName {
    room("general")
}

pub(super) fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

/// Type and room of each frame.
pub(super) fn requests(frames: &[Value]) -> Vec<String> {
    let text = |frame: &Value, key: &str| frame[key].as_str().unwrap_or_default().to_owned();
    frames.iter().map(|frame| format!("{} {}", text(frame, "type"), text(frame, "room"))).collect()
}

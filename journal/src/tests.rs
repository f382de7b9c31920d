//! One node with plain connections: the frames of specification 0 and the native ones, as a client by hand sees them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chinwag_core::{
    ConnectionId, Disconnect, Time,
    config::{GatewayConfig, ShardConfig},
    dialect::Opening,
    gateway::{Frame, GatewayInput},
    identity::Token,
};
use serde_json::{Value, json};

use self::recorded::Recording;
use crate::{Node, NodeConfig, NodeInput, NodeOutput};

mod agents;
mod clients;
mod envelope;
mod frames;
mod identity;
mod limits;
mod priorities;
mod recorded;
mod restarts;
mod sessions;
mod socketio;
mod two_nodes;

/// A node, and what its connections have been sent.
struct Kit {
    node: Node,
    now: Time,
    connected: u64,
    /// Frames not looked at yet.
    received: BTreeMap<ConnectionId, Vec<Value>>,
    closed: BTreeMap<ConnectionId, Disconnect>,
    /// Connections whose socket is full.
    stalled: Vec<ConnectionId>,
    /// Tokens that nobody has looked at.
    shown: Vec<(ConnectionId, Token)>,
    recording: Recording,
    /// The node that is recorded: a later one is another process's.
    incarnation: u64,
}

impl Kit {
    fn new() -> Self {
        Self::with(GatewayConfig::default(), ShardConfig::default())
    }

    fn with(gateway: GatewayConfig, shard: ShardConfig) -> Self {
        Self::recorded(gateway, shard, true)
    }

    fn recorded(gateway: GatewayConfig, shard: ShardConfig, redacted: bool) -> Self {
        let now = Time(1_795_237_380_000_000);
        let config = config(1, gateway, shard);
        let recording = Recording::new(std::slice::from_ref(&config), redacted);
        let mut node = Node::new(config, now);
        recording.record(&mut node, now);
        Self {
            incarnation: node.gateway_id().0,
            recording,
            node,
            now,
            connected: 0,
            received: BTreeMap::new(),
            closed: BTreeMap::new(),
            stalled: Vec::new(),
            shown: Vec::new(),
        }
    }

    fn connect(&mut self) -> ConnectionId {
        self.open(Opening::default())
    }

    fn open(&mut self, opening: Opening) -> ConnectionId {
        self.connected += 1;
        let connection = ConnectionId(self.connected);
        self.input(GatewayInput::Connected { connection, opening });
        connection
    }

    /// A connection that has joined a room as specification 0 shows, its frames looked at.
    fn member(&mut self, user: &str, room: &str) -> ConnectionId {
        let connection = self.connect();
        self.send(connection, json!({"type": "join", "room": room, "user": user}));
        self.forget();
        connection
    }

    fn send(&mut self, connection: ConnectionId, frame: Value) {
        self.text(connection, &frame.to_string());
    }

    fn text(&mut self, connection: ConnectionId, text: &str) {
        self.input(GatewayInput::Received { connection, frame: Frame::Text(text) });
    }

    fn cut(&mut self, connection: ConnectionId) {
        self.input(GatewayInput::Disconnected { connection });
    }

    fn input(&mut self, input: GatewayInput<'_>) {
        let mut out = vec![];
        self.node.handle_input(self.now, NodeInput::Gateway(input), &mut out);
        self.carry_out(out);
    }

    /// Lets time pass, deadline by deadline.
    fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.node.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            let mut out = vec![];
            self.node.handle_input(self.now, NodeInput::Timeout, &mut out);
            self.carry_out(out);
        }
        self.now = end;
    }

    fn carry_out(&mut self, outputs: Vec<NodeOutput>) {
        for output in outputs {
            match output {
                NodeOutput::Writable(connection) => self.drain(connection),
                NodeOutput::Close(connection, reason) => {
                    self.drain(connection);
                    self.closed.insert(connection, reason);
                }
                NodeOutput::Verify(connection, token) => self.shown.push((connection, token)),
                NodeOutput::Reading(..) | NodeOutput::Notice(_) => {}
                NodeOutput::Store(..) => panic!("nothing is stored"),
                NodeOutput::Mail(to, mail) => panic!("one node has no mail: {to} {mail:?}"),
            }
        }
    }

    fn drain(&mut self, connection: ConnectionId) {
        if self.stalled.contains(&connection) {
            return;
        }
        let (mut bytes, mut out) = (vec![], vec![]);
        while let Some(run) = self.node.poll_transmit(connection, 1 << 16) {
            bytes.extend_from_slice(&run);
            self.node.transmitted(self.now, connection, run.len(), &mut out);
        }
        self.received.entry(connection).or_default().extend(texts(&bytes));
        self.carry_out(out);
    }

    /// What a connection was sent since it was last looked at.
    fn take(&mut self, connection: ConnectionId) -> Vec<Value> {
        self.received.remove(&connection).unwrap_or_default()
    }

    /// The same, the types only.
    fn take_types(&mut self, connection: ConnectionId) -> Vec<String> {
        self.take(connection).iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
    }

    fn forget(&mut self) {
        self.received.clear();
    }
}

impl Drop for Kit {
    fn drop(&mut self) {
        if !std::thread::panicking()
            && self.node.gateway_id().0 == self.incarnation
            && self.node.tape_hash() > 0
        {
            self.recording.check([self.node.tape_hash()].into_iter());
        }
    }
}

/// The only node of a process, in one of its lives.
fn node(now: Time, incarnation: u64, gateway: GatewayConfig, shard: ShardConfig) -> Node {
    Node::new(config(incarnation, gateway, shard), now)
}

fn config(incarnation: u64, gateway: GatewayConfig, shard: ShardConfig) -> NodeConfig {
    let gateway = Arc::new(gateway);
    NodeConfig { index: 0, nodes: 1, incarnation, gateway, shard, seed: [7; 32], replicated: false }
}

/// The JSON of the text frames in a run of whole, unmasked frames; what is not JSON is a line of plain text.
fn texts(mut bytes: &[u8]) -> Vec<Value> {
    let mut texts = vec![];
    while let [head, len, rest @ ..] = bytes {
        let (len, rest) = match len {
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            126 => (u16::from_be_bytes(rest[..2].try_into().unwrap()).into(), &rest[2..]),
            &len => (usize::from(len), rest),
        };
        if head & 0x0f == 1 {
            let line = || String::from_utf8_lossy(&rest[..len]).into();
            texts.push(serde_json::from_slice(&rest[..len]).unwrap_or_else(|_| line()));
        }
        bytes = &rest[len..];
    }
    texts
}

//! What a node does for a message: from its author's frame to the bytes for each member's socket.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use chinwag_core::{
    ConnectionId, Epoch, Seq, Time,
    config::{GatewayConfig, ShardConfig},
    dialect::{Dialect, Opening},
    gateway::{Frame, GatewayInput},
    shard::{Message, Push, ShardEvent},
};
use chinwag_journal::{Mail, Node, NodeConfig, NodeInput, NodeOutput};

use crate::{CONTENT, START, Step, room, user};

/// Members of a large room.
const MANY: usize = 1_000;
/// Members of a small one.
const FEW: usize = 10;

/// As much as a socket takes at once, as in the server.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// Within the default rate.
const BETWEEN_MESSAGES: Duration = Duration::from_millis(100);

/// Says something under a number in a room of ten: all that a message costs between two sockets, from decoding on. A step
/// comes to the bytes for all members.
pub(crate) fn message() -> Step {
    let (mut stage, mut text) = (Stage::new(FEW), String::new());
    let mut id = 1_000;
    let mut step = move || {
        id += 1;
        text.clear();
        write!(text, r#"{{"type":"message","room":"lobby","content":"{CONTENT}","id":{id}}}"#)
            .expect("memory takes everything");
        stage.now = stage.now + BETWEEN_MESSAGES;
        stage.hear(ConnectionId(1), &text);
        stage.write()
    };
    for _ in 0..ShardConfig::default().history_max {
        step();
    }
    Box::new(step)
}

/// Spreads so many messages to 1,000 members, and then writes to them. A step comes to the bytes for all of them.
pub(crate) fn fan_out(messages: usize) -> Step {
    let mut stage = Stage::new(MANY);
    let message = Message { seq: Seq(1_000), at: START, user: user(1), content: CONTENT.into(), extra: None };
    let (room, message, gateway) = (room(), Arc::new(message), stage.node.gateway_id());
    Box::new(move || {
        for _ in 0..messages {
            let push = Push::Message { epoch: Epoch(1), message: Arc::clone(&message) };
            let event = ShardEvent::Push { room: room.clone(), push };
            stage.input(NodeInput::Mail(0, Mail::Event(gateway, event)));
        }
        stage.write()
    })
}

/// A node with one room, all of whose members are connected to it.
struct Stage {
    node: Node,
    now: Time,
    outputs: Vec<NodeOutput>,
}

impl Stage {
    fn new(members: usize) -> Self {
        let (gateway, shard) = (Arc::new(GatewayConfig::default()), ShardConfig::default());
        let (seed, replicated) = ([7; 32], false);
        let config = NodeConfig { index: 0, nodes: 1, incarnation: 1, gateway, shard, seed, replicated };
        let mut stage = Self { node: Node::new(config, START), now: START, outputs: vec![] };
        for number in 1..=members {
            let connection = ConnectionId(number as u64);
            let opening = Opening { dialect: Some(Dialect::Chat), ..Opening::default() };
            stage.input(NodeInput::Gateway(GatewayInput::Connected { connection, opening }));
            let user = user(number);
            stage.hear(connection, &format!(r#"{{"type":"join","room":"{}","user":"{user}"}}"#, room()));
            stage.write();
        }
        stage
    }

    fn hear(&mut self, connection: ConnectionId, text: &str) {
        let frame = Frame::Text(text);
        self.input(NodeInput::Gateway(GatewayInput::Received { connection, frame }));
    }

    fn input(&mut self, input: NodeInput<'_>) {
        self.node.handle_input(self.now, input, &mut self.outputs);
    }

    /// Writes all there is to sockets that take it, as many bytes as it returns.
    fn write(&mut self) -> usize {
        let mut written = 0;
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            let NodeOutput::Writable(connection) = output else { continue };
            while let Some(bytes) = self.node.poll_transmit(connection, WRITE_BYTES_MAX) {
                written += bytes.len();
                if !self.node.transmitted(self.now, connection, bytes.len(), &mut self.outputs) {
                    break;
                }
            }
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_members_are_written_what_is_said() {
        assert!(message()() > FEW * CONTENT.len());
        let one = fan_out(1)();
        assert!(one > MANY * CONTENT.len());
        assert_eq!(fan_out(16)(), 16 * one);
    }
}

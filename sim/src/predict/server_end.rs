//! The server's end: its machines, and what its driver does with sockets.

use std::{sync::Arc, time::Duration};

use chinwag_core::{
    ConnectionId, Time,
    dialect::{Dialect, Opening},
    gateway::GatewayInput,
};
use chinwag_journal::{Node, NodeConfig, NodeInput, NodeOutput};

use super::world::{Event, World};
use crate::{
    line::{
        link::{CutLoss, Link, ServerEnd},
        uplink::Up,
    },
    plan::draw::Purpose,
};

/// What the driver has by default: a socket's send buffer, most bytes handed to it at once, the longest message it reads,
/// and how long a closed connection may take to read what is left.
const SEND_BUFFER_BYTES: usize = 128 * 1_024;
const WRITE_BYTES: usize = 64 * 1_024;
pub(super) const SOCKET_FRAME_BYTES_MAX: usize = 64 * 1_024;
const CLOSE_LINGER: Duration = Duration::from_secs(2);

impl World<'_> {
    /// The server begins, with nothing in memory.
    pub(super) fn start(&mut self) {
        self.server.life += 1;
        let life = self.server.life;
        let mut cause = self.draws.of(Purpose::Node, life);
        let mut seed = [0; 32];
        seed.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&cause.bits().to_le_bytes()));
        let config = NodeConfig {
            index: 0,
            nodes: 1,
            incarnation: life,
            gateway: Arc::new(self.server.limits.gateway.clone()),
            shard: self.server.limits.shard.clone(),
            seed,
            replicated: false,
        };
        self.server.node = Some(Node::new(config, self.now));
        self.arm_node();
    }

    /// The server is killed: it has no time to say anything, but its system tells the other ends.
    pub(super) fn kill(&mut self, until: Time) {
        self.server.handled += self.server.node.take().map_or(0, |node| node.handled());
        (self.server.live, self.server.armed) = (0, None);
        let loss = CutLoss {
            keep_up: 0,
            keep_down: usize::MAX,
            part: usize::MAX,
            client_learns_after: self.network.latency + self.network.jitter,
            server_learns_after: Duration::ZERO,
        };
        let now = self.now;
        self.links.iter_mut().for_each(|(_, link)| link.orphan(now, &loss));
        self.links.ids().into_iter().for_each(|id| self.touch(id));
        self.add(until, Event::Start);
    }

    pub(super) fn node_due(&mut self, life: u64) {
        if life != self.server.life || self.server.armed != Some(self.now) {
            return;
        }
        self.server.armed = None;
        let due = self.server.node.as_ref().and_then(Node::poll_timeout);
        if due.is_some_and(|at| at <= self.now) {
            self.tell_node(NodeInput::Timeout);
        } else {
            self.arm_node();
        }
    }

    fn arm_node(&mut self) {
        let next = self.server.node.as_ref().and_then(Node::poll_timeout);
        if let Some(next) = next.map(|next| next.max(self.now))
            && self.server.armed.is_none_or(|armed| next < armed)
        {
            self.server.armed = Some(next);
            self.add(next, Event::Node(self.server.life));
        }
    }

    /// Hands the server something and carries out what it wants, and what follows from that.
    fn tell_node(&mut self, input: NodeInput<'_>) {
        let mut out = std::mem::take(&mut self.outputs);
        if let Some(node) = &mut self.server.node {
            node.handle_input(self.now, input, &mut out);
        }
        self.serve(&mut out);
        self.outputs = out;
    }

    fn serve(&mut self, out: &mut Vec<NodeOutput>) {
        let mut more = Vec::new();
        while !out.is_empty() {
            for output in out.drain(..) {
                self.serve_one(output, &mut more);
            }
            std::mem::swap(out, &mut more);
        }
        self.arm_node();
    }

    fn serve_one(&mut self, output: NodeOutput, more: &mut Vec<NodeOutput>) {
        match output {
            NodeOutput::Writable(id) => self.write(id, more),
            NodeOutput::Reading(id, on) => {
                if let Some(link) = self.links.get_mut(id) {
                    link.reading = on;
                    self.touch(id);
                }
            }
            NodeOutput::Close(id, _) => {
                if let Some(link) = self.links.get_mut(id)
                    && link.server_end == ServerEnd::Open
                {
                    link.server_end = ServerEnd::Closing(self.now + CLOSE_LINGER);
                }
                self.write(id, more);
            }
            NodeOutput::Store(..) => unreachable!("what is predicted is kept in memory"),
            // For the log; and who is alone has nobody to write to, or whose token to verify.
            NodeOutput::Notice(_) | NodeOutput::Mail(..) | NodeOutput::Verify(..) => {}
        }
    }

    /// Writes what the server has for a connection, as far as the socket takes it.
    fn write(&mut self, id: ConnectionId, out: &mut Vec<NodeOutput>) {
        self.advance(id);
        let now = self.now;
        while let (Some(link), Some(node)) =
            (self.links.get_mut(id).filter(|link| link.is_served()), &mut self.server.node)
        {
            let Some(mut bytes) = node.poll_transmit(id, WRITE_BYTES) else {
                link.blocked = false;
                if let ServerEnd::Closing(_) = link.server_end {
                    link.hang_up(now);
                    self.server.live -= 1;
                    node.handle_input(now, disconnected(id), out);
                }
                break;
            };
            let space = link.space(SEND_BUFFER_BYTES);
            link.blocked = space == 0;
            if link.blocked {
                break;
            }
            bytes.truncate(space);
            let written = bytes.len();
            link.write(now, bytes);
            node.transmitted(now, id, written, out);
        }
        self.touch(id);
    }

    /// What arrived at the server.
    fn arrive_up(&mut self, id: ConnectionId, up: Up) {
        let is_full = self.server.live >= self.server.limits.gateway.connections_max;
        let takes = self.server.node.is_some() && !is_full;
        let Some(link) = self.links.get_mut(id) else { return };
        match (link.server_end, up) {
            (ServerEnd::Unborn, Up::Handshake) if takes => {
                link.server_end = ServerEnd::Open;
                link.down.push(self.now, crate::line::link::Down::Accepted, 200);
                self.server.live += 1;
                let opening = Opening { dialect: Some(Dialect::Chat), ..Opening::default() };
                self.tell_node(NodeInput::Gateway(GatewayInput::Connected { connection: id, opening }));
            }
            (ServerEnd::Unborn, _) => link.hang_up(self.now),
            (ServerEnd::Open | ServerEnd::Closing(_), Up::Fin) => self.server_closed(id),
            (ServerEnd::Open, Up::Bytes(mut bytes)) => self.take_in(id, &mut bytes),
            // Nobody reads any more.
            _ => {}
        }
    }

    /// The server has read bytes: its node is handed the frames that end there, as long as it takes any.
    fn take_in(&mut self, connection: ConnectionId, bytes: &mut [u8]) {
        let Some(link) = self.links.get_mut(connection) else { return };
        let mut intake = std::mem::take(&mut link.intake);
        intake.take_in(bytes, SOCKET_FRAME_BYTES_MAX, |heard| {
            self.tell_node(NodeInput::Gateway(match heard {
                Ok(frame) => GatewayInput::Received { connection, frame },
                Err(fault) => GatewayInput::Faulted { connection, fault },
            }));
            self.links.get(connection).is_some_and(Link::is_wanted)
        });
        if let Some(link) = self.links.get_mut(connection) {
            link.intake = intake;
        }
    }

    /// The connection is gone.
    fn server_closed(&mut self, id: ConnectionId) {
        let Some(link) = self.links.get_mut(id) else { return };
        let was_served = link.is_served();
        link.hang_up(self.now);
        if was_served {
            self.server.live -= 1;
            self.tell_node(disconnected(id));
        }
    }

    /// Something is due on a connection.
    pub(super) fn link_due(&mut self, id: ConnectionId) {
        let now = self.now;
        match self.links.get_mut(id) {
            Some(link) if link.armed == Some(now) => link.armed = None,
            _ => return,
        }
        self.advance(id);
        while let Some(up) = self.links.get_mut(id).and_then(|link| link.next_up(now)) {
            self.arrive_up(id, up);
        }
        while let Some(down) = self.links.get_mut(id).and_then(|link| link.down.arrived(now)) {
            self.arrive_down(id, down);
        }
        self.learn(id);
        self.write_on(id);
    }

    /// Goes on writing, if the socket takes something again.
    fn write_on(&mut self, id: ConnectionId) {
        let link = self.links.get(id);
        if link.is_some_and(|link| link.is_served() && link.blocked && link.space(SEND_BUFFER_BYTES) > 0) {
            let mut out = Vec::new();
            self.write(id, &mut out);
            self.serve(&mut out);
        }
        self.touch(id);
    }

    /// The ends learn what they can no longer overlook.
    fn learn(&mut self, id: ConnectionId) {
        let now = self.now;
        let due = |at: &mut Option<Time>| at.take_if(|at| *at <= now).is_some();
        let Some(link) = self.links.get_mut(id) else { return };
        if due(&mut link.server_learns) || link.lets_go().is_some_and(|at| at <= now) {
            self.server_closed(id);
        }
        let Some(link) = self.links.get_mut(id) else { return };
        let (learns, gives_up) = (due(&mut link.client_learns), due(&mut link.client_gives_up));
        if learns {
            self.client_closed(id, "reset");
        } else if gives_up {
            self.client_closed(id, "timed out");
        }
    }
}

fn disconnected(connection: ConnectionId) -> NodeInput<'static> {
    NodeInput::Gateway(GatewayInput::Disconnected { connection })
}

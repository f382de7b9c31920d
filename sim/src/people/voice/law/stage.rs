//! One node and the voices connected to it, without lines between: what is said is heard at once.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use chinwag_core::{
    ConnectionId, Time, UserName,
    config::{GatewayConfig, ShardConfig},
    dialect::Dialect,
    gateway::{Frame, GatewayInput},
    name::LOBBY,
};
use chinwag_journal::{Node, NodeConfig, NodeInput, NodeOutput};

use crate::{
    line::wire::{Decoder, ServerFrame},
    people::voice::{Heard, Line, Voice, Wish},
    world::START,
};

/// A node with its clients. Everything is an answer to something: nothing is on its way when a call returns.
pub(super) struct Stage {
    node: Node,
    now: Time,
    actors: Vec<Actor>,
    connections: u64,
    outputs: VecDeque<NodeOutput>,
}

struct Actor {
    voice: Voice,
    connection: ConnectionId,
    decoder: Decoder,
    heard: Vec<Heard>,
}

impl Stage {
    /// Users `u0`, `u1`… who speak these dialects, all of them in the lobby.
    pub(super) fn new(dialects: &[Dialect], gateway: GatewayConfig, shard: ShardConfig) -> Self {
        let gateway = Arc::new(gateway);
        let (index, nodes, incarnation, seed, replicated) = (0, 1, 1, [7; 32], false);
        let config = NodeConfig { index, nodes, incarnation, gateway, shard, seed, replicated };
        let actor = |(number, &dialect): (usize, &Dialect)| {
            let user = UserName::new(&format!("u{number}")).expect("a short name");
            let (voice, decoder) = (Voice::new(dialect, user), Decoder::default());
            Actor { voice, connection: ConnectionId(0), decoder, heard: Vec::new() }
        };
        let mut stage = Self {
            node: Node::new(config, START),
            now: START,
            actors: dialects.iter().enumerate().map(actor).collect(),
            connections: 0,
            outputs: VecDeque::new(),
        };
        (0..dialects.len()).for_each(|actor| stage.enter(actor));
        stage
    }

    /// Connects, and goes to the lobby.
    fn enter(&mut self, actor: usize) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let it = &mut self.actors[actor];
        (it.connection, it.decoder) = (connection, Decoder::default());
        let (opening, mut lines) = (it.voice.opening(), Vec::new());
        it.voice.greet(&mut lines);
        let has_home = it.voice.home().is_some();
        self.input(GatewayInput::Connected { connection, opening });
        self.send(actor, lines);
        if !has_home {
            self.want(actor, Wish::Join { room: LOBBY });
        }
    }

    /// Somebody wants something.
    pub(super) fn want(&mut self, actor: usize, wish: Wish<'_>) {
        let mut lines = Vec::new();
        self.actors[actor].voice.want(wish, &mut lines);
        self.send(actor, lines);
    }

    /// Somebody's connection ends, and they come back as a client that has just been started.
    pub(super) fn reconnect(&mut self, actor: usize, says_goodbye: bool) {
        let it = &mut self.actors[actor];
        let connection = std::mem::replace(&mut it.connection, ConnectionId(0));
        it.voice = it.voice.renewed();
        if says_goodbye {
            self.input(GatewayInput::Received { connection, frame: Frame::Close(Some(1000)) });
        }
        self.input(GatewayInput::Disconnected { connection });
        self.enter(actor);
    }

    /// Lets seconds pass, in which everybody shows that they are there.
    pub(super) fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            let end = self.now + Duration::from_secs(1);
            while let Some(at) = self.node.poll_timeout().filter(|&at| at <= end) {
                self.now = self.now.max(at);
                self.handle(NodeInput::Timeout);
            }
            self.now = end;
            for actor in 0..self.actors.len() {
                let connection = self.actors[actor].connection;
                self.input(GatewayInput::Received { connection, frame: Frame::Pong });
            }
        }
    }

    /// What everybody has seen since they were last asked.
    pub(super) fn heard(&mut self) -> Vec<Vec<Heard>> {
        self.actors.iter_mut().map(|actor| std::mem::take(&mut actor.heard)).collect()
    }

    /// Frames that the node has encoded for whole rooms.
    pub(super) const fn frames_encoded(&self) -> u64 {
        self.node.counters().frames_encoded
    }

    fn send(&mut self, actor: usize, lines: Vec<Line>) {
        for Line { text, .. } in lines {
            let connection = self.actors[actor].connection;
            self.input(GatewayInput::Received { connection, frame: Frame::Text(&text) });
        }
    }

    fn input(&mut self, input: GatewayInput<'_>) {
        self.handle(NodeInput::Gateway(input));
    }

    fn handle(&mut self, input: NodeInput<'_>) {
        let mut out = Vec::new();
        self.node.handle_input(self.now, input, &mut out);
        self.outputs.extend(out);
        while let Some(output) = self.outputs.pop_front() {
            match output {
                NodeOutput::Store(..) => unreachable!("everything is in memory"),
                NodeOutput::Writable(connection) => self.write(connection),
                NodeOutput::Close(connection, reason) => {
                    let actor = self.actors.iter().find(|actor| actor.connection == connection);
                    assert!(actor.is_none(), "{} is closed: {reason}", actor.expect("just looked").voice);
                }
                NodeOutput::Reading(..) | NodeOutput::Notice(_) => {}
                NodeOutput::Verify(..) | NodeOutput::Mail(..) => unreachable!("one node, and no tokens"),
            }
        }
    }

    /// Carries bytes to whom they are for, if they are still there.
    fn write(&mut self, connection: ConnectionId) {
        while let Some(bytes) = self.node.poll_transmit(connection, 1 << 16) {
            let mut out = Vec::new();
            self.node.transmitted(self.now, connection, bytes.len(), &mut out);
            self.outputs.extend(out);
            if let Some(actor) = self.actors.iter().position(|actor| actor.connection == connection) {
                self.actors[actor].decoder.push(&bytes);
                self.read(actor);
            }
        }
    }

    fn read(&mut self, actor: usize) {
        let (mut lines, it) = (Vec::new(), &mut self.actors[actor]);
        while let Some(frame) = it.decoder.next_frame().expect("bytes of a server") {
            if let ServerFrame::Text(text) = frame {
                let heard = it.voice.read(text, &mut lines);
                it.heard.extend(heard.unwrap_or_else(|why| panic!("{} reads {text}: {why}", it.voice)));
            }
        }
        self.send(actor, lines);
    }
}

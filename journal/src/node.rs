//! One thread's machines: a gateway, its share of the shards, and the calls between them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use chinwag_core::{
    ConnectionId, Disconnect, Gateway, GatewayId, RoomName, Shard, ShardId, Time,
    config::{GatewayConfig, ShardConfig},
    gateway::{Counters, GatewayInput, GatewayOutput, Notice, Tables},
    hash,
    identity::Token,
    redact::Redactor,
    shard::{Effect, Op, Query, ShardEvent, Signal, Stays, Usage},
};

use crate::{
    Applied, Host, Start,
    capture::{Recorded, Tape},
    store::Batch,
};

/// Bits of a gateway's id that hold its node; the others hold its incarnation.
const NODE_BITS: u32 = 16;

/// How a node is made.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Which of the process's nodes it is, from 0.
    pub index: u32,
    /// How many there are, at most 65,536; shard s lives on node s % nodes.
    pub nodes: u32,
    /// Different for every start of the process, and of a node that starts again alone: 48 bits.
    pub incarnation: u64,
    /// The gateway's limits; `gateway.shards` is the number of shards of the system.
    pub gateway: Arc<GatewayConfig>,
    /// The shards' limits.
    pub shard: ShardConfig,
    /// Unpredictable bits for secrets, different for every node.
    pub seed: [u8; 32],
    /// Its shards have replicas: what they apply is kept until it is taken.
    pub replicated: bool,
}

/// Something one node has for another. Mail from one node to another must arrive in order.
#[derive(Clone, Debug)]
pub enum Mail {
    /// For a shard's log.
    Submit(ShardId, Op),
    /// For a shard to answer.
    Query(ShardId, Query),
    /// For a shard to pass on.
    Signal(ShardId, Signal),
    /// For the gateway with this id; one that started later under another id does not want it.
    Event(GatewayId, ShardEvent),
}

impl Mail {
    /// Where it goes and what it says, if it is no node's but the driver's, who noticed that a node is gone.
    pub(crate) fn drivers_own(&self) -> Option<(ShardId, &Op)> {
        match self {
            Self::Submit(shard, op @ Op::GatewayDown { .. }) => Some((*shard, op)),
            _ => None,
        }
    }
}

/// What a driver tells a node.
#[derive(Clone, Debug)]
pub enum NodeInput<'a> {
    /// For its gateway (never `Shard` or `Timeout`: those are the node's own business).
    Gateway(GatewayInput<'a>),
    /// From the node with this index.
    Mail(u32, Mail),
    /// What the node [had for the disk](NodeOutput::Store) of this shard is stored, up to the entry with this index, as
    /// durably as its log promises.
    Stored(ShardId, u64),
    /// The time of [`Node::poll_timeout`] has come.
    Timeout,
}

/// What a node wants done.
#[derive(Clone, Debug)]
pub enum NodeOutput {
    /// See [`GatewayOutput::Writable`].
    Writable(ConnectionId),
    /// See [`GatewayOutput::Reading`].
    Reading(ConnectionId, bool),
    /// See [`GatewayOutput::Close`].
    Close(ConnectionId, Disconnect),
    /// See [`GatewayOutput::Verify`].
    Verify(ConnectionId, Token),
    /// See [`GatewayOutput::Notice`].
    Notice(Notice),
    /// For the node with this index.
    Mail(u32, Mail),
    /// For this shard's log on disk. There is no other of the shard before this is [stored](NodeInput::Stored).
    Store(ShardId, Batch),
}

/// One thread's machines. Inside a node a call is a call; between nodes it is [`Mail`].
#[derive(Debug)]
pub struct Node {
    id: GatewayId,
    nodes: u32,
    gateway: Gateway,
    hosts: BTreeMap<ShardId, Host>,
    /// What this node's shards have for its gateway.
    inbox: VecDeque<ShardEvent>,
    outputs: Vec<GatewayOutput>,
    effects: Vec<Effect>,
    handled: u64,
    /// What is written down of it, if anybody wants to.
    tape: Option<Box<Tape>>,
}

impl Node {
    /// A node whose shards are empty, and in memory only.
    #[must_use]
    pub fn new(config: NodeConfig, now: Time) -> Self {
        Self::resume(config, now, |_| Start::anew())
    }

    /// A node whose shards begin with what `start` says. Its first input may be [`NodeInput::Timeout`], so that it says
    /// what is to be stored.
    #[must_use]
    pub fn resume(config: NodeConfig, now: Time, mut start: impl FnMut(ShardId) -> Start) -> Self {
        let NodeConfig { index, nodes, incarnation, gateway, shard, seed, replicated } = config;
        assert!(index < nodes && nodes <= 1 << NODE_BITS, "node {index} of {nodes}");
        let id = GatewayId(incarnation << NODE_BITS | u64::from(index));
        let hosts = (0..gateway.shards)
            .filter(|shard| shard % nodes == index)
            .map(|s| {
                let bits = hash::mix(incarnation, u64::from(s));
                let id = ShardId(s);
                (id, Host::new(now, id, start(id), shard.clone(), bits, replicated))
            })
            .collect();
        Self {
            id,
            nodes,
            gateway: Gateway::new(id, gateway, seed, now),
            hosts,
            inbox: VecDeque::new(),
            outputs: Vec::new(),
            effects: Vec::new(),
            handled: 0,
            tape: None,
        }
    }

    /// From now on everything that happens to it is written to `tape`, with the hash of what comes of it: what people say is
    /// hashed as if `redactor` had been there before, if it was not. To be called before anything else, with the time at which
    /// it was made.
    pub fn record(&mut self, tape: Tape, redactor: Option<Redactor>, now: Time) {
        self.gateway.tap(redactor);
        self.tape = Some(Box::new(tape));
        self.note(now, Recorded::Began);
        self.seal(&[]);
    }

    /// What has come of everything since it was [recorded](Self::record); 0 if it is not.
    #[must_use]
    pub fn tape_hash(&self) -> u64 {
        self.tape.as_ref().map_or(0, |tape| tape.hash())
    }

    /// Handles one input, and whatever follows from it inside this node.
    pub fn handle_input(&mut self, now: Time, input: NodeInput<'_>, out: &mut Vec<NodeOutput>) {
        let (index, before) = (self.index(), out.len());
        if let Some(tape) = &mut self.tape {
            tape.input(index, now, &self.gateway, &input);
        }
        match input {
            NodeInput::Gateway(input) => self.tell_gateway(now, input),
            NodeInput::Mail(_, Mail::Event(to, event)) if to == self.id => self.inbox.push_back(event),
            NodeInput::Mail(_, Mail::Event(..)) => {}
            NodeInput::Mail(_, mail) => self.deliver(now, mail, out),
            NodeInput::Stored(shard, last) => self.stored(shard, last, out),
            NodeInput::Timeout => self.timeout(now, out),
        }
        self.settle(now, out);
        if self.tape.is_some() {
            self.seal(&out[before..]);
        }
    }

    /// Writes down what is no input, and changes something all the same.
    #[cold]
    fn note(&mut self, at: Time, what: Recorded<'_>) {
        let index = self.index();
        if let Some(tape) = &mut self.tape {
            tape.other(index, at, what);
        }
    }

    /// What was written down has been handled.
    #[cold]
    fn seal(&mut self, outputs: &[NodeOutput]) {
        if let Some(tape) = &mut self.tape
            && !tape.handled(self.gateway.tapped(), outputs)
        {
            self.tape = None;
            self.gateway.untap();
        }
    }

    /// Which of the process's nodes it is.
    #[must_use]
    pub const fn index(&self) -> u32 {
        (self.id.0 & ((1 << NODE_BITS) - 1)) as u32
    }

    /// The id of its gateway.
    ///
    /// A node that hosts no shard may die alone. Whoever notices puts [`Op::GatewayDown`] with this id into the log of
    /// every shard, after everything that came from it.
    #[must_use]
    pub const fn gateway_id(&self) -> GatewayId {
        self.id
    }

    /// See [`Gateway::poll_transmit`].
    pub fn poll_transmit(&mut self, connection: ConnectionId, max_bytes: usize) -> Option<Bytes> {
        let bytes = self.gateway.poll_transmit(connection, max_bytes);
        // To ask for what is not there changes what the gateway says next.
        if bytes.is_none() && self.tape.is_some() {
            self.note(Time(0), Recorded::Idle { connection });
            self.seal(&[]);
        }
        bytes
    }

    /// See [`Gateway::transmitted`].
    pub fn transmitted(
        &mut self,
        now: Time,
        connection: ConnectionId,
        bytes: usize,
        out: &mut Vec<NodeOutput>,
    ) -> bool {
        let before = out.len();
        if self.tape.is_some() {
            self.note(now, Recorded::Transmitted { connection, bytes: bytes as u64 });
        }
        self.handled += 1;
        let is_more = self.gateway.transmitted(now, connection, bytes, &mut self.outputs);
        self.settle(now, out);
        if self.tape.is_some() {
            self.seal(&out[before..]);
        }
        is_more
    }

    /// When to come back with [`NodeInput::Timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let hosts = self.hosts.values().filter_map(Host::poll_timeout).min();
        [hosts, self.gateway.poll_timeout()].into_iter().flatten().min()
    }

    /// The gateway's totals.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        self.gateway.counters()
    }

    /// See [`Gateway::tables`].
    #[must_use]
    pub fn tables(&self) -> Tables {
        self.gateway.tables()
    }

    /// Inputs that its machines have handled: its gateway, and each of its shards.
    #[must_use]
    pub const fn handled(&self) -> u64 {
        self.handled
    }

    /// See [`Gateway::outboxes`].
    pub fn outboxes(&self) -> impl Iterator<Item = (ConnectionId, usize)> {
        self.gateway.outboxes()
    }

    /// How full the shards on this node are.
    pub fn usages(&self) -> impl Iterator<Item = Usage> {
        self.hosts.values().map(|host| host.shard().usage())
    }

    /// What the shards on this node keep of their users.
    pub fn stays(&self) -> impl Iterator<Item = Stays> {
        self.hosts.values().map(|host| host.shard().stays())
    }

    /// Rooms of the shards on this node.
    #[must_use]
    pub fn rooms(&self) -> usize {
        self.hosts.values().map(|host| host.shard().rooms()).sum()
    }

    /// Whether a room is there, in a shard on this node.
    #[must_use]
    pub fn has_room(&self, room: &RoomName) -> bool {
        self.hosts.values().any(|host| host.has_room(room))
    }

    /// The digests of the shards on this node, in order.
    #[must_use]
    pub fn digests(&self) -> Vec<u64> {
        self.hosts.values().map(|host| host.shard().digest()).collect()
    }

    /// The last entry that a shard on this node has applied; `None` if it is on another one.
    #[must_use]
    pub fn applied(&self, shard: ShardId) -> Option<u64> {
        self.hosts.get(&shard).map(|host| host.shard().applied())
    }

    /// How many bytes wait in this node until something is stored. Its driver sees to it that they are bounded: it reads no
    /// connection for as long as they are too many.
    #[must_use]
    pub fn backlog_bytes(&self) -> usize {
        self.hosts.values().map(Host::backlog_bytes).sum()
    }

    /// What is left to be stored when nothing more comes: behind everything it [had before](NodeOutput::Store).
    pub fn take_rest(&mut self) -> impl Iterator<Item = (ShardId, Batch)> {
        self.hosts.iter_mut().filter_map(|(&id, host)| Some((id, host.poll_rest()?)))
    }

    /// Its shards, when there is nothing more to do.
    pub fn take_shards(&mut self) -> BTreeMap<ShardId, Shard> {
        std::mem::take(&mut self.hosts).into_iter().map(|(id, host)| (id, host.into_shard())).collect()
    }

    /// What its shards have applied since this was last called, each in its order; nothing without replicas.
    pub fn take_applied(&mut self) -> impl Iterator<Item = Applied> {
        self.hosts.values_mut().flat_map(Host::take_applied)
    }

    fn timeout(&mut self, now: Time, out: &mut Vec<NodeOutput>) {
        for host in self.hosts.values_mut() {
            if host.poll_timeout().is_some_and(|at| at <= now) {
                self.handled += 1;
                host.handle_timeout(now, &mut self.effects);
            }
            store(host, out);
        }
        self.send_effects(out);
        if self.gateway.poll_timeout().is_some_and(|at| at <= now) {
            self.tell_gateway(now, GatewayInput::Timeout);
        }
    }

    fn tell_gateway(&mut self, now: Time, input: GatewayInput<'_>) {
        self.handled += 1;
        self.gateway.handle_input(now, input, &mut self.outputs);
    }

    /// Carries calls between gateway and shards until neither has anything more for the other.
    fn settle(&mut self, now: Time, out: &mut Vec<NodeOutput>) {
        loop {
            if !self.outputs.is_empty() {
                let mut outputs = std::mem::take(&mut self.outputs);
                for output in outputs.drain(..) {
                    self.carry_out(now, output, out);
                }
                self.outputs = outputs;
            }
            let Some(event) = self.inbox.pop_front() else { return };
            self.tell_gateway(now, GatewayInput::Shard(event));
        }
    }

    fn carry_out(&mut self, now: Time, output: GatewayOutput, out: &mut Vec<NodeOutput>) {
        match output {
            GatewayOutput::Submit { shard, op } => self.send(now, shard, Mail::Submit(shard, op), out),
            GatewayOutput::Query { shard, query } => self.send(now, shard, Mail::Query(shard, query), out),
            GatewayOutput::Signal { shard, signal } => {
                self.send(now, shard, Mail::Signal(shard, signal), out);
            }
            GatewayOutput::Writable { connection } => out.push(NodeOutput::Writable(connection)),
            GatewayOutput::Reading { connection, on } => out.push(NodeOutput::Reading(connection, on)),
            GatewayOutput::Close { connection, reason } => out.push(NodeOutput::Close(connection, reason)),
            GatewayOutput::Verify { connection, token } => out.push(NodeOutput::Verify(connection, token)),
            GatewayOutput::Notice(notice) => out.push(NodeOutput::Notice(notice)),
        }
    }

    fn send(&mut self, now: Time, shard: ShardId, mail: Mail, out: &mut Vec<NodeOutput>) {
        if self.hosts.contains_key(&shard) {
            self.deliver(now, mail, out);
        } else {
            out.push(NodeOutput::Mail(shard.0 % self.nodes, mail));
        }
    }

    /// Hands mail to one of this node's shards.
    fn deliver(&mut self, now: Time, mail: Mail, out: &mut Vec<NodeOutput>) {
        let (Mail::Submit(shard, _) | Mail::Query(shard, _) | Mail::Signal(shard, _)) = &mail else {
            unreachable!("events go to the gateway");
        };
        let host = self.hosts.get_mut(shard).expect("mail goes to the shard's node");
        self.handled += 1;
        match mail {
            Mail::Submit(_, op) => host.submit(now, op, &mut self.effects),
            Mail::Query(_, query) => host.answer(query, &mut self.effects),
            Mail::Signal(_, signal) => host.signal(signal, &mut self.effects),
            Mail::Event(..) => unreachable!("handled above"),
        }
        store(host, out);
        self.send_effects(out);
    }

    fn stored(&mut self, shard: ShardId, last: u64, out: &mut Vec<NodeOutput>) {
        let host = self.hosts.get_mut(&shard).expect("what is stored is this node's");
        self.handled += 1;
        host.stored(last, &mut self.effects);
        store(host, out);
        self.send_effects(out);
    }

    fn send_effects(&mut self, out: &mut Vec<NodeOutput>) {
        let index = self.index();
        for Effect { to, event } in self.effects.drain(..) {
            let node = u32::try_from(to.0 & ((1 << NODE_BITS) - 1)).expect("sixteen bits");
            if to == self.id {
                self.inbox.push_back(event);
            } else if node < self.nodes && node != index {
                out.push(NodeOutput::Mail(node, Mail::Event(to, event)));
            }
        }
    }
}

/// Asks what is to be stored of a host's log.
fn store(host: &mut Host, out: &mut Vec<NodeOutput>) {
    if let Some(batch) = host.poll_store() {
        out.push(NodeOutput::Store(host.id(), batch));
    }
}

//! The server process: its nodes, the mail between them, its lives.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chinwag_core::{GatewayId, ShardId, Time, config::GatewayConfig};
use chinwag_journal::{Node, NodeConfig, NodeInput, Start, capture::Head};

use crate::{
    judge::{counted::Counted, replicas::Replicas},
    plan::{
        draw::{Draws, Purpose},
        scenario::Setup,
    },
    world::{captures::Captures, clock::Clock},
};

/// The server process.
#[derive(Debug)]
pub(crate) struct Server {
    /// By index; none while the process is down.
    pub(crate) nodes: Vec<Node>,
    /// What each node has done.
    pub(crate) counted: Vec<Counted>,
    /// When each node's timer goes off.
    pub(crate) armed: Vec<Option<Time>>,
    /// Which life it is in, from 1.
    pub(crate) incarnation: u64,
    /// How often it has begun without all that it knew before.
    pub(crate) era: u64,
    /// It tells its clients to go.
    pub(crate) draining: bool,
    /// Its clock, the same for all nodes.
    pub(crate) clock: Clock,
    /// By how much that is set back when the process starts.
    back: Duration,
    /// What it has shown at the end of a life at most.
    latest: Time,
    /// By node: it does nothing before, and what came in meanwhile.
    paused: Vec<Option<(Time, Vec<NodeInput<'static>>)>>,
    /// Nobody is sent to it any more.
    pub(crate) fenced: Option<usize>,
    /// Mail takes up to so many microseconds until then.
    pub(crate) skew: Option<(u64, Time)>,
    /// When the last mail from one node to another arrives.
    arrivals: BTreeMap<(usize, usize), Time>,
    gateway: Arc<GatewayConfig>,
    /// Inputs that machines of earlier lives have handled.
    handled_before: u64,
    /// How often nodes have died alone.
    node_deaths: u64,
    /// Those of its shards, if they have any.
    pub(crate) replicas: Option<Replicas>,
    /// What is written down of its lives, if anything is.
    pub(crate) captures: Option<Captures>,
}

impl Server {
    /// A process that is not running.
    #[must_use]
    pub(crate) fn new(now: Time, setup: &Setup) -> Self {
        Self {
            nodes: Vec::new(),
            counted: Vec::new(),
            armed: Vec::new(),
            incarnation: 0,
            era: 0,
            draining: false,
            clock: Clock::new(now, setup.clock),
            back: Duration::ZERO,
            latest: Time(0),
            paused: Vec::new(),
            fenced: None,
            skew: None,
            arrivals: BTreeMap::new(),
            gateway: Arc::new(setup.gateway.clone()),
            handled_before: 0,
            node_deaths: 0,
            replicas: None,
            captures: None,
        }
    }

    /// Starts it, with what its shards begin with, if its disk has kept something; whether that is all there was.
    pub(crate) fn start(
        &mut self,
        now: Time,
        setup: &Setup,
        draws: Draws,
        starts: Option<Vec<Start>>,
        is_kept: bool,
    ) {
        self.incarnation += 1;
        self.era += u64::from(!is_kept);
        self.clock.set_back(now, std::mem::take(&mut self.back));
        let starts = starts.unwrap_or_default();
        self.clock.go_on_from(now, Start::latest(&starts));
        let head = self.captures.is_some().then(|| self.head(setup, draws));
        if let (Some(captures), Some(head)) = (&mut self.captures, head) {
            captures.begin(head, &starts);
        }
        let mut starts: Vec<Option<Start>> = starts.into_iter().map(Some).collect();
        let mut start = |shard: ShardId| {
            starts.get_mut(shard.0 as usize).and_then(Option::take).unwrap_or_else(Start::anew)
        };
        let node = |index: u32| self.node(now, index, 0, setup, draws, &mut start);
        self.nodes = (0..setup.nodes).map(node).collect();
        self.replicas = setup.replicated.then(Replicas::default);
        self.counted = vec![Counted::default(); self.nodes.len()];
        self.armed = vec![None; self.nodes.len()];
        self.paused = self.nodes.iter().map(|_| None).collect();
    }

    /// A node whose shards begin with that; `death` is how often nodes have died alone in this life.
    fn node(
        &self,
        now: Time,
        index: u32,
        death: u64,
        setup: &Setup,
        draws: Draws,
        start: impl FnMut(ShardId) -> Start,
    ) -> Node {
        let incarnation = self.incarnation | death << 24;
        let seed = node_seed(draws, incarnation, index);
        let config = NodeConfig {
            index,
            nodes: setup.nodes,
            incarnation,
            gateway: self.gateway.clone(),
            shard: setup.shard.clone(),
            seed,
            replicated: setup.replicated,
        };
        let mut node = Node::resume(config, self.clock.shows(now), start);
        if let Some(captures) = self.captures.as_ref().filter(|_| death == 0) {
            captures.record(&mut node, self.clock.shows(now));
        }
        node
    }

    /// What the nodes of this life are made from.
    fn head(&self, setup: &Setup, draws: Draws) -> Head {
        Head {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            incarnation: self.incarnation,
            gateway: setup.gateway.clone(),
            shard: setup.shard.clone(),
            seeds: (0..setup.nodes).map(|index| node_seed(draws, self.incarnation, index)).collect(),
            key: None,
            durability: None,
            lost: false,
            begun: 0,
        }
    }

    /// Puts a new node in the place of one that has died; the id of the gateway that is gone.
    pub(crate) fn replace(&mut self, now: Time, node: usize, setup: &Setup, draws: Draws) -> GatewayId {
        self.node_deaths += 1;
        self.captures.iter().for_each(Captures::stop);
        let index = u32::try_from(node).expect("few nodes");
        let new = self.node(now, index, self.node_deaths, setup, draws, |_| Start::anew());
        let old = std::mem::replace(&mut self.nodes[node], new);
        self.handled_before += old.handled();
        (self.counted[node], self.armed[node], self.paused[node]) = (Counted::default(), None, None);
        old.gateway_id()
    }

    /// Kills it; its machine's clock is set back before it starts again.
    pub(crate) fn stop(&mut self, now: Time, back: Duration) {
        (self.back, self.latest) = (back, self.latest(now));
        self.handled_before = self.handled();
        self.nodes.clear();
        self.armed.clear();
        self.paused.clear();
        self.arrivals.clear();
        self.draining = false;
    }

    /// Whether the clock of its machine was set back while it was away.
    #[must_use]
    pub(crate) fn was_set_back(&self) -> bool {
        !self.back.is_zero()
    }

    /// The latest time that its clock has shown in any of its lives.
    #[must_use]
    pub(crate) fn latest(&self, now: Time) -> Time {
        self.latest.max(self.clock.shows(now))
    }

    /// Inputs that its machines have handled, in all its lives.
    #[must_use]
    pub(crate) fn handled(&self) -> u64 {
        self.handled_before + self.nodes.iter().map(Node::handled).sum::<u64>()
    }

    /// Whether it runs.
    #[must_use]
    pub(crate) const fn is_up(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// Whether a node does nothing.
    #[must_use]
    pub(crate) fn is_paused(&self, node: usize) -> bool {
        self.paused.get(node).is_some_and(Option::is_some)
    }

    /// Lets a node do nothing until then; false if there is no such node.
    pub(crate) fn pause(&mut self, node: usize, until: Time) -> bool {
        let Some(paused) = self.paused.get_mut(node) else { return false };
        let (before, held) = paused.take().unwrap_or_default();
        *paused = Some((before.max(until), held));
        true
    }

    /// Something for a node: given back unless the node does nothing.
    pub(crate) fn hold(&mut self, node: usize, input: NodeInput<'static>) -> Option<NodeInput<'static>> {
        match &mut self.paused[node] {
            Some((_, held)) => {
                held.push(input);
                None
            }
            None => Some(input),
        }
    }

    /// A paused node may go on at once.
    pub(crate) fn unpause(&mut self, node: usize) {
        if let Some((until, _)) = &mut self.paused[node] {
            *until = Time(0);
        }
    }

    /// Lets a node go on, if it may by now. Returns what came meanwhile.
    pub(crate) fn resume(&mut self, node: usize, now: Time) -> Option<Vec<NodeInput<'static>>> {
        let (_, held) = self.paused.get_mut(node)?.take_if(|(until, _)| *until <= now)?;
        Some(held)
    }

    /// Whether it runs and is in this life.
    #[must_use]
    pub(crate) const fn lives(&self, incarnation: u64) -> bool {
        self.is_up() && self.incarnation == incarnation
    }

    /// When mail that leaves now arrives: after what was sent before.
    pub(crate) fn mail_arrives(
        &mut self,
        now: Time,
        from: usize,
        to: usize,
        setup: &Setup,
        draws: Draws,
    ) -> Time {
        let longest = match self.skew {
            Some((longest, until)) if now < until => longest,
            _ => setup.mail_us_max,
        };
        let mut cause = draws.of(Purpose::Mail, now.0 << 16 | (from as u64) << 8 | to as u64);
        let at = now + Duration::from_micros(cause.within(0..=longest));
        let last = self.arrivals.entry((from, to)).or_default();
        *last = at.max(*last);
        *last
    }
}

/// A node's unpredictable bits.
fn node_seed(draws: Draws, incarnation: u64, index: u32) -> [u8; 32] {
    let mut cause = draws.of(Purpose::Node, incarnation << 32 | u64::from(index));
    let mut seed = [0; 32];
    seed.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&cause.bits().to_le_bytes()));
    seed
}

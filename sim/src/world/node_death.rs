//! A node that dies alone, or does nothing more and is declared dead: its connections go with it, and the others' shards
//! are told.

use std::time::Duration;

use chinwag_core::{ConnectionId, ShardId, Time, shard::Op};
use chinwag_journal::Mail;

use crate::{
    judge::{Broken, marks::Mark},
    plan::{draw::Purpose, scenario::FrozenNode},
    record::{
        describe,
        trace::{Kind, Lane},
    },
    world::{Event, World, act::cut_loss},
};

/// Longest that a client takes to learn that its node is gone.
const LEARN_US_MAX: u64 = 1_000_000;

impl World<'_> {
    /// A node dies and is there again at once, with nothing in memory. One that hosts shards does not: what is in them
    /// would be lost, and the whole server has to start again: false.
    pub(crate) fn node_dies(&mut self, node: usize) -> Result<bool, Broken> {
        if !self.is_bare(node) || self.server.draining {
            return Ok(false);
        }
        self.note(Kind::World, Lane::World, format_args!("n{node} {}", describe::DIES_ALONE));
        self.marks.hit(Mark::NodeDied);
        self.bury(node);
        self.let_go_of_lines(node, true);
        Ok(true)
    }

    /// A node does nothing more, for good, if it hosts no shard. Nobody knows that before it is declared dead.
    pub(crate) fn freeze_node(&mut self, frozen: FrozenNode) {
        let (node, until) = (frozen.node as usize, self.now + Duration::from_micros(frozen.for_us));
        if !self.is_bare(node) {
            return;
        }
        self.note(Kind::World, Lane::World, format_args!("n{node} {}", describe::FREEZES));
        if self.links.iter().any(|(_, link)| link.node == node && link.is_served()) {
            self.marks.hit(Mark::FrozenNode);
        }
        self.stop_node(node, Time(u64::MAX));
        // Until the others are told, nothing that takes its time can be expected.
        self.life.upset(until);
        self.add(until, Event::Fence { incarnation: self.server.incarnation, node });
    }

    /// It is declared dead, and nobody is sent to it any more. Those who are on it are not told.
    pub(crate) fn fence(&mut self, node: usize) {
        self.note(Kind::World, Lane::World, format_args!("n{node} {}", describe::FENCED));
        self.server.fenced = Some(node);
        self.bury(node);
        self.let_go_of_lines(node, false);
    }

    /// Whether there is such a node, and it hosts no shard.
    fn is_bare(&self, node: usize) -> bool {
        node >= self.scenario.setup.gateway.shards as usize && node < self.server.nodes.len()
    }

    /// A new node takes the place of one that is gone, and all shards are told.
    fn bury(&mut self, node: usize) {
        self.marks.counters(self.server.nodes[node].counters());
        let gateway = self.server.replace(self.now, node, &self.scenario.setup, self.draws);
        self.checkups.begin_one(self.server.clock.shows(self.now), node);
        self.life.lost = self.now;
        // Nothing of it may follow this, and mail arrives in order.
        for shard in 0..self.scenario.setup.gateway.shards {
            let to = (shard % self.scenario.setup.nodes) as usize;
            let at = self.server.mail_arrives(self.now, node, to, &self.scenario.setup, self.draws);
            let mail = Box::new(Mail::Submit(ShardId(shard), Op::GatewayDown { gateway }));
            let from = u32::try_from(node).expect("few nodes");
            self.add(at, Event::Mail { incarnation: self.server.incarnation, from, to, mail });
        }
        self.arm_node(node);
    }

    /// The lines to a node end; its clients learn of it soon, or find out for themselves.
    fn let_go_of_lines(&mut self, node: usize, are_told: bool) {
        let lines = self.links.iter().filter(|(_, link)| link.node == node);
        let ids: Vec<ConnectionId> = lines.map(|(id, _)| id).collect();
        for id in ids {
            if let Some(link) = self.links.get_mut(id) {
                let mut cause = self.draws.of(Purpose::Cut, link.cause() << 1 | 1);
                let loss = cut_loss(&mut cause, link.up.flying(), link.down.flying(), LEARN_US_MAX);
                link.orphan(self.now, &loss);
                link.paused = false;
                link.client_learns = link.client_learns.filter(|_| are_told);
            }
            self.judge.rates.forgotten(id);
            self.quotas.forgotten(id);
            self.line_ends(id);
            self.touch(id);
        }
    }
}

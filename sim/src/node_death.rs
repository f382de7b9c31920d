//! A node that dies alone: its connections go with it, and the others' shards are told.

use chinwag_core::{ConnectionId, ShardId, shard::Op};
use chinwag_journal::Mail;

use crate::{
    act::cut_loss,
    draw::Purpose,
    judge::Broken,
    marks::Mark,
    trace::{Kind, Lane},
    world::{Event, World},
};

/// Longest that a client takes to learn that its node is gone.
const LEARN_US_MAX: u64 = 1_000_000;

impl World<'_> {
    /// A node dies and is there again at once, with nothing in memory. One that hosts shards does not: what is in them
    /// would be lost, and the whole server has to start again: false.
    pub(crate) fn node_dies(&mut self, node: usize) -> Result<bool, Broken> {
        let shards = self.scenario.setup.gateway.shards;
        let is_bare = node >= shards as usize && node < self.server.nodes.len();
        if !is_bare || self.server.draining {
            return Ok(false);
        }
        self.note(Kind::World, Lane::World, format_args!("n{node} dies alone"));
        self.marks.counters(self.server.nodes[node].counters());
        let gateway = self.server.replace(self.now, node, &self.scenario.setup, self.draws);
        self.checkups.begin_one(self.server.clock.shows(self.now), node);
        self.life.lost = self.now;
        self.marks.hit(Mark::NodeDied);
        self.let_go_of_lines(node);
        // Nothing of it may follow this, and mail arrives in order.
        for shard in 0..shards {
            let to = (shard % self.scenario.setup.nodes) as usize;
            let at = self.server.mail_arrives(self.now, node, to, &self.scenario.setup, self.draws);
            let mail = Box::new(Mail::Submit(ShardId(shard), Op::GatewayDown { gateway }));
            self.add(at, Event::Mail { incarnation: self.server.incarnation, to, mail });
        }
        self.arm_node(node);
        Ok(true)
    }

    fn let_go_of_lines(&mut self, node: usize) {
        let lines = self.links.iter().filter(|(_, link)| link.node == node);
        let ids: Vec<ConnectionId> = lines.map(|(id, _)| id).collect();
        for id in ids {
            if let Some(link) = self.links.get_mut(id) {
                let mut cause = self.draws.of(Purpose::Cut, id.0 << 32 | 1);
                let loss = cut_loss(&mut cause, link.up.flying(), link.down.flying(), LEARN_US_MAX);
                link.orphan(self.now, &loss);
                link.paused = false;
            }
            self.judge.rates.forgotten(id);
            self.quotas.forgotten(id);
            self.line_ends(id);
            self.touch(id);
        }
    }
}

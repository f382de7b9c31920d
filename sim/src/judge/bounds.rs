//! Limits that hold at every moment: bytes that wait, and the sizes of tables.

use std::time::Duration;

use chinwag_core::{ConnectionId, Time};
use chinwag_oracle::Excess;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        look::Look,
        marks::Mark,
    },
    line::link::ServerEnd,
    plan::scenario::Setup,
    world::{Event, World},
};

/// Time between two looks at all tables.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(2);
/// What a machine may take beside the times that are given to it.
const SLACK: Duration = Duration::from_secs(1);

impl World<'_> {
    /// After every event of a node.
    pub(crate) fn check_bounds(&mut self, node: usize) -> Result<(), Broken> {
        self.checked(checks::BOUNDS);
        let (node, cap) = (&self.server.nodes[node], self.scenario.setup.gateway.outbox_bytes_max);
        // If all of them together hold less than one may, so does each.
        if node.counters().outbox_bytes <= cap as u64 {
            return Ok(());
        }
        match node.outboxes().find(|&(_, bytes)| bytes > cap) {
            Some((id, bytes)) => {
                broken(checks::BOUNDS, format!("the outbox of {id} may hold {cap} bytes and holds {bytes}"))
            }
            None => Ok(()),
        }
    }

    /// A client comes into a room: of the rooms of its shard it is in no more than a session may be.
    pub(crate) fn check_rooms_of_session(&mut self, client: usize, room: usize) -> Result<(), Broken> {
        let Setup { rooms, parlours, ref shard, .. } = self.scenario.setup;
        let (places, most) = ((rooms + parlours) as usize, shard.rooms_per_session_max as usize);
        if most >= places {
            return Ok(());
        }
        self.checked(checks::TABLES);
        let shard = self.shard_of(room);
        let beside = (0..places).filter(|&other| self.shard_of(other) == shard);
        let is_in = beside.filter(|&other| self.witness.is_in(client, other)).count();
        if is_in <= most {
            return Ok(());
        }
        broken(checks::TABLES, format!("c{client} may be in {most} rooms of a shard, and is in {is_in}"))
    }

    /// Now and then: all tables, and readers that read nothing.
    pub(crate) fn look_at_limits(&mut self) -> Result<(), Broken> {
        self.add_after(SWEEP_INTERVAL, Event::Look(Look::Limits));
        self.check_fates()?;
        self.check_spent()?;
        self.check_silent()?;
        for node in 0..self.server.nodes.len() {
            self.checked(checks::TABLES);
            self.check_outboxes(node)?;
            let counters = self.server.nodes[node].counters();
            if let Some((what, is, counted)) = self.server.counted[node].doubt(counters) {
                let sentence = format!("n{node} counts {counted} {what}, there were {is}");
                return broken(checks::TABLES, sentence);
            }
            let tables = self.server.nodes[node].tables();
            if let Some((what, is, most)) = self.server.counted[node].pile(counters, &tables) {
                return broken(
                    checks::TABLES,
                    format!("n{node} has {is} {what}, and {most} were ever needed"),
                );
            }
            let limits = &self.scenario.setup.shard;
            for usage in self.server.nodes[node].usages() {
                if usage.spent == limits.spent_max as usize {
                    self.marks.hit(Mark::SpentFull);
                }
                if let Some(excess) = Excess::of(limits, &usage) {
                    return broken(checks::TABLES, format!("a shard of n{node} {excess}"));
                }
            }
        }
        Ok(())
    }

    /// Shards remember what users have used of their quotas who went a short time ago: most of them, for whoever was
    /// replaced as they went may have left nothing.
    fn check_spent(&mut self) -> Result<(), Broken> {
        /// Longest that a node takes to let go of a connection that it closes.
        const CLOSING: Duration = Duration::from_secs(4);
        /// Fewer are not looked for.
        const FEW: usize = 3;
        let (now, life) = (self.now, &self.life);
        let ago =
            |time: Duration| Time(now.0.saturating_sub(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)));
        let since = ago(life.at_least(self.scenario.setup.shard.limiter_ttl));
        let due =
            since.max(life.upset).max(life.lost) + Duration::from_micros(1)..ago(life.delay() + CLOSING);
        let gone = self.quotas.have_left(due);
        if gone < FEW || !self.server.is_up() {
            return Ok(());
        }
        self.checked(checks::TABLES);
        let known: usize =
            self.server.nodes.iter().flat_map(|node| node.usages()).map(|usage| usage.spent).sum();
        if known * 2 < gone.min(self.scenario.setup.shard.spent_max as usize) {
            let sentence = format!("{gone} users have used something and went, and shards know of {known}");
            return broken(checks::TABLES, sentence);
        }
        Ok(())
    }

    /// What waits in an outbox that is so full that its connection is not served.
    pub(crate) fn clogged(&self, node: usize, connection: ConnectionId) -> Option<usize> {
        let node = &self.server.nodes[node];
        let most = self.scenario.setup.gateway.outbox_bytes_max / 4 * 3;
        // If all of them together hold no more than that, none does.
        if node.counters().outbox_bytes <= most as u64 {
            return None;
        }
        node.outboxes().find(|&(id, bytes)| id == connection && bytes > most).map(|(_, bytes)| bytes)
    }

    /// Whoever does not read what they have is given no answers beside it, and is not read.
    pub(crate) fn check_clogged(
        &mut self,
        node: usize,
        connection: ConnectionId,
        before: usize,
    ) -> Result<(), Broken> {
        self.checked(checks::SLOW);
        let Some(link) = self.links.get(connection).filter(|link| link.server_end == ServerEnd::Open) else {
            return Ok(());
        };
        match self.clogged(node, connection) {
            Some(bytes) if bytes > before || link.reading => {
                let sentence = format!("{connection} has {before} bytes to read, and is served: {bytes}");
                broken(checks::SLOW, sentence)
            }
            _ => Ok(()),
        }
    }

    fn check_outboxes(&self, node: usize) -> Result<(), Broken> {
        let (machine, gateway) = (&self.server.nodes[node], &self.scenario.setup.gateway);
        let counters = machine.counters();
        let sums =
            machine.outboxes().fold((0, 0), |(count, sum), (_, bytes)| (count + 1, sum + bytes as u64));
        if sums != (counters.connections, counters.outbox_bytes) {
            let sentence = format!("n{node} counts {counters:?} and holds {sums:?}");
            return broken(checks::TABLES, sentence);
        }
        for (id, bytes) in machine.outboxes().filter(|&(_, bytes)| bytes > gateway.outbox_bytes_max / 4 * 3) {
            let Some(link) = self.links.get(id).filter(|link| link.server_end == ServerEnd::Open) else {
                continue;
            };
            let since = link.took.max(link.blocked_since).max(self.life.upset);
            let due = since + self.life.at_most(gateway.pong_timeout) + SLACK;
            if link.blocked && due < self.now {
                let sentence = format!("{id} has {bytes} bytes to read, takes none and is not closed");
                return broken(checks::SLOW, sentence);
            }
        }
        Ok(())
    }
}

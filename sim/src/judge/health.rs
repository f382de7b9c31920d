//! How nodes fare, as they tell those whose dialect has a frame for it, and what the world knows of that.
//!
//! Told again from `docs/dialects.md`: the frame comes on a period to whoever has not much to read, its numbers are the
//! node's, and its word follows from them.

use std::time::Duration;

use chinwag_core::{ConnectionId, Time, dialect::Dialect, gateway::Counters};
use chinwag_journal::NodeInput;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        look::Look,
        marks::Mark,
    },
    line::link::ServerEnd,
    people::voice::Health,
    plan::scenario::Setup,
    world::{Event, World},
};

/// What may pass beside the times that are given to machines.
const SLACK: Duration = Duration::from_secs(1);

/// What a node holds and has done: `connections`, `rooms`, `framesIn`, `messagesIn`, `deliveriesOut`, `outboxBytes`,
/// `lagged` and `slowClosed`.
pub(crate) type Vitals = [u64; 8];

const fn vitals(connections: u64, counters: &Counters) -> Vitals {
    [
        connections,
        counters.rooms,
        counters.frames_in,
        counters.messages_in,
        counters.deliveries_out,
        counters.outbox_bytes,
        counters.lagged,
        counters.slow_closed,
    ]
}

/// A time at which a node may have told how it fares: when its timer went off, and it had something to tell many.
#[derive(Clone, Copy, Debug)]
struct Checkup {
    at: Time,
    before: Vitals,
    after: Vitals,
    is_draining: bool,
    /// Somebody was told.
    is_told: bool,
}

impl Checkup {
    /// Whether a node that tells this may have had these numbers then.
    fn fits(&self, told: &Vitals) -> bool {
        let pairs = self.before.iter().zip(&self.after).zip(told);
        pairs
            .into_iter()
            .all(|((before, after), told)| (before.min(after)..=before.max(after)).contains(&told))
    }
}

/// One node's life.
#[derive(Clone, Debug)]
struct Course {
    began: Time,
    checkups: Vec<Checkup>,
}

/// All nodes' checkups, by their clock; none where nobody is told of them.
#[derive(Debug)]
pub(crate) struct Checkups {
    is_needed: bool,
    nodes: Vec<Course>,
}

impl Checkups {
    /// Of nodes that are not running.
    pub(crate) fn new(setup: &Setup) -> Self {
        let is_needed = setup.clients.iter().any(|client| client.voice == Some(Dialect::Envelope));
        Self { is_needed, nodes: Vec::new() }
    }

    /// All nodes begin.
    pub(crate) fn begin(&mut self, shows: Time, setup: &Setup) {
        self.nodes = vec![Course { began: shows, checkups: Vec::new() }; setup.nodes as usize];
    }

    /// A node begins in the place of one that has died.
    pub(crate) fn begin_one(&mut self, shows: Time, node: usize) {
        self.nodes[node] = Course { began: shows, checkups: Vec::new() };
    }
}

/// The word that follows from what a node holds.
fn word(setup: &Setup, is_draining: bool, told: &Vitals) -> &'static str {
    let ([connections, _, _, _, _, bytes, ..], gateway) = (told, &setup.gateway);
    let is_crowded = connections * 10 >= u64::from(gateway.connections_max) * 9;
    let is_full = bytes * 4 > connections * gateway.outbox_bytes_max as u64;
    match (is_draining, is_crowded || is_full) {
        (true, _) => "draining",
        (false, true) => "overloaded",
        (false, false) => "healthy",
    }
}

impl World<'_> {
    /// A node's timer goes off.
    pub(crate) fn node_is_due(&mut self, node: usize) -> Result<(), Broken> {
        if !self.checkups.is_needed {
            return self.tell_node(node, NodeInput::Timeout);
        }
        let counters = self.server.nodes[node].counters();
        let (mut before, encoded) = (vitals(0, counters), counters.frames_encoded);
        let mut out = Vec::new();
        self.hand_node(node, NodeInput::Timeout, &mut out);
        let counters = self.server.nodes[node].counters();
        if counters.frames_encoded > encoded {
            let held = self.links.iter().filter(|(_, link)| link.node == node && link.is_served()).count();
            before[0] = held as u64;
            let (at, after) = (self.server.clock.shows(self.now), vitals(held as u64, counters));
            let is_draining = self.server.draining;
            let checkup = Checkup { at, before, after, is_draining, is_told: false };
            self.checkups.nodes[node].checkups.push(checkup);
        }
        self.serve(node, &mut out)
    }

    /// From now on a plain client is told on a period how its node fares, if its dialect has a frame for it.
    pub(crate) fn awaits_health(&mut self, client: usize) {
        let now = self.now;
        if let Some(line) = self.people[client].link
            && self.player(client).dialect() == Dialect::Envelope
        {
            self.player(client).told_health = now;
            self.add_after(self.health_patience(), Event::Look(Look::Health { line }));
        }
    }

    /// Whoever can read is told in so long.
    fn health_patience(&self) -> Duration {
        self.life.at_most(self.scenario.setup.gateway.health_interval) * 2 + self.life.delay() + SLACK
    }

    /// A plain client is told how its node fares.
    pub(crate) fn player_hears_health(&mut self, client: usize, health: &Health) -> Result<(), Broken> {
        self.checked(checks::HEALTH);
        let now = self.now;
        self.player(client).told_health = now;
        if !self.player(client).known {
            return broken(checks::HEALTH, format!("c{client} is told of health and not known"));
        }
        // What is read may be from a node that is gone.
        let Some(line) = self.people[client].link.filter(|id| self.life.lines.contains_key(id)) else {
            return Ok(());
        };
        let Some(node) = self.links.get(line).map(|link| link.node) else { return Ok(()) };
        let setup = &self.scenario.setup;
        let Course { began, checkups } = &mut self.checkups.nodes[node];
        let is_it = |checkup: &&mut Checkup| {
            let (at, told) = (checkup.at, &health.numbers);
            at.0 / 1_000 == health.at
                && at.since(*began).as_secs() == health.uptime
                && checkup.fits(told)
                && word(setup, checkup.is_draining, told) == health.word
        };
        let Some(checkup) = checkups.iter_mut().rev().find(is_it) else {
            let sentence =
                format!("c{client} is told {health:?}, n{node} began at {began} and was {checkups:?}");
            return broken(checks::HEALTH, sentence);
        };
        checkup.is_told = true;
        let checkup = *checkup;
        self.marks.hit(match &*health.word {
            "draining" => Mark::HealthDraining,
            "overloaded" => Mark::HealthOverloaded,
            _ => Mark::Healthy,
        });
        self.check_health_period(node, checkup)
    }

    /// A node tells no sooner than after its interval, but for when it begins to go down.
    fn check_health_period(&self, node: usize, told: Checkup) -> Result<(), Broken> {
        let interval = self.scenario.setup.gateway.health_interval;
        let Course { began, checkups } = &self.checkups.nodes[node];
        // Of those within a millisecond, which is how exactly a frame names its time, it may be of another one.
        let exactly = Duration::from_millis(1);
        let before = checkups.iter().filter(|other| other.is_told && other.at + exactly < told.at);
        let last = before.map(|other| other.at).max().unwrap_or(*began);
        if told.is_draining || told.at + exactly >= last + interval {
            return Ok(());
        }
        broken(checks::HEALTH, format!("n{node} tells how it fares at {}, and did so at {last}", told.at))
    }

    /// Whoever can read was told how their node fares.
    pub(crate) fn look_health(&mut self, id: ConnectionId) -> Result<(), Broken> {
        let Some(link) = self.links.get(id).filter(|link| link.server_end == ServerEnd::Open) else {
            return Ok(());
        };
        let client = link.client;
        if self.people[client].link != Some(id) {
            return Ok(());
        }
        let (blocked, is_clear) = (link.blocked_at, link.is_clear_since(self.now));
        let told = self.player(client).told_health;
        let patience = self.health_patience();
        let due = told.max(blocked).max(self.life.upset) + patience;
        if due > self.now || !is_clear {
            let at = if is_clear { due } else { self.now + patience };
            self.add(at, Event::Look(Look::Health { line: id }));
            return Ok(());
        }
        self.checked(checks::HEALTH);
        let since = self.now.since(told).as_secs();
        broken(checks::HEALTH, format!("c{client} was not told how its node fares for {since} s"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::scenario::Scenario;

    #[test]
    fn the_word_follows_from_the_numbers() {
        let mut setup = Scenario::generate(1).setup;
        (setup.gateway.connections_max, setup.gateway.outbox_bytes_max) = (10, 1_000);
        let told = |connections, bytes| [connections, 0, 0, 0, 0, bytes, 0, 0];
        assert_eq!(word(&setup, false, &told(8, 2_000)), "healthy");
        assert_eq!(word(&setup, false, &told(8, 2_001)), "overloaded");
        assert_eq!(word(&setup, false, &told(9, 0)), "overloaded");
        assert_eq!(word(&setup, true, &told(9, 0)), "draining");
    }
}

//! How a gateway fares, told now and then to those whose dialect has a frame for it (S2.10).

use super::{Gateway, GatewayOutput, connection::Connection, fan_out::shed_above, give, outbox::Chunk};
use crate::{
    dialect::{Dialect, Event},
    shard::PRIORITY_MAX,
    time::Time,
};

/// The dialect whose connections hear of it.
const AUDIENCE: Dialect = Dialect::Envelope;

/// How a gateway fares, in a word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// It has room for more.
    Healthy,
    /// It holds nearly as many connections as it may, or its outboxes are so full that it leaves things out.
    Overloaded,
    /// It is going down.
    Draining,
}

impl Condition {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Overloaded => "overloaded",
            Self::Draining => "draining",
        }
    }
}

fn listens(connection: &Connection) -> bool {
    connection.codec.dialect() == AUDIENCE && connection.peer().is_some()
}

impl Gateway {
    /// Begins to tell, if the connection is the first that listens.
    pub(super) fn start_telling_health(&mut self, now: Time, listener: Dialect) {
        if listener == AUDIENCE && self.health_at.is_none() {
            self.health_at = Some(now + self.config.health_interval);
        }
    }

    /// Tells everybody who listens, in one frame that is written once. With nobody left it stops.
    pub(super) fn tell_health(&mut self, now: Time, out: &mut Vec<GatewayOutput>) {
        let is_heard = self.slots.iter().flatten().any(listens);
        let is_heard_again = planted!(HealthToldOnce, false, is_heard);
        self.health_at = is_heard_again.then(|| now + self.config.health_interval);
        if !is_heard {
            return;
        }
        self.begin_payloads(now);
        let (condition, uptime) = (self.condition(), now.since(self.began));
        let event = Event::Health { condition, counters: &self.counters, uptime };
        AUDIENCE.encode(&event, &mut self.payloads);
        self.put_frames();
        let (chunk, range) = Chunk::of(&self.frame);
        self.counters.frames_encoded += 1;
        // Whoever has more to read than this is helped by silence.
        let limit = shed_above(PRIORITY_MAX, &self.config);
        for connection in self.slots.iter_mut().flatten().filter(|connection| listens(connection)) {
            if connection.outbox.bytes() + range.len() <= limit {
                give(connection, &mut self.counters, now, &chunk, range.clone(), out);
            }
        }
    }

    /// Overloaded is who holds nine tenths of the connections it may, or whose readers have, on average, so much to
    /// read that what is least urgent is left out for them.
    fn condition(&self) -> Condition {
        let connections = self.counters.connections;
        let is_crowded = connections * 10 >= u64::from(self.config.connections_max) * 9;
        let shed = shed_above(PRIORITY_MAX, &self.config) as u64;
        if self.draining {
            Condition::Draining
        } else if is_crowded || self.counters.outbox_bytes > connections * shed {
            Condition::Overloaded
        } else {
            Condition::Healthy
        }
    }
}

//! Deadlines: heartbeat, slow readers, idle and silent connections, typing notices, draining.

use std::time::Duration;

use super::{Gateway, GatewayOutput, Phase, Slot, connection::Connection, wire};
use crate::{
    dialect::{Event, Presence},
    disconnect::Disconnect,
    refusal::Refusal,
    time::Time,
};

/// How often a batch is told to go while draining.
const DRAIN_INTERVAL: Duration = Duration::from_millis(100);

/// The soonest that a connection is looked at again.
const MOMENT: Duration = Duration::from_micros(1);

impl Gateway {
    /// Moves the connection's deadline forward if it has come nearer; later ones are noticed when the old one passes.
    pub(super) fn schedule(&mut self, slot: Slot) {
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        let next = connection.next_deadline(&self.config);
        if next < connection.deadline {
            move_deadline(&mut self.deadlines, slot, connection, next);
        }
    }

    pub(super) fn timeout(&mut self, now: Time, out: &mut Vec<GatewayOutput>) {
        while let Some(&(at, slot)) = self.deadlines.first()
            && at <= now
        {
            self.look_at(now, slot, out);
            let connection = self.slots[slot].as_mut().expect("it is in the table");
            // Never in the past, so that this loop ends whatever the limits are.
            let next = connection.next_deadline(&self.config).max(now + MOMENT);
            move_deadline(&mut self.deadlines, slot, connection, next);
        }
        self.end_typing(now, out);
        if self.health_at.is_some_and(|at| at <= now) {
            self.tell_health(now, out);
        }
        if self.drain_at.is_some_and(|at| at <= now) {
            self.drain_batch(now, out);
        }
    }

    fn look_at(&mut self, now: Time, slot: Slot, out: &mut Vec<GatewayOutput>) {
        let config = self.config.clone();
        let connection = self.connection(slot);
        if connection.is_closing() {
            return;
        }
        let due = |at: Time| at <= now;
        let arriving = matches!(connection.phase, Phase::Arriving | Phase::Attaching(_));
        if arriving && due(connection.must_attach_at(&config)) {
            return self.close(now, slot, Disconnect::AttachTimeout, out);
        }
        if connection.idle_at(&config).is_some_and(due) {
            return self.close(now, slot, Disconnect::Idle, out);
        }
        if connection.must_progress(&config) && due(connection.stalled_at(&config)) {
            return self.close(now, slot, Disconnect::Slow, out);
        }
        if connection.awaiting_pong && connection.alive() > connection.pinged {
            connection.awaiting_pong = false;
        } else if connection.awaiting_pong && due(connection.pinged + config.pong_timeout) {
            if planted!(HeartbeatIgnored) {
                connection.awaiting_pong = false;
                return;
            }
            let reason = planted!(WrongCloseCode, Disconnect::Idle, Disconnect::HeartbeatTimeout);
            return self.close(now, slot, reason, out);
        }
        if !connection.awaiting_pong && due(connection.ping_at(&config)) {
            (connection.pinged, connection.awaiting_pong) = (now, true);
            let mut frame = Vec::with_capacity(4);
            match connection.codec.dialect().ping() {
                Some(ping) => wire::put(wire::Opcode::Text, ping.as_bytes(), &mut frame),
                None => wire::put(wire::Opcode::Ping, &[], &mut frame),
            }
            // Behind a full outbox it would not be seen in time anyway.
            if self.fits(slot, frame.len()) {
                self.connection(slot).pongs_owed += 1;
                self.push_own(now, slot, &frame, out);
            }
        }
        self.expire_token(now, slot, out);
        if !self.connection(slot).is_closing() {
            self.flush_warnings(now, slot, out);
        }
    }

    /// Sends what is due of the refusals that had no number.
    pub(super) fn flush_warnings(&mut self, now: Time, slot: Slot, out: &mut Vec<GatewayOutput>) {
        let interval = planted!(WarnsEveryTime, Duration::ZERO, self.config.warning_interval);
        let warnings = &mut self.connection(slot).warnings;
        if warnings.pending == 0 || now < warnings.last + interval {
            return;
        }
        let (count, retry_after) = (warnings.pending, warnings.retry_after);
        warnings.pending = planted!(WarningsCountedTwice, count, 0);
        warnings.last = now;
        self.tell(now, slot, &Event::Warning { refusal: Refusal::RateLimited, count, retry_after }, out);
    }

    fn end_typing(&mut self, now: Time, out: &mut Vec<GatewayOutput>) {
        while let Some(&(at, index)) = self.typing_deadlines.first()
            && at <= now
        {
            self.typing_deadlines.pop_first();
            let room = self.rooms[index].as_ref().expect("its deadlines go with it");
            let ended: Vec<_> = room
                .typing
                .iter()
                .filter(|&(_, &until)| until <= now)
                .map(|(user, _)| user.clone())
                .collect();
            for user in ended {
                self.clear_typing(now, index, &user, Some(Presence::Online), out);
            }
        }
    }

    pub(super) fn start_draining(&mut self, now: Time) {
        self.draining = true;
        self.drain_at = Some(now);
        // Who listens hears of it before the first has to go.
        self.health_at = self.health_at.map(|_| now);
    }

    /// Tells the next batch to go; each is told when to come back.
    fn drain_batch(&mut self, now: Time, out: &mut Vec<GatewayOutput>) {
        let batch = (self.config.drain_rate / 10).max(1) as usize;
        let going: Vec<Slot> = (self.slots.iter().enumerate())
            .filter(|(_, connection)| connection.as_ref().is_some_and(|connection| !connection.is_closing()))
            .map(|(slot, _)| slot)
            .take(batch)
            .collect();
        self.drain_at =
            planted!(DrainForgetsConnections, false, going.len() == batch).then(|| now + DRAIN_INTERVAL);
        for slot in going {
            self.close(now, slot, Disconnect::Shutdown, out);
        }
    }
}

fn move_deadline(
    deadlines: &mut std::collections::BTreeSet<(Time, Slot)>,
    slot: Slot,
    connection: &mut Connection,
    next: Time,
) {
    deadlines.remove(&(connection.deadline, slot));
    connection.deadline = next;
    connection.deadline_counts_taking = connection.outbox.bytes() > 0;
    if next != Time(u64::MAX) {
        deadlines.insert((next, slot));
    }
}

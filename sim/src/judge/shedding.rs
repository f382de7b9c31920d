//! What readers who are behind are left out of: by how urgent it is, at the shares of their outbox that
//! `docs/protocol.md` names, and neither sooner nor later.

use std::collections::BTreeMap;

use chinwag_core::{
    ConnectionId, RoomName, UserName,
    gateway::Notice,
    shard::{Push, ShardEvent},
};
use chinwag_journal::{Mail, NodeOutput};
use serde::Serialize;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        marks::Mark,
    },
    world::World,
};

/// What is pushed to a node, and what waited there for its readers before.
#[derive(Debug)]
pub(crate) struct Shed {
    room: RoomName,
    class: Class,
    /// So much may wait for a reader who is given it.
    limit: usize,
    /// Bytes that it takes in any dialect, or more.
    longest: usize,
    waited: BTreeMap<ConnectionId, usize>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Class {
    /// Somebody writes: they are not told so.
    Typing(UserName),
    /// Who is there.
    Members,
    /// What somebody or something does, which may be long.
    Doings,
    Message,
}

/// The priority of what says none.
pub(crate) const NORMAL: u8 = 2;

/// What a frame has in any dialect beside the texts that it is about, with the frame before it by which its author has
/// stopped writing, at most.
pub(crate) const BESIDE: usize = 768;

/// What something takes as JSON, or more: the end of a line takes five bytes in `lobby`, where lines are indented.
fn json_bytes(what: &impl Serialize) -> usize {
    let ends = |json: &String| json.matches(['\\', '\u{2028}', '\u{2029}']).count();
    serde_json::to_string(what).map_or(usize::MAX / 4, |json| json.len() + 3 * ends(&json))
}

/// What of an outbox may be full before a message of this priority is left to the history, in sixteenths.
pub(crate) const fn sixteenths(priority: u8) -> usize {
    match priority {
        0 => 15,
        1 => 14,
        2 => 12,
        3 => 8,
        _ => 4,
    }
}

impl World<'_> {
    /// Before a node reads mail: what it may leave out, if it is a push and enough waits there that it might.
    pub(crate) fn may_shed(&self, node: usize, mail: &Mail) -> Option<Shed> {
        let Mail::Event(_, ShardEvent::Push { room, push }) = mail else { return None };
        let (node, max) = (&self.server.nodes[node], self.scenario.setup.gateway.outbox_bytes_max);
        if node.counters().outbox_bytes <= max as u64 / 8 {
            return None;
        }
        let (class, share, longest) = match push {
            Push::Message { message, .. } => {
                let priority = message.extra.as_deref().map_or(NORMAL, |extra| extra.priority);
                (Class::Message, sixteenths(priority), json_bytes(message) + BESIDE)
            }
            Push::Typing { user, on: true } => (Class::Typing(user.clone()), 4, 256),
            // Nothing comes of it if nobody was told that they write.
            Push::Typing { .. } => return None,
            // What is said of a task may be two frames.
            Push::Status { status, .. } => (Class::Doings, 8, 2 * json_bytes(status) + BESIDE),
            Push::Task { task, .. } => (Class::Doings, 8, 2 * json_bytes(task) + BESIDE),
            _ => (Class::Members, 8, 512 + 64 * self.people.len()),
        };
        let (room, limit) = (room.clone(), max / 16 * share);
        Some(Shed { room, class, limit, longest, waited: node.outboxes().collect() })
    }

    /// A node has read it, and wants this.
    pub(crate) fn check_shed(&mut self, node: usize, shed: &Shed, out: &[NodeOutput]) -> Result<(), Broken> {
        let lagged = |id: ConnectionId| {
            let is_meant = |output: &NodeOutput| matches!(output, NodeOutput::Notice(Notice::Lagged { connection, .. }) if *connection == id);
            out.iter().any(is_meant)
        };
        let members =
            if shed.class == Class::Message { self.scenario.setup.gateway.outbox_bytes_max / 2 } else { 0 };
        let after: Vec<(ConnectionId, usize)> = self.server.nodes[node].outboxes().collect();
        for (id, after) in after {
            let Some(&before) = shed.waited.get(&id) else { continue };
            self.checked(checks::SLOW);
            let is_left_out = match shed.class {
                Class::Message => lagged(id),
                _ => after == before && self.surely_reads(id, shed),
            };
            let is_given = after > before && !lagged(id);
            if is_left_out && before >= shed.limit || is_given && before >= shed.limit / 2 {
                self.marks.hit(if is_left_out { Mark::LeftOut } else { Mark::GivenBehind });
            }
            let is_early = is_left_out && before + shed.longest <= shed.limit;
            // With what is said comes that its author does not write any more.
            let is_late = is_given && before >= shed.limit.max(members);
            if is_early || is_late {
                let what = if is_given { "is given" } else { "is left out of" };
                let Shed { class, limit, room, .. } = shed;
                let sentence =
                    format!("{id} has {before} bytes to read, of {limit}, and {what} {class:?} in {room}");
                return broken(checks::SLOW, sentence);
            }
        }
        Ok(())
    }

    /// Whether a connection is surely one that is to be told.
    fn surely_reads(&self, id: ConnectionId, shed: &Shed) -> bool {
        let Some(line) = self.life.lines.get(&id) else { return false };
        let (client, person) = (line.client, &self.people[line.client]);
        let is_author = shed.class == Class::Typing(person.user.clone());
        let Some(room) = self.room_number(shed.room.as_str()) else { return false };
        // Others may be told in other words, or nothing; who has an owner's room may be sent away from it.
        let is_plain = self.is_player(client) || room >= self.scenario.setup.rooms as usize;
        let stays = &self.life.stays;
        let is_there = stays.iter().any(|stay| {
            stay.client == client && stay.room == room && stay.line == id && stay.until.is_none()
        });
        !is_author && !is_plain && is_there && person.link == Some(id)
    }
}

//! What shards answer.

use super::{Gateway, GatewayOutput, Slot, connection::drained_bytes, request::Asked};
use crate::{
    dialect::{Event, Presence},
    id::{ConnectionId, Position, RequestId},
    name::RoomName,
    refusal::Refusal,
    shard::{Joined, Placed, Reply, RoomView, Roster, ShardEvent, Task},
    time::Time,
};

impl Gateway {
    pub(super) fn shard_event(&mut self, now: Time, event: ShardEvent, out: &mut Vec<GatewayOutput>) {
        match event {
            ShardEvent::Attached { peer, resumed, limiters } => {
                self.attached(now, peer, resumed, limiters, out);
            }
            ShardEvent::AttachRefused { connection, refusal } => {
                self.attach_refused(now, connection, refusal, out);
            }
            ShardEvent::TakenOver { connection, session, generation } => {
                self.taken_over(now, connection, session, generation, out);
            }
            ShardEvent::Displaced { connection } => self.displaced(now, connection, out),
            ShardEvent::Reply { connection, id, key, room, result } => {
                let asked = Asked { id, key: key.as_deref() };
                self.reply(now, connection, asked, room, result, out);
            }
            ShardEvent::Kicked { connection, room, position } => {
                self.kicked(now, connection, &room, position, out);
            }
            ShardEvent::Push { room, push } => self.push(now, &room, push, out),
        }
    }

    fn reply(
        &mut self,
        now: Time,
        connection: ConnectionId,
        asked: Asked<'_>,
        room: Option<RoomName>,
        result: Result<Reply, Refusal>,
        out: &mut Vec<GatewayOutput>,
    ) {
        let Some(&slot) = self.by_id.get(&connection) else { return };
        if self.connection(slot).is_over() {
            return;
        }
        // Pages are asked for by the gateway itself.
        let asked_by_client = !matches!(result, Ok(Reply::Page(_) | Reply::NoPage | Reply::Roster { .. }));
        match (result, room) {
            (Ok(reply), Some(room)) => self.granted(now, slot, asked, &room, reply, out),
            (Ok(Reply::Rooms { rooms, more }), None) => self.gathered(now, slot, rooms, more, out),
            (Ok(reply), None) => unreachable!("{reply:?} is about a room"),
            (Err(refusal), _) => {
                let asked = planted!(RefusalLosesNumber, None.into(), asked);
                self.refuse(now, slot, asked, refusal, None, None, out);
            }
        }
        if asked_by_client {
            let connection = self.connection(slot);
            connection.unanswered = connection.unanswered.saturating_sub(1);
            connection.paging &= connection.unanswered > 0;
            self.serve(now, slot, out);
        }
    }

    fn granted(
        &mut self,
        now: Time,
        slot: Slot,
        asked: Asked<'_>,
        room: &RoomName,
        reply: Reply,
        out: &mut Vec<GatewayOutput>,
    ) {
        let Asked { id, key: _ } = asked;
        match reply {
            Reply::Joined(joined) => self.joined(now, slot, id, room, &joined, out),
            Reply::Left(position) => {
                planted!(PushToThoseWhoLeft, (), self.leave(slot, room));
                self.tell(now, slot, &Event::Left { id, room, position, kicked: false }, out);
            }
            Reply::Created(position) => self.tell(now, slot, &Event::Created { id, room, position }, out),
            Reply::Published(placed) => self.acknowledge(now, slot, asked, room, Some(placed), out),
            Reply::Noted => self.acknowledge(now, slot, asked, room, None, out),
            Reply::Page(page) => self.page(now, slot, room, &page, out),
            Reply::NoPage => self.no_page(slot, room, out),
            Reply::Roster { members, count, bot, tasks } => {
                self.roster(now, slot, room, &members, count, out);
                if let Some((user, status)) = &bot {
                    self.tell(now, slot, &Event::Status { room, user, status }, out);
                }
                planted!(ListWithoutTasks, (), self.show_tasks(now, slot, room, &tasks, out));
                self.catch_up(slot, out);
            }
            Reply::History { epoch, messages, more } => {
                let event = Event::History { id, room, epoch, messages: &messages, more };
                self.counters.deliveries_out += messages.len() as u64;
                self.tell(now, slot, &event, out);
            }
            Reply::Members { members, count, more } => {
                self.tell(now, slot, &Event::Members { id, room, members: &members, count, more }, out);
            }
            Reply::Rooms { .. } => unreachable!("is about no room"),
        }
    }

    fn acknowledge(
        &mut self,
        now: Time,
        slot: Slot,
        Asked { id, key }: Asked<'_>,
        room: &RoomName,
        placed: Option<Placed>,
        out: &mut Vec<GatewayOutput>,
    ) {
        let waiting = self.connection(slot).outbox.bytes();
        if planted!(AckShed, waiting > drained_bytes(&self.config), false) {
            return;
        }
        if id.is_some() || key.is_some() {
            self.tell(now, slot, &Event::Ack { id, key, room, placed }, out);
        }
    }

    fn joined(
        &mut self,
        now: Time,
        slot: Slot,
        id: Option<RequestId>,
        room: &RoomName,
        joined: &Joined,
        out: &mut Vec<GatewayOutput>,
    ) {
        let user = self.connection(slot).peer().expect("only the attached join").user.clone();
        self.tell(now, slot, &Event::Joined { id, room, joined }, out);
        self.follow(slot, room, joined, out);
        let dialect = self.connection(slot).codec.dialect();
        if dialect.lists_home() && matches!(joined.roster, Roster::Count(_)) {
            // In a large room, names come in a list of their own.
            self.list_members(slot, room);
        }
        if joined.rejoined {
            // Nobody else hears of it, so this is its only way to learn who is there.
            self.tell(now, slot, &Event::UserJoined { room, user: &user, roster: &joined.roster }, out);
        }
        for (user, since) in &joined.offline {
            let (presence, away) = (Presence::Offline, Some(*since));
            self.tell(now, slot, &Event::Presence { room, user, presence, away }, out);
        }
        for (user, status) in &joined.statuses {
            self.tell(now, slot, &Event::Status { room, user, status }, out);
        }
        self.show_tasks(now, slot, room, &joined.tasks, out);
    }

    fn show_tasks(
        &mut self,
        now: Time,
        slot: Slot,
        room: &RoomName,
        tasks: &[Task],
        out: &mut Vec<GatewayOutput>,
    ) {
        for task in tasks {
            self.tell(now, slot, &Event::Task { room, user: None, task, assigned: false }, out);
        }
    }

    /// Somebody was sent away. Who is in no room then goes home, if their dialect has one.
    fn kicked(
        &mut self,
        now: Time,
        connection: ConnectionId,
        room: &RoomName,
        position: Position,
        out: &mut Vec<GatewayOutput>,
    ) {
        let Some(&slot) = self.by_id.get(&connection) else { return };
        let Some(peer) = self.connection(slot).peer().cloned() else { return };
        planted!(KickLeavesReader, (), self.leave(slot, room));
        self.tell(now, slot, &Event::Left { id: None, room, position, kicked: true }, out);
        let connection = self.connection(slot);
        let home = connection.codec.dialect().home().filter(|home| *home != room.as_str());
        if let Some(home) = home
            && connection.rooms.is_empty()
            && !connection.is_closing()
        {
            self.go_home(now, slot, peer, home, out);
        }
    }

    pub(super) fn leave(&mut self, slot: Slot, room: &RoomName) {
        let Some(&index) = self.by_name.get(room) else { return };
        let connection = self.connection(slot);
        if let Ok(at) = connection.rooms.binary_search(&index) {
            connection.rooms.remove(at);
            self.unseat(index, slot);
        }
    }

    /// Collects one shard's page of rooms; with the last one the list goes out.
    fn gathered(
        &mut self,
        now: Time,
        slot: Slot,
        rooms: Vec<RoomView>,
        more: bool,
        out: &mut Vec<GatewayOutput>,
    ) {
        let Some(gathering) = &mut self.connection(slot).gathering else { return };
        gathering.rooms.extend(rooms);
        gathering.more |= more;
        gathering.missing -= 1;
        if gathering.missing > 0 {
            return;
        }
        let mut gathering = self.connection(slot).gathering.take().expect("checked above");
        gathering.rooms.sort_by(|a, b| a.room.cmp(&b.room));
        let more = gathering.more || gathering.rooms.len() > gathering.limit;
        gathering.rooms.truncate(gathering.limit);
        self.tell(now, slot, &Event::Rooms { id: gathering.id, rooms: &gathering.rooms, more }, out);
    }
}

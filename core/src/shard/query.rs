//! What changes nothing: questions, and what is only passed on.

use std::{collections::BTreeMap, ops::Bound};

use super::{
    State,
    effect::{Effect, Page, Push, Reply, RoomView},
    log::PageLimits,
    op::{Peer, Query, Signal},
    room::{Member, Room},
    turn::answer_to,
};
use crate::{
    config::ShardConfig,
    id::{Position, Seq},
    name::{RoomName, UserName},
    refusal::Refusal,
};

impl State {
    pub(super) fn answer(&self, config: &ShardConfig, query: &Query, effects: &mut Vec<Effect>) {
        let answer = match query {
            Query::Page { peer, room, from, messages_max, bytes_max } => {
                let limits = PageLimits { messages_max: *messages_max, bytes_max: *bytes_max };
                let page = self.page(peer, room, *from, limits).map_or(Reply::NoPage, Reply::Page);
                answer_to(peer, None, Some(room), Ok(page))
            }
            Query::Roster { peer, room } => {
                let roster = self.attended(peer, room).map_or(Reply::NoPage, |room| {
                    let members = room.views().take(config.roster_max as usize).collect();
                    Reply::Roster {
                        members,
                        count: room.count(),
                        bot: room.bot_apart(config),
                        tasks: room.tasks.all(),
                    }
                });
                answer_to(peer, None, Some(room), Ok(roster))
            }
            Query::History { peer, id, room, before, messages_max, bytes_max } => {
                let limits = PageLimits { messages_max: *messages_max, bytes_max: *bytes_max };
                answer_to(peer, *id, Some(room), self.history(peer, room, *before, limits))
            }
            Query::Members { peer, id, room, after, limit } => {
                answer_to(peer, *id, Some(room), self.members(peer, room, after.as_ref(), *limit))
            }
            Query::Rooms { peer, id, after, limit } => {
                answer_to(peer, *id, None, Ok(self.rooms(peer, after.as_ref(), *limit)))
            }
        };
        effects.push(answer);
    }

    pub(super) fn signal(&self, signal: &Signal, effects: &mut Vec<Effect>) {
        let Signal::Typing { peer, room, on } = signal;
        // Its session may have gone on with another connection before the end was heard of here.
        let ended = || self.rooms.get(room).filter(|room| !on && room.has_seat(peer));
        if let Some(room) = self.attended(peer, room).ok().or_else(ended) {
            room.push(effects, Push::Typing { user: peer.user.clone(), on: *on });
            if planted!(TypingStaysOnItsNode) {
                effects.retain(|effect| effect.to == peer.gateway);
            }
        }
    }

    /// The room, if the peer has taken its seat there on this connection.
    fn attended(&self, peer: &Peer, name: &RoomName) -> Result<&Room, Refusal> {
        let room = self.rooms.get(name).ok_or(Refusal::UnknownRoom)?;
        if planted!(MembershipNotChecked, true, room.is_attended_by(peer)) {
            Ok(room)
        } else {
            Err(Refusal::NotMember)
        }
    }

    /// The room, if the peer attends it or may visit it.
    fn readable(&self, peer: &Peer, name: &RoomName) -> Result<&Room, Refusal> {
        match self.rooms.get(name) {
            Some(room) if room.admits(peer) => Ok(room),
            _ => self.attended(peer, name),
        }
    }

    fn page(&self, peer: &Peer, room: &RoomName, from: Position, limits: PageLimits) -> Option<Page> {
        let log = &self.attended(peer, room).ok()?.log;
        let head = log.head();
        let messages = || log.page_from(from.seq, limits);
        (head.epoch == from.epoch).then(|| Page { from: from.seq, head, messages: messages() })
    }

    fn history(
        &self,
        peer: &Peer,
        room: &RoomName,
        before: Option<Seq>,
        limits: PageLimits,
    ) -> Result<Reply, Refusal> {
        let log = &self.readable(peer, room)?.log;
        let (messages, more) = log.page_before(before, limits);
        Ok(Reply::History { epoch: log.head().epoch, messages, more })
    }

    fn members(
        &self,
        peer: &Peer,
        room: &RoomName,
        after: Option<&UserName>,
        limit: u32,
    ) -> Result<Reply, Refusal> {
        let room = self.readable(peer, room)?;
        let view = |user: &UserName, member: &Member| Some(member.view(user));
        let (members, more) = page_of_names(&room.members, after, limit, view);
        Ok(Reply::Members { members, count: room.count(), more })
    }

    /// Private rooms are listed for those whom they let in.
    fn rooms(&self, peer: &Peer, after: Option<&RoomName>, limit: u32) -> Reply {
        let count = |room: &Room| planted!(RoomsCountOthers, room.count().saturating_sub(1), room.count());
        let view = |name: &RoomName, room: &Room| {
            planted!(PrivateRoomListed, true, room.lets_in(peer))
                .then(|| RoomView { room: name.clone(), members: count(room) })
        };
        let (rooms, more) = page_of_names(&self.rooms, after, limit, view);
        Reply::Rooms { rooms, more }
    }
}

/// At most `limit` of the entries after a name that are to be seen, and whether there are more.
fn page_of_names<Name: Ord, Value, View>(
    map: &BTreeMap<Name, Value>,
    after: Option<&Name>,
    limit: u32,
    view: impl Fn(&Name, &Value) -> Option<View>,
) -> (Vec<View>, bool) {
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = map.range((start, Bound::Unbounded)).filter_map(|(name, value)| view(name, value));
    let views = rest.by_ref().take(limit as usize).collect();
    (views, rest.next().is_some())
}

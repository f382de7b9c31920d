//! How sessions enter rooms and leave them.

use super::{
    State,
    access::Access,
    bot::Absence,
    effect::{Joined, Reply},
    op::Peer,
    room::{Arrival, Room},
    turn::Turn,
};
use crate::{
    config::{RoomCreation, ShardConfig},
    id::{Generation, Position, RequestId},
    name::{LOBBY, RoomName, UserName},
    refusal::Refusal,
    role::{Act, Role, may},
};

/// What somebody who comes in wants to be shown of what was said before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// What follows this.
    pub(super) since: Option<Position>,
    /// So many messages, if there is nothing to go on from.
    pub(super) history: u32,
    /// A bot goes on from where it was.
    pub(super) backlog: bool,
}

impl State {
    pub(super) fn join(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        wish: Wish,
    ) {
        if let Err(refusal) = self.admit(turn, peer).and_then(|()| self.may_join(turn.config, peer, name)) {
            return turn.refuse(peer, id, name, refusal);
        }
        let session = self.sessions.known_mut(peer.session);
        session.rooms.insert(name.clone());
        let known_since = planted!(RoomsForgetSessions, peer.generation, session.known_since);
        let known_since = planted!(ForgottenSessionCalledKnown, Generation(1), known_since);
        if !self.rooms.contains_key(name) {
            self.make_room(turn, peer, name, false);
        }
        let room = self.room_mut(name);
        room.settle_owner(turn.config, peer);
        let arrival = room.take_seat(turn, peer);
        let cursor = || room.cursor_of(&peer.user).filter(|_| wish.backlog);
        let since = wish.since.or_else(cursor);
        let rejoined = arrival != Arrival::Member;
        let joined = Joined { rejoined, known_since, ..room.joined(turn.config, since, wish.history) };
        let roster = joined.roster.clone();
        turn.grant(peer, id, name, Reply::Joined(joined));
        room.announce(turn, peer.user.clone(), arrival, roster);
        room.bot_came(turn, &peer.user, arrival);
    }

    /// Checks every limit before anything changes.
    fn may_join(&self, config: &ShardConfig, peer: &Peer, name: &RoomName) -> Result<(), Refusal> {
        if planted!(VisitorsStay, false, peer.visitor) {
            return Err(Refusal::PermissionDenied);
        }
        let room = self.rooms.get(name);
        if room.is_some_and(|room| room.has_seat(peer)) {
            return Ok(());
        }
        if room.is_none() {
            self.may_find_room_made(config, peer, name)?;
        }
        if planted!(PrivateRoomOpen, false, room.is_some_and(|room| !room.lets_in(peer))) {
            return Err(Refusal::PermissionDenied);
        }
        let rooms = self.sessions.get(peer.session).map_or(0, |session| session.rooms.len());
        let rooms_max = config.rooms_per_session_max as usize;
        if rooms >= planted!(RoomsPerSessionOneTooMany, rooms_max + 1, rooms_max) {
            return Err(Refusal::TooManyRooms);
        }
        let is_member = room.is_some_and(|room| room.members.contains_key(&peer.user));
        let members = room.map_or(0, Room::count);
        if !is_member
            && config.room_members_max.is_some_and(|max| members >= planted!(RoomFullTooEarly, max - 1, max))
        {
            return Err(Refusal::RoomFull);
        }
        Ok(())
    }

    /// A bot that nobody has met yet gets its room with the first visit, as it would with the first member: there it finds
    /// what was said before it came (S3.8, S3.30).
    pub(super) fn receive_visit(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        name: &RoomName,
    ) -> Result<(), Refusal> {
        let is_bots = name.bot().is_some_and(|bot| UserName::new(bot).is_ok());
        if peer.visitor && is_bots && !self.rooms.contains_key(name) {
            self.may_find_room_made(turn.config, peer, name)?;
            self.make_room(turn, peer, name, false);
        }
        Ok(())
    }

    /// Whether somebody may make the room who wants to be in it, and has not asked for it to be made.
    fn may_find_room_made(&self, config: &ShardConfig, peer: &Peer, name: &RoomName) -> Result<(), Refusal> {
        self.may_make_room(config, peer, name).map_err(|refusal| match refusal {
            Refusal::Full | Refusal::TooManyRooms => refusal,
            _ => Refusal::UnknownRoom,
        })
    }

    fn may_make_room(&self, config: &ShardConfig, peer: &Peer, name: &RoomName) -> Result<(), Refusal> {
        // The room that everybody is in must be there for whoever comes first: its place is kept.
        if name.as_str() == LOBBY {
            return Ok(());
        }
        let is_own = name.bot() == Some(peer.user.as_str());
        if !is_own && !may(peer.role, false, Act::Create) {
            return Err(Refusal::PermissionDenied);
        }
        if config.room_creation == RoomCreation::Admin && peer.role != Role::Admin {
            return Err(Refusal::RoomsClosed);
        }
        let rooms = planted!(MakersUnlimited, 0, self.makers.of(&peer.user));
        if rooms >= config.rooms_per_user_max as usize {
            return Err(Refusal::TooManyRooms);
        }
        if self.makers.len() + 1 >= config.rooms_max as usize { Err(Refusal::Full) } else { Ok(()) }
    }

    /// Makes a room, which counts for its maker for as long as it is there, whoever owns it later. A bot's own room counts
    /// for the bot: it can make no other.
    fn make_room(&mut self, turn: &mut Turn<'_>, peer: &Peer, name: &RoomName, private: bool) {
        let epoch = turn.epoch_for(name);
        let access = Access::of_maker(turn.config, peer, name, private);
        let maker = (name.as_str() != LOBBY).then(|| peer.user.clone());
        if let Some(maker) = &maker {
            self.makers.made(maker.clone());
        }
        let room = Room::new(turn, name.clone(), epoch, maker, access);
        self.rooms.insert(name.clone(), room);
    }

    /// A room has been empty for long enough.
    pub(super) fn drop_room(&mut self, name: &RoomName) {
        let room = self.rooms.remove(name).expect("a room is dropped once");
        if let Some(maker) = room.maker() {
            self.makers.dropped(maker);
        }
    }

    pub(super) fn leave(&mut self, turn: &mut Turn<'_>, peer: &Peer, id: Option<RequestId>, name: &RoomName) {
        if let Err(refusal) = self.admit(turn, peer).and_then(|()| self.may_leave(peer, name)) {
            return turn.refuse(peer, id, name, refusal);
        }
        self.sessions.known_mut(peer.session).rooms.remove(name);
        let room = self.room_mut(name);
        let ended = room.remove_seat(turn, &peer.user, peer.session);
        turn.grant(peer, id, name, Reply::Left(room.log.head()));
        if let Some(seen) = ended {
            room.announce_left(turn, peer.user.clone(), seen);
            room.bot_went(turn, &peer.user, Absence::Clean);
        }
    }

    fn may_leave(&self, peer: &Peer, name: &RoomName) -> Result<(), Refusal> {
        let room = self.rooms.get(name).ok_or(Refusal::UnknownRoom)?;
        if room.has_seat(peer) { Ok(()) } else { Err(Refusal::NotMember) }
    }

    pub(super) fn create(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        private: bool,
    ) {
        let config = turn.config;
        if let Err(refusal) =
            self.admit(turn, peer).and_then(|()| self.may_create(config, peer, name, private))
        {
            return turn.refuse(peer, id, name, refusal);
        }
        self.make_room(turn, peer, name, private);
        let head = self.room_mut(name).log.head();
        turn.grant(peer, id, name, Reply::Created(head));
    }

    fn may_create(
        &self,
        config: &ShardConfig,
        peer: &Peer,
        name: &RoomName,
        private: bool,
    ) -> Result<(), Refusal> {
        if self.rooms.contains_key(name) {
            return Err(Refusal::RoomExists);
        }
        // Where it is known who is who, nobody keeps others from a bot that is not theirs.
        let is_anothers = name.bot().is_some_and(|bot| bot != peer.user.as_str());
        if private && is_anothers && config.verify_tokens && peer.role != Role::Admin {
            return Err(Refusal::PermissionDenied);
        }
        self.may_make_room(config, peer, name)
    }
}

impl Room {
    /// All but what is the session's.
    fn joined(&self, config: &ShardConfig, since: Option<Position>, history: u32) -> Joined {
        let (verdict, next) = self.log.resume(since, history);
        // Like the names, the statuses of large rooms come in pages.
        let listed = || if self.is_large(config) { None } else { Some(&self.members) }.into_iter().flatten();
        let offline = listed()
            .filter(|_| !planted!(AbsentNotToldToNewcomers))
            .filter_map(|(user, member)| Some((user.clone(), member.away()?)))
            .collect();
        Joined {
            head: self.log.head(),
            next,
            verdict,
            rejoined: false,
            known_since: Generation(0),
            roster: self.roster(config),
            offline,
            statuses: listed()
                .filter(|_| !planted!(StatusNotToldToNewcomers))
                .filter_map(|(user, member)| Some((user.clone(), member.status.as_deref()?.clone())))
                .chain(self.bot_apart(config))
                .collect(),
            tasks: planted!(TasksNotToldToNewcomers, Vec::new(), self.tasks.all()),
        }
    }
}

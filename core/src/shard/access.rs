//! Whose a room is, whom it lets in, and who is sent away.

use std::{collections::BTreeSet, mem};

use serde::{Deserialize, Serialize};

use super::{
    State,
    bot::Absence,
    effect::{Effect, Reply, ShardEvent},
    op::Peer,
    room::Room,
    turn::Turn,
};
use crate::{
    config::ShardConfig,
    id::RequestId,
    name::{LOBBY, RoomName, UserName},
    refusal::Refusal,
    role::{Act, Role, may},
    time::Time,
};

/// Whose a room is, and whom it lets in. It lasts as long as the room.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Access {
    owner: Option<UserName>,
    /// Whom a private room lets in beside its owner, its bot and admins. An open one lets everybody in.
    invited: Option<BTreeSet<UserName>>,
}

impl Access {
    /// Of a room that a user makes. The lobby is nobody's, and a bot does not own itself: its token may say whose it is.
    /// Where tokens are verified, nothing else does.
    pub(super) fn of_maker(config: &ShardConfig, peer: &Peer, name: &RoomName, private: bool) -> Self {
        let owner = match name.bot() {
            _ if name.as_str() == LOBBY => None,
            Some(bot) if bot == peer.user.as_str() => owner_by_token(peer),
            Some(_) if config.verify_tokens => None,
            _ => Some(peer.user.clone()),
        };
        // The lobby is open to all: some dialects have no other room.
        let is_private = private && name.as_str() != LOBBY;
        Self { owner, invited: is_private.then(BTreeSet::new) }
    }

    /// How many are invited.
    pub(super) fn len(&self) -> usize {
        self.invited.as_ref().map_or(0, BTreeSet::len)
    }
}

/// Whose bot somebody is, as their token says. Nobody is their own.
fn owner_by_token(peer: &Peer) -> Option<UserName> {
    peer.owner.clone().filter(|owner| *owner != peer.user)
}

impl Room {
    /// A bot comes in: its token says whose it is, whoever made its room. What another owner said of who may come in is
    /// over then.
    pub(super) fn settle_owner(&mut self, config: &ShardConfig, peer: &Peer) {
        let owner = owner_by_token(peer);
        if !self.is_home_of(&peer.user) || owner.is_none() || owner == self.access.owner {
            return;
        }
        let before = mem::replace(&mut self.access.owner, owner);
        match &mut self.access.invited {
            _ if before.is_none() => {}
            // The bot itself or an admin has closed it, for nobody else may: it stays closed.
            Some(invited) if config.verify_tokens => invited.clear(),
            invited => *invited = None,
        }
    }

    /// Whether it is the room of this very bot.
    pub(super) fn is_home_of(&self, user: &UserName) -> bool {
        self.name().bot() == Some(user.as_str())
    }

    pub(super) fn is_owned_by(&self, user: &UserName) -> bool {
        self.access.owner.as_ref() == Some(user)
    }

    /// Whether the table lets somebody do this here.
    pub(super) fn allows(&self, peer: &Peer, act: Act) -> bool {
        may(peer.role, self.is_owned_by(&peer.user), act)
    }

    /// Whether somebody may come in.
    pub(super) fn lets_in(&self, peer: &Peer) -> bool {
        let Some(invited) = &self.access.invited else { return true };
        match peer.role {
            Role::Admin => true,
            Role::Guest => false,
            Role::Member | Role::Bot => {
                self.is_owned_by(&peer.user) || self.is_home_of(&peer.user) || invited.contains(&peer.user)
            }
        }
    }

    /// Whether somebody who only visits may speak and read here: a member by another session, the owner, an admin, and
    /// in the room of a bot whoever may come in.
    pub(super) fn admits(&self, peer: &Peer) -> bool {
        let belongs = planted!(MembersVisitInVain, false, self.members.contains_key(&peer.user))
            || peer.role == Role::Admin
            || self.is_owned_by(&peer.user)
            || self.name().bot().is_some() && self.lets_in(peer);
        peer.visitor && planted!(VisitorsReadAll, true, belongs)
    }

    fn invite(&mut self, user: &UserName, max: u32) -> Result<(), Refusal> {
        let Some(invited) = &mut self.access.invited else { return Ok(()) };
        let is_full = planted!(InvitationsUnbounded, false, invited.len() >= max as usize);
        if is_full && !invited.contains(user) {
            return Err(Refusal::Full);
        }
        if !planted!(InvitationLost) {
            invited.insert(user.clone());
        }
        Ok(())
    }

    fn take_invitation_back(&mut self, user: &UserName) {
        if let Some(invited) = &mut self.access.invited {
            invited.remove(user);
        }
    }
}

impl State {
    /// Lets somebody into a private room. Into an open one they may come as it is.
    pub(super) fn invite(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        user: &UserName,
    ) {
        let invited_max = turn.config.invited_max;
        let invited = self
            .admit(turn, peer)
            .and_then(|()| self.governed(peer, name, Act::Kick))
            .and_then(|room| room.invite(user, invited_max));
        match invited {
            Ok(()) => turn.grant(peer, id, name, Reply::Noted),
            Err(refusal) => turn.refuse(peer, id, name, refusal),
        }
    }

    /// Sends a user away, on whatever connections they are. That they are not there, or not any more, is no fault.
    pub(super) fn kick(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        user: &UserName,
    ) {
        let admitted = self.admit(turn, peer).and_then(|()| self.governed(peer, name, Act::Kick));
        match admitted {
            Ok(room) => planted!(KickLeavesInvitation, (), room.take_invitation_back(user)),
            Err(refusal) => return turn.refuse(peer, id, name, refusal),
        }
        let ended = self.unseat_all(turn, name, user);
        turn.grant(peer, id, name, Reply::Noted);
        if let Some(seen) = ended {
            let room = self.room_mut(name);
            room.announce_left(turn, user.clone(), seen);
            room.bot_went(turn, user, Absence::Clean);
        }
    }

    /// Takes all seats of a user away and tells their connections. When the user was last there, if there were any.
    fn unseat_all(&mut self, turn: &mut Turn<'_>, name: &RoomName, user: &UserName) -> Option<Time> {
        let Self { sessions, rooms, .. } = self;
        let room = rooms.get_mut(name).expect("whoever calls has looked");
        let mut ended = None;
        let most = planted!(KickTakesOneSeat, 1, usize::MAX);
        for (session, address) in room.seats_of(user).into_iter().take(most) {
            sessions.known_mut(session).rooms.remove(name);
            ended = room.remove_seat(turn, user, session);
            if let Some(address) = address {
                let (connection, position) = (address.connection, room.log.head());
                let event = ShardEvent::Kicked { connection, room: name.clone(), position };
                turn.effects.push(Effect { to: address.gateway, event });
            }
        }
        ended
    }

    /// The room, if somebody may do this there.
    pub(super) fn governed(&mut self, peer: &Peer, name: &RoomName, act: Act) -> Result<&mut Room, Refusal> {
        let room = self.rooms.get_mut(name).ok_or(Refusal::UnknownRoom)?;
        if planted!(AnybodyRules, true, room.allows(peer, act)) {
            Ok(room)
        } else {
            Err(Refusal::PermissionDenied)
        }
    }
}

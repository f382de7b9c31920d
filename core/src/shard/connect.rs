//! How connections get sessions and lose them: attach, resume, take-over, detach, expiry.

use std::mem;

use serde::{Deserialize, Serialize};

use super::{
    State,
    answers::Answers,
    bot::Absence,
    deadlines::Due,
    effect::{Effect, ShardEvent},
    op::{Keep, Limiters, Peer, Resume},
    session::{Address, Claim, Link, Session},
    turn::Turn,
};
use crate::{
    id::{GatewayId, Generation, SessionId},
    name::UserName,
    refusal::Refusal,
    role::Role,
    secret::SecretHash,
};

/// A connection that wants a session, and the hash of the secret it will be shown.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Newcomer {
    pub(super) address: Address,
    pub(super) secret: SecretHash,
    /// It wants the one session of its kind that the user has.
    pub(super) sole: bool,
    /// Its session counts for none of its user's.
    pub(super) resident: bool,
}

impl State {
    pub(super) fn attach(
        &mut self,
        turn: &mut Turn<'_>,
        newcomer: Newcomer,
        user: &UserName,
        fresh: SessionId,
        resume: Option<Resume>,
    ) {
        let claim = match resume {
            Some(resume) => self.sessions.claim(user, resume),
            None if newcomer.sole => self.sessions.sole_of(user).map(Claim::Granted),
            None => None,
        };
        match claim {
            Some(Claim::Granted(id)) => self.resume(turn, id, newcomer),
            Some(Claim::Outdated) => turn.refuse_attach(newcomer, Refusal::Replaced),
            None => self.open(turn, fresh, user, newcomer),
        }
    }

    fn open(&mut self, turn: &mut Turn<'_>, id: SessionId, user: &UserName, newcomer: Newcomer) {
        let sessions_max = turn.config.sessions_per_user_max as usize;
        let sessions_max = planted!(SessionsOneTooFew, sessions_max - 1, sessions_max);
        if !newcomer.resident && self.sessions.counted_of(user) >= sessions_max {
            return turn.refuse_attach(newcomer, Refusal::TooManySessions);
        }
        if self.sessions.len() >= turn.config.sessions_max as usize {
            return turn.refuse_attach(newcomer, Refusal::Full);
        }
        let limiters = self.spent.take_limiters(user);
        self.sessions.insert(id, Session::at_home(user.clone(), newcomer, limiters));
        self.hand_over(turn, id, newcomer);
    }

    fn resume(&mut self, turn: &mut Turn<'_>, id: SessionId, newcomer: Newcomer) {
        let session = self.sessions.known_mut(id);
        if session.is_at(newcomer.address) || session.is_awaited_by(newcomer.address) {
            return turn.refuse_attach(newcomer, Refusal::AlreadyAttached);
        }
        if planted!(TakeOverLeavesOldSocket, matches!(session.link, Link::Attached(_)), false) {
            return self.hand_over(turn, id, newcomer);
        }
        match session.link {
            Link::Detached { until } => {
                turn.deadlines.cancel(until, Due::Session(id));
                self.hand_over(turn, id, newcomer);
            }
            Link::Attached(older) => {
                let home = session.home.as_mut().expect("sessions are claimed at home");
                let goes = match home.pending.replace(newcomer) {
                    Some(earlier) => {
                        turn.refuse_attach(earlier, Refusal::Replaced);
                        earlier.address
                    }
                    None => {
                        turn.take_over(older, id, session.generation);
                        older
                    }
                };
                home.displace(goes, turn.config.sessions_per_user_max as usize);
            }
        }
    }

    /// Gives the session, which has no other connection, to the newcomer.
    fn hand_over(&mut self, turn: &mut Turn<'_>, id: SessionId, newcomer: Newcomer) {
        let Newcomer { address: Address { gateway, connection }, secret, .. } = newcomer;
        let session = self.sessions.known_mut(id);
        session.generation.0 += 1;
        session.link = Link::Attached(newcomer.address);
        if planted!(AnswersLostOnResume) {
            session.answers = Answers::default();
        }
        let (generation, user) = (session.generation, session.user.clone());
        let quotas = self.spent.quotas(&user);
        let home = session.home.as_mut().expect("connections attach at home");
        home.fresh = secret;
        let event = ShardEvent::Attached {
            peer: Peer {
                gateway,
                connection,
                session: id,
                generation,
                user,
                role: Role::default(),
                owner: None,
                visitor: false,
            },
            resumed: generation > Generation(1),
            limiters: Limiters { quotas, ..home.limiters.clone() },
        };
        turn.effects.push(Effect { to: gateway, event });
    }

    pub(super) fn detach(&mut self, turn: &mut Turn<'_>, peer: &Peer, keep: Keep, mut limiters: Limiters) {
        let Some(id) = self.sessions.of_connection(peer) else { return };
        let session = self.sessions.known_mut(id);
        let is_pending = session.is_awaited_by(Address::from(peer));
        if let Some(home) = session.home.as_mut() {
            if is_pending {
                home.pending = None;
                return;
            }
            // Who went before it was attached was given no limiters to carry.
            if peer.generation == session.generation {
                home.was_attached(Address::from(peer));
                let used = mem::take(&mut limiters.quotas);
                home.limiters = limiters;
                self.spent.keep_quotas(turn, &peer.user, used);
            }
        }
        self.disconnect(turn, id, keep);
    }

    pub(super) fn gateway_down(&mut self, turn: &mut Turn<'_>, gateway: GatewayId) {
        for id in self.sessions.of_gateway(gateway) {
            let session = self.sessions.known_mut(id);
            if let Some(home) = session.home.as_mut() {
                home.pending = home.pending.filter(|newcomer| newcomer.address.gateway != gateway);
                if let Link::Attached(address) = session.link
                    && address.gateway == gateway
                {
                    // It may have been; its client comes back by itself.
                    home.was_attached(address);
                }
            }
            if session.uses(gateway) {
                self.disconnect(turn, id, Keep::Window);
            }
        }
    }

    /// Takes the connection from a session that has one.
    fn disconnect(&mut self, turn: &mut Turn<'_>, id: SessionId, keep: Keep) {
        self.free_seats(turn, id);
        let session = self.sessions.known_mut(id);
        if let Some(newcomer) = session.home.as_mut().and_then(|home| home.pending.take()) {
            return self.hand_over(turn, id, newcomer);
        }
        if let Some(home) = session.home.as_mut() {
            turn.displaced(&mut home.displaced);
        }
        let keep = match keep {
            Keep::Nothing => return self.end(turn, id, Absence::Clean),
            // It has been resumed, so its client does have a secret; only its gateway could not know.
            Keep::Grace if session.generation > Generation(1) => Keep::Window,
            Keep::Grace | Keep::Window => keep,
        };
        let keep = planted!(SessionEndsWithGrace, Keep::Grace, keep);
        let until = turn.at + keep.span(turn.config) + session.slack();
        session.link = Link::Detached { until };
        turn.deadlines.set(until, Due::Session(id));
    }

    fn free_seats(&mut self, turn: &mut Turn<'_>, id: SessionId) {
        let Self { sessions, rooms, .. } = self;
        let session = sessions.known_mut(id);
        for name in session.rooms.iter() {
            rooms.get_mut(name).expect("rooms outlive seats").free_seat(turn, &session.user, id);
        }
    }

    /// Ends a session that has no connection: it leaves all its rooms.
    pub(super) fn end(&mut self, turn: &mut Turn<'_>, id: SessionId, absence: Absence) {
        let session = self.sessions.remove(id).expect("sessions end once");
        if let Some(home) = &session.home {
            self.spent.keep_limiters(turn, &session.user, home.limiters.clone());
        }
        if planted!(GhostMember) {
            return;
        }
        for name in session.rooms.iter() {
            let room = self.room_mut(name);
            if let Some(seen) = room.remove_seat(turn, &session.user, id) {
                planted!(MemberListStale, (), room.announce_left(turn, session.user.clone(), seen));
                room.bot_went(turn, &session.user, absence);
            }
        }
    }

    /// Lets a request pass if it comes from the live connection of its session.
    ///
    /// A shard that is not the session's home learns of sessions and of their newer connections here.
    ///
    /// # Errors
    /// [`Refusal::Replaced`] if there is a newer connection or the session is over; [`Refusal::Full`] if this is a
    /// session too many.
    pub(super) fn admit(&mut self, turn: &mut Turn<'_>, peer: &Peer) -> Result<(), Refusal> {
        let address = Address::from(peer);
        let known = self.sessions.get(peer.session);
        if planted!(LateLeaveUndoesJoin, known.is_some_and(|known| known.generation > peer.generation), false)
        {
            return Ok(());
        }
        match known {
            Some(session) if session.user != peer.user => Err(Refusal::Replaced),
            Some(session) if session.is_at(address) && session.generation == peer.generation => Ok(()),
            Some(session) if session.home.is_none() && session.generation < peer.generation => {
                self.follow(turn, peer);
                Ok(())
            }
            Some(_) => Err(Refusal::Replaced),
            // A user with sessions at home here has no others.
            None if !self.sessions.of_user(&peer.user).is_empty() => Err(Refusal::Replaced),
            None if self.sessions.len() >= turn.config.sessions_max as usize => Err(Refusal::Full),
            None => {
                let session = Session::visiting(peer.user.clone(), peer.generation, address);
                self.sessions.insert(peer.session, session);
                Ok(())
            }
        }
    }

    /// A session goes on with another connection; nothing is known of it here if it never spoke to this shard.
    pub(super) fn resumed_elsewhere(&mut self, turn: &mut Turn<'_>, peer: &Peer) {
        let known = self.sessions.get(peer.session);
        if known.is_some_and(|session| session.home.is_none() && session.generation < peer.generation) {
            self.follow(turn, peer);
        }
    }

    /// Moves a session to a newer connection, of which its home shard knows already.
    fn follow(&mut self, turn: &mut Turn<'_>, peer: &Peer) {
        self.free_seats(turn, peer.session);
        let session = self.sessions.known_mut(peer.session);
        if let Link::Detached { until } = session.link {
            turn.deadlines.cancel(until, Due::Session(peer.session));
        }
        session.link = Link::Attached(Address::from(peer));
        session.generation = peer.generation;
    }
}

impl Turn<'_> {
    fn refuse_attach(&mut self, newcomer: Newcomer, refusal: Refusal) {
        let Address { gateway, connection } = newcomer.address;
        self.effects.push(Effect { to: gateway, event: ShardEvent::AttachRefused { connection, refusal } });
    }

    /// Tells those who went for nobody.
    fn displaced(&mut self, who: &mut Vec<Address>) {
        self.effects.extend(who.drain(..).map(|Address { gateway, connection }| Effect {
            to: gateway,
            event: ShardEvent::Displaced { connection },
        }));
    }

    fn take_over(&mut self, older: Address, session: SessionId, generation: Generation) {
        let event = ShardEvent::TakenOver { connection: older.connection, session, generation };
        self.effects.push(Effect { to: older.gateway, event });
    }
}

//! The sessions a shard has heard from.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    answers::Answers,
    connect::Newcomer,
    op::{Limiters, Peer, Resume},
};
use crate::{
    few::{FewSet, grow},
    id::{ConnectionId, GatewayId, Generation, SessionId},
    name::{RoomName, UserName},
    secret::SecretHash,
    time::Time,
};

/// How much longer than the home shard the others keep a session: more than mail between threads ever takes.
const VISITOR_SLACK: Duration = Duration::from_secs(10);

/// Where a connection is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Address {
    pub(super) gateway: GatewayId,
    pub(super) connection: ConnectionId,
}

impl From<&Peer> for Address {
    fn from(peer: &Peer) -> Self {
        Self { gateway: peer.gateway, connection: peer.connection }
    }
}

/// Whether a session has a connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum Link {
    /// It has this one. Its seats are on this connection or on none.
    Attached(Address),
    /// It has none, and ends then.
    Detached { until: Time },
}

/// A user's stay, as far as this shard knows it.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Session {
    pub(super) user: UserName,
    pub(super) generation: Generation,
    /// The one in which this shard came to know it.
    pub(super) known_since: Generation,
    pub(super) link: Link,
    /// Rooms of this shard in which it has a seat.
    pub(super) rooms: FewSet<RoomName>,
    pub(super) answers: Answers,
    /// What only the user's home shard knows.
    pub(super) home: Option<Box<Home>>,
}

/// What the home shard of its user knows of a session.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Home {
    /// The secret the client is known to have.
    pub(super) active: SecretHash,
    /// The secret it was sent last, which it may or may not have received.
    pub(super) fresh: SecretHash,
    /// As the last connection left them. Quotas are the user's, and kept in the [`Ledger`](super::spent::Ledger).
    pub(super) limiters: Limiters,
    /// Its newest connection, as its client counts.
    pub(super) attempt: u64,
    /// Waits for the older connection to hand over. Only while there is one.
    pub(super) pending: Option<Newcomer>,
    /// The user's newest connection of this kind has it.
    pub(super) sole: bool,
    /// It counts for none of its user's.
    resident: bool,
    /// Connections that went, or were refused, for newer ones of which none is known to have been attached.
    pub(super) displaced: Vec<Address>,
}

impl Home {
    /// A connection goes for a newer one. `max` connections are remembered: those that went last.
    pub(super) fn displace(&mut self, address: Address, max: usize) {
        if self.sole {
            self.displaced.push(address);
            if self.displaced.len() > max {
                self.displaced.remove(0);
            }
        }
    }

    /// A connection was attached: those who went before it did so for somebody.
    pub(super) fn was_attached(&mut self, address: Address) {
        let before = self.displaced.iter().position(|displaced| *displaced == address);
        self.displaced.drain(..before.unwrap_or(self.displaced.len()));
    }
}

impl Session {
    /// A session that this shard is about to attach.
    pub(super) fn at_home(user: UserName, newcomer: Newcomer, limiters: Limiters) -> Self {
        let Newcomer { address, secret, sole, resident } = newcomer;
        let home = Home {
            active: secret,
            fresh: secret,
            limiters,
            attempt: 0,
            pending: None,
            sole,
            resident,
            displaced: Vec::new(),
        };
        let mut session = Self::visiting(user, Generation(0), address);
        (session.home, session.known_since) = (Some(Box::new(home)), Generation(1));
        session
    }

    /// A session whose home is elsewhere.
    pub(super) fn visiting(user: UserName, generation: Generation, address: Address) -> Self {
        Self {
            user,
            generation,
            known_since: generation,
            link: Link::Attached(address),
            rooms: FewSet::new(),
            answers: Answers::default(),
            home: None,
        }
    }

    /// How much longer than its window it is kept: the home shard decides whether it is resumed in time, and the others may
    /// hear of it a little later.
    pub(super) const fn slack(&self) -> Duration {
        if self.home.is_some() { Duration::ZERO } else { VISITOR_SLACK }
    }

    /// The connection that waits to take it over.
    pub(super) fn pending(&self) -> Option<Newcomer> {
        self.home.as_ref()?.pending
    }

    /// Whether it is attached to this connection.
    pub(super) fn is_at(&self, address: Address) -> bool {
        self.link == Link::Attached(address)
    }

    /// Whether this connection waits to take it over.
    pub(super) fn is_awaited_by(&self, address: Address) -> bool {
        self.pending().is_some_and(|newcomer| newcomer.address == address)
    }

    /// Whether any of its connections is on this gateway.
    pub(super) fn uses(&self, gateway: GatewayId) -> bool {
        let attached = matches!(self.link, Link::Attached(address) if address.gateway == gateway);
        attached || self.pending().is_some_and(|newcomer| newcomer.address.gateway == gateway)
    }
}

/// What comes of a request to go on with a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Claim {
    /// It may.
    Granted(SessionId),
    /// Its client has had a newer connection since.
    Outdated,
}

/// All sessions, and which of them are whose.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Sessions {
    records: BTreeMap<SessionId, Session>,
    /// The sessions that are at home here, by user.
    at_home: BTreeMap<UserName, Vec<SessionId>>,
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Users who have sessions that are at home here.
    pub(super) fn users(&self) -> usize {
        self.at_home.len()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Session> {
        self.records.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = (SessionId, &mut Session)> {
        self.records.iter_mut().map(|(id, session)| (*id, session))
    }

    /// Most sessions that a user has here, of those that count.
    pub(super) fn most_of_user(&self) -> usize {
        self.at_home.keys().map(|user| self.counted_of(user)).max().unwrap_or(0)
    }

    /// How many sessions of a user are at home here, but for those of the program that embeds the server.
    pub(super) fn counted_of(&self, user: &UserName) -> usize {
        let is_resident = |session: &Session| session.home.as_ref().is_some_and(|home| home.resident);
        self.of_user(user).iter().filter(|id| !self.records.get(id).is_some_and(is_resident)).count()
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.records.get(&id)
    }

    /// A session that is known to be there.
    pub(super) fn known_mut(&mut self, id: SessionId) -> &mut Session {
        self.records.get_mut(&id).expect("looked up before")
    }

    /// The sessions of a user that are at home here.
    pub(super) fn of_user(&self, user: &UserName) -> &[SessionId] {
        self.at_home.get(user).map_or(&[], Vec::as_slice)
    }

    pub(super) fn insert(&mut self, id: SessionId, session: Session) {
        if session.home.is_some() {
            let siblings = self.at_home.entry(session.user.clone()).or_default();
            grow(siblings);
            siblings.push(id);
        }
        let earlier = self.records.insert(id, session);
        assert!(earlier.is_none(), "session ids are not used twice");
    }

    /// Takes a session out, if it is there.
    pub(super) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.records.remove(&id)?;
        if let Some(siblings) = self.at_home.get_mut(&session.user) {
            siblings.retain(|&sibling| sibling != id);
            if siblings.is_empty() && !planted!(UsersNeverForgotten) {
                self.at_home.remove(&session.user);
            }
        }
        Some(session)
    }

    /// The session that `resume` proves to be the user's.
    ///
    /// The secret sent last becomes the only valid one as soon as it is shown: until then the client may not have it.
    pub(super) fn claim(&mut self, user: &UserName, resume: Resume) -> Option<Claim> {
        let session = self.records.get_mut(&resume.session).filter(|session| session.user == *user)?;
        let home = session.home.as_mut()?;
        let is_fresh = resume.secret == home.fresh;
        if is_fresh && !planted!(OldSecretStaysGood) {
            home.active = home.fresh;
        }
        let is_wrong = resume.secret != home.active && !planted!(OldSecretStaysGood, is_fresh, false);
        if planted!(GuessedSecretAccepted, false, is_wrong) {
            return None;
        }
        if planted!(StaleAttachTakesOver, false, resume.attempt < home.attempt) {
            return Some(Claim::Outdated);
        }
        home.attempt = resume.attempt;
        Some(Claim::Granted(resume.session))
    }

    /// The user's session that needs no secret.
    pub(super) fn sole_of(&self, user: &UserName) -> Option<SessionId> {
        let is_sole = |session: &Session| session.home.as_ref().is_some_and(|home| home.sole);
        self.of_user(user).iter().find(|id| self.records.get(id).is_some_and(is_sole)).copied()
    }

    /// The session to which a connection is attached, or which it waits for.
    ///
    /// A gateway whose connection goes before the shard has answered does not know which session that will be, so
    /// the session it names is only the first to look at.
    pub(super) fn of_connection(&self, peer: &Peer) -> Option<SessionId> {
        let address = Address::from(peer);
        let mut candidates = std::iter::once(&peer.session).chain(self.of_user(&peer.user));
        let is_at = |session: &Session| {
            planted!(LateLeaveUndoesJoin, matches!(session.link, Link::Attached(_)), session.is_at(address))
        };
        let concerns = |session: &Session| is_at(session) || session.is_awaited_by(address);
        candidates.find(|id| self.records.get(id).is_some_and(concerns)).copied()
    }

    /// The gateways to which sessions are attached.
    pub(super) fn gateways(&self) -> BTreeSet<GatewayId> {
        let attached = self.records.values().filter_map(|session| match session.link {
            Link::Attached(address) => Some(address.gateway),
            Link::Detached { .. } => None,
        });
        attached.collect()
    }

    /// All there are.
    pub(super) fn ids(&self) -> Vec<SessionId> {
        self.records.keys().copied().collect()
    }

    /// The sessions that have a connection on a gateway.
    pub(super) fn of_gateway(&self, gateway: GatewayId) -> Vec<SessionId> {
        self.records.iter().filter(|(_, session)| session.uses(gateway)).map(|(id, _)| *id).collect()
    }
}

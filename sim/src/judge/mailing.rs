//! What nodes send each other: what is pushed goes where somebody reads it, and what is said again only now and then.

use std::collections::BTreeMap;

use chinwag_core::{
    ConnectionId, RoomName, Time,
    shard::{Op, Peer, Push, ShardEvent, Signal},
};
use chinwag_journal::Mail;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        glance::Wish,
    },
    world::World,
};

/// What nodes have lately sent each other.
#[derive(Debug, Default)]
pub(crate) struct Mailing {
    /// By connection and room: when it was last passed on, by the server's clock, that its user writes.
    typing: BTreeMap<(ConnectionId, RoomName), Time>,
    /// By node: when the last line ended there.
    pub(crate) ended: BTreeMap<usize, Time>,
}

impl Mailing {
    /// A plain client says something, which may be that it comes into a room: it may be told of at once.
    pub(crate) fn forgets(&mut self, connection: ConnectionId) {
        self.typing.retain(|(its, _), _| *its != connection);
    }
}

impl World<'_> {
    /// A node sends another one something.
    pub(crate) fn check_mail(&mut self, to: usize, mail: &Mail) -> Result<(), Broken> {
        match mail {
            Mail::Event(_, ShardEvent::Push { push: Push::Message { .. }, .. }) => Ok(()),
            Mail::Event(_, ShardEvent::Push { room, .. }) => self.check_push(to, room),
            Mail::Submit(_, Op::Join { peer, .. } | Op::Leave { peer, .. } | Op::Publish { peer, .. }) => {
                self.check_role(peer)
            }
            Mail::Signal(_, Signal::Typing { peer, room, on }) => {
                self.check_signal(peer.connection, room, *on)
            }
            _ => Ok(()),
        }
    }

    /// To shards a user has the role that the last good token on their connection gives them.
    fn check_role(&mut self, peer: &Peer) -> Result<(), Broken> {
        let role = self.life.lines.get(&peer.connection).and_then(|line| line.role);
        let Some(role) = role else { return Ok(()) };
        self.checked(checks::TOKEN);
        if peer.role == role {
            return Ok(());
        }
        let (id, user, says) = (peer.connection, &peer.user, peer.role);
        broken(checks::TOKEN, format!("{id} speaks for {user} as {says:?}, and its token says {role:?}"))
    }

    /// Nothing is pushed to a node that has had no connection for long.
    fn check_push(&mut self, to: usize, room: &RoomName) -> Result<(), Broken> {
        self.checked(checks::MAIL);
        let (now, life) = (self.now, &self.life);
        let is_there = |(id, _): (&ConnectionId, _)| self.links.get(*id).is_some_and(|link| link.node == to);
        let ended = self.mailing.ended.get(&to).copied().unwrap_or_default();
        if life.lines.iter().any(is_there) || life.upset.max(ended) + life.delay() >= now {
            return Ok(());
        }
        broken(checks::MAIL, format!("n{to} is sent what happens in {room}, and nobody is there"))
    }

    /// Whoever comes in may be told of at once, whatever they said before.
    pub(crate) fn join_arrives(&mut self, connection: ConnectionId, text: &str) {
        let rooms = self.scenario.setup.rooms as usize;
        let room = Wish::at(text).and_then(|wish| wish.room).map(|room| room.place(rooms));
        if let Some(room) = room.filter(|&room| room < self.scenario.setup.places()) {
            let room = self.judge.room(room).clone();
            self.mailing.typing.remove(&(connection, room));
        }
    }

    /// Nobody is told again within half the time after which it is forgotten.
    fn check_signal(&mut self, connection: ConnectionId, room: &RoomName, on: bool) -> Result<(), Broken> {
        self.checked(checks::MAIL);
        let (key, shows) = ((connection, room.clone()), self.server.clock.shows(self.now));
        let earlier =
            if on { self.mailing.typing.insert(key, shows) } else { self.mailing.typing.remove(&key) };
        let again = earlier.filter(|_| on).map(|earlier| shows.since(earlier));
        if again.is_some_and(|again| again < self.scenario.setup.gateway.typing_ttl / 2) {
            let sentence = format!("{connection} writes in {room}, which is said again after {again:?}");
            return broken(checks::MAIL, sentence);
        }
        Ok(())
    }
}

//! A shard with a driver's duties done for it: indices, time, fresh ids.

use std::{sync::Arc, time::Duration};

use crate::{
    config::ShardConfig,
    id::{ConnectionId, GatewayId, Generation, Position, RequestId, SessionId},
    name::{RoomName, UserName},
    refusal::Refusal,
    role::Role,
    secret::Secrets,
    shard::{
        Effect, Entry, Extra, Joined, Keep, Limiters, Op, Peer, Push, Query, Reply, Resume, Roster, Shard,
        ShardEvent,
    },
    time::Time,
};

/// Two gateways.
pub(super) const WEST: GatewayId = GatewayId(1);
pub(super) const EAST: GatewayId = GatewayId(2);

/// A shard, and what its last entry (or all of a wait) led to.
pub(super) struct Kit {
    pub(super) shard: Shard,
    pub(super) now: Time,
    pub(super) effects: Vec<Effect>,
    secrets: Secrets,
    connections: u64,
}

/// A connection that has attached, and what its client needs to resume.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    pub(super) peer: Peer,
    pub(super) resume: Resume,
}

/// What came of an attach.
#[derive(Debug)]
pub(super) enum Attach {
    Done {
        guest: Guest,
        resumed: bool,
        limiters: Limiters,
    },
    Refused(Refusal),
    /// For an older connection to go. The peer is as its gateway names it until then.
    Waits(Peer),
}

impl Kit {
    pub(super) fn new() -> Self {
        Self::with(ShardConfig::default())
    }

    pub(super) fn with(config: ShardConfig) -> Self {
        let mut kit = Self {
            shard: Shard::new(),
            now: Time(1_700_000_000_000_000),
            effects: vec![],
            secrets: Secrets::new([7; 32]),
            connections: 0,
        };
        kit.apply(Op::Genesis { config, incarnation: 42 });
        kit
    }

    pub(super) fn apply(&mut self, op: Op) {
        self.effects.clear();
        self.append(op);
    }

    fn append(&mut self, op: Op) {
        let entry = Entry { index: self.shard.applied() + 1, at: self.now, op };
        self.shard.apply(&entry, &mut self.effects);
    }

    /// Lets time pass and expires what becomes due on the way, each at its instant.
    pub(super) fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        self.effects.clear();
        while let Some(due) = self.shard.poll_timeout().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.append(Op::Expire);
        }
        self.now = end;
    }

    pub(super) fn attach(&mut self, name: &str) -> Guest {
        self.attach_at(WEST, name)
    }

    pub(super) fn attach_at(&mut self, gateway: GatewayId, name: &str) -> Guest {
        match self.try_attach(gateway, name, None) {
            Attach::Done { guest, .. } => guest,
            other => panic!("{name} is not attached: {other:?}"),
        }
    }

    /// Resumes a session on a new connection to the west.
    pub(super) fn resume(&mut self, guest: &Guest) -> Guest {
        match self.try_attach(WEST, guest.peer.user.as_str(), Some(guest.resume)) {
            Attach::Done { guest, resumed: true, .. } => guest,
            other => panic!("{guest:?} is not resumed: {other:?}"),
        }
    }

    pub(super) fn try_attach(&mut self, gateway: GatewayId, name: &str, resume: Option<Resume>) -> Attach {
        self.connections += 1;
        self.attach_on(gateway, ConnectionId(self.connections), name, resume)
    }

    pub(super) fn attach_on(
        &mut self,
        gateway: GatewayId,
        connection: ConnectionId,
        name: &str,
        resume: Option<Resume>,
    ) -> Attach {
        self.attach_as(gateway, connection, name, resume, false)
    }

    /// Attaches a connection to the one session of its kind that its user has.
    pub(super) fn attach_sole(&mut self, gateway: GatewayId, name: &str) -> Attach {
        self.connections += 1;
        self.attach_as(gateway, ConnectionId(self.connections), name, None, true)
    }

    fn attach_as(
        &mut self,
        gateway: GatewayId,
        connection: ConnectionId,
        name: &str,
        resume: Option<Resume>,
        sole: bool,
    ) -> Attach {
        let (fresh, secret) = (self.secrets.session(), self.secrets.secret().hash());
        self.apply(Op::Attach {
            gateway,
            connection,
            user: user(name),
            fresh,
            resume,
            secret,
            sole,
            resident: false,
        });
        let answer = self.effects.iter().find_map(|effect| match &effect.event {
            ShardEvent::Attached { peer, resumed, limiters } if peer.connection == connection => {
                assert_eq!(effect.to, gateway);
                let resume = Resume { session: peer.session, secret, attempt: 0 };
                let guest = Guest { peer: peer.clone(), resume };
                Some(Attach::Done { guest, resumed: *resumed, limiters: limiters.clone() })
            }
            ShardEvent::AttachRefused { connection: refused, refusal } if *refused == connection => {
                Some(Attach::Refused(*refusal))
            }
            _ => None,
        });
        answer.unwrap_or_else(|| {
            let session = resume.map_or(fresh, |resume| resume.session);
            Attach::Waits(Peer {
                gateway,
                connection,
                session,
                generation: Generation(0),
                user: user(name),
                role: Role::default(),
                owner: None,
                visitor: false,
            })
        })
    }

    pub(super) fn detach(&mut self, guest: &Guest, keep: Keep) {
        self.detach_with(&guest.peer, keep, Limiters::default());
    }

    pub(super) fn detach_with(&mut self, peer: &Peer, keep: Keep, limiters: Limiters) {
        self.apply(Op::Detach { peer: peer.clone(), keep, limiters });
    }

    pub(super) fn join(&mut self, guest: &Guest, room: &str) -> Joined {
        self.join_since(guest, room, None)
    }

    pub(super) fn join_since(&mut self, guest: &Guest, room: &str, since: Option<Position>) -> Joined {
        match self.try_join(&guest.peer, room, since) {
            Ok(joined) => joined,
            Err(refusal) => panic!("{guest:?} may not join {room}: {refusal}"),
        }
    }

    pub(super) fn try_join(
        &mut self,
        peer: &Peer,
        name: &str,
        since: Option<Position>,
    ) -> Result<Joined, Refusal> {
        let (peer, room) = (peer.clone(), room(name));
        self.apply(Op::Join { peer, id: None, room, since, history: 50, backlog: true });
        match self.reply().expect("a join is answered")? {
            Reply::Joined(joined) => Ok(joined),
            other => panic!("no answer to a join: {other:?}"),
        }
    }

    pub(super) fn leave(&mut self, guest: &Guest, name: &str) -> Result<Reply, Refusal> {
        self.apply(Op::Leave { peer: guest.peer.clone(), id: None, room: room(name) });
        self.reply().expect("a leave is answered")
    }

    pub(super) fn create(&mut self, guest: &Guest, name: &str) -> Result<Reply, Refusal> {
        self.try_create(guest, name, false)
    }

    pub(super) fn try_create(&mut self, guest: &Guest, name: &str, private: bool) -> Result<Reply, Refusal> {
        self.apply(Op::Create { peer: guest.peer.clone(), id: None, room: room(name), private });
        self.reply().expect("a create is answered")
    }

    pub(super) fn invite(&mut self, guest: &Guest, name: &str, whom: &str) -> Result<Reply, Refusal> {
        self.apply(Op::Invite { peer: guest.peer.clone(), id: None, room: room(name), user: user(whom) });
        self.reply().expect("an invitation is answered")
    }

    pub(super) fn kick(&mut self, guest: &Guest, name: &str, whom: &str) -> Result<Reply, Refusal> {
        self.apply(Op::Kick { peer: guest.peer.clone(), id: None, room: room(name), user: user(whom) });
        self.reply().expect("a kick is answered")
    }

    /// Says something; the reply, if there is one.
    pub(super) fn publish(
        &mut self,
        guest: &Guest,
        name: &str,
        id: Option<u64>,
        content: &str,
    ) -> Option<Result<Reply, Refusal>> {
        let (peer, id) = (guest.peer.clone(), id.map(RequestId));
        self.apply(Op::Publish { peer, id, room: room(name), content: content.into(), extra: None });
        self.reply()
    }

    /// Says something with an extra; the reply.
    pub(super) fn publish_with(&mut self, guest: &Guest, name: &str, extra: Extra) -> Result<Reply, Refusal> {
        let (peer, extra) = (guest.peer.clone(), extra.boxed());
        self.apply(Op::Publish { peer, id: None, room: room(name), content: "hello".into(), extra });
        self.reply().expect("a publish is answered")
    }

    pub(super) fn ask(&self, query: &Query) -> Option<Result<Reply, Refusal>> {
        let mut effects = vec![];
        self.shard.answer(query, &mut effects);
        first_reply(&effects)
    }

    /// The first reply among the effects.
    pub(super) fn reply(&self) -> Option<Result<Reply, Refusal>> {
        first_reply(&self.effects)
    }

    /// The pushes among the effects, and where they go.
    pub(super) fn pushes(&self) -> Vec<(GatewayId, Push)> {
        let push_of = |effect: &Effect| match &effect.event {
            ShardEvent::Push { push, .. } => Some((effect.to, push.clone())),
            _ => None,
        };
        self.effects.iter().filter_map(push_of).collect()
    }
}

fn first_reply(effects: &[Effect]) -> Option<Result<Reply, Refusal>> {
    effects.iter().find_map(|effect| match &effect.event {
        ShardEvent::Reply { result, .. } => Some(result.clone()),
        _ => None,
    })
}

pub(super) fn user(name: &str) -> UserName {
    UserName::new(name).expect("a valid name")
}

pub(super) fn room(name: &str) -> RoomName {
    RoomName::new(name).expect("a valid name")
}

pub(super) fn names<const N: usize>(names: [&str; N]) -> Roster {
    Roster::Names(names.into_iter().map(user).collect::<Arc<[_]>>())
}

pub(super) fn presence(name: &str, away: Option<Time>) -> Push {
    Push::Presence { user: user(name), away }
}

pub(super) fn joined<const N: usize>(name: &str, roster: [&str; N]) -> Push {
    Push::Joined { user: user(name), roster: names(roster) }
}

pub(super) fn left<const N: usize>(name: &str, seen: Time, roster: [&str; N]) -> Push {
    Push::Left { user: user(name), seen, roster: names(roster) }
}

/// A connection of a user whose home is another shard.
pub(super) fn visitor(session: u128, generation: u32, connection: u64, name: &str) -> Guest {
    let mut secrets = Secrets::new([9; 32]);
    let session = SessionId(session);
    let peer = Peer {
        gateway: EAST,
        connection: ConnectionId(connection),
        session,
        generation: Generation(generation),
        user: user(name),
        role: Role::default(),
        owner: None,
        visitor: false,
    };
    Guest { peer, resume: Resume { session, secret: secrets.secret().hash(), attempt: 0 } }
}

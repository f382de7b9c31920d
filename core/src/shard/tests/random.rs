//! Random operations against everything a shard promises.
//!
//! The checker derives from the answers who has a seat where, and holds every push and page against that; it knows
//! nothing of how a shard works. A replica is fed the same entries through their serialised form, and goes through its own
//! before each.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::Duration,
};

use proptest::{prelude::*, sample::Index, test_runner::RngSeed};
use serde::{Serialize, de::DeserializeOwned};

use super::kit::{room, user};
use crate::{
    config::ShardConfig,
    id::{ConnectionId, Epoch, GatewayId, Generation, Position, RequestId, Seq, SessionId},
    name::RoomName,
    refusal::Refusal,
    role::Role,
    secret::Secrets,
    shard::{
        Effect, Entry, Keep, Limiters, Message, Op, Peer, Push, Query, Reply, Resume, Shard, ShardEvent,
    },
    time::Time,
};

const USERS: [&str; 3] = ["ann", "bob", "cat"];
const ROOMS: [&str; 2] = ["one", "two"];

/// Small limits, so that all of them are met.
fn config() -> ShardConfig {
    ShardConfig {
        history_max: 5,
        roster_max: 2,
        roster_interval: Duration::from_millis(500),
        room_members_max: Some(3),
        rooms_max: 3,
        rooms_per_user_max: 1,
        room_ttl: Duration::from_secs(4),
        sessions_per_user_max: 3,
        presence_grace: Duration::from_secs(1),
        resume_window: Duration::from_secs(3),
        answers_max: 4,
        ..ShardConfig::default()
    }
}

/// What happens next. Numbers choose among what there is, so every sequence means something.
#[derive(Clone, Debug)]
enum Step {
    Attach { gateway: usize, user: usize, resume: Option<Index>, sole: bool },
    Detach { who: Index, keep: Keep },
    Join { who: Index, room: usize, since: Option<u64> },
    Leave { who: Index, room: usize },
    Create { who: Index, room: usize },
    Kick { who: Index, room: usize, user: usize },
    Publish { who: Index, room: usize, id: Option<u64> },
    GatewayDown { gateway: usize },
    Restart { lost: bool },
    Wait { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (who, room) = (any::<Index>, || 0..ROOMS.len());
    let keep = prop_oneof![1 => Just(Keep::Nothing), 1 => Just(Keep::Grace), 4 => Just(Keep::Window)];
    let since = prop::option::of(0u64..12);
    prop_oneof![
        4 => (0..2usize, 0..USERS.len(), prop::option::weighted(0.8, who()))
            .prop_map(|(gateway, user, resume)| Step::Attach { gateway, user, resume, sole: false }),
        2 => (0..2usize, 0..USERS.len())
            .prop_map(|(gateway, user)| Step::Attach { gateway, user, resume: None, sole: true }),
        3 => (who(), keep).prop_map(|(who, keep)| Step::Detach { who, keep }),
        8 => (who(), room(), since).prop_map(|(who, room, since)| Step::Join { who, room, since }),
        2 => (who(), room()).prop_map(|(who, room)| Step::Leave { who, room }),
        1 => (who(), room()).prop_map(|(who, room)| Step::Create { who, room }),
        1 => (who(), room(), 0..USERS.len()).prop_map(|(who, room, user)| Step::Kick { who, room, user }),
        8 => (who(), room(), prop::option::weighted(0.9, 0u64..10))
            .prop_map(|(who, room, id)| Step::Publish { who, room, id }),
        1 => (0..2usize).prop_map(|gateway| Step::GatewayDown { gateway }),
        1 => prop::bool::weighted(0.3).prop_map(|lost| Step::Restart { lost }),
        3 => (0u64..2_000).prop_map(|millis| Step::Wait { millis }),
    ]
}

/// A connection that its gateway has not yet given up.
#[derive(Clone, Debug)]
struct Connection {
    peer: Peer,
    attached: bool,
    sole: bool,
}

/// A shard and its replica, the gateways' view of their connections, and the checker.
struct World {
    shard: Shard,
    replica: Shard,
    now: Time,
    gateways: [GatewayId; 2],
    connections: Vec<Connection>,
    /// Everything that clients were ever given to resume with.
    resumes: Vec<Resume>,
    shown: BTreeMap<ConnectionId, Resume>,
    secrets: Secrets,
    drawn: u64,
    checker: Checker,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            shard: Shard::new(),
            replica: Shard::new(),
            now: Time(1_700_000_000_000_000),
            gateways: [GatewayId(1), GatewayId(2)],
            connections: vec![],
            resumes: vec![],
            shown: BTreeMap::new(),
            secrets: Secrets::new([3; 32]),
            drawn: 100,
            checker: Checker::default(),
        };
        world.apply(Op::Genesis { config: config(), incarnation: 7 });
        world
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Attach { gateway, user, resume, sole } => self.attach(*gateway, *user, *resume, *sole),
            Step::GatewayDown { gateway } => self.gateway_down(*gateway),
            Step::Restart { lost } => self.restart(*lost),
            Step::Wait { millis } => self.wait(Duration::from_millis(*millis)),
            Step::Detach { who, keep } => {
                if !self.connections.is_empty() {
                    self.detach(who.index(self.connections.len()), *keep);
                }
            }
            Step::Join { who, .. }
            | Step::Leave { who, .. }
            | Step::Create { who, .. }
            | Step::Kick { who, .. }
            | Step::Publish { who, .. } => {
                let attached: Vec<_> = self.connections.iter().filter(|it| it.attached).collect();
                if !attached.is_empty() {
                    let peer = attached[who.index(attached.len())].peer.clone();
                    let op = self.request(peer, step);
                    self.apply(op);
                }
            }
        }
    }

    fn request(&mut self, peer: Peer, step: &Step) -> Op {
        match *step {
            Step::Join { room: name, since, .. } => {
                let name = room(ROOMS[name]);
                let epoch = self.checker.latest.get(&name).copied().unwrap_or_default();
                let since = since.map(|seq| Position::new(epoch, Seq(seq)));
                Op::Join { peer, id: None, room: name, since, history: 3, backlog: true }
            }
            Step::Leave { room: name, .. } => Op::Leave { peer, id: None, room: room(ROOMS[name]) },
            Step::Create { room: name, .. } => {
                Op::Create { peer, id: None, room: room(ROOMS[name]), private: false }
            }
            Step::Kick { room: name, user: whom, .. } => {
                let peer = Peer { role: Role::Admin, ..peer };
                Op::Kick { peer, id: None, room: room(ROOMS[name]), user: user(USERS[whom]) }
            }
            Step::Publish { room: name, id, .. } => {
                // Ids wander upwards, so that some repeat, some are new and some are stale.
                let id = id.map(|id| RequestId(self.draw() / 16 + id));
                let content = match id {
                    Some(id) => format!("{} {id}", peer.session),
                    None => format!("{} unnumbered {}", peer.session, self.draw()),
                };
                Op::Publish { peer, id, room: room(ROOMS[name]), content: content.into(), extra: None }
            }
            _ => unreachable!("not a request"),
        }
    }

    fn attach(&mut self, gateway: usize, name: usize, resume: Option<Index>, sole: bool) {
        let resume = resume.filter(|_| !self.resumes.is_empty()).map(|it| *it.get(&self.resumes));
        let (gateway, connection) = (self.gateways[gateway], ConnectionId(self.draw()));
        let (user, fresh, secret) = (user(USERS[name]), self.secrets.session(), self.secrets.secret().hash());
        let session = resume.map_or(fresh, |resume| resume.session);
        let peer = Peer {
            gateway,
            connection,
            session,
            generation: Generation(0),
            user: user.clone(),
            role: Role::default(),
            owner: None,
            visitor: false,
        };
        self.connections.push(Connection { peer, attached: false, sole });
        self.shown.insert(connection, Resume { session, secret, attempt: 0 });
        self.apply(Op::Attach { gateway, connection, user, fresh, resume, secret, sole, resident: false });
    }

    fn detach(&mut self, index: usize, keep: Keep) {
        let peer = self.connections.remove(index).peer;
        self.checker.seats.retain(|seat| seat.connection != peer.connection);
        self.apply(Op::Detach { peer, keep, limiters: Limiters::default() });
    }

    fn gateway_down(&mut self, index: usize) {
        let gateway = self.gateways[index];
        self.gateways[index] = GatewayId(self.draw());
        self.connections.retain(|it| it.peer.gateway != gateway);
        self.checker.seats.retain(|seat| seat.gateway != gateway);
        self.apply(Op::GatewayDown { gateway });
    }

    fn restart(&mut self, lost: bool) {
        self.gateways = [(); 2].map(|()| GatewayId(self.draw()));
        self.connections.clear();
        self.checker.seats.clear();
        if lost {
            self.checker.forget();
        }
        let incarnation = self.draw();
        self.apply(Op::Restart { config: config(), incarnation, lost });
    }

    /// Lets time pass; what is due is expired late, all at once.
    fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        if self.shard.poll_timeout().is_some_and(|due| due <= self.now) {
            self.apply(Op::Expire);
            assert!(self.shard.poll_timeout().is_none_or(|due| due > self.now), "all that was due is done");
        }
    }

    fn apply(&mut self, op: Op) {
        let entry = Entry { index: self.shard.applied() + 1, at: self.now, op };
        let (mut effects, mut echoed) = (vec![], vec![]);
        self.shard.apply(&entry, &mut effects);
        self.replica = through_bytes(&self.replica);
        self.replica.apply(&through_bytes(&through_json(&entry)), &mut echoed);
        assert_eq!(effects, echoed);
        assert_eq!(self.shard.digest(), self.replica.digest());
        self.hear(&effects);
        self.checker.check(&entry.op, &effects);
        self.checker.check_pages(&self.shard);
        let usage = self.shard.usage();
        assert!(usage.rooms <= config().rooms_max as usize);
        assert!(usage.rooms_of_user <= config().rooms_per_user_max as usize);
    }

    /// What the gateways make of it.
    fn hear(&mut self, effects: &[Effect]) {
        for effect in effects {
            match &effect.event {
                ShardEvent::Attached { peer, resumed, .. } => {
                    let it = self.connections.iter_mut().find(|it| it.peer.connection == peer.connection);
                    let it = it.expect("only connections that are there are attached");
                    assert_eq!(it.peer.gateway, effect.to);
                    assert_eq!(*resumed, peer.generation > Generation(1));
                    (it.peer, it.attached) = (peer.clone(), true);
                    let secret = self.shown[&peer.connection].secret;
                    self.resumes.push(Resume { session: peer.session, secret, attempt: 0 });
                }
                ShardEvent::AttachRefused { connection, .. } => {
                    self.connections.retain(|it| it.peer.connection != *connection);
                }
                ShardEvent::TakenOver { connection, .. } => {
                    assert!(
                        self.connections.iter().any(|it| it.peer.connection == *connection && it.attached)
                    );
                }
                ShardEvent::Displaced { .. }
                | ShardEvent::Reply { .. }
                | ShardEvent::Kicked { .. }
                | ShardEvent::Push { .. } => {}
            }
        }
        let live: Vec<_> = self.connections.iter().filter(|it| it.attached).collect();
        let sessions: BTreeSet<_> = live.iter().map(|it| it.peer.session).collect();
        assert_eq!(sessions.len(), live.len(), "a session has one connection");
        let sole: Vec<_> = live.iter().filter(|it| it.sole).map(|it| &it.peer.user).collect();
        let users: BTreeSet<_> = sole.iter().collect();
        assert_eq!(users.len(), sole.len(), "a user has one sole session");
    }

    /// Everyone goes; in the end nothing is left.
    fn close(&mut self) {
        while !self.connections.is_empty() {
            self.detach(0, Keep::Window);
        }
        while let Some(due) = self.shard.poll_timeout() {
            self.now = self.now.max(due);
            self.apply(Op::Expire);
        }
        assert_eq!(self.shard.rooms(), 0);
        assert_eq!(self.shard.state.makers.len(), 0);
        assert_eq!(self.shard.state.sessions.len(), 0);
        for name in USERS {
            assert_eq!(self.shard.state.sessions.of_user(&user(name)), []);
            assert_eq!(self.shard.state.makers.of(&user(name)), 0);
        }
    }
}

fn through_bytes<T: Serialize + DeserializeOwned>(it: &T) -> T {
    let bytes = postcard::to_stdvec(it).expect("it can be written");
    postcard::from_bytes(&bytes).expect("and read")
}

fn through_json(entry: &Entry) -> Entry {
    let text = serde_json::to_string(entry).expect("entries can be written");
    serde_json::from_str(&text).expect("and read")
}

/// A session's place in a room, as the answers tell.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Seat {
    room: RoomName,
    gateway: GatewayId,
    connection: ConnectionId,
}

/// Holds effects against the promises.
#[derive(Default)]
struct Checker {
    seats: BTreeSet<Seat>,
    peers: BTreeMap<ConnectionId, Peer>,
    latest: BTreeMap<RoomName, Epoch>,
    messages: BTreeMap<(RoomName, Epoch), Vec<Arc<Message>>>,
    /// What was said in an epoch that is over, in rooms whose new one nobody has been told.
    carried: BTreeMap<RoomName, Vec<Arc<Message>>>,
    answers: BTreeMap<(SessionId, RequestId), Result<Position, Refusal>>,
    contents: BTreeSet<Arc<str>>,
}

impl Checker {
    /// Entries may have been lost: sessions are over, and what was said is in other epochs.
    fn forget(&mut self) {
        self.answers.clear();
        for (room, epoch) in mem::take(&mut self.latest) {
            let said = self.messages.get(&(room.clone(), epoch)).cloned().unwrap_or_default();
            self.carried.insert(room, said);
        }
    }

    /// A room that was dropped meanwhile has said nothing.
    fn learn_epoch(&mut self, room: &RoomName, head: Position) {
        if self.latest.insert(room.clone(), head.epoch) == Some(head.epoch) {
            return;
        }
        let said = self.carried.remove(room).filter(|_| head.seq > Seq(0));
        let place = (room.clone(), head.epoch);
        assert!(said.is_none() || !self.messages.contains_key(&place), "an epoch that was there before");
        self.messages.entry(place).or_insert_with(|| said.unwrap_or_default());
    }

    fn check(&mut self, op: &Op, effects: &[Effect]) {
        let mut reached: BTreeMap<Seq, Vec<GatewayId>> = BTreeMap::new();
        for effect in effects {
            match &effect.event {
                ShardEvent::Reply { result, .. } => self.reply(op, result),
                ShardEvent::Kicked { connection, room, .. } => {
                    let seat = Seat { room: room.clone(), gateway: effect.to, connection: *connection };
                    assert!(self.seats.remove(&seat), "kicked from where it was not");
                }
                ShardEvent::Push { room, push } => {
                    assert!(self.readers(room).contains(&effect.to), "a push to a gateway without a reader");
                    if let Push::Message { epoch, message } = push {
                        self.message(room, *epoch, message);
                        reached.entry(message.seq).or_default().push(effect.to);
                    }
                }
                _ => {}
            }
        }
        for gateways in reached.into_values() {
            let Op::Publish { room, .. } = op else { panic!("a message out of {op:?}") };
            let readers: Vec<_> = self.readers(room).into_iter().collect();
            assert_eq!(gateways, readers, "one push for each gateway with a reader, in order");
        }
    }

    fn readers(&self, room: &RoomName) -> BTreeSet<GatewayId> {
        self.seats.iter().filter(|seat| seat.room == *room).map(|seat| seat.gateway).collect()
    }

    fn reply(&mut self, op: &Op, result: &Result<Reply, Refusal>) {
        let seat = |peer: &Peer, room: &RoomName| {
            let (gateway, connection) = (peer.gateway, peer.connection);
            Seat { room: room.clone(), gateway, connection }
        };
        match (op, result) {
            (Op::Join { peer, room, .. }, Ok(Reply::Joined(joined))) => {
                self.learn_epoch(room, joined.head);
                self.peers.insert(peer.connection, peer.clone());
                self.seats.insert(seat(peer, room));
                let said = self.messages.get(&(room.clone(), joined.head.epoch)).map_or(0, Vec::len);
                assert_eq!(joined.head.seq, Seq(said as u64), "the head is the last message");
            }
            (Op::Leave { peer, room, .. }, Ok(_)) => {
                self.seats.remove(&seat(peer, room));
            }
            (Op::Kick { room, user, .. }, Ok(_)) => {
                let stays = |seat: &Seat| seat.room == *room && self.peers[&seat.connection].user == *user;
                assert!(!self.seats.iter().any(stays), "kicked and still there");
            }
            (Op::Leave { peer, room, .. }, Err(_)) => assert!(!self.seats.contains(&seat(peer, room))),
            (Op::Publish { peer, id: Some(id), room, .. }, result) => {
                let answer = match result {
                    Ok(Reply::Published(placed)) => Ok(placed.position),
                    Err(refusal) => Err(*refusal),
                    other => panic!("no answer to a publish: {other:?}"),
                };
                let is_new = !self.answers.contains_key(&(peer.session, *id));
                if is_new && answer.is_ok() {
                    assert!(self.seats.contains(&seat(peer, room)), "published without a seat");
                }
                let first = *self.answers.entry((peer.session, *id)).or_insert(answer);
                assert!(answer == first || answer == Err(Refusal::StaleId), "{first:?} became {answer:?}");
            }
            _ => {}
        }
    }

    fn message(&mut self, room: &RoomName, epoch: Epoch, message: &Arc<Message>) {
        let messages = self.messages.entry((room.clone(), epoch)).or_default();
        if let Some(last) = messages.last().filter(|last| last.seq == message.seq) {
            return assert!(Arc::ptr_eq(last, message), "two messages in one place");
        }
        assert_eq!(message.seq, Seq(messages.len() as u64 + 1), "a gap");
        assert!(self.contents.insert(Arc::clone(&message.content)), "said twice: {}", message.content);
        messages.push(Arc::clone(message));
    }

    /// Whoever has a seat reads exactly the latest of what was pushed.
    fn check_pages(&self, shard: &Shard) {
        for seat in &self.seats {
            let (peer, room) = (self.peers[&seat.connection].clone(), seat.room.clone());
            let from = Position::new(self.latest[&room], Seq(1));
            let pushed = self.messages.get(&(room.clone(), from.epoch)).map_or(&[][..], Vec::as_slice);
            let kept = &pushed[pushed.len().saturating_sub(config().history_max as usize)..];
            let mut effects = vec![];
            let query = Query::Page { peer, room, from, messages_max: 100, bytes_max: usize::MAX };
            shard.answer(&query, &mut effects);
            let [Effect { to, event: ShardEvent::Reply { result: Ok(Reply::Page(page)), .. } }] =
                &effects[..]
            else {
                panic!("no page for {seat:?}: {effects:?}")
            };
            assert_eq!((*to, &page.messages[..]), (seat.gateway, kept));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn promises_hold_under_random_operations(steps in prop::collection::vec(step(), 1..200)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.close();
    }
}

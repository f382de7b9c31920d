//! What is in files is tied to the number of their format: who changes the one has to change the other.
//!
//! `format/N.log` and `format/N.snapshot` were written once, by the first version with the format N, and `format/N.txt` says
//! what is in that snapshot. For a new format `WRITE_FORMAT=1 cargo test -p chinwag-journal` writes those of its own.

use std::{fs, mem::discriminant, path::PathBuf, sync::Arc, time::Duration};

use chinwag_core::{
    ConnectionId, GatewayId, RoomName, SessionId, Shard, Time, UserName,
    config::ShardConfig,
    id::{Epoch, Generation, Position, RequestId, Seq},
    limiter::Rate,
    role::Role,
    secret::{SecretHash, Secrets},
    shard::{Entry, Extra, Keep, Limiters, Op, Peer, Resume, Status, TaskChange},
};

use super::*;
use crate::store::{header::FORMAT, replica::encode};

const BEGAN: u64 = 1_700_000_000_000_000;

fn room() -> RoomName {
    RoomName::new("tea").unwrap()
}

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn secret(seed: u8) -> SecretHash {
    Secrets::new([seed; 32]).secret().hash()
}

/// Someone with everything that can be said of them.
fn peer(name: &str, connection: u64, session: u128) -> Peer {
    Peer {
        gateway: GatewayId(3),
        connection: ConnectionId(connection),
        session: SessionId(session),
        generation: Generation(1),
        user: user(name),
        role: Role::Member,
        owner: None,
        visitor: false,
    }
}

fn attach(name: &str, connection: u64, session: u128, resume: Option<Resume>) -> Op {
    Op::Attach {
        gateway: GatewayId(3),
        connection: ConnectionId(connection),
        user: user(name),
        fresh: SessionId(session),
        resume,
        secret: secret(u8::try_from(session).expect("few sessions")),
        sole: false,
        resident: false,
    }
}

fn status() -> Status {
    Status { state: "thinking".into(), detail: Some("of tea".into()), progress: Some(40) }
}

fn extra() -> Extra {
    let text = |text: &str| Some(Arc::from(text));
    Extra {
        key: text("key"),
        client_id: Some(5),
        reply_to: Some(1),
        mentions: vec!["bob".into()],
        priority: 3,
        state: text("done"),
        ..Extra::default()
    }
}

/// Limiters that something was taken from.
fn used() -> Limiters {
    let mut limiters = Limiters::default();
    let rate = Rate { per_second: 2, burst: 4 };
    limiters.message.take(Time(BEGAN), rate).unwrap();
    limiters
}

/// An example of every operation, in an order that leaves something of each in the shard.
fn operations() -> Vec<Op> {
    let (ann, bob) = (peer("ann", 1, 11), peer("bob", 2, 12));
    let bot = Peer { role: Role::Bot, owner: Some(user("ann")), ..peer("helper", 4, 14) };
    let (id, config) = (Some(RequestId(9)), ShardConfig::default());
    let join = |peer: &Peer, since| Op::Join {
        peer: peer.clone(),
        id,
        room: room(),
        since,
        history: 7,
        backlog: true,
    };
    let publish = |peer: &Peer, extra| Op::Publish {
        peer: peer.clone(),
        id,
        room: room(),
        content: "one lump, or two?".into(),
        extra,
    };
    vec![
        Op::Genesis { config: config.clone(), incarnation: 77 },
        attach("ann", 1, 11, None),
        attach("bob", 2, 12, None),
        Op::Create { peer: ann.clone(), id, room: room(), private: true },
        Op::Invite { peer: ann.clone(), id, room: room(), user: user("bob") },
        join(&ann, None),
        join(&bob, Some(Position::new(Epoch(6), Seq(5)))),
        publish(&ann, None),
        publish(&bob, Some(Box::new(extra()))),
        Op::SetStatus { peer: ann.clone(), id, room: room(), status: status() },
        Op::SetTask {
            peer: bob.clone(),
            id,
            room: room(),
            task: TaskChange {
                task: "boil".into(),
                status: Some(status()),
                assignee: Some(user("ann")),
                priority: Some(1),
                metadata: Some("{\"cups\":2}".into()),
            },
        },
        Op::Seen { peer: bob.clone(), id, room: room(), seq: Seq(2) },
        attach("helper", 4, 14, None),
        Op::Run { peer: ann.clone(), id, room: room(), on: true },
        join(&bot, None),
        Op::Kick { peer: ann.clone(), id, room: room(), user: user("helper") },
        Op::Leave { peer: bob.clone(), id, room: room() },
        Op::Detach { peer: bob.clone(), keep: Keep::Window, limiters: used() },
        Op::Follow { peer: Peer { generation: Generation(2), ..bob.clone() } },
        attach("bob", 5, 15, Some(Resume { session: SessionId(12), secret: secret(12), attempt: 3 })),
        Op::Configure { config: ShardConfig { presence_grace: Duration::from_secs(3), ..config.clone() } },
        Op::GatewayDown { gateway: GatewayId(4) },
        Op::Expire,
        Op::Restart { config, incarnation: 78, lost: false },
    ]
}

/// How many operations there are: one more needs an example.
fn known(op: &Op) -> usize {
    match op {
        Op::Genesis { .. }
        | Op::Configure { .. }
        | Op::Restart { .. }
        | Op::GatewayDown { .. }
        | Op::Attach { .. }
        | Op::Follow { .. }
        | Op::Detach { .. }
        | Op::Join { .. }
        | Op::Leave { .. }
        | Op::Create { .. }
        | Op::Invite { .. }
        | Op::Kick { .. }
        | Op::Run { .. }
        | Op::Seen { .. }
        | Op::Publish { .. }
        | Op::SetStatus { .. }
        | Op::SetTask { .. }
        | Op::Expire => 18,
    }
}

fn entries() -> Vec<Entry> {
    let entry = |(index, op)| Entry { index, at: Time(BEGAN + index), op };
    (1..).zip(operations()).map(entry).collect()
}

/// The segment that holds all examples, and the snapshot behind them.
fn written() -> (Vec<u8>, Vec<u8>) {
    let disk = MemoryDisk::new();
    let mut opened =
        open::<_, Shard>(disk.clone(), &Terms { limits: Limits::default(), ..commit() }).unwrap();
    let log = &mut opened.shards[0].log;
    let mut batch = Batch::default();
    for entry in entries() {
        batch.push(entry.index, |bytes| encode(&entry, bytes));
    }
    log.append(&mut batch).unwrap();
    log.sync().unwrap();
    let segment = bytes(&disk, &the_file(&disk, ".log"));
    log.begin_snapshot().unwrap().run::<Shard>().unwrap();
    (segment, bytes(&disk, &the_file(&disk, ".snapshot")))
}

fn bytes(disk: &MemoryDisk, name: &str) -> Vec<u8> {
    disk::read_all(disk, name).unwrap()
}

/// What a shard knows from this snapshot, and the snapshot that it would make of that.
fn restored(snapshot: &[u8]) -> (String, Vec<u8>) {
    let disk = MemoryDisk::new();
    let name = names::snapshot(0, operations().len() as u64);
    disk.create(&name).unwrap();
    disk.append(&name, snapshot).unwrap();
    let names = names::list(&disk).unwrap();
    let files = names::Files::of(0, u64::MAX, &names);
    let mut shard = Shard::new();
    replay::Source { disk: &disk, identity: commit().identity, shard: 0 }
        .restore(&files, &mut shard)
        .unwrap();
    let mut again = vec![];
    shard.save(&mut again).unwrap();
    (format!("{shard:#?}\n"), again)
}

fn file(extension: &str) -> PathBuf {
    let name = format!("src/store/tests/format/{FORMAT}.{extension}");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Writes what belongs to a new format: what is there stays as it is.
fn write_if_wanted() {
    if std::env::var_os("WRITE_FORMAT").is_some() && !file("log").exists() {
        let (segment, snapshot) = written();
        fs::write(file("log"), segment).unwrap();
        fs::write(file("txt"), restored(&snapshot).0).unwrap();
        fs::write(file("snapshot"), snapshot).unwrap();
    }
}

#[test]
fn there_is_an_example_of_every_operation() {
    let all: Vec<_> = operations().iter().map(discriminant).collect();
    let kinds =
        operations().iter().enumerate().filter(|(at, op)| !all[..*at].contains(&discriminant(op))).count();
    assert_eq!(kinds, known(&Op::Expire));
}

#[test]
fn a_format_is_written_and_read_as_it_was() {
    write_if_wanted();
    let [segment, snapshot] = ["log", "snapshot"].map(|name| fs::read(file(name)).unwrap());
    assert!(written().0 == segment, "entries are encoded in another way: that is another format");
    let (text, again) = restored(&snapshot);
    let was = fs::read_to_string(file("txt")).unwrap();
    let changed = text.lines().zip(was.lines()).find(|(is, was)| is != was);
    assert_eq!(changed, None, "snapshots mean something else: that is another format");
    let body = &snapshot[header::HEADER_BYTES + 8..snapshot.len() - 8];
    assert!(again == body, "snapshots are encoded in another way: that is another format");
}

//! A disk that stalls, is full or fails under a server, and what the next one has of it.

use std::io;

use chinwag_journal::store::{Durability, MemoryDisk};

use super::*;
use crate::storage::Storage;

/// What the disk is called in what servers say.
const NAME: &str = "the disk";

/// A server of two threads on this disk.
fn start_on(disk: &MemoryDisk, change: impl FnOnce(&mut Settings)) -> Running {
    let mut settings = settings();
    settings.storage.data_dir = Some(NAME.into());
    settings.gateway.message_burst = 1_000;
    change(&mut settings);
    let storage = |settings: &Settings| {
        Storage::on(disk.clone(), NAME, settings).map(|(storage, starts)| (Some(storage), starts))
    };
    run(Server::bind_with(settings, storage).unwrap())
}

impl Running {
    /// How a server ends that is not told to.
    async fn fails(self) -> io::Error {
        let Self { stop, server, .. } = self;
        let failed = within(server).await.unwrap().expect_err("its disk does not take it");
        drop(stop);
        failed
    }

    async fn metric(&self, name: &str) -> f64 {
        let page = get(self.address, "/metrics").await;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().unwrap()
    }

    async fn until_ready(&self, status: &str) {
        let status = format!("HTTP/1.1 {status} ");
        within(async { while !get(self.address, "/readyz").await.starts_with(&status) {} }).await;
    }
}

impl Chat {
    async fn say(&mut self, id: u64, content: &str) {
        self.send(json!({"type": "message", "id": id, "room": "tea", "content": content})).await;
    }

    async fn enter(server: &Running, user: &str) -> Self {
        let mut chat = server.connect().await;
        chat.send(json!({"type": "join", "room": "tea", "user": user})).await;
        chat.expect("joined").await;
        chat
    }
}

/// What is known of the room from this position on.
async fn come_back(server: &Running, position: &Value) -> Value {
    let mut ann = server.connect().await;
    ann.send(json!({"type": "hello", "user": "ann"})).await;
    let (epoch, since) = (&position["epoch"], &position["seq"]);
    ann.send(json!({"type": "join", "room": "tea", "epoch": epoch, "since": since})).await;
    ann.expect("joined").await
}

#[tokio::test]
async fn a_disk_that_stalls_bounds_what_is_taken_in_and_loses_nothing() {
    const SAID: u64 = 60;
    let disk = MemoryDisk::new();
    let server = start_on(&disk, |settings| settings.storage.backlog_bytes_max = 10_000);
    let mut ann = Chat::enter(&server, "ann").await;
    disk.stall();
    for id in 1..=SAID {
        ann.say(id, &"x".repeat(500)).await;
    }
    server.until_ready("503").await;
    for _ in 0..10 {
        let waiting = server.metric("chat_disk_backlog_bytes").await;
        assert!((10_000.0..12_000.0).contains(&waiting), "{waiting}");
    }
    let request = format!("GET /chat HTTP/1.1\r\n{UPGRADE}{KEY}{VERSION}\r\n");
    let refused = exchange(server.address, &request).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "nobody is let in: {refused}");
    disk.resume();
    for id in 1..=SAID {
        assert_eq!(ann.expect("ack").await["id"], id);
    }
    server.until_ready("200").await;
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn what_is_asked_while_a_disk_stalls_counts_too() {
    let disk = MemoryDisk::new();
    let server = start_on(&disk, |settings| {
        settings.storage.backlog_bytes_max = 2_000;
        settings.gateway.control_burst = 1_000;
    });
    let mut ann = Chat::enter(&server, "ann").await;
    disk.stall();
    ann.say(1, "this has to be stored").await;
    for id in 2..50 {
        ann.send(json!({"type": "members", "id": id, "room": "tea"})).await;
    }
    server.until_ready("503").await;
    disk.resume();
    for id in 2..50 {
        assert_eq!(ann.expect("members").await["id"], id);
    }
    server.until_ready("200").await;
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn a_full_disk_ends_the_server_and_loses_nothing_that_was_acknowledged() {
    for durability in [Durability::Commit, Durability::Interval] {
        let disk = MemoryDisk::new();
        let on = |settings: &mut Settings| settings.storage.durability = Some(durability);
        let server = start_on(&disk, on);
        let mut ann = Chat::enter(&server, "ann").await;
        ann.say(1, "hello").await;
        let ack = ann.expect("ack").await;
        disk.set_capacity(Some(0));
        ann.say(2, "no room for this").await;
        let failed = server.fails().await;
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
        let text = failed.to_string();
        assert!(text.starts_with("the disk: cannot write the log: "), "{text}");
        assert!(text.ends_with(": make room there, and start again"), "{text}");
        disk.set_capacity(None);
        let next = start_on(&disk, on);
        let joined = come_back(&next, &ack).await;
        assert_eq!(
            (&joined["verdict"], &joined["epoch"], &joined["seq"]),
            (&json!("full"), &ack["epoch"], &ack["seq"])
        );
        next.stop().await;
    }
}

#[tokio::test]
async fn after_a_sync_that_failed_nothing_is_claimed_that_was_answered_before_it() {
    for (durability, verdict) in [(Durability::Interval, "reset"), (Durability::Commit, "full")] {
        let disk = MemoryDisk::new();
        let on = |settings: &mut Settings| {
            settings.storage.durability = Some(durability);
            settings.storage.sync_interval = Duration::from_millis(1);
        };
        let server = start_on(&disk, on);
        let mut ann = Chat::enter(&server, "ann").await;
        ann.say(1, "hello").await;
        let ack = ann.expect("ack").await;
        disk.fail_next_sync();
        ann.say(2, "this may be gone").await;
        let failed = server.fails().await.to_string();
        assert!(failed.ends_with(": see to the disk, and start again"), "{failed}");
        let next = start_on(&disk, on);
        assert_eq!(come_back(&next, &ack).await["verdict"], verdict, "{durability}");
        next.stop().await;
    }
}

#[tokio::test]
async fn a_disk_that_fails_is_noticed_while_connections_are_let_go() {
    let disk = MemoryDisk::new();
    let server = start_on(&disk, |settings| {
        settings.driver.drain_timeout = Duration::from_hours(1);
        settings.driver.close_linger = Duration::from_hours(1);
    });
    // One who does not hang up, and one who does.
    let rude = Chat::enter(&server, "rude").await;
    let ann = Chat::enter(&server, "ann").await;
    let Running { stop, server, .. } = server;
    disk.set_capacity(Some(0));
    stop.send(()).unwrap();
    drop(ann);
    let failed = within(server).await.unwrap().expect_err("its disk does not take it");
    assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
    drop(rude);
}

#[tokio::test]
async fn what_the_disk_does_is_counted() {
    let disk = MemoryDisk::new();
    let server = start_on(&disk, |settings| settings.storage.snapshot_bytes = 1_000);
    let mut ann = Chat::enter(&server, "ann").await;
    for id in 1..=30 {
        ann.say(id, &"x".repeat(100)).await;
        ann.expect("ack").await;
    }
    assert!(server.metric("chat_disk_bytes_total").await > 3_000.0);
    assert!(server.metric("chat_disk_sync_seconds_count").await >= 30.0, "each was waited for");
    assert!(server.metric("chat_disk_recovery_seconds").await >= 0.0);
    within(async { while server.metric("chat_disk_snapshots_total").await == 0.0 {} }).await;
    assert_eq!(server.metric("chat_disk_snapshots_failed_total").await, 0.0);
    drop(ann);
    server.stop().await;
    let plain = start(|_| {});
    assert!(!get(plain.address, "/metrics").await.contains("chat_disk"), "there is no disk");
    plain.stop().await;
}

#[tokio::test]
async fn a_server_that_has_ended_has_let_go_of_its_disk() {
    let directory = tempfile::tempdir().unwrap();
    for life in 0..5_u64 {
        let server = start(|settings| {
            settings.storage.data_dir = Some(directory.path().into());
            settings.storage.snapshot_bytes = 1;
            settings.gateway.message_burst = 1_000;
            settings.gateway.shards = 2;
        });
        let mut ann = Chat::enter(&server, "ann").await;
        for id in 1..=100 {
            ann.say(life * 100 + id, "hello").await;
            ann.expect("ack").await;
        }
        drop(ann);
        server.stop().await;
    }
}

//! A server that ends in all the ways there are, and one that goes on with its data directory.

use std::net::TcpListener;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kit::{Chat, Process, within};

/// What someone needs to go on.
struct Left {
    welcome: Value,
    ack: Value,
}

fn server(directory: &TempDir, durability: &str) -> Process {
    let directory = directory.path().to_str().expect("made of text");
    Process::server(&["--data-dir", directory, "--durability", durability])
}

/// Someone comes in, says something that is acknowledged, and is there still when the server ends.
async fn speak(server: &mut Process) -> (Chat, Left) {
    let mut ann = Chat::connect(server.address().await).await;
    ann.send(json!({"type": "hello", "user": "ann"})).await;
    let welcome = ann.expect("welcome").await;
    ann.send(json!({"type": "join", "room": "tea"})).await;
    ann.until("history").await;
    ann.send(json!({"type": "message", "room": "tea", "content": "hello", "id": 7})).await;
    let ack = ann.until("ack").await;
    (ann, Left { welcome, ack })
}

/// They come back to the next server: what `welcome` says, what `joined` says, and what comes of the same message again.
async fn come_back(server: &mut Process, left: &Left) -> (Value, Value, Value) {
    let mut ann = Chat::connect(server.address().await).await;
    let Left { welcome, ack } = left;
    let (session, secret) = (&welcome["session"], &welcome["secret"]);
    ann.send(json!({"type": "hello", "user": "ann", "session": session, "secret": secret})).await;
    let welcome = ann.expect("welcome").await;
    let (epoch, since) = (&ack["epoch"], &ack["seq"]);
    ann.send(json!({"type": "join", "room": "tea", "epoch": epoch, "since": since})).await;
    let joined = ann.expect("joined").await;
    ann.send(json!({"type": "message", "room": "tea", "content": "hello", "id": 7})).await;
    (welcome, joined, ann.until("ack").await)
}

async fn assert_goes_on(server: &mut Process, left: &Left) {
    let (welcome, joined, again) = come_back(server, left).await;
    assert_eq!(welcome["resumed"], true, "{welcome}");
    assert_eq!((&joined["verdict"], &joined["epoch"]), (&json!("full"), &left.ack["epoch"]), "{joined}");
    assert_eq!(again, left.ack, "it is answered as before, and not said again");
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill() {
    for durability in ["commit", "interval"] {
        let directory = TempDir::new().unwrap();
        let mut first = server(&directory, durability);
        let (_ann, left) = speak(&mut first).await;
        first.kill().await;
        assert_goes_on(&mut server(&directory, durability), &left).await;
    }
}

#[tokio::test]
async fn what_may_be_lost_is_said_to_be() {
    let directory = TempDir::new().unwrap();
    let mut first = server(&directory, "none");
    let (_ann, left) = speak(&mut first).await;
    first.kill().await;
    let (welcome, joined, again) = come_back(&mut server(&directory, "none"), &left).await;
    assert_eq!(welcome["resumed"], false, "{welcome}");
    assert_eq!(joined["verdict"], "reset", "{joined}");
    assert!(joined["epoch"] != left.ack["epoch"], "{joined}");
    assert_eq!(again["epoch"], joined["epoch"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_planned_end_loses_nothing_whatever_is_promised() {
    for durability in ["commit", "interval", "none"] {
        let directory = TempDir::new().unwrap();
        let mut first = server(&directory, durability);
        let (_ann, left) = speak(&mut first).await;
        first.terminate();
        assert_eq!(first.ended().await.code, Some(0));
        assert_goes_on(&mut server(&directory, durability), &left).await;
    }
}

#[tokio::test]
async fn lives_that_follow_each_other_go_on() {
    let directory = TempDir::new().unwrap();
    let mut first = server(&directory, "commit");
    let (_ann, mut left) = speak(&mut first).await;
    first.kill().await;
    for _ in 0..4 {
        let mut next = server(&directory, "commit");
        let (welcome, joined, again) = come_back(&mut next, &left).await;
        assert_eq!((&welcome["resumed"], &joined["verdict"]), (&json!(true), &json!("full")));
        assert_eq!(again, left.ack);
        left.welcome = welcome;
        next.kill().await;
    }
}

#[tokio::test]
async fn two_servers_do_not_share_a_directory() {
    let directory = TempDir::new().unwrap();
    let mut first = server(&directory, "commit");
    first.address().await;
    let ended = server(&directory, "commit").ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("is in use by another server"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_cannot_be_a_data_directory_is_one_line_with_its_path_and_what_to_do() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let path = file.to_str().expect("made of text");
    let ended = Process::run("chat-server", &["--data-dir", path, "--port", "0", "--log", "error"]).await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 1), "{ended:?}");
    assert!(
        ended.stderr.starts_with(&format!("chat-server: --data-dir {path}: cannot ")),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.trim_end().ends_with(": name a directory"), "{}", ended.stderr);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_is_let_in_before_what_was_kept_is_read() {
    let directory = TempDir::new().unwrap();
    let state = directory.path().join("state");
    let made = std::process::Command::new("mkfifo").arg(&state).status().expect("there is mkfifo");
    assert!(made.success());
    // It was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (state, listen) = (state.to_str().expect("made of text"), address.to_string());
    let server = Process::start("chat-server", &["--state-file", state, "--listen", &listen]);
    let state = state.to_owned();
    let open = tokio::task::spawn_blocking(move || std::fs::File::options().write(true).open(state));
    let pipe = within("the server's look at what was kept", open).await.unwrap().unwrap();
    let refused = std::net::TcpStream::connect(address).expect_err("it reads still");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    drop(pipe);
    assert_eq!(server.ended().await.code, Some(1), "nothing was kept");
}

/// The files of a directory, into another one.
fn copy(from: &TempDir, to: &TempDir) {
    for file in std::fs::read_dir(from.path()).unwrap() {
        let file = file.unwrap().path();
        std::fs::copy(&file, to.path().join(file.file_name().expect("it has one"))).unwrap();
    }
}

#[tokio::test]
async fn who_has_seen_more_than_a_restored_copy_has_is_told() {
    let (directory, restored) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut first = server(&directory, "commit");
    let (mut ann, _) = speak(&mut first).await;
    copy(&directory, &restored);
    ann.send(json!({"type": "message", "room": "tea", "content": "this is not in the copy", "id": 8})).await;
    let ack = ann.until("ack").await;
    first.kill().await;
    let mut second = server(&restored, "commit");
    let mut bob = Chat::connect(second.address().await).await;
    bob.send(json!({"type": "hello", "user": "bob"})).await;
    let since = json!({"type": "join", "room": "tea", "epoch": ack["epoch"], "since": ack["seq"]});
    bob.send(since).await;
    assert_eq!(bob.until("joined").await["verdict"], "reset");
}

#[tokio::test]
async fn a_directory_of_something_else_is_left_alone() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("life"), "of something else").unwrap();
    let ended = server(&directory, "commit").ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("`life`"), "{}", ended.stderr);
    assert_eq!(std::fs::read(directory.path().join("life")).unwrap(), b"of something else");
}

/// What `inspect` says of a directory that no server would start with.
async fn inspected(directory: &TempDir) -> String {
    let path = directory.path().to_str().expect("made of text");
    let ended = Process::run("chat-server", &["inspect", path]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.starts_with(&format!("chat-server: {path}: ")), "{ended:?}");
    ended.stderr
}

#[tokio::test]
async fn what_is_no_data_directory_of_this_version_is_told_in_one_line() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("notes.txt"), "of something else").unwrap();
    let line = inspected(&directory).await;
    assert!(line.contains("`notes.txt` does not belong to this data directory"), "{line}");

    let directory = TempDir::new().unwrap();
    let (_ann, _) = speak(&mut server(&directory, "commit")).await;
    let life = directory.path().join("life");
    let text = std::fs::read_to_string(&life).unwrap();
    let (lines, _) = text.split_once("crc ").expect("it ends with one");
    let newer = lines.replacen("chinwag data 1\n", "chinwag data 2\n", 1);
    std::fs::write(&life, format!("{newer}crc {:08x}\n", crc32fast::hash(newer.as_bytes()))).unwrap();
    let line = inspected(&directory).await;
    assert!(line.contains("`life` has format 2"), "{line}");
}

#[tokio::test]
async fn what_a_directory_holds_can_be_looked_at() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().expect("made of text");
    let inspect = async || Process::run("chat-server", &["inspect", "--json", path]).await;
    let empty = inspect().await;
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    let mut first = server(&directory, "commit");
    let (_ann, _) = speak(&mut first).await;
    first.kill().await;
    let ended = inspect().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let seen: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(seen["life"], json!({"durability": "commit", "shards": 1, "clean": false}));
    let last = seen["shards"][0]["last"].as_u64().unwrap();
    assert!(last >= 4, "the beginning, a connection, a join and a message: {seen}");

    // A bit is not what it was, and something behind it was synced after it.
    let log = std::fs::read_dir(path).unwrap().find_map(|file| {
        let file = file.unwrap().path();
        (file.extension()? == "log").then_some(file)
    });
    let log = log.expect("there is a log");
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let ended = inspect().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let refused = server(&directory, "commit").ended().await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("is damaged at byte"), "{}", refused.stderr);
}

#[cfg(unix)]
#[tokio::test]
async fn a_planned_restart_in_memory_keeps_everything_and_a_kill_nothing() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("state");
    let start = || Process::server(&["--state-file", file.to_str().expect("made of text")]);
    let mut first = start();
    let (_ann, mut left) = speak(&mut first).await;
    first.terminate();
    assert_eq!(first.ended().await.code, Some(0));
    let mut second = start();
    let (welcome, joined, again) = come_back(&mut second, &left).await;
    assert_eq!((&welcome["resumed"], &joined["verdict"], &again), (&json!(true), &json!("full"), &left.ack));
    left.welcome = welcome;
    second.kill().await;
    let (welcome, joined, _) = come_back(&mut start(), &left).await;
    assert_eq!(
        (&welcome["resumed"], &joined["verdict"]),
        (&json!(false), &json!("reset")),
        "state is taken once"
    );
}

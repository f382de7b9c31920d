//! A server whose run is captured, in every dialect that has a line here, and led through the machines once more.

use std::{fs, path::Path};

use chinwag_journal::capture::{End, Recorded, Replay};
use serde_json::json;
use tempfile::TempDir;

use crate::kit::{Chat, Process};

const SAID: &str = "nobody else need know";

/// People talk on two threads until the server ends; the capture of it.
async fn talk(directory: &TempDir, bodies: &str) -> Vec<u8> {
    let file = directory.path().join("capture");
    let path = file.to_str().expect("made of text");
    let mut server = Process::server(&["--capture", path, "--capture-bodies", bodies, "--threads", "2"]);
    let (mut people, address) = (vec![], server.address().await);
    for user in ["ann", "bob", "cho"] {
        let mut chat = Chat::connect(address).await;
        chat.send(json!({"type": "join", "room": "tea", "user": user})).await;
        chat.until("history").await;
        people.push(chat);
    }
    for id in 1..=20 {
        let chat = &mut people[id % 3];
        chat.send(json!({"type": "message", "room": "tea", "content": format!("{SAID} {id}"), "id": id}))
            .await;
        chat.until("ack").await;
    }
    end(server, people).await;
    fs::read(file).unwrap()
}

/// A planned end, with nobody left to wait for.
async fn end(server: Process, people: Vec<Chat>) {
    people.into_iter().for_each(Chat::cut);
    server.terminate();
    let ended = server.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// How many inputs there are, and frames of text; all of them come to the same.
fn replay(file: &[u8]) -> (usize, usize, Option<End>) {
    let mut replay = Replay::open(file).unwrap();
    let (mut inputs, mut frames, mut end) = (0, 0, None);
    while let Some(step) = replay.step().unwrap() {
        assert_eq!(step.difference, None, "input {inputs}: {:?}", step.record);
        end = step.end();
        inputs += 1;
        frames += usize::from(matches!(step.record.input, Recorded::Text { .. }));
    }
    (inputs, frames, end)
}

fn contains(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

#[tokio::test]
async fn a_run_comes_to_the_same_once_more() {
    for bodies in ["clear", "hashed"] {
        let directory = TempDir::new().unwrap();
        let file = talk(&directory, bodies).await;
        let (inputs, frames, end) = replay(&file);
        assert!(frames >= 23 && inputs > frames, "{inputs} {frames}");
        assert_eq!(end, Some(End::Stopped));
        assert_eq!(contains(&file, SAID), bodies == "clear");
        assert!(contains(&file, "tea"));
    }
}

#[tokio::test]
async fn the_capture_before_is_kept_and_only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = TempDir::new().unwrap();
    let first = talk(&directory, "clear").await;
    let second = talk(&directory, "clear").await;
    assert!(first != second);
    assert!(fs::read(directory.path().join("capture.1")).unwrap() == first);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&directory.path().join("capture")) & 0o777, 0o600);
}

#[tokio::test]
async fn what_was_written_before_a_kill_can_be_replayed() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("capture");
    let mut server = Process::server(&["--capture", file.to_str().unwrap()]);
    let mut ann = Chat::connect(server.address().await).await;
    ann.send(json!({"type": "join", "room": "tea", "user": "ann"})).await;
    ann.until("history").await;
    server.kill().await;
    let (_, _, end) = replay(&fs::read(file).unwrap());
    assert_eq!(end, None);
}

#[tokio::test]
async fn a_capture_goes_on_from_a_data_directory() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    for bodies in ["clear", "hashed"] {
        let file = directory.path().join(bodies);
        let (data, path) = (data.to_str().unwrap(), file.to_str().unwrap());
        let mut server =
            Process::server(&["--data-dir", data, "--capture", path, "--capture-bodies", bodies]);
        let mut ann = Chat::connect(server.address().await).await;
        ann.send(json!({"type": "join", "room": "tea", "user": "ann", "history": 50})).await;
        ann.until("history").await;
        ann.send(json!({"type": "message", "room": "tea", "content": SAID, "id": 1})).await;
        ann.until("ack").await;
        end(server, vec![ann]).await;
        let file = fs::read(file).unwrap();
        replay(&file);
        assert_eq!(contains(&file, SAID), bodies == "clear");
    }
}

#[tokio::test]
async fn a_full_capture_ends_and_the_server_goes_on() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("capture");
    let mut server = Process::server(&["--capture", file.to_str().unwrap(), "--capture-bytes", "1000"]);
    let (mut people, address) = (vec![], server.address().await);
    for user in ["ann", "bob", "cho", "dan", "eve", "fay"] {
        let mut chat = Chat::connect(address).await;
        chat.send(json!({"type": "join", "room": "tea", "user": user})).await;
        chat.until("history").await;
        people.push(chat);
    }
    end(server, people).await;
    let file = fs::read(file).unwrap();
    let (inputs, _, end) = replay(&file);
    assert!(inputs > 5 && end == Some(End::Full), "{inputs} {end:?}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_told_in_one_line() {
    let ended = Process::server(&["--capture", "/nowhere/at/all"]).ended().await;
    assert_eq!(ended.code, Some(1));
    let said = ended.stderr;
    assert!(said.contains("--capture /nowhere/at/all") && said.contains("name a file"), "{said}");
}

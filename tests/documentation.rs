//! What `docs/protocol.md` and `docs/dialects.md` say is what happens.

use std::collections::BTreeSet;

use chinwag_core::{Disconnect, Refusal};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::kit::{Chat, Host};

const PROTOCOL: &str = include_str!("../docs/protocol.md");
const DIALECTS: &str = include_str!("../docs/dialects.md");

/// The lines of a document's section, by its heading.
fn section(document: &'static str, heading: &str) -> impl Iterator<Item = &'static str> {
    let heading = format!("## {heading}");
    let lines = document.lines().skip_while(move |line| *line != heading).skip(1);
    lines.take_while(|line| !line.starts_with("## "))
}

/// The first cells of a section's tables, which hold codes.
fn codes(heading: &str) -> BTreeSet<&'static str> {
    let cells = section(PROTOCOL, heading).filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells
        .flat_map(|cell| cell.split(", "))
        .filter(|cell| *cell != "code")
        .map(|code| code.trim_matches('`'))
        .collect()
}

/// A frame without what differs from run to run, its fields in the order they came in.
fn shape(frame: &str) -> String {
    let mut shape = frame.to_owned();
    let value: Value = serde_json::from_str(frame).expect("examples are JSON");
    let changing = [
        "/epoch",
        "/timestamp",
        "/messageId",
        "/payload/epoch",
        "/payload/timestamp",
        "/data/sessionId",
        "/data/lastSeen",
        "/data/timestamp",
    ];
    for changing in changing.iter().filter_map(|field| value.pointer(field)) {
        shape = shape.replace(&changing.to_string(), "…");
    }
    shape
}

/// Says what a section's example says, and compares what is answered with what is printed. Returns how many answers.
async fn converse(mut client: Chat, document: &'static str, heading: &str) -> usize {
    let example = section(document, heading).skip_while(|line| *line != "```").skip(1);
    let mut answers = 0;
    for line in example.take_while(|line| *line != "```") {
        if let Some(said) = line.strip_prefix("> ") {
            client.send_text(said).await;
        } else {
            assert_eq!(shape(&client.next_text().await), shape(line.trim()));
            answers += 1;
        }
    }
    answers
}

async fn connect(server: &Host, path: &str) -> Chat {
    let url = format!("ws://{}/{path}", server.address);
    Chat::connect_to(&url, TcpStream::connect(server.address).await.unwrap()).await
}

#[tokio::test]
async fn conversations_are_answered_as_printed() {
    let server = Host::start(|_| {});
    assert_eq!(converse(server.connect().await, PROTOCOL, "A conversation").await, 6);
    let ann = connect(&server, "api/ws?token=ann").await;
    assert_eq!(converse(ann, DIALECTS, "`envelope`").await, 6);
    server.stop().await;
}

#[tokio::test]
async fn lines_are_answered_as_printed() {
    let server = Host::start(|_| {});
    let mut ann = connect(&server, "lobby?user=ann").await;
    let example = section(DIALECTS, "`lobby`").skip_while(|line| !line.starts_with("$ ")).skip(1);
    let mut answers = 0;
    for line in example.take_while(|line| *line != "```") {
        let is_message = line.starts_with("20");
        if !is_message && !line.starts_with('*') {
            ann.send_text(line).await;
            continue;
        }
        let answer = ann.next_text().await;
        let instant = if is_message { "2026-11-21T05:03:00.000Z".len() } else { 0 };
        assert_eq!(answer[instant..], line[instant..]);
        answers += 1;
    }
    assert_eq!(answers, 6);
    server.stop().await;
}

#[tokio::test]
async fn an_agent_answers_as_printed() {
    let server = Host::start(|_| {});
    let mut alice = server.member("alice", "lobby").await;
    let answering = async {
        let asked = alice.until("message").await;
        let status = json!({
            "type": "status", "room": "lobby", "state": "working", "detail": "Reviewing login component",
        });
        alice.send(status).await;
        let answer = json!({
            "type": "message", "room": "lobby", "kind": "agent", "content": "Got it!",
            "client_id": 1_795_237_382_000_u64, "reply_to": asked["client_id"],
        });
        alice.send(answer).await;
    };
    let bob = connect(&server, "ws").await;
    let (answers, ()) = tokio::join!(converse(bob, DIALECTS, "`agents`"), answering);
    assert_eq!(answers, 5);
    server.stop().await;
}

#[test]
fn every_error_code_is_described() {
    let known: BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.code()).collect();
    assert_eq!(codes("Error codes"), known);
}

#[test]
fn every_close_code_is_described() {
    let known: BTreeSet<_> = Disconnect::ALL.iter().map(|disconnect| disconnect.code().to_string()).collect();
    assert_eq!(codes("Close codes"), known.iter().map(String::as_str).collect());
}

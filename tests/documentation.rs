//! What `docs/protocol.md` says is what happens.

use std::collections::BTreeSet;

use chinwag_core::{Disconnect, Refusal};
use serde_json::Value;

use crate::kit::Host;

const PROTOCOL: &str = include_str!("../docs/protocol.md");

/// The lines of a section, by its heading.
fn section(heading: &str) -> impl Iterator<Item = &'static str> {
    let heading = format!("## {heading}");
    let lines = PROTOCOL.lines().skip_while(move |line| *line != heading).skip(1);
    lines.take_while(|line| !line.starts_with("## "))
}

/// The first cells of a section's tables, which hold codes.
fn codes(heading: &str) -> BTreeSet<&'static str> {
    let cells = section(heading).filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
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
    for field in ["epoch", "timestamp"] {
        if let Some(changing) = value.get(field) {
            shape = shape.replace(&changing.to_string(), "…");
        }
    }
    shape
}

#[tokio::test]
async fn the_conversation_is_answered_as_printed() {
    let server = Host::start(|_| {});
    let mut alice = server.connect().await;
    let lines =
        section("A conversation").skip_while(|line| *line != "```").skip(1).take_while(|line| *line != "```");
    let mut answers = 0;
    for line in lines {
        if let Some(said) = line.strip_prefix("> ") {
            alice.send_text(said).await;
        } else {
            assert_eq!(shape(&alice.next_text().await), shape(line.trim()));
            answers += 1;
        }
    }
    assert_eq!(answers, 6);
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

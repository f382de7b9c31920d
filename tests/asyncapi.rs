//! `docs/asyncapi.json` is what the types say, and what is said on the wire is what it says.

use std::collections::BTreeSet;

use chinwag_core::dialect::Dialect;
use serde_json::{Value, json};
use tokio::net::TcpStream;

pub(crate) use self::conform::conforms;
use self::{document::key, said::examples};
use crate::kit::{Chat, Host};

mod conform;
mod document;
mod said;

const PROTOCOL: &str = include_str!("../docs/protocol.md");
const DIALECTS: &str = include_str!("../docs/dialects.md");
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/asyncapi.json");
/// Set in the environment, it has the file written anew.
const WRITE: &str = "WRITE_ASYNCAPI";

fn committed() -> Value {
    serde_json::from_str(&std::fs::read_to_string(COMMITTED).unwrap()).unwrap()
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let generated = document::pretty(&document::document());
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(COMMITTED, &generated).unwrap();
    }
    let is_same = std::fs::read_to_string(COMMITTED).is_ok_and(|committed| committed == generated);
    assert!(is_same, "docs/asyncapi.json is out of date: {WRITE}=1 cargo test -p chinwag-tests asyncapi");
}

/// The JSON in a packet of Socket.IO's: of an event what it holds, of an answer what its callback is called with.
fn data(packet: &str) -> Option<Value> {
    let json: Value = serde_json::from_str(&packet[packet.find(['[', '{'])?..]).unwrap();
    match json {
        Value::Array(parts) => parts.into_iter().next_back(),
        whole => Some(whole),
    }
}

/// The messages of one side of a channel that a frame fits, by their keys.
fn fitting(document: &Value, dialect: Dialect, side: &str, frame: &str) -> Result<BTreeSet<String>, String> {
    let messages = &document["channels"][dialect.name()]["messages"];
    let value = match dialect {
        Dialect::Lobby | Dialect::SocketIo => json!(frame),
        _ => serde_json::from_str(frame).unwrap(),
    };
    let (mut fits, mut faults) = (BTreeSet::new(), Vec::new());
    for (name, message) in messages.as_object().unwrap().iter().filter(|(name, _)| name.starts_with(side)) {
        let payload = &message["payload"];
        let mut verdict = conforms(document, payload, &value);
        if let (Ok(()), Some(schema), Some(data)) = (&verdict, payload.get("x-data"), data(frame)) {
            verdict = conforms(document, schema, &data);
        }
        match verdict {
            Ok(()) => drop(fits.insert(name.clone())),
            Err(fault) if value.get("type").is_none_or(|kind| key(side, kind.as_str().unwrap()) == *name) => {
                faults.push(fault);
            }
            Err(_) => {}
        }
    }
    if fits.len() == 1 { Ok(fits) } else { Err(format!("{side} {frame} fits {fits:?}: {faults:?}")) }
}

/// A frame that the document describes, as exactly one message, whose key is given.
fn described(document: &Value, dialect: Dialect, side: &str, frame: &str) -> String {
    fitting(document, dialect, side, frame).unwrap_or_else(|fault| panic!("{fault}")).pop_first().unwrap()
}

/// The first printed conversation behind a heading: who speaks, and what.
fn conversation(document: &'static str, heading: &str) -> Vec<(&'static str, &'static str)> {
    let lines = document.lines().skip_while(|line| *line != heading);
    let lines = lines.skip_while(|line| !line.starts_with("```")).skip(1).take_while(|line| *line != "```");
    lines
        .map(|line| line.strip_prefix("> ").map_or_else(|| ("server", line.trim()), |said| ("client", said)))
        .collect()
}

#[test]
fn printed_conversations_are_as_described() {
    let document = committed();
    for (text, heading, dialect) in [
        (PROTOCOL, "## A conversation", Dialect::Chat),
        (DIALECTS, "## `envelope`", Dialect::Envelope),
        (DIALECTS, "## `agents`", Dialect::Agents),
    ] {
        let conversation = conversation(text, heading);
        assert!(conversation.len() > 5, "{heading}");
        for (side, frame) in conversation {
            described(&document, dialect, side, frame);
        }
    }
    for (_, line) in conversation(DIALECTS, "## `lobby`").iter().filter(|(_, line)| !line.starts_with('$')) {
        let is_servers = line.starts_with(['*', '!']) || line.starts_with("20");
        described(&document, Dialect::Lobby, if is_servers { "server" } else { "client" }, line);
    }
}

#[test]
fn what_specifications_show_of_clients_is_as_described() {
    let document = committed();
    for (dialect, frame) in [
        (Dialect::Chat, r#"{"type": "join", "room": "general", "user": "alice"}"#),
        (Dialect::Chat, r#"{"type": "message", "room": "general", "content": "Hello!", "user": "alice"}"#),
        (Dialect::Chat, r#"{"type": "typing", "room": "general", "user": "alice", "typing": true}"#),
        (Dialect::Chat, r#"{"type": "leave", "room": "general", "user": "alice"}"#),
        (Dialect::Envelope, r#"{"type": "joinRoom", "payload": {"roomId": "string"}}"#),
        (Dialect::Envelope, r#"{"type": "leaveRoom", "payload": {"roomId": "string"}}"#),
        (
            Dialect::Envelope,
            r#"{"type": "message", "payload": {"roomId": "string", "content": "string",
                "metadata": {"type": "file", "fileUrl": "string", "fileName": "string"}}}"#,
        ),
        (
            Dialect::Envelope,
            r#"{"type": "taskUpdate", "payload": {"taskId": "string", "status": "string", "progress": 12.5, "metadata": {}}}"#,
        ),
        (
            Dialect::Envelope,
            r#"{"type": "taskAssign", "payload": {"taskId": "string", "assigneeId": "string", "priority": 1}}"#,
        ),
        (
            Dialect::Agents,
            r#"{"type": "auth", "data": {"userId": "alice", "role": "developer", "token": "optional-auth-token"}}"#,
        ),
        (
            Dialect::Agents,
            r#"{"type": "status_update", "data": {"userId": "alice", "status": "working",
                "currentTask": "Reviewing login component", "progress": 25}}"#,
        ),
    ] {
        described(&document, dialect, "client", frame);
    }
}

/// The document says so, too: what is optional is described as nullable for clients, and for servers is not.
#[test]
fn what_clients_may_leave_out_may_be_null() {
    let mut nulls = 0;
    for (dialect, place) in [
        (Dialect::Chat, ""),
        (Dialect::Envelope, ""),
        (Dialect::Envelope, "/payload"),
        (Dialect::SocketIo, "/1"),
        (Dialect::Agents, "/data"),
    ] {
        for text in examples(dialect) {
            let whole: Value = serde_json::from_str(text).unwrap();
            for name in whole.pointer(place).and_then(Value::as_object).into_iter().flat_map(|at| at.keys()) {
                let (mut without, mut null) = (whole.clone(), whole.clone());
                without.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
                null.pointer_mut(place).unwrap()[name] = Value::Null;
                if said::is_taken(dialect, &without.to_string()) {
                    assert!(said::is_taken(dialect, &null.to_string()), "{null}");
                    nulls += 1;
                }
            }
        }
    }
    assert!(nulls > 40, "{nulls}");
}

#[test]
fn what_servers_leave_out_is_never_null() {
    let null = |schema: &Value| schema["type"].as_array().is_some_and(|types| types.contains(&"null".into()));
    let mut pending = vec![committed()["channels"].take(), committed()["components"]["schemas"].take()];
    let mut nullable = Vec::new();
    while let Some(value) = pending.pop() {
        for (key, inner) in value.as_object().into_iter().flatten() {
            // What clients say is below keys of theirs.
            if key.starts_with("client.") || key.contains(".client") {
                continue;
            }
            let properties = inner["properties"].as_object().into_iter().flatten();
            nullable.extend(properties.filter(|(_, property)| null(property)).map(|(name, _)| name.clone()));
            pending.push(inner.clone());
        }
        pending.extend(value.as_array().into_iter().flatten().cloned());
    }
    assert_eq!(nullable, ["replyTo", "replyTo"], "specification 4 wants it there (S4.8, S4.10)");
}

#[test]
fn what_is_no_frame_is_not_described() {
    let document = committed();
    for (dialect, frame) in [
        (Dialect::Chat, r#"{"type":"join"}"#),
        (Dialect::Chat, r#"{"type":"message","room":"general","content":1}"#),
        (Dialect::Chat, r#"{"type":"fly","room":"general"}"#),
        (Dialect::Envelope, r#"{"type":"joinRoom","payload":{}}"#),
        (Dialect::SocketIo, r#"42["bot:status",{"progress":1}]"#),
        (Dialect::SocketIo, r#"42["typing",{"botId":"weather","isTyping":"yes"}]"#),
        (Dialect::Agents, r#"{"type":"auth","data":{}}"#),
    ] {
        assert!(fitting(&document, dialect, "client", frame).is_err(), "{frame}");
    }
}

/// The first cells of the table behind a heading: names of frames.
fn named(text: &'static str, heading: &str) -> BTreeSet<String> {
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    let rows = lines.take_while(|line| !line.starts_with("##")).filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split(" | ").next().unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn what_is_described_in_words_is_described_here() {
    let document = committed();
    for (dialect, side, text, heading, unlisted) in [
        (Dialect::Chat, "client", PROTOCOL, "## From client to server", &[][..]),
        (Dialect::Chat, "server", PROTOCOL, "## From server to client", &[]),
        (Dialect::Envelope, "client", DIALECTS, "## `envelope`", &[]),
        (Dialect::Agents, "client", DIALECTS, "## `agents`", &[]),
        (
            Dialect::SocketIo,
            "client",
            DIALECTS,
            "### What a client emits",
            &["connect", "disconnect", "ping", "pong"],
        ),
        (
            Dialect::SocketIo,
            "server",
            DIALECTS,
            "### What a client hears",
            &[
                "ack",
                "connect_error",
                "connected",
                "disconnect",
                "open",
                "ping",
                "pong",
                "room:created",
                "room:joined",
                "room:list",
                "token:refreshed",
            ],
        ),
    ] {
        let messages = document["channels"][dialect.name()]["messages"].as_object().unwrap();
        let here: BTreeSet<_> = messages.keys().filter(|name| name.starts_with(side)).cloned().collect();
        let names = named(text, heading).into_iter().chain(unlisted.iter().map(|&name| name.to_owned()));
        let there: BTreeSet<_> = names.map(|name| key(side, &name)).collect();
        assert_eq!(here, there, "{} {side}", dialect.name());
    }
}

/// Says all that may be said, and gives the messages that come back until the server answers the last.
async fn answers(
    server: &Host,
    document: &Value,
    dialect: Dialect,
    query: &str,
    last: &str,
) -> BTreeSet<String> {
    let url = format!("ws://{}{}{query}", server.address, dialect.path());
    let mut client = Chat::connect_to(&url, TcpStream::connect(server.address).await.unwrap()).await;
    if dialect == Dialect::SocketIo {
        client.send_text(r#"40{"userId":"weather"}"#).await;
        while described(document, dialect, "server", &client.next_text().await) != "server.connected" {}
    }
    for (number, said) in examples(dialect).iter().enumerate() {
        // Of events one is answered in a callback, the others by events.
        let packet = format!("42{}{said}", if number == 0 { "0" } else { "" });
        client.send_text(if dialect == Dialect::SocketIo { &packet } else { said }).await;
    }
    let mut heard = BTreeSet::new();
    while !heard.contains(last) {
        heard.insert(described(document, dialect, "server", &client.next_text().await));
    }
    heard
}

#[tokio::test]
async fn what_servers_say_is_as_described() {
    let (server, document) = (Host::start(|_| {}), committed());
    for (dialect, query, last, least) in [
        (Dialect::Chat, "", "server.left", 12),
        (Dialect::Envelope, "?token=ann", "server.leaveRoom", 7),
        (Dialect::Lobby, "?user=ann", "server.message", 2),
        (Dialect::Agents, "", "server.status_update", 3),
    ] {
        let heard = answers(&server, &document, dialect, query, last).await;
        assert!(heard.len() >= least, "{}: {heard:?}", dialect.name());
    }
    let heard =
        answers(&server, &document, Dialect::SocketIo, "?EIO=4&transport=websocket", "server.room.left")
            .await;
    assert!(heard.len() >= 9, "{heard:?}");
    server.stop().await;
}

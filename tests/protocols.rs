//! Protocols in templates: each of our dialects through them, servers that are not ours, and docs/protocols.md.

use std::{fs, net::SocketAddr, path::Path};

use chinwag_scenarios::{Protocol, dialects};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_tungstenite::tungstenite::Message;

use crate::kit::{Ended, Host, Process};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Six in rooms of three talk; then one of each room is cut off, comes back, and all speak once more.
const TALK: &str = r#"
[run]
name = "talk"
seed = 3
clients = 6
drain = "5s"

[rooms]
size = 3

[[scenario]]
name = "people"
stages = [
    { name = "talk", duration = "300ms", executor = "per-vu-iterations", iterations = 2, judged = false },
    { name = "calm", duration = "300ms" },
    { name = "cut", duration = "200ms" },
    { name = "away", duration = "200ms", executor = "per-room-iterations", iterations = 2, judged = false },
    { name = "return", duration = "2s" },
    { name = "again", duration = "300ms", executor = "per-vu-iterations", judged = false },
]

[[event]]
at = { stage = "cut" }
kind = "reset"
fraction = 0.34
down_for = "400ms"

[thresholds]
connections = ["connected==planned", "failed==0"]
delivery = ["received==planned", "lost==0", "duplicated==0", "reordered==0", "foreign==0", "violations==0"]
reconnects = ["count>=planned"]
caught_up = ["count>=planned"]
refused = ["count==0"]
unanswered = ["count==0"]
unsent = ["count==0"]
"#;

/// Runs a scenario; how it ended, and its summary.
async fn run(scenario: &str, args: &[&str]) -> (Ended, Value) {
    let directory: TempDir = tempfile::tempdir().unwrap();
    let (file, out) = (directory.path().join("scenario.toml"), directory.path().join("out"));
    fs::write(&file, scenario).unwrap();
    let paths = ["--scenario", file.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let ended = Process::start("loadgen", &[&paths, args].concat()).ended().await;
    let summary = fs::read_to_string(out.join("summary.json")).unwrap_or_else(|_| "null".into());
    (ended, serde_json::from_str(&summary).unwrap())
}

/// A run in one of our dialects: all that is judged passes, and what is not is said.
async fn dialect(name: &str, expected: u64) {
    let (ended, summary) = run(TALK, &["--dialect", name]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((&summary["protocol"], &summary["verdict"]), (&name.into(), &"pass".into()));
    let count = |key: &str| summary[key].as_u64().unwrap();
    assert_eq!((count("connected"), count("planned")), (6, count("sent")));
    assert_eq!(count("acknowledged") + count("unresolved"), count("sent"));
    // Of those who were cut off only what they were shown is counted.
    let (received, missed) = (count("received_deliveries"), expected - count("received_deliveries"));
    assert_eq!(count("expected_deliveries"), received);
    assert!(count("reconnects") >= 2 && missed <= 2 * count("planned"), "{summary}");
    let not_judged = summary["not_judged"].as_array().unwrap();
    let said = |words: &str| not_judged.iter().any(|line| line.as_str().unwrap().starts_with(words));
    assert!(said("caught_up count>=planned") && said("what is missed"), "{not_judged:?}");
    assert!(ended.stdout.contains("not judged"), "{}", ended.stdout);
}

#[tokio::test]
async fn lobby_is_spoken_by_templates() {
    dialect("lobby", 22 * 3).await;
}

#[tokio::test]
async fn envelope_is_spoken_by_templates() {
    dialect("envelope", 22 * 3).await;
}

#[tokio::test]
async fn socketio_is_spoken_by_templates() {
    dialect("socketio", 22 * 3).await;
}

#[tokio::test]
async fn agents_are_spoken_by_templates_and_all_are_in_one_room() {
    dialect("agents", 20 * 6).await;
}

#[tokio::test]
async fn chat_is_spoken_by_the_core_and_misses_nothing() {
    let (ended, summary) = run(TALK, &["--dialect", "chat"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((&summary["protocol"], &summary["not_judged"]), (&"chat".into(), &Value::Array(vec![])));
    assert_eq!(summary["received_deliveries"], 22 * 3);
}

/// What a fault says instead of a frame to end the connection without a goodbye.
const HANG_UP: &str = "hang up";

/// A server that sends back what it is sent, and may leave out or repeat some of it, or hang up.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Echo {
    /// Each frame goes through `fault`, which is given how many came before it on this connection.
    pub(crate) async fn start(fault: fn(usize, &mut Vec<String>)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                    let mut count = 0;
                    while let Some(Ok(message)) = socket.next().await {
                        let Message::Text(text) = message else { continue };
                        let mut texts = vec![text.to_string()];
                        fault(count, &mut texts);
                        count += 1;
                        if texts.iter().any(|text| text == HANG_UP) {
                            return;
                        }
                        for text in texts {
                            let _ = socket.send(Message::text(text)).await;
                        }
                    }
                });
            }
        });
        Self { address, task }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Two who each say three things to an echo.
const ECHO: &str = r#"
[run]
name = "echo"
seed = 1
clients = 2
drain = "500ms"

[rooms]
size = 2

[[scenario]]
name = "people"
executor = "per-vu-iterations"
stages = [{ name = "talk", duration = "300ms", iterations = 3, judged = false }]
"#;

/// What an echo with a fault comes to: code, expected, received, lost, duplicated.
async fn echo(fault: fn(usize, &mut Vec<String>)) -> (Option<i32>, [u64; 4]) {
    let server = Echo::start(fault).await;
    let (ended, summary) =
        run(ECHO, &["--dialect", "raw", "--url", &format!("ws://{}", server.address)]).await;
    let counts = ["expected_deliveries", "received_deliveries", "lost", "duplicated"];
    (ended.code, counts.map(|key| summary[key].as_u64().unwrap_or_else(|| panic!("{ended:?}"))))
}

#[tokio::test]
async fn an_echo_is_heard_by_its_sender_only() {
    assert_eq!(echo(|_, _| {}).await, (Some(0), [6, 6, 0, 0]));
}

#[tokio::test]
async fn an_echo_that_leaves_out_or_repeats_is_found_out() {
    let (code, [expected, received, lost, duplicated]) = echo(|count, texts| {
        if count == 1 {
            texts.clear();
        }
    })
    .await;
    assert_eq!((code, expected, received, lost, duplicated), (Some(99), 6, 4, 2, 0));
    let (code, [.., lost, duplicated]) = echo(|count, texts| {
        if count == 1 {
            texts.push(texts[0].clone());
        }
    })
    .await;
    assert_eq!((code, lost, duplicated), (Some(99), 0, 2));
}

/// Hangs up on everybody at the third message that it was to send back; it has swallowed two.
fn swallow_and_hang_up(count: usize, texts: &mut Vec<String>) {
    texts.clear();
    texts.extend((count == 2).then(|| HANG_UP.to_owned()));
}

#[tokio::test]
async fn a_server_that_swallows_messages_and_hangs_up_is_found_out() {
    let server = Echo::start(swallow_and_hang_up).await;
    let url = format!("ws://{}", server.address);
    let thresholds =
        "\n[thresholds]\nunresolved = [\"count<6\"]\nerrors = [\"count==0\"]\nunanswered = [\"count==0\"]\n";
    let (ended, summary) = run(&format!("{ECHO}{thresholds}"), &["--dialect", "raw", "--url", &url]).await;
    assert_eq!(ended.code, Some(99), "{ended:?}");
    assert_eq!((&summary["unresolved"], &summary["abandoned"]), (&6.into(), &6.into()));
    let reason =
        "FAIL (2 of 3 thresholds, 6 messages left without an answer by connections that the server ended)";
    assert_eq!(summary["reason"], reason);
    assert!(ended.stdout.contains("   unresolved 6\n"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_mistake_is_told_in_one_line_before_anything_starts() {
    let typing = ECHO.replace("executor =", "flow = [\"typing\", { think = \"1ms\" }, \"say\"]\nexecutor =");
    for (scenario, args, words) in [
        (ECHO, &["--dialect", "lobbi"][..], "did you mean `lobby`?"),
        (ECHO, &["--protocol", "no/such.toml"], "no/such.toml: there is no such file"),
        (ECHO, &["--header", "X-Name"], "write it as 'Name: value'"),
        (ECHO, &["--tokens", "no/such"], "--tokens: cannot read no/such"),
        (
            &typing,
            &["--dialect", "raw"],
            "protocol raw does not say how this is done, which the plan wants: Typing",
        ),
    ] {
        let (ended, _) = run(scenario, args).await;
        assert_eq!(ended.code, Some(104), "{ended:?}");
        assert!(ended.stderr.contains(words) && ended.stderr.lines().count() == 1, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn tokens_and_headers_go_with_every_connection() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let secret = "a secret of more than thirty-two bytes";
    fs::write(&path, secret).unwrap();
    let path = path.to_str().unwrap();
    let server = Host::start(|settings| {
        settings.identity.token_secret = Some(chinwag_server::TokenSecret::new(secret));
    });
    let url = format!("ws://{}", server.address);
    for dialect in ["chat", "lobby", "envelope", "socketio", "agents"] {
        let args = ["--dialect", dialect, "--url", &url, "--token-secret-file", path];
        let (ended, summary) = run(ECHO, &[&args[..], &["--header", "X-Bot: {user}"]].concat()).await;
        assert_eq!(ended.code, Some(0), "{dialect}: {ended:?}");
        assert_eq!(summary["received_deliveries"], 12, "{dialect}");
    }
    let (ended, summary) = run(ECHO, &["--dialect", "envelope", "--url", &url]).await;
    assert_ne!(ended.code, Some(0), "without a token nobody is let in: {summary}");
    server.stop().await;
}

#[tokio::test]
async fn a_protocol_is_checked_without_sending_anything() {
    let directory = tempfile::tempdir().unwrap();
    let bad = directory.path().join("bad.toml");
    fs::write(&bad, dialects()[0].text.replace("rooms =", "romms =")).unwrap();
    let good = format!("{ROOT}/protocols/centrifugo.toml");
    let ended = Process::run("loadgen", &["check", &good, bad.to_str().unwrap()]).await;
    assert_eq!(ended.code, Some(104), "{ended:?}");
    assert!(ended.stdout.ends_with(": good: the protocol centrifugo\n"), "{}", ended.stdout);
    let line = "protocol.romms: unknown key `romms`: did you mean `rooms`?";
    assert!(ended.stderr.contains(line) && ended.stderr.lines().count() == 1, "{}", ended.stderr);
}

#[test]
fn every_shipped_protocol_is_sound_and_is_named_after_its_file() {
    let directory = Path::new(ROOT).join("protocols");
    let mut names: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() > dialects().len());
    for path in names {
        let protocol = Protocol::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Some(protocol.name.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
    }
}

#[test]
fn every_example_of_the_page_is_sound() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/protocols.md")).unwrap();
    let examples: Vec<_> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 2);
    for example in examples {
        Protocol::parse("docs/protocols.md", example).unwrap_or_else(|error| panic!("{error} in\n{example}"));
    }
    let files = ["socketio-echo", "fastapi-chat", "centrifugo"];
    for name in files.into_iter().chain(dialects().iter().map(|file| file.name)) {
        assert!(page.contains(&format!("`{name}`")) || page.contains(&format!("{name}.toml")), "{name}");
    }
}

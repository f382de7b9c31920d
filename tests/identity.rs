//! Tokens as an operator makes and demands them.

use std::{fs, net::SocketAddr};

use serde_json::json;
use tokio::net::TcpStream;

use crate::kit::{Chat, Process, get, post};

const SECRET: &str = "a secret that is known to this test";

/// A directory with a key file, and the file's path.
fn key_file(key: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    fs::write(&path, format!("{key}\n")).unwrap();
    let path = path.to_str().expect("the path is text").to_owned();
    (directory, path)
}

#[cfg(unix)]
#[tokio::test]
async fn a_token_made_with_the_servers_secret_opens_its_door_and_is_never_logged() {
    let (_directory, key) = key_file(SECRET);
    let made = Process::run("chat-server", &["token", "--user", "ann", "--key-file", &key]).await;
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""), "{made:?}");
    let token = made.stdout.trim_end();
    assert_eq!(made.stdout.lines().count(), 1, "{made:?}");

    let (mut server, address) = with_key(&key, &["--log", "trace"]).await;
    let url = format!("ws://{address}/chat?token={token}");
    let mut ann = Chat::connect_to(&url, TcpStream::connect(address).await.unwrap()).await;
    ann.send(json!({"type": "join", "room": "general"})).await;
    ann.expect("joined").await;
    let mut bob = Chat::connect(address).await;
    bob.send(json!({"type": "hello", "user": "bob", "token": format!("{token}x")})).await;
    bob.expect_error("bad_token").await;
    let lines = format!("ws://{address}/lobby?token={token}");
    let mut ann = Chat::connect_to(&lines, TcpStream::connect(address).await.unwrap()).await;
    for (line, answer) in [
        (format!("/token {token}"), "* Your token is good until "),
        (format!(" /token {token}"), "* Your token is good until "),
        (format!("/token {token}x"), "! The token is not valid. (its signature does not fit)"),
        (format!("/tokens {token}"), "! There is no such command"),
    ] {
        ann.send_text(&line).await;
        let mut text = ann.next_text().await;
        while !text.starts_with(answer) {
            assert!(!text.contains(token), "{text}");
            text = ann.next_text().await;
        }
    }
    let mut ann =
        Chat::connect_to(&format!("ws://{address}/ws"), TcpStream::connect(address).await.unwrap()).await;
    for answer in ["auth_response", "auth_refreshed"] {
        ann.send(json!({"type": "auth", "data": {"userId": "ann", "token": token}})).await;
        ann.until(answer).await;
    }
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let said = post(address, "/api/rooms/general/messages", &bearer, &json!({"content": "between us"})).await;
    assert_eq!(said.status, 201, "{said:?}");
    server.logged(&["visits", "user=ann"]).await;
    server.terminate();
    let log = server.ended().await.stderr;
    let (_, signature) = token.rsplit_once('.').expect("a token has three parts");
    for private in [token, signature, SECRET, "between us"] {
        assert!(!log.contains(private), "{private} is in\n{log}");
    }
}

/// A server with a key and further arguments, and its address.
async fn with_key(key: &str, args: &[&str]) -> (Process, SocketAddr) {
    let mut server = Process::server(&[&["--token-secret-file", key], args].concat());
    let address = server.address().await;
    (server, address)
}

/// What each dialect answers to somebody who only says that they are ann, and REST's status.
async fn say_ann(address: SocketAddr) -> (Vec<String>, u16) {
    let mut answers = Vec::new();
    for (path, frame) in [
        ("chat", r#"{"type":"hello","user":"ann"}"#),
        ("lobby?user=ann", "/help"),
        ("api/ws?token=ann", r#"{"type":"ping","payload":{}}"#),
        ("socket.io/?EIO=4&transport=websocket", r#"40{"userId":"ann"}"#),
        ("ws", r#"{"type":"auth","data":{"userId":"ann"}}"#),
    ] {
        let tcp = TcpStream::connect(address).await.unwrap();
        let mut ann = Chat::connect_to(&format!("ws://{address}/{path}"), tcp).await;
        ann.send_text(frame).await;
        let first = ann.next_text().await;
        // Engine.IO says something before anybody else.
        answers.push(if first.starts_with("0{") { ann.next_text().await } else { first });
    }
    let rest = get(address, "/api/rooms?user=ann").await;
    (answers, rest.status)
}

#[tokio::test]
async fn with_a_key_no_name_is_anybodys_unless_a_list_says_so() {
    let (_directory, key) = key_file(SECRET);
    let (_strict, address) = with_key(&key, &[]).await;
    let (answers, status) = say_ann(address).await;
    let refusals = ["token_required", "! ", "bad_token", "token_required", "TOKEN_REQUIRED"];
    for (answer, refusal) in answers.iter().zip(refusals) {
        assert!(answer.contains(refusal), "{answer} is not {refusal}");
    }
    assert_eq!(status, 401);

    let (_narrow, address) = with_key(&key, &["--token-dialects", "agents,envelope"]).await;
    let (answers, status) = say_ann(address).await;
    let beginnings = [r#"{"type":"welcome""#, "* Welcome, ann", "", r#"40{"sid""#, ""];
    for (answer, beginning) in answers.iter().zip(beginnings) {
        assert!(answer.starts_with(beginning), "{answer} is not {beginning}");
    }
    assert!(answers[2].contains("bad_token") && answers[4].contains("TOKEN_REQUIRED"), "{answers:?}");
    assert_eq!(status, 200, "REST goes by chat");

    let (_open, address) = with_key(&key, &["--token-dialects", "none"]).await;
    let (answers, _) = say_ann(address).await;
    assert!(answers[2].starts_with(r#"{"type":"connected","payload":{"userId":"ann"}"#), "{answers:?}");
    assert!(answers[4].contains(r#""success":true"#), "{answers:?}");
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_one_line() {
    let (_directory, short) = key_file("short");
    let missing = format!("{short}.missing");
    for (args, part) in [
        (vec!["--token-secret-file", &short], "at least 32 bytes"),
        (vec!["--token-secret-file", &missing], "cannot read "),
        (vec!["--token-public-key-file", &short], "no public key in PEM"),
        (vec!["--token-secret-file", &short, "--token-public-key-file", &short], "the only key"),
        (vec!["--token-dialects", "all"], "token_dialects need a key"),
        (vec!["--token-dialects", "mqtt"], "list of chat, lobby"),
        (vec!["--origins", "a.example"], "https://a.example"),
        (vec!["token", "--user", "ann"], "there is no key"),
        (vec!["token", "--user", "ann", "--key-file", &short], "at least 32 bytes"),
    ] {
        let ended = Process::run("chat-server", &args).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        let problem = ended.stderr.lines().last().unwrap_or_default();
        assert!(problem.starts_with("chat-server: ") && problem.contains(part), "{ended:?}");
    }
}

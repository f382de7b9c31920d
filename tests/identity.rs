//! Tokens as an operator makes and demands them.

use std::fs;

use serde_json::json;
use tokio::net::TcpStream;

use crate::kit::{Chat, Process, post};

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

    let mut server =
        Process::server(&["--token-secret-file", &key, "--token-dialects", "all", "--log", "trace"]);
    let address = server.address().await;
    let url = format!("ws://{address}/chat?token={token}");
    let mut ann = Chat::connect_to(&url, TcpStream::connect(address).await.unwrap()).await;
    ann.send(json!({"type": "join", "room": "general"})).await;
    ann.expect("joined").await;
    let mut bob = Chat::connect(address).await;
    bob.send(json!({"type": "hello", "user": "bob", "token": format!("{token}x")})).await;
    bob.expect_error("bad_token").await;
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

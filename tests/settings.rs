//! What an operator writes: flags, files and mistakes in them.

use std::{fs, net::TcpListener};

use crate::kit::{Chat, Process, get};

/// A directory with one configuration file, and the file's path.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.toml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().expect("the path is text").to_owned();
    (directory, path)
}

#[tokio::test]
async fn what_is_printed_can_be_read_back() {
    let flags =
        ["--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--message-rate", "7", "--idle-timeout", "90s"];
    let printed = Process::run("chat-server", &[&flags[..], &["--print-config"]].concat()).await;
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(printed.stdout.contains("\nmessage_rate = 7 "), "{}", printed.stdout);
    let (_directory, path) = file(&printed.stdout);
    let again = Process::run("chat-server", &["--config", &path, "--print-config"]).await;
    assert_eq!((again.code, again.stdout), (Some(0), printed.stdout));
}

#[tokio::test]
async fn a_file_rules_the_server_and_a_flag_rules_the_file() {
    let (_directory, path) = file("content_bytes_max = 5\nhistory_max = 10\n");
    let mut server = Process::server(&["--config", &path, "--history-max", "2", "--history-on-join", "50"]);
    let address = server.address().await;
    let mut alice = Chat::connect(address).await;
    alice.join("alice", "general").await;
    alice.send_text(r#"{"type": "message", "room": "general", "content": "too long"}"#).await;
    alice.expect_error("content_too_large").await;
    for (id, said) in ["one", "two", "three"].into_iter().enumerate() {
        alice.say("general", id as u64 + 1, said).await;
    }
    let mut bob = Chat::connect(address).await;
    let (_, history) = bob.join("bob", "general").await;
    assert_eq!(crate::kit::contents(&history), ["two", "three"]);
}

#[tokio::test]
async fn a_mistake_is_one_line_that_says_where_it_is() {
    let (_directory, path) = file("# rates\nmessage_rate = 10\nmesage_burst = 20\n");
    let of_the_file = format!("chat-server: {path}:3: ");
    let missing = format!("{path}.missing");
    for (args, parts) in [
        (vec!["--config", &path], [of_the_file.as_str(), "mesage_burst"]),
        (vec!["--config", &missing], ["chat-server: cannot read ", missing.as_str()]),
        (vec!["--message-rate", "0"], ["chat-server: --message-rate: ", "above zero"]),
        (vec!["--ping-interval", "25"], ["chat-server: --ping-interval: ", "25s"]),
        (vec!["--log", "chinwag=loud"], ["chat-server: ", "log must be"]),
    ] {
        let ended = Process::run("chat-server", &args).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        let is_clear = ended.stderr.starts_with(parts[0]) && ended.stderr.contains(parts[1]);
        assert!(is_clear, "{args:?}: {}", ended.stderr);
    }
    let unknown = Process::run("chat-server", &["--mesage-rate", "5"]).await;
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("--message-rate"), "it says what was meant: {}", unknown.stderr);
}

#[tokio::test]
async fn whoever_wants_durability_says_where() {
    let ended = Process::run("chat-server", &["--durability", "commit"]).await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{ended:?}");
    assert!(ended.stderr.contains("give data_dir"), "{}", ended.stderr);
    let printed = Process::run("chat-server", &["--print-config"]).await.stdout;
    assert!(printed.contains("\ndurability = \"auto\""), "it can be fed back: {printed}");
}

#[tokio::test]
async fn a_port_in_use_is_one_line_that_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Process::run("chat-server", &["--listen", &address, "--log", "error"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.contains(&address) && ended.stderr.contains("--port"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_port_is_a_flags_or_else_the_environments() {
    let printed = async |environment: &[(&str, &str)], args: &[&str]| {
        let print = [args, &["--print-config"]].concat();
        let ended = Process::start_in(environment, "chat-server", &print).ended().await;
        ended.stdout.lines().find(|line| line.starts_with("listen = ")).map(str::to_owned)
    };
    let listens = |port: u16| Some(format!("listen = \"127.0.0.1:{port}\""));
    let is =
        |line: Option<String>, port: u16| line.is_some_and(|line| line.starts_with(&listens(port).unwrap()));
    assert!(is(printed(&[], &[]).await, 8080));
    assert!(is(printed(&[], &["--port", "4000"]).await, 4000));
    assert!(is(printed(&[("PORT", "4000")], &[]).await, 4000));
    assert!(is(printed(&[("PORT", "4000")], &["--port", "4001"]).await, 4001));
    // And that is where it is.
    let mut server = Process::start_in(&[("PORT", "0")], "chat-server", &["--exit-with-stdin"]);
    let address = server.address().await;
    assert_ne!(address.port(), 8080);
    assert_eq!(get(address, "/healthz").await.status, 200);
}

#[tokio::test]
async fn secrets_and_origins_may_come_from_the_environment() {
    let environment = [
        ("PORT", "0"),
        ("CHAT_TOKEN_SECRET", "a secret that is known to this test"),
        ("CHAT_ORIGINS", "https://chat.example"),
    ];
    let mut server = Process::start_in(&environment, "chat-server", &["--exit-with-stdin"]);
    let address = server.address().await;
    let made = Process::start_in(&environment, "chat-server", &["token", "--user", "ann"]).ended().await;
    let rooms = async |origin: &str, token: &str| {
        let headers = format!("Connection: close\r\nOrigin: {origin}\r\nAuthorization: Bearer {token}\r\n");
        crate::kit::ask(address, "GET", "/api/rooms", &headers, "").await.status
    };
    let token = made.stdout.trim_end();
    assert_eq!(rooms("https://chat.example", token).await, 200);
    assert_eq!(rooms("https://other.example", token).await, 403);
    assert_eq!(rooms("https://chat.example", "another").await, 401);
}

#[tokio::test]
async fn a_server_listens_wherever_it_is_told_to() {
    let mut server = Process::start(
        "chat-server",
        &["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--exit-with-stdin"],
    );
    let (one, other) = (server.address().await, server.address().await);
    assert_ne!(one, other);
    for address in [one, other] {
        assert_eq!(get(address, "/healthz").await.status, 200);
    }
}

#[tokio::test]
async fn a_check_says_what_a_start_would_do_and_starts_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (directory, path) = file("message_rate = 1\nmessage_burst = 2\ndata_dir = \"no/such/place\"\n");
    let check = async |args: &[&str]| {
        let args = [&["check-config", "--config", &path, "--port", &port], args].concat();
        Process::start_in(&[("CHAT_MESSAGE_BURST", "20")], "chat-server", &args).ended().await
    };
    let ended = check(&["--control-rate", "30", "--json"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let said: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let setting = |name: &str| {
        let settings = said["settings"].as_array().unwrap();
        let found = settings.iter().find(|setting| setting["name"] == name).unwrap();
        (found["value"].as_str().unwrap().to_owned(), found["from"].as_str().unwrap().to_owned())
    };
    for (name, value, from) in [
        ("listen", format!("127.0.0.1:{port}").as_str(), "flag"),
        ("message_rate", "1", "file"),
        ("message_burst", "20", "environment"),
        ("control_rate", "30", "flag"),
        ("control_burst", "40", "default"),
    ] {
        assert_eq!(setting(name), (value.to_owned(), from.to_owned()), "{name}");
    }
    let parts = said["memory"]["parts"].as_array().unwrap();
    let bytes: u64 = parts.iter().map(|part| part["bytes"].as_u64().unwrap()).sum();
    assert_eq!(said["memory"]["bytes"], bytes);
    assert_eq!(said["warnings"], serde_json::json!([]));
    // What is for people is a configuration file, too.
    let (_again, shown) = file(&check(&["--control-rate", "30"]).await.stdout);
    let printed = Process::run("chat-server", &["--config", &shown, "--print-config"]).await.stdout;
    assert!(
        printed.contains("\nmessage_burst = 20 ") && printed.contains("\ncontrol_rate = 30 "),
        "{printed}"
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was made");
}

#[tokio::test]
async fn a_check_warns_of_what_works_and_refuses_what_does_not() {
    let public = Process::run("chat-server", &["check-config", "--listen", "0.0.0.0:0"]).await;
    assert_eq!(public.code, Some(0));
    assert!(
        public.stdout.contains("# Warning: whoever reaches 0.0.0.0:0 can be anybody"),
        "{}",
        public.stdout
    );
    for args in
        [&["--message-rate", "0"][..], &["--token-secret-file", "no/such/key"], &["--log", "chinwag=loud"]]
    {
        let checked = Process::run("chat-server", &[&["check-config"], args].concat()).await;
        let started = Process::run("chat-server", &[&["--port", "0"], args].concat()).await;
        assert_eq!((checked.code, checked.stdout.as_str()), (Some(2), ""), "{checked:?}");
        assert_eq!(started.code, Some(2));
        assert!(started.stderr.ends_with(&checked.stderr), "{started:?}\n{checked:?}");
    }
}

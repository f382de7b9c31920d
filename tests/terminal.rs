//! The terminal client by lines: as people type them, as pipes say them, and as scripts read them.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::kit::{Ended, Fate, Host, Metrics, Network, Process};

/// `chat` of a user, with further arguments.
fn chat(address: SocketAddr, user: &str, args: &[&str]) -> Process {
    let url = format!("ws://{address}/chat");
    Process::start("chat", &[&["--user", user, "--url", &url], args].concat())
}

/// Somebody who types lines, in the lobby.
async fn typist(address: SocketAddr, user: &str) -> Process {
    let mut typist = chat(address, user, &["--plain", "--commands", "--follow"]);
    typist.prints("-- connected").await;
    typist.type_line("/users").await;
    typist.prints("in #lobby:").await;
    typist
}

/// Says these lines from a pipe.
async fn piped(address: SocketAddr, lines: &[&str], args: &[&str]) -> Ended {
    let mut pipe = chat(address, "pipe", args);
    for line in lines {
        pipe.type_line(line).await;
    }
    pipe.close_stdin();
    pipe.ended().await
}

/// Lets TLS end in front of a server: where, and the certificate to believe, in PEM.
async fn encrypted(server: SocketAddr) -> (SocketAddr, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            // Whoever does not believe us hangs up.
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let mut behind = TcpStream::connect(server).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut tls, &mut behind).await });
        }
    });
    (address, cert.pem())
}

/// Specification 1's criteria of success: several at once, rooms that are made, entered and left, nothing in the wrong room,
/// and whoever is lost is no loss to the others.
#[tokio::test]
async fn five_terminals_talk_in_rooms_of_their_own() {
    let server = Host::start(|_| {});
    let mut people = Vec::new();
    for user in ["ann", "bob", "cat", "dan", "eve"] {
        people.push(typist(server.address, user).await);
    }
    Metrics::until(server.address, "chat_connections", 5.0).await;
    let [ann, bob, cat, dan, eve] = &mut people[..] else { panic!("five") };
    ann.type_line("hello, lobby").await;
    for other in [&mut *ann, bob, cat, dan, eve] {
        other.prints("#lobby ann: hello, lobby").await;
    }

    bob.type_line("/create rust").await;
    bob.type_line("only for rust").await;
    bob.prints("#rust bob: only for rust").await;
    cat.type_line("/join rust").await;
    cat.prints("#rust bob: only for rust").await;
    bob.prints("#rust -> cat has come").await;
    cat.type_line("me too").await;
    bob.prints("#rust cat: me too").await;
    ann.type_line("/rooms").await;
    ann.prints("-- #rust (2)").await;

    cat.type_line("/leave").await;
    bob.prints("#rust <- cat has left").await;
    cat.type_line("back").await;
    ann.prints("#lobby cat: back").await;
    cat.type_line("/leave").await;
    cat.prints("! you must stay in at least one room").await;

    people.pop().expect("eve").kill().await;
    Metrics::until(server.address, "chat_connections", 4.0).await;
    let mut dan = people.remove(3);
    let mut ann = people.remove(0);
    ann.type_line("still here?").await;
    dan.prints("#lobby ann: still here?").await;
    dan.type_line("/quit").await;
    let said = dan.ended().await;
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(!said.stdout.contains("#rust") && !said.stdout.contains("only for rust"), "{}", said.stdout);
    ann.prints("#lobby <- dan has left").await;
    server.stop().await;
}

#[tokio::test]
async fn a_pipe_says_its_lines_waits_until_they_are_there_and_leaves() {
    let server = Host::start(|settings| settings.gateway.message_burst = 10_000);
    let mut bob = server.member("bob", "ops").await;
    let lines: Vec<_> = (0..200).map(|n| format!("line {n}")).chain(["/dev/sda1 99 %".into()]).collect();
    let said: Vec<_> = lines.iter().map(String::as_str).collect();
    let ended = piped(server.address, &said, &["--room", "ops"]).await;
    assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (Some(0), "", ""));
    assert_eq!(bob.shown(201).await, lines, "a slash is no command, and each line is there once");
    while bob.next().await["type"] != "user_left" {}
    server.stop().await;
}

#[tokio::test]
async fn what_a_pipe_cannot_say_is_in_its_exit_code() {
    let server = Host::start(|settings| settings.shard.room_members_max = Some(1));
    let long = "x".repeat(5_000);
    let ended = piped(server.address, &["fine", &long], &["--room", "ops"]).await;
    assert_eq!((ended.code, &*ended.stderr), (Some(3), "chat: 904 bytes too long\n"));

    let mut bob = server.member("bob", "full").await;
    let ended = piped(server.address, &["hello?"], &["--room", "full"]).await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("#full is closed to you: The room is full."), "{}", ended.stderr);
    bob.say("full", 1, "alone").await;
    assert_eq!(bob.shown(1).await, ["alone"]);
    server.stop().await;

    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let ended = piped(nowhere, &["hello?"], &["--give-up", "0"]).await;
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("chat: gave up, for the server was out of reach"), "{}", ended.stderr);

    for (args, words) in [
        (&["--url", "http://x", "--user", "ann"][..], "write it as ws://"),
        (&["--url", "ws://x:99999/chat", "--user", "ann"], "its port is none: they go from 1 to 65535"),
        (&["--user", "a b"], "only letters"),
        (&[], "--user"),
    ] {
        let ended = Process::run("chat", args).await;
        assert!(ended.code == Some(2) && ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn whoever_is_turned_away_is_told_so_and_a_token_opens_the_door() {
    const SECRET: &str = "a secret that is known to this test";
    let secret = [("CHAT_TOKEN_SECRET", SECRET)];
    let made = Process::start_in(&secret, "chat-server", &["token", "--user", "pipe"]).ended().await;
    let mut server = Process::start_in(&secret, "chat-server", &["--port", "0", "--exit-with-stdin"]);
    let address = server.address().await;

    let ended = piped(address, &["hello?"], &[]).await;
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("chat: the server has ended it (Show a token that says who you are)"),
        "{}",
        ended.stderr
    );

    let url = format!("ws://{address}/chat");
    let environment =
        [("CHINWAG_TOKEN", made.stdout.trim_end()), ("CHINWAG_USER", "pipe"), ("CHINWAG_URL", &url)];
    let mut pipe = Process::start_in(&environment, "chat", &[]);
    pipe.type_line("hello").await;
    pipe.close_stdin();
    let ended = pipe.ended().await;
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
}

#[tokio::test]
async fn whoever_is_cut_off_is_told_and_catches_up_and_is_shown_nothing_twice() {
    let server = Host::start(|_| {});
    let network = Network::to(server.address).await;
    let mut bob = server.member("bob", "lobby").await;
    let mut alice = typist(network.address, "alice").await;
    bob.say("lobby", 1, "m1").await;
    alice.prints("#lobby bob: m1").await;
    network.close();
    network.decide(Fate::Cut);
    alice.prints("-- disconnected, trying again").await;
    for id in 2..=5 {
        bob.say("lobby", id, &format!("m{id}")).await;
    }
    alice.type_line("typed while away").await;
    network.open();
    alice.prints("-- connected").await;
    for n in 2..=5 {
        alice.prints(&format!("#lobby bob: m{n}")).await;
    }
    alice.prints("#lobby alice: typed while away").await;
    alice.type_line("/quit").await;
    let said = alice.ended().await.stdout;
    let shown = said.lines().filter(|line| line.contains(" bob: ") || line.contains(" alice: ")).count();
    assert_eq!(shown, 6, "{said}");
    assert!(!said.contains("missing") && !said.contains("began anew"), "nothing is missing: {said}");
    server.stop().await;
}

#[tokio::test]
async fn nobody_waits_for_a_goodbye_that_is_not_answered() {
    let server = Host::start(|_| {});
    let network = Network::to(server.address).await;
    let mut alice = typist(network.address, "alice").await;
    network.decide(Fate::Stalls);
    alice.type_line("/quit").await;
    assert_eq!(alice.ended().await.code, Some(0));
    server.stop().await;
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let server = Host::start(|settings| {
        settings.shard.history_max = 5;
        settings.gateway.message_burst = 10_000;
    });
    let network = Network::to(server.address).await;
    let mut bob = server.member("bob", "lobby").await;
    let mut alice = typist(network.address, "alice").await;
    bob.say("lobby", 1, "m1").await;
    alice.prints("bob: m1").await;
    network.close();
    network.decide(Fate::Cut);
    for id in 2..=20 {
        bob.say("lobby", id, &format!("m{id}")).await;
    }
    network.open();
    alice.prints("#lobby -- messages 2 to 15 are missing: the server no longer keeps them").await;
    alice.prints("bob: m16").await;
    server.stop().await;
}

#[tokio::test]
async fn commands_answer_whoever_typed_them() {
    let server = Host::start(|settings| settings.gateway.message_burst = 10_000);
    let mut bob = server.member("bob", "lobby").await;
    for id in 1..=60 {
        bob.say("lobby", id, &format!("m{id}")).await;
    }
    let mut alice = typist(server.address, "alice").await;
    for (typed, printed) in [
        ("/help", "/join ROOM"),
        ("/status", "you are alice in #lobby, connected"),
        ("/status at lunch", "your status is shown"),
        ("/users", "alice (at lunch), bob"),
        ("/history 5", "bob: m10 (older)"),
        ("/me waves", "* alice waves"),
        ("//etc", "alice: /etc"),
        ("/jion x", "did you mean /join?"),
    ] {
        alice.type_line(typed).await;
        alice.prints(printed).await;
    }
    alice.type_line("/create den private").await;
    alice.type_line("/invite bob").await;
    alice.prints("bob may come into #den").await;
    bob.send(json!({"type": "join", "room": "den"})).await;
    bob.until("joined").await;
    alice.type_line("/kick bob").await;
    alice.prints("bob is sent away from #den").await;
    alice.type_line("/reconnect").await;
    alice.prints("-- disconnected").await;
    alice.prints("-- connected").await;
    server.stop().await;
}

#[tokio::test]
async fn every_command_answers_however_it_is_asked() {
    let server = Host::start(|settings| {
        (settings.gateway.message_burst, settings.gateway.control_burst) = (10_000, 10_000);
    });
    let mut bob = server.member("bob", "lobby").await;
    bob.say("lobby", 1, "m1").await;
    let notice = |text: &str| format!(r#"{{"event":"notice","text":"{text}"#);
    // What --json prints, if that is not a notice of what the others print.
    for (lines, answer, event) in [
        (&["/help"][..], "/quit                   leave", None),
        (&["/status"], "you are pipe in #lobby, connected", None),
        (&["/status at lunch"], "your status is shown", None),
        (&["/history"], "there are no older messages", None),
        (&["/users"], "2 in #lobby:", Some(r#""event":"members""#)),
        (&["/rooms"], "#lobby (2, you are in it)", Some(r#""event":"rooms""#)),
        (&["/join lobby"], "you are in #lobby now", None),
        (&["/join ops"], "you are in #ops now", None),
        (&["/join ops", "/leave"], "you are in #lobby now", None),
        (&["/reconnect"], "connecting anew", None),
        (&["/create DEN private", "/invite bob"], "bob may come into #DEN", None),
        (&["/create DEN private", "/kick bob"], "bob is sent away from #DEN", None),
    ] {
        for (nth, way) in ["--json", "--plain", "--commands"].into_iter().enumerate() {
            // Whoever has made a room has made it for good.
            let den = format!("den-{nth}-{}", lines.join("").len());
            let lines: Vec<_> = lines.iter().map(|line| line.replace("DEN", &den)).collect();
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let answer = answer.replace("DEN", &den);
            let ended =
                piped(server.address, &lines, &["--commands", way][..2 - usize::from(nth == 2)]).await;
            let wanted = match (way, event) {
                ("--json", Some(event)) => event.to_owned(),
                ("--json", None) => notice(&answer),
                _ => answer,
            };
            assert!(ended.stdout.contains(&wanted), "{lines:?} {way}: {} {}", ended.stdout, ended.stderr);
            assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{lines:?} {way}");
        }
    }
    for way in ["--json", "--plain"] {
        let ended = piped(server.address, &["/history 201"], &["--commands", way]).await;
        assert!(ended.stdout.contains("/history [COUNT]: 1 to 200 at once"), "{}", ended.stdout);
        assert_eq!(ended.code, Some(3));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_long_list_of_people_is_told_to_its_end() {
    let server = Host::start(|settings| settings.gateway.list_page_max = 2);
    let mut others = Vec::new();
    for name in ["ann", "bob", "cat", "dan"] {
        others.push(server.member(name, "lobby").await);
    }
    let ended = piped(server.address, &["/users"], &["--commands"]).await;
    assert_eq!(ended.stdout, "5 in #lobby:\nann, bob, cat, dan, pipe\n");
    server.stop().await;
}

#[tokio::test]
async fn a_pipe_that_asks_too_fast_is_told_so_and_comes_to_its_end() {
    let server =
        Host::start(|settings| (settings.gateway.control_rate, settings.gateway.control_burst) = (1, 5));
    let ended = piped(server.address, &["/users"; 20], &["--plain", "--commands"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("! Too fast; try again later."), "{}", ended.stdout);
    server.stop().await;
}

#[tokio::test]
async fn a_pipe_that_quits_has_said_its_lines_first() {
    let server = Host::start(|_| {});
    let ended = piped(server.address, &["hi", "/quit", "after the end"], &["--plain", "--commands"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains(": hi") && !ended.stdout.contains("after the end"), "{}", ended.stdout);
    server.stop().await;
}

#[tokio::test]
async fn what_is_typed_right_after_a_leave_is_said_where_one_is_then() {
    let server = Host::start(|_| {});
    let lines =
        ["/join den", "/leave", "after it", "/join den", "/leave lobby", "/leave", "/create cave", "here"];
    let ended = piped(server.address, &lines, &["--plain", "--commands"]).await;
    for line in ["#lobby pipe: after it", "! you must stay in at least one room", "#cave pipe: here"] {
        assert!(ended.stdout.contains(line), "{}", ended.stdout);
    }
    server.stop().await;
}

#[tokio::test]
async fn scripts_read_events_a_line_each() {
    let server = Host::start(|_| {});
    let mut bob = server.member("bob", "ops").await;
    let hostile = "\u{1b}[2J \u{202e}gnp";
    bob.say("ops", 1, hostile).await;
    let ended = piped(server.address, &["hi"], &["--room", "ops", "--json"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.is_ascii() && !ended.stdout.contains('\u{1b}'));
    let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| -> Vec<&Value> { events.iter().filter(|event| event["event"] == kind).collect() };
    let shown: Vec<_> =
        of("message").iter().map(|event| (event["user"].clone(), event["content"].clone())).collect();
    assert_eq!(shown, [(json!("bob"), json!(hostile)), (json!("pipe"), json!("hi"))]);
    assert_eq!((of("connected").len(), of("joined")[0]["verdict"].clone()), (1, json!("full")));
    assert_eq!(of("acknowledged")[0]["seq"], 2);
    assert_eq!(of("ended")[0]["code"], 1000);
    server.stop().await;
}

#[tokio::test]
async fn hostile_text_is_printed_harmlessly() {
    let server = Host::start(|_| {});
    let mut bob = server.member("bob", "lobby").await;
    let mut alice = typist(server.address, "alice").await;
    bob.say("lobby", 1, "\u{1b}]0;owned\u{7} \u{9b}2J \u{202e}evil\n17:09 #lobby alice: I quit").await;
    let line = alice.prints("bob: ").await;
    assert!(line.ends_with("␛]0;owned␇ \\u{9b}2J \\u{202e}evil ⏎ 17:09 #lobby alice: I quit"), "{line}");
    server.stop().await;
}

#[tokio::test]
async fn an_encrypted_server_is_believed_by_its_certificate_only() {
    let server = Host::start(|_| {});
    let (address, pem) = encrypted(server.address).await;
    let directory = tempfile::tempdir().unwrap();
    let url = format!("wss://localhost:{}/chat", address.port());
    for (known, code, words) in [(&*pem, 0, ""), ("", 4, "certificate")] {
        let authority = directory.path().join("ca.pem");
        fs::write(&authority, known).unwrap();
        let environment = [("SSL_CERT_FILE", authority.to_str().unwrap())];
        let mut pipe =
            Process::start_in(&environment, "chat", &["--user", "pipe", "--url", &url, "--give-up", "3"]);
        pipe.type_line("hello").await;
        pipe.close_stdin();
        let ended = pipe.ended().await;
        assert!(ended.code == Some(code) && ended.stderr.contains(words), "{ended:?}");
    }
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn whoever_is_ended_is_told_what_is_not_acknowledged() {
    let server = Host::start(|_| {});
    let network = Network::to(server.address).await;
    let mut alice = typist(network.address, "alice").await;
    network.decide(Fate::Stalls);
    alice.type_line("precious words").await;
    alice.type_line("/status").await;
    alice.prints("1 not answered yet").await;
    alice.terminate();
    let ended = alice.ended().await;
    assert_eq!(ended.code, Some(128 + 15));
    assert!(ended.stderr.ends_with("  #lobby: precious words\n"), "{}", ended.stderr);
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_leaves_as_quit_does() {
    let server = Host::start(|_| {});
    let mut bob = server.member("bob", "lobby").await;
    let alice = typist(server.address, "alice").await;
    bob.until("user_joined").await;
    alice.terminate();
    assert_eq!(alice.ended().await.code, Some(128 + 15));
    assert_eq!(bob.until("user_left").await["user"], "alice", "at once, and not after the grace");
    server.stop().await;
}

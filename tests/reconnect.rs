//! Connections that break, stall and linger: core's client behind a bad network.
//!
//! Whatever the network does, everyone is shown everything once and in order.

use std::time::Duration;

use chinwag_core::disconnect::may_return;
use serde_json::json;

use crate::kit::{Chat, Fate, Host, Metrics, Network, Person, metrics};

/// A server that lets people talk as fast as they like.
fn server() -> Host {
    Host::start(|settings| settings.gateway.message_burst = 10_000)
}

/// Such a server with bob and, behind a network that can break, alice: both in `general`.
async fn talk() -> (Host, Network, Chat, Person) {
    let server = server();
    let network = Network::to(server.address).await;
    let bob = server.member("bob", "general").await;
    let mut alice = Person::start(network.address, "alice");
    alice.join("general").await;
    (server, network, bob, alice)
}

/// `m1`, `m2`, …
fn messages(numbers: std::ops::RangeInclusive<usize>) -> Vec<String> {
    numbers.map(|n| format!("m{n}")).collect()
}

#[tokio::test]
async fn what_is_said_while_someone_is_away_is_shown_on_return() {
    let (server, network, mut bob, mut alice) = talk().await;
    bob.expect("user_joined").await;

    bob.say("general", 1, "m1").await;
    assert_eq!(alice.shown(1).await, ["m1"]);
    network.close();
    network.decide(Fate::Cut);
    for id in 2..=20 {
        bob.say("general", id, &format!("m{id}")).await;
    }
    network.open();
    assert!(alice.attached().await, "the session goes on");
    bob.say("general", 21, "m21").await;
    assert_eq!(alice.shown(20).await, messages(2..=21));
    server.stop().await;
}

#[tokio::test]
async fn what_someone_says_while_away_is_said_once_on_return() {
    let (server, network, mut bob, mut alice) = talk().await;
    network.close();
    network.decide(Fate::Cut);
    for said in messages(1..=20) {
        alice.say("general", &said);
    }
    network.open();
    assert_eq!(bob.shown(20).await, messages(1..=20));
    assert_eq!(alice.shown(20).await, messages(1..=20));
    alice.say("general", "that was all");
    assert_eq!(bob.shown(1).await, ["that was all"], "nothing was said twice");
    server.stop().await;
}

#[tokio::test]
async fn a_network_that_breaks_again_and_again_loses_and_repeats_nothing() {
    const ROUNDS: usize = 10;
    let server = server();
    let network = Network::to(server.address).await;
    let mut watcher = server.member("watcher", "general").await;
    let mut alice = Person::start(network.address, "alice");
    let mut bob = Person::start(network.address, "bob");
    alice.join("general").await;
    bob.join("general").await;
    for round in 0..ROUNDS {
        for n in 0..20 {
            alice.say("general", &format!("alice {}", round * 20 + n));
            bob.say("general", &format!("bob {}", round * 20 + n));
        }
        // In the middle of it: some of this is under way, some is answered, some is not sent.
        watcher.until("message").await;
        network.decide(Fate::Cut);
        assert!(alice.attached().await && bob.attached().await, "both sessions go on");
    }
    let said = ROUNDS * 40;
    let (seen_by_alice, seen_by_bob) = (alice.shown(said).await, bob.shown(said).await);
    assert_eq!(seen_by_alice, seen_by_bob, "all see one order");
    for author in ["alice", "bob"] {
        let heard: Vec<_> = seen_by_alice.iter().filter(|said| said.starts_with(author)).cloned().collect();
        let meant: Vec<_> = (0..ROUNDS * 20).map(|n| format!("{author} {n}")).collect();
        assert_eq!(heard, meant);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_stall_delays_and_loses_nothing() {
    let (server, network, mut bob, mut alice) = talk().await;
    network.decide(Fate::Stalls);
    for id in 1..=20 {
        bob.say("general", id, &format!("m{id}")).await;
    }
    network.decide(Fate::Flows);
    assert_eq!(alice.shown(20).await, messages(1..=20));
    assert_eq!(network.connections(), 1, "nobody reconnected");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_still_believes_in_the_old_connection_lets_the_new_one_take_over() {
    let (server, network, mut bob, mut alice) = talk().await;
    bob.expect("user_joined").await;

    network.close();
    network.decide(Fate::HalfOpen);
    bob.say("general", 1, "m1").await;
    assert_eq!(bob.expect("message").await["content"], "m1");
    assert_eq!(metrics(server.address).await.value("chat_connections"), 2.0, "it knows of nothing");
    network.open();
    assert!(alice.attached().await, "the session goes on");
    bob.send(json!({"type": "message", "room": "general", "content": "m2"})).await;
    assert_eq!(bob.expect("message").await["content"], "m2", "he was told nothing else");
    assert_eq!(alice.shown(2).await, messages(1..=2));
    Metrics::until(server.address, "chat_connections", 2.0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_hears_nothing_any_more_starts_over_by_itself() {
    let server = Host::start(|settings| settings.gateway.ping_interval = Duration::from_millis(100));
    let network = Network::to(server.address).await;
    let mut bob = server.member("bob", "general").await;
    let mut alice = Person::start_with(network.address, "alice", |config| {
        config.silence_timeout = Duration::from_secs(1);
    });
    alice.join("general").await;
    network.decide(Fate::Stalls);
    bob.say("general", 1, "m1").await;
    assert!(alice.attached().await, "the session goes on");
    assert_eq!(alice.shown(1).await, ["m1"]);
    server.stop().await;
}

#[tokio::test]
async fn someone_who_answers_no_pings_is_gone() {
    let server = Host::start(|settings| {
        settings.gateway.ping_interval = Duration::from_millis(500);
        settings.gateway.pong_timeout = Duration::from_secs(1);
        settings.shard.presence_grace = Duration::from_millis(50);
    });
    let network = Network::to(server.address).await;
    let mut bob = server.member("bob", "general").await;
    let mut alice = Chat::connect(network.address).await;
    alice.join("alice", "general").await;
    network.decide(Fate::HalfOpen);
    // Bob's client answers pings while he reads.
    assert_eq!(bob.until("user_left").await["members"], json!(["bob"]));
    server.stop().await;
}

#[tokio::test]
async fn two_windows_do_not_fight_for_one_session() {
    let server = server();
    let mut first = server.connect().await;
    first.send(json!({"type": "hello", "user": "alice"})).await;
    let welcome = first.expect("welcome").await;
    let mut second = server.connect().await;
    let resume = json!({
        "type": "hello", "user": "alice", "session": welcome["session"], "secret": welcome["secret"],
    });
    second.send(resume).await;
    assert_eq!(second.expect("welcome").await["resumed"], true);
    let close = first.closed().await;
    assert_eq!((u16::from(close.code), close.reason.as_str()), (4500, "replaced"));
    assert!(!may_return(Some(close.code.into())), "a client that came back would take over in turn");
    server.stop().await;
}

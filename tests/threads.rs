//! Several gateway threads, several shards: one chat.

use std::collections::BTreeSet;

use chinwag_core::hash::shard_of;
use serde_json::{Value, json};

use crate::kit::{Chat, Host};

const SHARDS: u32 = 3;

/// Two threads, three shards. Connections are dealt to the threads in turn.
fn server() -> Host {
    Host::start(|settings| {
        settings.driver.threads = 2;
        settings.gateway.shards = SHARDS;
    })
}

/// Rooms of which every shard has some.
fn rooms() -> Vec<String> {
    let rooms: Vec<_> = (0..9).map(|n| format!("room-{n}")).collect();
    let shards: BTreeSet<_> = rooms.iter().map(|room| shard_of(room, SHARDS)).collect();
    assert_eq!(shards.len(), SHARDS as usize);
    rooms
}

#[tokio::test]
async fn people_on_all_threads_meet_in_rooms_of_all_shards() {
    let server = server();
    for room in rooms() {
        let mut members = vec![];
        for user in ["alice", "bob", "carol", "dave"] {
            members.push(server.member(user, &room).await);
        }
        for (author, said) in ["one", "two", "three", "four"].into_iter().enumerate() {
            members[author].send(json!({"type": "message", "room": room, "content": said})).await;
            for member in &mut members {
                assert_eq!(member.until("message").await["content"], said);
            }
        }
        for member in members {
            member.close().await;
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn one_list_holds_the_rooms_of_all_shards_in_pages_by_name() {
    let server = server();
    let mut alice = server.member("alice", "room-0").await;
    for room in &rooms()[1..] {
        alice.join("alice", room).await;
    }
    let page = async |alice: &mut Chat, after: Option<&str>| {
        alice.send(json!({"type": "rooms", "limit": 4, "after": after})).await;
        let page = alice.expect("rooms").await;
        let names =
            page["rooms"].as_array().unwrap().iter().map(|room| room["room"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), page["more"].as_bool().unwrap())
    };
    let all = rooms();
    assert_eq!(page(&mut alice, None).await, (all[..4].to_vec(), true));
    assert_eq!(page(&mut alice, Some("room-3")).await, (all[4..8].to_vec(), true));
    assert_eq!(page(&mut alice, Some("room-7")).await, (all[8..].to_vec(), false));
    server.stop().await;
}

#[tokio::test]
async fn a_session_resumes_on_another_thread() {
    let server = server();
    let mut seen = BTreeSet::new();
    let mut welcome = Value::Null;
    let mut open = vec![];
    // Five connections in a row cannot all be dealt to one thread.
    for id in 1..=5 {
        let mut alice = server.connect().await;
        let resume = json!({
            "type": "hello", "user": "alice", "session": welcome["session"], "secret": welcome["secret"],
        });
        alice.send(resume).await;
        welcome = alice.expect("welcome").await;
        assert_eq!(welcome["resumed"], id > 1);
        seen.insert(welcome["session"].as_str().unwrap().to_owned());
        alice.join("alice", "general").await;
        alice.say("general", id, &format!("connection {id}")).await;
        open.push(alice);
    }
    assert_eq!(seen.len(), 1, "one session all along");
    open.pop();
    for mut replaced in open {
        assert_eq!(replaced.closed().await.reason.as_str(), "replaced");
    }
    server.stop().await;
}

//! Reconnecting: resume, take-over, presence.

use chinwag_core::RoomName;

use super::*;

/// Says hello and joins; returns the connection and its welcome.
fn greet(kit: &mut Kit, user: &str, resume: Option<&Value>) -> (ConnectionId, Value) {
    let connection = kit.connect();
    let mut hello = json!({"type": "hello", "user": user});
    if let Some(welcome) = resume {
        hello["session"] = welcome["session"].clone();
        hello["secret"] = welcome["secret"].clone();
    }
    kit.send(connection, hello);
    let welcome = kit.take(connection).remove(0);
    assert_eq!(welcome["type"], "welcome");
    (connection, welcome)
}

#[test]
fn a_session_resumes_and_gets_what_it_missed() {
    let mut kit = Kit::new();
    let bob = kit.member("bob", "general");
    let (alice, welcome) = greet(&mut kit, "alice", None);
    kit.send(alice, json!({"type": "join", "room": "general"}));
    let joined = kit.take(alice).remove(0);
    kit.forget();
    kit.cut(alice);
    kit.wait(Duration::from_secs(14));
    kit.send(bob, json!({"type": "message", "room": "general", "content": "missed"}));
    let (alice, welcome) = greet(&mut kit, "alice", Some(&welcome));
    assert_eq!(welcome["resumed"], true);
    kit.send(alice, json!({"type": "join", "room": "general", "since": 0, "epoch": joined["epoch"]}));
    let frames = kit.take(alice);
    assert_eq!(frames[0]["verdict"], "full");
    let history = frames.iter().find(|frame| frame["type"] == "history").unwrap();
    assert_eq!(history["messages"][0]["content"], "missed");
    assert_eq!(kit.take_types(bob), ["message"], "inside the grace nobody hears of it");
}

#[test]
fn who_stays_away_is_offline_then_gone() {
    let mut kit = Kit::new();
    let bob = kit.member("bob", "general");
    let (alice, _) = greet(&mut kit, "alice", None);
    kit.send(alice, json!({"type": "join", "room": "general"}));
    kit.forget();
    kit.cut(alice);
    kit.wait(Duration::from_secs(15));
    let offline = json!({"type": "presence", "room": "general", "user": "alice", "status": "offline"});
    assert_eq!(kit.take(bob), [offline]);
    kit.input(GatewayInput::Received { connection: bob, frame: Frame::Pong });
    for _ in 0..10 {
        kit.wait(Duration::from_millis(10_500));
        kit.input(GatewayInput::Received { connection: bob, frame: Frame::Pong });
    }
    assert_eq!(kit.take_types(bob), ["user_left"]);
}

#[test]
fn who_cannot_resume_is_gone_after_the_grace() {
    let mut kit = Kit::new();
    let bob = kit.member("bob", "general");
    let alice = kit.member("alice", "general");
    kit.forget();
    kit.cut(alice);
    kit.wait(Duration::from_secs(15));
    let frames = kit.take(bob);
    assert_eq!(frames.last().unwrap()["type"], "user_left", "{frames:?}");
}

#[test]
fn a_clean_close_ends_the_membership_at_once() {
    let mut kit = Kit::new();
    let bob = kit.member("bob", "general");
    let alice = kit.member("alice", "general");
    kit.forget();
    kit.input(GatewayInput::Received { connection: alice, frame: Frame::Close(Some(1000)) });
    assert_eq!(kit.take_types(bob), ["user_left"]);
    assert_eq!(kit.closed[&alice], Disconnect::Requested);
}

#[test]
fn a_half_open_connection_is_taken_over() {
    let mut kit = Kit::new();
    let (old, welcome) = greet(&mut kit, "alice", None);
    kit.send(old, json!({"type": "join", "room": "general"}));
    for id in 1..=10 {
        kit.send(old, json!({"type": "message", "room": "general", "content": "x", "id": id}));
    }
    let (new, welcome) = greet(&mut kit, "alice", Some(&welcome));
    assert_eq!(welcome["resumed"], true);
    assert_eq!(kit.closed[&old], Disconnect::Replaced);
    kit.cut(old);
    kit.send(new, json!({"type": "join", "room": "general"}));
    kit.forget();
    kit.send(new, json!({"type": "message", "room": "general", "content": "x", "id": 11}));
    assert_eq!(kit.take(new)[0]["code"], "rate_limited", "reconnecting mints no tokens");
    kit.send(new, json!({"type": "message", "room": "general", "content": "x", "id": 10}));
    kit.wait(Duration::from_secs(1));
    kit.send(new, json!({"type": "message", "room": "general", "content": "x", "id": 10}));
    let frames = kit.take(new);
    let ack = frames.iter().find(|frame| frame["type"] == "ack").unwrap();
    assert_eq!(ack["seq"], 10, "answered from the table of the session");
}

#[test]
fn an_old_secret_serves_until_the_new_one_is_used() {
    let mut kit = Kit::new();
    let (first, one) = greet(&mut kit, "alice", None);
    kit.cut(first);
    let (second, two) = greet(&mut kit, "alice", Some(&one));
    kit.cut(second);
    let (third, _) = greet(&mut kit, "alice", Some(&one));
    kit.cut(third);
    let (fourth, four) = greet(&mut kit, "alice", Some(&two));
    assert_eq!(four["resumed"], false, "replaced when `one` was used again");
    kit.cut(fourth);
    let mut forged = one.clone();
    forged["secret"] = json!("0".repeat(32));
    let (_, welcome) = greet(&mut kit, "alice", Some(&forged));
    assert_eq!(welcome["resumed"], false);
}

#[test]
fn a_position_of_another_log_is_a_reset() {
    let mut kit = Kit::new();
    let alice = kit.connect();
    kit.send(alice, json!({"type": "join", "room": "general", "user": "alice", "since": 3, "epoch": 12}));
    assert_eq!(kit.take(alice)[0]["verdict"], "reset");
}

#[test]
fn what_is_no_longer_kept_is_a_gap() {
    let shard = ShardConfig { history_max: 5, ..ShardConfig::default() };
    let mut kit = Kit::with(GatewayConfig::default(), shard);
    let alice = kit.connect();
    kit.send(alice, json!({"type": "join", "room": "general", "user": "alice"}));
    let epoch = kit.take(alice)[0]["epoch"].clone();
    for n in 0..9 {
        kit.send(alice, json!({"type": "message", "room": "general", "content": format!("m{n}")}));
    }
    kit.forget();
    kit.send(alice, json!({"type": "join", "room": "general", "since": 1, "epoch": epoch}));
    let joined = kit.take(alice).remove(0);
    assert_eq!((&joined["verdict"], &joined["from"], &joined["to"]), (&json!("gap"), &json!(2), &json!(4)));
    assert_eq!(joined["next"], 5);
}

#[test]
fn a_new_session_mints_no_tokens() {
    let mut kit = Kit::new();
    let mut shown = 0;
    for round in 0..5 {
        let alice = kit.member("alice", "general");
        for _ in 0..10 {
            kit.send(
                alice,
                json!({"type": "message", "room": "general", "content": format!("round {round}")}),
            );
        }
        shown += kit.take_types(alice).iter().filter(|kind| *kind == "message").count();
        kit.input(GatewayInput::Received { connection: alice, frame: Frame::Close(Some(1000)) });
        kit.cut(alice);
    }
    assert_eq!(shown, 10);
}

#[test]
fn a_refused_attach_is_answered_under_its_number() {
    let shard = ShardConfig { sessions_per_user_max: 1, ..ShardConfig::default() };
    let mut kit = Kit::with(GatewayConfig::default(), shard);
    kit.member("alice", "general");
    let second = kit.connect();
    kit.send(second, json!({"type": "join", "room": "general", "user": "alice", "id": 5}));
    let frames = kit.take(second);
    assert_eq!((&frames[0]["code"], &frames[0]["id"]), (&json!("too_many_sessions"), &json!(5)));
    kit.send(second, json!({"type": "join", "room": "general", "user": "bob"}));
    assert_eq!(kit.take(second)[0]["type"], "joined", "it may be someone else");
}

#[test]
fn a_room_is_known_for_as_long_as_it_is_there() {
    let mut kit = Kit::new();
    let ShardConfig { room_ttl, .. } = ShardConfig::default();
    let [general, private, nowhere] =
        ["general", "private", "nowhere"].map(|name| RoomName::new(name).unwrap());
    let alice = kit.member("alice", "general");
    kit.send(alice, json!({"type": "create", "room": "private", "private": true}));
    let known = |kit: &Kit| [&general, &private, &nowhere].map(|room| kit.node.has_room(room));
    assert_eq!(known(&kit), [true, true, false]);
    kit.send(alice, json!({"type": "leave", "room": "general"}));
    kit.wait(room_ttl / 2);
    assert_eq!(known(&kit), [true, true, false], "an empty one is kept for a while");
    kit.wait(room_ttl);
    assert_eq!(known(&kit), [false, false, false]);
}

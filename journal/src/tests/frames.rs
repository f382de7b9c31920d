//! Specification 0, frame by frame, and the native frames beyond it.

use super::*;

#[test]
fn a_join_shows_the_history_and_who_is_there() {
    let mut kit = Kit::new();
    let bob = kit.member("bob", "general");
    let alice = kit.connect();
    kit.text(alice, r#"{"type": "join", "room": "general", "user": "alice"}"#);
    let [joined, user_joined, history] = &kit.take(alice)[..] else { panic!("three frames") };
    assert_eq!(joined["verdict"], "full");
    assert_eq!((&joined["seq"], &joined["next"]), (&json!(0), &json!(1)));
    assert_eq!(history["messages"], json!([]));
    let expected =
        json!({"type": "user_joined", "room": "general", "user": "alice", "members": ["alice", "bob"]});
    assert_eq!(*user_joined, expected);
    assert_eq!(kit.take(bob), [expected]);
}

#[test]
fn a_message_has_the_specified_fields_and_its_author_sees_it_too() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.forget();
    kit.text(alice, r#"{"type": "message", "room": "general", "content": "Hello!", "user": "alice"}"#);
    let frame = json!({
        "type": "message", "room": "general", "user": "alice", "content": "Hello!",
        "timestamp": "2026-11-21T05:03:00.000Z", "seq": 1,
    });
    assert_eq!(kit.take(bob), std::slice::from_ref(&frame));
    assert_eq!(kit.take(alice), [frame], "the sender sees it, too; without an id there is no ack");
}

#[test]
fn a_send_with_an_id_is_acknowledged_before_it_is_shown() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    kit.send(alice, json!({"type": "message", "room": "general", "content": "one", "id": 7}));
    let frames = kit.take(alice);
    assert_eq!(frames[0]["type"], "ack");
    assert_eq!((&frames[0]["id"], &frames[0]["seq"]), (&json!(7), &json!(1)));
    assert_eq!(frames[1]["type"], "message");
    kit.send(alice, json!({"type": "message", "room": "general", "content": "one", "id": 7}));
    assert_eq!(kit.take(alice), [frames[0].clone()], "a repeat is answered and not repeated");
}

#[test]
fn typing_is_shown_to_others_and_ends_by_itself() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.forget();
    kit.text(alice, r#"{"type": "typing", "room": "general", "user": "alice", "typing": true}"#);
    let typing = json!({"type": "presence", "room": "general", "user": "alice", "status": "typing"});
    assert_eq!(kit.take(bob), [typing]);
    assert_eq!(kit.take(alice), [] as [Value; 0], "never to its author");
    kit.wait(Duration::from_secs(6));
    let online = json!({"type": "presence", "room": "general", "user": "alice", "status": "online"});
    assert_eq!(kit.take(bob), [online]);
}

#[test]
fn whoever_comes_is_soon_shown_who_writes_already() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    let typing = json!({"type": "typing", "room": "general", "typing": true});
    kit.send(alice, typing.clone());
    let carol = kit.member("carol", "general");
    kit.forget();
    kit.wait(Duration::from_secs(3));
    kit.send(alice, typing);
    for reader in [bob, carol] {
        assert_eq!(kit.take_types(reader), ["presence"]);
    }
}

#[test]
fn a_message_ends_typing() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.send(alice, json!({"type": "typing", "room": "general", "typing": true}));
    kit.forget();
    kit.send(alice, json!({"type": "message", "room": "general", "content": "done"}));
    assert_eq!(kit.take_types(bob), ["presence", "message"]);
}

#[test]
fn a_leave_is_told_to_those_who_stay() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.forget();
    kit.text(alice, r#"{"type": "leave", "room": "general", "user": "alice"}"#);
    let left = json!({"type": "user_left", "room": "general", "user": "alice", "members": ["bob"]});
    assert_eq!(kit.take(bob), [left]);
    assert_eq!(kit.take_types(alice), ["left"]);
    kit.send(bob, json!({"type": "message", "room": "general", "content": "alone"}));
    assert_eq!(kit.take(alice), [] as [Value; 0]);
}

#[test]
fn a_newcomer_gets_the_last_fifty() {
    let config = GatewayConfig { message_burst: 100, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let alice = kit.member("alice", "general");
    for n in 1..=70 {
        kit.send(alice, json!({"type": "message", "room": "general", "content": format!("m{n}")}));
    }
    let bob = kit.connect();
    kit.send(bob, json!({"type": "join", "room": "general", "user": "bob"}));
    let frames = kit.take(bob);
    let history = frames.iter().find(|frame| frame["type"] == "history").unwrap();
    let contents: Vec<_> = history["messages"].as_array().unwrap().iter().map(|m| &m["content"]).collect();
    assert_eq!(contents.len(), 50);
    assert_eq!((contents[0], contents[49]), (&json!("m21"), &json!("m70")));
    kit.send(bob, json!({"type": "history", "room": "general", "before": 21, "limit": 15, "id": 1}));
    let page = &kit.take(bob)[0];
    let contents: Vec<_> = page["messages"].as_array().unwrap().iter().map(|m| &m["content"]).collect();
    assert_eq!((contents.len(), contents[0], contents[14]), (15, &json!("m6"), &json!("m20")));
    assert_eq!((&page["more"], &page["id"]), (&json!(true), &json!(1)));
}

#[test]
fn rooms_and_members_are_listed() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.send(bob, json!({"type": "create", "room": "empty"}));
    kit.send(bob, json!({"type": "create", "room": "empty", "id": 3}));
    let frames = kit.take(bob);
    assert_eq!(frames[0]["type"], "created");
    assert_eq!((&frames[1]["code"], &frames[1]["id"]), (&json!("room_exists"), &json!(3)));
    kit.forget();
    kit.send(alice, json!({"type": "rooms"}));
    kit.send(alice, json!({"type": "members", "room": "general"}));
    let frames = kit.take(alice);
    let rooms = json!([{"room": "empty", "members": 0}, {"room": "general", "members": 2}]);
    assert_eq!(frames[0], json!({"type": "rooms", "rooms": rooms, "more": false}));
    let members = json!([{"user": "alice", "presence": "online"}, {"user": "bob", "presence": "online"}]);
    assert_eq!(frames[1]["members"], members);
}

#[test]
fn a_duplicate_join_is_told_to_nobody_else() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.forget();
    kit.send(alice, json!({"type": "join", "room": "general", "user": "alice"}));
    assert_eq!(kit.take_types(alice), ["joined", "user_joined", "history"]);
    assert_eq!(kit.take(bob), [] as [Value; 0]);
}

#[test]
fn a_ping_is_answered_under_its_number() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    kit.send(alice, json!({"type": "ping", "id": 5}));
    kit.send(alice, json!({"type": "ping"}));
    assert_eq!(kit.take(alice), [json!({"type": "pong", "id": 5}), json!({"type": "pong"})]);
}

#[test]
fn status_and_tasks_reach_members_and_newcomers() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    kit.send(
        alice,
        json!({"type": "status", "room": "general", "state": "working", "progress": 40, "id": 1}),
    );
    let task = json!({"type": "task", "room": "general", "task": "t-1", "state": "open", "assignee": "bob"});
    kit.send(alice, task.clone());
    assert_eq!(kit.take_types(alice), ["ack", "status", "task"]);
    let bob = kit.connect();
    kit.send(bob, json!({"type": "join", "room": "general", "user": "bob"}));
    let frames = kit.take(bob);
    let status =
        json!({"type": "status", "room": "general", "user": "alice", "state": "working", "progress": 40});
    assert!(frames.contains(&status), "{frames:?}");
    assert!(frames.contains(&task), "{frames:?}");
}

#[test]
fn what_is_no_request_gets_its_documented_error() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    let long = "x".repeat(4097);
    let huge = format!(r#"{{"type":"message","room":"general","content":"{}"}}"#, "x".repeat(17_000));
    let too_long = json!({"type": "message", "room": "general", "content": long}).to_string();
    for (text, code) in [
        ("{", "bad_json"),
        ("hello", "bad_json"),
        ("[]", "bad_frame"),
        (r#"["join","general","alice"]"#, "bad_frame"),
        ("{}", "bad_frame"),
        (r#"{"type":"join"}"#, "bad_frame"),
        (r#"{"type":"join","room":5}"#, "bad_frame"),
        (r#"{"type":"join","room":"no spaces"}"#, "bad_room"),
        (r#"{"type":"join","room":"general","since":3}"#, "bad_frame"),
        (r#"{"type":"message","room":"general","content":"x","user":"bob"}"#, "user_mismatch"),
        (r#"{"type":"message","room":"general","content":"x","user":"b b"}"#, "bad_user"),
        (r#"{"type":"message","room":"general","content":""}"#, "content_empty"),
        (r#"{"type":"message","room":"general","content":" \n"}"#, "content_empty"),
        (r#"{"type":"message","room":"nowhere","content":"x"}"#, "unknown_room"),
        (r#"{"type":"leave","room":"nowhere"}"#, "unknown_room"),
        (r#"{"type":"dance"}"#, "unknown_type"),
        (r#"{"type":"hello","user":"alice"}"#, "already_attached"),
        (r#"{"type":"refresh"}"#, "bad_frame"),
        (r#"{"type":"refresh","token":"t"}"#, "tokens_off"),
        (&too_long, "content_too_large"),
        (&huge, "frame_too_large"),
    ] {
        kit.wait(Duration::from_secs(1));
        kit.forget();
        kit.text(alice, text);
        let frames = kit.take(alice);
        assert_eq!(frames.len(), 1, "{text}: {frames:?}");
        assert_eq!((&frames[0]["type"], &frames[0]["code"]), (&json!("error"), &json!(code)), "{text}");
    }
    kit.input(GatewayInput::Received { connection: alice, frame: Frame::Binary(3) });
    assert_eq!(kit.take(alice)[0]["code"], "binary_frame");
    assert!(kit.closed.is_empty(), "the connection lives");
}

#[test]
fn without_a_user_there_is_nothing_to_do() {
    let mut kit = Kit::new();
    let nobody = kit.connect();
    kit.send(nobody, json!({"type": "join", "room": "general"}));
    assert_eq!(kit.take(nobody)[0]["code"], "not_attached");
    kit.wait(Duration::from_secs(30));
    kit.input(GatewayInput::Received { connection: nobody, frame: Frame::Pong });
    kit.wait(Duration::from_secs(30));
    assert_eq!(kit.closed[&nobody], Disconnect::AttachTimeout);
}

#[test]
fn leaving_ends_typing() {
    let mut kit = Kit::new();
    let one = kit.member("alice", "general");
    let _two = kit.member("alice", "general");
    let bob = kit.member("bob", "general");
    kit.send(one, json!({"type": "typing", "room": "general", "typing": true}));
    assert_eq!(kit.take(bob)[0]["status"], "typing");
    kit.send(one, json!({"type": "leave", "room": "general"}));
    assert_eq!(kit.take_types(bob), ["presence"], "typing goes on for {}s after the leave", 6);
}

#[test]
fn an_error_is_short() {
    let mut kit = Kit::new();
    let alice = kit.member("alice", "general");
    kit.send(alice, json!({"type": "message", "room": "general", "content": "x", "id": "\"".repeat(8_000)}));
    let frame = kit.take(alice).remove(0).to_string();
    assert!(frame.len() < 1_024, "{} bytes", frame.len());
}

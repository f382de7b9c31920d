//! What a client asks for beside messages and rooms to be in, and what it is told of it.

use serde_json::{Value, json};

use super::kit::{Kit, general};
use crate::{
    client::{ClientConfig, ClientEvent, ClientInput, ClientOutput, Command, Member, Presence},
    id::{Epoch, Position, Seq},
    identity::Token,
    name::UserName,
    refusal::Refusal,
    shard::{Extra, File, Kind, Status, Task, TaskChange},
};

fn bob() -> UserName {
    UserName::new("bob").unwrap()
}

fn working() -> Status {
    Status { state: "working".into(), detail: Some("on it".into()), progress: Some(40) }
}

/// What is carried, and its fields on the wire.
fn carried() -> (Extra, Value) {
    let extra = Extra {
        key: Some("k1".into()),
        client_id: Some(7),
        reply_to: Some(3),
        kind: Kind::File,
        file: Some(File { url: "https://a.example/b".into(), name: Some("b".into()) }),
        mentions: vec!["bob".into()],
        priority: 1,
        state: None,
    };
    let fields = json!({
        "key": "k1", "client_id": 7, "reply_to": 3, "kind": "file", "file_url": "https://a.example/b",
        "file_name": "b", "mentions": ["bob"], "priority": 1,
    });
    (extra, fields)
}

#[test]
fn every_request_is_a_frame_of_the_protocol() {
    let mut kit = Kit::member();
    let (room, user) = (general(), bob());
    let task = TaskChange {
        task: "T-1".into(),
        status: Some(working()),
        assignee: Some(bob()),
        priority: Some(1),
        metadata: Some("{\"a\":1}".into()),
    };
    let expected = [
        (Command::Create { room: room.clone(), private: false }, json!({"type": "create"})),
        (Command::Create { room: room.clone(), private: true }, json!({"type": "create", "private": true})),
        (
            Command::Invite { room: room.clone(), user: user.clone() },
            json!({"type": "invite", "whom": "bob"}),
        ),
        (Command::Kick { room: room.clone(), user }, json!({"type": "kick", "whom": "bob"})),
        (Command::Run { room: room.clone(), on: true }, json!({"type": "start"})),
        (Command::Run { room: room.clone(), on: false }, json!({"type": "stop"})),
        (Command::Seen { room: room.clone(), seq: Seq(4) }, json!({"type": "seen", "seq": 4})),
        (
            Command::Status { room: room.clone(), status: working() },
            json!({"type": "status", "state": "working", "detail": "on it", "progress": 40}),
        ),
        (
            Command::Task { room, task },
            json!({
                "type": "task", "task": "T-1", "state": "working", "detail": "on it", "progress": 40,
                "assignee": "bob", "priority": 1, "metadata": {"a": 1},
            }),
        ),
    ];
    for (command, mut frame) in expected {
        let id = kit.submit(command);
        frame["room"] = json!("general");
        frame["id"] = json!(id);
        assert_eq!(kit.sent(), [frame]);
    }
    let id = kit.submit(Command::Ping);
    assert_eq!(kit.sent(), [json!({"type": "ping", "id": id})]);
}

#[test]
fn what_a_message_carries_goes_out_and_comes_in() {
    let mut kit = Kit::member();
    let (extra, fields) = carried();
    let id = kit.submit(Command::Publish {
        room: general(),
        content: "see".into(),
        extra: Some(extra.clone().into()),
    });
    let with = |mut frame: Value| {
        for (name, value) in fields.as_object().unwrap() {
            frame[name] = value.clone();
        }
        frame
    };
    let sent = json!({"type": "message", "room": "general", "content": "see", "user": "alice", "id": id});
    assert_eq!(kit.sent(), [with(sent)]);
    let message = |seq: u64| {
        with(json!({
            "type": "message", "room": "general", "user": "bob", "content": "see",
            "timestamp": "2026-11-21T05:03:00.000Z", "seq": seq, "state": "working",
        }))
    };
    kit.server(message(1));
    kit.server(json!({
        "type": "history", "room": "general", "messages": [message(2)], "epoch": 5, "more": false,
    }));
    let shown: Vec<_> = kit.events();
    let expected = Some(Box::new(Extra { state: Some("working".into()), ..extra }));
    assert_eq!(shown.len(), 2);
    for event in shown {
        let ClientEvent::Message(shown) = event else { panic!("{event:?}") };
        assert_eq!(shown.extra, expected);
    }
}

#[test]
fn a_plain_message_carries_nothing_and_an_unknown_kind_is_text() {
    let mut kit = Kit::member();
    kit.say(1);
    kit.server(json!({
        "type": "message", "room": "general", "user": "bob", "content": "la", "kind": "song",
        "timestamp": "2026-11-21T05:03:00.000Z", "seq": 2,
    }));
    let extras = kit.events().into_iter().map(|event| match event {
        ClientEvent::Message(shown) => shown.extra,
        other => panic!("{other:?}"),
    });
    assert!(extras.eq([None, None]));
}

#[test]
fn every_answer_and_every_notice_is_told() {
    let mut kit = Kit::member();
    let (room, user) = (general(), Some(bob()));
    let id = kit.submit(Command::Ping);
    kit.out.clear();
    let member = |user: &str, presence, status| {
        let user = UserName::new(user).unwrap();
        Member { user, presence, status }
    };
    let task = Task {
        task: "T-1".into(),
        status: Some(working()),
        assignee: Some(bob()),
        priority: Some(1),
        metadata: Some("{\"a\":1}".into()),
    };
    let status = json!({"state": "working", "detail": "on it", "progress": 40});
    let with_status = |mut frame: Value| {
        frame.as_object_mut().unwrap().append(&mut status.as_object().unwrap().clone());
        frame
    };
    let expected = [
        (json!({"type": "pong", "id": id}), ClientEvent::Pong { id }),
        (json!({"type": "ack", "id": id, "room": "general"}), ClientEvent::Noted { id, room: room.clone() }),
        (json!({"type": "refreshed", "id": id}), ClientEvent::Refreshed { id, expires: None }),
        (
            json!({"type": "refreshed", "id": id, "expires": "2026-11-21T05:03:00.000Z"}),
            ClientEvent::Refreshed { id, expires: Some("2026-11-21T05:03:00.000Z".into()) },
        ),
        (
            with_status(json!({"type": "status", "room": "general", "user": "bob"})),
            ClientEvent::Status { room: room.clone(), user: bob(), status: working() },
        ),
        (
            with_status(json!({
                "type": "task", "room": "general", "user": "bob", "task": "T-1", "assignee": "bob",
                "priority": 1, "metadata": {"a": 1},
            })),
            ClientEvent::Task { room: room.clone(), user, task },
        ),
        (
            json!({
                "type": "members", "room": "general", "count": 2, "more": false,
                "members": [
                    {"user": "alice", "presence": "online"}, with_status(json!({"user": "bob", "presence": "offline"})),
                ],
            }),
            ClientEvent::Members {
                room,
                members: vec![
                    member("alice", Presence::Online, None),
                    member("bob", Presence::Offline, Some(working())),
                ],
                count: 2,
                more: false,
            },
        ),
    ];
    for (frame, event) in expected {
        kit.server(frame);
        assert_eq!(kit.events(), [event]);
    }
}

#[test]
fn a_token_is_shown_with_every_connection_the_newest_one() {
    let mut kit = Kit::new();
    kit.client = kit.client.with_token(Token::new("first"));
    kit.client.start(kit.now, &mut kit.out);
    kit.welcome(false);
    assert_eq!(kit.sent()[0]["token"], "first");
    let id = kit.submit(Command::Refresh { token: Token::new("second") });
    assert_eq!(kit.sent(), [json!({"type": "refresh", "token": "second", "id": id})]);
    kit.input(ClientInput::Closed { code: None, reason: "" });
    kit.wait();
    kit.out.clear();
    kit.welcome(true);
    assert_eq!(kit.sent()[0]["token"], "second");
}

#[test]
fn who_has_no_token_says_nothing_of_one() {
    let mut kit = Kit::new();
    kit.client.start(kit.now, &mut kit.out);
    kit.welcome(false);
    assert_eq!(kit.sent()[0].get("token"), None);
}

#[test]
fn a_hello_that_would_be_refused_for_ever_is_not_said_again() {
    for code in ["bad_token", "token_required", "bad_user", "user_mismatch", "frame_too_large"] {
        let mut kit = Kit::with(ClientConfig::default());
        kit.client.start(kit.now, &mut kit.out);
        kit.input(ClientInput::Opened);
        kit.out.clear();
        kit.server(json!({"type": "error", "code": code, "message": ""}));
        let refusal = Refusal::from_code(code).unwrap();
        let refused = ClientEvent::Refused { id: None, refusal, retry_after: None };
        assert_eq!(kit.out.first(), Some(&ClientOutput::Event(refused)));
        assert_eq!(kit.out.last(), Some(&ClientOutput::Event(ClientEvent::Ended { code: None })));
        assert_eq!(kit.client.poll_timeout(), None);
    }
}

#[test]
fn whoever_is_sent_away_does_not_come_back_unasked() {
    let mut kit = Kit::member();
    kit.server(json!({"type": "left", "room": "general", "epoch": 5, "seq": 3, "kicked": true}));
    let head = Position::new(Epoch(5), Seq(3));
    assert_eq!(kit.events(), [ClientEvent::Left { room: general(), head, kicked: true }]);
    assert!(!kit.client.is_joined(&general()));
    kit.reconnect();
    assert_eq!(super::requests(&kit.sent()), ["hello "]);
    kit.submit(Command::Join { room: general() });
    assert_eq!(super::requests(&kit.sent()), ["join general"]);
}

#[test]
fn a_join_that_was_asked_for_since_is_not_undone_by_a_kick() {
    let mut kit = Kit::member();
    let leave = kit.submit(Command::Leave { room: general() });
    kit.submit(Command::Join { room: general() });
    kit.server(json!({"type": "left", "room": "general", "epoch": 5, "seq": 3, "id": leave}));
    assert_eq!(super::requests(&kit.sent()), ["leave general", "join general"]);
    kit.server(json!({"type": "left", "room": "general", "epoch": 5, "seq": 3, "kicked": true}));
    kit.joined("general");
    kit.reconnect();
    assert_eq!(super::requests(&kit.sent()), ["hello ", "join general"]);
}

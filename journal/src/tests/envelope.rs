//! The `envelope` dialect on a node: who is let in, what ends a connection, and word of how the node fares.

use chinwag_core::{
    UserName,
    dialect::Dialect,
    identity::{Claims, TokenFault},
    role::Role,
};

use super::*;

impl Kit {
    /// A connection whose address has this token.
    fn envelope(&mut self, token: Option<&str>) -> ConnectionId {
        let token = token.map(Token::new);
        self.open(Opening { dialect: Some(Dialect::Envelope), token, ..Opening::default() })
    }

    /// Somebody in a room, with what they were told looked at.
    fn envelope_member(&mut self, user: &str, room: &str) -> ConnectionId {
        let connection = self.envelope(Some(user));
        self.send(connection, json!({"type": "joinRoom", "payload": {"roomId": room}}));
        self.forget();
        connection
    }
}

fn say(room: &str, content: &str, message_id: &str) -> Value {
    json!({"type": "message", "payload": {"roomId": room, "content": content}, "messageId": message_id})
}

/// The code of the only frame, which is an error, and its number in the specification's table.
fn error(frames: &[Value]) -> (&str, Option<u64>) {
    let [error] = frames else { panic!("one frame: {frames:?}") };
    assert_eq!(error["type"], "error", "{error}");
    (error["payload"]["code"].as_str().unwrap(), error["payload"]["details"]["errorCode"].as_u64())
}

/// `{"alg":"none"}`, and nothing behind `{"sub":"ann"}`: each sign of it may stand in a name.
const UNSIGNED: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.";

#[test]
fn without_a_key_the_token_is_a_name() {
    let mut kit = Kit::new();
    let ann = kit.envelope(Some("ann"));
    let [connected] = &kit.take(ann)[..] else { panic!("one frame") };
    assert_eq!((&connected["type"], &connected["payload"]), (&json!("connected"), &json!({"userId": "ann"})));
    for (token, code) in [
        (None, "token_required"),
        (Some(""), "bad_token"),
        (Some("no name"), "bad_token"),
        (Some(UNSIGNED), "bad_token"),
    ] {
        let nobody = kit.envelope(token);
        assert_eq!(error(&kit.take(nobody)), (code, Some(4000)));
        assert_eq!(kit.closed[&nobody], Disconnect::BadToken);
    }
}

#[test]
fn with_a_key_the_token_may_be_a_name_where_none_is_needed() {
    let token_dialects = Some(vec![Dialect::Chat]);
    let config = GatewayConfig { verify_tokens: true, token_dialects, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let ann = kit.envelope(Some("ann"));
    assert_eq!(kit.take(ann)[0]["payload"], json!({"userId": "ann"}));
    let tolkien = kit.envelope(Some("j.r.tolkien"));
    assert_eq!(kit.take(tolkien)[0]["payload"], json!({"userId": "j.r.tolkien"}), "dots make no token");
    for (token, code) in [(None, "token_required"), (Some(""), "bad_token"), (Some("no name"), "bad_token")] {
        let nobody = kit.envelope(token);
        assert_eq!(error(&kit.take(nobody)), (code, Some(4000)));
        assert_eq!(kit.closed[&nobody], Disconnect::BadToken);
    }
    assert!(kit.shown.is_empty(), "none of these is a token");
    let forged = kit.envelope(Some(UNSIGNED));
    assert_eq!((kit.take(forged), kit.shown.len()), (vec![], 1), "this one is, good or bad");
    let bob = Some(Token::new("bob"));
    let bob = kit.open(Opening { token: bob, ..Opening::default() });
    assert_eq!(kit.shown.len(), 1, "it may be a name still");
    kit.send(bob, json!({"type": "join", "room": "den", "user": "bob"}));
    assert_eq!(kit.shown.len(), 2, "elsewhere there is another place for a name");
}

#[test]
fn with_a_key_the_token_is_verified() {
    let config = GatewayConfig { verify_tokens: true, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let verified = |kit: &mut Kit, outcome| {
        let connection = kit.envelope(Some("ann"));
        assert_eq!(kit.take(connection), [] as [Value; 0], "it waits");
        kit.shown.clear();
        kit.input(GatewayInput::Verified { connection, outcome });
        connection
    };
    let user = UserName::new("ann").unwrap();
    let ann = verified(&mut kit, Ok(Claims { user, role: Role::Member, owner: None, expires: None }));
    assert_eq!(kit.take_types(ann), ["connected"]);
    let forger = verified(&mut kit, Err(TokenFault::BadSignature));
    assert_eq!(error(&kit.take(forger)), ("bad_token", Some(4000)));
    let nobody = kit.envelope(None);
    assert_eq!(error(&kit.take(nobody)), ("token_required", Some(4000)));
    assert_eq!(kit.closed.keys().collect::<Vec<_>>(), [&forger, &nobody]);
}

#[test]
fn a_message_that_is_sent_twice_is_there_once_and_receipted_twice() {
    let mut kit = Kit::new();
    let ann = kit.envelope_member("ann", "general");
    let bob = kit.member("bob", "general");
    kit.forget();
    kit.send(ann, say("general", "Hello!", "m-1"));
    let [receipt, message] = &kit.take(ann)[..] else { panic!("two frames") };
    let named = json!({"messageId": "m-1", "roomId": "general", "senderId": "ann"});
    assert_eq!(receipt["type"], "messageReceived");
    for (field, value) in named.as_object().unwrap() {
        assert_eq!(receipt["payload"][field], *value);
    }
    assert_eq!((&message["type"], &message["messageId"]), (&json!("message"), &json!("m-1")));
    kit.send(ann, say("general", "Hello!", "m-1"));
    let [again] = &kit.take(ann)[..] else { panic!("one frame") };
    assert_eq!(again["payload"], receipt["payload"]);
    assert_ne!(again["messageId"], receipt["messageId"], "it is another frame");
    assert_eq!(kit.take(bob).len(), 1);
}

#[test]
fn what_is_not_of_the_dialect_ends_the_connection() {
    let mut kit = Kit::new();
    for (text, code) in [("hello", "bad_json"), (r#"{"type":"ping"}"#, "bad_envelope")] {
        let ann = kit.envelope_member("ann", "general");
        kit.text(ann, text);
        assert_eq!(error(&kit.take(ann)), (code, Some(4002)));
        assert_eq!(kit.closed[&ann], Disconnect::BadFormat);
    }
    let ann = kit.envelope_member("ann", "general");
    kit.input(GatewayInput::Received { connection: ann, frame: Frame::Binary(3) });
    assert_eq!(error(&kit.take(ann)), ("binary_frame", Some(1003)));
    assert_eq!(kit.closed[&ann], Disconnect::UnsupportedData);
    let bob = kit.member("bob", "general");
    kit.text(bob, "hello");
    assert!(!kit.closed.contains_key(&bob), "other dialects live on");
}

#[test]
fn what_one_may_not_do_ends_the_connection_only_where_that_is_wanted() {
    for strict_closes in [false, true] {
        let config = GatewayConfig { strict_closes, ..GatewayConfig::default() };
        let mut kit = Kit::with(config, ShardConfig::default());
        kit.member("bob", "general");
        for (room, code, number, reason) in [
            ("nowhere", "unknown_room", 4003, Disconnect::UnknownRoom),
            ("general", "not_member", 4004, Disconnect::PermissionDenied),
        ] {
            let ann = kit.envelope(Some("ann"));
            kit.forget();
            kit.send(ann, say(room, "Hello!", "m-1"));
            let frames = kit.take(ann);
            assert_eq!(error(&frames), (code, Some(number)));
            assert_eq!(frames[0]["payload"]["details"]["messageId"], "m-1");
            assert_eq!(kit.closed.get(&ann), strict_closes.then_some(&reason));
        }
    }
}

#[test]
fn a_join_shows_history_only_if_it_asks() {
    let mut kit = Kit::new();
    let bob = kit.member("bob", "general");
    for n in 1..=5 {
        kit.send(bob, json!({"type": "message", "room": "general", "content": format!("m{n}")}));
    }
    kit.send(bob, json!({"type": "join", "room": "general"}));
    let epoch = kit.take(bob).iter().find(|frame| frame["type"] == "joined").unwrap()["epoch"].clone();
    let mut shown = |user: &str, payload: Value| -> Vec<Value> {
        let connection = kit.envelope(Some(user));
        kit.forget();
        kit.send(connection, json!({"type": "joinRoom", "payload": payload}));
        let frames = kit.take(connection);
        assert_eq!(frames[0]["type"], "joinRoom");
        let messages = frames.iter().filter(|frame| frame["type"] == "message");
        messages.map(|frame| frame["payload"]["content"].clone()).collect()
    };
    assert_eq!(shown("ann", json!({"roomId": "general"})), [] as [Value; 0]);
    assert_eq!(shown("cat", json!({"roomId": "general", "limit": 2})), ["m4", "m5"]);
    let since = json!({"roomId": "general", "since": 2, "epoch": epoch});
    assert_eq!(shown("dan", since), ["m3", "m4", "m5"]);
}

#[test]
fn who_listens_is_told_on_a_period_how_the_node_fares() {
    // Nobody here answers pings.
    let config = GatewayConfig { ping_interval: Duration::from_secs(3_600), ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    kit.member("bob", "general");
    kit.wait(Duration::from_secs(20));
    let ann = kit.envelope_member("ann", "general");
    let cat = kit.envelope_member("cat", "general");
    kit.wait(Duration::from_secs(10));
    kit.send(ann, say("general", "Hello!", "m-1"));
    kit.forget();
    let encoded = kit.node.counters().frames_encoded;
    kit.wait(Duration::from_millis(19_999));
    assert_eq!(kit.take(ann), [] as [Value; 0]);
    kit.wait(Duration::from_millis(1));
    let [health] = &kit.take(ann)[..] else { panic!("one frame") };
    assert_eq!(kit.take(cat), std::slice::from_ref(health), "the same frame for all");
    assert_eq!(kit.node.counters().frames_encoded, encoded + 1);
    assert_eq!((&health["type"], &health["payload"]["status"]), (&json!("healthUpdate"), &json!("healthy")));
    let metrics = &health["payload"]["metrics"];
    for (name, value) in
        [("connections", 3), ("rooms", 1), ("messagesIn", 1), ("deliveriesOut", 3), ("uptimeSeconds", 50)]
    {
        assert_eq!(metrics[name], value, "{name} of {metrics}");
    }
    kit.wait(Duration::from_secs(30));
    assert_eq!(kit.take_types(ann), ["healthUpdate"]);
    for listener in [ann, cat] {
        kit.cut(listener);
    }
    // Long enough for them to be shown as gone.
    kit.wait(Duration::from_secs(60));
    let encoded = kit.node.counters().frames_encoded;
    kit.wait(Duration::from_secs(600));
    assert_eq!(kit.node.counters().frames_encoded, encoded, "nobody listens any more");
}

#[test]
fn going_down_and_being_crowded_are_told() {
    let config = GatewayConfig { connections_max: 2, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let ann = kit.envelope_member("ann", "general");
    kit.envelope_member("bob", "general");
    kit.wait(Duration::from_secs(30));
    let status = |frames: Vec<Value>| frames.last().unwrap()["payload"]["status"].clone();
    assert_eq!(status(kit.take(ann)), "overloaded");
    kit.input(GatewayInput::Drain);
    kit.wait(Duration::ZERO);
    assert_eq!(status(kit.take(ann)), "draining", "before it has to go");
    assert_eq!(kit.closed[&ann], Disconnect::Shutdown);
}

#[test]
fn who_has_much_to_read_is_spared_the_health() {
    let config =
        GatewayConfig { outbox_bytes_max: 16 * 1024, message_burst: 1_000, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let ann = kit.envelope_member("ann", "general");
    let bob = kit.envelope_member("bob", "general");
    kit.wait(Duration::from_secs(29));
    kit.forget();
    kit.stalled.push(bob);
    for n in 0..20 {
        kit.send(ann, say("general", &"x".repeat(200), &format!("m-{n}")));
    }
    kit.wait(Duration::from_secs(1));
    assert_eq!(kit.take_types(ann).last().unwrap(), "healthUpdate");
    kit.stalled.clear();
    kit.drain(bob);
    let types = kit.take_types(bob);
    assert_eq!(types.len(), 20);
    assert!(types.iter().all(|kind| kind == "message"), "{types:?}");
}

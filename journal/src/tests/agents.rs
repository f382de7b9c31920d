//! Specification 4's connections on one node: the newest wins, the older ones fall silent, and `/` finds out who speaks.

use chinwag_core::{
    UserName,
    dialect::Dialect,
    identity::{Claims, TokenFault},
    role::Role,
};

use super::*;

const NONE: [Value; 0] = [];

fn auth(user: &str) -> Value {
    json!({"type": "auth", "data": {"userId": user, "role": "developer"}})
}

fn message(text: &str) -> Value {
    json!({"type": "message", "data": {"id": 1, "text": text, "mentions": []}})
}

/// A connection at `/ws` that has said nothing.
fn open(kit: &mut Kit) -> ConnectionId {
    kit.open(Opening { dialect: Some(Dialect::Agents), ..Opening::default() })
}

/// A connection that has been let in, and the answer to its `auth`.
fn enter(kit: &mut Kit, user: &str) -> (ConnectionId, Value) {
    let connection = open(kit);
    kit.send(connection, auth(user));
    let mut frames = kit.take(connection);
    (connection, frames.remove(0))
}

fn pong(kit: &mut Kit, connection: ConnectionId) {
    kit.input(GatewayInput::Received { connection, frame: Frame::Pong });
}

/// An older connection whose user has a newer one.
fn silent(kit: &mut Kit) -> (ConnectionId, ConnectionId) {
    let (old, _) = enter(kit, "alice");
    let (new, response) = enter(kit, "alice");
    assert_eq!(response["data"]["success"], true);
    assert_eq!(kit.take(old)[0]["data"]["code"], "REPLACED");
    kit.forget();
    (old, new)
}

#[test]
fn the_newest_connection_wins_and_the_older_one_falls_silent() {
    let mut kit = Kit::new();
    let native = kit.member("alice", "lobby");
    let (bob, _) = enter(&mut kit, "bob");
    let (old, new) = silent(&mut kit);
    assert!(kit.closed.is_empty(), "no connection is closed, least of all one of another dialect");

    kit.send(old, message("from beyond"));
    kit.send(old, json!({"type": "ping"}));
    kit.send(new, message("here I am"));
    assert_eq!(kit.take(old), NONE);
    for reader in [bob, new] {
        let frames = kit.take(reader);
        assert_eq!(frames.len(), 1, "nobody came, and nobody went: {frames:?}");
        assert_eq!(frames[0]["data"]["text"], "here I am");
    }
    assert_eq!(kit.take_types(native), ["message"]);

    kit.input(GatewayInput::Received { connection: old, frame: Frame::Close(Some(1000)) });
    assert_eq!(kit.closed[&old], Disconnect::Requested);
    kit.cut(old);
    assert_eq!(kit.take(bob), NONE, "its end is nobody's");
    kit.cut(native);
    kit.input(GatewayInput::Received { connection: new, frame: Frame::Close(Some(1000)) });
    kit.wait(Duration::from_secs(15));
    let frames = kit.take(bob);
    assert_eq!(frames.last().unwrap()["data"]["status"], "offline", "{frames:?}");
}

#[test]
fn reconnecting_mints_no_tokens() {
    let mut kit = Kit::new();
    let (old, _) = enter(&mut kit, "alice");
    for _ in 0..10 {
        kit.send(old, message("x"));
    }
    let (new, _) = enter(&mut kit, "alice");
    kit.forget();
    kit.send(new, message("one too many"));
    let frames = kit.take(new);
    let error = &frames[0]["data"];
    assert_eq!((&error["code"], &error["retryAfter"]), (&json!("RATE_LIMITED"), &json!(1)));
}

#[test]
fn a_page_that_pings_every_half_a_minute_is_answered_each_time() {
    let mut kit = Kit::new();
    let (alice, _) = enter(&mut kit, "alice");
    kit.forget();
    for _ in 0..10 {
        kit.wait(Duration::from_secs(25));
        // As its browser does by itself.
        pong(&mut kit, alice);
        kit.wait(Duration::from_secs(5));
        kit.send(alice, json!({"type": "ping"}));
        let answer = json!({"type": "pong", "data": {"timestamp": kit.now.to_string()}});
        assert_eq!(kit.take(alice), [answer]);
    }
    assert!(kit.closed.is_empty());
}

#[test]
fn a_silent_connection_is_pinged_as_before() {
    let mut kit = Kit::new();
    let (old, new) = silent(&mut kit);
    // A ping goes out after 25 s of silence, and must be answered within ten.
    for _ in 0..30 {
        kit.wait(Duration::from_secs(9));
        pong(&mut kit, old);
        pong(&mut kit, new);
    }
    assert!(kit.closed.is_empty(), "it answers: {:?}", kit.closed);
    for _ in 0..4 {
        kit.wait(Duration::from_secs(9));
        pong(&mut kit, new);
    }
    assert_eq!(kit.closed.get(&old), Some(&Disconnect::HeartbeatTimeout));
    assert!(!kit.closed.contains_key(&new));
}

#[test]
fn a_silent_connection_is_held_to_its_limits() {
    let config = GatewayConfig { idle_timeout: Some(Duration::from_secs(600)), ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let (flooding, _) = silent(&mut kit);
    for _ in 0..7_000 {
        if !kit.closed.contains_key(&flooding) {
            kit.text(flooding, "x");
            kit.wait(Duration::from_millis(10));
        }
    }
    assert_eq!(kit.closed.get(&flooding), Some(&Disconnect::RateLimited));
    assert_eq!(kit.take(flooding), NONE, "without a word");

    let mut kit = Kit::with(
        GatewayConfig { idle_timeout: Some(Duration::from_secs(20)), ..GatewayConfig::default() },
        ShardConfig::default(),
    );
    let (idle, new) = silent(&mut kit);
    kit.wait(Duration::from_secs(10));
    kit.send(new, message("not idle"));
    kit.wait(Duration::from_secs(10));
    assert_eq!(kit.closed.get(&idle), Some(&Disconnect::Idle));
    assert!(!kit.closed.contains_key(&new));

    let (old, new) = silent(&mut kit);
    kit.input(GatewayInput::Drain);
    kit.wait(Duration::from_secs(1));
    assert_eq!((kit.closed[&old], kit.closed[&new]), (Disconnect::Shutdown, Disconnect::Shutdown));
}

#[test]
fn of_the_silent_connections_of_a_user_the_oldest_go() {
    let config = GatewayConfig { silent_per_user_max: 2, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let (bob, _) = silent(&mut kit);
    let [first, second, third] = [(); 3].map(|()| enter(&mut kit, "eve").0);
    assert!(kit.closed.is_empty(), "two are let be, and those of others do not count");
    kit.cut(second);
    let (fourth, _) = enter(&mut kit, "eve");
    assert!(kit.closed.is_empty(), "who is gone does not count");
    let (newest, _) = enter(&mut kit, "eve");
    assert_eq!((kit.closed.len(), kit.closed.get(&first)), (1, Some(&Disconnect::Replaced)));
    kit.cut(first);
    enter(&mut kit, "eve");
    assert_eq!(kit.closed.get(&third), Some(&Disconnect::Replaced));
    for connection in [bob, fourth, newest] {
        assert!(!kit.closed.contains_key(&connection));
    }
}

#[test]
fn a_large_room_is_listed_by_name_all_the_same() {
    let shard = ShardConfig { roster_max: 3, ..ShardConfig::default() };
    let mut kit = Kit::with(GatewayConfig::default(), shard);
    for user in ["a", "b", "c", "d"] {
        let (_, response) = enter(&mut kit, user);
        assert_eq!(response["type"], "auth_response", "{response}");
    }
    let connection = open(&mut kit);
    kit.send(connection, auth("z"));
    let frames = kit.take(connection);
    let response = frames.iter().find(|frame| frame["type"] == "auth_response").expect("an answer");
    assert_eq!(response["data"]["agents"], json!(["a", "b", "c", "z"]), "the first three, and oneself");
}

#[test]
fn who_is_away_is_not_listed_and_a_status_that_stands_is_shown() {
    let mut kit = Kit::new();
    let (bob, _) = enter(&mut kit, "bob");
    kit.send(bob, json!({"type": "status_update", "data": {"status": "working", "currentTask": "x"}}));
    let (away, _) = enter(&mut kit, "away");
    kit.cut(away);
    kit.wait(Duration::from_secs(16));
    let cat = open(&mut kit);
    kit.send(cat, auth("cat"));
    let frames = kit.take(cat);
    assert_eq!(frames[0]["data"]["agents"], json!(["bob", "cat"]));
    let status = json!({"userId": "bob", "status": "working", "currentTask": "x"});
    assert_eq!(frames[1], json!({"type": "status_update", "data": status}));
    assert_eq!(
        (&frames[2]["data"]["userId"], &frames[2]["data"]["status"]),
        (&json!("cat"), &json!("online"))
    );
    assert_eq!(frames.len(), 3, "{frames:?}");
}

#[test]
fn whom_the_room_does_not_take_is_told() {
    let shard = ShardConfig { room_members_max: Some(1), ..ShardConfig::default() };
    let mut kit = Kit::with(GatewayConfig::default(), shard);
    let nat = kit.member("nat", "lobby");
    let alice = open(&mut kit);
    kit.send(alice, auth("alice"));
    let frames = kit.take(alice);
    assert_eq!(frames[0]["data"]["code"], "ROOM_FULL");
    let failed = json!({"type": "auth_response", "data": {"success": false}});
    assert_eq!(frames[1], failed);

    for (user, code) in [("alice", "ROOM_FULL"), ("eve", "USER_MISMATCH")] {
        kit.send(alice, auth(user));
        let frames = kit.take(alice);
        assert_eq!((&frames[0]["data"]["code"], &frames[1]), (&json!(code), &failed), "{frames:?}");
    }
    kit.send(nat, json!({"type": "leave", "room": "lobby"}));
    kit.send(alice, auth("alice"));
    let frames = kit.take(alice);
    assert_eq!(frames[0]["data"]["agents"], json!(["alice"]), "there is a place now: {frames:?}");
    kit.send(alice, message("here I am"));
    assert_eq!(kit.take(alice).pop().unwrap()["data"]["text"], "here I am");
}

#[test]
fn the_first_frame_decides_where_the_address_does_not() {
    let mut kit = Kit::new();
    let alice = kit.connect();
    kit.text(alice, "not JSON");
    kit.send(alice, json!({"type": "ping"}));
    assert_eq!(kit.take_types(alice), ["error", "pong"], "which decide nothing");
    kit.send(alice, auth("alice"));
    kit.text(alice, "not JSON");
    let frames = kit.take(alice);
    assert_eq!(frames[0]["data"]["success"], true);
    assert_eq!(frames.last().unwrap()["data"]["code"], "INVALID_JSON");

    let native = kit.connect();
    kit.send(native, json!({"type": "join", "room": "general", "user": "nat"}));
    kit.send(native, auth("nat"));
    assert_eq!(kit.take(native).last().unwrap()["code"], "unknown_type", "once it has decided, it has");
}

#[test]
fn lines_from_whom_the_address_names_are_the_lobbys() {
    let mut kit = Kit::new();
    let ann = kit.open(Opening { user: Some(UserName::new("ann").unwrap()), ..Opening::default() });
    assert_eq!(kit.take(ann), NONE, "it may still be a program");
    kit.text(ann, "hello");
    let lines = kit.take(ann);
    assert!(lines[0].as_str().unwrap().starts_with("* Welcome, ann."), "{lines:?}");
    assert!(
        lines.last().unwrap().as_str().unwrap().ends_with("#lobby ann: hello"),
        "and it is said: {lines:?}"
    );
}

/// A server with a key, on which agents do not speak without a token.
fn strict() -> Kit {
    let token_dialects = Some(vec![Dialect::Agents, Dialect::Lobby]);
    let config = GatewayConfig { verify_tokens: true, token_dialects, ..GatewayConfig::default() };
    Kit::with(config, ShardConfig::default())
}

fn verify(kit: &mut Kit, outcome: Result<&str, TokenFault>) {
    let outcome = outcome.map(|user| Claims {
        user: UserName::new(user).unwrap(),
        role: Role::Member,
        owner: None,
        expires: None,
    });
    let (connection, _) = kit.shown.remove(0);
    kit.input(GatewayInput::Verified { connection, outcome });
}

#[test]
fn tokens_are_looked_at_where_there_is_a_key() {
    let failed = json!({"type": "auth_response", "data": {"success": false}});
    let signed = |user: &str| json!({"type": "auth", "data": {"userId": user, "token": "t"}});
    let mut kit = strict();
    let alice = open(&mut kit);
    kit.send(alice, auth("alice"));
    let frames = kit.take(alice);
    assert_eq!((&frames[0]["data"]["code"], &frames[1]), (&json!("TOKEN_REQUIRED"), &failed));
    kit.send(alice, signed("alice"));
    verify(&mut kit, Ok("alice"));
    assert_eq!(kit.take(alice)[0]["data"]["success"], true, "it may try again");

    for (outcome, code) in [(Err(TokenFault::Expired), "BAD_TOKEN"), (Ok("alice"), "USER_MISMATCH")] {
        let eve = open(&mut kit);
        kit.send(eve, signed("eve"));
        verify(&mut kit, outcome);
        let frames = kit.take(eve);
        assert_eq!((&frames[0]["data"]["code"], &frames[1]), (&json!(code), &failed));
        assert_eq!(kit.closed[&eve], Disconnect::BadToken);
    }
    assert!(!kit.closed.contains_key(&alice));
}

#[test]
fn a_token_in_an_open_address_waits_for_the_first_frame() {
    // {"alg":"EdDSA"}, {} and sig: what is no token may be a name, and is not verified.
    let token = || Some(Token::new("eyJhbGciOiJFZERTQSJ9.e30.c2ln"));
    let mut kit = strict();
    let ann = kit.open(Opening { token: token(), ..Opening::default() });
    kit.text(ann, "hello");
    verify(&mut kit, Ok("ann"));
    let lines = kit.take(ann);
    assert!(
        lines[0].as_str().unwrap().starts_with("* Welcome, ann."),
        "a name is all that lines need: {lines:?}"
    );
    let bob = kit.open(Opening { token: token(), ..Opening::default() });
    verify(&mut kit, Ok("bob"));
    kit.send(bob, auth("bob"));
    assert_eq!(kit.take(bob)[0]["data"]["success"], true);
    let nobody = kit.open(Opening { user: Some(UserName::new("cat").unwrap()), ..Opening::default() });
    kit.text(nobody, "hello");
    assert_eq!(kit.closed[&nobody], Disconnect::BadToken, "lines need a token here, too");
}

#[test]
fn what_has_been_decided_by_naming_a_user_stays() {
    let mut kit = Kit::new();
    let bob = Some(UserName::new("bob").unwrap());
    let line = kit.open(Opening { user: bob, ..Opening::default() });
    // A bare ping decides nothing by itself, but this one says who speaks.
    kit.text(line, r#"{"type":"ping","user":"ann"}"#);
    kit.text(line, "a line for the lobby");
    // What the native dialect takes, however odd: it was not told from others before.
    kit.text(line, r#"{"type":"ping","data":1,"data":2}"#);
    let frames = kit.take(line);
    assert_eq!(frames[0]["type"], "pong");
    assert_eq!(frames[1]["code"], "bad_json", "{frames:?}");
    assert_eq!(kit.node.usages().map(|usage| usage.sessions).sum::<usize>(), 1);
    kit.cut(line);
    kit.wait(Duration::from_secs(300));
    assert_eq!(kit.node.usages().map(|usage| usage.sessions).sum::<usize>(), 0);
}

#[test]
fn whoever_was_sent_away_comes_back_with_another_auth() {
    let config =
        GatewayConfig { verify_tokens: true, token_dialects: Some(vec![]), ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    let (bob, _) = enter(&mut kit, "bob");
    let root = kit.connect();
    kit.send(root, json!({"type": "hello", "token": "t"}));
    let (connection, _) = kit.shown.remove(0);
    let user = UserName::new("root").unwrap();
    let claims = Claims { user, role: Role::Admin, owner: None, expires: None };
    kit.input(GatewayInput::Verified { connection, outcome: Ok(claims) });
    kit.forget();
    kit.send(root, json!({"type": "kick", "room": "lobby", "whom": "bob"}));
    let told = kit.take(bob);
    assert_eq!((told.len(), &told[0]["data"]["code"]), (1, &json!("KICKED")), "{told:?}");
    kit.send(bob, message("may I?"));
    assert_eq!(kit.take(bob)[0]["data"]["code"], "NOT_MEMBER");
    kit.send(bob, auth("eve"));
    assert_eq!(kit.take_types(bob), ["error", "auth_response"], "it is still bob");
    kit.send(bob, auth("bob"));
    let response = &kit.take(bob)[0];
    assert_eq!((&response["data"]["success"], &response["data"]["agents"]), (&json!(true), &json!(["bob"])));
    kit.send(bob, message("here I am"));
    assert_eq!(kit.take(bob)[0]["data"]["text"], "here I am");
    kit.send(bob, auth("bob"));
    assert_eq!(kit.take(bob)[0]["data"]["code"], "ALREADY_ATTACHED");
}

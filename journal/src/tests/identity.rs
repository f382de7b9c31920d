//! Tokens: who may speak, what waits meanwhile, and what happens when one ends.

use chinwag_core::{
    UserName,
    dialect::Dialect,
    identity::{Claims, TokenFault},
    role::Role,
};

use super::*;

const GRACE: Duration = Duration::from_secs(5);

/// A server with a key, on which nobody speaks without a token.
fn strict() -> Kit {
    let config = GatewayConfig { verify_tokens: true, token_grace: GRACE, ..GatewayConfig::default() };
    Kit::with(config, ShardConfig::default())
}

fn claims(user: &str, expires: Option<Time>) -> Claims {
    Claims { user: UserName::new(user).unwrap(), role: Role::Member, owner: None, expires }
}

impl Kit {
    /// Answers the oldest token that was shown.
    fn verify(&mut self, outcome: Result<Claims, TokenFault>) {
        let (connection, _) = self.shown.remove(0);
        self.input(GatewayInput::Verified { connection, outcome });
    }

    fn hello(&mut self, frame: Value, outcome: Result<Claims, TokenFault>) -> ConnectionId {
        let connection = self.connect();
        self.send(connection, frame);
        self.verify(outcome);
        connection
    }
}

#[test]
fn nobody_speaks_without_a_token_where_one_is_needed() {
    let mut kit = strict();
    let alice = kit.connect();
    kit.send(alice, json!({"type": "hello", "user": "alice", "id": 1}));
    kit.send(alice, json!({"type": "join", "user": "alice", "room": "general", "id": 2}));
    let errors = kit.take(alice);
    assert_eq!(errors.len(), 2);
    assert!(errors.iter().all(|error| error["code"] == "token_required"), "{errors:?}");
    assert!(kit.closed.is_empty(), "it may still show one");
}

#[test]
fn a_token_names_the_user_and_frames_wait_for_it() {
    let mut kit = strict();
    let alice = kit.connect();
    kit.send(alice, json!({"type": "hello", "token": "t", "id": 1}));
    kit.send(alice, json!({"type": "join", "room": "general", "id": 2}));
    assert_eq!(kit.take(alice), [] as [Value; 0]);
    assert_eq!((kit.shown[0].0, kit.shown[0].1.reveal()), (alice, "t"));
    assert_eq!(format!("{:?}", kit.shown[0].1), "Token(hidden)");
    kit.verify(Ok(claims("alice", None)));
    let frames = kit.take(alice);
    assert_eq!((&frames[0]["type"], &frames[0]["user"]), (&json!("welcome"), &json!("alice")));
    assert_eq!(frames[1]["type"], "joined");
}

#[test]
fn a_bad_token_ends_the_connection() {
    let mut kit = strict();
    for fault in [TokenFault::Malformed, TokenFault::BadSignature, TokenFault::Expired] {
        let stranger =
            kit.hello(json!({"type": "hello", "user": "alice", "token": "t", "id": 7}), Err(fault));
        let error = &kit.take(stranger)[0];
        assert_eq!((&error["code"], &error["id"]), (&json!("bad_token"), &json!(7)));
        assert!(error["message"].as_str().unwrap().contains(fault.words()), "{error}");
        assert_eq!(kit.closed[&stranger], Disconnect::BadToken);
    }
}

#[test]
fn nobody_speaks_for_another_than_the_token_names() {
    let mut kit = strict();
    let frame = json!({"type": "hello", "user": "bob", "token": "t"});
    let alice = kit.hello(frame, Ok(claims("alice", None)));
    assert_eq!(kit.take(alice)[0]["code"], "user_mismatch");
    assert_eq!(kit.closed[&alice], Disconnect::BadToken);
}

#[test]
fn a_token_in_the_address_serves_frames_without_a_user() {
    let mut kit = strict();
    let token = Some(Token::new("t"));
    let alice = kit.open(Opening { token, ..Opening::default() });
    kit.send(alice, json!({"type": "join", "room": "general"}));
    assert_eq!(kit.take(alice), [] as [Value; 0], "it waits");
    kit.verify(Ok(claims("alice", None)));
    assert_eq!(kit.take_types(alice), ["joined", "user_joined", "history"]);
    kit.send(alice, json!({"type": "message", "room": "general", "content": "hi", "user": "bob"}));
    assert_eq!(kit.take(alice)[0]["code"], "user_mismatch");
}

#[test]
fn a_token_that_is_shown_must_be_good_where_none_is_needed_too() {
    let token_dialects = Some(vec![Dialect::Lobby]);
    let config = GatewayConfig { verify_tokens: true, token_dialects, ..GatewayConfig::default() };
    let mut kit = Kit::with(config, ShardConfig::default());
    kit.member("alice", "general");
    let frame = json!({"type": "hello", "user": "bob", "token": "t"});
    let bob = kit.hello(frame, Err(TokenFault::BadSignature));
    assert_eq!(kit.closed[&bob], Disconnect::BadToken);
}

#[test]
fn without_a_key_no_token_is_looked_at() {
    let mut kit = Kit::new();
    let alice = kit.connect();
    kit.send(alice, json!({"type": "hello", "user": "alice", "token": "t"}));
    assert_eq!(kit.take_types(alice), ["welcome"]);
    kit.send(alice, json!({"type": "refresh", "token": "t", "id": 3}));
    assert_eq!(kit.take(alice)[0]["code"], "tokens_off");
    assert_eq!(kit.shown.len(), 0);
}

#[test]
fn an_expired_token_may_be_replaced_in_time() {
    let mut kit = strict();
    let valid = Duration::from_secs(5);
    let hello = json!({"type": "hello", "token": "t"});
    let expires = Some(kit.now + valid);
    let alice = kit.hello(hello.clone(), Ok(claims("alice", expires)));
    let bob = kit.hello(hello, Ok(claims("bob", expires)));
    kit.forget();
    kit.wait(valid);
    for connection in [alice, bob] {
        assert_eq!(kit.take(connection)[0]["code"], "token_expired");
    }
    kit.send(alice, json!({"type": "refresh", "token": "newer", "id": 4}));
    let expires = kit.now + valid * 9;
    kit.verify(Ok(claims("alice", Some(expires))));
    let refreshed = &kit.take(alice)[0];
    assert_eq!((&refreshed["type"], &refreshed["id"]), (&json!("refreshed"), &json!(4)));
    assert_eq!(refreshed["expires"], json!(expires.to_string()));

    // Another user's token changes nothing.
    kit.send(bob, json!({"type": "refresh", "token": "newer", "id": 5}));
    kit.verify(Ok(claims("alice", None)));
    assert_eq!(kit.take(bob)[0]["code"], "user_mismatch");
    kit.wait(GRACE);
    assert_eq!(kit.closed.get(&bob), Some(&Disconnect::TokenExpired));
    assert_eq!(kit.closed.get(&alice), None);
}

#[test]
fn a_connection_that_goes_while_its_token_is_looked_at_is_forgotten() {
    let mut kit = strict();
    let alice = kit.connect();
    kit.send(alice, json!({"type": "hello", "token": "t"}));
    kit.cut(alice);
    kit.verify(Ok(claims("alice", None)));
    assert_eq!(kit.take(alice), [] as [Value; 0]);
    assert_eq!(kit.node.counters().connections, 0);
}

#[test]
fn the_lobby_lets_in_by_token() {
    let mut kit = strict();
    let opening = |token| Opening { dialect: Some(Dialect::Lobby), token, ..Opening::default() };
    let nobody = kit.open(Opening { user: Some(UserName::new("bob").unwrap()), ..opening(None) });
    assert_eq!(kit.closed[&nobody], Disconnect::BadToken);
    let alice = kit.open(opening(Some(Token::new("t"))));
    kit.verify(Ok(claims("alice", None)));
    assert!(!kit.closed.contains_key(&alice));
    assert_eq!(kit.node.rooms(), 1, "alice is in the lobby");
}

#[test]
fn a_role_is_what_the_newest_token_says() {
    let mut kit = strict();
    let notice =
        |id| json!({"type": "message", "room": "general", "content": "soon", "kind": "system", "id": id});
    let admin = Claims { role: Role::Admin, ..claims("alice", None) };
    let alice = kit.hello(json!({"type": "hello", "token": "t"}), Ok(admin));
    kit.send(alice, json!({"type": "join", "room": "general"}));
    kit.forget();
    kit.send(alice, notice(1));
    assert_eq!(kit.take_types(alice), ["ack", "message"]);
    kit.send(alice, json!({"type": "refresh", "token": "newer"}));
    kit.verify(Ok(claims("alice", None)));
    assert_eq!(kit.take_types(alice), ["refreshed"]);
    kit.send(alice, notice(2));
    assert_eq!(kit.take(alice)[0]["code"], "permission_denied");
}

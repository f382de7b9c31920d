//! Socket.IO's own heartbeat, its first and its last word, as a client by hand sees them.

use chinwag_core::{
    UserName,
    dialect::Dialect,
    identity::{Claims, TokenFault},
    role::Role,
};

use super::*;

impl Kit {
    /// A connection that has been told how it is served.
    fn socket(&mut self) -> ConnectionId {
        let socket = self.open(Opening { dialect: Some(Dialect::SocketIo), ..Opening::default() });
        assert!(self.packets(socket)[0].starts_with(r#"0{"sid":"#));
        socket
    }

    /// The same, let in as `user`.
    fn socket_of(&mut self, user: &str) -> ConnectionId {
        let socket = self.socket();
        self.text(socket, &format!(r#"40{{"userId":"{user}"}}"#));
        assert!(self.packets(socket)[0].starts_with(r#"40{"sid":"#));
        socket
    }

    /// What it was sent since it was last looked at, as it was sent: a packet of digits alone is JSON by chance.
    fn packets(&mut self, socket: ConnectionId) -> Vec<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.take(socket).iter().map(text).collect()
    }
}

#[test]
fn it_is_pinged_at_every_interval_whatever_else_is_said() {
    let mut kit = Kit::new();
    let interval = GatewayConfig::default().ping_interval;
    let ann = kit.socket_of("ann");
    for _ in 0..4 {
        // A client that hears no ping for an interval and a timeout goes away, even if it hears everything else.
        kit.wait(interval / 2);
        kit.text(ann, r#"421["room:list"]"#);
        assert_eq!(kit.packets(ann), [r#"431[{"ok":true,"rooms":[],"more":false}]"#]);
        kit.wait(interval / 2);
        assert_eq!(kit.packets(ann), ["2"]);
        kit.text(ann, "3");
    }
    kit.wait(interval);
    kit.wait(GatewayConfig::default().pong_timeout);
    assert_eq!(kit.closed[&ann], Disconnect::HeartbeatTimeout);
    assert_eq!(kit.packets(ann), ["2"], "and it may come back");
}

#[test]
fn a_pong_is_free_and_says_nothing() {
    let idle_timeout = Some(Duration::from_secs(40));
    let config = GatewayConfig { idle_timeout, control_burst: 1, ..GatewayConfig::default() };
    let mut kit = Kit::with(config.clone(), ShardConfig::default());
    let ann = kit.socket_of("ann");
    for _ in 0..2 {
        kit.wait(config.ping_interval);
        kit.text(ann, "3");
        kit.text(ann, "2");
        let packets = kit.packets(ann);
        assert_eq!(packets[packets.len() - 2..], ["2", "3"], "there is still something to pay with");
        kit.text(ann, "3");
        let warning = &kit.packets(ann)[0];
        assert!(warning.contains("rate:limited"), "nobody asked for that one: {warning}");
    }
    kit.wait(config.ping_interval);
    kit.text(ann, "3");
    assert!(kit.closed.is_empty());
    kit.wait(Duration::from_secs(15));
    assert_eq!(kit.closed[&ann], Disconnect::Idle, "it was idle all the same");
    assert_eq!(kit.packets(ann).last().unwrap(), "41", "it need not come back");
}

#[test]
fn whoever_is_not_let_in_is_told_in_the_answer_to_connect() {
    let config = GatewayConfig {
        verify_tokens: true,
        token_dialects: Some(vec![Dialect::SocketIo]),
        ..GatewayConfig::default()
    };
    let mut kit = Kit::with(config, ShardConfig::default());
    let code = |kit: &mut Kit, socket| {
        let packets = kit.packets(socket);
        let error: Value = serde_json::from_str(packets[0].strip_prefix("44").expect("a refusal")).unwrap();
        assert_eq!(packets.len(), 1);
        error["data"]["code"].as_str().unwrap().to_owned()
    };
    let nobody = kit.socket();
    kit.text(nobody, "40");
    assert_eq!(code(&mut kit, nobody), "token_required");
    let bob = kit.socket();
    kit.text(bob, r#"40{"userId":"bob"}"#);
    assert_eq!(code(&mut kit, bob), "token_required");
    kit.text(bob, r#"40{"userId":"bob","token":"t"}"#);
    kit.text(bob, r#"42["room:join","general"]"#);
    let (connection, token) = kit.shown.remove(0);
    assert_eq!((connection, token.reveal()), (bob, "t"));
    kit.input(GatewayInput::Verified { connection, outcome: Err(TokenFault::Expired) });
    assert_eq!(code(&mut kit, bob), "bad_token");
    assert_eq!(kit.closed[&bob], Disconnect::BadToken);
}

#[test]
fn a_token_may_come_with_the_address() {
    let config = GatewayConfig {
        verify_tokens: true,
        token_dialects: Some(vec![Dialect::SocketIo]),
        ..GatewayConfig::default()
    };
    let mut kit = Kit::with(config, ShardConfig::default());
    let token = Some(Token::new("t"));
    let ann = kit.open(Opening { dialect: Some(Dialect::SocketIo), token, ..Opening::default() });
    let claims =
        Claims { user: UserName::new("ann").unwrap(), role: Role::Member, owner: None, expires: None };
    kit.input(GatewayInput::Verified { connection: ann, outcome: Ok(claims) });
    kit.text(ann, "40");
    let packets = kit.packets(ann);
    assert!(packets[0].starts_with("0{") && packets[1].starts_with("40{"), "{packets:?}");
}

#[test]
fn saying_goodbye_ends_the_session_at_once() {
    for goodbye in ["41", "1"] {
        let mut kit = Kit::new();
        let bob = kit.member("bob", "general");
        let ann = kit.socket_of("ann");
        kit.text(ann, r#"42["room:join","general"]"#);
        kit.forget();
        kit.text(ann, goodbye);
        assert_eq!(kit.closed[&ann], Disconnect::Requested);
        assert_eq!(kit.take_types(bob), ["user_left"], "{goodbye}");
    }
}

#[test]
fn a_lost_connection_is_missed_for_the_grace_only() {
    let mut kit = Kit::new();
    let bob = kit.member("bob", "general");
    let ann = kit.socket_of("ann");
    kit.text(ann, r#"42["room:join","general"]"#);
    kit.forget();
    kit.cut(ann);
    kit.wait(ShardConfig::default().presence_grace);
    assert_eq!(kit.take_types(bob), ["user_left"], "it was told nothing to resume by");
}

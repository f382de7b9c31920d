//! Tokens over real sockets: where they may stand, what is wrong with them, and what happens when they end.

use chinwag_core::dialect::Dialect;
use hyper::header::{AUTHORIZATION, HeaderName, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::*;
use crate::{
    TokenSecret,
    clock::Clock,
    token::{
        LEEWAY,
        tests::{NONE_HEADER, RSA_PRIVATE, SECRET, sign},
    },
};

/// A server with a key on which nobody speaks without a token.
fn strict() -> Running {
    start(|settings| {
        settings.identity.token_secret = Some(TokenSecret::new(SECRET));
    })
}

/// A token that ends so many seconds from now, if the leeway is counted in.
fn token(user: &str, seconds: f64) -> String {
    let now = Clock::start().now().0 as f64 / 1e6;
    sign(&json!({"sub": user, "exp": now - LEEWAY.as_secs_f64() + seconds}), SECRET.as_bytes())
}

pub(super) fn good(user: &str) -> String {
    token(user, 3_600.0)
}

/// A token of ann's that is good but for this claim.
fn claiming(claim: &str, value: Value) -> String {
    let mut payload = json!({"sub": "ann", "exp": u32::MAX});
    payload[claim] = value;
    sign(&payload, SECRET.as_bytes())
}

pub(super) fn request(address: &str, header: Option<(HeaderName, &str)>) -> Request<()> {
    let mut request = format!("ws://chat{address}").into_client_request().unwrap();
    if let Some((name, value)) = header {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn a_token_names_its_user_wherever_it_stands() {
    let server = strict();
    let token = good("ann");
    let offer = format!("chinwag.chat, chinwag.token.{token}");
    for request in [
        request(&format!("/chat?token={token}"), None),
        request("/chat", Some((AUTHORIZATION, &format!("Bearer {token}")))),
        request("/chat", Some((SEC_WEBSOCKET_PROTOCOL, &offer))),
    ] {
        let offers = request.headers().contains_key(SEC_WEBSOCKET_PROTOCOL);
        let (mut ann, answer) = server.open(request).await;
        let named = answer.get(SEC_WEBSOCKET_PROTOCOL).map(|name| name.to_str().unwrap());
        assert_eq!(named, offers.then_some("chinwag.chat"));
        ann.send(json!({"type": "join", "room": "general"})).await;
        ann.expect("joined").await;
        ann.send(json!({"type": "message", "room": "general", "content": "hi"})).await;
        assert_eq!(ann.expect("message").await["user"], "ann");
        ann.send(json!({"type": "message", "room": "general", "content": "hi", "user": "bob"})).await;
        assert_eq!(ann.expect("error").await["code"], "user_mismatch");
    }
    let mut ann = server.connect_plainly().await;
    ann.send(json!({"type": "hello", "token": token})).await;
    assert_eq!(ann.expect("welcome").await["user"], "ann");
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn who_shows_no_good_token_is_sent_away_and_told_why() {
    let server = strict();
    let exp = u32::MAX;
    let payload = json!({"sub": "ann", "exp": exp});
    let ann = good("ann");
    let (_, unsigned) = ann.split_once('.').unwrap();
    for (token, why) in [
        (sign(&payload, b"a secret that is not known to this test"), "its signature does not fit"),
        (token("ann", -1.0), "it has expired"),
        (format!("{NONE_HEADER}.{unsigned}"), "it is not signed in the way"),
        (sign(&payload, RSA_PRIVATE), "it is not signed in the way"),
        (sign(&json!({"sub": "a b", "exp": exp}), SECRET.as_bytes()), "its subject is not a valid user name"),
        ("ann".to_owned(), "it is not a token"),
        (claiming("role", json!(["guest"])), "a claim is missing or has the wrong type"),
        (claiming("exp", Value::Null), "a claim is missing or has the wrong type"),
        (claiming("owner", json!("a b")), "its owner is not a valid user name"),
    ] {
        let in_address = server.open(request(&format!("/chat?token={token}"), None)).await.0;
        let mut in_hello = server.connect_plainly().await;
        in_hello.send(json!({"type": "hello", "token": token})).await;
        for mut stranger in [in_address, in_hello] {
            let error = stranger.expect("error").await;
            assert_eq!(error["code"], "bad_token", "{error}");
            assert!(error["message"].as_str().unwrap().contains(why), "{error} {why}");
            assert_eq!(u16::from(stranger.closed().await.code), Disconnect::BadToken.code());
        }
    }
    let mut nobody = server.connect_plainly().await;
    nobody.send(json!({"type": "join", "room": "general", "user": "ann"})).await;
    assert_eq!(nobody.expect("error").await["code"], "token_required");
    drop(nobody);
    server.stop().await;
}

#[tokio::test]
async fn at_the_root_the_first_frame_says_whether_the_token_is_a_name() {
    let server = start(|settings| {
        settings.identity.token_secret = Some(TokenSecret::new(SECRET));
        settings.gateway.token_dialects = Some(vec![Dialect::Chat, Dialect::Agents]);
    });
    let arrive = async |token: &str, frame: &str| {
        let mut bob = server.open(request(&format!("/?token={token}"), None)).await.0;
        bob.0.send(Message::text(frame)).await.unwrap();
        bob
    };
    let ping = r#"{"type":"ping","payload":{}}"#;
    for token in ["bob", &good("bob")] {
        let connected = arrive(token, ping).await.expect("connected").await;
        assert_eq!(connected["payload"]["userId"], "bob");
    }
    for frame in [r#"{"type":"hello","user":"bob"}"#, r#"{"type":"hello"}"#] {
        let mut bob = arrive("bob", frame).await;
        assert_eq!(bob.expect("error").await["code"], "bad_token");
        assert_eq!(u16::from(bob.closed().await.code), Disconnect::BadToken.code());
        let mut bob = arrive(&good("bob"), frame).await;
        assert_eq!(bob.expect("welcome").await["user"], "bob");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_role_is_what_its_word_says_and_a_members_otherwise() {
    let server = strict();
    for (role, code) in [
        (json!("admin"), Value::Null),
        (json!("guest"), json!("permission_denied")),
        (json!("boss"), Value::Null),
        (json!("Guest"), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let token = claiming("role", role.clone());
        let mut ann = server.open(request(&format!("/chat?token={token}"), None)).await.0;
        ann.send(json!({"type": "create", "room": format!("of.{}", role.as_str().unwrap_or_default())}))
            .await;
        assert_eq!(ann.frame().await["code"], code, "{role} makes a room");
    }
    server.stop().await;
}

impl Running {
    pub(super) async fn connect_plainly(&self) -> Chat {
        self.open(request("/chat", None)).await.0
    }

    /// Someone whose token ends in a moment, and is good when their first frame has been answered.
    async fn expiring_at(&self, path: &str, first: impl Fn(&str) -> Option<Value>, is_in: &str) -> Chat {
        loop {
            let token = token("ann", 0.1);
            let mut chat = self.open(request(&format!("{path}?token={token}"), None)).await.0;
            if let Some(frame) = first(&token) {
                chat.send(frame).await;
            }
            if chat.text().await.contains(is_in) {
                return chat;
            }
        }
    }

    /// Someone whose token ends in a moment. On a slow machine it may have ended too soon, and then again.
    async fn expiring(&self, user: &str) -> Chat {
        loop {
            let mut chat = self.connect_plainly().await;
            chat.send(json!({"type": "hello", "token": token(user, 0.1)})).await;
            if chat.frame().await["type"] == "welcome" {
                return chat;
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_ends_is_replaced_or_ends_the_connection() {
    let server = strict();
    let mut ann = server.expiring("ann").await;
    assert_eq!(ann.expect("error").await["code"], "token_expired");
    ann.send(json!({"type": "refresh", "token": good("ann"), "id": 1})).await;
    assert!(ann.expect("refreshed").await["expires"].is_string());
    ann.send(json!({"type": "join", "room": "general"})).await;
    ann.expect("joined").await;
    drop(ann);
    server.stop().await;

    let server = without_grace();
    let mut bob = server.expiring("bob").await;
    assert_eq!(u16::from(bob.closed().await.code), Disconnect::TokenExpired.code());
    drop(bob);
    server.stop().await;
}

/// A server that closes a connection as soon as its token has ended.
fn without_grace() -> Running {
    start(|settings| {
        settings.identity.token_secret = Some(TokenSecret::new(SECRET));
        settings.gateway.token_grace = Duration::ZERO;
    })
}

#[tokio::test]
async fn a_line_replaces_a_token_that_ends() {
    let server = strict();
    let mut bob = server.open(request(&format!("/lobby?token={}", good("bob")), None)).await.0;
    while !bob.text().await.contains("bob has joined") {}
    let mut ann = server.expiring_at("/lobby", |_| None, "* Welcome").await;
    while !ann.text().await.starts_with("! Your token has expired") {}
    let mut said = async |line: String, answer: &str| {
        ann.0.send(Message::text(line)).await.unwrap();
        let text = ann.text().await;
        assert!(text.contains(answer), "{text}");
    };
    said("/token nonsense".to_owned(), "! The token is not valid. (it is not a token)").await;
    said(format!("/token {}", good("bob")), "! This connection speaks for another user.").await;
    said(format!(" /token {}", good("ann")), "* Your token is good until 20").await;
    said("still here".to_owned(), "#lobby ann: still here").await;
    while !bob.text().await.ends_with("#lobby ann: still here") {}
    drop((ann, bob));
    server.stop().await;

    let server = without_grace();
    let mut ann = server.expiring_at("/lobby", |_| None, "* Welcome").await;
    assert_eq!(u16::from(ann.closed().await.code), Disconnect::TokenExpired.code());
    server.stop().await;
}

#[tokio::test]
async fn a_further_auth_replaces_a_token_that_ends() {
    let auth = |token: &str| json!({"type": "auth", "data": {"userId": "ann", "token": token}});
    let server = strict();
    let mut ann = server.expiring_at("/ws", |token| Some(auth(token)), r#""success":true"#).await;
    assert_eq!(ann.expect("error").await["data"]["code"], "TOKEN_EXPIRED");
    for (token, code) in [("nonsense", "BAD_TOKEN"), (&good("bob"), "USER_MISMATCH")] {
        ann.send(auth(token)).await;
        assert_eq!(ann.expect("error").await["data"]["code"], code);
        assert_eq!(ann.expect("auth_response").await["data"], json!({"success": false}));
    }
    ann.send(auth(&good("ann"))).await;
    assert!(ann.expect("auth_refreshed").await["data"]["expires"].is_string());
    ann.send(json!({"type": "message", "data": {"text": "still here"}})).await;
    assert_eq!(ann.expect("message").await["data"]["text"], "still here");
    drop(ann);
    server.stop().await;

    let server = without_grace();
    let mut ann = server.expiring_at("/ws", |token| Some(auth(token)), r#""success":true"#).await;
    assert_eq!(u16::from(ann.closed().await.code), Disconnect::TokenExpired.code());
    server.stop().await;
}

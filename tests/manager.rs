//! A program that embeds the server and speaks as its agents (S4.4, S4.22–S4.24).

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use chinwag_core::Time;
use chinwag_server::{Manager, ManagerOptions, ParsedMessage, Settings};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::tungstenite::Message;

use crate::kit::{Chat, Metrics, within};

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.driver.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    settings.driver.threads = 2;
    settings.driver.close_linger = Duration::from_millis(50);
    settings
}

/// A manager that runs.
async fn start(settings: Settings) -> Arc<Manager> {
    let manager = Arc::new(Manager::new(settings));
    within("the start", manager.start_server()).await.unwrap();
    manager
}

/// What a handler hears from now on.
fn listen(manager: &Manager) -> mpsc::UnboundedReceiver<ParsedMessage> {
    let (hear, heard) = mpsc::unbounded_channel();
    manager.add_message_handler(move |message| drop(hear.send(message.clone())));
    heard
}

/// A client of the `agents` dialect.
async fn connect(manager: &Manager) -> Chat {
    let address = manager.local_addrs()[0];
    let tcp = TcpStream::connect(address).await.unwrap();
    Chat::connect_to(&format!("ws://{address}/ws"), tcp).await
}

async fn enter(manager: &Manager, user: &str) -> (Chat, Value) {
    let mut chat = connect(manager).await;
    chat.send(json!({"type": "auth", "data": {"userId": user}})).await;
    let response = chat.until("auth_response").await;
    (chat, response["data"].clone())
}

async fn stop(manager: &Manager) {
    within("the stop", manager.stop_server()).await.unwrap();
}

#[tokio::test]
async fn an_agent_hears_a_client_and_answers() {
    let manager = start(settings()).await;
    let mut heard = listen(&manager);
    let agent = Arc::downgrade(&manager);
    manager.add_message_handler(move |message| {
        let Some(manager) = agent.upgrade() else { return };
        if message.mentions.iter().any(|name| name == "alice") {
            assert!(manager.send_message("Got it!", Some("alice"), Some(message.message_id)));
        }
    });
    let (mut bob, response) = enter(&manager, "bob").await;
    assert_eq!(response["agents"], json!(["bob", "system"]), "the manager is there to listen");

    let review = json!({"id": 12345, "text": "@alice please review", "mentions": ["alice"], "replyTo": 7});
    bob.send(json!({"type": "message", "data": review})).await;
    let message = within("the handler", heard.recv()).await.unwrap();
    let shown = bob.until("message").await;
    let instant = Time::from_rfc3339(shown["data"]["timestamp"].as_str().unwrap()).unwrap();
    assert_eq!(message.timestamp, SystemTime::UNIX_EPOCH + Duration::from_micros(instant.0));
    let expected = ParsedMessage {
        message_id: 12345,
        text: "@alice please review".to_owned(),
        sender: "bob".to_owned(),
        timestamp: message.timestamp,
        mentions: vec!["alice".to_owned()],
        is_command: false,
        reply_to: Some(7),
    };
    assert_eq!(message, expected);
    let answer = bob.until("agent_response").await;
    let fields = ["text", "sender", "replyTo"].map(|field| answer["data"][field].clone());
    assert_eq!(fields, [json!("Got it!"), json!("alice"), json!(12345)]);

    // Its own word is not handed over: what is heard next is what is said next.
    bob.send(json!({"type": "message", "data": {"text": "/done, @bob"}})).await;
    let shown = bob.until("message").await;
    let message = within("the handler", heard.recv()).await.unwrap();
    assert_eq!((&*message.text, message.is_command), ("/done, @bob", true));
    assert_eq!((message.mentions, message.reply_to), (vec!["bob".to_owned()], None));
    assert_eq!(json!(message.message_id), shown["data"]["id"], "the number that clients see");
    stop(&manager).await;
}

#[tokio::test]
async fn people_of_other_dialects_meet_the_agents() {
    let manager = start(settings()).await;
    let mut heard = listen(&manager);
    let mut ann = Chat::connect(manager.local_addrs()[0]).await;
    ann.join("ann", "lobby").await;
    ann.send(json!({"type": "message", "room": "lobby", "content": "hi @bot", "client_id": 9})).await;
    ann.until("message").await;
    let message = within("the handler", heard.recv()).await.unwrap();
    assert_eq!((message.message_id, &*message.sender, &*message.text), (9, "ann", "hi @bot"));
    assert_eq!(message.mentions, ["bot"]);
    ann.join("ann", "elsewhere").await;
    ann.say("elsewhere", 1, "not for them").await;

    assert!(manager.send_message("hello", None, Some(9)));
    let seen = ann.until("message").await;
    assert_eq!(seen["content"], "not for them");
    let seen = ann.until("message").await;
    let fields = ["user", "content", "kind", "reply_to"].map(|field| seen[field].clone());
    assert_eq!(fields, [json!("system"), json!("hello"), json!("agent"), json!(9)]);
    ann.say("lobby", 2, "bye").await;
    let message = within("the handler", heard.recv()).await.unwrap();
    assert_eq!(message.text, "bye", "neither other rooms nor its own words");
    stop(&manager).await;
}

#[tokio::test]
async fn a_handler_that_panics_harms_nobody() {
    let manager = Arc::new(Manager::new(settings()));
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    manager.add_message_handler(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        panic!("as this handler does");
    });
    let mut heard = listen(&manager);
    within("the start", manager.start_server()).await.unwrap();
    let (mut bob, _) = enter(&manager, "bob").await;
    for text in ["one", "two"] {
        bob.send(json!({"type": "message", "data": {"text": text}})).await;
        assert_eq!(within("the handler", heard.recv()).await.unwrap().text, text);
    }
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(manager.messages_missed(), 0);
    stop(&manager).await;
}

#[tokio::test]
async fn it_starts_and_stops_as_often_as_it_is_told() {
    let manager = Manager::new(settings());
    stop(&manager).await;
    assert!(!manager.send_message("anybody?", None, None) && !manager.is_connected());
    assert_eq!(manager.local_addrs(), []);
    let mut heard = listen(&manager);
    for round in 1..=2 {
        within("the start", manager.start_server()).await.unwrap();
        let addresses = manager.local_addrs();
        within("the start", manager.start_server()).await.unwrap();
        assert_eq!(manager.local_addrs(), addresses, "it is the same server");
        assert!(manager.send_message("Good morning.", Some("alice"), None));
        assert!(!manager.is_connected(), "its own do not count, in round {round}");

        let mut nobody = connect(&manager).await;
        nobody.send(json!({"type": "ping", "data": {}})).await;
        nobody.expect("pong").await;
        assert!(!manager.is_connected(), "who has not said who they are does not count, either");

        let (mut bob, response) = enter(&manager, "bob").await;
        assert_eq!(response["agents"], json!(["alice", "bob", "system"]));
        assert!(manager.is_connected());
        bob.send(json!({"type": "message", "data": {"text": "hi"}})).await;
        assert_eq!(within("the handler", heard.recv()).await.unwrap().text, "hi", "round {round}");

        let (_, closed) = tokio::join!(stop(&manager), bob.closed());
        assert_eq!(u16::from(closed.code), 4101, "as in every planned end");
        assert!(!manager.is_connected() && !manager.send_message("anybody?", None, None));
        stop(&manager).await;
    }
}

#[tokio::test]
async fn what_nobody_may_say_agents_may_not_say() {
    let mut settings = settings();
    settings.gateway.message_burst = 2;
    settings.gateway.message_rate = 1;
    let options = ManagerOptions { senders_max: 2, ..ManagerOptions::default() };
    let manager = Manager::with_options(settings, options);
    within("the start", manager.start_server()).await.unwrap();
    let say = |text: &str, sender| manager.send_message(text, Some(sender), None);
    assert!(!say("hi", "no name"));
    assert!(!say("", "alice") && !say(&"x".repeat(5_000), "alice"));
    assert!(say("one", "bob") && say("two", "bob"));
    assert!(!say("too fast", "bob"));
    assert!(!say("hi", "carol"), "one too many");
    stop(&manager).await;
}

#[tokio::test]
async fn it_speaks_where_everybody_else_needs_a_token() {
    let mut settings = settings();
    settings.identity.token_secret =
        Some(chinwag_server::TokenSecret::new("0123456789abcdef0123456789abcdef"));
    let manager = start(settings).await;
    assert!(manager.send_message("hello", Some("alice"), None));
    let mut ann = Chat::connect(manager.local_addrs()[0]).await;
    ann.send(json!({"type": "join", "room": "lobby", "user": "ann"})).await;
    ann.expect_error("token_required").await;
    stop(&manager).await;
}

#[tokio::test]
async fn its_own_connections_answer_pings() {
    let mut settings = settings();
    settings.gateway.ping_interval = Duration::from_millis(100);
    settings.gateway.pong_timeout = Duration::from_secs(1);
    settings.shard.presence_grace = Duration::from_millis(1);
    let manager = start(settings).await;
    assert!(manager.send_message("hi", Some("alice"), None));
    let (mut bob, _) = enter(&manager, "bob").await;
    bob.until("user_presence").await;
    // By then all that was pinged when he was first has been closed, if it did not answer.
    let mut pings = 0;
    while pings < 4 {
        match bob.next_message().await {
            Message::Ping(_) => pings += 1,
            other => panic!("somebody was lost: {other:?}"),
        }
    }
    stop(&manager).await;
}

#[tokio::test]
async fn its_own_connections_are_never_idle() {
    let mut settings = settings();
    settings.driver.threads = 1;
    settings.gateway.idle_timeout = Some(Duration::from_millis(50));
    let manager = start(settings).await;
    assert!(manager.send_message("hi", Some("alice"), None));
    let address = manager.local_addrs()[0];
    let closed = Chat::connect(address).await.closed().await;
    assert_eq!(u16::from(closed.code), 4502);
    // They have been silent for longer than he was.
    Metrics::until(address, "chat_connections", 2.0).await;
    stop(&manager).await;
}

#[tokio::test]
async fn an_agent_and_a_user_of_its_name_do_not_shut_each_other_out() {
    let mut settings = settings();
    settings.shard.sessions_per_user_max = 1;
    let manager = start(settings).await;
    let address = manager.local_addrs()[0];
    let (mut system, mut alice) = (Chat::connect(address).await, Chat::connect(address).await);
    system.join("system", "lobby").await;
    alice.join("alice", "lobby").await;
    assert!(manager.send_message("hi", Some("alice"), None));
    let mut another = Chat::connect(address).await;
    another.send(json!({"type": "join", "room": "lobby", "user": "alice"})).await;
    another.expect_error("too_many_sessions").await;
    stop(&manager).await;
}

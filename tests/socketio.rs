//! Specification 3, item by item: Socket.IO by hand, packet by packet, over a WebSocket.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::kit::{Chat, Host, Response, get, upgrade};

const QUERY: &str = "EIO=4&transport=websocket";

/// A Socket.IO client that has been told how it is served.
struct Socket {
    chat: Chat,
    asked: u64,
}

impl Socket {
    async fn open(address: SocketAddr) -> Self {
        let url = format!("ws://{address}/socket.io/?{QUERY}");
        let mut chat = Chat::connect_to(&url, TcpStream::connect(address).await.unwrap()).await;
        let handshake = chat.next_text().await;
        let handshake: Value =
            serde_json::from_str(handshake.strip_prefix('0').expect("an open packet")).unwrap();
        assert_eq!((&handshake["upgrades"], &handshake["pingInterval"]), (&json!([]), &json!(25_000)));
        Self { chat, asked: 0 }
    }

    /// The same, let in as `user`.
    async fn of(address: SocketAddr, user: &str) -> Self {
        let mut socket = Self::open(address).await;
        let answer = socket.connect(json!({"userId": user})).await;
        assert!(answer.starts_with(r#"40{"sid":""#), "{answer}");
        socket
    }

    /// The same, in the room of a bot, with what follows read.
    async fn at(address: SocketAddr, user: &str, bot: &str) -> Self {
        let mut socket = Self::of(address, user).await;
        let answer = socket.ask("bot:join", json!({"botId": bot})).await;
        assert_eq!((&answer["ok"], &answer["botId"]), (&json!(true), &json!(bot)), "{answer}");
        let joined = socket.expect("user:joined").await;
        assert_eq!((&joined["userId"], &joined["botId"]), (&json!(user), &json!(bot)));
        socket.until("chat:history").await;
        socket
    }

    /// Asks to be let in. Returns the packet that answers.
    async fn connect(&mut self, auth: Value) -> String {
        self.chat.send_text(&format!("40{auth}")).await;
        self.chat.next_text().await
    }

    /// Emits without a callback.
    async fn emit(&mut self, name: &str, data: Value) {
        self.chat.send_text(&format!("42{}", json!([name, data]))).await;
    }

    /// Emits with a callback, and waits for it. Whatever comes before is passed over.
    async fn ask(&mut self, name: &str, data: Value) -> Value {
        self.asked += 1;
        let ack = self.asked;
        self.chat.send_text(&format!("42{ack}{}", json!([name, data]))).await;
        loop {
            let packet = self.chat.next_text().await;
            if let Some(arguments) = packet.strip_prefix(&format!("43{ack}")) {
                return serde_json::from_str::<Vec<Value>>(arguments).unwrap().remove(0);
            }
        }
    }

    /// The next event, its name and what it holds.
    async fn next(&mut self) -> (String, Value) {
        let packet = self.chat.next_text().await;
        let event = packet.strip_prefix("42").unwrap_or_else(|| panic!("{packet} is no event"));
        serde_json::from_str(event).unwrap()
    }

    /// The next event, which must be of this name.
    async fn expect(&mut self, name: &str) -> Value {
        let (found, data) = self.next().await;
        assert_eq!(found, name, "{data}");
        data
    }

    /// The next event of this name. Others are passed over.
    async fn until(&mut self, name: &str) -> Value {
        loop {
            let (found, data) = self.next().await;
            if found == name {
                return data;
            }
        }
    }
}

#[tokio::test]
async fn people_and_a_bot_talk_in_the_bots_room() {
    let server = Host::start(|_| {});
    let mut ann = Socket::at(server.address, "ann", "weather").await;
    let mut bob = Socket::at(server.address, "bob", "weather").await;
    let joined = ann.expect("user:joined").await;
    assert_eq!(joined["members"], json!(["ann", "bob"]));
    let mut bot = Socket::at(server.address, "weather", "weather").await;
    for person in [&mut ann, &mut bob] {
        assert_eq!(person.until("user:joined").await["userId"], "weather");
    }

    ann.emit("typing", json!({"botId": "weather", "isTyping": true})).await;
    for other in [&mut bob, &mut bot] {
        let typing = other.until("typing").await;
        assert_eq!((&typing["userId"], &typing["isTyping"]), (&json!("ann"), &json!(true)));
        assert!(typing["timestamp"].as_str().unwrap().ends_with('Z'), "{typing}");
    }
    let sent =
        ann.ask("chat:message", json!({"botId": "weather", "message": "Hello bot!", "id": "m-1"})).await;
    assert_eq!((&sent["ok"], &sent["id"]), (&json!(true), &json!("m-1")));
    let other = ann.ask("chat:message", json!({"botId": "weather", "message": "Bye!", "id": "m-1"})).await;
    assert_eq!((&other["ok"], &other["error"]["code"]), (&json!(false), &json!("key_reused")));
    let typing = bot.expect("typing").await;
    assert_eq!(typing["isTyping"], json!(false), "who has spoken does not write any more");
    bot.expect("presence").await;
    let heard = bot.expect("chat:message").await;
    assert_eq!((&heard["id"], &heard["message"]), (&json!("m-1"), &json!("Hello bot!")));
    assert_eq!((&heard["userId"], &heard["sender"]), (&json!("ann"), &json!("user")));

    // The stages of an answer travel as the bot's status (S3.14).
    for stage in ["processing", "thinking", "executing"] {
        bot.emit("bot:status", json!({"status": stage, "message": "the sky"})).await;
        let status = bob.until("bot:status").await;
        assert_eq!((&status["botId"], &status["status"]), (&json!("weather"), &json!(stage)));
        assert_eq!(status["message"], "the sky");
    }
    bot.emit("chat:message", json!({"botId": "weather", "content": "Sunny."})).await;
    let answer = bob.until("chat:message").await;
    assert_eq!((&answer["sender"], &answer["status"]), (&json!("bot"), &json!("executing")), "{answer}");

    // A newcomer is shown all of it, and where the bot stands.
    let mut cat = Socket::of(server.address, "cat").await;
    cat.emit("bot:join", json!("weather")).await;
    assert_eq!(cat.expect("room:joined").await["seq"], 2);
    assert_eq!(cat.until("bot:status").await["status"], "executing");
    let history = cat.until("chat:history").await;
    let said = history["messages"].as_array().unwrap().iter().map(|message| &message["message"]);
    assert_eq!(said.collect::<Vec<_>>(), ["Hello bot!", "Sunny."]);
    server.stop().await;
}

#[tokio::test]
async fn a_bots_room_is_apart_from_other_bots() {
    let server = Host::start(|_| {});
    let mut ann = Socket::at(server.address, "ann", "weather").await;
    let mut weather = Socket::at(server.address, "weather", "weather").await;
    let mut bob = Socket::at(server.address, "bob", "news").await;
    weather.emit("bot:status", json!({"status": "thinking"})).await;
    ann.emit("typing", json!({"botId": "weather", "isTyping": true})).await;
    assert_eq!(ann.ask("chat:message", json!({"botId": "weather", "message": "hello"})).await["ok"], true);
    let other = bob.ask("chat:message", json!({"botId": "weather", "message": "hello, too"})).await;
    assert_eq!(other["error"]["code"], "not_member");
    assert_eq!(bob.ask("chat:history", json!({"botId": "weather"})).await["error"]["code"], "not_member");
    bob.emit("chat:message", json!({"botId": "news", "message": "any news?"})).await;
    let heard = bob.expect("chat:message").await;
    assert_eq!(
        (&heard["botId"], &heard["message"]),
        (&json!("news"), &json!("any news?")),
        "and nothing before"
    );
    assert_eq!(weather.until("chat:message").await["message"], "hello");
    server.stop().await;
}

#[tokio::test]
async fn it_meets_the_native_dialect_in_one_room() {
    let server = Host::start(|_| {});
    let mut native = server.member("nat", "general").await;
    let mut ann = Socket::of(server.address, "ann").await;
    ann.emit("room:join", json!({"room": "general"})).await;
    ann.until("chat:history").await;
    assert_eq!(native.expect("user_joined").await["members"], json!(["ann", "nat"]));
    ann.emit("chat:message", json!({"room": "general", "text": "hello"})).await;
    let message = native.expect("message").await;
    assert_eq!((&message["user"], &message["content"]), (&"ann".into(), &"hello".into()));
    native.say("general", 1, "hello, too").await;
    assert_eq!(ann.expect("chat:message").await["message"], "hello");
    let message = ann.expect("chat:message").await;
    assert_eq!((&message["userId"], &message["message"]), (&json!("nat"), &json!("hello, too")));
    let history = ann.ask("chat:history", json!({"room": "general", "limit": 1})).await;
    assert_eq!(
        (&history["ok"], &history["messages"], &history["more"]),
        (&json!(true), &json!([message]), &json!(true))
    );
    let members = ann.ask("room:members", json!("general")).await;
    assert_eq!(members["count"], 2);
    assert_eq!(ann.ask("room:leave", json!("general")).await["ok"], true);
    assert_eq!(native.until("user_left").await["user"], "ann");
    server.stop().await;
}

#[tokio::test]
async fn people_see_each_other_go_and_come_back() {
    let server = Host::start(|settings| settings.shard.presence_grace = Duration::ZERO);
    let mut ann = Socket::at(server.address, "ann", "weather").await;
    let bob = Socket::at(server.address, "bob", "weather").await;
    assert_eq!(ann.expect("user:joined").await["userId"], "bob");
    bob.chat.cut();
    let left = ann.expect("user:left").await;
    assert_eq!((&left["userId"], &left["members"]), (&json!("bob"), &json!(["ann"])));

    // Who can resume a session stays a member without being there.
    let mut cat = server.connect().await;
    cat.send(json!({"type": "hello", "user": "cat"})).await;
    cat.expect("welcome").await;
    cat.join("cat", "bot:weather").await;
    assert_eq!(ann.expect("user:joined").await["userId"], "cat");
    cat.cut();
    let presence = ann.expect("presence").await;
    assert_eq!((&presence["userId"], &presence["status"]), (&json!("cat"), &json!("offline")));
    server.member("cat", "bot:weather").await;
    assert_eq!(ann.until("presence").await["status"], "online");
    server.stop().await;
}

#[tokio::test]
async fn a_bots_owner_says_who_may_be_there() {
    let server = Host::start(|_| {});
    let mut ann = Socket::of(server.address, "ann").await;
    let bot = json!({"botId": "weather"});
    let made = ann.ask("room:create", json!({"botId": "weather", "private": true})).await;
    assert_eq!((&made["ok"], &made["room"]), (&json!(true), &json!("bot:weather")), "{made}");
    assert_eq!(ann.ask("bot:join", bot.clone()).await["ok"], true);
    let mut bob = Socket::of(server.address, "bob").await;
    assert_eq!(bob.ask("bot:join", bot.clone()).await["error"]["code"], "permission_denied");
    let whom = json!({"botId": "weather", "userId": "bob"});
    assert_eq!(ann.ask("room:invite", whom.clone()).await, json!({"ok": true}));
    assert_eq!(bob.ask("bot:join", bot.clone()).await["ok"], true);
    assert_eq!(bob.ask("room:kick", whom.clone()).await["error"]["code"], "permission_denied");
    ann.emit("room:kick", whom).await;
    let left = bob.until("room:left").await;
    assert_eq!((&left["botId"], &left["kicked"]), (&json!("weather"), &json!(true)));
    assert_eq!(bob.ask("bot:join", bot).await["error"]["code"], "permission_denied");
    server.stop().await;
}

#[tokio::test]
async fn an_owner_starts_a_bot_that_hears_what_it_missed() {
    let server = Host::start(|_| {});
    let mut ann = Socket::at(server.address, "ann", "weather").await;
    let mut bot = Socket::at(server.address, "weather", "weather").await;
    let start = json!({"botId": "weather"});
    assert_eq!(bot.ask("bot:start", start.clone()).await["error"]["code"], "permission_denied");
    assert_eq!(ann.ask("bot:start", start).await, json!({"ok": true}));
    let mut told = bot.until("bot:status").await;
    while told["status"] != "starting" {
        told = bot.until("bot:status").await;
    }
    let say = |text: &str| json!({"botId": "weather", "message": text});
    assert_eq!(ann.ask("chat:message", say("one")).await["ok"], true);
    assert_eq!(bot.ask("bot:seen", json!({"seq": 1})).await, json!({"ok": true}));
    bot.chat.cut();
    for text in ["two", "three"] {
        assert_eq!(ann.ask("chat:message", say(text)).await["ok"], true);
    }
    let mut bot = Socket::of(server.address, "weather").await;
    bot.emit("bot:join", json!("weather")).await;
    let missed = bot.until("chat:history").await;
    let said = missed["messages"].as_array().unwrap().iter().map(|message| &message["message"]);
    assert_eq!(said.collect::<Vec<_>>(), ["two", "three"]);
    server.stop().await;
}

#[tokio::test]
async fn refusals_go_to_the_callback_or_come_as_an_event() {
    let server = Host::start(|settings| {
        (settings.gateway.message_rate, settings.gateway.message_burst) = (1, 2);
    });
    let mut ann = Socket::at(server.address, "ann", "weather").await;
    let said = json!({"room": "elsewhere", "message": "hi"});
    // All at once, so that the limiter has no time to recover.
    for ack in ["90", "", "91", ""] {
        ann.chat.send_text(&format!("42{ack}{}", json!(["chat:message", said]))).await;
    }
    let called = |packet: String, ack: &str| {
        let [answer]: [Value; 1] =
            serde_json::from_str(packet.strip_prefix(ack).expect("an answer")).unwrap();
        assert_eq!(answer["ok"], false);
        answer["error"].clone()
    };
    assert_eq!(called(ann.chat.next_text().await, "4390")["code"], "unknown_room");
    assert_eq!(ann.expect("error").await["code"], "unknown_room");
    let limited = called(ann.chat.next_text().await, "4391");
    assert_eq!(limited["code"], "rate_limited");
    assert!(limited["retryAfter"].as_u64().is_some_and(|wait| (1..=1_000).contains(&wait)), "{limited}");
    assert_eq!(ann.expect("rate:limited").await["count"], 1);

    assert_eq!(ann.ask("dance", json!({})).await["error"]["code"], "unknown_type");
    ann.chat.send_text(r#"451-["file",{"_placeholder":true,"num":0}]"#).await;
    assert_eq!(ann.expect("error").await["code"], "binary_frame");
    server.stop().await;
}

#[tokio::test]
async fn who_cannot_be_let_in_is_told_why() {
    let server = Host::start(|_| {});
    let mut nobody = Socket::open(server.address).await;
    for (auth, code) in [
        (json!({}), "not_attached"),
        (json!({"userId": "a b"}), "bad_user"),
        (json!({"token": 7}), "bad_frame"),
    ] {
        let answer = nobody.connect(auth).await;
        let error: Value = serde_json::from_str(answer.strip_prefix("44").expect("an error")).unwrap();
        assert_eq!(error["data"]["code"], code);
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
    nobody.chat.send_text("40/admin,{}").await;
    assert!(nobody.chat.next_text().await.starts_with("44/admin,{"));
    let answer = nobody.connect(json!({"token": "ann"})).await;
    assert!(answer.starts_with("40{"), "without a key a token that is a name is taken as one: {answer}");
    nobody.chat.send_text("41").await;
    assert_eq!(u16::from(nobody.chat.closed().await.code), 1000);
    server.stop().await;
}

#[tokio::test]
async fn other_transports_and_versions_are_refused_in_engine_ios_words() {
    let server = Host::start(|_| {});
    let refused = |response: &Response| {
        assert_eq!(response.status, 400, "{response:?}");
        assert!(response.head.contains("content-type: application/json"), "{response:?}");
        serde_json::from_str::<Value>(&response.body).unwrap()
    };
    let polling = get(server.address, "/socket.io/?EIO=4&transport=polling&t=x").await;
    assert_eq!(refused(&polling), json!({"code": 0, "message": "Transport unknown"}));
    let plain = get(server.address, &format!("/socket.io/?{QUERY}")).await;
    assert_eq!(refused(&plain)["code"], 3);
    let session = upgrade(server.address, &format!("/socket.io/?{QUERY}&sid=x")).await;
    assert_eq!(refused(&session), json!({"code": 1, "message": "Session ID unknown"}));
    let old = upgrade(server.address, "/socket.io/?EIO=3&transport=websocket").await;
    assert_eq!(refused(&old), json!({"code": 5, "message": "Unsupported protocol version"}));
    server.stop().await;
}

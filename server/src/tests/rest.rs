//! REST over real sockets, beside people at WebSockets.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};

use super::*;
use crate::{TokenSecret, token::tests::SECRET};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
/// With this environment variable, the document is written instead.
const WRITE: &str = "WRITE_OPENAPI";

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    /// In small letters.
    head: String,
    body: Value,
}

async fn ask(server: &Running, method: &str, path: &str, headers: &str, body: &str) -> Reply {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let response = exchange(server.address, &request).await;
    let (head, body) = response.split_once("\r\n\r\n").expect("an answer has a head");
    Reply {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_lowercase(),
        body: serde_json::from_str(body).unwrap_or_else(|_| panic!("{response}")),
    }
}

async fn fetch(server: &Running, path: &str) -> Reply {
    ask(server, "GET", path, "", "").await
}

async fn post(server: &Running, path: &str, headers: &str, body: &Value) -> Reply {
    ask(server, "POST", path, headers, &body.to_string()).await
}

async fn member(server: &Running, user: &str, room: &str) -> Chat {
    let mut chat = server.connect_plainly().await;
    chat.send(json!({"type": "join", "room": room, "user": user})).await;
    chat.expect("history").await;
    chat
}

#[tokio::test]
async fn what_is_posted_is_in_the_room_and_what_is_said_can_be_read() {
    let server = start(|settings| settings.gateway.shards = 3);
    let mut ann = member(&server, "ann", "general").await;
    let said =
        post(&server, "/api/rooms/general/messages?user=ann", "", &json!({"content": "from afar"})).await;
    assert_eq!((said.status, &said.body["seq"], &said.body["room"]), (201, &json!(1), &json!("general")));
    let shown = ann.expect("message").await;
    assert_eq!(
        (&shown["user"], &shown["content"], &shown["seq"]),
        (&json!("ann"), &json!("from afar"), &json!(1))
    );
    ann.send(json!({"type": "message", "room": "general", "content": "from here", "id": 1})).await;
    ann.expect("ack").await;

    let rooms = fetch(&server, "/api/rooms?user=ann").await;
    assert_eq!(rooms.body, json!({"rooms": [{"room": "general", "members": 1}], "more": false}));
    let members = fetch(&server, "/api/rooms/general/members?user=ann").await;
    let listed = json!([{"user": "ann", "presence": "online"}]);
    assert_eq!((&members.body["members"], &members.body["count"]), (&listed, &json!(1)));
    let newest = fetch(&server, "/api/rooms/general/messages?user=ann&limit=1").await;
    assert_eq!((newest.status, &newest.body["more"]), (200, &json!(true)));
    assert_eq!(newest.body["messages"][0]["content"], "from here");
    let older = fetch(&server, "/api/rooms/general/messages?user=ann&before=2").await;
    assert_eq!(
        (&older.body["more"], &older.body["messages"][0]["content"]),
        (&json!(false), &json!("from afar"))
    );
    assert_eq!(older.body["epoch"], said.body["epoch"]);
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn nobody_notices_that_somebody_visits() {
    let server = start(|_| {});
    let mut ann = member(&server, "ann", "general").await;
    let mut bob = member(&server, "bob", "general").await;
    ann.expect("user_joined").await;
    for path in ["/api/rooms/general/members?user=bob", "/api/rooms/general/messages?user=bob"] {
        assert_eq!(fetch(&server, path).await.status, 200);
    }
    bob.send(json!({"type": "message", "room": "general", "content": "hi"})).await;
    assert_eq!(ann.frame().await["type"], "message", "nothing came before it");
    drop((ann, bob));
    server.stop().await;
}

#[tokio::test]
async fn a_repeat_under_its_key_is_answered_and_not_repeated() {
    let server = start(|_| {});
    let mut ann = member(&server, "ann", "general").await;
    let path = "/api/rooms/general/messages?user=ann";
    let body = json!({"content": "once", "mentions": ["bob"], "priority": 1});
    let first = post(&server, path, "Idempotency-Key: \"k1\"\r\n", &body).await;
    let again = post(&server, path, "Idempotency-Key: k1\r\n", &body).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    let reused = post(&server, path, "Idempotency-Key: k1\r\n", &json!({"content": "twice"})).await;
    assert_eq!((reused.status, &reused.body["error"]["code"]), (422, &json!("key_reused")));
    let other = post(&server, path, "Idempotency-Key: k2\r\n", &json!({"content": "twice"})).await;
    assert_eq!(other.body["seq"], 2);
    let shown = ann.expect("message").await;
    assert_eq!(
        (&shown["key"], &shown["mentions"], &shown["priority"]),
        (&json!("k1"), &json!(["bob"]), &json!(1))
    );
    assert_eq!(ann.expect("message").await["content"], "twice");
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn refusals_have_fitting_statuses() {
    let server = start(|settings| {
        settings.gateway.content_bytes_max = 100;
        settings.gateway.frame_bytes_max = 1_024;
    });
    let ann = member(&server, "ann", "general").await;
    let say = json!({"content": "hi"});
    let long = json!({"content": "x".repeat(101)});
    let huge = json!({"content": "x".repeat(2_000)});
    let general = "/api/rooms/general/messages?user=ann";
    let everywhere = |path: &str| format!("/api/rooms/{path}/messages?user=ann");
    for (path, body, status, code) in [
        ("/api/rooms/general/messages", &say, 401, "not_attached"),
        ("/api/rooms/general/messages?user=a%20b", &say, 400, "bad_user"),
        ("/api/rooms/general/messages?user=bob", &say, 403, "not_member"),
        (&everywhere("nowhere"), &say, 404, "unknown_room"),
        (&everywhere("a%20b"), &say, 400, "bad_room"),
        (general, &json!({"content": "down at six", "kind": "system"}), 403, "permission_denied"),
        (
            &everywhere("bot:new"),
            &json!({"content": "down at six", "kind": "system"}),
            403,
            "permission_denied",
        ),
        (general, &json!({"content": ""}), 400, "content_empty"),
        (general, &json!({"text": "hi"}), 400, "bad_frame"),
        (general, &json!({"content": "hi", "priority": 9}), 400, "bad_frame"),
        (general, &long, 413, "content_too_large"),
        (general, &huge, 413, "frame_too_large"),
    ] {
        let reply = post(&server, path, "", body).await;
        assert_eq!((reply.status, &reply.body["error"]["code"]), (status, &json!(code)), "{path} {reply:?}");
        assert!(reply.body["error"]["message"].is_string());
    }
    let broken = ask(&server, "POST", general, "", "{").await;
    assert_eq!((broken.status, &broken.body["error"]["code"]), (400, &json!("bad_json")));
    for path in [general, "/bot-execution/weather/chat?user=ann"] {
        // Serde would take an array for the fields in order.
        let list = post(&server, path, "", &json!(["hi"])).await;
        assert_eq!((list.status, &list.body["error"]["code"]), (400, &json!("bad_frame")), "{path}");
    }
    let number = fetch(&server, "/api/rooms?user=ann&limit=few").await;
    assert_eq!((number.status, &number.body["error"]["code"]), (400, &json!("bad_frame")));
    let put = ask(&server, "PUT", general, "", "").await;
    assert_eq!(put.status, 405);
    assert!(put.head.contains("allow: get, head, post"), "{put:?}");
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn the_same_limits_hold_here_and_there() {
    let server = start(|settings| {
        settings.gateway.message_burst = 3;
        settings.gateway.message_rate = 1;
    });
    let _ann = member(&server, "ann", "general").await;
    let path = "/api/rooms/general/messages?user=ann";
    let mut refused = None;
    // In a row, so that they are faster than the rate, and each visit inherits what the one before has used up.
    for _ in 0..50 {
        let reply = post(&server, path, "", &json!({"content": "hi"})).await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
        assert_eq!(reply.status, 201, "{reply:?}");
    }
    let refused = refused.expect("nobody says so much so fast");
    assert_eq!(refused.body["error"]["code"], "rate_limited");
    assert!(refused.body["error"]["retry_after_ms"].as_u64().unwrap() > 0);
    assert!(refused.head.contains("retry-after: 1"), "{refused:?}");
    server.stop().await;
}

#[tokio::test]
async fn where_nothing_is_no_method_finds_anything() {
    let origins = crate::Origins::parse("https://a.example").unwrap();
    let server = start(|settings| settings.identity.origins = origins);
    for method in ["GET", "POST", "PUT", "DELETE"] {
        for path in ["/api/nothing", "/api/rooms/general", "/bot-execution/weather/dance"] {
            let answer = ask(&server, method, path, "", "").await;
            let code = &answer.body["error"]["code"];
            assert_eq!((answer.status, code), (404, &json!("not_found")), "{method} {path}");
        }
        let request = format!("{method} /nothing HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n\r\n");
        let answer = exchange(server.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 404 ") && answer.ends_with("at /chat.\n"), "{method} {answer}");
    }
    let page = "Origin: https://evil.example\r\n";
    let foreign = ask(&server, "GET", "/api/rooms?user=ann", page, "").await;
    assert_eq!((foreign.status, &foreign.body["error"]["code"]), (403, &json!("foreign_origin")));
    let other = ask(&server, "PUT", "/api/rooms", "", "").await;
    assert_eq!((other.status, &other.body["error"]["code"]), (405, &json!("method_not_allowed")));
    server.stop().await;
}

#[tokio::test]
async fn a_bot_is_started_and_stopped_by_its_owner() {
    let server = start(|_| {});
    let ann = member(&server, "ann", "bot:weather").await;
    let mut bot = member(&server, "weather", "bot:weather").await;
    for (act, state) in [("stop", "stopping"), ("start", "starting")] {
        let path = |user| format!("/bot-execution/weather/{act}?user={user}");
        let told = ask(&server, "POST", &path("ann"), "", "").await;
        assert_eq!((told.status, &told.body), (202, &json!({"room": "bot:weather"})));
        while bot.expect("status").await["state"] != state {}
        let denied = ask(&server, "POST", &path("bob"), "", "").await;
        assert_eq!((denied.status, &denied.body["error"]["code"]), (403, &json!("permission_denied")));
    }
    drop((ann, bot));
    server.stop().await;
}

#[tokio::test]
async fn a_token_says_who_asks() {
    let server = start(|settings| {
        settings.identity.token_secret = Some(TokenSecret::new(SECRET));
        settings.gateway.token_dialects = Some(Vec::new());
    });
    let _ann = member(&server, "ann", "general").await;
    let token = identity::good("ann");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let say = json!({"content": "hi"});
    let said = post(&server, "/api/rooms/general/messages", &bearer, &say).await;
    assert_eq!(said.status, 201, "{said:?}");
    let other = post(&server, "/api/rooms/general/messages?user=bob", &bearer, &say).await;
    assert_eq!((other.status, &other.body["error"]["code"]), (403, &json!("user_mismatch")));
    let bad = post(&server, "/api/rooms/general/messages", "Authorization: Bearer nonsense\r\n", &say).await;
    assert_eq!((bad.status, &bad.body["error"]["code"]), (401, &json!("bad_token")));
    assert!(bad.head.contains("www-authenticate: bearer"), "{bad:?}");
    server.stop().await;

    let server = start(|settings| settings.identity.token_secret = Some(TokenSecret::new(SECRET)));
    let nobody = fetch(&server, "/api/rooms?user=ann").await;
    assert_eq!((nobody.status, &nobody.body["error"]["code"]), (401, &json!("token_required")));
    server.stop().await;
}

#[tokio::test]
async fn once_there_is_a_key_nobody_owns_a_bot_by_speaking_to_it_first() {
    let server = start(|settings| settings.identity.token_secret = Some(TokenSecret::new(SECRET)));
    let bearer = format!("Authorization: Bearer {}\r\n", identity::good("ann"));
    let said = post(&server, "/bot-execution/weather/chat", &bearer, &json!({"message": "hi"})).await;
    assert_eq!(said.status, 201, "{said:?}");
    let denied = post(&server, "/bot-execution/weather/stop", &bearer, &json!({})).await;
    assert_eq!((denied.status, &denied.body["error"]["code"]), (403, &json!("permission_denied")));
    server.stop().await;
}

#[tokio::test]
async fn whoever_finds_no_room_is_told_when_to_come_back() {
    let server = start(|settings| {
        settings.shard.sessions_per_user_max = 1;
        settings.gateway.return_spread = Duration::from_millis(6_500);
    });
    let ann = member(&server, "ann", "general").await;
    let full = fetch(&server, "/api/rooms?user=ann").await;
    assert_eq!((full.status, &full.body["error"]["code"]), (503, &json!("too_many_sessions")));
    assert_eq!(full.body["error"]["retry_after_ms"], 6_500);
    assert!(full.head.contains("retry-after: 7\r\n"), "{full:?}");
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_nothing_behind() {
    let server = start(|settings| {
        settings.driver.threads = 1;
        settings.gateway.control_burst = 1_000;
    });
    for _ in 0..50 {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        tcp.write_all(b"GET /api/rooms?user=ann HTTP/1.1\r\nHost: chat\r\n\r\n").await.unwrap();
    }
    assert_eq!(fetch(&server, "/api/rooms?user=ann").await.status, 200, "all of ann's sessions have ended");
    while !get(server.address, "/metrics").await.contains("chat_connections 0\n") {}
    server.stop().await;
}

#[tokio::test]
async fn the_document_is_the_committed_one_and_every_route_in_it_answers() {
    let directory = tempfile::TempDir::new().unwrap();
    let server = start(|settings| settings.uploads.files_dir = Some(directory.path().to_owned()));
    let served = fetch(&server, "/api/openapi.json").await.body;
    let pretty = serde_json::to_string_pretty(&served).unwrap() + "\n";
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(COMMITTED, &pretty).unwrap();
    }
    let is_same = std::fs::read_to_string(COMMITTED).is_ok_and(|committed| committed == pretty);
    assert!(is_same, "docs/openapi.json is out of date: {WRITE}=1 cargo test -p chinwag-server document");
    let _ann = member(&server, "ann", "bot:weather").await;
    let _bot = member(&server, "weather", "bot:weather").await;
    let bodies: BTreeMap<_, _> =
        [("say", json!({"content": "hi"})), ("chat", json!({"message": "hi"}))].into_iter().collect();
    let upload = "/api/rooms/bot:weather/files?user=ann&name=a.txt";
    let file = ask(&server, "POST", upload, "", "{}").await.body["file_url"].as_str().unwrap().to_owned();
    for (path, operations) in served["paths"].as_object().unwrap() {
        let path = path.replace("{room}", "bot:weather").replace("{bot}", "weather");
        let path = path.replace("/api/files/{file}", &file) + "?user=ann&name=a.txt";
        for (method, operation) in operations.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let body = bodies.get(operation["operationId"].as_str().unwrap());
            let body = body.map(Value::to_string).unwrap_or_default();
            let reply = ask(&server, method.as_str(), &path, "", &body).await;
            let status = StatusCode::from_u16(reply.status).unwrap();
            assert!(status.is_success(), "{method} {path}: {reply:?}");
            assert!(
                !operation["responses"][status.as_str()].is_null(),
                "{method} {path}: {status} is not listed"
            );
        }
    }
    server.stop().await;
}

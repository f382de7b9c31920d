//! Requests that a browser sends for a page: from where they are let in, and what the page may see.

use tokio::net::TcpStream;
use tokio_tungstenite::{
    client_async,
    tungstenite::{Error, client::IntoClientRequest as _},
};

use super::{Running, exchange, start, within};
use crate::Origins;

/// The answer's status and whether its headers let a page of `https://a.example` read it.
fn read(response: &str) -> (&str, bool) {
    let granted = response.contains("access-control-allow-origin: https://a.example\r\n");
    assert!(!response.contains("access-control-allow-origin: *"), "{response}");
    (&response["HTTP/1.1 ".len()..][..3], granted)
}

async fn ask(server: &Running, request: &str, origin: &str) -> String {
    let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
    exchange(server.address, &format!("{request}{origin}Host: chat\r\nConnection: close\r\n\r\n")).await
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\n";

fn listed() -> Running {
    let origins = Origins::parse("https://a.example,http://localhost:3000").unwrap();
    start(|settings| settings.identity.origins = origins)
}

#[tokio::test]
async fn a_page_sees_answers_if_its_origin_is_listed() {
    let server = listed();
    let answer = ask(&server, HEALTH, "https://a.example").await;
    assert_eq!(read(&answer), ("200", true), "{answer}");
    assert!(answer.contains("vary: origin\r\n"), "{answer}");
    for foreign in ["https://evil.example", "http://a.example", "null"] {
        assert_eq!(read(&ask(&server, HEALTH, foreign).await), ("403", false), "{foreign}");
    }
    let page = ask(&server, "GET /page.js HTTP/1.1\r\n", "").await;
    assert!(page.contains("vary: accept-encoding\r\nvary: origin\r\n"), "{}", &page[..page.len().min(800)]);
    let no_page = ask(&server, HEALTH, "").await;
    assert_eq!(read(&no_page), ("200", false), "{no_page}");
    server.stop().await;
    let open = start(|_| {});
    assert_eq!(read(&ask(&open, HEALTH, "https://a.example").await), ("200", true));
    open.stop().await;
}

#[tokio::test]
async fn what_operators_read_no_page_sees_whose_origin_nobody_has_named() {
    const METRICS: &str = "GET /metrics HTTP/1.1\r\n";
    let open = start(|_| {});
    for origin in ["https://a.example", "*", ""] {
        assert_eq!(read(&ask(&open, METRICS, origin).await), ("200", false), "{origin}");
    }
    open.stop().await;
    let server = listed();
    assert_eq!(read(&ask(&server, METRICS, "https://a.example").await), ("200", true));
    server.stop().await;
}

#[tokio::test]
async fn a_preflight_is_told_what_a_page_may_send() {
    let server = listed();
    let request = "OPTIONS /chat HTTP/1.1\r\nAccess-Control-Request-Method: POST\r\n";
    let answer = ask(&server, request, "https://a.example").await;
    assert_eq!(read(&answer), ("204", true), "{answer}");
    for line in [
        "access-control-allow-methods: GET, HEAD, POST\r\n",
        "access-control-allow-headers: authorization, content-type, idempotency-key\r\n",
    ] {
        assert!(answer.contains(line), "{answer}");
    }
    assert_eq!(read(&ask(&server, request, "https://evil.example").await), ("403", false));
    server.stop().await;
}

#[tokio::test]
async fn a_page_opens_a_web_socket_if_its_origin_is_listed() {
    let server = listed();
    for path in
        ["", "chat", "lobby?user=ann", "api/ws?token=ann", "socket.io/?EIO=4&transport=websocket", "ws"]
    {
        for (origin, opened) in [("https://a.example", true), ("", true), ("https://evil.example", false)] {
            let mut request = format!("ws://{}/{path}", server.address).into_client_request().unwrap();
            if !origin.is_empty() {
                request.headers_mut().insert("origin", origin.parse().unwrap());
            }
            let tcp = TcpStream::connect(server.address).await.unwrap();
            match within(client_async(request, tcp)).await {
                Ok(_) => assert!(opened, "{origin} at {path}"),
                Err(Error::Http(answer)) => assert_eq!((answer.status().as_u16(), opened), (403, false)),
                Err(error) => panic!("{error}"),
            }
        }
    }
    server.stop().await;
}

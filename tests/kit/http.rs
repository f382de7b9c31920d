//! Plain HTTP requests, and numbers from the metrics page.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::within;

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    /// Its status.
    pub(crate) status: u16,
    /// Its status line and headers, in small letters.
    pub(crate) head: String,
    /// What follows them.
    pub(crate) body: String,
}

/// Gets a path, on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    ask(address, "GET", path, "Connection: close\r\n", "").await
}

/// Posts a body of JSON with further headers, on a connection of its own.
pub(crate) async fn post(address: SocketAddr, path: &str, headers: &str, body: &Value) -> Response {
    let body = body.to_string();
    let length = body.len();
    let headers = format!(
        "Connection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}"
    );
    ask(address, "POST", path, &headers, &body).await
}

/// Asks for a WebSocket that is not granted.
pub(crate) async fn upgrade(address: SocketAddr, path: &str) -> Response {
    let headers = "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    ask(address, "GET", path, headers, "").await
}

/// Asks for something with these headers, on a connection of its own.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Response {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n{body}");
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    within("an answer", tcp.read_to_string(&mut text)).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Response {
        status: status.expect("a head begins with a status"),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

/// What the metrics page says at one instant.
pub(crate) struct Metrics(String);

/// Gets the metrics page.
pub(crate) async fn metrics(address: SocketAddr) -> Metrics {
    let response = get(address, "/metrics").await;
    assert_eq!(response.status, 200);
    assert!(response.body.ends_with("# EOF\n"), "OpenMetrics ends so: {}", response.body);
    Metrics(response.body)
}

impl Metrics {
    /// The value of a series, such as `chat_refusals_total{reason="bad_json"}`.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.find(series).unwrap_or_else(|| panic!("{series} is not in\n{}", self.0))
    }

    fn find(&self, series: &str) -> Option<f64> {
        let value = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map(|value| value.parse().expect("values are numbers"))
    }

    /// Asks again until a series has this value: for what is true soon and not at once.
    pub(crate) async fn until(address: SocketAddr, series: &str, value: f64) -> Self {
        Self::ask(address, series, |found| found == value).await
    }

    /// Asks again until a series has at least this value.
    pub(crate) async fn at_least(address: SocketAddr, series: &str, value: f64) -> Self {
        Self::ask(address, series, |found| found >= value).await
    }

    async fn ask(address: SocketAddr, series: &str, is_meant: impl Fn(f64) -> bool) -> Self {
        let asking = async {
            loop {
                let metrics = metrics(address).await;
                if metrics.find(series).is_some_and(&is_meant) {
                    return metrics;
                }
            }
        };
        within(series, asking).await
    }
}

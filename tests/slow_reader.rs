//! Readers that do not read.

use std::time::Duration;

use crate::kit::{Chat, Host, Metrics, PATIENCE, contents, metrics};

/// Messages said while someone does not read, and their size: 2 MiB against the 64 KiB that may wait for one reader.
const MESSAGES: usize = 1_000;
const BYTES: usize = 2_000;
const OUTBOX_BYTES: usize = 64 * 1024;

/// A server with little patience for bytes that nobody takes.
fn server(pong_timeout: Duration) -> Host {
    Host::start(|settings| {
        settings.gateway.message_burst = 100_000;
        settings.gateway.outbox_bytes_max = OUTBOX_BYTES;
        settings.gateway.page_bytes_max = OUTBOX_BYTES / 4;
        settings.gateway.pong_timeout = pong_timeout;
        settings.driver.send_buffer_bytes = Some(4 * 1024);
    })
}

/// Someone who has joined and does not read what follows.
async fn sleeper(server: &Host) -> Chat {
    let mut sleeper = Chat::connect_narrow(server.address).await;
    sleeper.join("sleeper", "general").await;
    sleeper
}

/// Message `n`, as large as all.
fn message(n: usize) -> String {
    format!("{n:0BYTES$}")
}

/// Says all messages; `reader` is shown each before the next is said.
async fn say_all(author: &mut Chat, reader: &mut Chat) {
    for n in 1..=MESSAGES {
        author.say("general", n as u64, &message(n)).await;
        assert_eq!(reader.until("message").await["seq"], n, "nobody is held up");
    }
}

#[tokio::test]
async fn a_reader_that_sleeps_holds_nobody_up_and_is_shown_everything_later() {
    let server = server(PATIENCE);
    let mut sleeper = sleeper(&server).await;
    let mut reader = server.member("reader", "general").await;
    let mut author = server.member("author", "general").await;
    say_all(&mut author, &mut reader).await;
    let metrics = metrics(server.address).await;
    assert!(metrics.value("chat_lagged_total") >= 1.0, "the outbox was never full: the test shows nothing");
    assert!(metrics.value("chat_outbox_bytes") <= OUTBOX_BYTES as f64, "what waits is bounded");

    let (mut shown, mut lagged) = (vec![], false);
    while shown.len() < MESSAGES {
        let frame = sleeper.next().await;
        match frame["type"].as_str() {
            Some("message") => shown.push(frame["content"].as_str().unwrap().to_owned()),
            Some("history") => shown.extend(contents(&frame)),
            Some("lagged") => lagged = true,
            _ => {}
        }
    }
    assert!(lagged, "it was told");
    assert!(shown.into_iter().eq((1..=MESSAGES).map(message)), "everything, once and in order");
    author.say("general", 5_000, "awake?").await;
    assert_eq!(sleeper.until("message").await["content"], "awake?");
    server.stop().await;
}

#[tokio::test]
async fn a_reader_that_never_wakes_is_let_go() {
    let server = server(Duration::from_millis(200));
    let _sleeper = sleeper(&server).await;
    let mut reader = server.member("reader", "general").await;
    let mut author = server.member("author", "general").await;
    say_all(&mut author, &mut reader).await;
    let metrics = Metrics::until(server.address, "chat_slow_closed_total", 1.0).await;
    assert!(metrics.value("chat_outbox_bytes") <= OUTBOX_BYTES as f64, "what waits is bounded");
    let metrics = Metrics::until(server.address, "chat_connections", 2.0).await;
    assert_eq!(metrics.value("chat_outbox_bytes"), 0.0, "nothing is kept for who is gone");
    server.stop().await;
}

//! A load test, watched while it goes on.

use std::net::{SocketAddr, TcpListener};

use crate::kit::{Metrics, Process, Run, get, post};

/// Two in one room: five messages at the beginning, two of them too long for the server, and then nothing for an hour.
const CALM: &str = r#"
[run]
name = "calm"
seed = 1
clients = 2

[rooms]
size = 2

[server]
content_bytes_max = 100

[[scenario]]
name = "people"
flow = [{ say = 60 }]
stages = [
    { name = "talk", duration = "300ms", executor = "shared-iterations", iterations = 3, judged = false },
    { name = "calm", duration = "1h" },
]

[[scenario]]
name = "windbags"
flow = [{ say = 200 }]
stages = [
    { name = "talk", duration = "300ms", executor = "shared-iterations", iterations = 2, judged = false },
    { name = "calm", duration = "1h" },
]
"#;

/// Where a run answers who asks for its metrics, as it says itself.
async fn address(process: &mut Process) -> SocketAddr {
    let line = process.logged(&["metrics at http://"]).await;
    let (_, rest) = line.split_once("http://").unwrap();
    rest.strip_suffix("/metrics").expect("it names the page").parse().unwrap()
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_shown_while_a_run_goes_on_is_what_it_sums_up_in_the_end() {
    let run = Run::of(CALM);
    let mut process = run.start(&["--metrics", "127.0.0.1:0", "--threads", "2"]);
    let address = address(&mut process).await;
    Metrics::until(address, "loadgen_phase{phase=\"stage calm\"}", 1.0).await;
    let counted = Metrics::until(address, "loadgen_messages_answered_total", 5.0).await;
    for (series, value) in [
        ("loadgen_run_info{scenario=\"calm\",seed=\"1\",segment=\"1/1\"}", 1.0),
        ("loadgen_clients", 2.0),
        ("loadgen_clients_arrived", 2.0),
        ("loadgen_clients_present", 2.0),
        ("loadgen_sockets_open", 2.0),
        ("loadgen_messages_planned", 5.0),
    ] {
        assert_eq!(counted.value(series), value, "{series}");
    }
    // What is measured is gathered once a second.
    Metrics::until(address, "loadgen_e2e_latency_seconds_count", 6.0).await;
    let shown = Metrics::until(address, "loadgen_refusals_total{code=\"content_too_large\"}", 2.0).await;
    process.interrupt();
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(105), "{ended:?}");

    let summary = run.summary();
    for (series, key, value) in [
        ("loadgen_messages_planned", "/planned", 5.0),
        ("loadgen_messages_sent_total", "/sent", 5.0),
        ("loadgen_messages_refused_total", "/refused", 2.0),
        ("loadgen_refusals_total{code=\"content_too_large\"}", "/refusals_by_code/content_too_large", 2.0),
        ("loadgen_deliveries_total", "/received_deliveries", 6.0),
        ("loadgen_reconnects_total", "/reconnects", 0.0),
        ("loadgen_e2e_latency_seconds_count", "/latency_us/count", 6.0),
        ("loadgen_e2e_latency_seconds_bucket{le=\"+Inf\"}", "/latency_us/count", 6.0),
        ("loadgen_send_lag_seconds_count", "/send_lag_us/count", 5.0),
    ] {
        assert_eq!(
            (shown.value(series), summary.pointer(key).unwrap().as_f64()),
            (value, Some(value)),
            "{series}"
        );
    }
    assert_eq!(
        (shown.value("loadgen_connection_errors_total"), &summary["errors"]),
        (0.0, &serde_json::json!({}))
    );
    assert!(shown.value("loadgen_e2e_latency_seconds_sum") > 0.0);
}

#[cfg(unix)]
#[tokio::test]
async fn there_is_one_page_and_it_is_only_read() {
    let run = Run::of(CALM);
    let mut process = run.start(&["--metrics", "127.0.0.1:0"]);
    let address = address(&mut process).await;
    let page = get(address, "/metrics").await;
    assert!(
        page.status == 200 && page.head.contains("content-type: application/openmetrics-text"),
        "{page:?}"
    );
    assert_eq!(get(address, "/").await.status, 404);
    let posted = post(address, "/metrics", "", &serde_json::json!({})).await;
    assert!(posted.status == 405 && posted.head.contains("allow: get, head"), "{posted:?}");
    // Before it has begun, Ctrl-C ends it as it ends every program.
    Metrics::until(address, "loadgen_clients_present", 2.0).await;
    process.interrupt();
    assert_eq!(process.ended().await.code, Some(105));
}

#[tokio::test]
async fn an_address_that_cannot_be_listened_at_is_one_line_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Run::of(CALM).end(&["--metrics", &address]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(104), ""), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.contains(&format!("--metrics {address}: cannot listen there")), "{}", ended.stderr);
}

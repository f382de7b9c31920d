//! The load test as a whole: passes, fails, and finds a liar out.

use std::{fs, net::TcpListener, path::PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::kit::{Ended, Host, Liar, Lie, Metrics, Process};

/// Four in two rooms talk; then one of each room is cut off, misses three messages and catches up.
///
/// How exactly the generator keeps to its plan is not judged: other tests run beside this one.
const CATCH_UP: &str = r#"
[run]
name = "catch-up"
seed = 1
clients = 4

[rooms]
size = 2

[[stage]]
name = "talk"
duration = "300ms"
each = 1
judged = false

[[event]]
at = { stage = "away" }
kind = "disconnect"
fraction = 0.5
down_for = "400ms"

[[stage]]
name = "away"
duration = "300ms"
each_room = 3
judged = false

[[stage]]
name = "return"
duration = "300ms"

[thresholds]
connections = ["connected==planned", "failed==0"]
delivery = ["received==planned", "lost==0", "duplicated==0", "reordered==0", "violations==0"]
reconnects = ["count>=planned"]
caught_up = ["count>=planned"]
refused = ["count==0"]
"#;

/// Two in one room, each speaking twice: four messages, eight deliveries.
const TWO: &str = r#"
[run]
name = "two"
seed = 1
clients = 2
drain = "500ms"

[rooms]
size = 2

[[stage]]
name = "talk"
duration = "300ms"
each = 2
judged = false

[thresholds]
delivery = ["lost==0", "duplicated==0"]
"#;

/// A directory for a scenario and what comes of it.
struct Run {
    directory: TempDir,
}

impl Run {
    fn of(scenario: &str) -> Self {
        let run = Self { directory: tempfile::tempdir().unwrap() };
        fs::write(run.path("scenario.toml"), scenario).unwrap();
        run
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts it, with the server of its own unless told otherwise.
    fn start(&self, args: &[&str]) -> Process {
        let scenario = self.path("scenario.toml");
        let paths =
            ["--scenario", scenario.to_str().unwrap(), "--out", self.directory.path().to_str().unwrap()];
        Process::start("loadgen", &[&paths, args].concat())
    }

    async fn end(&self, args: &[&str]) -> Ended {
        self.start(args).ended().await
    }

    fn summary(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path("summary.json")).unwrap()).unwrap()
    }
}

#[tokio::test]
async fn a_run_that_holds_what_was_asked_passes_and_writes_down_what_it_saw() {
    let run = Run::of(CATCH_UP);
    let ended = run.end(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("PASS"), "{}", ended.stdout);
    let summary = run.summary();
    for (key, value) in [
        ("clients", 4),
        ("connected", 4),
        ("planned", 10),
        ("sent", 10),
        ("acknowledged", 10),
        ("refused", 0),
        ("expected_deliveries", 20),
        ("received_deliveries", 20),
        ("lost", 0),
        ("duplicated", 0),
        ("reordered", 0),
        ("reconnects", 2),
        ("caught_up", 6),
    ] {
        assert_eq!(summary[key], value, "{key}");
    }
    assert_eq!((&summary["scenario"], &summary["verdict"]), (&"catch-up".into(), &"pass".into()));
    for spans in ["latency_us", "latency_actual_us", "send_lag_us", "connect_us"] {
        let ordered: Vec<_> =
            ["p50", "p90", "p99", "p999", "max"].map(|key| summary[spans][key].as_u64()).into();
        assert!(ordered[0] > Some(0) && ordered.is_sorted(), "{spans}: {ordered:?}");
    }
    for usage in ["generator", "server"] {
        assert!(summary[usage]["cpu_seconds"].is_number(), "{usage}");
    }
    assert_eq!(summary["generator"]["saturated"], false);
    assert!(summary["thresholds"].as_array().unwrap().iter().all(|threshold| threshold["passed"] == true));
    for file in ["intervals.csv", "e2e.hgrm", "e2e.hlog"] {
        assert!(fs::read_to_string(run.path(file)).unwrap().lines().count() > 1, "{file}");
    }
}

#[tokio::test]
async fn the_same_run_goes_through_a_server_that_runs_already() {
    let server = Host::start(|_| {});
    let run = Run::of(CATCH_UP);
    let ended = run.end(&["--url", &format!("ws://{}", server.address)]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = run.summary();
    assert_eq!((&summary["received_deliveries"], &summary["server"]), (&20.into(), &Value::Null));
    let metrics = Metrics::until(server.address, "chat_connections", 0.0).await;
    assert_eq!(metrics.value("chat_messages_in_total"), 10.0);
    server.stop().await;
}

#[tokio::test]
async fn a_threshold_that_does_not_hold_fails_the_run() {
    let run = Run::of(&TWO.replace("duplicated==0", "received<8"));
    let ended = run.end(&[]).await;
    assert_eq!(ended.code, Some(99), "{ended:?}");
    assert!(ended.stdout.contains("FAIL"), "{}", ended.stdout);
    let summary = run.summary();
    let broken: Vec<_> =
        summary["thresholds"].as_array().unwrap().iter().filter(|t| t["passed"] == false).collect();
    assert_eq!(broken.len(), 1);
    assert_eq!((&broken[0]["expression"], &broken[0]["value"]), (&"received<8".into(), &8.0.into()));
}

#[tokio::test]
async fn one_lost_delivery_is_found() {
    // The last one: no later one shows the bot that it missed something.
    let counts = with_liar(Lie::Drop(4)).await;
    assert_eq!(counts, Counts { received: 7, lost: 1, ..Counts::default() });
}

#[tokio::test]
async fn one_delivery_that_is_skipped_is_found_though_the_bot_asks_for_it() {
    let counts = with_liar(Lie::Drop(2)).await;
    assert_eq!(counts, Counts { skipped: 1, ..Counts::default() });
}

#[tokio::test]
async fn one_doubled_delivery_is_found_though_the_bot_passes_it_over() {
    let counts = with_liar(Lie::Double(2)).await;
    assert_eq!(counts, Counts { duplicated: 1, ..Counts::default() });
}

#[tokio::test]
async fn one_message_that_is_said_to_be_in_two_places_is_found() {
    let counts = with_liar(Lie::Repeat(4)).await;
    assert_eq!(counts, Counts { duplicated: 1, ..Counts::default() });
}

#[tokio::test]
async fn two_swapped_deliveries_are_found_though_the_bot_sorts_them() {
    let counts = with_liar(Lie::Swap(2)).await;
    assert_eq!(counts, Counts { reordered: 1, ..Counts::default() });
}

#[tokio::test]
async fn one_delivery_that_is_not_what_its_author_said_is_found() {
    for lie in [Lie::Author(2), Lie::Content(2), Lie::Elsewhere(2)] {
        assert_eq!(with_liar(lie).await, Counts { foreign: 1, ..Counts::default() }, "{lie:?}");
    }
}

/// What a run of two comes to. Eight are received if nothing else is said.
#[derive(Debug, PartialEq)]
struct Counts {
    received: u64,
    lost: u64,
    duplicated: u64,
    reordered: u64,
    skipped: u64,
    foreign: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { received: 8, lost: 0, duplicated: 0, reordered: 0, skipped: 0, foreign: 0 }
    }
}

/// The counts of a run of two through a liar. It fails, and no threshold is needed for that.
async fn with_liar(lie: Lie) -> Counts {
    let server = Host::start(|_| {});
    let liar = Liar::before(server.address, lie).await;
    let (without_thresholds, _) = TWO.split_once("[thresholds]").unwrap();
    let run = Run::of(without_thresholds);
    let ended = run.end(&["--url", &format!("ws://{}", liar.address)]).await;
    assert!(liar.has_lied());
    assert_eq!(ended.code, Some(99), "{ended:?}");
    assert!(ended.stdout.contains("FAIL") && ended.stdout.contains("broken promises"), "{}", ended.stdout);
    server.stop().await;
    let summary = run.summary();
    assert_eq!(summary["thresholds"], Value::Array(vec![]));
    let count = |key: &str| summary[key].as_u64().unwrap();
    Counts {
        received: count("received_deliveries"),
        lost: count("lost"),
        duplicated: count("duplicated"),
        reordered: count("reordered"),
        skipped: count("skipped"),
        foreign: count("foreign"),
    }
}

#[tokio::test]
async fn a_plan_that_the_limits_do_not_let_through_is_void() {
    // Two hundred messages within half a second, from someone who may say ten a second.
    let run = Run::of(&TWO.replace("duration = \"300ms\"\neach = 2", "duration = \"500ms\"\neach = 200"));
    let ended = run.end(&[]).await;
    assert_eq!(ended.code, Some(96), "{ended:?}");
    assert!(ended.stdout.contains("rate limits"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_to_is_one_line_before_anything_starts() {
    let run = Run::of(TWO);
    let path = run.path("scenario.toml").join("results");
    let (scenario, out) = (run.path("scenario.toml"), path.to_str().unwrap());
    let ended = Process::run("loadgen", &["--scenario", scenario.to_str().unwrap(), "--out", out]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.contains(out) && ended.stderr.contains("--out"), "{}", ended.stderr);
}

#[cfg(unix)]
#[tokio::test]
async fn a_run_that_is_interrupted_says_so_and_writes_down_what_it_saw() {
    let server = Host::start(|_| {});
    let run = Run::of(&TWO.replace("duration = \"300ms\"\neach = 2", "duration = \"1h\"\nrate = 10"));
    let process = run.start(&["--url", &format!("ws://{}", server.address)]);
    Metrics::at_least(server.address, "chat_messages_in_total", 1.0).await;
    process.interrupt();
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(105), "{ended:?}");
    assert_eq!(run.summary()["verdict"], "interrupted");
    server.stop().await;
}

#[tokio::test]
async fn a_mistake_in_a_scenario_is_one_line_that_says_where_it_is() {
    for (scenario, line, key) in [
        (TWO.replace("clients", "cleints"), 5, "cleints"),
        (TWO.replace("size = 2", "size = 0"), 9, "size"),
        (TWO.replace("lost==0", "lots==0"), 18, "lots"),
        (TWO.replace("duration = \"300ms\"", "duration = \"3 moons\""), 13, "duration"),
    ] {
        let run = Run::of(&scenario);
        let ended = run.end(&[]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(104), ""), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        let place = format!("scenario.toml:{line}:");
        assert!(
            ended.stderr.contains(&place) && ended.stderr.contains(key),
            "{place} {key}: {}",
            ended.stderr
        );
    }
    let missing = Process::run("loadgen", &["--scenario", "no/such/scenario.toml"]).await;
    assert_eq!(missing.code, Some(104));
    assert!(missing.stderr.contains("no/such/scenario.toml"), "{}", missing.stderr);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_one_line() {
    // Bound and dropped: a port on which nobody listens.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = Run::of(TWO).end(&["--url", &format!("ws://{address}")]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.contains(&address.to_string()), "{}", ended.stderr);
}

//! The load test as a whole: passes, fails, and finds a liar out.

use std::{fs, net::TcpListener};

use serde_json::Value;

use crate::kit::{Host, Liar, Lie, Metrics, Process, Run};

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

[[scenario]]
name = "people"
stages = [
    { name = "talk", duration = "300ms", executor = "per-vu-iterations", judged = false },
    { name = "away", duration = "300ms", executor = "per-room-iterations", iterations = 3, judged = false },
    { name = "return", duration = "300ms" },
]

[[event]]
at = { stage = "away" }
kind = "reset"
fraction = 0.5
down_for = "400ms"

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

[[scenario]]
name = "people"
executor = "per-vu-iterations"
stages = [{ name = "talk", duration = "300ms", iterations = 2, judged = false }]

[thresholds]
delivery = ["lost==0", "duplicated==0"]
"#;

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
    let page = fs::read_to_string(run.path("report.html")).unwrap();
    for part in
        ["catch-up", "PASS", "Reset of 2", "people: away", "class=\"heat\"", "caught up after absence"]
    {
        assert!(page.contains(part), "{part}");
    }
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

/// Two in one room, with these scenarios, events and thresholds.
fn two_with(rest: &str) -> String {
    let (head, _) = TWO.split_once("[[scenario]]").unwrap();
    format!("{}\n{rest}", head.replace("500ms", "10s"))
}

#[tokio::test]
async fn a_server_that_is_killed_and_started_anew_is_found_again() {
    let run = Run::of(&two_with(
        r#"
        [[scenario]]
        name = "people"
        stages = [
            { name = "before", duration = "300ms", executor = "per-vu-iterations", judged = false },
            { name = "down", duration = "3s" },
            { name = "after", duration = "300ms", executor = "per-vu-iterations", judged = false },
        ]
        [[event]]
        at = { stage = "down", offset = "300ms" }
        kind = "restart"
        down_for = "200ms"
        [thresholds]
        reconnects = ["count>=planned"]
        delivery = ["received==8"]
        "#,
    ));
    let ended = run.end(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = run.summary();
    for (key, value) in [("acknowledged", 4), ("received_deliveries", 8), ("lost", 0), ("reconnects", 2)] {
        assert_eq!(summary[key], value, "{key}: {summary}");
    }
    let server = Host::start(|_| {});
    let ended = run.end(&["--url", &format!("ws://{}", server.address)]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(104), ""), "{ended:?}");
    assert!(ended.stderr.contains("leave out --url"), "{}", ended.stderr);
    server.stop().await;
}

#[tokio::test]
async fn a_scenario_says_what_limits_its_own_server_has_and_no_other() {
    let limits = TWO.replace("[rooms]", "[server]\ncontent_bytes_max = 50\n[rooms]");
    let run = Run::of(&limits);
    let ended = run.end(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = run.summary();
    assert_eq!((&summary["refused"], &summary["acknowledged"]), (&4.into(), &0.into()));
    assert_eq!(summary["refusals_by_code"]["content_too_large"], 4);
    let server = Host::start(|_| {});
    let ended = run.end(&["--url", &format!("ws://{}", server.address)]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(104), ""), "{ended:?}");
    assert!(ended.stderr.contains("leave out --url"), "{}", ended.stderr);
    server.stop().await;
}

#[tokio::test]
async fn a_threshold_may_end_the_run() {
    let run = Run::of(&two_with(
        r#"
        [[scenario]]
        name = "people"
        executor = "constant-arrival-rate"
        rate = 10
        stages = [{ name = "talk", duration = "1h", judged = false }]
        [thresholds]
        "e2e_latency{stage:talk}" = [{ threshold = "min<1us", abort_on_fail = true, delay_abort_eval = "500ms" }]
        "#,
    ));
    let ended = run.end(&[]).await;
    assert_eq!(ended.code, Some(99), "{ended:?}");
    assert!(ended.stdout.contains("ended early: e2e_latency{stage:talk} min<1us, was"), "{}", ended.stdout);
    assert_eq!(run.summary()["verdict"], "fail");
}

#[tokio::test]
async fn slow_readers_get_everything_in_the_end_and_are_judged_by_themselves() {
    // Each delivery is more than 600 bytes: at 600 a second ten of them take ten seconds, if nobody hurries.
    let run = Run::of(&two_with(
        r#"
        [[scenario]]
        name = "people"
        executor = "shared-iterations"
        iterations = 10
        flow = [{ say = 600 }]
        stages = [{ name = "talk", duration = "2s", judged = false }]
        [[scenario]]
        name = "slow"
        duration = "2s"
        read = { rate = 600 }
        [thresholds]
        delivery = ["received==planned"]
        slow_latency = ["count==10", "max>1s"]
        e2e_latency = ["count==10"]
        "#,
    ));
    let ended = run.end(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("to slow readers"), "{}", ended.stdout);
}

#[tokio::test]
async fn what_was_said_before_one_came_is_not_late() {
    // One comes back long after the other has spoken, and is shown what was said.
    let run = Run::of(&two_with(
        r#"
        [[scenario]]
        name = "talker"
        executor = "shared-iterations"
        iterations = 10
        stages = [{ name = "talk", duration = "1s", judged = false }]
        [[scenario]]
        name = "guest"
        executor = "shared-iterations"
        flow = ["leave", { think = "2s" }, "join", { think = "100ms" }, "say"]
        stages = [{ name = "visit", duration = "3s", judged = false }]
        [thresholds]
        delivery = ["lost==0", "duplicated==0"]
        e2e_latency = ["max<1s"]
        "#,
    ));
    let ended = run.end(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = run.summary();
    assert!(summary["history"].as_u64() >= Some(5), "it was shown: {summary}");
    assert!(summary["received_deliveries"].as_u64() < Some(22), "and owed to nobody: {summary}");
}

#[tokio::test]
async fn nonsense_is_refused_and_nobody_else_suffers() {
    let run = Run::of(&two_with(
        r#"
        [[scenario]]
        name = "people"
        executor = "shared-iterations"
        iterations = 5
        stages = [{ name = "talk", duration = "1s", judged = false }]
        [[scenario]]
        name = "vandals"
        executor = "shared-iterations"
        iterations = 5
        flow = [{ nonsense = 40 }, "typing", { history = 3 }]
        stages = [{ name = "talk", duration = "1s", judged = false }]
        [thresholds]
        delivery = ["received==planned"]
        history_time = ["count==5"]
        "#,
    ));
    let ended = run.end(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = run.summary();
    assert!(summary["rebuffed"].as_u64() > Some(0), "{summary}");
    assert_eq!(summary["errors"], serde_json::json!({}), "what was to be refused is no error");
}

#[tokio::test]
async fn a_plan_that_the_limits_do_not_let_through_is_void() {
    // Two hundred messages within half a second, from someone who may say ten a second.
    let run = Run::of(
        &TWO.replace("duration = \"300ms\", iterations = 2", "duration = \"500ms\", iterations = 200"),
    );
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
    let run = Run::of(
        &TWO.replace("duration = \"300ms\", iterations = 2", "duration = \"1h\", iterations = 30000"),
    );
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
        (TWO.replace("lost==0", "lots==0"), 17, "lots"),
        (TWO.replace("duration = \"300ms\"", "duration = \"3 moons\""), 14, "duration"),
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
async fn scenarios_are_checked_planned_and_listed_without_sending_anything() {
    let run = Run::of(TWO);
    let path = run.path("scenario.toml");
    let good = path.to_str().unwrap();
    let ended = Process::run("loadgen", &["check", good, "smoke"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert!(
        ended.stdout.contains(": good: 2 clients in 1 rooms, 4 messages, 8 deliveries"),
        "{}",
        ended.stdout
    );
    fs::write(run.path("bad.toml"), TWO.replace("size = 2", "size = 0")).unwrap();
    let ended = Process::run("loadgen", &["check", run.path("bad.toml").to_str().unwrap(), good]).await;
    assert_eq!(ended.code, Some(104), "{ended:?}");
    assert!(
        ended.stderr.contains("bad.toml:9:1: rooms.size: ") && ended.stdout.contains(": good: "),
        "{ended:?}"
    );

    let picture = run.path("plan.svg");
    let ended =
        Process::run("loadgen", &["plan", good, "--clients", "8", "-o", picture.to_str().unwrap()]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("people: talk") && ended.stdout.contains("16 messages"),
        "{}",
        ended.stdout
    );
    assert!(fs::read_to_string(picture).unwrap().contains("two: 8 clients"));
    let ended = Process::run("loadgen", &["plan", good, "--each"]).await;
    assert_eq!(ended.stdout.lines().count(), 5, "a head and four messages: {}", ended.stdout);
    // Where everybody is in one room, everybody hears everybody.
    let ended = Process::run("loadgen", &["plan", good, "--clients", "8", "--dialect", "agents"]).await;
    assert!(ended.stdout.contains("8 clients in 1 rooms, 16 messages, 128 deliveries"), "{}", ended.stdout);
    let ended = Process::run("loadgen", &["plan", good, "--dialect", "agent"]).await;
    assert!(ended.code == Some(104) && ended.stderr.contains("did you mean `agents`?"), "{ended:?}");

    let ended = Process::run("loadgen", &["list"]).await;
    assert_eq!(ended.stdout.lines().count(), 12, "{}", ended.stdout);
    assert!(ended.stdout.lines().any(|line| line.starts_with("big-room ")), "{}", ended.stdout);
}

#[tokio::test]
async fn two_runs_are_compared() {
    let run = Run::of(TWO);
    let ended = run.end(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (a, page) = (run.directory.path().to_str().unwrap(), run.path("comparison.html"));
    let ended = Process::run("loadgen", &["compare", a, a, "--html", page.to_str().unwrap()]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("SAME") && ended.stdout.contains("latency of people: talk p99"),
        "{}",
        ended.stdout
    );
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg") && !page.contains("<script"), "{page}");

    let other = tempfile::tempdir().unwrap();
    let (b, mut summary) = (other.path().to_str().unwrap(), run.summary());
    summary["lost"] = 3.into();
    fs::write(other.path().join("summary.json"), summary.to_string()).unwrap();
    let ended = Process::run("loadgen", &["compare", a, b, "--json"]).await;
    assert_eq!(ended.code, Some(99), "{ended:?}");
    let comparison: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(comparison["change"], "worse");
    let ended = Process::run("loadgen", &["compare", b, a]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("IMPROVED"), "{}", ended.stdout);

    summary["verdict"] = "invalid".into();
    fs::write(other.path().join("summary.json"), summary.to_string()).unwrap();
    let ended = Process::run("loadgen", &["compare", a, b]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(104), ""), "{ended:?}");
    assert!(ended.stderr.contains("says nothing about the server"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_largest_load_that_holds_is_searched() {
    // Twice as many messages are 16 deliveries, three times as many 24.
    let run = Run::of(&TWO.replace("\"duplicated==0\"", "\"received<17\""));
    let (scenario, out) = (run.path("scenario.toml"), run.path("limit"));
    // Every step answers there anew.
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let args =
        ["find-limit", "--scenario", scenario.to_str().unwrap(), "--steps", "1", "--metrics", &metrics];
    let search = async |more: &[&str]| Process::run("loadgen", &[&args, more].concat()).await;
    let ended = search(&["--from", "1", "--out", out.to_str().unwrap()]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("LIMIT: ×2 of two holds, ×3 does not"), "{}", ended.stdout);
    let found: Value =
        serde_json::from_str(&fs::read_to_string(out.join("find-limit.json")).unwrap()).unwrap();
    assert_eq!((&found["largest"], &found["ended_by"]), (&2.0.into(), &"server".into()));
    let steps = found["steps"].as_array().unwrap();
    for (step, (load, messages, verdict)) in
        steps.iter().zip([(1.0, 4, "pass"), (2.0, 8, "pass"), (4.0, 16, "fail"), (3.0, 12, "fail")])
    {
        assert_eq!((&step["load"], &step["messages"]), (&load.into(), &messages.into()), "{step}");
        assert_eq!(step["verdict"], verdict, "{step}");
        assert!(step["latency_p99_us"].as_u64() > Some(0), "{step}");
        assert!(step["server"]["cpu_seconds"].is_number() && step["generator"]["cpu_seconds"].is_number());
        assert!(out.join(format!("x{load}")).join("report.html").exists(), "{load}");
    }
    assert_eq!(steps.len(), 4);

    let ended = search(&["--from", "4"]).await;
    assert_eq!(ended.code, Some(99), "{ended:?}");
    assert!(ended.stdout.contains("no load of two was seen to hold, ×4 does not"), "{}", ended.stdout);
    let ended = search(&["--from", "3", "--to", "2"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(104), ""), "{ended:?}");
}

#[tokio::test]
async fn a_search_may_raise_the_number_of_clients() {
    let run = Run::of(TWO);
    let scenario = run.path("scenario.toml");
    let args = ["find-limit", "--scenario", scenario.to_str().unwrap(), "--by", "clients", "--json"];
    let ended = Process::run("loadgen", &[&args[..], &["--from", "1", "--to", "2"]].concat()).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&found["largest"], &found["ended_by"]), (&2.0.into(), &"range".into()));
    let clients: Vec<_> = found["steps"].as_array().unwrap().iter().map(|step| &step["clients"]).collect();
    assert_eq!(clients, [2, 4]);
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

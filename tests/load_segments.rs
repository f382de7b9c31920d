//! A load test of several processes.

use std::fs;

use serde_json::Value;

use crate::kit::{Host, Metrics, Process, Run};

/// Nine in three rooms: each room's members are in three segments.
const NINE: &str = r#"
[run]
name = "nine"
seed = 1
clients = 9
drain = "5s"

[rooms]
size = 3

[[scenario]]
name = "people"
stages = [
    { name = "talk", duration = "500ms", executor = "per-vu-iterations", iterations = 3, judged = false },
    { name = "away", duration = "500ms", executor = "per-room-iterations", iterations = 3, judged = false },
    { name = "return", duration = "1s" },
]

[[event]]
at = { stage = "away" }
kind = "reset"
fraction = 0.34
down_for = "600ms"

[thresholds]
delivery = ["received==planned", "lost==0", "violations==0"]
connections = ["connected==planned"]
reconnects = ["count>=planned"]
caught_up = ["count>=planned"]
"#;

/// The instant at which all segments start, in seconds: soon, but not before three processes have connected.
fn soon() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    (now.as_secs() + 4).to_string()
}

#[tokio::test]
async fn three_processes_make_one_run() {
    let server = Host::start(|_| {});
    let (url, start) = (format!("ws://{}", server.address), soon());
    let run = Run::of(NINE);
    let scenario = run.path("scenario.toml");
    let directories: Vec<_> =
        (1..=3).map(|k| run.path(&k.to_string()).to_str().unwrap().to_owned()).collect();
    let (scenario, results) = (scenario.to_str().unwrap(), run.directory.path().to_str().unwrap());
    // One by hand, and two as Slurm and Kubernetes would start them.
    let args = ["--scenario", scenario, "--url", &url, "--out", &directories[0]];
    let args = [&args[..], &["--segment", "1/3", "--start-at", &start]].concat();
    let told = [("URL", &*url), ("START", &start), ("SCENARIO", scenario), ("RESULTS", results)];
    let script = |numbers: [(&str, &str); 2]| {
        Process::script(&[&told[..], &numbers].concat(), "deploy/loadgen/segment", &["--threads", "1"])
    };
    let processes = [
        Process::start("loadgen", &args),
        script([("SLURM_ARRAY_TASK_ID", "2"), ("SLURM_ARRAY_TASK_COUNT", "3")]),
        script([("JOB_COMPLETION_INDEX", "2"), ("SEGMENTS", "3")]),
    ];
    for process in processes {
        let ended = process.ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("PART (segment "), "{}", ended.stdout);
    }
    server.stop().await;

    let whole = run.path("whole");
    let mut args = vec!["merge", "--out", whole.to_str().unwrap()];
    args.extend(directories.iter().map(String::as_str));
    let ended = Process::run("loadgen", &args).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("RESULT: PASS"), "{}", ended.stdout);
    let merged: Value =
        serde_json::from_str(&fs::read_to_string(whole.join("summary.json")).unwrap()).unwrap();
    // As many as of one process that does it all; whether somebody is back in time to see a message live is chance.
    let alone = Run::of(NINE);
    assert_eq!(alone.end(&[]).await.code, Some(0));
    let alone = alone.summary();
    for key in [
        "/planned",
        "/sent",
        "/acknowledged",
        "/received_deliveries",
        "/lost",
        "/duplicated",
        "/reordered",
        "/connected",
        "/reconnects",
    ] {
        assert_eq!(merged.pointer(key), alone.pointer(key), "{key}");
    }
    // The time series is that of all of them.
    let written = |name: &str| fs::read_to_string(whole.join(name)).unwrap();
    let rows = written("intervals.csv");
    let rows: Vec<Vec<_>> = rows.lines().skip(1).map(|row| row.split(',').collect()).collect();
    let (sent, delivered) = (merged["sent"].to_string(), merged["received_deliveries"].to_string());
    assert_eq!(rows.last().unwrap()[3..5], [sent, delivered], "{rows:?}");
    assert!(rows.iter().any(|row| row[2] == "9"), "all are there at once: {rows:?}");
    assert_eq!(written("e2e.hlog").lines().filter(|line| line.contains("HISTFAAA")).count(), rows.len());
    let page = written("report.html");
    assert!(page.contains("people: away") && page.contains("class=\"heat\""), "{page}");
    let clocks = &merged["clocks"];
    let segments: Vec<_> =
        clocks["segments"].as_array().unwrap().iter().map(|clock| &clock["segment"]).collect();
    assert_eq!(segments, [1, 2, 3]);
    for known in ["/segments/0/offset_us", "/segments/2/bound_us", "/difference_us"] {
        assert!(
            clocks.pointer(known).unwrap().is_i64(),
            "{known}: the server said what time it is: {clocks}"
        );
    }
    assert!(clocks["error_max_us"].as_u64() > clocks["difference_us"].as_u64(), "{clocks}");
    assert!(ended.stdout.contains("clocks       of 3 processes: differ by up to"), "{}", ended.stdout);
    assert_eq!((&alone["clocks"], &alone["latency_us"]["negative"]), (&Value::Null, &0.into()));

    let ended = Process::run("loadgen", &args[..args.len() - 1]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(104), ""), "{ended:?}");
    assert!(ended.stderr.contains("segment 3/3 is missing"), "{}", ended.stderr);
}

#[cfg(unix)]
#[tokio::test]
async fn a_segment_that_a_cluster_ends_has_done_its_part() {
    let server = Host::start(|_| {});
    let run = Run::of(&NINE.replace("duration = \"1s\"", "duration = \"1h\""));
    let (scenario, results) = (run.path("scenario.toml"), run.path("results"));
    let (url, start) = (format!("ws://{}", server.address), soon());
    let told = [
        ("URL", &*url),
        ("START", &start),
        ("SCENARIO", scenario.to_str().unwrap()),
        ("RESULTS", results.to_str().unwrap()),
        ("JOB_COMPLETION_INDEX", "0"),
        ("SEGMENTS", "2"),
    ];
    let process = Process::script(&told, "deploy/loadgen/segment", &["--threads", "1"]);
    Metrics::at_least(server.address, "chat_messages_in_total", 1.0).await;
    process.terminate();
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("INTERRUPTED"), "{}", ended.stdout);
    assert!(results.join("1/segment.json").exists());
    server.stop().await;
}

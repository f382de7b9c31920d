//! Scenario files of `loadgen` in virtual time: every event, what the command prints, and what it exits with.

use std::{fs, process::Command, time::Duration};

use chinwag_bots::{Book, Deliveries};
use chinwag_scenarios::{Overrides, Plan, Scenario, dialects};
use chinwag_sim::predict::{Network, Prediction, predict, segments};
use serde_json::Value;

const NETWORK: Network = Network {
    latency: Duration::from_millis(5),
    jitter: Duration::from_millis(2),
    rate: 1_000_000,
    interval: Duration::from_millis(200),
};

fn foretell(text: &str) -> Prediction {
    let scenario = Scenario::parse("x.toml", text).unwrap();
    let plan = Plan::new(&scenario, Overrides::default()).unwrap();
    predict(&scenario, plan, &scenario.server, NETWORK)
}

/// Forty in rooms of ten, whom nothing befalls: each room is in all of four segments.
const CALM: &str = r#"
run = { name = "calm", seed = 9, clients = 40 }
rooms = { size = 10 }
[[scenario]]
name = "talkers"
weight = 3
executor = "constant-arrival-rate"
rate = 60
stages = [{ name = "early", duration = "3s" }, { name = "late", duration = "3s" }]
[[scenario]]
name = "readers"
weight = 1
executor = "per-vu-iterations"
iterations = 2
flow = [{ history = 10 }, { think = "200ms" }, "say"]
duration = "6s"
read = { rate = 4000 }
"#;

/// What each of so many segments of a calm plan writes down: word for word, as segments do for those who merge them.
fn written_by(count: u32) -> Vec<String> {
    let scenario = Scenario::parse("calm.toml", CALM).unwrap();
    let plan = Plan::new(&scenario, Overrides::default()).unwrap();
    let books = segments(&scenario, plan, &scenario.server, NETWORK, count);
    books.iter().map(|book| serde_json::to_string(book).unwrap()).collect()
}

fn merged(written: &[String]) -> Book {
    let books = written.iter().map(|text| serde_json::from_str(text).unwrap());
    books.reduce(Book::merge).unwrap()
}

#[test]
fn four_segments_together_are_the_whole_count_for_count() {
    let (one, four) = (written_by(1), written_by(4));
    assert_eq!((one.len(), four.len()), (1, 4));
    let (whole, parts) = (merged(&one), merged(&four));
    // Every value of every histogram, and how often it was recorded.
    let counts = |book: &Book| {
        let mut times = serde_json::to_value(&book.times).unwrap();
        for stage in times["stages"].as_array_mut().unwrap() {
            stage.as_object_mut().unwrap().remove("e2e_actual").unwrap();
        }
        times
    };
    assert_eq!(counts(&parts), counts(&whole));
    let overall = whole.times.overall();
    assert!(overall.e2e.histogram.len() > 1_000 && overall.e2e.histogram.iter_recorded().count() > 100);
    assert!(whole.times.slow.histogram.len() > 100 && whole.times.history.histogram.len() == 20);
    // When a message was sent is known to its own process only.
    let known = |book: &Book| book.times.overall().e2e_actual.histogram.len();
    assert_eq!(known(&whole), overall.e2e.histogram.len());
    assert_eq!(
        known(&parts),
        four.iter().map(|part| known(&merged(std::slice::from_ref(part)))).sum::<u64>()
    );
    assert!(known(&parts) < known(&whole));
    // The verdict, as a whole and person by person.
    let report = whole.oracle.finish();
    assert!(report.is_clean() && report.lost == 0 && report.received_deliveries > 3_000, "{report:?}");
    assert_eq!(parts.oracle.finish(), report);
    let deliveries = |book: &Book| Deliveries::of(book, book.oracle.judge().1);
    assert_eq!(deliveries(&parts), deliveries(&whole));
    let rest = |book: &Book| {
        (book.errors.clone(), book.refusals.clone(), book.deferred, book.held_back, book.lagged)
    };
    assert_eq!(rest(&parts), rest(&whole));
    // No segment is the whole.
    assert!(four.iter().all(|part| merged(std::slice::from_ref(part)).oracle.finish() != report));
}

/// Twelve in rooms of four, of whom half are hit by an event while the others go on talking.
fn with_event(kind: &str) -> Prediction {
    // Nobody comes back from a partition: the same connections go on when it is over.
    let back_over = if kind == "partition" { "" } else { "back_over = \"500ms\"" };
    foretell(&format!(
        r#"
        run = {{ name = "hit", seed = 3, clients = 12 }}
        rooms = {{ size = 4 }}
        [[scenario]]
        name = "people"
        stages = [
            {{ name = "talk", duration = "1s", executor = "constant-arrival-rate", rate = 20 }},
            {{ name = "calm", duration = "500ms" }},
            {{ name = "away", duration = "2s", executor = "per-room-iterations", iterations = 4 }},
            {{ name = "back", duration = "10s" }},
            {{ name = "after", duration = "1s", executor = "per-vu-iterations" }},
        ]
        [[event]]
        at = {{ stage = "calm", offset = "300ms" }}
        kind = "{kind}"
        fraction = 0.5
        down_for = "2500ms"
        {back_over}
        [thresholds]
        connections = ["connected==planned"]
        delivery = ["lost==0", "duplicated==0", "reordered==0", "violations==0"]
        unanswered = ["count==0"]
        unsent = ["count==0"]
        "#
    ))
}

#[test]
fn who_is_cut_off_comes_back_when_that_is_planned_and_catches_up() {
    for kind in ["disconnect", "reset", "half-open"] {
        let prediction = with_event(kind);
        assert_eq!(prediction.figures.exit_code, 0, "{kind}: {}", prediction.figures.reason);
        let report = &prediction.figures.deliveries;
        assert_eq!(
            (prediction.figures.reconnects, report.received_deliveries),
            (6, report.planned * 4),
            "{kind}"
        );
        assert!(report.caught_up >= 6 * 4, "{kind}: {report:?}");
        let least = prediction.intervals.iter().skip(4).map(|row| row.connected).min();
        // Of one of whom nobody was told, the server believes that they are still there; their bots know better.
        assert_eq!(least, Some(6), "{kind}");
        assert_eq!(prediction.intervals.last().map(|row| row.connected), Some(12), "{kind}");
    }
}

#[test]
fn a_partition_holds_up_what_was_said_and_loses_nothing() {
    let prediction = with_event("partition");
    assert_eq!(prediction.figures.exit_code, 0, "{}", prediction.figures.reason);
    let report = &prediction.figures.deliveries;
    assert_eq!((prediction.figures.reconnects, report.received_deliveries), (0, report.planned * 4));
    assert!(prediction.figures.catch_up_us.count >= 6 * 4, "{:?}", prediction.figures.catch_up_us);
}

#[test]
fn a_server_that_is_killed_forgets_and_is_come_back_to() {
    let prediction = foretell(
        r#"
        run = { name = "killed", seed = 3, clients = 8 }
        rooms = { size = 4 }
        [[scenario]]
        name = "people"
        stages = [
            { name = "talk", duration = "1s", executor = "constant-arrival-rate", rate = 20 },
            { name = "down", duration = "20s" },
            { name = "after", duration = "1s", executor = "per-vu-iterations" },
        ]
        [[event]]
        at = { stage = "down", offset = "500ms" }
        kind = "restart"
        down_for = "2s"
        [thresholds]
        delivery = ["duplicated==0", "violations==0"]
        reconnects = ["count>=planned"]
        "#,
    );
    assert_eq!(prediction.figures.exit_code, 0, "{}", prediction.figures.reason);
    assert_eq!(
        (prediction.figures.reconnects, prediction.figures.deliveries.sent),
        (8, prediction.figures.deliveries.planned)
    );
    assert!(prediction.intervals.iter().any(|row| row.connected == 0 && row.delivered > 0), "all were away");
}

#[test]
fn latency_is_that_of_the_line_and_slow_readers_are_slow() {
    let prediction = foretell(
        r#"
        run = { name = "slow", seed = 3, clients = 10 }
        rooms = { size = 10 }
        [[scenario]]
        name = "people"
        weight = 8
        executor = "constant-arrival-rate"
        rate = 20
        duration = "5s"
        [[scenario]]
        name = "slow"
        weight = 2
        duration = "5s"
        read = { rate = 2000, pause_every = "1s", pause_for = "1s" }
        [thresholds]
        delivery = ["received==planned"]
        e2e_latency = ["min>=10ms", "max<16ms"]
        slow_latency = ["max>500ms"]
        send_lag = ["max<1us"]
        "#,
    );
    assert_eq!(prediction.figures.exit_code, 0, "{}", prediction.figures.reason);
    assert_eq!(prediction.figures.not_judged, ["send_lag max<1us: it is not predicted"]);
    assert_eq!(prediction.figures.thresholds.len(), 4);
}

#[test]
fn the_command_foretells_and_says_where_a_mistake_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sim")).args(["run", "--scenario"]).args(args).output();
        let output = output.expect("it runs");
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    };
    let (json, csv) = (path("p.json"), path("d.csv"));
    let (code, said) = run(&["smoke", "--json", &json, "--deliveries", &csv, "--latency", "3ms"]);
    assert_eq!(code, Some(0), "{said}");
    for part in ["PREDICTED: PASS", "3.0 ms each way", "reconnects", "not foretold memory"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let prediction: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!((&prediction["verdict"], &prediction["exit_code"]), (&"pass".into(), &0.into()));
    for name in ["cpu_seconds", "generator", "server", "send_lag_us"] {
        assert!(prediction[name].is_null(), "{name} is not known");
    }
    assert_eq!(fs::read_to_string(csv).unwrap().lines().count(), 21, "a line for each client and room");

    fs::write(path("strict.toml"), STRICT).unwrap();
    let (code, said) = run(&[&path("strict.toml")]);
    assert!(code == Some(1) && said.contains("✗ e2e_latency  max<1ms   was 2.0 ms"), "{said}");
    let lobby = dialects().iter().find(|file| file.name == "lobby").unwrap();
    for (text, line) in [
        (format!("{STRICT}\n{}", lobby.text), "only chat is spoken"),
        (STRICT.replace("[rooms]", "[server]\nmesage_rate = 1\n[rooms]"), "did you mean `message_rate`?"),
    ] {
        fs::write(path("wrong.toml"), text).unwrap();
        let (code, said) = run(&[&path("wrong.toml")]);
        assert!(code == Some(104) && said.contains(line) && said.lines().count() == 1, "{said}");
    }
    assert_eq!(run(&["smok"]).0, Some(104));
    assert_eq!(run(&["smoke", "--seeds", "3"]).0, Some(104), "one thing or the other");
}

const STRICT: &str = r#"
[run]
name = "strict"
seed = 1
clients = 4
[rooms]
size = 2
[[scenario]]
name = "people"
executor = "per-vu-iterations"
duration = "1s"
[thresholds]
e2e_latency = ["max<1ms"]
"#;

//! Whatever is wrong with a scenario, one line says what, and where.

use std::path::Path;

use chinwag_scenarios::Scenario;

const GOOD: &str = r#"[run]
name = "test"
seed = 1
clients = 10

[rooms]
size = 5

[[scenario]]
name = "people"
flow = ["typing", { think = "1s" }, { say = 50 }]
[[scenario.stages]]
name = "talk"
duration = "2s"
executor = "constant-arrival-rate"
rate = 1

[[event]]
at = { stage = "talk", offset = "1s" }
kind = "disconnect"
fraction = 0.5
down_for = "1s"

[thresholds]
e2e_latency = ["p(99)<500ms"]
"#;

/// The error after one part of a good scenario was replaced.
fn error(part: &str, by: &str) -> String {
    assert_eq!(GOOD.matches(part).count(), 1, "{part:?} is no single part");
    Scenario::parse("x.toml", &GOOD.replace(part, by)).expect_err("this should be wrong").to_string()
}

#[test]
fn the_scenario_they_spoil_is_good() {
    Scenario::parse("x.toml", GOOD).unwrap();
}

#[test]
fn unknown_keys_are_named_with_the_nearest_right_one() {
    for (part, by, message) in [
        (
            "clients = 10",
            "client = 10",
            "x.toml:4:1: run.client: unknown key `client`: did you mean `clients`? \
             known here: `name`, `seed`, `clients`, `connect`, `drain`, `warm_up`, `late_after`",
        ),
        (
            "rate = 1\n",
            "rat = 1\n",
            "x.toml:16:1: scenario[0].stages[0].rat: unknown key `rat`: did you mean `rate`? known here: `name`, \
             `duration`, `executor`, `target`, `rate`, `vus`, `iterations`, `arrivals`, `measure_memory`, `judged`",
        ),
        (
            "offset = ",
            "ofset = ",
            "x.toml:19:24: event[0].at.ofset: unknown key `ofset`: did you mean `offset`? \
             known here: `stage`, `scenario`, `offset`",
        ),
        (
            "[rooms]",
            "[zoo]\n[rooms]",
            "x.toml:6:2: zoo: unknown key `zoo`: known here: `run`, `rooms`, `protocol`, `server`, `scenario`, `event`, \
             `thresholds`",
        ),
        (
            "{ say = 50 }",
            "{ say = { min = 30, maxi = 40 } }",
            "x.toml:11:57: scenario[0].flow[2].say.maxi: unknown key `maxi`: did you mean `max`? \
             known here: `min`, `max`, `mean`, `median`, `p99`",
        ),
        (
            "\"typing\"",
            "\"tpying\"",
            "x.toml:11:9: scenario[0].flow[0]: unknown word `tpying`: did you mean `typing`? \
             known here: `say`, `typing`, `history`, `leave`, `join`, `nonsense`",
        ),
        (
            "{ think =",
            "{ thinks =",
            "x.toml:11:21: scenario[0].flow[1].thinks: unknown word `thinks`: did you mean `think`? \
             known here: `say`, `think`, `history`, `nonsense`",
        ),
        (
            "\"disconnect\"",
            "\"disconect\"",
            "x.toml:20:8: event[0].kind: unknown word `disconect`: did you mean `disconnect`? \
             known here: `disconnect`, `reset`, `half-open`, `partition`, `restart`",
        ),
        (
            "\"constant-arrival-rate\"",
            "\"constant-arival-rate\"",
            "x.toml:15:12: scenario[0].stages[0].executor: unknown word `constant-arival-rate`: did you mean \
             `constant-arrival-rate`? known here: `constant-vus`, `ramping-vus`, `constant-arrival-rate`, \
             `ramping-arrival-rate`, `per-vu-iterations`, `shared-iterations`, `per-room-iterations`, \
             `externally-controlled`",
        ),
    ] {
        assert_eq!(error(part, by), message);
    }
}

#[test]
fn wrong_values_are_named() {
    let seed = error("seed = 1", "seed = \"one\"");
    assert!(seed.starts_with("x.toml:3:8: run.seed: ") && seed.contains("u64"), "{seed}");
    let clients = error("clients = 10", "clients = -1");
    assert!(clients.starts_with("x.toml:4:11: run.clients: ") && clients.contains("u32"), "{clients}");
    assert_eq!(
        error("clients = 10", "clients = 10\nwarm_up = \"2s\""),
        "x.toml:5:1: run.warm_up: must be over before the last stage's end, 2s"
    );
    assert_eq!(
        error("\"2s\"", "\"2 seconds\""),
        "x.toml:14:12: scenario[0].stages[0].duration: `2 seconds` is no duration of at most a day: \
         write a number and us, ms, s, m or h, as in \"250ms\""
    );
    let broken = error("seed = 1", "seed =");
    assert!(broken.starts_with("x.toml:3:7: "), "{broken}");
}

#[test]
fn impossible_numbers_are_named() {
    let stage = "scenario[0].stages[0]";
    for (part, by, message) in [
        ("clients = 10", "clients = 0", "x.toml:4:1: run.clients: must be from 1 to 1000000, not 0"),
        ("size = 5", "size = 11", "x.toml:7:1: rooms.size: 11 members are more than all 10 clients"),
        ("size = 5", "size = 0", "x.toml:7:1: rooms.size: must be at least 1: nobody talks to an empty room"),
        (
            "size = 5",
            "size = 5\ncount = 2",
            "x.toml:8:1: rooms.count: rooms of one `size` are all there are: leave out one or the other",
        ),
        ("size = 5", "popularity = \"zipf\"", "x.toml:6:2: rooms: name the `size` of rooms or their `count`"),
        (
            "size = 5",
            "count = 3\npopularity = { zipf = 0 }",
            "x.toml:8:16: rooms.popularity.zipf: must be above 0 and at most 10, not 0",
        ),
        (
            "size = 5",
            "count = 3\npopularity = { hotspot = { rooms = 0.5, clients = 1 } }",
            "x.toml:8:41: rooms.popularity.hotspot.clients: must be above 0 and below 1, not 1",
        ),
        (
            "size = 5",
            "count = 3\nper_client = 4",
            "x.toml:8:1: rooms.per_client: must be from 1 to 3 rooms, not 4",
        ),
        ("\"2s\"", "\"0s\"", &format!("x.toml:14:1: {stage}.duration: must be longer than zero")),
        (
            "rate = 1\n",
            "rate = -1\n",
            &format!("x.toml:16:1: {stage}.rate: must be above 0 and at most 1000000 a second, not -1"),
        ),
        (
            "rate = 1\n",
            "rate = inf\n",
            &format!("x.toml:16:1: {stage}.rate: must be above 0 and at most 1000000 a second, not inf"),
        ),
        (
            "rate = 1\n",
            "rate = nan\n",
            &format!("x.toml:16:1: {stage}.rate: must be above 0 and at most 1000000 a second, not NaN"),
        ),
        ("rate = 1\n", "", &format!("x.toml:12:1: {stage}: `rate` is missing")),
        (
            "rate = 1\n",
            "rate = 1\nvus = 2\n",
            &format!("x.toml:17:1: {stage}.vus: does not go with constant-arrival-rate"),
        ),
        (
            "executor = \"constant-arrival-rate\"\n",
            "",
            &format!("x.toml:15:1: {stage}.rate: a stage without an executor is silent"),
        ),
        (
            "executor = \"constant-arrival-rate\"\nrate = 1",
            "executor = \"externally-controlled\"",
            "x.toml:15:1: scenario[0].stages[0].executor: cannot be: the whole plan is made before the run, so nobody can \
             steer it from outside",
        ),
        (
            "executor = \"constant-arrival-rate\"\nrate = 1",
            "executor = \"ramping-vus\"\ntarget = 1.5",
            "x.toml:16:1: scenario[0].stages[0].target: must be a whole number, not 1.5",
        ),
        (
            "{ say = 50 }",
            "\"leave\"",
            "x.toml:11:1: scenario[0].flow: leaves the room and does not \"join\" it again",
        ),
        (
            "{ say = 50 }",
            "\"join\"",
            "x.toml:11:37: scenario[0].flow[2]: is in the room: everyone joins when they connect",
        ),
        (
            "\"typing\"",
            "\"leave\"",
            "x.toml:11:36: scenario[0].flow[2]: has left the room: first \"join\" it again",
        ),
        (
            "{ say = 50 }",
            "{ say = 9 }",
            "x.toml:11:39: scenario[0].flow[2].say: must be from 24 to 4096 bytes, not 9",
        ),
        (
            "{ say = 50 }",
            "{ say = { min = 50, max = 40 } }",
            "x.toml:11:47: scenario[0].flow[2].say.min: 50 is more than max, 40",
        ),
        (
            "{ say = 50 }",
            "{ say = { min = 50, mean = 60 } }",
            "x.toml:11:45: scenario[0].flow[2].say: write { min, max }, { mean } or { median, p99 }",
        ),
        (
            "flow = [\"typing\", { think = \"1s\" }, { say = 50 }]",
            "flow = [{ think = \"1s\" }]",
            "x.toml:11:1: scenario[0].flow: does nothing but think",
        ),
        (
            "flow = [\"typing\", { think = \"1s\" }, { say = 50 }]",
            "read = { rate = 1000, pause_for = \"1s\" }",
            "x.toml:11:1: scenario[0].read: `pause_every` and `pause_for` go together",
        ),
        (
            "fraction = 0.5",
            "fraction = 1.5",
            "x.toml:21:1: event[0].fraction: must be above 0 and at most 1, not 1.5",
        ),
        (
            "offset = \"1s\"",
            "offset = \"2s\"",
            "x.toml:19:24: event[0].at.offset: must be less than the stage's duration, 2s",
        ),
        (
            "{ stage = \"talk\", offset = \"1s\" }",
            "\"2s\"",
            "x.toml:19:1: event[0].at: must be before the last stage's end, 2s",
        ),
        (
            "{ stage = \"talk\"",
            "{ stage = \"walk\"",
            "x.toml:19:8: event[0].at.stage: unknown stage `walk`: did you mean `talk`? known here: `talk`",
        ),
        (
            "kind = \"disconnect\"",
            "kind = \"restart\"",
            "x.toml:18:1: event[0]: a restart hits everyone: leave out `fraction` and `scenario`",
        ),
        (
            "\"test\"",
            "\"a test\"",
            "x.toml:2:1: run.name: `a test` holds ' ': only letters, digits, - _ . and, in room names, : may be used",
        ),
        (
            "[[event]]",
            "[[scenario.stages]]\nname = \"talk\"\nduration = \"1s\"\n[[event]]",
            "x.toml:19:1: scenario[0].stages[1].name: `talk` is the name of an earlier stage",
        ),
        (
            "[[event]]",
            "[[scenario]]\nname = \"people\"\nduration = \"1s\"\n[[event]]",
            "x.toml:19:1: scenario[1].name: `people` is the name of an earlier scenario",
        ),
    ] {
        assert_eq!(error(part, by), message);
    }
}

#[test]
fn wrong_thresholds_are_named() {
    for (part, by, message) in [
        (
            "e2e_latency =",
            "e2e_latancy =",
            "x.toml:25:16: thresholds.e2e_latancy[0]: unknown metric `e2e_latancy`: did you mean `e2e_latency`? known \
             here: `e2e_latency`, `e2e_latency_actual`, `send_lag`, `slow_latency`, `history_time`, `connect_time`, \
             `delivery`, `connections`, `reconnects`, `caught_up`, `refused`, `unanswered`, `unresolved`, `unsent`, `errors`",
        ),
        (
            "p(99)<500ms",
            "p(99)<500",
            "x.toml:25:16: thresholds.e2e_latency[0]: `500` is no duration of at most a day: \
             write a number and us, ms, s, m or h, as in \"250ms\"",
        ),
        (
            "e2e_latency =",
            "\"e2e_latency{stage:tale}\" =",
            "x.toml:25:1: thresholds.\"e2e_latency{stage:tale}\": unknown stage `tale`: did you mean `talk`? \
             known here: `talk`",
        ),
        (
            "e2e_latency =",
            "\"e2e_latency{scenario:peple}\" =",
            "x.toml:25:1: thresholds.\"e2e_latency{scenario:peple}\": unknown scenario `peple`: did you mean `people`? \
             known here: `people`",
        ),
        (
            "e2e_latency = [\"p(99)<500ms\"]",
            "delivery = [{ threshold = \"lost==0\", abort_on_fail = true }]",
            "x.toml:25:13: thresholds.delivery[0]: `delivery` is known only when all is over: leave out `abort_on_fail`",
        ),
        (
            "[\"p(99)<500ms\"]",
            "[{ threshold = \"p(99)<500ms\", delay_abort_eval = \"5s\" }]",
            "x.toml:25:16: thresholds.e2e_latency[0]: `delay_abort_eval` waits for nothing without `abort_on_fail = true`",
        ),
        (
            "[\"p(99)<500ms\"]",
            "[{ threshold = \"p(99)<500ms\", abort_on_fial = true }]",
            "x.toml:25:45: thresholds.e2e_latency[0].abort_on_fial: unknown key `abort_on_fial`: did you mean \
             `abort_on_fail`? known here: `threshold`, `abort_on_fail`, `delay_abort_eval`",
        ),
    ] {
        assert_eq!(error(part, by), message);
    }
    let restart = GOOD.replace("kind = \"disconnect\"\nfraction = 0.5", "kind = \"restart\"");
    let restart = restart.replace("e2e_latency = [\"p(99)<500ms\"]", "delivery = [\"received==planned\"]");
    assert_eq!(
        Scenario::parse("x.toml", &restart).unwrap_err().to_string(),
        "x.toml:24:13: thresholds.delivery[0]: where clients leave rooms or the server is restarted, no plan foresees this \
         number"
    );
}

#[test]
fn a_missing_file_is_one_clear_line() {
    let error = Scenario::load(Path::new("no/such/scenario.toml")).unwrap_err();
    assert_eq!(error.to_string(), "no/such/scenario.toml: there is no such file");
}

#[test]
fn errors_can_be_taken_apart() {
    let error = Scenario::parse("x.toml", &GOOD.replace("size = 5", "size = 0")).unwrap_err();
    assert_eq!((error.key(), error.line()), ("rooms.size", Some(7)));
}

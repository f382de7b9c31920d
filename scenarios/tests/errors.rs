//! Whatever is wrong with a scenario, one line says what, and where.

use std::path::Path;

use chinwag_scenarios::Scenario;

const GOOD: &str = r#"[run]
name = "test"
seed = 1
clients = 10

[rooms]
size = 5

[[stage]]
name = "talk"
duration = "2s"
rate = 10

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
    assert_eq!(
        error("clients = 10", "client = 10"),
        "x.toml:4:1: run.client: unknown key `client`: did you mean `clients`? \
         known here: `name`, `seed`, `clients`, `connect`, `drain`"
    );
    assert_eq!(
        error("rate = 10", "rat = 10"),
        "x.toml:12:1: stage[0].rat: unknown key `rat`: did you mean `rate`? \
         known here: `name`, `duration`, `rate`, `arrivals`, `each`, `each_room`, `measure_memory`, `judged`"
    );
    assert_eq!(
        error("offset = ", "ofset = "),
        "x.toml:15:24: event[0].at.ofset: unknown key `ofset`: did you mean `offset`? \
         known here: `stage`, `offset`"
    );
    assert_eq!(
        error("[rooms]", "[zoo]\n[rooms]"),
        "x.toml:6:2: zoo: unknown key `zoo`: \
         known here: `run`, `rooms`, `message`, `stage`, `event`, `thresholds`"
    );
    assert_eq!(
        error("[rooms]", "[message]\nsize = { min = 30, maxi = 40 }\n[rooms]"),
        "x.toml:7:20: message.size.maxi: unknown key `maxi`: did you mean `max`? known here: `min`, `max`"
    );
    assert_eq!(
        error("\"disconnect\"", "\"disconect\""),
        "x.toml:16:8: event[0].kind: unknown word `disconect`: did you mean `disconnect`? known here: `disconnect`"
    );
}

#[test]
fn wrong_shapes_are_named() {
    let missing = error("clients = 10\n", "");
    assert!(missing.starts_with("x.toml:1:"), "{missing}");
    assert!(missing.ends_with(": run: missing field `clients`"), "{missing}");
    let negative = error("clients = 10", "clients = -10");
    assert_eq!(negative, "x.toml:4:11: run.clients: invalid value: integer `-10`, expected u32");
    let text = error("size = 5", "size = \"5\"");
    assert_eq!(text, "x.toml:7:8: rooms.size: invalid type: string \"5\", expected u32");
    let duration = error("\"2s\"", "\"2 seconds\"");
    assert_eq!(
        duration,
        "x.toml:11:12: stage[0].duration: `2 seconds` is no duration of at most a day: \
         write a number and us, ms, s, m or h, as in \"250ms\""
    );
    let broken = error("seed = 1", "seed =");
    assert!(broken.starts_with("x.toml:3:7: "), "{broken}");
}

#[test]
fn impossible_numbers_are_named() {
    for (part, by, message) in [
        ("clients = 10", "clients = 0", "x.toml:4:1: run.clients: must be from 1 to 1000000, not 0"),
        ("size = 5", "size = 11", "x.toml:7:1: rooms.size: 11 members are more than all 10 clients"),
        ("size = 5", "size = 0", "x.toml:7:1: rooms.size: must be at least 1: nobody talks to an empty room"),
        ("\"2s\"", "\"0s\"", "x.toml:11:1: stage[0].duration: must be longer than zero"),
        (
            "rate = 10",
            "rate = -1",
            "x.toml:12:1: stage[0].rate: must be above 0 and at most 1000000 a second, not -1",
        ),
        (
            "rate = 10",
            "rate = inf",
            "x.toml:12:1: stage[0].rate: must be above 0 and at most 1000000 a second, not inf",
        ),
        (
            "rate = 10",
            "rate = nan",
            "x.toml:12:1: stage[0].rate: must be above 0 and at most 1000000 a second, not NaN",
        ),
        ("rate = 10", "each = 0", "x.toml:12:1: stage[0].each: must be at least 1; leave it out for silence"),
        (
            "rate = 10",
            "rate = 10\neach = 1",
            "x.toml:13:1: stage[0].each: a stage has one manner of speaking, and this one has `rate` already",
        ),
        (
            "rate = 10",
            "arrivals = \"poisson\"",
            "x.toml:12:1: stage[0].arrivals: says how the messages of `rate` follow one another; there is no `rate`",
        ),
        (
            "fraction = 0.5",
            "fraction = 1.5",
            "x.toml:17:1: event[0].fraction: must be above 0 and at most 1, not 1.5",
        ),
        (
            "offset = \"1s\"",
            "offset = \"2s\"",
            "x.toml:15:24: event[0].at.offset: must be less than the stage's duration, 2s",
        ),
        (
            "{ stage = \"talk\"",
            "{ stage = \"walk\"",
            "x.toml:15:8: event[0].at.stage: unknown stage `walk`: did you mean `talk`? known here: `talk`",
        ),
        (
            "\"test\"",
            "\"a test\"",
            "x.toml:2:1: run.name: `a test` holds ' ': only letters, digits, - _ . and, in room names, : may be used",
        ),
        (
            "[rooms]",
            "[message]\nsize = 9\n[rooms]",
            "x.toml:7:1: message.size: must be from 24 to 4096 bytes, not 9",
        ),
        (
            "[rooms]",
            "[message]\nsize = { min = 50, max = 40 }\n[rooms]",
            "x.toml:7:10: message.size.min: 50 is more than max, 40",
        ),
        (
            "[[event]]",
            "[[stage]]\nname = \"talk\"\nduration = \"1s\"\n[[event]]",
            "x.toml:15:1: stage[1].name: `talk` is the name of an earlier stage",
        ),
    ] {
        assert_eq!(error(part, by), message);
    }
}

#[test]
fn wrong_thresholds_are_named() {
    assert_eq!(
        error("e2e_latency =", "e2e_latancy ="),
        "x.toml:21:16: thresholds.e2e_latancy[0]: unknown metric `e2e_latancy`: did you mean `e2e_latency`? known here: \
         `e2e_latency`, `e2e_latency_actual`, `send_lag`, `connect_time`, `delivery`, `connections`, `reconnects`, \
         `caught_up`, `refused`, `unanswered`, `unsent`"
    );
    assert_eq!(
        error("p(99)<500ms", "p(99)<500"),
        "x.toml:21:16: thresholds.e2e_latency[0]: `500` is no duration of at most a day: \
         write a number and us, ms, s, m or h, as in \"250ms\""
    );
    assert_eq!(
        error("e2e_latency =", "\"e2e_latency{stage:tale}\" ="),
        "x.toml:21:1: thresholds.\"e2e_latency{stage:tale}\": unknown stage `tale`: did you mean `talk`? \
         known here: `talk`"
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

//! The command itself: what it prints, what it writes, what it exits with.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use chinwag_sim::{Scenario, capture, file::ScenarioFile};
use serde_json::Value;

fn sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim")).args(args).output().expect("it runs")
}

/// What it prints, if it exits so.
fn exits(code: i32, args: &[&str]) -> String {
    let Output { status, stdout, stderr } = sim(args);
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "sim {args:?}\n{stdout}\n{stderr}");
    stdout + &stderr
}

/// A scenario in which nobody is ever welcome: no byte gets into the server's socket.
fn stuck(folder: &Path) -> String {
    let mut scenario = Scenario::generate(3);
    scenario.setup.clients.iter_mut().for_each(|client| client.send_buffer = 0);
    let path = folder.join("stuck.scn");
    let comments = vec!["No byte gets out.".to_owned()];
    ScenarioFile { comments, ..ScenarioFile::of_seed(scenario) }.write(&path).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn mistakes_are_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.scn");
    fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    let long = path.to_str().unwrap();
    for args in [
        &["replay", "nowhere.scn"][..],
        &["check", "nowhere.scn"],
        &["timeline", "nowhere.scn", "-o", "x.html"],
        &["check", "nowhere.scn", "--seeds", "2"],
        &["run", "--from", "18446744073709551615", "--seeds", "2"],
        &["run", "--json", "no/such/folder/x.json"],
        &["run", "--save", "Cargo.toml"],
        &["run", "--scenario", "smoke", "--deliveries", "no/such/folder/x.csv"],
        &["bugs", "--json", "no/such/folder/x.json"],
        &["bugs", "--save", "Cargo.toml"],
        &["replay", "99999999999999999999"],
        &["replay", "net:x"],
        &["replay", "5", "--trace", "text", "--actor", "c999"],
        &["replay", "5", "--trace", "text", "--around", "99999999"],
        &["timeline", "5", "-o", "no/such/folder/x.html"],
        &["timeline", "5", "-o", "/dev/null", "--around", "0"],
        &["bugs", "no-such-bug"],
        &["replay", long],
        &["import", "nowhere.capture"],
        &["import", "Cargo.toml"],
        &["explain", "nowhere.capture", "--user", "u0", "--room", "r0"],
        &["explain", "Cargo.toml", "--user", "u0", "--room", "r0"],
    ] {
        let said = exits(104, args);
        assert!(said.starts_with("sim: ") && said.lines().count() == 1, "{said}");
    }
    for args in [
        &["run", "--seeds", "0"][..],
        &["run", "--budget", "60"],
        &["run", "--jobs", "0"],
        &["run", "--jobs", "1025"],
        &["run", "--jobs", "4611686018427387904"],
        &["run", "--jobs", "18446744073709551615"],
        &["bugs", "--jobs", "1025"],
        &["check", "0", "--seeds", "18446744073709551615"],
        &["run", "--seeds", "1", "--seed", "42"],
        &["run", "--seeds", "1", "--deliveries", "x.csv"],
        &["run", "--budget", "1s", "--latency", "5ms"],
        &["sing"],
    ] {
        exits(104, args);
    }
}

#[test]
fn a_batch_says_the_same_with_any_number_of_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let [one, three] = ["1", "3"].map(|jobs| {
        let path = folder.path().join(jobs);
        exits(0, &["run", "--from", "7", "--seeds", "12", "--jobs", jobs, "--json", path.to_str().unwrap()]);
        serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap()
    });
    for name in ["from", "seeds", "failures", "events", "frames", "virtual_seconds", "oracles", "marks"] {
        assert_eq!(one[name], three[name], "{name}");
        assert!(!one[name].is_null(), "{name} is missing");
    }
    assert_eq!((&one["seeds"], &one["failures"]), (&Value::from(12), &Value::from(0)));
    for name in ["events_per_second", "frames_per_second", "virtual_to_real", "events_per_virtual_second"] {
        assert!(one[name].as_f64().is_some_and(|rate| rate > 0.0), "{name}");
    }
}

#[test]
fn runs_repeat_in_another_process() {
    let said = exits(0, &["check", "0", "--seeds", "8"]);
    assert!(said.contains("the same in another process") && said.contains("8 scenarios repeat"), "{said}");
}

#[test]
fn differences_are_shown_where_they_begin() {
    assert!(exits(0, &["diff", "4", "4"]).starts_with("the runs are the same"));
    let said = exits(1, &["diff", "4", "5"]);
    assert!(said.starts_with("the runs part at entry ") && said.contains("second run:"), "{said}");
}

#[test]
fn a_trace_can_be_narrowed_and_compared() {
    let all = exits(0, &["replay", "5", "--trace", "jsonl"]);
    let records: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(records.len() > 500);
    let one = exits(0, &["replay", "5", "--trace", "jsonl", "--actor", "c3"]);
    let of_one = records.iter().filter(|record| record["actor"] == "c3").count();
    assert!(of_one > 10);
    assert_eq!(one.lines().count(), of_one);
    let near = exits(0, &["replay", "5", "--trace", "jsonl", "--around", "100"]);
    assert!(near.lines().count() < 100);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("5.jsonl");
    fs::write(&path, all).unwrap();
    exits(0, &["diff", "5", path.to_str().unwrap()]);
    fs::write(&path, "").unwrap();
    let said = exits(104, &["diff", path.to_str().unwrap(), path.to_str().unwrap()]);
    assert!(said.contains("holds no records"), "{said}");
}

#[test]
fn what_fails_is_shown_and_made_small_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let stuck = stuck(folder.path());
    let said = exits(1, &["replay", &stuck]);
    assert!(said.contains("connected at ") && said.starts_with(&stuck), "{said}");
    let said = exits(1, &["check", &stuck]);
    assert!(said.contains(&format!("-- replay {stuck}\n")), "what failed is the file: {said}");
    let small = folder.path().join("small.scn");
    exits(1, &["minimise", &stuck, "-o", small.to_str().unwrap()]);
    let file = ScenarioFile::read(&small).unwrap();
    assert_eq!(file.comments, ["No byte gets out."], "what was said of it stays");
    assert!(file.scenario.steps.is_empty() && file.scenario.setup.clients.len() == 1, "{file}");
    let page = folder.path().join("small.html");
    exits(1, &["timeline", small.to_str().unwrap(), "-o", page.to_str().unwrap()]);
    assert!(fs::read_to_string(page).unwrap().contains("class=\"verdict\""));
    assert!(exits(0, &["minimise", "3"]).contains("nothing fails"));
}

#[test]
fn a_plan_is_a_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("9.scn");
    fs::write(&path, exits(0, &["plan", "9"])).unwrap();
    exits(0, &["diff", "9", path.to_str().unwrap()]);
}

#[test]
fn a_page_never_takes_the_place_of_its_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let stuck = stuck(folder.path());
    let before = fs::read(&stuck).unwrap();
    assert!(exits(104, &["timeline", &stuck, "-o", &stuck]).contains("is the scenario"));
    assert_eq!(fs::read(&stuck).unwrap(), before);
}

/// What it exits with when nobody reads what it says.
fn exits_unread(args: &[&str]) -> Option<i32> {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Command::new(env!("CARGO_BIN_EXE_sim")).args(args).stdout(writer).status().unwrap().code()
}

#[test]
fn a_verdict_is_the_same_when_nobody_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let stuck = stuck(folder.path());
    assert_eq!(exits_unread(&["diff", "4", "5"]), Some(1));
    assert_eq!(exits_unread(&["check", "5"]), Some(0));
    assert_eq!(exits_unread(&["replay", "5", "--trace", "text"]), Some(0));
    assert_eq!(exits_unread(&["replay", &stuck, "--trace", "text"]), Some(1));
}

#[test]
fn a_budget_may_be_longer_than_anybody_waits() {
    for budget in ["18446744073709551615s", "5000000000000000h"] {
        exits(0, &["run", "--seeds", "2", "--jobs", "1024", "--budget", budget]);
    }
}

#[cfg(unix)]
#[test]
fn what_has_no_end_is_no_scenario() {
    let said = exits(104, &["replay", "/dev/zero"]);
    assert_eq!(said, "sim: /dev/zero is no scenario: it has more than 16 MB\n");
}

#[test]
fn a_batch_of_nothing_is_vacuous_and_a_small_one_may_be() {
    assert!(exits(4, &["run", "--budget", "0s"]).contains("vacuous: no scenario was run"));
    assert!(exits(0, &["run", "--seeds", "1"]).contains("fewer than 200 scenarios do not tell"));
}

#[test]
fn what_is_done_to_nobody_takes_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (scenario, page) = (path("nobody.scn"), path("nobody.html"));
    let step =
        |client: u32| format!(r#"{{"id":0,"at_us":5000000,"actor":{{"client":{client}}},"do":"cut"}}"#);
    let plan = exits(0, &["plan", "5"]);
    fs::write(&scenario, format!("{plan}{}\n{}\n", step(20_000_000), step(u32::MAX))).unwrap();
    let said = exits(0, &["replay", &scenario, "--trace", "text"]);
    assert!(said.lines().all(|line| line.len() < 20_000), "there are columns for nobody");
    exits(0, &["timeline", &scenario, "-o", &page]);
    exits(0, &["diff", "5", &scenario]);
    let trace = path("nobody.jsonl");
    let record = r#"{"event":1,"at_us":0,"kind":"step","actor":"c4294967295","text":"","hash":"0"}"#;
    fs::write(&trace, record).unwrap();
    let said = exits(104, &["diff", "5", &trace]);
    assert!(said.contains("line 1, is no record") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_bad_path_is_told_before_the_work_and_nothing_is_lost_to_a_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let stuck = stuck(folder.path());
    let said = exits(104, &["minimise", &stuck, "-o", "Cargo.toml/small.scn"]);
    assert!(said.starts_with("sim: cannot make the folder ") && said.lines().count() == 1, "{said}");
    let said = exits(104, &["minimise", &stuck, "-o", folder.path().to_str().unwrap()]);
    assert!(said.starts_with("sim: cannot write ") && said.lines().count() == 1, "{said}");
    let small = folder.path().join("new/small.scn");
    exits(0, &["minimise", "3", "-o", small.to_str().unwrap()]);
    assert!(!small.exists(), "nothing fails, so nothing is made small");
    exits(1, &["minimise", &stuck, "-o", &stuck]);
    assert!(ScenarioFile::read(Path::new(&stuck)).unwrap().scenario.steps.is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_found_counts_even_if_it_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let stuck = stuck(folder.path());
    let said = exits(1, &["minimise", &stuck, "-o", "/dev/full"]);
    assert!(said.contains("steps are now 0") && said.contains("sim: cannot write /dev/full"), "{said}");
    let said = exits(104, &["run", "--seeds", "1", "--json", "/dev/full"]);
    assert!(said.contains("1 seeds from 0, 0 failures") && said.contains("sim: cannot write"), "{said}");
}

#[cfg(unix)]
#[test]
fn what_was_found_counts_even_if_nobody_else_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let stuck = stuck(folder.path());
    let said = exits(1, &["check", &stuck, "--other", "false"]);
    assert!(said.contains("connected at ") && said.contains("sim: false ended with "), "{said}");
    assert!(exits(104, &["check", "5", "--other", "false"]).starts_with("sim: false ended with "));
}

/// A program that says it has played every scenario, and otherwise than this one.
#[cfg(unix)]
#[test]
fn a_run_that_does_not_repeat_elsewhere_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    // To `chain … --after …` it answers with no records.
    let script = "#!/bin/sh\ncase \"$*\" in *--after*) ;; *) echo '{\"events\":1,\"hash\":1,\"checkpoints\":[]}';; esac\n";
    fs::write(&other, script).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    let said = exits(3, &["check", "5", "--other", other.to_str().unwrap()]);
    assert!(said.contains("5, here and in ") && said.contains("the runs part at entry "), "{said}");
}

#[test]
fn a_capture_is_imported_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.capture");
    let (_, files) = capture(&Scenario::generate(7_002), false);
    // One for each of the server's lives.
    fs::write(&path, files.iter().max_by_key(|file| file.len()).unwrap()).unwrap();
    let file = path.to_str().unwrap();
    assert!(exits(0, &["import", file]).contains("0 promises were broken"));
    let of = |args: &[&str]| exits(104, &[&["explain", file][..], args].concat());
    assert!(
        of(&["--user", "nobody", "--room", "r0"]).contains("nobody is called nobody in it; there are u0")
    );
    let refused = of(&["--user", "u0", "--room", "nowhere"]);
    let (_, rooms) = refused.split_once("there are ").expect("some rooms");
    let room = rooms.split([',', '\n']).next().unwrap();
    let asks = ["explain", file, "--user", "u0", "--room", room, "--seq", "1"];
    assert!(exits(0, &asks).starts_with(&format!("Message 1 of {room}, epoch ")));
    let explained = exits(0, &[&asks[..], &["--json"]].concat());
    let explained: Value = serde_json::from_str(&explained).unwrap();
    assert!(explained["story"][0]["at"].is_u64() && explained["messages"][0]["got"].is_boolean());
}

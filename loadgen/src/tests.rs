//! Whole runs against servers that break their promises: who judges servers must be seen to find them guilty.

mod encrypted;
mod liar;
mod skewed;

use std::{net::Ipv6Addr, sync::Arc};

use chinwag_bots::{Segment, Word};
use chinwag_scenarios::{Overrides, Plan, Scenario};

use self::liar::{Liar, Lie};
use crate::{
    clock::Clock,
    conductor::{Ended, Job, conduct},
    output::Output,
    sources::Sources,
    speech::Speech,
    target::Target,
    targets::{Deal, Targets},
    text::render,
};

/// Four in a room; each says one thing. The last to speak does so when all others are done.
const SCENARIO: &str = r#"
[run]
name = "trial"
seed = 5
clients = 4
connect = { rate = 1000, in_flight = 4, timeout = "5s" }
drain = "300ms"
[rooms]
size = 4
[[scenario]]
name = "people"
executor = "per-vu-iterations"
stages = [{ name = "talk", duration = "100ms", judged = false }]
[thresholds]
connections = ["connected==planned"]
delivery = ["lost==0", "duplicated==0", "violations==0"]
refused = ["count==0"]
unanswered = ["count==0"]
"#;

/// A run of one thread that writes nothing down.
fn job(scenario: Scenario, plan: Plan, target: Target, speech: Speech) -> Job {
    Job {
        scenario,
        plan,
        targets: Some(Targets::own(target)),
        speech,
        sources: Sources::default(),
        server_program: None,
        clock: Clock::start(),
        segment: Segment::WHOLE,
        start_at: None,
        source: SCENARIO.into(),
        threads: 1,
        metrics: None,
        interrupts: Arc::default(),
        progress: false,
        output: None,
    }
}

/// Lets four bots talk through a server that lies in this way.
async fn trial(lie: Lie, threads: u32) -> Ended {
    trial_with_files(lie, threads, None).await
}

async fn trial_with_files(lie: Lie, threads: u32, output: Option<Output>) -> Ended {
    trial_of(SCENARIO, lie, threads, output).await
}

async fn trial_of(scenario: &str, lie: Lie, threads: u32, output: Option<Output>) -> Ended {
    let scenario = Scenario::parse("trial.toml", scenario).unwrap();
    let plan = Plan::new(&scenario, Overrides::default()).unwrap();
    let liar = Liar::bind(lie, plan.sends().len() as u64).await;
    let target = Target::local(liar.address());
    let server = tokio::spawn(liar.serve());
    let job = Job { threads, output, ..job(scenario, plan, target, Speech::default()) };
    let ended = conduct(job).await.unwrap();
    server.abort();
    ended
}

fn failed(ended: &Ended) -> Vec<&str> {
    let thresholds = ended.summary.figures.thresholds.iter().filter(|threshold| !threshold.passed);
    thresholds.map(|threshold| threshold.expression.as_str()).collect()
}

#[tokio::test]
async fn an_honest_server_passes() {
    let ended = trial(Lie::None, 2).await;
    let (summary, report) = (&ended.summary, &ended.summary.figures.deliveries);
    assert_eq!(summary.figures.verdict, Word::Pass, "{}", summary.figures.reason);
    assert_eq!((report.planned, report.sent, report.acknowledged), (4, 4, 4));
    assert_eq!((report.expected_deliveries, report.received_deliveries), (16, 16));
    assert_eq!(
        (summary.figures.connected, summary.figures.latency_us.count, summary.send_lag_us.count),
        (4, 16, 4)
    );
    assert!(summary.figures.errors.is_empty(), "{:?}", summary.figures.errors);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn bots_connect_from_all_addresses_that_they_are_given_in_turn() {
    let scenario = Scenario::parse("trial.toml", SCENARIO).unwrap();
    let plan = Plan::new(&scenario, Overrides::default()).unwrap();
    let liar = Liar::bind(Lie::None, plan.sends().len() as u64).await;
    let (target, callers) = (Target::local(liar.address()), liar.callers());
    let server = tokio::spawn(liar.serve());
    let sources: Sources = "127.0.0.2-3".parse().unwrap();
    sources.check(&target.addresses).unwrap();
    let ended =
        conduct(Job { sources, threads: 2, ..job(scenario, plan, target, Speech::default()) }).await.unwrap();
    server.abort();
    assert_eq!(ended.summary.figures.verdict, Word::Pass, "{}", ended.summary.figures.reason);
    let callers = callers.lock().unwrap().clone();
    // One more has looked whether the server is there.
    let from = |last: u8| {
        callers.iter().filter(|caller| **caller == std::net::IpAddr::from([127, 0, 0, last])).count()
    };
    assert_eq!((from(2), from(3), callers.len()), (3, 2, 5), "{callers:?}");
}

#[tokio::test]
async fn where_one_address_of_a_server_refuses_the_next_one_is_tried() {
    let scenario = Scenario::parse("trial.toml", SCENARIO).unwrap();
    let plan = Plan::new(&scenario, Overrides::default()).unwrap();
    let liar = Liar::bind(Lie::None, plan.sends().len() as u64).await;
    // Nobody listens there, as where `localhost` is ::1, too.
    let refuses = (Ipv6Addr::LOCALHOST, liar.address().port()).into();
    let target = Target::local(liar.address());
    let target = Target { addresses: vec![refuses, liar.address()], ..target };
    let server = tokio::spawn(liar.serve());
    let ended = conduct(job(scenario, plan, target, Speech::default())).await.unwrap();
    server.abort();
    let figures = &ended.summary.figures;
    assert_eq!((figures.verdict, figures.errors.len()), (Word::Pass, 0), "{}", figures.reason);
}

#[tokio::test]
async fn of_several_servers_each_has_rooms_of_its_own() {
    // Two rooms of two; each server knows how many messages come to it.
    let scenario = Scenario::parse("trial.toml", &SCENARIO.replace("size = 4", "size = 2")).unwrap();
    let plan = Plan::new(&scenario, Overrides::default()).unwrap();
    let liars = [Liar::bind(Lie::None, 2).await, Liar::bind(Lie::None, 2).await];
    let (addresses, callers) = (liars.each_ref().map(Liar::address), liars.each_ref().map(Liar::callers));
    let servers = liars.map(|liar| tokio::spawn(liar.serve()));
    let urls = addresses.map(|address| format!("ws://{address}"));
    let targets = Targets::parse(&urls, Deal::Rooms).unwrap();
    let job = job(scenario, plan, Target::local(addresses[0]), Speech::default());
    let ended = conduct(Job { targets, ..job }).await.unwrap();
    servers.iter().for_each(tokio::task::JoinHandle::abort);
    let figures = &ended.summary.figures;
    assert_eq!(
        (figures.verdict, figures.deliveries.received_deliveries),
        (Word::Pass, 8),
        "{}",
        figures.reason
    );
    // One more has looked whether each is there.
    assert_eq!(callers.map(|callers| callers.lock().unwrap().len()), [3, 3]);
}

#[tokio::test]
async fn a_lost_delivery_is_found() {
    let ended = trial(Lie::LoseLast, 1).await;
    let report = &ended.summary.figures.deliveries;
    assert_eq!((report.lost, report.received_deliveries), (1, 15));
    assert_eq!(failed(&ended), ["lost==0", "violations==0"]);
    assert_eq!(ended.verdict.exit_code(), 99);
}

/// What a server says it does not keep any more is not lost without a word: who does not want that either, says so.
#[tokio::test]
async fn a_loss_that_is_announced_is_told_and_judged_by_thresholds() {
    let directory = tempfile::tempdir().unwrap();
    let output = Some(Output::create(directory.path()).unwrap());
    let scenario = SCENARIO.replace("\"lost==0\"", "\"lost==0\", \"announced_lost==0\"");
    let ended = trial_of(&scenario, Lie::ForgetLast, 1, output).await;
    let report = &ended.summary.figures.deliveries;
    assert_eq!((report.announced_lost, report.lost, report.received_deliveries), (1, 0, 15));
    assert_eq!(failed(&ended), ["announced_lost==0"]);
    assert!(
        render(&ended.summary, &[]).contains("   announced lost 1   "),
        "{}",
        render(&ended.summary, &[])
    );
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert!(read("report.html").contains("<dt>announced lost</dt><dd>1</dd>"));
    let rows = read("deliveries.csv");
    let announced = rows.lines().map(|row| row.split(',').nth(5).unwrap());
    let mut announced: Vec<_> = announced.collect();
    announced.sort_unstable();
    assert_eq!(announced, ["0", "0", "0", "1", "announced_lost"]);
    assert_eq!(trial(Lie::ForgetLast, 1).await.summary.figures.verdict, Word::Pass, "where nobody minds");
}

#[tokio::test]
async fn a_message_that_is_in_the_room_twice_is_found() {
    let ended = trial(Lie::RepeatFirst, 2).await;
    assert_eq!(ended.summary.figures.deliveries.duplicated, 4, "once for everyone");
    assert!(failed(&ended).contains(&"duplicated==0"), "{:?}", failed(&ended));
    assert_eq!(ended.verdict.exit_code(), 99);
}

#[tokio::test]
async fn a_refused_message_is_not_owed_but_told() {
    let ended = trial(Lie::RefuseFirst, 1).await;
    let report = &ended.summary.figures.deliveries;
    assert_eq!((report.refused, report.acknowledged, report.lost), (1, 3, 0));
    assert_eq!((report.expected_deliveries, report.received_deliveries), (12, 12));
    assert_eq!(failed(&ended), ["count==0"]);
}

#[tokio::test]
async fn a_message_without_an_answer_is_found() {
    let ended = trial(Lie::IgnoreLast, 1).await;
    let report = &ended.summary.figures.deliveries;
    assert_eq!((report.unanswered, report.acknowledged), (1, 3));
    assert!(failed(&ended).contains(&"count==0"), "{:?}", failed(&ended));
    assert_eq!(ended.verdict.exit_code(), 99);
}

#[tokio::test]
async fn files_hold_what_was_measured() {
    let directory = tempfile::tempdir().unwrap();
    let ended = trial_with_files(Lie::None, 1, Some(Output::create(directory.path()).unwrap())).await;
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&read("summary.json")).unwrap();
    for key in [
        "scenario",
        "seed",
        "clients",
        "connected",
        "planned",
        "sent",
        "acknowledged",
        "refused",
        "expected_deliveries",
        "received_deliveries",
        "lost",
        "duplicated",
        "reordered",
        "reconnects",
        "caught_up",
        "latency_us",
        "latency_actual_us",
        "send_lag_us",
        "connect_us",
        "generator",
        "server",
        "verdict",
        "thresholds",
    ] {
        assert!(summary.get(key).is_some(), "{key} in {summary}");
    }
    assert_eq!((&summary["received_deliveries"], &summary["verdict"]), (&16.into(), &"pass".into()));
    for key in ["p50", "p90", "p99", "p999", "max"] {
        assert!(summary["latency_us"][key].is_u64(), "{key}");
    }
    assert!(read("e2e.hgrm").contains("Total count    =           16]"));
    assert!(read("e2e.hlog").starts_with("#[Histogram log format version 1.3]"));
    assert!(read("latency.svg").contains("trial: 4 clients, 16 deliveries"));
    let last = read("intervals.csv").lines().last().unwrap().to_owned();
    assert!(last.contains(",4,16,"), "sent and delivered at the end: {last}");
    let page = read("report.html");
    for part in [
        "<h1>trial</h1>",
        "16 of 16",
        "lost==0",
        "trial: 4 clients, 16 deliveries",
        "class=\"heat\"",
        "it kept to the plan",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(
        !page.contains("<script") && !page.contains("src=") && !page.contains("href="),
        "it needs nothing else"
    );
    assert_eq!(read("deliveries.csv").lines().count(), 1 + 4, "a line for each client and room");
    assert_eq!(ended.files.len(), 7);
}

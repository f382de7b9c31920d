//! Two segments whose clocks disagree, against a real server.

use std::{net::Ipv4Addr, time::Duration};

use chinwag_bots::{Segment, Word};
use chinwag_core::Time;
use chinwag_scenarios::{Overrides, Plan, RunId, Scenario};
use chinwag_server::{Server, Settings};
use tokio::sync::oneshot;

use super::job;
use crate::{
    clock::Clock,
    conductor::{Job, conduct},
    merge::merge,
    output::Output,
    speech::Speech,
    target::Target,
};

/// Four in a room, two of each segment: twenty messages in two seconds, half of them from either.
const SCENARIO: &str = r#"
[run]
name = "skewed"
seed = 5
clients = 4
drain = "10s"
[rooms]
size = 4
[[scenario]]
name = "people"
executor = "constant-arrival-rate"
rate = 10
stages = [{ name = "talk", duration = "2s", judged = false }]
"#;

#[tokio::test]
async fn the_difference_of_two_clocks_is_found_and_what_seems_to_be_heard_early_is_counted() {
    const BEHIND: Duration = Duration::from_millis(500);
    let mut settings = Settings::default();
    settings.driver.listen = vec![(Ipv4Addr::LOCALHOST, 0).into()];
    let server = Server::bind(settings).unwrap();
    let target = Target::local(server.local_addrs()[0]);
    let (shutdown, told) = oneshot::channel::<()>();
    let server = tokio::spawn(server.run(async { drop(told.await) }));

    let clock = Clock::start();
    let start = clock.now() + Duration::from_secs(3);
    let directory = tempfile::tempdir().unwrap();
    let part = |index: u32, clock: Clock| {
        let scenario = Scenario::parse("skewed.toml", SCENARIO).unwrap();
        let plan = Plan::new(&scenario, Overrides { run: Some(RunId(7)), ..Overrides::default() }).unwrap();
        Job {
            clock,
            segment: Segment { index, count: 2 },
            start_at: Some(start),
            source: SCENARIO.into(),
            output: Some(Output::create(&directory.path().join(index.to_string())).unwrap()),
            ..job(scenario, plan, target.clone(), Speech::default())
        }
    };
    let (one, other) = tokio::join!(conduct(part(0, clock)), conduct(part(1, clock.behind(BEHIND))));
    assert_eq!(
        (one.unwrap().summary.figures.verdict, other.unwrap().summary.figures.verdict),
        (Word::Part, Word::Part)
    );
    drop(shutdown);
    server.await.unwrap().unwrap();

    let whole = merge(&["0", "1"].map(|name| directory.path().join(name)), None).unwrap().summary;
    assert_eq!(whole.figures.verdict, Word::Pass, "{}", whole.figures.reason);
    let clocks = whole.clocks.unwrap();
    let (difference, error) = (clocks.difference_us.unwrap(), clocks.error_max_us.unwrap());
    // One clock and the same one, but for what is taken off it: the bounds are no matter of luck.
    assert!(difference.abs_diff(500_000) <= error - difference, "{clocks:?}");
    assert!(error >= 500_000, "{clocks:?}");
    let latency = whole.figures.latency_us;
    assert_eq!(latency.count + latency.negative, whole.figures.deliveries.received_deliveries);
    assert!(latency.negative > 0 && latency.max >= 500_000, "{latency:?}");
}

#[test]
fn a_clock_that_is_behind_shows_the_same_instant_later() {
    let clock = Clock::start();
    let behind = clock.behind(Duration::from_secs(2));
    assert_eq!(
        behind.instant(Time(clock.origin().0)),
        clock.instant(clock.origin()) + Duration::from_secs(2)
    );
}

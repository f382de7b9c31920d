//! Plans: pure, in range, and as the scenario says.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chinwag_scenarios::{
    Aggregate, Metric, Overrides, Plan, PlanError, Query, RunId, Scenario, parse_payload, shipped,
};
use proptest::prelude::*;

fn scenario(name: &str) -> Scenario {
    let (name, text) = shipped().iter().find(|(shipped, _)| *shipped == name).expect("it is shipped");
    Scenario::parse(&format!("{name}.toml"), text).unwrap_or_else(|error| panic!("{error}"))
}

fn plan(name: &str, clients: u32) -> Plan {
    Plan::new(&scenario(name), Overrides { clients: Some(clients), ..Overrides::default() }).unwrap()
}

fn planned(plan: &Plan, metric: Metric, count: &'static str) -> u64 {
    plan.planned(Query { metric, stage: None, aggregate: Aggregate::Planned(count) }).unwrap()
}

#[test]
fn every_shipped_scenario_is_named_like_its_file_and_can_be_planned() {
    for (name, _) in shipped() {
        let scenario = scenario(name);
        assert_eq!(scenario.run.name, *name);
        let plan = Plan::new(&scenario, Overrides::default()).unwrap();
        assert!(!plan.sends().is_empty());
        assert_eq!(plan.stages().iter().filter(|stage| stage.measure_memory).count(), 1, "{name}");
    }
}

#[test]
fn every_metric_has_the_plan_it_promises() {
    let plan = plan("smoke", 20);
    for metric in Metric::ALL {
        for count in metric.counts() {
            let query = Query { metric, stage: None, aggregate: Aggregate::Planned(count) };
            assert_eq!(
                plan.planned(query).is_some(),
                metric.planned_counts().contains(count),
                "{metric} {count}"
            );
        }
    }
}

#[test]
fn the_burst_is_the_main_job() {
    let scenario = scenario("burst");
    let plan = Plan::new(&scenario, Overrides::default()).unwrap();
    assert_eq!((plan.clients(), plan.rooms()), (5_000, 100));
    assert!(planned(&plan, Metric::Delivery, "expected") >= 500_000);
    let all = plan.connect_at(4_999) + plan.duration() + plan.drain();
    assert!(all <= Duration::from_secs(120), "{all:?}");
    for name in ["burst-1", "burst-2"] {
        let stage = plan.stages().iter().position(|stage| stage.name == name).unwrap();
        let speakers: Vec<_> = plan
            .sends()
            .iter()
            .filter(|send| usize::from(send.stage) == stage)
            .map(|send| send.client)
            .collect();
        assert_eq!(speakers.len(), 5_000);
        assert_eq!(speakers.iter().collect::<BTreeSet<_>>().len(), 5_000, "everyone once");
    }
}

/// The most that one client says within any one second.
fn most_in_a_second(plan: &Plan) -> usize {
    let mut by_client: BTreeMap<u32, Vec<Duration>> = BTreeMap::new();
    for send in plan.sends() {
        by_client.entry(send.client).or_default().push(send.at);
    }
    let most = |instants: &Vec<Duration>| {
        let second = Duration::from_secs(1);
        (0..instants.len())
            .map(|i| instants[i..].iter().take_while(|&&at| at < instants[i] + second).count())
            .max()
    };
    by_client.values().filter_map(most).max().unwrap_or_default()
}

#[test]
fn nobody_comes_near_the_limit_of_ten_a_second() {
    for (name, _) in shipped() {
        let plan = Plan::new(&scenario(name), Overrides::default()).unwrap();
        assert!(most_in_a_second(&plan) <= 5, "{name}: {}", most_in_a_second(&plan));
    }
}

#[test]
fn the_storm_hits_four_fifths_and_they_miss_ten_messages_each() {
    for clients in [2, 10, 50, 120, 2_000, 5_000] {
        let plan = plan("reconnect-storm", clients);
        let event = &plan.events()[0];
        let gone: BTreeMap<_, _> =
            event.targets.iter().map(|target| (target.client, target.back_at)).collect();
        let hit: u32 =
            (0..plan.rooms()).map(|room| u32::try_from(plan.members_of(room).count()).unwrap() * 4 / 5).sum();
        assert_eq!(gone.len(), hit as usize);
        let first_back = gone.values().min().unwrap();
        for room in 0..plan.rooms() {
            let missed = plan.sends().iter().filter(|send| {
                send.room == room
                    && send.at > event.at
                    && send.at < *first_back
                    && !gone.contains_key(&send.client)
            });
            assert!(missed.count() >= 10, "room {room} of {clients} clients");
        }
        let silent = |send: &&chinwag_scenarios::PlannedSend| {
            gone.get(&send.client).is_some_and(|back_at| send.at >= event.at && send.at < *back_at)
        };
        assert_eq!(plan.sends().iter().filter(silent).count(), 0, "who is away does not speak");
        assert_eq!(planned(&plan, Metric::Reconnects, "count"), u64::from(hit));
        assert_eq!(planned(&plan, Metric::CaughtUp, "count"), 12 * u64::from(hit));
    }
    assert_eq!(plan("reconnect-storm", 2_000).events()[0].targets.len(), 1_600);
}

/// A stage of a hundred messages in ten seconds, and one event in it.
fn ten_seconds(clients: u32, fraction: f64) -> Plan {
    let text = format!(
        r#"
        run = {{ name = "test", seed = 3, clients = {clients} }}
        rooms = {{ size = {clients} }}
        stage = [{{ name = "talk", duration = "10s", rate = 10 }}]
        [[event]]
        at = {{ stage = "talk", offset = "2s" }}
        kind = "disconnect"
        fraction = {fraction}
        down_for = "3s"
        "#
    );
    Plan::new(&Scenario::parse("test.toml", &text).unwrap(), Overrides::default()).unwrap()
}

#[test]
fn whoever_is_away_during_a_part_of_a_stage_is_passed_over_in_it() {
    let plan = ten_seconds(100, 0.29);
    let gone: BTreeSet<_> = plan.events()[0].targets.iter().map(|target| target.client).collect();
    assert_eq!(gone.len(), 29);
    let spoke: BTreeSet<_> = plan.sends().iter().map(|send| send.client).collect();
    assert_eq!((plan.sends().len(), spoke.len()), (100, 71));
    assert!(spoke.is_disjoint(&gone));
    let first_round = &plan.sends()[..71];
    assert!(!first_round.is_sorted_by_key(|send| send.client), "turns are in random order");
}

#[test]
fn what_is_said_close_to_a_cut_or_a_return_need_not_be_caught_up_with() {
    let plan = ten_seconds(2, 0.5);
    let target = plan.events()[0].targets[0];
    assert_eq!((plan.events()[0].at, target.back_at), (Duration::from_secs(2), Duration::from_secs(5)));
    assert_eq!(plan.sends()[0].at, Duration::from_millis(50), "at equal distances");
    // From 2.5 s to 4.5 s, ten a second.
    assert_eq!(planned(&plan, Metric::CaughtUp, "count"), 20);
}

#[test]
fn someone_must_be_left_to_speak() {
    let mut all = scenario("reconnect-storm");
    all.events[0].fraction = 1.0;
    let error = Plan::new(&all, Overrides::default()).unwrap_err();
    assert_eq!(error, PlanError::NobodyLeft { stage: "away".into() });
    assert_eq!(
        error.to_string(),
        "stage `away`: someone is to speak, but everyone is away; take more clients or cut fewer"
    );
    let none = Overrides { clients: Some(0), ..Overrides::default() };
    assert_eq!(Plan::new(&all, none), Err(PlanError::NoClients));
}

#[test]
fn too_much_is_an_error_and_not_an_exhausted_memory() {
    let mut much = scenario("smoke");
    much.stages[0].rate = Some(1e6);
    much.stages[0].duration = Duration::from_secs(3_600);
    assert_eq!(Plan::new(&much, Overrides::default()), Err(PlanError::TooManySends { stage: "talk".into() }));
}

#[test]
fn another_stage_leaves_the_others_as_they_were() {
    let before = scenario("burst");
    let mut after = before.clone();
    after.stages.retain(|stage| stage.name != "pause" && stage.name != "calm-again");
    let burst = |scenario: &Scenario| -> Vec<_> {
        let plan = Plan::new(scenario, Overrides::default()).unwrap();
        let number = plan.stages().iter().position(|stage| stage.name == "burst-2").unwrap();
        let start = plan.stages()[number].start;
        let of_stage = plan.sends().iter().filter(|send| usize::from(send.stage) == number);
        of_stage.map(|send| (send.at - start, send.client, send.size)).collect()
    };
    assert_eq!(burst(&before), burst(&after));
}

#[test]
fn names_and_payloads_tell_runs_apart() {
    let scenario = scenario("smoke");
    let run =
        |run| Plan::new(&scenario, Overrides { run: Some(RunId(run)), ..Overrides::default() }).unwrap();
    let (first, second) = (run(1), run(2));
    assert_eq!(first.sends(), second.sends());
    assert_eq!(first.room_name(0), "smoke-00000001-0");
    assert_eq!(first.user_name(7), "u00000001-7");
    assert_ne!(first.room_name(0), second.room_name(0));
    assert_ne!(first.payload(0), second.payload(0));
    assert_eq!(parse_payload(&first.payload(3)), Some((RunId(1), 3)));
    assert_eq!(first.payload(3).len(), first.sends()[3].size as usize);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn plans_are_pure_and_in_range(which in 0..shipped().len(), seed: u64, clients in 2u32..400) {
        let scenario = scenario(shipped()[which].0);
        let overrides = Overrides { seed: Some(seed), clients: Some(clients), run: None };
        let plan = Plan::new(&scenario, overrides).unwrap();

        let mut written = scenario;
        (written.run.seed, written.run.clients) = (seed, clients);
        prop_assert_eq!(&Plan::new(&written, Overrides::default()).unwrap(), &plan, "overriding is writing");

        prop_assert!(plan.sends().is_sorted_by_key(|send| send.at));
        for send in plan.sends() {
            let stage = &plan.stages()[usize::from(send.stage)];
            prop_assert!(stage.start <= send.at && send.at < stage.end);
            prop_assert!(plan.rooms_of(send.client).any(|room| room == send.room));
            prop_assert!((24..=4_096).contains(&send.size));
        }
        let members: Vec<_> = (0..plan.rooms()).flat_map(|room| plan.members_of(room)).collect();
        prop_assert_eq!(members, (0..clients).collect::<Vec<_>>());
        prop_assert_eq!(plan.stages().last().unwrap().end, plan.duration());
        prop_assert!(plan.stages().windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn another_seed_is_another_plan(seed: u64) {
        let scenario = scenario("smoke");
        let of = |seed| Plan::new(&scenario, Overrides { seed: Some(seed), ..Overrides::default() }).unwrap();
        let (one, other) = (of(seed), of(seed.wrapping_add(1)));
        prop_assert_ne!(one.sends(), other.sends());
        prop_assert_ne!(one.run(), other.run());
    }
}

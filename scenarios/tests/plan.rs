//! Plans: pure, in range, and as the scenario says.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chinwag_scenarios::{
    Aggregate, Deed, Load, Metric, Overrides, Plan, PlanError, Query, RunId, Scenario, parse_payload, shipped,
};
use proptest::prelude::*;

fn scenario(name: &str) -> Scenario {
    let file = shipped().iter().find(|file| file.name == name).expect("it is shipped");
    Scenario::parse(&format!("{name}.toml"), file.text).unwrap_or_else(|error| panic!("{error}"))
}

fn plan(name: &str, clients: u32) -> Plan {
    Plan::new(&scenario(name), Overrides { clients: Some(clients), ..Overrides::default() }).unwrap()
}

fn planned(plan: &Plan, metric: Metric, count: &'static str) -> u64 {
    plan.planned(Query { metric, scenario: None, stage: None, aggregate: Aggregate::Planned(count) }).unwrap()
}

#[test]
fn every_shipped_scenario_is_named_like_its_file_and_can_be_planned() {
    assert!(shipped().is_sorted_by_key(|file| file.name));
    for file in shipped() {
        let scenario = scenario(file.name);
        assert_eq!(scenario.run.name, file.name);
        let plan = Plan::new(&scenario, Overrides::default()).unwrap();
        assert!(!plan.sends().is_empty());
        assert_eq!(plan.stages().iter().filter(|stage| stage.measure_memory).count(), 1, "{}", file.name);
        assert!(file.summary().ends_with(['.', '?']), "{}", file.summary());
    }
}

#[test]
fn every_metric_has_the_plan_it_promises() {
    let plan = plan("smoke", 20);
    for metric in Metric::ALL {
        for count in metric.counts() {
            let query = Query { metric, scenario: None, stage: None, aggregate: Aggregate::Planned(count) };
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
    for file in shipped() {
        let plan = Plan::new(&scenario(file.name), Overrides::default()).unwrap();
        assert!(most_in_a_second(&plan) <= 5, "{}: {}", file.name, most_in_a_second(&plan));
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
            (0..plan.rooms()).map(|room| u32::try_from(plan.members_of(room).len()).unwrap() * 4 / 5).sum();
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
        scenario = [{{ name = "all", executor = "constant-arrival-rate", duration = "10s", rate = 10 }}]
        [[event]]
        at = "2s"
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
    let Load::Rate { from, to, .. } = &mut much.groups[0].stages[0].load else { panic!() };
    (*from, *to) = (1e6, 1e6);
    much.groups[0].stages[0].duration = Duration::from_secs(3_600);
    assert_eq!(Plan::new(&much, Overrides::default()), Err(PlanError::TooMuch { stage: "talk".into() }));
}

#[test]
fn another_stage_leaves_the_others_as_they_were() {
    let before = scenario("burst");
    let mut after = before.clone();
    after.groups[0].stages.retain(|stage| stage.name != "pause" && stage.name != "calm-again");
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
    fn plans_are_pure_and_in_range(which in 0..shipped().len(), seed: u64, clients in 20u32..400) {
        let scenario = scenario(shipped()[which].name);
        let overrides = Overrides { seed: Some(seed), clients: Some(clients), run: None };
        let plan = Plan::new(&scenario, overrides).unwrap();

        let mut written = scenario;
        (written.run.seed, written.run.clients) = (seed, clients);
        prop_assert_eq!(&Plan::new(&written, Overrides::default()).unwrap(), &plan, "overriding is writing");

        prop_assert!(plan.sends().is_sorted_by_key(|send| send.at));
        for send in plan.sends() {
            let stage = &plan.stages()[usize::from(send.stage)];
            prop_assert!(stage.start <= send.at && send.at < stage.end);
            prop_assert!(plan.rooms_of(send.client).contains(&send.room));
            prop_assert_eq!(plan.group_names().nth(plan.group_of(send.client)), Some(&*stage.scenario));
            prop_assert!((24..=4_096).contains(&send.size));
        }
        prop_assert!(plan.deeds().is_sorted_by_key(|deed| deed.at));
        prop_assert!(plan.deeds().iter().all(|deed| deed.at <= plan.duration()));
        prop_assert!(plan.stages().windows(2).all(|pair| pair[0].scenario != pair[1].scenario || pair[0].end == pair[1].start));
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

/// A plan of twenty in rooms of five, for whom `scenarios` are written.
fn twenty(scenarios: &str) -> Result<Plan, PlanError> {
    let text = format!(
        "run = {{ name = \"test\", seed = 3, clients = 20 }}\nrooms = {{ size = 5 }}\nscenario = [{scenarios}]"
    );
    Plan::new(
        &Scenario::parse("test.toml", &text).unwrap_or_else(|error| panic!("{error}")),
        Overrides::default(),
    )
}

#[test]
fn clients_are_shared_out_by_weight() {
    let silent = |name, weight| format!("{{ name = \"{name}\", weight = {weight}, duration = \"1s\" }}");
    let plan = twenty(&[silent("many", 8), silent("few", 2)].join(", ")).unwrap();
    let of = |group| (0..20).filter(|client| plan.group_of(*client) == group).collect::<Vec<_>>();
    assert_eq!((of(0).len(), of(1).len()), (16, 4));
    assert_ne!(of(1), [16, 17, 18, 19], "spread over the rooms");
    let none = twenty(&[silent("many", 1_000), silent("few", 1)].join(", ")).unwrap_err();
    assert_eq!(none, PlanError::NoShare { scenario: "few".into() });
}

#[test]
fn a_constant_number_of_clients_repeats_its_flow() {
    let plan = twenty(
        r#"{ name = "chat", executor = "constant-vus", vus = 3, duration = "10s", flow = ["say", { think = "1s" }] }"#,
    )
    .unwrap();
    let mut by_client: BTreeMap<_, Vec<_>> = BTreeMap::new();
    plan.sends().iter().for_each(|send| by_client.entry(send.client).or_default().push(send.at));
    assert_eq!(by_client.len(), 3);
    for instants in by_client.values() {
        assert!(instants[0] < Duration::from_millis(1_001), "each begins somewhere in its first iteration");
        assert!((9..=10).contains(&instants.len()));
        // The next iteration follows when the think time is over; a step takes a microsecond.
        assert!(instants.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_micros(1_000_001)));
    }
    assert!(
        by_client.values().map(|instants| instants[0]).collect::<BTreeSet<_>>().len() > 1,
        "not all at once"
    );
}

#[test]
fn ramps_of_clients_add_one_after_the_other() {
    let plan = twenty(
        r#"{ name = "chat", executor = "ramping-vus", flow = ["say", { think = "100ms" }], stages = [
            { name = "up", duration = "10s", target = 20 },
            { name = "down", duration = "10s", target = 10 } ] }"#,
    )
    .unwrap();
    let busy = |from: u64| {
        let second = Duration::from_millis(from)..Duration::from_millis(from + 150);
        let sends = plan.sends().iter().filter(|send| second.contains(&send.at));
        sends.map(|send| send.client).collect::<BTreeSet<_>>().len()
    };
    assert_eq!((busy(0), busy(4_800), busy(9_800)), (1, 10, 20));
    assert_eq!((busy(14_850), busy(19_700)), (16, 11));
    let many = twenty(
        r#"{ name = "x", executor = "constant-vus", vus = 21, duration = "1s", flow = ["say", { think = "1s" }] }"#,
    );
    let error = PlanError::TooFewClients { stage: "x".into(), wanted: 21, there: 20 };
    assert_eq!(many.unwrap_err(), error);
}

#[test]
fn a_rate_ramps_from_where_the_stage_before_ended() {
    let plan = twenty(
        r#"{ name = "chat", start_rate = 10, stages = [
            { name = "up", duration = "10s", executor = "ramping-arrival-rate", target = 30 },
            { name = "hold", duration = "10s", executor = "constant-arrival-rate", rate = 30 },
            { name = "down", duration = "10s", executor = "ramping-arrival-rate", target = 0 } ] }"#,
    )
    .unwrap();
    let counts: Vec<_> =
        (0..3).map(|stage| plan.sends().iter().filter(|send| send.stage == stage).count()).collect();
    assert_eq!(counts, [200, 300, 150]);
}

#[test]
fn iterations_are_shared_or_each_clients_own() {
    let plan =
        twenty(r#"{ name = "chat", executor = "shared-iterations", iterations = 30, duration = "3s" }"#)
            .unwrap();
    assert_eq!(plan.sends().len(), 30);
    let plan = twenty(
        r#"{ name = "chat", executor = "per-vu-iterations", iterations = 4, arrivals = "uniform", duration = "8s" }"#,
    )
    .unwrap();
    assert_eq!(plan.sends().len(), 80);
    for client in 0..20 {
        let own: Vec<_> =
            plan.sends().iter().filter(|send| send.client == client).map(|send| send.at).collect();
        assert!(own.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_secs(2)), "{own:?}");
    }
    assert_ne!(plan.sends()[0].at, plan.sends()[1].at, "each has a beat of their own");
}

#[test]
fn who_is_busy_is_passed_over_and_if_all_are_that_is_an_error() {
    let scenario = |rate| {
        format!(
            r#"{{ name = "chat", executor = "constant-arrival-rate", rate = {rate}, duration = "10s",
                flow = ["say", {{ think = "3900ms" }}, "say"] }}"#
        )
    };
    let plan = twenty(&scenario(5)).unwrap();
    let mut by_client: BTreeMap<_, Vec<_>> = BTreeMap::new();
    plan.sends().iter().for_each(|send| by_client.entry(send.client).or_default().push(send.at));
    for instants in by_client.values() {
        assert!(
            instants.windows(2).step_by(2).all(|pair| pair[1] - pair[0] == Duration::from_micros(3_900_001))
        );
    }
    let PlanError::AllBusy { stage, at } = twenty(&scenario(6)).unwrap_err() else { panic!() };
    assert_eq!((stage.as_str(), at.as_secs()), ("chat", 3));
}

#[test]
fn one_client_may_say_a_lot() {
    let text = r#"
        run = { name = "test", seed = 3, clients = 1 }
        rooms = { size = 1 }
        scenario = [{ name = "chat", executor = "constant-arrival-rate", arrivals = "poisson", rate = 5000, duration = "2s" }]
    "#;
    let plan = Plan::new(&Scenario::parse("test.toml", text).unwrap(), Overrides::default()).unwrap();
    assert_eq!(plan.sends().len(), 10_000, "what takes no time makes nobody busy");
    assert!(plan.sends().windows(2).all(|pair| pair[0].at < pair[1].at), "one after the other");
}

#[test]
fn who_leaves_comes_back_and_says_nothing_in_between() {
    let plan = twenty(
        r#"{ name = "churn", executor = "constant-vus", duration = "20s",
            flow = ["say", { think = { mean = "500ms" } }, "leave", { think = { min = "1s", max = "2s" } }, "join"] }"#,
    )
    .unwrap();
    assert_eq!(plan.deliveries(), None, "nobody foresees who will be there");
    for client in 0..20 {
        let sends = plan.sends().iter().filter(|send| send.client == client).map(|send| (send.at, None));
        let deeds =
            plan.deeds().iter().filter(|deed| deed.client == client).map(|deed| (deed.at, Some(deed.deed)));
        let mut acts: Vec<_> = sends.chain(deeds).collect();
        acts.sort_unstable();
        let mut inside = true;
        for (at, deed) in &acts {
            match deed {
                None => assert!(inside, "{client} speaks at {at:?}"),
                Some(Deed::Leave) => assert!(std::mem::replace(&mut inside, false)),
                Some(Deed::Join) => assert!(!std::mem::replace(&mut inside, true)),
                other => panic!("{other:?}"),
            }
        }
        assert!(inside && acts.len() > 10, "{acts:?}");
    }
}

#[test]
fn what_falls_into_an_absence_is_left_out_of_a_loop() {
    let text = r#"
        run = { name = "test", seed = 3, clients = 10 }
        rooms = { count = 1 }
        scenario = [{ name = "chat", executor = "constant-vus", duration = "10s", flow = ["typing", "say", { think = "100ms" }] }]
        event = [{ at = "2s", kind = "partition", fraction = 0.5, down_for = "3s" }]
    "#;
    let plan = Plan::new(&Scenario::parse("test.toml", text).unwrap(), Overrides::default()).unwrap();
    let gone: BTreeSet<_> = plan.events()[0].targets.iter().map(|target| target.client).collect();
    assert_eq!(gone.len(), 5);
    let away = Duration::from_secs(2)..Duration::from_secs(5);
    let silent = |client: u32, at| gone.contains(&client) && away.contains(&at);
    assert!(!plan.sends().iter().any(|send| silent(send.client, send.at)));
    assert!(!plan.deeds().iter().any(|deed| silent(deed.client, deed.at)));
    let at_five = Duration::from_secs(5)..Duration::from_millis(5_200);
    assert!(plan.sends().iter().any(|send| gone.contains(&send.client) && at_five.contains(&send.at)));
    assert_eq!(planned(&plan, Metric::Reconnects, "count"), 0, "a partition is no reconnect");
}

/// What a scenario may be made of.
const ROOMS: [&str; 4] = [
    "{ size = 4 }",
    "{ popularity = \"single\" }",
    "{ count = 7, popularity = { zipf = 1.1 }, per_client = { min = 1, max = 3 } }",
    "{ count = 9, popularity = { hotspot = { rooms = 0.2, clients = 0.7 } }, per_client = 2 }",
];
const FLOWS: [&str; 4] = [
    r#"["say", { think = { mean = "80ms" } }]"#,
    r#"["typing", { think = { min = "10ms", max = "300ms" } }, { say = { median = 100, p99 = 4000 } }]"#,
    r#"["say", "leave", { think = { median = "100ms", p99 = "2s" } }, "join", "history", { think = "20ms" }]"#,
    r#"[{ think = "50ms" }, "leave", { think = { mean = "200ms" } }, "nonsense", "join", "say"]"#,
];
const LOADS: [&str; 8] = [
    r#"executor = "constant-arrival-rate", rate = 15"#,
    r#"executor = "constant-arrival-rate", rate = 15, arrivals = "poisson""#,
    r#"executor = "ramping-arrival-rate", target = 30"#,
    r#"executor = "constant-vus", vus = 3"#,
    r#"executor = "ramping-vus", target = 4"#,
    r#"executor = "per-vu-iterations", iterations = 3"#,
    r#"executor = "shared-iterations", iterations = 11, arrivals = "poisson""#,
    r#"executor = "per-room-iterations", iterations = 2"#,
];

/// Whether a client only speaks where they are, and is in all of their rooms at the end.
fn stays_true_to_its_rooms(plan: &Plan, client: u32) -> bool {
    let sends = plan.sends().iter().filter(|send| send.client == client);
    let deeds = plan.deeds().iter().filter(|deed| deed.client == client);
    let sends = sends.map(|send| (send.at, 1, send.room, None));
    let mut acts: Vec<_> = deeds.map(|deed| (deed.at, 0, deed.room, Some(deed.deed))).chain(sends).collect();
    acts.sort_unstable_by_key(|act| (act.0, act.1));
    let mut outside = BTreeSet::new();
    let fits = |(_, _, room, deed): &(Duration, u8, u32, Option<Deed>)| match deed {
        Some(Deed::Leave) => outside.insert(*room),
        Some(Deed::Join) => outside.remove(room),
        Some(Deed::Nonsense(_)) => true,
        Some(Deed::Typing | Deed::History(_)) | None => {
            !outside.contains(room) && plan.rooms_of(client).contains(room)
        }
    };
    acts.iter().all(fits) && outside.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_is_written_nobody_does_what_they_cannot(
        rooms in 0..ROOMS.len(),
        flows in proptest::collection::vec(0..FLOWS.len(), 1..3),
        loads in proptest::collection::vec(0..LOADS.len(), 3),
        clients in 8u32..60,
        seed: u64,
    ) {
        let stages = ["one", "two", "three"].iter().zip(&loads);
        let stages: Vec<_> = stages
            .map(|(name, load)| format!("{{ name = \"{name}\", duration = \"2s\", {} }}", LOADS[*load]))
            .collect();
        let groups: Vec<_> = flows
            .iter()
            .enumerate()
            .map(|(i, flow)| {
                format!("{{ name = \"g{i}\", flow = {}, stages = [{}] }}", FLOWS[*flow], stages.join(", "))
            })
            .collect();
        let text = format!(
            "run = {{ name = \"any\", seed = {}, clients = {clients} }}\nrooms = {}\nscenario = [{}]\n\
             event = [{{ at = \"3s\", kind = \"reset\", fraction = 0.3, down_for = \"1s\", back_over = \"1s\" }}]",
            seed >> 1,
            ROOMS[rooms],
            groups.join(", "),
        );
        let scenario = Scenario::parse("any.toml", &text).unwrap();
        let plan = match Plan::new(&scenario, Overrides::default()) {
            Ok(plan) => plan,
            // Too few for so much: that is said, and nothing is planned.
            Err(PlanError::AllBusy { .. } | PlanError::NobodyLeft { .. } | PlanError::TooFewClients { .. }) => {
                return Ok(());
            }
            Err(error) => panic!("{error}\n{text}"),
        };
        for send in plan.sends() {
            let stage = &plan.stages()[usize::from(send.stage)];
            prop_assert!(stage.start <= send.at && send.at < stage.end, "{send:?} {stage:?}");
        }
        for client in 0..clients {
            prop_assert!(stays_true_to_its_rooms(&plan, client), "client {client} of\n{text}");
        }
        let phases = plan.phases();
        prop_assert_eq!(phases.iter().map(|phase| phase.name.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
    }
}

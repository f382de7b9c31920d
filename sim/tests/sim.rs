//! The production machines under many scenarios, and proof that the checks notice what they are there for.
//!
//! Scenarios are run until there were [`EVENTS`] events. `SIM_SEEDS` sets how many scenarios are run instead, `SIM_SEED`
//! which is the first, `SIM_STEPS` how many steps each has, and `SIM_PROFILE` what they are mostly about.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::Duration,
};

use chinwag_sim::{
    Outcome, Sabotage, Scenario,
    batch::Totals,
    checks,
    compare::run_twice,
    file::ScenarioFile,
    minimise::minimise,
    profile::Profile,
    replay_line, run,
    strategy::{ScenarioTree, Scenarios},
    trace::Trace,
    try_run,
    vacuity::{VACUITY_SEEDS, is_due, missing},
};
use proptest::{
    strategy::ValueTree,
    test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner},
};

/// About what 300 scenarios have: a few seconds, however much happens in each.
const EVENTS: u64 = 5_400_000;

/// In so many of them each thing must be that has to be in every large batch: about four times that is usual.
const RUNS_WITH_MIN: u64 = 5;

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")),
        Err(_) => default,
    }
}

fn quiet_run(scenario: &Scenario) -> Outcome {
    try_run(scenario, &mut Trace::new())
}

/// What to read when a run was not clean. Only what a seed makes can be replayed by its name.
fn explain(outcome: &Outcome, is_whole: bool) -> String {
    let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    let replay = if is_whole { format!("\nreplay: {}", replay_line(outcome.name())) } else { String::new() };
    format!("seed {}: {}{replay}", outcome.name(), failures.join("\n"))
}

/// The smallest scenario that fails like this one, for the corpus.
fn smallest(scenario: Scenario, outcome: &Outcome) -> String {
    let small = minimise(&scenario, &outcome.failures[0], try_run);
    assert!(small.repeats, "{} does not fail each time", outcome.name());
    ScenarioFile::of_minimised(&ScenarioFile::of_seed(scenario), &small).to_string()
}

#[test]
fn every_promise_is_kept() {
    let first = setting("SIM_SEED", 0);
    let (count, events) = match env::var_os("SIM_SEEDS") {
        Some(_) => (setting("SIM_SEEDS", 1), u64::MAX),
        None => (u64::MAX, EVENTS),
    };
    let steps = env::var_os("SIM_STEPS").map(|_| setting("SIM_STEPS", 0));
    let profile: Profile = match env::var("SIM_PROFILE") {
        Ok(name) => name.parse().unwrap_or_else(|why| panic!("SIM_PROFILE: {why}")),
        Err(_) => Profile::Default,
    };
    assert!(count > 0, "SIM_SEEDS must be at least 1: no seeds prove nothing");
    let plan = |seed| match steps {
        Some(steps) => Scenario::of_length(profile, seed, usize::try_from(steps).expect("64 bits")),
        None => Scenario::of(profile, seed),
    };
    let (mut totals, mut runs_with) = (Totals::default(), BTreeMap::<String, u64>::new());
    while totals.seeds < count && totals.events < events {
        let seed = first.checked_add(totals.seeds).expect("SIM_SEEDS reaches beyond the last seed");
        let outcome = quiet_run(&plan(seed));
        for mark in outcome.marks.iter().filter(|&(_, &count)| count > 0).map(|(mark, _)| mark) {
            *runs_with.entry(mark.clone()).or_default() += 1;
        }
        totals.add(outcome, Duration::ZERO);
    }
    if let Some(outcome) = totals.failures.first() {
        let failures: Vec<String> =
            totals.failures.iter().map(|outcome| explain(outcome, steps.is_none())).collect();
        let smallest = smallest(plan(outcome.seed), outcome);
        panic!("{} of {} seeds:\n{}\n{smallest}", failures.len(), totals.seeds, failures.join("\n"));
    }
    if totals.seeds >= VACUITY_SEEDS && steps.is_none() {
        // Whatever was never checked, or never happened, was not put to the test either.
        assert_eq!(missing(profile, &totals), Vec::<String>::new());
        // What is in few runs is in none of a batch by bad luck: plans must make it commoner.
        let is_scarce = |mark: &&String| {
            is_due(profile, mark) && runs_with.get(*mark).copied().unwrap_or_default() < RUNS_WITH_MIN
        };
        let scarce: Vec<&String> = totals.marks.keys().filter(is_scarce).collect();
        assert!(
            profile != Profile::Default || scarce.is_empty(),
            "in fewer than {RUNS_WITH_MIN} runs: {scarce:?} of {runs_with:?}"
        );
    }
}

#[test]
fn a_scenario_always_plays_alike() {
    // The biggest of the first hundred, for they have the most that could differ.
    let mut seeds: Vec<u64> = (0..100).collect();
    seeds.sort_by_key(|&seed| std::cmp::Reverse(Scenario::generate(seed).steps.len()));
    for seed in seeds.into_iter().take(12) {
        let (outcome, _) =
            run_twice(&Scenario::generate(seed)).unwrap_or_else(|part| panic!("seed {seed}: {part}"));
        assert!(outcome.events > 0);
    }
}

#[test]
fn what_proptest_finds_is_clean_too() {
    let config = Config {
        cases: 64,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        max_shrink_iters: 5_000,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&Scenarios, |scenario| {
        let outcome = quiet_run(&scenario);
        if outcome.is_clean() { Ok(()) } else { Err(TestCaseError::fail(explain(&outcome, false))) }
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, smallest)) => {
            panic!("{why}\nthe smallest scenario, for `sim replay FILE`:\n{smallest}")
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

/// How many of the first seeds notice a sabotage, and which checks do.
fn noticed(sabotage: Sabotage) -> (usize, BTreeSet<&'static str>) {
    let outcomes: Vec<Outcome> = (0..20)
        .map(|seed| run(&Scenario::generate(seed), &mut Trace::default(), Some(sabotage)))
        .filter(|outcome| !outcome.is_clean())
        .collect();
    (outcomes.len(), outcomes.iter().map(|outcome| outcome.failures[0].check).collect())
}

#[test]
fn what_is_hidden_or_repeated_is_noticed() {
    let (times, checks) = noticed(Sabotage::ShowTwice(7));
    assert!(times >= 15, "a message shown twice was noticed {times} times");
    assert_eq!(checks, ["exactly-once"].into());

    let (times, checks) = noticed(Sabotage::Hide(7));
    assert!(times >= 15, "a hidden message was noticed {times} times");
    assert!(checks.is_subset(&["gap-free", "nothing-lost", "continuity"].into()), "{checks:?}");

    let (times, checks) = noticed(Sabotage::LoseAnswers(7));
    assert!(times >= 15, "lost answers were noticed {times} times");
    assert!(checks.contains(checks::ANSWERED), "{checks:?}");

    let (times, checks) = noticed(Sabotage::LoseArrivals(7));
    assert!(times >= 5, "lost arrivals were noticed {times} times");
    assert!(checks.contains(checks::MEMBERS), "{checks:?}");
}

#[test]
fn what_is_noticed_shrinks_to_a_few_steps() {
    let fails = |scenario: &Scenario| {
        let outcome = run(scenario, &mut Trace::default(), Some(Sabotage::ShowTwice(3)));
        outcome.failures.first().is_some_and(|failure| failure.check == "exactly-once")
    };
    let scenario = Scenario::generate(0);
    assert!(fails(&scenario) && scenario.steps.len() > 20);
    let mut tree = ScenarioTree::new(scenario);
    let mut goes_on = tree.simplify();
    while goes_on {
        goes_on = if fails(&tree.current()) { tree.simplify() } else { tree.complicate() };
    }
    let smallest = tree.current();
    assert!(fails(&smallest), "what remains still fails");
    assert!(smallest.steps.len() <= 6, "{smallest}");
    let again: Scenario = smallest.to_string().parse().expect("a scenario survives its file");
    assert!(fails(&again), "its file fails, too");
}

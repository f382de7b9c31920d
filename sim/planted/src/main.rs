//! `sim bugs`: plants the core's bugs, one after the other, and lets the simulator look for them.

use std::process::ExitCode;

use chinwag_core::planted::{Bug, plant};
use chinwag_sim::{
    Outcome, Scenario,
    bugs::{Planted, command},
    trace::Trace,
    try_run,
};

fn main() -> ExitCode {
    let bugs: Vec<Planted> =
        Bug::ALL.iter().map(|bug| Planted { name: bug.name(), what: bug.what() }).collect();
    command::main(&bugs, run)
}

/// Runs a scenario with a bug in force on this thread, or without any.
fn run(bug: Option<usize>, scenario: &Scenario, trace: &mut Trace) -> Outcome {
    plant(bug.map(|bug| Bug::ALL[bug]));
    let outcome = try_run(scenario, trace);
    plant(None);
    outcome
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    #[test]
    fn names_are_in_kebab_case_and_unique() {
        let names: BTreeSet<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        assert_eq!(names.len(), Bug::ALL.len());
        for bug in Bug::ALL {
            let variant: String = bug
                .name()
                .split('-')
                .flat_map(|word| {
                    let (first, rest) = word.split_at(1);
                    [first.to_uppercase(), rest.to_owned()]
                })
                .collect();
            assert_eq!(variant, format!("{bug:?}"));
        }
    }

    #[test]
    fn the_names_are_known_without_a_build_that_has_the_bugs() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let names: Vec<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        assert_eq!(chinwag_sim::bugs::names(&checkout).unwrap(), names);
    }

    #[test]
    fn a_bug_is_in_force_for_its_run_only() {
        let scenario = Scenario::generate(0);
        let run = |bug, scenario: &Scenario| run(bug, scenario, &mut Trace::new());
        let clean = run(None, &scenario);
        assert!(clean.is_clean());
        let place = Bug::ALL.iter().position(|&bug| bug == Bug::LiveWithoutCatchingUp);
        assert!(!run(place, &scenario).is_clean());
        assert_eq!(run(None, &scenario), clean);
    }
}

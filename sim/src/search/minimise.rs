//! Makes a scenario that fails smaller, as long as it fails alike.
//!
//! Stages take turns until none of them gets anywhere: cut what comes after the failure; take away clients, rooms,
//! kinds of steps, and steps, in ever smaller chunks; make the setup plain, the values small and the time short. At
//! first none of them may try much: what one of them cannot do is often easy once another has had its turn. What counts
//! as failing alike is a [`Fingerprint`]. How scenarios are run is the caller's business, so that faults planted on
//! purpose can be made small, too.

use std::collections::{BTreeSet, HashSet};

use chinwag_core::hash;

use crate::{
    plan::{
        plain,
        scenario::{Action, Actor, Scenario, Setup, Step},
    },
    record::{
        outcome::{Failure, Outcome},
        trace::Trace,
    },
    search::{fingerprint::Fingerprint, simplify},
};

/// A search ends after so many runs…
const RUNS_MAX: u32 = 3_000;
/// …or so many events, whichever comes first: what is found by then is small enough to be read.
const EVENTS_MAX: u64 = 3_000_000;
/// Who fails later than the best so far is hardly simpler: a run is given up after so many more events.
const EVENTS_SPARE: u64 = 1_000;
/// So many runs a stage may take in the first round…
const TRIES: u32 = 24;
/// …fewer where runs are long, so that it takes about this share of all events…
const TRIES_SHARE: u64 = 10;
/// …but not fewer than this…
const TRIES_MIN: u32 = 6;
/// …and so many times as many in each round that follows.
const TRIES_GROWTH: u32 = 4;

/// A scenario made smaller.
#[derive(Clone, Debug)]
pub struct Minimised {
    /// The smallest that was found.
    pub scenario: Scenario,
    /// How it fails.
    pub failure: Failure,
    /// How many runs that took.
    pub runs: u32,
    /// Whether two more runs of it were the same.
    pub repeats: bool,
}

/// Makes a scenario smaller that fails so when it is `run`.
pub fn minimise(
    scenario: &Scenario,
    failure: &Failure,
    run: impl FnMut(&Scenario, &mut Trace) -> Outcome,
) -> Minimised {
    let mut search = Search {
        run,
        fingerprint: Fingerprint::of(failure),
        best: scenario.clone(),
        failure: failure.clone(),
        tried: HashSet::new(),
        tries: 0,
        was_cut_short: false,
        runs: 0,
        events: 0,
    };
    let mut growth = 1;
    loop {
        let before = search.size();
        search.round(growth);
        if !search.was_cut_short && search.size() >= before || search.is_spent() {
            break;
        }
        growth = growth.saturating_mul(TRIES_GROWTH);
    }
    let [first, second] = [(); 2].map(|()| (search.run)(&search.best, &mut Trace::new()));
    let repeats = first == second && first.failures.first() == Some(&search.failure);
    let Search { best: scenario, failure, runs, .. } = search;
    Minimised { scenario, failure, runs, repeats }
}

struct Search<R> {
    run: R,
    fingerprint: Fingerprint,
    best: Scenario,
    /// How the best fails.
    failure: Failure,
    /// What need not be run again.
    tried: HashSet<u64>,
    /// How many more runs the stage may take.
    tries: u32,
    /// Some stage of the round would have taken more.
    was_cut_short: bool,
    runs: u32,
    events: u64,
}

impl<R: FnMut(&Scenario, &mut Trace) -> Outcome> Search<R> {
    /// Lets each stage take so many times as many runs as in the first round.
    fn round(&mut self, growth: u32) {
        let stages: [fn(&mut Self); 11] = [
            Self::cut,
            Self::drop_past,
            Self::drop_clients,
            Self::drop_rooms,
            Self::drop_kinds,
            Self::drop_steps,
            Self::merge_says,
            Self::relabel,
            Self::make_plain,
            Self::simplify_values,
            Self::save_time,
        ];
        self.was_cut_short = false;
        for stage in stages {
            self.tries = self.affordable().saturating_mul(growth);
            stage(self);
        }
    }

    /// How many runs as long as that of the best a stage may take in the first round.
    fn affordable(&self) -> u32 {
        let runs = EVENTS_MAX / TRIES_SHARE / self.failure.event.max(1);
        u32::try_from(runs).unwrap_or(u32::MAX).clamp(TRIES_MIN, TRIES)
    }

    /// How large the best is to a reader. Runs that are shorter by less than half make it no easier to read: without this
    /// rounds would go on as long as some delay or number can be cut by a little.
    fn size(&self) -> [usize; 3] {
        let Scenario { setup, steps, .. } = &self.best;
        [steps.len(), plain::differences(setup).len(), self.failure.event.max(1).ilog2() as usize]
    }

    fn is_spent(&self) -> bool {
        self.runs >= RUNS_MAX || self.events >= EVENTS_MAX
    }

    /// Takes a scenario as the best so far if it fails alike.
    fn accepts(&mut self, candidate: Scenario) -> bool {
        if candidate == self.best || self.is_spent() || !plain::is_sound(&candidate) {
            return false;
        }
        if self.tries == 0 {
            self.was_cut_short = true;
            return false;
        }
        if !self.tried.insert(hash::bytes(candidate.to_string().as_bytes())) {
            return false;
        }
        self.tries -= 1;
        let events_max = self.failure.event.saturating_add(EVENTS_SPARE);
        let outcome = (self.run)(&candidate, &mut Trace::new().of_at_most(events_max));
        self.runs += 1;
        self.events += outcome.events;
        match outcome.failures.into_iter().next() {
            Some(failure) if Fingerprint::of(&failure) == self.fingerprint => {
                (self.best, self.failure) = (candidate, failure);
                true
            }
            _ => false,
        }
    }

    /// Takes away as many of `items` as can be missed: first all, then halves, down to single ones, the last first.
    fn thin<T>(&mut self, mut items: Vec<T>, without: impl Fn(&Scenario, &[T]) -> Scenario) {
        let mut chunk = items.len();
        while chunk > 0 {
            let mut to = items.len();
            while to > 0 {
                let from = to.saturating_sub(chunk);
                if self.accepts(without(&self.best, &items[from..to])) {
                    items.drain(from..to);
                }
                to = from;
            }
            chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
        }
    }

    fn keep(&mut self, wanted: impl Fn(&Step) -> bool) {
        let candidate = with_steps(&self.best, wanted);
        self.accepts(candidate);
    }

    /// What comes after the failure has nothing to do with it, and perhaps no calm, replica or frozen node has. This makes all
    /// further runs short.
    fn cut(&mut self) {
        let at_us = u64::try_from(self.failure.at.as_micros()).unwrap_or(u64::MAX);
        self.keep(|step| step.at_us <= at_us);
        let shorten: [fn(&mut Setup, u64); 5] = [
            |setup, at_us| setup.chaos_us = setup.chaos_us.min(at_us),
            |setup, _| setup.calms.clear(),
            |setup, _| setup.replicated = false,
            |setup, _| setup.disk = None,
            |setup, _| setup.frozen_node = None,
        ];
        for shorten in shorten {
            let mut candidate = self.best.clone();
            shorten(&mut candidate.setup, at_us);
            self.accepts(candidate);
        }
    }

    /// What happened long before the failure may matter no more than that people had come in.
    fn drop_past(&mut self) {
        for eighths in [7, 6, 4, 2, 1] {
            let first_kept = self.best.steps.len() * eighths / 8;
            let mut candidate = self.best.clone();
            let mut place = 0..;
            candidate.steps.retain(|step| {
                place.next() >= Some(first_kept) || matches!(step.action, Action::Join { .. })
            });
            if self.accepts(candidate) {
                return;
            }
        }
    }

    fn drop_clients(&mut self) {
        let actors: BTreeSet<Actor> = self.best.steps.iter().map(|step| step.actor).collect();
        let without = |best: &Scenario, gone: &[Actor]| with_steps(best, |step| !gone.contains(&step.actor));
        self.thin(actors.into_iter().collect(), without);
        self.relabel();
    }

    fn drop_rooms(&mut self) {
        let rooms: BTreeSet<u32> = self.best.steps.iter().filter_map(simplify::room).collect();
        let without = |best: &Scenario, gone: &[u32]| {
            with_steps(best, |step| simplify::room(step).is_none_or(|room| !gone.contains(&room)))
        };
        self.thin(rooms.into_iter().collect(), without);
    }

    /// Families of faults, and kinds of requests.
    fn drop_kinds(&mut self) {
        let kinds: BTreeSet<String> = self.best.steps.iter().map(simplify::kind).collect();
        let without =
            |best: &Scenario, gone: &[String]| with_steps(best, |step| !gone.contains(&simplify::kind(step)));
        self.thin(kinds.into_iter().collect(), without);
    }

    fn drop_steps(&mut self) {
        let ids = self.best.steps.iter().map(|step| step.id).collect();
        let without = |best: &Scenario, gone: &[u32]| with_steps(best, |step| !gone.contains(&step.id));
        self.thin(ids, without);
    }

    /// Where it takes a crowd, one may speak for all.
    fn merge_says(&mut self) {
        let mut place = 0;
        while let Some(merged) = simplify::merged_says(&self.best, place, usize::MAX) {
            place = if self.accepts(merged) { 0 } else { place + 1 };
        }
        place = 0;
        while let Some(merged) = simplify::merged_says(&self.best, place, 1) {
            place += usize::from(!self.accepts(merged));
        }
    }

    /// Clients and rooms that nothing is done with go, and the others are numbered without gaps.
    fn relabel(&mut self) {
        if !self.accepts(simplify::without_idle_clients(&self.best)) {
            for client in (0..self.best.setup.clients.len()).rev() {
                self.accepts(simplify::without_idle_client(&self.best, client));
            }
        }
        self.accepts(simplify::without_idle_rooms(&self.best));
        self.accepts(simplify::renumbered(&self.best));
    }

    fn make_plain(&mut self) {
        let without = |best: &Scenario, paths: &[String]| Scenario {
            setup: plain::reset(&best.setup, paths),
            ..best.clone()
        };
        self.thin(plain::differences(&self.best.setup), without);
    }

    fn simplify_values(&mut self) {
        for place in 0..self.best.steps.len() {
            for action in simplify::actions(&self.best.steps[place].action) {
                let mut candidate = self.best.clone();
                candidate.steps[place].action = action;
                self.accepts(candidate);
            }
        }
    }

    /// Takes waiting away: all that precedes a step, else down to a round number.
    fn save_time(&mut self) {
        let places = (0..=self.best.steps.len()).collect();
        self.thin(places, |best, places| simplify::sooner(best, places, |_| 0));
        for place in 0..=self.best.steps.len() {
            for digits in [1, 2] {
                let sooner = simplify::sooner(&self.best, &[place], |gap| simplify::round(gap, digits));
                self.accepts(sooner);
            }
        }
    }
}

fn with_steps(scenario: &Scenario, wanted: impl Fn(&Step) -> bool) -> Scenario {
    let steps = scenario.steps.iter().filter(|step| wanted(step)).cloned().collect();
    Scenario { setup: scenario.setup.clone(), steps, ..*scenario }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sabotage, run};

    /// Minimises what a sabotage leads to: steps and runs.
    fn minimised(seed: u64, sabotage: Sabotage) -> Option<Minimised> {
        let run = |scenario: &Scenario, trace: &mut Trace| run(scenario, trace, Some(sabotage));
        let scenario = Scenario::generate(seed);
        let outcome = run(&scenario, &mut Trace::new());
        let failure = outcome.failures.first()?;
        let small = minimise(&scenario, failure, run);
        assert!(small.repeats, "seed {seed}: {}", small.scenario);
        assert_eq!(Fingerprint::of(&small.failure), Fingerprint::of(failure));
        Some(small)
    }

    #[test]
    fn what_a_sabotage_leads_to_becomes_small() {
        let sabotages =
            [Sabotage::ShowTwice(7), Sabotage::Hide(7), Sabotage::LoseAnswers(7), Sabotage::LoseArrivals(7)];
        for sabotage in sabotages {
            let found: Vec<Minimised> = (0..8).filter_map(|seed| minimised(seed, sabotage)).collect();
            assert!(!found.is_empty(), "{sabotage:?} is never noticed");
            for small in found {
                assert!(small.scenario.steps.len() <= 12, "{sabotage:?}:\n{}", small.scenario);
                assert!(small.runs < 1_000, "{sabotage:?}: {} runs", small.runs);
            }
        }
    }

    #[test]
    fn another_failure_is_not_accepted() {
        let scenario = Scenario::generate(1);
        let failure = |sentence: String| Failure {
            check: "answered",
            at: std::time::Duration::from_secs(1_000),
            event: 1,
            sentence,
        };
        // Fails with another sentence as soon as anything is missing.
        let run = |candidate: &Scenario, _: &mut Trace| {
            let missing = scenario.steps.len() - candidate.steps.len();
            let sentence = if missing == 0 { "c1 waits" } else { "c1 waits for nothing" };
            Outcome { failures: vec![failure(sentence.to_owned())], ..Outcome::default() }
        };
        let small = minimise(&scenario, &failure("c9 waits".to_owned()), run);
        assert_eq!(small.scenario.steps.len(), scenario.steps.len());
        assert_eq!(small.failure.sentence, "c1 waits");
        assert_eq!(plain::differences(&small.scenario.setup), Vec::<String>::new(), "but a plain setup is");
    }
}

//! What a worker is to do by the plan, each thing at its instant, and how it sleeps until then.
//!
//! Runtimes keep timers to the millisecond only. So a worker that has something to do soon does not wait for its sockets
//! but sleeps until the very instant, and looks at the sockets in between: it is known when what they hold came in.

use std::{sync::Arc, time::Duration};

use chinwag_bots::Cue;
use chinwag_core::Time;
use chinwag_scenarios::Acts;

use crate::run::Run;

/// How late a sleeping thread wakes up at worst on a machine that is not overloaded.
pub(crate) const OVERSLEEP: Duration = Duration::from_micros(60);
/// What is due later than this is waited for beside the sockets: a runtime's timers are exact enough for that.
pub(crate) const SOON: Duration = Duration::from_millis(5);

/// Which things a worker is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// Its clients connect, as planned from this instant on.
    Connect(Time),
    /// All is said, done and befalls that the stages foresee.
    Stages,
}

/// What of its part of a plan a worker has not done yet.
#[derive(Debug)]
pub(crate) struct Pacer {
    run: Arc<Run>,
    /// Its clients are every `step`-th from `first` on.
    share: (u32, u32),
    rest: Rest,
    next: Option<(Time, Cue)>,
}

#[derive(Debug)]
enum Rest {
    /// From this instant on, from this client on.
    Connect(Time, u32),
    Stages(Acts),
}

impl Pacer {
    /// Nothing is done yet.
    pub(crate) fn new(run: Arc<Run>, share: (u32, u32), part: Part) -> Self {
        let rest = match part {
            Part::Connect(start) => Rest::Connect(start, 0),
            Part::Stages => Rest::Stages(Acts::default()),
        };
        let mut pacer = Self { run, share, rest, next: None };
        pacer.next = pacer.find();
        pacer
    }

    /// When there is something to do again.
    pub(crate) fn due(&self) -> Option<Time> {
        self.next.map(|(due, _)| due)
    }

    /// What is to be done by now, if anything is.
    pub(crate) fn take(&mut self, now: Time) -> Option<Cue> {
        let (_, cue) = self.next.filter(|(due, _)| *due <= now)?;
        self.next = self.find();
        Some(cue)
    }

    /// The next thing that is ours.
    fn find(&mut self) -> Option<(Time, Cue)> {
        loop {
            let (due, cue, client) = self.step()?;
            if client.is_none_or(|client| self.is_ours(client)) {
                return Some((due, cue));
            }
        }
    }

    /// The next thing that anybody does, and who, unless it befalls all.
    fn step(&mut self) -> Option<(Time, Cue, Option<u32>)> {
        let plan = self.run.plan();
        match &mut self.rest {
            Rest::Connect(start, client) => {
                let client = std::mem::replace(client, *client + 1);
                let is_known = client < plan.clients();
                is_known.then(|| (*start + plan.connect_at(client), Cue::Connect(client), Some(client)))
            }
            Rest::Stages(acts) => {
                let (at, act) = acts.next(plan)?;
                Some((self.run.script.instant(at), Cue::Act(act), plan.actor(act)))
            }
        }
    }

    fn is_ours(&self, client: u32) -> bool {
        let (first, step) = self.share;
        client % step == first
    }
}

#[cfg(test)]
mod tests {
    use chinwag_bots::Segment;
    use chinwag_scenarios::{Overrides, Plan, Scenario};

    use super::*;
    use crate::{clock::Clock, sources::Sources, speech::Speech, target::Target, targets::Targets};

    /// Seven who type and say things, and lose their connections once, in the second of two processes.
    fn run() -> Arc<Run> {
        let text = r#"
            run = { name = "x", seed = 1, clients = 7 }
            rooms = { size = 3 }
            scenario = [{ name = "a", executor = "shared-iterations", iterations = 20, duration = "4s", flow = ["typing", "say"] }]
            event = [{ at = "1s", kind = "reset", fraction = 0.5, down_for = "1s" }]
        "#;
        let plan = Plan::new(&Scenario::parse("x.toml", text).unwrap(), Overrides::default()).unwrap();
        let segment = Segment { index: 1, count: 2 };
        let targets = Targets::own(Target::local(([127, 0, 0, 1], 1).into()));
        let run = Run::new(plan, segment, Clock::start(), targets, Speech::default(), Sources::default());
        run.script.start_stages(Time(1_000_000));
        Arc::new(run)
    }

    /// All that the workers of a process do.
    fn all(run: &Arc<Run>, part: Part) -> Vec<(Time, Cue)> {
        let workers = (0..3).map(|worker| Pacer::new(Arc::clone(run), (1 + 2 * worker, 6), part));
        let walk = |mut pacer: Pacer| {
            std::iter::from_fn(move || {
                let due = pacer.due()?;
                assert_eq!(pacer.take(Time(due.0 - 1)), None, "not before its time");
                Some((due, pacer.take(due).expect("it is due")))
            })
        };
        workers.flat_map(walk).collect()
    }

    #[test]
    fn each_thing_is_done_by_one_worker_and_events_befall_all() {
        let run = run();
        let plan = run.plan();
        let ours = |client: Option<u32>| client.is_none_or(|client| client % 2 == 1);
        let mut expected = Vec::new();
        for (at, act) in plan.acts().filter(|(_, act)| ours(plan.actor(*act))) {
            let times = if plan.actor(act).is_some() { 1 } else { 3 };
            expected.extend(vec![(Time(1_000_000) + at, Cue::Act(act)); times]);
        }
        let sorted = |mut acts: Vec<(Time, Cue)>| {
            acts.sort_by_key(|(due, cue)| (*due, format!("{cue:?}")));
            acts
        };
        assert!(expected.len() > 15, "{expected:?}");
        assert_eq!(sorted(all(&run, Part::Stages)), sorted(expected));
        let start = Time(5_000_000);
        let connect = |client| (start + plan.connect_at(client), Cue::Connect(client));
        assert_eq!(sorted(all(&run, Part::Connect(start))), [1, 3, 5].map(connect));
    }
}

//! Faults that last, as they were: what a scenario plans may come to nothing, or end before its time.

use crate::{
    plan::scenario::{Action, Scenario, Step},
    record::{
        describe::{self, CALM, DIES_ALONE, FENCED, FIN, FREEZES, GOES_ON, HEALED},
        trace::{Kind, Lane, Record},
    },
};

/// A fault of an actor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Band {
    pub(super) lane: Lane,
    /// What it is.
    pub(super) name: String,
    /// When it begins, counted from the start of the run.
    pub(super) from_us: u64,
    /// When it ends; the end of time if it never does.
    pub(super) to_us: u64,
}

/// All faults that last of a run, in the order in which they begin.
pub(super) fn bands(scenario: &Scenario, records: &[Record]) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    // Those that are not in the trace were not carried out.
    let mut steps = scenario.steps.iter();
    for (place, record) in records.iter().enumerate() {
        let moment = Moment { scenario, record, before: &records[..place], after: &records[place + 1..] };
        match record.kind {
            Kind::Step => {
                let is_it = |step: &&Step| {
                    step.at_us == record.at_us && describe::step(step).to_string() == record.text
                };
                if let Some(step) = steps.find(is_it) {
                    moment.step(&step.action, &mut bands);
                }
            }
            Kind::World => moment.world(&mut bands),
            _ => {}
        }
    }
    bands
}

/// Something that happens, and what comes before it and after it.
struct Moment<'a> {
    scenario: &'a Scenario,
    record: &'a Record,
    before: &'a [Record],
    after: &'a [Record],
}

impl Moment<'_> {
    fn step(&self, action: &Action, bands: &mut Vec<Band>) {
        let actor = self.record.actor;
        match *action {
            Action::Stall { for_us, .. } if self.has_a_line() => {
                self.add(actor, self.until(for_us, |_| false), bands);
            }
            Action::Slow { for_us, .. } if self.has_a_line() => {
                self.add(actor, self.until(for_us, |record| self.is_alike(record)), bands);
            }
            Action::HalfOpen { .. } if self.is_connected() => {
                self.add(actor, self.next(|record| record.actor == actor && is_loss(record)), bands);
            }
            Action::Pause { node, .. } if self.is_up() => {
                let node = Lane::Node(node as usize);
                let goes_on = |record: &Record| {
                    record.kind == Kind::Stop
                        || is_note(record, node, GOES_ON)
                        || is_note(record, node, DIES_ALONE)
                };
                self.add(node, self.next(goes_on), bands);
            }
            Action::Skew { for_us, .. } => {
                let to_us = self.until(for_us, |record| self.is_alike(record));
                self.nodes().for_each(|node| self.add(node, to_us, bands));
            }
            Action::Restart { .. } | Action::PowerCut { .. }
                if self.is_up() && !self.is_restarting(bands) =>
            {
                let to_us = self.next(|record| record.kind == Kind::Start);
                self.nodes().for_each(|node| self.add(node, to_us, bands));
            }
            _ => {}
        }
    }

    /// When the others are healed, some clients' lines go dead, and a node may do nothing more.
    fn world(&self, bands: &mut Vec<Band>) {
        if self.ends_faults(self.record) && self.record.text == HEALED {
            let setup = &self.scenario.setup;
            let clients = setup.frozen.iter().filter(|&&client| (client as usize) < setup.clients.len());
            clients.for_each(|&client| self.add(Lane::Client(client as usize), u64::MAX, bands));
        }
        if let Some(node) = self.nodes().find(|&node| is_note(self.record, node, FREEZES)) {
            self.add(node, self.next(|record| is_note(record, node, FENCED)), bands);
        }
    }

    fn add(&self, lane: Lane, to_us: u64, bands: &mut Vec<Band>) {
        bands.push(Band { lane, name: self.record.text.clone(), from_us: self.record.at_us, to_us });
    }

    fn nodes(&self) -> impl Iterator<Item = Lane> + use<> {
        (0..self.scenario.setup.nodes as usize).map(Lane::Node)
    }

    /// When something like that happens next.
    fn next(&self, is_one: impl Fn(&Record) -> bool) -> u64 {
        self.after.iter().find(|record| is_one(record)).map_or(u64::MAX, |record| record.at_us)
    }

    /// When so much time has passed, all faults end, or something like that happens.
    fn until(&self, for_us: u64, is_end: impl Fn(&Record) -> bool) -> u64 {
        self.next(|record| self.ends_faults(record) || is_end(record)).min(self.record.at_us + for_us)
    }

    fn ends_faults(&self, record: &Record) -> bool {
        let is_healed = record.text == HEALED && !self.scenario.setup.safety_only;
        record.kind == Kind::World && (is_healed || record.text.starts_with(CALM))
    }

    /// Whether the same is done to the same with other values.
    fn is_alike(&self, other: &Record) -> bool {
        other.kind == Kind::Step
            && other.actor == self.record.actor
            && action_name(&other.text) == action_name(&self.record.text)
    }

    /// Whether the client has a connection.
    fn is_connected(&self) -> bool {
        let mut own = self.before.iter().rev().filter(|record| record.actor == self.record.actor);
        own.find(|record| is_connect(record) || is_loss(record)).is_some_and(is_connect)
    }

    /// Whether the client has a connection, or will have one: whoever is gone for good has no line.
    fn has_a_line(&self) -> bool {
        let mut later = self.after.iter().filter(|record| record.actor == self.record.actor);
        self.is_connected() || later.any(is_connect)
    }

    /// Whether the server runs.
    fn is_up(&self) -> bool {
        let is_life = |record: &&Record| matches!(record.kind, Kind::Start | Kind::Stop);
        self.before.iter().rev().find(is_life).is_some_and(|record| record.kind == Kind::Start)
    }

    /// Whether the server is about to die, as it was told before.
    fn is_restarting(&self, bands: &[Band]) -> bool {
        let restarts = bands.iter().filter(|band| action_name(&band.name) == action_name(&self.record.text));
        restarts.map(|band| band.to_us).max().is_some_and(|to_us| self.record.at_us < to_us)
    }
}

fn is_connect(record: &Record) -> bool {
    record.kind == Kind::Connect
}

/// Whether a client's connection is gone for it.
fn is_loss(record: &Record) -> bool {
    record.kind == Kind::Closed || record.kind == Kind::FromClient && record.text == FIN
}

/// Whether the world says that of an actor.
fn is_note(record: &Record, actor: Lane, text: &str) -> bool {
    record.kind == Kind::World && record.text == format!("{actor} {text}")
}

/// The name of the action in the text of a step.
fn action_name(text: &str) -> Option<&str> {
    text.split(' ').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{
            generate::SECOND,
            plain,
            scenario::{Actor, Calm, FrozenNode, Setup},
        },
        record::trace::Trace,
        run,
    };

    const C0: Actor = Actor::Client(0);
    const NODES: [Lane; 2] = [Lane::Node(0), Lane::Node(1)];

    /// The bands of a run on two nodes, of which one hosts no shard, with faults for ten seconds: on whose lane, and from
    /// which second to which. Each step has its second.
    fn bands_of(
        steps: &[(u64, Actor, Action)],
        change: impl FnOnce(&mut Setup),
    ) -> Vec<(Lane, u64, Option<u64>)> {
        let mut scenario = Scenario::generate(1);
        scenario.setup.clients.truncate(2);
        scenario.setup.clients.iter_mut().for_each(|client| client.voice = None);
        scenario.setup = Setup { nodes: 2, chaos_us: 10 * SECOND, ..plain::plain(&scenario.setup) };
        change(&mut scenario.setup);
        let step = |(id, (second, actor, action)): (u32, &(u64, Actor, Action))| Step {
            id,
            at_us: second * SECOND,
            actor: *actor,
            action: action.clone(),
        };
        scenario.steps = (0..).zip(steps).map(step).collect();
        let mut trace = Trace::detailed();
        let outcome = run(&scenario, &mut trace, None);
        assert!(outcome.is_clean(), "{:?}", outcome.failures);
        let seconds = |us: u64| (us != u64::MAX).then_some(us / SECOND);
        let bands = bands(&scenario, trace.records()).into_iter();
        bands.map(|band| (band.lane, band.from_us / SECOND, seconds(band.to_us))).collect()
    }

    fn same(_: &mut Setup) {}

    fn slow(seconds: u64) -> Action {
        Action::Slow { rate: 1_000, for_us: seconds * SECOND }
    }

    fn stall(seconds: u64) -> Action {
        Action::Stall { up: true, down: true, for_us: seconds * SECOND }
    }

    #[test]
    fn a_fault_is_on_the_lane_of_whom_it_befalls() {
        let pause = Action::Pause { node: 1, for_us: 2 * SECOND };
        let skew = Action::Skew { mail_us_max: 1_000, for_us: SECOND };
        let steps = [(2, Actor::Server, pause), (5, Actor::Server, skew), (7, C0, stall(1))];
        let [first, second] = NODES.map(|node| (node, 5, Some(6)));
        assert_eq!(
            bands_of(&steps, same),
            [(NODES[1], 2, Some(4)), first, second, (Lane::Client(0), 7, Some(8))]
        );
    }

    #[test]
    fn calms_and_the_healing_end_faults() {
        let steps = [(2, C0, stall(30)), (3, Actor::Server, Action::Pause { node: 0, for_us: 30 * SECOND })];
        let until = |end| vec![(Lane::Client(0), 2, end), (NODES[0], 3, end)];
        assert_eq!(bands_of(&steps, same), until(Some(10)));
        let calm = |setup: &mut Setup| {
            (setup.calms, setup.chaos_us) =
                (vec![Calm { from_us: 5 * SECOND, to_us: 400 * SECOND }], 410 * SECOND);
        };
        assert_eq!(bands_of(&steps, calm), until(Some(5)));
        let faults_stay = bands_of(&steps, |setup| setup.safety_only = true);
        assert_eq!(faults_stay, [(Lane::Client(0), 2, Some(32)), (NODES[0], 3, Some(33))]);
    }

    #[test]
    fn another_word_takes_the_place_of_the_one_before() {
        let steps = [(2, C0, slow(7)), (4, C0, slow(1)), (4, Actor::Client(1), slow(3))];
        let [first, second] = [0, 1].map(Lane::Client);
        assert_eq!(bands_of(&steps, same), [(first, 2, Some(4)), (first, 4, Some(5)), (second, 4, Some(7))]);
    }

    #[test]
    fn what_comes_to_nothing_is_no_fault() {
        let (restart, pause) = (
            |drain_us| Action::Restart { drain_us, for_us: 2 * SECOND, back_us: None },
            Action::Pause { node: 0, for_us: SECOND },
        );
        let steps = [
            (1, C0, Action::Quit),
            (2, C0, stall(1)),
            (2, C0, Action::HalfOpen { up: true, down: true }),
            (2, Actor::Client(77), stall(1)),
            (3, Actor::Server, restart(Some(SECOND))),
            (4, Actor::Server, restart(None)),
            (5, Actor::Server, pause),
        ];
        assert_eq!(bands_of(&steps, same), NODES.map(|node| (node, 3, Some(6))));
    }

    #[test]
    fn a_line_that_is_half_open_is_so_until_its_client_knows() {
        let bands = bands_of(&[(2, C0, Action::HalfOpen { up: true, down: true })], same);
        let [(Lane::Client(0), 2, Some(end))] = bands[..] else { panic!("{bands:?}") };
        assert!((10..100).contains(&end), "the healing does not mend it, and its end is noticed: {end}");
    }

    #[test]
    fn who_is_frozen_stays_so_until_declared_dead() {
        let frozen = bands_of(&[], |setup| {
            setup.frozen = vec![1, 77];
            setup.frozen_node = Some(FrozenNode { node: 1, for_us: 3 * SECOND });
        });
        assert_eq!(frozen, [(Lane::Client(1), 10, None), (NODES[1], 10, Some(13))]);
    }
}

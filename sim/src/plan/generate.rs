//! From a seed to a scenario: which faults there are, how tiny the limits, who does what when.
//!
//! Every seed is another mixture (a *swarm*): each family of faults is off in half of them, each kind of request in
//! some, so that what one of them hides can be seen without it. Faults have a beginning and a duration: independent
//! mishaps never add up to an outage.

mod setup;
mod tiny;

use crate::{
    judge::trials::trials,
    people::{
        parlours::{calls, furnish, receptions},
        passes::{issue, renewals, require, sleeps_on},
    },
    plan::{
        draw::{Cause, Draws, Purpose},
        habits::{
            babble, come_back, fall_behind, flood, follow_up, goes_down_slowly, hall, last_words, oversleep,
            reads_nothing, replay, reuse, visits, write_on,
        },
        profile::Profile::{
            self, Calm as Peace, Churn, Clock, Default as Mixed, Durable, Hostile, Net, NoLimits, Overload,
        },
        scenario::{Action, Actor, Aim, Calm, Nonsense, Scenario, Setup, Step},
    },
    world::SURVEY_TIME,
};

/// Most steps of a scenario that is made to be long.
const STEPS_MAX: usize = 1_000_000;

pub(crate) const MILLI: u64 = 1_000;
pub(crate) const SECOND: u64 = 1_000_000;

/// How a fault, or a request beyond joining and saying, is drawn.
type Draw = fn(&mut Cause, &Setup) -> Action;

/// Requests, with weights.
const REQUESTS: &[(u32, Draw)] = &[
    (3, |c, s| Action::Leave { room: room(c, s) }),
    (4, |c, s| Action::Typing { room: room(c, s), on: c.chance(70) }),
    (3, |c, s| Action::History {
        room: room(c, s),
        before: c.chance(50).then(|| c.within(0..=40)),
        limit: within(c, 1..=30),
    }),
    (2, |c, s| Action::Members { room: room(c, s) }),
    (1, |_, _| Action::Rooms),
    (1, |c, s| Action::Status { room: room(c, s) }),
    (1, |c, s| Action::Task { room: room(c, s), task: within(c, 0..=4) }),
    (1, |c, s| Action::Create { room: within(c, 0..=u64::from(s.rooms) + 2) }),
    (3, |c, _| Action::Repeat { back: c.pick(&[0, 0, 1, 3, 7]) }),
];

/// A family of faults.
struct Family {
    /// How many there are in a minute, at least.
    per_minute: u64,
    /// Of how many in a hundred default scenarios it is part.
    percent: u64,
    /// Which profiles are about it.
    profiles: &'static [Profile],
    draw: Draw,
}

const fn family(per_minute: u64, percent: u64, profiles: &'static [Profile], draw: Draw) -> Family {
    Family { per_minute, percent, profiles, draw }
}

/// Everything that can go wrong.
const FAMILIES: &[Family] = &[
    family(8, 50, &[Net, NoLimits], |_, _| Action::Cut),
    family(4, 40, &[Net, Churn], |_, _| Action::Reset),
    family(4, 40, &[Net, Churn], |_, _| Action::Fin),
    family(3, 50, &[Net, NoLimits], |c, _| {
        let (up, down) = c.pick(&[(true, true), (true, false), (false, true)]);
        Action::HalfOpen { up, down }
    }),
    family(8, 50, &[Net, NoLimits], |c, _| {
        let (up, down) = c.pick(&[(true, true), (true, false), (false, true)]);
        Action::Stall { up, down, for_us: span(c) }
    }),
    family(10, 50, &[Overload, NoLimits], |c, _| Action::Slow {
        rate: c.pick(&[200, 1_000, 5_000]),
        for_us: span(c) * 2,
    }),
    family(2, 40, &[Churn, NoLimits, Durable], |c, _| {
        let drain_us = c.chance(75).then(|| c.pick(&[SECOND / 2, 3 * SECOND, 6 * SECOND]));
        Action::Restart { drain_us, for_us: c.within(0..=5 * SECOND), back_us: None }
    }),
    family(3, 50, &[Clock, Overload], |c, _| Action::Skew {
        mail_us_max: c.pick(&[30 * MILLI, 300 * MILLI, SECOND]),
        for_us: span(c),
    }),
    family(3, 40, &[Clock, Overload], |c, s| Action::Pause {
        node: within(c, 0..=u64::from(s.nodes - 1)),
        for_us: span(c) / 4,
    }),
    family(2, 30, &[Clock], |c, _| Action::Jump { by_us: jump(c) }),
    family(10, 60, &[Hostile], |c, _| Action::Nonsense {
        kind: nonsense(c),
        times: c.pick(&[1, 1, 3, 30, 120]),
    }),
    family(4, 50, &[Hostile], |c, _| Action::Intrude {
        aim: c.pick(&[Aim::Sit, Aim::Sit, Aim::Barge, Aim::Guess, Aim::Borrow, Aim::Replay]),
    }),
    family(3, 40, &[Churn], |_, _| Action::Crash),
    family(1, 40, &[Churn], |_, _| Action::Quit),
    family(1, 25, &[Hostile], |_, _| Action::Intrude { aim: Aim::Knock }),
    family(2, 50, &[Churn, Net], |_, s| Action::NodeDies { node: s.nodes - 1 }),
    family(8, 25, &[Hostile], |_, _| Action::Intrude { aim: Aim::Visit }),
    family(1, 15, &[Clock], |c, _| Action::Restart {
        drain_us: c.chance(50).then_some(3 * SECOND),
        for_us: c.within(0..=5 * SECOND),
        back_us: Some(c.pick(&[2 * SECOND, 60 * SECOND, 3_600 * SECOND])),
    }),
    family(2, 70, &[Durable], |c, _| Action::Restart {
        drain_us: None,
        for_us: c.within(0..=3 * SECOND),
        back_us: None,
    }),
    family(2, 50, &[Durable], |c, _| Action::PowerCut { for_us: c.within(0..=3 * SECOND) }),
    family(1, 30, &[Durable], |c, _| Action::DiskFull {
        bytes: c.within(0..=2_000),
        for_us: c.within(0..=3 * SECOND),
    }),
    family(1, 30, &[Durable], |c, _| Action::SyncFails { for_us: c.within(0..=3 * SECOND) }),
];

/// The first family that only scenarios with a disk have.
const WITH_DISK: u64 = 18;

impl Scenario {
    /// The scenario of a seed in the default profile.
    #[must_use]
    pub fn generate(seed: u64) -> Self {
        Self::of(Profile::Default, seed)
    }

    /// The scenario of a seed.
    #[must_use]
    pub fn of(profile: Profile, seed: u64) -> Self {
        Self::stretched(profile, seed, 1)
    }

    /// A scenario of a seed with so many steps: the usual one, or one in which people talk for longer and faults go on for
    /// as long, cut off after that many.
    ///
    /// # Panics
    /// If there are to be more than a million.
    #[must_use]
    pub fn of_length(profile: Profile, seed: u64, steps: usize) -> Self {
        assert!(steps <= STEPS_MAX, "a scenario has at most {STEPS_MAX} steps");
        let (mut scenario, mut times) = (Self::of(profile, seed), 1);
        while scenario.steps.len() < steps {
            times *= 2;
            scenario = Self::stretched(profile, seed, times);
        }
        scenario.steps.truncate(steps);
        scenario
    }

    /// The scenario of a seed, but so many times as much is said, and there are faults for so many times as long.
    fn stretched(profile: Profile, seed: u64, times: u64) -> Self {
        let draws = Draws::new(seed);
        let mut setup = setup::draw(profile, &mut draws.of(Purpose::Setup, profile as u64));
        setup.chaos_us *= times;
        setup::vary(&mut draws.of(Purpose::Setup, 2 << 40), &mut setup);
        setup::voices(&mut draws.of(Purpose::Setup, 4 << 40), &mut setup);
        furnish(&mut draws.of(Purpose::Setup, 5 << 40), &mut setup);
        issue(&mut draws.of(Purpose::Setup, 6 << 40), draws, &mut setup);
        require(&mut draws.of(Purpose::Setup, 10 << 40), &mut setup);
        setup::report(&mut draws.of(Purpose::Setup, 7 << 40), &mut setup);
        tiny::tiny(draws, &mut setup);
        setup::equip(profile, &mut draws.of(Purpose::Setup, 11 << 40), &mut setup);
        setup::shorten(&mut draws.of(Purpose::Setup, 8 << 40), &mut setup);
        if !matches!(profile, Peace | NoLimits) {
            setup::freeze(&mut draws.of(Purpose::Setup, 9 << 40), &mut setup);
        }
        let (hall, crowds) = (hall(draws, &setup), crowds(draws, &setup));
        let mut steps = arrivals(draws, &hall);
        talk(profile, draws, &hall, &crowds, times, &mut steps);
        visits(draws, &setup, &hall, &mut steps);
        faults(profile, draws, &setup, &crowds, &mut steps);
        if profile != Peace {
            flood(&mut draws.of(Purpose::Step, 7 << 40), &setup, &mut steps);
            oversleep(draws, &setup, &mut steps);
            replay(&mut draws.of(Purpose::Step, 21 << 40), &setup, &mut steps);
            fall_behind(draws, &setup, &mut steps);
            reads_nothing(draws, &setup, &mut steps);
            last_words(draws, &setup, &mut steps);
            babble(draws, &setup, &mut steps);
            goes_down_slowly(draws, &setup, &mut steps);
            sleeps_on(draws, &setup, &mut steps);
        }
        calls(draws, &setup, profile != Peace, &mut steps);
        write_on(draws, &setup, &mut steps);
        receptions(draws, &setup, profile != Peace, &mut steps);
        renewals(draws, &setup, &mut steps);
        trials(draws, &setup, &mut steps);
        reuse(draws, &setup, &mut steps);
        if profile != Peace {
            tiny::strays(draws, &setup, &mut steps);
        }
        let mut scenario = Self { seed, profile, setup: setup.clone(), steps };
        if profile != NoLimits {
            insert_calms(&mut draws.of(Purpose::Setup, 1 << 40), &mut scenario);
        }
        setup.chaos_us = scenario.setup.chaos_us;
        for (id, step) in (0..).zip(&mut scenario.steps) {
            step.id = id;
        }
        scenario.steps.sort_by_key(|step| step.at_us);
        scenario
    }
}

/// Everybody enters most rooms in the first two seconds.
fn arrivals(draws: Draws, setup: &Setup) -> Vec<Step> {
    let mut steps = Vec::new();
    for client in (0..).take(setup.clients.len()) {
        for room in 0..setup.rooms {
            let mut c = draws.of(Purpose::Step, 1 << 40 | u64::from(client) << 20 | u64::from(room));
            if room == 0 || c.chance(70) {
                let at_us = c.within(0..=2 * SECOND);
                steps.push(Step {
                    id: 0,
                    at_us,
                    actor: Actor::Client(client),
                    action: Action::Join { room },
                });
            }
        }
    }
    steps
}

/// Instants around which everybody speaks, and much of what goes wrong goes wrong.
fn crowds(draws: Draws, setup: &Setup) -> Vec<u64> {
    let mut c = draws.of(Purpose::Step, 9 << 40);
    (0..c.within(1..=4)).map(|_| c.within(SECOND..=setup.chaos_us)).collect()
}

/// What users do: half of them at any time, half in crowds around a few instants.
fn talk(profile: Profile, draws: Draws, setup: &Setup, crowds: &[u64], times: u64, steps: &mut Vec<Step>) {
    let mut c = draws.of(Purpose::Step, 2 << 40);
    let kept: Vec<(u32, Draw)> = REQUESTS.iter().copied().filter(|_| c.chance(60)).collect();
    let count = c.pick(&[100, 300, 700]) * if profile == Overload { 2 } else { 1 } * times;
    // Where little may wait for a reader, it takes long messages to come to that limit.
    let long = if setup.gateway.outbox_bytes_max <= 16 * 1_024 { c.pick(&[2, 20]) } else { 1 };
    for number in 0..count {
        let mut c = draws.of(Purpose::Step, 3 << 40 | number);
        let at_us = instant(&mut c, setup, crowds);
        // Most messages are short; some are as long as they may be.
        let bytes_max = (setup.gateway.content_bytes_max as u64).min(if c.chance(long) { 4_096 } else { 48 });
        let action = request(&mut c, setup, &kept, bytes_max);
        let actor = Actor::Client(client(&mut c, setup));
        if let Action::Leave { room } = action
            && c.chance(60)
        {
            come_back(&mut c, setup, actor, room, at_us, steps);
        }
        steps.push(Step { id: 0, at_us, actor, action });
    }
}

/// Any time, or close to one of a few instants.
fn instant(c: &mut Cause, setup: &Setup, crowds: &[u64]) -> u64 {
    if c.chance(50) {
        return c.within(SECOND..=setup.chaos_us);
    }
    (c.pick(crowds) + c.within(0..=500 * MILLI)).min(setup.last_us())
}

/// Mostly saying something, sometimes joining, else one of the kinds that this scenario keeps.
fn request(c: &mut Cause, setup: &Setup, kept: &[(u32, Draw)], bytes_max: u64) -> Action {
    const SAY: u32 = 16;
    const JOIN: u32 = 3;
    let total = SAY + JOIN + kept.iter().map(|&(weight, _)| weight).sum::<u32>();
    let mut left = within(c, 0..=u64::from(total - 1));
    if left < SAY {
        let most = setup.gateway.content_bytes_max as u64;
        // Sometimes exactly as much as may be, where that is not much.
        let bytes = if most <= 1_024 && c.chance(2) { most..=most } else { 8..=bytes_max.max(8) };
        let bytes = within(c, bytes);
        return Action::Say { room: room(c, setup), times: c.pick(&[1, 1, 1, 4, 12]), bytes };
    }
    left -= SAY;
    for &(weight, draw) in kept {
        if left < weight {
            return draw(c, setup);
        }
        left -= weight;
    }
    Action::Join { room: room(c, setup) }
}

/// Families that this scenario has, half of their faults close together in a few storms: independent mishaps never add
/// up to an outage.
fn faults(profile: Profile, draws: Draws, setup: &Setup, crowds: &[u64], steps: &mut Vec<Step>) {
    let mut c = draws.of(Purpose::Step, 6 << 40);
    let storm = |c: &mut Cause| if c.chance(50) { c.pick(crowds) } else { c.within(SECOND..=setup.chaos_us) };
    let storms: Vec<u64> = (0..c.within(1..=3)).map(|_| storm(&mut c)).collect();
    for (number, family) in (0u64..).zip(FAMILIES) {
        if number >= WITH_DISK && setup.disk.is_none() {
            continue;
        }
        let mut c = draws.of(Purpose::Step, 4 << 40 | number << 20);
        let percent = match profile {
            Mixed => family.percent,
            Peace => 0,
            _ if family.profiles.contains(&profile) => 85,
            _ => 5,
        };
        if !c.chance(percent) {
            continue;
        }
        let count = (family.per_minute * setup.chaos_us).div_ceil(60 * SECOND) * c.within(1..=2);
        for nth in 0..count {
            let mut c = draws.of(Purpose::Step, 5 << 40 | number << 20 | nth);
            let action = (family.draw)(&mut c, setup);
            if matches!(action, Action::NodeDies { node } if node < setup.gateway.shards) {
                // It hosts shards, and does not die alone.
                continue;
            }
            if setup.disk.is_some() && matches!(action, Action::Restart { back_us: Some(_), .. }) {
                // A log's time never goes back: until the clock has caught up nothing would end in it.
                continue;
            }
            let is_servers = match action {
                Action::Restart { .. }
                | Action::PowerCut { .. }
                | Action::DiskFull { .. }
                | Action::SyncFails { .. }
                | Action::Skew { .. }
                | Action::Pause { .. }
                | Action::NodeDies { .. } => true,
                Action::Jump { .. } => c.chance(50),
                _ => false,
            };
            let actor = if is_servers { Actor::Server } else { Actor::Client(client(&mut c, setup)) };
            let fault = Step { id: 0, at_us: instant(&mut c, setup, &storms), actor, action };
            follow_up(&mut c, setup, &fault, steps);
            steps.push(fault);
        }
    }
}

/// Puts up to two calms into the chaos: what would have happened then, and later, happens so much later.
fn insert_calms(c: &mut Cause, scenario: &mut Scenario) {
    let length = scenario.settling_time() + SURVEY_TIME;
    let length = u64::try_from(length.as_micros()).expect("minutes");
    for _ in 0..c.pick(&[0, 0, 0, 1, 2]) {
        let from_us = c.within(scenario.setup.chaos_us / 4..=scenario.setup.chaos_us);
        if scenario.setup.calms.iter().any(|calm| from_us <= calm.to_us) {
            continue;
        }
        scenario.steps.iter_mut().filter(|step| step.at_us >= from_us).for_each(|step| step.at_us += length);
        scenario.setup.chaos_us += length;
        scenario.setup.calms.push(Calm { from_us, to_us: from_us + length });
    }
}

fn nonsense(c: &mut Cause) -> Nonsense {
    use Nonsense::{
        Amid, Binary, Brim, Broken, Echo, Empty, Forged, Garbage, Hello, Huge, Long, Names, Ping, Shape,
        Stranger, Token, TooMuch, Unknown, Utf8,
    };
    // These end a client for good.
    if c.chance(5) {
        return c.pick(&[Broken, Utf8, Huge]);
    }
    c.pick(&[
        Garbage, Shape, Unknown, Forged, Hello, Binary, Ping, Long, Brim, Token, Token, Echo, Stranger,
        Empty, TooMuch, Names, Amid, Amid,
    ])
}

/// How far a clock jumps.
fn jump(c: &mut Cause) -> i64 {
    let most = c.pick(&[50 * MILLI, 3 * SECOND, 30 * SECOND]);
    let by = c.within(MILLI..=most).cast_signed();
    if c.chance(40) { -by.min(3_000_000) } else { by }
}

/// How long a fault lasts: a moment, a while, or longer than any patience.
fn span(c: &mut Cause) -> u64 {
    let most = c.pick(&[200 * MILLI, 4 * SECOND, 40 * SECOND]);
    c.within(MILLI..=most)
}

fn room(c: &mut Cause, setup: &Setup) -> u32 {
    within(c, 0..=u64::from(setup.rooms - 1))
}

pub(crate) fn client(c: &mut Cause, setup: &Setup) -> u32 {
    within(c, 0..=setup.clients.len() as u64 - 1)
}

pub(crate) fn within(c: &mut Cause, range: std::ops::RangeInclusive<u64>) -> u32 {
    u32::try_from(c.within(range)).expect("scenarios are small")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{record::trace::Trace, try_run};

    #[test]
    fn seeds_differ_and_repeat() {
        assert_eq!(Scenario::generate(1), Scenario::generate(1));
        assert_ne!(Scenario::generate(1), Scenario::generate(2));
    }

    /// How long there are faults, without calms.
    fn time_of_faults(scenario: &Scenario) -> u64 {
        let Setup { chaos_us, calms, .. } = &scenario.setup;
        chaos_us - calms.iter().map(|calm| calm.to_us - calm.from_us).sum::<u64>()
    }

    #[test]
    fn plans_are_as_long_as_is_asked_for() {
        for profile in Profile::ALL {
            for seed in 0..8 {
                let of_length = |steps| Scenario::of_length(profile, seed, steps);
                let usual = Scenario::of(profile, seed);
                assert_eq!(of_length(50).steps, usual.steps[..50]);
                assert_eq!(of_length(usual.steps.len()), usual);
                let long = of_length(5_000);
                assert_eq!(long.steps.len(), 5_000);
                assert!(time_of_faults(&long) > time_of_faults(&usual), "{}", long.name());
            }
        }
    }

    #[test]
    fn long_plans_are_played_like_others() {
        let outcome = try_run(&Scenario::of_length(Mixed, 3, 3_000), &mut Trace::new());
        assert_eq!(outcome.failures, []);
    }

    #[test]
    fn every_profile_makes_scenarios_that_can_be_read_back() {
        for profile in Profile::ALL {
            for seed in 0..60 {
                let scenario = Scenario::of(profile, seed);
                assert_eq!(
                    scenario.to_string().parse::<Scenario>().unwrap(),
                    scenario,
                    "{}",
                    scenario.name()
                );
                let is_faulty = |step: &Step| {
                    FAMILIES.iter().any(|family| {
                        let drawn = (family.draw)(&mut Draws::new(1).of(Purpose::Step, 0), &scenario.setup);
                        std::mem::discriminant(&drawn) == std::mem::discriminant(&step.action)
                    })
                };
                assert!(profile != Peace || !scenario.steps.iter().any(is_faulty));
            }
        }
    }

    #[test]
    fn no_step_comes_when_the_faults_have_ended_or_in_a_calm() {
        for seed in 0..60 {
            let Scenario { setup, steps, .. } = Scenario::generate(seed);
            let is_idle = |step: &&Step| {
                let calms = setup.calms.iter();
                step.at_us >= setup.chaos_us
                    || calms.clone().any(|calm| (calm.from_us..calm.to_us).contains(&step.at_us))
            };
            assert_eq!(steps.iter().find(is_idle), None, "seed {seed}");
        }
    }

    #[test]
    fn every_action_and_every_family_occurs_and_is_missing() {
        let name = |action: &Action| {
            serde_json::to_value(action).unwrap().to_string().split('"').nth(1).unwrap().to_owned()
        };
        let seen: Vec<std::collections::BTreeSet<String>> = (0..512)
            .map(|seed| Scenario::generate(seed).steps.iter().map(|step| name(&step.action)).collect())
            .collect();
        let optional = [
            "leave",
            "typing",
            "history",
            "members",
            "rooms",
            "status",
            "quit",
            "nonsense",
            "cut",
            "half_open",
            "stall",
            "slow",
            "restart",
            "skew",
        ];
        for kind in optional {
            assert!(seen.iter().any(|kinds| kinds.contains(kind)), "{kind} never occurs");
            assert!(seen.iter().any(|kinds| !kinds.contains(kind)), "{kind} always occurs");
        }
        assert!(seen.iter().all(|kinds| kinds.contains("join") && kinds.contains("say")));
    }
}

//! From a seed to a scenario: which faults there are, how tiny the limits, who does what when.
//!
//! Every seed is another mixture (a *swarm*): each family of faults is off in half of them, each kind of request in
//! some, so that what one of them hides can be seen without it. Faults have a beginning and a duration: independent
//! mishaps never add up to an outage.

use std::time::Duration;

use chinwag_core::{
    client::ClientConfig,
    config::{GatewayConfig, RoomCreation, ShardConfig},
    dialect::Dialect,
    limiter::{Action as Above, Quota},
};

use crate::{
    draw::{Cause, Draws, Purpose},
    habits::{come_back, fall_behind, flood, follow_up, hall, oversleep, visits, write_on},
    parlours::{calls, furnish, receptions},
    passes::{issue, renewals},
    profile::Profile::{
        self, Calm as Peace, Churn, Clock, Default as Mixed, Hostile, Net, NoLimits, Overload,
    },
    scenario::{
        Action, Actor, Aim, Calm, ClientSetup, ClockSetup, Nonsense, Patience, Scenario, Setup, Step,
    },
    trials::trials,
    world::SURVEY_TIME,
};

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
    family(2, 40, &[Churn, NoLimits], |c, _| {
        let drain_us = c.chance(75).then(|| c.pick(&[SECOND / 2, 3 * SECOND, 6 * SECOND]));
        Action::Restart { drain_us, for_us: c.within(0..=5 * SECOND) }
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
    family(8, 50, &[Hostile], |c, _| Action::Nonsense {
        kind: nonsense(c),
        times: c.pick(&[1, 1, 3, 30, 120]),
    }),
    family(4, 50, &[Hostile], |c, _| Action::Intrude {
        aim: c.pick(&[Aim::Sit, Aim::Sit, Aim::Barge, Aim::Guess, Aim::Borrow]),
    }),
    family(3, 40, &[Churn], |_, _| Action::Crash),
    family(1, 40, &[Churn], |_, _| Action::Quit),
    family(1, 25, &[Hostile], |_, _| Action::Intrude { aim: Aim::Knock }),
    family(2, 50, &[Churn, Net], |_, s| Action::NodeDies { node: s.nodes - 1 }),
];

impl Scenario {
    /// The scenario of a seed in the default profile.
    #[must_use]
    pub fn generate(seed: u64) -> Self {
        Self::of(Profile::Default, seed)
    }

    /// The scenario of a seed.
    #[must_use]
    pub fn of(profile: Profile, seed: u64) -> Self {
        let draws = Draws::new(seed);
        let mut setup = setup(profile, &mut draws.of(Purpose::Setup, profile as u64));
        vary(&mut draws.of(Purpose::Setup, 2 << 40), &mut setup);
        voices(&mut draws.of(Purpose::Setup, 4 << 40), &mut setup);
        furnish(&mut draws.of(Purpose::Setup, 5 << 40), &mut setup);
        issue(&mut draws.of(Purpose::Setup, 6 << 40), draws, &mut setup);
        report(&mut draws.of(Purpose::Setup, 7 << 40), &mut setup);
        let (hall, crowds) = (hall(draws, &setup), crowds(draws, &setup));
        let mut steps = arrivals(draws, &hall);
        talk(profile, draws, &hall, &crowds, &mut steps);
        visits(draws, &setup, &hall, &mut steps);
        faults(profile, draws, &setup, &crowds, &mut steps);
        if profile != Peace {
            flood(&mut draws.of(Purpose::Step, 7 << 40), &setup, &mut steps);
            oversleep(draws, &setup, &mut steps);
            fall_behind(draws, &setup, &mut steps);
        }
        calls(draws, &setup, profile != Peace, &mut steps);
        write_on(draws, &setup, &mut steps);
        receptions(draws, &setup, profile != Peace, &mut steps);
        renewals(draws, &setup, &mut steps);
        trials(draws, &setup, &mut steps);
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

fn setup(profile: Profile, c: &mut Cause) -> Setup {
    let clients = if profile == Mixed { c.within(10..=14) } else { c.within(2..=10) };
    let users = if c.chance(25) { clients.div_ceil(2) } else { clients };
    let (fast, drifts) = (c.chance(60), profile == Clock || c.chance(30));
    let client = |number: u64, c: &mut Cause| ClientSetup {
        user: u32::try_from(number % users).expect("few users"),
        latency_us: c.pick(&[200, 5 * MILLI, 40 * MILLI, 150 * MILLI]),
        jitter_us: c.pick(&[0, MILLI, 30 * MILLI]),
        rate: if fast { 10_000_000 } else { c.pick(&[50_000, 500_000, 10_000_000]) },
        send_buffer: c.pick(&[2_048, 16 * 1_024, 64 * 1_024]),
        clock: if drifts { clock(c) } else { ClockSetup::default() },
        voice: None,
        undecided: false,
        pass: None,
    };
    let people: Vec<ClientSetup> = (0..clients).map(|number| client(number, c)).collect();
    let clock = if drifts { clock(c) } else { ClockSetup::default() };
    let fewest = if profile == Mixed { 2 } else { 1 };
    let rooms = within(c, fewest..=3);
    let nodes = within(c, fewest..=3);
    let mut gateway = gateway(profile, clients, u64::from(nodes), c);
    gateway.shards = within(c, fewest..=4);
    let unanswered_max = c.pick(&[2, 8, 64]);
    let shard = ShardConfig { answers_max: c.pick(&[unanswered_max, 64]), ..shard(clients, users, rooms, c) };
    // A slow reader's view of a small room is made good with one page.
    gateway.list_page_max = gateway.list_page_max.max(shard.roster_max);
    let patience = Patience {
        backoff_base: Duration::from_millis(c.pick(&[100, 500])),
        backoff_max: Duration::from_secs(c.pick(&[1, 4])),
        // A client must not give up before the server's next ping can arrive.
        silence_timeout: gateway.ping_interval * 11 / 10 + Duration::from_secs(5),
        unanswered_max: unanswered_max as usize,
        queue_max: c.pick(&[16, 1_024]),
        retry_rate_limited: c.chance(85),
        attempts_max: c.chance(5).then(|| within(c, 2..=6)),
        asks_max: c.pick(&[1, 16]),
        typing_max: ClientConfig::default().typing_max,
    };
    let frozen = if profile != Peace && c.chance(50) { c.within(0..=clients / 2) } else { 0 };
    let frozen = (0..frozen).map(|_| within(c, 0..=clients - 1)).collect::<std::collections::BTreeSet<u32>>();
    Setup {
        nodes,
        clients: people,
        rooms,
        parlours: 0,
        bots: Vec::new(),
        patience,
        mail_us_max: c.pick(&[0, 200, 10 * MILLI]),
        chaos_us: c.within(10..=40) * SECOND,
        clock,
        calms: Vec::new(),
        frozen: frozen.into_iter().collect(),
        safety_only: profile == NoLimits,
        replicated: false,
        shard,
        gateway,
    }
}

/// What few scenarios have.
fn vary(c: &mut Cause, setup: &mut Setup) {
    let patience = &mut setup.patience;
    if c.chance(20) {
        patience.backoff_base = Duration::from_millis(10);
    }
    if c.chance(20) {
        patience.typing_max = c.pick(&[1, 2]);
    }
    setup.replicated = c.chance(5);
    if c.chance(20) {
        // One of them hosts no shard.
        setup.nodes = setup.gateway.shards + 1;
    }
    if c.chance(25) {
        let quota = |count, millis, action| Quota { count, per: Duration::from_millis(millis), action };
        let action = c.pick(&[Above::Warn, Above::Error, Above::Warn, Above::Error, Above::Close]);
        // Who is closed for every other message does little else.
        let least = if action == Above::Close { Above::Error } else { action };
        setup.gateway.message_quotas = c
            .pick(&[
                [Some(quota(1, 100, least)), None],
                [Some(quota(5, 1_000, action)), None],
                [Some(quota(10, 3_000, action)), Some(quota(1, 50, least))],
                // Longer than most are away.
                [Some(quota(15, 10_000, action)), None],
                [Some(quota(8, 8_000, action)), None],
            ])
            .into_iter()
            .flatten()
            .collect();
    }
    if setup.gateway.message_burst > 1 && c.chance(3) {
        setup.gateway.rate_action = Above::Close;
    }
    if c.chance(20) {
        (setup.shard.keys_per_user_max, setup.shard.key_window) = (c.pick(&[4, 8]), Duration::from_secs(90));
    }
}

/// About a quarter of the clients of most scenarios are plain ones, of one dialect, of some, or of all.
fn voices(c: &mut Cause, setup: &mut Setup) {
    let spoken: Vec<Dialect> = match c.within(0..=9) {
        0..=1 => Vec::new(),
        2..=4 => vec![c.pick(&Dialect::ALL)],
        5..=7 => Dialect::ALL.into_iter().filter(|_| c.chance(50)).collect(),
        _ => Dialect::ALL.into(),
    };
    let users: Vec<u32> = setup.clients.iter().map(|client| client.user).collect();
    let mut next = users.iter().max().map_or(0, |last| last + 1);
    // The first two look into back rooms, and some habits are theirs.
    for client in setup.clients.iter_mut().skip(2) {
        if spoken.is_empty() || !c.chance(32) {
            continue;
        }
        client.voice = Some(c.pick(&spoken));
        // There a line asks for help first, and some limits leave no room for one more.
        client.undecided = c.chance(30) && setup.gateway.control_burst > 3;
        if users.iter().filter(|&&user| user == client.user).count() > 1 {
            // Each has a user of their own.
            client.user = next;
            next += 1;
        }
    }
    twins(c, setup);
    if setup.clients.iter().any(|client| client.voice == Some(Dialect::Lobby)) {
        // Whoever comes back goes once through all rooms to be there, and once more to say what they have to say there.
        setup.gateway.control_burst = setup.gateway.control_burst.max(2 * setup.rooms + 1);
    }
}

/// Where somebody is told how nodes fare, they are told often; in some scenarios nodes hold as much as they may.
fn report(c: &mut Cause, setup: &mut Setup) {
    setup.gateway.health_interval = Duration::from_secs(c.pick(&[1, 2, 5]));
    let is_told = setup.clients.iter().any(|client| client.voice == Some(Dialect::Envelope));
    if is_told && c.chance(10) {
        let few = setup.clients.len() as u64 / u64::from(setup.nodes) + 2;
        setup.gateway.connections_max = within(c, few..=few + 2);
    }
}

/// In some scenarios two clients of specification 4 share a user, of whom the one that comes last is served.
fn twins(c: &mut Cause, setup: &mut Setup) {
    let is_agent = |client: &&mut ClientSetup| client.voice == Some(Dialect::Agents);
    let mut agents = setup.clients.iter_mut().filter(is_agent);
    if c.chance(50)
        && let (Some(first), Some(second)) = (agents.next(), agents.next())
    {
        second.user = first.user;
    }
}

/// A clock that is wrong, and runs too fast or too slow by up to half a percent.
fn clock(c: &mut Cause) -> ClockSetup {
    let drift = within(c, 0..=10_000).cast_signed() - 5_000;
    ClockSetup { ahead_us: c.pick(&[0, 1, 3_600]) * SECOND, drift_ppm: drift }
}

/// Limits are often tiny, so that what happens at them happens often.
fn gateway(profile: Profile, clients: u64, nodes: u64, c: &mut Cause) -> GatewayConfig {
    let outbox_bytes_max = if profile == Overload { 8 } else { c.pick(&[8, 16, 64, 1_024]) } * 1_024;
    let (abuse, few) = (c.chance(30), clients / nodes + 2);
    GatewayConfig {
        message_rate: c.pick(&[4, 20, 100]),
        message_burst: c.pick(&[1, 3, 10]),
        control_rate: c.pick(&[5, 20]),
        control_burst: c.pick(&[3, 8, 40]),
        content_bytes_max: (outbox_bytes_max / 16).min(4_096),
        history_on_join: c.pick(&[0, 3, 50]),
        page_messages_max: c.pick(&[2, 10, 200]),
        page_bytes_max: c.pick(&[1_024, 64 * 1_024]),
        list_page_max: c.pick(&[2, 50, 200]),
        typing_ttl: Duration::from_secs(c.pick(&[2, 6])),
        ping_interval: Duration::from_secs(c.pick(&[2, 5, 10])),
        pong_timeout: Duration::from_secs(c.pick(&[2, 6])),
        attach_timeout: Duration::from_secs(c.pick(&[4, 15])),
        idle_timeout: c.chance(3).then_some(Duration::from_secs(20)),
        outbox_bytes_max,
        chunk_bytes: c.pick(&[512, 16 * 1_024]),
        unanswered_max: c.pick(&[2, 4, 64]),
        abuse_window: Duration::from_secs(if abuse { 5 } else { 60 }),
        abuse_refusals_min: if abuse { 10 } else { 60 },
        connections_max: if c.chance(10) { within(c, few..=few + 2) } else { 100_000 },
        return_spread: Duration::from_millis(c.pick(&[100, 2_000])),
        drain_rate: c.pick(&[10, 20, 5_000]),
        ..GatewayConfig::default()
    }
}

fn shard(clients: u64, users: u64, rooms: u32, c: &mut Cause) -> ShardConfig {
    let normal = ShardConfig::default();
    // Whoever was turned away is not asked for much: in most scenarios everybody fits in.
    let is_tight = c.chance(15);
    let tight =
        |c: &mut Cause, tight: u32, normal: u32| if is_tight && c.chance(40) { tight } else { normal };
    let clients = u32::try_from(clients).expect("few clients");
    let drawn = ShardConfig {
        history_max: c.pick(&[3, 5, 8, 20, 1_000]),
        roster_max: c.pick(&[2, 5, 100, 100]),
        roster_interval: Duration::from_millis(c.pick(&[100, 1_000])),
        room_ttl: Duration::from_secs(c.pick(&[1, 3_600])),
        presence_grace: Duration::from_millis(c.pick(&[500, 2_000, 6_000])),
        resume_window: Duration::from_secs(c.pick(&[3, 6, 15])),
        room_members_max: c.chance(18).then(|| within(c, users.min(2)..=users)),
        rooms_max: tight(c, 2, normal.rooms_max),
        rooms_per_session_max: tight(c, rooms.div_ceil(2), normal.rooms_per_session_max),
        sessions_per_user_max: tight(c, 2, normal.sessions_per_user_max),
        sessions_max: tight(c, clients + 2, normal.sessions_max),
        tasks_max: c.pick(&[2, 100]),
        room_creation: if is_tight && c.chance(25) { RoomCreation::Admin } else { RoomCreation::Anyone },
        rooms_per_user_max: if c.chance(if is_tight { 80 } else { 12 }) {
            1
        } else {
            normal.rooms_per_user_max
        },
        finished_tasks_max: c.pick(&[1, normal.finished_tasks_max]),
        ..normal
    };
    // No week passes in a scenario: where rooms go, those of bots go, too.
    ShardConfig { bot_room_ttl: drawn.room_ttl, ..drawn }
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
fn talk(profile: Profile, draws: Draws, setup: &Setup, crowds: &[u64], steps: &mut Vec<Step>) {
    let mut c = draws.of(Purpose::Step, 2 << 40);
    let kept: Vec<(u32, Draw)> = REQUESTS.iter().copied().filter(|_| c.chance(60)).collect();
    let count = c.pick(&[100, 300, 700]) * if profile == Overload { 2 } else { 1 };
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
            && c.chance(40)
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
    (c.pick(crowds) + c.within(0..=500 * MILLI)).min(setup.chaos_us)
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
            let is_servers = match action {
                Action::Restart { .. }
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
        Binary, Brim, Broken, Echo, Empty, Forged, Garbage, Hello, Huge, Long, Names, Ping, Shape, Stranger,
        Token, TooMuch, Unknown, Utf8,
    };
    // These end a client for good.
    if c.chance(5) {
        return c.pick(&[Broken, Utf8, Huge]);
    }
    c.pick(&[
        Garbage, Shape, Unknown, Forged, Hello, Binary, Ping, Long, Brim, Token, Echo, Stranger, Empty,
        TooMuch, Names,
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

    #[test]
    fn seeds_differ_and_repeat() {
        assert_eq!(Scenario::generate(1), Scenario::generate(1));
        assert_ne!(Scenario::generate(1), Scenario::generate(2));
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
    fn every_action_and_every_family_occurs_and_is_missing() {
        let name = |action: &Action| {
            serde_json::to_value(action).unwrap().to_string().split('"').nth(1).unwrap().to_owned()
        };
        let seen: Vec<std::collections::BTreeSet<String>> = (0..64)
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

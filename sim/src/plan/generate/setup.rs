//! Of how many clients, rooms and nodes a scenario is made, and within what limits.

use std::time::Duration;

use chinwag_core::{
    client::ClientConfig,
    config::{FRAME_BYTES_MIN, GatewayConfig, RoomCreation, ShardConfig},
    dialect::Dialect,
    limiter::{Action as Above, Quota},
};
use chinwag_journal::store::Durability;

use super::{MILLI, SECOND, within};
use crate::plan::{
    draw::Cause,
    profile::Profile::{self, Calm as Peace, Clock, Default as Mixed, Durable, NoLimits, Overload},
    scenario::{ClientSetup, ClockSetup, DiskSetup, FrozenNode, Patience, Setup},
};

/// Who and where, and what limits they have.
pub(super) fn draw(profile: Profile, c: &mut Cause) -> Setup {
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
        frozen_node: None,
        safety_only: profile == NoLimits,
        replicated: false,
        disk: None,
        shard,
        gateway,
    }
}

/// What few scenarios have.
pub(super) fn vary(c: &mut Cause, setup: &mut Setup) {
    let patience = &mut setup.patience;
    if c.chance(20) {
        patience.backoff_base = Duration::from_millis(10);
    }
    if c.chance(20) {
        patience.typing_max = c.pick(&[1, 2]);
    }
    setup.replicated = c.chance(7);
    if c.chance(20) {
        // One of them hosts no shard.
        setup.nodes = setup.gateway.shards + 1;
    }
    if c.chance(35) {
        let quota = |count, millis, action| Quota { count, per: Duration::from_millis(millis), action };
        let action = c.pick(&[Above::Warn, Above::Error, Above::Error, Above::Close]);
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

/// In some scenarios shards outlive the server's process, and in all that are about that.
pub(super) fn equip(profile: Profile, c: &mut Cause, setup: &mut Setup) {
    if !c.chance(if profile == Durable { 100 } else { 20 }) {
        return;
    }
    let (commit, interval) = (Durability::Commit, Durability::Interval);
    setup.disk = Some(DiskSetup {
        durability: c.pick(&[commit, commit, commit, interval, interval, Durability::None]),
        latency_us_max: c.pick(&[100, 2 * MILLI, 20 * MILLI]),
        sync_interval_us: c.pick(&[20 * MILLI, 200 * MILLI]),
        snapshot_bytes: c.pick(&[512, 4_096, 32_768, 1 << 20]),
        segment_bytes: c.pick(&[1_024, 16_384, 1 << 20]),
    });
    // A replica would have to begin with what was kept, too.
    setup.replicated = false;
}

/// In some scenarios that have a node without shards it does nothing more in the end.
pub(super) fn freeze(c: &mut Cause, setup: &mut Setup) {
    // The others must have room for everybody.
    let left = u64::from(setup.nodes - 1) * u64::from(setup.gateway.connections_max);
    let is_enough = left >= setup.clients.len() as u64 + 2;
    if setup.nodes > setup.gateway.shards && is_enough && c.chance(50) {
        let node = within(c, u64::from(setup.gateway.shards)..=u64::from(setup.nodes - 1));
        setup.frozen_node = Some(FrozenNode { node, for_us: c.within(0..=10 * SECOND) });
    }
}

/// About a quarter of the clients of most scenarios are plain ones, of one dialect, of some, or of all.
pub(super) fn voices(c: &mut Cause, setup: &mut Setup) {
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
pub(super) fn report(c: &mut Cause, setup: &mut Setup) {
    setup.gateway.health_interval = Duration::from_secs(c.pick(&[1, 2, 5]));
    if setup.clients.iter().all(|client| client.voice != Some(Dialect::Envelope)) {
        return;
    }
    if c.chance(60) {
        // Whoever goes slowly is told of it on the way.
        setup.gateway.drain_rate = within(c, 1..=3);
    }
    if c.chance(60) {
        let few = setup.clients.len() as u64 / u64::from(setup.nodes) + 2;
        setup.gateway.connections_max = within(c, few..=few + 1);
    }
}

/// Where everybody uses core's client, which knows how long a frame may be, it may be just as long as a content.
pub(super) fn shorten(c: &mut Cause, setup: &mut Setup) {
    if setup.clients.iter().all(|client| client.voice.is_none()) && c.chance(40) {
        setup.gateway.frame_bytes_max = setup.gateway.content_bytes_max.max(FRAME_BYTES_MIN);
    }
}

/// In most scenarios that have a client of specification 4 and another plain one, two of that dialect share a user, of whom
/// the one that comes last is served.
fn twins(c: &mut Cause, setup: &mut Setup) {
    let is_agent = |client: &ClientSetup| client.voice == Some(Dialect::Agents);
    let (agents, others): (Vec<&mut ClientSetup>, Vec<&mut ClientSetup>) =
        setup.clients.iter_mut().filter(|client| client.voice.is_some()).partition(|client| is_agent(client));
    if !c.chance(90) {
        return;
    }
    let mut both = agents.into_iter().chain(others);
    if let (Some(first), Some(second)) = (both.next(), both.next())
        && is_agent(first)
    {
        (second.user, second.voice) = (first.user, first.voice);
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
        idle_timeout: c.chance(7).then_some(Duration::from_secs(20)),
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
        history_max: c.pick(&[3, 5, 8, 12, 20, 1_000]),
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
        room_creation: if is_tight && c.chance(60) { RoomCreation::Admin } else { RoomCreation::Anyone },
        rooms_per_user_max: if c.chance(if is_tight { 80 } else { 15 }) {
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

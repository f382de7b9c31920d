//! What a scenario plays in: limits, lines and sizes.

use std::{collections::BTreeSet, time::Duration};

use chinwag_core::{
    RoomName,
    client::{Backoff, ClientConfig},
    config::{GatewayConfig, ShardConfig},
    dialect::Dialect,
    limiter::{self, Rate},
    name::LOBBY,
    role::Role,
};
use chinwag_journal::store::Durability;
use chinwag_oracle::Keep;
use serde::{Deserialize, Serialize};

/// What a scenario plays in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Nodes of the server, at least 1.
    pub nodes: u32,
    /// The user each client speaks for, and its line. Several clients may share a user.
    pub clients: Vec<ClientSetup>,
    /// Rooms there may be.
    pub rooms: u32,
    /// Rooms beside those that have owners: plain clients of the native dialect make them, and let others in.
    #[serde(default)]
    pub parlours: u32,
    /// Clients that are bots, and plain ones of the native dialect: after those rooms come theirs.
    #[serde(default)]
    pub bots: Vec<u32>,
    /// How clients behave.
    pub patience: Patience,
    /// Longest that mail from one node to another takes.
    pub mail_us_max: u64,
    /// When steps end and all faults are taken away, counted from the start.
    pub chaos_us: u64,
    /// The server's clock.
    #[serde(default)]
    pub clock: ClockSetup,
    /// Spans without steps, at whose beginning all faults are taken away and at whose end everything must be in order.
    #[serde(default)]
    pub calms: Vec<Calm>,
    /// Clients whose lines go dead when the others' are healed: the others must not suffer from it.
    #[serde(default)]
    pub frozen: Vec<u32>,
    /// A node that hosts no shard, and does nothing more when the others are healed: it is declared dead so many
    /// microseconds later, and the others must not suffer from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_node: Option<FrozenNode>,
    /// Faults stay until the end, and nothing is asked of those they hit: only what is shown is judged.
    #[serde(default)]
    pub safety_only: bool,
    /// The server's shards have replicas.
    #[serde(default)]
    pub replicated: bool,
    /// What the server's shards keep their logs on; in memory only without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskSetup>,
    /// The gateways' limits.
    pub gateway: GatewayConfig,
    /// The shards' limits.
    pub shard: ShardConfig,
}

/// One client.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSetup {
    /// The number of its user.
    pub user: u32,
    /// Latency of its line, one way.
    pub latency_us: u64,
    /// Most that a byte may take longer.
    pub jitter_us: u64,
    /// Bytes per second towards the client, and from it.
    pub rate: u64,
    /// Bytes the server's socket takes before they have left; the client's own takes an eighth of that.
    pub send_buffer: usize,
    /// Its clock.
    #[serde(default)]
    pub clock: ClockSetup,
    /// What it speaks, if it is a plain client without sessions, and not core's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<Dialect>,
    /// The address of a plain client leaves open what it speaks, and its first frame tells.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undecided: bool,
    /// What it shows who it is with, where the server verifies tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<Pass>,
}

/// The tokens of a client: a plain one has a new one for every connection; the first of core's own never ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// What they say of its user.
    pub role: Role,
    /// Whose bot they say its user is, if they do: a user's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
    /// How long each is good, while there are faults; in calms they are good for ever.
    pub lasts_us: u64,
    /// A newer one is shown in time, where the client's dialect is the native one.
    pub keeps: bool,
}

/// How an actor's clock differs from the world's.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSetup {
    /// How much later it thinks it is at the start.
    pub ahead_us: u64,
    /// How much faster it runs, in millionths; at most 10 %, either way.
    pub drift_ppm: i32,
}

/// A span in which nothing goes wrong, counted from the start.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Calm {
    /// Its beginning.
    pub from_us: u64,
    /// Its end.
    pub to_us: u64,
}

/// The disk of the server's machine, and what the server promises with it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DiskSetup {
    /// When what is appended counts as kept.
    #[serde(with = "durability")]
    pub durability: Durability,
    /// Longest that a write takes, and a sync.
    pub latency_us_max: u64,
    /// How often what was written is synced, where nobody waits for that.
    pub sync_interval_us: u64,
    /// A snapshot is due after so many bytes.
    pub snapshot_bytes: u64,
    /// Longest segment.
    pub segment_bytes: u64,
}

/// A promise as the server's settings name it.
mod durability {
    use chinwag_journal::store::Durability;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    pub(super) fn serialize<S: Serializer>(durability: &Durability, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(durability)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Durability, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A node that does nothing more.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenNode {
    /// Which.
    pub node: u32,
    /// How long it takes until it is declared dead: until then clients are still sent to it.
    pub for_us: u64,
}

/// How clients behave: the parts of [`ClientConfig`] that vary.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    /// See [`Backoff::base`].
    pub backoff_base: Duration,
    /// See [`Backoff::max`].
    pub backoff_max: Duration,
    /// See [`ClientConfig::silence_timeout`].
    pub silence_timeout: Duration,
    /// See [`ClientConfig::unanswered_max`].
    pub unanswered_max: usize,
    /// See [`ClientConfig::queue_max`].
    pub queue_max: usize,
    /// See [`ClientConfig::retry_rate_limited`].
    pub retry_rate_limited: bool,
    /// See [`Backoff::attempts_max`].
    #[serde(default)]
    pub attempts_max: Option<u32>,
    /// See [`ClientConfig::asks_max`].
    #[serde(default = "asks_max")]
    pub asks_max: usize,
    /// See [`ClientConfig::typing_max`].
    #[serde(default = "typing_max")]
    pub typing_max: usize,
}

fn asks_max() -> usize {
    ClientConfig::default().asks_max
}

fn typing_max() -> usize {
    ClientConfig::default().typing_max
}

impl Setup {
    /// The name of a room. If anybody speaks a dialect that knows the lobby, the first one is it.
    pub(crate) fn room_name(&self, room: u32) -> RoomName {
        let knows_lobby = |client: &ClientSetup| client.voice.is_some_and(|voice| voice.home().is_some());
        let name = if room == 0 && self.clients.iter().any(knows_lobby) {
            LOBBY.to_owned()
        } else {
            format!("r{room}")
        };
        RoomName::new(&name).expect("a short name")
    }

    /// How long it takes at most until what a shard is told is stored: it waits for what is being written and synced, and
    /// then is so itself.
    pub(crate) fn storing_time(&self) -> Duration {
        Duration::from_micros(self.disk.map_or(0, |disk| 4 * disk.latency_us_max))
    }

    /// The last moment of the faults: once they have ended, steps do nothing.
    pub(crate) const fn last_us(&self) -> u64 {
        self.chaos_us.saturating_sub(1)
    }

    /// How many rooms there may be with those that have owners, which come last.
    pub(crate) fn places(&self) -> usize {
        (self.rooms + self.parlours) as usize + self.bots.len()
    }

    /// The place of a room that has an owner, if there is such a one.
    pub(crate) fn parlour(&self, parlour: u32) -> Option<usize> {
        let place = self.rooms as usize + parlour as usize;
        (place < self.places()).then_some(place)
    }

    /// The places of those that have owners and are no bot's.
    pub(crate) const fn owned(&self) -> std::ops::Range<usize> {
        self.rooms as usize..(self.rooms + self.parlours) as usize
    }

    /// The name of a room in its place.
    pub(crate) fn place_name(&self, place: u32) -> RoomName {
        let Some(parlour) = place.checked_sub(self.rooms) else { return self.room_name(place) };
        let bot = parlour.checked_sub(self.parlours).and_then(|bot| self.bots.get(bot as usize));
        let user = bot.and_then(|&bot| self.clients.get(bot as usize)).map(|client| client.user);
        let name = user.map_or_else(|| format!("p{parlour}"), |user| format!("bot:u{user}"));
        RoomName::new(&name).expect("a short name")
    }

    /// What is kept of rooms and shown of it.
    pub(crate) fn keep(&self) -> Keep {
        Keep {
            history_max: self.shard.history_max.into(),
            history_on_join: self.gateway.history_on_join.into(),
            page_max: self.gateway.page_messages_max.into(),
        }
    }

    /// What limits do of which messages may be too many.
    pub(crate) fn limit_actions(&self) -> impl Iterator<Item = limiter::Action> {
        let Self { gateway, .. } = self;
        gateway.message_quotas.iter().map(|quota| quota.action).chain([gateway.rate_action])
    }

    /// How fast a session may send messages.
    pub(crate) fn message_rate(&self) -> Rate {
        Rate { per_second: self.gateway.message_rate, burst: self.gateway.message_burst }
    }

    /// Whether shards keep what users have left of their limits for messages for as long as that counts, of all of them
    /// and a stranger.
    pub(crate) fn keeps_what_is_spent(&self) -> bool {
        let Rate { per_second, burst } = self.message_rate();
        let is_long = self.gateway.message_quotas.iter().all(|quota| quota.per <= self.shard.limiter_ttl);
        is_long && self.keeps(per_second, burst)
    }

    /// The same of one limit.
    pub(crate) fn keeps(&self, per_second: u32, burst: u32) -> bool {
        let users: BTreeSet<u32> = self.clients.iter().map(|client| client.user).collect();
        let refills = Duration::from_secs(burst.into()) <= self.shard.limiter_ttl * per_second;
        refills && self.shard.spent_max as usize > users.len()
    }

    /// The clients' configuration.
    #[must_use]
    pub fn client_config(&self) -> ClientConfig {
        let Patience {
            backoff_base,
            backoff_max,
            silence_timeout,
            unanswered_max,
            queue_max,
            retry_rate_limited,
            attempts_max,
            asks_max,
            typing_max,
        } = self.patience;
        ClientConfig {
            backoff: Backoff { base: backoff_base, max: backoff_max, attempts_max, ..Backoff::default() },
            asks_max,
            typing_max,
            unanswered_max,
            queue_max,
            silence_timeout,
            typing_ttl: self.gateway.typing_ttl,
            retry_rate_limited,
            rosters: true,
        }
    }
}

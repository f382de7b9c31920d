//! Every limit and span, with its default.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    dialect::Dialect,
    limiter::{Action, QUOTA_MAX, Quota},
};

/// No limit that is a span is longer: sums of them must stay far from the end of time.
pub const SPAN_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Most quotas beside the rate.
pub const QUOTAS_MAX: usize = 4;

/// The least that [`GatewayConfig::frame_bytes_max`] may be: whatever is asked for with names alone fits.
pub const FRAME_BYTES_MIN: usize = 1024;

/// A limit that nothing can keep to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadLimit {
    /// The field.
    pub name: &'static str,
    /// Completes "it must be".
    pub must_be: &'static str,
}

impl fmt::Display for BadLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, must_be } = self;
        write!(f, "{name} must be {must_be}")
    }
}

impl std::error::Error for BadLimit {}

/// Applies a rule to each of these fields.
macro_rules! each {
    ($rule:ident($config:ident: $($field:ident),* $(,)?)) => {
        $($rule(stringify!($field), $config.$field)?;)*
    };
}

fn above_zero<T: Default + PartialEq>(name: &'static str, value: T) -> Result<(), BadLimit> {
    if value == T::default() { Err(BadLimit { name, must_be: "above zero" }) } else { Ok(()) }
}

fn a_span(name: &'static str, span: Duration) -> Result<(), BadLimit> {
    if span > SPAN_MAX { Err(BadLimit { name, must_be: "at most 366 days" }) } else { Ok(()) }
}

fn a_span_above_zero(name: &'static str, span: Duration) -> Result<(), BadLimit> {
    above_zero(name, span)?;
    a_span(name, span)
}

/// Limits of a gateway: what a connection may do, and how long things may take.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Shards in the system; rooms and users are spread over them by hash.
    pub shards: u32,
    /// Messages a session may send per second (S0.12).
    pub message_rate: u32,
    /// Messages a session may send at once after a rest.
    pub message_burst: u32,
    /// What happens to messages above that.
    pub rate_action: Action,
    /// Further limits on messages, by the hour or the like, each with its action; at most [`QUOTAS_MAX`]. They are of a
    /// user, whose connections to a gateway share them; each gateway counts for itself.
    pub message_quotas: Vec<Quota>,
    /// Joins, leaves, queries, typing and status per second and session.
    pub control_rate: u32,
    /// Those at once after a rest.
    pub control_burst: u32,
    /// Longest content, in bytes of UTF-8 (S0.13).
    pub content_bytes_max: usize,
    /// Longest text frame that is understood, in bytes; at least [`FRAME_BYTES_MIN`].
    pub frame_bytes_max: usize,
    /// Messages shown when a room is joined afresh (S0.26).
    pub history_on_join: u32,
    /// Most messages in one page of history.
    pub page_messages_max: u32,
    /// Most bytes in one page of history, on the wire and roughly.
    pub page_bytes_max: usize,
    /// Most names in one page of members or rooms.
    pub list_page_max: u32,
    /// A typing notice ends by itself after this.
    pub typing_ttl: Duration,
    /// A WebSocket ping goes out after this much silence (S0.10).
    pub ping_interval: Duration,
    /// A connection that shows no life this long after a ping is closed.
    pub pong_timeout: Duration,
    /// A connection must say who it is within this.
    pub attach_timeout: Duration,
    /// A connection that sends no frame for this long is closed; off when `None` (S1.47).
    pub idle_timeout: Option<Duration>,
    /// Most bytes waiting to be written to one connection.
    pub outbox_bytes_max: usize,
    /// Fan-out is gathered in chunks of about this many bytes.
    pub chunk_bytes: usize,
    /// Requests of one connection that may wait for an answer; past this its socket is not read.
    pub unanswered_max: u32,
    /// Whoever has at least half of what it sent refused for its rate, for a whole such span and after it, is closed.
    pub abuse_window: Duration,
    /// …but not for fewer refusals than this.
    pub abuse_refusals_min: u32,
    /// At most one rate warning per connection in this span.
    pub warning_interval: Duration,
    /// Connections one gateway holds at once.
    pub connections_max: u32,
    /// Connections of one user that stay open although a newer one has their session (S4.17): one more closes the
    /// oldest of them. 0 keeps none.
    pub silent_per_user_max: u32,
    /// Connections closed with "come back" return spread over this span.
    pub return_spread: Duration,
    /// Connections told to go per second while draining.
    pub drain_rate: u32,
    /// How often connections whose dialect asks for it are told how the gateway fares (S2.10).
    pub health_interval: Duration,
    /// In the `envelope` dialect, rooms that are not there and what one may not do end the connection (S2.13).
    pub strict_closes: bool,
    /// There is a key: tokens that are shown are verified.
    pub verify_tokens: bool,
    /// In these dialects nobody speaks without a token; in all where there is a key, when `None`.
    pub token_dialects: Option<Vec<Dialect>>,
    /// A connection whose token has expired may go on for this long, to show another.
    pub token_grace: Duration,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            shards: 1,
            message_rate: 10,
            message_burst: 10,
            rate_action: Action::Warn,
            message_quotas: Vec::new(),
            control_rate: 20,
            control_burst: 40,
            content_bytes_max: 4096,
            frame_bytes_max: 16 * 1024,
            history_on_join: 50,
            page_messages_max: 200,
            page_bytes_max: 64 * 1024,
            list_page_max: 200,
            typing_ttl: Duration::from_secs(6),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            attach_timeout: Duration::from_secs(60),
            idle_timeout: None,
            outbox_bytes_max: 1024 * 1024,
            chunk_bytes: 16 * 1024,
            unanswered_max: 64,
            abuse_window: Duration::from_secs(60),
            abuse_refusals_min: 60,
            warning_interval: Duration::from_secs(1),
            connections_max: 100_000,
            silent_per_user_max: 8,
            return_spread: Duration::from_secs(2),
            drain_rate: 5_000,
            health_interval: Duration::from_secs(30),
            strict_closes: false,
            verify_tokens: false,
            token_dialects: None,
            token_grace: Duration::from_secs(30),
        }
    }
}

impl GatewayConfig {
    /// Whether nobody speaks this dialect without a token.
    #[must_use]
    pub fn needs_token(&self, dialect: Dialect) -> bool {
        self.token_dialects.as_ref().map_or(self.verify_tokens, |dialects| dialects.contains(&dialect))
    }

    /// Whether each limit makes sense by itself.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), BadLimit> {
        each!(above_zero(
            self: shards, message_rate, message_burst, control_rate, control_burst, content_bytes_max,
            frame_bytes_max, page_messages_max, page_bytes_max, list_page_max, outbox_bytes_max, chunk_bytes,
            unanswered_max, abuse_refusals_min, connections_max, drain_rate,
        ));
        each!(a_span_above_zero(
            self: typing_ttl, ping_interval, pong_timeout, attach_timeout, abuse_window, health_interval,
        ));
        each!(a_span(self: warning_interval, return_spread, token_grace));
        if self.frame_bytes_max < FRAME_BYTES_MIN {
            return Err(BadLimit { name: "frame_bytes_max", must_be: "at least 1024" });
        }
        if self.message_quotas.len() > QUOTAS_MAX {
            return Err(BadLimit { name: "message_quotas", must_be: "at most four" });
        }
        for quota in &self.message_quotas {
            a_span_above_zero("message_quotas", quota.per)?;
            if quota.count == 0 || quota.count > QUOTA_MAX {
                return Err(BadLimit { name: "message_quotas", must_be: "of 1 to 10000 messages each" });
            }
        }
        self.idle_timeout.map_or(Ok(()), |span| a_span_above_zero("idle_timeout", span))
    }
}

/// Who may make rooms.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomCreation {
    /// Whoever joins or creates one.
    #[default]
    Anyone,
    /// Admins only.
    Admin,
}

/// Limits of a shard. They are part of its log: see [`Op::Genesis`](crate::shard::Op::Genesis).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShardConfig {
    /// Messages kept per room.
    pub history_max: u32,
    /// Rooms up to this size carry their member list in events.
    pub roster_max: u32,
    /// Larger rooms report joins and leaves this often.
    pub roster_interval: Duration,
    /// Members a room may hold; no bound when `None` (S1.48).
    pub room_members_max: Option<u32>,
    /// Rooms a shard may hold; one place is kept for the lobby.
    pub rooms_max: u32,
    /// Rooms of a shard that one user may have made, of those that are there. The lobby is nobody's.
    pub rooms_per_user_max: u32,
    /// An empty room is kept this long after it was made, after the last member went, and after the last word in it.
    pub room_ttl: Duration,
    /// The same of a bot's room: what is said to a bot while it is away waits for it (S3.8).
    pub bot_room_ttl: Duration,
    /// Rooms of this shard a session may be in.
    pub rooms_per_session_max: u32,
    /// Sessions a user may have.
    pub sessions_per_user_max: u32,
    /// Sessions a shard may know.
    pub sessions_max: u32,
    /// A member whose connection is gone is shown offline after this.
    pub presence_grace: Duration,
    /// A session can be resumed this long after its connection is gone.
    pub resume_window: Duration,
    /// The limiters of an ended session are kept for its user's next one this long, and so is what users have used of
    /// their quotas: no shorter than the longest of these.
    pub limiter_ttl: Duration,
    /// Users of whom a shard keeps that: beyond them, who would be forgotten first is.
    pub spent_max: u32,
    /// Answers kept per session, so that a repeated send is answered and not repeated.
    pub answers_max: u32,
    /// Keys remembered of one user's messages; while so many are, messages with a new key are refused.
    pub keys_per_user_max: u32,
    /// Keys a shard remembers, of all users.
    pub keys_max: u32,
    /// A message's key is remembered this long: repeats are answered, not repeated.
    pub key_window: Duration,
    /// Tasks a room may hold. Finished ones make room for others, the one first that was finished first.
    pub tasks_max: u32,
    /// Finished tasks a room keeps, for newcomers to see what has become of them: the latest.
    pub finished_tasks_max: u32,
    /// Users that a private room may let in, beside its owner, its bot and admins.
    pub invited_max: u32,
    /// Who may make rooms.
    pub room_creation: RoomCreation,
    /// There is a key: whose a bot is, its own token says, and not who comes to its room first (S3.23); and only bots and
    /// admins say what agents say (S4.10). Without one everybody is who they say they are.
    pub verify_tokens: bool,
}

impl Default for ShardConfig {
    fn default() -> Self {
        Self {
            history_max: 1_000,
            roster_max: 100,
            roster_interval: Duration::from_secs(1),
            room_members_max: None,
            rooms_max: 100_000,
            rooms_per_user_max: 100,
            room_ttl: Duration::from_secs(3_600),
            bot_room_ttl: Duration::from_secs(7 * 86_400),
            rooms_per_session_max: 100,
            sessions_per_user_max: 16,
            sessions_max: 1_000_000,
            presence_grace: Duration::from_secs(15),
            resume_window: Duration::from_secs(120),
            limiter_ttl: Duration::from_secs(60),
            spent_max: 100_000,
            answers_max: 64,
            keys_per_user_max: 4_000,
            keys_max: 1_000_000,
            key_window: Duration::from_secs(120),
            tasks_max: 100,
            finished_tasks_max: 20,
            invited_max: 1_000,
            room_creation: RoomCreation::Anyone,
            verify_tokens: false,
        }
    }
}

impl ShardConfig {
    /// Whether each limit makes sense by itself.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), BadLimit> {
        each!(above_zero(
            self: history_max, rooms_max, rooms_per_user_max, rooms_per_session_max, sessions_per_user_max,
            sessions_max, spent_max, answers_max, keys_per_user_max, keys_max,
        ));
        each!(a_span_above_zero(self: roster_interval, key_window));
        each!(a_span(self: room_ttl, bot_room_ttl, presence_grace, resume_window, limiter_ttl));
        self.room_members_max.map_or(Ok(()), |max| above_zero("room_members_max", max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_make_sense_and_what_does_not_is_named() {
        assert_eq!(GatewayConfig::default().check(), Ok(()));
        assert_eq!(ShardConfig::default().check(), Ok(()));
        let gateway = GatewayConfig { list_page_max: 0, ..GatewayConfig::default() };
        assert_eq!(gateway.check().unwrap_err().to_string(), "list_page_max must be above zero");
        let gateway = GatewayConfig { idle_timeout: Some(Duration::ZERO), ..GatewayConfig::default() };
        assert_eq!(gateway.check().unwrap_err().to_string(), "idle_timeout must be above zero");
        let shard = ShardConfig { resume_window: Duration::MAX, ..ShardConfig::default() };
        assert_eq!(shard.check().unwrap_err().to_string(), "resume_window must be at most 366 days");
        let shard = ShardConfig { presence_grace: Duration::ZERO, ..ShardConfig::default() };
        assert_eq!(shard.check(), Ok(()), "who is gone may be shown so at once");
    }
}

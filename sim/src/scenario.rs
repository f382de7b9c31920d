//! A scenario: all that happens from outside, as plain data. A run is a function of it.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use chinwag_core::{
    RoomName,
    client::{Backoff, ClientConfig},
    config::{GatewayConfig, ShardConfig},
    dialect::Dialect,
    limiter::{self, Rate},
    name::LOBBY,
    role::Role,
};
use chinwag_oracle::Keep;
use serde::{Deserialize, Serialize};

use crate::{
    profile::{Name, Profile},
    sane,
};

/// The form of scenario files. Other numbers are refused.
const SCHEMA: u32 = 1;

/// A setup and what happens in it.
///
/// Steps are total: one that makes no sense when its time comes does nothing. So any subset of the steps is a
/// scenario, too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scenario {
    /// The seed it was made from, which also seeds what is left to chance.
    pub seed: u64,
    /// What that seed was for.
    pub profile: Profile,
    /// Limits, lines and sizes.
    pub setup: Setup,
    /// In order of time.
    pub steps: Vec<Step>,
}

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
    /// Faults stay until the end, and nothing is asked of those they hit: only what is shown is judged.
    #[serde(default)]
    pub safety_only: bool,
    /// The server's shards have replicas.
    #[serde(default)]
    pub replicated: bool,
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
    /// Bytes the server's socket takes before they have left.
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

impl Scenario {
    /// The name under which `sim` makes it again.
    #[must_use]
    pub const fn name(&self) -> Name {
        Name { profile: self.profile, seed: self.seed }
    }

    /// How long after the last fault everything must have come to rest: every timeout that may still have to pass, one
    /// after the other, and the time that the busiest client's messages take at its rate.
    #[must_use]
    pub fn settling_time(&self) -> Duration {
        let Setup { patience, gateway, shard, .. } = &self.setup;
        let noticing = patience.silence_timeout + gateway.ping_interval + gateway.pong_timeout;
        let returning = patience.backoff_max * 2 + gateway.return_spread;
        let forgetting = shard.resume_window + shard.presence_grace + gateway.typing_ttl;
        let mut sends: BTreeMap<u32, u32> = BTreeMap::new();
        for step in &self.steps {
            if let (Action::Say { times, .. } | Action::Talk { times, .. }, Actor::Client(client)) =
                (&step.action, step.actor)
            {
                // Quotas are a user's, on however many clients.
                let has_quotas = !gateway.message_quotas.is_empty();
                let user = self.setup.clients.get(client as usize).map(|setup| setup.user);
                *sends.entry(user.filter(|_| has_quotas).unwrap_or(client)).or_default() += times;
            }
        }
        // Who is over its rate sends one at a time and waits for each answer.
        let slowest = gateway.message_quotas.iter().map(|quota| quota.per / quota.count.max(1)).max();
        let rate = Duration::from_secs(1) / gateway.message_rate.max(1);
        let each = rate.max(slowest.unwrap_or_default()) + Duration::from_millis(500);
        // Some limits close whoever is above them, who then has to come back.
        let closes = self.setup.limit_actions().any(|action| action == limiter::Action::Close);
        let each = if closes { each + gateway.return_spread + Duration::from_secs(1) } else { each };
        let talking = each * sends.into_values().max().unwrap_or(0);
        let by_the_book =
            noticing + returning + forgetting + talking + self.uploading_time() + Duration::from_secs(10);
        // Clocks that run slow take longer.
        let drift = self
            .setup
            .clients
            .iter()
            .map(|client| client.clock.drift_ppm)
            .chain([self.setup.clock.drift_ppm]);
        by_the_book + by_the_book * 2 * drift.map(i32::unsigned_abs).max().unwrap_or(0) / 1_000_000
    }

    /// How long the largest frames that one client sends take on its line, if none of them is slowed down.
    fn uploading_time(&self) -> Duration {
        let mut frames: BTreeMap<u32, u64> = BTreeMap::new();
        for step in &self.steps {
            if let Actor::Client(client) = step.actor
                && let Action::Nonsense { kind: Nonsense::Brim | Nonsense::Long, times } = &step.action
            {
                *frames.entry(client).or_default() += u64::from(*times);
            }
        }
        let bytes_max = self.setup.gateway.frame_bytes_max as u64;
        let seconds = frames.into_iter().filter_map(|(client, count)| {
            let rate = self.setup.clients.get(client as usize)?.rate.max(1);
            Some((count * bytes_max).div_ceil(rate))
        });
        Duration::from_secs(seconds.max().unwrap_or(0))
    }
}

/// Something that happens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its number; stays when others go.
    pub id: u32,
    /// When, counted from the start.
    pub at_us: u64,
    /// To whom; unknown ones do nothing.
    pub actor: Actor,
    /// What.
    #[serde(rename = "do")]
    pub action: Action,
}

/// Who does something, or has something done to them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A client, by number.
    Client(u32),
    /// The server process with all its nodes.
    Server,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => write!(f, "c{client}"),
            Self::Server => f.write_str("server"),
        }
    }
}

/// What happens. Rooms are numbers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The user enters a room.
    Join {
        /// Which.
        room: u32,
    },
    /// The user leaves a room.
    Leave {
        /// Which.
        room: u32,
    },
    /// The user says something, perhaps several times in a row.
    Say {
        /// Where.
        room: u32,
        /// How often.
        times: u32,
        /// Bytes of content each time; a few more if it is too short to tell messages apart.
        bytes: u32,
    },
    /// The user begins or stops writing.
    Typing {
        /// Where.
        room: u32,
        /// Begins, or stops.
        on: bool,
    },
    /// The user reads older messages.
    History {
        /// Where.
        room: u32,
        /// Only before this one.
        before: Option<u64>,
        /// How many.
        limit: u32,
    },
    /// The user asks who is there.
    Members {
        /// Where.
        room: u32,
    },
    /// The user asks which rooms there are.
    Rooms,
    /// The user says what they are doing.
    Status {
        /// Where.
        room: u32,
    },
    /// The user makes a room.
    Create {
        /// Which.
        room: u32,
    },
    /// The user of a plain client says once more, under the same key, what they were told is there.
    Repeat {
        /// So many messages before the last one of those.
        back: u32,
    },
    /// The user wants to make a room that has an owner.
    Found {
        /// Which.
        parlour: u32,
        /// It is for those only whom they let in.
        private: bool,
    },
    /// The user wants to be in such a room.
    Visit {
        /// Which.
        parlour: u32,
    },
    /// The user leaves it.
    Depart {
        /// Which.
        parlour: u32,
    },
    /// The user says something there.
    Talk {
        /// Where.
        parlour: u32,
        /// How often.
        times: u32,
    },
    /// The user lets the user of a client in.
    Invite {
        /// Where.
        parlour: u32,
        /// Whose.
        whom: u32,
    },
    /// The user sends the user of a client away.
    Kick {
        /// From where.
        parlour: u32,
        /// Whose.
        whom: u32,
    },
    /// The user starts or stops the bot of a room.
    Run {
        /// Which, of those that have owners.
        parlour: u32,
        /// Starts, or stops.
        on: bool,
    },
    /// The user, who is a bot, says that they have dealt with what was said in their room.
    See {
        /// Which.
        parlour: u32,
        /// But for so many messages.
        back: u32,
    },
    /// The client shows a newer token.
    Renew {
        /// It is one.
        good: bool,
    },
    /// The user says something that just fits, or is a little too much.
    Try {
        /// Where.
        room: u32,
        /// What, of all that is tried.
        what: u32,
    },
    /// The user says where a task stands.
    Task {
        /// Where.
        room: u32,
        /// Which.
        task: u32,
    },
    /// The user goes away for good.
    Quit,
    /// The client's program dies and is started again, knowing nothing but which rooms its user wants to be in.
    Crash,
    /// Someone who is nobody opens a connection over the client's line.
    Intrude {
        /// What for.
        aim: Aim,
    },
    /// Someone speaks nonsense on the client's connection.
    Nonsense {
        /// Which kind.
        kind: Nonsense,
        /// How often.
        times: u32,
    },
    /// The client's connection is cut; what travels is lost, and its ends learn of it in their own time.
    Cut,
    /// The client's connection is reset: what travels is lost, and its ends learn of it at once.
    Reset,
    /// The client's connection is closed without a word, after everything that was sent.
    Fin,
    /// The clock jumps. A clock that jumps back stands still instead, for drivers never let time run backwards.
    Jump {
        /// Forwards, or backwards if negative.
        by_us: i64,
    },
    /// A node of the server does nothing.
    Pause {
        /// Which.
        node: u32,
        /// For so long.
        for_us: u64,
    },
    /// The client's connection goes silent, and nobody is told.
    HalfOpen {
        /// What the client sends is lost.
        up: bool,
        /// What the server sends is lost.
        down: bool,
    },
    /// Nothing moves on the client's line, whatever the connection.
    Stall {
        /// Nothing it sends.
        up: bool,
        /// Nothing it is sent.
        down: bool,
        /// For so long.
        for_us: u64,
    },
    /// The client reads slowly.
    Slow {
        /// Bytes per second.
        rate: u64,
        /// For so long.
        for_us: u64,
    },
    /// The server process dies and is started again with nothing.
    Restart {
        /// First it tells everybody, and waits for so long.
        drain_us: Option<u64>,
        /// How long it is away.
        for_us: u64,
    },
    /// A node of the server that hosts no shard dies, and starts again with nothing; the others live on.
    NodeDies {
        /// Which.
        node: u32,
    },
    /// Mail between the server's nodes is slow.
    Skew {
        /// It takes up to so long.
        mail_us_max: u64,
        /// For so long.
        for_us: u64,
    },
}

/// What a client of this protocol never sends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Nonsense {
    /// Text that is no JSON.
    Garbage,
    /// JSON of the wrong shape.
    Shape,
    /// A type nobody knows.
    Unknown,
    /// A message in someone else's name.
    Forged,
    /// `hello` again.
    Hello,
    /// A binary frame.
    Binary,
    /// A ping.
    Ping,
    /// A frame above the limit that is still read.
    Long,
    /// Bytes that are no frame.
    Broken,
    /// Text that is not UTF-8.
    Utf8,
    /// A frame above what is still read.
    Huge,
    /// A token where none is used.
    Token,
    /// A question whether anybody is there, as text.
    Echo,
    /// The same, as long as a frame may be.
    Brim,
    /// A message to a room the client is not in.
    Stranger,
    /// Nothing, said in a room.
    Empty,
    /// More than may be said at once.
    TooMuch,
    /// Names that cannot be.
    Names,
}

/// What someone wants who is nobody.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// To hold a connection and say nothing.
    Sit,
    /// To speak, read and enter without saying who it is.
    Barge,
    /// To take over the session of the client whose line it is, with a secret it has guessed.
    Guess,
    /// To take over that session with the right secret, for another user.
    Borrow,
    /// To come in under a name of their own, more often than one may, without a word of greeting first.
    Knock,
}

/// A scenario file that cannot be read.
#[derive(Debug)]
pub struct ParseError {
    line: usize,
    what: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for ParseError {}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Head {
    schema: u32,
    seed: u64,
    #[serde(default)]
    profile: Profile,
    setup: Setup,
}

/// One line of JSON for seed and setup, then one for each step. Empty lines, and lines that begin with `#`, say nothing.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = Head { schema: SCHEMA, seed: self.seed, profile: self.profile, setup: self.setup.clone() };
        writeln!(f, "{}", serde_json::to_string(&head).map_err(|_| fmt::Error)?)?;
        for step in &self.steps {
            writeln!(f, "{}", serde_json::to_string(step).map_err(|_| fmt::Error)?)?;
        }
        Ok(())
    }
}

impl FromStr for Scenario {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| is_content(line));
        let (line, head) =
            lines.next().ok_or_else(|| ParseError { line: 1, what: "the file is empty".into() })?;
        let error = |line, what| ParseError { line, what };
        let head: Head = serde_json::from_str(head).map_err(|e| error(line, e.to_string()))?;
        if head.schema != SCHEMA {
            return Err(error(line, format!("schema {} is not {SCHEMA}", head.schema)));
        }
        sane::setup(&head.setup).map_err(|what| error(line, what))?;
        let step = |(line, text): (usize, &str)| {
            let step: Step = serde_json::from_str(text).map_err(|e| error(line, e.to_string()))?;
            sane::step(&step).map_err(|what| error(line, what))?;
            Ok(step)
        };
        let mut steps = lines.map(step).collect::<Result<Vec<Step>, ParseError>>()?;
        steps.sort_by_key(|step| step.at_us);
        Ok(Self { seed: head.seed, profile: head.profile, setup: head.setup, steps })
    }
}

fn is_content(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_survives_its_file() {
        for seed in 0..20 {
            let scenario = Scenario::generate(seed);
            assert_eq!(scenario.to_string().parse::<Scenario>().unwrap(), scenario, "seed {seed}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        let error = |text: &str| text.parse::<Scenario>().unwrap_err().to_string();
        assert_eq!(error(""), "line 1: the file is empty");
        let text = Scenario::generate(1).to_string();
        let (head, _) = text.split_once('\n').unwrap();
        assert!(error(&format!("{head}\n\n{{\"id\":1}}")).starts_with("line 3: missing field"));
        assert!(error(&head.replacen("\"schema\":1", "\"schema\":9", 1)).contains("schema 9 is not 1"));
        assert!(error(&head.replacen("\"nodes\":", "\"nodes\":0,\"nodes\":", 1)).starts_with("line 1"));
    }
}

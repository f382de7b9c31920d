//! A scenario: all that happens from outside, as plain data. A run is a function of it.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use chinwag_core::limiter;
use serde::{Deserialize, Serialize};

use crate::{
    line::link::CONNECT_TIME,
    plan::{
        profile::{Name, Profile},
        sane,
    },
};

mod setup;
mod step;

pub use setup::{Calm, ClientSetup, ClockSetup, DiskSetup, FrozenNode, Pass, Patience, Setup};
pub use step::{Action, Actor, Aim, Nonsense, Step};

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
                let sends = sends.entry(user.filter(|_| has_quotas).unwrap_or(client)).or_default();
                *sends = sends.saturating_add(*times);
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
        // Who is sent to a node that answers nobody tries again once it is declared dead.
        let frozen = self.setup.frozen_node.map(|frozen| Duration::from_micros(frozen.for_us) + CONNECT_TIME);
        let by_the_book = noticing
            + returning
            + forgetting
            + talking
            + self.uploading_time()
            + frozen.unwrap_or_default()
            + Duration::from_secs(10);
        // Clocks that run slow take longer.
        let drift = self
            .setup
            .clients
            .iter()
            .map(|client| client.clock.drift_ppm)
            .chain([self.setup.clock.drift_ppm]);
        let drift = drift.map(i32::unsigned_abs).max().unwrap_or(0);
        by_the_book + by_the_book.saturating_mul(2 * drift) / 1_000_000
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
        let scenario = Self { seed: head.seed, profile: head.profile, setup: head.setup, steps };
        sane::scenario(&scenario).map_err(|what| error(line, what))?;
        Ok(scenario)
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

//! What a scenario file may say: worlds that can be built, and runs that end.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use crate::plan::scenario::{Action, ClientSetup, ClockSetup, Patience, Setup, Step};

/// Most nodes, clients, rooms and shards, and the last of the users.
const COUNT_MAX: u64 = 10_000;
/// Most often that a step does what it does.
const TIMES_MAX: u32 = 10_000;
/// Most bytes of a frame, and of what is said.
const BYTES_MAX: usize = 1_048_576;
/// Most bytes per second of a line, and most that a socket takes before they have left.
const LINE_MAX: u64 = 1 << 40;
/// A month.
const SPAN_US_MAX: u64 = 1_000_000 * 86_400 * 30;
/// How far from the world's a clock may run, in millionths.
const DRIFT_PPM_MAX: i32 = 100_000;

/// Whether a world can be built from this.
///
/// # Errors
/// The first field that is in the way, and what it must be.
pub(crate) fn setup(setup: &Setup) -> Result<(), String> {
    let Setup {
        nodes,
        clients,
        rooms,
        parlours,
        bots,
        patience: its,
        mail_us_max,
        chaos_us,
        clock,
        calms,
        frozen_node,
        gateway,
        shard,
        ..
    } = setup;
    for (name, count) in [
        ("nodes", u64::from(*nodes)),
        ("the number of clients", clients.len() as u64),
        ("rooms", u64::from(*rooms)),
        ("shards", u64::from(gateway.shards)),
    ] {
        within(name, count, 1..=COUNT_MAX)?;
    }
    within("parlours", u64::from(*parlours), 0..=COUNT_MAX)?;
    within("the number of bots", bots.len() as u64, 0..=COUNT_MAX)?;
    gateway.check().and_then(|()| shard.check()).map_err(|limit| limit.to_string())?;
    within("frame_bytes_max", gateway.frame_bytes_max, 1..=BYTES_MAX)?;
    within("content_bytes_max", gateway.content_bytes_max, 1..=BYTES_MAX)?;
    patience(its)?;
    for (name, span) in [("mail_us_max", *mail_us_max), ("chaos_us", *chaos_us)] {
        within(name, span, 0..=SPAN_US_MAX)?;
    }
    within("for_us", frozen_node.map_or(0, |frozen| frozen.for_us), 0..=SPAN_US_MAX)?;
    for calm in calms {
        within("to_us of a calm", calm.to_us, 0..=SPAN_US_MAX)?;
        within("from_us of a calm", calm.from_us, 0..=calm.to_us)?;
    }
    clock_of(clock)?;
    clients.iter().try_for_each(client)
}

fn patience(patience: &Patience) -> Result<(), String> {
    let spans = [
        ("backoff_base", patience.backoff_base),
        ("backoff_max", patience.backoff_max),
        ("silence_timeout", patience.silence_timeout),
    ];
    for (name, span) in spans {
        within(name, span.as_micros(), 1..=Duration::from_micros(SPAN_US_MAX).as_micros())
            .map_err(|why| format!("{why}, in microseconds"))?;
    }
    for (name, count) in [
        ("unanswered_max of patience", patience.unanswered_max),
        ("queue_max", patience.queue_max),
        ("asks_max", patience.asks_max),
        ("typing_max", patience.typing_max),
    ] {
        within(name, count, 1..=usize::MAX)?;
    }
    within("attempts_max", patience.attempts_max.unwrap_or(1), 1..=u32::MAX)
}

/// A line may take nothing: then nothing gets through.
fn client(client: &ClientSetup) -> Result<(), String> {
    let ClientSetup { user, latency_us, jitter_us, rate, send_buffer, clock, voice: _, undecided: _, pass } =
        client;
    within("user", u64::from(*user), 0..=COUNT_MAX)?;
    if let Some(pass) = pass {
        within("lasts_us", pass.lasts_us, 1_000_000..=SPAN_US_MAX)?;
    }
    within("latency_us", *latency_us, 0..=SPAN_US_MAX)?;
    within("jitter_us", *jitter_us, 0..=SPAN_US_MAX)?;
    within("rate", *rate, 0..=LINE_MAX)?;
    within("send_buffer", *send_buffer as u64, 0..=LINE_MAX)?;
    clock_of(clock)
}

fn clock_of(clock: &ClockSetup) -> Result<(), String> {
    within("ahead_us", clock.ahead_us, 0..=SPAN_US_MAX)?;
    within("drift_ppm", clock.drift_ppm, -DRIFT_PPM_MAX..=DRIFT_PPM_MAX)
}

/// Whether a step ends, and leaves the numbers it works with in their bounds.
///
/// # Errors
/// The first field that is in the way, and what it must be.
pub(crate) fn step(step: &Step) -> Result<(), String> {
    within("at_us", step.at_us, 0..=SPAN_US_MAX)?;
    let span = |name, span| within(name, span, 0..=SPAN_US_MAX);
    match step.action {
        Action::Say { times, bytes, .. } => {
            within("times", times, 0..=TIMES_MAX)?;
            within("bytes", bytes as usize, 0..=BYTES_MAX)
        }
        Action::Nonsense { times, .. } | Action::Talk { times, .. } => within("times", times, 0..=TIMES_MAX),
        Action::Jump { by_us } => span("by_us", by_us.unsigned_abs()),
        Action::Pause { for_us, .. } | Action::Stall { for_us, .. } => span("for_us", for_us),
        Action::Slow { rate, for_us } => {
            within("rate", rate, 0..=LINE_MAX)?;
            span("for_us", for_us)
        }
        Action::Restart { drain_us, for_us, back_us } => {
            span("drain_us", drain_us.unwrap_or_default())?;
            span("back_us", back_us.unwrap_or_default())?;
            span("for_us", for_us)
        }
        Action::Skew { mail_us_max, for_us } => {
            span("mail_us_max", mail_us_max)?;
            span("for_us", for_us)
        }
        _ => Ok(()),
    }
}

fn within<T: Display + PartialOrd>(name: &str, value: T, range: RangeInclusive<T>) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!("{name} must be from {} to {}, not {value}", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use crate::{Scenario, judge::checks, record::trace::Trace, try_run};

    /// A small scenario with one step of every shape, as lines of JSON.
    fn lines() -> Vec<Value> {
        let mut scenario = Scenario::generate(1);
        let mut seen = BTreeSet::new();
        let steps = (0..200).flat_map(|seed| Scenario::generate(seed).steps);
        scenario.steps = steps.filter(|step| seen.insert(crate::search::simplify::kind(step))).collect();
        scenario.setup.clients.truncate(2);
        scenario.setup.frozen.clear();
        scenario.setup.chaos_us = 10_000_000;
        scenario.steps.iter_mut().for_each(|step| step.at_us %= 10_000_000);
        scenario.to_string().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Where the numbers are in a value.
    fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Number(_) => found.push(path.to_owned()),
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| numbers(value, &format!("{path}/{name}"), found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, value)| numbers(value, &format!("{path}/{i}"), found));
            }
            _ => {}
        }
    }

    fn text(lines: &[Value]) -> String {
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn no_number_makes_a_machine_panic() {
        let lines = lines();
        let (mut played, mut refused) = (0, 0);
        for line in 0..lines.len() {
            let mut paths = Vec::new();
            numbers(&lines[line], "", &mut paths);
            for path in paths {
                for extreme in [json!(0), json!(u32::MAX), json!(u64::MAX)] {
                    let mut lines = lines.clone();
                    *lines[line].pointer_mut(&path).expect("it was found there") = extreme.clone();
                    let Ok(scenario) = text(&lines).parse::<Scenario>() else {
                        refused += 1;
                        continue;
                    };
                    played += 1;
                    let outcome = try_run(&scenario, &mut Trace::new());
                    let panic = outcome.failures.iter().find(|failure| failure.check == checks::PANIC);
                    assert_eq!(panic, None, "line {line} {path} = {extreme}: {}", lines[line]);
                }
            }
        }
        assert!(played > 100 && refused > 100, "{played} played, {refused} refused");
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let error = |path: &str, value: Value| {
            let mut lines = lines();
            *lines[0].pointer_mut(path).expect("it is there") = value;
            text(&lines).parse::<Scenario>().unwrap_err().to_string()
        };
        assert_eq!(error("/setup/nodes", json!(0)), "line 1: nodes must be from 1 to 10000, not 0");
        assert_eq!(error("/setup/gateway/message_rate", json!(0)), "line 1: message_rate must be above zero");
        assert_eq!(
            error("/setup/shard/resume_window/secs", json!(1_u64 << 60)),
            "line 1: resume_window must be at most 366 days"
        );
        let said = error("/setup/patience/asks_max", json!(0));
        assert!(said.starts_with("line 1: asks_max must be from 1 to "), "{said}");
    }
}

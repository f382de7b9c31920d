//! What a scenario file may say: worlds that can be built, and runs that end.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use crate::plan::scenario::{Action, ClientSetup, ClockSetup, DiskSetup, Patience, Scenario, Setup, Step};

/// Most nodes, clients, rooms and shards, and the last of the users.
pub(crate) const COUNT_MAX: u64 = 10_000;
/// Most often that a step does what it does.
pub(crate) const TIMES_MAX: u32 = 10_000;
/// Most bytes of a frame, and of what is said.
const BYTES_MAX: usize = 1_048_576;
/// Most bytes per second of a line, and most that a socket takes before they have left.
const LINE_MAX: u64 = 1 << 40;
/// A month.
const SPAN_US_MAX: u64 = 1_000_000 * 86_400 * 30;
/// Longest that a disk takes for anything.
const DISK_US_MAX: u64 = 10_000_000;
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
        frozen,
        frozen_node,
        safety_only: _,
        replicated: _,
        disk: its_disk,
        gateway,
        shard,
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
    within("the number of frozen clients", frozen.len() as u64, 0..=COUNT_MAX)?;
    bots.iter().try_for_each(|&client| number("a bot", client))?;
    frozen.iter().try_for_each(|&client| number("a frozen client", client))?;
    gateway.check().and_then(|()| shard.check()).map_err(|limit| limit.to_string())?;
    within("frame_bytes_max", gateway.frame_bytes_max, 1..=BYTES_MAX)?;
    within("content_bytes_max", gateway.content_bytes_max, 1..=BYTES_MAX)?;
    patience(its)?;
    for (name, span) in [("mail_us_max", *mail_us_max), ("chaos_us", *chaos_us)] {
        within(name, span, 0..=SPAN_US_MAX)?;
    }
    if let Some(frozen) = frozen_node {
        number("the frozen node", frozen.node)?;
        within("for_us", frozen.for_us, 0..=SPAN_US_MAX)?;
    }
    its_disk.iter().try_for_each(disk)?;
    for calm in calms {
        within("to_us of a calm", calm.to_us, 0..=SPAN_US_MAX)?;
        within("from_us of a calm", calm.from_us, 0..=calm.to_us)?;
    }
    clock_of(clock)?;
    clients.iter().try_for_each(client)
}

/// A disk that takes for ever would hold everything up for as long.
fn disk(disk: &DiskSetup) -> Result<(), String> {
    let DiskSetup { durability: _, latency_us_max, sync_interval_us, snapshot_bytes, segment_bytes } = disk;
    within("latency_us_max", *latency_us_max, 0..=DISK_US_MAX)?;
    within("sync_interval_us", *sync_interval_us, 1..=DISK_US_MAX)?;
    within("snapshot_bytes", *snapshot_bytes, 1..=LINE_MAX)?;
    within("segment_bytes", *segment_bytes, 1..=LINE_MAX)
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
        number("owner", pass.owner.unwrap_or_default())?;
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
        Action::Join { room }
        | Action::Leave { room }
        | Action::Typing { room, on: _ }
        | Action::History { room, before: _, limit: _ }
        | Action::Members { room }
        | Action::Status { room }
        | Action::Create { room }
        | Action::Try { room, what: _ }
        | Action::Task { room, task: _ } => number("room", room),
        Action::Say { room, times, bytes } => {
            number("room", room)?;
            within("times", times, 0..=TIMES_MAX)?;
            within("bytes", bytes as usize, 0..=BYTES_MAX)
        }
        Action::Found { parlour, private: _ }
        | Action::Visit { parlour }
        | Action::Depart { parlour }
        | Action::Run { parlour, on: _ }
        | Action::See { parlour, back: _ } => number("parlour", parlour),
        Action::Talk { parlour, times } => {
            number("parlour", parlour)?;
            within("times", times, 0..=TIMES_MAX)
        }
        Action::Invite { parlour, whom } | Action::Kick { parlour, whom } => {
            number("parlour", parlour)?;
            number("whom", whom)
        }
        Action::Nonsense { kind: _, times } => within("times", times, 0..=TIMES_MAX),
        Action::Jump { by_us } => span("by_us", by_us.unsigned_abs()),
        Action::Pause { node, for_us } => {
            number("node", node)?;
            span("for_us", for_us)
        }
        Action::Stall { up: _, down: _, for_us } => span("for_us", for_us),
        Action::Slow { rate, for_us } => {
            within("rate", rate, 0..=LINE_MAX)?;
            span("for_us", for_us)
        }
        Action::Restart { drain_us, for_us, back_us } => {
            span("drain_us", drain_us.unwrap_or_default())?;
            span("back_us", back_us.unwrap_or_default())?;
            span("for_us", for_us)
        }
        Action::PowerCut { for_us } | Action::SyncFails { for_us } => span("for_us", for_us),
        Action::DiskFull { bytes, for_us } => {
            within("bytes", bytes, 0..=LINE_MAX)?;
            span("for_us", for_us)
        }
        Action::NodeDies { node } => number("node", node),
        Action::Skew { mail_us_max, for_us } => {
            span("mail_us_max", mail_us_max)?;
            span("for_us", for_us)
        }
        // These have no numbers, or any will do.
        Action::Rooms
        | Action::Repeat { back: _ }
        | Action::Reuse { back: _ }
        | Action::Renew { good: _ }
        | Action::Quit
        | Action::Crash
        | Action::Intrude { aim: _ }
        | Action::Cut
        | Action::Reset
        | Action::Fin
        | Action::HalfOpen { up: _, down: _ } => Ok(()),
    }
}

/// Whether everything comes to rest before anybody loses patience, and before times get too long to be counted in.
///
/// # Errors
/// How long it takes.
pub(crate) fn scenario(scenario: &Scenario) -> Result<(), String> {
    let most = Duration::from_micros(SPAN_US_MAX);
    let settling = scenario.settling_time();
    if settling <= most {
        return Ok(());
    }
    Err(format!("to settle takes {} seconds, and may take {}", settling.as_secs(), most.as_secs()))
}

/// Actors and rooms are counted from 0.
fn number(name: &str, number: u32) -> Result<(), String> {
    within(name, u64::from(number), 0..=COUNT_MAX - 1)
}

fn within<T: Display + PartialOrd>(name: &str, value: T, range: RangeInclusive<T>) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!("{name} must be from {} to {}, not {value}", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use chinwag_core::role::Role;
    use serde_json::{Value, json};

    use crate::{
        Failure, Outcome, Scenario,
        file::ScenarioFile,
        judge::checks,
        plan::scenario::{Calm, FrozenNode, Pass},
        record::{timeline, trace::Trace},
        search::{minimise::minimise, simplify},
        try_run,
    };

    /// A small scenario with all that a setup may have and one step of every shape, as lines of JSON.
    fn lines() -> Vec<Value> {
        let mut scenario = Scenario::generate(1);
        let mut seen = BTreeSet::new();
        let steps = (0..200).flat_map(|seed| Scenario::generate(seed).steps);
        scenario.steps = steps.filter(|step| seen.insert(simplify::kind(step))).collect();
        scenario.steps.iter_mut().for_each(|step| step.at_us %= 10_000_000);
        let setup = &mut scenario.setup;
        setup.clients.truncate(2);
        setup.clients[1].pass =
            Some(Pass { role: Role::Bot, owner: Some(0), lasts_us: 2_000_000, keeps: true });
        (setup.chaos_us, setup.parlours, setup.bots, setup.frozen) = (10_000_000, 1, vec![1], vec![0]);
        setup.frozen_node = Some(FrozenNode { node: 1, for_us: 1_000_000 });
        setup.calms = vec![Calm { from_us: 8_000_000, to_us: 9_000_000 }];
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

    /// What is read with another number in one place, if that may be there.
    fn with(lines: &[Value], line: usize, path: &str, number: Value) -> Option<Scenario> {
        let mut lines = lines.to_vec();
        *lines[line].pointer_mut(path).expect("it was found there") = number;
        text(&lines).parse().ok()
    }

    /// The largest number that may be in a place.
    fn largest(lines: &[Value], line: usize, path: &str) -> u64 {
        let fits = |number: u64| with(lines, line, path, json!(number)).is_some();
        let (mut least, mut most) =
            (lines[line].pointer(path).and_then(Value::as_u64).unwrap_or(0), u64::MAX);
        while least < most {
            let middle = most - (most - least) / 2;
            (least, most) = if fits(middle) { (middle, most) } else { (least, middle - 1) };
        }
        least
    }

    /// Plays a scenario for a while, draws it, and tries all that makes it smaller.
    fn panics(scenario: Scenario) -> Option<Failure> {
        const EVENTS_MAX: u64 = 10_000;
        let mut trace = Trace::detailed().of_at_most(EVENTS_MAX);
        let outcome = try_run(&scenario, &mut trace);
        let failure = Failure {
            check: checks::ANSWERED,
            at: Duration::from_secs(10),
            event: 1,
            sentence: "c0 waits".to_owned(),
        };
        // As if nothing smaller failed, and each run were so long that not all is tried again and again.
        minimise(&scenario, &failure, |_, _| Outcome { events: EVENTS_MAX, ..Outcome::default() });
        let page = timeline::page(&ScenarioFile::of_seed(scenario), &outcome, trace.records(), None);
        assert!(page.len() < 1 << 24, "a page of {} bytes", page.len());
        outcome.failures.into_iter().find(|failure| failure.check == checks::PANIC)
    }

    #[test]
    fn no_number_makes_anything_panic() {
        let lines = lines();
        let (mut played, mut bounded) = (0, 0);
        for line in 0..lines.len() {
            let mut paths = Vec::new();
            numbers(&lines[line], "", &mut paths);
            for path in paths {
                let most = largest(&lines, line, &path);
                bounded += u32::from(most < u64::from(u32::MAX));
                for extreme in [json!(0), json!(most), json!(most.cast_signed().wrapping_neg())] {
                    let Some(scenario) = with(&lines, line, &path, extreme.clone()) else { continue };
                    played += 1;
                    assert_eq!(panics(scenario), None, "line {line} {path} = {extreme}: {}", lines[line]);
                }
            }
        }
        assert!(played > 200 && bounded > 50, "{played} played, {bounded} bounded");
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
        assert_eq!(
            error("/setup/bots/0", json!(u32::MAX)),
            "line 1: a bot must be from 0 to 9999, not 4294967295"
        );
        let said = error("/setup/shard/resume_window/secs", json!(86_400 * 300));
        assert!(
            said.starts_with("line 1: to settle takes 25") && said.ends_with(" and may take 2592000"),
            "{said}"
        );
    }

    #[test]
    fn a_step_is_about_what_there_can_be() {
        let head = text(&lines()[..1]);
        let error = |action: &str| {
            let step = format!(r#"{{"id":0,"at_us":0,"actor":{{"client":0}},"do":{action}}}"#);
            let read = format!("{head}{step}").parse::<Scenario>();
            read.err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(error(r#"{"visit":{"parlour":9999}}"#), "");
        for (name, action) in [
            ("parlour", r#"{"visit":{"parlour":4294967295}}"#),
            ("room", r#"{"join":{"room":10000}}"#),
            ("whom", r#"{"kick":{"parlour":0,"whom":10000}}"#),
            ("node", r#"{"node_dies":{"node":10000}}"#),
        ] {
            assert!(
                error(action).starts_with(&format!("line 2: {name} must be from 0 to 9999, not ")),
                "{action}"
            );
        }
    }
}

//! Whether a scenario makes sense: everything that the shape of the file does not say.

use std::{collections::BTreeSet, time::Duration};

use chinwag_core::UserName;

use crate::{
    error::{child, unknown},
    payload,
    scenario::{Event, File, Message, Rooms, Run, Scenario, Size, Stage},
    threshold::Threshold,
};

const CLIENTS_MAX: u32 = 1_000_000;
const STAGES_MAX: usize = 1_000;
/// Messages or connections per second.
const RATE_MAX: f64 = 1e6;
/// The server's default limit for the content of a message.
const PAYLOAD_BYTES_MAX: u32 = 4_096;

/// A key and what is wrong with it.
pub(crate) struct Fault {
    pub(crate) key: String,
    pub(crate) message: String,
}

type Checked<T = ()> = Result<T, Fault>;

fn require(holds: bool, key: impl Into<String>, message: impl Into<String>) -> Checked {
    if holds { Ok(()) } else { Err(Fault { key: key.into(), message: message.into() }) }
}

/// Checks a file and makes it a scenario.
pub(crate) fn check(file: File) -> Checked<Scenario> {
    let File { run, rooms, message, stages, events, thresholds } = file;
    check_run(&run)?;
    check_rooms(&rooms, &run)?;
    check_message(&message)?;
    check_stages(&stages)?;
    for (i, event) in events.iter().enumerate() {
        check_event(&format!("event[{i}]"), event, &stages)?;
    }
    let mut parsed = Vec::new();
    for (metric, expressions) in &thresholds {
        let key = child("thresholds", metric);
        for (i, expression) in expressions.iter().enumerate() {
            let fault = |message| Fault { key: format!("{key}[{i}]"), message };
            let threshold = Threshold::parse(metric, expression).map_err(fault)?;
            if let Some(stage) = &threshold.stage {
                find_stage(stage, &stages).map_err(|message| Fault { key: key.clone(), message })?;
            }
            parsed.push(threshold);
        }
    }
    Ok(Scenario { run, rooms, message, stages, events, thresholds: parsed })
}

fn check_run(run: &Run) -> Checked {
    check_name("run.name", &run.name)?;
    let clients = format!("must be from 1 to {CLIENTS_MAX}, not {}", run.clients);
    require((1..=CLIENTS_MAX).contains(&run.clients), "run.clients", clients)?;
    check_rate("run.connect.rate", run.connect.rate)?;
    require(run.connect.in_flight >= 1, "run.connect.in_flight", "must be at least 1, or nobody would come")?;
    check_span("run.connect.timeout", run.connect.timeout)
}

fn check_rooms(rooms: &Rooms, run: &Run) -> Checked {
    let (size, clients) = (rooms.size, run.clients);
    require(size >= 1, "rooms.size", "must be at least 1: nobody talks to an empty room")?;
    require(size <= clients, "rooms.size", format!("{size} members are more than all {clients} clients"))
}

fn check_message(message: &Message) -> Checked {
    let range = payload::BYTES_MIN..=PAYLOAD_BYTES_MAX;
    let within = |key: &str, size: u32| {
        let message = format!("must be from {} to {} bytes, not {size}", range.start(), range.end());
        require(range.contains(&size), key, message)
    };
    match message.size {
        Size::Fixed(size) => within("message.size", size),
        Size::Uniform { min, max } => {
            within("message.size.min", min)?;
            within("message.size.max", max)?;
            require(min <= max, "message.size.min", format!("{min} is more than max, {max}"))
        }
    }
}

fn check_stages(stages: &[Stage]) -> Checked {
    require(!stages.is_empty(), "stage", "there must be at least one [[stage]]")?;
    require(stages.len() <= STAGES_MAX, "stage", format!("there may be at most {STAGES_MAX} stages"))?;
    let (mut names, mut measured) = (BTreeSet::new(), false);
    for (i, stage) in stages.iter().enumerate() {
        let key = format!("stage[{i}]");
        let name = format!("{key}.name");
        check_name(&name, &stage.name)?;
        require(
            names.insert(&stage.name),
            name,
            format!("`{}` is the name of an earlier stage", stage.name),
        )?;
        check_stage(&key, stage)?;
        let message = "memory is measured at the end of an earlier stage already";
        require(!(measured && stage.measure_memory), format!("{key}.measure_memory"), message)?;
        measured |= stage.measure_memory;
    }
    Ok(())
}

fn check_stage(key: &str, stage: &Stage) -> Checked {
    check_span(&format!("{key}.duration"), stage.duration)?;
    if let Some(rate) = stage.rate {
        check_rate(&format!("{key}.rate"), rate)?;
    }
    require(stage.each != Some(0), format!("{key}.each"), "must be at least 1; leave it out for silence")?;
    require(
        stage.each_room != Some(0),
        format!("{key}.each_room"),
        "must be at least 1; leave it out for silence",
    )?;
    let kinds = [
        ("rate", stage.rate.is_some()),
        ("each", stage.each.is_some()),
        ("each_room", stage.each_room.is_some()),
    ];
    let named: Vec<_> = kinds.into_iter().filter_map(|(name, named)| named.then_some(name)).collect();
    if let [first, second, ..] = named[..] {
        let message = format!("a stage has one manner of speaking, and this one has `{first}` already");
        return Err(Fault { key: format!("{key}.{second}"), message });
    }
    let arrivals = stage.arrivals.is_none() || stage.rate.is_some();
    require(
        arrivals,
        format!("{key}.arrivals"),
        "says how the messages of `rate` follow one another; there is no `rate`",
    )
}

fn check_event(key: &str, event: &Event, stages: &[Stage]) -> Checked {
    let stage = find_stage(&event.at.stage, stages)
        .map_err(|message| Fault { key: format!("{key}.at.stage"), message })?;
    let late = format!("must be less than the stage's duration, {:?}", stage.duration);
    require(event.at.offset < stage.duration, format!("{key}.at.offset"), late)?;
    let share = format!("must be above 0 and at most 1, not {}", event.fraction);
    require(event.fraction > 0.0 && event.fraction <= 1.0, format!("{key}.fraction"), share)?;
    check_span(&format!("{key}.down_for"), event.down_for)
}

fn find_stage<'a>(name: &str, stages: &'a [Stage]) -> Result<&'a Stage, String> {
    stages.iter().find(|stage| stage.name == name).ok_or_else(|| {
        let known: Vec<_> = stages.iter().map(|stage| stage.name.as_str()).collect();
        unknown("stage", name, &known)
    })
}

/// Names go into the names of rooms and into tags, so the rules for user names fit.
fn check_name(key: &str, name: &str) -> Checked {
    UserName::new(name)
        .map(drop)
        .map_err(|error| Fault { key: key.into(), message: format!("`{name}` {error}") })
}

fn check_rate(key: &str, rate: f64) -> Checked {
    let message = format!("must be above 0 and at most {RATE_MAX} a second, not {rate}");
    require(rate > 0.0 && rate <= RATE_MAX, key, message)
}

fn check_span(key: &str, span: Duration) -> Checked {
    require(!span.is_zero(), key, "must be longer than zero")
}

//! Whether a scenario makes sense: everything that the shape of the file does not say.

mod event;
mod group;

use std::time::Duration;

use chinwag_core::UserName;

use crate::{
    error::{child, unknown},
    file::{self, File},
    flow::Step,
    payload, protocol,
    rooms::{self, Popularity, PopularityFile, Rooms},
    scenario::{Group, Run, Scenario},
    server::Server,
    spread::Spread,
    threshold::{Bound, Threshold},
};

const CLIENTS_MAX: u32 = 1_000_000;
const ROOMS_MAX: u32 = 1_000_000;
/// What one client may be in: the server's clients ask for that many at once.
const ROOMS_PER_CLIENT_MAX: u32 = 100;
/// Iterations or connections per second.
const RATE_MAX: f64 = 1e6;
/// The server's default limit for the content of a message.
pub(crate) const PAYLOAD_BYTES_MAX: u32 = 4_096;

/// A key and what is wrong with it.
pub(crate) struct Fault {
    pub(crate) key: String,
    pub(crate) message: String,
}

type Checked<T = ()> = Result<T, Fault>;

fn fault<T>(key: impl Into<String>, message: impl Into<String>) -> Checked<T> {
    Err(Fault { key: key.into(), message: message.into() })
}

fn require(holds: bool, key: impl Into<String>, message: impl Into<String>) -> Checked {
    if holds { Ok(()) } else { fault(key, message) }
}

/// Checks a file and makes it a scenario.
pub(crate) fn check(file: File) -> Checked<Scenario> {
    let File { run, rooms, protocol, server, groups, events, thresholds } = file;
    check_run(&run)?;
    let rooms = check_rooms(&rooms, &run)?;
    let groups = group::check(groups)?;
    check_warm_up(&run, &groups)?;
    let event = |(i, event)| event::check(&format!("event[{i}]"), event, &groups);
    let events = events.into_iter().enumerate().map(event).collect::<Checked<_>>()?;
    let protocol = protocol.map(protocol::check).transpose()?;
    let server = Server::new(server).or_else(|(key, why)| fault(child("server", &key), why))?;
    let mut scenario = Scenario { run, rooms, protocol, server, groups, events, thresholds: Vec::new() };
    for (metric, conditions) in thresholds {
        let key = child("thresholds", &metric);
        for (i, condition) in conditions.into_iter().enumerate() {
            let threshold = check_threshold(&key, i, &metric, condition, &scenario)?;
            scenario.thresholds.push(threshold);
        }
    }
    Ok(scenario)
}

fn check_run(run: &Run) -> Checked {
    check_name("run.name", &run.name)?;
    let clients = format!("must be from 1 to {CLIENTS_MAX}, not {}", run.clients);
    require((1..=CLIENTS_MAX).contains(&run.clients), "run.clients", clients)?;
    check_rate("run.connect.rate", run.connect.rate)?;
    require(run.connect.in_flight >= 1, "run.connect.in_flight", "must be at least 1, or nobody would come")?;
    check_span("run.connect.timeout", run.connect.timeout)
}

fn check_warm_up(run: &Run, groups: &[Group]) -> Checked {
    let end = |group: &Group| group.start + group.stages.iter().map(|stage| stage.duration).sum::<Duration>();
    let end = groups.iter().map(end).max().unwrap_or_default();
    require(run.warm_up < end, "run.warm_up", format!("must be over before the last stage's end, {end:?}"))
}

fn check_rooms(rooms: &rooms::File, run: &Run) -> Checked<Rooms> {
    let others = [
        ("count", rooms.count.is_some()),
        ("popularity", rooms.popularity.is_some()),
        ("per_client", rooms.per_client.is_some()),
    ];
    let other = others.into_iter().find_map(|(name, named)| named.then_some(name));
    let Some(size) = rooms.size else { return check_popular(rooms) };
    if let Some(other) = other {
        return fault(
            format!("rooms.{other}"),
            "rooms of one `size` are all there are: leave out one or the other",
        );
    }
    let clients = run.clients;
    require(size >= 1, "rooms.size", "must be at least 1: nobody talks to an empty room")?;
    require(size <= clients, "rooms.size", format!("{size} members are more than all {clients} clients"))?;
    Ok(Rooms::OfSize(size))
}

fn check_popular(rooms: &rooms::File) -> Checked<Rooms> {
    let popularity = rooms.popularity.unwrap_or(PopularityFile::Of(Popularity::Uniform));
    let (count, popularity) = match (popularity, rooms.count) {
        (PopularityFile::Single, None | Some(1)) => (1, Popularity::Uniform),
        (PopularityFile::Single, Some(count)) => {
            return fault("rooms.count", format!("a single room is one, not {count}"));
        }
        (PopularityFile::Of(_), None) => {
            return fault("rooms", "name the `size` of rooms or their `count`");
        }
        (PopularityFile::Of(popularity), Some(count)) => (count, popularity),
    };
    let range = format!("must be from 1 to {ROOMS_MAX}, not {count}");
    require((1..=ROOMS_MAX).contains(&count), "rooms.count", range)?;
    let key = "rooms.popularity";
    match popularity {
        Popularity::Uniform => {}
        Popularity::Zipf(s) => {
            require(
                s > 0.0 && s <= 10.0,
                child(key, "zipf"),
                format!("must be above 0 and at most 10, not {s}"),
            )?;
        }
        Popularity::Hotspot { rooms, clients } => {
            for (name, share) in [("rooms", rooms), ("clients", clients)] {
                let message = format!("must be above 0 and below 1, not {share}");
                require(share > 0.0 && share < 1.0, format!("{key}.hotspot.{name}"), message)?;
            }
            require(count > 1, "rooms.count", "of one room no share can be hot")?;
        }
    }
    let per_client = rooms.per_client.map_or(Spread::Fixed(1), |written| written.spread);
    let most = u64::from(count.min(ROOMS_PER_CLIENT_MAX));
    check_spread("rooms.per_client", per_client, 1, most, "rooms")?;
    Ok(Rooms::Popular { count, popularity, per_client })
}

fn check_threshold(
    key: &str,
    number: usize,
    metric: &str,
    condition: file::Threshold,
    scenario: &Scenario,
) -> Checked<Threshold> {
    let place = format!("{key}[{number}]");
    let threshold = Threshold::parse(metric, &condition.expression)
        .map_err(|message| Fault { key: place.clone(), message })?;
    let groups = &scenario.groups;
    if let Some(name) = &threshold.tags.scenario {
        find_group(name, groups).map_err(|message| Fault { key: key.into(), message })?;
    }
    if let Some(name) = &threshold.tags.stage {
        let of = |group: &&Group| threshold.tags.scenario.as_ref().is_none_or(|wanted| *wanted == group.name);
        let groups: Vec<_> = groups.iter().filter(of).collect();
        check_stage_name(name, &groups).map_err(|message| Fault { key: key.into(), message })?;
    }
    let foreseen =
        threshold.bound != Bound::Planned || scenario.is_foreseeable() || threshold.metric.is_certain();
    require(
        foreseen,
        &place,
        "where clients leave rooms or the server is restarted, no plan foresees this number",
    )?;
    if let Some(delay) = condition.delay_abort_eval {
        require(
            condition.abort_on_fail,
            &place,
            "`delay_abort_eval` waits for nothing without `abort_on_fail = true`",
        )?;
        check_span(&place, delay.0)?;
    }
    let live = !condition.abort_on_fail || (threshold.metric.is_live() && threshold.bound != Bound::Planned);
    require(
        live,
        &place,
        format!("`{}` is known only when all is over: leave out `abort_on_fail`", threshold.metric),
    )?;
    let delay = condition.delay_abort_eval.map_or(Duration::ZERO, |delay| delay.0);
    Ok(Threshold { abort_after: condition.abort_on_fail.then_some(delay), ..threshold })
}

fn find_group<'a>(name: &str, groups: &'a [Group]) -> Result<&'a Group, String> {
    groups.iter().find(|group| group.name == name).ok_or_else(|| {
        let known: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        unknown("scenario", name, &known)
    })
}

fn check_stage_name(name: &str, groups: &[&Group]) -> Result<(), String> {
    let mut known: Vec<_> = Vec::new();
    for stage in groups.iter().flat_map(|group| &group.stages).map(|stage| stage.name.as_str()) {
        if !known.contains(&stage) {
            known.push(stage);
        }
    }
    if known.contains(&name) { Ok(()) } else { Err(unknown("stage", name, &known)) }
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

/// Whether all numbers of a spread are in a range, and in order.
fn check_spread(key: &str, spread: Spread, least: u64, most: u64, unit: &str) -> Checked {
    let at = |name: &str| if name.is_empty() { key.to_owned() } else { format!("{key}.{name}") };
    for (name, number) in spread.numbers() {
        let message = format!("must be from {least} to {most} {unit}, not {number}");
        require((least..=most).contains(&number), at(name), message)?;
    }
    match spread {
        Spread::Uniform { min, max } => {
            require(min <= max, at("min"), format!("{min} is more than max, {max}"))
        }
        Spread::LogNormal { median, p99 } => {
            require(median < p99, at("median"), format!("{median} is not less than p99, {p99}"))
        }
        _ => Ok(()),
    }
}

/// Whether a step makes sense by itself.
fn check_step(key: &str, step: Step) -> Checked {
    match step {
        Step::Say(size) => {
            let (least, most) = (payload::BYTES_MIN.into(), PAYLOAD_BYTES_MAX.into());
            check_spread(&format!("{key}.say"), size, least, most, "bytes")
        }
        Step::Think(Spread::Uniform { min, max }) => {
            require(min <= max, format!("{key}.think.min"), "is more than max")
        }
        Step::Think(Spread::LogNormal { median, p99 }) => require(
            median > 0 && median < p99,
            format!("{key}.think.median"),
            "must be above zero and less than p99",
        ),
        Step::Think(_) | Step::Typing | Step::Leave | Step::Join => Ok(()),
        Step::History(limit) => require(
            (1..=200).contains(&limit),
            format!("{key}.history"),
            format!("must be from 1 to 200 messages, not {limit}"),
        ),
        Step::Nonsense(size) => require(
            (1..=16_384).contains(&size),
            format!("{key}.nonsense"),
            format!("must be from 1 to 16384 bytes, not {size}"),
        ),
    }
}

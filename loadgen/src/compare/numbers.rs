//! Which numbers of a summary are compared. Of all of them, less is better.

use serde::Serialize;
use serde_json::Value;

/// What a number is a number of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Microseconds.
    Span,
    /// Things that should not be.
    Fault,
    /// Things of which chance makes some more or less.
    Count,
    /// Seconds of processor time.
    Seconds,
    /// Memory.
    Bytes,
}

/// A number of a summary.
#[derive(Debug)]
pub(super) struct Number {
    pub(super) name: String,
    pub(super) kind: Kind,
    place: Place,
    /// A stage's, by its scenario's name and its own: stages may have another order.
    stage: Option<(String, String)>,
}

/// Where a number is in a summary.
#[derive(Debug)]
enum Place {
    /// At this JSON pointer.
    At(String),
    /// How much less than the one the other is.
    Short(&'static str, &'static str),
    /// The sum of all values there.
    Sum(&'static str),
    /// One if the run failed.
    Failed,
}

impl Place {
    fn read(&self, summary: &Value) -> Option<f64> {
        match self {
            Self::At(place) => summary.pointer(place)?.as_f64(),
            Self::Short(all, some) => Some(summary[all].as_f64()? - summary[some].as_f64()?),
            Self::Sum(key) => Some(summary[key].as_object()?.values().filter_map(Value::as_f64).sum()),
            Self::Failed => Some(f64::from(u8::from(summary["verdict"] == "fail"))),
        }
    }
}

impl Number {
    fn new(name: impl Into<String>, kind: Kind, place: impl Into<String>) -> Self {
        Self { name: name.into(), kind, place: Place::At(place.into()), stage: None }
    }

    fn fault(name: &str, place: Place) -> Self {
        Self { name: name.into(), kind: Kind::Fault, place, stage: None }
    }

    /// Its value in a summary; none if nothing was measured.
    pub(super) fn read(&self, summary: &Value) -> Option<f64> {
        let within = match &self.stage {
            None => summary,
            Some((scenario, name)) => {
                let stages = summary["stages"].as_array()?;
                stages.iter().find(|stage| stage["scenario"] == **scenario && stage["name"] == **name)?
            }
        };
        if self.kind == Kind::Span
            && let Place::At(place) = &self.place
        {
            let (spans, _) = place.rsplit_once('/')?;
            within.pointer(&format!("{spans}/count"))?.as_u64().filter(|count| *count > 0)?;
        }
        self.place.read(within)
    }
}

/// All numbers that are compared with those of this summary.
pub(super) fn numbers(summary: &Value) -> Vec<Number> {
    let mut numbers = Vec::new();
    for (spans, name) in [
        ("latency_us", "latency"),
        ("catch_up_us", "caught up after absence"),
        ("slow_us", "to slow readers"),
        ("history_us", "histories asked for"),
        ("connect_us", "until in all rooms"),
    ] {
        for percentile in ["p50", "p90", "p99", "p999"] {
            numbers.push(Number::new(
                format!("{name} {percentile}"),
                Kind::Span,
                format!("/{spans}/{percentile}"),
            ));
        }
    }
    for stage in summary["stages"].as_array().into_iter().flatten() {
        let (scenario, name) = (stage["scenario"].as_str(), stage["name"].as_str());
        let (Some(scenario), Some(name)) = (scenario, name) else { continue };
        for percentile in ["p50", "p99"] {
            let label = format!("latency of {scenario}: {name} {percentile}");
            let number = Number::new(label, Kind::Span, format!("/latency_us/{percentile}"));
            numbers.push(Number { stage: Some((scenario.into(), name.into())), ..number });
        }
    }
    // First what makes all others look better: who is not there waits for nothing.
    numbers.push(Number::fault("clients that did not get in", Place::Short("clients", "connected")));
    // How often one tries before a server is up again is chance.
    numbers.push(Number { kind: Kind::Count, ..Number::fault("errors", Place::Sum("errors")) });
    numbers.push(Number::new("late", Kind::Count, "/late"));
    numbers.push(Number::fault("not sent", Place::Short("planned", "sent")));
    for fault in [
        "lost",
        "announced_lost",
        "duplicated",
        "reordered",
        "skipped",
        "foreign",
        "unanswered",
        "unresolved",
        "refused",
    ] {
        numbers.push(Number::new(fault.replace('_', " "), Kind::Fault, format!("/{fault}")));
    }
    numbers.push(Number::fault("broken promises", Place::Sum("violations_by_promise")));
    numbers.push(Number::fault("failed", Place::Failed));
    numbers.push(Number::new("server's processor time", Kind::Seconds, "/server/cpu_seconds"));
    numbers.push(Number::new("server's bytes per connection", Kind::Bytes, "/server/bytes_per_connection"));
    numbers
}

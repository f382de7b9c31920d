//! What `/metrics` shows of a run while it goes on, in the OpenMetrics text format.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chinwag_bots::Interval;
use hdrhistogram::Histogram;
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet, text::encode},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        info::Info,
    },
    registry::Registry,
};

use crate::run::Run;

/// The format's media type.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper ends of the histograms' buckets in microseconds: 100 µs to 100 s.
const BUCKETS: [u64; 19] = [
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
];

/// What may be asked of a run while it goes on. The workers know nothing of it: counts are read off the run's board when
/// they are asked for, and the rest is what the conductor has gathered once a second anyway.
#[derive(Debug)]
pub(crate) struct Live {
    run: Arc<Run>,
    gathered: Mutex<Gathered>,
}

/// What is no count of the board.
#[derive(Debug, Default)]
struct Gathered {
    phase: String,
    so_far: Interval,
}

impl Live {
    /// Nothing has happened yet.
    pub(crate) fn new(run: Arc<Run>) -> Self {
        Self { run, gathered: Mutex::default() }
    }

    /// What is going on.
    pub(crate) fn enter(&self, phase: &str) {
        phase.clone_into(&mut self.gathered().phase);
    }

    /// Adds what came in an interval.
    pub(crate) fn add(&self, interval: &Interval) {
        self.gathered().so_far.merge(interval);
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The whole page.
    pub(crate) fn page(&self) -> String {
        let mut registry = Registry::with_prefix("loadgen");
        self.counts(&mut registry);
        let gathered = self.gathered();
        let phase = Family::<_, Gauge>::default();
        phase.get_or_create_owned(&vec![("phase", gathered.phase.clone())]).set(1);
        registry.register("phase", "What is going on: always 1", phase);
        let Interval { latency, send_lag, refusals } = &gathered.so_far;
        registry.register("refusals", "Refusals heard, by code", by_code(refusals));
        for (name, help, spans) in [
            ("e2e_latency_seconds", "From the intended instant of a send to each delivery", latency),
            ("send_lag_seconds", "From the intended to the actual instant of each send", send_lag),
        ] {
            registry.register(name, help, Buckets(spans.histogram.clone()));
        }
        let negative = ConstCounter::new(latency.negative);
        registry.register("e2e_latency_negative", "Deliveries before their intended instant", negative);
        drop(gathered);
        let mut text = String::new();
        encode(&mut text, &registry).expect("text takes what is written");
        text
    }

    /// What the board says now.
    fn counts(&self, registry: &mut Registry) {
        let script = &self.run.script;
        let (plan, board) = (&script.plan, &script.board);
        let info = [
            ("scenario", plan.scenario().to_owned()),
            ("seed", plan.seed().to_string()),
            ("segment", format!("{}/{}", script.segment.index + 1, script.segment.count)),
        ];
        registry.register("run", "Which run this is", Info::new(info.to_vec()));
        for (name, help, value) in [
            ("clients", "Clients of this process", script.segment.share(plan.clients()).into()),
            ("clients_arrived", "Clients that have been in all of their rooms", board.arrived.get()),
            ("clients_present", "Clients that are in all of their rooms now", board.present.get()),
            ("sockets_open", "Sockets that are open now", board.open.get()),
            ("messages_planned", "Messages that this process is to send", script.planned_here()),
        ] {
            registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
        }
        for (name, help, value) in [
            ("messages_sent", "Planned messages put on the wire, each counted once", board.sent.get()),
            ("messages_answered", "Planned messages with a final answer", board.answered.get()),
            ("messages_refused", "Planned messages whose final answer was a refusal", board.refused.get()),
            ("deliveries", "Messages shown to clients", board.delivered.get()),
            ("connection_errors", "Connections that failed or were lost unplanned", board.errors.get()),
            ("reconnects", "Connections made again after one was lost", board.reconnects.get()),
        ] {
            registry.register(name, help, ConstCounter::new(value));
        }
    }
}

/// A series for each code that was heard.
fn by_code(refusals: &BTreeMap<String, u64>) -> Family<Vec<(&'static str, String)>, Counter> {
    let family = Family::default();
    for (code, count) in refusals {
        let counter: Counter = family.get_or_create_owned(&vec![("code", code.clone())]);
        counter.inc_by(*count);
    }
    family
}

/// A histogram of microseconds, shown in seconds. Bounds are those of the histogram's own buckets, so a count may be
/// off by what lies within 0.1 % of its bound.
struct Buckets(Histogram<u64>);

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buckets")
    }
}

impl EncodeMetric for Buckets {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Self(histogram) = self;
        let seconds = |micros: f64| micros / 1e6;
        let mut below = 0;
        let mut buckets = Vec::with_capacity(BUCKETS.len() + 1);
        for bound in BUCKETS {
            let so_far = histogram.count_between(0, bound);
            buckets.push((seconds(bound as f64), so_far - below));
            below = so_far;
        }
        buckets.push((f64::INFINITY, histogram.len() - below));
        let sum = seconds(histogram.mean() * histogram.len() as f64);
        encoder.encode_histogram::<NoLabelSet>(sum, histogram.len(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(histogram: Histogram<u64>) -> String {
        let mut registry = Registry::default();
        registry.register("span_seconds", "A span", Buckets(histogram));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn buckets_hold_all_up_to_their_bound() {
        let mut histogram = chinwag_bots::histogram();
        for (value, count) in [(0, 1), (100, 2), (101, 4), (1_000_000, 8), (600_000_000, 16)] {
            histogram.record_n(value, count).unwrap();
        }
        let page = shown(histogram);
        for (bound, count) in
            [("0.0001", 3), ("0.00025", 7), ("0.5", 7), ("1.0", 15), ("100.0", 15), ("+Inf", 31)]
        {
            let line = format!("span_seconds_bucket{{le=\"{bound}\"}} {count}");
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
        assert!(page.contains("\nspan_seconds_count 31\n"), "{page}");
    }

    #[test]
    fn nothing_measured_is_no_latency() {
        let page = shown(chinwag_bots::histogram());
        assert!(page.contains("\nspan_seconds_sum 0.0\n") && page.contains("le=\"+Inf\"} 0\n"), "{page}");
    }
}

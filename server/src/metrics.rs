//! What `/metrics` shows: the threads' totals, added up, in the OpenMetrics text format.

use chinwag_core::{Refusal, gateway::Counters};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::{files, storage::Figures, uploads::Uploads};

/// The format's media type.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One thread's part.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Its gateway's totals.
    pub(crate) counters: Counters,
    /// Rooms of its shards.
    pub(crate) rooms: usize,
}

/// Time a node took for an input that made it publish: 10 µs … 0.3 s.
pub(crate) fn fan_out_histogram() -> Histogram {
    Histogram::new(exponential_buckets(10e-6, 2.0, 16))
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Reason {
    reason: &'static str,
}

/// The whole page. Of the `disk`, if there is one: what its thread counts, and how many bytes wait for it. Of `uploads`, if
/// people can upload, what became of them.
pub(crate) fn page(
    threads: &[Snapshot],
    fan_out: &Histogram,
    disk: Option<(&Figures, u64)>,
    uploads: Option<&Uploads>,
    draining: bool,
) -> String {
    let total = |part: fn(&Counters) -> u64| threads.iter().map(|thread| part(&thread.counters)).sum::<u64>();
    let mut registry = Registry::with_prefix("chat");
    let gauges = [
        ("connections", "WebSockets open now", total(|c| c.connections)),
        ("rooms", "Rooms there are now", threads.iter().map(|thread| thread.rooms as u64).sum()),
        ("outbox_bytes", "Bytes waiting to be written", total(|c| c.outbox_bytes)),
        ("draining", "1 while the server is going down", u64::from(draining)),
        ("open_files_max", "Limit on open files, 0 if unknown", files::limit().unwrap_or(0)),
    ];
    for (name, help, value) in gauges {
        registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
    }
    let counters = [
        ("frames_in", "Text frames received", total(|c| c.frames_in)),
        ("messages_in", "Messages submitted", total(|c| c.messages_in)),
        ("deliveries_out", "Messages put into outboxes, live or from history", total(|c| c.deliveries_out)),
        ("frames_encoded", "Frames encoded for fan-out", total(|c| c.frames_encoded)),
        ("lagged", "Readers that fell behind and caught up from history", total(|c| c.lagged)),
        ("typing_dropped", "Typing notices not shown to slow readers", total(|c| c.typing_dropped)),
        ("slow_closed", "Connections closed because they did not read", total(|c| c.slow_closed)),
        ("sessions_resumed", "Sessions resumed", total(|c| c.resumed)),
    ];
    for (name, help, value) in counters {
        registry.register(name, help, ConstCounter::new(value));
    }
    registry.register("refusals", "Requests refused, by reason", refusals(threads));
    registry.register("fan_out_seconds", "Time to handle an input that was published", fan_out.clone());
    if let Some((figures, backlog_bytes)) = disk {
        figures.register(&mut registry, backlog_bytes);
    }
    if let Some(uploads) = uploads {
        uploads.register(&mut registry);
    }
    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a String");
    text
}

/// One series per reason, those at zero too, so that rates can be taken from the first refusal on.
fn refusals(threads: &[Snapshot]) -> Family<Reason, Counter> {
    let family = Family::<Reason, Counter>::default();
    for (index, refusal) in Refusal::ALL.iter().enumerate() {
        let count = threads.iter().map(|thread| thread.counters.refusals[index]).sum();
        family.get_or_create_owned(&Reason { reason: refusal.code() }).inc_by(count);
    }
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_added_up() {
        let mut counters = Counters { connections: 2, messages_in: 5, ..Counters::default() };
        counters.refusals[Refusal::RateLimited as usize] = 3;
        let thread = Snapshot { counters, rooms: 1 };
        let fan_out = fan_out_histogram();
        fan_out.observe(0.001);
        let page = page(&[thread.clone(), thread], &fan_out, None, None, true);
        for line in [
            "chat_connections 4",
            "chat_rooms 2",
            "chat_draining 1",
            "chat_messages_in_total 10",
            "chat_refusals_total{reason=\"rate_limited\"} 6",
            "chat_refusals_total{reason=\"bad_json\"} 0",
            "chat_fan_out_seconds_count 1",
            "# EOF",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
    }
}

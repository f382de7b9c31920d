//! What `/metrics` shows of files.

use prometheus_client::{
    metrics::{
        counter::{ConstCounter, Counter},
        gauge::ConstGauge,
    },
    registry::Registry,
};

use super::Uploads;

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Files that were taken.
    pub(super) uploaded: Counter,
    /// Uploads that came to nothing, whatever for.
    pub(super) failed: Counter,
    /// Files that were given out, or begun to be.
    pub(super) downloaded: Counter,
    /// Files that were too old, or whose room is gone.
    pub(super) removed: Counter,
}

impl Uploads {
    /// Shows how many files there are, and what came and went.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("files");
        let (files, bytes) = self.shelf().totals();
        let gauges = [
            ("kept", "Files that are there", files as u64),
            ("bytes", "Bytes that files take, those on their way too", bytes),
            ("transfers", "Uploads and downloads now", self.turns.count() as u64),
        ];
        for (name, help, value) in gauges {
            registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
        }
        let Figures { uploaded, failed, downloaded, removed } = &self.figures;
        let counters = [
            ("uploaded", "Files taken", uploaded),
            ("failed", "Uploads that came to nothing", failed),
            ("downloaded", "Files given out", downloaded),
            ("removed", "Files removed: too old, or without a room", removed),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, ConstCounter::new(counter.get()));
        }
    }
}

//! What `/metrics` shows of the disk.

use std::time::Duration;

use prometheus_client::{
    metrics::{
        counter::{ConstCounter, Counter},
        gauge::ConstGauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// What the disk thread and the one that makes snapshots count. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// How long each sync took, that of all logs together.
    pub(super) sync_seconds: Histogram,
    /// What was written to logs.
    pub(super) bytes: Counter,
    /// Snapshots that were made.
    pub(super) snapshots: Counter,
    /// And those that could not be.
    pub(super) snapshots_failed: Counter,
    recovery: Duration,
}

impl Figures {
    /// So long it took to read what was kept.
    pub(super) fn new(recovery: Duration) -> Self {
        Self {
            // 50 µs … 1.6 s: from disks that only say that they have synced, to those that stall.
            sync_seconds: Histogram::new(exponential_buckets(50e-6, 2.0, 16)),
            bytes: Counter::default(),
            snapshots: Counter::default(),
            snapshots_failed: Counter::default(),
            recovery,
        }
    }

    /// Shows all of it, and how much waits for the disk.
    pub(crate) fn register(&self, registry: &mut Registry, backlog_bytes: u64) {
        let registry = registry.sub_registry_with_prefix("disk");
        let counters = [
            ("bytes", "Bytes written to logs", &self.bytes),
            ("snapshots", "Snapshots made", &self.snapshots),
            ("snapshots_failed", "Snapshots that could not be made", &self.snapshots_failed),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, ConstCounter::new(counter.get()));
        }
        registry.register("sync_seconds", "Time to sync all logs", self.sync_seconds.clone());
        let backlog = ConstGauge::new(i64::try_from(backlog_bytes).unwrap_or(i64::MAX));
        registry.register("backlog_bytes", "Bytes in nodes that wait for the disk", backlog);
        let recovery = ConstGauge::new(self.recovery.as_secs_f64());
        registry.register_with_unit("recovery", "Time to read what was kept", Unit::Seconds, recovery);
    }
}

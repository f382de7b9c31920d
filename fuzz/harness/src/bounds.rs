//! Limits that hold after every step: bytes that wait, and the sizes of tables.

use chinwag_oracle::Excess;

use crate::stage::Stage;

/// Looks at all of them.
///
/// # Panics
/// One does not hold.
pub(crate) fn check(stage: &Stage) {
    let (gateway, shard) = stage.limits();
    let most = gateway.outbox_bytes_max;
    let mut sum = 0;
    for (connection, bytes) in stage.node().outboxes() {
        assert!(bytes <= most, "the outbox of {connection} may hold {most} bytes and holds {bytes}");
        sum += bytes as u64;
    }
    assert_eq!(sum, stage.node().counters().outbox_bytes, "bytes that wait are counted");
    for usage in stage.node().usages() {
        if let Some(excess) = Excess::of(shard, &usage) {
            panic!("a shard {excess}");
        }
    }
}

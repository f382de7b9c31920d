//! Limits that hold after every step: bytes that wait, and the sizes of tables.

use chinwag_core::{config::ShardConfig, shard::Usage};

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
        for (what, most, is) in pairs(shard, &usage) {
            assert!(is <= most as usize, "a shard may hold {most} {what} and holds {is}");
        }
    }
}

fn pairs(limits: &ShardConfig, usage: &Usage) -> [(&'static str, u32, usize); 11] {
    [
        ("rooms", limits.rooms_max, usage.rooms),
        ("sessions", limits.sessions_max, usage.sessions),
        ("sessions of a user", limits.sessions_per_user_max, usage.sessions_of_user),
        ("users with something spent", limits.spent_max, usage.spent),
        ("rooms of a session", limits.rooms_per_session_max, usage.rooms_of_session),
        ("answers of a session", limits.answers_max, usage.answers),
        ("keys", limits.keys_max, usage.keys),
        ("keys of a user", limits.keys_per_user_max, usage.keys_of_user),
        ("messages of a room", limits.history_max, usage.messages),
        ("tasks of a room", limits.tasks_max, usage.tasks),
        ("users a room lets in", limits.invited_max, usage.invited),
    ]
}

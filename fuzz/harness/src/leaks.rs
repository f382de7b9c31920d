//! What is kept of users belongs to a connection that is there, or ends at a known time.

use crate::stage::Stage;

/// Looks at every shard, and at the gateway.
///
/// # Panics
/// Something has outlived what it was kept for.
pub(crate) fn check(stage: &Stage) {
    let node = stage.node();
    assert_eq!(node.counters().connections, stage.connections() as u64, "a gateway holds what is connected");
    for stays in node.stays() {
        for (gateway, connection) in stays.connections {
            assert_eq!(gateway, node.gateway_id());
            assert!(stage.is_open(connection), "{connection} is gone and has a session");
        }
        for end in stays.ends {
            assert!(end > stage.now(), "a session without connection should have ended at {end}");
        }
        assert_eq!(stays.strays, 0, "a seat belongs to a session that knows of it");
    }
}

//! The limit on open files, which is the limit on connections.

use tracing::{info, warn};

use crate::Settings;

/// Files a server needs for other things than connections: listeners, pipes, the runtimes' own.
const RESERVE: u64 = 64;

/// Raises the limit as far as the system lets us, and says what it is. Who asked for more connections than that is
/// warned; the default is meant for machines of any size.
pub(crate) fn raise_limit(settings: &Settings) {
    let connections_max = settings.gateway.connections_max;
    let wanted = u64::from(connections_max) * u64::from(settings.driver.threads);
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => {
            info!(limit, "open files");
            let by_default = connections_max == Settings::default().gateway.connections_max;
            if limit.saturating_sub(RESERVE) < wanted && !by_default {
                warn!(
                    limit,
                    wanted,
                    "connections_max × threads is above the limit on open files: raise that (ulimit -Hn) or lower \
                     --connections-max"
                );
            }
        }
        Err(error) => warn!(%error, "cannot raise the limit on open files"),
    }
}

/// The limit in force, if the system has one.
pub(crate) fn limit() -> Option<u64> {
    rlimit::getrlimit(rlimit::Resource::NOFILE).ok().map(|(soft, _)| soft)
}

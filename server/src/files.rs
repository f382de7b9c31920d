//! The limit on open files, which is the limit on connections.

use tracing::{info, warn};

use crate::Settings;

/// Files a server needs for other things than connections: listeners, pipes, the runtimes' own.
const RESERVE: u64 = 64;

/// Raises the limit as far as the system lets us, and says what it is. Who asked for more connections than that is
/// warned; the default is meant for machines of any size.
pub(crate) fn raise_limit(settings: &Settings) {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => {
            info!(limit, "open files");
            if let Some(wanted) = wanted_above(limit, settings) {
                warn!(limit, wanted, "{TOO_FEW}");
            }
        }
        Err(error) => warn!(%error, "cannot raise the limit on open files"),
    }
}

/// What to do when there may be more connections than files.
pub(crate) const TOO_FEW: &str = "connections_max × threads is above the limit on open files: raise that (ulimit -Hn) or \
                                  lower --connections-max";

/// How many connections are asked for, if this limit on open files does not allow them. The default asks for none.
pub(crate) fn wanted_above(limit: u64, settings: &Settings) -> Option<u64> {
    let connections_max = settings.gateway.connections_max;
    let wanted = u64::from(connections_max) * u64::from(settings.driver.threads);
    let by_default = connections_max == Settings::default().gateway.connections_max;
    (limit.saturating_sub(RESERVE) < wanted && !by_default).then_some(wanted)
}

/// How far the limit can be raised, if the system has one.
pub(crate) fn hard_limit() -> Option<u64> {
    rlimit::getrlimit(rlimit::Resource::NOFILE).ok().map(|(_, hard)| hard)
}

/// The limit in force, if the system has one.
pub(crate) fn limit() -> Option<u64> {
    rlimit::getrlimit(rlimit::Resource::NOFILE).ok().map(|(soft, _)| soft)
}

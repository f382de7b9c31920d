//! Log lines: where they go, how they look, and those about what gateways report. Content and tokens never.

use std::{
    cell::Cell,
    io::{self, IsTerminal as _},
    rc::Rc,
    time::Duration,
};

use chinwag_core::{ConnectionId, Time, gateway::Notice, hash::NumberMap};
use tracing::{debug, info};
use tracing_subscriber::EnvFilter;

use crate::{
    settings::{DriverConfig, LogFormat},
    slot::Slot,
};

/// Sends the process's log lines to standard error.
///
/// # Errors
/// One line that says what is wrong with the filter.
pub(crate) fn start(config: &DriverConfig) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| {
        format!("log must be a filter such as info or chinwag_server=debug,warn: {error}")
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    // Set by hand and not with `init`, which would also show the `log` lines of the WebSocket library: they hold content.
    let set = match config.log_format {
        LogFormat::Human => tracing::subscriber::set_global_default(lines.finish()),
        LogFormat::Json => tracing::subscriber::set_global_default(lines.json().flatten_event(true).finish()),
    };
    // A program that embeds the server may have a subscriber of its own already.
    let _ = set;
    Ok(())
}

/// One thread's lines about what its gateway reports.
#[derive(Default)]
pub(crate) struct Notices {
    lagged: Throttle,
}

impl Notices {
    /// Writes a line, or not, and remembers who is at the other end.
    pub(crate) fn write(&self, now: Time, slots: &NumberMap<ConnectionId, Rc<Slot>>, notice: Notice) {
        match notice {
            Notice::Attached { connection, user, session, resumed } => {
                let slot = slots.get(&connection);
                if slot.is_some_and(|slot| slot.is_visit) {
                    debug!(connection = connection.0, %user, "visits");
                } else {
                    info!(connection = connection.0, %user, %session, resumed, "attached");
                }
                if let Some(slot) = slot {
                    // A connection speaks for one user for life, so this is set once.
                    let _ = slot.who.set((user, session));
                }
            }
            Notice::Said { connection, user, id, room, bytes } => {
                debug!(connection = connection.0, %user, id = id.map(|id| id.0), %room, bytes, "message");
            }
            Notice::Refused { connection, id, refusal } => {
                debug!(
                    connection = connection.0,
                    id = id.map(|id| id.0),
                    refusal = refusal.code(),
                    "refused"
                );
            }
            Notice::Lagged { connection, room } => {
                if let Some(unsaid) = self.lagged.admit(now) {
                    info!(connection = connection.0, %room, unsaid, "reader fell behind");
                }
            }
        }
    }
}

/// Lets one line a second through and counts the others: a slow network makes many readers slow at once.
#[derive(Default)]
struct Throttle {
    next: Cell<Time>,
    unsaid: Cell<u64>,
}

impl Throttle {
    const INTERVAL: Duration = Duration::from_secs(1);

    /// The number of lines left out since the last one, if this one may be written.
    fn admit(&self, now: Time) -> Option<u64> {
        if now < self.next.get() {
            self.unsaid.set(self.unsaid.get() + 1);
            return None;
        }
        self.next.set(now + Self::INTERVAL);
        Some(self.unsaid.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttle_counts_what_it_holds_back() {
        let throttle = Throttle::default();
        let at = |millis| Time(1_000_000) + Duration::from_millis(millis);
        assert_eq!(throttle.admit(at(0)), Some(0));
        assert_eq!(throttle.admit(at(1)), None);
        assert_eq!(throttle.admit(at(999)), None);
        assert_eq!(throttle.admit(at(1_000)), Some(2));
        assert_eq!(throttle.admit(at(2_000)), Some(0));
    }

    #[test]
    fn a_filter_that_cannot_be_is_one_line() {
        let config = DriverConfig { log: "chinwag_server=loud".to_owned(), ..DriverConfig::default() };
        let problem = start(&config).unwrap_err();
        assert!(problem.starts_with("log must be a filter") && !problem.contains('\n'), "{problem}");
    }
}

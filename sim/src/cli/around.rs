//! `--around`: the event near which a run is shown.

use anyhow::ensure;

/// An event must be in the run: near one that is not there is nothing to show.
pub(super) fn check(around: Option<u64>, events: u64) -> anyhow::Result<()> {
    let is_there = around.is_none_or(|event| (1..=events).contains(&event));
    ensure!(is_there, "--around {}: the run has events 1 to {events}", around.unwrap_or_default());
    Ok(())
}

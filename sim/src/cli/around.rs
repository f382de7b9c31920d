//! `--around`: the entry of the trace near which a run is shown.

use anyhow::ensure;

/// An entry must be in the trace: near one that is not there is nothing to show.
pub(super) fn check(around: Option<u64>, entries: u64) -> anyhow::Result<()> {
    let is_there = around.is_none_or(|entry| (1..=entries).contains(&entry));
    ensure!(is_there, "--around {}: the trace has entries 1 to {entries}", around.unwrap_or_default());
    Ok(())
}

//! The state file: what shards know at a planned end, for the next start.

use std::{collections::BTreeMap, io, path::Path};

use chinwag_core::{Shard, ShardId};
use chinwag_journal::{Start, state};
use tracing::info;

/// What shards begin with that a planned end has left in this file, if there is one.
///
/// # Errors
/// What is wrong with it, in one line that says what to do.
pub(crate) fn load_state(file: &Path, shards: u32) -> io::Result<Vec<Start>> {
    let advice = |advice: &'static str| {
        move |error: io::Error| {
            io::Error::other(format!("--state-file {}: {error}: {advice}", file.display()))
        }
    };
    state::prepare(file).map_err(advice("name a file that can be written"))?;
    let found = state::load(file, shards).map_err(advice("move it away to begin anew, or name another"))?;
    let Some(found) = found else { return Ok(vec![]) };
    info!(file = %file.display(), "goes on with the state of the last server");
    Ok(found.into_iter().map(|shard| Start { shard, lost: false, durability: None }).collect())
}

/// Removes what shards have begun with: whoever ends without leaving anything must not go on from there again.
///
/// # Errors
/// The file cannot be removed.
pub(crate) fn forget_state(file: &Path) -> io::Result<()> {
    state::forget(file)
        .map_err(|error| io::Error::other(format!("cannot remove {}: {error}", file.display())))
}

/// Leaves what shards know for the next start.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn leave_state(file: &Path, shards: BTreeMap<ShardId, Shard>) -> io::Result<()> {
    let shards: Vec<Shard> = shards.into_values().collect();
    state::save(file, &shards)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", file.display())))?;
    info!(file = %file.display(), "left the state for the next server");
    Ok(())
}

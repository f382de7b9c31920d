//! Files go with their room, or when they are too old.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chinwag_core::RoomName;
use tokio::{task::spawn_blocking, time::sleep};

use super::{Uploads, label};
use crate::server::Shared;

/// Most rooms that are looked for at once: gateway threads do it beside their work. The others have their turn.
const ROOMS_PER_ROUND: usize = 1_000;
/// The longest pause between two rounds.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// A file may be there longer than it should by this part of its time.
const PART_OF_TTL: u32 = 100;

/// Removes what is to go, for as long as it runs.
pub(crate) async fn keep_tidy(uploads: Arc<Uploads>, shared: Arc<Shared>) {
    let pause = (uploads.config.file_ttl / PART_OF_TTL).min(PAUSE_MAX);
    let mut last = None;
    loop {
        sleep(pause).await;
        let began = label::now();
        let rooms: Arc<[RoomName]> = uploads.shelf().rooms_after(last.as_ref(), ROOMS_PER_ROUND).into();
        last = rooms.last().filter(|_| rooms.len() == ROOMS_PER_ROUND).cloned();
        let gone = shared.gone(rooms).await;
        let uploads = Arc::clone(&uploads);
        spawn_blocking(move || uploads.sweep(&gone, began)).await.expect("it does not panic");
    }
}

impl Uploads {
    /// Removes the files of rooms that were gone at an instant, and those that are too old by then.
    fn sweep(&self, gone: &BTreeSet<RoomName>, at: u64) {
        let ttl = u64::try_from(self.config.file_ttl.as_millis()).unwrap_or(u64::MAX);
        // A room may have been made again since.
        let is_due = self
            .shelf()
            .those(|kept| kept.at.saturating_add(ttl) < at || kept.at < at && gone.contains(&kept.room));
        self.remove(&is_due);
    }
}

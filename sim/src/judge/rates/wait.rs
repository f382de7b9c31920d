//! When what was too much may be tried again: what clients are told is compared with what they had left.

use std::{collections::VecDeque, time::Duration};

use chinwag_core::{ConnectionId, RequestId};

use super::{Rates, slot};

/// From when until when something is let in again, in whole milliseconds from when it was refused.
type Wait = (u64, u64);

/// Of what was refused on a connection its client is still to be told.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// What has a number, in order; nothing if the wait is not known.
    numbered: VecDeque<(RequestId, Option<Wait>)>,
    /// What has none, and is told in bulk.
    others: VecDeque<Option<Wait>>,
}

impl Rates {
    /// Something was refused, which may be tried again after at least and at most so long.
    pub(crate) fn puts_off(
        &mut self,
        connection: ConnectionId,
        id: Option<RequestId>,
        wait: Option<(Duration, Duration)>,
    ) {
        let Some(Some(line)) = self.lines.get_mut(slot(connection)) else { return };
        let wait = wait.map(|(least, most)| (millis(least), millis(most)));
        match id {
            Some(id) => line.owed.numbered.push_back((id, wait)),
            None => line.owed.others.push_back(wait),
        }
    }

    /// A client reads on this connection that it is to wait so many milliseconds for this. True if that was judged.
    ///
    /// # Errors
    /// What it should have been told.
    pub(crate) fn is_put_off(
        &mut self,
        connection: ConnectionId,
        id: RequestId,
        told: u64,
    ) -> Result<bool, String> {
        let Some(Some(line)) = self.lines.get_mut(slot(connection)) else { return Ok(false) };
        let numbered = &mut line.owed.numbered;
        let Some(place) = numbered.iter().position(|&(other, _)| other == id) else { return Ok(false) };
        let last = numbered.drain(..=place).next_back();
        judge(last.and_then(|(_, wait)| wait), told)
    }

    /// A client reads on this connection that so many things were too much, and when to try the last one again. True if
    /// that was judged.
    ///
    /// # Errors
    /// What it should have been told.
    pub(crate) fn is_warned(
        &mut self,
        connection: ConnectionId,
        count: u64,
        told: u64,
    ) -> Result<bool, String> {
        let Some(Some(line)) = self.lines.get_mut(slot(connection)) else { return Ok(false) };
        let others = &mut line.owed.others;
        let Some(count) = usize::try_from(count).ok().filter(|&count| count <= others.len()) else {
            return Err(format!("of {count} things of which {} were refused", others.len()));
        };
        judge(others.drain(..count).next_back().flatten(), told)
    }
}

fn judge(wait: Option<Wait>, told: u64) -> Result<bool, String> {
    let Some((least, most)) = wait else { return Ok(false) };
    if told < least || told > most {
        return Err(format!("to wait {told} ms, and not {least} to {most}"));
    }
    Ok(true)
}

/// Whoever waits for so many is not early.
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

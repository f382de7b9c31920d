//! What was let in lately, and whether somebody who is called slow could not be given it.

use std::collections::VecDeque;

use chinwag_core::{ConnectionId, RequestId, RoomName, Time};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        shedding,
    },
    world::World,
};

/// So many are remembered.
const MOST: usize = 1_024;

/// A message that a gateway has let in.
#[derive(Debug)]
struct LetIn {
    at: Time,
    room: RoomName,
    /// Bytes that it takes in any dialect, or more.
    longest: usize,
    /// What of an outbox may be full where it is left out, in sixteenths, or less.
    share: usize,
}

/// Messages that gateways have let in, the last of them.
#[derive(Debug, Default)]
pub(crate) struct Lately {
    let_in: VecDeque<LetIn>,
}

impl World<'_> {
    /// A gateway lets a message in.
    pub(crate) fn is_let_in(
        &mut self,
        id: ConnectionId,
        request: Option<RequestId>,
        room: &RoomName,
        bytes: usize,
    ) {
        let Some(client) = self.links.get(id).map(|link| link.client) else { return };
        let is_plain = self.is_player(client);
        // Of another session it was another message that had this number.
        let is_known =
            |request: &RequestId| !is_plain && self.judge.bytes_of(client, *request) == Some(bytes);
        let said = request.filter(is_known).and_then(|request| self.judge.encoded(client, request));
        // What a plain client says may carry more, and be less urgent than most.
        let longest = || self.life.lines.get(&id).map_or(usize::MAX / 4, |line| line.longest);
        let text = said.unwrap_or_else(|| if is_plain { longest() } else { 6 * bytes });
        let share = shedding::sixteenths(if is_plain { u8::MAX } else { shedding::NORMAL });
        let longest = text + shedding::BESIDE;
        self.lately.let_in.push_back(LetIn { at: self.now, room: room.clone(), longest, share });
        if self.lately.let_in.len() > MOST {
            self.lately.let_in.pop_front();
        }
    }

    /// Messages are left to the history only where an outbox is filled.
    ///
    /// Of what another node lets in, [`check_shed`](Self::check_shed) knows the message itself. Here it is one of those
    /// that were let in lately.
    pub(crate) fn lags(&mut self, id: ConnectionId, room: &RoomName) -> Result<(), Broken> {
        // It may have taken some of what waited for it when it fell behind.
        let Some((node, has_taken)) = self.links.get(id).map(|link| (link.node, link.took == self.now))
        else {
            return Ok(());
        };
        let delay = u64::try_from(self.life.delay().as_micros()).unwrap_or(u64::MAX);
        let since = Time(self.now.0.saturating_sub(delay));
        let is_full = self.lately.let_in.len() >= MOST;
        if has_taken || self.life.upset >= since && is_full {
            return Ok(());
        }
        let since = if self.life.upset >= since { Time(0) } else { since };
        self.checked(checks::SLOW);
        let outbox = self.server.nodes[node].outboxes().find(|&(other, _)| other == id);
        let (bytes, max) =
            (outbox.map_or(0, |(_, bytes)| bytes), self.scenario.setup.gateway.outbox_bytes_max);
        let fits = |said: &&LetIn| bytes + said.longest <= max / 16 * said.share;
        let mut said = self.lately.let_in.iter().filter(|said| said.at >= since && said.room == *room);
        if said.all(|said| fits(&said)) {
            return broken(
                checks::SLOW,
                format!("{id} is called slow in {room}, and has {bytes} bytes to read of {max}"),
            );
        }
        Ok(())
    }
}

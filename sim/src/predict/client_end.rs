//! The bots' end of their lines: what they wish is done, and what arrives is handed to them.

use std::time::Duration;

use chinwag_bots::{End, Wish};
use chinwag_core::{ConnectionId, Time, gateway::Frame};

use super::{
    server_end::SOCKET_FRAME_BYTES_MAX,
    world::{Event, Seat, World},
};
use crate::line::{
    link::{CutLoss, Down, Link},
    uplink::Uplink,
    wire::{Decoder, ServerFrame},
};

/// What a bot's socket takes before it has left.
const SEND_BUFFER_BYTES: usize = 128 * 1_024;

impl World<'_> {
    pub(super) fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Connect { slot, attempt, not_before } => {
                self.let_go(slot);
                self.add(not_before, Event::Open { slot, attempt });
            }
            Wish::Transmit { slot, text } => self.transmit(slot, Frame::Text(&text)),
            Wish::Close { slot, code } => {
                self.transmit(slot, Frame::Close(Some(code)));
                self.seats[slot].iter_mut().for_each(|seat| seat.closing = true);
            }
            Wish::Drop(slot) => self.let_go(slot),
            Wish::Reset(slot) => self.reset(slot),
            Wish::Abandon(slot) => self.abandon(slot),
            Wish::Part { slot, attempt, until } => {
                self.parted[slot] = until;
                self.add(until, Event::Mend { slot, attempt });
                self.touch_slot(slot);
            }
        }
    }

    fn transmit(&mut self, slot: usize, frame: Frame<'_>) {
        let Some(Seat { id, .. }) = self.seats[slot] else { return };
        if let Some(link) = self.links.get_mut(id) {
            link.up.send(self.now, &Ok(frame));
            self.touch(id);
        }
    }

    /// Drops a bot's socket: the other end hears of it.
    fn let_go(&mut self, slot: usize) {
        let Some(Seat { id, .. }) = self.seats[slot].take() else { return };
        if let Some(link) = self.links.get_mut(id) {
            link.let_go(self.now);
            self.touch(id);
        }
    }

    /// Nothing more passes over a bot's socket, and the server learns at once that it was reset.
    fn reset(&mut self, slot: usize) {
        let Some(Seat { id, .. }) = self.seats[slot].take() else { return };
        let latency = self.network.latency;
        if let Some(link) = self.links.get_mut(id) {
            let nothing = CutLoss {
                keep_up: 0,
                keep_down: 0,
                part: 0,
                client_learns_after: Duration::ZERO,
                server_learns_after: latency,
            };
            link.cut(self.now, &nothing);
            (link.client_here, link.client_learns) = (false, None);
            self.touch(id);
        }
    }

    /// Nothing more passes over a bot's socket, and nobody is told.
    fn abandon(&mut self, slot: usize) {
        let Some(Seat { id, .. }) = self.seats[slot].take() else { return };
        if let Some(link) = self.links.get_mut(id) {
            link.up.kill();
            link.down.kill();
            link.client_here = false;
            self.touch(id);
        }
    }

    /// Lets slow readers read as fast as they can from now on.
    pub(super) fn hurry(&mut self) {
        self.hurries = true;
        (0..self.seats.len()).for_each(|slot| self.touch_slot(slot));
    }

    fn touch_slot(&mut self, slot: usize) {
        if let Some(Seat { id, .. }) = self.seats[slot] {
            self.touch(id);
        }
    }

    /// Makes a connection, as soon as there are not too many under way.
    pub(super) fn open(&mut self, slot: usize, attempt: u32) {
        match self.handshakes.free {
            0 => self.handshakes.waiting.push_back((slot, attempt)),
            _ => {
                self.handshakes.free -= 1;
                self.begin(slot, attempt);
            }
        }
    }

    fn begin(&mut self, slot: usize, attempt: u32) {
        self.opened += 1;
        let id = ConnectionId(self.opened);
        let up = Uplink::open(self.now, id.0, SEND_BUFFER_BYTES, SOCKET_FRAME_BYTES_MAX, self.draws);
        let mut link = Link::open(self.now, slot, 0, up);
        link.client_gives_up = Some(self.now + self.script.plan.connect().timeout);
        self.links.insert(id, link);
        self.handshakes.begun.insert(id, attempt);
        self.touch(id);
    }

    /// A handshake is over, in whichever way: which of its bot's connections it was. Another one may begin.
    fn shaken(&mut self, id: ConnectionId) -> Option<u32> {
        let attempt = self.handshakes.begun.remove(&id)?;
        match self.handshakes.waiting.pop_front() {
            Some((slot, attempt)) => self.begin(slot, attempt),
            None => self.handshakes.free += 1,
        }
        Some(attempt)
    }

    /// What arrived at a bot's end.
    pub(super) fn arrive_down(&mut self, id: ConnectionId, down: Down) {
        let Some(link) = self.links.get_mut(id).filter(|link| link.client_here) else { return };
        match down {
            Down::Accepted => self.accepted(id),
            Down::Bytes(bytes) => {
                link.decoder.push(&bytes);
                self.read_frames(id);
            }
            Down::Fin => self.client_closed(id, "closed without a goodbye"),
        }
    }

    fn accepted(&mut self, id: ConnectionId) {
        let Some(link) = self.links.get_mut(id) else { return };
        (link.opened, link.client_gives_up) = (true, None);
        let slot = link.client;
        let Some(attempt) = self.shaken(id) else { return };
        if self.bots.wants(slot, attempt) {
            self.seats[slot] = Some(Seat { id, closing: false, since: self.now });
            self.tell(|bots, now, out| bots.opened(slot, now, out));
        } else if let Some(link) = self.links.get_mut(id) {
            link.let_go(self.now);
            self.touch(id);
        }
    }

    /// A bot's end learns that its connection is gone, or that it will not be made.
    pub(super) fn client_closed(&mut self, id: ConnectionId, why: &str) {
        let Some(link) = self.links.get_mut(id).filter(|link| link.client_here) else { return };
        let slot = link.client;
        link.let_go(self.now);
        self.touch(id);
        if let Some(attempt) = self.shaken(id) {
            let why = format!("cannot connect: {why}");
            self.tell(|bots, now, out| bots.not_opened(slot, attempt, now, why, out));
        } else if self.seats[slot].take_if(|seat| seat.id == id).is_some() {
            let end = End::lost(Some(why));
            self.tell(|bots, now, out| bots.ended(slot, end, now, out));
        }
    }

    fn read_frames(&mut self, id: ConnectionId) {
        let Some(link) = self.links.get_mut(id) else { return };
        let (slot, mut decoder) = (link.client, std::mem::take(&mut link.decoder));
        while self.seats[slot].is_some_and(|seat| seat.id == id) && self.read_frame(slot, &mut decoder) {}
        if let Some(link) = self.links.get_mut(id) {
            link.decoder = decoder;
        }
    }

    /// Reads the next frame; false if there is none.
    fn read_frame(&mut self, slot: usize, decoder: &mut Decoder) -> bool {
        let frame = match decoder.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return false,
            Err(error) => {
                let client = self.bots.client(slot);
                self.broken = Some(format!("the server sends client {client} {error}"));
                return false;
            }
        };
        self.frames += 1;
        let is_heard = self.seats[slot].is_some_and(|seat| !seat.closing);
        match frame {
            ServerFrame::Text(text) if is_heard => {
                self.tell(|bots, now, out| bots.received(slot, Frame::Text(text), now, out));
            }
            ServerFrame::Pong if is_heard => self.lives(slot),
            ServerFrame::Ping(_) => {
                // WebSocket libraries answer by themselves.
                self.transmit(slot, Frame::Pong);
                if is_heard {
                    self.lives(slot);
                }
            }
            ServerFrame::Close(close) => {
                let end = close.map_or_else(|| End::lost(None), |(code, reason)| End::closed(code, reason));
                self.transmit(slot, Frame::Close(end.code));
                self.let_go(slot);
                self.tell(|bots, now, out| bots.ended(slot, end, now, out));
            }
            ServerFrame::Text(_) | ServerFrame::Pong => {}
        }
        true
    }

    fn lives(&mut self, slot: usize) {
        self.tell(|bots, now, out| bots.received(slot, Frame::Pong, now, out));
    }

    /// Lets leave what has to leave by now.
    pub(super) fn advance(&mut self, id: ConnectionId) {
        let Some(slot) = self.links.get(id).map(|link| link.client) else { return };
        let ((up, down), now) = (self.lines(slot), self.now);
        let (jitter_up, jitter_down) = (self.jitter(slot, 0), self.jitter(slot, 1));
        if let Some(link) = self.links.get_mut(id) {
            link.up.advance(now, &up, jitter_up);
            link.down.advance(now, &down, jitter_down);
        }
    }

    /// Something about a connection has changed: sets its timer, or forgets it if both ends have.
    pub(super) fn touch(&mut self, id: ConnectionId) {
        self.advance(id);
        let Some(link) = self.links.get_mut(id) else { return };
        if link.is_over() {
            self.links.remove(id);
            return;
        }
        let slot = link.client;
        let (up, down) = self.lines(slot);
        let Some(link) = self.links.get_mut(id) else { return };
        let Some(next) = link.poll_timeout(&up, &down) else { return };
        let next: Time = next.max(self.now);
        if link.armed.is_none_or(|armed| next < armed) {
            link.armed = Some(next);
            self.add(next, Event::Link(id));
        }
    }
}

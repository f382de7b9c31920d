//! One connection: two pipes, and what each end knows of it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chinwag_core::{Time, websocket::Intake};

use crate::{
    judge::age::Age,
    line::{
        pipe::{Line, PACKET_BYTES, Pipe},
        uplink::{Up, Uplink},
        wire::Decoder,
    },
    people::intruder::Intruder,
};

/// A client gives up on a handshake that is not answered by then.
pub(crate) const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Later than anything.
const NEVER: Time = Time(u64::MAX);

/// What a server sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Down {
    /// The handshake is accepted.
    Accepted,
    /// Bytes of frames.
    Bytes(Bytes),
    /// The server has closed its end.
    Fin,
}

/// The server's end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ServerEnd {
    /// The handshake has not arrived.
    Unborn,
    /// A connection of a node.
    Open,
    /// The node wants it closed; what is left is written until then.
    Closing(Time),
    /// Gone.
    Gone,
}

/// One connection between a client and a node.
#[derive(Debug)]
pub(crate) struct Link {
    /// Whose.
    pub(crate) client: usize,
    /// Which of those over that one's line, if anybody counts them.
    pub(crate) nth: u64,
    /// To which node.
    pub(crate) node: usize,
    /// Who speaks on it, if not the client.
    pub(crate) intruder: Option<Intruder>,
    /// The node does nothing.
    pub(crate) paused: bool,
    /// From the client.
    pub(crate) up: Uplink,
    /// To the client.
    pub(crate) down: Pipe<Down>,
    /// The server's parser.
    pub(crate) intake: Intake,
    /// The client's parser.
    pub(crate) decoder: Decoder,
    /// Whether the client still holds its end.
    pub(crate) client_here: bool,
    /// Whether the client knows that its handshake was accepted.
    pub(crate) opened: bool,
    /// The server's end.
    pub(crate) server_end: ServerEnd,
    /// Whether the server reads.
    pub(crate) reading: bool,
    /// Whether the server has more to write than the send buffer takes.
    pub(crate) blocked: bool,
    /// When the server last had more to write than the send buffer took.
    pub(crate) blocked_at: Time,
    /// When that began.
    pub(crate) blocked_since: Time,
    /// When so much was last written at once that some of what came with it may have been left out.
    pub(crate) heaped_at: Time,
    /// How much that was: bytes.
    pub(crate) heap: usize,
    /// When the server last wrote something.
    pub(crate) took: Time,
    /// How old what the client reads may be.
    pub(crate) age: Age,
    /// When the client learns that the line was cut.
    pub(crate) client_learns: Option<Time>,
    /// When the server learns that the line was cut.
    pub(crate) server_learns: Option<Time>,
    /// When the client stops waiting for its handshake.
    pub(crate) client_gives_up: Option<Time>,
    /// When its timer goes off.
    pub(crate) armed: Option<Time>,
}

impl Link {
    /// A connection whose handshake is on its way.
    #[must_use]
    pub(crate) fn open(now: Time, client: usize, node: usize, up: Uplink) -> Self {
        Self {
            client,
            nth: 0,
            node,
            intruder: None,
            paused: false,
            up,
            down: Pipe::default(),
            intake: Intake::default(),
            decoder: Decoder::default(),
            client_here: true,
            opened: false,
            server_end: ServerEnd::Unborn,
            reading: true,
            blocked: false,
            blocked_at: now,
            blocked_since: now,
            heaped_at: now,
            heap: 0,
            took: now,
            age: Age::default(),
            client_learns: None,
            server_learns: None,
            client_gives_up: Some(now + CONNECT_TIME),
            armed: None,
        }
    }

    /// What draws about it are keyed by: nothing that others do changes it.
    pub(crate) const fn cause(&self) -> u64 {
        cause(self.client, self.nth)
    }

    /// The server writes bytes: no more than the send buffer takes.
    pub(crate) fn write(&mut self, now: Time, mut bytes: Bytes) {
        self.took = now;
        self.age.wrote(now, bytes.len());
        while !bytes.is_empty() {
            let packet = bytes.split_to(bytes.len().min(PACKET_BYTES));
            let len = packet.len();
            self.down.push(now, Down::Bytes(packet), len);
        }
    }

    /// Bytes that a send buffer of this size still takes.
    #[must_use]
    pub(crate) const fn space(&self, send_buffer: usize) -> usize {
        send_buffer.saturating_sub(self.down.buffered())
    }

    /// Whether nothing is on its way to the client, and nothing had to wait since then.
    #[must_use]
    pub(crate) fn is_clear_since(&self, since: Time) -> bool {
        self.client_here && !self.blocked && self.blocked_at <= since && self.down.is_clear()
    }

    /// The client has read all that the server has ever had to write.
    pub(crate) fn is_read(&self) -> bool {
        !self.blocked && self.age.is_read()
    }

    /// The server ends its side: after what is written, or at once.
    pub(crate) fn hang_up(&mut self, now: Time) {
        self.server_end = ServerEnd::Gone;
        self.down.push(now, Down::Fin, 0);
    }

    /// The client lets go: what it has sent still goes out, what comes is not looked at.
    pub(crate) fn let_go(&mut self, now: Time) {
        if self.client_here {
            self.client_here = false;
            self.up.finish(now);
        }
    }

    /// Whether the server's end belongs to a node.
    #[must_use]
    pub(crate) const fn is_served(&self) -> bool {
        matches!(self.server_end, ServerEnd::Open | ServerEnd::Closing(_))
    }

    /// The next thing the server reads, if it does; what it keeps comes first, as bytes without any more of them.
    pub(crate) fn next_up(&mut self, now: Time) -> Option<Up> {
        if self.goes_on() {
            return Some(Up::Bytes(BytesMut::new()));
        }
        if self.reads() { self.up.arrived(now) } else { None }
    }

    /// Whether a node takes frames of it.
    pub(crate) const fn is_wanted(&self) -> bool {
        !self.paused && self.reading && matches!(self.server_end, ServerEnd::Open)
    }

    /// Whether a node takes what was read before.
    const fn goes_on(&self) -> bool {
        self.intake.keeps() && self.is_wanted()
    }

    /// A server that closes a connection reads on, and looks at nothing but its end.
    const fn reads(&self) -> bool {
        match self.server_end {
            ServerEnd::Open => self.is_wanted() && !self.intake.is_over(),
            _ => !self.paused,
        }
    }

    /// When the server lets go of it, whatever is left to write.
    pub(crate) const fn lets_go(&self) -> Option<Time> {
        match self.server_end {
            ServerEnd::Closing(until) if !self.paused => Some(until),
            _ => None,
        }
    }

    /// The line is cut. Of what travels the first items arrive, of the last one `part` bytes; the ends learn of it
    /// later, each in its own time.
    pub(crate) fn cut(&mut self, now: Time, loss: &CutLoss) {
        self.up.cut(loss.keep_up, loss.part);
        if let Some(Down::Bytes(bytes)) = self.down.cut(loss.keep_down) {
            bytes.truncate(loss.part);
        }
        self.client_learns = Some(now + loss.client_learns_after);
        self.server_learns = Some(now + loss.server_learns_after);
    }

    /// The server process is gone.
    pub(crate) fn orphan(&mut self, now: Time, loss: &CutLoss) {
        self.cut(now, loss);
        self.server_end = ServerEnd::Gone;
        self.server_learns = None;
    }

    /// When something happens here next.
    #[must_use]
    pub(crate) fn poll_timeout(&self, up: &Line, down: &Line) -> Option<Time> {
        let times = [
            if self.goes_on() { Some(Time(0)) } else { None },
            if self.reads() { self.up.next_event(up) } else { None },
            self.up.next_room(up),
            self.down.next_event(down),
            if self.blocked { self.down.next_room() } else { None },
            self.lets_go(),
            self.client_learns,
            if self.paused { None } else { self.server_learns },
            self.client_gives_up,
        ];
        let soonest = times.into_iter().fold(NEVER, |soonest, time| soonest.min(time.unwrap_or(NEVER)));
        (soonest < NEVER).then_some(soonest)
    }

    /// Whether neither end knows of it any more.
    #[must_use]
    pub(crate) const fn is_over(&self) -> bool {
        !self.client_here && matches!(self.server_end, ServerEnd::Gone)
    }
}

/// What draws are keyed by about a client's connection, of its own and of those over its line.
pub(crate) const fn cause(client: usize, nth: u64) -> u64 {
    (client as u64 + 1) << 32 | nth
}

/// What a cut takes away, and when its ends learn of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutLoss {
    /// Items from the client that still arrive.
    pub(crate) keep_up: usize,
    /// Items from the server that still arrive.
    pub(crate) keep_down: usize,
    /// Bytes that are left of the last of those.
    pub(crate) part: usize,
    /// When the client learns of it.
    pub(crate) client_learns_after: Duration,
    /// When the server learns of it.
    pub(crate) server_learns_after: Duration,
}

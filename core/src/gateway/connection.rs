//! One connection as its gateway sees it.

use std::{collections::VecDeque, time::Duration};

use super::{
    fan_out::shed_above,
    identity::{Identity, Verifying},
    outbox::Outbox,
    quotas::AccountIndex,
};
use crate::{
    config::GatewayConfig,
    dialect::{Codec, Opening},
    id::{ConnectionId, RequestId, SessionId, ShardId},
    name::{RoomName, UserName},
    secret::Secret,
    shard::{Limiters, PRIORITY_NORMAL, Peer, RoomView},
    time::Time,
};

/// Where a room stands in its gateway's table.
pub(super) type RoomIndex = usize;

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// It has not said who it is.
    Arriving,
    /// Its user's home shard has been asked.
    Attaching(Attaching),
    /// It speaks for a session.
    Attached(Peer),
    /// Another connection has its user's session: it is kept alive, and neither told nor asked anything.
    Silent(UserName),
    /// A close frame is on its way; whatever comes in is ignored.
    Closing,
}

/// What is known while the home shard has not answered.
#[derive(Debug)]
pub(super) struct Attaching {
    pub(super) user: UserName,
    /// The session it would have; the one to resume, if it named one.
    pub(super) session: SessionId,
    pub(super) secret: Secret,
    /// The number of the request that named the user.
    pub(super) id: Option<RequestId>,
    pub(super) named_by: NamedBy,
}

/// What a connection's user is known from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NamedBy {
    /// It said `hello`: it gets a `welcome` with its secret, and may resume.
    Hello,
    /// A request named the user, and is served after.
    Request,
    /// Its address, before any frame.
    Address,
}

/// A list of rooms that is being collected from all shards.
#[derive(Debug)]
pub(super) struct Gathering {
    pub(super) id: Option<RequestId>,
    pub(super) missing: u32,
    pub(super) limit: usize,
    pub(super) rooms: Vec<RoomView>,
    pub(super) more: bool,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) phase: Phase,
    pub(super) codec: Codec,
    /// It takes no seat in rooms.
    pub(super) visitor: bool,
    /// It may be silent for as long as it likes.
    pub(super) resident: bool,
    /// What waits until its token is verified.
    pub(super) verifying: Option<Box<Verifying>>,
    /// What its token says.
    pub(super) identity: Option<Box<Identity>>,
    /// Whether the session may be resumed; kept here for the time after attaching.
    pub(super) greeted: bool,
    /// Its session's; the quotas are its user's, in their account.
    pub(super) limiters: Limiters,
    /// Where the user's quotas are, if there are any.
    pub(super) account: Option<AccountIndex>,
    /// Rooms it reads, ascending.
    pub(super) rooms: Vec<RoomIndex>,
    /// Rooms it writes in at the moment, and when that was last passed on.
    pub(super) typing: Vec<(RoomName, Time)>,
    /// Shards that must hear of its end.
    pub(super) shards: Vec<ShardId>,
    pub(super) outbox: Outbox,
    /// Live messages were passed over because its outbox was full, and it has not drained since.
    pub(super) lagging: bool,
    /// A room may owe it a page or a member list: looked for as long as one is found.
    pub(super) owed: bool,
    /// A page or a member list has been asked for on its behalf.
    pub(super) catching_up: bool,
    /// For this room: the next turn is another one's.
    pub(super) caught_up: RoomIndex,
    pub(super) unanswered: u32,
    pub(super) gathering: Option<Box<Gathering>>,
    /// It has asked for a page of history: nothing else is served until all it asked for is answered, for pages are
    /// large and its outbox is not.
    pub(super) paging: bool,
    /// Frames that came while it could not be served.
    pub(super) waiting: VecDeque<Box<str>>,
    /// The driver was told to go on reading.
    pub(super) reading: bool,
    /// When it connected.
    pub(super) since: Time,
    /// When bytes last came in.
    pub(super) heard: Time,
    /// When a text frame last came in.
    pub(super) spoke: Time,
    /// When bytes last went out.
    pub(super) took: Time,
    /// When bytes last began to wait.
    pub(super) waiting_since: Time,
    /// When it was last pinged; at first, when it connected.
    pub(super) pinged: Time,
    /// Nothing has come since.
    pub(super) awaiting_pong: bool,
    /// Pings that it has not answered. Pongs beyond them nobody has asked for.
    pub(super) pongs_owed: u32,
    pub(super) warnings: Warnings,
    pub(super) abuse: Abuse,
    /// Its entry in the gateway's deadlines.
    pub(super) deadline: Time,
    /// Something waited for it when that was set, so that what it took counted as life. Once all is taken it counts no more.
    pub(super) deadline_counts_taking: bool,
}

impl Connection {
    pub(super) fn new(id: ConnectionId, opening: &Opening, config: &GatewayConfig, now: Time) -> Self {
        Self {
            id,
            phase: Phase::Arriving,
            codec: Codec::of(opening, config),
            visitor: opening.visitor,
            resident: opening.resident,
            verifying: None,
            identity: None,
            greeted: false,
            limiters: Limiters::default(),
            account: None,
            rooms: Vec::new(),
            typing: Vec::new(),
            shards: Vec::new(),
            outbox: Outbox::default(),
            lagging: false,
            owed: false,
            catching_up: false,
            caught_up: 0,
            unanswered: 0,
            gathering: None,
            paging: false,
            waiting: VecDeque::new(),
            reading: true,
            since: now,
            heard: now,
            spoke: now,
            took: now,
            waiting_since: now,
            pinged: now,
            awaiting_pong: false,
            pongs_owed: 0,
            warnings: Warnings::default(),
            abuse: Abuse { since: now, received: 0, refused: 0, before: false },
            deadline: Time(u64::MAX),
            deadline_counts_taking: false,
        }
    }

    pub(super) const fn peer(&self) -> Option<&Peer> {
        match &self.phase {
            Phase::Attached(peer) => Some(peer),
            _ => None,
        }
    }

    pub(super) const fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing)
    }

    /// Whether it is told nothing more.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Silent(_) | Phase::Closing)
    }

    /// Whether the next frame may be looked at now.
    pub(super) fn is_ready(&self, config: &GatewayConfig) -> bool {
        let served = !matches!(self.phase, Phase::Attaching(_) | Phase::Closing) && self.verifying.is_none();
        let waits = self.paging || self.gathering.is_some() || self.unanswered >= config.unanswered_max;
        served && !waits && !self.is_clogged(config)
    }

    /// Its outbox is so full that live messages of no special urgency stop, and so does reading.
    pub(super) const fn is_clogged(&self, config: &GatewayConfig) -> bool {
        self.outbox.bytes() > shed_above(PRIORITY_NORMAL, config)
    }

    /// It has so much to take that it must take something now and then.
    pub(super) const fn must_progress(&self, config: &GatewayConfig) -> bool {
        self.lagging || self.is_clogged(config)
    }

    /// When something about it must be looked at, if nothing happens before.
    pub(super) fn next_deadline(&self, config: &GatewayConfig) -> Time {
        if self.is_closing() {
            return Time(u64::MAX);
        }
        let mut next =
            if self.awaiting_pong { self.pinged + config.pong_timeout } else { self.ping_at(config) };
        if matches!(self.phase, Phase::Arriving | Phase::Attaching(_)) {
            next = next.min(self.must_attach_at(config));
        }
        if let Some(idle) = self.idle_at(config) {
            next = next.min(idle);
        }
        if let Some(due) = self.token_due(config) {
            next = next.min(due);
        }
        if self.must_progress(config) {
            next = next.min(self.stalled_at(config));
        }
        if self.warnings.pending > 0 {
            next = next.min(self.warnings.last + config.warning_interval);
        }
        next
    }

    /// When it must have said who it is.
    pub(super) fn must_attach_at(&self, config: &GatewayConfig) -> Time {
        planted!(AttachTimeoutIgnored, Time(u64::MAX), self.since + config.attach_timeout)
    }

    /// When it has been idle for too long, if it may be.
    pub(super) fn idle_at(&self, config: &GatewayConfig) -> Option<Time> {
        let spoke = planted!(IdleCountsFromConnect, self.since, self.spoke);
        let idle = planted!(IdleKept, None, config.idle_timeout);
        idle.filter(|_| !self.resident).map(|idle| spoke + idle)
    }

    /// The last sign of life: bytes that came in, or bytes it took.
    pub(super) fn alive(&self) -> Time {
        // An empty outbox says nothing about the other end.
        let has_waited = planted!(SocketTakenForLife, true, self.outbox.bytes() > 0);
        if has_waited { self.heard.max(self.took) } else { self.heard }
    }

    /// When it is pinged: after silence in either direction, for the client wants to hear something, too.
    pub(super) fn ping_at(&self, config: &GatewayConfig) -> Time {
        let interval = planted!(PingedWithoutRest, Duration::ZERO, config.ping_interval);
        if self.codec.dialect().ping().is_some() {
            return self.pinged + interval;
        }
        self.alive().min(self.took).max(self.pinged) + interval
    }

    /// When it has taken nothing for too long, if it must take something.
    pub(super) fn stalled_at(&self, config: &GatewayConfig) -> Time {
        let stalled = self.took.max(self.waiting_since) + config.pong_timeout;
        let stalled = planted!(SlowClosedAtOnce, Time(0), stalled);
        planted!(SlowReaderNeverClosed, Time(u64::MAX), stalled)
    }
}

/// Refusals without a number, told in bulk.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    pub(super) last: Time,
    pub(super) pending: u64,
    pub(super) retry_after: Duration,
}

/// How much of what a connection sent was refused for its rate.
#[derive(Debug)]
pub(super) struct Abuse {
    /// When the present window began.
    since: Time,
    received: u32,
    refused: u32,
    /// In the window before, at least half was refused.
    before: bool,
}

impl Abuse {
    /// Counts a frame.
    pub(super) fn received(&mut self, now: Time, config: &GatewayConfig) {
        let elapsed = now.since(self.since);
        if elapsed >= config.abuse_window {
            // A pause of a whole window ends it.
            let goes_on = elapsed < config.abuse_window * 2;
            let before = goes_on && self.refused >= config.abuse_refusals_min && self.is_mostly_refused();
            *self = Self { since: now, received: 0, refused: 0, before };
        }
        self.received = self.received.saturating_add(1);
    }

    /// Counts a refusal; true when it went like this for a whole window and still does.
    pub(super) fn refused(&mut self) -> bool {
        self.refused = self.refused.saturating_add(1);
        self.before && self.is_mostly_refused()
    }

    const fn is_mostly_refused(&self) -> bool {
        self.refused >= self.received.div_ceil(2)
    }
}

/// Below this there is room again for pages of history.
pub(super) const fn drained_bytes(config: &GatewayConfig) -> usize {
    config.outbox_bytes_max / 8
}

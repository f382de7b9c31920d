//! Why connections end, and when their clients come back: by the documented codes, for reasons that are true.

use std::{collections::BTreeMap, time::Duration};

use chinwag_core::{
    ConnectionId, Disconnect, Refusal, Time,
    dialect::Dialect,
    gateway::{Fault, Frame},
};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        life::Line,
        marks::Mark,
        quotas::Fate,
    },
    line::link::{Link, ServerEnd},
    world::{Turn, World},
};

/// What `docs/protocol.md` says of close codes: code, reason, and whether the client is told when to come back.
const CLOSES: [(u16, &str, bool); 18] = [
    (1002, "protocol_error", false),
    (1007, "invalid_text", false),
    (1009, "frame_too_big", false),
    (4000, "bad_token", false),
    (4001, "rate_limited", true),
    (4002, "bad_format", false),
    (4003, "unknown_room", false),
    (4004, "permission_denied", false),
    (4100, "slow", true),
    (4101, "shutdown", true),
    (4102, "heartbeat_timeout", true),
    (4103, "overloaded", true),
    (4104, "displaced", true),
    (4500, "replaced", false),
    (4501, "attach_timeout", false),
    (4502, "idle", false),
    (4503, "attach_refused", false),
    (4504, "token_expired", false),
];

/// A client that connects so often by itself… A server that dies three times meanwhile makes it try forty times.
const CONNECTS_MAX: usize = 80;
/// …within this time does not back off.
const CONNECTS_TIME: Duration = Duration::from_secs(10);
/// Time between two batches of a drain.
const DRAIN_INTERVAL: Duration = Duration::from_millis(100);
/// So many that are sent away in one drain do not all come back at one instant.
const CROWD: usize = 5;

/// What is known of endings and returns.
#[derive(Debug, Default)]
pub(crate) struct Endings {
    /// Why nodes closed connections, until their clients read it.
    reasons: BTreeMap<ConnectionId, Disconnect>,
    /// When each client last connected, over and over.
    connects: BTreeMap<usize, Vec<Time>>,
    /// Who was told not to come back before, by their own clock.
    not_before: BTreeMap<usize, Time>,
    /// When the server last began to tell everybody to go, and how many there were.
    drain: Option<(Time, u32)>,
    /// When those come back that one life of the server sent away.
    returns: (u64, Vec<u64>),
}

impl Endings {
    /// When a client may come back at the earliest, by its own clock, if it was told.
    pub(crate) fn not_before(&self, client: usize) -> Option<Time> {
        self.not_before.get(&client).copied()
    }

    /// A client's line fails: that it comes back is not its own doing.
    pub(crate) fn fails(&mut self, client: usize) {
        if let Some(connects) = self.connects.get_mut(&client) {
            connects.pop();
        }
    }

    /// The server tells everybody to go.
    pub(crate) fn drains(&mut self, now: Time, count: usize) {
        self.drain = Some((now, u32::try_from(count).unwrap_or(u32::MAX)));
    }
}

/// Reads a close frame; the time after which the client may come back, if it names one.
fn read(code: u16, reason: &str) -> Result<(&'static str, Option<u64>), String> {
    let Some(&(_, word, comes_back)) = CLOSES.iter().find(|&&(known, ..)| known == code) else {
        return Err("no server closes with this".to_owned());
    };
    let rest = reason.strip_prefix(word).ok_or_else(|| format!("its reason is {word}"))?;
    let millis = rest.strip_prefix(" retry_after_ms=").and_then(|millis| millis.parse().ok());
    match (comes_back, rest.is_empty(), millis) {
        (true, false, Some(_)) | (false, true, None) => Ok((word, millis)),
        (true, ..) => Err("it says when to come back".to_owned()),
        (false, ..) => Err("there is nothing after its reason".to_owned()),
    }
}

impl World<'_> {
    /// A node that has read a close has closed, too.
    pub(crate) fn check_goodbye(&mut self, id: ConnectionId, frame: Frame<'_>) -> Result<(), Broken> {
        let Frame::Close(code) = frame else { return Ok(()) };
        self.checked(checks::CLOSING);
        if self.life.lines.contains_key(&id) {
            return broken(checks::CLOSING, format!("{id} is not closed, which is asked for with {code:?}"));
        }
        Ok(())
    }

    /// A node closes a connection, and must have a reason.
    pub(crate) fn line_is_closed(&mut self, id: ConnectionId, reason: Disconnect) -> Result<(), Broken> {
        self.checked(checks::CLOSING);
        self.endings.reasons.insert(id, reason);
        let Some(node) = self.links.get(id).map(|link| link.node) else { return Ok(()) };
        self.server.counted[node].closes(reason);
        let Some(line) = self.life.lines.get(&id) else { return Ok(()) };
        let gateway = &self.scenario.setup.gateway;
        let life = &self.life;
        // What the server takes for as long as that.
        let lasts = |since: Time, time| life.upset >= since || self.now.since(since) >= life.at_least(time);
        let held = |(_, link): &(ConnectionId, &Link)| link.node == node && link.is_served();
        let fits = match reason {
            Disconnect::Requested => line.goodbye,
            Disconnect::ProtocolError => line.fault == Some(Fault::Protocol),
            Disconnect::InvalidText => line.fault == Some(Fault::InvalidText),
            Disconnect::FrameTooBig => line.fault == Some(Fault::TooBig),
            Disconnect::RateLimited => line.abuse.is_due() || line.fate != Fate::Stays,
            Disconnect::Slow => self.links.get(id).is_some_and(|link| {
                let has_stalled =
                    link.blocked && lasts(link.took.max(link.blocked_since), gateway.pong_timeout);
                let may_fill = link.blocked || self.turn == Turn::Stored;
                has_stalled || may_fill && self.may_not_fit(id, link)
            }),
            Disconnect::Shutdown => self.server.draining && !self.goes_late(line.since),
            Disconnect::HeartbeatTimeout => lasts(line.heard, gateway.pong_timeout),
            Disconnect::Overloaded => {
                self.links.iter().filter(held).count() > gateway.connections_max as usize
            }
            Disconnect::Replaced if self.is_sole(line.client) => self.is_one_too_many(id, node, line),
            Disconnect::Replaced => {
                let session =
                    line.session.or(line.claim).and_then(|session| self.life.sessions.get(&session));
                session.is_some_and(|session| session.claimed_by != id)
            }
            // That it was told so shows when it reads this.
            Disconnect::Displaced => {
                self.people[line.client].player.as_ref().is_some_and(|player| player.voice.is_sole())
            }
            Disconnect::AttachTimeout => {
                let is_unknown = line.session.is_none() && !self.is_shut_out_at_once(line.client);
                lasts(line.since, gateway.attach_timeout) && is_unknown
            }
            Disconnect::Idle => gateway.idle_timeout.is_some_and(|idle| lasts(line.spoke, idle)),
            // Whoever an address names cannot name anybody else.
            Disconnect::AttachRefused => match line.turned_away {
                // That this was true was looked at when it was told so.
                Some(Refusal::TooManySessions) => self.is_player(line.client),
                Some(_) => self.is_player(line.client) && self.may_be_full(id),
                None => false,
            },
            Disconnect::BadFormat => {
                self.people[line.client].player.as_ref().is_some_and(|player| player.has_babbled)
            }
            Disconnect::BadToken => line.has_bad_token || self.lacks_token(line.client),
            Disconnect::TokenExpired => {
                let shows = self.server.clock.shows(self.now);
                line.token.is_some_and(|ends| ends + gateway.token_grace <= shows)
            }
            Disconnect::UnknownRoom | Disconnect::PermissionDenied => self.is_strict_with(line.client),
            // Nobody sends binary frames in specification 2.
            Disconnect::UnsupportedData => false,
        };
        match reason {
            Disconnect::RateLimited if !line.abuse.is_due() => self.marks.hit(Mark::ClosedAbove),
            Disconnect::Replaced if self.is_sole(line.client) => self.marks.hit(Mark::SilentEnds),
            _ => {}
        }
        if fits {
            return Ok(());
        }
        broken(
            checks::CLOSING,
            format!("{id} of c{} is closed as {reason} for no such reason: {line:?}", line.client),
        )
    }

    /// Whether an outbox may have had no room for what its connection was to be told: a page takes up to a quarter of it, or
    /// one message, of which every byte may have to be escaped. A node whose timer goes off tells nothing longer than a
    /// warning, and one that hears from its disk tells everything at once, of which the socket has taken its part by now.
    fn may_not_fit(&self, id: ConnectionId, link: &Link) -> bool {
        /// A warning, with the close frame that there must be room for beside it.
        const WARNING: usize = 512;
        /// A byte in JSON, as in `\u0001`.
        const ESCAPED: usize = 6;
        let gateway = &self.scenario.setup.gateway;
        let max = gateway.outbox_bytes_max;
        let message = gateway.content_bytes_max * ESCAPED + WARNING;
        let longest = if self.turn == Turn::Timer { WARNING } else { message.max(max / 4) };
        let taken = if self.turn == Turn::Stored && link.heaped_at == self.now { link.heap } else { 0 };
        let outbox = self.server.nodes[link.node].outboxes().find(|&(other, _)| other == id);
        outbox.is_some_and(|(_, bytes)| bytes + taken + longest > max)
    }

    /// Whether a node holds more lines of this one's user than may stay open in silence, this one among them.
    fn is_one_too_many(&self, id: ConnectionId, node: usize, line: &Line) -> bool {
        let clients = self.sole_clients(line.client);
        let is_here = |(other, its): &(&ConnectionId, &Line)| {
            clients.contains(&its.client) && self.links.get(**other).is_some_and(|link| link.node == node)
        };
        let silent_max = self.scenario.setup.gateway.silent_per_user_max as usize;
        self.has_sole_after(id, line.client) && self.life.lines.iter().filter(is_here).count() > silent_max
    }

    /// Of the lines of a user of whom only the newest is served, nodes keep no more open than may stay so in silence.
    pub(crate) fn check_silent(&mut self) -> Result<(), Broken> {
        let silent_max = self.scenario.setup.gateway.silent_per_user_max as usize;
        let now = self.now;
        for attached in &self.life.attached {
            // The news that it is replaced has come to its node.
            let Some(&(newest, at)) = attached.last() else { continue };
            if self.life.upset >= at || at + self.life.delay() >= now {
                continue;
            }
            let mut silent = vec![0; self.server.nodes.len()];
            for (id, _) in attached.iter().filter(|&&(id, since)| id != newest && since < at) {
                let link = self.links.get(*id).filter(|link| link.server_end == ServerEnd::Open);
                link.into_iter().for_each(|link| silent[link.node] += 1);
            }
            self.checks.add(checks::CLOSING, 1);
            if silent.iter().any(|&count| count > silent_max) {
                let sentence =
                    format!("{silent_max} silent lines of a user may stay open, and {silent:?} do");
                return broken(checks::CLOSING, sentence);
            }
        }
        Ok(())
    }

    /// Whether a client is closed for naming a room that is not there, and for what it may not do.
    pub(crate) fn is_strict_with(&self, client: usize) -> bool {
        let setup = &self.scenario.setup;
        setup.gateway.strict_closes && setup.clients[client].voice == Some(Dialect::Envelope)
    }

    /// Whoever is refused what their specification closes for is closed, where servers are strict.
    pub(crate) fn check_strict(&mut self, client: usize, refusal: Refusal) -> Result<(), Broken> {
        let is_ending = matches!(
            refusal,
            Refusal::UnknownRoom | Refusal::NotMember | Refusal::PermissionDenied | Refusal::RoomsClosed
        );
        let Some(id) = self.people[client].link.filter(|_| is_ending && self.is_strict_with(client)) else {
            return Ok(());
        };
        self.checked(checks::CLOSING);
        let is_open = self.links.get(id).is_some_and(|link| link.server_end == ServerEnd::Open);
        if is_open {
            return broken(checks::CLOSING, format!("c{client} is told {refusal} and not closed for it"));
        }
        Ok(())
    }

    /// Of what is too fast and has no number one is warned once in a while. A line may be gone when its client reads that.
    pub(crate) fn check_warning(&mut self, client: usize) -> Result<(), Broken> {
        self.checked(checks::LIMITER);
        let interval = self.life.at_least(self.scenario.setup.gateway.warning_interval);
        let line = self.people[client].link.and_then(|id| self.life.lines.get_mut(&id));
        let Some(line) = line.filter(|_| !interval.is_zero()) else { return Ok(()) };
        let before = line.warnings;
        line.warnings += 1;
        if before > 0 {
            self.marks.hit(Mark::WarnedAgain);
        }
        if self.now.since(line.since) >= interval * before || self.life.upset >= line.since {
            return Ok(());
        }
        broken(checks::LIMITER, format!("c{client} is warned {} times already", before + 1))
    }

    /// A client reads a close frame.
    pub(crate) fn reads_close(
        &mut self,
        client: usize,
        id: ConnectionId,
        close: Option<(u16, &str)>,
    ) -> Result<(), Broken> {
        self.checked(checks::CLOSING);
        let given = self.endings.reasons.remove(&id);
        let complain =
            |why: &str| broken(checks::CLOSING, format!("c{client} reads the close {close:?}: {why}"));
        let Some((code, reason)) = close else { return complain("servers say why") };
        let code = self.spelled(client, code);
        let (word, millis) = match read(code, reason) {
            Ok(read) => read,
            Err(why) => return complain(&why),
        };
        if given.is_none_or(|given| given.to_string() != word) {
            return complain(&format!("its node closed it as {given:?}"));
        }
        let silenced = self.people[client].player.as_ref().is_some_and(|player| player.silenced);
        if given == Some(Disconnect::Displaced) && !silenced {
            return complain("nothing took its place");
        }
        let Some(millis) = millis else { return Ok(()) };
        if Duration::from_millis(millis) > self.scenario.setup.gateway.return_spread {
            return complain("it has to come back sooner");
        }
        let back = self.people[client].clock.shows(self.now) + Duration::from_millis(millis);
        self.endings.not_before.insert(client, back);
        if given == Some(Disconnect::Shutdown) { self.sent_away(millis) } else { Ok(()) }
    }

    /// The code that others would have been closed with: specification 2 has one of its own for a server that goes.
    fn spelled(&self, client: usize, code: u16) -> u16 {
        let player = self.people[client].player.as_ref();
        let is_undecided =
            self.scenario.setup.clients[client].undecided && player.is_some_and(|player| !player.known);
        match (player.map(|player| player.voice.dialect()), code) {
            (Some(Dialect::Envelope), 1001) => Disconnect::Shutdown.code(),
            // Until the first frame has come in, nobody knows that this is spoken.
            (Some(Dialect::Envelope), 4101) if is_undecided => code,
            (Some(Dialect::Envelope), 4101) => 0,
            _ => code,
        }
    }

    /// Whoever is sent away in a drain comes back at a time of their own.
    fn sent_away(&mut self, millis: u64) -> Result<(), Broken> {
        self.checked(checks::HERD);
        let (incarnation, returns) = &mut self.endings.returns;
        if *incarnation != self.server.incarnation {
            (*incarnation, *returns) = (self.server.incarnation, Vec::new());
        }
        returns.push(millis);
        if returns.len() >= CROWD && returns.iter().all(|&other| other == millis) {
            let sentence =
                format!("{} clients were sent away and all come back after {millis} ms", returns.len());
            return broken(checks::HERD, sentence);
        }
        Ok(())
    }

    /// Whether who has been connected since then is told to go later than the drain takes: it tells a batch at once, and
    /// another after every interval.
    fn goes_late(&self, connected: Time) -> bool {
        const SLACK: Duration = Duration::from_millis(50);
        let Some((since, count)) = self.endings.drain.filter(|&(since, _)| self.life.upset <= since) else {
            return false;
        };
        let later = count.div_ceil(self.drain_batch()).saturating_sub(1);
        connected < since && self.now > since + self.life.at_most(DRAIN_INTERVAL * later) + SLACK
    }

    /// How many are told to go at once in a drain.
    fn drain_batch(&self) -> u32 {
        (self.scenario.setup.gateway.drain_rate / 10).max(1)
    }

    /// A server that has told everybody to go, and had the time to, holds nobody any more when it dies.
    pub(crate) fn check_drained(&mut self) -> Result<(), Broken> {
        let since = self.endings.drain.take().filter(|_| self.server.draining);
        let Some((since, count)) = since.filter(|(since, _)| self.life.upset <= *since) else {
            return Ok(());
        };
        self.checked(checks::CLOSING);
        let batches = count.div_ceil(self.drain_batch()) + 2;
        let due = since + self.life.at_most(DRAIN_INTERVAL * batches) + self.life.delays.since(since);
        match self.life.lines.keys().next() {
            Some(id) if self.now > due => {
                broken(checks::CLOSING, format!("{id} was not told to go in a drain"))
            }
            _ => Ok(()),
        }
    }

    /// A program that is started anew knows nothing of what it was told.
    pub(crate) fn forgets_its_return(&mut self, client: usize) {
        self.endings.not_before.remove(&client);
        self.endings.connects.remove(&client);
    }

    /// A client connects: not too soon, and not all the time.
    pub(crate) fn check_return(&mut self, client: usize) -> Result<(), Broken> {
        self.checked(checks::HERD);
        let (now, endings) = (self.now, &mut self.endings);
        if let Some(back) = endings.not_before.remove(&client) {
            let shows = self.people[client].clock.shows(now);
            if shows < back {
                let early = back.since(shows).as_millis();
                return broken(
                    checks::HERD,
                    format!("c{client} comes back {early} ms before it was told to"),
                );
            }
            // It was the server that named the time, and what comes now begins anew.
            endings.connects.remove(&client);
            return Ok(());
        }
        let connects = endings.connects.entry(client).or_default();
        connects.retain(|&at| at + CONNECTS_TIME > now);
        connects.push(now);
        if connects.len() > CONNECTS_MAX {
            let sentence =
                format!("c{client} connects for the {}th time in {CONNECTS_TIME:?}", connects.len());
            return broken(checks::HERD, sentence);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_says_what_it_should() {
        assert_eq!(read(4500, "replaced"), Ok(("replaced", None)));
        assert_eq!(read(4101, "shutdown retry_after_ms=70"), Ok(("shutdown", Some(70))));
        for (code, reason) in [
            (4500, "replaced retry_after_ms=1"),
            (4101, "shutdown"),
            (4100, "replaced"),
            (1000, ""),
            (4999, "x"),
        ] {
            assert!(read(code, reason).is_err(), "{code} {reason}");
        }
    }
}

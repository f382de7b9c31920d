//! What must have happened by some time, and is looked at then.
//!
//! Only at readers whose line is in the clear: nothing is on its way to them, and nothing had to wait since.

use std::time::Duration;

use chinwag_core::{
    ConnectionId, Position, Time,
    client::{ClientEvent, Presence as Shown},
};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        delays::SLACK,
        glance::{Mood, UserNumber},
        life::{ELSEWHERE, Presence, Stay, TURNS},
        witness::{View, room_id},
    },
    people::voice as heard,
    world::{Event, World},
};

/// What is to be looked at later.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    /// Whether a user is shown as gone who has had no line since then.
    Away { user: usize, since: Time },
    /// Whether a user is listed nowhere who has had no line since then, and whose sessions nobody can go on with.
    Left { user: usize, since: Time },
    /// Whether a client that has just come into a room takes somebody for there who is not.
    Newcomer { client: usize, room: usize, line: ConnectionId, since: Time },
    /// Whether a user's writing in a room has ended.
    Typing { user: usize, room: usize, since: Time, why: Ending },
    /// Whether a user who has just begun to write, or goes on, is shown to.
    Writes { client: usize, room: usize, line: ConnectionId, since: Time },
    /// Whether a line has been closed that another one took over.
    Replaced { old: ConnectionId, new: ConnectionId, since: Time },
    /// Whether a line has been closed that its client let go of.
    Forgotten { line: ConnectionId, since: Time },
    /// Whether a line has been closed on which nothing was said for as long as one may be silent.
    Idle { line: ConnectionId },
    /// Whether a line has been closed whose token has ended.
    Token { line: ConnectionId, ends: Time },
    /// Whether a line was told how its node fares.
    Health { line: ConnectionId },
    /// Whether a message that somebody was shown has come to all who keep up.
    Shown { room: usize, position: Position, since: Time },
    /// Whether all tables are within their limits.
    Limits,
}

/// What ends someone's writing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// They said something.
    Said,
    /// They are gone.
    Gone,
    /// It was not repeated.
    Expired,
}

/// What must have happened by now.
impl World<'_> {
    pub(crate) fn look(&mut self, look: Look) -> Result<(), Broken> {
        if let Some(due) = self.due(look).filter(|&due| due > self.now) {
            // Mail has become slower since this was planned.
            self.add(due, Event::Look(look));
            return Ok(());
        }
        match look {
            Look::Away { user, since } => self.look_away(user, since),
            Look::Left { user, since } => self.look_left(user, since),
            Look::Newcomer { client, room, line, since } => self.look_newcomer(client, room, line, since),
            Look::Typing { user, room, since, why } => self.look_typing(user, room, since, why),
            Look::Writes { client, room, line, since } => self.look_writes(client, room, line, since),
            Look::Replaced { old, new, since } => {
                self.checked(checks::ONE_CONNECTION);
                let lines = &self.life.lines;
                // A node that does nothing closes nothing.
                let is_held = self.links.get(old).is_some_and(|link| link.paused);
                if !is_held && self.life.upset < since && lines.contains_key(&old) && lines.contains_key(&new)
                {
                    let sentence = format!("{new} takes the session of {old}, which is not closed");
                    return broken(checks::ONE_CONNECTION, sentence);
                }
                Ok(())
            }
            Look::Forgotten { line, since } => self.look_forgotten(line, since),
            Look::Idle { line } => self.look_idle(line),
            Look::Token { line, ends } => self.look_token(line, ends),
            Look::Health { line } => self.look_health(line),
            Look::Shown { room, position, since } => self.look_shown(room, position, since),
            Look::Limits => self.look_at_limits(),
        }
    }

    /// When what follows from something is told everywhere at the latest, by what is known of mail by now.
    fn due(&self, look: Look) -> Option<Time> {
        let told = |since: Time| since + self.life.delays.since(since);
        match look {
            Look::Away { since, .. } => Some(since + self.away_after(since)),
            Look::Left { since, .. } => Some(since + self.left_after(since)),
            Look::Typing { since, why: Ending::Expired, .. } => Some(since + self.typing_ends_after(since)),
            Look::Typing { since, .. } | Look::Replaced { since, .. } | Look::Shown { since, .. } => {
                Some(told(since))
            }
            _ => None,
        }
    }

    fn look_forgotten(&mut self, id: ConnectionId, since: Time) -> Result<(), Broken> {
        self.checked(checks::HEARTBEAT);
        let (Some(line), Some(link)) = (self.life.lines.get(&id), self.links.get(id)) else { return Ok(()) };
        // Only of bytes that had to wait does it say anything that they were taken: the others the socket takes itself.
        let took = if link.blocked { link.took } else { link.blocked_at };
        let alive = since.max(line.heard).max(took).max(self.life.upset);
        let due = alive + self.dead_after();
        if self.now < due {
            self.add(due, Event::Look(Look::Forgotten { line: id, since }));
            return Ok(());
        }
        let sentence =
            format!("{id} shows no life since {} s and is not closed", self.now.since(alive).as_secs());
        broken(checks::HEARTBEAT, sentence)
    }

    fn look_idle(&mut self, id: ConnectionId) -> Result<(), Broken> {
        let idle = self.scenario.setup.gateway.idle_timeout;
        let (Some(line), Some(idle)) = (self.life.lines.get(&id), idle) else { return Ok(()) };
        let spoke = line.spoke.max(line.babbled).max(self.life.upset);
        let due = spoke + self.life.at_most(idle) + SLACK;
        if self.now < due {
            self.add(due, Event::Look(Look::Idle { line: id }));
            return Ok(());
        }
        self.checked(checks::CLOSING);
        let ago = self.now.since(spoke).as_secs();
        broken(checks::CLOSING, format!("{id} has been idle for {ago} s and is not closed"))
    }

    /// Clients in a room since before a time, who have been told everything since; plain ones are not looked at.
    pub(crate) fn readers(&self, room: usize, since: Time) -> impl Iterator<Item = Stay> {
        let stays = self.life.stays.iter().copied();
        stays.filter(move |stay| {
            let is_clear =
                |id| self.links.get(id).is_some_and(|link| link.is_clear_since(since) && !link.paused);
            let is_there = stay.until.is_none() && self.people[stay.client].link == Some(stay.line);
            stay.room == room
                && stay.since <= since
                && is_there
                && is_clear(stay.line)
                && !self.is_player(stay.client)
        })
    }

    fn look_away(&mut self, user: usize, since: Time) -> Result<(), Broken> {
        let Presence { lines, ended } = self.life.presence[user];
        if lines > 0 || ended != since || self.life.upset >= since {
            return Ok(());
        }
        for gone in self.life.stays.clone() {
            let Some(until) = gone.until.filter(|_| !gone.left && self.life.users[gone.client] == user)
            else {
                continue;
            };
            if self.may_be_large(gone.room, since) {
                // Nobody is told of single presences there.
                continue;
            }
            let number = self.user_number(gone.client);
            if self.parlours.doors.may_be_sent_away(room_id(gone.room), number, Time(0)) {
                // They may have been gone before, and whoever came since was not told of them.
                continue;
            }
            let readers = self.readers(gone.room, since).filter(|reader| reader.since <= until);
            for reader in readers.collect::<Vec<_>>() {
                self.checked(checks::AWAY);
                let view = self.witness.view(reader.client, gone.room, user);
                let is_misled = matches!(view, Some(View::Said(Mood::Online | Mood::Typing)));
                if is_misled {
                    let Stay { client, room, .. } = reader;
                    let sentence = format!(
                        "c{client} was not told that u{user} is not in r{room}, since {} s",
                        self.now.since(since).as_secs()
                    );
                    return broken(checks::AWAY, sentence);
                }
            }
        }
        Ok(())
    }

    /// Whether a user was surely shown as away at that time, and has been since.
    fn is_away_since(&self, user: usize, time: Time) -> bool {
        let Presence { lines, ended } = self.life.presence[user];
        let has_been = ended > Time(0) && ended + self.away_after(ended) < time;
        lines == 0 && has_been && self.life.upset.max(self.life.lost) < ended
    }

    /// Whoever is away was last seen when they went, and not later.
    pub(crate) fn check_last_seen(
        &mut self,
        client: usize,
        user: &str,
        mood: heard::Mood,
        seen: u64,
    ) -> Result<(), Broken> {
        let Some(&Presence { lines, ended }) = self.life.presence.get(UserNumber::of(user).0) else {
            return Ok(());
        };
        let is_settled = lines == 0 && self.life.upset.max(self.life.lost) < ended;
        if mood != heard::Mood::Offline || !is_settled {
            return Ok(());
        }
        self.checked(checks::AWAY);
        let latest = self.server.clock.shows(ended + self.life.delays.since(ended)).0 / 1_000;
        if seen <= latest {
            return Ok(());
        }
        let sentence = format!("c{client} is told that {user} was seen {} ms after they went", seen - latest);
        broken(checks::AWAY, sentence)
    }

    /// A client has come into a room: it is soon told who of the others is away.
    pub(crate) fn awaits_absent(&mut self, client: usize, room: usize) {
        let since = self.now;
        if let Some(line) = self.people[client].link {
            let look = Look::Newcomer { client, room, line, since };
            self.add_after(self.life.delays.since(since), Event::Look(look));
        }
    }

    /// Whoever comes into a small room is told who of its members is away.
    fn look_newcomer(
        &mut self,
        client: usize,
        room: usize,
        line: ConnectionId,
        since: Time,
    ) -> Result<(), Broken> {
        let is_it = |stay: &Stay| stay.client == client && stay.line == line;
        if !self.readers(room, since).any(|stay| is_it(&stay)) || self.may_be_large(room, since) {
            return Ok(());
        }
        let roster = self.judge.view(client, room).roster.clone().unwrap_or_default();
        for user in 0..self.life.presence.len() {
            if !self.is_away_since(user, since) {
                continue;
            }
            let is_member = roster.iter().any(|name| UserNumber::of(name.as_str()).0 == user);
            self.checked(checks::AWAY);
            if is_member && self.witness.view(client, room, user) == Some(View::Said(Mood::Online)) {
                let sentence = format!("c{client} came into r{room}, and was not told that u{user} is away");
                return broken(checks::AWAY, sentence);
            }
        }
        Ok(())
    }

    /// Whoever is listed as being there is.
    pub(crate) fn check_listed(&mut self, client: usize, event: &ClientEvent) -> Result<(), Broken> {
        let ClientEvent::Members { room, members, .. } = event else { return Ok(()) };
        let link = self.people[client].link.and_then(|id| self.links.get(id));
        let written = link.map_or(Time(0), |link| link.age.since());
        for member in members.iter().filter(|member| member.presence == Shown::Online) {
            let user = UserNumber::of(member.user.as_str()).0;
            self.checked(checks::AWAY);
            if user < self.life.presence.len() && self.is_away_since(user, written) {
                let sentence = format!("c{client} is told that u{user} is there in {room}, who is away");
                return broken(checks::AWAY, sentence);
            }
        }
        Ok(())
    }

    /// Nobody can go on with the sessions of plain clients: they are not kept for longer than the grace, and whoever had
    /// no others has left.
    fn look_left(&mut self, user: usize, since: Time) -> Result<(), Broken> {
        let Presence { lines, ended } = self.life.presence[user];
        // Of those whose node died nobody knows whether they could come back.
        let orphaned =
            self.life.lost + self.life.at_most(self.scenario.setup.shard.resume_window + ELSEWHERE);
        let may_be_kept = self.life.lost > Time(0) && orphaned + self.life.delay() >= self.now;
        if lines > 0 || ended != since || self.life.upset >= since || may_be_kept {
            return Ok(());
        }
        let left = self.life.stays.iter().filter(|stay| self.life.users[stay.client] == user && !stay.left);
        let left = left.filter(|stay| stay.until.is_some() && !self.may_be_large(stay.room, since));
        let left: Vec<Stay> = left.copied().collect();
        for gone in left {
            let name = &self.people[gone.client].user;
            let lists = |reader: &Stay| {
                let roster = &self.judge.view(reader.client, gone.room).roster;
                roster.as_ref().is_some_and(|roster| roster.contains(name))
            };
            let misled = self.readers(gone.room, since).find(lists);
            if let Some(Stay { client, room, .. }) = misled {
                let sentence = format!("c{client} was not told that u{user} has left r{room} for good");
                return broken(checks::AWAY, sentence);
            }
            self.checked(checks::AWAY);
        }
        Ok(())
    }

    /// Whoever writes is shown to, whether they have just begun or go on.
    fn look_writes(
        &mut self,
        client: usize,
        room: usize,
        line: ConnectionId,
        since: Time,
    ) -> Result<(), Broken> {
        let (life, user) = (&self.life, self.life.users[client]);
        let is_there = |stay: &Stay| {
            stay.client == client && stay.room == room && stay.line == line && stay.until.is_none()
        };
        let was_in = life
            .stays
            .iter()
            .any(|stay| is_there(stay) && stay.since + life.delays.since(stay.since) <= since);
        let is_refused =
            life.lines.get(&line).is_none_or(|line| line.refused + life.delays.since(line.refused) >= since);
        let is_free = self.links.get(line).is_some_and(|link| link.is_clear_since(since));
        let began = life.began[client][room];
        let (said, heard) = life.typing[client][room];
        let is_last = heard == since && said <= since && life.hushed[client][room] < said;
        let dropped = self.server.nodes.iter().any(|node| node.counters().typing_dropped > 0);
        // A gateway remembers so many rooms in which somebody writes, and lets go of the first.
        let rooms_max = self.scenario.setup.gateway.unanswered_max as usize;
        let later = |&(other, &(_, heard)): &(usize, &(Time, Time))| other != room && heard >= began;
        let was_let_go = life.typing[client].iter().enumerate().filter(later).count() >= rooms_max;
        // Others are told again after half the time in which they forget it, by a clock that must not stand still.
        let before = |time: Duration| Time(since.0.saturating_sub(time.as_micros() as u64));
        let half = life.at_most(self.scenario.setup.gateway.typing_ttl / 2);
        let told = before(half + life.delays.since(before(half)));
        // By then they may be told no more, if mail has become slower.
        let is_late = since + life.delays.since(since) * TURNS > self.now;
        if is_late
            || was_let_go
            || !was_in
            || is_refused
            || !is_free
            || !is_last
            || dropped
            || life.upset >= told
        {
            return Ok(());
        }
        if self.may_be_large(room, told) {
            return Ok(());
        }
        for reader in self.readers(room, told).collect::<Vec<_>>() {
            if self.life.users[reader.client] == user {
                continue;
            }
            self.checked(checks::TYPING_SHOWN);
            let view = self.witness.view(reader.client, room, user);
            if view != Some(View::Said(Mood::Typing)) {
                let sentence = format!("c{} was not told that u{user} writes in r{room}", reader.client);
                return broken(checks::TYPING_SHOWN, sentence);
            }
        }
        Ok(())
    }

    fn look_typing(&mut self, user: usize, room: usize, since: Time, why: Ending) -> Result<(), Broken> {
        let life = &self.life;
        let holds = match why {
            // Of what is done at one instant nobody can say which came first.
            Ending::Said => life.typed(user, room, None) < since,
            Ending::Gone => {
                // Their node forgets that they write in the time in which readers do, and others may hear of it later: then
                // it says nothing more of it.
                let (ttl, heard) = (self.scenario.setup.gateway.typing_ttl, life.typing_heard(user, room));
                let is_fresh = life.upset < heard || life.upset + life.at_most(ttl) < since;
                let is_known = since < heard + life.at_least(ttl);
                life.presence[user].lines == 0 && life.presence[user].ended == since && is_fresh && is_known
            }
            // Who reads too little is not read, either.
            Ending::Expired => {
                let waits = |client: usize| {
                    let link = self.people[client].link.and_then(|id| self.links.get(id));
                    link.is_some_and(|link| !link.is_clear_since(since))
                };
                life.typing_heard(user, room) == since && !life.clients(user).any(waits)
            }
        };
        // With the node that heard it may have died whoever would have said that it is over.
        let is_lost = life.lost >= life.typing_heard(user, room);
        if !holds || is_lost || life.upset >= since {
            return Ok(());
        }
        for reader in self.readers(room, since).collect::<Vec<_>>() {
            // Whoever is behind reads what they said in a page, and what was left out in a list behind the last one.
            if !self.witness.is_live_since(reader.client, room, since) {
                continue;
            }
            self.checked(checks::TYPING_OVER);
            if self.witness.view(reader.client, room, user) == Some(View::Said(Mood::Typing)) {
                let (client, ago) = (reader.client, self.now.since(since).as_millis());
                let sentence = format!("c{client} still sees u{user} write in r{room}: {why:?} {ago} ms ago");
                return broken(checks::TYPING_OVER, sentence);
            }
        }
        Ok(())
    }
}

//! The life of connections and sessions: what the world, which sees both ends of every line, can demand of the server.
//!
//! A *line* is a connection as its node sees it, from the handshake to the node's end of it. What must have happened by
//! some time is looked at then, and only at readers whose line is in the clear: nothing is on its way to them, and
//! nothing had to wait since.

use std::{collections::BTreeMap, time::Duration};

use chinwag_core::{ConnectionId, Disconnect, Time, gateway::Fault};

use crate::{
    checks::{self, broken},
    glance::{Kind, Mood, Wish},
    judge::Broken,
    link::Up,
    scenario::{Action, Scenario},
    witness::{News, View},
    world::{Event, World},
};

/// What machines may take beside the times that are given to them.
const SLACK: Duration = Duration::from_secs(1);

/// What is to be looked at later.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    /// Whether a user is shown as gone who has had no line since then.
    Away { user: usize, since: Time },
    /// Whether a user's writing in a room has ended.
    Typing { user: usize, room: usize, since: Time, why: Ending },
    /// Whether a line has been closed that another one took over.
    Replaced { old: ConnectionId, new: ConnectionId },
    /// Whether a line has been closed that its client let go of.
    Forgotten { line: ConnectionId, since: Time },
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

/// A connection as its node sees it.
#[derive(Debug)]
struct Line {
    client: usize,
    since: Time,
    /// When something last came in.
    heard: Time,
    texts: u64,
    /// What came in that no frame can be.
    fault: Option<Fault>,
    /// The client has asked for its end.
    goodbye: bool,
    /// The session it wants to go on with.
    claim: Option<u128>,
    /// The session that its client was told of.
    session: Option<u128>,
}

/// A client's present connection.
#[derive(Clone, Copy, Debug, Default)]
struct Present {
    incarnation: u64,
    /// When the server was told who it is.
    greeted: Option<Time>,
    /// The session it is to go on with.
    claim: Option<u128>,
}

/// A session that a client has been told of.
#[derive(Clone, Copy, Debug)]
struct Session {
    client: usize,
    incarnation: u64,
    /// Whoever asked for it last.
    claimed_by: ConnectionId,
    /// When the newest line ended that it is known to have had, or earlier.
    ended: Option<Time>,
    /// When the last line ended that it may have had.
    last_ended: Time,
}

/// A client in a room, on one line.
#[derive(Clone, Copy, Debug)]
struct Stay {
    client: usize,
    room: usize,
    line: ConnectionId,
    since: Time,
    /// When the line ended, or the client asked to leave.
    until: Option<Time>,
    /// The client asked to leave.
    left: bool,
}

/// A user's lines, of all their clients.
#[derive(Clone, Copy, Debug, Default)]
struct Presence {
    lines: u32,
    /// When the last one ended.
    ended: Time,
}

/// What the world knows of sessions and of who is where.
#[derive(Debug)]
pub(crate) struct Life {
    /// The user of each client.
    users: Vec<usize>,
    presence: Vec<Presence>,
    lines: BTreeMap<ConnectionId, Line>,
    presents: Vec<Present>,
    sessions: BTreeMap<u128, Session>,
    stays: Vec<Stay>,
    /// When each client last said in each room that it writes, and when the server last heard so.
    typing: Vec<Vec<(Time, Time)>>,
    /// How long mail takes at most.
    mail: Duration,
    /// Nobody need be told of single presences: a room may be large.
    may_be_large: bool,
}

impl Life {
    /// Nobody is there.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let setup = &scenario.setup;
        let users: Vec<usize> = setup.clients.iter().map(|client| client.user as usize).collect();
        let count = users.iter().max().map_or(0, |&user| user + 1);
        let skewed = scenario.steps.iter().filter_map(|step| match step.action {
            Action::Skew { mail_us_max, .. } => Some(mail_us_max),
            _ => None,
        });
        Self {
            presence: vec![Presence::default(); count],
            lines: BTreeMap::new(),
            presents: vec![Present::default(); users.len()],
            sessions: BTreeMap::new(),
            stays: Vec::new(),
            typing: vec![vec![(Time(0), Time(0)); setup.rooms as usize]; users.len()],
            mail: Duration::from_micros(skewed.max().unwrap_or(0).max(setup.mail_us_max)),
            may_be_large: count > setup.shard.roster_max as usize,
            users,
        }
    }

    /// How long it may take until something has gone to a shard, from there to a gateway, and once more for a list.
    fn delay(&self) -> Duration {
        self.mail * 6 + SLACK
    }

    /// Clients of a user.
    fn clients(&self, user: usize) -> impl Iterator<Item = usize> {
        (0..self.users.len()).filter(move |&client| self.users[client] == user)
    }

    /// When a user last said that they write, on any client but one.
    fn typed(&self, user: usize, room: usize, but: Option<usize>) -> Time {
        let others = self.clients(user).filter(|&client| Some(client) != but);
        others.map(|client| self.typing[client][room].0).max().unwrap_or_default()
    }

    /// When the server last heard that a user writes.
    fn typing_heard(&self, user: usize, room: usize) -> Time {
        self.clients(user).map(|client| self.typing[client][room].1).max().unwrap_or_default()
    }

    fn end_stays(&mut self, now: Time, is_meant: impl Fn(&Stay) -> bool, left: bool) {
        for stay in self.stays.iter_mut().filter(|stay| stay.until.is_none() && is_meant(stay)) {
            (stay.until, stay.left) = (Some(now), left);
        }
    }

    /// A client asks for something.
    pub(crate) fn sends(&mut self, now: Time, client: usize, wish: Option<Wish>) {
        let Some(Wish { kind, room, typing, session, .. }) = wish else { return };
        let room = room.map(|room| room.0).filter(|&room| room < self.typing[client].len());
        match (kind, room) {
            (Kind::Hello, _) => {
                let present = &mut self.presents[client];
                present.claim = present.claim.or_else(|| session.map(|session| session.0));
            }
            (Kind::Leave, Some(room)) => {
                self.end_stays(now, |stay| stay.client == client && stay.room == room, true);
            }
            (Kind::Typing, Some(room)) if typing == Some(true) => self.typing[client][room].0 = now,
            _ => {}
        }
    }

    /// Who the server forgets when it dies: everybody.
    pub(crate) fn server_died(&mut self) {
        self.lines.clear();
        self.stays.clear();
        self.presence.fill(Presence::default());
    }
}

/// What happens at the client's end.
impl World<'_> {
    /// A client is about to have a new connection.
    pub(crate) fn renew(&mut self, client: usize) -> Result<(), Broken> {
        let Self { witness, judge, life, .. } = self;
        life.presents[client] = Present::default();
        witness.connects(client, &mut |observation| judge.observe(observation))
    }

    /// A client lets go of a connection that its node may still hold.
    pub(crate) fn forgets(&mut self, line: ConnectionId) {
        let look = Look::Forgotten { line, since: self.now };
        self.add_after(self.dead_after(), Event::Look(look));
    }

    /// How long after the last sign of life a node has noticed that a client is gone.
    fn dead_after(&self) -> Duration {
        let gateway = &self.scenario.setup.gateway;
        gateway.ping_interval + gateway.pong_timeout * 2 + SLACK
    }

    /// A client reads a text frame.
    pub(crate) fn glance(&mut self, client: usize, text: &str) -> Result<(), Broken> {
        let Self { witness, judge, .. } = self;
        let news = witness.text(client, text, &mut |observation| judge.observe(observation))?;
        match news {
            News::Nothing => Ok(()),
            News::Welcomed { session, resumed } => self.welcomed(client, session, resumed),
            News::Joined { room } => {
                self.arrived(client, room);
                Ok(())
            }
            News::Left { room } => {
                let now = self.now;
                self.life.end_stays(now, |stay| stay.client == client && stay.room == room, true);
                Ok(())
            }
            News::Acknowledged { room, asked, fresh } => {
                let user = self.life.users[client];
                // What they wrote on another device may come in later.
                let alone = self.life.typed(user, room, Some(client)) == Time(0);
                if fresh && alone && self.life.typing[client][room].0 <= asked {
                    let look = Look::Typing { user, room, since: asked, why: Ending::Said };
                    self.add_after(self.life.delay(), Event::Look(look));
                }
                Ok(())
            }
            News::Offline { room, user } => self.shown_offline(client, room, user.0),
        }
    }

    fn arrived(&mut self, client: usize, room: usize) {
        let Some(line) = self.people[client].link else { return };
        let (now, life) = (self.now, &mut self.life);
        life.stays.retain(|stay| stay.client != client || stay.room != room);
        if life.lines.contains_key(&line) {
            life.stays.push(Stay { client, room, line, since: now, until: None, left: false });
        }
    }

    /// The session must be a new one, or the client's own that it asked for.
    fn welcomed(&mut self, client: usize, id: u128, resumed: bool) -> Result<(), Broken> {
        self.checked(checks::SESSION);
        let Some(line) = self.people[client].link else { return Ok(()) };
        let Present { incarnation, greeted, claim } = self.life.presents[client];
        let complain = |why: &str| broken(checks::SESSION, format!("c{client} is welcomed on {line}: {why}"));
        let known = self.life.sessions.get(&id).copied();
        match (resumed, known) {
            (true, Some(known)) => {
                if claim != Some(id) || known.client != client || known.incarnation != incarnation {
                    return complain("the session it resumes is not the one it asked for");
                }
                let window = self.scenario.setup.shard.resume_window + self.life.delay();
                let held = self.life.lines.range(..line).any(|(_, other)| other.client == client);
                if !held && greeted.is_some_and(|greeted| greeted > known.last_ended + window) {
                    return complain("the session was over");
                }
            }
            (true, None) => return complain("nobody had the session it resumes"),
            (false, Some(_)) => return complain("its new session is not new"),
            (false, None) => self.may_lose_session(client, line, claim)?,
        }
        let open = self.life.lines.get_mut(&line).map(|line| {
            line.session = Some(id);
        });
        let ended = if open.is_some() { None } else { greeted };
        let session = Session { client, incarnation, claimed_by: line, ended, last_ended: self.now };
        self.life.sessions.insert(id, session);
        self.check_alone(line, id)
    }

    /// Whoever comes back in time goes on with their session.
    fn may_lose_session(&self, client: usize, line: ConnectionId, claim: Option<u128>) -> Result<(), Broken> {
        let Some(known) = claim.and_then(|claim| self.life.sessions.get(&claim)) else { return Ok(()) };
        let window = self.scenario.setup.shard.resume_window;
        let in_time = known.ended.is_none_or(|ended| self.now < ended + window);
        if known.incarnation != self.life.presents[client].incarnation || !in_time {
            return Ok(());
        }
        let sentence = format!("c{client} is welcomed on {line}: its session could be resumed and is not");
        broken(checks::SESSION, sentence)
    }

    /// Of all lines of a session this one is the only one.
    fn check_alone(&mut self, line: ConnectionId, session: u128) -> Result<(), Broken> {
        self.checked(checks::ONE_CONNECTION);
        let older = self.life.lines.range(..line);
        let mut older = older.filter(|(_, older)| older.session == Some(session));
        match older.next() {
            Some((old, _)) => {
                broken(checks::ONE_CONNECTION, format!("{line} has the session that {old} still has"))
            }
            None => Ok(()),
        }
    }

    /// Nobody is shown to be gone who has been there all the time, or went within the grace.
    fn shown_offline(&mut self, client: usize, room: usize, user: usize) -> Result<(), Broken> {
        self.checked(checks::GRACE);
        let written =
            self.people[client].link.and_then(|id| self.links.get(&id)).map(|link| link.age.since());
        let Some(written) = written else { return Ok(()) };
        let (now, grace, life) = (self.now, self.scenario.setup.shard.presence_grace, &self.life);
        let was_there = |stay: &&Stay| {
            let of_user = stay.room == room && life.users[stay.client] == user;
            let before = stay.since + life.mail <= written;
            of_user && before && stay.until.is_none_or(|until| now < until + grace)
        };
        let Some(stay) = life.stays.iter().find(was_there) else { return Ok(()) };
        let line = stay.line;
        let sentence =
            format!("c{client} is told that u{user} is not in r{room}, who is or just was, on {line}");
        broken(checks::GRACE, sentence)
    }
}

/// What happens at the server's end.
impl World<'_> {
    /// A node has accepted a connection.
    pub(crate) fn line_begins(&mut self, id: ConnectionId, client: usize) {
        let (now, life) = (self.now, &mut self.life);
        let line = Line {
            client,
            since: now,
            heard: now,
            texts: 0,
            fault: None,
            goodbye: false,
            claim: None,
            session: None,
        };
        life.lines.insert(id, line);
        life.presence[life.users[client]].lines += 1;
        if self.people[client].link == Some(id) {
            life.presents[client].incarnation = self.server.incarnation;
        }
    }

    /// A node reads something.
    pub(crate) fn line_hears(&mut self, id: ConnectionId, up: &Up) {
        let now = self.now;
        let Some(line) = self.life.lines.get_mut(&id) else { return };
        line.heard = now;
        match up {
            Up::Text(text) => {
                line.texts += 1;
                if text.starts_with(r#"{"type":"hello""#) {
                    self.hello_arrives(id, text);
                } else if text.starts_with(r#"{"type":"typing""#) {
                    self.typing_arrives(id, text);
                }
            }
            Up::Broken(fault) => line.fault = Some(*fault),
            Up::Close(_) => line.goodbye = true,
            _ => {}
        }
    }

    /// A line that goes on with a session ends the one that has it.
    fn hello_arrives(&mut self, new: ConnectionId, text: &str) {
        let (now, life) = (self.now, &mut self.life);
        let Some(line) = life.lines.get_mut(&new) else { return };
        if line.texts > 1 {
            return;
        }
        if self.people[line.client].link == Some(new) {
            life.presents[line.client].greeted = Some(now);
        }
        line.claim = Wish::at(text).and_then(|wish| wish.session).map(|session| session.0);
        let Some(claim) = line.claim else { return };
        if let Some(session) = life.sessions.get_mut(&claim) {
            session.claimed_by = new;
        }
        let older = life.lines.range(..new);
        let olds: Vec<ConnectionId> =
            older.filter(|(_, old)| old.session == Some(claim)).map(|(&old, _)| old).collect();
        let after = life.delay();
        for old in olds {
            self.add_after(after, Event::Look(Look::Replaced { old, new }));
        }
    }

    fn typing_arrives(&mut self, id: ConnectionId, text: &str) {
        let Some(Wish { typing: Some(true), room: Some(room), .. }) = Wish::at(text) else { return };
        let (now, life) = (self.now, &mut self.life);
        let Some(client) = life.lines.get(&id).map(|line| line.client) else { return };
        let Some(heard) = life.typing[client].get_mut(room.0) else { return };
        heard.1 = now;
        let (user, room) = (life.users[client], room.0);
        // A frame may wait for its turn behind others that wait for their answers.
        let after = self.scenario.setup.gateway.typing_ttl + life.delay() * 3;
        self.add_after(after, Event::Look(Look::Typing { user, room, since: now, why: Ending::Expired }));
    }

    /// A node closes a connection, and must have a reason.
    pub(crate) fn line_is_closed(&mut self, id: ConnectionId, reason: Disconnect) -> Result<(), Broken> {
        self.checked(checks::CLOSING);
        let Some(line) = self.life.lines.get(&id) else { return Ok(()) };
        let gateway = &self.scenario.setup.gateway;
        let (age, silence) = (self.now.since(line.since), self.now.since(line.heard));
        let fits = match reason {
            Disconnect::Requested => line.goodbye,
            Disconnect::ProtocolError => line.fault == Some(Fault::Protocol),
            Disconnect::InvalidText => line.fault == Some(Fault::InvalidText),
            Disconnect::FrameTooBig => line.fault == Some(Fault::TooBig),
            Disconnect::RateLimited => {
                age >= gateway.abuse_window && line.texts >= u64::from(gateway.abuse_refusals_min)
            }
            Disconnect::Slow => self.links.get(&id).is_some_and(|link| link.blocked),
            Disconnect::Shutdown => self.server.draining,
            Disconnect::HeartbeatTimeout => silence >= gateway.pong_timeout,
            Disconnect::Overloaded => self.life.lines.len() > gateway.connections_max as usize,
            Disconnect::Replaced => {
                let session =
                    line.session.or(line.claim).and_then(|session| self.life.sessions.get(&session));
                session.is_some_and(|session| session.claimed_by != id)
            }
            Disconnect::AttachTimeout => age >= gateway.attach_timeout && line.session.is_none(),
            Disconnect::Idle => gateway.idle_timeout.is_some(),
        };
        if fits {
            return Ok(());
        }
        broken(
            checks::CLOSING,
            format!("{id} of c{} is closed as {reason} for no such reason: {line:?}", line.client),
        )
    }

    /// A node's end of a connection is over.
    pub(crate) fn line_ends(&mut self, id: ConnectionId) {
        let now = self.now;
        let Some(line) = self.life.lines.remove(&id) else { return };
        let sessions = &mut self.life.sessions;
        if let Some(session) = line.session.and_then(|session| sessions.get_mut(&session)) {
            (session.ended, session.last_ended) = (Some(now), now);
        }
        if let Some(session) = line.claim.and_then(|claim| sessions.get_mut(&claim)) {
            session.last_ended = now;
        }
        self.life.end_stays(now, |stay| stay.line == id, false);
        let user = self.life.users[line.client];
        let presence = &mut self.life.presence[user];
        presence.lines -= 1;
        presence.ended = now;
        if presence.lines == 0 {
            let grace = self.scenario.setup.shard.presence_grace + self.life.delay();
            self.add_after(grace, Event::Look(Look::Away { user, since: now }));
            for room in 0..self.scenario.setup.rooms as usize {
                let look = Look::Typing { user, room, since: now, why: Ending::Gone };
                self.add_after(self.life.delay(), Event::Look(look));
            }
        }
    }
}

/// What must have happened by now.
impl World<'_> {
    pub(crate) fn look(&mut self, look: Look) -> Result<(), Broken> {
        match look {
            Look::Away { user, since } => self.look_away(user, since),
            Look::Typing { user, room, since, why } => self.look_typing(user, room, since, why),
            Look::Replaced { old, new } => {
                self.checked(checks::ONE_CONNECTION);
                let lines = &self.life.lines;
                if lines.contains_key(&old) && lines.contains_key(&new) {
                    let sentence = format!("{new} takes the session of {old}, which is not closed");
                    return broken(checks::ONE_CONNECTION, sentence);
                }
                Ok(())
            }
            Look::Forgotten { line, since } => self.look_forgotten(line, since),
        }
    }

    fn look_forgotten(&mut self, id: ConnectionId, since: Time) -> Result<(), Broken> {
        self.checked(checks::HEARTBEAT);
        let (Some(line), Some(link)) = (self.life.lines.get(&id), self.links.get(&id)) else { return Ok(()) };
        let alive = since.max(line.heard).max(link.took);
        let due = alive + self.dead_after();
        if self.now < due {
            self.add(due, Event::Look(Look::Forgotten { line: id, since }));
            return Ok(());
        }
        let sentence =
            format!("{id} shows no life since {} s and is not closed", self.now.since(alive).as_secs());
        broken(checks::HEARTBEAT, sentence)
    }

    /// Clients in a room since before a time, who have been told everything since.
    fn readers(&self, room: usize, since: Time) -> impl Iterator<Item = Stay> {
        let stays = self.life.stays.iter().copied();
        stays.filter(move |stay| {
            let is_clear = |id| self.links.get(&id).is_some_and(|link| link.is_clear_since(since));
            let is_there = stay.until.is_none() && self.people[stay.client].link == Some(stay.line);
            stay.room == room && stay.since <= since && is_there && is_clear(stay.line)
        })
    }

    fn look_away(&mut self, user: usize, since: Time) -> Result<(), Broken> {
        let Presence { lines, ended } = self.life.presence[user];
        if lines > 0 || ended != since || self.life.may_be_large {
            return Ok(());
        }
        for gone in self.life.stays.clone() {
            let Some(until) = gone.until.filter(|_| !gone.left && self.life.users[gone.client] == user)
            else {
                continue;
            };
            for reader in self.readers(gone.room, since).collect::<Vec<_>>() {
                self.checked(checks::AWAY);
                let view = self.witness.view(reader.client, gone.room, user);
                let is_misled = matches!(view, Some(View::Said(Mood::Online | Mood::Typing)));
                if reader.since <= until && is_misled {
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

    fn look_typing(&mut self, user: usize, room: usize, since: Time, why: Ending) -> Result<(), Broken> {
        let life = &self.life;
        let holds = match why {
            Ending::Said => life.typed(user, room, None) <= since,
            Ending::Gone => life.presence[user].lines == 0 && life.presence[user].ended == since,
            // Who reads too little is not read, either.
            Ending::Expired => {
                let waits = |client: usize| {
                    let link = self.people[client].link.and_then(|id| self.links.get(&id));
                    link.is_some_and(|link| !link.is_clear_since(since))
                };
                life.typing_heard(user, room) == since && !life.clients(user).any(waits)
            }
        };
        if !holds {
            return Ok(());
        }
        for reader in self.readers(room, since).collect::<Vec<_>>() {
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

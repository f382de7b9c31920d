//! The life of connections and sessions: what the world, which sees both ends of every line, can demand of the server.
//!
//! A *line* is a connection as its node sees it, from the handshake to the node's end of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chinwag_core::{
    ConnectionId, Epoch, Refusal, RequestId, RoomName, Time, client::ClientEvent, dialect::Dialect,
    gateway::Fault, role::Role,
};
use chinwag_oracle::Promise;

use crate::{
    judge::{
        Broken,
        abuse::Abuse,
        checks::{self, broken},
        delays::{Delays, SLACK},
        glance::{Kind, Wish},
        look::{Ending, Look},
        pages::ShortPage,
        quotas::Fate,
        whereabouts::Whereabouts,
        witness::News,
    },
    plan::scenario::{ClientSetup, Scenario},
    world::{Event, World},
};

mod lines;

pub(crate) use lines::TURNS;

/// By how much longer a room may keep whoever is gone than the shard of their session does, where that is another.
pub(crate) const ELSEWHERE: Duration = Duration::from_secs(10);

/// A connection as its node sees it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) client: usize,
    pub(crate) since: Time,
    /// When something last came in.
    pub(crate) heard: Time,
    pub(crate) texts: u64,
    /// Bytes of the longest text that a plain client has said on it, as JSON has it.
    pub(crate) longest: usize,
    /// When something was last refused for its rate.
    pub(crate) refused: Time,
    /// How often its client has read a warning.
    pub(crate) warnings: u32,
    /// How much of what came in was refused for its rate.
    pub(crate) abuse: Abuse,
    /// What a limit makes of it that was just found to be exceeded on it.
    pub(crate) fate: Fate,
    /// When its client last said something that is no sign of life.
    pub(crate) spoke: Time,
    /// When it last sent what is no text, which counts for speech only where nobody listens any more.
    pub(crate) babbled: Time,
    /// It was told that there is a session too many.
    pub(crate) turned_away: Option<Refusal>,
    /// What came in that no frame can be.
    pub(crate) fault: Option<Fault>,
    /// The client has asked for its end.
    pub(crate) goodbye: bool,
    /// The session it wants to go on with.
    pub(crate) claim: Option<u128>,
    /// The session that its client was told of.
    pub(crate) session: Option<u128>,
    /// When the token ends by which it is known, by the server's clock.
    pub(crate) token: Option<Time>,
    /// The role that it gives its user.
    pub(crate) role: Option<Role>,
    /// It has shown one that is good.
    pub(crate) is_verified: bool,
    /// It has shown one that is not good.
    pub(crate) has_bad_token: bool,
}

/// A client's present connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Present {
    incarnation: u64,
    era: u64,
    /// When the server was told who it is.
    greeted: Option<Time>,
    /// The session it is to go on with.
    claim: Option<u128>,
    /// Which of its tokens was the newest when it began to connect.
    pub(crate) tokens: usize,
    /// Which of its session's connections it is.
    generation: u64,
    /// The room of whose `joined` it is being told, and since which connection that knows the session.
    joining: Option<(usize, u64)>,
    /// The room from which it is being told that it was sent away.
    sent_away: Option<usize>,
    /// The page that it is being given, if that is a short one.
    page: Option<(usize, ShortPage)>,
}

/// A session that a client has been told of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) client: usize,
    pub(crate) era: u64,
    /// Whoever asked for it last.
    pub(crate) claimed_by: ConnectionId,
    /// How many connections it has had, as its client was told last.
    generation: u64,
    /// When the newest line ended that it is known to have had, or earlier.
    pub(crate) ended: Option<Time>,
    /// When the last line ended that it may have had.
    pub(crate) last_ended: Time,
}

/// A client in a room, on one line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stay {
    pub(crate) client: usize,
    pub(crate) room: usize,
    pub(crate) line: ConnectionId,
    pub(crate) since: Time,
    /// What the client was told of the room since was written after this.
    written: Time,
    /// When the line ended, or the client asked to leave.
    pub(crate) until: Option<Time>,
    /// The client asked to leave.
    pub(crate) left: bool,
}

/// A user's lines, of all their clients.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Presence {
    pub(crate) lines: u32,
    /// When the last one ended.
    pub(crate) ended: Time,
}

/// What the world knows of sessions and of who is where.
#[derive(Debug)]
pub(crate) struct Life {
    /// The user of each client.
    pub(crate) users: Vec<usize>,
    pub(crate) presence: Vec<Presence>,
    pub(crate) lines: BTreeMap<ConnectionId, Line>,
    pub(crate) presents: Vec<Present>,
    pub(crate) sessions: BTreeMap<u128, Session>,
    pub(crate) stays: Vec<Stay>,
    /// Since which connection a room knew a session when it first came in, and when that was.
    entered: BTreeMap<(u128, usize), (u64, Time)>,
    /// When each client last said in each room that it writes, and when the server last heard so.
    pub(crate) typing: Vec<Vec<(Time, Time)>>,
    /// When each client last said something else in each room, or that it does not write, or left it.
    pub(crate) hushed: Vec<Vec<Time>>,
    /// Since when, or longer, each client writes in each room without a pause.
    pub(crate) began: Vec<Vec<Time>>,
    /// On which of its session's connections each client first sent each message.
    sent_on: Vec<BTreeMap<RequestId, u64>>,
    /// Which rooms each client has ever asked to be in. What a server said may be read when it is long dead.
    pub(crate) asked: Vec<BTreeSet<usize>>,
    /// Which rooms each client has ever asked to make, whether anybody was to be in them or not.
    pub(crate) made: Vec<BTreeSet<RoomName>>,
    /// Rooms that have no owner; those that have follow.
    rooms: usize,
    /// By user: which of the connections that take the place of all others were attached, and when.
    pub(crate) attached: Vec<Vec<(ConnectionId, Time)>>,
    /// By user: the connections that take the place of all others, and when a node first read something of each.
    soles: Vec<Vec<(ConnectionId, Time)>>,
    /// How long mail takes at most.
    pub(crate) delays: Delays,
    /// When the server's clock last jumped, or one of its nodes last paused: what should have happened by then may take
    /// longer, or have happened earlier.
    pub(crate) upset: Time,
    /// The same without restarts of the server after which everything is there.
    pub(crate) shaken: Time,
    /// When the server's process last ended.
    died: Time,
    /// When one of the server's nodes last died alone: nobody says then that those on it write no more.
    pub(crate) lost: Time,
    /// Whether the server's clock runs too fast or too slow.
    drifts: bool,
    /// Who may be in which room.
    pub(crate) whereabouts: Whereabouts,
}

/// The rooms that a client will be in without having asked.
fn at_home(client: &ClientSetup) -> BTreeSet<usize> {
    client.voice.and_then(Dialect::home).map(|_| 0).into_iter().collect()
}

impl Life {
    /// Nobody is there.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let setup = &scenario.setup;
        let users: Vec<usize> = setup.clients.iter().map(|client| client.user as usize).collect();
        let count = users.iter().max().map_or(0, |&user| user + 1);
        let places = (setup.rooms + setup.parlours) as usize;
        Self {
            presence: vec![Presence::default(); count],
            lines: BTreeMap::new(),
            presents: vec![Present::default(); users.len()],
            sessions: BTreeMap::new(),
            stays: Vec::new(),
            entered: BTreeMap::new(),
            typing: vec![vec![(Time(0), Time(0)); places]; users.len()],
            began: vec![vec![Time(0); places]; users.len()],
            hushed: vec![vec![Time(0); places]; users.len()],
            sent_on: vec![BTreeMap::new(); users.len()],
            asked: setup.clients.iter().map(at_home).collect(),
            made: vec![BTreeSet::new(); users.len()],
            rooms: setup.rooms as usize,
            attached: vec![Vec::new(); count],
            soles: vec![Vec::new(); count],
            delays: Delays::new(Duration::from_micros(setup.mail_us_max), setup.storing_time()),
            upset: Time(0),
            shaken: Time(0),
            died: Time(0),
            lost: Time(0),
            drifts: setup.clock.drift_ppm != 0,
            whereabouts: Whereabouts::new(users.len(), setup.places()),
            users,
        }
    }

    /// The server's clock has jumped, or one of its nodes pauses or has paused.
    pub(crate) fn upset(&mut self, until: Time) {
        self.upset = self.upset.max(until);
        self.shaken = self.shaken.max(until);
    }

    /// The server's process ends, and what it knew is kept.
    pub(crate) fn dies(&mut self, now: Time) {
        (self.died, self.lost) = (now, now);
    }

    /// The server goes on with all it knew: while it was away nobody could come back, and that time does not count.
    pub(crate) fn goes_on(&mut self, now: Time) {
        let away = now.since(self.died);
        // Whom the end has cut off is kept from now on.
        (self.upset, self.lost) = (self.upset.max(now), now);
        for session in self.sessions.values_mut() {
            // What was disturbed stays so.
            session.ended = session.ended.map(|ended| if self.shaken < ended { ended + away } else { ended });
            session.last_ended = session.last_ended + away;
        }
    }

    /// What the server takes for so long may have been this short.
    pub(crate) fn at_least(&self, time: Duration) -> Duration {
        if self.drifts { time - time / 10 } else { time }
    }

    /// What the server takes for so long may have been this long.
    pub(crate) fn at_most(&self, time: Duration) -> Duration {
        if self.drifts { time + time / 8 } else { time }
    }

    /// How long it may take until all is told that follows from something, whenever it was.
    pub(crate) fn delay(&self) -> Duration {
        self.delays.since(Time(0))
    }

    /// Clients of a user.
    pub(crate) fn clients(&self, user: usize) -> impl Iterator<Item = usize> {
        (0..self.users.len()).filter(move |&client| self.users[client] == user)
    }

    /// When a user last said that they write, on any client but one.
    pub(crate) fn typed(&self, user: usize, room: usize, but: Option<usize>) -> Time {
        let others = self.clients(user).filter(|&client| Some(client) != but);
        others.map(|client| self.typing[client][room].0).max().unwrap_or_default()
    }

    /// When the server last heard that a user writes.
    pub(crate) fn typing_heard(&self, user: usize, room: usize) -> Time {
        self.clients(user).map(|client| self.typing[client][room].1).max().unwrap_or_default()
    }

    /// A client asks to be in a room, or will be without having asked.
    pub(crate) fn asks(&mut self, now: Time, client: usize, room: usize) {
        self.asked[client].insert(room);
        self.whereabouts.asks(now, client, room);
    }

    /// If a client has no connection any more, its places are kept for a while only.
    fn may_be_cut(&mut self, now: Time, client: usize) {
        if self.lines_of(client) == 0 {
            self.whereabouts.cut(now, client);
        } else {
            self.whereabouts.haunts(now, client);
        }
    }

    /// How many connections of a client a server has.
    pub(crate) fn lines_of(&self, client: usize) -> usize {
        self.lines.values().filter(|line| line.client == client).count()
    }

    pub(crate) fn end_stays(&mut self, now: Time, is_meant: impl Fn(&Stay) -> bool, left: bool) {
        for stay in self.stays.iter_mut().filter(|stay| stay.until.is_none() && is_meant(stay)) {
            (stay.until, stay.left) = (Some(now), left);
        }
    }

    /// A client asks for something.
    pub(crate) fn sends(&mut self, now: Time, client: usize, wish: Option<Wish>) {
        let Some(Wish { kind, room, typing, session, id, .. }) = wish else { return };
        if let (Kind::Message, Some(id)) = (kind, id) {
            let generation = self.presents[client].generation;
            self.sent_on[client].entry(id).or_insert(generation);
        }
        let room = room.map(|room| room.place(self.rooms)).filter(|&room| room < self.typing[client].len());
        let is_quiet = matches!(kind, Kind::Message | Kind::Leave | Kind::Join) || typing == Some(false);
        if let Some(room) = room.filter(|_| is_quiet) {
            self.hushed[client][room] = now;
        }
        match (kind, room) {
            (Kind::Hello, _) => {
                let present = &mut self.presents[client];
                present.claim = present.claim.or_else(|| session.map(|session| session.0));
            }
            (Kind::Join, Some(room)) => self.asks(now, client, room),
            (Kind::Leave, Some(room)) => {
                self.whereabouts.leaves(now, client, room);
                self.end_stays(now, |stay| stay.client == client && stay.room == room, true);
            }
            (Kind::Typing, Some(room)) if typing == Some(true) => self.typing[client][room].0 = now,
            _ => {}
        }
    }

    /// A client reads that it was sent away from a room.
    pub(crate) fn is_sent_away(&mut self, client: usize, room: usize) {
        self.presents[client].sent_away = Some(room);
    }

    /// A client tells its user that it has left a room; whether it has just read that it was sent away from there.
    pub(crate) fn tells_sent_away(&mut self, client: usize, room: usize) -> bool {
        self.presents[client].sent_away.take_if(|read| *read == room).is_some()
    }

    /// Whether a client's connection is one to this life of the server.
    pub(crate) fn speaks_to(&self, client: usize, incarnation: u64) -> bool {
        self.presents[client].incarnation == incarnation
    }

    /// A client's program begins anew, and with it its numbers.
    pub(crate) fn crashed(&mut self, client: usize) {
        self.sent_on[client].clear();
    }

    /// Who the server forgets when it dies: everybody.
    pub(crate) fn server_died(&mut self) {
        self.lines.clear();
        self.stays.clear();
        self.whereabouts.server_died();
        self.presence.fill(Presence::default());
    }
}

/// What happens at the client's end.
impl World<'_> {
    /// A client is about to have a new connection.
    pub(crate) fn renew(&mut self, client: usize) -> Result<(), Broken> {
        let Self { now, witness, judge, life, people, parlours, .. } = self;
        let tokens = people[client].tokens.len().saturating_sub(1);
        parlours.calls.retain(|&(caller, _), _| caller != client);
        life.presents[client] = Present { tokens, ..Present::default() };
        life.may_be_cut(*now, client);
        witness.connects(client, &mut |observation| judge.observe(observation))
    }

    /// A client leaves a room once it knows what became of what it said there before.
    pub(crate) fn check_leave(&mut self, client: usize, wish: &Wish) {
        let room = wish.room.map(|room| room.place(self.scenario.setup.rooms as usize));
        let (Kind::Leave, Some(room), Some(id)) = (wish.kind, room, wish.id) else { return };
        self.checked(Promise::SenderOrder.name());
        if self.judge.waits_before(client, room, id) {
            let sentence = format!("c{client} leaves r{room} before what it said there is answered");
            self.fail(Broken { check: Promise::SenderOrder.name(), sentence });
        }
    }

    /// A client lets go of a connection that its node may still hold.
    pub(crate) fn forgets(&mut self, line: ConnectionId) {
        let look = Look::Forgotten { line, since: self.now };
        self.add_after(self.dead_after(), Event::Look(look));
    }

    /// How long after the last sign of life a node has noticed that a client is gone.
    pub(crate) fn dead_after(&self) -> Duration {
        let gateway = &self.scenario.setup.gateway;
        self.life.at_most(gateway.ping_interval + gateway.pong_timeout * 2) + SLACK
    }

    /// A client reads a text frame.
    pub(crate) fn glance(&mut self, client: usize, text: &str) -> Result<(), Broken> {
        let Self { now, witness, judge, .. } = self;
        let news = witness.text(*now, client, text, &mut |observation| judge.observe(observation))?;
        match news {
            News::Nothing => Ok(()),
            News::Welcomed { session, resumed, generation } => {
                self.welcomed(client, session, resumed, generation)
            }
            News::Joined { room, known_since, epoch, asked } => {
                self.life.presents[client].joining = Some((room, known_since));
                self.people[client].turned_away.remove(&room);
                self.arrived(client, room);
                self.check_known(client, room, known_since)?;
                self.check_rooms_of_session(client, room)?;
                self.awaits_absent(client, room);
                self.check_epoch(client, room, epoch)?;
                self.user_enters(client, room, epoch, asked)
            }
            News::Left { room } => {
                let now = self.now;
                self.life.whereabouts.left(now, client, room);
                self.life.end_stays(now, |stay| stay.client == client && stay.room == room, true);
                Ok(())
            }
            News::SentAway { room } => self.user_is_sent_away(client, room),
            News::TurnedAway { room, refusal, asked } => {
                self.judge.turned_away(client, room)?;
                self.is_turned_away(client, room, refusal, asked)?;
                self.user_is_shut_out(client, room, refusal, asked)
            }
            News::Created { room, epoch, id } => self.user_has_made(client, room, epoch, id),
            News::Acknowledged { room, asked, fresh } => {
                let user = self.life.users[client];
                // What they wrote on another device may come in later.
                let alone = self.life.typed(user, room, Some(client)) == Time(0);
                if fresh && alone && self.life.typing[client][room].0 < asked {
                    let look = Look::Typing { user, room, since: asked, why: Ending::Said };
                    self.add_after(self.life.delays.since(asked), Event::Look(look));
                }
                Ok(())
            }
            News::Said { room, user } => self.said_while_writing(client, room, user.0),
            News::Offline { room, user } => self.shown_offline(client, room, user.0),
            News::Back { room, user } => self.shown_back(client, room, user.0),
            News::Warned { count, retry_after } => {
                self.check_warning(client)?;
                self.is_warned(client, count, retry_after)
            }
            News::PutOff { id, retry_after } => self.is_put_off(client, id, retry_after),
            News::MadeUp { room } => {
                self.standings.made_up(client, room);
                Ok(())
            }
            News::ShortPage { room, page } => {
                self.life.presents[client].page = Some((room, page));
                Ok(())
            }
        }
    }

    /// A client has dealt with a frame.
    pub(crate) fn has_read(&mut self, client: usize) -> Result<(), Broken> {
        self.witness.has_read(client)?;
        if let Some((room, page)) = self.life.presents[client].page.take() {
            self.checked(Promise::Pages.name());
            self.judge.check_short_page(client, room, page)?;
        }
        let present = &mut self.life.presents[client];
        present.joining = None;
        match present.sent_away.take() {
            Some(room) => broken(
                checks::DOOR,
                format!("c{client} was sent away from r{room} and did not tell its user"),
            ),
            None => Ok(()),
        }
    }

    /// A client gives a message up as it is told that it is in a room: only what was sent before the room knew its session
    /// may be forgotten there.
    pub(crate) fn check_given_up(&mut self, client: usize, event: &ClientEvent) -> Result<(), Broken> {
        let (ClientEvent::Unresolved { id, .. }, Some((room, known_since))) =
            (event, self.life.presents[client].joining)
        else {
            return Ok(());
        };
        self.checked(checks::SESSION);
        match self.life.sent_on[client].get(id) {
            Some(&sent_on) if sent_on >= known_since => {
                let sentence = format!(
                    "c{client} gives up {id:?}, sent on its connection {sent_on}: r{room} knows it since {known_since}"
                );
                broken(checks::SESSION, sentence)
            }
            _ => Ok(()),
        }
    }

    /// Who says something is shown to have stopped writing first, unless that had to be left out.
    fn said_while_writing(&mut self, client: usize, room: usize, user: usize) -> Result<(), Broken> {
        self.checked(checks::TYPING_OVER);
        if !self.reads_everything(client, room) {
            return Ok(());
        }
        let sentence = format!(
            "c{client} reads what u{user} says in r{room} and was not told that they stopped writing"
        );
        broken(checks::TYPING_OVER, sentence)
    }

    /// Nobody who has gone is shown to be there: they are first shown to come, unless that had to be left out.
    fn shown_back(&mut self, client: usize, room: usize, user: usize) -> Result<(), Broken> {
        self.checked(checks::AWAY);
        let stay = self.life.stays.iter().find(|stay| stay.client == client && stay.room == room);
        let Some(since) = stay.map(|stay| stay.since) else { return Ok(()) };
        if !self.reads_everything(client, room) || self.may_be_large(room, since) {
            return Ok(());
        }
        let sentence = format!("c{client} is told that u{user} is in r{room}, who has gone from there");
        broken(checks::AWAY, sentence)
    }

    /// Whether a client in a room took all that was for it as it came, so that nothing was left out. What a shard does after a
    /// sync comes all at once: it may fill an outbox before the socket is asked.
    pub(crate) fn reads_everything(&self, client: usize, room: usize) -> bool {
        let stay = self.life.stays.iter().find(|stay| stay.client == client && stay.room == room);
        let is_clear = |stay: &Stay| {
            self.links.get(stay.line).is_some_and(|link| link.blocked_at.max(link.heaped_at) <= stay.written)
        };
        stay.is_some_and(is_clear)
    }

    pub(crate) fn arrived(&mut self, client: usize, room: usize) {
        let Some(line) = self.people[client].link else { return };
        let is_displaced = self.has_sole_after(line, client);
        let (now, life) = (self.now, &mut self.life);
        life.stays.retain(|stay| stay.client != client || stay.room != room);
        if life.lines.contains_key(&line) && !is_displaced {
            let written = self.links.get(line).map_or(now, |link| link.age.since());
            life.stays.push(Stay { client, room, line, since: now, written, until: None, left: false });
        }
    }

    /// The session must be a new one, or the client's own that it asked for.
    fn welcomed(&mut self, client: usize, id: u128, resumed: bool, generation: u64) -> Result<(), Broken> {
        self.checked(checks::SESSION);
        let Some(line) = self.people[client].link else { return Ok(()) };
        self.check_token_is_shown(client, line)?;
        let Present { era, greeted, claim, .. } = self.life.presents[client];
        let complain = |why: &str| broken(checks::SESSION, format!("c{client} is welcomed on {line}: {why}"));
        let known = self.life.sessions.get(&id).copied();
        let earlier = known.map_or(0, |known| known.generation);
        if generation <= earlier || !resumed && generation != 1 {
            return complain("it is told a wrong number of connections");
        }
        match (resumed, known) {
            (true, Some(known)) => {
                if claim != Some(id) || known.client != client || known.era != era {
                    return complain("the session it resumes is not the one it asked for");
                }
                let window = self.life.at_most(self.scenario.setup.shard.resume_window)
                    + self.life.delays.since(known.last_ended);
                let calm = self.life.upset < known.last_ended;
                let held = self.life.lines.range(..line).any(|(_, other)| other.client == client);
                if !held && calm && greeted.is_some_and(|greeted| greeted > known.last_ended + window) {
                    return complain("the session was over");
                }
            }
            (true, None) => return complain("nobody had the session it resumes"),
            (false, Some(_)) => return complain("its new session is not new"),
            (false, None) => self.may_lose_session(client, line, claim)?,
        }
        if !self.life.sessions.contains_key(&id) {
            // Of another session nothing is repeated.
            self.life.sent_on[client].clear();
        }
        self.life.presents[client].generation = generation;
        let open = self.life.lines.get_mut(&line).map(|line| {
            line.session = Some(id);
        });
        let ended = if open.is_some() { None } else { greeted };
        let session = Session { client, era, claimed_by: line, generation, ended, last_ended: self.now };
        self.life.sessions.insert(id, session);
        self.check_alone(line, id)
    }

    /// Whoever comes back in time goes on with their session.
    fn may_lose_session(&self, client: usize, line: ConnectionId, claim: Option<u128>) -> Result<(), Broken> {
        let Some(known) = claim.and_then(|claim| self.life.sessions.get(&claim)) else { return Ok(()) };
        let window = self.life.at_least(self.scenario.setup.shard.resume_window);
        let in_time = known.ended.is_none_or(|ended| self.now < ended + window && self.life.shaken < ended);
        if known.era != self.life.presents[client].era || !in_time {
            return Ok(());
        }
        let sentence = format!("c{client} is welcomed on {line}: its session could be resumed and is not");
        broken(checks::SESSION, sentence)
    }

    /// Where a session was known it is still known.
    fn check_known(&mut self, client: usize, room: usize, known_since: u64) -> Result<(), Broken> {
        self.checked(checks::SESSION);
        let Some(line) = self.people[client].link else { return Ok(()) };
        let Some(session) = self.life.lines.get(&line).and_then(|line| line.session) else { return Ok(()) };
        let (first, since) = *self.life.entered.entry((session, room)).or_insert((known_since, self.now));
        if known_since <= first {
            return Ok(());
        }
        if self.life.shaken >= since {
            self.judge.answers_forgotten(client, room);
            return Ok(());
        }
        broken(
            checks::SESSION,
            format!(
                "c{client} was in r{room} before, and its session is known there since {known_since} only"
            ),
        )
    }

    /// After a loss every room is in another epoch: a place of the old one may hold another message.
    pub(crate) fn check_epoch(&mut self, client: usize, room: usize, epoch: Epoch) -> Result<(), Broken> {
        self.checked(checks::EPOCH);
        let is_present = self.server.is_up() && self.life.speaks_to(client, self.server.incarnation);
        if !is_present || !self.judge.is_past(epoch) {
            return Ok(());
        }
        let sentence = format!("c{client} enters r{room} in an epoch of which something may be lost");
        broken(checks::EPOCH, sentence)
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
        let written = self.people[client].link.and_then(|id| self.links.get(id)).map(|link| link.age.since());
        let Some(written) = written else { return Ok(()) };
        let (now, life) = (self.now, &self.life);
        let grace = life.at_least(self.scenario.setup.shard.presence_grace);
        let was_there = |stay: &&Stay| {
            let of_user = stay.room == room && life.users[stay.client] == user;
            let before = stay.since + life.delays.mail_since(stay.since) <= written;
            of_user && before && life.upset < stay.since
        };
        let is_there = |stay: &Stay| stay.until.is_none_or(|until| now < until + grace && life.upset < until);
        let known: Vec<Stay> = life.stays.iter().filter(was_there).copied().collect();
        let stay = known.iter().copied().find(is_there);
        if !known.is_empty() {
            self.checked(checks::GRACE);
        }
        let Some(stay) = stay else { return Ok(()) };
        let line = stay.line;
        let sentence =
            format!("c{client} is told that u{user} is not in r{room}, who is or just was, on {line}");
        broken(checks::GRACE, sentence)
    }
}

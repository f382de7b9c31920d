//! What must hold beside the oracle's promises: bounds after every event, and everything in order at rest.

use std::{collections::BTreeSet, time::Duration};

use chinwag_core::{
    Refusal, RequestId, Time, UserName,
    client::{ClientEvent, Command, Presence},
    config::{RoomCreation, ShardConfig},
    name::LOBBY,
    role::Role,
};

use crate::{
    judge::{Broken, Survey, glance::UserNumber, marks::Mark},
    people::{person::Person, player::Player},
    plan::scenario::Setup,
    world::{Event, SURVEY_TIME, World},
};

/// Most that a message of core's client has in its frame beside its content: names, and a number.
const BESIDE_BYTES_MAX: usize = 200;

/// A machine panicked.
pub const PANIC: &str = "panic";
/// Bytes from the server were no frames, or a node read other frames than its client sent.
pub const WIRE: &str = "wire";
/// A frame is none that the protocol knows, or not at this point.
pub const PROTOCOL: &str = "protocol";
/// A request was not answered on the wire, or twice, or something was answered that was not asked.
pub const ANSWERS: &str = "answers";
/// A client did not tell its user of what it had only to pass on, or told what it has not read.
pub const PASSED_ON: &str = "passed-on";
/// A join is told something else than is true of what it has seen.
pub const VERDICT: &str = "verdict";
/// Something of a room came over a connection that is not in it.
pub const MEMBERSHIP: &str = "membership";
/// Someone was told that they write themselves.
pub const TYPING_ECHO: &str = "typing-echo";
/// Someone was told that somebody writes, and not in time that it is over.
pub const TYPING_OVER: &str = "typing-over";
/// Someone was not told that somebody writes.
pub const TYPING_SHOWN: &str = "typing-shown";
/// A session was given to someone else, or lost too early.
pub const SESSION: &str = "session";
/// A session has two connections.
pub const ONE_CONNECTION: &str = "one-connection";
/// A connection was closed for a reason that does not hold.
pub const CLOSING: &str = "closing";
/// A node holds a connection that its client has long let go of.
pub const HEARTBEAT: &str = "heartbeat";
/// A client came back too soon or too often, or all came back at once.
pub const HERD: &str = "herd";
/// A table is larger than it may be, or is not what it is counted to be.
pub const TABLES: &str = "tables";
/// Nodes send each other what nobody reads, or say it too often.
pub const MAIL: &str = "mail";
/// A reader who reads nothing is kept.
pub const SLOW: &str = "slow";
/// Someone who keeps up was not shown in time what others were.
pub const PROMPT: &str = "prompt";
/// Someone was shown offline who is there, or was within the grace.
pub const GRACE: &str = "grace";
/// Someone was not told in time that somebody is gone.
pub const AWAY: &str = "away";
/// Someone got in who is nobody, or was not shown out.
pub const INTRUDER: &str = "intruder";
/// Someone was told that there was no room for them when there was.
pub const TURNED_AWAY: &str = "turned-away";
/// Someone came into a room, or stayed there, or ruled it, or was told of it, who may not; or may and was kept out.
pub const DOOR: &str = "door";
/// Someone goes on with a token that has ended, or cannot with one that is good, or does what it gives no right to.
pub const TOKEN: &str = "token";
/// A bot did not go on where it should, or is shown to do what it does not.
pub const BOT: &str = "bot";
/// Someone is shown a member doing what that member did not say, or not what the member said last.
pub const STATUS: &str = "status";
/// Readers of a room know different tasks of it at rest, or are told of more than it keeps.
pub const TASKS: &str = "tasks";
/// Someone is told otherwise of how their node fares than it does, or not when they should be.
pub const HEALTH: &str = "health";
/// A message is in its room under the key of another one, or is refused for that under its own.
pub const KEYS: &str = "keys";
/// What a log had promised to keep is not there after a restart, or what may be lost is not said to be; or something is
/// applied before it is kept.
pub const DURABLE: &str = "durable";
/// A room is in the epoch of a life of the server of which something may be lost.
pub const EPOCH: &str = "epoch";
/// A message was shown changed, or in a room that is not there.
pub const CONTENT: &str = "content";
/// A message is shown to have been said at another time than others are shown, or than it can have been.
pub const TIME: &str = "time";
/// A machine never rests, or time does not go on.
pub const BUSY: &str = "busy";
/// An outbox holds more than it may.
pub const BOUNDS: &str = "bounds";
/// A replica did something else, or something else has the digest of what a shard did.
pub const REPLICAS: &str = "replicas";
/// More messages were let in than the rate allows, or fewer.
pub const LIMITER: &str = "limiter";
/// More requests beside messages were served than their rate allows, or fewer.
pub const REQUESTS: &str = "requests";
/// Who was too fast was told to wait for too long, or not long enough.
pub const RETRY: &str = "retry";
/// At rest a client is not connected, or not in a room its user wants to be in.
pub const CONNECTED: &str = "connected";
/// At rest a client has not read to the end of a room.
pub const CAUGHT_UP: &str = "caught-up";
/// At rest a send is not answered.
pub const ANSWERED: &str = "answered";
/// At rest something waits to be written.
pub const DRAINED: &str = "drained";
/// At rest members are not those who are there.
pub const MEMBERS: &str = "members";
/// At rest not all rooms are listed, with as many members as they have.
pub const ROOMS: &str = "rooms";
/// At rest someone is taken for absent who is there.
pub const PRESENCE: &str = "presence";
/// At rest someone is taken to be writing.
pub const TYPING: &str = "typing";

/// Checks of a world at rest: where faults never end, they are never made.
pub(crate) const AT_REST: &[&str] =
    &[CONNECTED, CAUGHT_UP, ANSWERED, DRAINED, MEMBERS, ROOMS, PRESENCE, TYPING];

/// Checks that every large batch must have made.
pub const AT_WORK: &[&str] = &[
    WIRE,
    VERDICT,
    CONTENT,
    TIME,
    BUSY,
    SLOW,
    PROMPT,
    TURNED_AWAY,
    DOOR,
    BOT,
    STATUS,
    TASKS,
    HEALTH,
    KEYS,
    DURABLE,
    EPOCH,
    TOKEN,
    BOUNDS,
    CONNECTED,
    CAUGHT_UP,
    ANSWERED,
    DRAINED,
    MEMBERS,
    ROOMS,
    PRESENCE,
    TYPING,
    INTRUDER,
    PROTOCOL,
    ANSWERS,
    PASSED_ON,
    MEMBERSHIP,
    TYPING_ECHO,
    TYPING_OVER,
    TYPING_SHOWN,
    SESSION,
    ONE_CONNECTION,
    CLOSING,
    HEARTBEAT,
    GRACE,
    AWAY,
    HERD,
    TABLES,
    MAIL,
    REPLICAS,
    LIMITER,
    REQUESTS,
    RETRY,
];

/// Time between two pages of members, or of rooms.
pub(crate) const SURVEY_INTERVAL: Duration = Duration::from_secs(1);

/// A check that failed.
pub(crate) fn broken<T>(check: &'static str, sentence: String) -> Result<T, Broken> {
    Err(Broken { check, sentence })
}

impl World<'_> {
    /// Asks every client's server for every room's members.
    pub(crate) fn survey(&mut self) -> Result<(), Broken> {
        // In some scenarios the faults never end.
        self.pace.rests(!self.scenario.setup.safety_only);
        for (client, room) in self.seats() {
            self.judge.begin_survey(client, room);
            // So many may be asked for at once.
            if room < self.scenario.setup.rooms as usize {
                self.ask(client, room, None)?;
            }
        }
        self.begin_inventory();
        Ok(())
    }

    /// Asks for the page of members that begins after a name.
    pub(crate) fn ask(&mut self, client: usize, room: usize, after: Option<UserName>) -> Result<(), Broken> {
        let room = self.judge.room(room).clone();
        self.submit(client, Command::Members { room, after })
    }

    /// Plans to ask for the next page: not at once, for there is a limit to how often one may ask.
    pub(crate) fn survey_on(&mut self, client: usize, event: &ClientEvent) {
        let ClientEvent::Members { room, members, more: true, .. } = event else { return };
        let room = (0..self.scenario.setup.rooms as usize).find(|&r| self.judge.room(r) == room);
        if let Some(room) = room
            && let Some(last) = members.last()
            && self.judge.view(client, room).survey.is_some()
        {
            let after = Some(last.user.clone());
            self.add_after(SURVEY_INTERVAL, Event::Ask { client, room, after });
        }
    }

    /// A client's user is refused something.
    pub(crate) fn turned_away(&mut self, client: usize, event: &ClientEvent) -> Result<(), Broken> {
        match *event {
            ClientEvent::Refused { id, refusal, .. } => self.check_refusal(client, refusal, id),
            _ => Ok(()),
        }
    }

    /// Whoever is told that there is no room for them must be told the truth.
    pub(crate) fn check_refusal(
        &mut self,
        client: usize,
        refusal: Refusal,
        id: Option<RequestId>,
    ) -> Result<(), Broken> {
        let (setup @ Setup { shard, .. }, normal) = (&self.scenario.setup, ShardConfig::default());
        // It was asked for on this connection.
        let line = self.people[client].link.and_then(|id| self.life.lines.get(&id));
        let since = line.map_or(Time(0), |line| line.since);
        let possible = match refusal {
            // Of others than plain clients it is known which room that is.
            Refusal::RoomFull => (0..setup.places()).any(|room| self.may_be_full_of(client, room, since)),
            Refusal::TooManyRooms => self.has_rooms_enough(client, since),
            // Its node has said so, and was judged when it did.
            Refusal::TooManySessions => return Ok(()),
            Refusal::Full if self.is_invitation(client, id) => return Ok(()),
            Refusal::Full => {
                let tight = shard.rooms_max < normal.rooms_max || shard.tasks_max < 10;
                shard.sessions_max < normal.sessions_max || tight && !self.knows_lobby_only(client)
            }
            Refusal::ContentTooLarge => {
                let said = id.and_then(|id| self.judge.bytes_of(client, id));
                said.is_none_or(|bytes| bytes > setup.gateway.content_bytes_max)
            }
            Refusal::FrameTooLarge => {
                let said = id.and_then(|id| self.judge.encoded(client, id));
                if said.is_some() {
                    self.marks.hit(Mark::TooLongForAFrame);
                }
                said.is_none_or(|bytes| bytes + BESIDE_BYTES_MAX > setup.gateway.frame_bytes_max)
            }
            Refusal::RoomsClosed => {
                shard.room_creation == RoomCreation::Admin && self.role(client) != Role::Admin
            }
            Refusal::TokenRequired => return self.check_required(client),
            Refusal::UnknownRoom
                if shard.room_creation == RoomCreation::Admin || !self.may_make_rooms(client) =>
            {
                true
            }
            _ => return Ok(()),
        };
        self.checked(TURNED_AWAY);
        if !possible {
            return broken(TURNED_AWAY, format!("c{client} is told {refusal}, but there is room enough"));
        }
        let is_of_a_room = !matches!(refusal, Refusal::ContentTooLarge | Refusal::FrameTooLarge);
        if let Person { player: Some(player), turned_away, .. } = &mut self.people[client]
            && is_of_a_room
        {
            // Which of the rooms it asked for that is, not all dialects say.
            turned_away.extend(player.asked.iter().filter(|room| !player.seats.contains_key(room)));
            if !player.known && player.voice.home().is_some() {
                // It is in no room before it is in the one that everybody is in.
                turned_away.insert(0);
            }
        }
        Ok(())
    }

    /// A client with a session is not let into a room that it asked for then.
    pub(crate) fn is_turned_away(
        &mut self,
        client: usize,
        room: usize,
        refusal: Refusal,
        asked: Time,
    ) -> Result<(), Broken> {
        self.life.whereabouts.turned_away(self.now, client, room, asked);
        let is_for_good = matches!(
            refusal,
            Refusal::RoomFull
                | Refusal::TooManyRooms
                | Refusal::Full
                | Refusal::RoomsClosed
                | Refusal::UnknownRoom
        );
        if is_for_good {
            self.people[client].turned_away.insert(room);
        }
        if refusal != Refusal::RoomFull {
            return Ok(());
        }
        self.checked(TURNED_AWAY);
        if self.may_be_full_of(client, room, asked) {
            return Ok(());
        }
        broken(TURNED_AWAY, format!("c{client} is told that r{room} is full, but there is room enough"))
    }

    /// Whether others may have been as many in a room since then as it may have members.
    fn may_be_full_of(&self, client: usize, room: usize, since: Time) -> bool {
        let (most, user) = (self.scenario.setup.shard.room_members_max, self.life.users[client]);
        let may_be_full =
            |max: u32| self.is_read_late(client) || self.others_in(room, user, since) >= max as usize;
        most.is_some_and(may_be_full)
    }

    /// Whether what a client reads is of a server that is gone, and with it what was known of who is where.
    fn is_read_late(&self, client: usize) -> bool {
        !self.server.is_up() || !self.life.speaks_to(client, self.server.incarnation)
    }

    /// Whether a client may be in as many rooms as a session may, or its user have made as many as a user may.
    fn has_rooms_enough(&mut self, client: usize, since: Time) -> bool {
        // It may be in the one that it asks for, too.
        let rooms = 0..self.scenario.setup.places();
        let is_in = if self.is_read_late(client) {
            self.life.asked[client].len()
        } else {
            rooms.filter(|&room| self.may_be_in(client, room, since)).count()
        };
        let Self { life, judge, scenario, .. } = self;
        let shard = &scenario.setup.shard;
        if is_in > shard.rooms_per_session_max as usize {
            return true;
        }
        let asked = |client: usize| life.asked[client].iter().map(|&room| judge.room(room));
        let may_have_made = life.clients(life.users[client]).flat_map(|it| asked(it).chain(&life.made[it]));
        let rooms: BTreeSet<_> = may_have_made.filter(|room| room.as_str() != LOBBY).collect();
        let has_made_enough = rooms.len() > shard.rooms_per_user_max as usize;
        if has_made_enough {
            self.marks.hit(Mark::MadeEnough);
        }
        has_made_enough
    }

    /// Whether a client asks for nothing but to be in the lobby, where there is always room.
    fn knows_lobby_only(&self, client: usize) -> bool {
        let elsewhere = self.scenario.setup.room_name(1);
        self.people[client].player.as_ref().is_some_and(|player| !player.voice.can_name(&elsewhere))
    }

    /// Which clients with sessions are to be in which rooms.
    pub(crate) fn seats(&self) -> Vec<(usize, usize)> {
        let lives = |person: &Person| person.player.is_none() && !person.client.is_ended() && !person.frozen;
        let living = self.people.iter().enumerate().filter(|(_, person)| lives(person));
        let seats =
            living.flat_map(|(client, person)| person.wanted.iter().map(move |&room| (client, person, room)));
        // Who was turned away may want to be in a room that does not have them.
        let has = |&(_, person, room): &(usize, &Person, usize)| {
            let is_kept_out = person.turned_away.contains(&room) || person.barred.contains(&room);
            !is_kept_out || person.client.is_joined(self.judge.room(room))
        };
        seats.filter(has).map(|(client, _, room)| (client, room)).collect()
    }

    /// At the end of a calm everything must be in order.
    pub(crate) fn rest(&mut self) -> Result<(), Broken> {
        self.calm_until = None;
        self.pace.rests(false);
        self.check_rest()?;
        self.judge.end_surveys();
        Ok(())
    }

    /// At the end everything must be in order, and everything is accounted for.
    pub(crate) fn end(&mut self) -> Result<(), Broken> {
        let safety_only = self.scenario.setup.safety_only;
        if !safety_only {
            self.check_rest()?;
        }
        for client in 0..self.people.len() {
            if self.is_player(client) {
                self.player_ends(client)?;
            }
            if safety_only || self.people[client].frozen {
                self.judge.gave_up(client)?;
            }
        }
        let report = self.judge.finish();
        for (promise, count) in &report.checks {
            self.checks.add(promise.name(), *count);
        }
        for violation in report.violations {
            self.fail(Broken { check: violation.promise.name(), sentence: violation.sentence });
        }
        Ok(())
    }

    fn check_rest(&mut self) -> Result<(), Broken> {
        self.check_clients()?;
        for (client, room) in self.seats() {
            self.check_position(client, room)?;
            self.check_members(client, room)?;
            self.check_presence(client, room)?;
            self.check_statuses(client, room)?;
        }
        self.check_bots()?;
        self.check_tasks()?;
        self.check_holdings()?;
        self.check_nodes()
    }

    fn check_clients(&mut self) -> Result<(), Broken> {
        for client in 0..self.people.len() {
            if self.people[client].is_over() || self.people[client].frozen {
                continue;
            }
            if self.is_player(client) {
                self.check_player(client)?;
                continue;
            }
            let person = &self.people[client].client;
            if !person.is_attached() {
                return broken(CONNECTED, format!("c{client} is not connected at rest"));
            }
            let unanswered = person.unanswered();
            if unanswered > 0 {
                return broken(ANSWERED, format!("c{client} waits for {unanswered} answers at rest"));
            }
            self.witness.check_rest(client)?;
            let is_wrong =
                |&room: &usize| person.is_joined(self.judge.room(room)) != self.witness.is_in(client, room);
            if let Some(room) = (0..self.scenario.setup.owned().end).find(is_wrong) {
                return broken(CONNECTED, format!("c{client} is wrong about being in r{room} at rest"));
            }
            self.checked(CONNECTED);
            self.checked(ANSWERED);
            self.check_caller(client)?;
        }
        Ok(())
    }

    fn check_position(&mut self, client: usize, room: usize) -> Result<(), Broken> {
        self.checked(CAUGHT_UP);
        let (name, person) = (self.judge.room(room), &self.people[client].client);
        if !person.is_joined(name) {
            return broken(CONNECTED, format!("c{client} is not in {name} at rest"));
        }
        let positions = |client: usize| self.people[client].client.position(name);
        let Some(position) = positions(client) else {
            return broken(CAUGHT_UP, format!("c{client} has no position in {name} at rest"));
        };
        let head = self.judge.head(room, position.epoch);
        let newest =
            self.seats().into_iter().filter(|&(_, r)| r == room).filter_map(|(c, _)| positions(c)).max();
        if position.seq != head || newest != Some(position) {
            let newest = newest.map(|newest| newest.to_string()).unwrap_or_default();
            let sentence = format!("c{client} has read {name} to {position}, of {head}; others to {newest}");
            return broken(CAUGHT_UP, sentence);
        }
        Ok(())
    }

    /// Everyone who is to be in a room, by user.
    pub(crate) fn expected(&self, room: usize) -> Vec<UserName> {
        let here = self.seats().into_iter().filter(|&(_, r)| r == room);
        let here = here.map(|(client, _)| &self.people[client]);
        let plain = self.people.iter().filter(|person| person.plays_in(room));
        let mut users: Vec<UserName> = here.chain(plain).map(|person| person.user.clone()).collect();
        users.sort();
        users.dedup();
        users
    }

    /// Users of plain clients who were turned away from some room: they ask again and again, some are sent away for that,
    /// and then they are still listed for a while where they were. And who has just gone.
    pub(crate) fn on_their_way(&self) -> Vec<&UserName> {
        let is_where_wanted =
            |person: &Person, player: &Player| player.known && person.wanted.iter().eq(player.seats.keys());
        let tries = |person: &&Person| {
            !person.turned_away.is_empty()
                && person.player.as_ref().is_some_and(|player| !is_where_wanted(person, player))
        };
        self.people
            .iter()
            .filter(|person| tries(person) || self.has_just_gone(person))
            .map(|person| &person.user)
            .collect()
    }

    /// Whether somebody was sent away so late, as for a token that ended, that they may still be listed where they were: a
    /// survey is older than the moment at which it is judged.
    fn has_just_gone(&self, person: &Person) -> bool {
        let presence = self.life.presence[UserNumber::of(person.user.as_str()).0];
        let ShardConfig { resume_window, presence_grace, .. } = &self.scenario.setup.shard;
        let kept = self.life.at_most(*resume_window.max(presence_grace)) + self.life.delay();
        presence.lines == 0 && presence.ended > Time(0) && presence.ended + kept + SURVEY_TIME >= self.now
    }

    /// Whether these are those who are to be there; who is on their way may be there or not.
    fn are_as_expected<'a>(&self, seen: impl Iterator<Item = &'a UserName>, expected: &[UserName]) -> bool {
        let coming = self.on_their_way();
        seen.filter(|user| !coming.contains(user) || expected.contains(user)).eq(expected)
    }

    fn check_members(&mut self, client: usize, room: usize) -> Result<(), Broken> {
        self.checked(MEMBERS);
        let expected = self.expected(room);
        if room < self.scenario.setup.rooms as usize {
            self.check_survey(client, room, &expected)?;
        }
        let (name, view) = (self.judge.room(room), self.judge.view(client, room));
        let coming: BTreeSet<&UserName> = self.on_their_way().into_iter().collect();
        let may_be = expected.len() + coming.into_iter().filter(|user| !expected.contains(user)).count();
        match &view.roster {
            Some(roster) if self.are_as_expected(roster.iter(), &expected) => Ok(()),
            None if may_be > self.scenario.setup.shard.roster_max as usize => Ok(()),
            seen => broken(MEMBERS, format!("c{client} sees {seen:?} in {name}, there are {expected:?}")),
        }
    }

    fn check_survey(&self, client: usize, room: usize, expected: &[UserName]) -> Result<(), Broken> {
        let (name, view) = (self.judge.room(room), self.judge.view(client, room));
        let Some(Survey { listed, count, complete: true, .. }) = &view.survey else {
            return broken(MEMBERS, format!("c{client} asked who is in {name} and was not told all"));
        };
        // It is older than what is expected, so whoever is still on their way may have come or gone since.
        let coming = self.on_their_way();
        let has_stayed = |user: &&UserName| !coming.contains(user);
        let names: Vec<&UserName> = listed.iter().map(|(user, _)| user).collect();
        let is_right = names.iter().copied().filter(has_stayed).eq(expected.iter().filter(has_stayed));
        if !is_right || *count as usize != names.len() {
            return broken(MEMBERS, format!("{name} lists {names:?} of {count}, there are {expected:?}"));
        }
        let is_due = |user: &UserName, presence| match presence {
            Presence::Online => true,
            Presence::Typing => false,
            Presence::Offline => coming.contains(&user) || !expected.contains(user),
        };
        if let Some((user, presence)) = listed.iter().find(|(user, presence)| !is_due(user, *presence)) {
            let check = if *presence == Presence::Typing { TYPING } else { PRESENCE };
            return broken(check, format!("{name} lists {user} as {presence:?} at rest"));
        }
        Ok(())
    }

    fn check_presence(&mut self, client: usize, room: usize) -> Result<(), Broken> {
        let expected = self.expected(room);
        if expected.len() > self.scenario.setup.shard.roster_max as usize {
            // In large rooms nobody is told of everyone.
            return Ok(());
        }
        self.checked(PRESENCE);
        self.checked(TYPING);
        let (name, seen) = (self.judge.room(room), &self.judge.view(client, room).seen_before_survey);
        for user in expected {
            match seen.get(&user) {
                Some(Presence::Offline) => {
                    return broken(
                        PRESENCE,
                        format!("c{client} takes {user} for absent from {name} at rest"),
                    );
                }
                Some(Presence::Typing) => {
                    return broken(TYPING, format!("c{client} takes {user} to be writing in {name} at rest"));
                }
                Some(Presence::Online) | None => {}
            }
        }
        Ok(())
    }

    fn check_nodes(&mut self) -> Result<(), Broken> {
        for node in 0..self.server.nodes.len() {
            self.checked(DRAINED);
            let counters = self.server.nodes[node].counters();
            let (bytes, connections) = (counters.outbox_bytes, counters.connections);
            if bytes > 0 {
                return broken(DRAINED, format!("n{node} has {bytes} bytes to write at rest"));
            }
            let held =
                self.links.iter().filter(|(_, link)| link.node == node && link.is_served()).count() as u64;
            if connections != held {
                return broken(DRAINED, format!("n{node} holds {connections} connections of {held} at rest"));
            }
        }
        Ok(())
    }
}

//! What happens at the server's end of lines.

use std::time::Duration;

use chinwag_core::{ConnectionId, Time, gateway::Frame};

use super::{ELSEWHERE, Line};
use crate::{
    judge::{
        abuse::Abuse,
        delays::SLACK,
        glance::Wish,
        json_bytes,
        look::{Ending, Look},
        quotas::Fate,
    },
    line::client_frame::ClientFrame,
    world::{Event, World},
};

/// A frame may wait for its turn behind others that wait for their answers.
pub(crate) const TURNS: u32 = 3;

impl World<'_> {
    /// A node has accepted a connection.
    pub(crate) fn line_begins(&mut self, id: ConnectionId, client: usize) {
        let (now, shows, life) = (self.now, self.server.clock.shows(self.now), &mut self.life);
        let line = Line {
            client,
            since: now,
            heard: now,
            texts: 0,
            longest: 0,
            refused: Time(0),
            warnings: 0,
            abuse: Abuse::new(shows, &self.scenario.setup.gateway),
            fate: Fate::Stays,
            spoke: now,
            babbled: now,
            turned_away: None,
            fault: None,
            goodbye: false,
            claim: None,
            session: None,
            token: None,
            role: None,
            is_verified: false,
            has_bad_token: false,
        };
        life.lines.insert(id, line);
        if self.people[client].player.is_none() {
            self.judge.rates.begins(id);
        }
        life.presence[life.users[client]].lines += 1;
        if self.people[client].link == Some(id) {
            life.presents[client].incarnation = self.server.incarnation;
            life.presents[client].era = self.server.era;
            if self.people[client].player.as_ref().is_some_and(|player| player.voice.home().is_some()) {
                // It may be in the room that everybody is in before it knows that it is connected.
                life.whereabouts.asks(now, client, 0);
            }
        }
        if let Some(idle) = self.scenario.setup.gateway.idle_timeout {
            let after = self.life.at_most(idle) + SLACK;
            self.add_after(after, Event::Look(Look::Idle { line: id }));
        }
    }

    /// A node reads something.
    pub(crate) fn line_hears(&mut self, id: ConnectionId, heard: &ClientFrame<'_>) {
        let (now, shows) = (self.now, self.server.clock.shows(self.now));
        if matches!(heard, Ok(Frame::Text(_) | Frame::Binary(_)))
            && let Some(link) = self.links.get(id)
        {
            self.server.counted[link.node].reads();
        }
        let Some(line) = self.life.lines.get_mut(&id) else { return };
        line.heard = now;
        match *heard {
            Ok(Frame::Text(text)) => {
                line.texts += 1;
                let voice = self.people[line.client].player.as_ref().map(|player| &player.voice);
                if voice.is_none_or(|voice| !voice.is_pong(text)) {
                    line.abuse.receives(shows);
                    line.spoke = now;
                }
                if let Some(voice) = voice {
                    line.longest = line.longest.max(json_bytes(text));
                    let (client, comes) = (line.client, line.texts == 1 && voice.is_sole());
                    self.mailing.forgets(id);
                    if comes {
                        self.sole_arrives(id, client);
                    }
                    return;
                }
                if text.starts_with(r#"{"type":"hello""#) {
                    self.hello_arrives(id, text);
                } else if text.starts_with(r#"{"type":"join""#) {
                    self.join_arrives(id, text);
                } else if text.starts_with(r#"{"type":"typing""#) {
                    self.typing_arrives(id, text);
                }
            }
            Ok(Frame::Binary(_)) => line.babbled = now,
            Ok(Frame::Ping(_)) => line.abuse.receives(shows),
            Err(fault) => line.fault = Some(fault),
            Ok(Frame::Close(_)) => line.goodbye = true,
            Ok(Frame::Pong) => {}
        }
    }

    /// Of a user's lines the one whose news comes last to the user's home takes the place of the others: not at once, but
    /// when it does they are told nothing more.
    fn sole_arrives(&mut self, new: ConnectionId, client: usize) {
        let (now, clients) = (self.now, self.sole_clients(client));
        self.life.soles[self.life.users[client]].push((new, now));
        self.life.end_stays(now, |stay| stay.line != new && clients.contains(&stay.client), true);
    }

    /// Whether another line of the user takes this one's place, or may: what nodes read of it later, or shortly before, may
    /// be what the user's home hears last.
    pub(crate) fn has_sole_after(&self, line: ConnectionId, client: usize) -> bool {
        let soles = &self.life.soles[self.life.users[client]];
        let came = soles.iter().find(|(sole, _)| *sole == line).map_or(Time(0), |&(_, at)| at);
        let may_win =
            |&(sole, at): &(ConnectionId, Time)| sole != line && at + self.life.delays.since(at) >= came;
        self.sole_clients(client).contains(&client) && soles.iter().any(may_win)
    }

    /// The clients of a client's user of which only the newest is served.
    pub(crate) fn sole_clients(&self, client: usize) -> Vec<usize> {
        self.life.clients(self.life.users[client]).filter(|&client| self.is_sole(client)).collect()
    }

    /// Whether of a client's user only the newest connection is served.
    pub(crate) fn is_sole(&self, client: usize) -> bool {
        self.people[client].player.as_ref().is_some_and(|player| player.voice.is_sole())
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
            session.claimed_by = session.claimed_by.max(new);
        }
        let older = life.lines.range(..new);
        let olds: Vec<ConnectionId> =
            older.filter(|(_, old)| old.session == Some(claim)).map(|(&old, _)| old).collect();
        let after = life.delays.since(now);
        for old in olds {
            self.add_after(after, Event::Look(Look::Replaced { old, new, since: now }));
        }
    }

    fn typing_arrives(&mut self, id: ConnectionId, text: &str) {
        let Some(Wish { typing: Some(true), room: Some(room), .. }) = Wish::at(text) else { return };
        let (now, life) = (self.now, &mut self.life);
        let Some(client) = life.lines.get(&id).map(|line| line.client) else { return };
        let room = room.place(life.rooms);
        let Some(heard) = life.typing[client].get_mut(room) else { return };
        let earlier = std::mem::replace(&mut heard.1, now);
        let user = life.users[client];
        let (after, earlier) = (self.typing_ends_after(now), earlier + self.typing_ends_after(earlier));
        self.add_after(after, Event::Look(Look::Typing { user, room, since: now, why: Ending::Expired }));
        if earlier < now {
            self.life.began[client][room] = now;
        }
        let life = &self.life;
        let (soon, is_alone) = (life.delays.since(now) * TURNS, life.clients(user).count() == 1);
        let waits = self.witness.waits(client);
        // Whoever may be sent away may be gone for others before they hear of it.
        let stays = room < self.scenario.setup.rooms as usize;
        // Nobody may be told again within half the time after which a notice is forgotten.
        if is_alone && stays && !waits && soon < life.at_least(self.scenario.setup.gateway.typing_ttl) / 2 {
            self.add_after(soon, Event::Look(Look::Writes { client, room, line: id, since: now }));
        }
    }

    /// How long it takes until everybody is told that somebody is gone who went then.
    pub(crate) fn away_after(&self, since: Time) -> Duration {
        self.life.at_most(self.scenario.setup.shard.presence_grace) + self.life.delays.since(since)
    }

    /// The same of somebody who has left for good, whose session is nobody's.
    pub(crate) fn left_after(&self, since: Time) -> Duration {
        self.away_after(since) + self.life.at_most(ELSEWHERE)
    }

    /// How long somebody is shown to write who said so then.
    pub(crate) fn typing_ends_after(&self, since: Time) -> Duration {
        self.life.at_most(self.scenario.setup.gateway.typing_ttl) + self.life.delays.since(since) * TURNS
    }

    /// A node's end of a connection is over.
    pub(crate) fn line_ends(&mut self, id: ConnectionId) {
        let now = self.now;
        self.occupancy.ends(id, now);
        let Some(line) = self.life.lines.remove(&id) else { return };
        let user = self.life.users[line.client];
        self.quotas.ends(now, user, id, self.life.presence[user].lines == 1);
        if let Some(link) = self.links.get(id) {
            self.mailing.ended.insert(link.node, now);
        }
        let sessions = &mut self.life.sessions;
        if let Some(session) = line.session.and_then(|session| sessions.get_mut(&session)) {
            (session.ended, session.last_ended) = (Some(now), now);
        }
        if let Some(session) = line.claim.and_then(|claim| sessions.get_mut(&claim)) {
            session.last_ended = now;
        }
        self.life.end_stays(now, |stay| stay.line == id, false);
        self.life.may_be_cut(now, line.client);
        let presence = &mut self.life.presence[user];
        presence.lines -= 1;
        presence.ended = now;
        if presence.lines == 0 {
            let grace = self.away_after(now);
            self.add_after(grace, Event::Look(Look::Away { user, since: now }));
            // A session of which the newest connection is served goes on without a secret.
            if self.life.clients(user).all(|client| self.is_player(client) && !self.is_sole(client)) {
                self.add_after(self.left_after(now), Event::Look(Look::Left { user, since: now }));
            }
            for room in 0..self.scenario.setup.rooms as usize {
                let look = Look::Typing { user, room, since: now, why: Ending::Gone };
                self.add_after(self.life.delays.since(now), Event::Look(look));
            }
        }
    }
}

//! Plain clients at work: they connect and come back, and their users' wishes become frames.

use std::time::Duration;

use chinwag_core::{ConnectionId, Disconnect, client::ClientInput, disconnect::may_return, gateway::Frame};
use chinwag_oracle::{Observation, SendId};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        json_bytes,
    },
    people::{
        doing,
        person::Person,
        player::{Alarm, NUDGE, Player},
        voice::{Line, Wish},
    },
    plan::scenario::{Action, Nonsense, Step},
    world::{Event, World},
};

/// Most that a plain client's message has in its frame beside its content.
const CARRIED_BYTES_MAX: usize = 1_024;

/// The client's connection.
impl World<'_> {
    /// The handshake is done.
    pub(crate) fn player_opened(&mut self, client: usize, id: ConnectionId) {
        let (now, mut lines) = (self.now, Vec::new());
        let player = self.player(client);
        player.renew(now);
        player.voice.greet(&mut lines);
        if let Some(home) = player.voice.home() {
            let room = self.room_number(home).expect("there is such a room if anybody needs it");
            self.people[client].wanted.insert(room);
            self.life.asks(now, client, room);
        }
        self.player_sends(client, lines);
        if self.player(client).voice.is_known_at_once() {
            self.player_is_known(client);
        }
        self.player_renews_later(client, id);
        let silence = self.scenario.setup.patience.silence_timeout;
        self.add_after(silence, Event::Player { client, alarm: Alarm::Silence(id) });
    }

    /// A frame has arrived.
    pub(crate) fn player_reads(&mut self, client: usize, text: &str) -> Result<(), Broken> {
        self.inputs += 1;
        self.note_input(client, &ClientInput::Received(Frame::Text(text)));
        self.checked(checks::PROTOCOL);
        let (now, mut lines) = (self.now, Vec::new());
        let player = self.player(client);
        player.heard = now;
        let heard = match player.voice.read(text, &mut lines) {
            Ok(heard) => heard,
            Err(why) => {
                let voice = player.voice.to_string();
                return broken(checks::PROTOCOL, format!("c{client}, {voice}, reads {text}: {why}"));
            }
        };
        self.player_sends(client, lines);
        heard.into_iter().try_for_each(|heard| self.player_hears(client, heard))?;
        // Who is shut out waits for the close that follows.
        let is_lost = self.player(client).voice.is_lost() && !self.lacks_token(client);
        if self.people[client].link.is_some() && is_lost {
            self.close(client, Disconnect::Requested.code());
            self.player_forgets(client)?;
            self.player_returns(client, NUDGE);
        }
        Ok(())
    }

    /// A ping or pong has arrived.
    pub(crate) fn player_lives(&mut self, client: usize) {
        let now = self.now;
        self.player(client).heard = now;
    }

    /// The connection is gone.
    pub(crate) fn player_lost(&mut self, client: usize, code: Option<u16>) -> Result<(), Broken> {
        self.player_forgets(client)?;
        if !may_return(code) {
            self.player(client).is_over = true;
            return self.player_ends(client);
        }
        let shows = self.people[client].clock.shows(self.now);
        let told = self.endings.not_before(client).map(|back| back.since(shows));
        let patience = &self.scenario.setup.patience;
        let player = self.people[client].player.as_mut().expect("it is one");
        let wait = told.unwrap_or_else(|| player.backoff(patience));
        self.player_returns(client, wait);
        Ok(())
    }

    /// Will connect again after so long, by its own clock.
    pub(crate) fn player_returns(&mut self, client: usize, wait: Duration) {
        let clock = &self.people[client].clock;
        let at = clock.when(clock.shows(self.now) + wait).max(self.now);
        self.player(client).returns = Some(at);
        self.add(at, Event::Player { client, alarm: Alarm::Return });
    }

    /// One is in no room any more. What has no key and no answer may be in its room or not.
    pub(crate) fn player_forgets(&mut self, client: usize) -> Result<(), Broken> {
        self.player_gives_up_pleas(client);
        let player = self.player(client);
        player.known = false;
        let (has_keys, seats) = (player.voice.has_places(), std::mem::take(&mut player.seats));
        if !has_keys || player.is_over {
            self.player_ends(client)?;
        }
        seats.into_iter().try_for_each(|(room, thread)| self.player_leaves(client, room, thread, None))
    }

    /// Something that a client waits for may have come.
    pub(crate) fn player_wakes(&mut self, client: usize, alarm: Alarm) -> Result<(), Broken> {
        let silence = self.scenario.setup.patience.silence_timeout;
        let (now, link) = (self.now, self.people[client].link);
        let back = self.endings.not_before(client).map(|back| self.people[client].clock.when(back));
        let player = self.player(client);
        match alarm {
            // A clock that was put back says that it is too early.
            Alarm::Return if player.returns == Some(now) && back.is_some_and(|back| back > now) => {
                player.returns = back;
                self.add(back.expect("just looked"), Event::Player { client, alarm });
                Ok(())
            }
            Alarm::Return if link.is_none() && !player.is_over && player.returns == Some(now) => {
                self.connect(client)
            }
            Alarm::Return => Ok(()),
            Alarm::Nudge => {
                player.is_nudged = false;
                player.asked.clear();
                self.player_moves(client);
                Ok(())
            }
            Alarm::Silence(id) | Alarm::Renew(id) if link != Some(id) => Ok(()),
            Alarm::Renew(id) => {
                self.player_renews(client, true);
                self.player_renews_later(client, id);
                Ok(())
            }
            Alarm::Silence(_) if player.heard + silence <= now => {
                self.let_go(client);
                self.player_lost(client, None)
            }
            Alarm::Silence(_) => {
                let due = player.heard + silence;
                self.add(due, Event::Player { client, alarm });
                Ok(())
            }
        }
    }

    pub(crate) fn player_sends(&mut self, client: usize, lines: Vec<Line>) {
        for Line { text, message } in lines {
            if let Some(number) = message {
                let send = SendId(u32::try_from(number).expect("scenarios are small"));
                let (since, connection) = (self.now, self.people[client].link);
                self.player(client).sends(send, since, connection);
                self.judge.observe(Observation::Sent { send }).expect("to send is no violation");
            }
            self.player(client).has_spoken = true;
            self.transmit(client, Frame::Text(&text));
        }
    }
}

/// The client's user.
impl World<'_> {
    /// The user of a plain client does something; true if it is such a thing, and possible.
    pub(crate) fn player_does(&mut self, client: usize, step: &Step) -> Result<bool, Broken> {
        let Step { id, ref action, .. } = *step;
        match *action {
            Action::Quit => {
                self.player_quits(client)?;
                return Ok(true);
            }
            Action::Renew { good } => return Ok(self.player_renews(client, good)),
            Action::Repeat { back } => return Ok(self.player_says_once_more(client, back as usize)),
            Action::Reuse { back } => return self.player_uses_key_again(client, back as usize),
            Action::Nonsense { kind, times } => return Ok(self.player_babbles(client, id, kind, times)),
            Action::Crash => {
                self.lose_unsent(client);
                self.let_go(client);
                self.forgets_its_return(client);
                self.player_forgets(client)?;
                self.connect(client)?;
                return Ok(true);
            }
            _ => {}
        }
        match self.player_visits(client, action)? {
            Some(is_done) => Ok(is_done),
            None => Ok(self.player_writes(client, action) || self.player_does_in_room(client, action)?),
        }
    }

    /// The user of a plain client writes in a room that they are in, or stops; false if they do no such thing.
    fn player_writes(&mut self, client: usize, action: &Action) -> bool {
        let Action::Typing { room, on } = *action else { return false };
        let (room, player) = (room as usize, self.player(client));
        if !player.known || !player.seats.contains_key(&room) {
            return false;
        }
        let name = self.judge.room(room).clone();
        self.player_wants(client, Wish::Typing { room: name.as_str(), on });
        true
    }

    /// The same in a room that nobody owns, if their dialect has words for it.
    fn player_does_in_room(&mut self, client: usize, action: &Action) -> Result<bool, Broken> {
        let Some(room) = room_of(action).filter(|&room| room < self.scenario.setup.rooms as usize) else {
            return Ok(false);
        };
        let name = self.judge.room(room).clone();
        let player = self.player(client);
        let (can_name, is_home) = (player.voice.can_name(&name), player.voice.home() == Some(name.as_str()));
        let is_in = player.known && player.seats.contains_key(&room);
        let room_name = name.as_str();
        match *action {
            Action::Join { .. } if can_name => {
                self.people[client].wanted.insert(room);
                self.player_moves(client);
            }
            Action::Leave { .. } if can_name && !is_home => {
                self.people[client].wanted.remove(&room);
                self.player_moves(client);
            }
            Action::Say { times, bytes, .. } if is_in => {
                (0..times).try_for_each(|_| self.player_says(client, room, bytes as usize))?;
            }
            Action::Status { .. } if is_in => {
                let state = self.next_status(client, room);
                self.player_wants(client, Wish::Status { room: room_name, state: &state });
            }
            Action::Task { task, .. } if is_in => {
                let (task, state) = (format!("t{task}"), self.standings.next_state(doing::word(true)));
                self.player_wants(client, Wish::Task { room: room_name, task: &task, state: &state });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn player_wants(&mut self, client: usize, wish: Wish<'_>) {
        let mut lines = Vec::new();
        self.player(client).voice.want(wish, &mut lines);
        self.player_sends(client, lines);
    }

    pub(crate) fn player_says(&mut self, client: usize, room: usize, bytes: usize) -> Result<(), Broken> {
        let (send, content) = self.player_plans(client, room, bytes)?;
        self.player_speaks(client, room, &content, send);
        Ok(())
    }

    /// What a user is about to say, of about so many bytes.
    pub(crate) fn player_plans(
        &mut self,
        client: usize,
        room: usize,
        bytes: usize,
    ) -> Result<(SendId, String), Broken> {
        let content = self.judge.next_content(bytes);
        // Unlike core's client they would not notice that it is too long for a frame.
        let fit = self.scenario.setup.gateway.frame_bytes_max.saturating_sub(CARRIED_BYTES_MAX);
        let fits = json_bytes(&content) <= fit;
        let bytes = if fits { bytes } else { fit / 6 };
        let content = if fits { content } else { self.judge.next_content(bytes) };
        let send = self.judge.plans(client, room, bytes)?;
        self.times.says(send, self.server.clock.shows(self.now));
        if room >= self.scenario.setup.rooms as usize {
            self.parlours.says(self.now, send);
        }
        Ok((send, content))
    }

    /// Asks to be in the rooms that its user wants to be in, and in no others.
    pub(crate) fn player_moves(&mut self, client: usize) {
        let Person { player, wanted, .. } = &mut self.people[client];
        let player = player.as_mut().expect("it is one");
        if !player.known || player.silenced {
            return;
        }
        let enters = wanted.iter().filter(|room| !player.seats.contains_key(room)).map(|&room| (room, true));
        let leaves = player.seats.keys().filter(|room| !wanted.contains(room)).map(|&room| (room, false));
        // Who may be in so many rooms, and say so much at once, has to make room first.
        let moves: Vec<(usize, bool)> = leaves.chain(enters).collect();
        for (room, enters) in moves {
            if !self.player(client).asked.insert(room) {
                continue;
            }
            let name = self.judge.room(room).clone();
            if enters {
                self.life.asks(self.now, client, room);
                if room < self.scenario.setup.rooms as usize {
                    self.player_wants(client, Wish::Join { room: name.as_str() });
                } else {
                    self.player_calls_at(client, room);
                }
            } else {
                let now = self.now;
                self.life.end_stays(now, |stay| stay.client == client && stay.room == room, true);
                self.player(client).leaving.insert(room);
                self.player_wants(client, Wish::Leave { room: name.as_str() });
            }
        }
    }

    /// Says what no client of its dialect says; false if nobody hears it.
    fn player_babbles(&mut self, client: usize, step: u32, kind: Nonsense, times: u32) -> bool {
        let player = self.player(client);
        // Where the first frame tells what is spoken, nonsense would be another dialect's.
        if !player.known || player.voice.is_undecided() && !player.has_spoken {
            return false;
        }
        let is_stray = kind == Nonsense::Stranger && self.is_strict_with(client);
        for nth in 0..times {
            let number = u64::from(step) + u64::from(nth);
            let player = self.player(client);
            player.has_babbled = true;
            let stray = player.voice.stray(number).filter(|_| is_stray);
            let text = stray.unwrap_or_else(|| player.voice.babble(number).to_owned());
            self.transmit(client, Frame::Text(&text));
        }
        true
    }

    pub(crate) fn player_quits(&mut self, client: usize) -> Result<(), Broken> {
        self.people[client].wanted.clear();
        self.player(client).is_over = true;
        self.close(client, 1000);
        self.player_forgets(client)
    }

    /// Whether a client is a plain one.
    pub(crate) fn is_player(&self, client: usize) -> bool {
        self.people[client].player.is_some()
    }

    /// The plain client that it is.
    pub(crate) fn player(&mut self, client: usize) -> &mut Player {
        self.people[client].player.as_mut().expect("it is a plain client")
    }
}

/// Where an action of a user takes place.
const fn room_of(action: &Action) -> Option<usize> {
    match *action {
        Action::Join { room }
        | Action::Leave { room }
        | Action::Say { room, .. }
        | Action::Status { room }
        | Action::Task { room, .. } => Some(room as usize),
        _ => None,
    }
}

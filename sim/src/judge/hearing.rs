//! What plain clients read, judged.
//!
//! The judge is told what is shown as it is of other clients: by places, if the dialect names them, otherwise by
//! [`Thread`]s.

use std::{collections::BTreeMap, time::Duration};

use chinwag_core::{ConnectionId, Disconnect, Position, Refusal, Seq, ShardId, Time, hash, role::Role};
use chinwag_oracle::{Observation, Promise, SendId};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        marks::Mark,
        thread::Thread,
        witness::{member_id, room_id},
    },
    people::{
        person::Person,
        player::{Alarm, Open, Player},
        voice::{Carried, Heard, Mood, Standing},
    },
    plan::scenario::{Action, Step},
    record::trace::{Kind, Lane},
    world::{Event, World},
};

/// A message is sent again under its key for so long at most…
const REPEAT_MAX: Duration = Duration::from_secs(30);

/// What the client's user sees.
impl World<'_> {
    pub(crate) fn player_hears(&mut self, client: usize, heard: Heard) -> Result<(), Broken> {
        self.note(Kind::Shown, Lane::Client(client), format_args!("{heard:?}"));
        if self.player(client).silenced && heard != Heard::Other {
            let sentence =
                format!("c{client} was told that another connection took over, and hears {heard:?}");
            return broken(checks::ONE_CONNECTION, sentence);
        }
        if self.player_is_locked_out(client, &heard)? {
            return Ok(());
        }
        match heard {
            Heard::Welcome => {
                self.player_is_known(client);
                self.awaits_health(client);
            }
            Heard::Entered { room, standing } => return self.player_enters(client, &room, standing),
            Heard::Gone { room, position } => {
                let room = self.room_named(client, &room)?;
                let player = self.player(client);
                player.asked.remove(&room);
                player.leaving.remove(&room);
                if let Some(thread) = player.seats.remove(&room) {
                    self.player_leaves(client, room, thread, position)?;
                }
                self.player_moves(client);
            }
            Heard::SentAway { room, position } => {
                let room = self.room_named(client, &room)?;
                self.player_is_sent_away(client, room, position)?;
                self.player_moves(client);
            }
            Heard::Made { epoch, plea, .. } => return self.player_has_made(client, plea, epoch),
            Heard::Renewed { plea } => return self.player_is_renewed(client, plea),
            Heard::Granted { plea } => return self.player_is_granted(client, plea),
            Heard::Denied { plea, refusal, for_now } => {
                return self.player_is_denied(client, plea, refusal, for_now);
            }
            Heard::Message { room, user, content, seq, at, from_history, carried } => {
                let shown =
                    Said { room: &room, user: &user, content: &content, seq, at, from_history, carried };
                return self.player_is_shown(client, shown);
            }
            Heard::Accepted { number, position, at } => {
                return self.player_is_answered(client, number, position, at);
            }
            Heard::Behind { room } => {
                self.marks.hit(Mark::VoiceBehind);
                let (room, _) = self.player_seat(client, &room)?;
                self.player(client).missed.remove(&room);
            }
            Heard::Missing { room, from, to } => {
                let (room, thread) = self.player_seat(client, &room)?;
                thread.gap();
                self.expects_no_longer(client, room);
                let thread = &self.player(client).seats[&room];
                if let Some(Position { epoch, .. }) = thread.last().filter(|_| self.has_places(client)) {
                    let (member, room) = (member_id(client), room_id(room));
                    let from = Position::new(epoch, Seq(from));
                    return self.judge.observe(Observation::Gap { member, room, from, to: Seq(to) });
                }
            }
            Heard::Came { room, user } | Heard::Mood { room, user, mood: Mood::Online } => {
                let (room, _) = self.player_seat(client, &room)?;
                self.player_misses(client, room, &user, false);
            }
            Heard::Went { room, user } | Heard::Mood { room, user, mood: Mood::Offline } => {
                let (room, _) = self.player_seat(client, &room)?;
                self.player_misses(client, room, &user, true);
            }
            Heard::Mood { room, .. } => {
                self.player_seat(client, &room)?;
            }
            Heard::Seen { user, mood, at } => self.check_last_seen(client, &user, mood, at)?,
            Heard::Task { room, task, state } => {
                let (room, _) = self.player_seat(client, &room)?;
                if let Some(state) = state.filter(|_| self.has_places(client)) {
                    self.task_stands(client, room, &task, &state);
                }
            }
            Heard::Given { room, task, user } => {
                let (room, _) = self.player_seat(client, &room)?;
                self.standings.given(client, room, &task, &user);
            }
            Heard::Status { room, user, state } => {
                let (room, _) = self.player_seat(client, &room)?;
                self.check_status(client, room, &user, &state)?;
                self.player_sees(client, room, &user, state)?;
            }
            Heard::Listed { room } => {
                let (room, _) = self.player_seat(client, &room)?;
                self.player_is_listed(client, room);
                self.standings.listed(client, room);
            }
            Heard::Refused { refusal, message, for_now } => {
                return self.player_is_refused(client, refusal, message, for_now);
            }
            Heard::Health(health) => return self.player_hears_health(client, &health),
            Heard::Other => {}
        }
        Ok(())
    }

    pub(crate) fn player_is_known(&mut self, client: usize) {
        let player = self.player(client);
        player.welcome();
        let mark = Mark::of_voice(player.voice.dialect());
        self.marks.hit(mark);
        if self.scenario.setup.clients[client].undecided {
            self.marks.hit(Mark::Undecided);
        }
        self.player_moves(client);
    }

    /// Whether a client's dialect says where in their rooms messages are.
    fn has_places(&self, client: usize) -> bool {
        self.people[client].player.as_ref().is_some_and(|player| player.voice.has_places())
    }

    fn player_enters(&mut self, client: usize, room: &str, standing: Option<Standing>) -> Result<(), Broken> {
        let room = self.room_named(client, room)?;
        let (member, room_id) = (member_id(client), room_id(room));
        if standing.is_none() && self.player(client).seats.contains_key(&room) {
            // The answer to a greeting may come after the first of what it leads to.
            return Ok(());
        }
        if let Some(thread) = self.player(client).seats.remove(&room) {
            // Whoever enters once more is shown the newest messages once more.
            self.player_leaves(client, room, thread, None)?;
        }
        let position = standing.map(|standing| standing.head);
        let next = standing.map(|standing| standing.next);
        let before = |Standing { head, next, .. }| Position::new(head.epoch, Seq(next.0.saturating_sub(1)));
        let last = standing.map(before);
        self.judge.observe(Observation::Joined { member, room: room_id, position, next, verdict: None })?;
        match position {
            Some(position) => self.judge.raise(room, position),
            // What it is shown is judged here.
            None => self.judge.observe(Observation::SessionLost { member })?,
        }
        if let Some(standing) = standing {
            self.check_epoch(client, room, standing.head.epoch)?;
            self.check_entry(client, room, standing.head.epoch)?;
            self.check_cursor(client, room, &standing)?;
        }
        let player = self.player(client);
        player.is_let_in();
        self.people[client].turned_away.remove(&room);
        let player = self.player(client);
        player.asked.remove(&room);
        player.bots.remove(&room);
        player.missed.remove(&room);
        player.seats.insert(room, Thread::new(last));
        let is_leaving = player.leaving.contains(&room);
        self.standings.enters(client, room);
        // Who has asked to leave since then may be gone when they read that they are there.
        if self.people[client].wanted.contains(&room) && !is_leaving {
            self.arrived(client, room);
        }
        self.player_moves(client);
        self.player_repeats(client, room)
    }

    /// Sends again what was sent to a room on an earlier connection and not answered: it is there once all the same.
    fn player_repeats(&mut self, client: usize, room: usize) -> Result<(), Broken> {
        let player = self.player(client);
        let open = if player.voice.has_places() { player.open.clone() } else { BTreeMap::new() };
        let link = self.people[client].link;
        for (send, open) in open {
            if self.judge.room_of(send) != Some(room) || open.connection == link {
                continue;
            }
            if !self.is_remembered(open.since) || self.has_freed_key(send) {
                self.player(client).open.remove(&send);
                if !open.is_known {
                    self.judge.observe(Observation::Unresolved { send })?;
                }
                continue;
            }
            self.marks.hit(Mark::SaidAgain);
            self.player_sends_again(client, room, send, open);
        }
        Ok(())
    }

    /// Says something once more that is known to be in its room: it is answered alike, and nobody else hears of it.
    /// False if there is no such message, or its key may be forgotten.
    pub(crate) fn player_says_once_more(&mut self, client: usize, back: usize) -> bool {
        let Some((room, send, open)) = self.player_said(client, back) else { return false };
        self.marks.hit(Mark::SaidOnceMore);
        self.player_sends_again(client, room, send, Open { is_known: true, ..open });
        true
    }

    /// What a client was told is in a room that it is in, so many messages before the last: if its key is remembered, and
    /// nothing said under it waits for an answer.
    pub(crate) fn player_said(&mut self, client: usize, back: usize) -> Option<(usize, SendId, Open)> {
        let &(send, open) = self.player(client).answered.iter().rev().nth(back)?;
        let room = self.judge.room_of(send).filter(|room| self.player(client).seats.contains_key(room))?;
        let waits = self.waits_under(client, self.reuses.key(send));
        let may = !waits && self.has_places(client) && self.is_remembered(open.since);
        may.then_some((room, send, open))
    }

    fn player_sends_again(&mut self, client: usize, room: usize, send: SendId, open: Open) {
        let connection = self.people[client].link;
        self.player(client).open.insert(send, Open { connection, is_repeated: true, ..open });
        let content = self.judge.content_of(send);
        self.player_speaks(client, room, &content, send);
    }

    /// Whether the server knows the key of what was first said then: longer than it is sent again, unless a clock has
    /// jumped.
    fn is_remembered(&self, since: Time) -> bool {
        // …and no longer than this part of the time for which it is remembered, for answers take theirs.
        let most = REPEAT_MAX.min(self.scenario.setup.shard.key_window / 4);
        self.now <= since + most && self.life.shaken < since
    }

    /// Whether a message may be on its way twice whose key the server might forget before it arrives, if its clock jumped so far:
    /// it would be a new one then. What was said again may be answered while what was said first is still on its way, over a line
    /// that its client has given up or in mail that is late.
    pub(crate) fn outruns_keys(&self, by_us: i64) -> bool {
        let is_far = Duration::from_micros(by_us.unsigned_abs()) > self.scenario.setup.shard.key_window / 4;
        by_us > 0 && is_far && (self.repeats() || self.mail_is_late() || self.has_orphans())
    }

    /// A plain client waits for an answer to what it has said again.
    fn repeats(&self) -> bool {
        let mut players = self.people.iter().filter_map(|person| person.player.as_ref());
        players.any(|player| player.open.values().any(|open| open.is_repeated))
    }

    fn mail_is_late(&self) -> bool {
        let skew = self.server.skew;
        skew.is_some_and(|(late_us, until)| self.now < until + Duration::from_micros(late_us))
    }

    /// The server still has a line of a plain client that has another one.
    fn has_orphans(&self) -> bool {
        self.life.lines.iter().any(|(&id, line)| {
            let person = &self.people[line.client];
            person.player.is_some() && person.link != Some(id)
        })
    }

    pub(crate) fn player_leaves(
        &mut self,
        client: usize,
        room: usize,
        mut thread: Thread,
        position: Option<Position>,
    ) -> Result<(), Broken> {
        self.settle_thread(client, &mut thread)?;
        self.expects_no_longer(client, room);
        let (member, room) = (member_id(client), room_id(room));
        self.judge.observe(Observation::Left { member, room, position })
    }

    fn player_is_shown(&mut self, client: usize, said: Said<'_>) -> Result<(), Broken> {
        let Said { user, content, seq, at, from_history, carried, .. } = said;
        self.checked(Promise::Privacy.name());
        let (room, thread) = self.player_seat(client, said.room)?;
        let epoch = thread.last().map(|last| last.epoch);
        let dialect = self.player(client).voice.dialect();
        let send = self.judge.recognise_in(dialect, user, content)?;
        self.marks.hit(Mark::Heard);
        let place = seq.zip(epoch).map(|(seq, epoch)| (room, Position::new(epoch, Seq(seq))));
        self.check_time(Some(send), place, at)?;
        self.check_key(send)?;
        if let Some(carried) = carried {
            self.check_carried(dialect, send, &carried)?;
        }
        if let (Some(seq), Some(epoch)) = (seq, epoch) {
            let position = Position::new(epoch, Seq(seq));
            self.check_hearing(client, room, epoch, send)?;
            if !from_history {
                self.check_sight(client, room, position)?;
            }
            self.judge.raise(room, position);
            let (member, room) = (member_id(client), room_id(room));
            let (send, position) = (Some(send), Some(position));
            self.judge.observe(Observation::Shown { member, room, send, position, from_history })?;
        } else if self.judge.room_of(send) != Some(room) {
            return broken(Promise::NoInvention.name(), format!("c{client} is shown {content:?} in r{room}"));
        }
        let (now, player) = (self.now, self.player(client));
        // In dialects without receipts, to see it is to be answered.
        if seq.is_none() && player.is_answered(now, send) {
            self.player_knows(send, None)?;
        }
        let player = self.people[client].player.as_mut().expect("it is one");
        let thread = player.seats.get_mut(&room).expect("it was there before");
        thread.show(send);
        let mut thread = std::mem::take(thread);
        let settled = self.settle_thread(client, &mut thread);
        self.player(client).seats.insert(room, thread);
        settled
    }

    /// Judges what was shown by the places that are known by now.
    fn settle_thread(&mut self, client: usize, thread: &mut Thread) -> Result<(), Broken> {
        let judged = thread
            .settle(|send| self.judge.places(send), |epoch| self.judge.is_past(epoch))
            .map_err(|Broken { check, sentence }| {
                let voice = self.people[client].player.as_ref().map(|player| player.voice.to_string());
                Broken { check, sentence: format!("c{client}, {}, {sentence}", voice.unwrap_or_default()) }
            })?;
        for promise in [Promise::Order, Promise::ExactlyOnce, Promise::GapFree] {
            self.checks.add(promise.name(), judged);
        }
        Ok(())
    }

    fn player_is_answered(
        &mut self,
        client: usize,
        number: u64,
        position: Option<Position>,
        at: Option<u64>,
    ) -> Result<(), Broken> {
        self.checked(checks::ANSWERS);
        let send = self.said_under(client, number);
        self.check_key(send)?;
        if let Some(at) = at {
            let room = self.judge.room_of(send);
            self.check_time(Some(send), room.zip(position), at)?;
        }
        let (now, player) = (self.now, self.player(client));
        // What was said before it came in need not be shown to it.
        let is_fresh = player.open.get(&send).is_some_and(|open| !open.is_repeated);
        if !player.is_answered(now, send) {
            return broken(
                checks::ANSWERS,
                format!("c{client} is told that message {number} is in its room"),
            );
        }
        self.check_let_in(client, send)?;
        if is_fresh && position.is_none() {
            self.player(client).unplaced.insert(send);
        }
        self.player_knows(send, position)
    }

    /// What a client has said in a room before need not be shown to it any more.
    fn expects_no_longer(&mut self, client: usize, room: usize) {
        let Self { judge, people, .. } = self;
        let player = people[client].player.as_mut().expect("it is one");
        player.unplaced.retain(|&send| judge.room_of(send) != Some(room));
    }

    /// Who has read to the end of a room has been shown what is in it, as they were told.
    fn check_unplaced(&mut self, client: usize) -> Result<(), Broken> {
        let Self { judge, people, .. } = self;
        let player = people[client].player.as_mut().expect("it is one");
        let unplaced = std::mem::take(&mut player.unplaced);
        self.checks.add(Promise::NothingLost.name(), unplaced.len() as u64);
        match unplaced.into_iter().find(|&send| judge.places(send).is_empty()) {
            Some(send) => broken(
                Promise::NothingLost.name(),
                format!("c{client} was told that message {send} is in its room, and nobody is shown it"),
            ),
            None => Ok(()),
        }
    }

    /// A message is in its room. If it is not said where, it counts for as much as others know: they may have none who
    /// reads by places.
    fn player_knows(&mut self, send: SendId, position: Option<Position>) -> Result<(), Broken> {
        let position = position.or_else(|| self.judge.places(send).last().copied());
        self.judge.observe(match position {
            Some(_) => Observation::Acknowledged { send, position },
            None => Observation::Unresolved { send },
        })
    }

    pub(crate) fn player_is_refused(
        &mut self,
        client: usize,
        refusal: Refusal,
        message: Option<u64>,
        for_now: bool,
    ) -> Result<(), Broken> {
        self.checked(checks::ANSWERS);
        let said = message.map(|number| self.said_under(client, number));
        if let (Some(send), Some(number)) = (said, message) {
            if refusal == Refusal::KeyReused {
                self.check_key_reused(client, send)?;
            }
            let Some(Open { is_repeated, is_known, .. }) = self.player(client).open.remove(&send) else {
                return broken(checks::ANSWERS, format!("c{client} is refused message {number}: {refusal}"));
            };
            // It is not sent again; what was sent before may have been let in.
            match (is_known, is_repeated) {
                (true, _) => {}
                (false, true) => self.judge.observe(Observation::Unresolved { send })?,
                (false, false) => {
                    self.player(client).is_refused(send);
                    self.judge.observe(Observation::Refused { send })?;
                }
            }
        }
        self.check_strict(client, refusal)?;
        match refusal {
            _ if for_now => {
                self.marks.hit(Mark::Slowed);
                if let Some(later) = self.player(client).asks_again_in() {
                    self.add_after(later, Event::Player { client, alarm: Alarm::Nudge });
                }
            }
            Refusal::Replaced => {
                // Whoever took over may go at any time.
                self.marks.hit(Mark::Silenced);
                // Its places were taken a little before it reads this.
                self.life.stays.retain(|stay| stay.client != client);
                self.player_forgets(client)?;
                self.player(client).silenced = true;
            }
            // Which is the end of it.
            Refusal::UnknownRoom if self.is_strict_with(client) && self.player(client).has_babbled => {}
            Refusal::Full if let Some(send) = said => self.check_keys_full(client, send)?,
            Refusal::RoomFull
            | Refusal::UnknownRoom
            | Refusal::Full
            | Refusal::TooManyRooms
            | Refusal::TooManySessions
            | Refusal::RoomsClosed => {
                self.check_refusal(client, refusal, None)?;
                if refusal == Refusal::TooManySessions || !self.player(client).known {
                    // It is not let in at all, and tries again later.
                    self.let_go(client);
                    return self.player_lost(client, Some(Disconnect::Overloaded.code()));
                }
            }
            Refusal::TokenRequired => return self.check_required(client),
            Refusal::TokenExpired | Refusal::BadToken => return self.player_hears_of_token(client, refusal),
            // Of a room that was left, or that a server that is gone had.
            Refusal::NotMember | Refusal::ContentTooLarge | Refusal::LastRoom => {}
            Refusal::PermissionDenied if let Some(send) = said => {
                return self.check_not_let_in(client, send);
            }
            Refusal::KeyReused if message.is_some() => {}
            // What guests say of a task that is not theirs.
            Refusal::PermissionDenied if self.role(client) == Role::Guest => {}
            Refusal::BadJson
            | Refusal::BadFrame
            | Refusal::BadEnvelope
            | Refusal::UnknownType
            | Refusal::UnknownCommand
            | Refusal::MissingUserId
                if self.player(client).has_babbled => {}
            other => {
                return broken(checks::PROTOCOL, format!("c{client} has given no cause to be told {other}"));
            }
        }
        Ok(())
    }

    /// Whoever is told that no more keys fit must have used as many in the shard of that room, or all users have
    /// together.
    fn check_keys_full(&mut self, client: usize, send: SendId) -> Result<(), Broken> {
        self.checked(checks::TURNED_AWAY);
        self.marks.hit(Mark::KeysFull);
        let shard = &self.scenario.setup.shard;
        let window = self.life.at_most(shard.key_window) + self.life.delay();
        // It may have been on its way for long.
        let link = self.people[client].link.and_then(|id| self.links.get(id));
        let written = link.map_or(self.now, |link| link.age.since());
        let since = Time(written.0.saturating_sub(u64::try_from(window.as_micros()).unwrap_or(u64::MAX)));
        let home = |send| self.judge.room_of(send).map(|room| self.shard_of(room));
        let used = |player: &Player| player.keyed_since(since).filter(|&it| home(it) == home(send)).count();
        let of_client = |client: usize| self.people[client].player.as_deref().map_or(0, used);
        let (own, all) = (of_client(client), (0..self.people.len()).map(of_client).sum::<usize>());
        let is_above = own >= shard.keys_per_user_max as usize;
        let are_above = all >= shard.keys_max as usize;
        if are_above && !is_above {
            self.marks.hit(Mark::KeysOfAllFull);
        }
        if is_above || are_above || self.life.upset >= since {
            return Ok(());
        }
        broken(
            checks::TURNED_AWAY,
            format!("c{client} is told that no more keys fit than its {own}, or {all}"),
        )
    }

    /// The shard that has a room.
    pub(crate) fn shard_of(&self, room: usize) -> ShardId {
        hash::shard_of(self.judge.room(room).as_str(), self.scenario.setup.gateway.shards)
    }

    /// A room that a client is in.
    fn player_seat(&mut self, client: usize, name: &str) -> Result<(usize, &mut Thread), Broken> {
        let room = self.room_named(client, name)?;
        let player = self.player(client);
        if !player.known && player.voice.home() == Some(name) && !player.seats.contains_key(&room) {
            // In a large room, presence and messages may come before the answer that lets one in.
            self.player_enters(client, name, None)?;
        }
        match self.people[client].player.as_mut().and_then(|player| player.seats.get_mut(&room)) {
            Some(thread) => Ok((room, thread)),
            None => broken(Promise::Privacy.name(), format!("c{client} hears of {name} and is not in it")),
        }
    }

    fn room_named(&self, client: usize, name: &str) -> Result<usize, Broken> {
        let none =
            || Broken { check: checks::CONTENT, sentence: format!("c{client} hears of a room {name}") };
        self.room_number(name).ok_or_else(none)
    }

    pub(crate) fn room_number(&self, name: &str) -> Option<usize> {
        (0..self.scenario.setup.places()).find(|&room| self.judge.room(room).as_str() == name)
    }
}

/// At rest.
impl World<'_> {
    /// A plain client is connected, where its user wants to be, answered, and has read everything.
    pub(crate) fn check_player(&mut self, client: usize) -> Result<(), Broken> {
        // Who lacks a token is let in nowhere, and may not know it yet.
        if self.people[client].is_over() || self.lacks_token(client) {
            return Ok(());
        }
        let Person { player, wanted, turned_away, .. } = &mut self.people[client];
        let player = player.as_mut().expect("it is one");
        if player.silenced {
            return self.check_silenced(client);
        }
        let voice = player.voice.to_string();
        let (wanted, turned_away) = (wanted.clone(), turned_away.clone());
        let seats = std::mem::take(&mut player.seats);
        let known = player.known;
        // What was sent to a room that its user does not want to be in any more is not asked about again.
        let is_asked =
            |send: &SendId| self.judge.room_of(*send).is_some_and(|room| seats.contains_key(&room));
        let is_answered = !player.open.keys().any(is_asked);
        self.checked(checks::CONNECTED);
        self.checked(checks::ANSWERED);
        let is_let_in = |room: &usize| seats.contains_key(room) || turned_away.contains(room);
        let is_there = wanted.iter().all(is_let_in) && seats.keys().all(|room| wanted.contains(room));
        // Who is turned away tries again and again, is sent away for that, and may just be back, in no room yet.
        let is_kept_out = !turned_away.is_empty() && (!known || seats.is_empty());
        if !(is_kept_out || known && is_there) {
            return broken(
                checks::CONNECTED,
                format!("c{client}, {voice}, is not where it wants to be at rest"),
            );
        }
        if !is_answered && self.has_places(client) {
            return broken(checks::ANSWERED, format!("c{client}, {voice}, waits for answers at rest"));
        }
        self.check_unplaced(client)?;
        for (room, mut thread) in seats {
            self.checked(checks::CAUGHT_UP);
            self.settle_thread(client, &mut thread)?;
            // Where a message is that nobody with places has seen, nobody can say.
            let is_read = thread.waits()
                || thread.last().is_none_or(|last| last.seq == self.judge.head(room, last.epoch));
            if !is_read {
                let (last, name) = (thread.last(), self.judge.room(room));
                let sentence = format!("c{client}, {voice}, has read {name} to {last:?} at rest");
                return broken(checks::CAUGHT_UP, sentence);
            }
            self.player(client).seats.insert(room, thread);
        }
        Ok(())
    }

    /// Whoever was told that another connection is served in place of theirs is told, too, when that one went before it
    /// was attached; not if it went with its whole node, of which nobody says what it had done.
    fn check_silenced(&mut self, client: usize) -> Result<(), Broken> {
        let attached = &self.life.attached[self.life.users[client]];
        let mine = attached.iter().find(|&&(id, _)| Some(id) == self.people[client].link);
        let dies = |step: &Step| matches!(step.action, Action::NodeDies { .. });
        let Some(&(mine, at)) = mine.filter(|_| !self.scenario.steps.iter().any(dies)) else { return Ok(()) };
        self.checked(checks::CONNECTED);
        // Of two that were attached at about the same time either may be the newer one.
        let may_be_newer =
            |&(other, since): &(ConnectionId, Time)| other != mine && since + self.life.delay() >= at;
        if self.life.attached[self.life.users[client]].iter().any(may_be_newer) {
            return Ok(());
        }
        broken(
            checks::CONNECTED,
            format!("c{client} is served nowhere at rest, and was told of a newer connection"),
        )
    }

    /// At the end, what has no answer never will have.
    pub(crate) fn player_ends(&mut self, client: usize) -> Result<(), Broken> {
        let open = std::mem::take(&mut self.player(client).open);
        let mut unanswered = open.into_iter().filter(|(_, open)| !open.is_known);
        unanswered.try_for_each(|(send, _)| self.judge.observe(Observation::Unresolved { send }))
    }
}

/// A message as a plain client reads it.
struct Said<'a> {
    room: &'a str,
    user: &'a str,
    content: &'a str,
    seq: Option<u64>,
    at: u64,
    from_history: bool,
    carried: Option<Carried>,
}

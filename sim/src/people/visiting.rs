//! Rooms that have owners: plain clients make them, let others in and send them away, and are judged by who may do so.

use std::collections::BTreeMap;

use chinwag_core::{Epoch, Position, Refusal, Seq, Time, config::ShardConfig, role::Role};
use chinwag_oracle::{Deed, Doors, Observation, SendId, Upshot};
use serde_json::Value;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        marks::Mark,
        trials::{self, Trial},
        witness::{member_id, room_id},
    },
    people::{
        bots::{Cursors, Halts, Sights},
        person::Person,
        player::Asked,
        voice::Plea,
    },
    plan::scenario::Action,
    world::{World, disk::Storage},
};

/// What is known of rooms that have owners.
#[derive(Debug)]
pub(crate) struct Parlours {
    pub(crate) doors: Doors,
    /// By client with a session and room: when it asked to be let in, as it was on its present connection.
    pub(crate) calls: BTreeMap<(usize, usize), Time>,
    pub(crate) cursors: Cursors,
    pub(crate) sights: Sights,
    pub(crate) halts: Halts,
    trials: Vec<Trial>,
    /// Since when a life of a bot's room surely has the owner whom the bot's token names.
    settled: BTreeMap<(usize, Epoch), Time>,
    /// When what is said in them was first sent.
    said: BTreeMap<SendId, Time>,
}

/// What a plain client asks for under a number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    /// To enter a room.
    Enter,
    /// To make it.
    Found { private: bool },
    /// That somebody's user may come in, or has to go.
    Deed(Deed, usize),
    /// That its bot starts, or stops.
    Run { on: bool },
    /// To note how far the bot has come in this life of its room.
    See { epoch: Epoch, seq: Seq },
    /// To be taken at a word that just fits, or is a little too much.
    Try { what: usize },
    /// To take a newer token, which is good, for its own.
    Renew { good: bool },
}

/// Nobody: who owns what has no owner.
const NOBODY: u32 = u32::MAX;

impl Parlours {
    /// Nothing is known.
    pub(crate) fn new() -> Self {
        Self {
            doors: Doors::default(),
            calls: BTreeMap::new(),
            cursors: Cursors::default(),
            sights: Sights::default(),
            halts: Halts::default(),
            trials: trials::all(),
            settled: BTreeMap::new(),
            said: BTreeMap::new(),
        }
    }

    /// Something is said in one of them.
    pub(crate) fn says(&mut self, now: Time, send: SendId) {
        self.said.entry(send).or_insert(now);
    }

    /// The server has begun anew.
    pub(crate) fn start_over(&mut self, now: Time) {
        self.doors.start_over(now);
        self.halts.start_over();
    }
}

/// What users want.
impl World<'_> {
    /// The user of a plain client does something about a room that has an owner, if that is possible; nothing if it is no
    /// such thing.
    pub(crate) fn player_visits(&mut self, client: usize, action: &Action) -> Result<Option<bool>, Broken> {
        let (parlour, want) = match *action {
            Action::Visit { parlour } | Action::Depart { parlour } => (parlour, None),
            Action::Talk { parlour, .. } => (parlour, None),
            Action::Found { parlour, private } => (parlour, Some(Want::Found { private })),
            Action::Invite { parlour, whom } => (parlour, Some(Want::Deed(Deed::Invite, whom as usize))),
            Action::Kick { parlour, whom } => (parlour, Some(Want::Deed(Deed::Kick, whom as usize))),
            Action::Run { parlour, on } => (parlour, Some(Want::Run { on })),
            Action::See { parlour, back } => (parlour, self.player_sees_to(client, parlour, back)),
            Action::Try { room, what } => {
                return Ok(Some(self.player_tries(client, room as usize, what as usize)));
            }
            _ => return Ok(None),
        };
        let Some(room) = self.scenario.setup.parlour(parlour) else { return Ok(Some(false)) };
        let (pleads, player) = (self.pleads(client), self.player(client));
        let is_in = player.known && player.seats.contains_key(&room);
        match (action, want) {
            (Action::Talk { times, .. }, _) if is_in => {
                (0..*times).try_for_each(|_| self.player_says(client, room, 8))?;
            }
            (Action::Visit { .. }, _) if player.voice.has_pleas() => {
                self.people[client].wanted.insert(room);
                self.player_moves(client);
            }
            (Action::Depart { .. }, _) => {
                self.people[client].wanted.remove(&room);
                self.player_moves(client);
            }
            (_, Some(want)) if pleads => return Ok(Some(self.player_pleads(client, room, want))),
            _ => return Ok(Some(false)),
        }
        Ok(Some(true))
    }

    /// Says something in a room that just fits, or is a little too much; false if it is not there.
    fn player_tries(&mut self, client: usize, room: usize, what: usize) -> bool {
        let (pleads, is_in) = (self.pleads(client), self.player(client).seats.contains_key(&room));
        self.statuses.tries(room, self.life.users[client]);
        let is_one = what < self.parlours.trials.len() && room < self.scenario.setup.rooms as usize;
        pleads && is_in && is_one && self.player_pleads(client, room, Want::Try { what })
    }

    /// What somebody would say they have dealt with in a room that they are in, but for so many messages.
    fn player_sees_to(&mut self, client: usize, parlour: u32, back: u32) -> Option<Want> {
        let room = self.scenario.setup.parlour(parlour)?;
        let Position { epoch, seq } = self.player(client).seats.get(&room)?.last()?;
        Some(Want::See { epoch, seq: Seq(seq.0.saturating_sub(back.into())) })
    }

    pub(crate) fn pleads(&mut self, client: usize) -> bool {
        let player = self.player(client);
        player.known && !player.silenced && player.voice.has_pleas()
    }

    /// Asks for something under a number; false if nobody asks for that.
    pub(crate) fn player_pleads(&mut self, client: usize, room: usize, want: Want) -> bool {
        let whom = match want {
            // Nobody sends themselves away.
            Want::Deed(_, whom) if whom == client || whom >= self.people.len() => return false,
            Want::Deed(deed, whom) => {
                let user = self.user_number(whom);
                self.parlours.doors.asks(room_id(room), user, deed);
                self.people[whom].user.to_string()
            }
            Want::See { epoch, seq } if self.bot_of(room) == Some(client) => {
                self.parlours.cursors.says(room, epoch, seq);
                String::new()
            }
            Want::Renew { good } => {
                let token = self.new_token(client, good);
                self.player_shows(client, &token);
                token
            }
            Want::Enter | Want::Found { .. } | Want::Run { .. } | Want::See { .. } | Want::Try { .. } => {
                String::new()
            }
        };
        let frame =
            if let Want::Try { what } = want { self.parlours.trials[what].0.clone() } else { Value::Null };
        let plea = match want {
            Want::Enter => Plea::Enter { history: self.usual_history(client) },
            Want::Found { private } => Plea::Found { private },
            Want::Deed(Deed::Invite, _) => Plea::Invite { whom: &whom },
            Want::Deed(Deed::Kick, _) => Plea::Kick { whom: &whom },
            Want::Run { on } => Plea::Run { on },
            Want::See { seq, .. } => Plea::See { seq },
            Want::Try { .. } => Plea::Try { frame: &frame },
            Want::Renew { .. } => Plea::Renew { token: &whom },
        };
        if let Want::Run { on: true } = want {
            self.parlours.halts.starts(room);
        }
        if let Want::Found { private } = want {
            self.player(client).founded.insert(room, private);
            self.life.made[client].insert(self.judge.room(room).clone());
        }
        let asked = Asked { room, want, at: self.now, era: self.server.era };
        let number = self.player(client).asks(asked);
        let name = self.judge.room(room).clone();
        let line = self.player(client).voice.plead(name.as_str(), plea, number);
        self.player_sends(client, vec![line]);
        true
    }

    /// Enters a room that has an owner; whoever has made it before makes it once more, if need be.
    pub(crate) fn player_calls_at(&mut self, client: usize, room: usize) {
        if let Some(&private) = self.player(client).founded.get(&room) {
            self.player_pleads(client, room, Want::Found { private });
        }
        self.player_pleads(client, room, Want::Enter);
    }

    /// How much of a room's past is usual, at every other request of a client: to ask for that changes nothing.
    fn usual_history(&mut self, client: usize) -> Option<u32> {
        let is_other = self.player(client).last_plea.is_multiple_of(2);
        let gateway = &self.scenario.setup.gateway;
        let usual = gateway.history_on_join;
        (is_other && (1..=gateway.page_messages_max).contains(&usual)).then_some(usual)
    }

    /// What was asked for on a connection that is gone will not be answered.
    pub(crate) fn player_gives_up_pleas(&mut self, client: usize) {
        for asked in std::mem::take(&mut self.player(client).pleas).into_values() {
            self.comes_to(&asked, Upshot::Unknown);
        }
    }

    pub(crate) fn comes_to(&mut self, asked: &Asked, upshot: Upshot) {
        // What an earlier life of the server has done is forgotten.
        if asked.era != self.server.era {
            return;
        }
        match asked.want {
            Want::Deed(deed, whom) => {
                let (room, whom) = (room_id(asked.room), self.user_number(whom));
                self.parlours.doors.comes_to(self.now, room, whom, deed, asked.at, upshot);
            }
            Want::Run { on: true } if upshot != Upshot::Unknown => {
                self.parlours.halts.has_started(self.now, asked.room);
            }
            _ => {}
        }
    }

    pub(crate) fn user_number(&self, client: usize) -> u32 {
        self.scenario.setup.clients[client].user
    }
}

/// What they are told.
impl World<'_> {
    /// A room was made.
    pub(crate) fn player_has_made(&mut self, client: usize, plea: u64, epoch: Epoch) -> Result<(), Broken> {
        let Asked { room, want: Want::Found { private }, .. } = self.player_is_told(client, plea)? else {
            return broken(checks::ANSWERS, format!("c{client} is told that it made a room"));
        };
        self.marks.hit(Mark::Made);
        self.checked(checks::TOKEN);
        let may_make = self.may_make_rooms(client) || self.bot_of(room) == Some(client);
        if !may_make || private && self.may_not_close(client, room) {
            return broken(checks::TOKEN, format!("c{client} makes a room, and is none who may"));
        }
        let owner = self.owner_if_made_by(client, room);
        self.parlours.doors.made(room_id(room), epoch, owner, private);
        Ok(())
    }

    /// Whose a room is that a client makes. A bot does not own itself, but its token may say who does; where there are
    /// tokens, nothing else makes anybody its owner.
    fn owner_if_made_by(&self, client: usize, room: usize) -> u32 {
        match self.bot_of(room) {
            Some(bot) if bot == client => self.owner_by_token(bot).unwrap_or(NOBODY),
            Some(_) if self.scenario.setup.shard.verify_tokens => NOBODY,
            _ => self.user_number(client),
        }
    }

    /// Whether somebody must not make a bot's room private: who is not it, where there are tokens.
    fn may_not_close(&self, client: usize, room: usize) -> bool {
        let is_anothers = self.bot_of(room).is_some_and(|bot| bot != client);
        is_anothers && self.scenario.setup.shard.verify_tokens && self.role(client) != Role::Admin
    }

    /// Something that was asked for is done.
    pub(crate) fn player_is_granted(&mut self, client: usize, plea: u64) -> Result<(), Broken> {
        let asked = self.player_is_told(client, plea)?;
        let Asked { room, want, .. } = asked;
        self.comes_to(&asked, Upshot::Granted);
        let is_bot = self.bot_of(room) == Some(client);
        let mark = match want {
            Want::Deed(Deed::Invite, _) => Mark::Invited,
            Want::Deed(Deed::Kick, _) => Mark::Kicked,
            Want::Run { on } if self.bot_of(room).is_some() => {
                if !on {
                    let epoch = self.epoch_at(client, room);
                    self.parlours.halts.has_stopped(self.now, asked.at, room, epoch);
                }
                Mark::BotRun
            }
            Want::See { epoch, seq } if is_bot => {
                self.parlours.cursors.noted(room, epoch, seq);
                self.marks.hit(Mark::BotSees);
                return Ok(());
            }
            Want::Try { what } if self.parlours.trials[what].1 => {
                self.marks.hit(Mark::JustFits);
                return Ok(());
            }
            _ => return broken(checks::ANSWERS, format!("c{client} is told that {asked:?} is done")),
        };
        self.marks.hit(mark);
        self.check_rules(client, &asked)
    }

    /// Something about a room is done that its owner may do, and admins.
    pub(crate) fn check_rules(&mut self, client: usize, asked: &Asked) -> Result<(), Broken> {
        self.checked(checks::DOOR);
        let Asked { room, at, .. } = *asked;
        let is_admin = self.role(client) == Role::Admin;
        match self.held_since(room).filter(|_| !is_admin) {
            Some((_, owner, since)) if owner != self.user_number(client) && since < at => {
                broken(checks::DOOR, format!("c{client} rules in a room of u{owner}: {asked:?}"))
            }
            _ if self.bot_of(room) == Some(client) && !is_admin => {
                broken(checks::DOOR, format!("c{client}, a bot, is its own owner: {asked:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Something that was asked for is refused.
    pub(crate) fn player_is_denied(
        &mut self,
        client: usize,
        plea: u64,
        refusal: Refusal,
        for_now: bool,
    ) -> Result<(), Broken> {
        let asked = self.player_is_told(client, plea)?;
        let Asked { room, want, at, .. } = asked;
        self.comes_to(&asked, Upshot::Refused);
        let user = self.user_number(client);
        let held = self.held_since(room).filter(|&(_, _, since)| since < at);
        let is_admin = self.role(client) == Role::Admin;
        let is_wrong = match (refusal, want) {
            _ if for_now => return self.player_is_refused(client, refusal, None, true),
            (Refusal::PermissionDenied, Want::Enter) => {
                self.marks.hit(Mark::ShutOut);
                self.people[client].wanted.remove(&room);
                self.player(client).asked.remove(&room);
                self.is_welcome(client, room, at)
            }
            (Refusal::PermissionDenied, Want::Deed(..) | Want::Run { .. }) => {
                self.marks.hit(Mark::NotTheirs);
                is_admin || held.is_some_and(|(_, owner, _)| owner == user)
            }
            (Refusal::PermissionDenied, Want::See { .. }) => self.bot_of(room) == Some(client),
            (Refusal::BadFrame, Want::Try { what }) => {
                self.marks.hit(Mark::TooMuch);
                self.parlours.trials[what].1
            }
            // Nobody is there any more, tasks have no more room, and guests say how those stand that are theirs.
            (Refusal::NotMember | Refusal::UnknownRoom | Refusal::Full, Want::Try { .. }) => false,
            (Refusal::PermissionDenied, Want::Try { .. }) => self.role(client) != Role::Guest,
            (Refusal::NoBot, Want::Run { .. } | Want::See { .. }) => self.bot_of(room).is_some(),
            (Refusal::UnknownRoom, Want::Deed(..) | Want::Run { .. }) => held.is_some(),
            // They were leaving, or were sent away meanwhile.
            (Refusal::NotMember | Refusal::UnknownRoom, Want::See { .. }) => false,
            (Refusal::RoomExists, Want::Found { .. }) => false,
            (Refusal::PermissionDenied, Want::Found { private }) => {
                self.player(client).founded.remove(&room);
                self.may_make_rooms(client) && !(private && self.may_not_close(client, room))
            }
            // Whoever would ask again and again is sent away for it.
            (Refusal::UnknownRoom, Want::Enter) if !self.player(client).founded.contains_key(&room) => {
                self.people[client].wanted.remove(&room);
                self.player(client).asked.remove(&room);
                false
            }
            // Its new token was not good, or not any more when it came in.
            (Refusal::BadToken, Want::Renew { good }) => good && !self.has_short_pass(client),
            (Refusal::Full, Want::Deed(Deed::Invite, whom)) if self.judges_invitations() => {
                !self.lets_in_enough(&asked, whom)
            }
            (Refusal::RoomsClosed | Refusal::TooManyRooms, Want::Found { .. })
            | (Refusal::RoomFull | Refusal::UnknownRoom | Refusal::TooManyRooms, Want::Enter)
            | (Refusal::TooManySessions | Refusal::Full, _) => {
                return self.player_is_refused(client, refusal, None, false);
            }
            _ => true,
        };
        self.checked(checks::DOOR);
        if is_wrong {
            return broken(checks::DOOR, format!("c{client} is refused {asked:?}: {refusal}"));
        }
        Ok(())
    }

    /// Whether nothing but the invitations that a room may hold is full, where there is no more room for one.
    pub(crate) fn judges_invitations(&self) -> bool {
        self.scenario.setup.shard.sessions_max >= ShardConfig::default().sessions_max
    }

    /// Whether a room may have let in as many as it may when an invitation was refused.
    pub(crate) fn lets_in_enough(&mut self, asked: &Asked, whom: usize) -> bool {
        let (room, user) = (room_id(asked.room), self.user_number(whom));
        let most = self.parlours.doors.most_let_in(room, user, asked.at);
        // What an earlier life of the server held is forgotten, or may be kept at a loss.
        let has_lost = self.storage.as_ref().is_some_and(Storage::has_lost);
        let is_enough = most >= self.scenario.setup.shard.invited_max as usize
            || asked.era != self.server.era
            || has_lost;
        if is_enough {
            self.marks.hit(Mark::InvitedEnough);
        }
        is_enough
    }

    /// Whether somebody was surely let into a room when they asked for it then.
    pub(crate) fn is_welcome(&self, client: usize, room: usize, at: Time) -> bool {
        let (doors, user, role) = (&self.parlours.doors, self.user_number(client), self.role(client));
        let held = self.held_since(room).filter(|&(_, _, since)| since < at);
        let is_let_in = held.is_some_and(|(epoch, _, begun)| {
            let is_barred = role == Role::Guest && doors.is_private(room_id(room), epoch);
            !is_barred && doors.welcomes(room_id(room), epoch, user, begun, at)
        });
        is_let_in || role == Role::Admin
    }

    pub(crate) fn player_is_told(&mut self, client: usize, plea: u64) -> Result<Asked, Broken> {
        self.checked(checks::ANSWERS);
        let unasked = || Broken {
            check: checks::ANSWERS,
            sentence: format!("c{client} is answered {plea}, which it has not asked"),
        };
        self.player(client).pleas.remove(&plea).ok_or_else(unasked)
    }

    /// One was sent away.
    pub(crate) fn player_is_sent_away(
        &mut self,
        client: usize,
        room: usize,
        position: Position,
    ) -> Result<(), Broken> {
        self.checked(checks::DOOR);
        if !self.parlours.doors.may_be_sent_away(room_id(room), self.user_number(client), Time(0)) {
            return broken(checks::DOOR, format!("c{client} is sent away, and nobody asked for it"));
        }
        self.people[client].wanted.remove(&room);
        let now = self.now;
        self.life.end_stays(now, |stay| stay.client == client && stay.room == room, true);
        let player = self.player(client);
        player.asked.remove(&room);
        let returns =
            player.pleas.values().any(|asked| asked.room == room && matches!(asked.want, Want::Enter));
        if let Some(thread) = player.seats.remove(&room) {
            self.player_leaves(client, room, thread, Some(position))?;
        }
        if returns {
            // It asked to enter once more before it heard of this, and may be there again since nobody knows when.
            let (member, room) = (member_id(client), room_id(room));
            let joined = Observation::Joined { member, room, position: None, next: None, verdict: None };
            return self.judge.observe(joined);
        }
        Ok(())
    }

    /// A client has entered a room. Nobody does who is shut out.
    pub(crate) fn check_entry(&mut self, client: usize, room: usize, epoch: Epoch) -> Result<(), Broken> {
        let pleas = &mut self.player(client).pleas;
        let of_room = |asked: &Asked| asked.room == room && matches!(asked.want, Want::Enter);
        let Some(plea) = pleas.iter().find(|(_, asked)| of_room(asked)).map(|(&plea, _)| plea) else {
            return Ok(());
        };
        let Asked { at, .. } = pleas.remove(&plea).expect("just found");
        self.checked(checks::DOOR);
        self.marks.hit(Mark::Entered);
        if self.shuts_out(client, room, epoch, at) {
            return broken(checks::DOOR, format!("c{client} enters r{room}, which is private, uninvited"));
        }
        if let Some(owner) = self.owner_by_token(client).filter(|_| self.bot_of(room) == Some(client)) {
            self.parlours.doors.settles(room_id(room), epoch, owner, NOBODY);
            let now = self.now;
            self.parlours.settled.entry((room, epoch)).or_insert(now);
        }
        Ok(())
    }

    /// A client reads what was said in a room. Nobody does who was shut out when it was said, and still is.
    pub(crate) fn check_hearing(
        &mut self,
        client: usize,
        room: usize,
        epoch: Epoch,
        send: SendId,
    ) -> Result<(), Broken> {
        let Some(&said) = self.parlours.said.get(&send) else { return Ok(()) };
        self.checked(checks::DOOR);
        if self.shuts_out(client, room, epoch, said) {
            let sentence = format!("c{client} reads {send} of r{room}, said after it was sent away");
            return broken(checks::DOOR, sentence);
        }
        Ok(())
    }

    /// Whether a room must not be in a client's list that was asked for after then, and whether it must.
    pub(crate) fn is_hidden(&self, client: usize, room: usize, since: Time) -> Option<bool> {
        let (epoch, _, begun) = self.held_since(room).filter(|&(_, _, begun)| begun < since)?;
        if self.shuts_out(client, room, epoch, since) {
            return Some(true);
        }
        let (doors, user) = (&self.parlours.doors, self.user_number(client));
        doors.welcomes(room_id(room), epoch, user, begun, since).then_some(false)
    }

    /// Whether somebody is surely not let into a room since then. A bot always is into its own.
    pub(crate) fn shuts_out(&self, client: usize, room: usize, epoch: Epoch, since: Time) -> bool {
        let user = self.user_number(client);
        if self.may_change_hands(room, epoch) {
            return false;
        }
        if self.role(client) == Role::Guest && self.parlours.doors.is_private(room_id(room), epoch) {
            return self.parlours.doors.owner(room_id(room), epoch) != Some(user);
        }
        if self.role(client) == Role::Admin {
            return false;
        }
        self.bot_of(room) != Some(client) && self.parlours.doors.shuts_out(room_id(room), epoch, user, since)
    }

    /// Whether a bot may have come in, before anybody could hear of it, whose token names another owner than the room has.
    fn may_change_hands(&self, room: usize, epoch: Epoch) -> bool {
        let Some(bot) = self.bot_of(room) else { return false };
        let owner = self.owner_by_token(bot);
        let is_new = owner.is_some() && owner != self.parlours.doors.owner(room_id(room), epoch);
        is_new && self.life.asked[bot].contains(&room)
    }

    /// The life of a room whose owner has been in it without a break, who that is, and since when: until now it is the
    /// same one.
    pub(crate) fn held_since(&self, room: usize) -> Option<(Epoch, u32, Time)> {
        self.life.stays.iter().filter(|stay| stay.room == room && stay.until.is_none()).find_map(|stay| {
            let (epoch, user) = (self.epoch_at(stay.client, room)?, self.user_number(stay.client));
            let is_owner = self.parlours.doors.owner(room_id(room), epoch) == Some(user);
            let settled = self.parlours.settled.get(&(room, epoch)).copied().unwrap_or_default();
            is_owner.then_some((epoch, user, stay.since.max(settled)))
        })
    }

    /// The life of a room that a client is in, if it knows.
    pub(crate) fn epoch_at(&self, client: usize, room: usize) -> Option<Epoch> {
        let Person { player, client, .. } = &self.people[client];
        let last = match player {
            Some(player) => player.seats.get(&room)?.last(),
            None => {
                client.position(self.judge.room(room)).filter(|_| client.is_joined(self.judge.room(room)))
            }
        };
        last.map(|last| last.epoch)
    }
}

//! Bots: the room `bot:NAME` is that of the bot NAME. What it does is known there also while it is away, and what was
//! said meanwhile waits for it (S3.3, S3.8, S3.16).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    State,
    effect::{Push, Reply},
    op::Peer,
    room::{Arrival, Room},
    task::Status,
    turn::Turn,
};
use crate::{
    config::ShardConfig,
    id::{Position, RequestId, Seq},
    name::{RoomName, UserName},
    refusal::Refusal,
    role::Act,
};

/// What a room knows of its bot.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Bot {
    user: UserName,
    status: Option<Status>,
    /// It was stopped on purpose: coming in does not start it.
    halted: bool,
    /// The newest message it has dealt with; 0 before the first.
    seen: Seq,
}

/// How a bot comes to be away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Absence {
    /// It left, closed its connection, or was sent away.
    Clean,
    /// Its connection is gone.
    Lost,
}

impl Bot {
    /// The bot of a room of this name, which nobody has seen yet.
    pub(super) fn of(name: &RoomName) -> Option<Box<Self>> {
        let user = UserName::new(name.bot()?).ok()?;
        Some(Box::new(Self { user, status: None, halted: false, seen: Seq(0) }))
    }
}

impl Room {
    /// Keeps what somebody is doing, and tells everybody.
    pub(super) fn note(&mut self, turn: &mut Turn<'_>, user: &UserName, status: &Status) {
        if let Some(member) = self.members.get_mut(user) {
            member.status = Some(Box::new(status.clone()));
        }
        if let Some(bot) = self.bot.as_mut().filter(|bot| bot.user == *user) {
            bot.status = Some(status.clone());
        }
        if planted!(StatusNotPassedOn) {
            return;
        }
        let user = planted!(StatusOfSomebodyElse, self.members.keys().next().unwrap_or(user), user);
        self.push(turn.effects, Push::Status { user: user.clone(), status: status.clone() });
    }

    /// The bot and its status, where lists of members do not show it.
    pub(super) fn bot_apart(&self, config: &ShardConfig) -> Option<(UserName, Status)> {
        let bot = self.bot.as_ref()?;
        let is_listed = self.members.contains_key(&bot.user) && !self.is_large(config);
        let is_listed = is_listed || planted!(BotStatusNotKept);
        bot.status.clone().filter(|_| !is_listed).map(|status| (bot.user.clone(), status))
    }

    /// Where the room's bot goes on when it comes in; nobody else has such a place.
    pub(super) fn cursor_of(&self, user: &UserName) -> Option<Position> {
        let bot = self.bot.as_ref().filter(|bot| bot.user == *user && !planted!(CursorIgnored))?;
        Some(Position::new(self.log.head().epoch, bot.seen))
    }

    /// If it is the bot who has come: it runs, unless it was stopped on purpose.
    pub(super) fn bot_came(&mut self, turn: &mut Turn<'_>, user: &UserName, arrival: Arrival) {
        let is_news = arrival != Arrival::Unnoticed;
        if let Some(bot) = self.bot.as_ref().filter(|bot| is_news && bot.user == *user) {
            let state = if bot.halted { "stopped" } else { "running" };
            self.bot_is(turn, state, None);
        }
    }

    /// If it is the bot who is away now.
    pub(super) fn bot_went(&mut self, turn: &mut Turn<'_>, user: &UserName, absence: Absence) {
        if planted!(BotGoesUnseen) {
            return;
        }
        if let Some(bot) = self.bot.as_ref().filter(|bot| bot.user == *user) {
            match absence {
                Absence::Lost if !bot.halted => self.bot_is(turn, "error", Some("its connection is gone")),
                Absence::Lost | Absence::Clean => self.bot_is(turn, "stopped", None),
            }
        }
    }

    /// Starts or stops the bot: it hears of it like everybody, and says itself what comes of it. One that is away
    /// stops at once.
    fn run_bot(&mut self, turn: &mut Turn<'_>, on: bool) {
        let bot = self.bot.as_mut().expect("whoever calls has looked");
        bot.halted = !on;
        let state = match on {
            true => "starting",
            false if self.members.contains_key(&bot.user) => "stopping",
            false => "stopped",
        };
        self.bot_is(turn, state, None);
    }

    fn bot_is(&mut self, turn: &mut Turn<'_>, state: &str, detail: Option<&str>) {
        let bot = self.bot.as_ref().expect("whoever calls has looked");
        let status = Status { state: state.into(), detail: detail.map(Arc::from), progress: None };
        let user = bot.user.clone();
        let is_shown = self.members.get(&user).is_none_or(|member| member.status.is_some());
        // Who comes in again has no status as a member, whatever it had before.
        if bot.status.as_ref() != Some(&status) || !is_shown {
            self.note(turn, &user, &status);
        }
    }
}

impl State {
    /// Starts or stops a room's bot.
    pub(super) fn run(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        on: bool,
    ) {
        let act = if on { Act::Start } else { Act::Stop };
        let governed = self.admit(turn, peer).and_then(|()| self.governed(peer, name, act));
        match governed {
            Ok(room) if room.bot.is_none() => turn.refuse(peer, id, name, Refusal::NoBot),
            Ok(room) => {
                turn.grant(peer, id, name, Reply::Noted);
                room.run_bot(turn, on);
            }
            Err(refusal) => turn.refuse(peer, id, name, refusal),
        }
    }

    /// Takes note of how far a bot has come with what was said in its room. Never backwards.
    pub(super) fn seen(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        seq: Seq,
    ) {
        let attended = self.admit(turn, peer).and_then(|()| self.attended_mut(peer, name));
        let room = match attended {
            Ok(room) => room,
            Err(refusal) => return turn.refuse(peer, id, name, refusal),
        };
        let head = room.log.head().seq;
        match &mut room.bot {
            None => turn.refuse(peer, id, name, Refusal::NoBot),
            Some(bot) if bot.user != peer.user => turn.refuse(peer, id, name, Refusal::PermissionDenied),
            Some(bot) => {
                let seq = planted!(CursorRunsAhead, head, seq);
                bot.seen = bot.seen.max(seq.min(head));
                turn.grant(peer, id, name, Reply::Noted);
            }
        }
    }
}

//! What bots hear that speak by templates, and what it means for the books. Nothing there has a place in its room.

use std::rc::Rc;

use chinwag_core::{RoomName, Time};
use chinwag_oracle::{MemberId, Observation, RoomId, SendId};

use super::Worker;
use crate::{bot::Bot, interpreter::Heard};

impl Worker {
    /// Notes what a bot has heard.
    pub(super) fn heard(self: &Rc<Self>, bot: &mut Bot, now: Time, heard: Heard) {
        if self.leaving.get() {
            return;
        }
        match heard {
            Heard::LetIn => self.attached(bot, false),
            Heard::InRoom(room) => self.entered(bot, &room, now),
            Heard::Left(room) => {
                if let Some(&room) = self.rooms.get(&room) {
                    let member = MemberId(bot.number);
                    self.observe(Observation::Left { member, room, position: None });
                }
            }
            Heard::Said { room, user, payload } => {
                self.said(bot, now, room.as_deref(), user.as_deref(), &payload);
            }
            Heard::Accepted(content) => self.accepted(bot, &content),
            Heard::Refused(Some(content), _) => {
                self.run.send_of(&content).into_iter().for_each(|send| self.send_refused(send));
            }
            Heard::Refused(None, reason) => self.rebuffed(bot, &reason),
            Heard::Unresolved(content) => {
                if let Some(send) = self.run.send_of(&content) {
                    self.observe(Observation::Unresolved { send });
                    self.run.board.answered.add();
                }
            }
        }
    }

    fn entered(&self, bot: &mut Bot, room: &RoomName, now: Time) {
        let Some(&room) = self.rooms.get(room) else { return };
        let (member, is_late) = (MemberId(bot.number), self.run.stages_start().is_some());
        self.observe(Observation::Joined { member, room, position: None, next: None, verdict: None });
        if is_late {
            // Nobody can tell which messages they came too late for, so they are owed none of which they are not shown.
            self.observe(Observation::SessionLost { member });
        }
        bot.entered.retain(|(entered, _)| *entered != room);
        bot.entered.push((room, now));
        self.joined(bot, room, now);
    }

    fn said(&self, bot: &Bot, now: Time, room: Option<&str>, user: Option<&str>, payload: &str) {
        // What is none of this run's is the server's own, or from before.
        let Some(claimed) = self.run.send_of(payload) else { return };
        let planned = self.run.planned(claimed);
        let author = &self.run.users[planned.client as usize];
        let is_sound =
            user.is_none_or(|user| user == author.as_str()) && self.run.plan.is_payload(claimed.0, payload);
        let room = match room {
            Some(room) => RoomName::new(room).ok().and_then(|room| self.rooms.get(&room)).copied(),
            None => Some(RoomId(planned.room)),
        };
        let Some(room) = room else { return };
        // Of what another process sends only the plan is known.
        let sent = self.run.departed(claimed).unwrap_or_else(|| self.run.intended(claimed));
        if bot.was_outside(room, sent) {
            // From before one came: owed to nobody.
            return;
        }
        self.shown_to(bot, now, room, is_sound.then_some(claimed), None, false);
    }

    fn accepted(&self, bot: &Bot, content: &str) {
        let Some(send) = self.run.send_of(content) else { return };
        self.observe(Observation::Acknowledged { send, position: None });
        self.run.board.answered.add();
        let hears = self.run.speech.protocol().is_none_or(|protocol| protocol.author_hears());
        if !hears {
            // Authors know what they have said: that is their copy, which takes no time.
            let (member, room) = (MemberId(bot.number), RoomId(self.run.planned(send).room));
            let send = Some(send);
            self.observe(Observation::Shown { member, room, send, position: None, from_history: false });
            self.run.board.delivered.add();
        }
    }

    /// The final answer to a message was a refusal.
    pub(super) fn send_refused(&self, send: SendId) {
        self.observe(Observation::Refused { send });
        let room = self.run.planned(send).room;
        self.run.board.refused.add();
        self.run.board.forgone.add_many(self.run.plan.members_of(room).len() as u64);
        self.run.board.answered.add();
    }
}

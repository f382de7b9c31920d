//! What bots hear that speak by templates, and what it means for the books. Nothing there has a place in its room.

use std::time::Duration;

use chinwag_core::{RoomName, Time};
use chinwag_oracle::{MemberId, Observation, RoomId, SendId};

use super::Bots;
use crate::interpreter::Heard;

/// For so long after a bot came to a room it is not owed what is said there: by another process's clock that may have been
/// earlier.
const UNCERTAIN: Duration = Duration::from_secs(1);

impl Bots {
    /// Notes what a bot has heard.
    pub(super) fn heard(&mut self, slot: usize, now: Time, heard: Heard) {
        if self.leaving {
            return;
        }
        match heard {
            Heard::LetIn => self.attached(slot, false),
            Heard::InRoom(room) => self.entered(slot, &room, now),
            Heard::Left(room) => {
                if let Some(&room) = self.rooms.get(&room) {
                    let member = MemberId(self.bots[slot].number);
                    self.observe(Observation::Left { member, room, position: None });
                }
            }
            Heard::Said { room, user, payload } => {
                self.said(slot, now, room.as_deref(), user.as_deref(), &payload);
            }
            Heard::Accepted(content) => self.accepted(slot, &content),
            Heard::Refused(Some(content), _) => {
                let send = self.script.send_of(&content);
                send.into_iter().for_each(|send| self.send_refused(send));
            }
            Heard::Refused(None, reason) => self.rebuffed(slot, &reason),
            Heard::Unresolved(content) => {
                if let Some(send) = self.script.send_of(&content) {
                    self.observe(Observation::Unresolved { send });
                    self.script.board.answered.add();
                }
            }
        }
    }

    fn entered(&mut self, slot: usize, room: &RoomName, now: Time) {
        let Some(&room) = self.rooms.get(room) else { return };
        let member = MemberId(self.bots[slot].number);
        self.observe(Observation::Joined { member, room, position: None, next: None, verdict: None });
        if self.script.stages_start().is_some() {
            let from = self.script.first_after(now + UNCERTAIN);
            self.observe(Observation::Owed { member, room, from });
        }
        let bot = &mut self.bots[slot];
        bot.entered.retain(|(entered, _)| *entered != room);
        bot.entered.push((room, now));
        self.joined(slot, room, now);
    }

    fn said(&mut self, slot: usize, now: Time, room: Option<&str>, user: Option<&str>, payload: &str) {
        // What is none of this run's is the server's own, or from before.
        let Some(claimed) = self.script.send_of(payload) else { return };
        let planned = self.script.planned(claimed);
        let author = &self.script.users[planned.client as usize];
        let is_sound = user.is_none_or(|user| user == author.as_str())
            && self.script.plan.is_payload(claimed.0, payload);
        let named = room.map(|room| RoomName::new(room).ok().and_then(|room| self.rooms.get(&room)).copied());
        // What is shown in a room that there is not is none of anybody's.
        let is_sound = is_sound && named != Some(None);
        let room = named.flatten().unwrap_or(RoomId(planned.room));
        // Of what another process sends only the plan is known.
        let sent = self.script.departed(claimed).unwrap_or_else(|| self.script.intended(claimed));
        if self.bots[slot].was_outside(room, sent) {
            // From before one came: owed to nobody.
            return;
        }
        self.shown_to(slot, now, room, is_sound.then_some(claimed), None, false);
    }

    fn accepted(&mut self, slot: usize, content: &str) {
        let Some(send) = self.script.send_of(content) else { return };
        self.observe(Observation::Acknowledged { send, position: None });
        self.script.board.answered.add();
        let hears = self.script.protocol.as_ref().is_none_or(|protocol| protocol.author_hears());
        if !hears {
            // Authors know what they have said: that is their copy, which takes no time.
            let (member, room) = (MemberId(self.bots[slot].number), RoomId(self.script.planned(send).room));
            self.bots[slot].is_shown(room);
            let send = Some(send);
            self.observe(Observation::Shown { member, room, send, position: None, from_history: false });
            self.script.board.delivered.add();
        }
    }

    /// The final answer to a message was a refusal.
    pub(super) fn send_refused(&mut self, send: SendId) {
        self.observe(Observation::Refused { send });
        let room = self.script.planned(send).room;
        self.script.board.refused.add();
        self.script.board.forgone.add_many(self.script.plan.members_of(room).len() as u64);
        self.script.board.answered.add();
    }
}

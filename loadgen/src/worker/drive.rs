//! What clients want done, and what their events mean for the books.

use std::rc::Rc;

use chinwag_core::{
    Position, Refusal, Time,
    client::{ClientEvent, ClientOutput, Shown},
};
use chinwag_oracle::{MemberId, Observation, RoomId, SendId};
use chinwag_scenarios::payloads;
use tokio::task::spawn_local;

use super::Worker;
use crate::{
    bot::{Absence, Bot},
    link::Link,
    measure::record,
    speaker::Speaker,
};

impl Worker {
    /// Lets a client do something, carries out what it wants done, and sees to its next deadline.
    pub(super) fn drive<T>(
        self: &Rc<Self>,
        slot: usize,
        act: impl FnOnce(&mut Speaker, Time, &mut Vec<ClientOutput>) -> T,
    ) -> T {
        let now = self.run.clock.now();
        let mut bot = self.bots[slot].borrow_mut();
        let mut outputs = self.outputs.take();
        let result = act(&mut bot.speaker, now, &mut outputs);
        for output in outputs.drain(..) {
            self.carry_out(slot, &mut bot, now, output);
        }
        self.outputs.set(outputs);
        for heard in bot.speaker.take_heard() {
            self.heard(&mut bot, now, heard);
        }
        if self.timers.borrow_mut().arm(slot, bot.speaker.poll_timeout()) {
            self.earlier_deadline.notify_one();
        }
        result
    }

    fn carry_out(self: &Rc<Self>, slot: usize, bot: &mut Bot, now: Time, output: ClientOutput) {
        match output {
            ClientOutput::Connect => {
                bot.attempt += 1;
                bot.link = None;
                self.end_streams(bot.number);
                bot.missing = self.rooms_wanted(bot);
                bot.asked.clear();
                spawn_local(Rc::clone(self).open(slot, bot.attempt));
            }
            ClientOutput::Transmit(text) => {
                let Some(link) = &mut bot.link else { return self.departing(&text, now) };
                if let Err(text) = link.hold(text) {
                    self.departing(&text, now);
                    link.send(text);
                }
            }
            ClientOutput::Close { code } => bot.link.iter_mut().for_each(|link| Link::close(link, code)),
            ClientOutput::Event(event) => self.event(bot, now, event),
        }
    }

    /// Notes it if a frame is a planned message; retries are noted too.
    pub(super) fn departing(&self, frame: &str, now: Time) {
        let Some(send) = payloads(frame).find_map(|payload| self.run.send_of(payload)) else { return };
        if self.run.depart(send, now) {
            self.run.board.sent.add();
        }
        self.book.borrow_mut().observe(Observation::Sent { send });
    }

    fn event(&self, bot: &mut Bot, now: Time, event: ClientEvent) {
        if self.leaving.get() {
            // The books are closed: what goodbyes bring about is not part of the run.
            return;
        }
        let member = MemberId(bot.number);
        match event {
            ClientEvent::Message(shown) => self.shown(bot, now, &shown),
            ClientEvent::Acknowledged { id, position, .. } => {
                if let Some(send) = bot.settle(id) {
                    self.observe(Observation::Acknowledged { send, position: Some(position) });
                    self.run.board.answered.add();
                }
            }
            ClientEvent::Refused { id: Some(id), refusal, retry_after: None } => match bot.settle(id) {
                Some(send) => self.send_refused(send),
                None => self.refused(bot, &refusal),
            },
            ClientEvent::Refused { id: Some(id), retry_after: Some(_), .. } => {
                bot.is_throttled = true;
                if let Some(send) = bot.awaits(id) {
                    self.observe(Observation::Deferred { send });
                }
            }
            ClientEvent::Refused { id: None, refusal, .. } => self.refused(bot, &refusal),
            ClientEvent::History { id, room, messages, .. } => {
                let Some(asked) = bot.paged(id) else { return };
                record(&mut self.book.borrow_mut().times.history, asked, now);
                let Some(&room) = self.rooms.get(&room) else { return };
                for shown in messages {
                    let send = self.run.delivered(&shown.user, &shown.content);
                    self.observe(Observation::Paged { member, room, send, position: shown.position });
                }
            }
            ClientEvent::Attached { resumed, .. } => self.attached(bot, resumed),
            ClientEvent::Joined { room, head, next, verdict } => {
                let Some(&room) = self.rooms.get(&room) else { return };
                let (position, next, verdict) = (Some(head), Some(next), Some(verdict));
                self.observe(Observation::Joined { member, room, position, next, verdict });
                self.joined(bot, room, now);
            }
            ClientEvent::Left { room, head, .. } => {
                let Some(&room) = self.rooms.get(&room) else { return };
                self.observe(Observation::Left { member, room, position: Some(head) });
            }
            ClientEvent::Unresolved { id, .. } => {
                if let Some(send) = bot.settle(id) {
                    self.observe(Observation::Unresolved { send });
                    self.run.board.answered.add();
                }
            }
            ClientEvent::Gap { room, from, to } => {
                let Some(&room) = self.rooms.get(&room) else { return };
                self.observe(Observation::Gap { member, room, from, to });
            }
            ClientEvent::Lagged { .. } => self.book.borrow_mut().lagged += 1,
            ClientEvent::Disconnected { .. } => self.disconnected(bot),
            ClientEvent::Ended { code } => {
                self.disconnected(bot);
                self.error(format!(
                    "gave up: {}",
                    code.map_or_else(|| "no code".into(), |code| code.to_string())
                ));
            }
            // Not owed to anyone, or answers to what bots do not ask.
            _ => {}
        }
    }

    pub(super) fn attached(&self, bot: &Bot, resumed: bool) {
        if !resumed {
            self.observe(Observation::SessionLost { member: MemberId(bot.number) });
        }
        if bot.has_arrived {
            self.run.board.reconnects.add();
        }
    }

    fn shown(&self, bot: &Bot, now: Time, shown: &Shown) {
        let Some(&room) = self.rooms.get(&shown.room) else { return };
        let send = self.run.delivered(&shown.user, &shown.content);
        self.shown_to(bot, now, room, send, Some(shown.position), shown.from_history);
    }

    /// A bot was shown a message.
    pub(super) fn shown_to(
        &self,
        bot: &Bot,
        now: Time,
        room: RoomId,
        send: Option<SendId>,
        position: Option<Position>,
        from_history: bool,
    ) {
        let book = &mut *self.book.borrow_mut();
        let member = MemberId(bot.number);
        book.observe(Observation::Shown { member, room, send, position, from_history });
        let Some(send) = send else { return };
        let intended = self.run.intended(send);
        if from_history && bot.was_outside(room, intended) {
            // What was said before one came is shown, but owed to nobody: it is not late.
            return;
        }
        self.run.board.delivered.add();
        let cut_off = intended < bot.cut_off_until;
        if self.run.is_held_back_elsewhere(send) {
            return;
        }
        if (from_history || cut_off) && bot.was_away(intended) {
            record(&mut book.times.catch_up, intended, now);
        } else if self.run.plan.read_of(bot.number).is_some() {
            record(&mut book.times.slow, intended, now);
        } else {
            book.delivered(self.run.planned(send).stage, intended, self.run.departed(send), now);
        }
    }

    /// The rooms that a bot is to be in now.
    fn rooms_wanted(&self, bot: &Bot) -> Vec<RoomId> {
        let rooms = self.run.plan.rooms_of(bot.number).iter().copied().map(RoomId);
        rooms.filter(|room| !bot.outside.contains(room)).collect()
    }

    /// Something that is no message was refused; who means no good has asked for it.
    fn refused(&self, bot: &Bot, refusal: &Refusal) {
        self.rebuffed(bot, &refusal.to_string());
    }

    pub(super) fn rebuffed(&self, bot: &Bot, refusal: &str) {
        if self.run.plan.is_hostile(bot.number) {
            self.book.borrow_mut().rebuffed += 1;
        } else {
            self.error(format!("refused: {refusal}"));
        }
    }

    pub(super) fn joined(&self, bot: &mut Bot, room: RoomId, now: Time) {
        let before = bot.missing.len();
        bot.missing.retain(|&missing| missing != room);
        if before == 0 || !bot.missing.is_empty() {
            return;
        }
        record(&mut self.book.borrow_mut().times.connect, bot.connecting_since, now);
        self.run.board.present.add();
        if !bot.has_arrived {
            bot.has_arrived = true;
            self.run.board.arrived.add();
        }
        if bot.is_away() {
            bot.absence = Absence::Over(now);
        }
    }

    fn disconnected(&self, bot: &mut Bot) {
        let was_present = bot.has_arrived && bot.missing.is_empty();
        if was_present {
            self.run.board.present.remove();
            // Not present any more, whatever comes next.
            bot.missing = self.rooms_wanted(bot);
        }
    }

    pub(super) fn observe(&self, observation: Observation) {
        self.book.borrow_mut().observe(observation);
    }
}

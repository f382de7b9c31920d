//! What clients want done, and what their events mean for the books.

use std::time::Duration;

use chinwag_core::{
    Position, Refusal, RequestId, RoomName, Time, UserName,
    client::{ClientEvent, ClientOutput, Shown},
};
use chinwag_oracle::{MemberId, Observation, RoomId, SendId};
use chinwag_scenarios::payloads;

use super::{Bots, Wish};
use crate::speaker::Speaker;

impl Bots {
    /// Lets a client do something, carries out what it wants done, and sees to its next deadline.
    pub(super) fn drive<T>(
        &mut self,
        slot: usize,
        now: Time,
        out: &mut Vec<Wish>,
        act: impl FnOnce(&mut Speaker, Time, &mut Vec<ClientOutput>) -> T,
    ) -> T {
        let mut outputs = std::mem::take(&mut self.outputs);
        let result = act(&mut self.bots[slot].speaker, now, &mut outputs);
        for output in outputs.drain(..) {
            self.carry_out(slot, now, output, out);
        }
        self.outputs = outputs;
        for heard in self.bots[slot].speaker.take_heard() {
            self.heard(slot, self.came(now), heard);
        }
        self.timers.arm(slot, self.bots[slot].speaker.poll_timeout());
        result
    }

    /// When what happens now came about: a frame may have been there for a while before it was read.
    fn came(&self, now: Time) -> Time {
        Time(now.0.saturating_sub(u64::try_from(self.age.as_micros()).unwrap_or(u64::MAX)))
    }

    fn carry_out(&mut self, slot: usize, now: Time, output: ClientOutput, out: &mut Vec<Wish>) {
        match output {
            ClientOutput::Connect => self.reconnect(slot, now, out),
            ClientOutput::Transmit(text) => self.transmit(slot, now, text, out),
            ClientOutput::Close { code } => out.push(Wish::Close { slot, code }),
            ClientOutput::Event(event) => self.event(slot, self.came(now), event),
        }
    }

    fn reconnect(&mut self, slot: usize, now: Time, out: &mut Vec<Wish>) {
        self.end_streams(self.bots[slot].number);
        let missing = self.rooms_wanted(slot);
        let bot = &mut self.bots[slot];
        bot.attempt += 1;
        bot.link = None;
        bot.missing = missing;
        bot.behind.clear();
        bot.asked.clear();
        let not_before = bot.back_at.max(now);
        // Who is to be in no room is never in all of them.
        let since = bot.connecting_since.unwrap_or(not_before);
        bot.connecting_since = (!bot.missing.is_empty()).then_some(since);
        out.push(Wish::Connect { slot, attempt: bot.attempt, not_before });
    }

    /// Sends a frame, or keeps it until something passes again.
    fn transmit(&mut self, slot: usize, now: Time, text: String, out: &mut Vec<Wish>) {
        match &mut self.bots[slot].link {
            // Bounded: a client has so many unanswered requests at most.
            Some(Some(held)) => return held.push(text),
            Some(None) => {}
            None => return self.departing(&text, now),
        }
        self.departing(&text, now);
        out.push(Wish::Transmit { slot, text });
    }

    /// Notes it if a frame is a planned message; retries are noted too.
    pub(super) fn departing(&mut self, frame: &str, now: Time) {
        let send = payloads(frame).find_map(|payload| self.script.send_of(payload));
        let Some(send) = send else { return };
        if self.script.depart(send, now) {
            self.script.board.sent.add();
        }
        self.observe(Observation::Sent { send });
    }

    fn event(&mut self, slot: usize, now: Time, event: ClientEvent) {
        if self.leaving {
            // The books are closed: what goodbyes bring about is not part of the run.
            return;
        }
        let member = MemberId(self.bots[slot].number);
        match event {
            ClientEvent::Message(shown) => self.shown(slot, now, shown),
            ClientEvent::Acknowledged { id, position, .. } => self.acknowledged(slot, id, position),
            ClientEvent::Refused { id, refusal, retry_after } => self.refused(slot, id, refusal, retry_after),
            ClientEvent::Unresolved { id, .. } => {
                let send = self.bots[slot].settle(id);
                send.into_iter().for_each(|send| self.unresolved(slot, send));
            }
            ClientEvent::History { id, room, messages, .. } => self.paged(slot, now, id, &room, &messages),
            ClientEvent::Attached { resumed, .. } => self.attached(slot, resumed),
            ClientEvent::Joined { room, head, next, verdict } => {
                let (position, next, verdict) = (Some(head), Some(next), Some(verdict));
                let Some(&room) = self.rooms.get(&room) else { return };
                self.observe(Observation::Joined { member, room, position, next, verdict });
                self.joined(slot, room, now);
            }
            ClientEvent::Left { room, head, .. } => {
                self.observe_in(&room, |room| Observation::Left { member, room, position: Some(head) });
            }
            ClientEvent::Gap { room, from, to } => {
                self.observe_in(&room, |room| Observation::Gap { member, room, from, to });
            }
            ClientEvent::Lagged { .. } => self.book.lagged += 1,
            ClientEvent::Disconnected { .. } => self.disconnected(slot),
            ClientEvent::Ended { code } => {
                self.disconnected(slot);
                let code = code.map_or_else(|| "no code".into(), |code| code.to_string());
                self.error(format!("gave up: {code}"));
            }
            // Not owed to anyone, or answers to what bots do not ask.
            _ => {}
        }
    }

    /// Tells the oracle something about a room, if it is one of the run's.
    pub(super) fn observe_in(&mut self, room: &RoomName, observation: impl FnOnce(RoomId) -> Observation) {
        if let Some(&room) = self.rooms.get(room) {
            self.observe(observation(room));
        }
    }

    fn acknowledged(&mut self, slot: usize, id: RequestId, position: Position) {
        let bot = &mut self.bots[slot];
        bot.is_throttled = false;
        if let Some(send) = bot.settle(id) {
            self.observe(Observation::Acknowledged { send, position: Some(position) });
            self.script.board.answered.add();
        }
    }

    /// A history that was asked for has come.
    fn paged(&mut self, slot: usize, now: Time, id: RequestId, room: &RoomName, messages: &[Shown]) {
        let bot = &mut self.bots[slot];
        let member = MemberId(bot.number);
        let Some(asked) = bot.paged(id) else { return };
        if asked >= self.script.timed_from() {
            self.book.times.history.record(asked, now);
        }
        for shown in messages {
            let (send, position) = (self.script.delivered(&shown.user, &shown.content), shown.position);
            self.observe_in(room, |room| Observation::Paged { member, room, send, position });
        }
    }

    /// Something was refused, for good or for now.
    fn refused(
        &mut self,
        slot: usize,
        id: Option<RequestId>,
        refusal: Refusal,
        retry_after: Option<Duration>,
    ) {
        self.book.refused(refusal.code());
        let bot = &mut self.bots[slot];
        match (id, retry_after) {
            (Some(id), Some(_)) => {
                bot.is_throttled = true;
                if let Some(send) = bot.awaits(id) {
                    self.observe(Observation::Deferred { send });
                }
            }
            (Some(id), None) if let Some(send) = bot.settle(id) => self.send_refused(send),
            // What is no message; who means no good has asked for it.
            _ => self.rebuffed(slot, &refusal.to_string()),
        }
    }

    /// Nobody will know what became of a message. That is the server's doing, unless the scenario has taken the connection
    /// over which it went, or its sender is one whom a server may well send away.
    pub(super) fn unresolved(&mut self, slot: usize, send: SendId) {
        self.observe(Observation::Unresolved { send });
        self.script.board.answered.add();
        let (bot, script) = (&self.bots[slot], &self.script);
        let was_taken = script.departed(send).is_some_and(|departed| bot.is_away(departed));
        let was_held = script.instant(script.planned(send).at) < bot.cut_off_until;
        if !was_taken && !was_held && !script.plan.is_hostile(bot.number) {
            self.book.abandoned += 1;
        }
    }

    pub(super) fn attached(&mut self, slot: usize, resumed: bool) {
        let bot = &self.bots[slot];
        let (member, has_arrived) = (MemberId(bot.number), bot.has_arrived);
        if !resumed {
            self.observe(Observation::SessionLost { member });
        }
        if has_arrived {
            self.script.board.reconnects.add();
        }
    }

    fn shown(&mut self, slot: usize, now: Time, shown: Shown) {
        let Some(&room) = self.rooms.get(&shown.room) else { return };
        let (position, from_history) = (Some(shown.position), shown.from_history);
        let send = self.delivered(shown.user, shown.content);
        self.shown_to(slot, now, room, send, position, from_history);
    }

    /// Which of the run's messages was delivered. Whoever is shown what was shown last, word for word, is shown the same
    /// message: to compare costs far less than to read and check it once more.
    fn delivered(&mut self, user: UserName, content: Box<str>) -> Option<SendId> {
        if let Some((send, author, said)) = &self.shown_last
            && (author, said) == (&user, &content)
        {
            return Some(*send);
        }
        let send = self.script.delivered(&user, &content)?;
        self.shown_last = Some((send, user, content));
        Some(send)
    }

    /// A bot was shown a message.
    pub(super) fn shown_to(
        &mut self,
        slot: usize,
        now: Time,
        room: RoomId,
        send: Option<SendId>,
        position: Option<Position>,
        from_history: bool,
    ) {
        let (bot, book, script) = (&self.bots[slot], &mut self.book, &self.script);
        let member = MemberId(bot.number);
        book.observe(Observation::Shown { member, room, send, position, from_history });
        let Some(send) = send else { return };
        // What comes once more, or where it does not belong, is no delivery: the oracle counts it as a fault.
        let is_new = self
            .seen
            .as_mut()
            .is_none_or(|seen| room.0 == script.planned(send).room && seen.show(slot, room, send));
        if !is_new {
            return;
        }
        let intended = script.intended(send);
        if from_history && bot.was_outside(room, intended) {
            // What was said before one came is shown, but owed to nobody: it is not late.
            return;
        }
        script.board.delivered.add();
        let cut_off = intended < bot.cut_off_until;
        let is_caught_up = (from_history || cut_off) && bot.is_away(intended);
        self.timed(slot, room, send, is_caught_up, now);
    }

    /// Writes down how long a delivery took: with all others, or apart if its reader was away or reads slowly.
    fn timed(&mut self, slot: usize, room: RoomId, send: SendId, is_caught_up: bool, now: Time) {
        let (bot, book, script) = (&mut self.bots[slot], &mut self.book, &self.script);
        let (intended, stage) = (script.intended(send), script.timed_stage(send));
        let apart = match script.plan.read_of(bot.number) {
            _ if is_caught_up => Some(&mut book.times.catch_up),
            Some(_) => Some(&mut book.times.slow),
            None => None,
        };
        let takes_long = now.since(intended) > script.plan.late_after();
        let received = bot.received_in(room);
        received.received += 1;
        received.late += u64::from(takes_long && stage.is_some() && apart.is_none());
        match apart {
            Some(spans) if stage.is_some() => spans.record(intended, now),
            Some(_) => {}
            None => book.delivered(stage, intended, script.departed(send), now),
        }
    }

    /// The rooms that a bot is to be in now.
    fn rooms_wanted(&self, slot: usize) -> Vec<RoomId> {
        let bot = &self.bots[slot];
        let rooms = self.script.plan.rooms_of(bot.number).iter().copied().map(RoomId);
        rooms.filter(|room| !bot.outside.contains(room)).collect()
    }

    pub(super) fn rebuffed(&mut self, slot: usize, refusal: &str) {
        if self.script.plan.is_hostile(self.bots[slot].number) {
            self.book.rebuffed += 1;
        } else {
            self.error(format!("refused: {refusal}"));
        }
    }

    pub(super) fn joined(&mut self, slot: usize, room: RoomId, now: Time) {
        let bot = &mut self.bots[slot];
        let before = bot.missing.len();
        bot.missing.retain(|&missing| missing != room);
        if before == 0 || !bot.missing.is_empty() {
            return;
        }
        // Whose last missing room the scenario takes away while they are gone have entered none.
        if bot.link.is_some()
            && let Some(since) = bot.connecting_since.take()
        {
            self.book.times.connect.record(since, now);
        }
        self.script.board.present.add();
        if !bot.has_arrived {
            bot.has_arrived = true;
            self.script.board.arrived.add();
        }
    }

    fn disconnected(&mut self, slot: usize) {
        let bot = &self.bots[slot];
        if bot.has_arrived && bot.missing.is_empty() {
            self.script.board.present.remove();
            // Not present any more, whatever comes next.
            self.bots[slot].missing = self.rooms_wanted(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chinwag_scenarios::{Overrides, Plan, Scenario, shipped};

    use super::*;
    use crate::{script::Script, segment::Segment};

    #[test]
    fn what_is_shown_once_more_is_read_alike() {
        let file = shipped().iter().find(|file| file.name == "smoke").unwrap();
        let scenario = Scenario::parse(file.name, file.text).unwrap();
        let plan = Plan::new(&scenario, Overrides::default()).unwrap();
        let script = Arc::new(Script::new(plan, Segment::WHOLE, None, Time(1)));
        let mut bots = Bots::new(Arc::clone(&script), 0, 1, |_| None);
        let author = |send| script.users[script.planned(send).client as usize].clone();
        let said = |SendId(send): SendId| script.plan.payload(send);
        let (one, other) = (SendId(3), SendId(4));
        let longer = said(one) + "x";
        for (user, content, expected) in [
            (author(one), said(one), Some(one)),
            (author(one), said(one), Some(one)),
            (author(other), said(one), None),
            (author(one), longer, None),
            (author(other), said(other), Some(other)),
            (author(one), said(other), None),
            (author(one), said(one), Some(one)),
        ] {
            assert_eq!(bots.delivered(user.clone(), content.as_str().into()), expected, "{user}: {content}");
        }
    }
}

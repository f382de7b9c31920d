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
                let member = MemberId(self.bots[slot].number);
                self.observe_in(&room, |room| Observation::Left { member, room, position: None });
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
                let send = self.script.send_of(&content);
                send.into_iter().for_each(|send| self.unresolved(slot, send));
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
            let shown = Some(send);
            self.observe(Observation::Shown {
                member,
                room,
                send: shown,
                position: None,
                from_history: false,
            });
            if self.seen.as_mut().is_none_or(|seen| seen.show(slot, room, send)) {
                self.bots[slot].received_in(room).received += 1;
                self.script.board.delivered.add();
            }
        }
    }

    /// The final answer to a message was a refusal.
    pub(super) fn send_refused(&mut self, send: SendId) {
        self.observe(Observation::Refused { send });
        let room = self.script.planned(send).room;
        self.script.board.refused.add();
        self.script.board.forgone.add_many(self.script.members_here(room));
        self.script.board.answered.add();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chinwag_core::gateway::Frame;
    use chinwag_scenarios::{Act, Overrides, Plan, Protocol, Scenario};

    use super::*;
    use crate::{
        book::Interval,
        bots::{Cue, End},
        measure::Spans,
        script::Script,
        segment::Segment,
    };

    /// Two who hear everything that either says, and say two things each; later both are cut off.
    fn bots() -> Bots {
        bots_who_warm_up("0s")
    }

    fn bots_who_warm_up(span: &str) -> Bots {
        let text = r#"
            run = { name = "x", seed = 1, clients = 2, warm_up = "SPAN" }
            rooms = { size = 2 }
            event = [{ at = "1500ms", kind = "reset", down_for = "1s" }]
            [[scenario]]
            name = "a"
            stages = [
                { name = "talk", duration = "1s", executor = "per-vu-iterations", iterations = 2 },
                { name = "rest", duration = "1s" },
            ]
        "#;
        let text = text.replace("SPAN", span);
        let shared = r#"
            protocol.name = "shared"
            protocol.rooms = "shared"
            protocol.say.send = "{payload}"
            protocol.delivery.text = "{payload}"
        "#;
        let protocol = Protocol::parse("x.toml", shared).unwrap();
        let scenario =
            Scenario { protocol: Some(protocol.clone()), ..Scenario::parse("x.toml", &text).unwrap() };
        let protocol = Some(Arc::new(protocol));
        let plan = Plan::new(&scenario, Overrides::default()).unwrap();
        let script = Arc::new(Script::new(plan, Segment::WHOLE, protocol, Time(0)));
        let mut bots = Bots::new(script, 0, 1, |_| None);
        for slot in 0..2 {
            let client = u32::try_from(slot).unwrap();
            bots.cue(Time(1), Cue::Connect(client), &mut Vec::new());
            bots.opened(slot, Time(1), &mut Vec::new());
        }
        for send in 0..2 {
            bots.cue(Time(1), Cue::Act(Act::Send(send)), &mut Vec::new());
        }
        bots
    }

    #[test]
    fn what_a_server_leaves_without_an_answer_is_its_fault_unless_the_scenario_cut_it_off() {
        let mut bots = bots();
        let unresolved = |bots: &Bots| (bots.book.oracle.finish().unresolved, bots.book.abandoned);
        bots.ended(0, End::lost(None), Time(2), &mut Vec::new());
        let mut own: Vec<_> = bots.script.plan.sends()[..2].iter().map(|send| send.client).collect();
        own.retain(|client| *client == 0);
        let left = own.len() as u64;
        assert_eq!(unresolved(&bots), (left, left));
        bots.cue(Time(1_500_000), Cue::Act(Act::Event(0)), &mut Vec::new());
        assert_eq!(unresolved(&bots), (2, left), "what the other has said");
    }

    #[test]
    fn what_takes_longer_than_the_scenario_allows_is_late() {
        let mut bots = bots();
        let intended = bots.script.intended(SendId(0)) + bots.script.plan.late_after();
        let payload = bots.script.plan.payload(0);
        for (slot, at) in [(0, intended), (1, Time(intended.0 + 1))] {
            bots.received(slot, Frame::Text(&payload), Duration::ZERO, at, &mut Vec::new());
        }
        bots.leave(Time(6_000_000), &mut Vec::new());
        let late: Vec<_> =
            bots.book.received.iter().map(|received| (received.client, received.late)).collect();
        assert_eq!((late, bots.book.late()), (vec![(0, 0), (1, 1)], 1));
    }

    #[test]
    fn what_is_said_to_warm_up_is_judged_but_in_the_time_series_only() {
        // They speak before their time.
        let all = |spans: &Spans| spans.histogram.len() + spans.negative;
        let timed = |span| {
            let mut bots = bots_who_warm_up(span);
            let payload = bots.script.plan.payload(0);
            bots.received(0, Frame::Text(&payload), Duration::ZERO, Time(5_000_000), &mut Vec::new());
            bots.leave(Time(6_000_000), &mut Vec::new());
            let Interval { latency, send_lag, .. } = bots.book.take_interval();
            assert_eq!((all(&latency), all(&send_lag)), (1, 2), "the time series");
            assert_eq!(bots.book.received[0].received, 1);
            let overall = bots.book.times.overall();
            (all(&overall.e2e), all(&overall.send_lag), bots.book.late())
        };
        assert_eq!(timed("1ms"), (1, 2, 1));
        assert_eq!(timed("1s"), (0, 0, 0));
    }

    #[test]
    fn what_comes_once_more_is_no_delivery_but_a_fault() {
        let mut bots = bots();
        let script = Arc::clone(&bots.script);
        let mut hear = |slot, send, delivered| {
            let payload = script.plan.payload(send);
            bots.received(slot, Frame::Text(&payload), Duration::ZERO, Time(5_000_000), &mut Vec::new());
            assert_eq!(script.board.delivered.get(), delivered, "bot {slot}, message {send}");
        };
        hear(0, 0, 1);
        hear(0, 1, 2);
        hear(0, 0, 2);
        hear(1, 0, 3);
        hear(1, 0, 3);
        bots.leave(Time(6_000_000), &mut Vec::new());
        let received: Vec<_> = bots.book.received.iter().map(|received| received.received).collect();
        assert_eq!((received, bots.book.oracle.finish().duplicated), (vec![2, 1], 2));
        assert_eq!(bots.book.times.overall().e2e.histogram.len(), 3, "nor is it timed");
    }
}

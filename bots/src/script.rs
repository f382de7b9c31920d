//! What all who play a plan share: the plan, whose part is whose, and when each message was sent.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chinwag_core::{Time, UserName, hash::NumberMap};
use chinwag_oracle::SendId;
use chinwag_scenarios::{Plan, PlannedSend, Protocol, RunId, parse_payload};

use crate::{board::Board, segment::Segment};

/// A plan that is being played, shared by all threads that play it.
#[derive(Debug)]
pub struct Script {
    /// Who does what and when.
    pub plan: Plan,
    /// Which of the plan's clients are ours.
    pub segment: Segment,
    /// How the server is spoken to; in `chat` if `None`.
    pub protocol: Option<Arc<Protocol>>,
    /// How far things are.
    pub board: Arc<Board>,
    /// Every client's user name.
    pub users: Box<[UserName]>,
    /// When it began.
    origin: Time,
    /// When the first stage starts, once everyone is there.
    stages_start: OnceLock<Time>,
    /// Messages whose senders are away when they are due, and when those may be back.
    held_back: NumberMap<SendId, Duration>,
    /// When each message was first put on the wire: microseconds, 0 before.
    departures: Box<[AtomicU64]>,
}

impl Script {
    /// A plan that nobody has begun to play; `origin` is now.
    #[must_use]
    pub fn new(plan: Plan, segment: Segment, protocol: Option<Arc<Protocol>>, origin: Time) -> Self {
        let departures = plan.sends().iter().map(|_| AtomicU64::default()).collect();
        let user = |client| UserName::new(&plan.user_name(client)).expect("plans make sound names");
        let users = (0..plan.clients()).map(user).collect();
        Self {
            held_back: held_back(&plan),
            plan,
            segment,
            protocol,
            board: Arc::default(),
            users,
            origin,
            stages_start: OnceLock::new(),
            departures,
        }
    }

    /// The same for another share of the clients, as another process has it: it does not know when others' messages were
    /// sent. How far things are is counted together.
    #[must_use]
    pub fn share(&self, segment: Segment) -> Self {
        let (plan, protocol) = (self.plan.clone(), self.protocol.clone());
        Self { board: Arc::clone(&self.board), ..Self::new(plan, segment, protocol, self.origin) }
    }

    /// How many deliveries to our clients the plan foresees, if who speaks can be given all that they missed.
    #[must_use]
    pub fn deliveries_here(&self) -> Option<u64> {
        let can_catch_up = self.protocol.is_none() || self.plan.events().is_empty();
        self.plan.deliveries().filter(|_| can_catch_up)?;
        let members: Vec<_> = (0..self.plan.rooms()).map(|room| self.members_here(room)).collect();
        Some(self.plan.sends().iter().map(|send| members[send.room as usize]).sum())
    }

    /// How many of a room's members are ours.
    #[must_use]
    pub fn members_here(&self, room: u32) -> u64 {
        let members = self.plan.members_of(room).iter();
        members.filter(|client| self.segment.has(**client)).count() as u64
    }

    /// How many messages our clients are to send.
    #[must_use]
    pub fn planned_here(&self) -> u64 {
        self.segment.sends(&self.plan)
    }

    /// Fixes the instant at which the first stage starts. The first call counts.
    pub fn start_stages(&self, at: Time) {
        let _ = self.stages_start.set(at);
    }

    /// When the first stage starts, if that is fixed.
    #[must_use]
    pub fn stages_start(&self) -> Option<Time> {
        self.stages_start.get().copied()
    }

    /// When something planned is; when it began as long as the stages' start is not fixed.
    #[must_use]
    pub fn instant(&self, planned: Duration) -> Time {
        self.stages_start.get().copied().unwrap_or(self.origin) + planned
    }

    /// The first message that is to be said after a time; one more than there are, if none is.
    #[must_use]
    pub fn first_after(&self, time: Time) -> SendId {
        let sends = self.plan.sends();
        let first = sends.partition_point(|planned| self.instant(planned.at) <= time);
        SendId(u32::try_from(first).expect("plans count messages in 32 bits"))
    }

    /// A planned message.
    #[must_use]
    pub fn planned(&self, send: SendId) -> &PlannedSend {
        &self.plan.sends()[send.0 as usize]
    }

    /// Which of this run's messages a text claims to be.
    #[must_use]
    pub fn send_of(&self, payload: &str) -> Option<SendId> {
        let (run, send): (RunId, u32) = parse_payload(payload)?;
        let known = run == self.plan.run() && (send as usize) < self.plan.sends().len();
        known.then_some(SendId(send))
    }

    /// Which of this run's messages was delivered: nobody's, unless it is word for word what its author was to say.
    #[must_use]
    pub fn delivered(&self, author: &UserName, content: &str) -> Option<SendId> {
        let send = self.send_of(content)?;
        let is_sound = self.users[self.planned(send).client as usize] == *author
            && self.plan.is_payload(send.0, content);
        is_sound.then_some(send)
    }

    /// When a message was to be sent. One whose sender is away when it is due is meant to be sent as soon as they may be
    /// back: however long it then takes to let them in, the server is late.
    #[must_use]
    pub fn intended(&self, send: SendId) -> Time {
        let planned = self.instant(self.planned(send).at);
        let Some(&there) = self.held_back.get(&send) else { return planned };
        let there = self.instant(there);
        // A server takes a moment to go down: whoever could still speak was not held back.
        if self.departed(send).is_some_and(|departed| departed < there) { planned } else { there }
    }

    /// The stage in whose figures a message's latency is: none, if it was said to warm up.
    #[must_use]
    pub fn timed_stage(&self, send: SendId) -> Option<u16> {
        let planned = self.planned(send);
        (planned.at >= self.plan.warm_up()).then_some(planned.stage)
    }

    /// Since when it is timed how long things take.
    #[must_use]
    pub fn timed_from(&self) -> Time {
        self.instant(self.plan.warm_up())
    }

    /// Whether a message's sender is away when it is due, as planned: nobody is to blame that it goes later.
    #[must_use]
    pub fn is_held_back(&self, send: SendId) -> bool {
        self.held_back.contains_key(&send)
    }

    /// When a message was sent, if it was, and by us.
    #[must_use]
    pub fn departed(&self, send: SendId) -> Option<Time> {
        let departure = self.departures[send.0 as usize].load(Ordering::Relaxed);
        (departure != 0).then_some(Time(departure))
    }

    /// A message goes onto the wire; true if for the first time.
    pub fn depart(&self, send: SendId, now: Time) -> bool {
        let departure = &self.departures[send.0 as usize];
        let first = departure.load(Ordering::Relaxed) == 0;
        if first {
            departure.store(now.0, Ordering::Relaxed);
        }
        first
    }
}

/// The messages of a plan that are due while their senders are away, and when those may be back.
fn held_back(plan: &Plan) -> NumberMap<SendId, Duration> {
    if plan.events().is_empty() {
        return NumberMap::default();
    }
    let sends = (0..).map(SendId).zip(plan.sends());
    sends
        .map(|(send, planned)| (send, planned.at, plan.there_at(planned.client, planned.at)))
        .filter(|(_, at, there)| at < there)
        .map(|(send, _, there)| (send, there))
        .collect()
}

#[cfg(test)]
mod tests {
    use chinwag_scenarios::{Overrides, Scenario, shipped};

    use super::*;

    fn script() -> Script {
        let file = shipped().iter().find(|file| file.name == "smoke").unwrap();
        let scenario = Scenario::parse(file.name, file.text).unwrap();
        let plan = Plan::new(&scenario, Overrides::default()).unwrap();
        Script::new(plan, Segment::WHOLE, None, Time(1))
    }

    #[test]
    fn latency_counts_from_the_plan_and_not_from_the_departure() {
        let (script, send) = (script(), SendId(3));
        script.start_stages(Time(1_000_000));
        let planned = Time(1_000_000) + script.planned(send).at;
        assert_eq!((script.intended(send), script.departed(send)), (planned, None));
        let late = planned + Duration::from_secs(2);
        assert!(script.depart(send, late));
        assert!(!script.depart(send, late + Duration::from_secs(1)), "a retry is no departure");
        assert_eq!((script.intended(send), script.departed(send)), (planned, Some(late)));
    }

    #[test]
    fn what_the_scenario_held_back_is_due_when_its_sender_may_be_back() {
        let text = r#"
            [run]
            name = "x"
            seed = 1
            clients = 4
            [rooms]
            size = 4
            [[scenario]]
            name = "people"
            [[scenario.stages]]
            name = "talk"
            duration = "10s"
            executor = "per-vu-iterations"
            iterations = 50
            [[event]]
            at = "2s"
            kind = "disconnect"
            down_for = "2s"
            [[event]]
            at = "3s"
            kind = "reset"
            down_for = "3s"
        "#;
        let plan = Plan::new(&Scenario::parse("x", text).unwrap(), Overrides::default()).unwrap();
        let script = Script::new(plan, Segment::WHOLE, None, Time(1));
        script.start_stages(Time(1_000_000));
        let seconds = |at| Time(1_000_000) + Duration::from_secs(at);
        for (send, planned) in (0..).map(SendId).zip(script.plan.sends()) {
            let is_held = (2..6).contains(&planned.at.as_secs());
            assert_eq!(script.is_held_back(send), is_held, "{:?}", planned.at);
            assert_eq!(script.intended(send), if is_held { seconds(6) } else { script.instant(planned.at) });
        }
        let held = SendId(script.held_back.keys().map(|send| send.0).min().expect("some are"));
        assert!(script.depart(held, script.instant(script.planned(held).at)), "the end took a moment");
        assert_eq!(script.intended(held), script.instant(script.planned(held).at));
        assert!(script.depart(SendId(0), seconds(9)), "however late it goes");
        assert_eq!(script.intended(SendId(0)), script.instant(script.planned(SendId(0)).at));
    }

    #[test]
    fn only_messages_of_this_run_are_known() {
        let script = script();
        let last = u32::try_from(script.plan.sends().len()).unwrap() - 1;
        assert_eq!(script.send_of(&script.plan.payload(last)), Some(SendId(last)));
        let number = script.plan.run();
        assert_eq!(script.send_of(&format!("cw1.{number}.{}.", last + 1)), None, "not planned");
        assert_eq!(script.send_of(&format!("cw1.{}.0.", RunId(!number.0))), None, "another run");
        assert_eq!(script.send_of("hello"), None);
    }

    #[test]
    fn a_delivery_is_what_its_author_said_word_for_word() {
        let (script, send) = (script(), SendId(7));
        let author = script.planned(send).client as usize;
        let (user, other) = (&script.users[author], &script.users[(author + 1) % script.users.len()]);
        let said = script.plan.payload(send.0);
        assert_eq!(script.delivered(user, &said), Some(send));
        assert_eq!(script.delivered(other, &said), None, "another author");
        assert_eq!(script.delivered(user, &format!("{said}x")), None, "a letter more");
        assert_eq!(script.delivered(user, &said[..said.len() - 1]), None, "a letter less");
    }
}

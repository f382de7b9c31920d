//! What all threads of a run share: plan, clock, target, and when each message was sent.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chinwag_core::{Client, Time, UserName, client::ClientConfig, identity::Token};
use chinwag_oracle::SendId;
use chinwag_scenarios::{Plan, PlannedSend, RunId, parse_payload};
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::handshake::client::Request;

use crate::{
    board::Board, clock::Clock, interpreter::Interpreter, segment::Segment, speaker::Speaker, speech::Speech,
    target::Target,
};

/// A run, shared by all its threads.
#[derive(Debug)]
pub(crate) struct Run {
    /// Who does what and when.
    pub(crate) plan: Plan,
    /// The clock of all threads.
    pub(crate) clock: Clock,
    /// Where the server is.
    pub(crate) target: Target,
    /// Which of the plan's clients are ours.
    pub(crate) segment: Segment,
    /// How it is spoken to.
    pub(crate) speech: Speech,
    /// How far things are.
    pub(crate) board: Board,
    /// Handshakes that may still begin.
    pub(crate) handshakes: Semaphore,
    /// Every client's user name.
    pub(crate) users: Box<[UserName]>,
    /// When the first stage starts, once everyone is there.
    stages_start: OnceLock<Time>,
    departures: Box<[Departure]>,
}

/// When a message was first put on the wire: microseconds, 0 before; the highest bit marks one that was held back by
/// its sender's planned absence.
#[derive(Debug, Default)]
struct Departure(AtomicU64);

const HELD_BACK: u64 = 1 << 63;

impl Run {
    /// A run that has not begun.
    pub(crate) fn new(plan: Plan, segment: Segment, clock: Clock, target: Target, speech: Speech) -> Self {
        let handshakes = Semaphore::new(plan.connect().in_flight as usize);
        let departures = plan.sends().iter().map(|_| Departure::default()).collect();
        let user = |client| UserName::new(&plan.user_name(client)).expect("plans make sound names");
        let users = (0..plan.clients()).map(user).collect();
        Self {
            plan,
            clock,
            target,
            segment,
            speech,
            board: Board::default(),
            handshakes,
            users,
            stages_start: OnceLock::new(),
            departures,
        }
    }

    /// Who speaks for a client.
    pub(crate) fn speaker(&self, client: u32, config: &Arc<ClientConfig>) -> Speaker {
        let (user, seed) = (self.users[client as usize].clone(), self.plan.seed());
        let token = self.speech.token(client);
        let Some(protocol) = self.speech.protocol() else {
            let client = Client::new(Arc::clone(config), user, seed);
            return Speaker::Chat(Box::new(match token {
                Some(token) => client.with_token(Token::new(token)),
                None => client,
            }));
        };
        let token = token.unwrap_or_else(|| user.as_str()).to_owned();
        Speaker::Templates(Box::new(Interpreter::new(Arc::clone(protocol), user, &token, seed)))
    }

    /// What a client asks for on connecting.
    pub(crate) fn request(&self, client: u32) -> Request {
        self.speech.request(&self.target, &self.users[client as usize], client)
    }

    /// How many deliveries the plan foresees, if who speaks can be given all that they missed.
    pub(crate) fn deliveries(&self) -> Option<u64> {
        self.plan.deliveries().filter(|_| self.speech.protocol().is_none() || self.plan.events().is_empty())
    }

    /// Fixes the instant at which the first stage starts. The first call counts.
    pub(crate) fn start_stages(&self, at: Time) {
        let _ = self.stages_start.set(at);
    }

    /// When the first stage starts, if that is fixed.
    pub(crate) fn stages_start(&self) -> Option<Time> {
        self.stages_start.get().copied()
    }

    /// When something planned is; the clock's start as long as the stages' is not fixed.
    pub(crate) fn instant(&self, planned: Duration) -> Time {
        self.stages_start.get().copied().unwrap_or_else(|| self.clock.origin()) + planned
    }

    /// A planned message.
    pub(crate) fn planned(&self, send: SendId) -> &PlannedSend {
        &self.plan.sends()[send.0 as usize]
    }

    /// Which of this run's messages a text claims to be.
    pub(crate) fn send_of(&self, payload: &str) -> Option<SendId> {
        let (run, send): (RunId, u32) = parse_payload(payload)?;
        let known = run == self.plan.run() && (send as usize) < self.plan.sends().len();
        known.then_some(SendId(send))
    }

    /// Which of this run's messages was delivered: nobody's, unless it is word for word what its author was to say.
    pub(crate) fn delivered(&self, author: &UserName, content: &str) -> Option<SendId> {
        let send = self.send_of(content)?;
        let is_sound = self.users[self.planned(send).client as usize] == *author
            && self.plan.is_payload(send.0, content);
        is_sound.then_some(send)
    }

    /// When a message was to be sent. One that its sender's planned absence held back was meant to be sent when it was.
    pub(crate) fn intended(&self, send: SendId) -> Time {
        let departure = self.departures[send.0 as usize].0.load(Ordering::Relaxed);
        if departure > HELD_BACK {
            return Time(departure & !HELD_BACK);
        }
        self.instant(self.planned(send).at)
    }

    /// Whether another process has the sender of a message, who is away when it is due: that one only knows when it was
    /// meant to be sent after all.
    pub(crate) fn is_held_back_elsewhere(&self, send: SendId) -> bool {
        let planned = self.planned(send);
        !self.segment.has(planned.client) && self.plan.is_away(planned.client, planned.at)
    }

    /// When a message was sent, if it was, and by us.
    pub(crate) fn departed(&self, send: SendId) -> Option<Time> {
        let departure = self.departures[send.0 as usize].0.load(Ordering::Relaxed) & !HELD_BACK;
        (departure != 0).then_some(Time(departure))
    }

    /// A message goes onto the wire; true if for the first time.
    pub(crate) fn depart(&self, send: SendId, now: Time) -> bool {
        let departure = &self.departures[send.0 as usize].0;
        let first = departure.load(Ordering::Relaxed) & !HELD_BACK == 0;
        if first {
            departure.fetch_or(now.0, Ordering::Relaxed);
        }
        first
    }

    /// A message's sender is away, as planned: it will be late, and nobody is to blame.
    pub(crate) fn hold_back(&self, send: SendId) {
        self.departures[send.0 as usize].0.fetch_or(HELD_BACK, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use chinwag_scenarios::{Overrides, Scenario, shipped};

    use super::*;

    fn run() -> Run {
        let file = shipped().iter().find(|file| file.name == "smoke").unwrap();
        let scenario = Scenario::parse(file.name, file.text).unwrap();
        let plan = Plan::new(&scenario, Overrides::default()).unwrap();
        let target = Target::parse("ws://127.0.0.1:1").unwrap();
        Run::new(plan, Segment::WHOLE, Clock::start(), target, Speech::default())
    }

    #[test]
    fn latency_counts_from_the_plan_and_not_from_the_departure() {
        let (run, send) = (run(), SendId(3));
        run.start_stages(Time(1_000_000));
        let planned = Time(1_000_000) + run.planned(send).at;
        assert_eq!((run.intended(send), run.departed(send)), (planned, None));
        let late = planned + Duration::from_secs(2);
        assert!(run.depart(send, late));
        assert!(!run.depart(send, late + Duration::from_secs(1)), "a retry is no departure");
        assert_eq!((run.intended(send), run.departed(send)), (planned, Some(late)));
    }

    #[test]
    fn what_the_scenario_held_back_was_meant_to_be_sent_when_it_was() {
        let (run, send) = (run(), SendId(0));
        run.start_stages(Time(1_000_000));
        run.hold_back(send);
        assert_eq!((run.intended(send), run.departed(send)), (run.instant(run.planned(send).at), None));
        let late = Time(9_000_000);
        assert!(run.depart(send, late));
        assert_eq!((run.intended(send), run.departed(send)), (late, Some(late)));
    }

    #[test]
    fn only_messages_of_this_run_are_known() {
        let run = run();
        let last = u32::try_from(run.plan.sends().len()).unwrap() - 1;
        assert_eq!(run.send_of(&run.plan.payload(last)), Some(SendId(last)));
        let number = run.plan.run();
        assert_eq!(run.send_of(&format!("cw1.{number}.{}.", last + 1)), None, "not planned");
        assert_eq!(run.send_of(&format!("cw1.{}.0.", RunId(!number.0))), None, "another run");
        assert_eq!(run.send_of("hello"), None);
    }

    #[test]
    fn a_delivery_is_what_its_author_said_word_for_word() {
        let (run, send) = (run(), SendId(7));
        let author = run.planned(send).client as usize;
        let (user, other) = (&run.users[author], &run.users[(author + 1) % run.users.len()]);
        let said = run.plan.payload(send.0);
        assert_eq!(run.delivered(user, &said), Some(send));
        assert_eq!(run.delivered(other, &said), None, "another author");
        assert_eq!(run.delivered(user, &format!("{said}x")), None, "a letter more");
        assert_eq!(run.delivered(user, &said[..said.len() - 1]), None, "a letter less");
    }
}

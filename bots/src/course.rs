//! The course of a run, phase by phase: everyone connects, the stages go by, and what is under way arrives.
//!
//! Both who play a plan in real time and who do in virtual time keep to it.

use std::time::Duration;

use chinwag_core::Time;
use chinwag_scenarios::Phase as PlannedPhase;

use crate::{board::Board, script::Script};

/// From the last arrival to the first stage, so that nothing of the first is late.
const BREATH: Duration = Duration::from_millis(200);
/// How long to listen, when all has come that should, for what should not.
const LISTEN: Duration = Duration::from_millis(250);

/// What is going on.
#[derive(Debug)]
pub enum Phase {
    /// Everyone connects.
    Connect,
    /// Everyone is there, and the first stage is about to begin.
    Wait,
    /// Stages are under way, by number in [`Plan::phases`](chinwag_scenarios::Plan::phases).
    Stages(usize),
    /// What is under way arrives.
    Drain(Drain),
    /// Everything has come that should: now for what should not.
    Listen,
    /// The end.
    Over,
}

/// A run, on its way from one phase to the next.
#[derive(Debug)]
pub struct Course {
    phase: Phase,
    /// When the phase is over at the latest.
    until: Time,
    /// When the last client is to connect.
    last: Time,
    /// When the first stage starts; as soon as everyone is there, if that was not agreed on.
    start_at: Option<Time>,
    stages: Vec<PlannedPhase>,
}

impl Course {
    /// Begins with everyone connecting.
    #[must_use]
    pub fn new(script: &Script, now: Time, start_at: Option<Time>) -> Self {
        let plan = &script.plan;
        let last = now + plan.connect_at(plan.clients() - 1);
        // Time for a second attempt, but not beyond an instant that others begin at, too.
        let until = last + 2 * plan.connect().timeout;
        let until = start_at.map_or(until, |agreed| until.min(agreed).max(last));
        Self { phase: Phase::Connect, until, last, start_at, stages: plan.phases() }
    }

    /// What is going on.
    #[must_use]
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// When that is over at the latest; it may be so before.
    #[must_use]
    pub const fn until(&self) -> Time {
        self.until
    }

    /// Whether it is the end.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// The stages that are under way.
    #[must_use]
    pub fn stages(&self) -> Option<&PlannedPhase> {
        match self.phase {
            Phase::Stages(number) => self.stages.get(number),
            _ => None,
        }
    }

    /// What is going on, as time series have it.
    #[must_use]
    pub fn name(&self) -> String {
        match self.phase {
            Phase::Connect => "connect".into(),
            Phase::Wait => "wait".into(),
            Phase::Stages(number) => format!("stage {}", self.stages[number].name),
            Phase::Drain(_) => "drain".into(),
            Phase::Listen => "listen".into(),
            Phase::Over => "end".into(),
        }
    }

    /// Goes on to the next phase, if this one is over; whether it was.
    ///
    /// # Errors
    /// Why it makes no sense to go on, in one line.
    pub fn proceed(&mut self, script: &Script, now: Time) -> Result<bool, String> {
        let is_late = now >= self.until;
        match &self.phase {
            Phase::Connect => {
                self.check_agreed()?;
                let arrived = script.board.arrived.get();
                let ours = u64::from(script.segment.share(script.plan.clients()));
                if arrived == 0 && is_late {
                    return Err("nobody could connect".into());
                }
                if arrived < ours && !is_late {
                    return Ok(false);
                }
                self.enter(Phase::Wait, self.start(now));
                script.start_stages(self.until);
            }
            Phase::Wait if is_late => self.enter_stages(0, script, now),
            Phase::Stages(number) if is_late => {
                let next = *number + 1;
                self.enter_stages(next, script, now);
            }
            Phase::Drain(drain) => {
                if drain.is_over(&script.board) {
                    self.enter(Phase::Listen, now + LISTEN);
                } else if is_late {
                    self.enter(Phase::Over, now);
                } else {
                    return Ok(false);
                }
            }
            Phase::Listen if is_late => self.enter(Phase::Over, now),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether everyone is to connect before the first stage starts: that is known before anyone does.
    fn check_agreed(&self) -> Result<(), String> {
        let missing = self.start_at.map_or(Duration::ZERO, |agreed| self.last.since(agreed));
        if missing.is_zero() {
            return Ok(());
        }
        let missing = missing.as_secs_f64();
        Err(format!(
            "the agreed instant comes {missing:.1} s before the last one is to connect: agree on a later one"
        ))
    }

    /// When the first stage starts. Who is not there by then is missed, and that is counted.
    fn start(&self, now: Time) -> Time {
        self.start_at.unwrap_or(now + BREATH).max(now)
    }

    /// Goes on with the stages of this number, or to what is after the last.
    fn enter_stages(&mut self, number: usize, script: &Script, now: Time) {
        match self.stages.get(number).map(|stages| script.instant(stages.end)) {
            Some(end) => self.enter(Phase::Stages(number), end),
            None => self.enter(Phase::Drain(Drain::new(script)), now + script.plan.drain()),
        }
    }

    fn enter(&mut self, phase: Phase, until: Time) {
        (self.phase, self.until) = (phase, until);
    }
}

/// After the last stage: whether everything has come that was sent.
#[derive(Debug)]
pub struct Drain {
    /// Messages that are to be answered.
    planned: u64,
    /// Deliveries that are to come. Unknown if that depends on who is where: then there is no telling silence from a server
    /// that has stalled.
    expected: Option<u64>,
}

impl Drain {
    /// Begins when the last stage ends.
    fn new(script: &Script) -> Self {
        Self { planned: script.planned_here(), expected: script.deliveries_here() }
    }

    /// Whether nothing more is to be waited for.
    fn is_over(&self, board: &Board) -> bool {
        let come = board.delivered.get() + board.forgone.get();
        board.answered.get() >= self.planned && self.expected.is_some_and(|expected| come >= expected)
    }
}

#[cfg(test)]
mod tests {
    use chinwag_scenarios::{Overrides, Plan, Scenario};

    use super::*;
    use crate::segment::Segment;

    /// Two who say one thing each within a second, and are silent for another.
    fn script() -> Script {
        script_of(Segment::WHOLE, r#"["say"]"#)
    }

    fn script_of(segment: Segment, flow: &str) -> Script {
        let text = r#"
            run = { name = "x", seed = 1, clients = 2, drain = "5s" }
            rooms = { size = 2 }
            [[scenario]]
            name = "a"
            flow = FLOW
            stages = [
                { name = "talk", duration = "1s", executor = "per-vu-iterations" },
                { name = "rest", duration = "1s" },
            ]
        "#;
        let scenario = Scenario::parse("x.toml", &text.replace("FLOW", flow)).unwrap();
        let plan = Plan::new(&scenario, Overrides::default()).unwrap();
        Script::new(plan, segment, None, Time(0))
    }

    #[test]
    fn one_phase_follows_the_other() {
        let script = script();
        let mut course = Course::new(&script, Time(0), None);
        let mut seen = vec![course.name()];
        script.board.arrived.add_many(2);
        script.board.answered.add_many(2);
        let mut now = Time(0);
        while !course.is_over() {
            if course.proceed(&script, now).unwrap() {
                seen.push(format!("{} from {}", course.name(), now.0 / 1_000));
            }
            // All that is owed has come when the drain begins.
            if matches!(course.phase(), Phase::Drain(_)) && script.board.delivered.get() == 0 {
                script.board.delivered.add_many(4);
            }
            now = now + Duration::from_millis(50);
        }
        assert_eq!(script.stages_start(), Some(Time(200_000)));
        let from = ["wait from 0", "stage talk from 200", "stage rest from 1200", "drain from 2200"];
        assert_eq!(seen[0], "connect");
        assert_eq!(seen[1..5], from);
        assert_eq!(seen[5..], ["listen from 2250", "end from 2500"]);
    }

    #[test]
    fn who_is_there_goes_on_and_nobody_does_not() {
        let (script, late) = (script(), Time(u64::MAX / 2));
        let mut course = Course::new(&script, Time(0), None);
        assert_eq!(course.proceed(&script, Time(0)), Ok(false));
        assert_eq!(course.proceed(&script, late), Err("nobody could connect".into()));
        script.board.arrived.add();
        assert_eq!(course.proceed(&script, Time(0)), Ok(false), "the other may still come");
        assert_eq!(course.proceed(&script, late), Ok(true));
    }

    #[test]
    fn an_agreed_instant_is_kept_or_it_was_too_soon() {
        let script = script();
        script.board.arrived.add_many(2);
        let mut course = Course::new(&script, Time(0), Some(Time(900_000)));
        assert_eq!((course.proceed(&script, Time(0)), course.until()), (Ok(true), Time(900_000)));
        let last = script.plan.connect_at(1);
        assert!(last > Duration::ZERO);
        let mut course = Course::new(&script, Time(900_000), Some(Time(900_000) + last / 2));
        assert!(course.proceed(&script, Time(900_000)).is_err());
    }

    #[test]
    fn an_agreed_instant_that_is_too_soon_is_told_before_anyone_has_come() {
        let mut course = Course::new(&script(), Time(9_000_000), Some(Time(1_000_000)));
        let told = course.proceed(&script(), Time(9_000_000)).unwrap_err();
        assert_eq!(
            told,
            "the agreed instant comes 8.0 s before the last one is to connect: agree on a later one"
        );
    }

    #[test]
    fn who_is_not_there_at_an_agreed_instant_keeps_nobody_else_from_it() {
        let script = script();
        script.board.arrived.add();
        let agreed = Time(900_000);
        let mut course = Course::new(&script, Time(0), Some(agreed));
        assert_eq!(course.proceed(&script, Time(899_999)), Ok(false));
        assert_eq!((course.proceed(&script, agreed), course.until()), (Ok(true), agreed));
    }

    /// When a run is over of which everything is answered, and so many deliveries come.
    fn end_of(script: &Script, delivered: u64) -> Time {
        script.board.arrived.add_many(2);
        script.board.answered.add_many(2);
        script.board.delivered.add_many(delivered);
        let mut course = Course::new(script, Time(0), None);
        let mut now = Time(0);
        while !course.is_over() {
            let _ = course.proceed(script, now).unwrap();
            now = now + Duration::from_millis(50);
        }
        now
    }

    #[test]
    fn what_does_not_come_is_waited_for_as_long_as_was_said() {
        let (at_once, drained) = (Time(2_550_000), Time(7_250_000));
        assert_eq!(end_of(&script(), 4), at_once);
        assert_eq!(end_of(&script(), 3), drained, "the stages, and five seconds");
        // A share knows what is to come to its own clients, whoever says it.
        let half = Segment { index: 1, count: 2 };
        assert_eq!(end_of(&script_of(half, r#"["say"]"#), 2), at_once);
        assert_eq!(end_of(&script_of(half, r#"["say"]"#), 1), drained);
        // Where nobody knows how many it will be, they may all be late.
        let door = script_of(Segment::WHOLE, r#"["say", "leave", { think = "10ms" }, "join"]"#);
        assert_eq!(end_of(&door, 4), drained);
    }
}

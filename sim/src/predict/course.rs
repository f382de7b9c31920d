//! The course of a prediction, phase by phase, as `loadgen`'s conductor has it.

use chinwag_bots::{BREATH, Drain, LISTEN, Script, broken_now};
use chinwag_core::Time;
use chinwag_scenarios::Plan;

use super::world::World;

/// What is going on.
#[derive(Debug)]
pub(super) enum Phase {
    /// Everyone connects, until then at the latest.
    Connect { until: Time },
    /// The stages are under way, or about to begin.
    Stages { until: Time },
    /// What is under way arrives, until then at the latest.
    Drain { until: Time, drain: Drain },
    /// Everything has come that should: now for what should not.
    Listen { until: Time },
    /// The end.
    Over,
}

impl Phase {
    /// The first.
    pub(super) fn connect(plan: &Plan, now: Time) -> Self {
        let last = now + plan.connect_at(plan.clients() - 1);
        // Time for a second attempt.
        Self::Connect { until: last + 2 * plan.connect().timeout }
    }

    /// Whether it is the end.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// As the time series has it.
    pub(super) fn name(&self, script: &Script, now: Time) -> String {
        match self {
            Self::Connect { .. } => "connect".into(),
            Self::Stages { .. } => stage(script, now),
            Self::Drain { .. } => "drain".into(),
            Self::Listen { .. } => "listen".into(),
            Self::Over => "end".into(),
        }
    }
}

fn stage(script: &Script, now: Time) -> String {
    let start = script.stages_start().unwrap_or(now);
    if now <= start {
        return "wait".into();
    }
    let phases = script.plan.phases();
    let phase = phases.iter().find(|phase| now <= start + phase.end).or_else(|| phases.last());
    phase.map_or_else(|| "wait".into(), |phase| format!("stage {}", phase.name))
}

impl World<'_> {
    /// Goes on to the next phase, if this one is over.
    pub(super) fn proceed(&mut self) {
        let (now, board) = (self.now, &self.script.board);
        match &mut self.phase {
            Phase::Connect { until } => {
                let arrived = board.arrived.get();
                if arrived == u64::from(self.script.plan.clients()) || (now >= *until && arrived > 0) {
                    let start = now + BREATH;
                    self.phase = Phase::Stages { until: start + self.script.plan.duration() };
                    self.begin_stages(start);
                } else if now >= *until {
                    self.broken = Some("nobody could connect".into());
                }
            }
            Phase::Stages { until } if now >= *until => {
                let drain = Drain::new(&self.script, now);
                self.phase = Phase::Drain { until: now + self.script.plan.drain(), drain };
                self.hurry();
            }
            Phase::Drain { until, drain } => {
                if drain.is_over(now, board) {
                    self.phase = Phase::Listen { until: now + LISTEN };
                } else if now >= *until {
                    self.phase = Phase::Over;
                }
            }
            Phase::Listen { until } if now >= *until => self.phase = Phase::Over,
            Phase::Stages { .. } | Phase::Listen { .. } | Phase::Over => {}
        }
    }

    /// Ends it if a threshold that is to end a run does not hold.
    pub(super) fn check_thresholds(&mut self) {
        let Some(start) = self.script.stages_start().filter(|start| *start <= self.now) else { return };
        if self.scenario.thresholds.iter().all(|threshold| threshold.abort_after.is_none()) {
            return;
        }
        let times = self.bots.times();
        let passed = self.now.since(start);
        self.aborted = broken_now(self.scenario, &self.script.plan, &times, &self.script.board, passed);
        if self.aborted.is_some() {
            self.phase = Phase::Over;
        }
    }
}

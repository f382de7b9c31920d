//! The course of a prediction: what begins with each phase, and what ends it early.

use chinwag_bots::{Phase, broken_now};

use super::world::World;

impl World<'_> {
    /// Goes on to the next phase, and to the one after it, as long as they are over.
    pub(super) fn proceed(&mut self) {
        loop {
            match self.course.proceed(&self.script, self.now) {
                Ok(true) => {}
                Ok(false) => return,
                Err(why) => {
                    self.broken = Some(why);
                    return;
                }
            }
            match self.course.phase() {
                Phase::Wait => self.begin_stages(self.course.until()),
                Phase::Drain(_) => self.hurry(),
                _ => {}
            }
        }
    }

    /// Ends it if a threshold that is to end a run does not hold.
    pub(super) fn check_thresholds(&mut self) {
        let Some(start) = self.script.stages_start().filter(|start| *start <= self.now) else { return };
        if self.scenario.thresholds.iter().all(|threshold| threshold.abort_after.is_none()) {
            return;
        }
        let (times, passed) = (self.bots.times(), self.now.since(start));
        self.aborted = broken_now(self.scenario, &self.script.plan, &times, &self.script.board, passed);
    }
}

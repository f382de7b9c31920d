//! One set of deadlines for all bots of a worker, so that an idle bot costs no timer of its own.

use std::{cmp::Reverse, collections::BinaryHeap};

use chinwag_core::Time;

/// When to come back to which bot.
///
/// A deadline that moves away is left where it is, since almost every frame moves one: who is woken too early asks
/// again. So a bot has one live entry, and few that are dead.
#[derive(Debug)]
pub(crate) struct Timers {
    queue: BinaryHeap<Reverse<(Time, u32)>>,
    /// By bot: its live entry.
    armed: Vec<Option<Time>>,
}

impl Timers {
    /// No deadlines yet for so many bots.
    pub(crate) fn new(bots: usize) -> Self {
        Self { queue: BinaryHeap::with_capacity(bots), armed: vec![None; bots] }
    }

    /// Wakes `bot` at `deadline` or before. True if that is now the first of all.
    pub(crate) fn arm(&mut self, bot: usize, deadline: Option<Time>) -> bool {
        let Some(deadline) = deadline else { return false };
        if self.armed[bot].is_some_and(|armed| armed <= deadline) {
            return false;
        }
        self.armed[bot] = Some(deadline);
        let number = u32::try_from(bot).expect("bots are numbered in 32 bits");
        self.queue.push(Reverse((deadline, number)));
        self.next() == Some(deadline)
    }

    /// The first deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        self.queue.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// A bot whose time has come; its deadline is to be armed again.
    pub(crate) fn pop(&mut self, now: Time) -> Option<usize> {
        while self.next().is_some_and(|deadline| deadline <= now) {
            let Reverse((deadline, bot)) = self.queue.pop()?;
            let bot = bot as usize;
            if self.armed[bot] == Some(deadline) {
                self.armed[bot] = None;
                return Some(bot);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_deadline_replaces_a_later_one_and_not_the_other_way() {
        let mut timers = Timers::new(2);
        assert!(timers.arm(0, Some(Time(50))));
        assert!(!timers.arm(0, Some(Time(70))), "moved away: left where it is");
        assert!(timers.arm(1, Some(Time(20))));
        assert!(timers.arm(0, Some(Time(10))));
        assert!(!timers.arm(1, None));
        assert_eq!(timers.next(), Some(Time(10)));
        assert_eq!(timers.pop(Time(9)), None);
        assert_eq!(timers.pop(Time(20)), Some(0));
        assert_eq!(timers.pop(Time(20)), Some(1));
        assert_eq!(timers.pop(Time(100)), None, "the entry at 50 is dead");
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn who_was_woken_can_be_armed_again() {
        let mut timers = Timers::new(1);
        timers.arm(0, Some(Time(5)));
        assert_eq!(timers.pop(Time(5)), Some(0));
        assert!(timers.arm(0, Some(Time(9))));
        assert_eq!(timers.pop(Time(9)), Some(0));
    }
}

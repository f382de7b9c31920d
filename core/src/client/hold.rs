//! The pause after a refusal for the rate, and the care that follows it.

use crate::time::Time;

/// After a refusal for the rate nothing goes before the instant the server names, and then one at a time until
/// nothing waits any more.
#[derive(Debug)]
pub(super) struct Hold {
    until: Option<Time>,
    one_by_one: bool,
}

impl Hold {
    pub(super) const fn new() -> Self {
        Self { until: None, one_by_one: false }
    }

    /// Lets nothing go before `until`.
    pub(super) fn extend(&mut self, until: Time) {
        self.until = self.until.max(Some(until));
        self.one_by_one = true;
    }

    /// Whether something may go now. What is over is forgotten, so that nobody wakes up for it again.
    pub(super) fn is_over(&mut self, now: Time) -> bool {
        let left = self.until.filter(|until| *until > now);
        self.until = planted!(BusyTimer, self.until, left);
        left.is_none()
    }

    /// How many may be on their way at once.
    pub(super) const fn in_flight_max(&self, usual: usize) -> usize {
        if self.one_by_one { 1 } else { usual }
    }

    /// Nothing waits any more.
    pub(super) const fn relax(&mut self) {
        self.one_by_one = false;
    }

    /// Another connection need not wait for what is asked once on each, but be careful.
    pub(super) const fn disconnected(&mut self) {
        self.until = None;
    }

    /// When it is over.
    pub(super) const fn until(&self) -> Option<Time> {
        self.until
    }
}

//! Who sends more than may be for so long that they are sent away: counted again, from what a node reads and refuses.

use std::time::Duration;

use chinwag_core::{Time, config::GatewayConfig};

/// How much of what came over a line was refused for its rate, window by window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Abuse {
    window: Duration,
    refusals_min: u32,
    /// When the present window began.
    since: Time,
    received: u32,
    refused: u32,
    /// Too much was refused in the window before.
    before: bool,
    /// The line has to be closed.
    due: bool,
}

impl Abuse {
    /// A line begins.
    pub(crate) const fn new(now: Time, gateway: &GatewayConfig) -> Self {
        let GatewayConfig { abuse_window, abuse_refusals_min, .. } = *gateway;
        Self {
            window: abuse_window,
            refusals_min: abuse_refusals_min,
            since: now,
            received: 0,
            refused: 0,
            before: false,
            due: false,
        }
    }

    /// A frame comes in. A window begins with the first frame after the last one.
    pub(crate) fn receives(&mut self, now: Time) {
        let passed = now.since(self.since);
        if passed >= self.window {
            let follows = passed < self.window * 2;
            let before = follows && self.refused >= self.refusals_min && self.is_mostly_refused();
            *self = Self { since: now, received: 0, refused: 0, before, ..*self };
        }
        self.received += 1;
    }

    /// A frame is refused for its rate: at least half of a whole window was, and it goes on.
    pub(crate) const fn refuses(&mut self) {
        self.refused += 1;
        self.due |= self.before && self.is_mostly_refused();
    }

    /// Whether the line has to be closed.
    pub(crate) const fn is_due(&self) -> bool {
        self.due
    }

    const fn is_mostly_refused(&self) -> bool {
        self.refused * 2 >= self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    /// So many come in each second for so long, of which so many are refused; whether the line has to be closed.
    fn is_due_after(seconds: u64, received: u32, refused: u32) -> bool {
        let gateway = GatewayConfig {
            abuse_window: Duration::from_secs(5),
            abuse_refusals_min: 10,
            ..GatewayConfig::default()
        };
        let mut abuse = Abuse::new(Time(0), &gateway);
        for second in 0..seconds {
            for nth in 0..received {
                abuse.receives(Time(second * SECOND));
                if nth < refused {
                    abuse.refuses();
                }
            }
        }
        abuse.is_due()
    }

    #[test]
    fn whoever_goes_on_after_a_window_is_sent_away() {
        assert!(!is_due_after(5, 10, 5), "the first window is not over");
        assert!(is_due_after(6, 10, 5));
        assert!(!is_due_after(30, 10, 4), "less than half");
        assert!(!is_due_after(30, 1, 1), "too few");
    }
}

//! How long mail between nodes takes at most: by what was in force since the instant that is judged.

use std::time::Duration;

use chinwag_core::Time;

/// What may pass beside the times that are given to machines.
pub(crate) const SLACK: Duration = Duration::from_millis(100);

/// Mails from something that is said until all is told that follows from it: to a shard, from there to a gateway, and once
/// more for a list, between two nodes each.
const MAILS: u32 = 6;

/// What mail takes at most, and when it took longer.
#[derive(Debug)]
pub(crate) struct Delays {
    usual: Duration,
    /// What comes to that, at a shard whose log is on a disk.
    disk: Duration,
    /// In the order in which they began: how long mail took at most, and until when some of it may have been on its way.
    skews: Vec<(Duration, Time)>,
}

impl Delays {
    /// Mail takes so long at most, and to store what is in it so much more.
    pub(crate) const fn new(usual: Duration, disk: Duration) -> Self {
        Self { usual, disk, skews: Vec::new() }
    }

    /// From now on mail may take so long, if it is sent before that time.
    pub(crate) fn skews(&mut self, longest: Duration, until: Time) {
        self.skews.push((longest, until + longest));
    }

    /// How long mail takes at most that was on its way at that time or later.
    pub(crate) fn mail_since(&self, since: Time) -> Duration {
        let in_force = self.skews.iter().filter(|&&(_, over)| over >= since).map(|&(longest, _)| longest);
        in_force.max().unwrap_or_default().max(self.usual) + self.disk
    }

    /// How long it may take until all is told that follows from what happened then.
    pub(crate) fn since(&self, since: Time) -> Duration {
        self.mail_since(since) * MAILS + SLACK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_does_not_count() {
        let (millis, at) = (Duration::from_millis, |millis: u64| Time(millis * 1_000));
        let mut delays = Delays::new(millis(10), Duration::ZERO);
        assert_eq!(delays.mail_since(at(0)), millis(10));
        delays.skews(millis(500), at(2_000));
        delays.skews(millis(80), at(4_000));
        delays.skews(millis(1), at(9_000));
        assert_eq!(delays.mail_since(at(0)), millis(500));
        assert_eq!(delays.mail_since(at(2_500)), millis(500), "what was sent before is on its way");
        assert_eq!(delays.mail_since(at(2_501)), millis(80));
        assert_eq!(delays.mail_since(at(5_000)), millis(10));
        assert_eq!(delays.since(at(5_000)), millis(60) + SLACK);
    }
}

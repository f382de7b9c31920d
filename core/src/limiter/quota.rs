//! At most so many in any span, exactly: limits by the hour, and least delays (S4.20).

use std::{collections::VecDeque, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Most that a quota admits in its span: every one of them is remembered.
pub const QUOTA_MAX: u32 = 10_000;

/// What happens to a message above a limit. It is never said.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A warning now and then (S0.27); an error, if the message has a number or key to answer to.
    #[default]
    Warn,
    /// An error that says when to try again (S4.13).
    Error,
    /// The same, and the connection is closed with 4001 (S2.13).
    Close,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Warn, Self::Error, Self::Close];

    /// The word that settings use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Close => "close",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Not one of the words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|action| action.word() == word).ok_or(UnknownAction)
    }
}

/// At most so many messages of a user in any span of this length. One in a span is a least delay.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Quota {
    /// Most messages, 1 to [`QUOTA_MAX`].
    pub count: u32,
    /// The span.
    pub per: Duration,
    /// What happens above it.
    pub action: Action,
}

/// What a user has used of a quota: the instants of what was admitted in the last span, oldest first.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Used(VecDeque<Time>);

impl Used {
    /// How long until another is admitted; `None` if it is now.
    #[must_use]
    pub fn wait(&self, now: Time, quota: Quota) -> Option<Duration> {
        let count = planted!(QuotaOneTooMany, quota.count + 1, quota.count);
        let too_soon = || count - u32::from(quota.action == Action::Close && count > 1);
        let count = planted!(ClosesBelowTheLimit, too_soon(), count);
        let first = self.0.len().checked_sub(count as usize)?;
        let free = self.0[first] + quota.per;
        (free > now).then(|| free.since(now))
    }

    /// Counts one that is admitted.
    pub fn admit(&mut self, now: Time, quota: Quota) {
        // A clock that was set back, or another gateway's, must not bring them out of order.
        let at = self.0.back().map_or(now, |&last| last.max(now));
        self.0.push_back(at);
        while self.0.len() > quota.count as usize || self.0.front().is_some_and(|&at| at + quota.per <= now) {
            self.0.pop_front();
        }
    }

    /// Both together; for states that were carried. What both hold is counted once.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        if self.0.is_empty() || self == other {
            return other;
        }
        let (mut ours, mut theirs) = (self.0.into_iter().peekable(), other.0.into_iter().peekable());
        let mut both = VecDeque::with_capacity(ours.len().max(theirs.len()));
        while let Some(earliest) = ours.peek().into_iter().chain(theirs.peek()).min().copied() {
            ours.next_if_eq(&earliest);
            theirs.next_if_eq(&earliest);
            both.push_back(earliest);
        }
        // No quota looks back further.
        both.drain(..both.len().saturating_sub(QUOTA_MAX as usize));
        Self(both)
    }

    /// Adds to each of these what was carried of the same quota.
    pub fn gather(own: &mut Vec<Self>, carried: Vec<Self>) {
        let quotas = own.len().max(carried.len());
        own.resize_with(quotas, Self::default);
        for (own, carried) in own.iter_mut().zip(carried) {
            *own = std::mem::take(own).with(carried);
        }
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Time = Time(1_795_237_380_000_000);

    #[test]
    fn one_in_a_span_is_a_least_delay() {
        let quota = Quota { count: 1, per: Duration::from_secs(2), action: Action::Error };
        let mut used = Used::default();
        assert_eq!(used.wait(START, quota), None);
        used.admit(START, quota);
        let later = START + Duration::from_millis(500);
        assert_eq!(used.wait(later, quota), Some(Duration::from_millis(1_500)));
        assert_eq!(used.wait(START + quota.per, quota), None);
    }

    #[test]
    fn what_both_hold_counts_once_and_the_latest_are_kept() {
        let used = |at: &[u64]| Used(at.iter().map(|&at| Time(at)).collect());
        assert_eq!(used(&[1, 1, 3]).with(used(&[1, 2, 3, 4])), used(&[1, 1, 2, 3, 4]));
        assert_eq!(used(&[]).with(used(&[2])), used(&[2]));
        assert_eq!(used(&[2]).with(used(&[])), used(&[2]));
        let max = u64::from(QUOTA_MAX);
        let (old, new) = (used(&[1, 2]), Used((2..=max).map(Time).collect()));
        assert_eq!(old.with(new), Used((1..=max).map(Time).collect()));
        let (old, new) = (used(&[1, 2]), Used((2..max + 2).map(Time).collect()));
        assert_eq!(old.with(new.clone()), new);
    }

    #[test]
    fn what_was_used_elsewhere_counts() {
        let quota = Quota { count: 3, per: Duration::from_secs(3_600), action: Action::Error };
        let (mut here, mut there) = (Used::default(), Used::default());
        here.admit(START + Duration::from_secs(9), quota);
        for second in [1, 2] {
            there.admit(START + Duration::from_secs(second), quota);
        }
        let both = here.with(there);
        let wait = both.wait(START + Duration::from_secs(10), quota);
        assert_eq!(wait, Some(Duration::from_secs(3_600 - 9)), "the oldest of three was at second 1");
    }

    #[test]
    fn words_lead_back_to_their_actions() {
        for action in Action::ALL {
            assert_eq!(action.to_string().parse(), Ok(action));
        }
        assert_eq!("never".parse::<Action>(), Err(UnknownAction));
    }

    proptest! {
        /// Against the rule itself: those admitted in the span before an instant are fewer than the quota.
        #[test]
        fn exactly_so_many_in_every_span(
            count in 1u32..8, per in 1u64..50, gaps in proptest::collection::vec(0u64..20, 1..200),
        ) {
            let quota = Quota { count, per: Duration::from_micros(per), action: Action::Warn };
            let (mut used, mut admitted, mut now) = (Used::default(), Vec::<Time>::new(), START);
            for gap in gaps {
                now = Time(now.0 + gap);
                let recent = admitted.iter().filter(|&&at| now.0 - at.0 < per).count();
                let wait = used.wait(now, quota);
                prop_assert_eq!(wait.is_none(), recent < count as usize);
                match wait {
                    None => {
                        used.admit(now, quota);
                        admitted.push(now);
                    }
                    Some(wait) => prop_assert_eq!(used.wait(now + wait, quota), None, "the answer is exact"),
                }
                prop_assert!(used.0.len() <= count as usize);
            }
        }
    }
}

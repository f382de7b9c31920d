//! The limiter against its promise, taken literally: a list of what was admitted, and every window looked at.

use std::time::Duration;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::{Bucket, Rate};
use crate::{model::histories, time::Time};

const SECOND: u64 = 1_000_000;
const START: u64 = 1_700_000_000 * SECOND;

/// What happens to the two copies of a session's bucket: the one that is carried, and the one its new connection
/// begins with.
#[derive(Clone, Debug)]
enum Transition {
    /// A token is asked of a copy, some time after whatever was before. The second copy's clock is behind.
    Take { copy: usize, after_us: u64 },
    /// The connection is attached, and both go on as one.
    Merge,
    /// A copy travels in a record of the log.
    Carry { copy: usize },
}

/// When tokens were taken, and an instant that no clock here is before.
#[derive(Clone, Debug, Default)]
struct Admitted {
    at: Vec<u64>,
    floor: u64,
}

/// Both copies as the promise has them.
#[derive(Clone, Debug)]
struct Model {
    rate: Rate,
    skew_us: u64,
    now: u64,
    copies: [Admitted; 2],
    /// Whether the last token that was asked for was there.
    granted: bool,
}

impl Admitted {
    /// How many millionths of tokens the fullest window up to `now` is above the rate.
    fn excess(&self, now: u64, rate: Rate) -> i128 {
        let window = |(earlier, from): (usize, &u64)| {
            let taken = (self.at.len() - earlier) as u64 * SECOND;
            i128::from(taken) - i128::from((now - from) * u64::from(rate.per_second))
        };
        self.at.iter().enumerate().map(window).max().unwrap_or(0).max(0)
    }

    /// Whether one more fits into every window.
    fn has_token(&self, now: u64, rate: Rate) -> bool {
        self.excess(now.max(self.floor), rate) + i128::from(SECOND)
            <= i128::from(rate.burst) * i128::from(SECOND)
    }

    fn take(&mut self, now: u64, rate: Rate) -> bool {
        let granted = self.has_token(now, rate);
        if granted {
            self.floor = self.floor.max(now);
            self.at.push(self.floor);
        }
        granted
    }
}

impl Model {
    /// The present instant on the clock of whoever holds a copy.
    fn clock(&self, copy: usize) -> u64 {
        self.now - if copy == 0 { 0 } else { self.skew_us }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        let skew_us = prop_oneof![Just(0), 0..2 * SECOND];
        (1u32..50, 1u32..12, skew_us)
            .prop_map(|(per_second, burst, skew_us)| Self {
                rate: Rate { per_second, burst },
                skew_us,
                now: START,
                copies: Default::default(),
                granted: true,
            })
            .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        let after_us = prop_oneof![3 => Just(0), 6 => 0..SECOND / 4, 1 => 0..5 * SECOND];
        prop_oneof![
            12 => (0..2usize, after_us).prop_map(|(copy, after_us)| Transition::Take { copy, after_us }),
            1 => Just(Transition::Merge),
            1 => (0..2usize).prop_map(|copy| Transition::Carry { copy }),
        ]
        .boxed()
    }

    fn apply(mut model: Self, transition: &Transition) -> Self {
        match *transition {
            Transition::Take { copy, after_us } => {
                model.now += after_us;
                let now = model.clock(copy);
                model.granted = model.copies[copy].take(now, model.rate);
            }
            Transition::Merge => {
                let floor = model.copies[0].floor.max(model.copies[1].floor);
                let [first, second] = &model.copies;
                let emptier = if first.excess(floor, model.rate) > second.excess(floor, model.rate) {
                    first
                } else {
                    second
                };
                let merged = Admitted { at: emptier.at.clone(), floor };
                model.copies = [merged.clone(), merged];
            }
            Transition::Carry { .. } => {}
        }
        model
    }
}

/// Buckets as they are.
struct Limiter;

impl StateMachineTest for Limiter {
    type SystemUnderTest = [Bucket; 2];
    type Reference = Model;

    fn init_test(_: &Model) -> [Bucket; 2] {
        [Bucket::default(); 2]
    }

    fn apply(mut buckets: [Bucket; 2], model: &Model, transition: Transition) -> [Bucket; 2] {
        match transition {
            Transition::Take { copy, .. } => {
                let result = buckets[copy].take(Time(model.clock(copy)), model.rate);
                assert_eq!(result.is_ok(), model.granted, "{result:?}");
                if let Err(wait) = result {
                    assert_shortest(wait, &model.copies[copy], model.clock(copy), model.rate);
                }
            }
            Transition::Merge => buckets = [buckets[0].emptier(buckets[1], model.rate); 2],
            Transition::Carry { copy } => {
                let record = serde_json::to_string(&buckets[copy]).expect("buckets can be written");
                buckets[copy] = serde_json::from_str(&record).expect("and read");
            }
        }
        buckets
    }
}

/// Whoever waits as long as it is told is admitted, and a microsecond less is too little.
fn assert_shortest(wait: Duration, copy: &Admitted, now: u64, rate: Rate) {
    let due = (Time(now) + wait).0;
    assert!(copy.has_token(due, rate), "the promised instant is refused");
    assert!(!copy.has_token(due - 1, rate), "the wait is too long");
}

prop_state_machine! {
    #![proptest_config(histories(512))]

    #[test]
    fn every_window_is_bounded_and_whatever_fits_is_admitted(sequential 1..120 => Limiter);
}

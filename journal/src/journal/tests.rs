//! What every log keeps to, whatever stores it.

use chinwag_core::{
    Time,
    shard::{Entry, Op},
};
use proptest::{collection::vec, prelude::*};

use super::{GroupCommit, Journal, Memory};
use crate::store::{Batch, Durability};

/// The last entry of an earlier life.
const BEFORE: (u64, Time) = (4, Time(1_000));

/// Every kind of log, and whether entries wait in it until they are stored.
fn journals() -> Vec<(Box<dyn Journal>, bool)> {
    let (last, at) = BEFORE;
    let on_disk = |durability| -> Box<dyn Journal> { Box::new(GroupCommit::after(last, at, durability)) };
    vec![
        (Box::new(Memory::after(last, at)), false),
        (on_disk(Durability::None), false),
        (on_disk(Durability::Interval), true),
        (on_disk(Durability::Commit), true),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Something is submitted then.
    Append(u64),
    /// The driver stores what it was given.
    Store,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![2 => (900_u64..1_100).prop_map(Step::Append), 1 => Just(Step::Store)]
}

/// A driver, and what it sees of a log.
#[derive(Default)]
struct Driver {
    appended: u64,
    storing: Option<Batch>,
    /// The last entry that was stored.
    stored: u64,
    applied: Vec<Entry>,
}

impl Driver {
    fn take(&mut self, journal: &mut dyn Journal, step: Step) {
        match step {
            Step::Append(at) => {
                self.appended += 1;
                journal.append(Time(at), Op::Expire);
            }
            Step::Store => {
                if let Some(batch) = self.storing.take() {
                    self.stored = batch.last();
                    journal.stored(batch.last());
                }
            }
        }
        self.applied.extend(std::iter::from_fn(|| journal.poll_durable()));
        if let Some(batch) = journal.poll_store() {
            let next = self.stored.max(BEFORE.0) + 1;
            assert!(self.storing.is_none() && batch.first() == next, "one at a time, and all in order");
            self.storing = Some(batch);
        }
    }
}

proptest! {
    #[test]
    fn entries_come_in_order_and_not_before_they_are_stored(steps in vec(step(), 0..60)) {
        for (mut journal, waits) in journals() {
            let mut driver = Driver::default();
            for &step in &steps {
                driver.take(&mut *journal, step);
                let last = driver.applied.last().map_or(BEFORE.0, |entry| entry.index);
                let wanted = if waits { driver.stored.max(BEFORE.0) } else { BEFORE.0 + driver.appended };
                prop_assert_eq!(last, wanted);
                prop_assert_eq!(journal.last(), BEFORE.0 + driver.appended);
            }
            let before = Entry { index: BEFORE.0, at: BEFORE.1, op: Op::Expire };
            let all: Vec<_> = std::iter::once(before).chain(driver.applied).collect();
            for pair in all.windows(2) {
                prop_assert_eq!(pair[1].index, pair[0].index + 1);
                prop_assert!(pair[1].at >= pair[0].at);
            }
        }
    }
}

#[test]
fn times_of_entries_never_go_back() {
    let mut journal = Memory::after(0, Time(0));
    for now in [10, 5, 12] {
        journal.append(Time(now), Op::Expire);
    }
    let entries = std::iter::from_fn(|| journal.poll_durable());
    let stamps: Vec<(u64, u64)> = entries.map(|entry| (entry.index, entry.at.0)).collect();
    assert_eq!(stamps, [(1, 10), (2, 10), (3, 12)]);
}

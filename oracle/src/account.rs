//! What became of one room's messages at one member.

use serde::{Deserialize, Serialize};

use crate::{
    observation::{MemberId, RoomId},
    reader::Delivery,
    stream::Arrival,
};

/// The verdict on one room's deliveries to one member. Counts are defined at [`Report`](crate::Report), which holds
/// their sums.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Account {
    /// Deliveries owed.
    pub expected: u64,
    /// Deliveries owed and made.
    pub received: u64,
    /// Deliveries owed that a gap verdict named as gone.
    pub announced_lost: u64,
    /// What went wrong with those that were made, and with those that were not made where they should.
    pub faults: Faults,
}

impl Account {
    /// Deliveries owed and never made.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.expected - self.received - self.announced_lost
    }

    /// Adds what became of others.
    pub(crate) const fn add(&mut self, other: &Self) {
        self.expected += other.expected;
        self.received += other.received;
        self.announced_lost += other.announced_lost;
        self.faults.add(other.faults);
    }
}

/// Whose deliveries an account is about, and of which room.
pub type Whose = (MemberId, RoomId);

/// What went wrong with deliveries.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Faults {
    /// Messages that came once more.
    pub duplicated: u64,
    /// Messages that came after one that should have come later.
    pub reordered: u64,
    /// Messages that a connection's stream passed over.
    pub skipped: u64,
    /// Messages that are nobody's of this run, or of a room that the member is not in.
    pub foreign: u64,
}

impl Faults {
    /// Adds what went wrong elsewhere.
    pub(crate) const fn add(&mut self, other: Self) {
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.foreign += other.foreign;
    }

    /// A message was shown, and it was not as it should.
    pub(crate) const fn shown(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Late => self.reordered += 1,
            Delivery::Duplicate => self.duplicated += 1,
            Delivery::Stray => self.foreign += 1,
            Delivery::Owed | Delivery::History => {}
        }
    }

    /// A message came over a connection, and it was not the next one.
    pub(crate) const fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Next => {}
            Arrival::Skipping(places) => self.skipped = self.skipped.saturating_add(places),
            Arrival::Mending => {
                self.skipped = self.skipped.saturating_sub(1);
                self.reordered += 1;
            }
            Arrival::Early => self.reordered += 1,
            Arrival::Again => self.duplicated += 1,
        }
    }
}

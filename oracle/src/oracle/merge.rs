//! Two oracles that watched parts of a run become one.

use super::Oracle;
use crate::{observation::SendId, table::entry};

impl Oracle {
    /// What both have seen; it does not matter which is which.
    ///
    /// # Panics
    /// If they judge in different modes or for different servers, or by [what is kept](Self::keeping).
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        let alike = (self.mode, self.agreement) == (other.mode, other.agreement);
        assert!(alike, "merged oracles judge alike");
        assert_eq!((self.keep, other.keep), (None, None), "who knows what is kept has watched the whole run");
        for (id, theirs) in other.sends.into_iter().enumerate() {
            let ours = self.send(SendId(u32::try_from(id).expect("a send's number")));
            ours.planned = ours.planned.or(theirs.planned);
            ours.sent |= theirs.sent;
            ours.acknowledged |= theirs.acknowledged;
            ours.refused |= theirs.refused;
            ours.unresolved |= theirs.unresolved;
            ours.repeated |= theirs.repeated;
            ours.again |= theirs.again;
            ours.position = ours.position.or(theirs.position);
        }
        self.ledger.merge(other.ledger);
        for (member, theirs) in other.readers.into_iter().enumerate() {
            entry(&mut self.readers, member).extend(theirs);
        }
        for (member, theirs) in other.authors.into_iter().enumerate() {
            entry(&mut self.authors, member).extend(theirs);
        }
        for (member, theirs) in other.streams.into_iter().enumerate() {
            entry(&mut self.streams, member).extend(theirs);
        }
        self.tally.add(other.tally);
        for (member, theirs) in other.faults.into_iter().enumerate() {
            entry(&mut self.faults, member).extend(theirs);
        }
        self.checks.merge(other.checks);
        self.violations.merge(other.violations);
        self
    }
}

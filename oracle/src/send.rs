//! What is known of a message, whoever has been shown it.

use chinwag_core::Position;
use serde::{Deserialize, Serialize};

use crate::{
    observation::{MemberId, RoomId},
    violation::Promise,
};

/// What is known of a message.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Send {
    /// Where and by whom.
    pub(crate) planned: Option<(RoomId, MemberId)>,
    pub(crate) sent: bool,
    pub(crate) acknowledged: bool,
    pub(crate) refused: bool,
    pub(crate) unresolved: bool,
    /// It was sent more than once, or is going to be.
    pub(crate) repeated: bool,
    /// It was sent once more though its place was known: a server that has forgotten its room gives it another one.
    pub(crate) again: bool,
    /// The place at which it was seen first, to find a second one at once.
    pub(crate) position: Option<Position>,
}

impl Send {
    /// Whether it may be in its room at a place that is not known, or get one.
    pub(crate) const fn is_open(&self) -> bool {
        self.sent && !self.refused && (self.position.is_none() || self.again)
    }

    /// Why this message cannot be in `room`.
    pub(crate) fn objection(&self, room: RoomId) -> Option<(Promise, &'static str)> {
        match self.planned {
            None => Some((Promise::NoInvention, "was never planned")),
            Some((planned, _)) if planned != room => {
                Some((Promise::NoInvention, "belongs into another room"))
            }
            Some(_) if !self.sent => Some((Promise::NoInvention, "was never sent")),
            Some(_) if self.refused => Some((Promise::Refusal, "was finally refused")),
            Some(_) => None,
        }
    }
}

//! Randomness as a function: every draw has a key, so changing one part of a plan does not shift the others.

use std::time::Duration;

use chinwag_core::hash;

/// What a draw is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The instant at which someone speaks.
    Instant,
    /// The order in which clients take their turns.
    Turn,
    /// The size of a message.
    Size,
    /// The filling of a message.
    Filling,
    /// Whom an event hits.
    Target,
    /// When someone may return.
    Return,
    /// The number of the run.
    Run,
}

/// A source of draws for one purpose in one place, such as a stage.
#[derive(Clone, Copy)]
pub(crate) struct Draw(u64);

impl Draw {
    /// Draws for `purpose` at the place that has this name.
    pub(crate) fn new(seed: u64, purpose: Purpose, place: &str) -> Self {
        Self(hash::mix(hash::mix(seed, purpose as u64), hash::bytes(place.as_bytes())))
    }

    /// The same for a numbered part of the place, such as a room.
    pub(crate) const fn part(self, index: u64) -> Self {
        Self(hash::mix(self.0, index))
    }

    /// 64 random bits.
    pub(crate) const fn bits(self, index: u64) -> u64 {
        hash::mix(self.0, index)
    }

    /// A number from `0..bound`; 0 if the bound is 0.
    pub(crate) fn below(self, index: u64, bound: u64) -> u64 {
        let scaled = (u128::from(self.bits(index)) * u128::from(bound)) >> 64;
        u64::try_from(scaled).expect("below a u64")
    }

    /// An instant from `0..span`, in whole microseconds.
    pub(crate) fn within(self, index: u64, span: Duration) -> Duration {
        Duration::from_micros(self.below(index, u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }

    /// Brings things into random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = self.below(last as u64, last as u64 + 1);
            things.swap(last, usize::try_from(other).expect("an index"));
        }
    }
}

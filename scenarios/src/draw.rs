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
    /// How long someone thinks.
    Think,
    /// Which of their rooms someone does something in.
    Room,
    /// Which rooms someone is in.
    Membership,
    /// Which scenario a client plays in.
    Share,
    /// Where in their first round someone begins.
    Phase,
}

/// A place, such as a stage, by its name.
#[derive(Clone, Copy)]
pub(crate) struct Place(u64);

/// The place of this name.
pub(crate) fn place_of(name: &str) -> Place {
    Place(hash::bytes(name.as_bytes()))
}

/// A source of draws for one purpose in one place.
#[derive(Clone, Copy)]
pub(crate) struct Draw(u64);

impl Draw {
    /// Draws for `purpose` at the place that has this name.
    pub(crate) fn new(seed: u64, purpose: Purpose, place: &str) -> Self {
        Self::at(seed, purpose, place_of(place))
    }

    /// The same, for a place whose name was looked at already.
    pub(crate) const fn at(seed: u64, purpose: Purpose, place: Place) -> Self {
        Self(hash::mix(hash::mix(seed, purpose as u64), place.0))
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

    /// A number from 0 up to, and without, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
    pub(crate) fn unit(self, index: u64) -> f64 {
        (self.bits(index) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Brings things into random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = self.below(last as u64, last as u64 + 1);
            things.swap(last, usize::try_from(other).expect("an index"));
        }
    }
}

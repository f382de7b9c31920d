//! How far the clocks of several processes agree: latency between two of them is wrong by as much as theirs differ.

use serde::{Deserialize, Serialize};

use crate::offset::Offset;

/// What is known of the clock of one process of several.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct SegmentClock {
    /// Which process, from 1.
    pub(crate) segment: u32,
    /// How many microseconds the server's clock was ahead of its; unknown if the server did not say what time it is.
    pub(crate) offset_us: Option<i64>,
    /// By how much that may be wrong, from the beginning to the end.
    pub(crate) bound_us: Option<u64>,
}

/// The clocks of several processes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Clocks {
    /// Each against the server's.
    pub(crate) segments: Vec<SegmentClock>,
    /// The largest difference between two of them, in microseconds; unknown if one of them is.
    pub(crate) difference_us: Option<u64>,
    /// By how much latency between two of them may be wrong at most: difference and bounds.
    pub(crate) error_max_us: Option<u64>,
}

impl SegmentClock {
    /// From what was measured at the beginning and at the end.
    pub(crate) fn new(segment: u32, before: Option<Offset>, after: Option<Offset>) -> Self {
        let offset = before.zip(after).map(|(before, after)| before.until(after));
        Self { segment, offset_us: offset.map(Offset::middle), bound_us: offset.map(Offset::bound) }
    }

    /// The difference to another, and by how much latency between them may be wrong.
    fn against(&self, other: &Self) -> Option<(u64, u64)> {
        let difference = self.offset_us?.abs_diff(other.offset_us?);
        Some((difference, difference + self.bound_us? + other.bound_us?))
    }
}

impl Clocks {
    /// Compares them; nothing if there are none.
    pub(crate) fn new(mut segments: Vec<SegmentClock>) -> Option<Self> {
        segments.sort_unstable();
        let pairs = segments
            .iter()
            .enumerate()
            .flat_map(|(place, one)| segments[place + 1..].iter().map(move |other| one.against(other)));
        let pairs: Option<Vec<_>> = pairs.collect();
        let pairs = pairs.filter(|pairs| !pairs.is_empty());
        let largest = |of: fn(&(u64, u64)) -> u64| pairs.as_ref()?.iter().map(of).max();
        let (difference_us, error_max_us) = (largest(|pair| pair.0), largest(|pair| pair.1));
        (!segments.is_empty()).then_some(Self { segments, difference_us, error_max_us })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(segment: u32, offset_us: i64, bound_us: u64) -> SegmentClock {
        SegmentClock { segment, offset_us: Some(offset_us), bound_us: Some(bound_us) }
    }

    #[test]
    fn the_two_that_differ_most_say_by_how_much_latency_may_be_wrong() {
        let clocks = Clocks::new(vec![clock(3, 40, 500), clock(1, -100, 10), clock(2, 90, 20)]).unwrap();
        assert_eq!(clocks.segments.iter().map(|clock| clock.segment).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((clocks.difference_us, clocks.error_max_us), (Some(190), Some(650)));
    }

    #[test]
    fn one_that_is_not_known_makes_all_unknown() {
        let unknown = SegmentClock::new(2, None, None);
        let clocks = Clocks::new(vec![clock(1, 5, 5), unknown]).unwrap();
        assert_eq!((clocks.difference_us, clocks.error_max_us), (None, None));
        let alone = Clocks::new(vec![clock(1, 5, 5)]).unwrap();
        assert_eq!(alone.difference_us, None, "there is no other");
        assert_eq!(Clocks::new(Vec::new()), None);
    }
}

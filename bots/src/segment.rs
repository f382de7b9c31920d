//! A share of a run's clients: what one process of several carries out, all from the same plan.

use std::{fmt, str::FromStr};

use chinwag_scenarios::{EventKind, Plan};
use serde::{Deserialize, Serialize};

/// Most processes of a run.
const COUNT_MAX: u32 = 10_000;

/// Every `count`-th client, from `index` on. The whole run is segment 0 of 1.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Segment {
    /// From 0; people count from 1.
    pub index: u32,
    /// Of how many.
    pub count: u32,
}

impl Segment {
    /// All clients.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Whether it is all of the run.
    pub const fn is_whole(self) -> bool {
        self.count == 1
    }

    /// Whether a client is in it.
    pub const fn has(self, client: u32) -> bool {
        client % self.count == self.index
    }

    /// How many of so many clients are in it.
    pub fn share(self, clients: u32) -> u32 {
        clients.saturating_sub(self.index).div_ceil(self.count)
    }

    /// How many sockets of its clients are open at once, at most: half-open ones are until the end of the run.
    #[must_use]
    pub fn sockets(self, plan: &Plan) -> u32 {
        let half_open = plan.events().iter().filter(|event| event.kind == EventKind::HalfOpen);
        let left = half_open.flat_map(|event| &event.targets).filter(|target| self.has(target.client));
        self.share(plan.clients()).saturating_add(u32::try_from(left.count()).unwrap_or(u32::MAX))
    }

    /// How many messages of a plan its clients are to send.
    #[must_use]
    pub fn sends(self, plan: &Plan) -> u64 {
        plan.sends().iter().filter(|send| self.has(send.client)).count() as u64
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {}/{}", self.index + 1, self.count)
    }
}

impl FromStr for Segment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((1, 1)) => Err("1/1 is all of it: leave --segment out".into()),
            Some((k, n)) if (1..=n).contains(&k) && n <= COUNT_MAX => Ok(Self { index: k - 1, count: n }),
            _ => Err("write it as 2/8: the second of eight".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use chinwag_scenarios::{Overrides, Scenario};

    use super::*;

    #[test]
    fn half_open_sockets_are_counted_with_those_that_follow_them() {
        let text = r#"
            run = { name = "x", seed = 1, clients = 8 }
            rooms = { size = 8 }
            scenario = [{ name = "a", duration = "4s" }]
            event = [
                { at = "1s", kind = "half-open", fraction = 0.5, down_for = "1s" },
                { at = "1s", kind = "reset", down_for = "1s" },
                { at = "3s", kind = "half-open", down_for = "500ms" },
            ]
        "#;
        let plan = Plan::new(&Scenario::parse("x", text).unwrap(), Overrides::default()).unwrap();
        assert_eq!(Segment::WHOLE.sockets(&plan), 8 + 4 + 8);
        let halves = (0..2).map(|index| Segment { index, count: 2 }.sockets(&plan));
        assert_eq!(halves.sum::<u32>(), 20);
    }

    #[test]
    fn every_client_is_in_one_segment() {
        for (segments, clients) in [(1, 10), (4, 103), (7, 6)] {
            let segments = (0..segments).map(|index| Segment { index, count: segments });
            let mut shares = 0;
            for segment in segments {
                let ours = (0..clients).filter(|client| segment.has(*client));
                assert_eq!(u32::try_from(ours.count()).unwrap(), segment.share(clients));
                shares += segment.share(clients);
            }
            assert_eq!(shares, clients);
        }
    }

    #[test]
    fn people_count_from_one() {
        let segment: Segment = "2/8".parse().unwrap();
        assert_eq!((segment, segment.to_string().as_str()), (Segment { index: 1, count: 8 }, "segment 2/8"));
        for wrong in ["0/8", "9/8", "2", "2/", "a/b", "1/20000"] {
            assert!(wrong.parse::<Segment>().is_err(), "{wrong}");
        }
    }
}

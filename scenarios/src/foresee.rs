//! What a plan foresees of what will be counted, so that thresholds can say `planned`.

use std::time::Duration;

use crate::{
    metric::Metric,
    plan::{Plan, index},
    threshold::{Aggregate, Query},
};

/// A message said this close to a cut or a return may reach a client on either side of it.
const CATCH_UP_MARGIN: Duration = Duration::from_millis(500);

impl Plan {
    /// How many deliveries everything said makes, if that can be foreseen.
    #[must_use]
    pub fn deliveries(&self) -> Option<u64> {
        let members = self.sends().iter().map(|send| self.members_of(send.room).len() as u64);
        self.foreseeable.then(|| members.sum())
    }
    /// What the plan foresees: the answer to a query with [`Aggregate::Planned`](crate::Aggregate::Planned).
    #[must_use]
    pub fn planned(&self, query: Query<'_>) -> Option<u64> {
        let Aggregate::Planned(count) = query.aggregate else { return None };
        match (query.metric, count) {
            (Metric::Connections, "connected") => Some(u64::from(self.clients())),
            (Metric::Delivery, "expected" | "received") => self.deliveries(),
            (Metric::Reconnects, "count") => {
                let lost = self.events().iter().filter(|event| event.kind.loses_connections());
                Some(lost.map(|event| event.targets.len() as u64).sum())
            }
            (Metric::CaughtUp, "count") => self.foreseeable.then(|| self.caught_up()),
            _ => None,
        }
    }

    /// What those who are cut off miss for certain: all that is said in their rooms while they are away.
    fn caught_up(&self) -> u64 {
        let mut said = vec![Vec::new(); index(self.rooms())];
        for send in self.sends() {
            said[index(send.room)].push(send.at);
        }
        let missed = |from: Duration, to: Duration, room: u32| {
            let before = |instant| said[index(room)].partition_point(|&at| at < instant);
            before(to.saturating_sub(CATCH_UP_MARGIN)).saturating_sub(before(from + CATCH_UP_MARGIN)) as u64
        };
        let lost = self.events().iter().filter(|event| event.kind.loses_connections());
        lost.flat_map(|event| event.targets.iter().map(move |target| (event.at, target)))
            .flat_map(|(at, target)| {
                self.rooms_of(target.client).iter().map(move |&room| (at, target.back_at, room))
            })
            .map(|(from, to, room)| missed(from, to, room))
            .sum()
    }
}

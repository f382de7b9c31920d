//! All that a plan foresees once the stages have begun, in the order in which it is to happen.

use std::time::Duration;

use crate::plan::{Plan, index};

/// One thing that a plan foresees, by its number there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Act {
    /// An event befalls those it hits: [`Plan::events`].
    Event(u32),
    /// A client does something: [`Plan::deeds`].
    Deed(u32),
    /// A client says something: [`Plan::sends`].
    Send(u32),
}

/// How far somebody has got who goes through a plan's acts: how many of each kind were their turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acts {
    events: u32,
    deeds: u32,
    sends: u32,
}

impl Acts {
    /// The next act of a plan, and when it is due from the first stage's start. See [`Plan::acts`].
    pub fn next(&mut self, plan: &Plan) -> Option<(Duration, Act)> {
        let event = plan.events().get(index(self.events)).map(|event| event.at);
        let deed = plan.deeds().get(index(self.deeds)).map(|deed| deed.at);
        let send = plan.sends().get(index(self.sends)).map(|send| send.at);
        let next = [event, deed, send].into_iter().flatten().min()?;
        let take = |count: &mut u32| std::mem::replace(count, *count + 1);
        let act = if event == Some(next) {
            Act::Event(take(&mut self.events))
        } else if deed == Some(next) {
            Act::Deed(take(&mut self.deeds))
        } else {
            Act::Send(take(&mut self.sends))
        };
        Some((next, act))
    }
}

impl Plan {
    /// All acts by time, from the first stage's start. Of one instant: first what befalls, then what may open a room to
    /// what is said.
    pub fn acts(&self) -> impl Iterator<Item = (Duration, Act)> {
        let mut acts = Acts::default();
        std::iter::from_fn(move || acts.next(self))
    }

    /// The client that does something; `None` for an event, which may hit anybody.
    #[must_use]
    pub fn actor(&self, act: Act) -> Option<u32> {
        match act {
            Act::Event(_) => None,
            Act::Deed(deed) => Some(self.deeds()[index(deed)].client),
            Act::Send(send) => Some(self.sends()[index(send)].client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Overrides, Scenario};

    #[test]
    fn every_act_has_its_turn_and_events_come_first() {
        let scenario = Scenario::parse(
            "x.toml",
            r#"
            run = { name = "x", seed = 1, clients = 6 }
            rooms = { size = 3 }
            scenario = [{ name = "a", executor = "shared-iterations", iterations = 8, duration = "4s", flow = ["typing", "say"] }]
            event = [{ at = "1s", kind = "reset", fraction = 0.5, down_for = "1s" }]
            "#,
        );
        let plan = Plan::new(&scenario.unwrap(), Overrides::default()).unwrap();
        let acts: Vec<_> = plan.acts().collect();
        assert_eq!(acts.len(), plan.events().len() + plan.deeds().len() + plan.sends().len());
        assert!(acts.is_sorted_by_key(|act| act.0));
        let at = |wanted| acts.iter().position(|&(_, act)| act == wanted).unwrap();
        assert!((0..8).all(|number| at(Act::Deed(number)) < at(Act::Send(number))), "who types says it then");
        let event = at(Act::Event(0));
        assert!(acts[..event].iter().all(|act| act.0 < Duration::from_secs(1)));
        assert_eq!(
            (plan.actor(Act::Event(0)), plan.actor(Act::Send(3))),
            (None, Some(plan.sends()[3].client))
        );
    }
}

//! The rooms of one connection whose client does not wait for answers: which one it means, whatever is answered when.
//!
//! What the server has said of each room is kept, and beside it what was asked for since and is not answered. Where the
//! connection will be if all of that happens follows from the two; so what is refused has never counted.

use std::collections::VecDeque;

use crate::{id::RequestId, name::RoomName};

/// Where one connection is, or will be if nothing is refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Memberships {
    /// The rooms it is in or has asked for, in the order in which it turned to them.
    places: Vec<Place>,
    /// What was asked for and is not answered, in order; no more than the gateway lets a connection ask for at once.
    pending: VecDeque<Pending>,
}

#[derive(Clone, Debug)]
struct Place {
    room: RoomName,
    /// So the server has said last.
    is_in: bool,
}

/// How sure it is that somebody will be in a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    /// They are not, or have asked to leave.
    Out,
    /// It depends on an answer.
    Asked,
    /// The server has let them in, and they have not asked to leave.
    In,
}

#[derive(Clone, Debug)]
struct Pending {
    id: RequestId,
    room: RoomName,
    change: Change,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Change {
    Join,
    Leave,
}

impl Memberships {
    /// The current room: of those that they are or will be in, the one turned to last.
    pub(super) fn current(&self) -> Option<&RoomName> {
        self.meant().next().map(|place| &place.room)
    }

    /// Whether there is a room besides the current one to be in for certain.
    pub(super) fn has_another(&self) -> bool {
        self.meant().skip(1).any(|place| self.standing(place) == Standing::In)
    }

    /// Makes a room the current one, if they are or will be in it.
    pub(super) fn turn_to(&mut self, room: &RoomName) -> bool {
        let is_meant = self.meant().any(|place| place.room == *room);
        if is_meant {
            self.put_last(room);
        }
        is_meant
    }

    /// A room is asked for; it is the current one.
    pub(super) fn ask_in(&mut self, id: RequestId, room: &RoomName) {
        self.put_last(room);
        self.pending.push_back(Pending { id, room: room.clone(), change: Change::Join });
    }

    /// It is asked to be let out of a room.
    pub(super) fn ask_out(&mut self, id: RequestId, room: &RoomName) {
        self.pending.push_back(Pending { id, room: room.clone(), change: Change::Leave });
    }

    /// The server has let them in, whoever asked for it.
    pub(super) fn joined(&mut self, room: &RoomName) {
        self.answered(room, Change::Join);
        if self.place(room).is_none() {
            self.put_last(room);
        }
        self.told(room, true);
    }

    /// They are out of a room, whoever asked for it.
    pub(super) fn left(&mut self, room: &RoomName) {
        self.answered(room, Change::Leave);
        self.told(room, false);
    }

    /// They were sent out of a room. What they have asked for is answered all the same.
    pub(super) fn kicked(&mut self, room: &RoomName) {
        self.told(room, false);
    }

    /// What was asked for does not happen.
    pub(super) fn refused(&mut self, id: RequestId) {
        if let Some(at) = self.pending.iter().position(|pending| pending.id == id) {
            let Pending { room, .. } = self.pending.remove(at).expect("just found");
            self.forget_if_out(&room);
        }
    }

    /// The rooms that they are or will be in, the current one first.
    fn meant(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().rev().filter(|place| self.standing(place) != Standing::Out)
    }

    fn standing(&self, place: &Place) -> Standing {
        let told = if place.is_in { Standing::In } else { Standing::Out };
        self.pending_of(&place.room).fold(told, |standing, change| match (standing, change) {
            (_, Change::Leave) => Standing::Out,
            (Standing::In, Change::Join) => Standing::In,
            (_, Change::Join) => Standing::Asked,
        })
    }

    fn pending_of(&self, room: &RoomName) -> impl Iterator<Item = Change> {
        self.pending.iter().filter(move |pending| pending.room == *room).map(|pending| pending.change)
    }

    /// The first pending change of this kind is answered now, if any is.
    fn answered(&mut self, room: &RoomName, change: Change) {
        if let Some(at) = self.pending.iter().position(|it| it.room == *room && it.change == change) {
            self.pending.remove(at);
        }
    }

    fn told(&mut self, room: &RoomName, is_in: bool) {
        if let Some(at) = self.place(room) {
            self.places[at].is_in = is_in;
        }
        self.forget_if_out(room);
    }

    fn put_last(&mut self, room: &RoomName) {
        match self.place(room) {
            Some(at) => self.places[at..].rotate_left(1),
            None => self.places.push(Place { room: room.clone(), is_in: false }),
        }
    }

    fn forget_if_out(&mut self, room: &RoomName) {
        if !self.pending_of(room).any(|change| change == Change::Join) {
            self.places.retain(|place| place.room != *room || place.is_in);
        }
    }

    fn place(&self, room: &RoomName) -> Option<usize> {
        self.places.iter().position(|place| place.room == *room)
    }

    /// How many rooms and changes it remembers.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        (self.places.len(), self.pending.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use proptest::prelude::*;

    use super::*;
    use crate::dialect::kit::room;

    /// What is typed, or what the server does.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Join(usize),
        /// Of the current room, if there is another one.
        Leave,
        /// What was asked just now is refused before the server sees it.
        TooFast,
        /// The server answers what was asked of this room first.
        Answer(usize, bool),
        /// The server sends them out of this room.
        Kick(usize),
        /// The server puts them into this room, for which nothing is asked.
        Lead(usize),
    }

    const ROOMS: [&str; 3] = ["lobby", "a", "b"];

    fn step() -> impl Strategy<Value = Step> {
        let of = || 0..ROOMS.len();
        prop_oneof![
            4 => of().prop_map(Step::Join),
            4 => Just(Step::Leave),
            1 => Just(Step::TooFast),
            8 => (of(), prop::bool::weighted(0.8)).prop_map(|(of, yes)| Step::Answer(of, yes)),
            1 => of().prop_map(Step::Kick),
            1 => of().prop_map(Step::Lead),
        ]
    }

    /// A connection in the lobby, and a server that answers each room's requests in order.
    struct World {
        memberships: Memberships,
        asked: [VecDeque<(RequestId, Change)>; ROOMS.len()],
        members: BTreeSet<usize>,
        /// All that were ever turned to or entered, the last one last.
        turned_to: Vec<usize>,
        /// The room of what was asked just now.
        just_asked: Option<usize>,
        requests: u64,
    }

    impl World {
        fn new() -> Self {
            let mut memberships = Memberships::default();
            memberships.joined(&room(ROOMS[0]));
            Self {
                memberships,
                asked: Default::default(),
                members: [0].into(),
                turned_to: vec![0],
                just_asked: None,
                requests: 0,
            }
        }

        fn step(&mut self, step: Step, asks_again: bool) {
            let just_asked = self.just_asked.take();
            match step {
                Step::Join(of) => self.join(of, asks_again),
                Step::Leave => self.leave(),
                Step::TooFast => {
                    if let Some((id, _)) = just_asked.and_then(|of| self.asked[of].pop_back()) {
                        self.memberships.refused(id);
                    }
                }
                Step::Answer(of, yes) => self.answer(of, yes),
                Step::Kick(of) => {
                    if self.members.remove(&of) {
                        self.memberships.kicked(&room(ROOMS[of]));
                    }
                }
                Step::Lead(of) if self.members.contains(&of) || !self.asked[of].is_empty() => {}
                Step::Lead(of) => {
                    self.members.insert(of);
                    self.turn_to(of);
                    self.memberships.joined(&room(ROOMS[of]));
                }
            }
        }

        /// The `lobby` dialect does not ask for a room twice; the `envelope` dialect does.
        fn join(&mut self, of: usize, asks_again: bool) {
            let is_meant = self.meant().contains(&of);
            self.turn_to(of);
            if !asks_again {
                assert_eq!(self.memberships.turn_to(&room(ROOMS[of])), is_meant);
                if is_meant {
                    return;
                }
            }
            let id = self.ask(of, Change::Join);
            self.memberships.ask_in(id, &room(ROOMS[of]));
        }

        fn leave(&mut self) {
            let current = self.current();
            let leaves = |of: usize| self.asked[of].iter().any(|(_, change)| *change == Change::Leave);
            let has_another = self.members.iter().any(|&of| Some(of) != current && !leaves(of));
            assert_eq!(self.memberships.has_another(), has_another);
            if !has_another {
                return;
            }
            let of = current.expect("there is another one");
            let id = self.ask(of, Change::Leave);
            self.memberships.ask_out(id, &room(ROOMS[of]));
        }

        fn turn_to(&mut self, of: usize) {
            self.turned_to.retain(|&earlier| earlier != of);
            self.turned_to.push(of);
        }

        fn ask(&mut self, of: usize, change: Change) -> RequestId {
            self.requests += 1;
            let id = RequestId(self.requests);
            self.asked[of].push_back((id, change));
            self.just_asked = Some(of);
            id
        }

        fn answer(&mut self, of: usize, yes: bool) {
            let Some((id, change)) = self.asked[of].pop_front() else { return };
            let name = room(ROOMS[of]);
            match change {
                Change::Join if yes => {
                    self.members.insert(of);
                    self.memberships.joined(&name);
                }
                Change::Leave if yes && self.members.remove(&of) => self.memberships.left(&name),
                Change::Join | Change::Leave => self.memberships.refused(id),
            }
        }

        /// Where they are once all that they have asked for is granted.
        fn meant(&self) -> BTreeSet<usize> {
            let ends_in = |&of: &usize| match self.asked[of].back() {
                Some((_, change)) => *change == Change::Join,
                None => self.members.contains(&of),
            };
            (0..ROOMS.len()).filter(ends_in).collect()
        }

        /// Of these, the one turned to last.
        fn current(&self) -> Option<usize> {
            let meant = self.meant();
            self.turned_to.iter().rev().find(|of| meant.contains(of)).copied()
        }

        fn is_meant_as_kept(&self) -> bool {
            self.memberships.current().map(RoomName::as_str) == self.current().map(|of| ROOMS[of])
        }
    }

    proptest! {
        /// Whatever is typed ahead, answered and refused: who leaves no room but for another is always somewhere (S1.9),
        /// unless they were sent away; what is typed is meant for where they will be; and once everything is answered
        /// they are where the server has them.
        #[test]
        fn nobody_is_nowhere(
            steps in prop::collection::vec(step(), 1..60), rest: [bool; 60], asks_again: bool, kicks: bool,
        ) {
            let mut world = World::new();
            for step in steps {
                if !kicks && matches!(step, Step::Kick(_)) {
                    continue;
                }
                world.step(step, asks_again);
                prop_assert!(world.is_meant_as_kept());
                prop_assert!(kicks || !world.members.is_empty());
            }
            for (at, yes) in rest.into_iter().cycle().enumerate().take(60 * ROOMS.len()) {
                world.answer(at % ROOMS.len(), yes);
                prop_assert!(world.is_meant_as_kept());
                prop_assert!(kicks || !world.members.is_empty());
            }
            let places = &world.memberships.places;
            let rooms: BTreeSet<_> = places.iter().map(|place| place.room.as_str()).collect();
            prop_assert_eq!(rooms, world.members.iter().map(|&of| ROOMS[of]).collect());
            prop_assert_eq!(world.memberships.remembered(), (world.members.len(), 0));
        }
    }
}

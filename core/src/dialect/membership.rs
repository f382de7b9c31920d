//! The rooms of one connection whose client does not wait for answers: which one it means, whatever is answered when.
//!
//! A room is meant as soon as it is asked for, and not any more as soon as it is asked to be left. What is refused has
//! not happened, and answers about different rooms come in any order; so every leave that is not answered knows what it
//! would take away.

use std::collections::VecDeque;

use crate::{id::RequestId, name::RoomName, refusal::Refusal};

/// Where one connection is, or will be if nothing is refused.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    /// The current one last; the others as they were left for it. None of them is [`Standing::Out`].
    places: Vec<Place>,
    /// What was asked for and is not answered, in order; no more than the gateway lets a connection ask for at once.
    pending: VecDeque<Pending>,
}

#[derive(Debug)]
struct Place {
    room: RoomName,
    standing: Standing,
}

/// How sure it is that somebody is in a room, from the least to the most.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Standing {
    Out,
    /// It depends on an answer.
    Asked,
    /// The server has let them in.
    In,
}

#[derive(Debug)]
struct Pending {
    id: RequestId,
    room: RoomName,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Join,
    /// And how it was before.
    Leave(Standing),
}

impl Memberships {
    /// The current room.
    pub(super) fn current(&self) -> Option<&RoomName> {
        self.places.last().map(|place| &place.room)
    }

    /// Whether there is a room besides the current one to be in for certain.
    pub(super) fn has_another(&self) -> bool {
        self.places.iter().rev().skip(1).any(|place| place.standing == Standing::In)
    }

    /// Makes a room the current one, if it is one of these.
    pub(super) fn turn_to(&mut self, room: &RoomName) -> bool {
        let Some(at) = self.place(room) else { return false };
        self.places[at..].rotate_left(1);
        true
    }

    /// A room is asked for; it is the current one.
    pub(super) fn ask_in(&mut self, id: RequestId, room: &RoomName) {
        if !self.turn_to(room) {
            self.places.push(Place { room: room.clone(), standing: Standing::Asked });
        }
        self.pending.push_back(Pending { id, room: room.clone(), change: Change::Join });
    }

    /// It is asked to be let out of a room.
    pub(super) fn ask_out(&mut self, id: RequestId, room: &RoomName) {
        let before = self.place(room).map_or(Standing::Out, |at| self.places.remove(at).standing);
        self.pending.push_back(Pending { id, room: room.clone(), change: Change::Leave(before) });
    }

    /// The server has let them in, whoever asked for it.
    pub(super) fn joined(&mut self, room: &RoomName) {
        let at = self.answered(room, |change| matches!(change, Change::Join));
        self.found(room, at.unwrap_or(0), Standing::In);
    }

    /// They are out of a room, whoever asked for it.
    pub(super) fn left(&mut self, room: &RoomName) {
        // Who asked for it is out of it already, and may have asked to come back.
        if self.answered(room, |change| matches!(change, Change::Leave(_))).is_none() {
            self.places.retain(|place| place.room != *room);
        }
    }

    /// They were sent out of a room.
    pub(super) fn kicked(&mut self, room: &RoomName) {
        // A leave that was asked for will be refused, and changes nothing any more.
        self.answered(room, |change| matches!(change, Change::Leave(_)));
        // Who has asked to come back is on the way in.
        self.places.retain(|place| place.room != *room || place.standing != Standing::In);
    }

    /// What was asked for does not happen.
    pub(super) fn refused(&mut self, id: RequestId, refusal: Refusal) {
        let Some(at) = self.pending.iter().position(|pending| pending.id == id) else { return };
        let Pending { room, change, .. } = self.pending.remove(at).expect("just found");
        match change {
            Change::Join => self.not_let_in(&room, at),
            // There was nothing to leave.
            Change::Leave(_) if matches!(refusal, Refusal::NotMember | Refusal::UnknownRoom) => {}
            Change::Leave(before) => self.found(&room, at, before),
        }
    }

    /// Before what is pending from `from` on, they were so in this room.
    fn found(&mut self, room: &RoomName, from: usize, standing: Standing) {
        match self.next_leave(room, from).map(|(_, before)| before) {
            Some(before) => *before = standing.max(*before),
            None => match self.place(room) {
                Some(at) => self.places[at].standing = standing.max(self.places[at].standing),
                None if standing == Standing::Out => {}
                None => self.places.push(Place { room: room.clone(), standing }),
            },
        }
    }

    /// A join that was pending at `at` is refused: whoever was not in the room and has not asked again is out of it.
    fn not_let_in(&mut self, room: &RoomName, at: usize) {
        let since =
            self.pending.iter().take(at).rposition(|pending| pending.leaves(room)).map_or(0, |it| it + 1);
        let next = self.next_leave(room, at).map(|(it, _)| it);
        let until = next.unwrap_or(self.pending.len());
        if self.pending.range(since..until).any(|pending| pending.room == *room) {
            return;
        }
        match self.next_leave(room, at) {
            Some((_, before)) if *before == Standing::Asked => *before = Standing::Out,
            Some(_) => {}
            None => self.places.retain(|place| place.room != *room || place.standing == Standing::In),
        }
    }

    /// Where the next leave of this room is pending, and what it takes away.
    fn next_leave(&mut self, room: &RoomName, from: usize) -> Option<(usize, &mut Standing)> {
        self.pending.iter_mut().enumerate().skip(from).find_map(|(at, pending)| match &mut pending.change {
            Change::Leave(before) if pending.room == *room => Some((at, before)),
            _ => None,
        })
    }

    /// Where the first pending change of this kind was, which is answered now.
    fn answered(&mut self, room: &RoomName, is_meant: impl Fn(&Change) -> bool) -> Option<usize> {
        let at = self.pending.iter().position(|it| it.room == *room && is_meant(&it.change))?;
        self.pending.remove(at);
        Some(at)
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

impl Pending {
    fn leaves(&self, room: &RoomName) -> bool {
        self.room == *room && matches!(self.change, Change::Leave(_))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use proptest::prelude::*;

    use super::*;
    use crate::dialect::kit::room;

    /// What is typed, or who answers.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Join(usize),
        /// Of the current room, if there is another one.
        Leave,
        /// What was asked just now is refused before the server sees it.
        TooFast,
        /// The server answers what was asked of this room first.
        Answer(usize, bool),
    }

    const ROOMS: [&str; 3] = ["lobby", "a", "b"];

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..ROOMS.len()).prop_map(Step::Join),
            Just(Step::Leave),
            Just(Step::TooFast),
            (0..ROOMS.len(), any::<bool>()).prop_map(|(of, yes)| Step::Answer(of, yes)),
        ]
    }

    /// A connection in the lobby, and a server that answers each room's requests in order.
    struct World {
        memberships: Memberships,
        asked: [VecDeque<(RequestId, bool)>; ROOMS.len()],
        members: BTreeSet<usize>,
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
                just_asked: None,
                requests: 0,
            }
        }

        fn step(&mut self, step: Step, asks_again: bool) {
            self.requests += 1;
            let id = RequestId(self.requests);
            let just_asked = self.just_asked.take();
            match step {
                // The `lobby` dialect does not ask for a room twice; the `envelope` dialect does.
                Step::Join(of) if !asks_again && self.memberships.turn_to(&room(ROOMS[of])) => {}
                Step::Join(of) => {
                    self.memberships.ask_in(id, &room(ROOMS[of]));
                    self.ask(of, id, true);
                }
                Step::Leave if !self.memberships.has_another() => {}
                Step::Leave => {
                    let left = self.memberships.current().expect("somewhere").clone();
                    let of = ROOMS.iter().position(|name| *name == left.as_str()).expect("one of these");
                    self.memberships.ask_out(id, &left);
                    self.ask(of, id, false);
                }
                Step::TooFast => {
                    if let Some((id, _)) = just_asked.and_then(|of| self.asked[of].pop_back()) {
                        self.memberships.refused(id, Refusal::RateLimited);
                    }
                }
                Step::Answer(of, yes) => self.answer(of, yes),
            }
        }

        fn ask(&mut self, of: usize, id: RequestId, is_join: bool) {
            self.asked[of].push_back((id, is_join));
            self.just_asked = Some(of);
        }

        fn answer(&mut self, of: usize, yes: bool) {
            let Some((id, is_join)) = self.asked[of].pop_front() else { return };
            let name = room(ROOMS[of]);
            match (is_join, yes) {
                (true, true) => {
                    self.members.insert(of);
                    self.memberships.joined(&name);
                }
                (false, _) if !self.members.contains(&of) => self.memberships.refused(id, Refusal::NotMember),
                (false, true) => {
                    self.members.remove(&of);
                    self.memberships.left(&name);
                }
                (_, false) => self.memberships.refused(id, Refusal::RateLimited),
            }
        }
    }

    proptest! {
        /// Whatever is typed ahead and refused, who leaves no room but for another is always somewhere (S1.9), and
        /// once everything is answered, where the server has them.
        #[test]
        fn nobody_is_nowhere(
            steps in prop::collection::vec(step(), 1..60), rest: [bool; 60], asks_again: bool,
        ) {
            let mut world = World::new();
            for step in steps {
                world.step(step, asks_again);
                prop_assert!(world.memberships.current().is_some());
                prop_assert!(!world.members.is_empty());
            }
            for (at, yes) in rest.into_iter().cycle().enumerate().take(60 * ROOMS.len()) {
                world.answer(at % ROOMS.len(), yes);
                prop_assert!(world.memberships.current().is_some());
                prop_assert!(!world.members.is_empty());
            }
            let places = &world.memberships.places;
            prop_assert!(places.iter().all(|place| place.standing == Standing::In));
            let rooms: BTreeSet<_> = places.iter().map(|place| place.room.as_str()).collect();
            prop_assert_eq!(rooms, world.members.iter().map(|&of| ROOMS[of]).collect());
            prop_assert_eq!(world.memberships.remembered(), (places.len(), 0));
        }
    }
}

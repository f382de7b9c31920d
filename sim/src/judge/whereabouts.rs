//! Who may be in which room: since they asked for it, until they have surely gone.

use std::collections::BTreeSet;

use chinwag_core::Time;

use crate::{judge::life::ELSEWHERE, world::World};

/// A client and a room.
#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    /// When it last asked to be in the room, if ever.
    asked: Option<Time>,
    /// When it last asked to leave it.
    leaves: Time,
    end: End,
    /// When a connection of its last ended while it may have been in: a session that it does not go on with is there for
    /// a while, whatever the client reads of the next one.
    ghost: Option<Time>,
}

/// Until when a client may be in a room.
#[derive(Clone, Copy, Debug, Default)]
enum End {
    #[default]
    None,
    /// It has read that it is not in it.
    Told(Time),
    /// It had no connection any more, and is in it as long as its session is kept.
    Cut(Time),
}

/// By client and room: who may be where.
#[derive(Debug)]
pub(crate) struct Whereabouts {
    seats: Vec<Vec<Seat>>,
}

impl Whereabouts {
    /// Nobody is anywhere.
    pub(crate) fn new(clients: usize, places: usize) -> Self {
        Self { seats: vec![vec![Seat::default(); places]; clients] }
    }

    /// A client asks to be in a room.
    pub(crate) fn asks(&mut self, now: Time, client: usize, room: usize) {
        if let Some(seat) = self.seats[client].get_mut(room) {
            (seat.asked, seat.end) = (Some(now), End::None);
        }
    }

    /// A client asks to leave a room.
    pub(crate) fn leaves(&mut self, now: Time, client: usize, room: usize) {
        if let Some(seat) = self.seats[client].get_mut(room) {
            seat.leaves = now;
        }
    }

    /// A client reads that it has left a room: so it has, unless it has asked to come back since.
    pub(crate) fn left(&mut self, now: Time, client: usize, room: usize) {
        let seat = &mut self.seats[client][room];
        if seat.asked.is_some_and(|asked| asked <= seat.leaves) {
            seat.end = End::Told(now);
        }
    }

    /// A client reads that a room does not let it in.
    pub(crate) fn turned_away(&mut self, now: Time, client: usize, room: usize, asked: Time) {
        let seat = &mut self.seats[client][room];
        // It may have asked once more since then.
        if seat.asked == Some(asked) {
            seat.end = End::Told(now);
        }
    }

    /// A client has no connection any more.
    pub(crate) fn cut(&mut self, now: Time, client: usize) {
        let seats = self.seats[client].iter_mut().filter(|seat| matches!(seat.end, End::None));
        seats.for_each(|seat| (seat.end, seat.ghost) = (End::Cut(now), Some(now)));
    }

    /// One of a client's connections is over, and it has others.
    pub(crate) fn haunts(&mut self, now: Time, client: usize) {
        let seats = self.seats[client].iter_mut().filter(|seat| seat.asked.is_some());
        seats.for_each(|seat| seat.ghost = Some(now));
    }

    /// A client's session goes on with a new connection, and it is where it was, whether it asks to be there or not.
    pub(crate) fn goes_on(&mut self, client: usize) {
        let seats = self.seats[client].iter_mut().filter(|seat| matches!(seat.end, End::Cut(_)));
        seats.for_each(|seat| seat.end = End::None);
    }

    /// The server forgets everybody.
    pub(crate) fn server_died(&mut self) {
        self.seats.iter_mut().for_each(|seats| seats.fill(Seat::default()));
    }
}

impl World<'_> {
    /// Whether a room may have had more members since then than are told of single presences.
    pub(crate) fn may_be_large(&self, room: usize, since: Time) -> bool {
        self.users_in(room, since) > self.scenario.setup.shard.roster_max as usize
    }

    /// Most users that may have been in a room at one time since then.
    pub(crate) fn users_in(&self, room: usize, since: Time) -> usize {
        let clients = (0..self.people.len()).filter(|&client| self.may_be_in(client, room, since));
        clients.map(|client| self.life.users[client]).collect::<BTreeSet<_>>().len()
    }

    /// The same without a user.
    pub(crate) fn others_in(&self, room: usize, user: usize, since: Time) -> usize {
        let is_in = |user: usize| self.life.clients(user).any(|client| self.may_be_in(client, room, since));
        (0..self.life.presence.len()).filter(|&other| other != user && is_in(other)).count()
    }

    /// Whether a client may have been in a room at some time since then.
    pub(crate) fn may_be_in(&self, client: usize, room: usize, since: Time) -> bool {
        let (life, shard) = (&self.life, &self.scenario.setup.shard);
        let seat = &life.whereabouts.seats[client][room];
        let keeps = life.at_most(shard.resume_window.max(shard.presence_grace) + ELSEWHERE) + life.delay();
        // What ends a session may have come late.
        let is_kept = |cut: Time| cut.max(life.upset).max(life.lost) + keeps >= since;
        seat.asked.is_some()
            && match seat.end {
                End::None => true,
                // A server that has not noticed the end of a connection has its session.
                End::Told(at) => {
                    at + life.delay() >= since || seat.ghost.is_some_and(is_kept) || life.lines_of(client) > 1
                }
                End::Cut(at) => is_kept(at),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_to_come_back_has_not_left() {
        let mut whereabouts = Whereabouts::new(1, 1);
        whereabouts.asks(Time(1), 0, 0);
        whereabouts.leaves(Time(2), 0, 0);
        whereabouts.asks(Time(3), 0, 0);
        whereabouts.left(Time(4), 0, 0);
        assert!(matches!(whereabouts.seats[0][0].end, End::None));
        whereabouts.leaves(Time(5), 0, 0);
        whereabouts.left(Time(6), 0, 0);
        whereabouts.cut(Time(7), 0);
        assert!(matches!(whereabouts.seats[0][0].end, End::Told(Time(6))));
    }

    #[test]
    fn who_goes_on_is_where_they_were() {
        let mut whereabouts = Whereabouts::new(1, 2);
        whereabouts.asks(Time(1), 0, 0);
        whereabouts.cut(Time(2), 0);
        whereabouts.goes_on(0);
        assert!(matches!(whereabouts.seats[0][..], [Seat { end: End::None, .. }, Seat { asked: None, .. }]));
        whereabouts.asks(Time(3), 0, 0);
        whereabouts.leaves(Time(4), 0, 0);
        whereabouts.left(Time(5), 0, 0);
        whereabouts.goes_on(0);
        assert!(matches!(whereabouts.seats[0][0].end, End::Told(Time(5))), "who has left has left");
    }
}

//! Who may be in rooms that have owners: whom they let in, and whom they send away.
//!
//! What is asked for and what is granted are seen at the ends of lines, at different times. In between nobody can say
//! whether somebody is let in; so of each of them it is known since when they are *shut out*, and since when they are
//! *welcome*, and at times neither is known.

use std::collections::BTreeMap;

use chinwag_core::{Epoch, Time};

use crate::observation::RoomId;

/// What somebody does about somebody else's being in a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// Lets them in.
    Invite,
    /// Sends them away, and takes the invitation back.
    Kick,
}

/// What became of a deed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Upshot {
    /// It was granted, as its author was told now.
    Granted,
    /// It was refused.
    Refused,
    /// Nobody will know: the line on which it was asked for is gone.
    Unknown,
}

/// Who is shut out of rooms that have owners, and who is welcome there. Users are numbers of the caller's.
///
/// A look-up costs two searches in small maps. Memory is as much as there are lives of rooms, and users that deeds were
/// about.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    lives: BTreeMap<(RoomId, Epoch), Life>,
    guests: BTreeMap<(RoomId, u32), Guest>,
}

/// A life of a room.
#[derive(Clone, Copy, Debug)]
struct Life {
    owner: u32,
    is_private: bool,
}

/// Somebody whom deeds were about.
#[derive(Clone, Copy, Debug, Default)]
struct Guest {
    /// Deeds that are neither granted nor refused.
    invites: u32,
    kicks: u32,
    /// An invitation was granted, and nothing since that surely came later took it back.
    may_be_in: bool,
    /// When it was last heard that an invitation, and that a kick, was granted.
    invited: Option<Time>,
    kicked: Option<Time>,
    /// When they were last sent away.
    out_since: Time,
    /// When the invitation was asked for that surely holds, and when it was granted.
    welcome: Option<(Time, Time)>,
    /// What became of a deed is not known.
    is_vague: bool,
    /// Somebody has ever asked that they go.
    is_unwanted: bool,
}

impl Doors {
    /// Somebody was told that they made a room.
    pub fn made(&mut self, room: RoomId, epoch: Epoch, owner: u32, is_private: bool) {
        self.lives.insert((room, epoch), Life { owner, is_private });
    }

    /// Somebody else may own a life of a room from now on, of which it is known who made it. What another owner, unless it
    /// was `nobody`, said of who may come in is over then.
    pub fn settles(&mut self, room: RoomId, epoch: Epoch, owner: u32, nobody: u32) {
        if let Some(life) = self.lives.get_mut(&(room, epoch)) {
            life.is_private &= [owner, nobody].contains(&life.owner);
            life.owner = owner;
        }
    }

    /// The server has begun anew with nothing in memory: nobody is let in any more.
    pub fn start_over(&mut self, now: Time) {
        self.guests.values_mut().for_each(|guest| {
            *guest = Guest { out_since: now, is_unwanted: guest.is_unwanted, ..Guest::default() };
        });
    }

    /// Somebody asks for a deed.
    pub fn asks(&mut self, room: RoomId, whom: u32, deed: Deed) {
        let guest = self.guests.entry((room, whom)).or_default();
        match deed {
            Deed::Invite => guest.invites += 1,
            Deed::Kick => {
                (guest.kicks, guest.welcome, guest.is_unwanted) = (guest.kicks + 1, None, true);
            }
        }
    }

    /// A deed that was asked for then has come to something, of this life of the server.
    pub fn comes_to(&mut self, now: Time, room: RoomId, whom: u32, deed: Deed, asked: Time, upshot: Upshot) {
        let guest = self.guests.entry((room, whom)).or_default();
        let open = if deed == Deed::Invite { &mut guest.invites } else { &mut guest.kicks };
        *open = open.saturating_sub(1);
        match (upshot, deed) {
            // Of two deeds that were under way at the same time, nobody can say which came first.
            (Upshot::Granted, Deed::Invite) => {
                (guest.may_be_in, guest.invited) = (true, Some(now));
                let is_last = guest.kicks == 0 && guest.kicked < Some(asked);
                guest.welcome = is_last.then_some((asked, now));
            }
            (Upshot::Granted, Deed::Kick) => {
                guest.kicked = Some(now);
                if guest.invites == 0 && guest.invited < Some(asked) {
                    (guest.may_be_in, guest.out_since) = (false, now);
                }
            }
            (Upshot::Refused, _) => {}
            (Upshot::Unknown, _) => guest.is_vague = true,
        }
    }

    /// Whether a life of a room is known to be private, and somebody surely not let into it, from then until now.
    #[must_use]
    pub fn shuts_out(&self, room: RoomId, epoch: Epoch, who: u32, since: Time) -> bool {
        let is_closed = |life: &Life| life.is_private && life.owner != who;
        let Guest { invites, may_be_in, out_since, is_vague, .. } = self.guest(room, who);
        self.lives.get(&(room, epoch)).is_some_and(is_closed)
            && !is_vague
            && !may_be_in
            && invites == 0
            && out_since <= since
    }

    /// Whether somebody is surely let into a life of a room, which goes on at least since then, from so long ago until now.
    #[must_use]
    pub fn welcomes(&self, room: RoomId, epoch: Epoch, who: u32, begun: Time, since: Time) -> bool {
        let Some(life) = self.lives.get(&(room, epoch)) else { return false };
        let guest = self.guest(room, who);
        let holds = |(asked, granted)| begun <= asked && granted <= since;
        !life.is_private || life.owner == who || !guest.is_vague && guest.welcome.is_some_and(holds)
    }

    /// Whether a life of a room is known to be private.
    #[must_use]
    pub fn is_private(&self, room: RoomId, epoch: Epoch) -> bool {
        self.lives.get(&(room, epoch)).is_some_and(|life| life.is_private)
    }

    /// Whose this life of a room is, if anybody was told who made it.
    #[must_use]
    pub fn owner(&self, room: RoomId, epoch: Epoch) -> Option<u32> {
        self.lives.get(&(room, epoch)).map(|life| life.owner)
    }

    /// Whether anybody may have seen to it, since then, that somebody go. In earlier lives of the server everything may
    /// have happened that was ever asked for.
    #[must_use]
    pub fn may_be_sent_away(&self, room: RoomId, who: u32, since: Time) -> bool {
        let Guest { kicks, kicked, is_vague, is_unwanted, .. } = self.guest(room, who);
        is_unwanted && (since == Time(0) || is_vague || kicks > 0 || kicked >= Some(since))
    }

    /// Most users but one that a room may have let in at some time since then.
    #[must_use]
    pub fn most_let_in(&self, room: RoomId, but: u32, since: Time) -> usize {
        let may_be_in = |guest: &Guest| {
            guest.may_be_in || guest.is_vague || guest.invites > 0 || guest.kicked >= Some(since)
        };
        let guests = self.guests.range((room, 0)..=(room, u32::MAX)).filter(|((_, who), _)| *who != but);
        guests.filter(|(_, guest)| may_be_in(guest)).count()
    }

    fn guest(&self, room: RoomId, who: u32) -> Guest {
        self.guests.get(&(room, who)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(3);
    const LIFE: Epoch = Epoch(7);
    const ANN: u32 = 0;
    const BOB: u32 = 1;
    const EVE: u32 = 2;
    const NOBODY: u32 = 9;

    fn doors() -> Doors {
        let mut doors = Doors::default();
        doors.made(ROOM, LIFE, ANN, true);
        doors
    }

    /// A deed that is asked for and granted a second later.
    fn done(doors: &mut Doors, at: u64, deed: Deed) {
        doors.asks(ROOM, BOB, deed);
        doors.comes_to(Time(at + 1), ROOM, BOB, deed, Time(at), Upshot::Granted);
    }

    #[test]
    fn who_is_not_invited_is_shut_out_and_who_is_sent_away_is_once_more() {
        let mut doors = doors();
        assert!(doors.shuts_out(ROOM, LIFE, BOB, Time(0)) && !doors.shuts_out(ROOM, LIFE, ANN, Time(0)));
        assert!(!doors.shuts_out(ROOM, Epoch(8), BOB, Time(0)), "nobody knows who made that one");
        done(&mut doors, 10, Deed::Invite);
        assert!(!doors.shuts_out(ROOM, LIFE, BOB, Time(20)));
        assert!(doors.welcomes(ROOM, LIFE, BOB, Time(5), Time(11)));
        assert!(!doors.welcomes(ROOM, LIFE, BOB, Time(5), Time(10)), "they were not yet when they asked");
        assert!(!doors.welcomes(ROOM, LIFE, BOB, Time(11), Time(20)), "it may have been another life");
        done(&mut doors, 30, Deed::Kick);
        assert!(doors.shuts_out(ROOM, LIFE, BOB, Time(31)) && !doors.shuts_out(ROOM, LIFE, BOB, Time(30)));
        assert!(!doors.welcomes(ROOM, LIFE, BOB, Time(5), Time(40)));
    }

    #[test]
    fn who_was_sent_away_may_have_had_a_place_until_then() {
        let mut doors = doors();
        done(&mut doors, 10, Deed::Invite);
        assert_eq!(doors.most_let_in(ROOM, EVE, Time(20)), 1);
        assert_eq!(doors.most_let_in(ROOM, BOB, Time(20)), 0, "they are not in their own way");
        assert_eq!(doors.most_let_in(RoomId(2), EVE, Time(20)), 0);
        done(&mut doors, 30, Deed::Kick);
        assert_eq!([31, 32].map(|since| doors.most_let_in(ROOM, EVE, Time(since))), [1, 0]);
    }

    #[test]
    fn what_is_not_known_shuts_nobody_out() {
        let mut doors = doors();
        doors.asks(ROOM, BOB, Deed::Invite);
        assert!(!doors.shuts_out(ROOM, LIFE, BOB, Time(9)), "it may have been granted");
        done(&mut doors, 10, Deed::Kick);
        assert!(!doors.shuts_out(ROOM, LIFE, BOB, Time(12)), "it may come later than the kick");
        doors.comes_to(Time(13), ROOM, BOB, Deed::Invite, Time(8), Upshot::Refused);
        done(&mut doors, 14, Deed::Kick);
        assert!(doors.shuts_out(ROOM, LIFE, BOB, Time(15)));
        doors.asks(ROOM, BOB, Deed::Invite);
        doors.comes_to(Time(17), ROOM, BOB, Deed::Invite, Time(16), Upshot::Unknown);
        assert!(!doors.shuts_out(ROOM, LIFE, BOB, Time(18)));
        doors.start_over(Time(20));
        assert!(doors.shuts_out(ROOM, LIFE, BOB, Time(20)), "a new server knows of no invitation");
    }

    #[test]
    fn of_two_deeds_at_the_same_time_either_may_be_the_last() {
        let asks_both = |first: Deed, second: Deed| {
            let mut doors = doors();
            doors.asks(ROOM, BOB, first);
            doors.asks(ROOM, BOB, second);
            doors.comes_to(Time(12), ROOM, BOB, first, Time(10), Upshot::Granted);
            doors.comes_to(Time(13), ROOM, BOB, second, Time(11), Upshot::Granted);
            doors
        };
        for (first, second) in [(Deed::Invite, Deed::Kick), (Deed::Kick, Deed::Invite)] {
            let mut doors = asks_both(first, second);
            assert!(!doors.shuts_out(ROOM, LIFE, BOB, Time(20)));
            assert!(!doors.welcomes(ROOM, LIFE, BOB, Time(5), Time(20)));
            done(&mut doors, 30, first);
            assert_eq!(doors.shuts_out(ROOM, LIFE, BOB, Time(40)), first == Deed::Kick);
            assert_eq!(doors.welcomes(ROOM, LIFE, BOB, Time(5), Time(40)), first == Deed::Invite);
        }
    }

    #[test]
    fn open_rooms_welcome_everybody() {
        let mut doors = Doors::default();
        doors.made(ROOM, LIFE, ANN, false);
        assert!(
            doors.welcomes(ROOM, LIFE, BOB, Time(9), Time(9)) && !doors.shuts_out(ROOM, LIFE, BOB, Time(9))
        );
        assert_eq!((doors.owner(ROOM, LIFE), doors.owner(ROOM, Epoch(8))), (Some(ANN), None));
        doors.settles(ROOM, LIFE, BOB, NOBODY);
        doors.settles(ROOM, Epoch(8), BOB, NOBODY);
        assert_eq!((doors.owner(ROOM, LIFE), doors.owner(ROOM, Epoch(8))), (Some(BOB), None));
        assert!(!doors.may_be_sent_away(ROOM, BOB, Time(0)));
        done(&mut doors, 10, Deed::Kick);
        for (since, may_be) in [(0, true), (9, true), (11, true), (12, false)] {
            assert_eq!(doors.may_be_sent_away(ROOM, BOB, Time(since)), may_be, "granted at 11");
        }
    }

    #[test]
    fn what_another_owner_said_of_who_may_come_in_is_over_with_them() {
        for (maker, is_shut) in [(ANN, false), (NOBODY, true), (BOB, true)] {
            let mut doors = Doors::default();
            doors.made(ROOM, LIFE, maker, true);
            doors.settles(ROOM, LIFE, BOB, NOBODY);
            assert_eq!(doors.shuts_out(ROOM, LIFE, EVE, Time(9)), is_shut, "made by {maker}");
        }
    }
}

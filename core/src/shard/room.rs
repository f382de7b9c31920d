//! One room: its members, their seats, and what is pushed to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use serde::{Deserialize, Serialize};

use super::{
    access::Access,
    bot::{Absence, Bot},
    deadlines::Due,
    effect::{Effect, MemberView, Push, Roster, ShardEvent},
    log::Log,
    op::Peer,
    session::Address,
    task::Status,
    tasks::Tasks,
    turn::Turn,
};
use crate::{
    config::ShardConfig,
    few::grow,
    id::{Epoch, GatewayId, SessionId},
    name::{RoomName, UserName},
    time::Time,
};

/// A room.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Room {
    name: RoomName,
    maker: Option<UserName>,
    pub(super) log: Log,
    pub(super) members: BTreeMap<UserName, Member>,
    pub(super) tasks: Tasks,
    pub(super) access: Access,
    pub(super) bot: Option<Box<Bot>>,
    /// Where pushes go: gateways, each with its attached seats.
    readers: BTreeMap<GatewayId, u32>,
    churn: Churn,
    /// Set while there are no members.
    drop_at: Option<Time>,
}

/// A user in a room.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Member {
    /// At least one; a user's sessions have one each.
    seats: Vec<Seat>,
    presence: Presence,
    pub(super) status: Option<Box<Status>>,
}

/// A session in a room.
#[derive(Debug, Deserialize, Serialize)]
struct Seat {
    session: SessionId,
    /// Its connection, if it has joined on one that is still there.
    address: Option<Address>,
}

/// What others see of a member.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
enum Presence {
    /// Online, on a connection.
    #[default]
    Attached,
    /// Still online, without a connection.
    Grace { since: Time, until: Time },
    /// Offline.
    Offline { since: Time },
}

/// Who came and went since a large room last reported it.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Churn {
    joined: BTreeSet<UserName>,
    /// When they were last there.
    left: BTreeMap<UserName, Time>,
    /// Set while there may be something to report.
    due: Option<Time>,
}

/// What taking a seat changes for others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrival {
    /// There is a new member.
    Member,
    /// A member who was shown offline is back.
    Back,
    /// Nothing.
    Unnoticed,
}

impl Member {
    /// Whether it is shown as online.
    fn is_online(&self) -> bool {
        self.away().is_none()
    }

    /// Since when it is shown as offline: since its last connection went (S4.12).
    pub(super) const fn away(&self) -> Option<Time> {
        match self.presence {
            Presence::Offline { since } => Some(since),
            Presence::Attached | Presence::Grace { .. } => None,
        }
    }

    /// When it was last there.
    const fn seen(&self, now: Time) -> Time {
        match self.presence {
            Presence::Attached => now,
            Presence::Grace { since, .. } | Presence::Offline { since } => since,
        }
    }

    /// How it is shown in lists.
    pub(super) fn view(&self, user: &UserName) -> MemberView {
        MemberView { user: user.clone(), away: self.away(), status: self.status.as_deref().cloned() }
    }

    fn seat_of(&self, session: SessionId) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.session == session)
    }

    /// The seat of a session; a new one if it has none.
    fn seat_for(&mut self, session: SessionId) -> &mut Seat {
        let index = self.seats.iter().position(|seat| seat.session == session).unwrap_or_else(|| {
            grow(&mut self.seats);
            self.seats.push(Seat { session, address: None });
            self.seats.len() - 1
        });
        &mut self.seats[index]
    }

    /// Begins the grace if the last connection has gone.
    fn settle(&mut self, turn: &mut Turn<'_>, room: &RoomName, user: &UserName) {
        let attached = self.seats.iter().any(|seat| seat.address.is_some());
        if !attached && self.presence == Presence::Attached {
            let until = turn.at + turn.config.presence_grace;
            let until = planted!(PresenceWithoutGrace, turn.at, until);
            self.presence = Presence::Grace { since: turn.at, until };
            turn.deadlines.set(until, Due::Offline(room.clone(), user.clone()));
        }
    }
}

impl Room {
    /// An empty room; it waits for members as long as an abandoned one.
    pub(super) fn new(
        turn: &mut Turn<'_>,
        name: RoomName,
        epoch: Epoch,
        maker: Option<UserName>,
        access: Access,
    ) -> Self {
        let mut room = Self {
            bot: Bot::of(&name),
            name,
            maker,
            log: Log::new(epoch),
            members: BTreeMap::new(),
            tasks: Tasks::default(),
            access,
            readers: BTreeMap::new(),
            churn: Churn::default(),
            drop_at: None,
        };
        room.drop_later(turn);
        room
    }

    pub(super) const fn name(&self) -> &RoomName {
        &self.name
    }

    /// For whom it counts; the lobby for nobody.
    pub(super) const fn maker(&self) -> Option<&UserName> {
        self.maker.as_ref()
    }

    /// While it is empty, it waits from now on.
    fn drop_later(&mut self, turn: &mut Turn<'_>) {
        self.stay(turn);
        let config = turn.config;
        let kept = if self.bot.is_some() { config.bot_room_ttl } else { config.room_ttl };
        let at = turn.at + planted!(RoomDroppedAtOnce, kept / 60, kept);
        self.drop_at = Some(at);
        turn.deadlines.set(at, Due::Room(self.name.clone()));
    }

    /// It is not dropped.
    fn stay(&mut self, turn: &mut Turn<'_>) {
        if let Some(at) = self.drop_at.take() {
            turn.deadlines.cancel(at, Due::Room(self.name.clone()));
        }
    }

    /// Something was said: if nobody is here, it waits anew for somebody to read it.
    pub(super) fn spoken_in(&mut self, turn: &mut Turn<'_>) {
        if self.drop_at.is_some() {
            self.drop_later(turn);
        }
    }

    /// Whether the session has a seat, on whatever connection.
    pub(super) fn has_seat(&self, peer: &Peer) -> bool {
        self.seat_of(peer).is_some()
    }

    /// Whether the session has taken its seat on this very connection: only then it may speak and read here.
    pub(super) fn is_attended_by(&self, peer: &Peer) -> bool {
        self.seat_of(peer).is_some_and(|seat| seat.address == Some(peer.into()))
    }

    fn seat_of(&self, peer: &Peer) -> Option<&Seat> {
        self.members.get(&peer.user)?.seat_of(peer.session)
    }

    /// A user's seats, each with its connection if it is there.
    pub(super) fn seats_of(&self, user: &UserName) -> Vec<(SessionId, Option<Address>)> {
        let seats = self.members.get(user).map_or(&[][..], |member| &member.seats);
        seats.iter().map(|seat| (seat.session, seat.address)).collect()
    }

    /// All seats, each with its connection if it is there.
    pub(super) fn seats(&self) -> impl Iterator<Item = (SessionId, Option<Address>)> {
        self.members.values().flat_map(|member| &member.seats).map(|seat| (seat.session, seat.address))
    }

    /// Seats a session on its connection.
    pub(super) fn take_seat(&mut self, turn: &mut Turn<'_>, peer: &Peer) -> Arrival {
        let arrival = match self.members.get(&peer.user) {
            None => Arrival::Member,
            Some(member) if !member.is_online() => Arrival::Back,
            Some(_) => Arrival::Unnoticed,
        };
        let member = self.members.entry(peer.user.clone()).or_default();
        let before = mem::replace(&mut member.presence, Presence::Attached);
        if let Presence::Grace { until, .. } = planted!(GraceNotCancelled, Presence::Attached, before) {
            turn.deadlines.cancel(until, Due::Offline(self.name.clone(), peer.user.clone()));
        }
        let before = member.seat_for(peer.session).address.replace(peer.into());
        *self.readers.entry(peer.gateway).or_insert(0) += 1;
        self.remove_reader(before);
        self.stay(turn);
        arrival
    }

    /// Takes the connection from a seat; the seat remains.
    pub(super) fn free_seat(&mut self, turn: &mut Turn<'_>, user: &UserName, session: SessionId) {
        let member = self.members.get_mut(user).expect("seats belong to members");
        let address = member.seat_for(session).address.take();
        member.settle(turn, &self.name, user);
        self.remove_reader(address);
    }

    /// Removes a seat. If the membership ended with it: when the member was last there.
    pub(super) fn remove_seat(
        &mut self,
        turn: &mut Turn<'_>,
        user: &UserName,
        session: SessionId,
    ) -> Option<Time> {
        let member = self.members.get_mut(user).expect("seats belong to members");
        let index =
            member.seats.iter().position(|seat| seat.session == session).expect("a seat is removed once");
        let address = member.seats.remove(index).address;
        let ended = member.seats.is_empty().then(|| member.seen(turn.at));
        if ended.is_some() {
            if let Presence::Grace { until, .. } = member.presence {
                turn.deadlines.cancel(until, Due::Offline(self.name.clone(), user.clone()));
            }
            self.members.remove(user);
        } else {
            member.settle(turn, &self.name, user);
        }
        self.remove_reader(address);
        if self.members.is_empty() {
            self.drop_later(turn);
        }
        ended
    }

    fn remove_reader(&mut self, address: Option<Address>) {
        let Some(Address { gateway, .. }) = address else { return };
        let seats = self.readers.get_mut(&gateway).expect("attached seats are counted");
        *seats -= 1;
        if *seats == 0 {
            self.readers.remove(&gateway);
        }
    }

    /// A member's grace is over.
    pub(super) fn grace_over(&mut self, turn: &mut Turn<'_>, user: UserName) {
        let member = self.members.get_mut(&user).expect("a grace ends with the membership");
        let since = planted!(AwaySinceGraceEnded, turn.at, member.seen(turn.at));
        member.presence = Presence::Offline { since };
        planted!(AbsenceNotAnnounced, (), self.push_presence(turn, user.clone(), Some(since)));
        self.bot_went(turn, &user, Absence::Lost);
    }

    /// Tells the others of an arrival. `roster` is the present one.
    pub(super) fn announce(&mut self, turn: &mut Turn<'_>, user: UserName, arrival: Arrival, roster: Roster) {
        if planted!(ReturnNotAnnounced, arrival == Arrival::Back, false) {
            return;
        }
        match (arrival, &roster) {
            (Arrival::Member, Roster::Names(_)) => {
                self.report_churn(turn);
                self.push(turn.effects, Push::Joined { user, roster });
            }
            (Arrival::Member, Roster::Count(_)) => {
                self.churn.join(user);
                self.report_later(turn);
            }
            (Arrival::Back, _) => self.push_presence(turn, user, None),
            (Arrival::Unnoticed, _) => {}
        }
    }

    /// Tells the others that a membership has ended, whose member was last `seen` then.
    pub(super) fn announce_left(&mut self, turn: &mut Turn<'_>, user: UserName, seen: Time) {
        match self.roster(turn.config) {
            roster @ Roster::Names(_) => {
                // What was gathered while the room was larger comes first.
                self.report_churn(turn);
                self.push(turn.effects, Push::Left { user, seen, roster });
                if self.count() == turn.config.roster_max && !planted!(ShrunkRoomNotListed) {
                    // While it was larger nobody was told of single presences.
                    self.push(turn.effects, Push::Listed { members: self.views().collect() });
                }
            }
            Roster::Count(_) => {
                self.churn.leave(user, seen);
                self.report_later(turn);
            }
        }
    }

    fn push_presence(&self, turn: &mut Turn<'_>, user: UserName, away: Option<Time>) {
        if !self.is_large(turn.config) {
            self.push(turn.effects, Push::Presence { user, away });
        }
    }

    fn report_later(&mut self, turn: &mut Turn<'_>) {
        if self.churn.due.is_none() {
            let due = turn.at + turn.config.roster_interval;
            self.churn.due = Some(due);
            turn.deadlines.set(due, Due::Churn(self.name.clone()));
        }
    }

    /// The time to report has come.
    pub(super) fn churn_due(&mut self, turn: &mut Turn<'_>) {
        self.churn.due = None;
        self.report_churn(turn);
    }

    /// Pushes who came and went since the last report, if anyone did.
    fn report_churn(&mut self, turn: &mut Turn<'_>) {
        let Churn { joined, left, due } = mem::take(&mut self.churn);
        if let Some(due) = due {
            turn.deadlines.cancel(due, Due::Churn(self.name.clone()));
        }
        if joined.is_empty() && left.is_empty() {
            return;
        }
        let max = turn.config.roster_max as usize;
        let (joined, left) = (joined.into_iter().take(max).collect(), left.into_iter().take(max).collect());
        let push = Push::Changed { joined, left, count: self.count() };
        self.push(turn.effects, push);
    }

    /// One effect for each gateway that has a reader.
    pub(super) fn push(&self, effects: &mut Vec<Effect>, push: Push) {
        let missed = planted!(FanOutMissesGateway, self.readers.len().min(2) - 1, 0);
        effects.extend(self.readers.keys().skip(missed).map(|&to| {
            let event = ShardEvent::Push { room: self.name.clone(), push: push.clone() };
            Effect { to, event }
        }));
    }

    /// All members as lists show them, by name.
    pub(super) fn views(&self) -> impl Iterator<Item = MemberView> {
        self.members.iter().map(|(user, member)| member.view(user))
    }

    /// How many members there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are too many members to list them in events.
    pub(super) fn is_large(&self, config: &ShardConfig) -> bool {
        self.count() > planted!(RosterLimitOffByOne, config.roster_max - 1, config.roster_max)
    }

    /// Who is there.
    pub(super) fn roster(&self, config: &ShardConfig) -> Roster {
        if self.is_large(config) {
            Roster::Count(self.count())
        } else {
            Roster::Names(self.members.keys().cloned().collect())
        }
    }
}

/// The last word on each user counts. Who came and went again is reported, too: a list that was asked for in between
/// shows them, and nobody else would put it right.
impl Churn {
    fn join(&mut self, user: UserName) {
        let was_leaving = self.left.remove(&user).is_some();
        if planted!(ChurnCancelsOut, was_leaving, false) {
            return;
        }
        self.joined.insert(user);
    }

    fn leave(&mut self, user: UserName, seen: Time) {
        let was_joining = self.joined.remove(&user);
        if planted!(ChurnCancelsOut, was_joining, false) {
            return;
        }
        self.left.insert(user, seen);
    }
}

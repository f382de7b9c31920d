//! One frame from a server, judged by what is known of its connection.

use std::time::Duration;

use chinwag_core::{Epoch, Refusal, RequestId, Seq, Time};
use chinwag_oracle::{Observation, Promise};

use crate::judge::{
    Broken,
    asked::Asked,
    checks,
    glance::{Continuity, Glance, History, Joined, Kind, Mood, RoomNumber, STRANGER, UserNumber, Welcome},
    pages::ShortPage,
    witness::{Follow, Limits, News, Seat, Stream, Tally, View, Watch, ended, member_id, room_id},
};

/// What came of a rule.
type Judged<T = ()> = Result<T, Objection>;
/// A check, and why it fails.
type Objection = (&'static str, String);

fn object<T>(check: &'static str, why: impl Into<String>) -> Judged<T> {
    Err((check, why.into()))
}

/// What may go wrong with a frame: a rule of the wire, or a promise of the oracle.
pub(crate) enum Fault {
    Objection(Objection),
    Broken(Broken),
}

impl From<Objection> for Fault {
    fn from(objection: Objection) -> Self {
        Self::Objection(objection)
    }
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// Whether only members may ask for this.
const fn is_for_members(kind: Kind) -> bool {
    matches!(kind, Kind::Message | Kind::Leave | Kind::History | Kind::Members | Kind::Status | Kind::Task)
}

/// Whether a request of a client may be refused with this.
fn fits(code: Refusal, asked: &Asked, limits: Limits) -> bool {
    match code {
        // What was answered before is answered alike.
        Refusal::NotMember => is_for_members(asked.kind) && (asked.seated != Some(true) || !asked.fresh),
        Refusal::UnknownRoom => asked.seated != Some(true) || !asked.fresh,
        Refusal::ContentTooLarge | Refusal::ContentEmpty => asked.kind == Kind::Message,
        Refusal::StaleId => asked.kind == Kind::Message && !asked.fresh,
        Refusal::RoomExists => asked.kind == Kind::Create,
        Refusal::RoomsClosed => asked.kind == Kind::Create,
        Refusal::RoomFull => asked.kind == Kind::Join,
        Refusal::TooManyRooms => matches!(asked.kind, Kind::Join | Kind::Create),
        Refusal::Full => {
            asked.kind != Kind::Join || limits.always_fits.is_none_or(|room| asked.room != Some(room))
        }
        // Whether they may is judged where it is known whose room it is.
        Refusal::PermissionDenied => {
            let is_entry = asked.kind == Kind::Join && limits.has_owner(asked.room);
            is_entry || matches!(asked.kind, Kind::Invite | Kind::Kick)
        }
        Refusal::RateLimited | Refusal::Replaced => true,
        _ => false,
    }
}

impl Limits {
    /// Whether a room is one that has an owner.
    fn has_owner(&self, room: Option<RoomNumber>) -> bool {
        room.is_some_and(|room| (self.rooms..STRANGER).contains(&room.place(self.rooms)))
    }

    /// What whoever has seen this is told, by a log as long as the answer says, and what they are shown first.
    fn resume(&self, joined: &Joined, seen: Option<(Epoch, Seq)>) -> (Continuity, Seq) {
        let next = joined.seq.next();
        let kept = Seq(next.0.saturating_sub(self.history_max).max(1));
        let newest = kept.max(Seq(next.0.saturating_sub(self.history_on_join)));
        match seen {
            None => (Continuity::Full, newest),
            Some((epoch, seq)) if epoch != joined.epoch || seq > joined.seq => (Continuity::Reset, newest),
            Some((_, seq)) if seq.next() >= kept => (Continuity::Full, seq.next()),
            Some(_) => (Continuity::Gap, kept),
        }
    }
}

/// One frame being read.
pub(crate) struct Reading<'a, 's> {
    pub(crate) now: Time,
    pub(crate) client: usize,
    pub(crate) watch: &'a mut Watch,
    pub(crate) limits: Limits,
    pub(crate) tally: &'a mut Tally,
    pub(crate) stream: Stream<'s>,
}

impl Reading<'_, '_> {
    /// Judges it, and takes in what it says.
    pub(crate) fn frame(&mut self, glance: &Glance) -> Result<News, Fault> {
        let before =
            matches!(glance, Glance::Welcome(_) | Glance::Refused(_) | Glance::Warning(_) | Glance::Pong(_));
        if !self.watch.welcomed && !before {
            object(checks::PROTOCOL, "nobody has been welcomed on this connection")?;
        }
        match glance {
            Glance::Welcome(welcome) => return Ok(self.welcome(welcome)?),
            Glance::Message(message) => {
                let seat = self.seat(message.room)?;
                if seat.follow != Follow::Live {
                    object(checks::MEMBERSHIP, "live messages come only once the pages are through")?;
                }
                seat.next = message.seq.next();
                let writes = seat.view(message.user) == View::Said(Mood::Typing);
                seat.stop_typing(message.user);
                self.delivered(message.room, message.seq)?;
                if writes {
                    return Ok(News::Said { room: self.place(message.room), user: message.user });
                }
            }
            Glance::History(page) => return self.history(page),
            Glance::Joined(joined) => return self.joined(joined),
            Glance::Gap(gap) => {
                let seat = self.seat(gap.room)?;
                let fits = seat.follow == Follow::Behind && seat.epoch == gap.epoch && seat.next == gap.from;
                if !fits || gap.to < gap.from {
                    object(checks::PROTOCOL, format!("{} was next", seat.next))?;
                }
                seat.next = gap.to.next();
                let next = seat.next;
                self.started(gap.room, next)?;
            }
            Glance::Lagged(lagged) => {
                let seat = self.seat(lagged.room)?;
                if seat.follow != Follow::Live || seat.epoch != lagged.epoch || seat.next != lagged.next {
                    object(checks::PROTOCOL, format!("{} was next, and live", seat.next))?;
                }
                seat.follow = Follow::Behind;
            }
            Glance::Left(left) => {
                let is_sent_away = left.kicked == Some(true);
                if !is_sent_away {
                    self.answer(left.id, &[Kind::Leave], Some(left.room))?;
                }
                let seat = self.seat_or_none(left.room)?;
                let known = seat.follow != Follow::Outside;
                if known && seat.epoch != left.epoch {
                    object(checks::PROTOCOL, "it was joined in another epoch")?;
                }
                // Who is behind gives up the rest.
                if seat.follow == Follow::Live {
                    let next = seat.next;
                    self.tally.nothing_lost += 1;
                    if next <= left.seq {
                        let sentence = format!("{next} was next, and is never shown to who leaves");
                        object(Promise::NothingLost.name(), sentence)?;
                    }
                }
                if is_sent_away && (!known || left.id.is_some()) {
                    object(checks::MEMBERSHIP, "nobody is sent away who is not there, or asks for it")?;
                }
                let left = self.leave(left.room)?;
                return Ok(match left {
                    News::Left { room } if is_sent_away => News::SentAway { room },
                    left => left,
                });
            }
            Glance::Refused(error) => return self.error(error.id, error.code, error.retry_after_ms),
            Glance::Ack(ack) => {
                let kinds = [Kind::Message, Kind::Status, Kind::Task, Kind::Invite, Kind::Kick];
                let asked = self.answer(Some(ack.id), &kinds, Some(ack.room))?;
                let Some(asked) = asked else { return Ok(News::Nothing) };
                let placed = (ack.epoch.is_some(), ack.seq.is_some());
                let is_message = asked.kind == Kind::Message;
                if placed != (is_message, is_message) {
                    object(
                        checks::PROTOCOL,
                        "a message, and nothing else, is acknowledged with its position",
                    )?;
                }
                let Asked { at, fresh, .. } = asked;
                if is_message {
                    return Ok(News::Acknowledged { room: self.place(ack.room), asked: at, fresh });
                }
            }
            other => return Ok(self.others(other)?),
        }
        Ok(News::Nothing)
    }

    /// Frames that tell of members and answer questions.
    fn others(&mut self, glance: &Glance) -> Judged<News> {
        match glance {
            Glance::Presence(presence) => {
                let (user, own) = (presence.user, self.watch.user);
                let seat = self.seat(presence.room)?;
                if presence.status == Mood::Typing && user == own {
                    self.tally.typing_echo += 1;
                    return object(checks::TYPING_ECHO, "nobody is told that they write themselves");
                }
                let was_gone = seat.view(user) == View::Gone;
                seat.look(user, View::Said(presence.status));
                self.tally.typing_echo += 1;
                let room = self.place(presence.room);
                match presence.status {
                    Mood::Offline => return Ok(News::Offline { room, user }),
                    Mood::Online if was_gone => return Ok(News::Back { room, user }),
                    Mood::Online | Mood::Typing => {}
                }
            }
            Glance::UserJoined(change) => {
                self.roster(change.room, change.members.as_deref(), change.count, change.user, true)?;
                self.seat(change.room)?.look(change.user, View::Said(Mood::Online));
            }
            Glance::UserLeft(change) => {
                self.roster(change.room, change.members.as_deref(), change.count, change.user, false)?;
                let is_shrunk =
                    change.members.as_ref().is_some_and(|members| members.len() == self.limits.roster_max);
                let seat = self.seat(change.room)?;
                seat.look(change.user, View::Gone);
                seat.is_list_due |= is_shrunk;
            }
            Glance::MembersChanged(change) => {
                let seat = self.seat(change.room)?;
                change.joined.iter().for_each(|&user| seat.look(user, View::Said(Mood::Online)));
                change.left.iter().for_each(|&user| seat.look(user, View::Gone));
            }
            Glance::Members(members) => {
                if members.id.is_some() {
                    self.answer(members.id, &[Kind::Members], Some(members.room))?;
                }
                if members.members.len() > self.limits.list_page_max.max(self.limits.roster_max) {
                    return object(checks::PROTOCOL, "a page holds less");
                }
                let whole = members.members.len() == members.count as usize;
                if whole && members.more {
                    return object(checks::PROTOCOL, "there are no more");
                }
                let users = self.limits.users;
                let seat = self.seat(members.room)?;
                let makes_up = members.id.is_none() && !seat.is_list_due;
                seat.is_list_due &= members.id.is_some();
                // What came unasked makes up for what was left out.
                match members.id {
                    None if whole => seat.empty(users),
                    None => seat.views.retain(|&(_, view)| view != View::Said(Mood::Typing)),
                    Some(_) => {}
                }
                for listed in &members.members {
                    let writes = seat.view(listed.user) == View::Said(Mood::Typing);
                    match listed.presence {
                        Mood::Typing => return object(checks::PROTOCOL, "lists do not say who writes"),
                        Mood::Online if writes => {}
                        mood => seat.look(listed.user, View::Said(mood)),
                    }
                }
                if makes_up {
                    return Ok(News::MadeUp { room: self.place(members.room) });
                }
            }
            Glance::Rooms(rooms) => {
                self.answer(rooms.id, &[Kind::Rooms], None)?;
                if rooms.rooms.len() > self.limits.list_page_max {
                    return object(checks::PROTOCOL, "a page holds less");
                }
            }
            Glance::Created(created) => {
                self.answer(created.id, &[Kind::Create], Some(created.room))?;
                if let Some(id) = created.id {
                    return Ok(News::Created { room: self.place(created.room), epoch: created.epoch, id });
                }
            }
            Glance::Status(status) => drop(self.seat(status.room)?),
            Glance::Task(task) => drop(self.seat(task.room)?),
            Glance::Refreshed(refreshed) => drop(self.answer(refreshed.id, &[Kind::Refresh], None)?),
            Glance::Pong(pong) => drop(self.answer(pong.id, &[Kind::Ping], None)?),
            Glance::Warning(warning) => {
                self.tally.answers += 1;
                if warning.code != Refusal::RateLimited || warning.count == 0 {
                    return object(checks::PROTOCOL, "warnings count what was too fast");
                }
                if !self.watch.requests.refuse_unnumbered(warning.count) {
                    return object(checks::ANSWERS, "not so many requests without a number were sent");
                }
                return Ok(News::Warned { count: warning.count, retry_after: warning.retry_after_ms });
            }
            _ => unreachable!("looked at before"),
        }
        Ok(News::Nothing)
    }

    fn welcome(&mut self, welcome: &Welcome) -> Judged<News> {
        if self.watch.welcomed || welcome.user != self.watch.user {
            return object(checks::PROTOCOL, format!("u{} is welcomed once", self.watch.user.0));
        }
        self.watch.welcomed = true;
        let Welcome { session, resumed, generation, .. } = *welcome;
        Ok(News::Welcomed { session: session.0, resumed, generation })
    }

    fn joined(&mut self, joined: &Joined) -> Result<News, Fault> {
        self.tally.answers += 1;
        let Some(asked) = self.watch.requests.answer_join(joined.room) else {
            return Ok(object(checks::ANSWERS, "nobody asked to join")?);
        };
        self.tally.verdict += 1;
        let (verdict, first) = self.limits.resume(joined, asked.seen);
        if (joined.verdict, joined.next) != (verdict, first) {
            object(
                checks::VERDICT,
                format!("whoever has seen {:?} is told {verdict:?}, {first}", asked.seen),
            )?;
        }
        let lost = joined.from.zip(joined.to);
        let fits = match (joined.verdict, lost) {
            (Continuity::Gap, Some((from, to))) => from <= to && joined.next == to.next(),
            (Continuity::Full | Continuity::Reset, None) => joined.from.is_none() && joined.to.is_none(),
            _ => false,
        };
        let after = asked.seen.map(|(_, seq)| seq.next());
        if !fits || joined.next > joined.seq.next() || lost.is_some_and(|(from, _)| after != Some(from)) {
            object(checks::PROTOCOL, "verdict and positions do not fit")?;
        }
        let seat = self.seat_or_none(joined.room)?;
        let (epoch, next) = (joined.epoch, joined.next);
        *seat = Seat { follow: Follow::Behind, epoch, next, ..Seat::default() };
        self.started(joined.room, joined.next)?;
        let Joined { known_since, epoch, .. } = *joined;
        Ok(News::Joined { room: self.place(joined.room), known_since, epoch, asked: asked.at })
    }

    fn leave(&mut self, room: RoomNumber) -> Result<News, Fault> {
        *self.seat_or_none(room)? = Seat::default();
        let room = self.place(room);
        (self.stream)(ended(self.client, room))?;
        Ok(News::Left { room })
    }

    fn history(&mut self, page: &History) -> Result<News, Fault> {
        let asked = page.id.is_some();
        if asked {
            self.answer(page.id, &[Kind::History], Some(page.room))?;
        }
        if page.messages.len() > self.limits.page_messages_max {
            object(checks::PROTOCOL, "a page holds less")?;
        }
        let now = self.now;
        let seat = self.seat(page.room)?;
        if seat.epoch != page.epoch || page.messages.iter().any(|message| message.room != page.room) {
            object(checks::PROTOCOL, "a page is of one room and epoch")?;
        }
        if asked {
            let rises = page.messages.is_sorted_by(|a, b| a.seq < b.seq);
            return if rises {
                Ok(News::Nothing)
            } else {
                Ok(object(checks::PROTOCOL, "a page is in order")?)
            };
        }
        if seat.follow != Follow::Behind {
            object(checks::PROTOCOL, "nobody asked for it, and the room is live")?;
        }
        if let Some(last) = page.messages.last() {
            seat.next = last.seq.next();
        }
        if !page.more {
            (seat.follow, seat.live_since) = (Follow::Live, now);
        }
        page.messages.iter().try_for_each(|message| self.delivered(page.room, message.seq))?;
        let is_short = page.more && page.messages.len() < self.limits.page_messages_max;
        Ok(match (page.messages.first(), page.messages.last()) {
            (Some(first), Some(last)) if is_short => {
                let short = ShortPage { epoch: page.epoch, first: first.seq, last: last.seq };
                News::ShortPage { room: self.place(page.room), page: short }
            }
            _ if is_short => object(checks::PROTOCOL, "a page that is not the last holds something")?,
            _ => News::Nothing,
        })
    }

    fn error(
        &mut self,
        id: Option<RequestId>,
        code: Refusal,
        retry_after: Option<u64>,
    ) -> Result<News, Fault> {
        self.tally.answers += 1;
        if retry_after.is_some() != (code == Refusal::RateLimited) {
            object(checks::PROTOCOL, "what is too fast, and nothing else, may be tried again")?;
        }
        let Some(id) = id else {
            if code == Refusal::RateLimited && self.limits.only_warns {
                object(checks::PROTOCOL, "who is too fast without a number is warned")?;
            }
            if !self.watch.requests.refuse_unnumbered(1) {
                object(checks::ANSWERS, "no such request was sent")?;
            }
            return Ok(News::Nothing);
        };
        let Some(asked) = self.watch.requests.answer(id) else {
            return Ok(object(checks::ANSWERS, "it was not asked, or is answered already")?);
        };
        let is_out = matches!(code, Refusal::NotMember | Refusal::UnknownRoom);
        // Who was sent away meanwhile is told so before.
        let is_gone = is_out
            && self.limits.has_owner(asked.room)
            && asked.room.is_some_and(|room| self.is_outside(room));
        if !is_gone && !fits(code, &asked, self.limits) {
            object(checks::ANSWERS, format!("there is no such reason: {asked:?}"))?;
        }
        if let Some(millis) = retry_after.filter(|_| self.limits.waits_its_time) {
            // Clocks may run too fast.
            let until = self.now + Duration::from_millis(millis) * 9 / 10;
            self.watch.requests.hold(asked.kind, until);
        }
        if let Some(retry_after) = retry_after {
            return Ok(News::PutOff { id, retry_after });
        }
        match asked {
            Asked { kind: Kind::Leave, room: Some(room), .. } if is_out => self.leave(room),
            Asked { kind: Kind::Join, room: Some(room), at, .. }
                if self.place(room) < self.watch.seats.len() =>
            {
                Ok(News::TurnedAway { room: self.place(room), refusal: code, asked: at })
            }
            _ => Ok(News::Nothing),
        }
    }

    /// What every list of members has, that comes with someone's arrival or departure.
    fn roster(
        &mut self,
        room: RoomNumber,
        members: Option<&[UserNumber]>,
        count: Option<u32>,
        user: UserNumber,
        is_in: bool,
    ) -> Judged {
        self.seat(room)?;
        if members.is_some() == count.is_some() {
            return object(checks::PROTOCOL, "small rooms list their members, large ones count them");
        }
        if members.is_some_and(|members| members.len() > self.limits.roster_max) {
            return object(checks::PROTOCOL, "large rooms count their members");
        }
        if count.is_some_and(|count| count as usize <= self.limits.roster_max) {
            return object(checks::PROTOCOL, "a room with so few members lists them");
        }
        if members.is_some_and(|members| members.contains(&user) != is_in) {
            return object(checks::PROTOCOL, "the list says otherwise");
        }
        if !is_in && user == self.watch.user {
            return object(checks::MEMBERSHIP, "who reads this is there");
        }
        Ok(())
    }

    /// A numbered request is answered; answers without a number are to requests without one, which nobody makes.
    fn answer(
        &mut self,
        id: Option<RequestId>,
        kinds: &[Kind],
        room: Option<RoomNumber>,
    ) -> Judged<Option<Asked>> {
        self.tally.answers += 1;
        let Some(id) = id else { return object(checks::ANSWERS, "nobody asked without a number") };
        let Some(asked) = self.watch.requests.answer(id) else {
            return object(checks::ANSWERS, "it was not asked, or is answered already");
        };
        if !kinds.contains(&asked.kind) || asked.room != room {
            return object(checks::ANSWERS, format!("the request was {:?} of {:?}", asked.kind, asked.room));
        }
        // Whoever was a member on an earlier connection may leave.
        let must_be_in = is_for_members(asked.kind) && asked.kind != Kind::Leave;
        if must_be_in && asked.fresh && asked.seated == Some(false) {
            return object(checks::MEMBERSHIP, "only members may");
        }
        Ok(Some(asked))
    }

    /// A room the connection is in.
    fn seat(&mut self, room: RoomNumber) -> Judged<&mut Seat> {
        self.tally.membership += 1;
        let seat = self.seat_or_none(room)?;
        if seat.follow == Follow::Outside {
            return object(checks::MEMBERSHIP, "the connection is not in the room");
        }
        Ok(seat)
    }

    /// Where a room is among the seats.
    const fn place(&self, room: RoomNumber) -> usize {
        room.place(self.limits.rooms)
    }

    fn is_outside(&self, room: RoomNumber) -> bool {
        self.watch.seats.get(self.place(room)).is_none_or(|seat| seat.follow == Follow::Outside)
    }

    fn seat_or_none(&mut self, room: RoomNumber) -> Judged<&mut Seat> {
        let place = self.place(room);
        let seat = self.watch.seats.get_mut(place);
        seat.ok_or_else(|| (checks::PROTOCOL, "there is no such room".to_owned()))
    }

    fn delivered(&mut self, room: RoomNumber, seq: Seq) -> Result<(), Fault> {
        let room = Some(room_id(self.place(room)));
        Ok((self.stream)(Observation::Delivered { member: member_id(self.client), room, seq })?)
    }

    fn started(&mut self, room: RoomNumber, next: Seq) -> Result<(), Fault> {
        let (member, room) = (member_id(self.client), room_id(self.place(room)));
        Ok((self.stream)(Observation::StreamStarted { member, room, next })?)
    }
}

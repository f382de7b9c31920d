//! The verdict: what can be judged only when everything is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chinwag_core::{Epoch, Position, Seq};

use crate::{
    account::{Account, Whose},
    agreement,
    author::{self, Author},
    observation::{MemberId, RoomId, SendId},
    oracle::{Agreement, Oracle},
    reader::{Placed, Reader, Stay, Unplaced},
    report::Report,
    send::Send,
    table::index,
    tally::{Checks, Tally},
    violation::{Promise, Violation, Violations},
};

/// The places of a room and epoch that hold messages of ours.
#[derive(Default)]
struct Places {
    /// Accepted messages, each at its lowest place.
    owed: Vec<Seq>,
    /// The same messages once more.
    extra: Vec<Seq>,
}

/// Judges a run.
struct Judge<'a> {
    sends: &'a [Send],
    authors: &'a [Vec<(RoomId, Author)>],
    report: Report,
    tally: Tally,
    /// By member and room: what is owed, what has come, what went wrong.
    accounts: BTreeMap<Whose, Account>,
    checks: Checks,
    violations: Violations,
    places: BTreeMap<(RoomId, Epoch), Places>,
    /// By send: it is at a place of its room.
    placed: Vec<bool>,
    /// What was planned for each room and not refused…
    wanted: BTreeMap<RoomId, Vec<SendId>>,
    /// …and of these, what has no place.
    unplaced: BTreeMap<RoomId, u64>,
    /// Whether a room has one order…
    agreement: Agreement,
    /// …and if so, which.
    orders: HashMap<RoomId, agreement::Agreement>,
}

/// Judges what an oracle has seen: as a whole, and by member and room.
pub(crate) fn finish(oracle: &Oracle) -> (Report, BTreeMap<Whose, Account>) {
    let mut judge = Judge {
        sends: &oracle.sends,
        authors: &oracle.authors,
        report: Report::default(),
        tally: oracle.tally,
        accounts: BTreeMap::new(),
        checks: oracle.checks,
        violations: oracle.violations.clone(),
        places: BTreeMap::new(),
        placed: vec![false; oracle.sends.len()],
        wanted: BTreeMap::new(),
        unplaced: BTreeMap::new(),
        agreement: oracle.agreement,
        orders: HashMap::new(),
    };
    judge.faults(oracle);
    judge.places(oracle);
    judge.sends(oracle);
    judge.orders(oracle);
    for (member, rooms) in (0..).map(MemberId).zip(&oracle.readers) {
        for (room, reader) in rooms {
            // Who is owed nothing has an account, too.
            judge.account(member, *room);
            match reader {
                Reader::Placed(reader) => judge.placed(member, *room, reader),
                Reader::Unplaced(reader) => judge.unplaced(member, *room, reader),
            }
        }
    }
    judge.report()
}

impl Judge<'_> {
    /// Takes over what was found at once.
    fn faults(&mut self, oracle: &Oracle) {
        for (member, rooms) in (0..).map(MemberId).zip(&oracle.faults) {
            for &(room, faults) in rooms {
                self.account(member, room).faults.add(faults);
            }
        }
    }

    fn account(&mut self, member: MemberId, room: RoomId) -> &mut Account {
        self.accounts.entry((member, room)).or_default()
    }

    /// Sorts out which places hold what was accepted.
    fn places(&mut self, oracle: &Oracle) {
        for (room, epoch, places) in oracle.ledger.by_room() {
            let mut first: HashMap<SendId, Seq> = HashMap::new();
            let mut latest: HashMap<MemberId, SendId> = HashMap::new();
            let mut sorted = Places::default();
            for (seq, send) in places {
                let position = Position::new(epoch, seq);
                if !self.belongs(room, position, send) {
                    continue;
                }
                match first.get(&send) {
                    None => {
                        first.insert(send, seq);
                        sorted.owed.push(seq);
                        self.said(room, position, send, &mut latest);
                    }
                    Some(&before) => {
                        sorted.extra.push(seq);
                        let before = Position::new(epoch, before);
                        let sentence =
                            format!("message {send} is in room {room} at {before} and at {position}");
                        self.add(Promise::ExactlyOnce, sentence, room, position, send);
                    }
                }
            }
            self.places.insert((room, epoch), sorted);
        }
        for (room, position, send) in oracle.ledger.contradictions() {
            self.belongs(room, position, send);
            let holder =
                oracle.ledger.at(room, position).expect("a contradiction has something to contradict");
            let sentence = format!(
                "place {position} of room {room} holds message {holder} for some and {send} for others"
            );
            self.add(Promise::Order, sentence, room, position, send);
        }
    }

    /// Whether a message may be where it is said to be, and counts.
    fn belongs(&mut self, room: RoomId, position: Position, send: SendId) -> bool {
        self.checks.add(Promise::NoInvention, 1);
        let known = self.sends.get(index(send.0)).copied().unwrap_or_default();
        if let Some((promise, why)) = known.objection(room) {
            let sentence = format!("message {send} is at {position} of room {room} but {why}");
            self.add(promise, sentence, room, position, send);
        }
        let counts = known.planned.is_some_and(|(planned, _)| planned == room) && !known.refused;
        if counts {
            self.placed[index(send.0)] = true;
        }
        counts
    }

    /// Judges the first place of a message by where its author was, and what they said before.
    fn said(
        &mut self,
        room: RoomId,
        position: Position,
        send: SendId,
        latest: &mut HashMap<MemberId, SendId>,
    ) {
        let (_, member) = self.sends[index(send.0)].planned.expect("only planned messages count");
        let mut rooms = self.authors.get(index(member.0)).into_iter().flatten();
        let absent = match rooms.find(|(its, _)| *its == room) {
            Some((_, author)) => author.absent(send, position),
            None => Author::default().absent(send, position),
        };
        self.checks.add(Promise::Authorship, 1);
        let latest = latest.entry(member).or_insert(send);
        let overtaken =
            (*latest > send).then(|| author::overtaken(send, position, *latest, self.sends)).flatten();
        self.checks.add(Promise::SenderOrder, u64::from(*latest != send));
        *latest = send.max(*latest);
        for (promise, rest) in [absent, overtaken].into_iter().flatten() {
            let sentence = format!("member {member} of room {room} {rest}");
            let violation =
                Violation::new(promise, sentence).member(member).room(room).position(position).send(send);
            self.violations.add(violation);
        }
    }

    /// Counts answers, and finds what nobody was shown.
    fn sends(&mut self, oracle: &Oracle) {
        let shown: BTreeSet<SendId> = oracle
            .readers
            .iter()
            .flatten()
            .filter_map(|(_, reader)| match reader {
                Reader::Unplaced(reader) => Some(&reader.shown),
                Reader::Placed(_) => None,
            })
            .flatten()
            .copied()
            .collect();
        for (send, known) in (0..).map(SendId).zip(self.sends) {
            let Some((room, member)) = known.planned else { continue };
            self.report.planned += 1;
            self.report.sent += u64::from(known.sent);
            self.report.acknowledged += u64::from(known.acknowledged);
            self.report.refused += u64::from(known.refused);
            let answered = known.acknowledged || known.refused || known.unresolved;
            self.report.unanswered += u64::from(known.sent && !answered);
            self.report.unresolved += u64::from(known.unresolved);
            if known.refused {
                self.refused(send, room, known.acknowledged);
                continue;
            }
            let seen = self.placed[index(send.0)] || shown.contains(&send);
            if known.unresolved && !known.acknowledged && !seen {
                continue;
            }
            self.wanted.entry(room).or_default().push(send);
            if !self.placed[index(send.0)] {
                *self.unplaced.entry(room).or_default() += 1;
                if known.sent && !seen {
                    let answer = if known.acknowledged { "acknowledged" } else { "never answered" };
                    let sentence = format!(
                        "message {send} of member {member} was {answer} and shown to nobody in room {room}"
                    );
                    self.violations.add(
                        Violation::new(Promise::NothingLost, sentence).room(room).member(member).send(send),
                    );
                }
            }
        }
    }

    fn refused(&mut self, send: SendId, room: RoomId, acknowledged: bool) {
        self.checks.add(Promise::Refusal, 1);
        if acknowledged {
            let sentence = format!("message {send} into room {room} was both acknowledged and refused");
            self.violations.add(Violation::new(Promise::Refusal, sentence).room(room).send(send));
        }
    }

    /// Settles accounts with a member who knows places.
    fn placed(&mut self, member: MemberId, room: RoomId, reader: &Placed) {
        for stay in reader.stays() {
            if let Some(places) = self.places.remove(&(room, stay.epoch)) {
                self.stay(member, room, stay, &places);
                self.places.insert((room, stay.epoch), places);
            }
        }
        if reader.is_member() {
            let missing = self.unplaced.get(&room).copied().unwrap_or_default();
            self.settle(member, room, missing, 0, 0);
        }
    }

    fn stay(&mut self, member: MemberId, room: RoomId, stay: &Stay, places: &Places) {
        let expected = count(&places.owed, (stay.owed_after.next(), stay.until));
        let received: u64 = stay.received().map(|range| count(&places.owed, range)).sum();
        let announced: u64 = stay.announced().map(|range| count(&places.owed, range)).sum();
        self.settle(member, room, expected, received, announced);
        let extra: u64 = stay.received().map(|range| count(&places.extra, range)).sum();
        self.account(member, room).faults.duplicated += extra;
        let lost = expected - received - announced;
        if lost > 0 {
            let accounted =
                |seq| stay.received().chain(stay.announced()).any(|(from, to)| from <= seq && seq <= to);
            let owed = places.owed.iter().filter(|&&seq| stay.owed_after < seq && seq <= stay.until);
            let first = owed.copied().find(|&seq| !accounted(seq)).expect("something is lost");
            let first = Position::new(stay.epoch, first);
            let sentence = format!(
                "member {member} of room {room} was not shown {lost} of {expected} messages, the first at {first}"
            );
            let violation =
                Violation::new(Promise::NothingLost, sentence).member(member).room(room).position(first);
            self.violations.add(violation);
        }
    }

    /// Finds out in which order each room's messages came, if it has one.
    fn orders(&mut self, oracle: &Oracle) {
        if self.agreement == Agreement::None {
            return;
        }
        for (member, rooms) in (0..).map(MemberId).zip(&oracle.readers) {
            for (room, reader) in rooms {
                if let Reader::Unplaced(reader) = reader {
                    let shown: Vec<_> = self.ordered(member, reader).collect();
                    self.orders.entry(*room).or_default().hear(&shown);
                }
            }
        }
    }

    /// What a member was shown that has a place in the room's order.
    fn ordered<'r>(
        &self,
        member: MemberId,
        reader: &'r Unplaced,
    ) -> impl Iterator<Item = SendId> + use<'_, 'r> {
        let shown = reader.shown.iter().copied();
        shown.filter(move |send| self.agreement == Agreement::All || self.author(*send) != Some(member))
    }

    fn author(&self, send: SendId) -> Option<MemberId> {
        self.sends.get(index(send.0)).and_then(|known| known.planned).map(|(_, author)| author)
    }

    /// Settles accounts with a member who knows messages by identity only.
    fn unplaced(&mut self, member: MemberId, room: RoomId, reader: &Unplaced) {
        let mut seen = BTreeSet::new();
        let mut newest: HashMap<MemberId, SendId> = HashMap::new();
        let mut latest = None;
        for &send in &reader.shown {
            self.checks.add(Promise::NoInvention, 1);
            let known = self.sends.get(index(send.0)).copied().unwrap_or_default();
            let found = if let Some((promise, why)) = known.objection(room) {
                self.account(member, room).faults.foreign += 1;
                Some((promise, format!("was shown message {send}, which {why}")))
            } else if !seen.insert(send) {
                self.account(member, room).faults.duplicated += 1;
                Some((Promise::ExactlyOnce, format!("was shown message {send} again")))
            } else {
                let (_, author) = known.planned.expect("nothing speaks against it");
                let newest = newest.entry(author).or_insert(send);
                let before = std::mem::replace(newest, send.max(*newest));
                let overtaken = self.overtaken(member, room, send, &mut latest);
                let late = if send < before {
                    Some(format!("was shown message {send} of member {author} after {before}"))
                } else {
                    overtaken.map(|before| {
                        format!("was shown message {send} after {before}, and most others were not")
                    })
                };
                self.account(member, room).faults.reordered += u64::from(late.is_some());
                late.map(|sentence| (Promise::Order, sentence))
            };
            if let Some((promise, rest)) = found {
                let sentence = format!("member {member} of room {room} {rest}");
                self.violations.add(Violation::new(promise, sentence).member(member).room(room).send(send));
            }
        }
        let received = seen.len() as u64;
        let Some(from) = reader.owed_from else { return self.settle(member, room, received, received, 0) };
        // What is shown from before that is owed to nobody, and counts as if it were.
        let before = seen.range(..from).count() as u64;
        let wanted = self.wanted.get(&room).map_or(&[][..], Vec::as_slice);
        let wanted = &wanted[wanted.partition_point(|&send| send < from)..];
        let expected = before + wanted.len() as u64;
        let missing =
            wanted.iter().copied().find(|send| self.sends[index(send.0)].sent && !seen.contains(send));
        if let Some(first) = missing {
            let lost = expected - received;
            let sentence = format!(
                "member {member} of room {room} was not shown {lost} of {expected} messages, the first {first}"
            );
            let violation =
                Violation::new(Promise::NothingLost, sentence).member(member).room(room).send(first);
            self.violations.add(violation);
        }
        self.settle(member, room, expected, received, 0);
    }

    /// The message shown right before this one, if most others were shown this one first.
    fn overtaken(
        &self,
        member: MemberId,
        room: RoomId,
        send: SendId,
        latest: &mut Option<SendId>,
    ) -> Option<SendId> {
        let order = self.orders.get(&room)?;
        if self.agreement == Agreement::Others && self.author(send) == Some(member) {
            return None;
        }
        let before = latest.replace(send)?;
        order.denies(before, send).then_some(before)
    }

    fn settle(&mut self, member: MemberId, room: RoomId, expected: u64, received: u64, announced: u64) {
        self.checks.add(Promise::NothingLost, expected);
        let account = self.account(member, room);
        account.expected += expected;
        account.received += received;
        account.announced_lost += announced;
    }

    fn add(&mut self, promise: Promise, sentence: String, room: RoomId, position: Position, send: SendId) {
        self.violations.add(Violation::new(promise, sentence).room(room).position(position).send(send));
    }

    fn report(self) -> (Report, BTreeMap<Whose, Account>) {
        let mut sum = Account::default();
        for account in self.accounts.values() {
            sum.add(account);
        }
        let report = Report {
            expected_deliveries: sum.expected,
            received_deliveries: sum.received,
            lost: sum.lost(),
            announced_lost: sum.announced_lost,
            duplicated: sum.faults.duplicated,
            reordered: sum.faults.reordered,
            skipped: sum.faults.skipped,
            foreign: sum.faults.foreign + self.tally.from_nowhere,
            gaps_announced: self.tally.gaps_announced,
            history: self.tally.history,
            caught_up: self.tally.caught_up,
            violations_by_promise: self.violations.totals(),
            violations: self.violations.examples(),
            checks: self.checks.by_promise(),
            ..self.report
        };
        (report, self.accounts)
    }
}

/// How many places lie in `from..=to`.
fn count(places: &[Seq], (from, to): (Seq, Seq)) -> u64 {
    let below = |bound: Seq| places.partition_point(|&seq| seq < bound);
    let upto = places.partition_point(|&seq| seq <= to);
    upto.saturating_sub(below(from)) as u64
}

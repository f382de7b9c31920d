//! Between the clients and the oracle: what users see becomes observations, and their view of each room is kept.

pub(crate) mod abuse;
pub(crate) mod age;
pub(crate) mod asked;
pub(crate) mod bounds;
pub mod checks;
pub(crate) mod closing;
pub(crate) mod content;
pub(crate) mod counted;
pub(crate) mod delays;
pub(crate) mod glance;
pub(crate) mod health;
pub(crate) mod hearing;
pub(crate) mod holdings;
pub(crate) mod instant;
pub(crate) mod lately;
pub(crate) mod life;
pub(crate) mod look;
pub(crate) mod mailing;
pub(crate) mod marks;
pub(crate) mod notices;
pub(crate) mod occupancy;
pub(crate) mod pages;
pub(crate) mod passed_on;
pub(crate) mod prompt;
pub(crate) mod quotas;
pub(crate) mod rates;
pub(crate) mod reading;
pub(crate) mod replicas;
pub(crate) mod requests;
pub(crate) mod saying;
pub(crate) mod shedding;
pub(crate) mod standings;
pub(crate) mod statuses;
pub(crate) mod tally;
pub(crate) mod thread;
pub(crate) mod times;
pub(crate) mod told;
pub(crate) mod trials;
pub mod vacuity;
mod view;
pub(crate) mod whereabouts;
pub(crate) mod witness;
pub(crate) mod writers;

use std::collections::{BTreeMap, BTreeSet};

use chinwag_core::{
    Client, Epoch, Position, RequestId, RoomName, Seq, UserName,
    client::{ClientEvent, Presence, Shown},
    dialect::Dialect,
};
use chinwag_oracle::{Mode, Observation, Oracle, Promise, Report, RoomId, SendId, Violation};

use crate::{
    judge::{
        content::Contents,
        rates::Rates,
        witness::{member_id, room_id},
    },
    people::voice::{as_shown, is_altered_in},
    plan::scenario::Setup,
    record::outcome::Placed,
};

pub(crate) use self::{
    pages::json_bytes,
    view::{Survey, View},
};

/// A check that failed, in one sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Broken {
    /// Which check.
    pub(crate) check: &'static str,
    /// What happened.
    pub(crate) sentence: String,
}

/// A message someone said.
#[derive(Clone, Debug)]
struct Said {
    member: usize,
    room: usize,
    bytes: usize,
    /// Where it is, as soon as anybody says so: in one life of its room, or in several.
    places: Vec<Position>,
}

/// Tells the oracle what users see.
#[derive(Debug)]
pub(crate) struct Judge {
    oracle: Oracle,
    names: Vec<RoomName>,
    users: Vec<UserName>,
    said: Vec<Said>,
    contents: Contents,
    requests: Vec<BTreeMap<RequestId, SendId>>,
    /// Pages that were asked for: what they are to end before, and how long they may be.
    asked: Vec<BTreeMap<RequestId, (Option<Seq>, u32)>>,
    views: Vec<Vec<View>>,
    /// By member and room: how many messages of its present session are known to be in it.
    answered: Vec<Vec<usize>>,
    /// The newest message known to be in each life of each room's log.
    heads: Vec<BTreeMap<Epoch, Seq>>,
    /// Lives of rooms that had ended when the server began its present one.
    past: BTreeSet<Epoch>,
    /// How many messages were said before the last loss.
    carried: usize,
    retries: bool,
    page_max: u32,
    /// Most members that are named when members of a large room come and go.
    roster_max: usize,
    page_bytes_max: usize,
    /// Bytes of the longest message said.
    longest: usize,
    /// Which members are plain clients, whose messages may carry something.
    plain: Vec<bool>,
    /// By room: which message is at which place.
    sends_at: Vec<BTreeMap<Position, SendId>>,
    /// Messages whose content and author were compared with what was sent.
    pub(crate) recognised: u64,
    /// What gateways may let in of messages.
    pub(crate) rates: Rates,
}

impl Judge {
    /// A judge of these clients' users and rooms.
    #[must_use]
    pub(crate) fn new(users: Vec<UserName>, names: Vec<RoomName>, rates: Rates, setup: &Setup) -> Self {
        Self {
            oracle: Oracle::new(Mode::Strict).keeping(setup.keep()),
            said: Vec::new(),
            contents: Contents::default(),
            recognised: 0,
            requests: vec![BTreeMap::new(); users.len()],
            asked: vec![BTreeMap::new(); users.len()],
            views: vec![vec![View::default(); names.len()]; users.len()],
            answered: vec![vec![0; names.len()]; users.len()],
            heads: vec![BTreeMap::new(); names.len()],
            past: BTreeSet::new(),
            carried: 0,
            plain: setup.clients.iter().map(|client| client.voice.is_some()).collect(),
            sends_at: vec![BTreeMap::new(); names.len()],
            names,
            users,
            retries: setup.patience.retry_rate_limited,
            page_max: setup.gateway.page_messages_max,
            roster_max: setup.shard.roster_max as usize,
            page_bytes_max: setup.gateway.page_bytes_max.min(setup.gateway.outbox_bytes_max / 4),
            longest: 0,
            rates,
        }
    }

    /// The name of a room.
    #[must_use]
    pub(crate) fn room(&self, room: usize) -> &RoomName {
        &self.names[room]
    }

    /// A client's program died: what it had sent is in its room or not, and its user begins anew everywhere.
    pub(crate) fn crashed(&mut self, member: usize) -> Result<(), Broken> {
        self.gave_up(member)?;
        self.asked[member].clear();
        self.rates.crashed(member);
        for room in 0..self.names.len() {
            self.views[member][room] = View { left: true, ..View::default() };
            let (member, room) = (member_id(member), room_id(room));
            self.observe(Observation::Left { member, room, position: None })?;
        }
        Ok(())
    }

    /// Nobody will know what became of a client's sends, nor what it would have been shown.
    pub(crate) fn gave_up(&mut self, member: usize) -> Result<(), Broken> {
        self.forget_views(member);
        for send in std::mem::take(&mut self.requests[member]).into_values() {
            self.observe(Observation::Unresolved { send })?;
        }
        self.observe(Observation::SessionLost { member: member_id(member) })
    }

    /// The newest message known to be in a life of a room's log.
    #[must_use]
    pub(crate) fn head(&self, room: usize, epoch: Epoch) -> Seq {
        self.heads[room].get(&epoch).copied().unwrap_or_default()
    }

    /// The server has begun anew, and its rooms with it.
    pub(crate) fn start_over(&mut self) {
        self.rates.start_over();
        self.past.extend(self.heads.iter().flat_map(BTreeMap::keys));
    }

    /// …and some of what was known may be known all the same.
    pub(crate) fn carries(&mut self) {
        self.carried = self.said.len();
        self.rates.carry();
    }

    /// What was kept at a loss is in lives of its room that its author was never in.
    fn is_excused(&self, violation: &Violation) -> bool {
        let is_carried = |send: SendId| (send.0 as usize) < self.carried;
        violation.promise == Promise::Authorship && violation.send.is_some_and(is_carried)
    }

    /// Whether this life of a room ended with an earlier life of the server.
    #[must_use]
    pub(crate) fn is_past(&self, epoch: Epoch) -> bool {
        self.past.contains(&epoch)
    }

    /// How long a send that has no final answer was to be.
    #[must_use]
    pub(crate) fn bytes_of(&self, member: usize, id: RequestId) -> Option<usize> {
        let send = self.requests[member].get(&id)?;
        Some(self.said[send.0 as usize].bytes)
    }

    /// The same as JSON has it.
    #[must_use]
    pub(crate) fn encoded(&mut self, member: usize, id: RequestId) -> Option<usize> {
        let send = *self.requests[member].get(&id)?;
        Some(json_bytes(&self.content_of(send)))
    }

    /// How many messages of a client's present session are known to be in a room.
    #[must_use]
    pub(crate) fn answered(&self, member: usize, room: usize) -> usize {
        self.answered[member][room]
    }

    /// What a client's present session has said is not known in a room any more.
    pub(crate) fn answers_forgotten(&mut self, member: usize, room: usize) {
        self.answered[member][room] = 0;
    }

    /// How many of a client's sends have no final answer.
    #[must_use]
    pub(crate) fn unanswered(&self, member: usize) -> usize {
        self.requests[member].len()
    }

    /// The content of the next message, of about so many bytes.
    #[must_use]
    pub(crate) fn next_content(&mut self, bytes: usize) -> String {
        self.contents.make(self.said.len(), bytes)
    }

    /// A client has taken in the [next message](Self::next_content).
    pub(crate) fn said(
        &mut self,
        member: usize,
        room: usize,
        bytes: usize,
        id: RequestId,
    ) -> Result<SendId, Broken> {
        let send = self.plans(member, room, bytes)?;
        self.requests[member].insert(id, send);
        self.rates.said(member, id);
        self.observe(Observation::Sent { send })?;
        Ok(send)
    }

    /// The room of a send that has no final answer.
    #[must_use]
    pub(crate) fn waits_under(&self, member: usize, id: RequestId) -> Option<usize> {
        self.room_of(*self.requests[member].get(&id)?)
    }

    /// Whether a client has sends to a room that have no final answer.
    #[must_use]
    pub(crate) fn waits_in(&self, member: usize, room: usize) -> bool {
        self.requests[member].values().any(|&send| self.room_of(send) == Some(room))
    }

    /// Whether a client has sends to a room that it made before this request and that have no final answer.
    #[must_use]
    pub(crate) fn waits_before(&self, member: usize, room: usize, id: RequestId) -> bool {
        self.requests[member].range(..id).any(|(_, &send)| self.room_of(send) == Some(room))
    }

    /// A client is about to say the [next message](Self::next_content).
    pub(crate) fn plans(&mut self, member: usize, room: usize, bytes: usize) -> Result<SendId, Broken> {
        let send = SendId(u32::try_from(self.said.len()).expect("scenarios are small"));
        // The shortest have a number and a space.
        self.longest = self.longest.max(bytes).max(8);
        self.said.push(Said { member, room, bytes, places: Vec::new() });
        self.observe(Observation::Planned { send, room: room_id(room), member: member_id(member) })?;
        Ok(send)
    }

    /// Where a message is, as far as anybody has said so: in several lives of its room, if it was sent again.
    #[must_use]
    pub(crate) fn places(&self, send: SendId) -> &[Position] {
        self.said.get(send.0 as usize).map_or(&[], |said| &said.places)
    }

    /// What a message says.
    #[must_use]
    pub(crate) fn content_of(&mut self, send: SendId) -> String {
        self.contents.make(send.0 as usize, self.said[send.0 as usize].bytes)
    }

    /// The room that a message was meant for.
    #[must_use]
    pub(crate) fn room_of(&self, send: SendId) -> Option<usize> {
        Some(self.said.get(send.0 as usize)?.room)
    }

    /// Who has said a message, or means to.
    #[must_use]
    pub(crate) fn author_of(&self, send: SendId) -> Option<usize> {
        Some(self.said.get(send.0 as usize)?.member)
    }

    /// A client's user has asked for a page of older messages.
    pub(crate) fn asked(&mut self, member: usize, id: RequestId, before: Option<Seq>, limit: u32) {
        self.asked[member].insert(id, (before, limit));
    }

    /// A client's user sees something.
    ///
    /// # Errors
    /// The promise that is broken by it.
    pub(crate) fn event(
        &mut self,
        member: usize,
        client: &Client,
        event: &ClientEvent,
    ) -> Result<(), Broken> {
        match event {
            ClientEvent::Attached { session, resumed } => {
                self.rates.learned(member, *session);
                self.forget_views(member);
                if !resumed {
                    self.answered[member].fill(0);
                    self.observe(Observation::SessionLost { member: member_id(member) })?;
                }
            }
            ClientEvent::Ended { .. } => {
                self.gave_up(member)?;
            }
            ClientEvent::Disconnected { .. } => {
                // What was asked for on that connection is not answered on another.
                self.asked[member].clear();
                self.forget_views(member);
            }
            ClientEvent::Joined { room, head, next, verdict } => {
                let index = self.index(room)?;
                // Who enters again may be sent what they saw before they left, and their client passes over it.
                let shown = if self.views[member][index].left { client.position(room) } else { None };
                let next = shown.map(|shown| shown.seq.next()).max(Some(*next));
                self.views[member][index] = View::default();
                self.raise(index, *head);
                self.observe(Observation::Joined {
                    member: member_id(member),
                    room: room_id(index),
                    position: Some(*head),
                    next,
                    verdict: Some(*verdict),
                })?;
            }
            ClientEvent::Left { room, head, .. } => {
                let room = self.index(room)?;
                let position = Some(*head);
                self.views[member][room] = View { left: true, ..View::default() };
                let (member, room) = (member_id(member), room_id(room));
                self.observe(Observation::Left { member, room, position })?;
            }
            ClientEvent::Gap { room, from, to } => {
                let room = self.index(room)?;
                let (member, room) = (member_id(member), room_id(room));
                self.observe(Observation::Gap { member, room, from: *from, to: *to })?;
            }
            ClientEvent::Message(shown) => self.message(member, shown)?,
            ClientEvent::History { id, room, messages, more } => {
                self.paged(member, *id, room, messages, *more)?;
            }
            ClientEvent::Acknowledged { id, room, position } => {
                self.acknowledged(member, *id, room, *position)?;
            }
            ClientEvent::Unresolved { id, .. } => {
                if let Some(send) = self.requests[member].remove(id) {
                    self.observe(Observation::Unresolved { send })?;
                }
            }
            ClientEvent::Refused { id: Some(id), retry_after, .. } => {
                self.refused(member, *id, retry_after.is_some())?;
                self.forgotten(member, client)?;
            }
            _ => self.look(member, event)?,
        }
        Ok(())
    }

    fn message(&mut self, member: usize, shown: &Shown) -> Result<(), Broken> {
        let room = self.index(&shown.room)?;
        let send = self.recognise(shown)?;
        self.raise(room, shown.position);
        let view = &mut self.views[member][room];
        // Whoever has said something does not write any more.
        if let Some(presence) = view.presence.get_mut(&shown.user) {
            *presence = Presence::Online;
        }
        self.observe(Observation::Shown {
            member: member_id(member),
            room: room_id(room),
            send,
            position: Some(shown.position),
            from_history: shown.from_history,
        })
    }

    fn acknowledged(
        &mut self,
        member: usize,
        id: RequestId,
        room: &RoomName,
        position: Position,
    ) -> Result<(), Broken> {
        let room = self.index(room)?;
        self.raise(room, position);
        match self.requests[member].remove(&id) {
            Some(send) => {
                self.answered[member][room] += 1;
                self.observe(Observation::Acknowledged { send, position: Some(position) })
            }
            None => Ok(()),
        }
    }

    fn refused(&mut self, member: usize, id: RequestId, for_now: bool) -> Result<(), Broken> {
        if for_now && self.retries {
            return Ok(());
        }
        match self.requests[member].remove(&id) {
            // It was given up; an earlier attempt may have reached the room.
            Some(send) if for_now => self.observe(Observation::Unresolved { send })?,
            Some(send) => self.observe(Observation::Refused { send })?,
            None => {}
        }
        Ok(())
    }

    /// Whose message it is; its content and author must be what was sent.
    fn recognise(&mut self, shown: &Shown) -> Result<Option<SendId>, Broken> {
        let Some((number, said)) = self.numbered(&shown.content) else { return Ok(None) };
        let is_it = self.contents.is(&shown.content, number as usize, said.bytes)
            && shown.user == self.users[said.member];
        self.recognised += 1;
        if !is_it {
            let sentence = format!("send {number} is shown as {:?} by {}", shown.content, shown.user);
            return Err(Broken { check: checks::CONTENT, sentence });
        }
        Ok(Some(SendId(number)))
    }

    /// The message whose number a content begins with, and that number.
    fn numbered(&self, content: &str) -> Option<(u32, &Said)> {
        let number = content::number(content)?;
        Some((number, self.said.get(number as usize)?))
    }

    /// Whose message a reader of a dialect is shown; its content and author must be what was sent.
    pub(crate) fn recognise_in(
        &mut self,
        dialect: Dialect,
        user: &str,
        content: &str,
    ) -> Result<SendId, Broken> {
        self.recognised += 1;
        let said = self.numbered(content).map(|(number, said)| (number, said.member, said.bytes));
        if let Some((number, member, bytes)) = said
            && self.users[member].as_str() == user
            && self.reads_as(dialect, content, number as usize, bytes)
        {
            return Ok(SendId(number));
        }
        let sentence = format!("{content:?} by {user} was not said, or reads otherwise");
        Err(Broken { check: checks::CONTENT, sentence })
    }

    /// Whether a reader of a dialect is shown a message of so many bytes like this.
    fn reads_as(&mut self, dialect: Dialect, content: &str, number: usize, bytes: usize) -> bool {
        // What shows nothing that could have been altered is what was said.
        let is_tame = || content.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if is_altered_in(dialect) && !is_tame() {
            as_shown(dialect, &self.contents.make(number, bytes)) == content
        } else {
            self.contents.is(content, number, bytes)
        }
    }

    /// A gateway has refused a request for its rate; its client may never hear of it.
    pub(crate) fn deferred(&mut self, member: usize, id: RequestId) -> Result<(), Broken> {
        match self.requests[member].get(&id) {
            Some(&send) => self.observe(Observation::Deferred { send }),
            None => Ok(()),
        }
    }

    /// The verdict on everything.
    #[must_use]
    pub(crate) fn finish(&self) -> Report {
        let mut report = self.oracle.finish();
        report.violations.retain(|violation| !self.is_excused(violation));
        report
    }

    /// What is in each room, in order.
    pub(crate) fn log(&self) -> Vec<Placed> {
        let placed = |(room, _, send): (RoomId, Position, SendId)| {
            let said = self.said.get(send.0 as usize)?;
            let client = u32::try_from(said.member).expect("scenarios are small");
            Some(Placed { room: room.0, client, number: send.0 })
        };
        self.oracle.log().filter_map(placed).collect()
    }

    /// Tells the oracle of something.
    ///
    /// # Errors
    /// The promise that is broken by it.
    pub(crate) fn observe(&mut self, observation: Observation) -> Result<(), Broken> {
        if let Observation::Shown { send: Some(send), position: Some(position), .. }
        | Observation::Acknowledged { send, position: Some(position) } = observation
            && let Some(said) = self.said.get_mut(send.0 as usize)
            && !said.places.contains(&position)
        {
            said.places.push(position);
            self.sends_at[said.room].insert(position, send);
        }
        let violation = self.oracle.observe(observation);
        judged(violation.filter(|violation| !self.is_excused(violation)))
    }

    /// Whoever is not let into a room is not in it.
    pub(crate) fn turned_away(&mut self, member: usize, room: usize) -> Result<(), Broken> {
        let view = &mut self.views[member][room];
        if view.left {
            return Ok(());
        }
        *view = View { left: true, ..View::default() };
        let (member, room) = (member_id(member), room_id(room));
        self.observe(Observation::Left { member, room, position: None })
    }

    /// Whoever is told that there was nothing to leave has left, too.
    fn forgotten(&mut self, member: usize, client: &Client) -> Result<(), Broken> {
        for room in 0..self.names.len() {
            let view = &mut self.views[member][room];
            if !view.left && client.position(&self.names[room]).is_none() {
                *view = View { left: true, ..View::default() };
                let (member, room) = (member_id(member), room_id(room));
                self.observe(Observation::Left { member, room, position: None })?;
            }
        }
        Ok(())
    }

    /// A message is known to be in a room.
    pub(crate) fn raise(&mut self, room: usize, position: Position) {
        let head = self.heads[room].entry(position.epoch).or_default();
        *head = position.seq.max(*head);
    }

    fn index(&self, room: &RoomName) -> Result<usize, Broken> {
        self.names
            .iter()
            .position(|name| name == room)
            .ok_or_else(|| Broken { check: checks::CONTENT, sentence: format!("there is no room {room}") })
    }
}

fn judged(violation: Option<Violation>) -> Result<(), Broken> {
    match violation {
        Some(violation) => Err(Broken { check: violation.promise.name(), sentence: violation.sentence }),
        None => Ok(()),
    }
}

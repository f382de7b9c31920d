//! A room against the plainest model: who has a seat where, and everything else looked up anew each time.

mod hosted;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::kit::{EAST, WEST, user};
use crate::{
    config::ShardConfig,
    id::{Epoch, GatewayId, Generation, Position, Seq},
    refusal::Refusal,
    shard::{
        Joined, Keep, MemberView, Message, Placed, Push, Reply, Roster, Status, Task, TaskChange, Verdict,
    },
    time::Time,
};

const ROOM: &str = "hall";
/// Whose session each is: one user has two.
const WHO: [&str; 6] = ["ann", "ann", "bob", "cat", "dan", "eve"];

const ROSTER_MAX: usize = 2;
const MEMBERS_MAX: usize = 4;
const TASKS_MAX: usize = 2;
const FINISHED_MAX: usize = 1;

// Steps come at whole milliseconds, so what begins at different times never becomes due at one instant.
const GRACE: Duration = Duration::from_micros(1_000_300);
const WINDOW: Duration = Duration::from_micros(3_000_700);
const REPORT: Duration = Duration::from_micros(500_110);
const TTL: Duration = Duration::from_micros(2_001_300);

fn config() -> ShardConfig {
    ShardConfig {
        roster_max: ROSTER_MAX as u32,
        roster_interval: REPORT,
        room_members_max: Some(MEMBERS_MAX as u32),
        room_ttl: TTL,
        presence_grace: GRACE,
        resume_window: WINDOW,
        tasks_max: TASKS_MAX as u32,
        finished_tasks_max: FINISHED_MAX as u32,
        ..ShardConfig::default()
    }
}

/// Somebody does something, after a while. What makes no sense is passed over.
#[derive(Clone, Debug)]
struct Transition {
    after: Duration,
    who: usize,
    act: Act,
}

#[derive(Clone, Debug)]
enum Act {
    /// Opens a session, or resumes the one there is.
    Connect(GatewayId),
    Disconnect(Keep),
    Join,
    Leave,
    Create,
    Say,
    Type(bool),
    Note(Status),
    Assign(TaskChange),
}

/// A session.
#[derive(Clone, Debug, Default)]
struct Stay {
    gateway: Option<GatewayId>,
    is_resumed: bool,
    /// When it ends, while it has no connection.
    ends: Option<Time>,
    has_seat: bool,
    /// The seat was taken on this very connection.
    attends: bool,
}

/// How others see a member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Presence {
    Here,
    Away { since: Time, until: Time },
    Offline { since: Time },
}

/// What becomes due, in this order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Due {
    SessionEnds(usize),
    Offline(&'static str),
    Report,
    Drop,
}

/// What lasts as long as the room.
#[derive(Clone, Debug, Default)]
struct Hall {
    said: u64,
    tasks: BTreeMap<String, Task>,
    /// Names of those that are finished, the latest last.
    finished: Vec<String>,
    /// Who came or went, while it was large, and nobody was told; and when they were last there.
    changed: BTreeMap<&'static str, Time>,
    report_at: Option<Time>,
    drop_at: Option<Time>,
}

/// Everything, and what the last transition led to. Epochs are counted from 0.
#[derive(Clone, Debug)]
struct Model {
    now: Time,
    stays: [Stay; WHO.len()],
    presence: BTreeMap<&'static str, Presence>,
    statuses: BTreeMap<&'static str, Status>,
    hall: Option<Hall>,
    halls: u64,
    reply: Option<Result<Reply, Refusal>>,
    pushes: Vec<(GatewayId, Push)>,
}

impl Model {
    fn users_where(&self, has: impl Fn(&Stay) -> bool) -> BTreeSet<&'static str> {
        WHO.into_iter().zip(&self.stays).filter(|(_, stay)| has(stay)).map(|(user, _)| user).collect()
    }

    fn members(&self) -> BTreeSet<&'static str> {
        self.users_where(|stay| stay.has_seat)
    }

    fn is_large(&self) -> bool {
        self.members().len() > ROSTER_MAX
    }

    fn roster(&self) -> Roster {
        let members = self.members();
        if self.is_large() {
            Roster::Count(members.len() as u32)
        } else {
            Roster::Names(members.into_iter().map(user).collect())
        }
    }

    fn views(&self) -> Vec<MemberView> {
        let view = |name| MemberView {
            user: user(name),
            away: self.away(name),
            status: self.statuses.get(name).cloned(),
        };
        self.members().into_iter().map(view).collect()
    }

    /// Since when somebody is shown as away.
    fn away(&self, name: &str) -> Option<Time> {
        match self.presence.get(name) {
            Some(Presence::Offline { since }) => Some(*since),
            _ => None,
        }
    }

    fn head(&self) -> Position {
        Position::new(Epoch(self.halls - 1), Seq(self.hall().said))
    }

    fn hall(&self) -> &Hall {
        self.hall.as_ref().expect("a room")
    }

    fn hall_mut(&mut self) -> &mut Hall {
        self.hall.as_mut().expect("a room")
    }

    /// One push for each gateway on which somebody attends.
    fn tell(&mut self, push: &Push) {
        let gateways: BTreeSet<_> =
            self.stays.iter().filter(|it| it.attends).filter_map(|it| it.gateway).collect();
        self.pushes.extend(gateways.into_iter().map(|gateway| (gateway, push.clone())));
    }

    /// The seats of a user have changed.
    fn settle(&mut self, name: &'static str) {
        if !self.members().contains(name) {
            self.presence.remove(name);
            self.statuses.remove(name);
        } else if self.users_where(|stay| stay.attends).contains(name) {
            self.presence.insert(name, Presence::Here);
        } else if self.presence[name] == Presence::Here {
            self.presence.insert(name, Presence::Away { since: self.now, until: self.now + GRACE });
        }
    }

    fn join(&mut self, who: usize) -> Result<Reply, Refusal> {
        let (name, members) = (WHO[who], self.members());
        if !members.contains(name) && members.len() >= MEMBERS_MAX {
            return Err(Refusal::RoomFull);
        }
        let was_offline = self.away(name).is_some();
        if self.hall.is_none() {
            self.make_hall();
        }
        (self.stays[who].has_seat, self.stays[who].attends) = (true, true);
        self.settle(name);
        self.hall_mut().drop_at = None;
        let joined = self.joined(members.contains(name));
        if !members.contains(name) {
            self.welcome(name);
        } else if was_offline && !self.is_large() {
            self.tell(&Push::Presence { user: user(name), away: None });
        }
        Ok(Reply::Joined(joined))
    }

    fn joined(&self, rejoined: bool) -> Joined {
        let listed = if self.is_large() { vec![] } else { self.views() };
        Joined {
            head: self.head(),
            // Nobody here says as much as is shown on a join.
            next: Seq(1),
            verdict: Verdict::Full,
            rejoined,
            known_since: Generation(1),
            roster: self.roster(),
            offline: listed.iter().filter_map(|it| Some((it.user.clone(), it.away?))).collect(),
            statuses: listed.into_iter().filter_map(|it| Some((it.user, it.status?))).collect(),
            tasks: self.hall().tasks.values().cloned().collect(),
        }
    }

    fn make_hall(&mut self) {
        self.halls += 1;
        self.hall = Some(Hall { drop_at: Some(self.now + TTL), ..Hall::default() });
    }

    fn welcome(&mut self, name: &'static str) {
        if self.is_large() {
            return self.report_later(name, self.now);
        }
        let roster = self.roster();
        self.tell(&Push::Joined { user: user(name), roster });
    }

    /// A session gives up its seat.
    fn leave(&mut self, who: usize) {
        let (name, before) = (WHO[who], self.members());
        let seen = match self.presence[name] {
            Presence::Here => self.now,
            Presence::Away { since, .. } | Presence::Offline { since } => since,
        };
        (self.stays[who].has_seat, self.stays[who].attends) = (false, false);
        self.settle(name);
        if !self.members().contains(name) {
            self.farewell(name, seen, &before);
        }
        if self.members().is_empty() {
            self.hall_mut().drop_at = Some(self.now + TTL);
        }
    }

    fn farewell(&mut self, name: &'static str, seen: Time, before: &BTreeSet<&'static str>) {
        if self.is_large() {
            return self.report_later(name, seen);
        }
        self.report(before);
        let roster = self.roster();
        self.tell(&Push::Left { user: user(name), seen, roster });
        if self.members().len() == ROSTER_MAX {
            let members = self.views();
            self.tell(&Push::Listed { members });
        }
    }

    fn report_later(&mut self, name: &'static str, seen: Time) {
        let at = self.now + REPORT;
        let hall = self.hall_mut();
        hall.changed.insert(name, seen);
        hall.report_at.get_or_insert(at);
    }

    /// Tells of everybody who came or went whether they are there.
    fn report(&mut self, members: &BTreeSet<&'static str>) {
        let changed = std::mem::take(&mut self.hall_mut().changed);
        let (here, gone): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|(name, _)| members.contains(name));
        let joined: Vec<_> = here.into_iter().take(ROSTER_MAX).map(|(name, _)| user(name)).collect();
        let left: Vec<_> = gone.into_iter().take(ROSTER_MAX).map(|(name, seen)| (user(name), seen)).collect();
        if !joined.is_empty() || !left.is_empty() {
            let count = self.members().len() as u32;
            self.tell(&Push::Changed { joined, left, count });
        }
        self.hall_mut().report_at = None;
    }

    fn connect(&mut self, who: usize, gateway: GatewayId) {
        let stay = &mut self.stays[who];
        if stay.gateway.is_none() {
            stay.is_resumed = stay.ends.take().is_some();
            stay.gateway = Some(gateway);
        }
    }

    fn disconnect(&mut self, who: usize, keep: Keep) {
        let span = match keep {
            Keep::Nothing => return self.end(who),
            // Who has resumed before has a secret.
            Keep::Grace if !self.stays[who].is_resumed => GRACE,
            Keep::Grace | Keep::Window => WINDOW,
        };
        let stay = &mut self.stays[who];
        (stay.gateway, stay.attends, stay.ends) = (None, false, Some(self.now + span));
        self.settle(WHO[who]);
    }

    fn end(&mut self, who: usize) {
        self.stays[who].gateway = None;
        if self.stays[who].has_seat {
            self.leave(who);
        }
        self.stays[who] = Stay::default();
    }

    /// What comes next, if it comes up to then.
    fn next_due(&self, end: Time) -> Option<(Time, Due)> {
        let ends = |who: usize| Some((self.stays[who].ends?, Due::SessionEnds(who)));
        let offline = |(&name, presence): (&&'static str, &Presence)| match *presence {
            Presence::Away { until, .. } => Some((until, Due::Offline(name))),
            Presence::Here | Presence::Offline { .. } => None,
        };
        let report = self.hall.iter().filter_map(|hall| Some((hall.report_at?, Due::Report)));
        let drop = self.hall.iter().filter_map(|hall| Some((hall.drop_at?, Due::Drop)));
        let all = (0..WHO.len()).filter_map(ends).chain(self.presence.iter().filter_map(offline));
        all.chain(report).chain(drop).filter(|(at, _)| *at <= end).min()
    }

    fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some((at, due)) = self.next_due(end) {
            self.now = at;
            match due {
                Due::SessionEnds(who) => self.end(who),
                Due::Offline(name) => {
                    let Presence::Away { since, .. } = self.presence[name] else { unreachable!("due then") };
                    self.presence.insert(name, Presence::Offline { since });
                    if !self.is_large() {
                        self.tell(&Push::Presence { user: user(name), away: Some(since) });
                    }
                }
                Due::Report => self.report(&self.members()),
                Due::Drop => self.hall = None,
            }
        }
        self.now = end;
    }

    /// Whether somebody may speak and read, and what they hear if not.
    fn attending(&self, who: usize) -> Result<(), Refusal> {
        match self.hall {
            None => Err(Refusal::UnknownRoom),
            Some(_) if self.stays[who].attends => Ok(()),
            Some(_) => Err(Refusal::NotMember),
        }
    }

    fn say(&mut self, who: usize) -> Result<Reply, Refusal> {
        self.attending(who)?;
        self.hall_mut().said += 1;
        let head = self.head();
        let message = Message {
            seq: head.seq,
            at: self.now,
            user: user(WHO[who]),
            content: head.seq.to_string().into(),
            extra: None,
        };
        self.tell(&Push::Message { epoch: head.epoch, message: message.into() });
        Ok(Reply::Published(Placed { position: head, at: self.now }))
    }

    fn note(&mut self, who: usize, status: &Status) -> Result<Reply, Refusal> {
        self.attending(who)?;
        self.statuses.insert(WHO[who], status.clone());
        self.tell(&Push::Status { user: user(WHO[who]), status: status.clone() });
        Ok(Reply::Noted)
    }

    fn assign(&mut self, who: usize, change: &TaskChange) -> Result<Reply, Refusal> {
        self.attending(who)?;
        let Hall { tasks, finished, .. } = self.hall_mut();
        let TaskChange { task: name, status, assignee, priority, metadata } = change.clone();
        if tasks.len() == TASKS_MAX && !tasks.contains_key(&*name) {
            if finished.is_empty() {
                return Err(Refusal::Full);
            }
            tasks.remove(&finished.remove(0));
        }
        let (assigned, known) = (assignee.is_some(), tasks.get(&*name).cloned());
        let known = known.as_ref();
        let task = Task {
            status: status.or_else(|| known?.status.clone()),
            assignee: assignee.or_else(|| known?.assignee.clone()),
            priority: priority.or_else(|| known?.priority),
            metadata: metadata.or_else(|| known?.metadata.clone()),
            task: name,
        };
        let name = task.task.to_string();
        let is_done = task.status.as_ref().is_some_and(|status| &*status.state == "done");
        if !is_done {
            finished.retain(|other| *other != name);
        } else if !finished.contains(&name) {
            finished.push(name.clone());
        }
        tasks.insert(name, task.clone());
        if finished.len() > FINISHED_MAX {
            tasks.remove(&finished.remove(0));
        }
        self.tell(&Push::Task { user: user(WHO[who]), task, assigned });
        Ok(Reply::Noted)
    }

    fn request(&mut self, who: usize, act: &Act) -> Option<Result<Reply, Refusal>> {
        Some(match act {
            Act::Join => self.join(who),
            Act::Leave if self.hall.is_none() => Err(Refusal::UnknownRoom),
            Act::Leave if !self.stays[who].has_seat => Err(Refusal::NotMember),
            Act::Leave => {
                self.leave(who);
                Ok(Reply::Left(self.head()))
            }
            Act::Create if self.hall.is_some() => Err(Refusal::RoomExists),
            Act::Create => {
                self.make_hall();
                Ok(Reply::Created(self.head()))
            }
            Act::Say => self.say(who),
            Act::Note(status) => self.note(who, status),
            Act::Assign(task) => self.assign(who, task),
            Act::Type(on) => {
                if self.attending(who).is_ok() || !on && self.stays[who].has_seat {
                    self.tell(&Push::Typing { user: user(WHO[who]), on: *on });
                }
                return None;
            }
            Act::Connect(_) | Act::Disconnect(_) => unreachable!("no requests"),
        })
    }
}

fn status() -> impl Strategy<Value = Status> {
    (prop::sample::select(vec!["busy", "done"]), prop::option::of(0..100u8))
        .prop_map(|(state, progress)| Status { state: state.into(), detail: None, progress })
}

fn act() -> impl Strategy<Value = Act> {
    let name = prop::sample::select(vec!["cook", "wash", "sing"]);
    let assignee = prop::option::of(prop::sample::select(vec!["ann", "nobody"]));
    let task = (name, prop::option::of(status()), assignee, prop::option::of(0..=4u8)).prop_map(
        |(task, status, assignee, priority)| TaskChange {
            task: task.into(),
            status,
            assignee: assignee.map(user),
            priority,
            metadata: None,
        },
    );
    let keep = prop_oneof![1 => Just(Keep::Nothing), 2 => Just(Keep::Grace), 3 => Just(Keep::Window)];
    prop_oneof![
        6 => prop::sample::select(vec![WEST, EAST]).prop_map(Act::Connect),
        3 => keep.prop_map(Act::Disconnect),
        8 => Just(Act::Join),
        3 => Just(Act::Leave),
        1 => Just(Act::Create),
        2 => Just(Act::Say),
        1 => any::<bool>().prop_map(Act::Type),
        2 => status().prop_map(Act::Note),
        2 => task.prop_map(Act::Assign),
    ]
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        let model = Self {
            now: Time(1_700_000_000_000_000),
            stays: Default::default(),
            presence: BTreeMap::new(),
            statuses: BTreeMap::new(),
            hall: None,
            halls: 0,
            reply: None,
            pushes: vec![],
        };
        Just(model).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        let millis = prop_oneof![6 => 1..50u64, 2 => 1..1_200u64, 1 => 1..4_000u64];
        (millis, 0..WHO.len(), act())
            .prop_map(|(millis, who, act)| Transition { after: Duration::from_millis(millis), who, act })
            .boxed()
    }

    fn apply(mut model: Self, transition: &Transition) -> Self {
        let Transition { after, who, act } = transition;
        (model.reply, model.pushes) = (None, vec![]);
        model.wait(*after);
        match act {
            Act::Connect(gateway) => model.connect(*who, *gateway),
            _ if model.stays[*who].gateway.is_none() => {}
            Act::Disconnect(keep) => model.disconnect(*who, *keep),
            act => model.reply = model.request(*who, act),
        }
        model
    }
}

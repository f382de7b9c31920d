//! A plan: what becomes of a scenario for a number of clients and a random seed.

use std::{
    fmt,
    hash::{Hash as _, Hasher as _},
    time::Duration,
};

use chinwag_core::hash::NumberHasher;

use crate::{
    draw::{Draw, Purpose},
    flow::Step,
    payload::{self, RunId},
    rooms::{Membership, Rooms},
    scenario::{Connect, Event, EventKind, Group, Read, Scenario},
    talk::{self, Talk},
};

/// What the command line may change about a scenario.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Overrides {
    /// Another number of clients, at least 1.
    pub clients: Option<u32>,
    /// Another random seed.
    pub seed: Option<u64>,
    /// The number of the run, if it must be told from earlier ones on the same server; otherwise the seed decides it.
    pub run: Option<RunId>,
}

/// A message that will be sent. Its number is its place in [`Plan::sends`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PlannedSend {
    /// When, after the first stage's start.
    pub at: Duration,
    /// By whom.
    pub client: u32,
    /// Where.
    pub room: u32,
    /// In which stage.
    pub stage: u16,
    /// How long, in bytes.
    pub size: u32,
}

/// Something else that a client will do.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PlannedDeed {
    /// When, after the first stage's start.
    pub at: Duration,
    /// Who.
    pub client: u32,
    /// Where.
    pub room: u32,
    /// What.
    pub deed: Deed,
}

/// What a client does beside saying something.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Deed {
    /// Show that one writes.
    Typing,
    /// Ask for so many of the latest messages.
    History(u16),
    /// Leave the room.
    Leave,
    /// Enter it again.
    Join,
    /// Send a frame of so many bytes that means nothing.
    Nonsense(u16),
}

/// A stage of a scenario's and when it is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct PlannedStage {
    /// The name of its `[[scenario]]`.
    pub scenario: String,
    /// Its name.
    pub name: String,
    /// When it begins, after the first stage's start.
    pub start: Duration,
    /// When it ends.
    pub end: Duration,
    /// Memory is measured at its end.
    pub measure_memory: bool,
    /// The generator must have kept to the plan here.
    pub judged: bool,
}

/// A span of time in which the same stages are under way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Phase {
    /// The stages' names; those of several scenarios are told apart if they differ.
    pub name: String,
    /// When it ends, after the first stage's start.
    pub end: Duration,
    /// Memory is measured at its end.
    pub measure_memory: bool,
}

/// Something that will befall clients.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct PlannedEvent {
    /// When, after the first stage's start.
    pub at: Duration,
    /// What.
    pub kind: EventKind,
    /// When a partition is over or the server is started anew.
    pub until: Duration,
    /// Whom, by number.
    pub targets: Vec<Target>,
}

/// A client that an event hits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Target {
    /// Who.
    pub client: u32,
    /// When they may begin to come back, after the first stage's start.
    pub back_at: Duration,
}

/// Why there is no plan.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PlanError {
    /// There must be someone.
    NoClients,
    /// More than can be numbered and held.
    TooMuch {
        /// In which stage it came to that.
        stage: String,
    },
    /// A stage wants someone to speak, but all are away.
    NobodyLeft {
        /// Which stage.
        stage: String,
    },
    /// An iteration is to begin while all are busy with earlier ones.
    AllBusy {
        /// In which stage.
        stage: String,
        /// When, after the first stage's start.
        at: Duration,
    },
    /// A stage wants more clients to be busy than its scenario has.
    TooFewClients {
        /// Which stage.
        stage: String,
        /// So many.
        wanted: u32,
        /// So many there are.
        there: u32,
    },
    /// No client is left for a scenario.
    NoShare {
        /// Which.
        scenario: String,
    },
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClients => f.write_str("there must be at least one client"),
            Self::TooMuch { stage } => {
                write!(f, "stage `{stage}`: more than {} things to do in all", talk::ACTS_MAX)
            }
            Self::NobodyLeft { stage } => {
                write!(
                    f,
                    "stage `{stage}`: someone is to speak, but everyone is away; take more clients or cut fewer"
                )
            }
            Self::AllBusy { stage, at } => write!(
                f,
                "stage `{stage}`: at {at:.1?} all its clients are busy with earlier iterations; take more clients, fewer \
                 iterations or less time for each"
            ),
            Self::TooFewClients { stage, wanted, there } => {
                write!(f, "stage `{stage}`: {wanted} clients are to be busy, but its scenario has {there}")
            }
            Self::NoShare { scenario } => {
                write!(f, "scenario `{scenario}`: its share of the clients is nobody; take more clients")
            }
        }
    }
}

impl std::error::Error for PlanError {}

/// What one must know of a group during the run.
#[derive(Clone, Debug, PartialEq)]
struct Traits {
    name: String,
    read: Option<Read>,
    is_hostile: bool,
}

/// Who does what and when: a pure function of scenario and overrides.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    scenario: String,
    run: RunId,
    seed: u64,
    clients: u32,
    membership: Membership,
    /// By client: their group.
    groups: Vec<u8>,
    /// By group: what one must know of it during the run.
    traits: Vec<Traits>,
    connect: Connect,
    drain: Duration,
    warm_up: Duration,
    late_after: Duration,
    stages: Vec<PlannedStage>,
    events: Vec<PlannedEvent>,
    sends: Vec<PlannedSend>,
    deeds: Vec<PlannedDeed>,
    /// See [`Scenario::is_foreseeable`].
    pub(crate) foreseeable: bool,
}

impl Plan {
    /// Works out a plan.
    ///
    /// # Errors
    /// [`PlanError`] if the scenario makes no sense for this number of clients.
    pub fn new(scenario: &Scenario, overrides: Overrides) -> Result<Self, PlanError> {
        let seed = overrides.seed.unwrap_or(scenario.run.seed);
        let clients = overrides.clients.unwrap_or(scenario.run.clients);
        if clients == 0 {
            return Err(PlanError::NoClients);
        }
        let run = Draw::new(seed, Purpose::Run, &scenario.run.name).below(0, 1 << 32);
        let mut plan = Self {
            scenario: scenario.run.name.clone(),
            run: overrides.run.unwrap_or_else(|| RunId(u32::try_from(run).expect("below 2^32"))),
            seed,
            clients,
            membership: Membership::new(scenario.meeting_rooms(), clients, seed),
            groups: share_out(&scenario.groups, clients, seed)?,
            traits: scenario.groups.iter().map(Traits::of).collect(),
            connect: scenario.run.connect.clone(),
            drain: scenario.run.drain,
            warm_up: scenario.run.warm_up,
            late_after: scenario.run.late_after,
            stages: scenario.groups.iter().flat_map(plan_stages).collect(),
            events: Vec::new(),
            sends: Vec::new(),
            deeds: Vec::new(),
            foreseeable: scenario.is_foreseeable(),
        };
        plan.events = plan.plan_events(scenario);
        (plan.sends, plan.deeds) = Talk::new(&plan, scenario).acts()?;
        Ok(plan)
    }

    /// Tells plans apart, as worked out by one build: the same for two in which the same clients connect, read and do the same
    /// in the same rooms at the same time. The run's number does not count.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hasher = NumberHasher::default();
        (self.clients, &self.stages, &self.events, &self.sends, &self.deeds).hash(&mut hasher);
        (0..self.clients).for_each(|client| self.rooms_of(client).hash(&mut hasher));
        hasher.write(&self.groups);
        // What has no hash of its own; a few.
        let Self { connect, drain, warm_up, late_after, traits, .. } = self;
        hasher.write(format!("{connect:?} {drain:?} {warm_up:?} {late_after:?} {traits:?}").as_bytes());
        hasher.finish()
    }

    /// The scenario's name.
    #[must_use]
    pub fn scenario(&self) -> &str {
        &self.scenario
    }
    /// Tells this run's messages, users and rooms from other runs'.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.run
    }
    /// The random seed.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }
    /// How many clients there are; they are numbered from 0.
    #[must_use]
    pub const fn clients(&self) -> u32 {
        self.clients
    }
    /// How many rooms there are; they are numbered from 0.
    #[must_use]
    pub fn rooms(&self) -> u32 {
        self.membership.rooms()
    }
    /// The rooms a client is in, by number.
    #[must_use]
    pub fn rooms_of(&self, client: u32) -> &[u32] {
        self.membership.rooms_of(client)
    }
    /// The members of a room, by number.
    #[must_use]
    pub fn members_of(&self, room: u32) -> &[u32] {
        self.membership.members_of(room)
    }
    /// The number of the `[[scenario]]` that a client plays in.
    #[must_use]
    pub fn group_of(&self, client: u32) -> usize {
        self.groups[index(client)].into()
    }
    /// The names of the `[[scenario]]`s.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.traits.iter().map(|group| group.name.as_str())
    }
    /// How fast a client reads; as fast as it can if `None`.
    #[must_use]
    pub fn read_of(&self, client: u32) -> Option<Read> {
        self.traits[self.group_of(client)].read
    }
    /// Whether a client sends what means nothing, so that being refused is what it must expect.
    #[must_use]
    pub fn is_hostile(&self, client: u32) -> bool {
        self.traits[self.group_of(client)].is_hostile
    }
    /// How clients connect.
    #[must_use]
    pub const fn connect(&self) -> &Connect {
        &self.connect
    }
    /// When a client begins to connect, after the run's start.
    #[must_use]
    pub fn connect_at(&self, client: u32) -> Duration {
        Duration::from_secs_f64(f64::from(client) / self.connect.rate)
    }
    /// How long to wait at the end for what is under way.
    #[must_use]
    pub const fn drain(&self) -> Duration {
        self.drain
    }
    /// For how long after the first stage's start nothing that is said is in any latency figure.
    #[must_use]
    pub const fn warm_up(&self) -> Duration {
        self.warm_up
    }
    /// How long after its intended instant a delivery is late.
    #[must_use]
    pub const fn late_after(&self) -> Duration {
        self.late_after
    }
    /// The stages, scenario by scenario.
    #[must_use]
    pub fn stages(&self) -> &[PlannedStage] {
        &self.stages
    }
    /// What is going on, span by span.
    #[must_use]
    pub fn phases(&self) -> Vec<Phase> {
        let ends = self.stages.iter().flat_map(|stage| [stage.start, stage.end]);
        let mut ends: Vec<_> = ends.filter(|end| !end.is_zero()).collect();
        ends.sort_unstable();
        ends.dedup();
        let starts = [Duration::ZERO].into_iter().chain(ends.iter().copied());
        let phase = |(start, &end): (Duration, &Duration)| {
            let under_way = self.stages.iter().filter(|stage| stage.start <= start && start < stage.end);
            let mut names: Vec<_> = under_way.map(|stage| stage.name.as_str()).collect();
            names.dedup();
            let name = if names.is_empty() { "wait".to_owned() } else { names.join(" + ") };
            let ending = |stage: &PlannedStage| stage.measure_memory && stage.end == end;
            Phase { name, end, measure_memory: self.stages.iter().any(ending) }
        };
        starts.zip(&ends).map(phase).collect()
    }
    /// The events, by time.
    #[must_use]
    pub fn events(&self) -> &[PlannedEvent] {
        &self.events
    }
    /// When a client is there that has something to do at an instant: at that instant, or when events let it come back.
    #[must_use]
    pub fn there_at(&self, client: u32, at: Duration) -> Duration {
        // By the time they begin: whoever is back from one may be kept away by the next.
        self.events.iter().fold(at, |there, event| {
            let target = event.targets.binary_search_by_key(&client, |target| target.client);
            match target {
                Ok(place) if event.at <= there => there.max(event.targets[place].back_at),
                _ => there,
            }
        })
    }
    /// The messages, by time.
    #[must_use]
    pub fn sends(&self) -> &[PlannedSend] {
        &self.sends
    }
    /// What else clients do, by time.
    #[must_use]
    pub fn deeds(&self) -> &[PlannedDeed] {
        &self.deeds
    }
    /// From the first stage's start to the last one's end.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.stages.iter().map(|stage| stage.end).max().unwrap_or_default()
    }
    /// A client's user name.
    #[must_use]
    pub fn user_name(&self, client: u32) -> String {
        format!("u{}-{client}", self.run)
    }
    /// A room's name.
    #[must_use]
    pub fn room_name(&self, room: u32) -> String {
        format!("{}-{}-{room}", self.scenario, self.run)
    }
    /// What message `send` says: ASCII, as long as planned. `parse_payload` tells which it is.
    #[must_use]
    pub fn payload(&self, send: u32) -> String {
        payload::payload(self.run, send, self.sends[index(send)].size)
    }
    /// Whether a text is what message `send` says, to the last letter. Allocates nothing.
    #[must_use]
    pub fn is_payload(&self, send: u32, text: &str) -> bool {
        payload::is_payload(self.run, send, self.sends[index(send)].size, text)
    }
    /// The nonsense of deed number `deed`: letters that are no frame of any dialect.
    #[must_use]
    pub fn nonsense(&self, deed: u32) -> String {
        match self.deeds[index(deed)].deed {
            Deed::Nonsense(size) => payload::nonsense(self.run, deed, size.into()),
            _ => String::new(),
        }
    }

    fn plan_events(&self, scenario: &Scenario) -> Vec<PlannedEvent> {
        let plan = |(i, event): (usize, &Event)| {
            // Events have no names: their number tells them apart.
            let back = Draw::new(self.seed, Purpose::Return, &i.to_string());
            let until = event.at + event.down_for;
            let target = |client: u32| {
                // What was parted goes on at once.
                let over = if event.kind == EventKind::Partition { Duration::ZERO } else { event.back_over };
                Target { client, back_at: until + back.within(u64::from(client), over) }
            };
            let mut targets: Vec<_> = self.hit(i, event, scenario).into_iter().map(target).collect();
            targets.sort_unstable_by_key(|target| target.client);
            PlannedEvent { at: event.at, kind: event.kind, until, targets }
        };
        let mut events: Vec<_> = scenario.events.iter().enumerate().map(plan).collect();
        events.sort_by_key(|event| event.at);
        events
    }

    /// Whom event number `i` hits.
    fn hit(&self, i: usize, event: &Event, scenario: &Scenario) -> Vec<u32> {
        let whom = Draw::new(self.seed, Purpose::Target, &i.to_string());
        let group = event.group.as_ref().map(|name| {
            scenario.groups.iter().position(|group| group.name == *name).expect("checked when read")
        });
        let some_of = |clients: &[u32], part: u64| {
            let meant = |client: &u32| group.is_none_or(|group| self.group_of(*client) == group);
            let mut clients: Vec<_> = clients.iter().copied().filter(meant).collect();
            whom.part(part).shuffle(&mut clients);
            clients.truncate(share(clients.len(), event.fraction));
            clients
        };
        match scenario.meeting_rooms() {
            Rooms::OfSize(_) => {
                (0..self.rooms()).flat_map(|room| some_of(self.members_of(room), room.into())).collect()
            }
            // Who is in several rooms must not be hit several times.
            Rooms::Popular { .. } => some_of(&(0..self.clients).collect::<Vec<_>>(), 0),
        }
    }
}

/// By client: the group they are in. Shares are exact, to a client, and spread over all rooms.
fn share_out(groups: &[Group], clients: u32, seed: u64) -> Result<Vec<u8>, PlanError> {
    let total: u64 = groups.iter().map(|group| u64::from(group.weight)).sum();
    let mut order: Vec<u32> = (0..clients).collect();
    Draw::new(seed, Purpose::Share, "").shuffle(&mut order);
    let (mut of, mut weight, mut first) = (vec![0; index(clients)], 0, 0);
    for (number, group) in (0..).zip(groups) {
        weight += u64::from(group.weight);
        let end = usize::try_from((u64::from(clients) * weight + total / 2) / total).expect("a client");
        if end == first {
            return Err(PlanError::NoShare { scenario: group.name.clone() });
        }
        order[first..end].iter().for_each(|&client| of[index(client)] = number);
        first = end;
    }
    Ok(of)
}

impl Traits {
    fn of(group: &Group) -> Self {
        let is_hostile = group.flow.iter().any(|step| matches!(step, Step::Nonsense(_)));
        Self { name: group.name.clone(), read: group.read, is_hostile }
    }
}

fn plan_stages(group: &Group) -> Vec<PlannedStage> {
    let mut end = group.start;
    let plan = |stage: &crate::scenario::Stage| {
        let start = end;
        end += stage.duration;
        PlannedStage {
            scenario: group.name.clone(),
            name: stage.name.clone(),
            start,
            end,
            measure_memory: stage.measure_memory,
            judged: stage.judged,
        }
    };
    group.stages.iter().map(plan).collect()
}

/// A fraction of some members in whole ones, rounded down; but 0.29 of a hundred is 29.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "small"
)]
fn share(members: usize, fraction: f64) -> usize {
    (members as f64 * fraction + 1e-9) as usize
}

pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).expect("an index fits a usize")
}

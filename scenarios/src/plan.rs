//! A plan: what becomes of a scenario for a number of clients and a random seed.

use std::{fmt, time::Duration};

use crate::{
    draw::{Draw, Purpose},
    payload::{self, RunId},
    scenario::{Connect, Event, EventKind, Mode, Scenario, Stage},
    talk::{self, Talk},
    threshold::{Aggregate, Metric, Query},
};

/// A message said this close to a cut or a return may reach a client on either side of it.
const CATCH_UP_MARGIN: Duration = Duration::from_millis(500);

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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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

/// A stage and when it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlannedStage {
    /// Its name.
    pub name: String,
    /// When it begins, after the first stage's start.
    pub start: Duration,
    /// When it ends: the next one's start.
    pub end: Duration,
    /// Memory is measured at its end.
    pub measure_memory: bool,
    /// The generator must have kept to the plan here.
    pub judged: bool,
}

/// Something that will befall clients.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlannedEvent {
    /// When, after the first stage's start.
    pub at: Duration,
    /// What.
    pub kind: EventKind,
    /// In which way.
    pub mode: Mode,
    /// Whom, by number.
    pub targets: Vec<Target>,
}

/// A client that an event hits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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
    /// More messages than can be numbered and held.
    TooManySends {
        /// In which stage it came to that.
        stage: String,
    },
    /// A stage wants someone to speak, but all are away.
    NobodyLeft {
        /// Which stage.
        stage: String,
    },
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClients => f.write_str("there must be at least one client"),
            Self::TooManySends { stage } => {
                write!(f, "stage `{stage}`: more than {} messages in all", talk::SENDS_MAX)
            }
            Self::NobodyLeft { stage } => {
                write!(
                    f,
                    "stage `{stage}`: someone is to speak, but everyone is away; take more clients or cut fewer"
                )
            }
        }
    }
}

impl std::error::Error for PlanError {}

/// Who does what and when: a pure function of scenario and overrides.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    scenario: String,
    run: RunId,
    seed: u64,
    clients: u32,
    room_size: u32,
    connect: Connect,
    drain: Duration,
    stages: Vec<PlannedStage>,
    events: Vec<PlannedEvent>,
    sends: Vec<PlannedSend>,
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
            room_size: scenario.rooms.size.min(clients),
            connect: scenario.run.connect.clone(),
            drain: scenario.run.drain,
            stages: plan_stages(scenario),
            events: Vec::new(),
            sends: Vec::new(),
        };
        plan.events = plan.plan_events(scenario);
        plan.sends = Talk::new(&plan, scenario).sends()?;
        Ok(plan)
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
    pub const fn rooms(&self) -> u32 {
        self.clients.div_ceil(self.room_size)
    }
    /// The rooms a client is in.
    pub fn rooms_of(&self, client: u32) -> impl Iterator<Item = u32> + use<> {
        std::iter::once(client / self.room_size)
    }
    /// The members of a room.
    pub fn members_of(&self, room: u32) -> impl Iterator<Item = u32> + use<> {
        let first = room * self.room_size;
        first..first.saturating_add(self.room_size).min(self.clients)
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
    /// The stages, one after the other.
    #[must_use]
    pub fn stages(&self) -> &[PlannedStage] {
        &self.stages
    }
    /// The events, by time.
    #[must_use]
    pub fn events(&self) -> &[PlannedEvent] {
        &self.events
    }
    /// The messages, by time.
    #[must_use]
    pub fn sends(&self) -> &[PlannedSend] {
        &self.sends
    }
    /// From the first stage's start to the last one's end.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.stages.last().map_or(Duration::ZERO, |stage| stage.end)
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
    /// What the plan foresees: the answer to a query with [`Aggregate::Planned`](crate::Aggregate::Planned).
    #[must_use]
    pub fn planned(&self, query: Query<'_>) -> Option<u64> {
        let Aggregate::Planned(count) = query.aggregate else { return None };
        match (query.metric, count) {
            (Metric::Connections, "connected") => Some(u64::from(self.clients)),
            (Metric::Delivery, "expected" | "received") => Some(self.deliveries()),
            (Metric::Reconnects, "count") => {
                Some(self.events.iter().map(|event| event.targets.len() as u64).sum())
            }
            (Metric::CaughtUp, "count") => Some(self.caught_up()),
            _ => None,
        }
    }

    /// Everything said, to everyone in its room.
    fn deliveries(&self) -> u64 {
        self.sends.iter().map(|send| self.members_of(send.room).count() as u64).sum()
    }

    /// What those who are cut off miss for certain: all that is said in their rooms while they are away.
    fn caught_up(&self) -> u64 {
        let mut said = vec![Vec::new(); index(self.rooms())];
        for send in &self.sends {
            said[index(send.room)].push(send.at);
        }
        let missed = |from: Duration, to: Duration, room: u32| {
            let before = |instant| said[index(room)].partition_point(|&at| at < instant);
            before(to.saturating_sub(CATCH_UP_MARGIN)).saturating_sub(before(from + CATCH_UP_MARGIN)) as u64
        };
        self.events
            .iter()
            .flat_map(|event| event.targets.iter().map(move |target| (event.at, target)))
            .flat_map(|(at, target)| self.rooms_of(target.client).map(move |room| (at, target.back_at, room)))
            .map(|(from, to, room)| missed(from, to, room))
            .sum()
    }

    fn plan_events(&self, scenario: &Scenario) -> Vec<PlannedEvent> {
        let plan = |(i, event): (usize, &Event)| {
            let stage =
                self.stages.iter().find(|stage| stage.name == event.at.stage).expect("checked when read");
            let at = stage.start + event.at.offset;
            // Events have no names: their number tells them apart.
            let place = i.to_string();
            let whom = Draw::new(self.seed, Purpose::Target, &place);
            let back = Draw::new(self.seed, Purpose::Return, &place);
            let mut targets = Vec::new();
            for room in 0..self.rooms() {
                let mut members: Vec<_> = self.members_of(room).collect();
                whom.part(u64::from(room)).shuffle(&mut members);
                members.truncate(share(members.len(), event.fraction));
                targets.extend(members.into_iter().map(|client| {
                    let back_at = at + event.down_for + back.within(u64::from(client), event.back_over);
                    Target { client, back_at }
                }));
            }
            targets.sort_unstable_by_key(|target| target.client);
            PlannedEvent { at, kind: event.kind, mode: event.mode, targets }
        };
        let mut events: Vec<_> = scenario.events.iter().enumerate().map(plan).collect();
        events.sort_by_key(|event| event.at);
        events
    }
}

fn plan_stages(scenario: &Scenario) -> Vec<PlannedStage> {
    let mut end = Duration::ZERO;
    let plan = |stage: &Stage| {
        let start = end;
        end += stage.duration;
        PlannedStage {
            name: stage.name.clone(),
            start,
            end,
            measure_memory: stage.measure_memory,
            judged: stage.judged,
        }
    };
    scenario.stages.iter().map(plan).collect()
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

fn index(number: u32) -> usize {
    usize::try_from(number).expect("an index fits a usize")
}

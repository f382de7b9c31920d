//! Who does what when: the messages and deeds of a plan.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    check::PAYLOAD_BYTES_MAX,
    draw::{Draw, Place, Purpose, place_of},
    flow::Step,
    instants::Ramp,
    payload,
    plan::{Deed, Plan, PlanError, PlannedDeed, PlannedSend},
    scenario::{Arrivals, Group, Load, Scenario, Stage},
};

/// Most messages and deeds of a plan; 32 bytes each.
pub(crate) const ACTS_MAX: usize = 20_000_000;
/// Steps are at least so far apart, so that their order is that of their instants.
const STEP: Duration = Duration::from_micros(1);
/// Who is free within this is as good as free: steps that take no time are over by then.
const SOON: Duration = Duration::from_millis(1);
/// The longest that a client thinks at once, in microseconds: a day.
const THINK_MAX: u64 = 24 * 3_600 * 1_000_000;

/// Plans what is done.
pub(crate) struct Talk<'a> {
    plan: &'a Plan,
    scenario: &'a Scenario,
    /// By client: when they are away.
    away: BTreeMap<u32, Vec<(Duration, Duration)>>,
    sends: Vec<PlannedSend>,
    deeds: Vec<PlannedDeed>,
}

/// One stage of one group.
#[derive(Clone, Copy)]
struct Scene<'a> {
    group: &'a Group,
    stage: &'a Stage,
    /// The group's clients.
    clients: &'a [u32],
    number: u16,
    start: Duration,
    end: Duration,
    seed: u64,
    place: Place,
}

impl Scene<'_> {
    /// Draws for a purpose that are this scene's only: other stages and groups may come and go.
    const fn draw(&self, purpose: Purpose) -> Draw {
        Draw::at(self.seed, purpose, self.place)
    }

    const fn level(&self) -> Ramp {
        Ramp::level(self.start, self.stage.duration)
    }
}

/// One iteration of a flow.
#[derive(Clone, Copy)]
struct Iteration {
    client: u32,
    /// The room it must be in; one of the client's if `None`.
    room: Option<u32>,
    at: Duration,
    /// Distinguishes its draws.
    key: (u64, u64),
    /// What falls into an absence is left out; otherwise it is done on return.
    skips_absence: bool,
}

/// Clients that take turns, each when it has finished what it did.
struct Turns {
    clients: Vec<u32>,
    free_at: Vec<Duration>,
    next: usize,
}

impl Turns {
    fn new(draw: Draw, mut clients: Vec<u32>) -> Self {
        draw.shuffle(&mut clients);
        Self { free_at: vec![Duration::ZERO; clients.len()], clients, next: 0 }
    }

    /// The place of the next client that is free at `at`, or so soon that nobody would notice, and when that is.
    fn take(&mut self, at: Duration) -> Option<(usize, Duration)> {
        let count = self.clients.len();
        let mut places = (0..count).map(|i| (self.next + i) % count);
        let place = places.find(|&place| self.free_at[place] <= at + SOON)?;
        self.next = place + 1;
        Some((place, at.max(self.free_at[place])))
    }
}

impl<'a> Talk<'a> {
    /// For a plan whose stages and events are settled.
    pub(crate) fn new(plan: &'a Plan, scenario: &'a Scenario) -> Self {
        let mut away: BTreeMap<u32, Vec<_>> = BTreeMap::new();
        for event in plan.events() {
            for target in &event.targets {
                away.entry(target.client).or_default().push((event.at, target.back_at));
            }
        }
        Self { plan, scenario, away, sends: Vec::new(), deeds: Vec::new() }
    }

    /// All messages and all deeds, by time.
    pub(crate) fn acts(mut self) -> Result<(Vec<PlannedSend>, Vec<PlannedDeed>), PlanError> {
        let (plan, scenario) = (self.plan, self.scenario);
        let mut clients = vec![Vec::new(); scenario.groups.len()];
        (0..plan.clients()).for_each(|client| clients[plan.group_of(client)].push(client));
        let stages = scenario.groups.iter().zip(&clients);
        let stages =
            stages.flat_map(|(group, clients)| group.stages.iter().map(move |stage| (group, stage, clients)));
        for (((group, stage, clients), planned), number) in stages.zip(plan.stages()).zip(0..) {
            let (start, end, seed) = (planned.start, planned.end, plan.seed());
            let place = place_of(&format!("{}/{}", group.name, stage.name));
            self.stage(&Scene { group, stage, clients, number, start, end, seed, place })?;
        }
        self.sends.sort_by_key(|send| (send.at, send.client));
        // Stable: what one client does at one instant stays in its order.
        self.deeds.sort_by_key(|deed| (deed.at, deed.client));
        Ok((self.sends, self.deeds))
    }

    fn stage(&mut self, scene: &Scene<'_>) -> Result<(), PlanError> {
        let (instant, turn) = (scene.draw(Purpose::Instant), scene.draw(Purpose::Turn));
        match scene.stage.load {
            Load::Silent => Ok(()),
            Load::Rate { from, to, arrivals } => {
                let ramp = Ramp { from, to, ..scene.level() };
                self.check_room_for(scene, ramp.count())?;
                let turns = Turns::new(turn, self.present(scene, scene.clients));
                self.in_turns(scene, None, turns, &ramp.instants(instant, arrivals, ramp.count()))
            }
            Load::Shared { iterations, arrivals } => {
                self.check_room_for(scene, iterations.into())?;
                let turns = Turns::new(turn, self.present(scene, scene.clients));
                self.in_turns(
                    scene,
                    None,
                    turns,
                    &scene.level().instants(instant, arrivals, iterations.into()),
                )
            }
            Load::PerClient { iterations, arrivals } => self.per_client(scene, iterations, arrivals),
            Load::PerRoom { iterations, arrivals } => self.per_room(scene, iterations, arrivals),
            Load::Looping { from, to } => self.looping(scene, from, to),
        }
    }

    /// So many iterations of each client, one after the other.
    fn per_client(
        &mut self,
        scene: &Scene<'_>,
        iterations: u32,
        arrivals: Arrivals,
    ) -> Result<(), PlanError> {
        self.check_room_for(scene, scene.clients.len() as u64 * u64::from(iterations))?;
        let (instant, phase) = (scene.draw(Purpose::Instant), scene.draw(Purpose::Phase));
        for &client in scene.clients {
            let span = scene.stage.duration / iterations;
            // At equal distances all would speak at once, if each did not begin at an instant of its own.
            let shift = phase.within(client.into(), span).saturating_sub(span / 2);
            let earlier = (span / 2).saturating_sub(phase.within(client.into(), span));
            let mut free = scene.start;
            for (i, at) in
                (0..).zip(scene.level().instants(instant.part(client.into()), arrivals, iterations.into()))
            {
                let at = if arrivals == Arrivals::Uniform { at + shift - earlier } else { at };
                let key = (client.into(), i);
                let at = at.max(free);
                free =
                    self.iterate(scene, Iteration { client, room: None, at, key, skips_absence: false })?;
            }
        }
        Ok(())
    }

    /// So many iterations in each room that the group has members in.
    fn per_room(&mut self, scene: &Scene<'_>, iterations: u32, arrivals: Arrivals) -> Result<(), PlanError> {
        self.check_room_for(scene, u64::from(self.plan.rooms()) * u64::from(iterations))?;
        let (instant, turn) = (scene.draw(Purpose::Instant), scene.draw(Purpose::Turn));
        let group = self.plan.group_of(scene.clients[0]);
        for room in 0..self.plan.rooms() {
            let members = self.plan.members_of(room).iter().copied();
            let members: Vec<_> = members.filter(|client| self.plan.group_of(*client) == group).collect();
            if members.is_empty() {
                continue;
            }
            let turns = Turns::new(turn.part(room.into()), self.present(scene, &members));
            let instants = scene.level().instants(instant.part(room.into()), arrivals, iterations.into());
            self.in_turns(scene, Some(room), turns, &instants)?;
        }
        Ok(())
    }

    /// Some clients, each doing one iteration after the other, from when it is wanted until it is not.
    fn looping(&mut self, scene: &Scene<'_>, from: Option<u32>, to: Option<u32>) -> Result<(), PlanError> {
        let there = u32::try_from(scene.clients.len()).expect("clients are numbered in 32 bits");
        let (from, to) = (from.unwrap_or(there), to.unwrap_or(there));
        if from.max(to) > there {
            let (stage, wanted) = (scene.stage.name.clone(), from.max(to));
            return Err(PlanError::TooFewClients { stage, wanted, there });
        }
        let mut clients = scene.clients.to_vec();
        // The same order in all stages of the group: who was busy stays busy.
        Draw::new(scene.seed, Purpose::Turn, &scene.group.name).shuffle(&mut clients);
        let phase = scene.draw(Purpose::Phase);
        for (place, client) in (0..from.max(to)).zip(clients) {
            let change = |distance: u32| {
                scene.stage.duration.mul_f64(f64::from(distance) / f64::from(from.abs_diff(to)))
            };
            let starts = if place < from { scene.start } else { scene.start + change(place - from) };
            let ends = if place < to { scene.end } else { scene.start + change(from - place) };
            // Not all at once: the first iteration is already under way.
            let first = self.lasts(scene, (client.into(), 0));
            let mut at =
                starts + if place < from { phase.within(client.into(), first) } else { Duration::ZERO };
            let mut i = 0;
            while at < ends {
                let key = (client.into(), i);
                at = self.iterate(scene, Iteration { client, room: None, at, key, skips_absence: true })?;
                i += 1;
                self.check_room_for(scene, i)?;
            }
        }
        Ok(())
    }

    /// Who is not away at any time of a stage.
    fn present(&self, scene: &Scene<'_>, clients: &[u32]) -> Vec<u32> {
        let away = |client: &u32| {
            let spans = self.away.get(client).into_iter().flatten();
            spans.into_iter().any(|&(from, to)| from < scene.end && scene.start < to)
        };
        clients.iter().copied().filter(|client| !away(client)).collect()
    }

    fn is_away(&self, client: u32, at: Duration) -> bool {
        self.away.get(&client).into_iter().flatten().any(|&(from, to)| (from..to).contains(&at))
    }

    /// Lets clients take turns in random order, so that nobody is asked to say much at once.
    fn in_turns(
        &mut self,
        scene: &Scene<'_>,
        room: Option<u32>,
        mut turns: Turns,
        instants: &[Duration],
    ) -> Result<(), PlanError> {
        let stage = || scene.stage.name.clone();
        if turns.clients.is_empty() && !instants.is_empty() {
            return Err(PlanError::NobodyLeft { stage: stage() });
        }
        for (i, &at) in (0..).zip(instants) {
            let (place, at) = turns.take(at).ok_or_else(|| PlanError::AllBusy { stage: stage(), at })?;
            let (client, key) = (turns.clients[place], (room.map_or(u64::MAX, u64::from), i));
            turns.free_at[place] =
                self.iterate(scene, Iteration { client, room, at, key, skips_absence: false })?;
        }
        Ok(())
    }

    /// How long an iteration lasts that is not cut short.
    fn lasts(&self, scene: &Scene<'_>, key: (u64, u64)) -> Duration {
        let draw = scene.draw(Purpose::Think).part(key.0).part(key.1);
        let think = |(step, number): (&Step, u64)| match step {
            Step::Think(time) => time.draw(draw, number, 0, THINK_MAX),
            _ => 0,
        };
        Duration::from_micros(scene.group.flow.iter().zip(0..).map(think).sum())
    }

    /// Goes through a flow, up to the stage's end; says when that is.
    fn iterate(&mut self, scene: &Scene<'_>, iteration: Iteration) -> Result<Duration, PlanError> {
        let Iteration { client, key, .. } = iteration;
        let draw = |purpose| scene.draw(purpose).part(key.0).part(key.1);
        let rooms = self.plan.rooms_of(client);
        let room = iteration.room.unwrap_or_else(|| {
            let any = draw(Purpose::Room).below(0, rooms.len() as u64);
            rooms[usize::try_from(any).expect("an index")]
        });
        let (mut at, mut inside) = (iteration.at, true);
        for (step, number) in scene.group.flow.iter().zip(0..) {
            if at >= scene.end {
                break;
            }
            let skipped = iteration.skips_absence && self.is_away(client, at);
            let deed = match *step {
                Step::Think(time) => {
                    at += Duration::from_micros(time.draw(draw(Purpose::Think), number, 0, THINK_MAX));
                    continue;
                }
                Step::Say(size) => {
                    let (least, most) = (payload::BYTES_MIN.into(), PAYLOAD_BYTES_MAX.into());
                    let size = size.draw(draw(Purpose::Size), number, least, most);
                    let size = u32::try_from(size).expect("at most the largest size");
                    let said = PlannedSend { at, client, room, stage: scene.number, size };
                    self.sends.extend((!skipped).then_some(said));
                    at += STEP;
                    continue;
                }
                Step::Leave => Deed::Leave,
                Step::Join => Deed::Join,
                Step::Typing => Deed::Typing,
                Step::History(limit) => Deed::History(limit),
                Step::Nonsense(size) => Deed::Nonsense(size),
            };
            // Being in or out of a room must not depend on who is away.
            let moves = matches!(deed, Deed::Leave | Deed::Join);
            self.deeds.extend((moves || !skipped).then_some(PlannedDeed { at, client, room, deed }));
            inside = if moves { deed == Deed::Join } else { inside };
            at += STEP;
        }
        let at = at.min(scene.end);
        if !inside {
            // Who is out when the stage ends comes in then, for the next one may want them to speak.
            self.deeds.push(PlannedDeed { at, client, room, deed: Deed::Join });
        }
        self.check_room_for(scene, 0)?;
        Ok(at)
    }

    /// Whether so many iterations more are not too much.
    fn check_room_for(&self, scene: &Scene<'_>, iterations: u64) -> Result<(), PlanError> {
        let acts = iterations.saturating_add((self.sends.len() + self.deeds.len()) as u64);
        if acts > ACTS_MAX as u64 {
            Err(PlanError::TooMuch { stage: scene.stage.name.clone() })
        } else {
            Ok(())
        }
    }
}

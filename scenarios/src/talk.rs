//! Who says something when: the messages of a plan.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    draw::{Draw, Purpose},
    plan::{Plan, PlanError, PlannedSend},
    scenario::{Arrivals, Scenario, Size, Stage},
};

/// Most messages of a plan; 32 bytes each.
pub(crate) const SENDS_MAX: usize = 20_000_000;

/// Plans what is said.
pub(crate) struct Talk<'a> {
    plan: &'a Plan,
    scenario: &'a Scenario,
    /// By client: when they are away.
    away: BTreeMap<u32, Vec<(Duration, Duration)>>,
    sends: Vec<PlannedSend>,
}

/// One stage of it.
#[derive(Clone, Copy)]
struct Scene<'a> {
    stage: &'a Stage,
    number: u16,
    start: Duration,
    /// Draws instants.
    instant: Draw,
    /// Draws orders of turns.
    turn: Draw,
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
        Self { plan, scenario, away, sends: Vec::new() }
    }

    /// All messages by time.
    pub(crate) fn sends(mut self) -> Result<Vec<PlannedSend>, PlanError> {
        let (plan, scenario) = (self.plan, self.scenario);
        for ((stage, planned), number) in scenario.stages.iter().zip(plan.stages()).zip(0..) {
            let draw = |purpose| Draw::new(plan.seed(), purpose, &stage.name);
            let (instant, turn) = (draw(Purpose::Instant), draw(Purpose::Turn));
            let first = self.sends.len();
            self.stage(Scene { stage, number, start: planned.start, instant, turn })?;
            let size = draw(Purpose::Size);
            for (send, i) in self.sends[first..].iter_mut().zip(0..) {
                send.size = draw_size(scenario.message.size, size, i);
            }
        }
        self.sends.sort_by_key(|send| (send.at, send.client));
        Ok(self.sends)
    }

    fn stage(&mut self, scene: Scene<'_>) -> Result<(), PlanError> {
        let (clients, rooms) = (self.plan.clients(), self.plan.rooms());
        if let Some(rate) = scene.stage.rate {
            let count = whole(rate * scene.stage.duration.as_secs_f64());
            self.reserve(scene, count)?;
            let speakers = self.present(scene, 0..clients);
            let arrivals = scene.stage.arrivals.unwrap_or_default();
            return self.in_turns(
                scene,
                scene.turn,
                speakers,
                instants(scene, scene.instant, arrivals, count),
            );
        }
        if let Some(each) = scene.stage.each {
            self.reserve(scene, u64::from(clients) * u64::from(each))?;
            for client in 0..clients {
                let instants =
                    instants(scene, scene.instant.part(client.into()), Arrivals::Poisson, each.into());
                instants.into_iter().for_each(|at| self.say(scene, at, client));
            }
        }
        if let Some(each_room) = scene.stage.each_room {
            self.reserve(scene, u64::from(rooms) * u64::from(each_room))?;
            for room in 0..rooms {
                let speakers = self.present(scene, self.plan.members_of(room));
                let (instant, turn) = (scene.instant.part(room.into()), scene.turn.part(room.into()));
                let instants = instants(scene, instant, Arrivals::Poisson, each_room.into());
                self.in_turns(scene, turn, speakers, instants)?;
            }
        }
        Ok(())
    }

    /// Who is not away at any time of a stage.
    fn present(&self, scene: Scene<'_>, clients: impl Iterator<Item = u32>) -> Vec<u32> {
        let (start, end) = (scene.start, scene.start + scene.stage.duration);
        let away = |client: &u32| {
            let spans = self.away.get(client).into_iter().flatten();
            spans.into_iter().any(|&(from, to)| from < end && start < to)
        };
        clients.filter(|client| !away(client)).collect()
    }

    /// Lets speakers take turns in random order, so that nobody is asked to say much at once.
    fn in_turns(
        &mut self,
        scene: Scene<'_>,
        turn: Draw,
        mut speakers: Vec<u32>,
        instants: Vec<Duration>,
    ) -> Result<(), PlanError> {
        if speakers.is_empty() {
            return Err(PlanError::NobodyLeft { stage: scene.stage.name.clone() });
        }
        turn.shuffle(&mut speakers);
        instants
            .into_iter()
            .zip(speakers.into_iter().cycle())
            .for_each(|(at, client)| self.say(scene, at, client));
        Ok(())
    }

    fn say(&mut self, scene: Scene<'_>, at: Duration, client: u32) {
        let rooms = self.plan.rooms_of(client);
        self.sends.extend(rooms.take(1).map(|room| PlannedSend {
            at,
            client,
            room,
            stage: scene.number,
            size: 0,
        }));
    }

    fn reserve(&mut self, scene: Scene<'_>, count: u64) -> Result<(), PlanError> {
        let left = SENDS_MAX - self.sends.len();
        let count = usize::try_from(count).ok().filter(|&count| count <= left);
        let count = count.ok_or_else(|| PlanError::TooManySends { stage: scene.stage.name.clone() })?;
        self.sends.reserve(count);
        Ok(())
    }
}

/// `count` instants of a stage, by time.
fn instants(scene: Scene<'_>, draw: Draw, arrivals: Arrivals, count: u64) -> Vec<Duration> {
    let span = scene.stage.duration;
    let micros = span.as_micros();
    let mut instants: Vec<_> = (0..count)
        .map(|i| match arrivals {
            // In the middle of equal parts, so that two stages of one rate follow each other without a jolt.
            Arrivals::Uniform => {
                let at = micros * (2 * u128::from(i) + 1) / (2 * u128::from(count));
                Duration::from_micros(u64::try_from(at).expect("within the stage"))
            }
            Arrivals::Poisson => draw.within(i, span),
        })
        .map(|offset| scene.start + offset)
        .collect();
    instants.sort_unstable();
    instants
}

fn draw_size(size: Size, draw: Draw, index: u64) -> u32 {
    match size {
        Size::Fixed(size) => size,
        Size::Uniform { min, max } => {
            let above = draw.below(index, u64::from(max - min) + 1);
            min + u32::try_from(above).expect("at most the largest size")
        }
    }
}

/// The nearest whole number, at least 1: a stage with a rate is never silent.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and durations are bounded"
)]
fn whole(number: f64) -> u64 {
    (number.round() as u64).max(1)
}

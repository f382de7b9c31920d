//! Whether `[[scenario]]`s make sense: shares, flows, and executors with what each of them takes.

use std::{collections::BTreeSet, time::Duration};

use super::{Checked, RATE_MAX, check_name, check_rate, check_span, check_step, fault, require};
use crate::{
    file::{self, Executor},
    flow::Step,
    scenario::{Arrivals, Group, Load, Read, Stage},
    spread::Spread,
};

const GROUPS_MAX: usize = 100;
/// Of all groups together. A stage has histograms of its own.
const STAGES_MAX: usize = 1_000;
const STEPS_MAX: usize = 1_000;
const WEIGHT_MAX: u32 = 1_000_000;
/// The slowest reader, in bytes a second: a page of history passes within a minute or two.
const READ_RATE_MIN: u32 = 512;

pub(super) fn check(groups: Vec<file::Group>) -> Checked<Vec<Group>> {
    require(!groups.is_empty(), "scenario", "there must be at least one [[scenario]]")?;
    require(groups.len() <= GROUPS_MAX, "scenario", format!("there may be at most {GROUPS_MAX} scenarios"))?;
    let stages: usize = groups.iter().map(|group| group.stages.len().max(1)).sum();
    require(stages <= STAGES_MAX, "scenario", format!("there may be at most {STAGES_MAX} stages in all"))?;
    let (mut names, mut measured) = (BTreeSet::new(), false);
    let mut checked = Vec::new();
    for (i, group) in groups.into_iter().enumerate() {
        let key = format!("scenario[{i}]");
        let name = format!("{key}.name");
        check_name(&name, &group.name)?;
        let taken = format!("`{}` is the name of an earlier scenario", group.name);
        require(names.insert(group.name.clone()), name, taken)?;
        for (j, stage) in group.stages.iter().enumerate() {
            let message = "memory is measured at the end of an earlier stage already";
            let key = format!("{key}.stages[{j}].measure_memory");
            require(!(measured && stage.measure_memory), key, message)?;
            measured |= stage.measure_memory;
        }
        checked.push(check_group(&key, group)?);
    }
    Ok(checked)
}

fn check_group(key: &str, group: file::Group) -> Checked<Group> {
    let weight = group.weight.unwrap_or(1);
    let range = format!("must be from 1 to {WEIGHT_MAX}, not {weight}");
    require((1..=WEIGHT_MAX).contains(&weight), format!("{key}.weight"), range)?;
    let stages = check_stages(key, &group)?;
    let flow = group.flow.unwrap_or_else(|| vec![Step::SAY]);
    check_flow(&format!("{key}.flow"), &flow, &stages)?;
    let read = group.read.map(|read| check_read(&format!("{key}.read"), read)).transpose()?;
    let start = group.start.map_or(Duration::ZERO, |start| start.0);
    Ok(Group { name: group.name, weight, start, flow, read, stages })
}

/// A flow leaves a room before it enters it, and is in it to say anything.
fn check_flow(key: &str, flow: &[Step], stages: &[Stage]) -> Checked {
    require(!flow.is_empty(), key, "must have a step; leave it out to say a hundred bytes")?;
    require(flow.len() <= STEPS_MAX, key, format!("may have at most {STEPS_MAX} steps"))?;
    let mut inside = true;
    for (i, step) in flow.iter().enumerate() {
        let key = format!("{key}[{i}]");
        check_step(&key, *step)?;
        match step {
            Step::Leave => require(inside, &key, "has left the room already")?,
            Step::Join => require(!inside, &key, "is in the room: everyone joins when they connect")?,
            Step::Say(_) | Step::Typing | Step::History(_) => {
                require(inside, &key, "has left the room: first \"join\" it again")?;
            }
            Step::Think(_) | Step::Nonsense(_) => {}
        }
        inside = match step {
            Step::Leave => false,
            Step::Join => true,
            _ => inside,
        };
    }
    require(inside, key, "leaves the room and does not \"join\" it again")?;
    let acts = flow.iter().any(|step| !matches!(step, Step::Think(_)));
    require(acts, key, "does nothing but think")?;
    let lasts = flow.iter().any(|step| matches!(step, Step::Think(time) if *time != Spread::Fixed(0)));
    let loops = stages.iter().any(|stage| matches!(stage.load, Load::Looping { .. }));
    require(
        lasts || !loops,
        key,
        "takes no time, and would be repeated without end: add a step as { think = \"1s\" }",
    )
}

fn check_read(key: &str, read: file::Read) -> Checked<Read> {
    if let Some(rate) = read.rate {
        let message = format!("must be at least {READ_RATE_MIN} bytes a second, not {rate}");
        require(rate >= READ_RATE_MIN, format!("{key}.rate"), message)?;
    }
    let span = |name: &str, span: Option<crate::duration::Span>| {
        span.map_or(Ok(()), |span| check_span(&format!("{key}.{name}"), span.0))
    };
    span("pause_every", read.pause_every)?;
    span("pause_for", read.pause_for)?;
    let (pause_every, pause_for) = match (read.pause_every, read.pause_for) {
        (Some(every), Some(span)) => (every.0, span.0),
        (None, None) => (Duration::ZERO, Duration::ZERO),
        _ => return fault(key, "`pause_every` and `pause_for` go together"),
    };
    require(read.rate.is_some() || !pause_for.is_zero(), key, "name a `rate`, pauses or both")?;
    Ok(Read { rate: read.rate, pause_every, pause_for })
}

fn check_stages(key: &str, group: &file::Group) -> Checked<Vec<Stage>> {
    if group.stages.is_empty() {
        let Some(duration) = group.duration else {
            return fault(key, "name its `duration`, or `stages` that each have one");
        };
        let whole = file::Stage { name: group.name.clone(), duration, ..file::Stage::default() };
        return Ok(vec![check_stage(key, key, group, &whole, Load::Silent)?]);
    }
    let named = group.duration.is_none();
    require(named, format!("{key}.duration"), "is that of its stages together: leave it out")?;
    let mut names = BTreeSet::new();
    let mut stages: Vec<Stage> = Vec::new();
    for (i, stage) in group.stages.iter().enumerate() {
        let at = format!("{key}.stages[{i}]");
        let name = format!("{at}.name");
        check_name(&name, &stage.name)?;
        let taken = format!("`{}` is the name of an earlier stage", stage.name);
        require(names.insert(&stage.name), name, taken)?;
        let before = stages.last().map_or_else(|| first_load(group), |stage| stage.load);
        stages.push(check_stage(&at, key, group, stage, before)?);
    }
    Ok(stages)
}

/// Where a ramp begins that no stage comes before.
fn first_load(group: &file::Group) -> Load {
    if let Some(vus) = group.start_vus {
        return Load::Looping { from: Some(vus), to: Some(vus) };
    }
    let rate = group.start_rate.unwrap_or(0.0);
    Load::Rate { from: rate, to: rate, arrivals: Arrivals::Uniform }
}

/// `key` is where the stage is written, `of` where its scenario is.
fn check_stage(
    key: &str,
    of: &str,
    group: &file::Group,
    stage: &file::Stage,
    before: Load,
) -> Checked<Stage> {
    check_span(&format!("{key}.duration"), stage.duration.0)?;
    let keys = Keys { key, of, group, stage };
    let load = match stage.executor.or(group.executor) {
        Some(executor) => keys.load(executor, before)?,
        None => {
            keys.only(&[], "a stage without an executor is silent")?;
            Load::Silent
        }
    };
    Ok(Stage {
        name: stage.name.clone(),
        duration: stage.duration.0,
        load,
        measure_memory: stage.measure_memory,
        judged: stage.judged.unwrap_or(true),
    })
}

/// The keys of a stage, and of its scenario if that names the executor.
struct Keys<'a> {
    key: &'a str,
    of: &'a str,
    group: &'a file::Group,
    stage: &'a file::Stage,
}

impl Keys<'_> {
    fn load(&self, executor: Executor, before: Load) -> Checked<Load> {
        let goes = format!("does not go with {}", executor.name());
        let poisson = Arrivals::Poisson;
        Ok(match executor {
            Executor::ConstantArrivalRate => {
                self.only(&["rate", "arrivals"], &goes)?;
                let (key, rate) = self.number("rate", self.stage.rate, self.group.rate)?;
                check_rate(&key, rate)?;
                Load::Rate { from: rate, to: rate, arrivals: self.arrivals(Arrivals::Uniform) }
            }
            Executor::RampingArrivalRate => {
                self.only(&["target", "arrivals", "start_rate"], &goes)?;
                let (key, to) = self.number("target", self.stage.target, None)?;
                let from = match before {
                    Load::Rate { to, .. } => to,
                    _ => 0.0,
                };
                for (key, rate) in [(key, to), (format!("{}.start_rate", self.of), from)] {
                    let message = format!("must be from 0 to {RATE_MAX} a second, not {rate}");
                    require((0.0..=RATE_MAX).contains(&rate), key, message)?;
                }
                Load::Rate { from, to, arrivals: self.arrivals(Arrivals::Uniform) }
            }
            Executor::ConstantVus => {
                self.only(&["vus"], &goes)?;
                let vus = self.stage.vus.or(self.group.vus);
                require(vus != Some(0), self.place("vus", self.stage.vus.is_some()), "must be at least 1")?;
                Load::Looping { from: vus, to: vus }
            }
            Executor::RampingVus => {
                self.only(&["target", "start_vus"], &goes)?;
                let (key, to) = self.number("target", self.stage.target, None)?;
                let to = whole(to)
                    .ok_or(())
                    .or_else(|()| fault(key, format!("must be a whole number, not {to}")))?;
                let from = match before {
                    Load::Looping { to, .. } => to,
                    _ => Some(0),
                };
                Load::Looping { from, to: Some(to) }
            }
            Executor::PerVuIterations => {
                self.only(&["iterations", "arrivals"], &goes)?;
                Load::PerClient { iterations: self.iterations()?, arrivals: self.arrivals(poisson) }
            }
            Executor::SharedIterations => {
                self.only(&["iterations", "arrivals"], &goes)?;
                Load::Shared { iterations: self.iterations()?, arrivals: self.arrivals(Arrivals::Uniform) }
            }
            Executor::PerRoomIterations => {
                self.only(&["iterations", "arrivals"], &goes)?;
                Load::PerRoom { iterations: self.iterations()?, arrivals: self.arrivals(poisson) }
            }
            Executor::ExternallyControlled => {
                let key = self.place("executor", self.stage.executor.is_some());
                return fault(
                    key,
                    "cannot be: the whole plan is made before the run, so nobody can steer it from outside",
                );
            }
        })
    }

    /// Refuses keys that mean nothing to an executor. A scenario's keys are for those of its stages that they suit, so
    /// that only a scenario with one executor is asked about them.
    fn only(&self, allowed: &[&str], why: &str) -> Checked {
        let (stage, group) = (self.stage, self.group);
        let mut named = vec![
            (self.place("target", true), "target", stage.target.is_some()),
            (self.place("rate", true), "rate", stage.rate.is_some()),
            (self.place("vus", true), "vus", stage.vus.is_some()),
            (self.place("iterations", true), "iterations", stage.iterations.is_some()),
            (self.place("arrivals", true), "arrivals", stage.arrivals.is_some()),
        ];
        if group.stages.iter().all(|stage| stage.executor.is_none()) {
            named.extend([
                (self.place("rate", false), "rate", group.rate.is_some()),
                (self.place("start_rate", false), "start_rate", group.start_rate.is_some()),
                (self.place("vus", false), "vus", group.vus.is_some()),
                (self.place("start_vus", false), "start_vus", group.start_vus.is_some()),
                (self.place("iterations", false), "iterations", group.iterations.is_some()),
                (self.place("arrivals", false), "arrivals", group.arrivals.is_some()),
            ]);
        }
        let wrong = named.into_iter().find(|(_, name, named)| *named && !allowed.contains(name));
        wrong.map_or(Ok(()), |(key, _, _)| fault(key, why))
    }

    fn place(&self, name: &str, in_stage: bool) -> String {
        format!("{}.{name}", if in_stage { self.key } else { self.of })
    }

    /// A number that must be there, and where it is written.
    fn number(&self, name: &str, of_stage: Option<f64>, of_group: Option<f64>) -> Checked<(String, f64)> {
        match of_stage.or(of_group) {
            Some(number) => Ok((self.place(name, of_stage.is_some()), number)),
            None => fault(self.key, format!("`{name}` is missing")),
        }
    }

    fn iterations(&self) -> Checked<u32> {
        let iterations = self.stage.iterations.or(self.group.iterations).unwrap_or(1);
        let key = self.place("iterations", self.stage.iterations.is_some());
        require(iterations >= 1, key, "must be at least 1; leave the executor out for silence")?;
        Ok(iterations)
    }

    fn arrivals(&self, usual: Arrivals) -> Arrivals {
        self.stage.arrivals.or(self.group.arrivals).unwrap_or(usual)
    }
}

/// A number of clients.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
fn whole(number: f64) -> Option<u32> {
    let fits = number.fract() == 0.0 && (0.0..=f64::from(super::CLIENTS_MAX)).contains(&number);
    fits.then_some(number as u32)
}

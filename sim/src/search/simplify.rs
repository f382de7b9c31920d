//! Simpler forms of scenarios and their steps, for the minimiser to try.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::plan::{
    sane::TIMES_MAX,
    scenario::{Action, Actor, Scenario, Step},
};

/// The room that a step is about.
pub(crate) fn room(step: &Step) -> Option<u32> {
    let (_, fields) = parts(&step.action);
    fields.get("room")?.as_u64()?.try_into().ok()
}

/// The room with an owner that a step is about.
fn parlour(step: &Step) -> Option<u32> {
    let (_, fields) = parts(&step.action);
    fields.get("parlour")?.as_u64()?.try_into().ok()
}

/// The name of a step's kind.
pub(crate) fn kind(step: &Step) -> String {
    parts(&step.action).0
}

/// An action's name and fields.
fn parts(action: &Action) -> (String, Value) {
    match serde_json::to_value(action).expect("actions are plain data") {
        Value::Object(object) => object.into_iter().next().expect("one variant"),
        Value::String(name) => (name, Value::Null),
        other => unreachable!("{other} is no action"),
    }
}

/// Actions with one simpler value each, the simplest first.
pub(crate) fn actions(action: &Action) -> Vec<Action> {
    let (kind, fields) = parts(action);
    let Value::Object(fields) = &fields else { return Vec::new() };
    let names = ["room", "parlour", "whom"];
    let numbers = fields.iter().filter(|(name, _)| !names.contains(&name.as_str()));
    let simpler = |name: &str, value: &Value| -> Vec<Value> {
        let Some(number) = value.as_u64() else { return Vec::new() };
        let numbers = match name {
            "times" => vec![1, (number / 2).max(1), number.saturating_sub(1).max(1)],
            "bytes" => vec![8, round(number, 1)],
            name if name.ends_with("_us") => vec![0, 1_000_000, round(number, 1), round(number, 2)],
            _ => vec![1, round(number, 1)],
        };
        let numbers = numbers.into_iter().filter(|&simple| simple < number).map(Value::from);
        // What may be left out is simplest left out.
        std::iter::once(Value::Null).chain(numbers).collect()
    };
    let with = |name: &str, value: Value| {
        let mut fields = fields.clone();
        fields.insert(name.to_owned(), value);
        serde_json::from_value(serde_json::json!({ &kind: fields })).ok()
    };
    numbers
        .flat_map(|(name, value)| simpler(name, value).into_iter().map(move |simple| (name, simple)))
        .filter_map(|(name, simple)| with(name, simple))
        .collect()
}

/// A number with so many digits and zeros; never more than it was.
pub(crate) const fn round(number: u64, digits: u32) -> u64 {
    match number.checked_ilog10() {
        Some(log) if log >= digits => {
            let unit = 10_u64.pow(log + 1 - digits);
            number / unit * unit
        }
        _ => number,
    }
}

/// The scenario with up to so many later messages to the same room said by the one who speaks in this place of all who
/// speak; none if there is no such place.
pub(crate) fn merged_says(scenario: &Scenario, place: usize, most: usize) -> Option<Scenario> {
    let mut steps = scenario.steps.clone();
    let speakers: Vec<usize> =
        (0..steps.len()).filter(|&step| speech(&steps[step].action).is_some()).collect();
    let &first = speakers.get(place)?;
    let (hall, mut times, mut bytes) = speech(&steps[first].action)?;
    let others = speakers[place + 1..]
        .iter()
        .filter(|&&other| speech(&steps[other].action).is_some_and(|(also, ..)| also == hall));
    let others: Vec<usize> = others.take(most).copied().collect();
    for &other in others.iter().rev() {
        let (_, more, longer) = speech(&steps.remove(other).action)?;
        (times, bytes) = ((times + more).min(TIMES_MAX), bytes.max(longer));
    }
    steps[first].action = match hall {
        Hall::Room(room) => Action::Say { room, times, bytes },
        Hall::Parlour(parlour) => Action::Talk { parlour, times },
    };
    Some(Scenario { setup: scenario.setup.clone(), steps, ..*scenario })
}

/// Where something is said.
#[derive(Clone, Copy, PartialEq)]
enum Hall {
    Room(u32),
    Parlour(u32),
}

/// What an action says: where, how often, and at what length where that is chosen.
fn speech(action: &Action) -> Option<(Hall, u32, u32)> {
    match *action {
        Action::Say { room, times, bytes } => Some((Hall::Room(room), times, bytes)),
        Action::Talk { parlour, times } => Some((Hall::Parlour(parlour), times, 0)),
        _ => None,
    }
}

/// The scenario without the clients that do nothing.
pub(crate) fn without_idle_clients(scenario: &Scenario) -> Scenario {
    let idle: Vec<usize> =
        (0..scenario.setup.clients.len()).filter(|&client| is_idle(scenario, client)).collect();
    idle.into_iter().rev().fold(scenario.clone(), |scenario, client| without_idle_client(&scenario, client))
}

/// The scenario without this client, if it does nothing and is not the last one.
pub(crate) fn without_idle_client(scenario: &Scenario, client: usize) -> Scenario {
    let mut smaller = scenario.clone();
    if scenario.setup.clients.len() > 1 && is_idle(scenario, client) {
        smaller.setup.clients.remove(client);
        smaller.setup.frozen.retain(|&number| number as usize != client);
        smaller.setup.bots.retain(|&number| number as usize != client);
        for number in smaller.setup.frozen.iter_mut().chain(&mut smaller.setup.bots) {
            *number -= u32::from(*number as usize > client);
        }
        for step in &mut smaller.steps {
            if let Actor::Client(number) = &mut step.actor
                && *number as usize > client
            {
                *number -= 1;
            }
            if let Action::Invite { whom, .. } | Action::Kick { whom, .. } = &mut step.action
                && *whom as usize > client
            {
                *whom -= 1;
            }
        }
    }
    smaller
}

fn is_idle(scenario: &Scenario, client: usize) -> bool {
    scenario
        .steps
        .iter()
        .all(|step| !matches!(step.actor, Actor::Client(number) if number as usize == client))
}

/// The scenario without rooms that no step names.
pub(crate) fn without_idle_rooms(scenario: &Scenario) -> Scenario {
    let used: BTreeSet<u32> = scenario.steps.iter().filter_map(room).collect();
    let mut smaller = scenario.clone();
    smaller.setup.rooms = u32::try_from(used.len().max(1)).expect("rooms are counted in 32 bits");
    let parlours = scenario.steps.iter().filter_map(parlour).max().map_or(0, |last| last + 1);
    smaller.setup.bots.truncate(parlours.saturating_sub(smaller.setup.parlours) as usize);
    smaller.setup.parlours = smaller.setup.parlours.min(parlours);
    for step in &mut smaller.steps {
        let (kind, mut fields) = parts(&step.action);
        if let Some(room) = fields.get_mut("room") {
            let place = used.iter().position(|&used| Some(u64::from(used)) == room.as_u64());
            *room = Value::from(place.expect("it is used"));
            step.action = serde_json::from_value(serde_json::json!({ kind: fields })).expect("it was one");
        }
    }
    smaller
}

/// The scenario with its steps, and its users, numbered from 0.
pub(crate) fn renumbered(scenario: &Scenario) -> Scenario {
    let mut smaller = scenario.clone();
    for (id, step) in (0..).zip(&mut smaller.steps) {
        step.id = id;
    }
    let mut users = Vec::new();
    for client in &mut smaller.setup.clients {
        let known = users.iter().position(|&user| user == client.user);
        let place = known.unwrap_or_else(|| {
            users.push(client.user);
            users.len() - 1
        });
        client.user = u32::try_from(place).expect("users are counted in 32 bits");
    }
    smaller
}

/// The scenario with less waiting before some steps, all that follows included; the place after the last is the end of
/// the faults.
pub(crate) fn sooner(scenario: &Scenario, places: &[usize], shorter: impl Fn(u64) -> u64) -> Scenario {
    let mut smaller = scenario.clone();
    let (mut last, mut saved) = (0, 0);
    let ends = &mut smaller.setup.chaos_us;
    let times = smaller.steps.iter_mut().map(|step| &mut step.at_us).chain([ends]);
    for (place, at_us) in times.enumerate() {
        let gap = at_us.saturating_sub(last);
        last = last.max(*at_us);
        if places.contains(&place) {
            saved += gap - shorter(gap).min(gap);
        }
        *at_us = at_us.saturating_sub(saved);
    }
    smaller
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_round() {
        let rounded: Vec<u64> = [0, 7, 10, 1_234, 987_654].iter().map(|&number| round(number, 1)).collect();
        assert_eq!(rounded, [0, 7, 10, 1_000, 900_000]);
        assert_eq!(round(987_654, 2), 980_000);
    }

    #[test]
    fn every_simpler_action_is_another() {
        for step in Scenario::generate(0).steps.iter().chain(&Scenario::generate(7).steps) {
            assert!(actions(&step.action).iter().all(|simpler| *simpler != step.action), "{step:?}");
        }
        let say = Action::Say { room: 2, times: 12, bytes: 300 };
        let once = Action::Say { room: 2, times: 1, bytes: 300 };
        assert!(actions(&say).contains(&once) && actions(&once).len() == 1);
        let drain = |drain_us| Action::Restart { drain_us, for_us: 0, back_us: None };
        assert_eq!(actions(&drain(Some(0)))[0], drain(None));
    }

    #[test]
    fn one_speaks_for_all() {
        let mut scenario = Scenario::generate(2);
        scenario.steps.truncate(4);
        let say = |room, times, bytes| Action::Say { room, times, bytes };
        let talk = |parlour, times| Action::Talk { parlour, times };
        let set = |scenario: &mut Scenario, actions: [Action; 4]| {
            scenario.steps.iter_mut().zip(actions).for_each(|(step, action)| step.action = action);
        };
        let own = {
            let mut scenario = scenario.clone();
            set(&mut scenario, [talk(0, 2), say(0, 1, 9), talk(0, 3), talk(1, 1)]);
            merged_says(&scenario, 0, 9).expect("somebody speaks first")
        };
        let actions: Vec<Action> = own.steps.into_iter().map(|step| step.action).collect();
        assert_eq!(actions, [talk(0, 5), say(0, 1, 9), talk(1, 1)], "rooms that have owners are others");
        set(&mut scenario, [say(0, 1, 9), say(1, 1, 9), say(0, 4, 50), say(0, 2, 70)]);
        let actions = |place, most| {
            let merged = merged_says(&scenario, place, most)?;
            Some(merged.steps.into_iter().map(|step| step.action).collect::<Vec<Action>>())
        };
        assert_eq!(actions(0, 9), Some(vec![say(0, 7, 70), say(1, 1, 9)]));
        assert_eq!(actions(0, 1), Some(vec![say(0, 5, 50), say(1, 1, 9), say(0, 2, 70)]));
        assert_eq!(merged_says(&scenario, 1, 9), Some(scenario.clone()), "there is nobody else");
        assert_eq!(actions(4, 9), None);
    }

    #[test]
    fn what_is_idle_goes_and_the_rest_moves_up() {
        let mut scenario = Scenario::generate(2);
        let clients = scenario.setup.clients.clone();
        let last = u32::try_from(clients.len() - 1).unwrap();
        scenario.setup.rooms = 3;
        scenario.steps.truncate(1);
        scenario.steps[0].actor = Actor::Client(last);
        scenario.steps[0].action = Action::Join { room: 2 };
        let smaller = renumbered(&without_idle_rooms(&without_idle_clients(&scenario)));
        assert_eq!(smaller.setup.clients.len(), 1);
        assert_eq!(smaller.setup.clients[0].latency_us, clients.last().unwrap().latency_us);
        assert_eq!(smaller.setup.clients[0].user, 0);
        assert_eq!(smaller.setup.rooms, 1);
        assert_eq!(smaller.steps[0].actor, Actor::Client(0));
        assert_eq!(smaller.steps[0].action, Action::Join { room: 0 });
    }

    #[test]
    fn less_waiting_moves_all_that_follows() {
        let mut scenario = Scenario::generate(2);
        scenario.steps.truncate(3);
        for (step, at_us) in scenario.steps.iter_mut().zip([100, 150, 400]) {
            step.at_us = at_us;
        }
        scenario.setup.chaos_us = 1_000;
        let times = |scenario: &Scenario| {
            let steps = scenario.steps.iter().map(|step| step.at_us);
            steps.chain([scenario.setup.chaos_us]).collect::<Vec<u64>>()
        };
        assert_eq!(times(&sooner(&scenario, &[1], |_| 0)), [100, 100, 350, 950]);
        assert_eq!(times(&sooner(&scenario, &[0, 1, 2, 3], |_| 0)), [0, 0, 0, 0]);
        assert_eq!(times(&sooner(&scenario, &[2, 3], |gap| gap / 10)), [100, 150, 175, 235]);
    }
}

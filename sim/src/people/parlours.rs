//! Rooms that have owners, in some scenarios: who makes them, who may come in, who is sent away.

use chinwag_core::dialect::Dialect;

use crate::plan::{
    draw::{Cause, Draws, Purpose},
    generate::{MILLI, SECOND, within},
    scenario::{Action, Actor, ClientSetup, Setup, Step},
};

/// Those who go to rooms that have owners, beside whoever else speaks their dialect.
const VISITORS: u32 = 3;

/// Gives a scenario rooms that have owners, and plain clients who go there beside the others.
pub(crate) fn furnish(c: &mut Cause, setup: &mut Setup) {
    if !c.chance(45) {
        return;
    }
    setup.parlours = c.pick(&[1, 1, 2]);
    let next = setup.clients.iter().map(|client| client.user + 1).max().unwrap_or(0);
    let alike = setup.clients.iter().cycle().zip(next..next + VISITORS);
    let visitors: Vec<ClientSetup> = alike
        .map(|(client, user)| ClientSetup {
            user,
            voice: Some(Dialect::Chat),
            undecided: false,
            ..client.clone()
        })
        .collect();
    setup.clients.extend(visitors);
    // Limits that were drawn for fewer leave room for them, too.
    setup.gateway.connections_max += VISITORS;
    setup.shard.sessions_max += VISITORS;
    if c.chance(95) {
        setup.bots = vec![u32::try_from(setup.clients.len()).expect("few clients") - 1];
    }
}

/// What happens in and before those rooms. Some lose their lines, if there are faults.
pub(crate) fn receptions(draws: Draws, setup: &Setup, has_faults: bool, steps: &mut Vec<Step>) {
    let mut visits = Vec::new();
    receive(draws, setup, &mut visits);
    visits.retain(|step| has_faults || step.action != Action::Reset);
    steps.append(&mut visits);
}

/// In most scenarios that have such rooms, one or two of core's own clients go there, too: they are let in, sent away,
/// come back by another connection, and try again. Some open a room themselves.
pub(crate) fn calls(draws: Draws, setup: &Setup, has_faults: bool, steps: &mut Vec<Step>) {
    let mut c = draws.of(Purpose::Step, 16 << 40);
    let clients = (0..).zip(&setup.clients);
    let own: Vec<u32> =
        clients.filter(|(_, client)| client.voice.is_none()).map(|(number, _)| number).collect();
    if setup.parlours == 0 || own.is_empty() || !c.chance(90) {
        return;
    }
    let (callers, mut visits) = ([c.pick(&own), c.pick(&own)], Vec::new());
    for parlour in 0..setup.parlours {
        let Some(mut keeper) = keeper(draws, setup, parlour) else { continue };
        if c.chance(35) {
            keeper = c.pick(&callers);
            let opening = [Action::Found { parlour, private: true }, Action::Visit { parlour }];
            add(setup, c.within(SECOND / 4..=SECOND), keeper, &opening, &mut visits);
        }
        for number in 0..setup.chaos_us / (5 * SECOND) {
            let mut c = draws.of(Purpose::Step, 16 << 40 | u64::from(parlour) << 20 | (number + 1));
            let (caller, other) = (c.pick(&callers), c.pick(&goers(setup)));
            call(&mut c, setup, parlour, [keeper, caller, other], &mut visits);
        }
    }
    visits.retain(|step| has_faults || step.action != Action::Reset);
    steps.append(&mut visits);
}

/// A client with a session is let in, loses its line, is sent away while it speaks, and tries to come back.
fn call(
    c: &mut Cause,
    setup: &Setup,
    parlour: u32,
    [keeper, caller, other]: [u32; 3],
    steps: &mut Vec<Step>,
) {
    let talk = |times| Action::Talk { parlour, times };
    let whom = if keeper == caller { other } else { caller };
    let scenes = [
        (20, whom, Action::Visit { parlour }),
        (80, keeper, Action::Invite { parlour, whom }),
        (90, whom, Action::Visit { parlour }),
        (60, keeper, talk(1)),
        (60, whom, talk(3)),
        (30, whom, Action::Reset),
        (20, other, Action::Kick { parlour, whom }),
        (60, whom, talk(c.pick(&[1, 6]))),
        (70, whom, writes(setup, parlour)),
        (80, keeper, Action::Kick { parlour, whom }),
        (60, whom, talk(3)),
        (60, whom, Action::Reset),
        (60, keeper, talk(1)),
        (40, whom, Action::Visit { parlour }),
        (30, keeper, Action::Invite { parlour, whom }),
        (40, whom, Action::Visit { parlour }),
        (40, keeper, talk(1)),
        (10, caller, Action::Kick { parlour, whom: other }),
        (10, whom, Action::Depart { parlour }),
    ];
    play(c, setup, &scenes, steps);
}

/// Somebody is writing in a room that has an owner: they may be sent away before they have said it.
const fn writes(setup: &Setup, parlour: u32) -> Action {
    Action::Typing { room: setup.rooms + parlour, on: true }
}

/// Clients who may go to rooms that have owners.
fn goers(setup: &Setup) -> Vec<u32> {
    let speaks = |(_, client): &(u32, &ClientSetup)| client.voice == Some(Dialect::Chat);
    (0..).zip(&setup.clients).filter(speaks).map(|(number, _)| number).collect()
}

/// The client whose room it is to be: whoever makes it first.
pub(crate) fn keeper(draws: Draws, setup: &Setup, parlour: u32) -> Option<u32> {
    let goers = goers(setup);
    (goers.len() > 1).then(|| draws.of(Purpose::Step, 13 << 40 | u64::from(parlour) << 20).pick(&goers))
}

fn receive(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    let goers = goers(setup);
    let bots = u32::try_from(setup.bots.len()).expect("few bots");
    for parlour in (0..setup.parlours + bots).filter(|_| goers.len() > 1) {
        let mut c = draws.of(Purpose::Step, 13 << 40 | u64::from(parlour) << 20);
        let keeper = c.pick(&goers);
        let private = c.chance(75);
        let opening = [Action::Found { parlour, private }, Action::Visit { parlour }];
        add(setup, c.within(SECOND / 2..=SECOND), keeper, &opening, steps);
        for number in 0..setup.chaos_us / (3 * SECOND) {
            let mut c = draws.of(Purpose::Step, 13 << 40 | u64::from(parlour) << 20 | (number + 1));
            reception(&mut c, setup, parlour, keeper, &goers, steps);
            let bot = parlour.checked_sub(setup.parlours).and_then(|bot| setup.bots.get(bot as usize));
            if let Some(&bot) = bot {
                let other = c.pick(&goers);
                shift(&mut c, setup, parlour, [keeper, bot, other], steps);
                encore(&mut c, setup, parlour, [keeper, bot], steps);
            }
        }
    }
}

/// Somebody comes, uninvited or not, stays for a while, and is sent away. Not all of it happens.
fn reception(c: &mut Cause, setup: &Setup, parlour: u32, keeper: u32, goers: &[u32], steps: &mut Vec<Step>) {
    let (mut guest, other) = (c.pick(goers), c.pick(goers));
    if guest == keeper {
        guest = c.pick(goers);
    }
    let whom = if c.chance(90) { guest } else { within(c, 0..=setup.clients.len() as u64 - 1) };
    let talk = Action::Talk { parlour, times: c.pick(&[1, 3]) };
    let scenes = [
        (20, keeper, Action::Visit { parlour }),
        (50, guest, Action::Visit { parlour }),
        (20, other, Action::Found { parlour, private: true }),
        (10, other, Action::Invite { parlour, whom }),
        (70, keeper, Action::Invite { parlour, whom }),
        (80, guest, Action::Visit { parlour }),
        (60, keeper, talk.clone()),
        (60, guest, talk.clone()),
        // Who comes back by another connection has two seats for a while.
        (70, guest, Action::Reset),
        (40, keeper, talk.clone()),
        (20, other, talk.clone()),
        (10, other, Action::Kick { parlour, whom }),
        (50, guest, writes(setup, parlour)),
        (70, keeper, Action::Kick { parlour, whom }),
        (80, keeper, talk.clone()),
        (30, other, talk),
        (50, guest, Action::Visit { parlour }),
        (10, other, Action::Depart { parlour }),
        // Most of these rooms are no bot's.
        (10, keeper, Action::Run { parlour, on: true }),
    ];
    play(c, setup, &scenes, steps);
}

/// A bot is there for a while, deals with what is said, goes, and comes back to what was said meanwhile.
fn shift(c: &mut Cause, setup: &Setup, parlour: u32, [keeper, bot, other]: [u32; 3], steps: &mut Vec<Step>) {
    let talk = Action::Talk { parlour, times: c.pick(&[1, 3, 6]) };
    let see = Action::See { parlour, back: c.pick(&[0, 0, 1, 4]) };
    let goes = if c.chance(30) { Action::Reset } else { Action::Depart { parlour } };
    let scenes = [
        (70, keeper, Action::Visit { parlour }),
        (90, bot, Action::Visit { parlour }),
        (60, keeper, talk.clone()),
        (10, bot, Action::Kick { parlour, whom: keeper }),
        (10, bot, Action::Run { parlour, on: false }),
        (80, bot, see.clone()),
        (30, keeper, Action::Run { parlour, on: c.chance(50) }),
        (10, other, Action::Run { parlour, on: true }),
        (10, other, see),
        (70, bot, goes),
        (80, keeper, talk),
        (20, keeper, Action::Run { parlour, on: c.chance(50) }),
        (50, bot, Action::Visit { parlour }),
    ];
    play(c, setup, &scenes, steps);
}

/// Sometimes a bot that was told to stop goes and comes back, before whoever told it to.
fn encore(c: &mut Cause, setup: &Setup, parlour: u32, [keeper, bot]: [u32; 2], steps: &mut Vec<Step>) {
    if !c.chance(25) {
        return;
    }
    let scenes = [
        (100, keeper, Action::Visit { parlour }),
        (80, bot, Action::Visit { parlour }),
        (100, keeper, Action::Run { parlour, on: false }),
        (100, bot, Action::Depart { parlour }),
        (100, bot, Action::Visit { parlour }),
    ];
    play(c, setup, &scenes, steps);
}

/// Some of these scenes, each with its chance in a hundred, one after the other.
fn play(c: &mut Cause, setup: &Setup, scenes: &[(u64, u32, Action)], steps: &mut Vec<Step>) {
    let mut at_us = c.within(SECOND..=setup.chaos_us);
    let pause_us = c.pick(&[60 * MILLI, 400 * MILLI, 900 * MILLI]);
    for (percent, actor, action) in scenes {
        at_us += c.within(MILLI..=pause_us);
        if c.chance(*percent) {
            add(setup, at_us, *actor, std::slice::from_ref(action), steps);
            at_us += c.within(0..=rest_us(setup, action));
        }
    }
}

/// How long it may take until an action is over: whoever was lost is back, and it is known that somebody was sent away.
fn rest_us(setup: &Setup, action: &Action) -> u64 {
    match action {
        Action::Reset => {
            let backoff = u64::try_from(setup.patience.backoff_base.as_micros()).expect("seconds");
            2 * backoff + 300 * MILLI
        }
        Action::Kick { .. } => SECOND,
        _ => 0,
    }
}

/// What a client does at one instant, while there are faults.
fn add(setup: &Setup, at_us: u64, client: u32, actions: &[Action], steps: &mut Vec<Step>) {
    let at_us = at_us.min(setup.last_us());
    let step = |action: &Action| Step { id: 0, at_us, actor: Actor::Client(client), action: action.clone() };
    steps.extend(actions.iter().map(step));
}

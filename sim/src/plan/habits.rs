//! What is done several times in a row: short visits to a back room, returns to a room just left, resets one after the
//! other, floods. Steps that are drawn one by one hardly ever add up to these.

use chinwag_core::dialect::Dialect;

use crate::plan::{
    draw::{Cause, Draws, Purpose},
    generate::{MILLI, SECOND, client, within},
    scenario::{Action, Actor, Aim, ClientSetup, Nonsense, Setup, Step},
};

/// How often somebody looks into a back room.
const VISITS: u64 = 6;

/// The rooms that most of the talk is about: often there is a back room beside them.
pub(crate) fn hall(draws: Draws, setup: &Setup) -> Setup {
    let has_back_room = setup.rooms > 1 && draws.of(Purpose::Setup, 3 << 40).chance(50);
    Setup { rooms: setup.rooms - u32::from(has_back_room), ..setup.clone() }
}

/// Two clients look into the back room now and then: they enter, say something and leave. In between it stands empty.
pub(crate) fn visits(draws: Draws, setup: &Setup, hall: &Setup, steps: &mut Vec<Step>) {
    for room in hall.rooms..setup.rooms {
        for number in 0..VISITS {
            let mut c = draws.of(Purpose::Step, 8 << 40 | u64::from(room) << 20 | number);
            let actor = Actor::Client(within(&mut c, 0..=1));
            let mut at_us = c.within(SECOND..=setup.chaos_us);
            let say = Action::Say { room, times: c.pick(&[1, 4]), bytes: within(&mut c, 8..=20) };
            for action in [Action::Join { room }, say, Action::Leave { room }] {
                steps.push(step(setup, at_us, actor, action));
                at_us += c.within(100 * MILLI..=SECOND);
            }
        }
    }
}

/// Whoever has left a room is back at once, and others have asked in between who is there.
pub(crate) fn come_back(
    c: &mut Cause,
    setup: &Setup,
    actor: Actor,
    room: u32,
    left_us: u64,
    steps: &mut Vec<Step>,
) {
    let most = c.pick(&[100 * MILLI, 600 * MILLI]);
    let back_us = left_us + c.within(20 * MILLI..=most);
    for _ in 0..3 {
        let (asked_us, asker) = (c.within(left_us..=back_us), Actor::Client(client(c, setup)));
        steps.push(step(setup, asked_us, asker, Action::Members { room }));
    }
    steps.push(step(setup, back_us, actor, Action::Join { room }));
}

/// Some faults do not come alone.
pub(crate) fn follow_up(c: &mut Cause, setup: &Setup, fault: &Step, steps: &mut Vec<Step>) {
    let &Step { at_us, actor, .. } = fault;
    match fault.action {
        Action::Reset if c.chance(50) => flap(c, setup, actor, at_us, steps),
        Action::Cut | Action::Reset | Action::Fin if c.chance(30) => {
            reset_later(c, setup, actor, at_us, steps);
        }
        Action::NodeDies { .. } if c.chance(50) => collapse(c, setup, at_us, steps),
        Action::Skew { for_us, .. } => {
            let client = one_with_session(c, setup);
            flutter(c, client, setup, at_us, for_us, steps);
            // Of whom only one connection is served at a time, those that are given up must not win.
            if let Some(agent) = one_alone(c, setup) {
                flutter(c, agent, setup, at_us, for_us, steps);
            }
        }
        _ => {}
    }
}

/// Whoever has just come back goes again, before everybody has heard of it; says when.
fn reset_later(c: &mut Cause, setup: &Setup, actor: Actor, after_us: u64, steps: &mut Vec<Step>) -> u64 {
    let at_us = after_us + c.within(50 * MILLI..=900 * MILLI);
    steps.push(step(setup, at_us, actor, Action::Reset));
    at_us
}

/// A line that fails again and again for some seconds.
fn flap(c: &mut Cause, setup: &Setup, actor: Actor, from_us: u64, steps: &mut Vec<Step>) {
    let mut at_us = from_us;
    for _ in 1..c.within(5..=20) {
        at_us += c.within(0..=400 * MILLI);
        steps.push(step(setup, at_us, actor, Action::Reset));
    }
}

/// While mail is late, somebody goes and comes again and again: what is said on an old connection is heard later than
/// what is said on a new one.
fn flutter(c: &mut Cause, client: u32, setup: &Setup, from_us: u64, for_us: u64, steps: &mut Vec<Step>) {
    let actor = Actor::Client(client);
    let mut at_us = from_us + c.within(0..=for_us.min(4 * SECOND));
    for _ in 0..c.within(2..=8) {
        at_us = reset_later(c, setup, actor, at_us, steps);
    }
}

/// One of the clients that go on with what they had when they come back: plain ones have no sessions. The first always
/// does.
fn one_with_session(c: &mut Cause, setup: &Setup) -> u32 {
    let clients = (0..).zip(&setup.clients);
    let with: Vec<u32> =
        clients.filter(|(_, client)| client.voice.is_none()).map(|(number, _)| number).collect();
    c.pick(&with)
}

/// One of the clients who have one connection at a time: the last one to come is served.
fn one_alone(c: &mut Cause, setup: &Setup) -> Option<u32> {
    let clients = (0..).zip(&setup.clients);
    let alone: Vec<u32> = clients
        .filter(|(_, client)| client.voice.is_some_and(Dialect::is_sole))
        .map(|(number, _)| number)
        .collect();
    (!alone.is_empty()).then(|| c.pick(&alone))
}

/// Before a node dies, lines fail and mail is late: somebody may be about to come in there in another's place.
fn collapse(c: &mut Cause, setup: &Setup, at_us: u64, steps: &mut Vec<Step>) {
    const BEFORE: u64 = 4 * SECOND;
    let from_us = at_us.saturating_sub(BEFORE);
    let skew = Action::Skew { mail_us_max: SECOND, for_us: BEFORE };
    steps.push(step(setup, from_us, Actor::Server, skew));
    for number in (0..).take(setup.clients.len()) {
        let cut_us = from_us + c.within(0..=BEFORE / 2);
        steps.push(step(setup, cut_us, Actor::Client(number), Action::Cut));
    }
}

/// Where those who send too much are soon sent away, somebody may send more than may be, and go on for longer than it
/// takes: of what comes in a third, half or more is refused.
pub(crate) fn flood(c: &mut Cause, setup: &Setup, steps: &mut Vec<Step>) {
    const INTERVAL: u64 = 500 * MILLI;
    let window = u64::try_from(setup.gateway.abuse_window.as_micros()).expect("minutes");
    if window > 10 * SECOND || !c.chance(30) {
        return;
    }
    let (actor, from) = (Actor::Client(client(c, setup)), c.within(SECOND..=setup.chaos_us));
    let times = setup.gateway.control_rate * c.pick(&[3, 4, 5]) / 4;
    for nth in 0..window * 5 / 2 / INTERVAL {
        let kind = c.pick(&[Nonsense::Unknown, Nonsense::Echo]);
        steps.push(step(setup, from + nth * INTERVAL, actor, Action::Nonsense { kind, times }));
    }
}

/// Somebody loses their line again and again, each time with a secret that is newer; then somebody else shows one that is
/// retired.
pub(crate) fn replay(c: &mut Cause, setup: &Setup, steps: &mut Vec<Step>) {
    if !c.chance(40) {
        return;
    }
    let actor = Actor::Client(one_with_session(c, setup));
    let mut at_us = c.within(SECOND..=setup.chaos_us - 3 * SECOND);
    for _ in 0..3 {
        steps.push(step(setup, at_us, actor, Action::Fin));
        at_us += c.within(SECOND..=2 * SECOND);
    }
    steps.push(step(setup, at_us, actor, Action::Intrude { aim: Aim::Replay }));
}

/// The home of some sessions is paused while the clock runs on for longer than the other shards remember a session. Whoever
/// has just lost a line is known again at home, and forgotten where they speak: what they send again may be there already.
pub(crate) fn oversleep(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    /// How much longer than the resume window a session is remembered away from home, and a little more.
    const REMEMBERED: u64 = 11 * SECOND;
    let mut c = draws.of(Purpose::Step, 11 << 40);
    let homes = setup.nodes.min(setup.gateway.shards);
    if homes < 2 || !c.chance(45) {
        return;
    }
    let from_us = c.within(SECOND..=setup.chaos_us - 3 * SECOND);
    let mut server = |at_us, action| steps.push(step(setup, at_us, Actor::Server, action));
    let pause_us = c.within(SECOND..=2 * SECOND);
    // Late answers make it likely that a line is lost before they come.
    let mail_us_max = c.pick(&[30 * MILLI, 300 * MILLI]);
    server(from_us, Action::Skew { mail_us_max, for_us: 500 * MILLI });
    server(from_us, Action::Pause { node: within(&mut c, 0..=u64::from(homes - 1)), for_us: pause_us });
    let window = u64::try_from(setup.shard.resume_window.as_micros()).expect("seconds");
    let by_us = (window + REMEMBERED + c.within(0..=5 * SECOND)).cast_signed();
    server(from_us + 600 * MILLI, Action::Jump { by_us });
    let goes_again = c.chance(50);
    for number in (0..).take(setup.clients.len()) {
        let (client, room) = (Actor::Client(number), within(&mut c, 0..=u64::from(setup.rooms - 1)));
        let said_us = from_us + c.within(0..=200 * MILLI);
        let lost_us = said_us + c.within(0..=300 * MILLI);
        // Something is always on its way.
        for nth in 0..=(lost_us - said_us) / (50 * MILLI) {
            let say = Action::Say { room, times: 2, bytes: 8 };
            steps.push(step(setup, said_us + nth * 50 * MILLI, client, say));
        }
        steps.push(step(setup, lost_us, client, Action::Reset));
        if c.chance(30) {
            // Perhaps there is no room for somebody else when they come back.
            let at_us = from_us + c.within(600 * MILLI..=pause_us);
            steps.push(step(setup, at_us, client, Action::Join { room }));
        }
        if goes_again {
            let at_us = from_us + pause_us + c.within(0..=300 * MILLI);
            steps.push(step(setup, at_us, client, Action::Reset));
        }
    }
}

/// Somebody writes on and on, and somebody else comes in between: neither does anything else, and nothing is done to
/// them. More than once where there are many, as what is done to the others may hide it.
pub(crate) fn write_on(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    const MANY: usize = 8;
    let times = if setup.clients.len() < MANY { 1 } else { 3 };
    for number in 0..times {
        writes_on(&mut draws.of(Purpose::Step, 12 << 40 | number), setup, steps);
    }
}

fn writes_on(c: &mut Cause, setup: &Setup, steps: &mut Vec<Step>) {
    let ttl = u64::try_from(setup.gateway.typing_ttl.as_micros()).expect("seconds");
    let length = 3 * SECOND + ttl * 2;
    // Not everything is told in large rooms: there this is rarely of use.
    let is_large = setup.clients.len() > setup.shard.roster_max as usize;
    let percent = if is_large { 10 } else { 80 };
    if setup.clients.len() < 2 || setup.chaos_us < length || !c.chance(percent) {
        return;
    }
    let from_us = c.within(0..=setup.chaos_us - length);
    let room = within(c, 0..=u64::from(setup.rooms - 1));
    let [writer, reader] = [one_with_session(c, setup), one_with_session(c, setup)];
    if writer == reader {
        return;
    }
    let [writer, reader] = [writer, reader].map(Actor::Client);
    let busy = from_us..from_us + length;
    steps.retain(|step| !busy.contains(&step.at_us) || ![writer, reader].contains(&step.actor));
    let begin_us = from_us + 3 * SECOND;
    steps.push(step(setup, from_us + SECOND, writer, Action::Join { room }));
    steps.push(step(setup, from_us + SECOND, reader, Action::Leave { room }));
    steps.push(step(setup, begin_us + ttl / 3, reader, Action::Join { room }));
    // At every second of the quicker ones nobody needs to be told again.
    let fifths = c.pick(&[2, 3]);
    for nth in 0..4 {
        let at_us = begin_us + nth * ttl * fifths / 5;
        steps.push(step(setup, at_us, writer, Action::Typing { room, on: true }));
    }
}

/// Somebody reads nothing while much is said, and others come and go: once in between, and as the last thing before the
/// faults end, when nothing that follows puts right what they are not told.
pub(crate) fn fall_behind(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    const LENGTH: u64 = 2 * SECOND;
    // What this hides can be seen without it.
    if !draws.of(Purpose::Step, 10 << 40 | 4).chance(80) {
        return;
    }
    let end_us = setup.chaos_us - LENGTH;
    let anybody = narrowest(setup, |_| true);
    let [own, plain] = [false, true].map(|plain| narrowest(setup, |client| client.voice.is_some() == plain));
    for (number, reader, percent, latest) in
        [(0, anybody, 80, end_us), (1, anybody, 50, 0), (2, plain, 50, 0), (3, own, 50, 0)]
    {
        let mut c = draws.of(Purpose::Step, 10 << 40 | number);
        if let Some(reader) = reader
            && c.chance(percent)
        {
            let from_us = c.within(latest..=end_us);
            falls_behind(&mut c, setup, reader, from_us, LENGTH, steps);
            asks_much(&mut c, setup, reader, from_us, steps);
        }
    }
}

fn falls_behind(c: &mut Cause, setup: &Setup, reader: u32, from_us: u64, for_us: u64, steps: &mut Vec<Step>) {
    let (room, reader) = (0, Actor::Client(reader));
    let bytes = u32::try_from(setup.gateway.content_bytes_max).unwrap_or(u32::MAX);
    steps.push(step(setup, from_us, reader, Action::Stall { up: false, down: true, for_us }));
    for _ in 0..4 {
        let (at_us, speaker) = (from_us + c.within(0..=for_us / 4), Actor::Client(client(c, setup)));
        steps.push(step(setup, at_us, speaker, Action::Say { room, times: 6, bytes }));
    }
    for _ in 0..4 {
        let at_us = from_us + c.within(for_us * 3 / 5..=for_us * 19 / 20);
        let leaver = Actor::Client(client(c, setup));
        steps.push(step(setup, at_us, leaver, Action::Leave { room }));
        if c.chance(50) {
            come_back(c, setup, leaver, room, at_us, steps);
        }
        for _ in 0..2 {
            let (task, speaker) = (within(c, 0..=4), Actor::Client(client(c, setup)));
            steps.push(step(setup, at_us, speaker, Action::Task { room, task }));
        }
    }
}

/// Whoever is about to read nothing asks for much, and mail is late: what was asked for before much waits is answered when
/// it does.
fn asks_much(c: &mut Cause, setup: &Setup, reader: u32, from_us: u64, steps: &mut Vec<Step>) {
    if !c.chance(30) {
        return;
    }
    let skew = Action::Skew { mail_us_max: 300 * MILLI, for_us: 500 * MILLI };
    steps.push(step(setup, from_us, Actor::Server, skew));
    for _ in 0..setup.gateway.control_burst.min(12) {
        let (at_us, actor) = (from_us + 100 * MILLI, Actor::Client(reader));
        steps.push(step(setup, at_us, actor, Action::Members { room: 0 }));
    }
}

/// Sometimes somebody speaks on and on and reads nothing, for longer than the gateway may put up with.
pub(crate) fn reads_nothing(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    let mut c = draws.of(Purpose::Step, 10 << 40 | 5);
    let timeout = u64::try_from(setup.gateway.pong_timeout.as_micros()).expect("seconds");
    let length = timeout + 3 * SECOND;
    let reader = narrowest(setup, |_| true).filter(|_| length + 2 * SECOND < setup.chaos_us);
    if let Some(reader) = reader
        && c.chance(25)
    {
        let from_us = c.within(SECOND..=setup.chaos_us - length);
        falls_behind(&mut c, setup, reader, from_us, length, steps);
        for nth in 1..8 {
            let (at_us, actor) = (from_us + nth * length / 8, Actor::Client(reader));
            steps.push(step(setup, at_us, actor, Action::Say { room: 0, times: 1, bytes: 8 }));
        }
    }
}

/// The client of these for whom the least is out of the server's hands: the first of those with the smallest buffer.
fn narrowest(setup: &Setup, is_one: impl Fn(&ClientSetup) -> bool) -> Option<u32> {
    let clients = (0..).zip(&setup.clients).filter(|(_, client)| is_one(client));
    clients.min_by_key(|(_, client)| client.send_buffer).map(|(number, _)| number)
}

/// What ends a client for good, late in some scenarios: it is missed for the rest.
pub(crate) fn last_words(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    let mut c = draws.of(Purpose::Step, 17 << 40);
    if c.chance(40) {
        let kind = c.pick(&[Nonsense::Broken, Nonsense::Utf8, Nonsense::Huge]);
        let at_us = c.within(setup.chaos_us * 3 / 4..=setup.chaos_us);
        let actor = Actor::Client(one_with_session(&mut c, setup));
        steps.push(step(setup, at_us, actor, Action::Nonsense { kind, times: 1 }));
    }
}

/// Where somebody is told how their node fares, the server often goes down slowly enough for them to be told so.
pub(crate) fn goes_down_slowly(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    let mut c = draws.of(Purpose::Step, 20 << 40);
    let is_told = setup.clients.iter().any(|client| client.voice == Some(Dialect::Envelope));
    if is_told && c.chance(40) {
        let at_us = c.within(SECOND..=setup.chaos_us);
        let (drain_us, for_us) = (Some(6 * SECOND), c.within(0..=SECOND));
        let action = Action::Restart { drain_us, for_us, back_us: None };
        steps.push(step(setup, at_us, Actor::Server, action));
    }
}

/// Some plain clients say all the nonsense there is in their dialect, one after the other.
pub(crate) fn babble(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    for (number, _) in (0..).zip(&setup.clients).filter(|(_, client)| client.voice.is_some()) {
        let mut c = draws.of(Purpose::Step, 18 << 40 | u64::from(number));
        if c.chance(35) {
            let (at_us, kind) = (c.within(SECOND..=setup.chaos_us), Nonsense::Garbage);
            let action = Action::Nonsense { kind, times: 3 };
            steps.push(step(setup, at_us, Actor::Client(number), action));
        }
    }
}

/// Plain clients whose messages have keys say something, and soon something else under the same key.
pub(crate) fn reuse(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    let has_keys = |client: &ClientSetup| {
        matches!(client.voice, Some(Dialect::Chat | Dialect::Envelope | Dialect::SocketIo))
    };
    for (number, _) in (0..).zip(&setup.clients).filter(|(_, client)| has_keys(client)) {
        let mut c = draws.of(Purpose::Step, 22 << 40 | u64::from(number));
        for _ in 0..c.pick(&[0, 1, 3]) {
            let (at_us, actor) = (c.within(SECOND..=setup.chaos_us), Actor::Client(number));
            let room = within(&mut c, 0..=u64::from(setup.rooms - 1));
            steps.push(step(setup, at_us, actor, Action::Say { room, times: 1, bytes: 8 }));
            let again_us = at_us + c.within(200 * MILLI..=3 * SECOND);
            steps.push(step(setup, again_us, actor, Action::Reuse { back: c.pick(&[0, 0, 1]) }));
        }
    }
}

/// What happens while there are faults, at the latest just before they end.
fn step(setup: &Setup, at_us: u64, actor: Actor, action: Action) -> Step {
    Step { id: 0, at_us: at_us.min(setup.last_us()), actor, action }
}

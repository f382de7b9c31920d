//! The world: one clock, the machines, the lines between them, and what is to happen.
//!
//! Nothing here is random or real: a run is a function of its scenario. The world jumps from one thing to the next,
//! hands it to the machine it is for, carries out what that machine wants, and looks whether a promise was broken.

pub(crate) mod act;
pub(crate) mod agenda;
pub(crate) mod captures;
pub(crate) mod clock;
pub(crate) mod deliver;
pub(crate) mod disk;
pub(crate) mod node_death;
pub(crate) mod pace;
pub(crate) mod panics;
pub(crate) mod sabotage;
pub(crate) mod server;

use std::{sync::Arc, time::Duration};

use chinwag_core::{
    ConnectionId, RoomName, Time, UserName,
    client::{ClientEvent, ClientInput, ClientOutput, Command},
    gateway::{Frame, GatewayInput},
};
use chinwag_journal::{Mail, Node, NodeInput, NodeOutput};

use crate::{
    judge::{
        Broken, Judge,
        bounds::SWEEP_INTERVAL,
        checks::{self, broken},
        closing::Endings,
        health::Checkups,
        holdings::Inventory,
        lately::Lately,
        life::Life,
        look::Look,
        mailing::Mailing,
        marks::Marks,
        occupancy::Occupancy,
        prompt::Prompt,
        quotas::Quotas,
        rates::{Limit, Rates},
        requests,
        standings::Standings,
        statuses::Statuses,
        tally::Tally,
        times::Times,
        witness::Witness,
    },
    line::links::Links,
    people::{passes, person::Person, player, reuses::Reuses, visiting::Parlours},
    plan::{
        draw::{Draws, Purpose},
        scenario::{Calm, Scenario},
    },
    record::{
        describe, digest,
        outcome::{Failure, Outcome},
        trace::{self, Kind, Lane, Trace},
    },
    world::{
        agenda::Agenda,
        disk::{End, Storage, Task},
        pace::Pace,
        sabotage::{Sabotage, Saboteur},
        server::Server,
    },
};

/// When every run begins: some time in 2026.
pub(crate) const START: Time = Time(1_790_000_000_000_000);

/// How long after everything has come to rest clients are asked once more: to list everybody takes up to nine pages of two, a
/// second apart.
pub(crate) const SURVEY_TIME: Duration = Duration::from_secs(14);

/// Something to come.
#[derive(Debug)]
pub(crate) enum Event {
    /// A step of the scenario, by its place.
    Step(usize),
    /// A server ends; it is away for so long, and its machine's clock is set back meanwhile.
    Die { incarnation: u64, away: Duration, back: Duration, end: End },
    /// A new server starts, if none is running.
    Start,
    /// Mail arrives, if the server still lives the life in which it was sent.
    Mail { incarnation: u64, from: u32, to: usize, mail: Box<Mail> },
    /// The server's disk has done something, if the server still lives that life.
    Disk { incarnation: u64, task: Task },
    /// A timer goes off.
    Timer(Alarm),
    /// A paused node may go on.
    Resume(usize),
    /// Someone has held a connection for as long as one may without saying who one is.
    Sat { id: ConnectionId, since: Time },
    /// No faults until then.
    Calm(Time),
    /// Everything must be in order; then the faults go on.
    Rest,
    /// No more faults.
    Heal,
    /// A node that does nothing more is declared dead.
    Fence { incarnation: u64, node: usize },
    /// Clients are asked who is there.
    Survey,
    /// A client is asked for its next page.
    Ask { client: usize, room: usize, after: Option<UserName> },
    /// A client is asked for its next page of rooms.
    AskRooms { client: usize, after: Option<RoomName> },
    /// A plain client waits for something.
    Player { client: usize, alarm: player::Alarm },
    /// Something must have happened.
    Look(Look),
    /// Everything must be in order.
    End,
}

/// Whose timer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Alarm {
    Link(ConnectionId),
    Client(usize),
    Node { incarnation: u64, node: usize },
}

/// What a node was handed, as far as it matters how much comes of it at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Turn {
    Timer,
    /// All that waited for the disk is told before a socket is asked.
    Stored,
    Other,
}

impl Turn {
    const fn of(input: &NodeInput<'_>) -> Self {
        match input {
            NodeInput::Timeout => Self::Timer,
            NodeInput::Stored(..) => Self::Stored,
            _ => Self::Other,
        }
    }
}

impl Event {
    /// Which of two things at one instant comes first.
    const fn class(&self) -> u8 {
        match self {
            Self::Calm(_) | Self::Heal => 0,
            Self::Step(_) => 1,
            Self::Die { .. } => 2,
            Self::Start => 3,
            Self::Resume(_) | Self::Fence { .. } => 4,
            Self::Mail { .. } | Self::Disk { .. } => 5,
            Self::Timer(_) | Self::Player { .. } => 6,
            Self::Survey | Self::Ask { .. } | Self::AskRooms { .. } | Self::Sat { .. } | Self::Look(_) => 7,
            Self::Rest | Self::End => 8,
        }
    }
}

/// One run in progress.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) draws: Draws,
    pub(crate) now: Time,
    pub(crate) agenda: Agenda<Event>,
    pub(crate) people: Vec<Person>,
    pub(crate) links: Links,
    /// Connections so far.
    pub(crate) opened: u64,
    pub(crate) server: Server,
    pub(crate) storage: Option<Storage>,
    pub(crate) judge: Judge,
    pub(crate) witness: Witness,
    pub(crate) life: Life,
    pub(crate) endings: Endings,
    pub(crate) mailing: Mailing,
    pub(crate) parlours: Parlours,
    pub(crate) reuses: Reuses,
    pub(crate) quotas: Quotas,
    pub(crate) occupancy: Occupancy,
    pub(crate) lately: Lately,
    pub(crate) prompt: Prompt,
    /// What a node does now it does because of this.
    pub(crate) turn: Turn,
    pub(crate) times: Times,
    pub(crate) statuses: Statuses,
    pub(crate) standings: Standings,
    pub(crate) checkups: Checkups,
    /// The list of rooms that is asked for at rest.
    pub(crate) inventory: Option<Inventory>,
    pub(crate) trace: &'a mut Trace,
    pub(crate) saboteur: Saboteur,
    pub(crate) frames: u64,
    pub(crate) checks: Tally,
    pub(crate) marks: Marks,
    /// Used again and again, so that little is allocated.
    client_outputs: Vec<ClientOutput>,
    node_outputs: Vec<NodeOutput>,
    more_outputs: Vec<NodeOutput>,
    /// Faults are over: until then, or for good.
    pub(crate) calm_until: Option<Time>,
    pub(crate) failures: Vec<Failure>,
    /// Inputs that clients have handled.
    pub(crate) inputs: u64,
    pub(crate) pace: Pace,
}

/// Runs a scenario to its end, to the first failure, or until `trace`, which takes in what happens, has enough.
///
/// # Panics
/// If a machine does; [`try_run`](crate::try_run) makes that a failure.
pub fn run(scenario: &Scenario, trace: &mut Trace, sabotage: Option<Sabotage>) -> Outcome {
    let mut world = World::new(scenario, trace, sabotage);
    world.play();
    world.outcome()
}

impl<'a> World<'a> {
    /// Lets happen what is to happen.
    fn play(&mut self) {
        while self.failures.is_empty() && self.trace.goes_on() {
            let Some((at, event)) = self.agenda.next() else { break };
            self.now = at;
            let is_last = matches!(event, Event::End);
            if let Err(broken) = self.happen(event).and_then(|()| self.pace.happens(at)) {
                self.fail(broken);
            }
            if is_last {
                break;
            }
        }
    }

    fn new(scenario: &'a Scenario, trace: &'a mut Trace, sabotage: Option<Sabotage>) -> Self {
        let (setup, draws) = (&scenario.setup, Draws::new(scenario.seed));
        let user = |number: u32| UserName::new(&format!("u{number}")).expect("a short name");
        let config = Arc::new(setup.client_config());
        let people: Vec<Person> = (0..)
            .zip(&setup.clients)
            .map(|(number, client)| {
                let seed = draws.of(Purpose::Client, number).bits();
                Person::new(START, client, config.clone(), user(client.user), seed)
            })
            .collect();
        let users = people.iter().map(|person| person.user.clone()).collect();
        let of_clients = setup.clients.iter().map(|client| client.user).collect();
        let messages = Limit { rate: setup.message_rate(), is_kept: setup.keeps_what_is_spent() };
        let rates = Rates::new(of_clients, messages, requests::limit(setup));
        let names = (0u32..).take(setup.places()).map(|place| setup.place_name(place)).collect();
        let mut world = Self {
            scenario,
            draws,
            now: START,
            agenda: Agenda::default(),
            people,
            links: Links::default(),
            opened: 0,
            server: Server::new(START, setup),
            storage: setup.disk.map(|disk| Storage::new(disk, setup.gateway.shards)),
            witness: Witness::new(scenario),
            life: Life::new(scenario),
            endings: Endings::default(),
            mailing: Mailing::default(),
            parlours: Parlours::new(),
            reuses: Reuses::default(),
            quotas: Quotas::new(setup),
            occupancy: Occupancy::default(),
            lately: Lately::default(),
            prompt: Prompt::default(),
            turn: Turn::Other,
            times: Times::new(setup),
            statuses: Statuses::default(),
            standings: Standings::default(),
            checkups: Checkups::new(setup),
            inventory: None,
            judge: Judge::new(users, names, rates, setup),
            trace,
            saboteur: Saboteur::new(sabotage),
            frames: 0,
            checks: Tally::default(),
            client_outputs: Vec::new(),
            node_outputs: Vec::new(),
            more_outputs: Vec::new(),
            marks: Marks::default(),
            calm_until: None,
            failures: Vec::new(),
            inputs: 0,
            pace: Pace::new(setup.clients.len(), setup.nodes as usize),
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        for &Calm { from_us, to_us } in &self.scenario.setup.calms {
            let to = Duration::from_micros(to_us);
            self.add_after(Duration::from_micros(from_us), Event::Calm(self.now + to));
            self.add_after(to.saturating_sub(SURVEY_TIME), Event::Survey);
            self.add_after(to, Event::Rest);
        }
        let heal = Duration::from_micros(self.scenario.setup.chaos_us);
        let rest = heal + self.scenario.settling_time();
        self.add_after(Duration::ZERO, Event::Start);
        for (place, step) in self.scenario.steps.iter().enumerate() {
            self.add_after(Duration::from_micros(step.at_us), Event::Step(place));
        }
        self.add_after(SWEEP_INTERVAL, Event::Look(Look::Limits));
        self.add_after(heal, Event::Heal);
        self.add_after(rest, Event::Survey);
        self.add_after(rest + SURVEY_TIME, Event::End);
    }

    /// Puts something down for so much later.
    pub(crate) fn add_after(&mut self, after: Duration, event: Event) {
        self.add(self.now + after, event);
    }

    pub(crate) fn add(&mut self, at: Time, event: Event) {
        self.agenda.add(at, event.class(), event);
    }

    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Step(place) => self.step(place),
            Event::Die { incarnation, away, back, end } if self.server.lives(incarnation) => {
                self.die(away, back, end)
            }
            Event::Die { .. } => Ok(()),
            Event::Start => self.start(),
            Event::Resume(node) => self.resume(node),
            Event::Sat { id, since } => self.sat(id, since),
            Event::Calm(until) => self.calm(until),
            Event::Rest => self.rest(),
            Event::Mail { incarnation, from, to, mail } if self.server.lives(incarnation) => {
                match self.server.hold(to, NodeInput::Mail(from, *mail)) {
                    Some(NodeInput::Mail(from, mail)) => self.tell_mail(to, from, mail),
                    _ => Ok(()),
                }
            }
            Event::Mail { .. } => Ok(()),
            Event::Disk { incarnation, task } if self.server.lives(incarnation) => self.disk_has_done(task),
            Event::Disk { .. } => Ok(()),
            Event::Timer(alarm) => self.alarm(alarm),
            Event::Heal => self.heal(),
            Event::Fence { incarnation, node } if self.server.lives(incarnation) => {
                self.fence(node);
                Ok(())
            }
            Event::Fence { .. } => Ok(()),
            Event::Survey => self.survey(),
            Event::Ask { client, room, after } => self.ask(client, room, after),
            Event::AskRooms { client, after } => self.submit(client, Command::Rooms { after }),
            Event::Player { client, alarm } => self.player_wakes(client, alarm),
            Event::Look(look) => self.look(look),
            Event::End => self.end(),
        }
    }

    fn alarm(&mut self, alarm: Alarm) -> Result<(), Broken> {
        match alarm {
            Alarm::Link(id) => self.link_due(id),
            Alarm::Client(client) => {
                let person = &mut self.people[client];
                if person.armed != Some(self.now) {
                    return Ok(());
                }
                person.armed = None;
                if person.client.poll_timeout().is_none_or(|at| at > person.clock.shows(self.now)) {
                    self.arm_client(client);
                    return Ok(());
                }
                self.checked(checks::BUSY);
                self.pace.timer(self.now, client);
                self.tell_client(client, ClientInput::Timeout)
            }
            Alarm::Node { incarnation, node } => {
                if !self.server.lives(incarnation) || self.server.armed[node] != Some(self.now) {
                    return Ok(());
                }
                self.server.armed[node] = None;
                if self.server.is_paused(node) {
                    return Ok(());
                }
                let shows = self.server.clock.shows(self.now);
                if self.server.nodes[node].poll_timeout().is_none_or(|at| at > shows) {
                    self.arm_node(node);
                    return Ok(());
                }
                self.checked(checks::BUSY);
                self.pace.timer(self.now, self.people.len() + node);
                self.node_is_due(node)
            }
        }
    }

    /// Hands a client something and carries out what it wants.
    pub(crate) fn tell_client(&mut self, client: usize, input: ClientInput<'_>) -> Result<(), Broken> {
        self.inputs += 1;
        self.note_input(client, &input);
        let mut out = std::mem::take(&mut self.client_outputs);
        let person = &mut self.people[client];
        person.client.handle_input(person.clock.shows(self.now), input, &mut out);
        let done = self.carry_out(client, &mut out);
        self.client_outputs = out;
        done
    }

    /// Notes what a client is handed.
    pub(crate) fn note_input(&mut self, client: usize, input: &ClientInput<'_>) {
        self.pace.input(self.now, client);
        self.trace.add(
            self.now,
            &trace::Event {
                kind: client_kind(input),
                actor: Lane::Client(client),
                connection: self.people[client].link,
                digest: digest::client(input),
                text: format_args!("{}", describe::client_input(input)),
            },
        );
    }

    /// Carries out what a client wants.
    pub(crate) fn carry_out(&mut self, client: usize, out: &mut Vec<ClientOutput>) -> Result<(), Broken> {
        let mut is_idle = false;
        for output in out.drain(..) {
            match output {
                ClientOutput::Connect => self.connect(client)?,
                ClientOutput::Transmit(text) => {
                    is_idle = is_idle && !is_ask(&text);
                    self.marks_repeat(client, &text);
                    if self.scenario.setup.parlours > 0 && is_join(&text) {
                        self.check_knock(client, &text)?;
                    }
                    self.transmit(client, Frame::Text(&text));
                }
                ClientOutput::Close { code } => self.close(client, code),
                ClientOutput::Event(event) => {
                    self.marks.event(&event);
                    let was_read = self.witness.tells(client, &event)?;
                    self.notes_put_off(client, &event);
                    self.check_given_up(client, &event)?;
                    self.shows_times(&event)?;
                    self.shows_carried(&event)?;
                    self.turned_away(client, &event)?;
                    self.user_is_renewed(client, &event)?;
                    self.tells(client, &event, was_read)?;
                    if self.scenario.setup.parlours > 0 {
                        self.tells_of_rooms(client, &event)?;
                    }
                    self.sees_statuses(client, &event)?;
                    self.sees_tasks(client, &event)?;
                    self.check_listed(client, &event)?;
                    self.shown_to_one(&event);
                    // Who is known again wants to be in their rooms again, and does not wait.
                    let is_known = matches!(event, ClientEvent::Attached { .. });
                    is_idle |= is_known && !self.people[client].wanted.is_empty();
                    self.note(Kind::Shown, Lane::Client(client), format_args!("{event:?}"));
                    for _ in 0..self.saboteur.times_shown(&event) {
                        self.judge.event(client, &self.people[client].client, &event)?;
                    }
                    self.survey_on(client, &event);
                    self.take_inventory(client, &event);
                }
            }
        }
        self.arm_client(client);
        if is_idle {
            return broken(checks::CONNECTED, format!("c{client} is welcome and asks for none of its rooms"));
        }
        self.check_told(client)
    }

    /// Hands a node something and carries out what it wants.
    pub(crate) fn tell_node(&mut self, node: usize, input: NodeInput<'_>) -> Result<(), Broken> {
        let mut out = std::mem::take(&mut self.node_outputs);
        self.turn = Turn::of(&input);
        self.hand_node(node, input, &mut out);
        let done = self.serve(node, &mut out);
        (self.node_outputs, self.turn) = (out, Turn::Other);
        done
    }

    /// Hands a node its mail, and looks at what it leaves out.
    fn tell_mail(&mut self, node: usize, from: u32, mail: Mail) -> Result<(), Broken> {
        let Some(shed) = self.may_shed(node, &mail) else {
            return self.tell_node(node, NodeInput::Mail(from, mail));
        };
        let mut out = std::mem::take(&mut self.node_outputs);
        self.hand_node(node, NodeInput::Mail(from, mail), &mut out);
        self.check_shed(node, &shed, &out)?;
        let done = self.serve(node, &mut out);
        self.node_outputs = out;
        done
    }

    /// Hands a node something; `out` is what it wants.
    pub(crate) fn hand_node(&mut self, node: usize, input: NodeInput<'_>, out: &mut Vec<NodeOutput>) {
        self.pace.input(self.now, self.people.len() + node);
        self.trace.add(
            self.now,
            &trace::Event {
                kind: Kind::ToNode,
                actor: Lane::Node(node),
                connection: connection(&input),
                digest: digest::node(&input),
                text: format_args!("{}", describe::node_input(&input)),
            },
        );
        let now = self.server.clock.shows(self.now);
        self.server.nodes[node].handle_input(now, input, out);
        self.server.counted[node].holds(self.server.nodes[node].counters());
    }

    /// Carries out what a node wants, and what follows from that.
    pub(crate) fn serve(&mut self, node: usize, out: &mut Vec<NodeOutput>) -> Result<(), Broken> {
        let mut more = std::mem::take(&mut self.more_outputs);
        while !out.is_empty() {
            self.pace.happens(self.now)?;
            for output in out.drain(..) {
                self.serve_one(node, output, &mut more)?;
            }
            std::mem::swap(out, &mut more);
        }
        self.more_outputs = more;
        self.arm_node(node);
        self.check_replicas(node)?;
        self.check_bounds(node)
    }

    fn serve_one(
        &mut self,
        node: usize,
        output: NodeOutput,
        more: &mut Vec<NodeOutput>,
    ) -> Result<(), Broken> {
        match output {
            NodeOutput::Writable(id) => self.write(id, more),
            NodeOutput::Reading(id, on) => self.reading(id, on)?,
            NodeOutput::Close(id, reason) => {
                self.marks.closed(reason);
                self.line_is_closed(id, reason)?;
                self.begin_close(id);
                self.write(id, more);
            }
            NodeOutput::Verify(connection, token) => {
                let outcome = passes::verify(token.reveal(), self.server.clock.shows(self.now));
                self.line_is_verified(connection, &outcome);
                self.hand_node(
                    node,
                    NodeInput::Gateway(GatewayInput::Verified { connection, outcome }),
                    more,
                );
            }
            NodeOutput::Notice(notice) => self.noticed(&notice)?,
            NodeOutput::Store(shard, batch) => self.stores(shard, batch)?,
            NodeOutput::Mail(to, mail) => {
                let to = to as usize;
                self.check_mail(to, &mail)?;
                let at = self.server.mail_arrives(self.now, node, to, &self.scenario.setup, self.draws);
                let (incarnation, mail) = (self.server.incarnation, Box::new(mail));
                let from = u32::try_from(node).expect("few nodes");
                self.add(at, Event::Mail { incarnation, from, to, mail });
            }
        }
        Ok(())
    }

    pub(crate) fn arm_client(&mut self, client: usize) {
        let person = &mut self.people[client];
        let next = person.client.poll_timeout().map(|at| person.clock.when(at));
        if let Some(at) = sooner(next, person.armed, self.now) {
            person.armed = Some(at);
            self.add(at, Event::Timer(Alarm::Client(client)));
        }
    }

    pub(crate) fn arm_node(&mut self, node: usize) {
        let next = self.server.nodes[node].poll_timeout().map(|at| self.server.clock.when(at));
        if let Some(at) = sooner(next, self.server.armed[node], self.now) {
            self.server.armed[node] = Some(at);
            self.add(at, Event::Timer(Alarm::Node { incarnation: self.server.incarnation, node }));
        }
    }

    /// Notes something that the world itself does.
    pub(crate) fn note(&mut self, kind: Kind, actor: Lane, text: std::fmt::Arguments<'_>) {
        self.trace.add(self.now, &trace::Event { kind, actor, connection: None, digest: 0, text });
    }

    /// Counts a check.
    pub(crate) fn checked(&mut self, check: &'static str) {
        self.checks.add(check, 1);
    }

    pub(crate) fn fail(&mut self, broken: Broken) {
        let Broken { check, sentence } = broken;
        self.note(Kind::Failed, Lane::World, format_args!("{check}: {sentence}"));
        let (at, event) = (self.now.since(START), self.trace.events());
        self.failures.push(Failure { check, at, event, sentence });
    }

    /// Adds what the server's nodes have counted in this life.
    pub(crate) fn count_counters(&mut self) {
        self.server.nodes.iter().for_each(|node| self.marks.counters(node.counters()));
    }

    fn outcome(mut self) -> Outcome {
        self.count_counters();
        for (check, count) in self.witness.counts() {
            self.checks.add(check, count);
        }
        self.checks.add(checks::WIRE, self.frames);
        self.checks.add(checks::CONTENT, self.judge.recognised);
        for digest in self.server.nodes.iter().flat_map(Node::digests) {
            let text = format_args!("digest {digest:016x}");
            let event =
                trace::Event { kind: Kind::World, actor: Lane::World, connection: None, digest, text };
            self.trace.add(self.now, &event);
        }
        Outcome {
            seed: self.scenario.seed,
            profile: self.scenario.profile,
            hash: self.trace.hash(),
            events: self.inputs + self.server.handled(),
            frames: self.frames,
            virtual_time: self.now.since(START),
            failures: self.failures,
            log: self.judge.log(),
            checks: self.checks.by_name(),
            marks: self.marks.by_name(),
        }
    }
}

/// Whether a client asks to enter a room or to leave it.
fn is_ask(text: &str) -> bool {
    is_join(text) || text.starts_with(r#"{"type":"leave""#)
}

/// Whether a client asks to enter a room.
fn is_join(text: &str) -> bool {
    text.starts_with(r#"{"type":"join""#)
}

/// How a client's input is marked.
const fn client_kind(input: &ClientInput<'_>) -> Kind {
    match input {
        ClientInput::Opened => Kind::Opened,
        ClientInput::Closed { .. } => Kind::Closed,
        ClientInput::Received(_) | ClientInput::Timeout => Kind::ToClient,
    }
}

/// The connection that a node's input is about.
const fn connection(input: &NodeInput<'_>) -> Option<ConnectionId> {
    match input {
        NodeInput::Gateway(
            GatewayInput::Connected { connection, .. }
            | GatewayInput::Received { connection, .. }
            | GatewayInput::Faulted { connection, .. }
            | GatewayInput::Disconnected { connection },
        ) => Some(*connection),
        _ => None,
    }
}

/// When to set a timer, if it must go off sooner than it is set to.
fn sooner(next: Option<Time>, armed: Option<Time>, now: Time) -> Option<Time> {
    let next = next?.max(now);
    armed.is_none_or(|armed| next < armed).then_some(next)
}

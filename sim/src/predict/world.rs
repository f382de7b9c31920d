//! The world of a prediction: one clock, a plan's bots, a server, and the lines between them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use chinwag_bots::{Book, Course, Cue, Row, Script, Segment, Wish};
use chinwag_core::{ConnectionId, Time};
use chinwag_journal::{Node, NodeOutput};
use chinwag_scenarios::{Act, EventKind, Plan, Scenario, Server as Limits};

use super::{Network, Prediction, company::Company, prediction::Played};
use crate::{
    line::{links::Links, pipe::Line},
    plan::draw::{Draws, Purpose},
    world::{START, agenda::Agenda},
};

/// How often it is looked how far things are, as `loadgen` does.
const LOOK: Duration = Duration::from_millis(20);

/// Something to come.
#[derive(Debug)]
pub(super) enum Event {
    /// The server is killed, and started anew then.
    Kill(Time),
    /// The server starts.
    Start,
    /// The next client connects for the first time.
    Connect(u32),
    /// The next act of the plan, by its place.
    Act(usize),
    /// A connection may be made.
    Open { slot: usize, attempt: u32 },
    /// A partition is over.
    Mend { slot: usize, attempt: u32 },
    /// Bots wait for something.
    Bots,
    /// The server waits for something, in one of its lives.
    Node(u64),
    /// Something happens on a connection.
    Link(ConnectionId),
    /// It is looked how far things are.
    Look,
}

impl Event {
    /// Which of two things at one instant comes first.
    const fn class(&self) -> u8 {
        match self {
            Self::Kill(_) | Self::Start => 0,
            Self::Connect(_) | Self::Act(_) => 1,
            Self::Open { .. } | Self::Mend { .. } => 2,
            Self::Bots | Self::Node(_) | Self::Link(_) => 3,
            Self::Look => 4,
        }
    }
}

/// A bot's open connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) id: ConnectionId,
    /// Its bot has said goodbye: what still comes in does not count.
    pub(super) closing: bool,
    /// Since when it is open.
    pub(super) since: Time,
}

/// Handshakes under way: no more than the plan allows at once.
#[derive(Debug)]
pub(super) struct Handshakes {
    pub(super) free: u32,
    pub(super) waiting: VecDeque<(usize, u32)>,
    /// Which of its bot's connections each is.
    pub(super) begun: BTreeMap<ConnectionId, u32>,
}

/// The server process.
#[derive(Debug)]
pub(super) struct Server {
    /// Its limits.
    pub(super) limits: Limits,
    /// Its machines, unless it is down. One thread: what threads tell one another takes no time here.
    pub(super) node: Option<Node>,
    /// Which life it is in, from 1.
    pub(super) life: u64,
    /// When its timer goes off.
    pub(super) armed: Option<Time>,
    /// Connections that it has.
    pub(super) live: u32,
    /// Inputs that earlier lives have handled.
    pub(super) handled: u64,
}

/// A prediction in progress.
#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) script: Arc<Script>,
    pub(super) network: Network,
    pub(super) draws: Draws,
    pub(super) now: Time,
    agenda: Agenda<Event>,
    acts: Vec<(Duration, Act)>,
    pub(super) bots: Company,
    armed: Option<Time>,
    wishes: Vec<Wish>,
    /// By slot: its connection.
    pub(super) seats: Vec<Option<Seat>>,
    /// By slot: nothing passes over its line until then.
    pub(super) parted: Vec<Time>,
    pub(super) handshakes: Handshakes,
    pub(super) links: Links,
    /// Connections so far.
    pub(super) opened: u64,
    pub(super) server: Server,
    pub(super) outputs: Vec<NodeOutput>,
    pub(super) course: Course,
    pub(super) rows: Vec<Row>,
    row_due: Time,
    /// Slow readers are slow no more.
    pub(super) hurries: bool,
    /// The threshold that ended it.
    pub(super) aborted: Option<String>,
    /// The server has said what no server says: why it makes no sense to go on.
    pub(super) broken: Option<String>,
    /// Frames that clients have read.
    pub(super) frames: u64,
}

impl<'a> World<'a> {
    /// A world in which so many processes share the plan's bots.
    pub(super) fn new(
        scenario: &'a Scenario,
        plan: Plan,
        limits: &Limits,
        network: Network,
        segments: u32,
    ) -> Self {
        let script = Arc::new(Script::new(plan, Segment::WHOLE, None, START));
        let bots = Company::new(&script, segments);
        let plan = &script.plan;
        let slots = bots.len();
        Self {
            scenario,
            network,
            draws: Draws::new(plan.seed()),
            now: START,
            agenda: Agenda::default(),
            acts: plan.acts().collect(),
            armed: None,
            wishes: Vec::new(),
            seats: vec![None; slots],
            parted: vec![Time(0); slots],
            handshakes: Handshakes {
                free: plan.connect().in_flight,
                waiting: VecDeque::new(),
                begun: BTreeMap::new(),
            },
            links: Links::default(),
            opened: 0,
            server: Server { limits: limits.clone(), node: None, life: 0, armed: None, live: 0, handled: 0 },
            outputs: Vec::new(),
            course: Course::new(&script, START, None),
            rows: Vec::new(),
            row_due: START + network.interval,
            hurries: false,
            aborted: None,
            broken: None,
            frames: 0,
            bots,
            script,
        }
    }

    /// Plays it to its end, and sums up.
    pub(super) fn run(mut self) -> Prediction {
        let begun = Instant::now();
        self.play();
        let (duration, real) = (self.now.since(START), begun.elapsed());
        let events = self.handled();
        let Self { scenario, script, bots, network, rows, aborted, broken, frames, .. } = self;
        let book = bots.into_books().into_iter().reduce(Book::merge).expect("there is at least one segment");
        let played = Played {
            scenario,
            script: &script,
            book: &book,
            network,
            duration,
            real,
            events,
            frames,
            aborted,
            broken,
        };
        Prediction::new(&played, rows)
    }

    /// Plays it to its end: what each process has written down.
    pub(super) fn books(mut self) -> Vec<Book> {
        self.play();
        self.bots.into_books()
    }

    fn play(&mut self) {
        self.start();
        self.add(self.now, Event::Connect(0));
        self.add(self.now + LOOK, Event::Look);
        while let Some((at, event)) = self.agenda.next() {
            self.now = at;
            self.happen(event);
            if self.course.is_over() || self.broken.is_some() || self.aborted.is_some() {
                break;
            }
        }
        self.row("end");
        self.bots.leave(self.now);
    }

    pub(super) fn add(&mut self, at: Time, event: Event) {
        self.agenda.add(at.max(self.now), event.class(), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Kill(until) => self.kill(until),
            Event::Start => self.start(),
            Event::Connect(client) => {
                self.tell(|bots, now, out| bots.cue(now, Cue::Connect(client), out));
                let next = client + 1;
                if next < self.script.plan.clients() {
                    self.add(START + self.script.plan.connect_at(next), Event::Connect(next));
                }
            }
            Event::Act(place) => self.act(place),
            Event::Open { slot, attempt } => self.open(slot, attempt),
            Event::Mend { slot, attempt } => {
                self.tell(|bots, now, out| bots.mend(slot, attempt, now, out));
            }
            Event::Bots => {
                if self.armed == Some(self.now) {
                    self.armed = None;
                    self.tell(Company::time_out);
                }
            }
            Event::Node(life) => self.node_due(life),
            Event::Link(id) => self.link_due(id),
            Event::Look => self.look(),
        }
    }

    /// Fixes when the stages begin, and with that all that the plan foresees.
    pub(super) fn begin_stages(&mut self, start: Time) {
        let script = Arc::clone(&self.script);
        self.bots.start_stages(start);
        for event in script.plan.events().iter().filter(|event| event.kind == EventKind::Restart) {
            self.add(start + event.at, Event::Kill(start + event.until));
        }
        self.next_act(0);
    }

    fn next_act(&mut self, place: usize) {
        if let Some(&(at, _)) = self.acts.get(place) {
            self.add(self.script.instant(at), Event::Act(place));
        }
    }

    fn act(&mut self, place: usize) {
        let act = Cue::Act(self.acts[place].1);
        self.tell(|bots, now, out| bots.cue(now, act, out));
        self.next_act(place + 1);
    }

    /// Tells the bots something, and does what they wish.
    pub(super) fn tell(&mut self, tell: impl FnOnce(&mut Company, Time, &mut Vec<Wish>)) {
        let mut wishes = std::mem::take(&mut self.wishes);
        tell(&mut self.bots, self.now, &mut wishes);
        for wish in wishes.drain(..) {
            self.fulfil(wish);
        }
        self.wishes = wishes;
        if let Some(at) = self.bots.poll_timeout()
            && self.armed.is_none_or(|armed| at < armed)
        {
            let at = at.max(self.now);
            self.armed = Some(at);
            self.add(at, Event::Bots);
        }
    }

    fn look(&mut self) {
        if self.now >= self.row_due {
            self.row(&self.course.name());
            self.row_due = self.row_due + self.network.interval;
            self.check_thresholds();
        }
        self.proceed();
        self.add(self.now + LOOK, Event::Look);
    }

    /// Adds a row to the time series.
    fn row(&mut self, phase: &str) {
        let came = self.bots.take_interval();
        self.rows.push(Row::of(self.now.since(START), phase, &self.script.board, &came.latency));
    }

    /// The line of a bot towards the server, and from there.
    pub(super) fn lines(&self, slot: usize) -> (Line, Line) {
        let Network { latency, rate, .. } = self.network;
        let up = Line { latency, rate, stalled_until: self.parted[slot] };
        let read = self.script.plan.read_of(self.bots.client(slot)).filter(|_| !self.hurries);
        let (Some(read), Some(seat)) = (read, self.seats[slot]) else { return (up, up) };
        // As in loadgen: pauses of all at once would be a storm of their own.
        let shift = read.pause_every.mul_f64(f64::from(self.bots.client(slot) % 64) / 64.0);
        let reads = seat.since + read.reads_from(shift + self.now.since(seat.since)).saturating_sub(shift);
        let rate = read.rate.map_or(rate, |read| rate.min(read.into()));
        (up, Line { latency, rate, stalled_until: up.stalled_until.max(reads) })
    }

    /// How much longer than the latency something travels over a bot's line that leaves now.
    pub(super) fn jitter(&self, slot: usize, way: u64) -> impl FnMut() -> Duration + use<> {
        let most = u64::try_from(self.network.jitter.as_micros()).unwrap_or(u64::MAX);
        let mut cause = self.draws.of(Purpose::Jitter, (self.now.0 << 20) ^ (slot as u64) << 1 | way);
        move || Duration::from_micros(cause.within(0..=most))
    }

    /// Inputs that the server's machines have handled, and frames that clients have.
    fn handled(&self) -> u64 {
        self.server.handled + self.server.node.as_ref().map_or(0, Node::handled) + self.frames
    }
}

//! One thread with a share of the bots: orders and frames go in, everything a client wants is carried out.

mod deeds;
mod drive;
mod heard;
mod wire;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use chinwag_core::{
    RoomName,
    client::{ClientConfig, ClientInput, ClientOutput, Command},
    gateway::Frame,
};
use chinwag_oracle::{MemberId, Observation, RoomId, SendId};
use chinwag_scenarios::{EventKind, PlannedEvent, Target};
use hdrhistogram::Histogram;
use tokio::{
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, error::TryRecvError},
        oneshot,
    },
    task::spawn_local,
    time::sleep_until,
};
use tokio_tungstenite::WebSocketStream;

use crate::{
    book::{Book, Times},
    bot::{Absence, Bot},
    connect::{self, ConnectError},
    link::{self, Incoming, Link},
    measure::{histogram, record},
    pace::Pace,
    run::Run,
    speaker::Speaker,
    timers::Timers,
    wire::Wire,
};

/// What a worker is to do, at once.
#[derive(Debug)]
pub(crate) enum Order {
    /// Let this client connect for the first time.
    Connect(u32),
    /// Let this message be sent.
    Send(SendId),
    /// Let this deed be done.
    Do(u32),
    /// Let this event befall those it hits.
    Event(usize),
    /// Let slow readers read as fast as they can: nothing new is said.
    Hurry,
    /// Hand out the latencies recorded since the last time.
    Sample(oneshot::Sender<Histogram<u64>>),
    /// Hand out all that was timed so far.
    Times(oneshot::Sender<Times>),
    /// Let all say goodbye.
    Leave,
}

/// A thread's bots. Lives in an `Rc`; nothing here waits.
pub(crate) struct Worker {
    run: Arc<Run>,
    /// Which worker it is. Its bots are the clients `index`, `index + workers`, `index + 2 · workers`…
    index: u32,
    workers: u32,
    bots: Vec<RefCell<Bot>>,
    room_names: Vec<RoomName>,
    rooms: HashMap<RoomName, RoomId>,
    book: RefCell<Book>,
    orders: RefCell<UnboundedReceiver<Order>>,
    timers: RefCell<Timers>,
    earlier_deadline: Notify,
    outputs: Cell<Vec<ClientOutput>>,
    /// Sockets whose other end has not been told that they are over.
    half_open: RefCell<Vec<Link>>,
    /// Slow readers are slow no more.
    hurries: Cell<bool>,
    leaving: Cell<bool>,
}

impl Worker {
    /// Makes the bots of worker `index` of `workers` and all they need but sockets: what is allocated here is no cost
    /// of a connection.
    pub(crate) fn new(run: Arc<Run>, index: u32, workers: u32, orders: UnboundedReceiver<Order>) -> Self {
        let plan = &run.plan;
        let config = Arc::new(ClientConfig { rosters: false, ..ClientConfig::default() });
        let room_name = |room| RoomName::new(&plan.room_name(room)).expect("plans make sound names");
        let room_names: Vec<_> = (0..plan.rooms()).map(room_name).collect();
        let rooms = room_names.iter().cloned().zip((0..).map(RoomId)).collect();
        let bot = |number: u32| RefCell::new(Bot::new(number, run.speaker(number, &config)));
        let bots: Vec<_> = (index..plan.clients()).step_by(workers as usize).map(bot).collect();
        let mut book = Book::new(plan.stages().len());
        for (send, planned) in (0..).map(SendId).zip(plan.sends()) {
            if planned.client % workers == index {
                let (room, member) = (RoomId(planned.room), MemberId(planned.client));
                book.observe(Observation::Planned { send, room, member });
            }
        }
        Self {
            index,
            workers,
            timers: RefCell::new(Timers::new(bots.len())),
            bots,
            room_names,
            rooms,
            book: RefCell::new(book),
            orders: RefCell::new(orders),
            earlier_deadline: Notify::new(),
            outputs: Cell::default(),
            half_open: RefCell::default(),
            hurries: Cell::new(false),
            leaving: Cell::new(false),
            run,
        }
    }

    /// Works until nobody can give orders any more; then hands out what was written down.
    pub(crate) async fn work(self) -> Book {
        let worker = Rc::new(self);
        let timer = Rc::clone(&worker);
        spawn_local(async move { timer.keep_time().await });
        poll_fn(|cx| worker.poll_orders(cx)).await;
        worker.book.replace(Book::new(0))
    }

    fn poll_orders(self: &Rc<Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let order = ready!(self.orders.borrow_mut().poll_recv(cx));
            match order {
                Some(order) => self.obey(order),
                None => return Poll::Ready(()),
            }
        }
    }

    /// Carries out the orders that are there. Called before every frame that is read, so that a send waits for one
    /// frame at most and not for thousands of sockets.
    fn obey_waiting(self: &Rc<Self>) {
        loop {
            let order = self.orders.borrow_mut().try_recv();
            match order {
                Ok(order) => self.obey(order),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    fn obey(self: &Rc<Self>, order: Order) {
        match order {
            Order::Connect(client) => self.connect(self.slot(client)),
            Order::Send(send) => self.send(send),
            Order::Do(deed) => self.do_deed(deed),
            Order::Event(event) => self.befall(event),
            Order::Hurry => self.hurry(),
            Order::Sample(answer) => {
                let interval = &mut self.book.borrow_mut().interval;
                // Whoever asked may have given up.
                let _ = answer.send(std::mem::replace(interval, histogram()));
            }
            Order::Times(answer) => {
                let _ = answer.send(self.book.borrow().times.clone());
            }
            Order::Leave => self.leave(),
        }
    }

    fn slot(&self, client: u32) -> usize {
        (client / self.workers) as usize
    }

    fn connect(self: &Rc<Self>, slot: usize) {
        let number = self.bots[slot].borrow().number;
        let rooms = self.run.plan.rooms_of(number).iter().map(|room| self.room_names[*room as usize].clone());
        self.drive(slot, |client, now, out| {
            for room in rooms {
                // Joins have no queue that could be full.
                let _ = client.submit(now, Command::Join { room }, out);
            }
            client.start(now, out);
        });
    }

    fn send(self: &Rc<Self>, send: SendId) {
        let run = &self.run;
        let planned = run.planned(send);
        let slot = self.slot(planned.client);
        let (room, content) =
            (self.room_names[planned.room as usize].clone(), run.plan.payload(send.0).into());
        let away = self.bots[slot].borrow().is_away();
        if away {
            run.hold_back(send);
        }
        let submit = |client: &mut Speaker, now, out: &mut _| {
            client.submit(now, Command::Publish { room, content, extra: None }, out)
        };
        if let Ok(id) = self.drive(slot, submit) {
            let bot = &mut *self.bots[slot].borrow_mut();
            if bot.speaker.answers_by_number() {
                bot.unanswered.push((id, send));
            }
        }
        let book = &mut *self.book.borrow_mut();
        match run.departed(send) {
            _ if away => book.held_back += 1,
            Some(departed) => {
                let lag = &mut book.times.stages[usize::from(planned.stage)].send_lag;
                record(lag, run.intended(send), departed);
            }
            None => book.deferred += 1,
        }
        run.board.handed.add();
    }

    /// Lets an event befall those of our bots that it hits.
    fn befall(self: &Rc<Self>, event: usize) {
        let event = &self.run.plan.events()[event];
        for &Target { client, back_at } in &event.targets {
            if client % self.workers == self.index {
                self.befall_bot(self.slot(client), event, back_at);
            }
        }
    }

    fn befall_bot(self: &Rc<Self>, slot: usize, event: &PlannedEvent, back_at: std::time::Duration) {
        let mut bot = self.bots[slot].borrow_mut();
        bot.absence = Absence::Until(self.run.instant(back_at));
        match event.kind {
            EventKind::Disconnect => drop(bot.link.take()),
            EventKind::Reset => bot.link.take().into_iter().for_each(Link::reset),
            EventKind::HalfOpen => self.half_open.borrow_mut().extend(bot.link.take()),
            // The end of the server ends its connections.
            EventKind::Restart => return,
            EventKind::Partition => {
                drop(bot);
                return self.part(slot, event.until);
            }
        }
        bot.attempt += 1;
        drop(bot);
        self.closed(slot, None, "");
    }

    fn leave(self: &Rc<Self>) {
        self.leaving.set(true);
        self.count_throttled();
        self.half_open.borrow_mut().drain(..).for_each(Link::reset);
        for slot in 0..self.bots.len() {
            self.drive(slot, Speaker::shutdown);
        }
    }

    /// Counts the sends that never left because the server kept telling their bots "not yet".
    fn count_throttled(&self) {
        let sends = (0..).map(SendId).zip(self.run.plan.sends());
        let ours = sends.filter(|(_, planned)| planned.client % self.workers == self.index);
        let unsent = ours.filter(|(send, _)| self.run.departed(*send).is_none());
        let throttled =
            unsent.filter(|(_, planned)| self.bots[self.slot(planned.client)].borrow().is_throttled);
        self.book.borrow_mut().throttled = throttled.count() as u64;
    }

    /// Makes the connection that a client has asked for.
    async fn open(self: Rc<Self>, slot: usize, attempt: u32) {
        match self.handshake(slot).await {
            Ok(socket) => self.opened(slot, attempt, socket),
            Err(error) => self.not_opened(slot, attempt, &error),
        }
    }

    async fn handshake(&self, slot: usize) -> Result<WebSocketStream<Wire>, ConnectError> {
        let run = &self.run;
        let absence = self.bots[slot].borrow().absence;
        if let Absence::Until(back) = absence {
            sleep_until(run.clock.instant(back)).await;
        }
        let _permit = run.handshakes.acquire().await.expect("never closed");
        self.bots[slot].borrow_mut().connecting_since = run.clock.now();
        let number = self.bots[slot].borrow().number;
        let reads_slowly = run.plan.read_of(number).is_some();
        let (request, within) = (run.request(number), run.plan.connect().timeout);
        connect::open(&run.target, run.speech.trust(), request, reads_slowly, within).await
    }

    fn opened(self: &Rc<Self>, slot: usize, attempt: u32, socket: WebSocketStream<Wire>) {
        let mut bot = self.bots[slot].borrow_mut();
        if bot.attempt != attempt || self.leaving.get() {
            return;
        }
        let read = self.run.plan.read_of(bot.number).filter(|_| !self.hurries.get());
        // Pauses of all at once would be a storm of their own.
        let shift = f64::from(bot.number % 64) / 64.0;
        bot.link = Some(Link::new(socket, read.map(|read| Box::new(Pace::new(read, shift)))));
        drop(bot);
        self.run.board.open.add();
        self.drive(slot, |client, now, out| client.handle_input(now, ClientInput::Opened, out));
        // A task of its own: the one that has made the connection is much larger, and ends here.
        let worker = Rc::clone(self);
        spawn_local(async move {
            poll_fn(|cx| worker.poll_read(slot, attempt, cx)).await;
            worker.run.board.open.remove();
        });
    }

    fn not_opened(self: &Rc<Self>, slot: usize, attempt: u32, error: &ConnectError) {
        if self.bots[slot].borrow().attempt != attempt {
            return;
        }
        if let ConnectError::Exhausted(what) = error {
            self.book.borrow_mut().exhausted = Some((*what).into());
        }
        self.error(error.to_string());
        self.closed(slot, None, "");
    }

    fn poll_read(self: &Rc<Self>, slot: usize, attempt: u32, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.obey_waiting();
            let mut bot = self.bots[slot].borrow_mut();
            let Bot { link: Some(link), attempt: current, .. } = &mut *bot else { return Poll::Ready(()) };
            if *current != attempt {
                return Poll::Ready(());
            }
            let incoming = ready!(link.poll(cx));
            drop(bot);
            match incoming {
                Incoming::Text(text) => {
                    self.watch(slot, &text);
                    self.received(slot, Frame::Text(&text));
                }
                Incoming::Life => self.received(slot, Frame::Pong),
                Incoming::End { code, reason, error } => {
                    let mut bot = self.bots[slot].borrow_mut();
                    bot.link = None;
                    let wanted = bot.is_down(self.run.clock.now());
                    drop(bot);
                    if !wanted {
                        self.lost(code, &reason, error);
                    }
                    self.closed(slot, code, &reason);
                    return Poll::Ready(());
                }
            }
        }
    }

    fn received(self: &Rc<Self>, slot: usize, frame: Frame<'_>) {
        self.drive(slot, |client, now, out| client.handle_input(now, ClientInput::Received(frame), out));
    }

    fn closed(self: &Rc<Self>, slot: usize, code: Option<u16>, reason: &str) {
        self.drive(slot, |client, now, out| {
            client.handle_input(now, ClientInput::Closed { code, reason }, out);
        });
    }

    /// A connection has ended that the scenario did not end.
    fn lost(&self, code: Option<u16>, reason: &str, error: Option<String>) {
        match (code, error) {
            (Some(code), _) => self.error(link::closed_with(code, reason)),
            (None, Some(error)) => self.error(format!("connection lost: {error}")),
            (None, None) => self.error("closed without a code".into()),
        }
    }

    /// Something went wrong that the scenario did not want. While leaving, nothing counts any more.
    fn error(&self, reason: String) {
        if !self.leaving.get() {
            self.book.borrow_mut().error(reason);
            self.run.board.errors.add();
        }
    }

    /// Keeps the clients' deadlines. Never returns.
    async fn keep_time(self: &Rc<Self>) {
        loop {
            let next = self.timers.borrow().next();
            let Some(deadline) = next else {
                self.earlier_deadline.notified().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(self.run.clock.instant(deadline)) => self.time_out(),
                () = self.earlier_deadline.notified() => {}
            }
        }
    }

    fn time_out(self: &Rc<Self>) {
        let now = self.run.clock.now();
        loop {
            let due = self.timers.borrow_mut().pop(now);
            let Some(slot) = due else { return };
            self.drive(slot, |client, now, out| client.handle_input(now, ClientInput::Timeout, out));
        }
    }
}

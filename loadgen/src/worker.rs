//! One thread with a share of the bots: orders and frames go in, and what the bots wish is done with real sockets.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    thread,
    time::Duration,
};

use chinwag_bots::{Book, Bots, Cue, Interval, Times, Wish};
use chinwag_core::{Time, gateway::Frame};
use tokio::{
    sync::{Notify, mpsc::UnboundedReceiver, oneshot},
    task::{spawn_local, yield_now},
    time::sleep_until,
};

use crate::{
    connect::{self, ConnectError, How, Open},
    link::{self, Incoming, Link},
    pace::Pace,
    pacer::{OVERSLEEP, Pacer, Part, SOON},
    run::Run,
    scratch::Scratch,
    stamped::IS_EXACT,
};

/// How long frames may gather, where it is known when each of them came in: to be woken for every single one costs more
/// than to read it.
pub(crate) const GATHER: Duration = Duration::from_millis(1);
/// How long they may where that is not known, or while somebody connects, while something is about to be done.
const HASTE: Duration = Duration::from_micros(100);

/// What a worker is to do, at once.
#[derive(Debug)]
pub(crate) enum Order {
    /// Do this part of the plan, each thing at its instant, and nothing of what was not done so far.
    Pace(Option<Part>),
    /// Let slow readers read as fast as they can: nothing new is said.
    Hurry,
    /// Hand out what came since the last time.
    Sample(oneshot::Sender<Interval>),
    /// Hand out all that was timed so far.
    Times(oneshot::Sender<Times>),
    /// Let all say goodbye.
    Leave,
}

/// A thread's bots and their sockets. Lives in an `Rc`; nothing here waits.
pub(crate) struct Worker {
    run: Arc<Run>,
    bots: RefCell<Bots>,
    /// By slot: the socket, if one is open, and which of the bot's connections it is.
    links: RefCell<Vec<Option<(u32, Link)>>>,
    /// What all sockets are read into.
    scratch: RefCell<Scratch>,
    orders: RefCell<UnboundedReceiver<Order>>,
    /// Its clients are every `step`-th from `first` on.
    share: (u32, u32),
    /// What of the plan is to be done.
    pacer: RefCell<Option<Pacer>>,
    /// When.
    due: Cell<Option<Time>>,
    /// There is something else to be done.
    paced: Notify,
    earlier_deadline: Notify,
    wishes: Cell<Vec<Wish>>,
    /// Sockets whose other end has not been told that they are over.
    half_open: RefCell<Vec<Link>>,
    /// Slow readers are slow no more.
    hurries: Cell<bool>,
}

impl Worker {
    /// Makes the bots that are every `step`-th client from `first` on, and all they need but sockets: what is allocated
    /// here is no cost of a connection.
    pub(crate) fn new(run: Arc<Run>, first: u32, step: u32, orders: UnboundedReceiver<Order>) -> Self {
        let bots = Bots::new(Arc::clone(&run.script), first, step, |client| run.speech.token(client));
        let links = (0..bots.len()).map(|_| None).collect();
        Self {
            bots: RefCell::new(bots),
            links: RefCell::new(links),
            scratch: RefCell::new(Scratch::new()),
            orders: RefCell::new(orders),
            share: (first, step),
            pacer: RefCell::default(),
            due: Cell::new(None),
            paced: Notify::new(),
            earlier_deadline: Notify::new(),
            wishes: Cell::default(),
            half_open: RefCell::default(),
            hurries: Cell::new(false),
            run,
        }
    }

    /// Works until nobody can give orders any more; then hands out what was written down.
    pub(crate) async fn work(self) -> Book {
        let worker = Rc::new(self);
        let timer = Rc::clone(&worker);
        spawn_local(async move { timer.keep_time().await });
        let pace = Rc::clone(&worker);
        spawn_local(async move { pace.keep_pace().await });
        poll_fn(|cx| worker.poll_orders(cx)).await;
        std::mem::replace(worker.bots.borrow_mut().book_mut(), Book::new(0))
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

    /// Begins with a part of the plan.
    fn pace(&self, part: Option<Part>) {
        let pacer = part.map(|part| Pacer::new(Arc::clone(&self.run), self.share, part));
        self.due.set(pacer.as_ref().and_then(Pacer::due));
        *self.pacer.borrow_mut() = pacer;
        self.paced.notify_one();
    }

    /// Does what is due by now. Called before every frame that is read, so that a send waits for one frame at most and not
    /// for thousands of sockets.
    fn do_due(self: &Rc<Self>) {
        let Some(due) = self.due.get() else { return };
        let now = self.run.now();
        if due > now {
            return;
        }
        while let Some(cue) = self.take_due(now) {
            self.drive(|bots, now, out| bots.cue(now, cue, out));
        }
    }

    fn take_due(&self, now: Time) -> Option<Cue> {
        let mut pacer = self.pacer.borrow_mut();
        let cue = pacer.as_mut()?.take(now);
        self.due.set(pacer.as_ref()?.due());
        cue
    }

    /// Does what the plan foresees, each thing at its instant. Never returns.
    async fn keep_pace(self: &Rc<Self>) {
        let mut looked = self.run.now();
        loop {
            self.do_due();
            let Some(due) = self.due.get() else {
                self.paced.notified().await;
                continue;
            };
            let now = self.run.now();
            if due.since(now) > SOON {
                let soon = self.run.clock.instant(now + (due.since(now) - SOON));
                tokio::select! {
                    () = sleep_until(soon) => {}
                    () = self.paced.notified() => {}
                }
                continue;
            }
            let look = looked + self.patience();
            nap(due.since(now).saturating_sub(OVERSLEEP).min(look.since(now)));
            let now = self.run.now();
            if due > now || look <= now {
                yield_now().await;
                looked = self.run.now();
            }
        }
    }

    /// How long frames may lie there.
    fn patience(&self) -> Duration {
        if IS_EXACT && !self.run.is_handshaking() { GATHER } else { HASTE }
    }

    fn obey(self: &Rc<Self>, order: Order) {
        match order {
            Order::Pace(part) => self.pace(part),
            Order::Hurry => self.hurry(),
            Order::Sample(answer) => {
                // Whoever asked may have given up.
                let _ = answer.send(self.bots.borrow_mut().book_mut().take_interval());
            }
            Order::Times(answer) => {
                let _ = answer.send(self.bots.borrow().book().times.clone());
            }
            Order::Leave => {
                self.pace(None);
                self.half_open.borrow_mut().drain(..).for_each(Link::reset);
                self.drive(Bots::leave);
            }
        }
    }

    /// Tells the bots something, and does what they wish.
    fn drive(self: &Rc<Self>, tell: impl FnOnce(&mut Bots, Time, &mut Vec<Wish>)) {
        let mut wishes = self.wishes.take();
        let mut bots = self.bots.borrow_mut();
        let before = bots.poll_timeout();
        tell(&mut bots, self.run.now(), &mut wishes);
        let after = bots.poll_timeout();
        drop(bots);
        for wish in wishes.drain(..) {
            self.fulfil(wish);
        }
        self.wishes.set(wishes);
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.earlier_deadline.notify_one();
        }
    }

    fn fulfil(self: &Rc<Self>, wish: Wish) {
        let links = &mut *self.links.borrow_mut();
        let take =
            |slot: usize, links: &mut Vec<Option<(u32, Link)>>| links[slot].take().map(|(_, link)| link);
        match wish {
            Wish::Connect { slot, attempt, not_before } => {
                links[slot] = None;
                spawn_local(Rc::clone(self).open(slot, attempt, not_before));
            }
            Wish::Transmit { slot, text } => {
                if let Some((_, link)) = &mut links[slot] {
                    link.send(&text);
                }
            }
            Wish::Close { slot, code } => links[slot].iter_mut().for_each(|(_, link)| link.close(code)),
            Wish::Drop(slot) => drop(take(slot, links)),
            Wish::Reset(slot) => take(slot, links).into_iter().for_each(Link::reset),
            Wish::Abandon(slot) => self.half_open.borrow_mut().extend(take(slot, links)),
            Wish::Part { slot, attempt, until } => {
                links[slot].iter_mut().for_each(|(_, link)| link.part());
                spawn_local(Rc::clone(self).mend(slot, attempt, until));
            }
        }
    }

    /// Lets everything pass again over a connection, once that is due.
    async fn mend(self: Rc<Self>, slot: usize, attempt: u32, until: Time) {
        sleep_until(self.run.clock.instant(until)).await;
        if let Some((current, link)) = &mut self.links.borrow_mut()[slot]
            && *current == attempt
        {
            link.mend();
        }
        self.drive(|bots, now, out| bots.mend(slot, attempt, now, out));
    }

    /// Lets slow readers read as fast as they can from now on.
    fn hurry(&self) {
        self.hurries.set(true);
        self.links.borrow_mut().iter_mut().flatten().for_each(|(_, link)| link.hurry());
    }

    /// Makes the connection that a client has asked for.
    async fn open(self: Rc<Self>, slot: usize, attempt: u32, not_before: Time) {
        sleep_until(self.run.clock.instant(not_before)).await;
        match self.handshake(slot).await {
            Ok(socket) => self.opened(slot, attempt, socket),
            Err(error) => {
                let exhausted = match &error {
                    ConnectError::Exhausted(what) => Some(*what),
                    _ => None,
                };
                let words = error.to_string();
                self.drive(|bots, now, out| bots.not_opened(slot, attempt, now, words, exhausted, out));
            }
        }
    }

    async fn handshake(&self, slot: usize) -> Result<Open, ConnectError> {
        let run = &self.run;
        let _permit = run.handshakes.acquire().await.expect("never closed");
        let client = self.bots.borrow().client(slot);
        let reads_slowly = run.plan().read_of(client).is_some();
        let how = How { source: run.source(client), reads_slowly, within: run.plan().connect().timeout };
        connect::open_bare(run.target(client), run.speech.trust(), run.request(client), how).await
    }

    fn opened(self: &Rc<Self>, slot: usize, attempt: u32, socket: Open) {
        if !self.bots.borrow().wants(slot, attempt) {
            return;
        }
        let client = self.bots.borrow().client(slot);
        let read = self.run.plan().read_of(client).filter(|_| !self.hurries.get());
        // Pauses of all at once would be a storm of their own.
        let shift = f64::from(client % 64) / 64.0;
        let link = Link::new(socket, read.map(|read| Box::new(Pace::new(read, shift))));
        self.links.borrow_mut()[slot] = Some((attempt, link));
        self.run.script.board.open.add();
        self.drive(|bots, now, out| bots.opened(slot, now, out));
        // A task of its own: the one that has made the connection is much larger, and ends here.
        let worker = Rc::clone(self);
        spawn_local(async move {
            poll_fn(|cx| worker.poll_read(slot, attempt, cx)).await;
            worker.run.script.board.open.remove();
        });
    }

    /// Reads what a bot's connection holds; done when it is over.
    fn poll_read(self: &Rc<Self>, slot: usize, attempt: u32, cx: &mut Context<'_>) -> Poll<()> {
        let scratch = &mut *self.scratch.borrow_mut();
        if let Some((current, link)) = &mut self.links.borrow_mut()[slot]
            && *current == attempt
        {
            link.take_up(scratch);
        }
        loop {
            self.do_due();
            let mut links = self.links.borrow_mut();
            let Some((current, link)) = &mut links[slot] else { return Poll::Ready(()) };
            if *current != attempt {
                return Poll::Ready(());
            }
            let Poll::Ready(incoming) = link.poll(cx, scratch) else {
                link.put_away(scratch);
                return Poll::Pending;
            };
            let heard = match incoming {
                Incoming::Text(age) => {
                    scratch.text().map(|text| (Frame::Text(text), age)).map_err(link::failed)
                }
                Incoming::Life => Ok((Frame::Pong, Duration::ZERO)),
                Incoming::End(end) => Err(end),
            };
            if heard.is_err() {
                links[slot] = None;
            }
            drop(links);
            match heard {
                Ok((frame, age)) => {
                    self.drive(|bots, now, out| bots.received(slot, frame, age, now, out));
                }
                Err(end) => {
                    self.drive(|bots, now, out| bots.ended(slot, end, now, out));
                    return Poll::Ready(());
                }
            }
        }
    }

    /// Keeps the clients' deadlines. Never returns.
    async fn keep_time(self: &Rc<Self>) {
        loop {
            let next = self.bots.borrow().poll_timeout();
            let Some(deadline) = next else {
                self.earlier_deadline.notified().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(self.run.clock.instant(deadline)) => self.drive(Bots::time_out),
                () = self.earlier_deadline.notified() => {}
            }
        }
    }
}

/// Sleeps for so long, but not through an order.
fn nap(span: Duration) {
    if !span.is_zero() {
        thread::park_timeout(span);
    }
}

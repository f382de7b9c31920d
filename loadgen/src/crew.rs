//! The worker threads.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle, Thread},
};

use chinwag_bots::{Book, Interval, Segment, Times};
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
};

use crate::{
    pacer::Part,
    run::Run,
    stamped::IS_EXACT,
    worker::{GATHER, Order, Worker},
};

/// All workers of a run.
#[derive(Debug)]
pub(crate) struct Crew {
    orders: Vec<Orders>,
    threads: Vec<JoinHandle<io::Result<Book>>>,
}

/// Where a worker's orders go in. They end its nap.
#[derive(Debug)]
struct Orders {
    sender: UnboundedSender<Order>,
    thread: Thread,
}

impl Orders {
    /// Gives an order.
    fn give(&self, order: Order) {
        // A worker that has ended has no bots any more.
        let _ = self.sender.send(order);
        self.thread.unpark();
    }
}

impl Crew {
    /// Starts `threads` workers and waits until their bots are made.
    pub(crate) async fn start(run: &Arc<Run>, threads: u32) -> Self {
        let mut crew = Self { orders: Vec::new(), threads: Vec::new() };
        for index in 0..threads {
            let (orders, receiver) = unbounded_channel();
            let run = Arc::clone(run);
            let thread = thread::spawn(move || work(run, index, threads, receiver));
            crew.orders.push(Orders { sender: orders, thread: thread.thread().clone() });
            crew.threads.push(thread);
        }
        // Who hands out a sample has made its bots.
        crew.sample().await;
        crew
    }

    /// Lets all do their part of the plan, each thing at its instant; instead of what they have not done yet.
    pub(crate) fn pace(&self, part: Option<Part>) {
        self.give_all(|| Order::Pace(part));
    }

    /// Lets slow readers read as fast as they can.
    pub(crate) fn hurry(&self) {
        self.give_all(|| Order::Hurry);
    }

    /// Lets all bots say goodbye.
    pub(crate) fn leave(&self) {
        self.give_all(|| Order::Leave);
    }

    /// What came since the last sample.
    pub(crate) async fn sample(&self) -> Interval {
        self.gather(Order::Sample, Interval::default(), |all, sample| all.merge(&sample)).await
    }

    /// All that was timed so far.
    pub(crate) async fn times(&self, stages: usize) -> Times {
        self.gather(Order::Times, Times::new(stages), |all, times| all.merge(&times)).await
    }

    fn give_all(&self, order: impl Fn() -> Order) {
        self.orders.iter().for_each(|orders| orders.give(order()));
    }

    /// Asks all at once, and adds up their answers.
    async fn gather<T>(
        &self,
        order: impl Fn(oneshot::Sender<T>) -> Order,
        mut all: T,
        add: impl Fn(&mut T, T),
    ) -> T {
        let ask = |orders: &Orders| {
            let (answer, answered) = oneshot::channel();
            orders.give(order(answer));
            answered
        };
        let answers: Vec<_> = self.orders.iter().map(ask).collect();
        for answer in answers {
            // A worker that has ended has nothing to say.
            if let Ok(answer) = answer.await {
                add(&mut all, answer);
            }
        }
        all
    }

    /// Ends the work and collects what was written down. Nobody else may hold orders any more.
    ///
    /// # Errors
    /// A worker had no runtime.
    pub(crate) fn finish(self) -> io::Result<Book> {
        drop(self.orders);
        let books = self.threads.into_iter().map(|thread| match thread.join() {
            Ok(book) => book,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        books.reduce(|one, other| Ok(one?.merge(other?))).expect("there is at least one worker")
    }
}

fn work(run: Arc<Run>, index: u32, workers: u32, orders: UnboundedReceiver<Order>) -> io::Result<Book> {
    let shared = Arc::clone(&run);
    let nap = move || {
        if IS_EXACT && !shared.is_handshaking() {
            thread::park_timeout(GATHER);
        }
    };
    let runtime =
        Builder::new_current_thread().enable_all().on_thread_park(nap).build_local(LocalOptions::default())?;
    let Segment { index: first, count } = run.script.segment;
    let worker = Worker::new(run, first + count * index, count * workers, orders);
    Ok(runtime.block_on(worker.work()))
}

//! The thread that hands out what the plan foresees, each thing at its instant.
//!
//! Runtimes keep timers to the millisecond only, and only when they are not busy. So this thread does nothing else: it
//! sleeps until shortly before an instant and yields the rest of the time away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use chinwag_bots::Cue;
use chinwag_core::Time;

use crate::{clock::Clock, crew::Orders, run::Run, worker::Order};

/// How late a sleeping thread wakes up at worst on a machine that is not overloaded.
const OVERSLEEP: Duration = Duration::from_micros(60);
/// How long the thread sleeps before it looks whether it is still wanted.
const NAP_MAX: Duration = Duration::from_millis(50);

/// A running pacing thread. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Pacer {
    unwanted: Arc<AtomicBool>,
}

/// An order, when it is due, and the worker that is to have it.
type Due = (Time, usize, Order);

impl Pacer {
    /// Lets all clients connect, as planned from `start` on.
    pub(crate) fn connect(run: Arc<Run>, workers: Vec<Orders>, start: Time) -> Self {
        let count = workers.len();
        Self::start(run.clock, workers, move |hand_out| {
            for client in 0..run.plan().clients() {
                let Some(worker) = run.script.segment.worker(client, count) else { continue };
                let due = start + run.plan().connect_at(client);
                if !hand_out((due, worker, Order::Cue(Cue::Connect(client)))) {
                    return;
                }
            }
        })
    }

    /// Lets all be said, done and befall that the stages foresee.
    pub(crate) fn stages(run: Arc<Run>, workers: Vec<Orders>) -> Self {
        let count = workers.len();
        Self::start(run.clock, workers, move |hand_out| {
            let plan = run.plan();
            for (at, act) in plan.acts() {
                let (due, order) = (run.script.instant(at), || Order::Cue(Cue::Act(act)));
                let goes_on = match plan.actor(act) {
                    Some(client) => {
                        let worker = run.script.segment.worker(client, count);
                        worker.is_none_or(|worker| hand_out((due, worker, order())))
                    }
                    None => (0..count).all(|worker| hand_out((due, worker, order()))),
                };
                if !goes_on {
                    return;
                }
            }
        })
    }

    fn start(
        clock: Clock,
        workers: Vec<Orders>,
        walk: impl FnOnce(&mut dyn FnMut(Due) -> bool) + Send + 'static,
    ) -> Self {
        let unwanted = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&unwanted);
        thread::spawn(move || {
            walk(&mut |(due, worker, order)| wait(clock, due, &ended) && workers[worker].give(order));
        });
        Self { unwanted }
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }
}

/// Waits until `due`; false if that is not wanted any more.
fn wait(clock: Clock, due: Time, unwanted: &AtomicBool) -> bool {
    loop {
        if unwanted.load(Ordering::Relaxed) {
            return false;
        }
        let left = due.since(clock.now());
        if left.is_zero() {
            return true;
        }
        match left.checked_sub(OVERSLEEP) {
            Some(nap) => thread::sleep(nap.min(NAP_MAX)),
            None => thread::yield_now(),
        }
    }
}

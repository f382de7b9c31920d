//! What ends the program from outside, so that it can say goodbye and leave the terminal as it was: signals, and a terminal that is
//! closed, which not everybody is told by a signal.

use std::io;

#[cfg(unix)]
use std::{
    io::{IsTerminal as _, Stdin, Stdout},
    os::fd::{AsFd as _, BorrowedFd},
    sync::Arc,
    thread,
};

#[cfg(unix)]
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
#[cfg(unix)]
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};

#[cfg(unix)]
use crate::exit::SIGHUP;

/// See the [module](self).
#[cfg(unix)]
pub(crate) struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
    terminals: Arc<Terminals>,
    closed: Arc<Notify>,
}

#[cfg(unix)]
impl Signals {
    /// From now on they are caught.
    pub(crate) fn catch() -> io::Result<Self> {
        let (terminals, closed) = (Arc::new(Terminals::at_the_start()), Arc::new(Notify::new()));
        watch(Arc::clone(&terminals), Arc::clone(&closed));
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            terminals,
            closed,
        })
    }

    /// The number of the next one.
    pub(crate) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.hangup.recv() => SIGHUP,
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
            () = self.closed.notified() => SIGHUP,
        }
    }

    /// Whether the terminal is closed: why nothing is typed any more, or nothing can be printed.
    pub(crate) fn is_hung_up(&self) -> bool {
        self.terminals.are_closed()
    }
}

/// Those of standard input and output that are terminals at the start.
#[cfg(unix)]
struct Terminals {
    input: Option<Stdin>,
    output: Option<Stdout>,
}

#[cfg(unix)]
impl Terminals {
    fn at_the_start() -> Self {
        let (input, output) = (io::stdin(), io::stdout());
        Self {
            input: Some(input).filter(Stdin::is_terminal),
            output: Some(output).filter(Stdout::is_terminal),
        }
    }

    fn each(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let input = self.input.iter().map(Stdin::as_fd);
        input.chain(self.output.iter().map(Stdout::as_fd))
    }

    /// A terminal that is closed is none.
    fn are_closed(&self) -> bool {
        self.each().any(|end| !end.is_terminal())
    }
}

/// Waits, on a thread, until a terminal is closed: the system wakes it for nothing else.
#[cfg(unix)]
fn watch(terminals: Arc<Terminals>, closed: Arc<Notify>) {
    thread::spawn(move || {
        let mut ends: Vec<_> =
            terminals.each().map(|end| PollFd::from_borrowed_fd(end, PollFlags::empty())).collect();
        if ends.is_empty() {
            return;
        }
        while poll(&mut ends, None) == Err(Errno::INTR) {}
        // What cannot be watched is not closed.
        if ends.iter().any(|end| end.revents().contains(PollFlags::HUP)) {
            closed.notify_one();
        }
    });
}

/// See the [module](self).
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// From now on they are caught.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self)
    }

    /// The number of the next one.
    pub(crate) async fn next(&mut self) -> u8 {
        match tokio::signal::ctrl_c().await {
            Ok(()) => 2,
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether the terminal is closed.
    pub(crate) const fn is_hung_up(&self) -> bool {
        false
    }
}

//! What ends or stops the program from outside, so that it can say goodbye and leave the terminal as it was: signals, and a
//! terminal that is closed, which not everybody is told by a signal.

use std::io;

#[cfg(unix)]
use std::{
    io::{IsTerminal as _, Stdin, Stdout},
    os::fd::{AsFd as _, BorrowedFd},
    sync::Arc,
    thread,
};

#[cfg(unix)]
use nix::{
    sys::signal::{self as nix_signal, kill, raise},
    unistd::Pid,
};
#[cfg(unix)]
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::getpgrp,
    termios::tcgetpgrp,
};
#[cfg(unix)]
use tokio::{
    signal::unix::{Signal as Caught, SignalKind, signal},
    sync::Notify,
};

#[cfg(unix)]
use crate::exit::SIGHUP;

/// What one is told from outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signal {
    /// To end, by the signal of this number.
    End(u8),
    /// To stop for a while: [`stop`] does it.
    Stop,
    /// To go on: the program was stopped, and the terminal somebody else's.
    GoOn,
}

/// See the [module](self).
#[cfg(unix)]
pub(crate) struct Signals {
    hangup: Caught,
    interrupt: Caught,
    terminate: Caught,
    stop: Caught,
    go_on: Caught,
    is_to_end: bool,
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
            stop: signal(SignalKind::from_raw(nix_signal::SIGTSTP as i32))?,
            go_on: signal(SignalKind::from_raw(nix_signal::SIGCONT as i32))?,
            is_to_end: false,
            terminals,
            closed,
        })
    }

    /// The next one. Whoever is to end neither stops nor waits for the terminal, and nobody else goes on without it.
    pub(crate) async fn next(&mut self) -> Signal {
        loop {
            let signal = tokio::select! {
                biased;
                _ = self.hangup.recv() => Signal::End(SIGHUP),
                _ = self.interrupt.recv() => Signal::End(2),
                _ = self.terminate.recv() => Signal::End(15),
                () = self.closed.notified() => Signal::End(SIGHUP),
                _ = self.stop.recv(), if !self.is_to_end => Signal::Stop,
                _ = self.go_on.recv(), if !self.is_to_end => Signal::GoOn,
            };
            self.is_to_end |= matches!(signal, Signal::End(_));
            if signal != Signal::GoOn || !self.terminals.are_anothers() {
                return signal;
            }
            stop();
        }
    }

    /// Whether the terminal is closed: why nothing is typed any more, or nothing can be printed.
    pub(crate) fn is_hung_up(&self) -> bool {
        self.terminals.are_closed()
    }

    /// Finds that out at any time.
    pub(crate) fn hang_up(&self) -> impl Fn() -> bool + use<> {
        let terminals = Arc::clone(&self.terminals);
        move || terminals.are_closed()
    }
}

/// Tells everybody who has the terminal to stop, and so us, too: as terminals do when Ctrl-Z is a signal.
#[cfg(unix)]
pub(crate) fn tell_to_stop() {
    let _ = kill(Pid::from_raw(0), nix_signal::SIGTSTP);
}

/// Stops until somebody lets us go on, which [is told](Signal::GoOn), and is told at once where nobody could.
#[cfg(unix)]
pub(crate) fn stop() {
    // As SIGTSTP where that is not caught, and unlike SIGSTOP, it stops nobody whom no shell looks after. This thread stops here.
    let _ = raise(nix_signal::SIGTTOU);
    let _ = raise(nix_signal::SIGCONT);
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

    /// Whether we would read from a terminal, and are in the background.
    fn are_anothers(&self) -> bool {
        self.input.as_ref().is_some_and(|end| tcgetpgrp(end).is_ok_and(|group| group != getpgrp()))
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

    /// The next one.
    pub(crate) async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::End(2),
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether the terminal is closed.
    pub(crate) const fn is_hung_up(&self) -> bool {
        false
    }

    /// Finds that out at any time.
    pub(crate) const fn hang_up(&self) -> impl Fn() -> bool + use<> {
        || false
    }
}

/// Nobody is stopped here.
#[cfg(not(unix))]
pub(crate) const fn tell_to_stop() {}

/// Nobody is stopped here.
#[cfg(not(unix))]
pub(crate) const fn stop() {}

//! Where lines are printed: standard output, or above what is being typed. A thread waits until they are, and nobody else.

use std::{
    future,
    io::{self, Write as _},
    panic::resume_unwind,
    sync::mpsc as std_mpsc,
    thread::{self, JoinHandle},
};

use rustyline::ExternalPrinter;
use tokio::sync::watch;

/// Lines that may wait for the thread; what brings more waits itself then.
const WAITING_MAX: u64 = 1024;

/// Where a line goes.
pub(crate) enum Sink {
    /// As it is.
    Out,
    /// Above what is being typed, which stays as it is.
    Above(Box<dyn ExternalPrinter + Send>),
}

/// See the [module](self).
pub(super) struct Printer {
    lines: std_mpsc::Sender<String>,
    /// Lines that were handed over.
    sent: u64,
    /// Those of them that are printed.
    printed: watch::Receiver<u64>,
    /// Says why it has ended; nothing once that is known.
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Printer {
    /// Prints there, until it is dropped.
    pub(super) fn start(sink: Sink) -> Self {
        let (lines, queue) = std_mpsc::channel();
        let (tell, printed) = watch::channel(0);
        let thread = Some(thread::spawn(move || print_all(sink, &queue, &tell)));
        Self { lines, sent: 0, printed, thread }
    }

    /// Prints a line, which is harmless, when it is its turn.
    pub(super) fn print(&mut self, line: &str) {
        // A thread that has ended says why.
        if self.lines.send(line.to_owned()).is_ok() {
            self.sent += 1;
        }
    }

    /// Whether few enough lines wait. Whoever reads slowly, or searches what they have typed, is not to have ever more of them.
    pub(super) fn has_room(&self) -> bool {
        self.sent - *self.printed.borrow() < WAITING_MAX
    }

    /// Whether all lines are printed, or none will be any more.
    pub(super) fn is_idle(&self) -> bool {
        self.thread.is_none() || self.sent == *self.printed.borrow()
    }

    /// Waits until more is printed.
    ///
    /// # Errors
    /// Nothing is, from now on; said once.
    pub(super) async fn goes_on(&mut self) -> io::Result<()> {
        if self.printed.changed().await.is_ok() {
            return Ok(());
        }
        match self.thread.take() {
            Some(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            None => future::pending().await,
        }
    }

    /// Waits until all lines are printed.
    ///
    /// # Errors
    /// They cannot be.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        while !self.is_idle() {
            self.goes_on().await?;
        }
        Ok(())
    }
}

fn print_all(
    mut sink: Sink,
    lines: &std_mpsc::Receiver<String>,
    printed: &watch::Sender<u64>,
) -> io::Result<()> {
    for line in lines {
        sink.print(&line)?;
        printed.send_modify(|count| *count += 1);
    }
    Ok(())
}

impl Sink {
    fn print(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Out => {
                let mut out = io::stdout().lock();
                writeln!(out, "{line}")?;
                out.flush()
            }
            Self::Above(printer) => {
                if printer.print(format!("{line}\n")).is_ok() {
                    return Ok(());
                }
                // Nobody types any more.
                *self = Self::Out;
                self.print(line)
            }
        }
    }
}

//! What a waiting user sees: one line, and only on a terminal.

use std::{io::IsTerminal as _, time::Duration};

use chinwag_bots::{Board, Percentiles, number, span};
use indicatif::{ProgressBar, ProgressStyle};

use crate::intervals::Recorder;

/// How often the line moves.
const TICK: Duration = Duration::from_millis(200);

/// A line that is redrawn.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    clients: u64,
}

impl Progress {
    /// A line on standard error, if that is a terminal and the line is wanted.
    pub(crate) fn new(wanted: bool, clients: u32) -> Self {
        let shown = wanted && std::io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_style(
            ProgressStyle::with_template("{spinner} {elapsed:>4} {msg}").expect("a sound template"),
        );
        if shown {
            bar.enable_steady_tick(TICK);
        }
        Self { bar, clients: clients.into() }
    }

    /// Redraws it.
    pub(crate) fn show(&self, phase: &str, board: &Board, recorder: &Recorder) {
        // To sum up for nobody would cost as much as thousands of deliveries a second.
        if self.bar.is_hidden() {
            return;
        }
        let latency = Percentiles::of(recorder.so_far());
        self.bar.set_message(format!(
            "{phase}   connected {} of {}   sent {}   {}/s delivered   p99 {}   errors {}",
            number(board.present.get()),
            number(self.clients),
            number(board.sent.get()),
            number(recorder.deliveries_per_second()),
            span(latency.p99),
            number(board.errors.get()),
        ));
    }

    /// Takes it away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

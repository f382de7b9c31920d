//! What bots do by a plan, and what is written down of it: without clock and sockets.
//!
//! [`Bots`] is a machine like those of core: acts of a [plan](chinwag_scenarios::Plan), frames and time go in, [`Wish`]es
//! come out. `loadgen` drives it with real sockets, `sim run --scenario` with simulated lines in virtual time, so what a
//! plan means is said once. Each bot is core's [`Client`](chinwag_core::Client), or speaks by the templates of a
//! protocol. What it sees goes into a [`Book`]: to the oracle, into histograms and counts. Books of several threads
//! or processes can be merged, and are judged by the scenario's thresholds ([`Measured`]).

mod board;
mod book;
mod bot;
mod bots;
mod course;
mod figures;
mod interpreter;
mod judged;
mod measure;
mod received;
mod row;
mod script;
mod seen;
mod segment;
mod speaker;
mod timers;
mod verdict;
mod words;

pub use board::{Board, Count};
pub use book::{Book, Interval, StageBook, Times};
pub use bots::{Bots, Cue, End, Wish};
pub use course::{Course, Phase};
pub use figures::{Figures, Found, Judged, StageFigures};
pub use judged::{Checked, Counts, Measured, broken_now};
pub use measure::{Compact, Percentiles, Spans, count_above, histogram};
pub use received::{Deliveries, Received};
pub use row::Row;
pub use script::Script;
pub use segment::Segment;
pub use verdict::{Facts, Verdict, Word, fell_behind, judge};
pub use words::{measured, number, span};

//! What a run comes to in figures, whether it was carried out or foretold: `summary.json` and predictions hold them alike.

mod text;

use std::{collections::BTreeMap, time::Duration};

use chinwag_oracle::Report;
use chinwag_scenarios::{Plan, PlannedStage, Threshold};
use serde::Serialize;

use crate::{
    book::{Book, StageBook},
    judged::{Checked, Counts, Measured},
    measure::Percentiles,
    received::Deliveries,
    segment::Segment,
    verdict::{Facts, Verdict, Word, fell_behind, judge},
};

/// The figures of a run. Counts are defined at the oracle's [`Report`], whose every key is here too.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Figures {
    /// Of the program.
    pub version: &'static str,
    /// Its name.
    pub scenario: String,
    /// The random seed.
    pub seed: u64,
    /// Tells what was planned from other plans: 16 hexadecimal digits. Only runs of one plan can be compared.
    pub plan: String,
    /// What was spoken: `chat`, or a protocol's name.
    pub protocol: String,
    /// What could not be judged in it.
    pub not_judged: Vec<String>,
    /// How many there were to be.
    pub clients: u32,
    /// How many came to be in all their rooms.
    pub connected: u64,
    /// From the first connection to the last delivery.
    pub duration_seconds: f64,
    /// From the first stage's start to the last one's end, as planned.
    pub stages_seconds: f64,
    /// The oracle's verdict in numbers.
    #[serde(flatten)]
    pub deliveries: Report,
    /// Deliveries that came longer after their intended instants than the scenario's `late_after`, to those who were there
    /// and read as fast as they can.
    pub late: u64,
    /// Connections made again after one was lost.
    pub reconnects: u64,
    /// Of deliveries, in the busiest second.
    pub deliveries_per_second_max: u64,
    /// Sends that had to wait for a connection or for answers.
    pub deferred: u64,
    /// Sends that waited because the scenario kept their sender away.
    pub held_back: u64,
    /// Of unresolved sends, those whose connections the server has ended, and not the scenario.
    pub abandoned: u64,
    /// Refusals of what was sent to be refused.
    pub rebuffed: u64,
    /// Refusals heard in `chat`, by code, of whatever was sent: also those for now only, after which a bot tries again.
    pub refusals_by_code: BTreeMap<String, u64>,
    /// Times a bot read too slowly and had to catch up.
    pub lagged: u64,
    /// From the intended instant of a send to each delivery, in microseconds.
    pub latency_us: Percentiles,
    /// From the actual instant.
    pub latency_actual_us: Percentiles,
    /// From the instant at which a client was to connect to its being in all rooms, however many attempts that takes.
    pub connect_us: Percentiles,
    /// From the intended instant to the delivery to those whom the scenario kept away; not part of the above.
    pub catch_up_us: Percentiles,
    /// From the intended instant to the delivery to those who read slowly; not part of the above.
    pub slow_us: Percentiles,
    /// From the instant at which a history was meant to be asked for to its page.
    pub history_us: Percentiles,
    /// Connections failed or lost, by reason.
    pub errors: BTreeMap<String, u64>,
    /// In a word.
    pub verdict: Word,
    /// Why.
    pub reason: String,
    /// A threshold ended the run before its time.
    pub aborted: bool,
    /// The process's exit code.
    pub exit_code: u8,
    /// How they came out.
    pub thresholds: Vec<Checked>,
}

/// Latencies of one stage.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageFigures {
    /// The name of its `[[scenario]]`.
    pub scenario: String,
    /// Its name.
    pub name: String,
    /// See [`Figures`]; so on.
    pub latency_us: Percentiles,
    /// From the actual instant.
    pub latency_actual_us: Percentiles,
}

/// What figures are made from, beside plan and book.
#[derive(Debug, Default)]
pub struct Found<'a> {
    /// Which of the plan's clients it is about; all, if none.
    pub segment: Option<Segment>,
    /// What was spoken.
    pub protocol: String,
    /// Bots that came to be in all their rooms.
    pub connected: u64,
    /// Connections made again.
    pub reconnects: u64,
    /// Messages handed to bots.
    pub handed: u64,
    /// Of deliveries, in the busiest second.
    pub deliveries_per_second_max: u64,
    /// From the first connection to the last delivery.
    pub duration: Duration,
    /// The user has ended the run.
    pub interrupted: bool,
    /// The threshold that ended the run.
    pub aborted: Option<String>,
    /// Why the run ended too early by itself, if it did.
    pub broken_off: Option<String>,
    /// Of several processes: which one did not keep to the plan, and how.
    pub fell_behind: Option<String>,
    /// The thresholds that can be judged…
    pub judged: Vec<&'a Threshold>,
    /// …and in words what cannot be.
    pub not_judged: Vec<String>,
}

/// What a run comes to: every delivery is judged once for all of it.
#[derive(Debug)]
pub struct Judged {
    /// In figures.
    pub figures: Figures,
    /// In a word.
    pub verdict: Verdict,
    /// By client and room.
    pub deliveries: Vec<Deliveries>,
}

impl Judged {
    /// Sums up and judges.
    #[must_use]
    pub fn new(plan: &Plan, book: &Book, found: Found<'_>) -> Self {
        let ((report, accounts), overall) = (book.oracle.judge(), book.times.overall());
        let Found { connected, reconnects, handed, .. } = found;
        let counts = Counts { report: &report, book, clients: plan.clients(), connected, reconnects };
        let measured = Measured { plan, times: &book.times, counts: &|query| counts.of(query) };
        let thresholds: Vec<_> = found.judged.iter().map(|threshold| measured.check(threshold)).collect();
        let segment = found.segment.unwrap_or(Segment::WHOLE);
        let is_aborted = found.aborted.is_some();
        let verdict = judge(&Facts {
            interrupted: found.interrupted,
            broken_off: found.broken_off,
            fell_behind: found.fell_behind.or_else(|| fell_behind(plan, book)),
            aborted: found.aborted,
            ..Facts::of(plan, segment, book, handed, &counts, &thresholds)
        });
        let figures = Figures {
            plan: format!("{:016x}", plan.digest()),
            aborted: is_aborted,
            version: env!("CARGO_PKG_VERSION"),
            scenario: plan.scenario().into(),
            seed: plan.seed(),
            protocol: found.protocol,
            not_judged: found.not_judged,
            clients: plan.clients(),
            connected,
            duration_seconds: found.duration.as_secs_f64(),
            stages_seconds: plan.duration().as_secs_f64(),
            late: book.late(),
            reconnects,
            deliveries_per_second_max: found.deliveries_per_second_max,
            deferred: book.deferred,
            held_back: book.held_back,
            abandoned: book.abandoned,
            rebuffed: book.rebuffed,
            refusals_by_code: book.refusals.clone(),
            lagged: book.lagged,
            latency_us: Percentiles::of(&overall.e2e),
            latency_actual_us: Percentiles::of(&overall.e2e_actual),
            connect_us: Percentiles::of(&book.times.connect),
            catch_up_us: Percentiles::of(&book.times.catch_up),
            slow_us: Percentiles::of(&book.times.slow),
            history_us: Percentiles::of(&book.times.history),
            errors: book.errors.clone(),
            verdict: verdict.word(),
            reason: verdict.to_string(),
            exit_code: verdict.exit_code(),
            thresholds,
            deliveries: report,
        };
        Self { figures, verdict, deliveries: Deliveries::of(book, accounts) }
    }
}

impl StageFigures {
    /// Those of each stage, in the plan's order, with the book that they are from.
    pub fn of<'a>(plan: &'a Plan, book: &'a Book) -> impl Iterator<Item = (Self, &'a StageBook)> {
        let figures = |(planned, book): (&PlannedStage, &'a StageBook)| {
            let figures = Self {
                scenario: planned.scenario.clone(),
                name: planned.name.clone(),
                latency_us: Percentiles::of(&book.e2e),
                latency_actual_us: Percentiles::of(&book.e2e_actual),
            };
            (figures, book)
        };
        plan.stages().iter().zip(&book.times.stages).map(figures)
    }
}

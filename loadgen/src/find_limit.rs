//! `loadgen find-limit`: the same scenario with more and more load, until the server does not bear it.

use std::{
    fmt::{self, Write as _},
    io::{self, Write as _},
};

use chinwag_bots::{Verdict, Word, number, span};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::{conductor::Ended, search::Search, summary::Usage};

/// How far is searched, and what is raised.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Range {
    /// The first load, as a multiple of the scenario's
    #[arg(long, value_name = "FACTOR", default_value = "0.5", value_parser = factor)]
    from: f64,

    /// The largest load
    #[arg(long, value_name = "FACTOR", default_value = "16", value_parser = factor)]
    to: f64,

    /// How often to halve the gap between a load that holds and twice as much, which does not; 4 leaves about 6 %
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=16))]
    steps: u32,

    /// What is raised
    #[arg(long, value_enum, default_value_t = By::Load)]
    by: By,
}

/// What is raised.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    /// Rates and numbers of iterations, of as many clients
    Load,
    /// The number of clients
    Clients,
}

fn factor(word: &str) -> Result<f64, String> {
    let factor = word.parse().ok().filter(|factor| (1e-3..=1e6).contains(factor));
    factor.ok_or_else(|| "a number from 0.001 to 1000000 is wanted".into())
}

impl Range {
    /// Whether there is anything in it.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { from, to, .. } = self;
        if from <= to { Ok(()) } else { Err(format!("--from: {from} is more than --to, {to}")) }
    }

    /// What is raised.
    pub(crate) const fn by(&self) -> By {
        self.by
    }
}

/// One run of a search.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Step {
    /// As a multiple of what the scenario says.
    load: f64,
    /// How many there were to be.
    clients: u32,
    /// Planned ones.
    messages: u64,
    /// Of these, how many a second of all stages.
    messages_per_second: f64,
    /// In a word.
    verdict: Word,
    /// Why.
    reason: String,
    /// From the intended instant to the delivery, in microseconds.
    latency_p99_us: u64,
    /// From the first connection to the last delivery.
    duration_seconds: f64,
    /// The server, if it was ours.
    server: Option<Usage>,
    /// This process.
    generator: Usage,
    #[serde(skip)]
    outcome: Outcome,
}

/// What a run says about its load.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// The server bears it.
    Holds,
    /// The server does not.
    Breaks,
    /// Nothing: the search is over.
    Ends(End),
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum End {
    /// The server's limit is between two loads, or below the first.
    Server,
    /// All loads that were to be tried hold.
    Range,
    /// The generator did not keep up.
    Generator,
    /// There is no such plan.
    Scenario,
    /// By the user.
    Interrupted,
    /// A run could not be made or finished.
    Broken,
}

impl Step {
    /// What a run with a multiple of the load came to.
    pub(crate) fn new(load: f64, ended: &Ended) -> Self {
        let Ended { summary, verdict, .. } = ended;
        Self {
            load,
            clients: summary.figures.clients,
            messages: summary.figures.deliveries.planned,
            messages_per_second: summary.figures.deliveries.planned as f64 / summary.figures.stages_seconds,
            verdict: summary.figures.verdict,
            reason: summary.figures.reason.clone(),
            latency_p99_us: summary.figures.latency_us.p99,
            duration_seconds: summary.figures.duration_seconds,
            server: summary.server,
            generator: summary.generator.usage,
            outcome: Outcome::of(verdict),
        }
    }

    /// Processor time per second, in per cent of one processor.
    fn cpu(&self, usage: &Usage) -> Option<f64> {
        usage.cpu_seconds.map(|cpu| cpu / self.duration_seconds * 100.0)
    }
}

impl Outcome {
    const fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Pass | Verdict::Part(_) => Self::Holds,
            // Its own rates are limits of the server, too.
            Verdict::Fail(_) | Verdict::Throttled(_) => Self::Breaks,
            Verdict::Invalid(_) => Self::Ends(End::Generator),
            Verdict::Interrupted => Self::Ends(End::Interrupted),
            Verdict::Broken(_) => Self::Ends(End::Broken),
        }
    }
}

/// What a search has found.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "FindLimit"))]
pub(crate) struct Found {
    /// Its name.
    scenario: String,
    /// What was raised.
    by: By,
    /// The largest load that held, as a multiple of the scenario's.
    largest: Option<f64>,
    /// The smallest load that the server did not bear.
    smallest_broken: Option<f64>,
    /// Why it ended.
    ended_by: End,
    /// The same in words, if not by itself.
    reason: Option<String>,
    /// The process's exit code.
    exit_code: u8,
    /// Every run, in the order in which they were made.
    steps: Vec<Step>,
}

/// Searches; `run` carries out one multiple of the load. Every step is told on standard error as soon as it is known.
///
/// # Errors
/// There was not even a first run: the exit code, and why.
pub(crate) fn find(
    scenario: &str,
    range: Range,
    mut run: impl FnMut(f64) -> Result<Step, (u8, String)>,
) -> Result<Found, (u8, String)> {
    let mut search = Search::new(range.from, range.to, range.steps);
    let mut steps: Vec<Step> = Vec::new();
    let mut early = None;
    while let Some(load) = search.next() {
        let step = match run(load) {
            Ok(step) => step,
            Err(failure) if steps.is_empty() => return Err(failure),
            Err((code, line)) => {
                early = Some((End::of_code(code), format!("×{load}: {line}")));
                break;
            }
        };
        // Whoever closed our standard error does not want to know.
        let _ = writeln!(io::stderr(), "loadgen: ×{load}: {}", step.reason);
        let (outcome, reason) = (step.outcome, step.reason.clone());
        steps.push(step);
        match outcome {
            Outcome::Holds => search.tell(load, true),
            Outcome::Breaks => search.tell(load, false),
            Outcome::Ends(end) => {
                early = Some((end, format!("×{load}: {reason}")));
                break;
            }
        }
    }
    let by_itself = if search.broke().is_some() { End::Server } else { End::Range };
    let (ended_by, reason) = early.map_or((by_itself, None), |(end, reason)| (end, Some(reason)));
    Ok(Found {
        scenario: scenario.into(),
        by: range.by,
        largest: search.held(),
        smallest_broken: search.broke(),
        ended_by,
        reason,
        exit_code: ended_by.exit_code(search.held().is_some()),
        steps,
    })
}

impl End {
    /// What it was that kept a later run from being made.
    const fn of_code(code: u8) -> Self {
        match code {
            96 => Self::Generator,
            104 => Self::Scenario,
            105 => Self::Interrupted,
            _ => Self::Broken,
        }
    }

    const fn exit_code(self, any_held: bool) -> u8 {
        match self {
            Self::Server | Self::Range if any_held => 0,
            Self::Server | Self::Range => 99,
            Self::Generator => 96,
            Self::Scenario => 104,
            Self::Interrupted => 105,
            Self::Broken => 1,
        }
    }
}

impl Found {
    /// The process's exit code.
    pub(crate) const fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// For terminals.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("strings take everything");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "{:>9} {:>9} {:>10} {:>8} {:>9} {:>7} {:>10}   verdict",
            "load", "clients", "messages", "a second", "p99", "server", "generator"
        )?;
        for step in &self.steps {
            let cpu = |usage: Option<&Usage>| {
                usage
                    .and_then(|usage| step.cpu(usage))
                    .map_or_else(|| "?".into(), |cpu| format!("{cpu:.0} %"))
            };
            writeln!(
                out,
                "{:>9} {:>9} {:>10} {:>8} {:>9} {:>7} {:>10}   {}",
                format!("×{:.4}", step.load).trim_end_matches('0').trim_end_matches('.'),
                number(step.clients.into()),
                number(step.messages),
                number(step.messages_per_second.round() as u64),
                span(step.latency_p99_us),
                cpu(step.server.as_ref()),
                cpu(Some(&step.generator)),
                step.reason,
            )?;
        }
        writeln!(out, "\nLIMIT: {}", self.line())
    }

    /// What was found, in one line.
    fn line(&self) -> String {
        let held = match self.largest {
            Some(load) => format!("×{load} of {} holds", self.scenario),
            None => format!("no load of {} was seen to hold", self.scenario),
        };
        let broke = self.smallest_broken.map_or_else(String::new, |load| format!(", ×{load} does not"));
        let reason = self.reason.as_deref().unwrap_or_default();
        let why = match self.ended_by {
            End::Server => String::new(),
            End::Range => "; the server's limit is above that".into(),
            End::Generator => format!("; then the limit of the generator, not of the server: {reason}"),
            End::Scenario => format!("; then the limit of the scenario, not of the server: {reason}"),
            End::Interrupted => "; then interrupted".into(),
            End::Broken => format!("; then broken off: {reason}"),
        };
        format!("{held}{broke}{why}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: Range = Range { from: 0.5, to: 16.0, steps: 2, by: By::Load };

    fn step(load: f64, verdict: &Verdict) -> Step {
        Step {
            load,
            clients: 10,
            messages: 1_000,
            messages_per_second: 499.6,
            verdict: verdict.word(),
            reason: verdict.to_string(),
            latency_p99_us: 1_200,
            duration_seconds: 2.0,
            server: None,
            generator: Usage { cpu_seconds: Some(1.0), ..Usage::default() },
            outcome: Outcome::of(verdict),
        }
    }

    /// A search in which all hold up to ×3, and what is above comes to something else.
    fn found(above: &Verdict) -> Found {
        find("steady", RANGE, |load| Ok(step(load, if load <= 3.0 { &Verdict::Pass } else { above })))
            .unwrap()
    }

    #[test]
    fn the_limit_of_the_server_is_between_two_loads() {
        for above in [Verdict::Fail("1 of 2 thresholds".into()), Verdict::Throttled("rates".into())] {
            let found = found(&above);
            assert_eq!(found.line(), "×3 of steady holds, ×3.5 does not");
            let loads: Vec<_> = found.steps.iter().map(|step| step.load).collect();
            assert_eq!((loads, found.exit_code()), (vec![0.5, 1.0, 2.0, 4.0, 3.0, 3.5], 0));
        }
        let text = found(&Verdict::Fail("1 of 2 thresholds".into())).text();
        let row =
            "     ×3.5        10      1,000      500    1.2 ms       ?       50 %   FAIL (1 of 2 thresholds)";
        assert!(text.lines().any(|line| line == row), "{text}");
    }

    #[test]
    fn a_generator_that_falls_behind_ends_the_search_and_is_named() {
        let found = found(&Verdict::Invalid("the generator fell behind".into()));
        assert_eq!((found.steps.len(), found.exit_code(), found.largest), (4, 96, Some(2.0)));
        let line = "×2 of steady holds; then the limit of the generator, not of the server: ×4: INVALID (the \
                    generator fell behind)";
        assert_eq!(found.line(), line);
    }

    #[test]
    fn every_other_end_has_its_exit_code() {
        for (above, code, end) in [
            (Verdict::Pass, 0, End::Range),
            (Verdict::Interrupted, 105, End::Interrupted),
            (Verdict::Broken("the server ended".into()), 1, End::Broken),
        ] {
            let found = found(&above);
            assert_eq!((found.exit_code(), found.ended_by), (code, end), "{}", found.line());
        }
        let none = find("steady", RANGE, |load| Ok(step(load, &Verdict::Fail("lost".into())))).unwrap();
        assert_eq!((none.exit_code(), none.steps.len()), (99, 1));
        assert_eq!(none.line(), "no load of steady was seen to hold, ×0.5 does not");
    }

    #[test]
    fn a_load_that_cannot_be_made_ends_the_search_unless_it_is_the_first() {
        for (code, end) in [(96, End::Generator), (104, End::Scenario), (1, End::Broken)] {
            let failure = (code, "too much".to_owned());
            let run = |load| if load < 2.0 { Ok(step(load, &Verdict::Pass)) } else { Err(failure.clone()) };
            let found = find("steady", RANGE, run).unwrap();
            assert_eq!((found.exit_code(), found.ended_by, found.largest), (code, end, Some(1.0)));
            assert_eq!(find("steady", RANGE, |_| Err(failure.clone())).unwrap_err(), failure);
        }
    }
}

//! `sim run`: the scenarios of many seeds, on all cores.

use std::{
    collections::BTreeMap,
    fmt::Display,
    io::{self, Write},
    num::NonZero,
    path::PathBuf,
    time::Duration,
};

use anyhow::bail;
use serde::Serialize;

use super::{predict, report::Reporter};
use crate::{
    Outcome, Scenario,
    cli::{
        bar::bar,
        exit::{self, BROKEN, CLEAN, VACUOUS},
        jobs::{cores, jobs},
        output::{OutputFile, make_folder},
    },
    judge::vacuity::{VACUITY_SEEDS, missing},
    out::out,
    plan::profile::Profile,
    search::batch::{Batch, Totals},
};

/// Where nobody sees the bar, a long run tells after so many seeds how far it is.
const MILESTONE: u64 = 10_000;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// How many; 200 if there is no budget either, from which on a batch can be vacuous
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// The first
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,
    /// What they are mostly about: default, calm, net, overload, churn, clock, hostile, nolimits or durable
    #[arg(long, value_name = "P", default_value_t)]
    profile: Profile,
    /// Threads; as many as there are cores if not given
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZero<usize>>,
    /// Begin no more scenarios after this time, as in 60s or 10m
    #[arg(long, value_name = "TIME", value_parser = time)]
    budget: Option<Duration>,
    /// Minimise what fails, and keep it in this folder
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "target/sim")]
    save: Option<PathBuf>,
    /// Also write what came of it to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    predict: predict::Foretold,
}

impl Args {
    /// How many seeds are wanted, if anybody says so: else as many as vacuity is judged from on, or fit into the budget.
    fn count(&self) -> Option<u64> {
        self.seeds.or_else(|| self.budget.is_none().then_some(VACUITY_SEEDS))
    }

    fn batch(&self) -> anyhow::Result<Batch> {
        let seeds = self.count().unwrap_or(u64::MAX);
        let last = match self.from.checked_add(seeds - 1) {
            Some(last) => last,
            None if self.seeds.is_none() => u64::MAX,
            None => bail!("--from and --seeds reach beyond the last seed"),
        };
        Ok(Batch {
            seeds: self.from..=last,
            profile: self.profile,
            jobs: self.jobs.unwrap_or_else(cores),
            budget: self.budget,
        })
    }
}

/// Seconds, minutes or hours.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err("a number and s, m or h is wanted, as in 60s".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "that is no number this can count to".to_owned())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(|| "that is too long".to_owned())
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    if let Some(scenario) = &args.predict.scenario {
        return predict::main(scenario, &args.predict, args.json.as_deref());
    }
    let batch = args.batch()?;
    let json = OutputFile::open_if_wanted(args.json.as_deref())?;
    args.save.as_deref().map_or(Ok(()), make_folder)?;
    let bar = bar(args.count(), "seeds");
    let mut reporter = Reporter::new(args.save.clone());
    let (mut seeds, mut events, mut failures) = (0_u64, 0, 0);
    let totals = batch.run(|scenario: &Scenario, outcome: &Outcome| {
        events += outcome.events;
        failures += u64::from(!outcome.is_clean());
        bar.set_message(format!(", {events} events, {failures} failures"));
        bar.inc(1);
        seeds += 1;
        if bar.is_hidden() && seeds % MILESTONE == 0 {
            eprintln!("sim: {seeds} seeds, {events} events, {failures} failures");
        }
        if outcome.is_clean() { Ok(()) } else { bar.suspend(|| reporter.tell(scenario, outcome)) }
    })?;
    bar.finish_and_clear();
    let summary = Summary::new(args.from, &totals);
    let is_clean = totals.failures.is_empty();
    let (code, remark) = if is_clean { vacuity(args.profile, &totals) } else { (BROKEN, None) };
    let told = summary.print(remark).map_err(Into::into);
    let written = told.and_then(|()| json.map_or(Ok(()), |file| file.write_json(&summary)));
    exit::after(code, "sim", written)
}

/// What a clean batch exits with, and what is to be said of that: something that must be seen in so many scenarios may
/// never have been.
fn vacuity(profile: Profile, totals: &Totals) -> (u8, Option<String>) {
    let missing = missing(profile, totals);
    match totals.seeds {
        0 => (VACUOUS, Some("vacuous: no scenario was run".to_owned())),
        1..VACUITY_SEEDS => (
            CLEAN,
            Some(format!("fewer than {VACUITY_SEEDS} scenarios do not tell what was never put to the test")),
        ),
        _ if missing.is_empty() => (CLEAN, None),
        seeds => (VACUOUS, Some(format!("vacuous: never seen in {seeds} scenarios: {}", missing.join(", ")))),
    }
}

/// What `--json` writes. Rates are by the time that cores were busy, whatever their number.
#[derive(Serialize)]
struct Summary<'a> {
    from: u64,
    seeds: u64,
    failures: usize,
    events: u64,
    frames: u64,
    virtual_seconds: f64,
    busy_seconds: f64,
    events_per_second: f64,
    frames_per_second: f64,
    virtual_to_real: f64,
    /// How dense the runs are: a run in which little happens is played at many times real time.
    events_per_virtual_second: f64,
    slowest: Option<Slowest>,
    /// How often each check was made.
    oracles: &'a BTreeMap<&'static str, u64>,
    /// How often each mark was passed.
    marks: &'a BTreeMap<String, u64>,
    failed: &'a [Outcome],
}

#[derive(Serialize)]
struct Slowest {
    seed: u64,
    seconds: f64,
}

impl<'a> Summary<'a> {
    fn new(from: u64, totals: &'a Totals) -> Self {
        let busy_seconds = totals.busy.as_secs_f64().max(1e-9);
        let virtual_seconds = totals.virtual_time.as_secs_f64();
        Self {
            from,
            seeds: totals.seeds,
            failures: totals.failures.len(),
            events: totals.events,
            frames: totals.frames,
            virtual_seconds,
            busy_seconds,
            events_per_second: totals.events as f64 / busy_seconds,
            frames_per_second: totals.frames as f64 / busy_seconds,
            virtual_to_real: virtual_seconds / busy_seconds,
            events_per_virtual_second: totals.events as f64 / virtual_seconds.max(1e-9),
            slowest: totals.slowest.map(|(time, seed)| Slowest { seed, seconds: time.as_secs_f64() }),
            oracles: &totals.checks,
            marks: &totals.marks,
            failed: &totals.failures,
        }
    }

    fn print(&self, remark: Option<String>) -> io::Result<()> {
        let mut out = out();
        writeln!(out, "{} seeds from {}, {} failures", self.seeds, self.from, self.failures)?;
        writeln!(
            out,
            "{} events, {} frames in {:.2} busy seconds: {:.0} events/s, {:.0} frames/s, {:.0} times real time \
             at {:.0} events a virtual second",
            self.events,
            self.frames,
            self.busy_seconds,
            self.events_per_second,
            self.frames_per_second,
            self.virtual_to_real,
            self.events_per_virtual_second,
        )?;
        if let Some(Slowest { seed, seconds }) = self.slowest {
            writeln!(out, "slowest: seed {seed}, {seconds:.3} s")?;
        }
        write_counts(&mut out, "checks", self.oracles)?;
        write_counts(&mut out, "marks", self.marks)?;
        remark.map_or(Ok(()), |remark| writeln!(out, "{remark}"))
    }
}

/// Counts by name, in as many columns as fit into a usual terminal.
fn write_counts<K: Display>(out: &mut impl Write, title: &str, counts: &BTreeMap<K, u64>) -> io::Result<()> {
    const WIDTH: usize = 100;
    let cells: Vec<(String, u64)> = counts.iter().map(|(name, &count)| (name.to_string(), count)).collect();
    let Some(longest) = cells.iter().map(|(name, _)| name.len()).max() else { return Ok(()) };
    let digits = cells.iter().map(|(_, count)| count.to_string().len()).max().unwrap_or_default();
    let columns = WIDTH / (longest + digits + 3);
    let lines = cells.len().div_ceil(columns.max(1));
    writeln!(out, "{title}:")?;
    for line in 0..lines {
        for (name, count) in cells.iter().skip(line).step_by(lines) {
            write!(out, "  {name:<longest$} {count:>digits$}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn a_batch_that_nobody_sizes_is_large_enough_to_be_vacuous() {
        let seeds = |args: &[&str]| {
            let args = ["run"].iter().chain(args);
            Command::try_parse_from(args).unwrap().args.batch().unwrap().seeds
        };
        assert_eq!(seeds(&[]), 0..=VACUITY_SEEDS - 1);
        assert_eq!(seeds(&["--from", "7", "--seeds", "3"]), 7..=9);
        assert_eq!(seeds(&["--from", "7", "--budget", "1s"]), 7..=u64::MAX);
    }

    #[test]
    fn only_what_is_large_enough_is_vacuous_for_what_it_lacks() {
        let told = |seeds| {
            let (code, remark) = vacuity(Profile::Net, &Totals { seeds, ..Totals::default() });
            (code, remark.unwrap_or_default())
        };
        assert_eq!(told(0), (VACUOUS, "vacuous: no scenario was run".to_owned()));
        let (code, remark) = told(VACUITY_SEEDS - 1);
        assert!(code == CLEAN && remark.starts_with("fewer than 200 scenarios"), "{remark}");
        let (code, remark) = told(VACUITY_SEEDS);
        assert!(
            code == VACUOUS && remark.starts_with("vacuous: never seen in 200 scenarios: check "),
            "{remark}"
        );
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(time("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(time("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(time("2h"), Ok(Duration::from_secs(7_200)));
        for wrong in ["", "s", "60", "6x", "-1s", "1.5s", "99999999999999999999s", "9999999999999999999h"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn counts_stand_in_columns() {
        let counts: BTreeMap<String, u64> = (0..5).map(|n| (format!("{:-<30}", n), 10_u64.pow(n))).collect();
        let mut out = Vec::new();
        write_counts(&mut out, "marks", &counts).unwrap();
        let name = |n: u32| format!("{n:-<30}");
        let expected = [
            "marks:".to_owned(),
            format!("  {}     1  {} 1000", name(0), name(3)),
            format!("  {}    10  {} 10000", name(1), name(4)),
            format!("  {}   100", name(2)),
        ];
        let found = String::from_utf8(out).unwrap();
        assert_eq!(
            found.split_whitespace().collect::<Vec<_>>(),
            expected.join(" ").split_whitespace().collect::<Vec<_>>()
        );
        assert_eq!(found.lines().count(), 4, "{found}");
        assert!(found.lines().all(|line| line.len() <= 100 && !line.ends_with(' ')), "{found}");
    }
}

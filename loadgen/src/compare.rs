//! `loadgen compare A B`: whether B is better or worse than A, number by number, by more than chance.
//!
//! A and B are directories of `--out`, or directories that hold several such: the same run repeated. How much repeated runs
//! differ from one another is how much A and B may differ by chance.

mod numbers;
mod page;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::Value;

use self::numbers::{Kind, Number, numbers};
pub(crate) use self::page::page;
use chinwag_bots::{number, span};

/// With so many runs on both sides, chance is measured and not guessed.
const REPEATS: usize = 3;
/// What chance is at least, in per cent: machines differ from minute to minute.
const NOISE_MEASURED: f64 = 5.0;
/// What chance is taken to be without repeated runs, in per cent.
const NOISE_GUESSED: f64 = 25.0;
/// Spans that differ by less are the same, in microseconds: clocks and schedulers are no better.
const SPAN_MIN: f64 = 100.0;

/// One side: a run, and its repetitions.
#[derive(Debug)]
pub(crate) struct Side {
    path: PathBuf,
    runs: Vec<Run>,
}

/// One run: what it measured.
#[derive(Debug)]
struct Run {
    summary: Value,
    /// Latency percentiles as (1/(1-quantile), milliseconds), if they were written.
    curve: Vec<(f64, f64)>,
}

/// How one number, or all together, came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    /// By more than chance.
    Improved,
    /// No more than chance.
    Same,
    /// By more than chance.
    Worse,
}

/// One number of both sides.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Compared {
    /// As in the summary.
    name: String,
    /// What it is a number of.
    kind: Kind,
    /// The median of A's runs.
    a: f64,
    /// The median of B's runs.
    b: f64,
    /// By how much they may differ by chance, in per cent.
    noise_percent: f64,
    /// What that comes to.
    change: Change,
}

/// Two sides compared.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    scenario: String,
    a: PathBuf,
    b: PathBuf,
    runs: (usize, usize),
    /// Whether chance was measured, by enough repeated runs.
    noise_measured: bool,
    numbers: Vec<Compared>,
    /// The worst of all changes; improved, if some are and none is worse.
    pub(crate) change: Change,
}

impl Side {
    /// Reads a run, or all runs in a directory.
    ///
    /// # Errors
    /// One line that says what is not there or not to be used.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let mut directories = vec![path.to_owned()];
        if !path.join(SUMMARY).exists() {
            let entries = fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
            directories = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            directories.retain(|directory| directory.join(SUMMARY).exists());
            directories.sort();
        }
        if directories.is_empty() {
            return Err(format!("{}: neither a {SUMMARY} nor directories that have one", path.display()));
        }
        let runs = directories.iter().map(|directory| Run::load(directory)).collect::<Result<_, _>>()?;
        Ok(Self { path: path.into(), runs })
    }
}

const SUMMARY: &str = "summary.json";

impl Run {
    fn load(directory: &Path) -> Result<Self, String> {
        let path = directory.join(SUMMARY);
        let complaint = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| complaint(&error))?;
        let summary: Value = serde_json::from_str(&text).map_err(|error| complaint(&error))?;
        let verdict = summary["verdict"].as_str().unwrap_or("nothing");
        if !matches!(verdict, "pass" | "fail") {
            return Err(complaint(&format_args!(
                "this run came to {verdict}: it says nothing about the server"
            )));
        }
        if summary["aborted"].as_bool().unwrap_or_default() {
            return Err(complaint(
                &"a threshold ended this run before its time: it holds less than a whole one",
            ));
        }
        let curve =
            fs::read_to_string(directory.join("e2e.hgrm")).map_or_else(|_| Vec::new(), |text| curve(&text));
        Ok(Self { summary, curve })
    }

    /// What must be the same for numbers to be comparable.
    fn kind(&self) -> String {
        let word = |key: &str| self.summary[key].as_str().unwrap_or("?").to_owned();
        let clients = self.summary["clients"].as_u64().unwrap_or_default();
        let (scenario, protocol, plan) = (word("scenario"), word("protocol"), word("plan"));
        format!("{scenario} with {clients} clients over {protocol}, plan {plan}")
    }
}

/// The rows of a table of percentiles that have four columns.
fn curve(table: &str) -> Vec<(f64, f64)> {
    let rows = table.lines().skip(1).filter(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let fields: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        (fields.len() == 4).then(|| (fields[3], fields[0]))
    };
    rows.filter_map(row).collect()
}

/// Compares two sides; `noise` in per cent is what chance is at least, if not as usual.
///
/// # Errors
/// One line that says why they cannot be compared.
pub(crate) fn compare(a: &Side, b: &Side, noise: Option<f64>) -> Result<Comparison, String> {
    let kind = a.runs[0].kind();
    if let Some(other) = a.runs.iter().chain(&b.runs).map(Run::kind).find(|other| *other != kind) {
        return Err(format!(
            "{kind} cannot be compared with {other}: scenario, clients, random seed and load must be the same"
        ));
    }
    let noise_measured = a.runs.len().min(b.runs.len()) >= REPEATS;
    let floor = noise.unwrap_or(if noise_measured { NOISE_MEASURED } else { NOISE_GUESSED });
    let all = |side: &Side, number: &Number| -> Vec<f64> {
        side.runs.iter().filter_map(|run| number.read(&run.summary)).collect()
    };
    let compared = |number: Number| {
        let (of_a, of_b) = (all(a, &number), all(b, &number));
        (!of_a.is_empty() && !of_b.is_empty()).then(|| compare_number(number, of_a, of_b, floor))
    };
    let numbers: Vec<_> = numbers(&a.runs[0].summary).into_iter().filter_map(compared).collect();
    let any = |change| numbers.iter().any(|number: &Compared| number.change == change);
    let change = match (any(Change::Worse), any(Change::Improved)) {
        (true, _) => Change::Worse,
        (false, true) => Change::Improved,
        (false, false) => Change::Same,
    };
    let scenario = a.runs[0].summary["scenario"].as_str().unwrap_or_default().into();
    let runs = (a.runs.len(), b.runs.len());
    Ok(Comparison { scenario, a: a.path.clone(), b: b.path.clone(), runs, noise_measured, numbers, change })
}

fn compare_number(number: Number, mut a: Vec<f64>, mut b: Vec<f64>, floor: f64) -> Compared {
    let spread = spread_percent(&mut a).max(spread_percent(&mut b));
    // Of faults there is no tolerable number, and none that is made good by another run.
    let one = if number.kind == Kind::Fault { worst } else { median };
    let (a, b) = (one(&a), one(&b));
    let noise_percent = if number.kind == Kind::Fault { 0.0 } else { spread.max(floor) };
    let least = match number.kind {
        Kind::Span => SPAN_MIN,
        Kind::Fault | Kind::Count | Kind::Seconds | Kind::Bytes => 0.0,
    };
    let margin = (a * noise_percent / 100.0).max(least);
    let change = if b > a + margin {
        Change::Worse
    } else if b < a - margin {
        Change::Improved
    } else {
        Change::Same
    };
    Compared { name: number.name, kind: number.kind, a, b, noise_percent, change }
}

/// Half of the range of values, in per cent of their median. Sorts them.
fn spread_percent(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let (least, most) = (values[0], values[values.len() - 1]);
    let median = median(values);
    if median > 0.0 { (most - least) / 2.0 / median * 100.0 } else { 0.0 }
}

/// The largest of sorted values.
fn worst(sorted: &[f64]) -> f64 {
    sorted.last().copied().unwrap_or_default()
}

/// The middle one of sorted values, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

impl Change {
    /// In a word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Same => "same",
            Self::Worse => "worse",
        }
    }
}

impl Compared {
    fn show(&self, value: f64) -> String {
        match self.kind {
            Kind::Span => span(value as u64),
            Kind::Seconds => format!("{value:.1} s"),
            Kind::Fault | Kind::Count | Kind::Bytes => number(value as u64),
        }
    }

    fn difference(&self) -> String {
        if self.a > 0.0 { format!("{:+.1} %", (self.b - self.a) / self.a * 100.0) } else { String::new() }
    }
}

impl Comparison {
    /// As people read it.
    pub(crate) fn text(&self) -> String {
        let mut out = format!(
            "{}: {} ({} runs) against {} ({} runs): {}\n",
            self.scenario,
            self.b.display(),
            self.runs.1,
            self.a.display(),
            self.runs.0,
            self.change.word().to_uppercase()
        );
        if !self.noise_measured {
            let _ = writeln!(
                out,
                "What chance does is a guess: repeat both at least {REPEATS} times to have it measured."
            );
        }
        let _ = writeln!(out, "{:<44} {:>11} {:>11} {:>10} {:>8}", "", "A", "B", "change", "chance");
        for compared in &self.numbers {
            let (a, b) = (compared.show(compared.a), compared.show(compared.b));
            let chance = format!("{:.0} %", compared.noise_percent);
            let mark = if compared.change == Change::Same { "" } else { compared.change.word() };
            let line = format!(
                "{:<44} {a:>11} {b:>11} {:>10} {chance:>8}  {mark}",
                compared.name,
                compared.difference()
            );
            let _ = writeln!(out, "{}", line.trim_end());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(p99: u64, lost: u64) -> Run {
        let latency = json!({"count": 10, "p50": 1_000, "p90": 2_000, "p99": p99, "p999": p99, "max": p99});
        let summary = json!({
            "scenario": "x", "clients": 4, "protocol": "chat", "plan": "1f", "verdict": "pass",
            "connected": 4, "planned": 9, "sent": 9, "errors": {}, "violations_by_promise": {},
            "latency_us": latency, "lost": lost,
            "stages": [{"scenario": "a", "name": "b", "latency_us": latency}],
        });
        Run { summary, curve: Vec::new() }
    }

    fn side(runs: Vec<Run>) -> Side {
        Side { path: "x".into(), runs }
    }

    fn change(a: &[u64], b: &[u64]) -> Change {
        let side = |p99s: &[u64]| side(p99s.iter().map(|p99| run(*p99, 0)).collect());
        compare(&side(a), &side(b), None).unwrap().change
    }

    #[test]
    fn a_change_counts_if_it_is_more_than_repeated_runs_differ() {
        assert_eq!(
            change(&[10_000, 10_100, 9_900], &[10_300, 10_200, 10_400]),
            Change::Same,
            "5 % are nothing"
        );
        assert_eq!(change(&[10_000, 10_100, 9_900], &[11_000, 11_100, 10_900]), Change::Worse);
        assert_eq!(change(&[10_000, 10_100, 9_900], &[9_000, 9_100, 8_900]), Change::Improved);
        assert_eq!(
            change(&[10_000, 13_000, 8_000], &[11_000, 11_100, 10_900]),
            Change::Same,
            "so noisy is A"
        );
        assert_eq!(change(&[10_000], &[12_000]), Change::Same, "what chance does is not known");
        assert_eq!(change(&[10_000], &[13_000]), Change::Worse);
    }

    #[test]
    fn a_fault_is_worse_however_noisy_everything_is() {
        let comparison =
            compare(&side(vec![run(5_000, 0)]), &side(vec![run(5_000, 1)]), Some(500.0)).unwrap();
        assert_eq!(comparison.change, Change::Worse);
        let worse: Vec<_> =
            comparison.numbers.iter().filter(|number| number.change == Change::Worse).collect();
        assert_eq!((worse.len(), worse[0].name.as_str()), (1, "lost"));
        let text = comparison.text();
        assert!(text.contains("WORSE") && text.contains("a guess"), "{text}");
        let of = |lost: [u64; 3]| side(lost.map(|lost| run(5_000, lost)).into());
        let (a, b) = (of([0; 3]), of([0, 50, 0]));
        assert_eq!(compare(&a, &b, None).unwrap().change, Change::Worse, "two runs make up for none");
    }

    #[test]
    fn what_clocks_cannot_tell_apart_is_the_same() {
        let (a, b) = (run(150, 0), run(240, 0));
        assert_eq!(compare(&side(vec![a]), &side(vec![b]), None).unwrap().change, Change::Same);
    }

    #[test]
    fn fewer_who_get_in_are_no_improvement() {
        let worse = |key: &str, value: Value| {
            let mut other = run(1_000, 0);
            other.summary[key] = value;
            let comparison = compare(&side(vec![run(50_000, 0)]), &side(vec![other]), None).unwrap();
            let worse = comparison.numbers.into_iter().filter(|number| number.change == Change::Worse);
            let names: Vec<String> = worse.map(|number| number.name).collect();
            (comparison.change, names)
        };
        for (key, value, name) in [
            ("connected", json!(3), "clients that did not get in"),
            ("sent", json!(8), "not sent"),
            ("errors", json!({"refused": 2, "reset": 1}), "errors"),
            ("violations_by_promise", json!({"order": 1}), "broken promises"),
            ("verdict", json!("fail"), "failed"),
        ] {
            assert_eq!(worse(key, value), (Change::Worse, vec![name.to_owned()]), "{key}");
        }
    }

    #[test]
    fn only_runs_of_one_kind_are_compared() {
        for (key, value) in [("clients", json!(5)), ("plan", json!("2f")), ("protocol", json!("x"))] {
            let mut other = run(1, 0);
            other.summary[key] = value;
            let error = compare(&side(vec![run(1, 0)]), &side(vec![other]), None).unwrap_err();
            assert!(
                error.starts_with("x with 4 clients over chat, plan 1f cannot be compared with"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_table_of_percentiles_is_a_curve() {
        let mut histogram = chinwag_bots::histogram();
        (1..=1_000).for_each(|value| histogram.record(value * 1_000).unwrap());
        let mut table = Vec::new();
        crate::hgrm::write(&histogram, &mut table).unwrap();
        let curve = curve(std::str::from_utf8(&table).unwrap());
        assert!(curve.contains(&(2.0, 500.223)), "{curve:?}");
        assert!(curve.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1));
    }
}

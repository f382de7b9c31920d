//! A prediction as people read it.

use std::fmt::{self, Write as _};

use chinwag_bots::{Percentiles, Row, measured, number, span};

use super::Prediction;

/// Columns of a curve at most.
const COLUMNS: usize = 60;
/// Broken promises that are told one by one; the JSON holds more.
const VIOLATIONS_SHOWN: usize = 5;
/// From nothing to the most there is.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

pub(crate) fn text(prediction: &Prediction) -> String {
    let mut text = String::new();
    write(&mut text, prediction).expect("text takes what is written");
    text
}

fn write(out: &mut String, prediction: &Prediction) -> fmt::Result {
    let Prediction { scenario, seed, deliveries: report, network, speed, .. } = prediction;
    let clients = number(prediction.clients.into());
    writeln!(
        out,
        "{scenario}  seed {seed}  {clients} clients  {:.1} s in virtual time   PREDICTED: {}  exit {}",
        prediction.duration_seconds, prediction.reason, prediction.exit_code
    )?;
    for threshold in prediction.thresholds.iter().filter(|threshold| !threshold.passed) {
        writeln!(out, " ✗ {}  {}   {}", threshold.metric, threshold.expression, measured(threshold))?;
    }
    writeln!(
        out,
        "lines        {} each way   jitter up to {}   {} bytes/s each way",
        span(micros(network.latency_us)),
        span(micros(network.jitter_us)),
        number(network.bytes_per_second)
    )?;
    writeln!(
        out,
        "connections  {} of {clients}   reconnects {}   errors {}   until in all rooms p50 {} p99 {}",
        number(prediction.connected),
        number(prediction.reconnects),
        number(prediction.errors.values().sum()),
        span(prediction.connect_us.p50),
        span(prediction.connect_us.p99),
    )?;
    for (reason, count) in &prediction.errors {
        writeln!(out, "             {} × {reason}", number(*count))?;
    }
    writeln!(
        out,
        "messages     planned {}   sent {}   acknowledged {}   refused {}   unanswered {}",
        number(report.planned),
        number(report.sent),
        number(report.acknowledged),
        number(report.refused),
        number(report.unanswered),
    )?;
    writeln!(
        out,
        "             waited for the server {}   held back by the scenario {}   readers that fell behind {}",
        number(prediction.deferred),
        number(prediction.held_back),
        number(prediction.lagged),
    )?;
    for (code, count) in &prediction.refusals_by_code {
        writeln!(out, "             {} × {code}", number(*count))?;
    }
    writeln!(
        out,
        "deliveries   expected {}   received {}   of these caught up {}   most in a second {}",
        number(report.expected_deliveries),
        number(report.received_deliveries),
        number(report.caught_up),
        number(prediction.deliveries_per_second_max),
    )?;
    writeln!(
        out,
        "             lost {}   duplicated {}   reordered {}   skipped {}   foreign {}   promises broken {}",
        number(report.lost),
        number(report.duplicated),
        number(report.reordered),
        number(report.skipped),
        number(report.foreign),
        number(report.violations_by_promise.values().sum()),
    )?;
    for violation in report.violations.iter().take(VIOLATIONS_SHOWN) {
        writeln!(out, "             {violation}")?;
    }
    curves(out, &prediction.intervals)?;
    latencies(out, prediction)?;
    for words in &prediction.not_predicted {
        writeln!(out, "not foretold {words}")?;
    }
    for words in &prediction.not_judged {
        writeln!(out, "not judged   {words}")?;
    }
    writeln!(
        out,
        "took         {:.2} s, {:.0} times real time; {} events, {} frames",
        speed.busy_seconds,
        speed.virtual_to_real,
        number(speed.events),
        number(speed.frames)
    )
}

/// Who is there, who comes back, and what is delivered, over time.
fn curves(out: &mut String, rows: &[Row]) -> fmt::Result {
    let Some(last) = rows.last() else { return Ok(()) };
    let connected: Vec<_> = rows.iter().map(|row| row.connected).collect();
    writeln!(out, "over time    {:.1} s", last.t)?;
    curve(out, "connected", &connected, u64::max)?;
    curve(out, "reconnects", &steps(rows, |row| row.reconnects), u64::wrapping_add)?;
    curve(out, "deliveries", &steps(rows, |row| row.delivered), u64::wrapping_add)
}

/// How much more each row has than the one before.
fn steps(rows: &[Row], of: fn(&Row) -> u64) -> Vec<u64> {
    let before = std::iter::once(0).chain(rows.iter().map(of));
    rows.iter().map(of).zip(before).map(|(now, before)| now - before).collect()
}

/// One line: each column stands for some of the values.
fn curve(out: &mut String, name: &str, values: &[u64], together: fn(u64, u64) -> u64) -> fmt::Result {
    let columns: Vec<_> = values
        .chunks(values.len().div_ceil(COLUMNS).max(1))
        .map(|chunk| chunk.iter().copied().fold(0, together))
        .collect();
    let most = columns.iter().copied().max().unwrap_or_default();
    if most == 0 {
        return Ok(());
    }
    let level = |value: u64| LEVELS[(value * (LEVELS.len() as u64 - 1)).div_ceil(most) as usize];
    let line: String = columns.into_iter().map(level).collect();
    writeln!(out, "  {name:<11}{line}  at most {}", number(most))
}

fn latencies(out: &mut String, prediction: &Prediction) -> fmt::Result {
    writeln!(
        out,
        "{:<24} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "latency", "n", "p50", "p90", "p99", "p99.9", "max"
    )?;
    row(out, "  from intended instant", &prediction.latency_us)?;
    for stage in prediction.stages.iter().filter(|stage| stage.latency_us.count > 0) {
        row(out, &format!("    {}: {}", stage.scenario, stage.name), &stage.latency_us)?;
    }
    for (name, latency) in [
        ("  caught up after absence", &prediction.catch_up_us),
        ("  to slow readers", &prediction.slow_us),
        ("  histories asked for", &prediction.history_us),
    ] {
        if latency.count > 0 {
            row(out, name, latency)?;
        }
    }
    Ok(())
}

fn row(out: &mut String, name: &str, latency: &Percentiles) -> fmt::Result {
    // In virtual time there is one clock, and nothing comes before it was meant to be sent.
    let Percentiles { count, p50, p90, p99, p999, max, negative: _ } = *latency;
    write!(out, "{name:<24} {:>10}", number(count))?;
    for value in [p50, p90, p99, p999, max] {
        write!(out, " {:>9}", if count == 0 { "-".into() } else { span(value) })?;
    }
    writeln!(out)
}

fn micros(micros: u128) -> u64 {
    u64::try_from(micros).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_fits_its_line_and_shows_what_is_there() {
        let draw = |values: &[u64]| {
            let mut out = String::new();
            curve(&mut out, "x", values, u64::wrapping_add).unwrap();
            out
        };
        assert_eq!(draw(&[0, 1, 7, 0]), "  x          ▁▂█▁  at most 7\n");
        assert_eq!(draw(&[0, 0]), "", "nothing to show");
        let long = draw(&[1; 1_000]);
        assert_eq!(long.matches('█').count(), 1_000 / 17, "the last column holds fewer");
        assert!(long.contains("at most 17"), "{long}");
    }
}

//! A prediction as people read it.

use std::fmt::{self, Write as _};

use chinwag_bots::{Figures, Row, number, span};

use super::Prediction;

/// Columns of a curve at most.
const COLUMNS: usize = 60;
/// From nothing to the most there is.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

pub(crate) fn text(prediction: &Prediction) -> String {
    let mut text = String::new();
    write(&mut text, prediction).expect("text takes what is written");
    text
}

fn write(out: &mut String, prediction: &Prediction) -> fmt::Result {
    let Prediction { figures, network, speed, .. } = prediction;
    let Figures { scenario, seed, reason, exit_code, duration_seconds: seconds, .. } = figures;
    let clients = number(figures.clients.into());
    writeln!(
        out,
        "{scenario}  seed {seed}  {clients} clients  {seconds:.1} s in virtual time   PREDICTED: {reason}  exit {exit_code}"
    )?;
    figures.write_broken_thresholds(out)?;
    writeln!(
        out,
        "lines        {} each way   jitter up to {}   {} bytes/s each way",
        span(micros(network.latency_us)),
        span(micros(network.jitter_us)),
        number(network.bytes_per_second)
    )?;
    figures.write_counts(out)?;
    curves(out, &prediction.intervals)?;
    figures.write_latencies(out, &prediction.stages, None)?;
    for words in &prediction.not_predicted {
        writeln!(out, "not foretold {words}")?;
    }
    for words in &figures.not_judged {
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

//! The summary as people read it.

use std::fmt::{self, Write as _};

use crate::{
    clocks::{Clocks, SegmentClock},
    summary::{Summary, Usage},
};
use chinwag_bots::{Figures, number, span};

/// Writes a summary as text; `files` are those that were written.
pub(crate) fn render(summary: &Summary, files: &[String]) -> String {
    let mut text = String::new();
    write(&mut text, summary, files).expect("text takes what is written");
    text
}

fn write(out: &mut String, summary: &Summary, files: &[String]) -> fmt::Result {
    let figures = &summary.figures;
    let Figures { scenario, seed, reason, exit_code, .. } = figures;
    let (clients, seconds) = (number(figures.clients.into()), figures.duration_seconds);
    writeln!(
        out,
        "{scenario}  seed {seed}  {clients} clients  {seconds:.1} s   RESULT: {reason}  exit {exit_code}"
    )?;
    figures.write_broken_thresholds(out)?;
    figures.write_counts(out)?;
    if !figures.not_judged.is_empty() {
        writeln!(out, "not judged   in {}:", figures.protocol)?;
    }
    for words in &figures.not_judged {
        writeln!(out, "             {words}")?;
    }
    let stages = summary.stages.iter().map(|stage| &stage.figures);
    figures.write_latencies(out, stages, Some(&summary.send_lag_us))?;
    if let Some(clocks) = &summary.clocks {
        writeln!(out, "clocks       {}", agreement(clocks))?;
    }
    writeln!(out, "generator    {}", usage(&summary.generator.usage))?;
    if let Some(server) = &summary.server {
        writeln!(out, "server       {}", usage(server))?;
    }
    if !files.is_empty() {
        writeln!(out, "files        {}", files.join(" "))?;
    }
    Ok(())
}

/// How far clocks agree, and what that means for latencies.
pub(crate) fn agreement(clocks: &Clocks) -> String {
    if let [SegmentClock { offset_us: Some(offset), bound_us: Some(bound), .. }] = clocks.segments[..] {
        let side = if offset < 0 { "behind" } else { "ahead of" };
        let (offset, bound) = (span(offset.unsigned_abs()), span(bound));
        return format!("the server's is {offset} {side} ours, give or take {bound}");
    }
    let Clocks { segments, difference_us, error_max_us } = clocks;
    match (difference_us, error_max_us) {
        (Some(difference), Some(error)) => format!(
            "of {} processes: differ by up to {}; between processes latency is wrong by {} at most",
            segments.len(),
            span(*difference),
            span(*error),
        ),
        _ => "not compared: a server did not say what time it is; between machines latency is wrong by what theirs differ"
            .into(),
    }
}

fn usage(usage: &Usage) -> String {
    let Usage { cpu_seconds, rss_bytes, bytes_per_connection } = *usage;
    let unknown = || "?".to_owned();
    format!(
        "cpu {} s   memory {} MiB   {} bytes per connection",
        cpu_seconds.map_or_else(unknown, |seconds| format!("{seconds:.1}")),
        rss_bytes.map_or_else(unknown, |bytes| format!("{}", bytes >> 20)),
        bytes_per_connection.map_or_else(unknown, number),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_clocks_is_said() {
        let clock = |segment, offset_us, bound_us| SegmentClock { segment, offset_us, bound_us };
        let said = |clocks: &[SegmentClock]| agreement(&Clocks::new(clocks.to_vec()).unwrap());
        let (one, other) = (clock(1, Some(-1_500), Some(40)), clock(2, Some(500), Some(60)));
        assert_eq!(said(&[one]), "the server's is 1.5 ms behind ours, give or take 40 µs");
        let both =
            "of 2 processes: differ by up to 2.0 ms; between processes latency is wrong by 2.1 ms at most";
        assert_eq!(said(&[one, other]), both);
        assert!(said(&[one, clock(2, None, None)]).starts_with("not compared: "));
        assert!(said(&[clock(1, None, None)]).starts_with("not compared: "));
    }
}

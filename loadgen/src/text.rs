//! The summary as people read it.

use std::fmt::{self, Write as _};

use crate::{
    clocks::{Clocks, SegmentClock},
    summary::{Summary, Usage},
};
use chinwag_bots::{Percentiles, Word, measured, number, span};

/// Writes a summary as text; `files` are those that were written.
pub(crate) fn render(summary: &Summary, files: &[String]) -> String {
    let mut text = String::new();
    write(&mut text, summary, files).expect("text takes what is written");
    text
}

fn write(out: &mut String, summary: &Summary, files: &[String]) -> fmt::Result {
    let Summary { scenario, seed, deliveries: report, .. } = summary;
    let (clients, seconds) = (number(summary.clients.into()), summary.duration_seconds);
    writeln!(
        out,
        "{scenario}  seed {seed}  {clients} clients  {seconds:.1} s   RESULT: {}  exit {}",
        summary.reason, summary.exit_code
    )?;
    // What a run that was not finished fell short of means nothing.
    let judged = matches!(summary.verdict, Word::Pass | Word::Fail | Word::Invalid);
    for threshold in summary.thresholds.iter().filter(|threshold| judged && !threshold.passed) {
        writeln!(out, " ✗ {}  {}   {}", threshold.metric, threshold.expression, measured(threshold))?;
    }
    let connect = &summary.connect_us;
    writeln!(
        out,
        "connections  {} of {clients}   reconnects {}   errors {}   until in all rooms p50 {} p99 {}",
        number(summary.connected),
        number(summary.reconnects),
        number(summary.errors.values().sum()),
        span(connect.p50),
        span(connect.p99),
    )?;
    for (reason, count) in &summary.errors {
        writeln!(out, "             {} × {reason}", number(*count))?;
    }
    if summary.rebuffed > 0 {
        writeln!(out, "             nonsense refused {}", number(summary.rebuffed))?;
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
    if summary.deferred + summary.held_back + summary.lagged > 0 {
        writeln!(
            out,
            "             waited for the server {}   held back by the scenario {}   readers that fell behind {}",
            number(summary.deferred),
            number(summary.held_back),
            number(summary.lagged),
        )?;
    }
    writeln!(
        out,
        "deliveries   expected {}   received {}   of these caught up {}   most in a second {}",
        number(report.expected_deliveries),
        number(report.received_deliveries),
        number(report.caught_up),
        number(summary.deliveries_per_second_max),
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
    if !summary.not_judged.is_empty() {
        writeln!(out, "not judged   in {}:", summary.protocol)?;
    }
    for words in &summary.not_judged {
        writeln!(out, "             {words}")?;
    }
    for violation in report.violations.iter().take(VIOLATIONS_SHOWN) {
        writeln!(out, "             {violation}")?;
    }
    latencies(out, summary)?;
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

/// Broken promises that are told one by one; `summary.json` holds more.
const VIOLATIONS_SHOWN: usize = 5;

fn latencies(out: &mut String, summary: &Summary) -> fmt::Result {
    writeln!(
        out,
        "{:<24} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "latency", "n", "p50", "p90", "p99", "p99.9", "max"
    )?;
    row(out, "  from intended instant", &summary.latency_us, " <- judged")?;
    let alone = summary.stages.iter().all(|stage| stage.scenario == summary.stages[0].scenario);
    for stage in summary.stages.iter().filter(|stage| !stage.latency_us.is_empty()) {
        let name = match alone {
            true => format!("    stage {}", stage.name),
            false if stage.name == stage.scenario => format!("    {}", stage.name),
            false => format!("    {}: {}", stage.scenario, stage.name),
        };
        row(out, &name, &stage.latency_us, "")?;
    }
    row(out, "  from actual instant", &summary.latency_actual_us, "")?;
    row(out, "  send lag", &summary.send_lag_us, "")?;
    for (name, latency) in [
        ("  caught up after absence", &summary.catch_up_us),
        ("  to slow readers", &summary.slow_us),
        ("  histories asked for", &summary.history_us),
    ] {
        if !latency.is_empty() {
            row(out, name, latency, "")?;
        }
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

fn row(out: &mut String, name: &str, latency: &Percentiles, remark: &str) -> fmt::Result {
    let Percentiles { count, p50, p90, p99, p999, max, negative } = *latency;
    write!(out, "{name:<24} {:>10}", number(count))?;
    for value in [p50, p90, p99, p999, max] {
        write!(out, " {:>9}", if count == 0 { "-".into() } else { span(value) })?;
    }
    if negative > 0 {
        write!(out, "   and {} negative", number(negative))?;
    }
    writeln!(out, "{remark}")
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

    #[test]
    fn negative_latencies_are_told_beside_the_others() {
        let shown = |negative| {
            let mut text = String::new();
            row(
                &mut text,
                "latency",
                &Percentiles { count: 7, p50: 20, negative, ..Percentiles::default() },
                " <- judged",
            )
            .unwrap();
            text
        };
        assert!(shown(12).ends_with("   and 12 negative <- judged\n"), "{}", shown(12));
        assert!(!shown(0).contains("negative"), "{}", shown(0));
    }
}

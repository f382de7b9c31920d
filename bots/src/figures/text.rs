//! The figures of a run as people read them.

use std::fmt::{self, Write};

use super::{Figures, StageFigures};
use crate::{
    measure::Percentiles,
    verdict::Word,
    words::{measured, number, span},
};

/// Broken promises that are told one by one; JSON holds more.
const VIOLATIONS_SHOWN: usize = 5;

impl Figures {
    /// Writes the thresholds that do not hold, of a run that was finished: what another one fell short of means nothing.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_broken_thresholds(&self, out: &mut impl Write) -> fmt::Result {
        let is_finished = matches!(self.verdict, Word::Pass | Word::Fail | Word::Invalid);
        for threshold in self.thresholds.iter().filter(|threshold| is_finished && !threshold.passed) {
            writeln!(out, " ✗ {}  {}   {}", threshold.metric, threshold.expression, measured(threshold))?;
        }
        Ok(())
    }

    /// Writes what became of connections, messages and deliveries.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_counts(&self, out: &mut impl Write) -> fmt::Result {
        writeln!(
            out,
            "connections  {} of {}   reconnects {}   errors {}   until in all rooms p50 {} p99 {}",
            number(self.connected),
            number(self.clients.into()),
            number(self.reconnects),
            number(self.errors.values().sum()),
            span(self.connect_us.p50),
            span(self.connect_us.p99),
        )?;
        for (reason, count) in &self.errors {
            writeln!(out, "             {} × {reason}", number(*count))?;
        }
        if self.rebuffed > 0 {
            writeln!(out, "             nonsense refused {}", number(self.rebuffed))?;
        }
        self.write_messages(out)?;
        self.write_deliveries(out)
    }

    fn write_messages(&self, out: &mut impl Write) -> fmt::Result {
        let report = &self.deliveries;
        writeln!(
            out,
            "messages     planned {}   sent {}   acknowledged {}   refused {}   unanswered {}   unresolved {}",
            number(report.planned),
            number(report.sent),
            number(report.acknowledged),
            number(report.refused),
            number(report.unanswered),
            number(report.unresolved),
        )?;
        if self.deferred + self.held_back + self.lagged > 0 {
            writeln!(
                out,
                "             waited for the server {}   held back by the scenario {}   readers that fell behind {}",
                number(self.deferred),
                number(self.held_back),
                number(self.lagged),
            )?;
        }
        for (code, count) in &self.refusals_by_code {
            writeln!(out, "             {} × {code}", number(*count))?;
        }
        Ok(())
    }

    fn write_deliveries(&self, out: &mut impl Write) -> fmt::Result {
        let report = &self.deliveries;
        writeln!(
            out,
            "deliveries   expected {}   received {}   of these caught up {}   most in a second {}",
            number(report.expected_deliveries),
            number(report.received_deliveries),
            number(report.caught_up),
            number(self.deliveries_per_second_max),
        )?;
        writeln!(
            out,
            "             lost {}   announced lost {}   duplicated {}   reordered {}   skipped {}   foreign {}   late {}   promises broken {}",
            number(report.lost),
            number(report.announced_lost),
            number(report.duplicated),
            number(report.reordered),
            number(report.skipped),
            number(report.foreign),
            number(self.late),
            number(report.violations_by_promise.values().sum()),
        )?;
        for violation in report.violations.iter().take(VIOLATIONS_SHOWN) {
            writeln!(out, "             {violation}")?;
        }
        Ok(())
    }

    /// Writes a table of latencies; the send lag, if it was measured.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_latencies<'a>(
        &self,
        out: &mut impl Write,
        stages: impl IntoIterator<Item = &'a StageFigures>,
        send_lag: Option<&Percentiles>,
    ) -> fmt::Result {
        writeln!(
            out,
            "{:<24} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "latency", "n", "p50", "p90", "p99", "p99.9", "max"
        )?;
        row(out, "  from intended instant", &self.latency_us, " <- judged")?;
        let stages: Vec<_> = stages.into_iter().collect();
        let alone = stages.iter().all(|stage| stage.scenario == stages[0].scenario);
        for stage in stages.into_iter().filter(|stage| !stage.latency_us.is_empty()) {
            let name = match alone {
                true => format!("    stage {}", stage.name),
                false if stage.name == stage.scenario => format!("    {}", stage.name),
                false => format!("    {}: {}", stage.scenario, stage.name),
            };
            row(out, &name, &stage.latency_us, "")?;
        }
        row(out, "  from actual instant", &self.latency_actual_us, "")?;
        if let Some(send_lag) = send_lag {
            row(out, "  send lag", send_lag, "")?;
        }
        for (name, latency) in [
            ("  caught up after absence", &self.catch_up_us),
            ("  to slow readers", &self.slow_us),
            ("  histories asked for", &self.history_us),
        ] {
            if !latency.is_empty() {
                row(out, name, latency, "")?;
            }
        }
        Ok(())
    }
}

fn row(out: &mut impl Write, name: &str, latency: &Percentiles, remark: &str) -> fmt::Result {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_latencies_are_told_beside_the_others() {
        let shown = |negative| {
            let latency = Percentiles { count: 7, p50: 20, negative, ..Percentiles::default() };
            let mut text = String::new();
            row(&mut text, "latency", &latency, " <- judged").unwrap();
            text
        };
        assert!(shown(12).ends_with("   and 12 negative <- judged\n"), "{}", shown(12));
        assert!(!shown(0).contains("negative"), "{}", shown(0));
    }
}

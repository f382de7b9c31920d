//! `report.html`: a run on one page that needs nothing else, with its pictures in it.

mod frame;
mod svg;

use std::{fmt::Write as _, time::Duration};

use self::svg::Axis;
pub(crate) use self::{
    frame::{END, begin, section},
    svg::escape,
};
use crate::{
    heat::Heat,
    intervals::Recorder,
    summary::{StageSummary, Summary, Usage},
    text,
};
use chinwag_bots::{Percentiles, Row, Word, measured, number, span};
use chinwag_core::Time;
use chinwag_scenarios::{Plan, PlannedEvent, PlannedStage};

/// Height of a chart of lines, in pixels.
const HEIGHT: f64 = 130.0;
/// Height of a row of the heat map, in pixels.
const ROW_HEIGHT: f64 = 7.0;
/// Most columns of the heat map: more would be narrower than a pixel, and a page of a long run too large to be shown.
const COLUMNS_MAX: usize = 860;

/// When what was planned took place, in seconds since the run's start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// Stages: name, from, to.
    pub(crate) stages: Vec<(String, f64, f64)>,
    /// Events: name, from, to.
    pub(crate) events: Vec<(String, f64, f64)>,
}

impl Timeline {
    /// Of a run that began at `start` and whose stages began, if they did, at `stages`.
    pub(crate) fn new(plan: &Plan, stages: Option<Time>, start: Time) -> Self {
        let Some(stages) = stages else { return Self::default() };
        let at = |planned: Duration| (stages + planned).since(start).as_secs_f64();
        let stage = |stage: &PlannedStage| {
            (format!("{}: {}", stage.scenario, stage.name), at(stage.start), at(stage.end))
        };
        let event = |event: &PlannedEvent| {
            (format!("{:?} of {}", event.kind, event.targets.len()), at(event.at), at(event.until))
        };
        Self {
            stages: plan.stages().iter().map(stage).collect(),
            events: plan.events().iter().map(event).collect(),
        }
    }
}

/// Writes the page. `percentiles` is an SVG of its own.
pub(crate) fn page(summary: &Summary, recorder: &Recorder, timeline: &Timeline, percentiles: &str) -> String {
    let Timeline { stages, events } = timeline.clone();
    let seconds = recorder.rows().last().map_or(1.0, |row| row.t);
    let axis = Axis { seconds, stages, events };
    let title = format!("{}: {}", summary.figures.scenario, word(summary.figures.verdict));
    let figures = &summary.figures;
    let remark = format!(
        "seed {}, {} clients, {:.1} s, exit code {}",
        figures.seed,
        number(figures.clients.into()),
        figures.duration_seconds,
        figures.exit_code
    );
    let mut page = begin(&title, &figures.scenario, &remark);
    head(&mut page, summary);
    thresholds(&mut page, summary);
    section(
        &mut page,
        "Latency",
        "From the instant at which each message was meant to be sent, and from that at which it was.",
    );
    page += percentiles;
    latencies(&mut page, summary);
    section(
        &mut page,
        "Latency over time",
        "Deliveries by time and latency; the stronger the colour, the more. Stages are shaded, events marked.",
    );
    page += &heat_map(&axis, recorder);
    section(&mut page, "Throughput", "");
    legend(&mut page, &[("sent", "messages sent a second"), ("delivered", "deliveries a second")]);
    page += &axis.lines(HEIGHT, &rates(recorder, true), |value| number(value as u64));
    page += &axis.lines(HEIGHT, &rates(recorder, false), |value| number(value as u64));
    section(&mut page, "Connections", "");
    legend(
        &mut page,
        &[("connected", "clients in all of their rooms"), ("errors", "connections failed or lost, so far")],
    );
    page += &axis.lines(HEIGHT, &connections(recorder), |value| number(value as u64));
    health(&mut page, summary);
    page + END
}

const fn word(word: Word) -> &'static str {
    match word {
        Word::Pass => "PASS",
        Word::Fail => "FAIL",
        Word::Invalid => "INVALID",
        Word::Part => "PART",
        Word::Interrupted => "INTERRUPTED",
        Word::Broken => "BROKEN OFF",
    }
}

fn head(page: &mut String, summary: &Summary) {
    let class = word(summary.figures.verdict).split(' ').next().unwrap_or_default().to_lowercase();
    let deliveries = &summary.figures.deliveries;
    section(page, "Verdict", "");
    let _ = writeln!(page, "<p class=\"verdict {class}\">{}</p>", escape(&summary.figures.reason));
    let facts = [
        ("connected", number(summary.figures.connected)),
        ("reconnects", number(summary.figures.reconnects)),
        ("messages sent", format!("{} of {}", number(deliveries.sent), number(deliveries.planned))),
        ("acknowledged", number(deliveries.acknowledged)),
        ("refused", number(deliveries.refused)),
        ("unanswered", number(deliveries.unanswered)),
        ("unresolved", number(deliveries.unresolved)),
        (
            "deliveries",
            format!(
                "{} of {}",
                number(deliveries.received_deliveries),
                number(deliveries.expected_deliveries)
            ),
        ),
        ("caught up", number(deliveries.caught_up)),
        ("lost", number(deliveries.lost)),
        ("announced lost", number(deliveries.announced_lost)),
        ("duplicated", number(deliveries.duplicated)),
        ("reordered", number(deliveries.reordered)),
        ("skipped", number(deliveries.skipped)),
        ("foreign", number(deliveries.foreign)),
        ("late", number(summary.figures.late)),
        ("promises broken", number(deliveries.violations_by_promise.values().sum())),
    ];
    section(page, "Deliveries", "");
    *page += "<dl>";
    for (name, value) in facts {
        let _ = write!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    *page += "</dl>\n";
    for (reason, count) in &summary.figures.errors {
        let _ = writeln!(page, "<p class=\"sub\">{} × {}</p>", number(*count), escape(reason));
    }
    for violation in &deliveries.violations {
        let _ = writeln!(page, "<p class=\"sub\">{}</p>", escape(&violation.to_string()));
    }
}

fn thresholds(page: &mut String, summary: &Summary) {
    if summary.figures.thresholds.is_empty() {
        return;
    }
    section(page, "Thresholds", "");
    *page += "<table><tr><th></th><th>metric</th><th>condition</th><th></th></tr>\n";
    for threshold in &summary.figures.thresholds {
        let (class, sign) = if threshold.passed { ("pass", "✓") } else { ("fail", "✗") };
        let _ = writeln!(
            page,
            "<tr class=\"{class}\"><td>{sign}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&threshold.metric),
            escape(&threshold.expression),
            measured(threshold),
        );
    }
    *page += "</table>\n";
}

fn latencies(page: &mut String, summary: &Summary) {
    *page += "<table class=\"numbers\"><tr><th></th><th>n</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th></tr>\n";
    let mut row = |name: &str, latency: &Percentiles| {
        if latency.is_empty() {
            return;
        }
        let _ = write!(page, "<tr><td>{}</td><td>{}</td>", escape(name), number(latency.count));
        for value in [latency.p50, latency.p90, latency.p99, latency.p999, latency.max] {
            let _ = write!(page, "<td>{}</td>", span(value));
        }
        if latency.negative > 0 {
            let _ = write!(page, "<td>and {} negative</td>", number(latency.negative));
        }
        *page += "</tr>\n";
    };
    row("from the intended instant", &summary.figures.latency_us);
    for StageSummary { figures: stage, .. } in &summary.stages {
        row(&format!("{}: {}", stage.scenario, stage.name), &stage.latency_us);
    }
    row("from the actual instant", &summary.figures.latency_actual_us);
    row("caught up after absence", &summary.figures.catch_up_us);
    row("to slow readers", &summary.figures.slow_us);
    row("histories asked for", &summary.figures.history_us);
    row("until in all rooms", &summary.figures.connect_us);
    row("send lag", &summary.send_lag_us);
    *page += "</table>\n";
}

fn heat_map(axis: &Axis, recorder: &Recorder) -> String {
    let seconds_each = recorder.rows().len().div_ceil(COLUMNS_MAX).max(1);
    let mut from = 0.0;
    let column = |(rows, heat): (&[Row], &[Heat])| {
        let to = rows.last().map_or(from, |row| row.t);
        (std::mem::replace(&mut from, to), to, Heat::together(heat).counts().to_vec())
    };
    let (rows, heat) = (recorder.rows().chunks(seconds_each), recorder.heat().chunks(seconds_each));
    let columns: Vec<_> = rows.zip(heat).map(column).collect();
    let used = columns.iter().filter_map(|(_, _, counts)| counts.iter().rposition(|count| *count > 0)).max();
    let rows = used.map_or(1, |row| row + 1);
    let labels = (0..=rows).filter_map(|row| Some((row, span(Heat::decade(row)?))));
    axis.heat(ROW_HEIGHT, &columns, rows, &labels.collect::<Vec<_>>())
}

fn rates(recorder: &Recorder, sent: bool) -> Vec<svg::Line> {
    let mut before = (0.0, 0);
    let mut points = Vec::new();
    for row in recorder.rows() {
        let count = if sent { row.sent } else { row.delivered };
        if row.t > before.0 {
            points.push((row.t, (count - before.1) as f64 / (row.t - before.0)));
        }
        before = (row.t, count);
    }
    vec![if sent {
        ("sent", "messages sent a second", points)
    } else {
        ("delivered", "deliveries a second", points)
    }]
}

fn connections(recorder: &Recorder) -> Vec<svg::Line> {
    let line = |of: fn(&Row) -> u64| recorder.rows().iter().map(|row| (row.t, of(row) as f64)).collect();
    vec![
        ("connected", "clients in all of their rooms", line(|row| row.connected)),
        ("errors", "errors", line(|row| row.errors)),
    ]
}

fn health(page: &mut String, summary: &Summary) {
    section(
        page,
        "Generator",
        "Whether the generator kept to the plan: if it did not, nothing is known about the server.",
    );
    let lag = &summary.send_lag_us;
    let kept =
        if summary.generator.saturated { "it did not keep to the plan" } else { "it kept to the plan" };
    let _ = writeln!(
        page,
        "<p>{kept}: sends left {} after their instant at the median, {} at the 99th percentile, {} at worst; {} waited for \
         the server, {} were held back by the scenario.</p>",
        span(lag.p50),
        span(lag.p99),
        span(lag.max),
        number(summary.figures.deferred),
        number(summary.figures.held_back),
    );
    if let Some(clocks) = &summary.clocks {
        let _ = writeln!(page, "<p>Clocks {}.</p>", escape(&text::agreement(clocks)));
    }
    *page += "<table class=\"numbers\"><tr><th></th><th>processor</th><th>memory</th><th>per connection</th></tr>\n";
    usage(page, "generator", &summary.generator.usage);
    summary.server.iter().for_each(|server| usage(page, "server", server));
    *page += "</table>\n";
}

fn usage(page: &mut String, name: &str, usage: &Usage) {
    let unknown = || "?".to_owned();
    let _ = writeln!(
        page,
        "<tr><td>{name}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        usage.cpu_seconds.map_or_else(unknown, |seconds| format!("{seconds:.1} s")),
        usage.rss_bytes.map_or_else(unknown, |bytes| format!("{} MiB", bytes >> 20)),
        usage.bytes_per_connection.map_or_else(unknown, |bytes| format!("{} bytes", number(bytes))),
    );
}

fn legend(page: &mut String, lines: &[(&str, &str)]) {
    *page += "<p class=\"sub\">";
    for (class, name) in lines {
        let _ = write!(page, "<span class=\"key {class}\"></span>{name} ");
    }
    *page += "</p>\n";
}

#[cfg(test)]
mod tests {
    use chinwag_bots::{Board, Spans};

    use super::*;

    #[test]
    fn a_heat_map_of_a_long_run_has_no_more_columns_than_can_be_seen() {
        let drawn = |seconds: u64| {
            let mut recorder = Recorder::new(Time(0));
            let mut sample = Spans::default();
            sample.record(Time(0), Time(1_000));
            for second in 1..=seconds {
                recorder.row(Time(second * 1_000_000), "stage", &Board::default(), &sample);
            }
            let axis = Axis { seconds: seconds as f64, ..Axis::default() };
            heat_map(&axis, &recorder)
        };
        let columns = |svg: &str| svg.matches("class=\"heat\"").count();
        assert_eq!(columns(&drawn(860)), 860, "one a second");
        let long = drawn(2_000);
        assert_eq!(columns(&long), 667);
        assert!(long.contains("<title>3 at 3 s</title>"), "three seconds each");
    }
}

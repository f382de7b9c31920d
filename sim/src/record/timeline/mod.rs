//! A run as a page for a browser: a sequence picture with a lane for each actor, and the trace beneath it.
//!
//! The page holds all it needs, follows the reader's choice of light or dark, and runs no script.

mod bands;
mod html;
mod label;
mod layout;
mod picture;

use crate::{
    file::ScenarioFile,
    record::{outcome::Outcome, table::Table, trace::Record},
};

use html::escape;
use layout::Layout;

/// Most rows of a picture: more than anybody reads. Of longer runs the part around an entry is shown that was asked
/// for, the part before the failure, or the beginning.
const ROWS_MAX: usize = 400;
/// Most lines of the trace.
const LINES_MAX: usize = 2_000;

/// The page of a run, from its records; `around` is the entry that must be in the picture of a long one.
#[must_use]
pub fn page(file: &ScenarioFile, outcome: &Outcome, records: &[Record], around: Option<u64>) -> String {
    let shown = window(records, outcome, around);
    let layout = Layout::of(&shown);
    let title = match outcome.failures.first() {
        Some(failure) => format!("{}: {}", failure.check, file.title()),
        None => format!("Clean: {}", file.title()),
    };
    let mut page = html::begin(&title);
    page.push_str(&head(file, outcome, &title));
    if shown.len() < drawn(records).count() {
        page.push_str(&format!(
            "<p class=\"note\">The picture shows entries {} to {} of {}.</p>\n",
            shown.first().map_or(0, |record| record.event),
            shown.last().map_or(0, |record| record.event),
            records.last().map_or(0, |record| record.event),
        ));
    }
    page.push_str(&picture::draw(&layout, &shown, &bands::bands(&file.scenario, records)));
    page.push_str(&steps(file));
    page.push_str(&trace(records, &shown));
    page.push_str(html::END);
    page
}

/// What is drawn of a run: pings, timers and mail would hide the rest.
fn drawn(records: &[Record]) -> impl Iterator<Item = &Record> {
    records.iter().filter(|record| layout::is_drawn(record))
}

/// The part of a run that is drawn.
fn window<'a>(records: &'a [Record], outcome: &Outcome, around: Option<u64>) -> Vec<&'a Record> {
    let mut shown: Vec<&Record> = drawn(records).collect();
    let last_whole = |shown: &[&Record]| shown.len().saturating_sub(ROWS_MAX);
    if let Some(event) = around {
        let middle = shown.partition_point(|record| record.event < event);
        shown.drain(..middle.saturating_sub(ROWS_MAX / 2).min(last_whole(&shown)));
    } else if let Some(failure) = outcome.failures.first() {
        shown.retain(|record| record.event <= failure.event);
        shown.drain(..last_whole(&shown));
    }
    shown.truncate(ROWS_MAX);
    shown
}

fn head(file: &ScenarioFile, outcome: &Outcome, title: &str) -> String {
    let mut head = format!("<header>\n<h1>{}</h1>\n", escape(title));
    for failure in &outcome.failures {
        head.push_str(&format!("<p class=\"broken\">{}</p>\n", escape(&failure.to_string())));
    }
    for comment in &file.comments {
        head.push_str(&format!("<p class=\"comment\">{}</p>\n", escape(comment)));
    }
    let setup = &file.scenario.setup;
    let facts = [
        ("clients", setup.clients.len().to_string()),
        ("nodes", setup.nodes.to_string()),
        ("shards", setup.gateway.shards.to_string()),
        ("rooms", setup.rooms.to_string()),
        ("parlours", setup.parlours.to_string()),
        ("steps", file.scenario.steps.len().to_string()),
        ("events", outcome.events.to_string()),
        ("frames", outcome.frames.to_string()),
        ("seconds", format!("{:.3}", outcome.virtual_time.as_secs_f64())),
        ("hash", format!("{:016x}", outcome.hash)),
    ];
    head.push_str("<dl>\n");
    for (name, value) in facts {
        head.push_str(&format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"));
    }
    head.push_str("</dl>\n");
    head.push_str(html::LEGEND);
    head.push_str("</header>\n");
    head
}

fn steps(file: &ScenarioFile) -> String {
    let steps = &file.scenario.steps;
    let mut table = format!("<details><summary>{} steps</summary>\n<pre>", steps.len());
    for step in steps {
        let seconds = step.at_us as f64 / 1e6;
        let line = format!("{seconds:>12.6} #{:<4} {:<6} {:?}\n", step.id, step.actor, step.action);
        table.push_str(&escape(&line));
    }
    table.push_str("</pre>\n</details>\n");
    table
}

/// The lines of the trace from the first that is drawn on.
fn trace(records: &[Record], shown: &[&Record]) -> String {
    let first = shown.first().map_or(0, |record| record.event);
    let last = shown.last().map_or(0, |record| record.event);
    let mut table = Table::of(records);
    let (mut lines, mut left) = (Vec::new(), 0);
    for record in records {
        if !(first..=last).contains(&record.event) {
            table.pass(record);
        } else if lines.len() < LINES_MAX {
            lines.push((record, table.line(record)));
        } else {
            left += 1;
        }
    }
    let mut text = format!("<details open><summary>Trace</summary>\n<pre>{}\n", escape(&table.head()));
    for (record, line) in lines {
        let class = match record.kind {
            crate::record::trace::Kind::Failed => "broken",
            crate::record::trace::Kind::Step => "step",
            _ => "",
        };
        text.push_str(&format!("<span class=\"{class}\">{}</span>\n", escape(&line)));
    }
    if left > 0 {
        text.push_str(&format!("… and {left} more\n"));
    }
    text.push_str("</pre>\n</details>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Sabotage, Scenario,
        plan::scenario::{Action, Actor},
        record::trace::Trace,
        run,
    };

    fn page_of(scenario: Scenario, sabotage: Option<Sabotage>) -> String {
        let mut trace = Trace::detailed();
        let outcome = run(&scenario, &mut trace, sabotage);
        let file = ScenarioFile { comments: vec!["a < b".to_owned()], ..ScenarioFile::of_seed(scenario) };
        page(&file, &outcome, trace.records(), None)
    }

    #[test]
    fn a_page_is_whole_and_needs_nothing_else() {
        let page = page_of(Scenario::generate(5), None);
        for tag in ["html", "svg", "header", "pre", "details", "body", "style", "g"] {
            let begins =
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(begins, page.matches(&format!("</{tag}>")).count(), "{tag}");
            assert!(begins > 0, "{tag}");
        }
        for foreign in ["<script", "http:", "https:", "src=", "@import", "url("] {
            assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(foreign), "{foreign}");
        }
        assert!(page.contains("a &lt; b"));
    }

    #[test]
    fn the_broken_promise_is_marked() {
        let page = page_of(Scenario::generate(0), Some(Sabotage::ShowTwice(7)));
        assert!(page.contains("class=\"verdict\""));
        assert!(page.contains("exactly-once"));
        assert!(!page_of(Scenario::generate(0), None).contains("class=\"verdict\""));
    }

    #[test]
    fn a_long_run_is_cut() {
        let long = (0..).map(Scenario::generate).find(|scenario| scenario.steps.len() > 300).unwrap();
        let page = page_of(long, None);
        assert!(page.contains("The picture shows entries"));
        assert!(page.matches("<path class=\"arrow").count() <= ROWS_MAX);
    }

    #[test]
    fn any_part_of_a_long_run_can_be_shown() {
        let long = (0..).map(Scenario::generate).find(|scenario| scenario.steps.len() > 300).unwrap();
        let mut trace = Trace::detailed();
        let outcome = run(&long, &mut trace, None);
        let records = trace.records();
        let all: Vec<u64> = drawn(records).map(|record| record.event).collect();
        for event in [all[0], all[all.len() / 2], all[all.len() - 1]] {
            let shown = window(records, &outcome, Some(event));
            assert_eq!(shown.len(), ROWS_MAX);
            assert!(shown.iter().any(|record| record.event == event));
        }
    }

    #[test]
    fn a_fault_is_drawn_where_it_is_in_the_picture() {
        let mut scenario = (0..).map(Scenario::generate).find(|scenario| scenario.steps.len() > 300).unwrap();
        let first = scenario.steps.first_mut().expect("there are hundreds");
        (first.actor, first.action) =
            (Actor::Client(0), Action::Stall { up: true, down: false, for_us: 1_000_000 });
        let title = escape(&crate::record::describe::step(first).to_string());
        let mut trace = Trace::detailed();
        let outcome = run(&scenario, &mut trace, None);
        let file = ScenarioFile::of_seed(scenario);
        let is_drawn = |around| {
            let page = page(&file, &outcome, trace.records(), Some(around));
            page.contains(&format!("<title>{title}</title></rect>"))
        };
        assert!(is_drawn(1) && !is_drawn(trace.events()));
    }
}

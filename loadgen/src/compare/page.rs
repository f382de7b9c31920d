//! The comparison as a page that needs nothing else: the curves of all runs over one another, and the table.

use std::{error::Error, fmt::Write as _};

use super::{Change, Comparison, Side};
use crate::{
    plot::{self, Line},
    report::{STYLE, escape},
};

/// Writes the page.
///
/// # Errors
/// The picture cannot be drawn.
pub(crate) fn page(
    comparison: &Comparison,
    a: &Side,
    b: &Side,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let lines = a
        .runs
        .iter()
        .map(|run| Line::of_a(&run.curve))
        .chain(b.runs.iter().map(|run| Line::of_b(&run.curve)));
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    let title = format!("{}: {}", comparison.scenario, comparison.change.word());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n<style>\n{STYLE}</style></head>\
         <body>\n<h1>{0}</h1>\n",
        escape(&title)
    );
    let (a_name, b_name) = (comparison.a.display().to_string(), comparison.b.display().to_string());
    let _ = writeln!(
        page,
        "<p class=\"sub\">A: {} ({} runs), B: {} ({} runs). {}</p>",
        escape(&a_name),
        comparison.runs.0,
        escape(&b_name),
        comparison.runs.1,
        if comparison.noise_measured {
            "What chance does was measured by repeated runs."
        } else {
            "There are too few runs to measure what chance does; it is a guess."
        }
    );
    if !lines.is_empty() {
        page += &plot::svg("latency from the intended instant", &lines)?;
    }
    page += "<table class=\"numbers\"><tr><th></th><th>A</th><th>B</th><th>change</th><th>chance</th><th></th></tr>\n";
    for compared in &comparison.numbers {
        let class = match compared.change {
            Change::Worse => "fail",
            Change::Improved => "pass",
            Change::Same => "same",
        };
        let _ = writeln!(
            page,
            "<tr class=\"{class}\"><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.0} %</td><td>{}</td></tr>",
            escape(&compared.name),
            compared.show(compared.a),
            compared.show(compared.b),
            compared.difference(),
            compared.noise_percent,
            compared.change.word(),
        );
    }
    Ok(page + "</table></body></html>\n")
}

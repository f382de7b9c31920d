//! The comparison as a page that needs nothing else: the curves of all runs over one another, and the table.

use std::{error::Error, fmt::Write as _};

use super::{Change, Comparison, Side};
use crate::{
    plot::{self, Line},
    report::{END, begin, escape, section},
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
    let (a_name, b_name) = (comparison.a.display().to_string(), comparison.b.display().to_string());
    let remark =
        format!("A: {a_name} ({} runs), B: {b_name} ({} runs)", comparison.runs.0, comparison.runs.1);
    let mut page = begin(&title, &title, &remark);
    let noise = if comparison.noise_measured {
        "What chance does was measured by repeated runs."
    } else {
        "There are too few runs to measure what chance does; it is a guess."
    };
    section(&mut page, "Latency", noise);
    if !lines.is_empty() {
        page += &plot::svg("latency from the intended instant", &lines)?;
    }
    section(&mut page, "Figures", "");
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
    Ok(page + "</table>\n" + END)
}

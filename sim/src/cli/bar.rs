//! The bar that shows how far a long command is, where somebody sees it.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of so many `things`, or, where nobody knows how many come, a count of them.
pub(crate) fn bar(length: Option<u64>, things: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => {
            (ProgressBar::new(length), format!("{{bar:30}} {{pos}}/{{len}} {things}, {{eta}} left{{msg}}"))
        }
        None => (ProgressBar::no_length(), format!("{{spinner}} {{pos}} {things} in {{elapsed}}{{msg}}")),
    };
    bar.with_style(ProgressStyle::with_template(&template).expect("the template is right"))
}

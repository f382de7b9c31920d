//! What all pages have around what they tell: the look of the live view, a bar with the title, and sections.

use std::fmt::Write as _;

use super::escape;

/// The colours and the letters of every page of Chinwag.
const LOOK: &str = include_str!("../../../web/page/src/look.css");
const STYLE: &str = include_str!("style.css");
/// What ends a page.
pub(crate) const END: &str = "</section></main></body></html>\n";

/// Begins a page: sections follow.
pub(crate) fn begin(title: &str, name: &str, remark: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title>\n\
         <style>\n{LOOK}{STYLE}</style></head><body>\n\
         <header class=\"bar\"><h1>{}</h1><p class=\"sub\">{}</p></header>\n<main>\n",
        escape(title),
        escape(name),
        escape(remark)
    )
}

/// Ends the section before, if there is one, and begins another.
pub(crate) fn section(page: &mut String, title: &str, remark: &str) {
    let end = if page.ends_with("<main>\n") { "" } else { "</section>" };
    let _ = writeln!(page, "{end}<section><h2>{title}</h2>");
    if !remark.is_empty() {
        let _ = writeln!(page, "<p class=\"sub\">{remark}</p>");
    }
}

//! The frame of a page: its head with the style, its end, and text made safe.

use std::fmt::Write;

/// What ends a page.
pub(super) const END: &str = "</body>\n</html>\n";

/// What the colours mean.
pub(super) const LEGEND: &str = r#"<ul class="legend">
<li><i class="up"></i>to the server</li>
<li><i class="down"></i>to a client</li>
<li><i class="lost"></i>never arrived</li>
<li><i class="live"></i>connected, or running</li>
<li><i class="band"></i>a fault</li>
<li><i class="mark"></i>a step</li>
<li class="note">Pings, timers and mail between nodes are in the trace only. Point at an arrow to read its frame.</li>
</ul>
"#;

const STYLE: &str = "
:root { color-scheme: light dark; --back: #fbfbf9; --ink: #1f2328; --dim: #6e7781; --line: #d0d4d9; --live: #57606a;
  --up: #0b6bcb; --down: #0a7f4f; --lost: #a15c00; --band: #e5a50a; --mark: #7a3fc4; --broken: #cf222e;
  --broken-back: #ffebe9; --head: #ffffffee; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --ink: #e3e7ec; --dim: #8d96a0; --line: #343a42;
  --live: #9aa4af; --up: #63b0ff; --down: #4cc38a; --lost: #f0a545; --band: #c99a1b; --mark: #b98cf5;
  --broken: #ff6b68; --broken-back: #3a1618; --head: #14171bee; } }
body { margin: 0 auto; padding: 1.5rem 2rem 4rem; max-width: max-content; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
header { max-width: 60rem; }
h1 { font-size: 1.5rem; font-weight: 650; margin: 0 0 .5rem; }
p { margin: .3rem 0; }
p.broken { color: var(--broken); background: var(--broken-back); border-left: 4px solid var(--broken);
  padding: .5rem .8rem; font-weight: 550; }
p.comment, .note { color: var(--dim); }
dl { display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; margin: .9rem 0; }
dt { font-size: .75rem; color: var(--dim); }
dd { margin: 0; font-variant-numeric: tabular-nums; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; margin: .8rem 0; font-size: .82rem; }
.legend i { display: inline-block; width: 1.4rem; height: 0; margin-right: .4rem; vertical-align: middle;
  border-top: 2px solid var(--up); }
.legend i.down { border-color: var(--down); }
.legend i.lost { border-color: var(--lost); border-top-style: dashed; }
.legend i.live { border-color: var(--live); border-top-width: 3px; }
.legend i.band { border-top: 10px solid var(--band); opacity: .35; }
.legend i.mark { width: .6rem; height: .6rem; border: 0; background: var(--mark); transform: rotate(45deg); }
.names { position: sticky; top: 0; background: var(--head); border-bottom: 1px solid var(--line); z-index: 1; }
svg { display: block; }
svg text { font: 11px/1 ui-monospace, monospace; fill: var(--ink); }
.names text { font: 600 14px/1 system-ui, sans-serif; text-anchor: middle; }
.time, .later { fill: var(--dim) !important; }
.lane { stroke: var(--line); stroke-width: 1; stroke-dasharray: 2 5; }
.live { stroke: var(--live); stroke-width: 2.5; }
.arrow { fill: none; stroke-width: 1.4; }
.up { stroke: var(--up); } .down { stroke: var(--down); } .lost { stroke: var(--lost); stroke-dasharray: 4 3; }
.label { text-anchor: middle; paint-order: stroke; stroke: var(--back); stroke-width: 4px; stroke-linejoin: round; }
text.up { fill: var(--up); stroke: var(--back); } text.down { fill: var(--down); stroke: var(--back); }
text.lost { fill: var(--lost); stroke: var(--back); stroke-dasharray: none; }
.tip-up { fill: var(--up); } .tip-down { fill: var(--down); }
.band { fill: var(--band); opacity: .22; }
text.fault { fill: var(--lost); paint-order: stroke; stroke: var(--back); stroke-width: 4px; }
.mark { fill: var(--mark); }
text.step { fill: var(--mark); paint-order: stroke; stroke: var(--back); stroke-width: 4px; }
.gone { stroke: var(--ink); stroke-width: 2; }
.verdict { stroke: var(--broken); stroke-width: 2.5; }
.verdict-back { fill: var(--broken-back); stroke: var(--broken); }
text.verdict-text { fill: var(--broken); font-weight: 600; font-size: 12.5px; }
g.hop:hover .arrow { stroke-width: 3; }
details { margin-top: 1.5rem; }
summary { cursor: pointer; font-weight: 600; }
pre { font: 12px/1.45 ui-monospace, monospace; overflow-x: auto; max-width: calc(100vw - 5rem); }
pre .broken { color: var(--broken); font-weight: 700; }
pre .step { color: var(--mark); }
";

/// What begins a page.
pub(super) fn begin(title: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n"
    )
}

/// Text that means itself wherever it stands; controls are shown as their pictures.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' => safe.push('\n'),
            c if c.is_control() => {
                write!(safe, "&#x{:x};", 0x2400 + (c as u32 & 0x1f)).expect("strings take all");
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(escape("<a href=\"x\">&'\u{1}"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&#x2401;");
        assert!(begin("</title><b>").contains("<title>&lt;/title&gt;&lt;b&gt;</title>"));
    }
}

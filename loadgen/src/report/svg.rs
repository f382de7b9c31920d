//! Small charts over time as inline SVG: lines, and a heat map. Colours come from the page's style sheet.

use std::fmt::Write as _;

/// Width of a chart's plotting area, in pixels.
pub(super) const WIDTH: f64 = 860.0;
/// Left and right of it.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
/// Above and below it.
const TOP: f64 = 8.0;
const BOTTOM: f64 = 26.0;

/// What all charts over time have in common.
#[derive(Clone, Debug, Default)]
pub(super) struct Axis {
    /// Seconds of the whole run.
    pub(super) seconds: f64,
    /// Stages: name, from, to; in seconds.
    pub(super) stages: Vec<(String, f64, f64)>,
    /// Events: name, from, to; in seconds.
    pub(super) events: Vec<(String, f64, f64)>,
}

/// A line of a chart: a class of the style sheet, a name, and points of seconds and values.
pub(super) type Line = (&'static str, &'static str, Vec<(f64, f64)>);

impl Axis {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + WIDTH * (seconds / self.seconds.max(1e-9)).clamp(0.0, 1.0)
    }

    /// A chart of lines that all begin at zero.
    pub(super) fn lines(&self, height: f64, lines: &[Line], label: impl Fn(f64) -> String) -> String {
        let values = lines.iter().flat_map(|(_, _, points)| points).map(|point| point.1);
        let highest = nice(values.fold(0.0, f64::max));
        let y = |value: f64| TOP + height * (1.0 - value / highest);
        let mut svg = self.begin(height);
        for part in [0.0, 0.5, 1.0] {
            let at = y(highest * part);
            let _ = write!(
                svg,
                r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{at:.1}" y2="{at:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
                LEFT + WIDTH,
                LEFT - 6.0,
                at + 4.0,
                label(highest * part)
            );
        }
        for (class, name, points) in lines {
            let _ = write!(svg, r#"<polyline class="line {class}" points=""#);
            for (seconds, value) in points {
                let _ = write!(svg, "{:.1},{:.1} ", self.x(*seconds), y(*value));
            }
            let _ = write!(svg, r#""><title>{}</title></polyline>"#, escape(name));
        }
        self.end(svg, height)
    }

    /// A heat map: columns from one instant to another, each with how much is in each row, the lowest row first. The
    /// labels stand at the lower edges of their rows.
    pub(super) fn heat(
        &self,
        row_height: f64,
        columns: &[(f64, f64, Vec<u64>)],
        rows: usize,
        labels: &[(usize, String)],
    ) -> String {
        let height = row_height * rows as f64;
        let y = |row: usize| TOP + height - row_height * row as f64;
        let most = columns.iter().flat_map(|(_, _, counts)| counts).copied().max().unwrap_or(1).max(1) as f64;
        let mut svg = self.begin(height);
        for (from, to, counts) in columns {
            let (left, right) = (self.x(*from), self.x(*to));
            for (row, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                // On a logarithmic scale: a few late ones among thousands must be seen.
                let shade = 0.12 + 0.88 * (1.0 + *count as f64).ln() / (1.0 + most).ln();
                let _ = write!(
                    svg,
                    r#"<rect class="heat" x="{left:.1}" y="{:.1}" width="{:.1}" height="{row_height:.1}" opacity="{shade:.2}"><title>{count} at {from:.0} s</title></rect>"#,
                    y(row + 1),
                    (right - left).max(0.5),
                );
            }
        }
        for (row, label) in labels {
            let at = y(*row);
            let _ = write!(
                svg,
                r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{at:.1}" y2="{at:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{label}</text>"#,
                LEFT + WIDTH,
                LEFT - 6.0,
                at + 4.0,
            );
        }
        self.end(svg, height)
    }

    fn begin(&self, height: f64) -> String {
        let (width, whole) = (LEFT + WIDTH + RIGHT, TOP + height + BOTTOM);
        let mut svg = format!(r#"<svg viewBox="0 0 {width} {whole}" role="img">"#);
        for (i, (name, from, to)) in self.stages.iter().enumerate() {
            let (left, right) = (self.x(*from), self.x(*to));
            let shade = if i % 2 == 0 { "even" } else { "odd" };
            let _ = write!(
                svg,
                r#"<rect class="stage {shade}" x="{left:.1}" y="{TOP}" width="{:.1}" height="{height:.1}"><title>{}</title></rect>"#,
                (right - left).max(0.0),
                escape(name)
            );
        }
        svg
    }

    fn end(&self, mut svg: String, height: f64) -> String {
        for (name, from, to) in &self.events {
            let (left, right) = (self.x(*from), self.x(*to));
            let _ = write!(
                svg,
                r#"<g class="event"><rect x="{left:.1}" y="{TOP}" width="{:.1}" height="{height:.1}"/><line x1="{left:.1}" x2="{left:.1}" y1="{TOP}" y2="{:.1}"/><title>{}</title></g>"#,
                (right - left).max(0.0),
                TOP + height,
                escape(name)
            );
        }
        let step = nice(self.seconds / 8.0).max(1.0);
        let mut at = 0.0;
        while at <= self.seconds {
            let (x, y) = (self.x(at), TOP + height + 18.0);
            let _ = write!(
                svg,
                r#"<text class="tick" x="{x:.1}" y="{y:.1}" text-anchor="middle">{at:.0} s</text>"#
            );
            at += step;
        }
        svg + "</svg>"
    }
}

/// The next round number: 1, 2 or 5 times a power of ten.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|nice| *nice >= value).unwrap_or(value)
}

/// Text as HTML holds it.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        for (value, round) in [(0.0, 1.0), (0.3, 0.5), (7.0, 10.0), (10.0, 10.0), (1_100.0, 2_000.0)] {
            assert!((nice(value) - round).abs() < 1e-9, "{value}: {}", nice(value));
        }
    }

    #[test]
    fn points_are_where_their_values_are() {
        let axis = Axis { seconds: 10.0, ..Axis::default() };
        let svg = axis
            .lines(100.0, &[("a", "sent", vec![(0.0, 0.0), (5.0, 5.0), (10.0, 10.0)])], |_| String::new());
        assert!(svg.contains(r#"points="70.0,108.0 500.0,58.0 930.0,8.0 ""#), "{svg}");
    }

    #[test]
    fn names_cannot_break_the_page() {
        assert_eq!(escape(r#"<a & "b">"#), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}

//! The percentile plot: latency from the intended and from the actual instant, far out into the tail.

use std::error::Error;

use hdrhistogram::Histogram;
use plotters::prelude::*;

/// Width and height, in pixels.
const SIZE: (u32, u32) = (900, 460);
/// Points per halving of the distance to 100 %.
const TICKS_PER_HALF_DISTANCE: u32 = 8;
const INTENDED: RGBColor = RGBColor(0x1f, 0x5f, 0xbf);
const ACTUAL: RGBColor = RGBColor(0xd9, 0x7b, 0x1f);

/// A line of the plot: (1/(1-quantile), latency in milliseconds), up to the last sample.
pub(crate) struct Line {
    name: &'static str,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

impl Line {
    /// Latency from the instant at which a message was meant to be sent.
    pub(crate) fn intended(histogram: &Histogram<u64>) -> Self {
        Self { name: "from the intended instant", colour: INTENDED, points: points(histogram) }
    }

    /// Latency from the instant at which it was.
    pub(crate) fn actual(histogram: &Histogram<u64>) -> Self {
        Self { name: "from the actual instant", colour: ACTUAL, points: points(histogram) }
    }

    /// A run to compare with.
    pub(crate) fn of_a(points: &[(f64, f64)]) -> Self {
        Self { name: "A", colour: INTENDED, points: points.into() }
    }

    /// A run that is compared.
    pub(crate) fn of_b(points: &[(f64, f64)]) -> Self {
        Self { name: "B", colour: ACTUAL, points: points.into() }
    }

    /// Whether there is nothing to draw.
    pub(crate) const fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

/// Draws a picture.
///
/// # Errors
/// The picture cannot be drawn.
pub(crate) fn svg(title: &str, lines: &[Line]) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut svg = String::new();
    draw(SVGBackend::with_string(&mut svg, SIZE), title, lines)?;
    Ok(svg)
}

fn draw(backend: SVGBackend<'_>, title: &str, lines: &[Line]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let all = || lines.iter().flat_map(|line| &line.points);
    let rarest = all().map(|&(rarity, _)| rarity).fold(10.0, f64::max);
    let longest = all().map(|&(_, latency)| latency).fold(1.0, f64::max);
    let decimals = usize::from(longest < 10.0);
    let root = backend.into_drawing_area();
    root.fill(&WHITE).map_err(text)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(14)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d((1f64..rarest).log_scale(), 0f64..longest * 1.05)
        .map_err(text)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("percentile")
        .y_desc("latency in ms")
        .x_label_formatter(&|rarity| percentile(*rarity))
        .y_label_formatter(&|latency| format!("{latency:.decimals$}"))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 16))
        .draw()
        .map_err(text)?;
    let mut named = Vec::new();
    for Line { name, colour, points } in lines {
        let colour = *colour;
        let series = chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))
            .map_err(text)?;
        // Lines of one name are named once.
        if !named.contains(name) {
            named.push(name);
            series
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 14))
        .background_style(WHITE)
        .draw()
        .map_err(text)?;
    root.present().map_err(text)
}

/// (1/(1-quantile), latency in milliseconds), up to the last sample.
fn points(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let rows = histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE);
    rows.filter(|row| row.quantile_iterated_to() < 1.0)
        .map(|row| (1.0 / (1.0 - row.quantile_iterated_to()), row.value_iterated_to() as f64 / 1e3))
        .collect()
}

/// The percentile of a rarity: one in ten is above the 90th.
fn percentile(rarity: f64) -> String {
    let nines = rarity.log10().round();
    if nines < 1.0 {
        return "0 %".into();
    }
    let decimals = (nines as usize).saturating_sub(2);
    format!("{:.decimals$} %", 100.0 - 100.0 / 10f64.powf(nines))
}

/// Drawing errors borrow the drawing area; what they say does not.
fn text(error: impl Error) -> Box<dyn Error + Send + Sync> {
    error.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_is_labelled_in_nines() {
        for (rarity, label) in
            [(1.0, "0 %"), (10.0, "90 %"), (100.0, "99 %"), (1e3, "99.9 %"), (1e5, "99.999 %")]
        {
            assert_eq!(percentile(rarity), label);
        }
    }

    #[test]
    fn the_curve_rises_to_the_tail() {
        let mut histogram = chinwag_bots::histogram();
        (1..=10_000).for_each(|value| histogram.record(value).unwrap());
        let points = points(&histogram);
        assert!(points.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{points:?}");
        assert!(points.last().unwrap().0 >= 1_000.0, "{points:?}");
    }
}

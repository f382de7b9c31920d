//! The sequence picture: lanes, bands, arrows, marks and the verdict, as SVG.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use super::{
    bands::Band,
    html::escape,
    label,
    layout::{LONG_US, Layout},
};
use crate::record::{
    describe::FIN,
    trace::{Kind, Lane, Record},
};

/// Pixels that the names of the lanes take.
const NAMES: i64 = 34;
/// Half the width of a band.
const BAND: i64 = 11;
/// Pixels between times that are written down.
const TIME_ROOM: i64 = 15;

/// The names of the lanes, which stay in sight, and the picture.
pub(super) fn draw(layout: &Layout, records: &[&Record], bands: &[Band]) -> String {
    let mut picture = Picture { svg: String::new(), labels: String::new(), layout, records };
    picture.names().and_then(|()| picture.body(bands)).expect("strings take in all");
    picture.svg
}

struct Picture<'a> {
    svg: String,
    /// Drawn over everything else.
    labels: String,
    layout: &'a Layout,
    records: &'a [&'a Record],
}

impl Picture<'_> {
    fn names(&mut self) -> fmt::Result {
        let width = self.layout.width();
        writeln!(
            self.svg,
            "<div class=\"names\"><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{NAMES}\">"
        )?;
        for (lane, x) in self.layout.lanes() {
            writeln!(self.svg, "<text x=\"{x}\" y=\"22\">{lane}</text>")?;
        }
        writeln!(self.svg, "</svg></div>")
    }

    fn body(&mut self, bands: &[Band]) -> fmt::Result {
        let (width, height) = (self.layout.width(), self.layout.bottom() + 60);
        writeln!(
            self.svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" role=\"img\">"
        )?;
        self.bands(bands)?;
        self.lanes()?;
        self.times()?;
        self.arrows()?;
        self.marks()?;
        let labels = std::mem::take(&mut self.labels);
        writeln!(self.svg, "{labels}</svg>")
    }

    /// Faults that last, as far as they are in the picture.
    fn bands(&mut self, bands: &[Band]) -> fmt::Result {
        let (Some(first), Some(last)) = (self.records.first(), self.records.last()) else { return Ok(()) };
        let is_seen = |band: &&Band| band.from_us <= last.at_us && band.to_us > first.at_us;
        for Band { lane, name, from_us, to_us } in bands.iter().filter(is_seen) {
            let Some(x) = self.layout.x(*lane) else { continue };
            let (from, to) = (self.layout.y_at(*from_us), self.layout.y_at(*to_us));
            let (left, width, height) = (x - BAND, 2 * BAND, (to - from).max(3));
            writeln!(
                self.svg,
                "<rect class=\"band\" x=\"{left}\" y=\"{from}\" width=\"{width}\" height=\"{height}\">\
                 <title>{}</title></rect>",
                escape(name)
            )?;
        }
        Ok(())
    }

    /// Who is there: clients while they are connected, nodes while they run.
    fn lanes(&mut self) -> fmt::Result {
        let (top, bottom) = (self.layout.top(), self.layout.bottom());
        let mut since: BTreeMap<Lane, i64> = BTreeMap::new();
        let mut lives: Vec<(i64, i64, i64)> = Vec::new();
        let nodes = || self.layout.lanes().filter(|(lane, _)| matches!(lane, Lane::Node(_)));
        // A picture may begin in the middle of a run.
        if !self.records.iter().any(|record| record.kind == Kind::Start) {
            since.extend(nodes().map(|(lane, _)| (lane, top)));
        }
        for (place, record) in self.records.iter().enumerate() {
            let y = self.layout.y(place);
            let mut end = |lane: Lane| {
                if let (Some(from), Some(x)) = (since.remove(&lane), self.layout.x(lane)) {
                    lives.push((x, from, y));
                }
            };
            match record.kind {
                Kind::Stop => nodes().for_each(|(lane, _)| end(lane)),
                Kind::Closed => end(record.actor),
                Kind::FromClient if record.text == FIN => end(record.actor),
                Kind::Start => since.extend(nodes().map(|(lane, _)| (lane, y))),
                Kind::Opened => drop(since.insert(record.actor, y)),
                _ => {}
            }
        }
        let alive = since.into_iter().filter_map(|(lane, from)| Some((self.layout.x(lane)?, from, bottom)));
        lives.extend(alive);
        for (_, x) in self.layout.lanes() {
            writeln!(self.svg, "<path class=\"lane\" d=\"M{x} {top}V{bottom}\"/>")?;
        }
        for (x, from, to) in lives {
            writeln!(self.svg, "<path class=\"live\" d=\"M{x} {from}V{to}\"/>")?;
        }
        Ok(())
    }

    fn times(&mut self) -> fmt::Result {
        let (mut room, mut last) = (0, None);
        for &(at_us, y) in self.layout.times() {
            if let Some(waited) = last.map(|last| at_us - last).filter(|&waited| waited >= LONG_US) {
                let (y, seconds) = (y - 16, waited as f64 / 1e6);
                writeln!(self.svg, "<text class=\"later\" x=\"8\" y=\"{y}\">⋮ {seconds:.1} s later</text>")?;
            }
            if y >= room {
                let (seconds, micros, y) = (at_us / 1_000_000, at_us % 1_000_000, y + 4);
                writeln!(self.svg, "<text class=\"time\" x=\"8\" y=\"{y}\">{seconds:>4}.{micros:06}</text>")?;
                room = y + TIME_ROOM;
            }
            last = Some(at_us);
        }
        Ok(())
    }

    /// Frames, from where they leave to where they arrive.
    fn arrows(&mut self) -> fmt::Result {
        let mut sent: BTreeMap<(bool, Option<u64>, Option<u64>), usize> = BTreeMap::new();
        for (place, record) in self.records.iter().enumerate() {
            let key = |up| (up, record.connection, record.frame);
            match record.kind {
                Kind::FromClient => drop(sent.insert(key(true), place)),
                Kind::FromNode => drop(sent.insert(key(false), place)),
                Kind::ToNode if record.frame.is_some() => self.arrow(sent.remove(&key(true)), place, "up")?,
                Kind::ToClient | Kind::Opened | Kind::Closed if record.frame.is_some() => {
                    self.arrow(sent.remove(&key(false)), place, "down")?;
                }
                _ => {}
            }
        }
        sent.into_values().try_for_each(|place| self.lost(place))
    }

    fn arrow(&mut self, from: Option<usize>, to: usize, class: &str) -> fmt::Result {
        // What was sent before the picture begins only arrives in it.
        let Some(from) = from else { return Ok(()) };
        let (departure, arrival) = (self.records[from], self.records[to]);
        let (Some(x1), Some(x2)) = (self.layout.x(departure.actor), self.layout.x(arrival.actor)) else {
            return Ok(());
        };
        let (y1, y2) = (self.layout.y(from), self.layout.y(to));
        let side = (x2 - x1).signum();
        let tip = x2 - side * 8;
        // Near its beginning, where arrows from one lane do not meet.
        let (x, y) =
            (x1 + side * self.layout.pitch() / 2, y1 + (y2 - y1) * self.layout.pitch() / 2 / (x2 - x1).abs());
        writeln!(
            self.svg,
            "<g class=\"hop\"><title>{text}</title><path class=\"arrow {class}\" d=\"M{x1} {y1}L{tip} {y2}\"/>\
             <path class=\"tip-{class}\" d=\"M{x2} {y2}l{back} -4v8z\"/></g>",
            text = escape(&departure.text),
            back = -side * 8,
        )?;
        self.label(departure, class, x, y - 3)
    }

    /// A frame that never arrived.
    fn lost(&mut self, from: usize) -> fmt::Result {
        let record = self.records[from];
        // That a client has let go shows on its lane.
        let Some(x1) = self.layout.x(record.actor).filter(|_| record.text != FIN) else { return Ok(()) };
        let right = self.layout.lanes().any(|(lane, x)| {
            x > x1
                && matches!(
                    (lane, record.actor),
                    (Lane::Node(_), Lane::Client(_)) | (Lane::Client(_), Lane::Node(_))
                )
        });
        let (side, y) = (if right { 1 } else { -1 }, self.layout.y(from));
        // As long as its label, at about 6.6 pixels a character.
        let chars = i64::try_from(label::frame(&record.text).chars().count()).unwrap_or(0);
        let end = x1 + side * (16 + chars * 33 / 5);
        writeln!(
            self.svg,
            "<g class=\"hop\"><title>{text}</title><path class=\"arrow lost\" d=\"M{x1} {y}H{end}m-4 -4l8 8m0 -8l-8 8\"/></g>",
            text = escape(&record.text),
        )?;
        self.label(record, "lost", i64::midpoint(x1, end), y - 4)
    }

    fn label(&mut self, record: &Record, class: &str, x: i64, y: i64) -> fmt::Result {
        let (text, label) = (escape(&record.text), escape(&label::frame(&record.text)));
        writeln!(
            self.labels,
            "<text class=\"label {class}\" x=\"{x}\" y=\"{y}\"><title>{text}</title>{label}</text>"
        )
    }

    /// Steps, closed connections, lives of the server, and the verdict.
    fn marks(&mut self) -> fmt::Result {
        for (place, record) in self.records.iter().enumerate() {
            let y = self.layout.y(place);
            match record.kind {
                Kind::Step => self.step(record, y)?,
                Kind::Closed => self.gone(record, y)?,
                Kind::ToNode if record.text == "disconnected" => self.gone(record, y)?,
                Kind::Start | Kind::Stop | Kind::World => {
                    self.note(&format!("{} {}", record.actor, record.text), y)?;
                }
                Kind::Failed => self.verdict(&record.text, y)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn step(&mut self, record: &Record, y: i64) -> fmt::Result {
        let text = escape(&label::step(&record.text));
        match self.layout.x(record.actor) {
            Some(x) => writeln!(
                self.svg,
                "<g><title>{all}</title><path class=\"mark\" d=\"M{x} {top}l6 6l-6 6l-6 -6z\"/>\
                 <text class=\"step\" x=\"{beside}\" y=\"{base}\">{text}</text></g>",
                all = escape(&record.text),
                top = y - 6,
                beside = x + 12,
                base = y + 4,
            ),
            None => self.note(&format!("{} {}", record.actor, record.text), y),
        }
    }

    fn gone(&mut self, record: &Record, y: i64) -> fmt::Result {
        let Some(x) = self.layout.x(record.actor) else { return Ok(()) };
        writeln!(
            self.svg,
            "<g><title>{} {}</title><path class=\"gone\" d=\"M{} {}l10 10m0 -10l-10 10\"/></g>",
            record.actor,
            escape(&record.text),
            x - 5,
            y - 5,
        )
    }

    /// Something that concerns everybody.
    fn note(&mut self, text: &str, y: i64) -> fmt::Result {
        let (right, base) = (self.layout.width() - 10, y + 4);
        writeln!(
            self.svg,
            "<text class=\"step\" x=\"{right}\" y=\"{base}\" text-anchor=\"end\">{}</text>",
            escape(text)
        )
    }

    fn verdict(&mut self, sentence: &str, y: i64) -> fmt::Result {
        let right = self.layout.width() - 10;
        writeln!(
            self.svg,
            "<path class=\"verdict\" d=\"M8 {y}H{right}\"/>\
             <rect class=\"verdict-back\" x=\"8\" y=\"{box_y}\" width=\"{width}\" height=\"26\" rx=\"3\"/>\
             <text class=\"verdict-text\" x=\"18\" y=\"{base}\">✗ {sentence}</text>",
            box_y = y + 6,
            width = right - 8,
            base = y + 23,
            sentence = escape(sentence),
        )
    }
}

//! Where things are in a picture: lanes from left to right, records from top to bottom.
//!
//! Every record has a row of its own; waiting takes a little more room the longer it is, but never much, for runs are
//! mostly waiting.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::trace::{Kind, Lane, Record};

/// Pixels left of the first lane, for the times.
const MARGIN: i64 = 110;
/// Pixels above the first row.
const TOP: i64 = 24;
/// Pixels from row to row.
const ROW: i64 = 17;
/// Pixels right of the last lane, for what is written beside it.
const RIGHT: i64 = 240;
/// Waiting from here on is written down.
pub(super) const LONG_US: u64 = 1_000_000;

/// Whether a record is in the picture.
pub(super) fn is_drawn(record: &Record) -> bool {
    match record.kind {
        Kind::FromClient | Kind::FromNode | Kind::ToNode | Kind::ToClient | Kind::Opened => {
            record.frame.is_some() && !matches!(record.text.as_str(), "ping" | "pong")
                || record.text == "disconnected"
        }
        Kind::Step | Kind::Closed | Kind::Start | Kind::Stop | Kind::Failed => true,
        Kind::World => !record.text.starts_with("digest"),
        Kind::Shown | Kind::Connect => false,
    }
}

/// Where things are.
#[derive(Debug)]
pub(super) struct Layout {
    lanes: BTreeMap<Lane, i64>,
    /// The height of each record.
    rows: Vec<i64>,
    /// Heights of instants, in order of time.
    times: Vec<(u64, i64)>,
    pitch: i64,
}

impl Layout {
    /// A layout for these records.
    pub(super) fn of(records: &[&Record]) -> Self {
        let actors: BTreeSet<Lane> = records.iter().map(|record| record.actor).collect();
        let clients: Vec<Lane> =
            actors.iter().copied().filter(|lane| matches!(lane, Lane::Client(_))).collect();
        let nodes = actors.iter().copied().filter(|lane| matches!(lane, Lane::Node(_)));
        // Nodes in the middle: that makes for short arrows.
        let (left, right) = clients.split_at(clients.len().div_ceil(2));
        let order: Vec<Lane> = left.iter().copied().chain(nodes).chain(right.iter().copied()).collect();
        let pitch = match order.len() {
            0..=4 => 230,
            5..=7 => 170,
            _ => 125,
        };
        let lanes =
            (0..).zip(order).map(|(place, lane)| (lane, MARGIN + pitch / 2 + place * pitch)).collect();
        let (mut rows, mut times, mut y, mut last) = (Vec::new(), Vec::new(), TOP, None);
        for record in records {
            y += ROW + last.map_or(0, |last| waiting(record.at_us - last));
            rows.push(y);
            if last != Some(record.at_us) {
                times.push((record.at_us, y));
            }
            last = Some(record.at_us);
        }
        Self { lanes, rows, times, pitch }
    }

    /// Where an actor's lane is, if it has one.
    pub(super) fn x(&self, lane: Lane) -> Option<i64> {
        self.lanes.get(&lane).copied()
    }

    /// Where a record is.
    pub(super) fn y(&self, place: usize) -> i64 {
        self.rows[place]
    }

    /// Where an instant is: at the row of what happened then, or between.
    pub(super) fn y_at(&self, at_us: u64) -> i64 {
        match self.times.partition_point(|&(time, _)| time < at_us) {
            0 => TOP,
            place if place == self.times.len() => self.bottom(),
            place => {
                let ((before, above), (after, below)) = (self.times[place - 1], self.times[place]);
                let part = (at_us - before) as f64 / (after - before) as f64;
                above + ((below - above) as f64 * part) as i64
            }
        }
    }

    /// All lanes, from left to right in no particular order.
    pub(super) fn lanes(&self) -> impl Iterator<Item = (Lane, i64)> {
        self.lanes.iter().map(|(&lane, &x)| (lane, x))
    }

    /// Instants at which something happens, and where they are.
    pub(super) fn times(&self) -> &[(u64, i64)] {
        &self.times
    }

    /// Pixels from lane to lane.
    pub(super) const fn pitch(&self) -> i64 {
        self.pitch
    }

    /// Where the lanes begin.
    pub(super) const fn top(&self) -> i64 {
        TOP
    }

    /// Where the lanes end.
    pub(super) fn bottom(&self) -> i64 {
        self.rows.last().map_or(TOP, |y| y + ROW)
    }

    /// The width of all.
    pub(super) fn width(&self) -> i64 {
        let lanes = i64::try_from(self.lanes.len()).unwrap_or(0);
        (MARGIN + lanes * self.pitch + RIGHT).max(700)
    }
}

/// The height of waiting.
fn waiting(us: u64) -> i64 {
    match us {
        0 => 0,
        1..1_000 => 2,
        1_000..20_000 => 6,
        20_000..200_000 => 12,
        200_000..LONG_US => 20,
        _ => 34,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(at_us: u64, kind: Kind, actor: Lane, frame: Option<u64>, text: &str) -> Record {
        Record { event: 1, at_us, kind, actor, connection: None, frame, text: text.to_owned(), hash: 0 }
    }

    #[test]
    fn nodes_stand_between_clients_and_time_runs_down() {
        let lanes = [Lane::Client(0), Lane::Client(1), Lane::Client(2), Lane::Node(0)];
        let records: Vec<Record> = (0..)
            .zip(lanes)
            .map(|(place, lane)| record(place * 1_000_000, Kind::Step, lane, None, ""))
            .collect();
        let layout = Layout::of(&records.iter().collect::<Vec<&Record>>());
        let mut order: Vec<(i64, Lane)> = layout.lanes().map(|(lane, x)| (x, lane)).collect();
        order.sort_unstable();
        let order: Vec<Lane> = order.into_iter().map(|(_, lane)| lane).collect();
        assert_eq!(order, [Lane::Client(0), Lane::Client(1), Lane::Node(0), Lane::Client(2)]);
        let heights: Vec<i64> =
            [0, 500_000, 1_000_000, 1_500_000, 9_000_000].map(|at| layout.y_at(at)).into();
        assert!(heights.is_sorted_by(|a, b| a < b), "{heights:?}");
        assert_eq!(layout.y_at(1_000_000), layout.y(1));
    }

    #[test]
    fn what_would_hide_the_rest_is_left_out() {
        let node = Lane::Node(0);
        assert!(is_drawn(&record(0, Kind::ToNode, node, Some(1), "{}")));
        assert!(!is_drawn(&record(0, Kind::ToNode, node, Some(1), "pong")));
        assert!(!is_drawn(&record(0, Kind::ToNode, node, None, "timer")));
        assert!(is_drawn(&record(0, Kind::ToNode, node, None, "disconnected")));
    }
}

//! The rows of the screen that lines take: only those that are seen are ever broken.

use chinwag_core::Time;

use crate::{
    model::{Body, Conversation, Line, Lines, Older},
    text,
    words::{self, Zone},
};

/// What stands before each line: its time.
pub(super) const TIME_WIDTH: usize = 6;

/// Rows of one line that are shown; of what is longer the rest is counted.
const ROWS_MAX: usize = 40;

/// A row of the screen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Row {
    /// The number of the line that it is of.
    pub(super) line: i64,
    /// What it is.
    pub(super) kind: RowKind,
    /// What it says; harmless.
    pub(super) text: String,
    /// So many bytes of it are the mark or the name that the line begins with.
    pub(super) mark: usize,
}

/// What a row is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RowKind {
    /// What is above the first line.
    Top,
    /// A new day begins.
    Day,
    /// What is below was unread when the reader came.
    Unread,
    /// A line begins, at this time.
    First(Time),
    /// A line goes on.
    More,
}

/// Where the reader looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Bottom {
    /// At what came last, whatever comes.
    #[default]
    Latest,
    /// At what came before: the last row on the screen is of this line, and so many of its rows are below.
    At {
        /// The line's number.
        line: i64,
        /// Its rows below the screen.
        hidden: usize,
    },
}

/// A room's lines, broken to a width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken<'a> {
    /// The lines.
    pub(super) lines: &'a Lines,
    /// Columns of the screen.
    pub(super) width: usize,
    /// Whose clock says where days begin.
    pub(super) zone: &'a Zone,
    /// What is above a line, if that is known: the first one of the present log.
    pub(super) top: Option<(i64, &'static str)>,
    /// The line from which on they were unread when the reader came.
    pub(super) unread_from: Option<i64>,
}

impl<'a> Broken<'a> {
    /// The lines that are looked at.
    pub(super) fn of(chat: &'a Conversation, width: usize, zone: &'a Zone) -> Self {
        let top = chat.room().and_then(|room| match room.older {
            Older::Asked(_) => Some((room.begin(), "loading…")),
            Older::Nothing => Some((room.begin(), "no older messages")),
            Older::NoRoom => Some((room.begin(), words::NO_ROOM_FOR_OLDER)),
            Older::Unknown => None,
        });
        let unread_from = chat.room().and_then(|room| room.unread_from);
        Self { lines: chat.lines(), width, zone, top, unread_from }
    }

    /// The rows that fill so many at the bottom, the uppermost first.
    #[must_use]
    pub(super) fn screen(&self, bottom: Bottom, height: usize) -> Vec<Row> {
        let mut rows = Vec::with_capacity(height);
        let Some((first, (mut line, mut hidden))) = self.lines.first().zip(self.place(bottom)) else {
            return rows;
        };
        while line >= first && rows.len() < height {
            rows.extend(self.rows(line).into_iter().rev().skip(hidden).take(height - rows.len()));
            (line, hidden) = (line - 1, 0);
        }
        rows.reverse();
        rows
    }

    /// The same place, so many rows further up, or as far as there are rows to fill the screen.
    #[must_use]
    pub(super) fn up(&self, bottom: Bottom, by: usize, height: usize) -> Bottom {
        let Some((first, (mut line, mut hidden))) = self.lines.first().zip(self.place(bottom)) else {
            return bottom;
        };
        let mut left = by;
        loop {
            let below = self.rows(line).len() - hidden;
            if left < below {
                hidden += left;
                break;
            }
            if line == first {
                break;
            }
            left -= below;
            (line, hidden) = (line - 1, 0);
        }
        let there = Bottom::At { line, hidden };
        match height - self.screen(there, height).len() {
            0 => there,
            // The first row is on the screen; below it there is more than nothing.
            missing => self.down(there, missing),
        }
    }

    /// The same place, so many rows further down, or at what came last.
    #[must_use]
    pub(super) fn down(&self, bottom: Bottom, by: usize) -> Bottom {
        let Some((last, (mut line, mut hidden))) = self.lines.last().zip(self.place(bottom)) else {
            return bottom;
        };
        let mut left = by;
        while left > hidden {
            if line == last {
                return Bottom::Latest;
            }
            left -= hidden + 1;
            line += 1;
            hidden = self.rows(line).len() - 1;
        }
        hidden -= left;
        if line == last && hidden == 0 { Bottom::Latest } else { Bottom::At { line, hidden } }
    }

    /// A place that there is, whatever came and went since.
    fn place(&self, bottom: Bottom) -> Option<(i64, usize)> {
        let (first, last) = self.lines.first().zip(self.lines.last())?;
        Some(match bottom {
            Bottom::At { line, .. } if line < first => (first, 0),
            // A wider screen has fewer rows of it.
            Bottom::At { line, hidden } if line <= last => (line, hidden.min(self.rows(line).len() - 1)),
            Bottom::At { .. } | Bottom::Latest => (last, 0),
        })
    }

    /// The rows of a line: one at least.
    fn rows(&self, number: i64) -> Vec<Row> {
        let line = self.lines.get(number).expect("only lines that there are");
        let mut rows = Vec::new();
        let day = self.zone.day(line.at);
        let before = self.lines.get(number - 1);
        let mut rule =
            |kind, text: &str| rows.push(Row { line: number, kind, text: text.to_owned(), mark: 0 });
        if let Some((_, top)) = self.top.filter(|(begin, _)| *begin == number) {
            rule(RowKind::Top, top);
        }
        if before.is_none_or(|before| self.zone.day(before.at) != day) {
            rule(RowKind::Day, &day);
        }
        if self.unread_from == Some(number) {
            rule(RowKind::Unread, "new");
        }
        rows.extend(self.broken(number, line));
        rows
    }

    fn broken(&self, number: i64, line: &Line) -> Vec<Row> {
        let (mark, rest) = words::line(&line.body);
        let whole = format!("{mark} {}", shown(&line.body, &rest));
        let ranges = text::rows(&whole, self.width.saturating_sub(TIME_WIDTH));
        let more = ranges.len().saturating_sub(ROWS_MAX);
        let shown = ranges.into_iter().take(ROWS_MAX).enumerate().map(|(nth, range)| Row {
            line: number,
            kind: if nth == 0 { RowKind::First(line.at) } else { RowKind::More },
            mark: mark.len().clamp(range.start, range.end) - range.start,
            text: whole[range].to_owned(),
        });
        let mut rows: Vec<_> = shown.collect();
        if more > 0 {
            let text = format!("… {more} more lines");
            rows.push(Row { line: number, kind: RowKind::More, mark: 0, text });
        }
        rows
    }
}

/// What was said may have line breaks of its own; words of ours have none.
fn shown(body: &Body, text: &str) -> String {
    match body {
        Body::Said(said) if said.action().is_none() => text::squeeze(text::harmless(text)).into_owned(),
        _ => text::on_one_line(text).into_owned(),
    }
}

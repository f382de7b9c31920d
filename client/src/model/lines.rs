//! The lines of a room: bounded, and each with a number that stays its own while others come before and behind it.

use std::collections::VecDeque;

use super::{Keep, line::Line};

/// Lines with numbers.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    lines: VecDeque<Line>,
    /// The number of the first one.
    first: i64,
    /// What they take.
    bytes: usize,
}

impl Lines {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { lines: VecDeque::new(), first: 0, bytes: 0 }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The line of this number.
    #[must_use]
    pub fn get(&self, number: i64) -> Option<&Line> {
        self.lines.get(usize::try_from(number - self.first).ok()?)
    }

    /// The number of the first line, if there is one.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        (!self.is_empty()).then_some(self.first)
    }

    /// The number of the last line, if there is one.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        self.first().map(|first| first + as_number(self.len()) - 1)
    }

    /// The number of the line that comes next.
    #[must_use]
    pub fn next(&self) -> i64 {
        self.first + as_number(self.len())
    }

    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Line> + ExactSizeIterator {
        self.lines.iter()
    }

    /// Adds one at the end. The first ones go, as far as they are too many then. Whether none has to.
    pub(crate) fn push(&mut self, line: Line, keep: &Keep) -> bool {
        let first = self.first;
        self.bytes += line.bytes();
        self.lines.push_back(line);
        while self.lines.len() > 1 && (self.lines.len() > keep.lines_max || self.bytes > keep.bytes_max) {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.bytes());
            self.first += 1;
        }
        self.first == first
    }

    /// Puts some before the `index`-th, as far as there is room: of those, the last ones. Whatever stands behind keeps its
    /// number. Whether there is room for more.
    pub(super) fn insert(&mut self, index: usize, lines: Vec<Line>, keep: &Keep) -> bool {
        for line in lines.into_iter().rev() {
            let bytes = self.bytes + line.bytes();
            if self.lines.len() >= keep.lines_max || bytes > keep.bytes_max {
                return false;
            }
            self.bytes = bytes;
            self.lines.insert(index, line);
            self.first -= 1;
        }
        self.lines.len() < keep.lines_max
    }
}

fn as_number(count: usize) -> i64 {
    i64::try_from(count).expect("a count of lines in memory")
}

//! The limits: instructions of one step of each path, in a file that is committed.

use std::fs;

use anyhow::{Context as _, Result};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/limits.tsv");

/// What the file begins with, before the tools.
const HEAD: &str = "# Instructions of a step, by `instructions write` with ";

/// So many percent more fail, and so many less are worth a new limit.
pub(crate) const TOLERANCE: u64 = 5;

/// How much each path may take.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// What they were counted with.
    pub(crate) tools: String,
    /// Paths and their instructions.
    pub(crate) counts: Vec<(String, u64)>,
}

/// How a count compares with its limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Below,
    Within,
    Above,
}

impl Limits {
    /// Those that are committed.
    ///
    /// # Errors
    /// The file is not there, or not as [`write`](Self::write) leaves it.
    pub(crate) fn read() -> Result<Self> {
        let text = fs::read_to_string(FILE).context(FILE)?;
        Self::parse(&text).with_context(|| format!("{FILE} is not as `instructions write` leaves it"))
    }

    /// Makes them those that are committed next.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self) -> Result<()> {
        fs::write(FILE, self.text()).context(FILE)
    }

    /// The limit of a path.
    ///
    /// # Errors
    /// It has none.
    pub(crate) fn of(&self, path: &str) -> Result<u64> {
        let found = self.counts.iter().find(|(name, _)| name == path);
        found.map(|&(_, count)| count).with_context(|| format!("{path} has no limit: `instructions write`"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (head, rows) = text.split_once('\n')?;
        let counts = rows.lines().map(|row| {
            let (path, count) = row.split_once('\t')?;
            Some((path.to_owned(), count.parse().ok()?))
        });
        Some(Self { tools: head.strip_prefix(HEAD)?.to_owned(), counts: counts.collect::<Option<_>>()? })
    }

    fn text(&self) -> String {
        let rows = self.counts.iter().map(|(path, count)| format!("{path}\t{count}\n"));
        format!("{HEAD}{}\n{}", self.tools, rows.collect::<String>())
    }
}

impl Verdict {
    pub(crate) const fn of(limit: u64, count: u64) -> Self {
        if count * 100 > limit * (100 + TOLERANCE) {
            Self::Above
        } else if count * 100 < limit * (100 - TOLERANCE) {
            Self::Below
        } else {
            Self::Within
        }
    }

    /// What is to be said of it.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Below => ": the limit should be lowered with `write`",
            Self::Within => "",
            Self::Above => ": ABOVE THE LIMIT",
        }
    }
}

#[cfg(test)]
mod tests {
    use chinwag_benches::HOT_PATHS;

    use super::*;

    #[test]
    fn every_path_has_a_limit_and_nothing_else_has() {
        let limits = Limits::read().unwrap();
        let names: Vec<_> = limits.counts.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(names, HOT_PATHS.iter().map(|path| path.name).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_written_is_read() {
        let limits = Limits { tools: "rustc 1".to_owned(), counts: vec![("a/b".to_owned(), 7)] };
        assert_eq!(Limits::parse(&limits.text()), Some(limits));
    }

    #[test]
    fn five_percent_either_way_are_borne() {
        for (count, verdict) in
            [(949, Verdict::Below), (950, Verdict::Within), (1_050, Verdict::Within), (1_051, Verdict::Above)]
        {
            assert_eq!(Verdict::of(1_000, count), verdict, "{count}");
        }
    }
}

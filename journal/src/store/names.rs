//! How files are called, and which of them a shard consists of.

use super::{Disk, OpenError};

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Name {
    Life,
    /// Entries from `first` on.
    Segment {
        shard: u32,
        first: u64,
    },
    /// The state after the entry `index`.
    Snapshot {
        shard: u32,
        index: u64,
    },
    /// One of ours that was not finished.
    Temporary,
    /// None of ours.
    Other,
}

/// The file with what a life promises.
pub(super) const LIFE: &str = "life";

pub(super) fn segment(shard: u32, first: u64) -> String {
    format!("{shard:05}-{first:020}.log")
}

pub(super) fn snapshot(shard: u32, index: u64) -> String {
    format!("{shard:05}-{index:020}.snapshot")
}

/// What a file is called until it is finished.
pub(super) fn temporary(name: &str) -> String {
    format!("{name}.tmp")
}

impl Name {
    pub(super) fn parse(name: &str) -> Self {
        if name == LIFE {
            return Self::Life;
        }
        if let Some(finished) = name.strip_suffix(".tmp") {
            return if Self::parse(finished).is_ours() { Self::Temporary } else { Self::Other };
        }
        Self::of_shard(name).unwrap_or(Self::Other)
    }

    fn of_shard(name: &str) -> Option<Self> {
        let (stem, kind) = name.split_once('.')?;
        let (shard, index) = stem.split_once('-')?;
        let (shard, index) = (shard.parse().ok()?, index.parse().ok()?);
        let (parsed, written) = match kind {
            "log" => (Self::Segment { shard, first: index }, segment(shard, index)),
            "snapshot" => (Self::Snapshot { shard, index }, snapshot(shard, index)),
            _ => return None,
        };
        // Also "+1" is a number.
        (written == name).then_some(parsed)
    }

    /// Whether it is a finished file of ours.
    pub(super) const fn is_ours(self) -> bool {
        matches!(self, Self::Life | Self::Segment { .. } | Self::Snapshot { .. })
    }

    /// The shard whose file it is.
    pub(super) const fn shard(self) -> Option<u32> {
        match self {
            Self::Segment { shard, .. } | Self::Snapshot { shard, .. } => Some(shard),
            _ => None,
        }
    }
}

/// All files with what they are, in the order of their names.
pub(super) fn list<D: Disk>(disk: &D) -> Result<Vec<(String, Name)>, OpenError> {
    let mut names = disk.list().map_err(OpenError::io("list the data directory"))?;
    names.sort_unstable();
    Ok(names
        .into_iter()
        .map(|name| {
            let kind = Name::parse(&name);
            (name, kind)
        })
        .collect())
}

/// A shard's files.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The index of the newest snapshot.
    pub(super) snapshot: Option<u64>,
    /// The first indexes of the segments behind it, ascending.
    pub(super) segments: Vec<u64>,
    /// What the newest snapshot has replaced.
    pub(super) stale: Vec<String>,
}

impl Files {
    /// Those of `shard`, without what begins behind the entry `until`.
    pub(super) fn of(shard: u32, until: u64, names: &[(String, Name)]) -> Self {
        let ours = || names.iter().filter(|(_, name)| name.shard() == Some(shard));
        let snapshot = ours().filter_map(|(_, name)| match name {
            Name::Snapshot { index, .. } if *index <= until => Some(*index),
            _ => None,
        });
        let mut files = Self { snapshot: snapshot.max(), ..Self::default() };
        for (name, kind) in ours() {
            match *kind {
                Name::Segment { first, .. } if first > until => {}
                Name::Segment { first, .. } if first > files.index() => files.segments.push(first),
                Name::Snapshot { index, .. } if index >= files.index() => {}
                _ => files.stale.push(name.clone()),
            }
        }
        files.segments.sort_unstable();
        files
    }

    /// The last entry that is in the snapshot.
    pub(super) fn index(&self) -> u64 {
        self.snapshot.unwrap_or_default()
    }

    /// Whether nothing was ever kept.
    pub(super) const fn is_empty(&self) -> bool {
        self.snapshot.is_none() && self.segments.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (name, kind) in [
            ("life", Name::Life),
            (&segment(7, u64::MAX), Name::Segment { shard: 7, first: u64::MAX }),
            (&snapshot(u32::MAX, 0), Name::Snapshot { shard: u32::MAX, index: 0 }),
            ("life.tmp", Name::Temporary),
            ("00001-00000000000000000009.log.tmp", Name::Temporary),
        ] {
            assert_eq!(Name::parse(name), kind, "{name}");
        }
        for name in ["1-9.log", "0000+-00000000000000000009.log", "notes.tmp", "life.tmp.tmp", ".log", ""] {
            assert_eq!(Name::parse(name), Name::Other, "{name}");
        }
    }

    #[test]
    fn a_snapshot_replaces_what_is_before_it() {
        let names =
            [segment(0, 1), segment(0, 11), segment(0, 21), snapshot(0, 10), snapshot(0, 20), segment(1, 1)];
        let names: Vec<_> = names.into_iter().map(|name| (name.clone(), Name::parse(&name))).collect();
        let files = Files::of(0, u64::MAX, &names);
        assert_eq!((files.snapshot, files.segments), (Some(20), vec![21]));
        assert_eq!(files.stale, [segment(0, 1), segment(0, 11), snapshot(0, 10)]);
        let files = Files::of(0, 19, &names);
        assert_eq!((files.snapshot, files.segments), (Some(10), vec![11]));
    }
}

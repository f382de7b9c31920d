//! Entries that are written at once: as they are gathered, and as they are found again.

use super::header::{crc, u32_at, u64_at};

/// What a batch begins with: magic, length of its entries, first index, how many, what was synced when it was written,
/// and the crc of all that and the entries.
const HEADER_BYTES: usize = 32;

/// No text in UTF-8 has one of these bytes.
const MAGIC: [u8; 4] = [0xc1, 0xf5, 0xfe, 0xf9];

/// Entries that are written at once, in one buffer.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Room for the header, then every entry behind its length.
    buffer: Vec<u8>,
    first: u64,
    count: u32,
}

impl Batch {
    /// Adds what `encode` appends as the entry with `index`: the one after [`last`](Self::last).
    ///
    /// # Panics
    /// If it is not, or if the batch has 4 GiB.
    pub fn push(&mut self, index: u64, encode: impl FnOnce(&mut Vec<u8>)) {
        if self.is_empty() {
            self.first = index;
            self.buffer.resize(HEADER_BYTES, 0);
        }
        assert_eq!(index, self.first + u64::from(self.count), "entries come in order");
        let begins = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        encode(&mut self.buffer);
        let length = u32::try_from(self.buffer.len() - begins - 4).expect("an entry is shorter than 4 GiB");
        self.buffer[begins..begins + 4].copy_from_slice(&length.to_le_bytes());
        self.count += 1;
    }

    /// The first entry's index; 0 if there is none.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The last entry's index; 0 if there is none.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.first + u64::from(self.count.saturating_sub(1))
    }

    /// How much will be written.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Forgets the entries and keeps the buffer.
    pub fn clear(&mut self) {
        self.buffer.clear();
        (self.first, self.count) = (0, 0);
    }

    /// What is written of it when `synced` is the last entry that is synced.
    pub(super) fn seal(&mut self, seed: u32, synced: u64) -> &[u8] {
        let (header, entries) = self.buffer.split_at_mut(HEADER_BYTES);
        header.copy_from_slice(&encode(seed, self.first, self.count, synced, entries));
        &self.buffer
    }
}

/// What is written behind a sync: a batch without entries. It proves that everything before it was synced.
pub(super) fn mark(seed: u32, synced: u64) -> [u8; HEADER_BYTES] {
    encode(seed, synced + 1, 0, synced, &[])
}

fn encode(seed: u32, first: u64, count: u32, synced: u64, entries: &[u8]) -> [u8; HEADER_BYTES] {
    let length = u32::try_from(entries.len()).expect("a batch is shorter than 4 GiB");
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..16].copy_from_slice(&first.to_le_bytes());
    header[16..20].copy_from_slice(&count.to_le_bytes());
    header[20..28].copy_from_slice(&synced.to_le_bytes());
    let crc = crc(seed, &[&header[..28], entries]);
    header[28..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// A batch as it was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored<'a> {
    pub(super) first: u64,
    pub(super) count: u32,
    /// The last entry that was synced when this was written.
    pub(super) synced: u64,
    /// Where in the file it ends.
    pub(super) end: usize,
    entries: &'a [u8],
}

impl<'a> Stored<'a> {
    /// The batch at `at`, if that is whole and as it was written.
    pub(super) fn read(file: &'a [u8], at: usize, seed: u32) -> Option<Self> {
        let (header, rest) = file.get(at..)?.split_first_chunk::<HEADER_BYTES>()?;
        let entries = rest.get(..u32_at(header, 4) as usize)?;
        let is_whole = crc(seed, &[&header[..28], entries]) == u32_at(header, 28);
        if header[..4] != MAGIC || !is_whole && !chinwag_core::planted!(TornTailAccepted) {
            return None;
        }
        Some(Self {
            first: u64_at(header, 8),
            count: u32_at(header, 16),
            synced: u64_at(header, 20),
            end: at + HEADER_BYTES + entries.len(),
            entries,
        })
    }

    /// Every whole batch that begins at `at` or later, whatever lies between.
    pub(super) fn scan(file: &'a [u8], mut at: usize, seed: u32) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            loop {
                at += file.get(at..)?.windows(MAGIC.len()).position(|bytes| bytes == MAGIC)?;
                if let Some(batch) = Self::read(file, at, seed) {
                    at = batch.end;
                    return Some(batch);
                }
                at += 1;
            }
        })
    }

    /// The index after the last entry.
    pub(super) fn next(&self) -> u64 {
        self.first.saturating_add(self.count.into())
    }

    /// Its entries with their indexes.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, &'a [u8])> {
        let mut rest = self.entries;
        (self.first..self.next()).map_while(move |index| {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let (entry, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = behind;
            Some((index, entry))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(first: u64, entries: &[&[u8]]) -> Batch {
        let mut batch = Batch::default();
        for (index, entry) in (first..).zip(entries) {
            batch.push(index, |buffer| buffer.extend_from_slice(entry));
        }
        batch
    }

    #[test]
    fn a_batch_is_found_as_it_was_gathered() {
        let mut batch = batch(5, &[b"one", b"", b"three"]);
        assert_eq!((batch.first(), batch.last(), batch.is_empty()), (5, 7, false));
        let bytes = batch.bytes();
        let file = batch.seal(1, 4);
        assert_eq!(file.len(), bytes);
        let stored = Stored::read(file, 0, 1).unwrap();
        assert_eq!((stored.next(), stored.synced, stored.end), (8, 4, bytes));
        let entries: Vec<_> = stored.entries().collect();
        assert_eq!(entries, [(5, &b"one"[..]), (6, b""), (7, b"three")]);
        batch.clear();
        assert_eq!((batch.first(), batch.last(), batch.bytes(), batch.is_empty()), (0, 0, 0, true));
        batch.push(9, |_| {});
        assert_eq!((batch.first(), batch.last()), (9, 9));
    }

    #[test]
    fn nothing_else_is_taken_for_it() {
        let file = batch(5, &[b"one", b"two"]).seal(1, 4).to_vec();
        assert!(Stored::read(&file, 0, 2).is_none(), "another log's");
        for length in 0..file.len() {
            assert!(Stored::read(&file[..length], 0, 1).is_none(), "{length}");
        }
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Stored::read(&flipped, 0, 1).is_none(), "{bit}");
        }
    }

    #[test]
    fn a_scan_finds_what_is_whole() {
        let mut file = b"rubbish".to_vec();
        file.extend(MAGIC);
        file.extend(batch(1, &[b"torn"]).seal(1, 0).split_last().unwrap().1);
        file.extend(batch(2, &[b"whole"]).seal(1, 1));
        file.extend(mark(1, 2));
        let found: Vec<_> =
            Stored::scan(&file, 0, 1).map(|batch| (batch.first, batch.count, batch.synced)).collect();
        assert_eq!(found, [(2, 1, 1), (3, 0, 2)]);
    }

    #[test]
    #[should_panic(expected = "in order")]
    fn a_gap_is_our_bug() {
        let mut batch = batch(1, &[b"one"]);
        batch.push(3, |_| {});
    }
}

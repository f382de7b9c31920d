//! A file's bytes, and which of them a power cut may take.

use std::ops::Range;

/// A file that only grows.
#[derive(Debug, Default)]
pub(super) struct File {
    bytes: Vec<u8>,
    /// What a power cut may take, in order. All other bytes are durable.
    writes: Vec<Write>,
}

#[derive(Debug)]
struct Write {
    at: Range<usize>,
    /// A sync that was for it has failed: no other one brings it to the disk.
    doomed: bool,
}

/// What a power cut leaves of a write.
enum Fate {
    Kept,
    /// So many bytes, and then what.
    Torn(usize, Rest),
}

enum Rest {
    /// If nothing came behind it, the file ends there.
    Absent,
    Zeros,
    /// Whatever lay there before.
    Garbage(u64),
}

impl File {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        let at = self.bytes.len()..self.bytes.len() + bytes.len();
        self.bytes.extend_from_slice(bytes);
        if !at.is_empty() {
            self.writes.push(Write { at, doomed: false });
        }
    }

    pub(super) fn sync(&mut self) {
        self.writes.retain(|write| write.doomed);
    }

    pub(super) fn doom(&mut self) {
        self.writes.iter_mut().for_each(|write| write.doomed = true);
    }

    /// Turns the `bit`th durable bit round, and says at which byte; or how many bits less there are.
    pub(super) fn flip(&mut self, bit: u64) -> Result<u64, u64> {
        let is_durable = |at: &usize| !self.writes.iter().any(|write| write.at.contains(at));
        let durable: Vec<usize> = (0..self.bytes.len()).filter(is_durable).collect();
        let Some(&at) = usize::try_from(bit / 8).ok().and_then(|nth| durable.get(nth)) else {
            return Err(bit - durable.len() as u64 * 8);
        };
        self.bytes[at] ^= 1 << (bit % 8);
        Ok(at as u64)
    }

    /// How many bits are durable.
    pub(super) fn durable_bits(&self) -> u64 {
        let undurable: usize = self.writes.iter().map(|write| write.at.len()).sum();
        (self.bytes.len() - undurable) as u64 * 8
    }

    /// The power fails.
    pub(super) fn cut(&mut self, draw: &mut impl FnMut(Range<u64>) -> u64) {
        let mut is_last = true;
        // From the end, as the file ends where nothing came behind.
        for Write { at, doomed } in std::mem::take(&mut self.writes).into_iter().rev() {
            let Fate::Torn(kept, rest) = fate(at.len(), doomed, draw) else {
                is_last = false;
                continue;
            };
            let torn = at.start + kept..at.end;
            match rest {
                Rest::Absent if is_last => self.bytes.truncate(torn.start),
                Rest::Absent | Rest::Zeros => self.bytes[torn].fill(0),
                Rest::Garbage(seed) => fill(&mut self.bytes[torn], seed),
            }
            is_last &= matches!(rest, Rest::Absent) && kept == 0;
        }
    }
}

fn fate(length: usize, doomed: bool, draw: &mut impl FnMut(Range<u64>) -> u64) -> Fate {
    let kept = match draw(0..3) {
        0 if !doomed => return Fate::Kept,
        1 if !doomed => usize::try_from(draw(0..length as u64)).expect("less than a length"),
        _ => 0,
    };
    Fate::Torn(
        kept,
        match draw(0..3) {
            0 => Rest::Zeros,
            1 => Rest::Garbage(draw(0..u64::MAX)),
            _ => Rest::Absent,
        },
    )
}

/// Fills `bytes` with what no one wrote: Marsaglia's xorshift.
fn fill(bytes: &mut [u8], seed: u64) {
    let mut state = seed | 1;
    for byte in bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_le_bytes()[3];
    }
}

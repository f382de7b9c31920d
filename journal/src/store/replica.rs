//! A shard as what stored entries are applied to, and how both are written.

use std::io::{self, Read, Write};

use chinwag_core::{Shard, shard::Entry};

use super::{Damage, Replica};

/// Longest text that is read from a snapshot at once, in bytes: a name, a message, what it carries.
const SCRATCH_BYTES: usize = 1 << 20;

/// Writes an entry behind what is there.
pub(crate) fn encode(entry: &Entry, bytes: &mut Vec<u8>) {
    postcard::to_io(entry, bytes).expect("entries can be written, and memory takes everything");
}

/// Reads an entry.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Entry, Damage> {
    match postcard::take_from_bytes(bytes) {
        Ok((entry, [])) => Ok(entry),
        Ok((_, rest)) => Err(Damage(format!("an entry with {} bytes too many", rest.len()))),
        Err(error) => Err(Damage(format!("no entry: {error}"))),
    }
}

impl Replica for Shard {
    fn restore(&mut self, from: &mut dyn Read) -> Result<(), Damage> {
        let mut scratch = vec![0; SCRATCH_BYTES];
        let read = postcard::from_io((from, &mut scratch));
        let (shard, _) = read.map_err(|error| Damage(format!("no snapshot: {error}")))?;
        *self = shard;
        Ok(())
    }

    fn apply(&mut self, index: u64, entry: &[u8]) -> Result<(), Damage> {
        let entry = decode(entry)?;
        if entry.index != index || index != self.applied() + 1 || entry.at < self.at() {
            return Err(Damage(format!("entry {} in the place of {index}", entry.index)));
        }
        // What follows from it was said when it was applied first.
        Self::apply(self, &entry, &mut Vec::new());
        Ok(())
    }

    fn save(&self, to: &mut dyn Write) -> io::Result<()> {
        postcard::to_io(self, to).map(|_| ()).map_err(io::Error::other)
    }
}

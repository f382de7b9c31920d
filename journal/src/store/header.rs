//! The first bytes of segments and snapshots. Every format has them, so that older programs can say what is wrong.

use crc32fast::Hasher;

use super::OpenError;

/// The format of files, with all that is in them. A field more or another meaning makes the next.
pub(super) const FORMAT: u32 = 1;

/// How long a header is.
pub(super) const HEADER_BYTES: usize = 36;

/// What a file begins with: a magic, the format, these fields, and the crc of it all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) shard: u32,
    /// A segment's first index, a snapshot's last.
    pub(super) index: u64,
    /// Which data directory it is of.
    pub(super) identity: u64,
}

/// What a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Segment,
    Snapshot,
}

impl Kind {
    const fn magic(self) -> [u8; 8] {
        match self {
            Self::Segment => *b"chinwagL",
            Self::Snapshot => *b"chinwagS",
        }
    }
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&self.kind.magic());
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.shard.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.index.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.identity.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..32]);
        bytes[32..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Whether `file`, which begins with `bytes`, has this header.
    pub(super) fn check(&self, file: &str, bytes: &[u8]) -> Result<(), OpenError> {
        let damaged = |why: &str| Err(OpenError::damaged(file, 0, why));
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
            return damaged("its header is cut short");
        };
        if crc32fast::hash(&bytes[..32]) != u32_at(bytes, 32) {
            return damaged("its header is not what was written");
        }
        let found = u32_at(bytes, 8);
        if found != FORMAT {
            return Err(OpenError::OtherFormat { file: file.into(), found, supported: FORMAT });
        }
        if u64_at(bytes, 24) != self.identity {
            let why = "it was written for another one".into();
            return Err(OpenError::Foreign { file: file.into(), why });
        }
        if *bytes != self.encode() {
            return damaged("it was written under another name");
        }
        Ok(())
    }

    /// Where the crc of everything behind begins: what belongs to another directory or shard is never right here, and
    /// who does not know the identity cannot write what is.
    pub(super) fn seed(&self) -> u32 {
        seed(self.identity, self.shard)
    }
}

/// Where the crc of a shard's batches begins.
pub(super) fn seed(identity: u64, shard: u32) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&identity.to_le_bytes());
    hasher.update(&shard.to_le_bytes());
    hasher.finalize()
}

/// The crc of `parts`, from `seed` on.
pub(super) fn crc(seed: u32, parts: &[&[u8]]) -> u32 {
    let mut hasher = Hasher::new_with_initial(seed);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { kind: Kind::Segment, shard: 3, index: 9, identity: 77 };

    fn check(header: &Header) -> Result<(), OpenError> {
        HEADER.check("file", &header.encode())
    }

    #[test]
    fn each_mistake_has_its_error() {
        assert!(check(&HEADER).is_ok());
        assert!(matches!(check(&Header { identity: 78, ..HEADER }), Err(OpenError::Foreign { .. })));
        for renamed in [
            Header { shard: 4, ..HEADER },
            Header { index: 8, ..HEADER },
            Header { kind: Kind::Snapshot, ..HEADER },
        ] {
            assert!(matches!(check(&renamed), Err(OpenError::Damaged { .. })));
        }
    }

    #[test]
    fn no_bit_and_no_byte_can_be_missing() {
        let bytes = HEADER.encode();
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(HEADER.check("file", &flipped), Err(OpenError::Damaged { .. })), "{bit}");
        }
        for length in 0..HEADER_BYTES {
            assert!(
                matches!(HEADER.check("file", &bytes[..length]), Err(OpenError::Damaged { .. })),
                "{length}"
            );
        }
    }

    #[test]
    fn another_format_is_told_from_damage() {
        for format in [FORMAT - 1, FORMAT + 8] {
            let mut bytes = HEADER.encode();
            bytes[8..12].copy_from_slice(&format.to_le_bytes());
            let crc = crc32fast::hash(&bytes[..32]);
            bytes[32..].copy_from_slice(&crc.to_le_bytes());
            let error = HEADER.check("file", &bytes).unwrap_err();
            assert!(matches!(error, OpenError::OtherFormat { found, .. } if found == format), "{error}");
        }
    }
}

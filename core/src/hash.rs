//! Stable hashes: the same on every machine, build and day. Not for secrets.

use std::hash::{BuildHasherDefault, Hasher};

/// A table by numbers that no peer chooses, such as connection ids: whoever could choose them could make it slow.
#[expect(
    clippy::disallowed_types,
    reason = "its hasher is always the same, and nothing goes through it in its order"
)]
pub type NumberMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// Hashes one number of 64 bits, or several.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = mix(self.0, self::bytes(bytes));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Mixes `value` into `state` (the finisher of SplitMix64 over their combination).
#[must_use]
pub const fn mix(state: u64, value: u64) -> u64 {
    let mut z = (state.rotate_left(23) ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hashes bytes, eight at a time.
#[must_use]
pub fn bytes(bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    let mut state = mix(0, bytes.len() as u64);
    for chunk in &mut chunks {
        state = mix(state, u64::from_le_bytes(chunk.try_into().expect("chunks of eight")));
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    mix(state, u64::from_le_bytes(last))
}

/// Which of `count` shards a name belongs to.
#[must_use]
pub fn shard_of(name: &str, count: u32) -> crate::id::ShardId {
    let shard = bytes(name.as_bytes()) % u64::from(count.max(1));
    crate::id::ShardId(u32::try_from(shard).expect("below a u32"))
}

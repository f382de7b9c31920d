//! How parts are held against reference models: plain restatements of their rules that cannot be fast, only right.

use proptest::{prelude::ProptestConfig, test_runner::RngSeed};

/// So many histories, the same every time; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` look further.
pub(crate) fn histories(cases: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

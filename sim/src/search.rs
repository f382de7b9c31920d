//! Many runs: batches, comparisons, planted bugs, and ever smaller scenarios.

pub mod batch;
pub mod bugs;
pub mod compare;
pub(crate) mod fingerprint;
pub mod minimise;
pub(crate) mod simplify;
pub mod strategy;

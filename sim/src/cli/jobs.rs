//! How many threads a command uses.

use std::{num::NonZero, thread};

/// The most that anybody has cores for.
const JOBS_MAX: usize = 1_024;

/// As many as there are cores.
pub(crate) fn cores() -> NonZero<usize> {
    thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

/// What `--jobs` says.
///
/// # Errors
/// If it is no number from 1 to [`JOBS_MAX`].
pub(crate) fn jobs(text: &str) -> Result<NonZero<usize>, String> {
    let jobs = text.parse().ok().filter(|jobs: &NonZero<usize>| jobs.get() <= JOBS_MAX);
    jobs.ok_or_else(|| format!("a number from 1 to {JOBS_MAX} is wanted"))
}

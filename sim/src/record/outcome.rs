//! What came of a run.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use crate::{
    plan::profile::{Name, Profile},
    record::digest::described,
};

/// A promise that was broken, or a machine that misbehaved.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// Which check noticed it: a promise of the oracle, or one of [`crate::checks`].
    pub check: &'static str,
    /// When, counted from the start.
    pub at: Duration,
    /// After how many entries of the trace.
    pub event: u64,
    /// What happened.
    pub sentence: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, at, event, sentence } = self;
        write!(f, "{check} at {}.{:06} s, entry {event}: {sentence}", at.as_secs(), at.subsec_micros())
    }
}

/// A message that is in a room.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Placed {
    /// The room's number.
    pub room: u32,
    /// Its client's number.
    pub client: u32,
    /// How many messages were handed to clients before it.
    pub number: u32,
}

/// What came of a run.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// The seed of the scenario.
    pub seed: u64,
    /// What that seed was for.
    pub profile: Profile,
    /// Stands for everything that happened.
    pub hash: u64,
    /// Inputs that machines handled.
    pub events: u64,
    /// Frames that clients read.
    pub frames: u64,
    /// How much time passed in the scenario.
    pub virtual_time: Duration,
    /// What went wrong. The run ends with the first that shows before its end.
    pub failures: Vec<Failure>,
    /// What is in each room, in order.
    #[serde(skip)]
    pub log: Vec<Placed>,
    /// How often each check was made.
    pub checks: BTreeMap<&'static str, u64>,
    /// How often each thing happened that may happen.
    pub marks: BTreeMap<String, u64>,
}

impl Outcome {
    /// The name under which `sim` makes the scenario again.
    #[must_use]
    pub const fn name(&self) -> Name {
        Name { profile: self.profile, seed: self.seed }
    }

    /// Stand for how much happened, for failures, checks, marks, and the log.
    pub(crate) fn digests(&self) -> [u64; 5] {
        let counts = (self.events, self.frames, self.virtual_time);
        let Self { failures, checks, marks, log, .. } = self;
        [described(&counts), described(failures), described(checks), described(marks), described(log)]
    }

    /// Whether nothing went wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }
}

/// The command that shows the run of a seed or a file again, with this build's assertions.
#[must_use]
pub fn replay_line(name: impl fmt::Display) -> String {
    let build = if cfg!(debug_assertions) { "--profile soak" } else { "--release" };
    format!("cargo run {build} -p chinwag-sim --bin sim -- replay {name}")
}

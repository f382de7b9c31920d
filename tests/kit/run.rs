//! A load test, from its scenario to its files.

use std::{fs, path::PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::{Ended, Process};

/// A directory for a scenario and what comes of it.
pub(crate) struct Run {
    /// It goes with the test.
    pub(crate) directory: TempDir,
}

impl Run {
    /// Writes the scenario down.
    pub(crate) fn of(scenario: &str) -> Self {
        let run = Self { directory: tempfile::tempdir().unwrap() };
        fs::write(run.path("scenario.toml"), scenario).unwrap();
        run
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts it, with the server of its own unless told otherwise.
    pub(crate) fn start(&self, args: &[&str]) -> Process {
        let scenario = self.path("scenario.toml");
        let paths =
            ["--scenario", scenario.to_str().unwrap(), "--out", self.directory.path().to_str().unwrap()];
        Process::start("loadgen", &[&paths, args].concat())
    }

    /// Carries it out.
    pub(crate) async fn end(&self, args: &[&str]) -> Ended {
        self.start(args).ended().await
    }

    /// What came of it.
    pub(crate) fn summary(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path("summary.json")).unwrap()).unwrap()
    }
}

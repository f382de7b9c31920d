//! Scenario files: comments that say what they once found, then the scenario.

use std::{fmt, fs, path::Path};

use anyhow::Context;

use crate::{minimise::Minimised, outcome::Failure, profile::Name, scenario::Scenario};

/// A scenario and what is said of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScenarioFile {
    /// Lines of text, without their `#`.
    pub comments: Vec<String>,
    /// What happens.
    pub scenario: Scenario,
}

impl ScenarioFile {
    /// The scenario of a seed, or of a file.
    ///
    /// # Errors
    /// If it is no number and no file that can be read.
    pub fn find(name: &str) -> anyhow::Result<Self> {
        match name.parse::<Name>() {
            Ok(Name { profile, seed }) => {
                Ok(Self { comments: Vec::new(), scenario: Scenario::of(profile, seed) })
            }
            Err(_) => Self::read(Path::new(name)),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If there is none, or it is no scenario.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read {name}: give a seed, or a file written by `sim plan`"))?;
        let scenario = text.parse().with_context(|| format!("{name} is no scenario"))?;
        let comments = text.lines().filter_map(|line| line.strip_prefix('#'));
        Ok(Self { comments: comments.map(|line| line.trim().to_owned()).collect(), scenario })
    }

    /// What came of minimising: the comments of the scenario that was minimised stay, for they say what it found first.
    #[must_use]
    pub fn of_minimised(original: &Self, small: &Minimised) -> Self {
        let Minimised { scenario, failure: Failure { check, sentence, .. }, runs, .. } = small;
        let mut comments = original.comments.clone();
        if comments.is_empty() {
            let (from, to) = (original.scenario.steps.len(), scenario.steps.len());
            comments = vec![
                format!("seed {}, check {check}: {}", scenario.name(), one_line(sentence)),
                format!(
                    "minimised from {from} steps to {to} in {runs} runs by `sim minimise {}`",
                    scenario.name()
                ),
            ];
        }
        Self { comments, scenario: scenario.clone() }
    }

    /// Writes a file, and the folder it is in if there is none.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        fs::write(path, self.to_string()).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl fmt::Display for ScenarioFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for comment in &self.comments {
            writeln!(f, "# {comment}")?;
        }
        write!(f, "{}", self.scenario)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_survive_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new").join("a.scn");
        let comments = vec!["what it found".to_owned(), "and how".to_owned()];
        let file = ScenarioFile { comments, scenario: Scenario::generate(3) };
        file.write(&path).expect("it can be written");
        assert_eq!(ScenarioFile::read(&path).expect("it can be read"), file);
        assert_eq!(ScenarioFile::find(path.to_str().unwrap()).expect("it is there"), file);
        assert_eq!(ScenarioFile::find("3").expect("a seed").scenario, file.scenario);
        assert!(ScenarioFile::find("nowhere.scn").unwrap_err().to_string().contains("nowhere.scn"));
    }

    #[test]
    fn minimising_keeps_what_was_said_first() {
        let scenario = Scenario::generate(3);
        let failure = Failure {
            check: "answered",
            at: std::time::Duration::ZERO,
            event: 1,
            sentence: "c1 waits\nfor long".to_owned(),
        };
        let small = Minimised { scenario: scenario.clone(), failure, runs: 9, repeats: true };
        let original = ScenarioFile { comments: Vec::new(), scenario };
        let first = ScenarioFile::of_minimised(&original, &small);
        assert_eq!(first.comments[0], "seed 3, check answered: c1 waits for long");
        assert_eq!(ScenarioFile::of_minimised(&first, &small).comments, first.comments);
    }
}

//! Scenario files: comments that say what they once found, then the scenario.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, bail, ensure};

use crate::{
    cli::output::make_folder_of,
    plan::{plain, profile::Name, scenario::Scenario},
    record::outcome::Failure,
    search::minimise::Minimised,
};

/// Bytes of a file that may be a scenario: what is longer was not written by `sim plan`.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// A scenario and what is said of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScenarioFile {
    /// How `sim` finds it: by a seed, or by a path.
    pub name: String,
    /// Lines of text, without their `#`.
    pub comments: Vec<String>,
    /// What happens.
    pub scenario: Scenario,
}

impl ScenarioFile {
    /// The scenario of a seed, of which nothing is said.
    #[must_use]
    pub fn of_seed(scenario: Scenario) -> Self {
        Self { name: scenario.name().to_string(), comments: Vec::new(), scenario }
    }

    /// The scenario of a seed, or of a file.
    ///
    /// # Errors
    /// If it is no number and no file that can be read.
    pub fn find(name: &str) -> anyhow::Result<Self> {
        match name.parse::<Name>() {
            Ok(Name { profile, seed }) => Ok(Self::of_seed(Scenario::of(profile, seed))),
            Err(why) if is_like_a_seed(name) && !Path::new(name).exists() => bail!(why),
            Err(_) => Self::read(Path::new(name)),
        }
    }

    /// What messages call it.
    #[must_use]
    pub fn title(&self) -> String {
        match self.name.parse::<Name>() {
            Ok(name) => format!("seed {name}"),
            Err(_) => self.name.clone(),
        }
    }

    /// Why a failure of it may be nobody's fault, if somebody has edited it so.
    #[must_use]
    pub fn doubt(&self) -> Option<&'static str> {
        let sound = plain::is_sound(&self.scenario);
        (!sound).then_some("its limits do not fit together: a check may fail that nobody has to answer for")
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If there is none, or it is no scenario.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let text = text(path)
            .with_context(|| format!("cannot read {name}: give a seed, or a file written by `sim plan`"))?;
        let is_short = text.len() as u64 <= FILE_BYTES_MAX;
        ensure!(is_short, "{name} is no scenario: it has more than {} MB", FILE_BYTES_MAX >> 20);
        let scenario = text.parse().with_context(|| format!("{name} is no scenario"))?;
        let comments = text.lines().filter_map(|line| line.strip_prefix('#'));
        let comments = comments.map(|line| line.trim().to_owned()).collect();
        Ok(Self { name, comments, scenario })
    }

    /// What came of minimising: the comments of the scenario that was minimised stay, for they say what it found first.
    #[must_use]
    pub fn of_minimised(original: &Self, small: &Minimised) -> Self {
        let Minimised { scenario, failure: Failure { check, sentence, .. }, runs, .. } = small;
        let mut comments = original.comments.clone();
        if comments.is_empty() {
            let (from, to) = (original.scenario.steps.len(), scenario.steps.len());
            let (title, name) = (without_folder(&original.title()), without_folder(&original.name));
            comments = vec![
                format!("{title}, check {check}: {}", one_line(sentence)),
                format!("minimised from {from} steps to {to} in {runs} runs by `sim minimise {name}`"),
            ];
        }
        Self { name: original.name.clone(), comments, scenario: scenario.clone() }
    }

    /// Writes a file, and the folder it is in if there is none.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        make_folder_of(path)?;
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

/// What a file holds, or of one that is too long the beginning.
fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// Digits, or something before a colon: whoever writes that means a seed.
fn is_like_a_seed(name: &str) -> bool {
    name.contains(':') || name.bytes().all(|byte| byte.is_ascii_digit())
}

/// A file stays what it is when its folder is called something else.
fn without_folder(name: &str) -> String {
    Path::new(name).file_name().map_or_else(|| name.to_owned(), |file| file.to_string_lossy().into_owned())
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
        let name = path.to_str().expect("its name is text").to_owned();
        let file = ScenarioFile { name, comments, scenario: Scenario::generate(3) };
        file.write(&path).expect("it can be written");
        assert_eq!(ScenarioFile::read(&path).expect("it can be read"), file);
        assert_eq!(ScenarioFile::find(path.to_str().unwrap()).expect("it is there"), file);
        assert_eq!(ScenarioFile::find("3").expect("a seed").scenario, file.scenario);
        assert!(ScenarioFile::find("nowhere.scn").unwrap_err().to_string().contains("nowhere.scn"));
        let error = |name| ScenarioFile::find(name).unwrap_err().to_string();
        assert!(error("99999999999999999999").contains("is no seed"), "{}", error("99999999999999999999"));
        assert!(error("net:x").contains("\"x\" is no seed"), "{}", error("net:x"));
        assert!(error("never:1").contains("there is no profile never"), "{}", error("never:1"));
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
        let original = ScenarioFile::of_seed(scenario);
        let first = ScenarioFile::of_minimised(&original, &small);
        assert_eq!(first.comments[0], "seed 3, check answered: c1 waits for long");
        assert_eq!(ScenarioFile::of_minimised(&first, &small).comments, first.comments);
        let edited = ScenarioFile { name: "some/where/edited.scn".to_owned(), ..original };
        let first = ScenarioFile::of_minimised(&edited, &small);
        assert_eq!(first.comments[0], "edited.scn, check answered: c1 waits for long");
        assert!(first.comments[1].ends_with("by `sim minimise edited.scn`"), "{}", first.comments[1]);
    }
}

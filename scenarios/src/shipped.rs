//! The scenarios that come with Chinwag.

use std::path::Path;

use crate::{error::nearest, scenario::Scenario};

/// A scenario that comes with Chinwag.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// What it is called by.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

impl Shipped {
    /// What it is, in one sentence: the first line of the file.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

impl Scenario {
    /// Reads a file, or one that is shipped if there is no file of that name.
    ///
    /// # Errors
    /// One line: what is wrong and where, or which name was probably meant.
    pub fn find(path: &Path) -> Result<Self, String> {
        let file = shipped().iter().find(|file| path == Path::new(file.name));
        let scenario = match file {
            Some(file) if !path.exists() => Self::parse(file.name, file.text),
            _ => Self::load(path),
        };
        let known = shipped().iter().map(|file| file.name);
        // What looks like a name and is no file was probably meant to be one of ours.
        let meant = path.to_str().filter(|_| !path.exists()).and_then(|word| nearest(word, known));
        let meant = meant.map_or_else(String::new, |meant| {
            format!("; did you mean `{meant}`, which comes with the program?")
        });
        scenario.map_err(|error| format!("{error}{meant}"))
    }
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(Shipped { name: $name, text: include_str!(concat!("../", $name, ".toml")) }),*]
    };
}

static SHIPPED: &[Shipped] = &files![
    "big-room",
    "burst",
    "hostile",
    "many-rooms",
    "ramp",
    "reconnect-storm",
    "slow-readers",
    "smoke",
    "soak",
    "spike",
    "steady",
    "typing-storm",
];

/// All of them, by name.
#[must_use]
pub const fn shipped() -> &'static [Shipped] {
    SHIPPED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_scenarios_are_found_by_name() {
        for file in shipped() {
            assert_eq!(Scenario::find(Path::new(file.name)).unwrap().run.name, file.name);
        }
        let error = Scenario::find(Path::new("no-such-scenario")).unwrap_err();
        assert!(error.starts_with("no-such-scenario: ") && !error.contains('\n'), "{error}");
        let error = Scenario::find(Path::new("smok")).unwrap_err();
        assert!(error.ends_with("did you mean `smoke`, which comes with the program?"), "{error}");
    }
}

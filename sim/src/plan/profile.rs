//! What a scenario is mostly about.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a scenario is mostly about.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Everything, in another mixture for every seed.
    #[default]
    Default,
    /// No faults: what must hold when nothing goes wrong.
    Calm,
    /// Lines that stall, break and go silent.
    Net,
    /// More is said than may be, to those who read slowly.
    Overload,
    /// Everybody comes and goes, the server too.
    Churn,
    /// Clocks that drift and jump, nodes that pause.
    Clock,
    /// Nonsense, floods and thieves.
    Hostile,
    /// Faults that never end: only what is shown is judged.
    NoLimits,
    /// Restarts, power cuts and bad disks under a log that is to outlive them.
    Durable,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Default,
        Self::Calm,
        Self::Net,
        Self::Overload,
        Self::Churn,
        Self::Clock,
        Self::Hostile,
        Self::NoLimits,
        Self::Durable,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Calm => "calm",
            Self::Net => "net",
            Self::Overload => "overload",
            Self::Churn => "churn",
            Self::Clock => "clock",
            Self::Hostile => "hostile",
            Self::NoLimits => "nolimits",
            Self::Durable => "durable",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name);
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or_else(|| format!("there is no profile {name}; there are {}", names.join(", ")))
    }
}

/// A seed and the profile it is for: `42`, or `net:42`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Name {
    /// The profile.
    pub profile: Profile,
    /// The seed.
    pub seed: u64,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.profile {
            Profile::Default => write!(f, "{}", self.seed),
            profile => write!(f, "{profile}:{}", self.seed),
        }
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let (profile, seed) = match name.split_once(':') {
            Some((profile, seed)) => (profile.parse()?, seed),
            None => (Profile::Default, name),
        };
        let seed = seed.parse().map_err(|_| format!("{seed:?} is no seed: a number from 0 to 2^64 − 1"))?;
        Ok(Self { profile, seed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for profile in Profile::ALL {
            assert_eq!(profile.name().parse(), Ok(profile));
        }
        for name in [Name::default(), Name { profile: Profile::Net, seed: 42 }] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        assert!("net:x".parse::<Name>().unwrap_err().contains("no seed"));
        let error = "never".parse::<Profile>().unwrap_err();
        assert!(error.contains("there is no profile never; there are default, calm"), "{error}");
    }
}

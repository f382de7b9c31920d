//! The scenarios that come with Chinwag.

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

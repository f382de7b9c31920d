//! What stands out, and how: with colours, or without where `NO_COLOR` says so.

use chinwag_core::hash;
use ratatui::style::{Color, Modifier, Style};

/// What stands out, and how. Colours are those of the terminal's own sixteen, so that they fit its background.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Whether there are colours.
    pub colours: bool,
}

impl Theme {
    /// As the environment wants it (<https://no-color.org>).
    #[must_use]
    pub fn from_environment() -> Self {
        Self { colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    /// The bar at the top.
    #[must_use]
    pub const fn header(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What can be passed over.
    #[must_use]
    pub const fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What is to be seen first.
    #[must_use]
    pub const fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What went wrong.
    #[must_use]
    pub fn problem(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What names the reader.
    #[must_use]
    pub fn mention(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        if self.colours { style.fg(Color::Yellow) } else { style.add_modifier(Modifier::REVERSED) }
    }

    /// A user's name: everybody has a colour of their own, as far as five go. Red is for what went wrong.
    #[must_use]
    pub fn name(self, name: &str) -> Style {
        const COLOURS: [Color; 5] = [Color::Green, Color::Yellow, Color::Blue, Color::Magenta, Color::Cyan];
        let which = hash::bytes(name.as_bytes()) % COLOURS.len() as u64;
        self.coloured(COLOURS[usize::try_from(which).expect("below five")]).add_modifier(Modifier::BOLD)
    }

    /// Whether all is well.
    #[must_use]
    pub fn state(self, is_well: bool) -> Style {
        let style = self.header();
        if is_well || !self.colours { style } else { style.fg(Color::Yellow) }
    }

    fn coloured(self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }
}

//! The terminal while it belongs to us, and as it was when it does not any more, whatever ends us.

use std::{
    io::{self, Stdout, Write as _},
    panic,
    sync::Once,
};

use crossterm::{
    cursor::Show,
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    execute,
    style::Print,
    terminal::{
        Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
    },
};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};

/// A screen to draw on. The terminal is as it was when this is dropped, and in a panic before its message is printed.
pub(super) struct Screen {
    /// What is drawn on, while it is ours.
    terminal: Option<Terminal<CrosstermBackend<Stdout>>>,
    /// It is not what was drawn last.
    is_stale: bool,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn take() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                give_back();
                before(info);
            }));
        });
        let mut screen = Self { terminal: None, is_stale: false };
        screen.take_again()?;
        Ok(screen)
    }

    /// Gives the terminal back for a while. Nothing is drawn in the meantime.
    pub(super) fn give_back(&mut self) {
        if self.terminal.take().is_some() {
            give_back();
        }
    }

    /// Takes the terminal again, whatever somebody else has made of it meanwhile.
    ///
    /// # Errors
    /// It is gone.
    pub(super) fn take_again(&mut self) -> io::Result<()> {
        self.give_back();
        enable_raw_mode()?;
        self.terminal = Some(enter().inspect_err(|_| give_back())?);
        Ok(())
    }

    /// Draws what is seen, at the size that the screen has now: word of another one may be yet to come.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let Some(terminal) = &mut self.terminal else { return Ok(()) };
        let drawn = terminal.get_frame().area();
        if std::mem::take(&mut self.is_stale) || size()? != (drawn.width, drawn.height) {
            execute!(io::stdout(), Clear(ClearType::All))?;
            *terminal = blank()?;
        }
        terminal.draw(render)?;
        Ok(())
    }

    /// Whatever is on the screen is drawn anew the next time, at the size that it has then.
    pub(super) const fn begin_anew(&mut self) {
        self.is_stale = true;
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Rings the bell.
///
/// # Errors
/// The terminal is gone.
pub(super) fn ring_bell() -> io::Result<()> {
    execute!(io::stdout(), Print('\x07'))
}

fn enter() -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste)?;
    blank()
}

/// A blank screen of a fixed size. One that followed the terminal's size, or was cleared, would ask where the cursor is, and not
/// every terminal answers.
fn blank() -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    let (width, height) = size()?;
    let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
    Terminal::with_options(CrosstermBackend::new(io::stdout()), TerminalOptions { viewport })
}

/// As it was. A terminal that is gone needs nothing.
fn give_back() {
    let _ = execute!(io::stdout(), DisableBracketedPaste, DisableMouseCapture, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever runs this in a terminal sees the message there, and not on a screen that is gone.
    #[test]
    #[ignore = "tests/terminals/run gives it a terminal"]
    fn a_panic_on_the_screen() {
        let screen = Screen::take().unwrap();
        assert!(screen.terminal.is_none(), "the message of a panic");
    }
}

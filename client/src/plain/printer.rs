//! Where lines are printed: standard output, or above what is being typed.

use std::io::{self, Write as _};

use rustyline::ExternalPrinter;

/// See the [module](self).
pub(crate) enum Printer {
    /// As they are.
    Out,
    /// Above what is being typed, which stays as it is.
    Above(Box<dyn ExternalPrinter + Send>),
}

impl Printer {
    /// Prints a line, which is harmless.
    ///
    /// # Errors
    /// It cannot be printed.
    pub(crate) fn print(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Out => {
                let mut out = io::stdout().lock();
                writeln!(out, "{line}")?;
                out.flush()
            }
            Self::Above(printer) => {
                if printer.print(format!("{line}\n")).is_ok() {
                    return Ok(());
                }
                // Nobody types any more.
                *self = Self::Out;
                self.print(line)
            }
        }
    }
}

//! What goes to the terminal, or to whoever reads in its place.

use std::io::{self, ErrorKind, Write};

/// Standard output whose reader may go away: it has seen enough, and what else is written is dropped. So a verdict is
/// the same whoever reads.
#[derive(Debug)]
pub(crate) struct Out<W = io::Stdout>(W);

/// Standard output.
pub(crate) fn out() -> Out {
    Out(io::stdout())
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_gone(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_gone(self.0.flush(), ())
    }
}

fn unless_gone<T>(result: io::Result<T>, dropped: T) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(dropped),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn only_a_reader_who_is_gone_is_no_error() {
        let mut gone = Out(Failing(ErrorKind::BrokenPipe));
        assert!(gone.write_all(b"verdict").is_ok() && gone.flush().is_ok());
        let mut full = Out(Failing(ErrorKind::StorageFull));
        assert!(full.write_all(b"verdict").is_err() && full.flush().is_err());
    }
}

//! How old what a client reads may be: it was not there yet when the server last had nothing to write.

use std::collections::VecDeque;

use chinwag_core::Time;

/// Follows the bytes of one connection from the server's outbox to the client.
#[derive(Debug, Default)]
pub(crate) struct Age {
    /// When the outbox was last seen empty.
    empty_at: Time,
    written: u64,
    read: u64,
    /// Where in the stream bytes begin that are younger than something; ascending.
    marks: VecDeque<Mark>,
}

/// What is known of the bytes from somewhere in the stream on.
#[derive(Debug)]
struct Mark {
    start: u64,
    /// When the outbox was last seen empty before.
    since: Time,
    /// When the first of them were written.
    written: Time,
}

impl Age {
    /// The server has nothing more to write.
    pub(crate) const fn drained(&mut self, now: Time) {
        self.empty_at = now;
    }

    /// The server writes so many bytes.
    pub(crate) fn wrote(&mut self, now: Time, bytes: usize) {
        if self.marks.back().is_none_or(|mark| mark.since != self.empty_at) {
            self.marks.push_back(Mark { start: self.written, since: self.empty_at, written: now });
        }
        self.written += bytes as u64;
    }

    /// The client reads the next bytes of those that were written at once.
    pub(crate) fn read(&mut self, bytes: usize) {
        while self.marks.get(1).is_some_and(|mark| mark.start <= self.read) {
            self.marks.pop_front();
        }
        self.read += bytes as u64;
    }

    /// Everything that was written has been read.
    pub(crate) const fn is_read(&self) -> bool {
        self.read == self.written
    }

    /// What was read last is younger than this.
    pub(crate) fn since(&self) -> Time {
        self.marks.front().map_or(Time(0), |mark| mark.since)
    }

    /// What was read last was not written before this.
    pub(crate) fn written_since(&self) -> Time {
        self.marks.front().map_or(Time(0), |mark| mark.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_younger_than_the_last_empty_outbox() {
        let mut age = Age::default();
        age.drained(Time(10));
        age.wrote(Time(11), 5);
        // Something remained in the outbox.
        age.wrote(Time(12), 3);
        age.drained(Time(20));
        age.wrote(Time(21), 4);
        age.read(5);
        assert_eq!(age.since(), Time(10));
        age.read(3);
        assert_eq!((age.since(), age.written_since()), (Time(10), Time(11)));
        age.read(4);
        assert_eq!((age.since(), age.written_since()), (Time(20), Time(21)));
    }
}

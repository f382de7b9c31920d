//! What a worker's sockets are read into, one at a time: room that none of them keeps.

use std::ops::Range;

use crate::frames::{self, Fault, Frame, MESSAGE_BYTES_MAX};

/// Its size, unless a message is longer. Nearly always one read empties a socket.
const BYTES: usize = 32 * 1024;

/// What was read off a socket and is not yet used up, and the text that was found last.
#[derive(Debug)]
pub(crate) struct Scratch {
    bytes: Vec<u8>,
    /// Where what is not used up lies.
    unread: Range<usize>,
    text: Text,
}

#[derive(Debug)]
enum Text {
    Here(Range<usize>),
    /// Of a message that came in pieces.
    Joined(Vec<u8>),
}

impl Scratch {
    /// Nothing was read.
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; BYTES], unread: 0..0, text: Text::Here(0..0) }
    }

    /// Begins with another socket; `rest` is what it left there the last time.
    pub(crate) fn begin(&mut self, rest: Vec<u8>) {
        self.bytes.resize(BYTES.max(rest.len()), 0);
        self.bytes[..rest.len()].copy_from_slice(&rest);
        self.unread = 0..rest.len();
    }

    /// What is not used up, for the next time.
    pub(crate) fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.bytes[self.unread.clone()].to_vec();
        self.unread = 0..0;
        rest
    }

    /// Room for what comes next.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.unread.start > 0 {
            self.bytes.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if self.unread.end == self.bytes.len() {
            // A frame that is too long is no frame, so this has an end.
            self.bytes.resize((self.bytes.len() * 2).min(2 * MESSAGE_BYTES_MAX), 0);
        }
        &mut self.bytes[self.unread.end..]
    }

    /// So many bytes of that room were filled.
    pub(crate) const fn filled(&mut self, count: usize) {
        self.unread.end += count;
    }

    /// The next frame, if all of it is here, and its payload.
    ///
    /// # Errors
    /// No server may send what is here.
    pub(crate) fn next(&mut self) -> Result<Option<(Frame, &[u8])>, Fault> {
        let Some(frame) = frames::read(&self.bytes[self.unread.clone()])? else { return Ok(None) };
        let begin = self.unread.start;
        self.unread.start += frame.payload.end;
        let payload = begin + frame.payload.start..begin + frame.payload.end;
        self.text = Text::Here(payload.clone());
        Ok(Some((frame, &self.bytes[payload])))
    }

    /// What was found last is the end of this message.
    pub(crate) fn join(&mut self, message: Vec<u8>) {
        self.text = Text::Joined(message);
    }

    /// The text that was found last.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn text(&self) -> Result<&str, Fault> {
        let bytes = match &self.text {
            Text::Here(range) => &self.bytes[range.clone()],
            Text::Joined(bytes) => bytes,
        };
        str::from_utf8(bytes).map_err(|_| Fault::Utf8)
    }
}

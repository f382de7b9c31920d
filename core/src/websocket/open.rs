//! What has begun and is not over: a frame of which the rest has not come, a message of which fragments have.

use std::mem;

use super::{
    head::{HEAD_MAX, Head, Opcode},
    mask, take,
};
use crate::gateway::{Fault, Frame};

/// A frame or message, or both, that has begun.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// The beginning of a frame, as it came: of its head, or all there is of a control frame.
    held: Vec<u8>,
    /// The data frame whose payload is coming.
    frame: Option<Rest>,
    /// What has come of the message.
    message: Option<Message>,
    /// Whose bytes the caller has.
    given: Option<Given>,
}

/// What is still to come of a data frame.
#[derive(Debug)]
struct Rest {
    bytes: usize,
    /// The key for the next byte.
    key: [u8; 4],
    is_final: bool,
}

/// A message, as far as it has come.
#[derive(Debug)]
enum Message {
    Text(Text),
    /// Of this, only the length matters.
    Binary(usize),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Given {
    Control,
    Message,
}

impl Open {
    /// Lets go of what was handed out. True when nothing else is kept.
    pub(super) fn forget_what_was_given(&mut self) -> bool {
        match self.given.take() {
            Some(Given::Control) => {
                self.held = Vec::new();
                if planted!(ControlEndsMessage) {
                    self.message = None;
                }
            }
            Some(Given::Message) => self.message = None,
            None => {}
        }
        self.held.is_empty() && self.frame.is_none() && self.message.is_none()
    }

    /// Bytes of memory that it keeps beside itself.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        let message = match &self.message {
            Some(Message::Text(text)) => text.bytes.capacity(),
            _ => 0,
        };
        self.held.capacity() + message
    }

    /// The next that is whole; see [`Reader::next`](super::Reader::next).
    pub(super) fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i mut [u8],
        bytes_max: usize,
    ) -> Result<Option<Frame<'a>>, Fault> {
        loop {
            if let Some(rest) = &mut self.frame {
                let message = self.message.as_mut().expect("a data frame is of a message");
                if !rest.take(input, message, bytes_max)? {
                    return Ok(None);
                }
                if mem::take(&mut self.frame).is_some_and(|rest| rest.is_final) {
                    return self.give_message().map(Some);
                }
            }
            let Some(head) = self.head(input)? else { return Ok(None) };
            if !head.opcode.is_control() {
                self.begin(&head, bytes_max)?;
            } else if self.held.is_empty() {
                // All of it is in `input`.
                return take(input, &head).map(Some);
            } else {
                self.given = Some(Given::Control);
                return take(&mut self.held.as_mut_slice(), &head).map(Some);
            }
        }
    }

    /// The head of the next frame, once it has come, and for a control frame all the rest, too. It lies at the front of
    /// `held` if that holds anything and at that of `input` if not; a data frame's is taken.
    fn head(&mut self, input: &mut &mut [u8]) -> Result<Option<Head>, Fault> {
        while !self.held.is_empty() {
            // Of what came in pieces, every byte is looked at as it comes: it is not many.
            if let Some(head) = Head::read(&self.held)?
                && (!head.opcode.is_control() || self.held.len() == head.len + head.payload)
            {
                if !head.opcode.is_control() {
                    self.held = Vec::new();
                }
                return Ok(Some(head));
            }
            let Some(byte) = input.split_off_first_mut() else { return Ok(None) };
            self.held.push(*byte);
        }
        match Head::read(input)? {
            Some(head) if !head.opcode.is_control() => {
                *input = &mut mem::take(input)[head.len..];
                Ok(Some(head))
            }
            Some(head) if input.len() >= head.len + head.payload => Ok(Some(head)),
            _ => {
                self.held.reserve_exact(HEAD_MAX);
                self.held.extend_from_slice(&*mem::take(input));
                Ok(None)
            }
        }
    }

    /// A data frame begins.
    fn begin(&mut self, head: &Head, bytes_max: usize) -> Result<(), Fault> {
        match (&self.message, head.opcode) {
            (None, Opcode::Text) => self.message = Some(Message::Text(Text::default())),
            (None, Opcode::Binary) => self.message = Some(Message::Binary(0)),
            (Some(_), Opcode::Continuation) => {}
            _ => return Err(Fault::Protocol),
        }
        let so_far = self.message.as_ref().map_or(0, Message::len);
        if head.payload > bytes_max - so_far {
            return Err(Fault::TooBig);
        }
        self.frame = Some(Rest { bytes: head.payload, key: head.key, is_final: head.is_final });
        Ok(())
    }

    fn give_message(&mut self) -> Result<Frame<'_>, Fault> {
        self.given = Some(Given::Message);
        match self.message.as_ref().expect("its last frame has come") {
            Message::Text(text) => text.whole().map(Frame::Text),
            Message::Binary(len) => Ok(Frame::Binary(*len)),
        }
    }
}

impl Rest {
    /// Takes what has come of it. True when that was all.
    fn take(
        &mut self,
        input: &mut &mut [u8],
        message: &mut Message,
        bytes_max: usize,
    ) -> Result<bool, Fault> {
        let len = self.bytes.min(input.len());
        let payload = input.split_off_mut(..len).expect("it is no more than there is");
        match message {
            Message::Text(text) => {
                mask::apply(payload, self.key);
                text.push(payload, bytes_max)?;
            }
            Message::Binary(so_far) => *so_far += len,
        }
        self.bytes -= len;
        self.key = mask::turned(self.key, planted!(MaskBeginsAnew, 0, len));
        Ok(self.bytes == 0)
    }
}

impl Message {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.bytes.len(),
            Self::Binary(len) => *len,
        }
    }
}

/// A text, as far as it has come.
#[derive(Debug, Default)]
struct Text {
    bytes: Vec<u8>,
    /// So many of them are known to be UTF-8: all but a character that is not whole.
    valid: usize,
}

impl Text {
    /// Appends bytes, and sees whether it may still become UTF-8.
    fn push(&mut self, bytes: &[u8], bytes_max: usize) -> Result<(), Fault> {
        let len = self.bytes.len() + bytes.len();
        if len > self.bytes.capacity() {
            // Twice as much each time, but never beyond what a message may be.
            let room = (self.bytes.capacity() * 2).clamp(len, bytes_max.max(len));
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        match str::from_utf8(&self.bytes[self.valid..]) {
            Ok(text) => self.valid += text.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(Fault::InvalidText),
        }
        Ok(())
    }

    /// The text, which ends here.
    fn whole(&self) -> Result<&str, Fault> {
        if self.valid < self.bytes.len() {
            return Err(Fault::InvalidText);
        }
        // Looked through again: to take it on trust would be unsafe code.
        str::from_utf8(&self.bytes).map_err(|_| Fault::InvalidText)
    }
}

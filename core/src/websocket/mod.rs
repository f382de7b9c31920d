//! What clients send over a WebSocket: a reader that turns bytes into frames (RFC 6455 §5), as they come.
//!
//! A message that lies whole in the caller's buffer is unmasked there and handed out as it is: nothing is copied and
//! nothing allocated. What has only begun is kept until the rest comes. Between two messages a reader is one empty
//! pointer. What servers send is in `gateway::wire`.

pub use self::intake::Intake;
use self::{
    head::{Head, Opcode},
    open::Open,
};
use crate::gateway::{Fault, Frame};

mod close;
mod head;
mod intake;
mod mask;
mod open;
#[cfg(test)]
mod tests;

/// Reads one client's frames.
///
/// No extension is spoken: the reserved bits must be zero (§5.2).
#[derive(Debug, Default)]
pub struct Reader {
    /// What has begun and is not over; `None` between two messages.
    open: Option<Box<Open>>,
}

impl Reader {
    /// The next message or control frame of what came in, which it takes from the front of `input`; `None` when it needs
    /// more, and then nothing of `input` is left. Ask until then: what was handed out is kept until the next call.
    ///
    /// A message may be `bytes_max` bytes long, whatever fragments it comes in. What is longer is refused as soon as it
    /// says so: no more than that is ever kept.
    ///
    /// # Errors
    /// Bytes that RFC 6455 forbids. Where the next frame would begin is not known then, so there is no next call.
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i mut [u8],
        bytes_max: usize,
    ) -> Result<Option<Frame<'a>>, Fault> {
        if self.open.as_mut().is_some_and(|open| open.forget_what_was_given()) {
            self.open = None;
        }
        if self.open.is_none() {
            match whole(input, bytes_max)? {
                Some(frame) => return Ok(Some(frame)),
                None if input.is_empty() => return Ok(None),
                None => {}
            }
        }
        self.open.get_or_insert_default().next(input, bytes_max)
    }

    /// Whether it is between two messages, and keeps nothing.
    #[must_use]
    pub const fn is_at_rest(&self) -> bool {
        self.open.is_none()
    }
}

/// The frame at the front of `input`, if it lies there whole and is a message by itself or a control frame. Otherwise
/// `input` stays as it is.
fn whole<'i>(input: &mut &'i mut [u8], bytes_max: usize) -> Result<Option<Frame<'i>>, Fault> {
    let Some(head) = Head::read(input)? else { return Ok(None) };
    if head.opcode == Opcode::Continuation {
        return Err(Fault::Protocol);
    }
    if head.payload > bytes_max && !head.opcode.is_control() {
        return Err(Fault::TooBig);
    }
    let is_whole = head.is_final && input.len() - head.len >= head.payload;
    if !is_whole {
        return Ok(None);
    }
    take(input, &head).map(Some)
}

/// Takes a whole frame from the front of `input`.
fn take<'i>(input: &mut &'i mut [u8], head: &Head) -> Result<Frame<'i>, Fault> {
    let frame = input.split_off_mut(..head.len + head.payload).expect("it is whole");
    let payload = &mut frame[head.len..];
    if head.opcode == Opcode::Binary {
        return Ok(Frame::Binary(payload.len()));
    }
    mask::apply(payload, head.key);
    match head.opcode {
        Opcode::Text => str::from_utf8(payload).map(Frame::Text).map_err(|_| Fault::InvalidText),
        Opcode::Close => close::read(payload).map(Frame::Close),
        Opcode::Ping => Ok(Frame::Ping(payload)),
        Opcode::Pong => Ok(Frame::Pong),
        Opcode::Binary | Opcode::Continuation => unreachable!("seen to before"),
    }
}

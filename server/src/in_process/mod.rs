//! A connection to the gateway without a socket, in the native dialect: the same limits, order, permissions and keys as
//! every other connection's, and no second machine.

mod frames;

use std::{future::poll_fn, rc::Rc, task::Poll};

use chinwag_core::{Disconnect, UserName, gateway::Frame};
use serde_json::Value;

use self::frames::Frames;
use crate::{
    hub::Hub,
    slot::{Slot, Writing},
};

/// The close code of who is done: the session ends at once.
const DONE: u16 = 1000;

/// One end of it; the gateway is at the other.
pub(crate) struct InProcess {
    pub(crate) hub: Rc<Hub>,
    slot: Rc<Slot>,
    frames: Frames,
    /// Pings are answered, so that it may stay.
    stays: bool,
}

impl InProcess {
    /// For one request: it is closed when the gateway pings it, so that waiting takes bounded time.
    pub(crate) fn brief(hub: Rc<Hub>, slot: Rc<Slot>) -> Self {
        Self::new(hub, slot, false)
    }

    /// To be held open.
    pub(crate) fn lasting(hub: Rc<Hub>, slot: Rc<Slot>) -> Self {
        Self::new(hub, slot, true)
    }

    fn new(hub: Rc<Hub>, slot: Rc<Slot>, stays: bool) -> Self {
        Self { hub, slot, frames: Frames::default(), stays }
    }

    /// Sends a frame of the dialect.
    pub(crate) fn send(&self, frame: &Value) {
        self.hub.received(&self.slot, Frame::Text(&frame.to_string()));
    }

    /// Whom it speaks for, once it has been answered.
    pub(crate) fn user(&self) -> Option<&UserName> {
        self.slot.who.get().map(|(user, _)| user)
    }

    /// The next text frame, or why there will be none. Nothing is lost when this is dropped before it is done.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, Disconnect> {
        poll_fn(|context| {
            self.slot.listen(context.waker());
            loop {
                if let Some(text) = self.frames.next_text() {
                    return Poll::Ready(Ok(text));
                }
                if self.frames.take_ping() && self.stays {
                    self.hub.received(&self.slot, Frame::Pong);
                }
                if self.slot.writing() == Writing::Done {
                    return self.slot.closing().map_or(Poll::Pending, |reason| Poll::Ready(Err(reason)));
                }
                match self.hub.poll_transmit(&self.slot) {
                    Some(bytes) => {
                        self.frames.push(&bytes);
                        self.hub.transmitted(&self.slot, bytes.len());
                    }
                    None => self.slot.set_writing(Writing::Done),
                }
            }
        })
        .await
    }
}

impl Drop for InProcess {
    /// Also when whoever asked has gone.
    fn drop(&mut self) {
        self.hub.received(&self.slot, Frame::Close(Some(DONE)));
        self.hub.left(&self.slot);
    }
}

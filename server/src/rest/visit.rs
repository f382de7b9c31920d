//! A connection to the gateway without a socket, for one request: the same limits, order, permissions and keys as every
//! other connection's, and no second machine.

use std::{future::poll_fn, net::SocketAddr, rc::Rc, task::Poll};

use chinwag_core::{
    Disconnect,
    dialect::{Dialect, Opening},
    gateway::Frame,
    identity::Token,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    frames::Frames,
    problem::{Details, Problem},
};
use crate::{hub::Hub, slot::Slot};

/// The number of the one request.
const ID: u64 = 1;

/// The close code of who is done: the session ends at once.
const DONE: u16 = 1000;

/// A visitor at the gateway.
pub(super) struct Visit {
    hub: Rc<Hub>,
    slot: Rc<Slot>,
    frames: Frames,
}

/// What tells an answer from what else a connection is sent.
#[derive(Deserialize)]
struct Label {
    r#type: String,
    id: Option<u64>,
}

impl Visit {
    /// Connects, in the native dialect.
    pub(super) fn new(hub: Rc<Hub>, peer: SocketAddr, token: Option<Token>) -> Self {
        let slot = hub.visited(
            peer,
            Opening { dialect: Some(Dialect::Chat), token, visitor: true, ..Opening::default() },
        );
        Self { hub, slot, frames: Frames::default() }
    }

    /// Puts the request and waits for what answers it, as text.
    ///
    /// # Errors
    /// It was refused, or the connection closed.
    pub(super) async fn ask(mut self, mut frame: Map<String, Value>) -> Result<Vec<u8>, Problem> {
        frame.insert("id".to_owned(), ID.into());
        self.hub.received(&self.slot, Frame::Text(&Value::Object(frame).to_string()));
        loop {
            let text = self.next().await.map_err(|reason| self.closed(reason))?;
            let label: Label =
                serde_json::from_slice(&text).expect("the gateway writes frames of the dialect");
            match label.r#type.as_str() {
                // One without a number is about the whole connection.
                "error" if label.id.is_none_or(|id| id == ID) => {
                    let error: Details = serde_json::from_slice(&text).expect("it says what is wrong");
                    return Err(Problem::refused(error));
                }
                _ if label.id == Some(ID) => return Ok(text),
                _ => {}
            }
        }
    }

    fn closed(&self, reason: Disconnect) -> Problem {
        Problem::closed(reason, self.hub.shared.settings.gateway.return_spread)
    }

    /// The next text frame, or why there will be none. It comes in bounded time, for the gateway closes a connection that
    /// does not answer its pings.
    async fn next(&mut self) -> Result<Vec<u8>, Disconnect> {
        poll_fn(|context| {
            self.slot.listen(context.waker());
            loop {
                if let Some(text) = self.frames.next_text() {
                    return Poll::Ready(Ok(text));
                }
                if !self.slot.is_writable() {
                    return self.slot.closing().map_or(Poll::Pending, |reason| Poll::Ready(Err(reason)));
                }
                match self.hub.poll_transmit(&self.slot) {
                    Some(bytes) => {
                        self.frames.push(&bytes);
                        self.hub.transmitted(&self.slot, bytes.len());
                    }
                    None => self.slot.drained(),
                }
            }
        })
        .await
    }
}

impl Drop for Visit {
    /// Also when whoever asked has gone.
    fn drop(&mut self) {
        self.hub.received(&self.slot, Frame::Close(Some(DONE)));
        self.hub.left(&self.slot);
    }
}

//! A bot's end of one WebSocket: frames in, frames out at once, and the ways in which it ends.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use chinwag_bots::End;
use futures_util::{Sink as _, Stream as _};
use socket2::SockRef;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::{pace::Pace, wire::Wire};

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct Link {
    socket: WebSocketStream<Wire>,
    /// The task that reads, and writes what a full socket did not take at once.
    waker: Waker,
    unflushed: bool,
    /// We have said goodbye; what still comes in does not count.
    closing: bool,
    /// How fast it is read, if not as fast as possible.
    pace: Option<Box<Pace>>,
    /// Nothing passes.
    parted: bool,
}

/// What came out of a socket.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A text frame.
    Text(Utf8Bytes),
    /// Something that is no text but shows life: a ping, which has been answered, or a pong.
    Life,
    /// The socket's end.
    End(End),
}

impl Link {
    /// Takes over an open socket.
    pub(crate) fn new(socket: WebSocketStream<Wire>, pace: Option<Box<Pace>>) -> Self {
        Self { socket, waker: Waker::noop().clone(), unflushed: false, closing: false, pace, parted: false }
    }

    /// From now on nothing is read; nothing is to be written either.
    pub(crate) const fn part(&mut self) {
        self.parted = true;
    }

    /// Something passes again.
    pub(crate) fn mend(&mut self) {
        self.parted = false;
        self.waker.wake_by_ref();
    }

    /// Reads as fast as it can from now on.
    pub(crate) fn hurry(&mut self) {
        self.pace = None;
        self.waker.wake_by_ref();
    }

    /// Writes a text frame, at once if the socket takes it.
    ///
    /// A failed write is not reported: the read side will say how the connection ended.
    pub(crate) fn send(&mut self, text: String) {
        self.write(Message::text(text));
    }

    /// Says goodbye. The socket is to be read on until its end, so that the goodbye is not lost.
    pub(crate) fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() };
        self.write(Message::Close(Some(frame)));
        self.closing = true;
    }

    /// What the socket says next.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        self.waker.clone_from(cx.waker());
        if self.parted {
            return Poll::Pending;
        }
        if self.unflushed {
            self.flush();
        }
        loop {
            if let Some(pace) = &mut self.pace {
                ready!(pace.poll_ready(cx));
            }
            let incoming = match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Text(text))) => Incoming::Text(text),
                Some(Ok(Message::Close(frame))) => Incoming::closed(frame),
                Some(Ok(_)) => Incoming::Life,
                Some(Err(error)) => Incoming::failed(&error),
                None => Incoming::failed(&Error::ConnectionClosed),
            };
            if let (Some(pace), Incoming::Text(text)) = (&mut self.pace, &incoming) {
                pace.took(text.len());
            }
            if !self.closing || matches!(incoming, Incoming::End(_)) {
                return Poll::Ready(incoming);
            }
        }
    }

    /// Ends the connection without a word: the other end sees a reset.
    pub(crate) fn reset(self) {
        // If the option cannot be set, the socket is gone already.
        let _ = SockRef::from(self.socket.get_ref().tcp()).set_linger(Some(Duration::ZERO));
    }

    fn write(&mut self, message: Message) {
        // What a full socket does not take waits in the library's buffer. That is bounded: a client has so many
        // unanswered requests at most.
        if Pin::new(&mut self.socket).start_send(message).is_ok() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let mut cx = Context::from_waker(&self.waker);
        self.unflushed = Pin::new(&mut self.socket).poll_flush(&mut cx).is_pending();
    }
}

impl Drop for Link {
    /// Lets the task that reads see that there is nothing left to read.
    fn drop(&mut self) {
        self.waker.wake_by_ref();
    }
}

impl Incoming {
    fn closed(frame: Option<CloseFrame>) -> Self {
        Self::End(match frame {
            Some(frame) => End::closed(frame.code.into(), &frame.reason),
            None => End::lost(None),
        })
    }

    fn failed(error: &Error) -> Self {
        let error = match error {
            Error::Io(error) => error.kind().to_string(),
            error => error.to_string(),
        };
        Self::End(End::lost(Some(&error)))
    }
}

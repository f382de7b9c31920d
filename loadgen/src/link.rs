//! A bot's end of one WebSocket: frames in, frames out at once, and the ways in which it ends.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
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
    /// Since when it is read as fast as possible, if not from the beginning: what lay there then came just then.
    eager_since: Option<Instant>,
}

/// What came out of a socket.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A text frame, and for how long it had been there.
    Text(Utf8Bytes, Duration),
    /// Something that is no text but shows life: a ping, which has been answered, or a pong.
    Life,
    /// The socket's end.
    End(End),
}

impl Link {
    /// Takes over an open socket.
    pub(crate) fn new(socket: WebSocketStream<Wire>, pace: Option<Box<Pace>>) -> Self {
        Self {
            socket,
            waker: Waker::noop().clone(),
            unflushed: false,
            closing: false,
            pace,
            parted: false,
            eager_since: None,
        }
    }

    /// From now on nothing is read; nothing is to be written either.
    pub(crate) const fn part(&mut self) {
        self.parted = true;
    }

    /// Something passes again.
    pub(crate) fn mend(&mut self) {
        self.parted = false;
        self.eager_since = Some(Instant::now());
        self.waker.wake_by_ref();
    }

    /// Reads as fast as it can from now on.
    pub(crate) fn hurry(&mut self) {
        if self.pace.take().is_some() {
            self.eager_since = Some(Instant::now());
        }
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
                Some(Ok(Message::Text(text))) => Incoming::Text(text, self.age()),
                Some(Ok(Message::Close(frame))) => Incoming::closed(frame),
                Some(Ok(_)) => Incoming::Life,
                Some(Err(error)) => Incoming::failed(&error),
                None => Incoming::failed(&Error::ConnectionClosed),
            };
            if let (Some(pace), Incoming::Text(text, _)) = (&mut self.pace, &incoming) {
                pace.took(text.len());
            }
            if !self.closing || matches!(incoming, Incoming::End(_)) {
                return Poll::Ready(incoming);
            }
        }
    }

    /// For how long what was read last had been there, for somebody who reads like this.
    fn age(&self) -> Duration {
        if self.pace.is_some() {
            return Duration::ZERO;
        }
        let age = self.socket.get_ref().age();
        self.eager_since.map_or(age, |since| age.min(since.elapsed()))
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::net::TcpStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use crate::stamped::{IS_EXACT, pair as pair_of_streams};

    const LIES_THERE: Duration = Duration::from_millis(20);

    async fn pair() -> (Link, WebSocketStream<TcpStream>) {
        let (ours, theirs) = pair_of_streams().await;
        let ours = Wire::Plain(ours);
        let link = Link::new(WebSocketStream::from_raw_socket(ours, Role::Client, None).await, None);
        (link, WebSocketStream::from_raw_socket(theirs, Role::Server, None).await)
    }

    async fn said(server: &mut WebSocketStream<TcpStream>, link: &Link) {
        futures_util::SinkExt::send(server, Message::text("hi")).await.unwrap();
        link.socket.get_ref().tcp().readable().await.unwrap();
        std::thread::sleep(LIES_THERE);
    }

    async fn age(link: &mut Link) -> Duration {
        match poll_fn(|cx| link.poll(cx)).await {
            Incoming::Text(_, age) => age,
            other => panic!("not a text: {other:?}"),
        }
    }

    #[tokio::test]
    async fn what_waits_for_its_reader_has_come_and_what_waits_for_the_end_of_a_partition_has_not() {
        let (mut link, mut server) = pair().await;
        said(&mut server, &link).await;
        assert_eq!(age(&mut link).await >= LIES_THERE, IS_EXACT);
        link.part();
        said(&mut server, &link).await;
        let parted_until = Instant::now();
        link.mend();
        assert!(age(&mut link).await <= parted_until.elapsed());
    }
}

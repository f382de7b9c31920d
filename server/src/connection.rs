//! One WebSocket: the task that reads its frames into the hub, and sees it off.
//!
//! All connections of a thread read into one buffer, and frames that lie there whole go to the hub from it. What is kept
//! of a connection is what has only begun, and what came while it was not to be read. Written are frames that the
//! gateway's outbox holds finished, shared between connections: they go to the socket as they are.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use chinwag_core::{Disconnect, websocket::Intake};
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use crate::{
    hub::Hub,
    slot::{Slot, Writing},
};

/// A WebSocket and the task's view of it.
pub(crate) struct Connection {
    hub: Rc<Hub>,
    slot: Rc<Slot>,
    intake: Intake,
}

/// Why a connection's task stops serving it.
enum End {
    /// The node wants it closed.
    Close(Disconnect),
    /// The peer is gone without a word.
    Gone(io::Error),
}

impl Connection {
    /// A connection whose handshake is done; `head` is what came right behind it.
    pub(crate) fn new(hub: Rc<Hub>, slot: Rc<Slot>, tcp: TcpStream, head: &[u8]) -> Self {
        slot.hold(tcp);
        Self { hub, slot, intake: Intake::new(head) }
    }

    /// Serves it until it ends.
    #[expect(clippy::manual_async_fn, reason = "an async function would keep room for `self` twice")]
    pub(crate) fn run(mut self) -> impl Future<Output = ()> {
        async move {
            match poll_fn(|context| self.poll_serve(context)).await {
                End::Close(reason) => {
                    let linger = self.hub.shared.settings.driver.close_linger;
                    // Boxed, because a resting connection should not hold room for its end. Late or broken: it ends.
                    let _ = Box::pin(timeout(linger, self.finish())).await;
                    self.hub.disconnected(&self.slot, reason.name());
                }
                End::Gone(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.hub.disconnected(&self.slot, "gone");
                }
                End::Gone(error) => self.hub.disconnected(&self.slot, &error.to_string()),
            }
        }
    }

    /// Reads; what that brings about the hub writes, and waits here until a socket that is full takes more.
    fn poll_serve(&mut self, context: &mut Context<'_>) -> Poll<End> {
        self.slot.listen(context.waker());
        if let Poll::Ready(Err(error)) = self.poll_room(context) {
            return Poll::Ready(End::Gone(error));
        }
        if let Some(reason) = self.slot.closing() {
            return Poll::Ready(End::Close(reason));
        }
        self.poll_read(context).map(End::Gone)
    }

    /// Has the hub go on writing to a socket that was full as soon as it takes more.
    fn poll_room(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.slot.writing() {
            Writing::Done | Writing::Wanted => Poll::Pending,
            Writing::Full => {
                ready!(self.slot.socket().poll_write_ready(context))?;
                self.hub.has_room(&self.slot);
                Poll::Ready(Ok(()))
            }
            Writing::Failed(error) => Poll::Ready(Err(error.into())),
        }
    }

    /// Waits until all is written.
    fn poll_written(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.slot.listen(context.waker());
        if let Poll::Ready(Err(error)) = self.poll_room(context) {
            return Poll::Ready(Err(error));
        }
        if self.slot.writing() == Writing::Done { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Reads until the socket is empty, the node wants a rest, or the turn is over. `Ready` means gone.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let hub = Rc::clone(&self.hub);
        let mut buffer = hub.read_buffer.borrow_mut();
        let mut frames_left = hub.shared.settings.driver.frames_per_turn;
        while self.is_to_be_read() {
            if self.intake.keeps() {
                self.hand_out(&mut [], &mut frames_left);
            } else if frames_left > 0 {
                let mut read = ReadBuf::new(&mut buffer);
                if let Err(error) = ready!(Pin::new(&mut *self.slot.socket()).poll_read(context, &mut read)) {
                    return Poll::Ready(error);
                }
                if read.filled().is_empty() {
                    return Poll::Ready(io::ErrorKind::UnexpectedEof.into());
                }
                let before = frames_left;
                self.hand_out(read.filled_mut(), &mut frames_left);
                // A read without a whole frame counts as one, too: there is no end to empty fragments.
                frames_left -= u32::from(frames_left == before);
            }
            if frames_left == 0 {
                context.waker().wake_by_ref();
                break;
            }
        }
        Poll::Pending
    }

    fn is_to_be_read(&self) -> bool {
        !self.intake.is_over() && self.slot.is_to_be_read() && !self.hub.shared.backlog.is_full()
    }

    /// Hands the frames of what was read to the hub, and what is wrong with it, until the connection is not to be read any
    /// more, or the turn is over.
    fn hand_out(&mut self, read: &mut [u8], frames_left: &mut u32) {
        let Self { hub, slot, intake } = self;
        intake.take_in(read, hub.shared.settings.driver.socket_frame_bytes_max, |heard| {
            match heard {
                Ok(frame) => {
                    *frames_left -= 1;
                    hub.received(slot, frame);
                }
                Err(fault) => hub.faulted(slot, fault),
            }
            *frames_left > 0 && slot.is_to_be_read() && !hub.shared.backlog.is_full()
        });
    }

    /// Writes what is left, says that this was all, and waits for the peer to hang up: a socket closed with bytes
    /// unread is reset, and a reset can overtake the close frame.
    async fn finish(&self) -> io::Result<()> {
        poll_fn(|context| self.poll_written(context)).await?;
        let mut tcp = self.slot.take_socket().expect("it is being served");
        tcp.shutdown().await?;
        loop {
            tcp.readable().await?;
            match tcp.try_read(&mut [0; 1024]) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn size_of_returned<F>(_: fn(Connection) -> F) -> usize {
        size_of::<F>()
    }

    /// Every idle connection holds one.
    #[test]
    fn a_task_is_small() {
        let bytes = size_of_returned(Connection::run);
        assert!(bytes <= 160, "{bytes}");
    }
}

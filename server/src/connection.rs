//! One WebSocket: the task that reads its frames into the hub and writes what the hub has for it.
//!
//! Reading goes through tungstenite, which checks everything RFC 6455 asks for. Writing does not: the gateway's
//! outbox already holds finished frames, shared between connections, and they go to the socket as they are.

use std::{
    future::poll_fn,
    io::{self, Read, Write},
    ops::ControlFlow,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use chinwag_core::{
    Disconnect,
    gateway::{Fault, Frame},
};
use tokio::{
    io::{AsyncWrite as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{
    Error, Message, WebSocket,
    error::ProtocolError,
    protocol::{Role, WebSocketConfig},
};

use crate::{hub::Hub, settings::DriverConfig, slot::Slot};

/// Writes to one socket before others have their turn.
const WRITES_PER_TURN: usize = 16;

/// A WebSocket and the task's view of it.
pub(crate) struct Connection {
    hub: Rc<Hub>,
    slot: Rc<Slot>,
    socket: WebSocket<ReadHalf>,
    /// Nothing more will be read: the peer has said goodbye, or something that is no frame.
    read_over: bool,
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
    pub(crate) fn new(hub: Rc<Hub>, slot: Rc<Slot>, tcp: TcpStream, head: Vec<u8>) -> Self {
        let config = socket_config(&hub.shared.settings.driver);
        let socket = WebSocket::from_partially_read(ReadHalf(tcp), head, Role::Server, Some(config));
        Self { hub, slot, socket, read_over: false }
    }

    /// Serves it until it ends.
    pub(crate) async fn run(mut self) {
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

    /// Writes, then reads. What the reading brings about is written on the next turn, after other connections have
    /// had theirs: under load one write then carries many frames.
    fn poll_serve(&mut self, context: &mut Context<'_>) -> Poll<End> {
        self.slot.listen(context.waker());
        if let Poll::Ready(Err(error)) = self.poll_write(context) {
            return Poll::Ready(End::Gone(error));
        }
        if let Some(reason) = self.slot.closing() {
            return Poll::Ready(End::Close(reason));
        }
        self.poll_read(context).map(End::Gone)
    }

    /// Writes until nothing is left (`Ready`), or the socket is full or the turn over (`Pending`).
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..WRITES_PER_TURN {
            if !self.slot.is_writable() {
                return Poll::Ready(Ok(()));
            }
            let Some(bytes) = self.hub.poll_transmit(&self.slot) else {
                self.slot.drained();
                return Poll::Ready(Ok(()));
            };
            let tcp = Pin::new(&mut self.socket.get_mut().0);
            let written = ready!(tcp.poll_write(context, &bytes))?;
            self.hub.transmitted(&self.slot, written);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads until the socket is empty, the node wants a rest, or the turn is over. `Ready` means gone.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        for _ in 0..self.hub.shared.settings.driver.frames_per_turn {
            if self.read_over || !self.slot.is_reading() || self.slot.closing().is_some() {
                return Poll::Pending;
            }
            let message = ready!(self.poll_message(context));
            if let ControlFlow::Break(error) = self.deliver(message) {
                return Poll::Ready(error);
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// The next message from the socket. Tungstenite may hold several, so it is asked before the socket is.
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        loop {
            match self.socket.read() {
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.get_ref().0.poll_read_ready(context)).map_err(Error::Io)?;
                }
                result => return Poll::Ready(result),
            }
        }
    }

    /// Hands a message, or what is wrong with it, to the hub. Breaks when the transport is gone.
    fn deliver(&mut self, message: Result<Message, Error>) -> ControlFlow<io::Error> {
        let frame = match &message {
            Ok(Message::Text(text)) => Frame::Text(text.as_str()),
            Ok(Message::Binary(bytes)) => Frame::Binary(bytes.len()),
            Ok(Message::Ping(payload)) => Frame::Ping(payload),
            Ok(Message::Pong(_)) => Frame::Pong,
            Ok(Message::Close(close)) => {
                self.read_over = true;
                Frame::Close(close.as_ref().map(|close| close.code.into()))
            }
            Ok(Message::Frame(_)) => unreachable!("tungstenite reads whole messages"),
            Err(_) => return self.fail(message.expect_err("just matched")),
        };
        self.hub.received(&self.slot, frame);
        ControlFlow::Continue(())
    }

    fn fail(&mut self, error: Error) -> ControlFlow<io::Error> {
        self.read_over = true;
        let fault = match error {
            Error::Io(error) => return ControlFlow::Break(error),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                return ControlFlow::Break(io::ErrorKind::UnexpectedEof.into());
            }
            Error::Capacity(_) => Fault::TooBig,
            Error::Utf8(_) => Fault::InvalidText,
            _ => Fault::Protocol,
        };
        self.hub.faulted(&self.slot, fault);
        ControlFlow::Continue(())
    }

    /// Writes what is left, says that this was all, and waits for the peer to hang up: a socket closed with bytes
    /// unread is reset, and a reset can overtake the close frame.
    async fn finish(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_write(context)).await?;
        let tcp = &mut self.socket.get_mut().0;
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

fn socket_config(driver: &DriverConfig) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(driver.read_buffer_bytes)
        .write_buffer_size(0)
        .max_message_size(Some(driver.socket_frame_bytes_max))
        .max_frame_size(Some(driver.socket_frame_bytes_max))
}

/// A socket as tungstenite sees it: read as far as it goes, never written. The pongs and close frames that
/// tungstenite would send are dropped here, because the gateway sends its own, in order with everything else.
struct ReadHalf(TcpStream);

impl Read for ReadHalf {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for ReadHalf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

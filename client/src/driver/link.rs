//! One WebSocket of the driver: being opened, open, or on its way out.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::SinkExt as _;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Error, Message, protocol::WebSocketConfig},
};

/// How long a connection may take to open.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// How long the other end may take to answer a goodbye.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// The longest message that is taken: far above any page of history.
const MESSAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

type Opening = Pin<Box<dyn Future<Output = Result<Socket, String>> + Send>>;

/// What there is of a connection.
pub(super) enum Link {
    /// Nothing.
    Down,
    /// It is being made.
    Opening(Opening),
    /// Frames come and go.
    Open(Box<Socket>),
    /// We have said goodbye, or answered one. What still comes in does not count.
    Closing(Box<Socket>, Instant),
}

impl Link {
    /// Begins to connect.
    pub(super) fn open(url: String) -> Self {
        Self::Opening(Box::pin(open(url)))
    }

    /// Begins to end: a goodbye has been said, or is about to be.
    pub(super) fn close(&mut self) {
        *self = match std::mem::replace(self, Self::Down) {
            Self::Open(socket) => Self::Closing(socket, Instant::now() + CLOSE_WITHIN),
            Self::Closing(socket, until) => Self::Closing(socket, until),
            Self::Opening(_) | Self::Down => Self::Down,
        };
    }

    /// Whether there is nothing left of it.
    pub(super) const fn is_down(&self) -> bool {
        matches!(self, Self::Down)
    }

    /// Until when the other end may take to answer our goodbye.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Closing(_, until) => Some(*until),
            _ => None,
        }
    }

    /// Hands frames to the socket and writes what it takes. A failed write is not reported: the read side will say how the
    /// connection ended.
    pub(super) fn send(&mut self, frames: &mut VecDeque<Message>, cx: &mut Context<'_>) {
        let (Self::Open(socket) | Self::Closing(socket, _)) = self else { return };
        while !frames.is_empty() && matches!(socket.poll_ready_unpin(cx), Poll::Ready(Ok(()))) {
            let frame = frames.pop_front().expect("there are some");
            let _ = socket.start_send_unpin(frame);
        }
        let _ = socket.poll_flush_unpin(cx);
    }
}

async fn open(url: String) -> Result<Socket, String> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    match timeout(OPEN_WITHIN, connect_async_with_config(url, Some(config), true)).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(words(&error)),
        Err(_) => Err(format!("no answer within {} s", OPEN_WITHIN.as_secs())),
    }
}

/// Why there is no connection, in a few words.
fn words(error: &Error) -> String {
    match error {
        // Without the system's number for it.
        Error::Io(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        Error::Io(error) => error.to_string(),
        Error::Http(response) => format!("status {}", response.status()),
        error => error.to_string(),
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "Down",
            Self::Opening(_) => "Opening",
            Self::Open(_) => "Open",
            Self::Closing(..) => "Closing",
        })
    }
}

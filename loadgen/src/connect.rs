//! Making a connection, and why one could not be made.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, handshake::client::Request, protocol::WebSocketConfig},
};

use crate::{
    frames::MESSAGE_BYTES_MAX,
    head::Head,
    sources,
    stamped::Stamped,
    target::Target,
    wire::{Trust, Wire},
};

/// For those few who keep a buffer of their own.
const READ_BUFFER_BYTES: usize = 2 * 1024;

/// Why a connection was not made.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// This machine has no ports or files left: the generator's own limit.
    Exhausted(&'static str),
    /// It took longer than the scenario allows.
    TimedOut,
    /// The socket could not be opened.
    Socket(io::ErrorKind),
    /// No encrypted connection came about.
    Tls(io::Error),
    /// The server did not agree to a WebSocket.
    Handshake(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted(what) => write!(f, "connect: out of {what}"),
            Self::TimedOut => f.write_str("connect: timed out"),
            Self::Socket(kind) => write!(f, "connect: {kind}"),
            Self::Tls(problem) => write!(f, "TLS: {problem}"),
            Self::Handshake(problem) => write!(f, "handshake: {problem}"),
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        // The standard library has no kinds for the files of a process (EMFILE) and of a system (ENFILE).
        #[cfg(unix)]
        if matches!(error.raw_os_error(), Some(23 | 24)) {
            return Self::Exhausted("open files");
        }
        match error.kind() {
            io::ErrorKind::AddrNotAvailable => Self::Exhausted("local ports"),
            kind => Self::Socket(kind),
        }
    }
}

impl From<tungstenite::Error> for ConnectError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Io(error) => error.into(),
            tungstenite::Error::Http(response) => Self::Handshake(format!("status {}", response.status())),
            error => Self::Handshake(error.to_string()),
        }
    }
}

/// What the kernel may hold for a slow reader: what it has taken before anyone reads it does not slow the server down.
const SLOW_BUFFER_BYTES: u32 = 8 * 1024;

/// How a connection is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// From which address of this machine, if not from the one that the system chooses.
    pub(crate) source: Option<IpAddr>,
    /// It will be read slowly.
    pub(crate) reads_slowly: bool,
    /// How long it may take.
    pub(crate) within: Duration,
}

/// A connection on which WebSocket frames come next.
#[derive(Debug)]
pub(crate) struct Open {
    /// The connection.
    pub(crate) wire: Wire,
    /// What was read of them already.
    pub(crate) rest: Vec<u8>,
}

/// Opens a WebSocket for a bot.
pub(crate) async fn open_bare(
    target: &Target,
    trust: Option<&Trust>,
    request: Request,
    how: How,
) -> Result<Open, ConnectError> {
    let open = async {
        let head = Head::new(dial(target, trust, how).await?);
        let (wire, rest) = upgrade(request, head).await?.into_inner().into_parts();
        Ok(Open { wire, rest })
    };
    timeout(how.within, open).await.unwrap_or(Err(ConnectError::TimedOut))
}

/// Opens a WebSocket.
pub(crate) async fn open(
    target: &Target,
    trust: Option<&Trust>,
    request: Request,
    how: How,
) -> Result<WebSocketStream<Wire>, ConnectError> {
    let open = async { upgrade(request, dial(target, trust, how).await?).await };
    timeout(how.within, open).await.unwrap_or(Err(ConnectError::TimedOut))
}

async fn dial(target: &Target, trust: Option<&Trust>, how: How) -> Result<Wire, ConnectError> {
    let stream = Stamped::new(reach(&target.addresses, how).await?);
    match trust {
        Some(trust) => trust.connect(target.host(), stream).await.map_err(ConnectError::Tls),
        None => Ok(Wire::Plain(stream)),
    }
}

/// Connects to the first address that serves: a name may stand for one of each kind, and a server listen at one of them only.
async fn reach(addresses: &[SocketAddr], how: How) -> io::Result<TcpStream> {
    let (last, others) = addresses.split_last().expect("a target has an address");
    for &address in others {
        if let Ok(stream) = connect(address, how).await {
            return Ok(stream);
        }
    }
    connect(*last, how).await
}

async fn connect(address: SocketAddr, how: How) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if how.reads_slowly {
        socket.set_recv_buffer_size(SLOW_BUFFER_BYTES)?;
    }
    if let Some(source) = how.source {
        sources::bind(&socket, source)?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    request: Request,
    stream: S,
) -> Result<WebSocketStream<S>, ConnectError> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let (socket, _response) = client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

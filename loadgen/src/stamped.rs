//! A TCP stream that knows when what is read from it came in.
//!
//! The kernel notes when it received something. So a reader need not be woken for every frame to time it: many can be
//! read together, some time after they came, and how long they lay there is known. Elsewhere than on Linux, what is read
//! came in as it was read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Whether it is known when something came in, and not only when it was read.
pub(crate) const IS_EXACT: bool = cfg!(target_os = "linux");

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Stamped {
    stream: TcpStream,
    /// By the system's clock, since its epoch: when the last byte of what was read last came in.
    arrived: Option<Duration>,
}

impl Stamped {
    /// Takes over a stream. What a kernel does not time came in as it was read.
    pub(crate) fn new(stream: TcpStream) -> Self {
        kernel::ask_for_stamps(&stream);
        Self { stream, arrived: None }
    }

    /// The stream itself.
    pub(crate) const fn tcp(&self) -> &TcpStream {
        &self.stream
    }

    /// For how long what was read last had been there by now.
    pub(crate) fn age(&self) -> Duration {
        let Some(arrived) = self.arrived else { return Duration::ZERO };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // The clock may have been set meanwhile.
        now.saturating_sub(arrived).min(AGE_MAX)
    }
}

/// The longest that something is believed to have lain in the kernel unread.
const AGE_MAX: Duration = Duration::from_secs(10);

impl AsyncRead for Stamped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, arrived } = self.get_mut();
        kernel::poll_read(stream, cx, buf).map_ok(|stamp| *arrived = stamp)
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::{cell::RefCell, os::fd::AsRawFd as _};

    use nix::{
        cmsg_space,
        sys::{
            socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt},
            time::TimeSpec,
        },
    };
    use tokio::io::Interest;

    use super::*;

    pub(super) fn ask_for_stamps(stream: &TcpStream) {
        // A kernel that refuses leaves no stamps, which is seen as they are read.
        let _ = setsockopt(stream, sockopt::ReceiveTimestampns, &true);
    }

    /// Reads what is there, and when the last of it came in.
    pub(super) fn poll_read(
        stream: &TcpStream,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Option<Duration>>> {
        loop {
            ready!(stream.poll_read_ready(cx))?;
            let mut received = None;
            let asked = buf.remaining();
            let tried = stream.try_io(Interest::READABLE, || {
                let (count, stamp) = receive(stream, buf.initialize_unfilled())?;
                received = Some((count, stamp));
                // A short read has emptied the socket: the next one need not find that out.
                if 0 < count && count < asked { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match (received, tried) {
                (Some((count, stamp)), _) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(stamp));
                }
                (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (None, tried) => return Poll::Ready(tried.map(|()| None)),
            }
        }
    }

    fn receive(stream: &TcpStream, into: &mut [u8]) -> io::Result<(usize, Option<Duration>)> {
        thread_local! {
            static CONTROL: RefCell<Vec<u8>> = RefCell::new(cmsg_space!(TimeSpec));
        }
        CONTROL.with_borrow_mut(|control| receive_with(stream, into, control))
    }

    fn receive_with(
        stream: &TcpStream,
        into: &mut [u8],
        control: &mut [u8],
    ) -> io::Result<(usize, Option<Duration>)> {
        let mut into = [io::IoSliceMut::new(into)];
        let received = recvmsg::<()>(stream.as_raw_fd(), &mut into, Some(control), MsgFlags::empty())?;
        let stamp = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        });
        Ok((received.bytes, stamp))
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use super::*;

    pub(super) fn ask_for_stamps(_: &TcpStream) {}

    pub(super) fn poll_read(
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Option<Duration>>> {
        Pin::new(stream).poll_read(cx, buf).map_ok(|()| None)
    }
}

/// Two ends of a connection. The kernel stamps nothing for a moment after it was first asked to.
#[cfg(test)]
pub(crate) async fn pair() -> (Stamped, TcpStream) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (mut ours, mut theirs) = (Stamped::new(ours.unwrap()), theirs.unwrap().0);
    while IS_EXACT && ours.arrived.is_none() {
        theirs.write_all(b"?").await.unwrap();
        ours.read_u8().await.unwrap();
    }
    (ours, theirs)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_lay_there_is_older_than_what_was_read_at_once() {
        let (mut ours, mut theirs) = pair().await;
        theirs.write_all(b"early").await.unwrap();
        ours.stream.readable().await.unwrap();
        let waits = Duration::from_millis(30);
        std::thread::sleep(waits);
        let mut buffer = [0; 64];
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 5);
        assert!(ours.age() >= waits, "{:?}", ours.age());
    }

    #[tokio::test]
    async fn nothing_is_lost_between_short_reads() {
        let (mut ours, mut theirs) = pair().await;
        let sent: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let expected = sent.clone();
        let sender = tokio::spawn(async move {
            for piece in sent.chunks(777) {
                theirs.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut got = Vec::new();
        let mut buffer = [0; 1_000];
        loop {
            let count = ours.read(&mut buffer).await.unwrap();
            if count == 0 {
                break;
            }
            got.extend_from_slice(&buffer[..count]);
        }
        sender.await.unwrap();
        assert_eq!(got, expected);
    }
}

//! A connection of which nobody reads more than the head of an HTTP response: what follows belongs to the next protocol.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How a head ends.
const END: &[u8] = b"\r\n\r\n";

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Head<S> {
    stream: S,
    /// How many bytes of its end were read last.
    matched: usize,
    /// What came with the end, behind it.
    rest: Vec<u8>,
}

impl<S> Head<S> {
    /// The head comes next.
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, matched: 0, rest: Vec::new() }
    }

    /// The connection, and what was read of it and not given to anybody.
    pub(crate) fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.rest)
    }

    /// How many of these bytes are the head's, if it ends here.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let end = bytes.iter().position(|&byte| {
            self.matched = match byte {
                byte if byte == END[self.matched] => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            self.matched == END.len()
        });
        end.map(|last| last + 1)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Head<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let head = self.get_mut();
        if head.matched == END.len() {
            // Nothing more for whoever reads the head.
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut head.stream).poll_read(cx, buf))?;
        if let Some(end) = head.end(&buf.filled()[before..]) {
            head.rest = buf.filled()[before + end..].to_vec();
            buf.set_filled(before + end);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Head<S> {
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn what_follows_a_head_is_kept_for_others_however_it_comes() {
        let whole = b"HTTP/1.1 101 On\r\nA: \r\r\n\r\nhello";
        for size in 1..=whole.len() {
            let mut stream = in_pieces(whole, size);
            let mut head = Vec::new();
            stream.read_to_end(&mut head).await.unwrap();
            assert_eq!(head, &whole[..whole.len() - 5], "in pieces of {size}");
            let (mut stream, mut left) = stream.into_parts();
            stream.read_to_end(&mut left).await.unwrap();
            assert_eq!(left, b"hello", "in pieces of {size}");
        }
    }

    /// Hands out so many bytes at once.
    fn in_pieces(bytes: &'static [u8], size: usize) -> Head<Box<dyn AsyncRead + Unpin>> {
        let nothing: Box<dyn AsyncRead + Unpin> = Box::new(tokio::io::empty());
        Head::new(bytes.chunks(size).rev().fold(nothing, |later, piece| Box::new(piece.chain(later))))
    }
}

//! A bot's end of one WebSocket: frames in, frames out at once, and the ways in which it ends.

use std::{
    fmt,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use chinwag_bots::End;
use chinwag_core::hash;
use socket2::SockRef;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::{
    connect::Open,
    frames::{self, Fault, Kind, MESSAGE_BYTES_MAX, Said},
    pace::Pace,
    scratch::Scratch,
    wire::Wire,
};

/// What is read at once for a slow reader, who is not to have read more than it shows.
const SLOW_READ_BYTES: usize = 2 * 1024;

/// An open WebSocket. What is read from it passes through a [`Scratch`], which it has to itself while it is read.
#[derive(Debug)]
pub(crate) struct Link {
    wire: Wire,
    /// Bytes that were read and are not a whole frame, or were not to be read yet.
    rest: Vec<u8>,
    /// A message that comes in pieces, as far as it has come, and whether it is text.
    pieces: Option<Box<(bool, Vec<u8>)>>,
    /// What a full socket did not take. Bounded: a client has so many unanswered requests at most.
    unwritten: Vec<u8>,
    /// What it did take may not have left, as it is encrypted.
    unflushed: bool,
    /// What masks are made from: they are to differ.
    seed: u64,
    /// The task that reads, and writes what a full socket did not take at once.
    waker: Waker,
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
    /// A text, which the scratch has, and for how long it had been there.
    Text(Duration),
    /// Something that is no text but shows life: a ping, which has been answered, or a pong.
    Life,
    /// The socket's end.
    End(End),
}

impl Link {
    /// Takes over an open socket.
    pub(crate) fn new(open: Open, pace: Option<Box<Pace>>) -> Self {
        let Open { wire, rest } = open;
        Self {
            wire,
            rest,
            pieces: None,
            unwritten: Vec::new(),
            unflushed: false,
            seed: RandomState::new().build_hasher().finish(),
            waker: Waker::noop().clone(),
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
    pub(crate) fn send(&mut self, text: &str) {
        self.write(Said::Text(text));
    }

    /// Says goodbye. The socket is to be read on until its end, so that the goodbye is not lost.
    pub(crate) fn close(&mut self, code: u16) {
        self.write(Said::Close(Some(code)));
        self.closing = true;
    }

    /// Lays what it left of its last bytes into the scratch, which it then has to itself until it is [put
    /// away](Self::put_away).
    pub(crate) fn take_up(&mut self, scratch: &mut Scratch) {
        scratch.begin(std::mem::take(&mut self.rest));
    }

    /// Keeps what the scratch still has of it.
    pub(crate) fn put_away(&mut self, scratch: &mut Scratch) {
        self.rest = scratch.take_rest();
    }

    /// What the socket says next.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Incoming> {
        self.waker.clone_from(cx.waker());
        if self.parted {
            return Poll::Pending;
        }
        if self.unflushed || !self.unwritten.is_empty() {
            self.flush();
        }
        loop {
            if let Some(pace) = &mut self.pace {
                ready!(pace.poll_ready(cx));
            }
            let incoming = match self.next(scratch) {
                Ok(Some(incoming)) => incoming,
                Ok(None) => match ready!(self.poll_fill(cx, scratch)) {
                    Ok(0) => Incoming::End(failed("closed without a goodbye")),
                    Ok(_) => continue,
                    Err(error) => Incoming::End(failed(error.kind())),
                },
                Err(fault) => Incoming::End(failed(fault)),
            };
            if !self.closing || matches!(incoming, Incoming::End(_)) {
                return Poll::Ready(incoming);
            }
        }
    }

    /// What the next frame in the scratch means to whoever reads messages.
    fn next(&mut self, scratch: &mut Scratch) -> Result<Option<Incoming>, Fault> {
        while let Some((frame, payload)) = scratch.next()? {
            if let Some(pace) = &mut self.pace {
                pace.took(payload.len());
            }
            match frame.kind {
                Kind::Message { .. } if self.pieces.is_some() => return Err(Fault::Piece),
                Kind::Message { is_text, is_whole: true } => return Ok(Some(self.message(is_text))),
                Kind::Message { is_text, is_whole: false } => {
                    self.pieces = Some(Box::new((is_text, payload.to_vec())));
                }
                Kind::Piece { is_last } => {
                    let (_, message) = &mut **self.pieces.as_mut().ok_or(Fault::Piece)?;
                    message.extend(payload);
                    if message.len() > MESSAGE_BYTES_MAX {
                        return Err(Fault::TooLong(message.len() as u64));
                    }
                    if let Some((is_text, message)) = self.pieces.take_if(|_| is_last).map(|pieces| *pieces) {
                        scratch.join(message);
                        return Ok(Some(self.message(is_text)));
                    }
                }
                Kind::Close => {
                    let close = frames::close(payload)?;
                    let end =
                        close.map_or_else(|| End::lost(None), |(code, reason)| End::closed(code, reason));
                    self.write(Said::Close(end.code));
                    return Ok(Some(Incoming::End(end)));
                }
                Kind::Ping => {
                    self.write(Said::Pong(payload));
                    return Ok(Some(Incoming::Life));
                }
                Kind::Pong => return Ok(Some(Incoming::Life)),
            }
        }
        Ok(None)
    }

    /// A message is whole.
    fn message(&self, is_text: bool) -> Incoming {
        if is_text { Incoming::Text(self.age()) } else { Incoming::Life }
    }

    /// Reads what is there.
    fn poll_fill(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<io::Result<usize>> {
        let room = scratch.room();
        let most = if self.pace.is_some() { room.len().min(SLOW_READ_BYTES) } else { room.len() };
        let mut buffer = ReadBuf::new(&mut room[..most]);
        ready!(Pin::new(&mut self.wire).poll_read(cx, &mut buffer))?;
        let count = buffer.filled().len();
        scratch.filled(count);
        Poll::Ready(Ok(count))
    }

    /// For how long what was read last had been there, for somebody who reads like this.
    fn age(&self) -> Duration {
        if self.pace.is_some() {
            return Duration::ZERO;
        }
        let age = self.wire.age();
        self.eager_since.map_or(age, |since| age.min(since.elapsed()))
    }

    /// Ends the connection without a word: the other end sees a reset.
    pub(crate) fn reset(self) {
        // If the option cannot be set, the socket is gone already.
        let _ = SockRef::from(self.wire.tcp()).set_linger(Some(Duration::ZERO));
    }

    fn write(&mut self, said: Said<'_>) {
        if self.closing {
            return;
        }
        self.seed = self.seed.wrapping_add(1);
        let mask = u32::try_from(hash::mix(self.seed, 0) >> 32).expect("32 bits");
        frames::write(said, mask, &mut self.unwritten);
        self.flush();
    }

    /// Writes what the socket takes.
    fn flush(&mut self) {
        let mut cx = Context::from_waker(&self.waker);
        let mut wire = Pin::new(&mut self.wire);
        let mut written = 0;
        while written < self.unwritten.len() {
            match wire.as_mut().poll_write(&mut cx, &self.unwritten[written..]) {
                Poll::Ready(Ok(count @ 1..)) => written += count,
                Poll::Pending => break,
                // The read side will say why.
                Poll::Ready(_) => written = self.unwritten.len(),
            }
        }
        self.unwritten.drain(..written);
        if self.unwritten.is_empty() {
            self.unwritten = Vec::new();
            self.unflushed = wire.poll_flush(&mut cx).is_pending();
        }
    }
}

impl Drop for Link {
    /// Lets the task that reads see that there is nothing left to read.
    fn drop(&mut self) {
        self.waker.wake_by_ref();
    }
}

/// The end, for a reason of its own.
pub(crate) fn failed(why: impl fmt::Display) -> End {
    End::lost(Some(&why.to_string()))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio::{io::AsyncWriteExt as _, net::TcpStream};
    use tokio_tungstenite::{
        WebSocketStream,
        tungstenite::{
            Message,
            protocol::{CloseFrame, Role, frame::coding::CloseCode},
        },
    };

    use super::*;
    use crate::stamped::{IS_EXACT, pair as pair_of_streams};

    const LIES_THERE: Duration = Duration::from_millis(20);

    async fn pair() -> (Link, WebSocketStream<TcpStream>) {
        let (ours, theirs) = pair_of_streams().await;
        let link = Link::new(Open { wire: Wire::Plain(ours), rest: Vec::new() }, None);
        (link, WebSocketStream::from_raw_socket(theirs, Role::Server, None).await)
    }

    async fn said(server: &mut WebSocketStream<TcpStream>, link: &Link) {
        server.send(Message::text("hi")).await.unwrap();
        link.wire.tcp().readable().await.unwrap();
        std::thread::sleep(LIES_THERE);
    }

    /// What comes next, and the text if it is one.
    async fn incoming(link: &mut Link) -> (Incoming, String) {
        let mut scratch = Scratch::new();
        link.take_up(&mut scratch);
        let incoming = poll_fn(|cx| link.poll(cx, &mut scratch)).await;
        let text = scratch.text().map_or_else(|_| String::new(), str::to_owned);
        link.put_away(&mut scratch);
        (incoming, text)
    }

    async fn age(link: &mut Link) -> Duration {
        match incoming(link).await {
            (Incoming::Text(age), _) => age,
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

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let length = u64::try_from(payload.len()).unwrap().to_be_bytes();
        [&[first, 127][..], &length, payload].concat()
    }

    #[tokio::test]
    async fn messages_are_read_in_whatever_pieces_they_come() {
        let (ours, mut theirs) = pair_of_streams().await;
        let rest = frame(0x81, b"early");
        let mut link = Link::new(Open { wire: Wire::Plain(ours), rest }, None);
        let long = "long".repeat(50_000);
        let said: [(u8, &[u8]); 8] = [
            (0x01, b"he"),
            (0x89, b"are you there"),
            (0x00, b"l"),
            (0x80, b"lo"),
            (0x81, long.as_bytes()),
            (0x82, b"no text"),
            (0x8a, b""),
            (0x81, "last \u{e9}".as_bytes()),
        ];
        let bytes = said.map(|(first, payload)| frame(first, payload)).concat();
        let sender = tokio::spawn(async move {
            for piece in bytes.chunks(997) {
                theirs.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            theirs
        });
        for expected in ["early", "", "hello", &long, "", "", "last \u{e9}"] {
            let (incoming, text) = incoming(&mut link).await;
            match incoming {
                Incoming::Text(_) => assert_eq!(text, expected),
                Incoming::Life => assert_eq!("", expected),
                Incoming::End(end) => panic!("{end:?}"),
            }
        }
        let mut server = WebSocketStream::from_raw_socket(sender.await.unwrap(), Role::Server, None).await;
        let mut heard = async || server.next().await.unwrap().unwrap();
        assert_eq!(heard().await, Message::Pong("are you there".into()), "pings are answered");
        link.send("and you?");
        assert_eq!(heard().await, Message::text("and you?"));
        let goodbye = CloseFrame { code: CloseCode::from(4101), reason: "later".into() };
        server.close(Some(goodbye)).await.unwrap();
        let (incoming, _) = incoming(&mut link).await;
        assert!(
            matches!(&incoming, Incoming::End(end) if *end == End::closed(4101, "later")),
            "{incoming:?}"
        );
        let answer = server.next().await.unwrap().unwrap();
        assert!(
            matches!(&answer, Message::Close(Some(close)) if u16::from(close.code) == 4101),
            "{answer:?}"
        );
    }

    #[tokio::test]
    async fn what_no_server_may_send_ends_a_connection() {
        for (bytes, why) in [
            (frame(0xc1, b"x"), "a frame begins with 0xc1"),
            ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), "pieces of messages do not fit together"),
            (frame(0x80, b"b"), "pieces of messages do not fit together"),
            (Vec::new(), "closed without a goodbye"),
        ] {
            let (ours, mut theirs) = pair_of_streams().await;
            let mut link = Link::new(Open { wire: Wire::Plain(ours), rest: Vec::new() }, None);
            theirs.write_all(&bytes).await.unwrap();
            drop(theirs);
            let (incoming, _) = incoming(&mut link).await;
            assert!(matches!(&incoming, Incoming::End(end) if *end == failed(why)), "{incoming:?}");
        }
    }
}

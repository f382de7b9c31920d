//! Core's client on a socket of tokio: commands go in, events come out.

mod clock;
mod link;

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

use chinwag_core::{
    Client, RequestId, Time,
    client::{ClientEvent, ClientInput, ClientOutput, Command, QueueFull},
    gateway::Frame,
};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

pub(crate) use self::clock::wall;
use self::{clock::Clock, link::Link};

/// A client, its clock and its socket. Events are a [`Stream`] that ends with the client, after a goodbye that the server
/// has answered or taken too long to. Nothing moves but while the stream is asked for the next one.
#[derive(Debug)]
pub struct Driver {
    client: Client,
    url: String,
    clock: Clock,
    link: Link,
    out: Vec<ClientOutput>,
    events: VecDeque<ClientEvent>,
    /// Frames that the socket has not taken. Bounded: a client has so many unanswered requests at most, and people ask for
    /// the others.
    frames: VecDeque<Message>,
    alarm: Pin<Box<Sleep>>,
    trouble: Option<String>,
}

impl Driver {
    /// Starts a client, which connects to this address, `ws://` or `wss://`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(mut client: Client, url: &str) -> Self {
        let (clock, mut out) = (Clock::start(), Vec::new());
        client.start(clock.now(), &mut out);
        Self {
            client,
            url: url.to_owned(),
            clock,
            link: Link::Down,
            out,
            events: VecDeque::new(),
            frames: VecDeque::new(),
            alarm: Box::pin(sleep_until(Instant::now())),
            trouble: None,
        }
    }

    /// Does something, now or as soon as possible.
    ///
    /// # Errors
    /// As those of [`Client::submit`].
    pub fn submit(&mut self, command: Command) -> Result<RequestId, QueueFull> {
        self.client.submit(self.clock.now(), command, &mut self.out)
    }

    /// Connects anew, now.
    pub fn reconnect(&mut self) {
        self.client.reconnect(self.clock.now(), &mut self.out);
    }

    /// Says goodbye. The stream then comes to its end.
    pub fn shutdown(&mut self) {
        self.client.shutdown(self.clock.now(), &mut self.out);
    }

    /// The client itself.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The time now, as the client counts it.
    #[must_use]
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Why the last attempt to connect came to nothing, if it did.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Does what the client wants done.
    fn carry_out(&mut self) {
        for output in std::mem::take(&mut self.out) {
            match output {
                ClientOutput::Connect => {
                    self.frames.clear();
                    self.link = Link::open(self.url.clone());
                }
                ClientOutput::Transmit(text) => self.frames.push_back(Message::text(text)),
                ClientOutput::Close { code } => {
                    // Behind what was said before.
                    let goodbye = CloseFrame { code: code.into(), reason: "".into() };
                    self.frames.push_back(Message::Close(Some(goodbye)));
                    self.link.close();
                }
                ClientOutput::Event(event) => self.events.push_back(event),
            }
        }
    }

    fn input(&mut self, input: ClientInput<'_>) {
        self.client.handle_input(self.clock.now(), input, &mut self.out);
    }

    /// Tells the client what its connection does next.
    fn poll_link(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.link {
            Link::Down => return Poll::Pending,
            Link::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                Ok(socket) => {
                    self.trouble = None;
                    self.link = Link::Open(Box::new(socket));
                    self.input(ClientInput::Opened);
                }
                Err(trouble) => {
                    self.trouble = Some(trouble);
                    self.gone();
                }
            },
            Link::Open(socket) => match ready!(socket.poll_next_unpin(cx)) {
                Some(Ok(message)) => self.received(&message),
                None | Some(Err(_)) => self.gone(),
            },
            Link::Closing(socket, _) => match ready!(socket.poll_next_unpin(cx)) {
                // What comes behind a goodbye is for nobody.
                Some(Ok(_)) => {}
                None | Some(Err(_)) => self.link = Link::Down,
            },
        }
        Poll::Ready(())
    }

    fn received(&mut self, message: &Message) {
        match message {
            Message::Text(text) => self.input(ClientInput::Received(Frame::Text(text))),
            Message::Binary(bytes) => self.input(ClientInput::Received(Frame::Binary(bytes.len()))),
            Message::Ping(payload) => self.input(ClientInput::Received(Frame::Ping(payload))),
            Message::Pong(_) => self.input(ClientInput::Received(Frame::Pong)),
            Message::Close(close) => {
                // The library answers it.
                self.link.close();
                self.frames.clear();
                self.input(ClientInput::Closed {
                    code: close.as_ref().map(|close| close.code.into()),
                    reason: close.as_ref().map_or("", |close| &close.reason),
                });
            }
            Message::Frame(_) => {}
        }
    }

    /// The connection ended without a goodbye, or did not begin.
    fn gone(&mut self) {
        self.link = Link::Down;
        self.frames.clear();
        self.input(ClientInput::Closed { code: None, reason: "" });
    }

    /// Waits for the next deadline, and meets it.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = self.client.poll_timeout();
        // The alarm stands still while the machine sleeps, so the clock is asked before it.
        if due.is_none_or(|due| due > self.clock.now()) {
            let due = due.map(|due| self.clock.instant(due));
            let Some(due) = due.into_iter().chain(self.link.deadline()).min() else { return Poll::Pending };
            if self.alarm.deadline() != due {
                self.alarm.as_mut().reset(due);
            }
            ready!(self.alarm.as_mut().poll(cx));
        }
        if self.link.deadline().is_some_and(|until| until <= Instant::now()) {
            self.link = Link::Down;
        }
        self.input(ClientInput::Timeout);
        Poll::Ready(())
    }
}

impl Stream for Driver {
    type Item = ClientEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ClientEvent>> {
        let driver = self.get_mut();
        loop {
            driver.carry_out();
            if let Some(event) = driver.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            if driver.client.is_ended() && driver.link.is_down() {
                return Poll::Ready(None);
            }
            driver.link.send(&mut driver.frames, cx);
            if driver.poll_link(cx).is_pending() && driver.poll_alarm(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

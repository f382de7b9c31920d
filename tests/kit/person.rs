//! Core's [`Client`] on a real socket: the thinnest driver there can be.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chinwag_core::{
    Client, RoomName, Time, UserName,
    client::{ClientConfig, ClientEvent, ClientInput, ClientOutput, Command},
    gateway::Frame,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::within;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A user whose client connects, resumes and repeats by itself. Gone without a word when dropped.
pub(crate) struct Person {
    commands: mpsc::UnboundedSender<Command>,
    events: mpsc::UnboundedReceiver<ClientEvent>,
    /// What messages said that the test has not looked at.
    shown: Vec<String>,
}

impl Person {
    /// Comes with a client that tries again soon.
    pub(crate) fn start(address: SocketAddr, user: &str) -> Self {
        Self::start_with(address, user, |_| {})
    }

    /// The same, its behaviour changed.
    pub(crate) fn start_with(
        address: SocketAddr,
        user: &str,
        change: impl FnOnce(&mut ClientConfig),
    ) -> Self {
        let mut config = ClientConfig::default();
        config.backoff.base = Duration::from_millis(20);
        config.backoff.max = Duration::from_millis(100);
        change(&mut config);
        let client = Client::new(Arc::new(config), UserName::new(user).unwrap(), 7);
        let url = format!("ws://{address}/chat");
        let (commands, orders) = mpsc::unbounded_channel();
        let (tell, events) = mpsc::unbounded_channel();
        tokio::spawn(Driver { client, url, clock: Clock::start(), socket: None, tell }.run(orders));
        Self { commands, events, shown: Vec::new() }
    }

    /// Enters a room and waits to be in it.
    pub(crate) async fn join(&mut self, room: &str) {
        self.order(Command::Join { room: name(room) });
        while !matches!(self.next("being in the room").await, ClientEvent::Joined { .. }) {}
    }

    /// Says something; whether and when it gets there is the client's business.
    pub(crate) fn say(&self, room: &str, content: &str) {
        self.order(Command::Publish { room: name(room), content: content.into(), extra: None });
    }

    /// What the next `count` messages say.
    pub(crate) async fn shown(&mut self, count: usize) -> Vec<String> {
        while self.shown.len() < count {
            self.next("a message").await;
        }
        self.shown.drain(..count).collect()
    }

    /// Waits until the server knows this connection: whether an earlier session goes on.
    pub(crate) async fn attached(&mut self) -> bool {
        loop {
            if let ClientEvent::Attached { resumed, .. } = self.next("being known to the server").await {
                return resumed;
            }
        }
    }

    /// The next event. Messages are kept for [`shown`](Self::shown), whatever else one waits for.
    async fn next(&mut self, what: &str) -> ClientEvent {
        let event = within(what, self.events.recv()).await.expect("the client runs");
        if let ClientEvent::Message(message) = &event {
            self.shown.push(message.content.to_string());
        }
        event
    }

    fn order(&self, command: Command) {
        self.commands.send(command).expect("the client runs");
    }
}

fn name(room: &str) -> RoomName {
    RoomName::new(room).unwrap()
}

/// Never decreases, and agrees with the wall clock at the start.
struct Clock {
    origin: Time,
    started: Instant,
}

impl Clock {
    fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self { origin: Time(0) + since_epoch, started: Instant::now() }
    }

    fn now(&self) -> Time {
        self.origin + self.started.elapsed()
    }

    fn instant(&self, time: Time) -> Instant {
        self.started + time.since(self.origin)
    }
}

struct Driver {
    client: Client,
    url: String,
    clock: Clock,
    socket: Option<Socket>,
    tell: mpsc::UnboundedSender<ClientEvent>,
}

/// What happens next.
enum Next {
    Order(Command),
    Frame(Message),
    Gone,
    Deadline,
}

impl Driver {
    /// Runs until nobody gives orders any more.
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Command>) {
        let mut out = vec![];
        self.client.start(self.clock.now(), &mut out);
        loop {
            self.carry_out(&mut out).await;
            let deadline = self.client.poll_timeout().map(|at| self.clock.instant(at));
            let next = tokio::select! {
                order = orders.recv() => match order {
                    Some(command) => Next::Order(command),
                    None => return,
                },
                frame = async { self.socket.as_mut().unwrap().next().await }, if self.socket.is_some() => match frame {
                    Some(Ok(message)) => Next::Frame(message),
                    _ => Next::Gone,
                },
                () = async { sleep_until(deadline.unwrap()).await }, if deadline.is_some() => Next::Deadline,
            };
            self.handle(next, &mut out);
        }
    }

    fn handle(&mut self, next: Next, out: &mut Vec<ClientOutput>) {
        let now = self.clock.now();
        let input = match &next {
            Next::Order(command) => {
                self.client.submit(now, command.clone(), out).expect("tests say little");
                return;
            }
            Next::Frame(Message::Text(text)) => ClientInput::Received(Frame::Text(text)),
            Next::Frame(Message::Ping(payload)) => ClientInput::Received(Frame::Ping(payload)),
            Next::Frame(Message::Close(close)) => {
                self.socket = None;
                ClientInput::Closed {
                    code: close.as_ref().map(|close| close.code.into()),
                    reason: close.as_ref().map_or("", |close| &close.reason),
                }
            }
            Next::Frame(_) => return,
            Next::Gone => {
                self.socket = None;
                ClientInput::Closed { code: None, reason: "" }
            }
            Next::Deadline => ClientInput::Timeout,
        };
        self.client.handle_input(now, input, out);
    }

    async fn carry_out(&mut self, out: &mut Vec<ClientOutput>) {
        while !out.is_empty() {
            for output in std::mem::take(out) {
                match output {
                    ClientOutput::Connect => self.connect(out).await,
                    ClientOutput::Transmit(text) => {
                        // A socket that is gone says so when it is read.
                        if let Some(socket) = &mut self.socket {
                            let _ = socket.send(Message::text(text)).await;
                        }
                    }
                    ClientOutput::Close { .. } => self.socket = None,
                    // A test that does not look any more does not want to know.
                    ClientOutput::Event(event) => drop(self.tell.send(event)),
                }
            }
        }
    }

    async fn connect(&mut self, out: &mut Vec<ClientOutput>) {
        self.socket = connect_async(&self.url).await.ok().map(|(socket, _)| socket);
        let input = match self.socket {
            Some(_) => ClientInput::Opened,
            None => ClientInput::Closed { code: None, reason: "" },
        };
        self.client.handle_input(self.clock.now(), input, out);
    }
}

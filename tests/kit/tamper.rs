//! A proxy between WebSocket clients and their server that tampers with deliveries, and writes down which.
//!
//! Text frames that are a delivery, as a protocol's `[protocol.delivery]` says, may be dropped, doubled, or swapped with the
//! next one of the same room to the same client. Everything else passes as it is and where it was. What anyone who counts
//! deliveries finds must be what is in the [ledger](Tamper::ledger): no more and no less.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use chinwag_core::hash;
use chinwag_scenarios::{Frame, Pattern, Place, Protocol};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Serialize;
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
    time::{Instant, sleep_until},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest as _,
        handshake::{
            client::Request as Asking,
            server::{Request, Response},
        },
        http::header::{CONNECTION, HOST, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
    },
};

/// The header by which clients may say who they are, for the ledger; who does not is called by the number of their
/// connection.
pub(crate) const NAME_HEADER: &str = "x-client";
/// A delivery that waits to be swapped waits no longer than this for the next one of its room: there may be none.
const HOLD: Duration = Duration::from_millis(500);
/// Of a message, so many characters are enough to know it again.
const MESSAGE_CHARS_MAX: usize = 40;

/// How `chat` says that somebody has said something. Loadgen has no file for it, for it does not speak it by templates.
const CHAT: &str = r#"
[protocol]
name = "chat"
rooms = "shared"
say = { send = "{payload}" }
delivery = { json = { "/type" = "message", "/room" = "{room}", "/content" = "{payload}" } }
"#;

/// What is done to deliveries.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// They are not made.
    Drop,
    /// They are made once more at once, word for word.
    Double,
    /// They are made right after the next one of the same room.
    Swap,
}

/// What to do, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What.
    pub(crate) kind: Kind,
    /// How many deliveries, or pairs of them, at most: fewer, if too few come.
    pub(crate) count: u64,
    /// One in so many deliveries is chosen, by chance.
    pub(crate) every: u64,
    /// The chance.
    pub(crate) seed: u64,
    /// How a delivery is recognised.
    pub(crate) delivery: Pattern,
}

/// A delivery that was tampered with; of two that were swapped, the one that came too late.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Deed {
    /// To whom.
    pub(crate) client: String,
    /// Of which room, if the server says so.
    pub(crate) room: String,
    /// How it begins.
    pub(crate) message: String,
}

/// A proxy that is listening. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Tamper {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    plan: Plan,
    left: AtomicU64,
    connections: AtomicUsize,
    ledger: Mutex<Vec<Deed>>,
}

/// How deliveries of `chat` are recognised.
pub(crate) fn chat() -> Pattern {
    Protocol::parse("chat", CHAT).expect("it is sound").delivery
}

impl Tamper {
    /// Listens at an address for clients of a server.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub(crate) async fn start(listen: SocketAddr, upstream: SocketAddr, plan: Plan) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (left, connections, ledger) = (AtomicU64::new(plan.count), AtomicUsize::new(0), Mutex::default());
        let shared = Arc::new(Shared { upstream, plan, left, connections, ledger });
        let ours = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(speak(client, Arc::clone(&ours)));
            }
        });
        Ok(Self { address, shared, accepting: accepting.abort_handle() })
    }

    /// What was tampered with so far.
    pub(crate) fn ledger(&self) -> Vec<Deed> {
        self.shared.ledger.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Tamper {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    /// What a frame delivers, and where, if it does and anything is still to be done.
    fn recognise(&self, client: &str, message: &Message) -> Option<Deed> {
        let Message::Text(text) = message else { return None };
        if self.left.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let read = self.plan.delivery.read(&mut Frame::new(text))?;
        let message = read.get(Place::Payload)?.chars().take(MESSAGE_CHARS_MAX).collect();
        Some(Deed {
            client: client.to_owned(),
            room: read.get(Place::Room).unwrap_or_default().to_owned(),
            message,
        })
    }

    /// Whether a delivery is one of those that something is to be done to.
    fn is_chosen(&self, deed: &Deed) -> bool {
        let parts = [&deed.client, &deed.room, &deed.message].map(|part| hash::bytes(part.as_bytes()));
        parts.into_iter().fold(self.plan.seed, hash::mix).is_multiple_of(self.plan.every)
    }

    /// Writes down what is about to be done; false if enough was done already.
    fn claim(&self, deed: &Deed) -> bool {
        let claimed = self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if claimed.is_ok() {
            self.ledger.lock().expect("nobody panics with it").push(deed.clone());
        }
        claimed.is_ok()
    }
}

/// One client's connection, with the server behind it.
struct Line {
    shared: Arc<Shared>,
    name: String,
    client: WebSocketStream<TcpStream>,
    /// What is to come after the next delivery of its room.
    withheld: Option<(Deed, Message)>,
    /// Until when, at the latest.
    until: Instant,
}

/// Carries messages both ways until one end is gone.
async fn speak(client: TcpStream, shared: Arc<Shared>) {
    let Ok((mut line, mut server)) = Line::open(client, shared).await else { return };
    loop {
        let is_holding = line.withheld.is_some();
        let carried = tokio::select! {
            said = line.client.next() => pass(said, &mut server).await,
            said = server.next() => match said {
                Some(Ok(message)) => line.deliver(message).await,
                _ => return drop(line.release().await),
            },
            () = sleep_until(line.until), if is_holding => line.release().await,
        };
        if carried.is_err() {
            return;
        }
    }
}

/// Passes on what a client says. Pings and pongs are answered by whoever they reach.
async fn pass(
    said: Option<Result<Message, Error>>,
    to: &mut WebSocketStream<TcpStream>,
) -> Result<(), Error> {
    match said.unwrap_or(Err(Error::ConnectionClosed))? {
        Message::Ping(_) | Message::Pong(_) => Ok(()),
        message => to.send(message).await,
    }
}

impl Line {
    /// Accepts a client, and asks the server for what it has asked us.
    async fn open(
        client: TcpStream,
        shared: Arc<Shared>,
    ) -> Result<(Self, WebSocketStream<TcpStream>), Error> {
        client.set_nodelay(true)?;
        let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let mut asked = None;
        #[expect(clippy::result_large_err, reason = "tungstenite wants it so")]
        let client = accept_hdr_async(client, |request: &Request, mut answer: Response| {
            if let Some(subprotocol) = request.headers().get(SEC_WEBSOCKET_PROTOCOL) {
                answer.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol.clone());
            }
            asked = Some(request.clone());
            Ok(answer)
        });
        let client = client.await?;
        let asked = asked.expect("whoever is accepted has asked");
        let name = asked.headers().get(NAME_HEADER).and_then(|name| name.to_str().ok());
        let name = name.map_or_else(|| number.to_string(), str::to_owned);
        let server = TcpStream::connect(shared.upstream).await?;
        server.set_nodelay(true)?;
        let (server, _) = client_async(like(&asked, shared.upstream)?, server).await?;
        Ok((Self { shared, name, client, withheld: None, until: Instant::now() }, server))
    }

    /// Passes on a message of the server's, or what is made of it.
    async fn deliver(&mut self, message: Message) -> Result<(), Error> {
        if matches!(message, Message::Ping(_) | Message::Pong(_)) {
            return Ok(());
        }
        let Some(deed) = self.shared.recognise(&self.name, &message) else {
            // What is no delivery keeps its place among those that are.
            self.release().await?;
            return self.client.send(message).await;
        };
        if let Some((late, _)) = &self.withheld {
            if late.room == deed.room && self.shared.claim(late) {
                self.client.send(message).await?;
                return self.release().await;
            }
            if late.room == deed.room {
                self.release().await?;
            }
            return self.client.send(message).await;
        }
        if !self.shared.is_chosen(&deed) {
            return self.client.send(message).await;
        }
        match self.shared.plan.kind {
            Kind::Drop if self.shared.claim(&deed) => Ok(()),
            Kind::Double if self.shared.claim(&deed) => {
                self.client.send(message.clone()).await?;
                self.client.send(message).await
            }
            Kind::Swap => {
                (self.withheld, self.until) = (Some((deed, message)), Instant::now() + HOLD);
                Ok(())
            }
            _ => self.client.send(message).await,
        }
    }

    /// Passes on what was withheld.
    async fn release(&mut self) -> Result<(), Error> {
        match self.withheld.take() {
            Some((_, message)) => self.client.send(message).await,
            None => Ok(()),
        }
    }
}

/// The same request, to the server.
fn like(asked: &Request, server: SocketAddr) -> Result<Asking, Error> {
    let path = asked.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut request = format!("ws://{server}{path}").into_client_request()?;
    for (name, value) in asked.headers() {
        let is_ours = [HOST, CONNECTION, UPGRADE].contains(name)
            || name.as_str().starts_with("sec-websocket-") && name != SEC_WEBSOCKET_PROTOCOL;
        if !is_ours {
            request.headers_mut().append(name, value.clone());
        }
    }
    Ok(request)
}

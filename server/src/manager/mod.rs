//! The server inside a Rust program that speaks as its agents (S4.4).

mod embassy;
mod handlers;
mod heard;
mod observer;
mod voice;

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::Ordering,
        mpsc::{SyncSender, sync_channel},
    },
    time::Duration,
};

use chinwag_core::UserName;
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc, oneshot},
    task::JoinHandle,
};
use tracing::warn;

pub(crate) use self::embassy::Embassy;
pub use self::heard::ParsedMessage;
use self::{handlers::Handlers, voice::Speech};
use crate::{
    server::{Server, Shared},
    settings::Settings,
};

/// Who says what no sender is named for (S4.23).
const SYSTEM: &str = "system";

/// The server, and a place in its lobby for the agents of this program: what specification 4 calls its WebSocketManager
/// (S4.4, S4.22–S4.24).
///
/// Agents speak through connections of the native dialect that have no socket; every limit of the [`Settings`] holds for
/// them as for everybody, but that they are never idle and count for none of a user's sessions. To hear what is said, the
/// manager is in the lobby itself, as the user that its [options](ManagerOptions) name, and is shown there. The server ends
/// with its manager.
///
/// ```
/// use std::sync::Arc;
///
/// use chinwag_server::{Manager, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut settings = Settings::default();
/// settings.driver.listen = vec!["127.0.0.1:0".parse().expect("an address")];
/// let manager = Arc::new(Manager::new(settings));
/// // A handler that held the manager itself would keep it for ever.
/// let agent = Arc::downgrade(&manager);
/// manager.add_message_handler(move |message| {
///     if message.mentions.iter().any(|name| name == "alice")
///         && let Some(manager) = agent.upgrade()
///     {
///         manager.send_message("Got it!", Some("alice"), Some(message.message_id));
///     }
/// });
/// manager.start_server().await?;
/// assert!(manager.send_message("Good morning.", None, None));
/// assert!(!manager.is_connected(), "nobody else is here");
/// manager.stop_server().await
/// # }
/// ```
pub struct Manager {
    settings: Settings,
    options: ManagerOptions,
    handlers: Handlers,
    /// How the server is reached while it runs.
    link: Mutex<Option<Link>>,
    /// Held while it starts or stops.
    running: AsyncMutex<Option<Running>>,
}

/// What a [`Manager`] can be told beside the server's settings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ManagerOptions {
    /// As whom the manager is in the lobby to hear what is said; also who says what no sender is named for.
    pub user: String,
    /// Most agents that speak in a run of the server; each has a connection of its own from its first word on.
    pub senders_max: usize,
    /// Most messages that wait for the handlers. Those that find no room are counted and logged, and not handed over.
    pub queue_max: usize,
    /// Longest that [`send_message`](Manager::send_message) waits.
    pub answer_timeout: Duration,
}

impl Default for ManagerOptions {
    fn default() -> Self {
        Self {
            user: SYSTEM.to_owned(),
            senders_max: 64,
            queue_max: 1_024,
            answer_timeout: Duration::from_secs(5),
        }
    }
}

struct Link {
    shared: Arc<Shared>,
    speeches: mpsc::Sender<Speech>,
    addresses: Vec<SocketAddr>,
}

struct Running {
    /// Dropped or used, it ends the server.
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Ends the server if it has not ended, and says what came of it.
    async fn end(self) -> io::Result<()> {
        drop(self.shutdown);
        self.task.await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
    }
}

impl Manager {
    /// A manager whose server does not run yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self::with_options(settings, ManagerOptions::default())
    }

    /// The same, with other options.
    #[must_use]
    pub fn with_options(settings: Settings, options: ManagerOptions) -> Self {
        let handlers = Handlers::new(options.queue_max);
        Self { settings, options, handlers, link: Mutex::default(), running: AsyncMutex::default() }
    }

    /// Hands every message that a client says in the lobby from now on to this handler, too, in whatever dialect it was
    /// said (S4.22). Can be called at any time.
    ///
    /// Handlers are called one after the other, in the order in which they were added, on a thread of their own: a slow
    /// one delays the others and no client. One that panics is logged and called again for the next message.
    ///
    /// What this manager's agents say is not handed over, so that they do not answer themselves.
    pub fn add_message_handler(&self, handler: impl Fn(&ParsedMessage) + Send + Sync + 'static) {
        self.handlers.add(Arc::new(handler));
    }

    /// Messages that no handler was shown because too many waited, since the manager was made.
    #[must_use]
    pub fn messages_missed(&self) -> u64 {
        self.handlers.missed()
    }

    /// Starts the server; when this returns it listens and the manager hears. Does nothing if it runs (S4.24). Needs a
    /// tokio runtime with I/O and time, which must go on for as long as the server shall.
    ///
    /// # Errors
    /// Those of [`Server::bind`] and [`Server::run`]; options that cannot work or a lobby that does not let the
    /// manager in ([`io::ErrorKind::InvalidInput`]).
    pub async fn start_server(&self) -> io::Result<()> {
        let mut running = self.running.lock().await;
        if self.is_running() {
            warn!("the server runs already");
            return Ok(());
        }
        if let Some(ended) = running.take() {
            ended.end().await?;
        }
        let mistake = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let user = UserName::new(&self.options.user)
            .map_err(|why| mistake(format!("the manager's user name {why}")))?;
        let queue = self.handlers.start()?;
        let server = Server::bind(self.settings.clone())?;
        let addresses = server.local_addrs().to_vec();
        let (shutdown, told) = oneshot::channel::<()>();
        let (ready, begun) = oneshot::channel();
        let (speeches, said) = mpsc::channel(self.options.senders_max.max(1));
        let senders_max = self.options.senders_max;
        let first = async move |shared: Arc<Shared>| {
            let (let_in, entered) = oneshot::channel();
            shared.embed(Embassy { user, senders_max, speeches: said, queue, let_in }).await;
            let entered = entered.await.unwrap_or_else(|_| Err("the gateway thread has ended".to_owned()));
            entered.map_err(|why| mistake(format!("the lobby did not let the manager in: {why}")))?;
            // Whoever starts the server may have given up.
            let _ = ready.send(shared);
            Ok(())
        };
        let task = tokio::spawn(server.run_after(first, async { drop(told.await) }));
        let started = Running { shutdown, task };
        let Ok(shared) = begun.await else { return started.end().await };
        *self.link() = Some(Link { shared, speeches, addresses });
        *running = Some(started);
        Ok(())
    }

    /// Stops the server as a planned end does: connections are told to go, for `drain_timeout` at most. Does nothing if
    /// it does not run (S4.24). It can be started again. What waits for the handlers is still handed over.
    ///
    /// # Errors
    /// What ended the server before, such as a gateway thread that panicked.
    pub async fn stop_server(&self) -> io::Result<()> {
        let mut running = self.running.lock().await;
        *self.link() = None;
        match running.take() {
            Some(running) => running.end().await,
            None => Ok(()),
        }
    }

    /// Says something in the lobby as an agent, or as the manager's own user if `sender` is `None` (S4.23). In the
    /// `agents` dialect it is shown as `agent_response`. `reply_to` is the number of the message it answers. An agent is
    /// shown to be there from its first word on.
    ///
    /// Waits until the message is in the room, for [`answer_timeout`](ManagerOptions::answer_timeout) at most, and blocks
    /// the calling thread meanwhile; handlers may call it. `false` if the server does not run, the sender's name is not a
    /// valid one or there are too many of them, the text or its rate is refused as anybody's would be, or the wait was too
    /// long: then it may still be said.
    #[must_use = "what is not said is lost"]
    pub fn send_message(&self, text: &str, sender: Option<&str>, reply_to: Option<u64>) -> bool {
        let Ok(sender) = UserName::new(sender.unwrap_or(&self.options.user)) else { return false };
        let Some(speeches) = self.link().as_ref().map(|link| link.speeches.clone()) else { return false };
        let (said, answer): (SyncSender<bool>, _) = sync_channel(1);
        let speech = Speech { sender, text: text.to_owned(), reply_to, said };
        speeches.try_send(speech).is_ok() && answer.recv_timeout(self.options.answer_timeout).unwrap_or(false)
    }

    /// Whether the server runs and at least one client is connected and has said who it is (S4.24), with a token
    /// where there must be one. The manager and its agents do not count.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let link = self.link();
        link.as_ref().is_some_and(|link| link.is_up() && link.shared.clients.load(Ordering::Relaxed) > 0)
    }

    /// Where the server listens, with the ports that were found; nothing if it does not run.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.link().as_ref().map(|link| link.addresses.clone()).unwrap_or_default()
    }

    fn is_running(&self) -> bool {
        self.link().as_ref().is_some_and(Link::is_up)
    }

    fn link(&self) -> MutexGuard<'_, Option<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Link {
    /// The thread that takes speeches has not ended, and so none has.
    fn is_up(&self) -> bool {
        !self.speeches.is_closed()
    }
}

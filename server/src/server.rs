//! The server as a whole: listeners, gateway threads, and the order in which they start and stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    io, mem,
    net::{SocketAddr, TcpListener as StdTcpListener},
    panic,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use chinwag_core::{RoomName, Shard, ShardId};
use chinwag_journal::{NodeConfig, Start, capture::Head};
use prometheus_client::metrics::histogram::Histogram;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use crate::{
    backlog::Backlog,
    capture::Capture,
    clock::Clock,
    manager::Embassy,
    metrics::{self, Snapshot},
    settings::Settings,
    storage::{self, Desk, Figures, Job, Storage},
    thread::{Command, Seat},
    token::Verifier,
    uploads::{self, Uploads},
};

/// Connections the kernel holds until we accept them: a whole reconnect storm, if the system allows it.
const BACKLOG: i32 = 4_096;
/// Commands that may wait for a thread; the accept loop waits when there are more.
const COMMANDS_MAX: usize = 1_024;
/// How long to leave the listener alone when the process has run out of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that listens but does not answer yet.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    verifier: Option<Verifier>,
    storage: Option<Storage>,
    uploads: Option<Arc<Uploads>>,
    /// What shards begin with; none if they begin anew.
    starts: Vec<Start>,
    listeners: Vec<StdTcpListener>,
    addresses: Vec<SocketAddr>,
}

/// What all threads share.
pub(crate) struct Shared {
    /// What the operator set.
    pub(crate) settings: Settings,
    /// What tokens are verified with, if there is a key.
    pub(crate) verifier: Option<Verifier>,
    /// The files that people upload, if they can.
    pub(crate) uploads: Option<Arc<Uploads>>,
    /// The server is going down.
    pub(crate) draining: AtomicBool,
    /// Connections open now, on all threads.
    pub(crate) live: AtomicUsize,
    /// Those of clients that have said who they are: without the ones that have no socket.
    pub(crate) clients: AtomicUsize,
    /// Time nodes took for inputs that made them publish.
    pub(crate) fan_out: Histogram,
    /// What waits for the disk.
    pub(crate) backlog: Backlog,
    /// What the disk thread counts, if there is one.
    disk: Option<Figures>,
    /// To the gateway threads, by index.
    threads: Vec<mpsc::Sender<Command>>,
}

impl Server {
    /// Goes on with what was kept, if anything is, and then listens on every address of the settings. Clients can connect
    /// from now on; they are answered once the server [runs](Self::run).
    ///
    /// # Errors
    /// Settings that cannot work together or a key that cannot be used ([`io::ErrorKind::InvalidInput`]), an address that cannot be listened
    /// on, or what was kept cannot be read; one line that says which and what to do.
    pub fn bind(settings: Settings) -> io::Result<Self> {
        let storage = |settings: &Settings| match (&settings.storage.data_dir, &settings.storage.state_file) {
            (Some(directory), _) => {
                Storage::open(settings, directory).map(|(storage, starts)| (Some(storage), starts))
            }
            (None, Some(file)) => Ok((None, storage::load_state(file, settings.gateway.shards)?)),
            (None, None) => Ok((None, vec![])),
        };
        Self::bind_with(settings, storage)
    }

    /// The same, with what was kept from wherever `recover` has it.
    pub(crate) fn bind_with(
        mut settings: Settings,
        recover: impl FnOnce(&Settings) -> io::Result<(Option<Storage>, Vec<Start>)>,
    ) -> io::Result<Self> {
        let mistake = |problem: String| io::Error::new(io::ErrorKind::InvalidInput, problem);
        settings.check().map_err(mistake)?;
        let verifier = settings.identity.verifier().map_err(mistake)?;
        settings.gateway.verify_tokens = verifier.is_some();
        // An address that is taken is found out before there is a new life of the data directory; who comes before that has
        // begun is turned away, instead of waiting for an answer.
        let ports = settings.driver.listen.iter().copied().map(Port::bind).collect::<io::Result<Vec<_>>>()?;
        let uploads = Uploads::open(&settings.uploads)?;
        let (storage, starts) = recover(&settings)?;
        let listeners = ports.into_iter().map(Port::listen).collect::<io::Result<Vec<_>>>()?;
        let addresses = listeners.iter().map(StdTcpListener::local_addr).collect::<io::Result<_>>()?;
        Ok(Self { settings, verifier, storage, uploads, starts, listeners, addresses })
    }

    /// Where it listens, in the order of the settings, with the ports that were found.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `shutdown` is done; then lets connections go in batches, for `drain_timeout` at most. Needs a
    /// tokio runtime with I/O and time, of either kind; connections live on threads of the server's own.
    ///
    /// While it drains it still answers HTTP, so that whoever asks `/readyz` learns of it, but opens no WebSockets.
    ///
    /// # Errors
    /// A thread or its runtime cannot be made.
    ///
    /// # Panics
    /// When a gateway thread has panicked, with its panic.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        self.run_after(async |_| Ok(()), shutdown).await
    }

    /// The same, with something to be done between the start of the threads and that of the first client.
    ///
    /// # Errors
    /// As above, and what `first` returns.
    pub(crate) async fn run_after(
        self,
        first: impl AsyncFnOnce(Arc<Shared>) -> io::Result<()>,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let drain_timeout = self.settings.driver.drain_timeout;
        let listeners =
            self.listeners.into_iter().map(TcpListener::from_std).collect::<io::Result<Vec<_>>>()?;
        let mut threads =
            Threads::start(self.settings, self.verifier, self.uploads, self.storage, self.starts)?;
        let shared = Arc::clone(&threads.shared);
        if let Some(file) = &shared.settings.storage.state_file {
            storage::forget_state(file)?;
        }
        if let Err(error) = first(Arc::clone(&shared)).await {
            shared.drain(drain_timeout).await;
            threads.stop().await?;
            return Err(error);
        }
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn(accept(listener, Arc::clone(&shared)));
        }
        if let Some(uploads) = &shared.uploads {
            accepting.spawn(uploads::keep_tidy(Arc::clone(uploads), Arc::clone(&shared)));
        }
        let drained = async {
            shutdown.await;
            shared.drain(drain_timeout).await;
        };
        tokio::select! {
            () = pin!(drained) => {}
            () = threads.any_ended() => {}
        }
        drop(accepting);
        threads.stop().await
    }
}

impl Shared {
    fn new(
        settings: Settings,
        verifier: Option<Verifier>,
        uploads: Option<Arc<Uploads>>,
        disk: Option<Figures>,
        threads: Vec<mpsc::Sender<Command>>,
    ) -> Self {
        Self {
            backlog: Backlog::new(settings.storage.backlog_bytes_max),
            disk,
            settings,
            verifier,
            uploads,
            draining: AtomicBool::new(false),
            live: AtomicUsize::new(0),
            clients: AtomicUsize::new(0),
            fan_out: metrics::fan_out_histogram(),
            threads,
        }
    }

    /// Lets the program that embeds the server speak, on the first thread.
    pub(crate) async fn embed(&self, embassy: Embassy) {
        // A thread that has ended panicked: `Threads::stop` tells.
        let _ = self.threads[0].send(Command::Embed(embassy)).await;
    }

    /// The metrics page, from what every thread says of itself.
    pub(crate) async fn metrics(&self) -> String {
        let snapshots: Vec<Snapshot> = self.ask_all(Command::Scrape).await;
        let disk = self.disk.as_ref().map(|figures| (figures, self.backlog.bytes() as u64));
        metrics::page(
            &snapshots,
            &self.fan_out,
            disk,
            self.uploads.as_deref(),
            self.draining.load(Ordering::Relaxed),
        )
    }

    /// Those of some rooms that are on no thread: none, while one of the threads does not say.
    pub(crate) async fn gone(&self, rooms: Arc<[RoomName]>) -> BTreeSet<RoomName> {
        let there: Vec<Vec<RoomName>> =
            self.ask_all(|answer| Command::Find(Arc::clone(&rooms), answer)).await;
        if there.len() < self.threads.len() {
            return BTreeSet::new();
        }
        let there: BTreeSet<_> = there.into_iter().flatten().collect();
        rooms.iter().filter(|room| !there.contains(*room)).cloned().collect()
    }

    /// Lets all connections go and waits until they are gone, but not for ever.
    async fn drain(&self, at_most: Duration) {
        let live = || self.live.load(Ordering::Relaxed);
        self.draining.store(true, Ordering::Relaxed);
        info!(live = live(), "draining");
        if timeout(at_most, self.ask_all(Command::Drain)).await.is_err() {
            warn!(live = live(), "connections are left: ending without them");
        }
    }

    /// Asks every thread, then collects the answers; a thread that has ended gives none.
    async fn ask_all<T>(&self, question: impl Fn(oneshot::Sender<T>) -> Command) -> Vec<T> {
        let mut asked = Vec::with_capacity(self.threads.len());
        self.tell_all(|| {
            let (answer, answered) = oneshot::channel();
            asked.push(answered);
            question(answer)
        })
        .await;
        let mut answers = Vec::with_capacity(asked.len());
        for answered in asked {
            answers.extend(answered.await);
        }
        answers
    }

    async fn tell_all(&self, mut command: impl FnMut() -> Command) {
        for thread in &self.threads {
            // One that has ended panicked: `Threads::stop` tells.
            let _ = thread.send(command()).await;
        }
    }
}

/// The gateway threads; they are told to end when this is dropped.
struct Threads {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<io::Result<BTreeMap<ShardId, Shard>>>>,
    /// The disk thread, and what it is told in the end.
    disk: Option<(JoinHandle<io::Result<()>>, Sender<Job>)>,
    capture: Option<Capture>,
    /// Holds something when a thread has ended, however it ended.
    ended: mpsc::Receiver<()>,
}

impl Threads {
    fn start(
        settings: Settings,
        verifier: Option<Verifier>,
        uploads: Option<Arc<Uploads>>,
        storage: Option<Storage>,
        starts: Vec<Start>,
    ) -> io::Result<Self> {
        let nodes = settings.driver.threads;
        let clock = Clock::after(Start::latest(&starts));
        let incarnation = rand::random::<u64>() >> 16;
        let gateway = Arc::new(settings.gateway.clone());
        let shard = settings.shard_limits();
        let seeds: Vec<[u8; 32]> = (0..nodes).map(|_| rand::random()).collect();
        let head = Head {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            incarnation,
            gateway: settings.gateway.clone(),
            shard: shard.clone(),
            seeds: seeds.clone(),
            key: None,
            durability: None,
            lost: false,
            begun: 0,
        };
        let capture = Capture::begin(&settings.capture, head, &starts)?;
        let (commanders, commands): (Vec<_>, Vec<_>) =
            (0..nodes).map(|_| mpsc::channel(COMMANDS_MAX)).unzip();
        let (mailboxes, mail): (Vec<_>, Vec<_>) = (0..nodes).map(|_| mpsc::unbounded_channel()).unzip();
        let (confirmers, stored): (Vec<_>, Vec<_>) = (0..nodes).map(|_| mpsc::unbounded_channel()).unzip();
        let (ending, ended) = mpsc::channel(1);
        let figures = storage.as_ref().map(Storage::figures);
        let shared = Arc::new(Shared::new(settings, verifier, uploads, figures, commanders));
        let mut starts: BTreeMap<_, _> = (0..).map(ShardId).zip(starts).collect();
        let disk = match storage {
            Some(storage) => Some(start_disk(storage, clock, confirmers, Ending(ending.clone()))?),
            None => None,
        };
        let jobs = disk.as_ref().map(|(_, jobs)| jobs.clone());
        let mut threads = Self { shared: Arc::clone(&shared), handles: Vec::new(), disk, capture, ended };
        for ((((index, commands), mail), stored), seed) in
            (0..).zip(commands).zip(mail).zip(stored).zip(seeds)
        {
            let node = NodeConfig {
                index,
                nodes,
                incarnation,
                gateway: Arc::clone(&gateway),
                shard: shard.clone(),
                seed,
                replicated: false,
            };
            let seat = Seat {
                shared: Arc::clone(&shared),
                clock,
                node,
                commands,
                mail,
                mailboxes: mailboxes.clone(),
                starts: starts.extract_if(.., |shard, _| shard.0 % nodes == index).collect(),
                disk: jobs.clone(),
                stored,
                tape: threads.capture.as_ref().map(Capture::tape),
            };
            let ending = Ending(ending.clone());
            let run = move || {
                let _ending = ending;
                seat.run()
            };
            threads.handles.push(thread::Builder::new().name(format!("gateway-{index}")).spawn(run)?);
        }
        Ok(threads)
    }

    /// Waits until a thread ends; none should before it is told to.
    async fn any_ended(&mut self) {
        self.ended.recv().await;
    }

    /// Ends all threads and passes on what went wrong in one.
    async fn stop(mut self) -> io::Result<()> {
        self.shared.tell_all(|| Command::Stop).await;
        let mut shards = BTreeMap::new();
        for handle in mem::take(&mut self.handles) {
            shards.extend(handle.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?);
        }
        if let Some(capture) = self.capture.take() {
            capture.end();
        }
        if let Some(file) = &self.shared.settings.storage.state_file {
            storage::leave_state(file, shards)?;
        }
        if let Some((handle, jobs)) = self.disk.take() {
            // One that has ended could not write, and says so.
            let _ = jobs.send(Job::End);
            handle.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
        }
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for thread in &self.shared.threads {
            // One that has ended needs no telling.
            let _ = thread.try_send(Command::Stop);
        }
    }
}

fn start_disk(
    storage: Storage,
    clock: Clock,
    stored: Vec<mpsc::UnboundedSender<(ShardId, u64)>>,
    ending: Ending,
) -> io::Result<(JoinHandle<io::Result<()>>, Sender<Job>)> {
    let (sender, jobs) = channel();
    let run = move || {
        let _ending = ending;
        storage.serve(Desk { clock, jobs, stored })
    };
    Ok((thread::Builder::new().name("disk".to_owned()).spawn(run)?, sender))
}

/// Tells that a thread ends, a panicking one too.
struct Ending(mpsc::Sender<()>);

impl Drop for Ending {
    fn drop(&mut self) {
        // A full channel already holds the news.
        let _ = self.0.try_send(());
    }
}

/// An address that is ours, and at which nobody is let in yet.
struct Port {
    address: SocketAddr,
    socket: Socket,
}

impl Port {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let bound = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            // A restarted server must not wait for its old connections to be forgotten.
            #[cfg(not(windows))]
            socket.set_reuse_address(true)?;
            if address.is_ipv6() {
                socket.set_only_v6(true)?;
            }
            socket.bind(&address.into())?;
            Ok(socket)
        };
        bound().map(|socket| Self { address, socket }).map_err(cannot_listen(address))
    }

    fn listen(self) -> io::Result<StdTcpListener> {
        let Self { address, socket } = self;
        let listens = socket.listen(BACKLOG).and_then(|()| socket.set_nonblocking(true));
        listens.map(|()| socket.into()).map_err(cannot_listen(address))
    }
}

fn cannot_listen(address: SocketAddr) -> impl FnOnce(io::Error) -> io::Error {
    move |error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => {
                ": end the program that uses it, or choose another with --port or --listen"
            }
            io::ErrorKind::PermissionDenied => ": choose a port above 1023 with --port or --listen",
            _ => "",
        };
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}{advice}"))
    }
}

/// Deals connections to the threads in turn. Ends when they do.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    for thread in shared.threads.iter().cycle() {
        let (tcp, peer) = loop {
            match listener.accept().await.and_then(|(tcp, peer)| Ok((tcp.into_std()?, peer))) {
                Ok(accepted) => break accepted,
                Err(error) if is_peers_fault(&error) => {}
                Err(error) => {
                    warn!(%error, "cannot accept connections");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        };
        if thread.send(Command::Serve(tcp, peer)).await.is_err() {
            return;
        }
    }
}

/// Whether the connection was lost before it was accepted, which is no reason to pause.
fn is_peers_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

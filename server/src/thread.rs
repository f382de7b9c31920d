//! One gateway thread: a runtime of its own, a hub, and the tasks that feed it.

use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, TcpStream as StdTcpStream},
    rc::Rc,
    sync::{Arc, mpsc::Sender},
};

use chinwag_core::{RoomName, Shard, ShardId, redact::Redactor};
use chinwag_journal::{Mail, Node, NodeConfig, Start, capture::Tape};
use socket2::SockRef;
use tokio::{
    net::TcpStream,
    runtime::{Builder, LocalOptions},
    sync::{mpsc, oneshot},
    task::spawn_local,
};
use tracing::debug;

use crate::{
    clock::Clock, http, hub::Hub, manager::Embassy, metrics::Snapshot, server::Shared,
    settings::DriverConfig, storage::Job,
};

/// Mails handled before other tasks have their turn.
const MAILS_PER_TURN: usize = 64;
/// Sockets that are read before what came of that is written: under load, all that are ready. Runtimes look for more
/// after every 61 tasks unless told; then who becomes ready later is read before others are written to, or a round of
/// writing begins when few were read: both make rounds longer, and everybody waits for two of them.
const SOCKETS_PER_TURN: u32 = 4_096;

/// What the rest of the process asks of a thread.
pub(crate) enum Command {
    /// Serve this socket.
    Serve(StdTcpStream, SocketAddr),
    /// Let the program speak.
    Embed(Embassy),
    /// Say what you have counted.
    Scrape(oneshot::Sender<Snapshot>),
    /// Say which of these rooms are yours.
    Find(Arc<[RoomName]>, oneshot::Sender<Vec<RoomName>>),
    /// Tell all connections to go, and say when they are gone.
    Drain(oneshot::Sender<()>),
    /// End, and drop what is still there.
    Stop,
}

/// All a thread starts with.
pub(crate) struct Seat {
    /// What all threads share.
    pub(crate) shared: Arc<Shared>,
    /// The process's clock.
    pub(crate) clock: Clock,
    /// What its node is made from.
    pub(crate) node: NodeConfig,
    /// From the accept loop and others.
    pub(crate) commands: mpsc::Receiver<Command>,
    /// From other nodes.
    pub(crate) mail: mpsc::UnboundedReceiver<(u32, Mail)>,
    /// To the nodes, by index.
    pub(crate) mailboxes: Vec<mpsc::UnboundedSender<(u32, Mail)>>,
    /// What its shards begin with: none if they begin anew.
    pub(crate) starts: BTreeMap<ShardId, Start>,
    /// To the disk thread, if there is one.
    pub(crate) disk: Option<Sender<Job>>,
    /// From the disk thread.
    pub(crate) stored: mpsc::UnboundedReceiver<(ShardId, u64)>,
    /// Where its node writes down what comes in, if it does.
    pub(crate) tape: Option<(Tape, Redactor)>,
}

impl Seat {
    /// Runs until [`Command::Stop`]. Returns what its shards know in the end.
    ///
    /// # Errors
    /// The runtime cannot be made.
    pub(crate) fn run(self) -> io::Result<BTreeMap<ShardId, Shard>> {
        let mut runtime = Builder::new_current_thread();
        runtime.event_interval(SOCKETS_PER_TURN).max_io_events_per_tick(SOCKETS_PER_TURN as usize);
        let runtime = runtime.enable_all().build_local(LocalOptions::default())?;
        Ok(runtime.block_on(self.serve()))
    }

    async fn serve(self) -> BTreeMap<ShardId, Shard> {
        let Self { shared, clock, node, mut commands, mail, mailboxes, mut starts, disk, stored, tape } =
            self;
        let now = clock.now();
        let mut node = Node::resume(node, now, |id| starts.remove(&id).unwrap_or_else(Start::anew));
        if let Some((tape, redactor)) = tape {
            node.record(tape, Some(redactor), now);
        }
        let hub = Rc::new(Hub::new(shared, clock, node, mailboxes, disk));
        hub.begin();
        spawn_local(deliver(Rc::clone(&hub), mail));
        spawn_local(confirm(Rc::clone(&hub), stored));
        let timer = Rc::clone(&hub);
        spawn_local(async move { timer.keep_time().await });
        let writer = Rc::clone(&hub);
        spawn_local(async move { writer.keep_writing().await });
        let reader = Rc::clone(&hub);
        spawn_local(async move { reader.keep_reading().await });
        while let Some(command) = commands.recv().await {
            match command {
                Command::Serve(tcp, peer) => serve_socket(&hub, tcp, peer),
                Command::Embed(embassy) => drop(spawn_local(embassy.run(Rc::clone(&hub)))),
                // Whoever asked may have given up; that is no concern of ours.
                Command::Scrape(answer) => drop(answer.send(hub.snapshot())),
                Command::Find(rooms, answer) => drop(answer.send(hub.find(&rooms))),
                Command::Drain(done) => {
                    let hub = Rc::clone(&hub);
                    spawn_local(async move {
                        hub.drain().await;
                        let _ = done.send(());
                    });
                }
                Command::Stop => break,
            }
        }
        hub.store_rest();
        hub.take_shards()
    }
}

/// Hands mail to the node, a batch at a time.
async fn deliver(hub: Rc<Hub>, mut mail: mpsc::UnboundedReceiver<(u32, Mail)>) {
    let mut batch = Vec::with_capacity(MAILS_PER_TURN);
    while mail.recv_many(&mut batch, MAILS_PER_TURN).await > 0 {
        batch.drain(..).for_each(|(from, mail)| hub.mail(from, mail));
        tokio::task::yield_now().await;
    }
}

/// Tells the node what is stored.
async fn confirm(hub: Rc<Hub>, mut stored: mpsc::UnboundedReceiver<(ShardId, u64)>) {
    while let Some((shard, last)) = stored.recv().await {
        hub.stored(shard, last);
    }
}

fn serve_socket(hub: &Rc<Hub>, tcp: StdTcpStream, peer: SocketAddr) {
    let driver = &hub.shared.settings.driver;
    if hub.http_connections.get() >= driver.http_connections_max {
        debug!(%peer, "too many sockets that are no WebSocket: dropped");
        return;
    }
    match prepare(&tcp, driver).and_then(|()| TcpStream::from_std(tcp)) {
        Ok(tcp) => drop(spawn_local(http::serve(Rc::clone(hub), tcp, peer))),
        Err(error) => debug!(%peer, %error, "socket lost before it was served"),
    }
}

/// Makes backpressure act in our outbox and not in the kernel's buffers, and small frames leave at once.
fn prepare(tcp: &StdTcpStream, driver: &DriverConfig) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    if let Some(bytes) = driver.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if let Some(bytes) = driver.notsent_bytes {
        // Sandboxes that lack the option can do without it.
        if let Err(error) = socket.set_tcp_notsent_lowat(bytes) {
            debug!(%error, "no TCP_NOTSENT_LOWAT here");
        }
    }
    Ok(())
}

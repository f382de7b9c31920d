//! A network between client and server that the test can break: a TCP proxy.

use std::{
    future::pending,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
};

/// What happens to a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// Bytes flow.
    Flows,
    /// Bytes wait; nothing is lost yet.
    Stalls,
    /// Both ends are reset, and what was under way is lost.
    Cut,
    /// The client's end is reset; the server's stays open and never hears another byte.
    HalfOpen,
}

/// A network to one server.
pub(crate) struct Network {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    links: Links,
    open: watch::Sender<bool>,
    accepting: AbortHandle,
}

/// What is decided about every connection there has been.
type Links = Arc<Mutex<Vec<watch::Sender<Fate>>>>;

impl Network {
    /// A network in which everything flows.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let links = Links::default();
        let open = watch::Sender::new(true);
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&links), open.subscribe()));
        Self { address, links, open, accepting: accepting.abort_handle() }
    }

    /// Decides on all connections there are now. Those that come later flow.
    pub(crate) fn decide(&self, fate: Fate) {
        for link in self.links.lock().unwrap().iter() {
            link.send_replace(fate);
        }
    }

    /// Lets nobody connect: whoever tries has to wait.
    pub(crate) fn close(&self) {
        self.open.send_replace(false);
    }

    /// Lets people connect again, those who wait too.
    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.links.lock().unwrap().len()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, links: Links, mut open: watch::Receiver<bool>) {
    // Connections end with the network.
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        open.wait_for(|open| *open).await.expect("the network lives as long as this task");
        let fate = watch::Sender::new(Fate::Flows);
        connections.spawn(carry(client, server, fate.subscribe()));
        links.lock().unwrap().push(fate);
    }
}

/// Carries bytes both ways until one end closes or the connection's fate is an end.
async fn carry(mut client: TcpStream, server: SocketAddr, mut fate: watch::Receiver<Fate>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (client_in, client_out) = client.split();
    let (server_in, server_out) = server.split();
    let (there, back) = (fate.clone(), fate.clone());
    let end = tokio::select! {
        () = pump(client_in, server_out, there) => Fate::Flows,
        () = pump(server_in, client_out, back) => Fate::Flows,
        end = fate.wait_for(|fate| matches!(fate, Fate::Cut | Fate::HalfOpen)) => end.map_or(Fate::Cut, |end| *end),
    };
    if end != Fate::Flows {
        client.set_zero_linger().unwrap();
    }
    drop(client);
    match end {
        Fate::HalfOpen => pending().await,
        Fate::Cut => server.set_zero_linger().unwrap(),
        Fate::Flows | Fate::Stalls => {}
    }
}

/// Carries bytes one way until either end is gone.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut fate: watch::Receiver<Fate>,
) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        let flows = fate.wait_for(|fate| *fate == Fate::Flows).await.is_ok();
        if read == 0 || !flows || to.write_all(&buffer[..read]).await.is_err() {
            // The other way may still hold something, such as the answer to a close frame: its own end will come.
            return;
        }
    }
}

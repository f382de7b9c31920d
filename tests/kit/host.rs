//! A server inside the test's own process.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use chinwag_server::{Server, Settings};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Chat, within};

/// A server of one gateway thread on a free port, unless the test says otherwise. Ends with the test.
pub(crate) struct Host {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    running: JoinHandle<io::Result<()>>,
}

impl Host {
    /// Starts with the default settings, as far as `change` leaves them.
    pub(crate) fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        settings.driver.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        settings.driver.threads = 1;
        // People of tests do not hang up when told to: the server need not wait for it long.
        settings.driver.close_linger = Duration::from_millis(50);
        change(&mut settings);
        let server = Server::bind(settings).expect("the settings are good and the port is free");
        let address = server.local_addrs()[0];
        let (shutdown, told) = oneshot::channel();
        // A test that forgets the sender wants the server gone, too.
        let running = tokio::spawn(server.run(async { drop(told.await) }));
        Self { address, shutdown, running }
    }

    /// A connection that has said nothing yet.
    pub(crate) async fn connect(&self) -> Chat {
        Chat::connect(self.address).await
    }

    /// A connection that has joined a room as specification 0 shows, with what followed read.
    pub(crate) async fn member(&self, user: &str, room: &str) -> Chat {
        let mut chat = self.connect().await;
        chat.join(user, room).await;
        chat
    }

    /// Tells the server to go down.
    pub(crate) fn shut_down(self) -> JoinHandle<io::Result<()>> {
        self.shutdown.send(()).expect("the server runs");
        self.running
    }

    /// Ends it, with everything it holds.
    pub(crate) async fn stop(self) {
        within("the server's end", self.shut_down()).await.unwrap().unwrap();
    }
}

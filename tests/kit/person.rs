//! Core's [`Client`] on a real socket, by the terminal client's [`Driver`].

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chinwag_client::driver::Driver;
use chinwag_core::{
    Client, RoomName, UserName,
    client::{ClientConfig, ClientEvent, Command},
};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::within;

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
        let driver = Driver::start(client, &format!("ws://{address}/chat"));
        let (commands, orders) = mpsc::unbounded_channel();
        let (tell, events) = mpsc::unbounded_channel();
        tokio::spawn(drive(driver, orders, tell));
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

/// Runs until nobody gives orders any more.
async fn drive(
    mut driver: Driver,
    mut orders: mpsc::UnboundedReceiver<Command>,
    tell: mpsc::UnboundedSender<ClientEvent>,
) {
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(command) => {
                    driver.submit(command).expect("tests say little");
                }
                None => return,
            },
            // A test that does not look any more does not want to know.
            Some(event) = driver.next() => drop(tell.send(event)),
        }
    }
}

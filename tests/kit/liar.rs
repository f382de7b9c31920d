//! Something between bots and server that tells them one untruth.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async, tungstenite::Message};

/// What becomes of one delivery of a room's message with this `seq`. All others are made as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lie {
    /// It is not made.
    Drop(u64),
    /// It is made again, as if the same had been said once more.
    Repeat(u64),
}

/// A server that is not to be trusted.
pub(crate) struct Liar {
    /// Where bots connect.
    pub(crate) address: SocketAddr,
    told: Arc<AtomicBool>,
    accepting: AbortHandle,
}

impl Liar {
    /// Speaks for a server, and lies once.
    pub(crate) async fn before(server: SocketAddr, lie: Lie) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&told);
        let accepting = tokio::spawn(async move {
            loop {
                let (bot, _) = listener.accept().await.unwrap();
                tokio::spawn(speak(bot, server, lie, Arc::clone(&shared)));
            }
        });
        Self { address, told, accepting: accepting.abort_handle() }
    }

    /// Whether the lie was told.
    pub(crate) fn has_lied(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Carries messages both ways until one end is gone.
async fn speak(bot: TcpStream, server: SocketAddr, lie: Lie, told: Arc<AtomicBool>) {
    let mut bot = accept_async(bot).await.unwrap();
    let server = TcpStream::connect(server).await.unwrap();
    let (mut server, _) = client_async("ws://server/chat", server).await.unwrap();
    loop {
        let carried = tokio::select! {
            said = bot.next() => match said {
                Some(Ok(message)) => server.send(message).await.is_ok(),
                _ => false,
            },
            said = server.next() => match said {
                Some(Ok(message)) => deliver(&mut bot, message, lie, &told).await,
                _ => false,
            },
        };
        if !carried {
            return;
        }
    }
}

/// Delivers a message, or what is made of it. False when the bot is gone.
async fn deliver(
    bot: &mut WebSocketStream<TcpStream>,
    message: Message,
    lie: Lie,
    told: &AtomicBool,
) -> bool {
    let (Lie::Drop(seq) | Lie::Repeat(seq)) = lie;
    let end = format!(r#","seq":{seq}}}"#);
    let is_meant = matches!(&message, Message::Text(text)
        if text.starts_with(r#"{"type":"message","#) && text.ends_with(&end));
    if !is_meant || told.swap(true, Ordering::Relaxed) {
        return bot.send(message).await.is_ok();
    }
    match lie {
        Lie::Drop(_) => true,
        Lie::Repeat(_) => {
            let text = message.to_text().expect("it is text");
            let again = format!(r#"{},"seq":{}}}"#, text.strip_suffix(&end).expect("it ends so"), seq + 1);
            bot.send(message).await.is_ok() && bot.send(Message::text(again)).await.is_ok()
        }
    }
}

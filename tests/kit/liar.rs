//! Something between bots and server that tells them one untruth.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_tungstenite::{
    WebSocketStream, accept_async, client_async,
    tungstenite::{Error, Message},
};

/// What becomes of one delivery of a room's message with this `seq`. All others are made as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lie {
    /// It is not made.
    Drop(u64),
    /// It is made again, word for word.
    Double(u64),
    /// It is made again, as if the same had been said once more.
    Repeat(u64),
    /// It is made after the next one of the same room.
    Swap(u64),
    /// It names somebody else as its author.
    Author(u64),
    /// It says something else.
    Content(u64),
    /// It is made, and once more as if it had been said in a room that nobody is in.
    Elsewhere(u64),
}

impl Lie {
    const fn seq(self) -> u64 {
        match self {
            Self::Drop(seq)
            | Self::Double(seq)
            | Self::Repeat(seq)
            | Self::Swap(seq)
            | Self::Author(seq)
            | Self::Content(seq)
            | Self::Elsewhere(seq) => seq,
        }
    }

    /// What is delivered in a message's stead.
    fn tell(self, said: &str) -> Vec<String> {
        let truth = said.to_owned();
        let but = |key: &str, value: Value| {
            let mut frame: Value = serde_json::from_str(said).expect("servers speak JSON");
            frame[key] = value;
            frame.to_string()
        };
        match self {
            Self::Drop(_) | Self::Swap(_) => vec![],
            Self::Double(_) => vec![truth.clone(), truth],
            Self::Repeat(seq) => vec![truth, but("seq", (seq + 1).into())],
            Self::Author(_) => vec![but("user", "somebody".into())],
            Self::Content(_) => {
                let end = truth.find(r#"","timestamp":"#).expect("every message has a time");
                vec![format!("{}!{}", &truth[..end], &truth[end..])]
            }
            Self::Elsewhere(_) => vec![truth, but("room", "nowhere".into())],
        }
    }
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

/// One connection of a bot, with the server behind it.
struct Line {
    bot: WebSocketStream<TcpStream>,
    lie: Lie,
    told: Arc<AtomicBool>,
    /// What is to come after the next message.
    withheld: Option<Message>,
}

/// Carries messages both ways until one end is gone.
async fn speak(bot: TcpStream, server: SocketAddr, lie: Lie, told: Arc<AtomicBool>) {
    let bot = accept_async(bot).await.unwrap();
    let server = TcpStream::connect(server).await.unwrap();
    let (mut server, _) = client_async("ws://server/chat", server).await.unwrap();
    let mut line = Line { bot, lie, told, withheld: None };
    loop {
        let carried = tokio::select! {
            said = line.bot.next() => match said {
                Some(Ok(message)) => server.send(message).await.is_ok(),
                _ => false,
            },
            said = server.next() => match said {
                Some(Ok(message)) => line.deliver(message).await.is_ok(),
                _ => false,
            },
        };
        if !carried {
            return;
        }
    }
}

impl Line {
    /// Delivers a message, or what is made of it. Fails when the bot is gone.
    async fn deliver(&mut self, message: Message) -> Result<(), Error> {
        let said = match &message {
            Message::Text(text) if text.starts_with(r#"{"type":"message","#) => text.as_str(),
            _ => return self.bot.send(message).await,
        };
        let is_meant = said.ends_with(&format!(r#","seq":{}}}"#, self.lie.seq()));
        if !is_meant || self.told.swap(true, Ordering::Relaxed) {
            self.bot.send(message).await?;
            return match self.withheld.take() {
                Some(withheld) => self.bot.send(withheld).await,
                None => Ok(()),
            };
        }
        for frame in self.lie.tell(said) {
            self.bot.send(Message::text(frame)).await?;
        }
        if let Lie::Swap(_) = self.lie {
            self.withheld = Some(message);
        }
        Ok(())
    }
}
